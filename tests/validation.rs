//! The numbers of queueing theory that are known, at the precision of a quick look: every model with a share of its full
//! length. The acceptance run with full lengths is `cargo run --release --example validation`.

#[path = "validation/harness/mod.rs"]
mod harness;
#[path = "validation/load.rs"]
mod load;

use harness::accept::{BEYOND, Finding, Verdict, precision};
use harness::family::Family;
use harness::rows::{self, Row};
use harness::run::{Model, Pass, run};

/// Share of the full length: some 20 million requests.
const SHARE: f64 = 0.02;
/// Standard errors an estimate may be off here. Of some 280 estimates with 39 degrees of freedom one in 13 such passes would
/// have one beyond by chance; the seed is fixed.
const STANDARD_ERRORS: f64 = 4.0;

#[test]
fn every_known_number_is_met_within_the_precision_of_a_fiftieth_of_the_acceptance_run() {
    let rows = rows::all().unwrap();
    let models = run(&rows, Pass { seed: 0, share: SHARE }).unwrap();
    let wrong: Vec<String> = models.iter().flat_map(wrong_in).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let biased: Vec<String> = Family::all(&models).iter().filter(|f| !f.holds()).map(Family::to_string).collect();
    assert!(biased.is_empty(), "{}", biased.join("\n"));
}

/// What a model misses, of those numbers that a short run can tell.
fn wrong_in(model: &Model) -> impl Iterator<Item = String> {
    let Model { scenario, requests, seconds, .. } = model;
    let told = model.found.iter().filter(|(_, finding)| finding.beyond >= BEYOND);
    told.filter(|(row, finding)| !finding.agrees(row, STANDARD_ERRORS)).map(move |(row, finding)| {
        let (off, Row { id, family, model, metric, value, .. }) = (finding.z(row), row);
        let found = format!(
            "{id} {family} ({model}), {metric}: {} instead of {value}, {off:+.1} standard errors",
            finding.estimate
        );
        format!("{found} ({scenario}, {requests} requests in {seconds:.1} s)")
    })
}

#[test]
fn no_known_number_is_left_out_without_a_reason() {
    let rows = rows::all().unwrap();
    let silent = |row: &&Row| (row.scenario.is_none() || row.reading.is_none()) && row.note.is_empty();
    let silent: Vec<&str> = rows.iter().filter(silent).map(|row| row.id.as_str()).collect();
    assert!(silent.is_empty() && rows.len() >= 280, "{silent:?}");
}

/// The test of the test: a number that is 5 % off must be refused, a run that is too short must not be believed.
#[test]
fn a_number_that_is_five_percent_off_is_noticed_and_a_short_run_is_not_believed() {
    let rows: Vec<Row> = rows::all().unwrap().into_iter().filter(|row| row.id == "S003" || row.id == "S007").collect();
    let models = run(&rows, Pass { seed: 0, share: SHARE }).unwrap();
    for (row, finding) in models.iter().flat_map(|model| &model.found) {
        let off = Row { value: 1.05 * row.value, ..row.clone() };
        assert_eq!(finding.verdict(&off), Verdict::Wrong, "{} {finding:?}", row.id);
        let short = Finding { error: 1.01 * precision(row), ..finding.clone() };
        assert_eq!(short.verdict(row), Verdict::Vague, "{} {finding:?}", row.id);
    }
}

/// Rows that are all half a standard error high pass one by one; together they must not.
#[test]
fn a_bias_too_small_for_a_single_number_is_noticed_in_the_mean_of_many() {
    let rows: Vec<Row> = rows::all().unwrap().into_iter().filter(|row| row.family == "token bucket").collect();
    let mut models = run(&rows, Pass { seed: 0, share: SHARE }).unwrap();
    assert!(Family::all(&models)[0].holds());
    for (row, finding) in models.iter_mut().flat_map(|model| &mut model.found) {
        finding.estimate += 2.5 * finding.error;
        assert!(finding.agrees(row, STANDARD_ERRORS), "{} {finding:?}", row.id);
    }
    let family = &Family::all(&models)[0];
    assert!(!family.holds(), "{family}");
}

/// Utilisation is load times mean service, whoever is served first.
#[test]
fn stations_are_as_busy_under_sharing_and_priorities_as_the_load_says() {
    let loads = [("ps-exponential", 0.8), ("ps-lognormal", 0.6), ("priority", 0.7), ("priority-preemptive", 0.7)];
    let all = rows::all().unwrap();
    let row = |(scenario, value): (&str, f64)| {
        let row = all.iter().find(|row| row.scenario.as_deref() == Some(scenario)).unwrap();
        Row { value, scale: value, reading: "utilisation at station".parse().ok(), ..row.clone() }
    };
    let models = run(&loads.map(row), Pass { seed: 0, share: SHARE }).unwrap();
    let wrong: Vec<String> = models.iter().flat_map(wrong_in).collect();
    assert!(models.len() == loads.len() && wrong.is_empty(), "{}", wrong.join("\n"));
}

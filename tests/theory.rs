//! The closed forms of `stats::theory` against the known numbers of `tests/validation/cases.csv`.

use gatepath::stats::theory::{Closed, MultiServer, Place, bucket_refusal, cache, pollaczek_khinchine};
use serde_json::Value;

/// A known number and what theory gives for it.
struct Row {
    id: String,
    known: f64,
    computed: f64,
}

#[test]
fn closed_forms_give_the_known_numbers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/validation/cases.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.unwrap();
        let parameters: Value = serde_json::from_str(&record[2]).unwrap();
        if let Some(computed) = computed(&record[1], &Case(parameters), &record[3]) {
            rows.push(Row { id: record[0].to_owned(), known: record[4].parse().unwrap(), computed });
        }
    }
    // Ten digits are printed; a time of zero has none.
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| (row.computed - row.known).abs() > 6e-10 * row.known.abs().max(1e-3))
        .map(|row| format!("{}: {} against {}", row.id, row.computed, row.known))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows.len() >= 85, "only {} rows were looked at", rows.len());
}

/// The parameters of a case.
struct Case(Value);

impl Case {
    fn get(&self, name: &str) -> f64 {
        self.0[name].as_f64().unwrap_or_else(|| panic!("{name} is missing in {}", self.0))
    }

    fn count(&self, name: &str) -> u32 {
        self.get(name) as u32
    }

    fn popularity(&self) -> Vec<f64> {
        let weights: Vec<f64> = (1..=self.count("keys")).map(|k| f64::from(k).powf(-self.get("zipf_s"))).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }
}

/// What theory gives for a metric of a model; nothing for what it has no closed form for.
fn computed(model: &str, case: &Case, metric: &str) -> Option<f64> {
    if model.starts_with("M/M/1 FCFS") && !model.contains("feedback") && !model.contains("retries") {
        let servers = MultiServer { servers: 1, places: None, rate: case.get("lam"), service: 1.0 / case.get("mu") };
        return station(&servers, metric);
    }
    if model == "M/M/c FCFS" {
        let (servers, service) = (case.count("c"), 1.0 / case.get("mu"));
        return station(&MultiServer { servers, places: None, rate: case.get("lam"), service }, metric);
    }
    if model.starts_with("M/M/c/K") {
        let (servers, places) = (case.count("c"), case.count("K") - case.count("c"));
        let of = MultiServer { servers, places: Some(places), rate: case.get("lam"), service: 1.0 / case.get("mu") };
        return station(&of, metric.trim_end_matches("_accepted"));
    }
    if model.starts_with("M/G/c/c") {
        let service = case.get("service_mean");
        let of = MultiServer { servers: case.count("c"), places: Some(0), rate: case.get("lam"), service };
        return station(&of, metric);
    }
    if model == "M/D/1 FCFS" {
        return single(case.get("lam"), case.get("service"), 0.0, metric);
    }
    if model.starts_with("M/G/1 FCFS") {
        let mean = case.get("service_mean");
        let cv2 = case.0.get("service_cv").map_or_else(|| case.get("service_scv"), |cv| cv.as_f64().unwrap().powi(2));
        return single(case.get("lam"), mean, cv2 * mean * mean, metric);
    }
    if model.starts_with("token bucket, continuous") {
        let refused = bucket_refusal(case.get("lam"), case.get("rate"), case.count("burst"));
        return match metric {
            "drop_prob" => Some(refused),
            "throughput" => Some(case.get("lam") * (1.0 - refused)),
            _ => None,
        };
    }
    if model.starts_with("TTL cache") && metric == "hit_ratio" {
        let (popularity, rate, ttl) = (case.popularity(), case.get("lam_total"), case.get("ttl"));
        return Some(match model.contains("renewed at every hit") {
            true => cache::ttl_renewed(&popularity, rate, ttl),
            false => cache::ttl(&popularity, rate, ttl),
        });
    }
    if metric == "hit_ratio_che" {
        return Some(cache::che(&case.popularity(), case.count("capacity")));
    }
    if model.starts_with("closed") {
        return closed(case, metric);
    }
    None
}

fn station(of: &MultiServer, metric: &str) -> Option<f64> {
    let finite = of.places.is_some();
    let quantile = |text: &str| text.parse::<f64>().ok().map(|percent| percent / 100.0);
    Some(match metric {
        "util" => of.utilisation(),
        "prob_wait" => of.waits(),
        "wait_mean" => of.mean_wait(),
        "resp_mean" => of.mean_wait() + of.service,
        "loss_prob" => of.refused(),
        "throughput" => of.rate * (1.0 - of.refused()),
        "num_mean" => of.rate * (1.0 - of.refused()) * (of.mean_wait() + of.service),
        _ => match metric.split_once("_p") {
            Some(("wait", p)) => of.wait_quantile(quantile(p)?),
            Some(("resp", p)) if !finite => of.response_quantile(quantile(p)?),
            _ => return None,
        },
    })
}

fn single(rate: f64, mean: f64, variance: f64, metric: &str) -> Option<f64> {
    match metric {
        "wait_mean" => Some(pollaczek_khinchine(rate, mean, variance)),
        "resp_mean" => Some(pollaczek_khinchine(rate, mean, variance) + mean),
        _ => None,
    }
}

fn closed(case: &Case, metric: &str) -> Option<f64> {
    let places: Vec<Place> = match case.0["D"].as_array() {
        Some(demands) => demands.iter().map(|d| Place { servers: 1, demand: d.as_f64().unwrap() }).collect(),
        None => vec![Place { servers: case.count("c"), demand: 1.0 / case.get("mu") }],
    };
    let of = Closed::of(case.count("N"), case.get("Z"), &places);
    Some(match metric {
        "throughput" => of.throughput,
        "resp_mean" => of.response,
        "util" => of.throughput * places[0].demand / f64::from(places[0].servers),
        "util_max" => of.throughput * places.iter().map(|place| place.demand).fold(0.0, f64::max),
        _ => of.present[metric.strip_prefix("num_mean_station")?.parse::<usize>().ok()? - 1],
    })
}

// ---- theory beside simulation ----

use gatepath::exec::Executor;
use gatepath::scenario::load_bytes;
use gatepath::study::replicate::sample;
use gatepath::study::theory::{Compared, Quantity};
use gatepath::study::{Beside, Case as Study, Finding};
use std::path::Path;

fn finding(text: &str) -> Finding {
    let scenario = load_bytes("test", "test.yaml", text.as_bytes(), Path::new(""), &[]);
    let case = Study::new("test", scenario.unwrap_or_else(|(problems, _)| panic!("{problems:?}")));
    Finding::of(&case, &sample(&case, Executor::Auto))
}

fn of<'a>(finding: &'a Finding, name: &str) -> &'a Beside {
    let names: Vec<&str> = finding.theory.iter().map(|beside| beside.name.as_str()).collect();
    finding.theory.iter().find(|beside| beside.name == name).unwrap_or_else(|| panic!("{name} is not in {names:?}"))
}

/// The closed form of a resource and whether all its values agree with the simulation.
fn model(finding: &Finding, name: &str) -> (String, bool, usize) {
    match &of(finding, name).model {
        Ok(model) => (model.name.clone(), model.values.iter().all(|value| value.agrees), model.values.len()),
        Err(reason) => panic!("{name}: {reason}"),
    }
}

fn reason(path: &str) -> String {
    let traffic = "traffic: {arrivals: poisson, rate: 300/s, duration: 20 s}";
    let finding = finding(&format!("{traffic}\npath:\n{path}\nrun: {{replications: 4}}\n"));
    match &of(&finding, "app").model {
        Err(reason) => reason.clone(),
        Ok(model) => panic!("{} stands beside {path}", model.name),
    }
}

const POISSON: &str = "traffic: {arrivals: poisson, rate: 100/s, duration: 4000 s}\n";
const APP: &str = "  - station: {name: app, servers: 4, service: {exponential: {mean: 10 ms}}, queue: unlimited}";

#[test]
fn a_queue_agrees_with_its_closed_form_and_a_planted_error_of_five_percent_does_not() {
    let finding = finding(&format!(
        "{POISSON}path:\n  - delay: {{time: {{exponential: {{mean: 50 ms}}}}}}\n  - fail: {{share: 20%}}\n  - station: \
         {{name: app, servers: 1, service: {{exponential: {{mean: 10 ms}}}}, queue: unlimited}}\n"
    ));
    assert_eq!(model(&finding, "app"), ("M/M/1 at 80 /s".to_owned(), true, 4));
    for value in &of(&finding, "app").model.as_ref().unwrap().values {
        let planted = Compared::of(value.quantity, value.exact * 1.05, value.simulated, 0.95);
        assert!(!planted.agrees || value.quantity == Quantity::WaitP99, "{planted:?}");
    }
}

#[test]
fn closed_forms_stand_beside_what_they_are_for() {
    let with = |path: &str| finding(&format!("{POISSON}path:\n{path}\n"));
    let bucket = with("  - bucket: {name: limit, rate: 95/s, burst: 20}");
    assert_eq!(model(&bucket, "limit"), ("M/D/1/20 at 100 /s".to_owned(), true, 1));
    let loss = with("  - station: {name: app, servers: 2, service: 15 ms, queue: 0}");
    assert_eq!(model(&loss, "app"), ("M/G/2/2 at 100 /s".to_owned(), true, 2));
    let constant = with("  - station: {name: app, servers: 1, service: 8 ms, queue: unlimited}");
    assert_eq!(model(&constant, "app"), ("M/D/1 at 100 /s".to_owned(), true, 3));
    let tandem = with(&format!("{APP}\n{}", APP.replace("app", "db")));
    assert_eq!(model(&tandem, "db"), ("M/M/4 at 100 /s".to_owned(), true, 4));
    let targets = with(
        "  - balancer: {policy: random}\n  - station: {name: app, targets: 2, servers: 1, service: {exponential: \
         {mean: 15 ms}}, queue: unlimited}",
    );
    assert_eq!(model(&targets, "app"), ("M/M/1 at 100 /s, 2 targets".to_owned(), true, 4));
    let users = finding(
        "traffic: {users: 30, think: {exponential: {mean: 1 s}}, duration: 2000 s}\npath:\n  - station: {name: app, \
         servers: 1, service: {exponential: {mean: 30 ms}}, queue: unlimited}\n",
    );
    assert_eq!(model(&users, Beside::PATH), ("closed network of 30 users".to_owned(), true, 2));
}

#[test]
fn caches_stand_beside_the_popularity_of_their_keys() {
    let text = |cache: &str| {
        format!(
            "traffic: {{arrivals: poisson, rate: 1000/s, duration: 200 s, classes: [{{name: a, keys: {{count: 100, \
             zipf: 0.8}}}}]}}\npath:\n  - cache: {{name: edge, {cache}, fill: at_once}}\n  - delay: {{time: 1 ms}}\n"
        )
    };
    for (cache, name) in [
        ("capacity: 10", "Che's approximation, 10 entries"),
        ("ttl: 100 ms", "fixed lives"),
        ("ttl: 100 ms, renew: true", "renewed lives"),
    ] {
        assert_eq!(model(&finding(&text(cache)), "edge"), (name.to_owned(), true, 1));
    }
}

#[test]
fn an_assumption_that_fails_is_named() {
    let cases = [
        (format!("  - bucket: {{name: limit, rate: 100/s, burst: 5}}\n{APP}"), "`limit` turns requests away before"),
        (
            "  - station: {name: app, servers: 4, service: 8 ms, queue: unlimited}".to_owned(),
            "service is not exponential, and there are 4 servers",
        ),
        (
            format!("  - station: {{name: db, servers: 2, service: 5 ms, queue: unlimited}}\n{APP}"),
            "they have queued at `db`, whose service is not exponential",
        ),
        (
            format!(
                "  - retry: {{attempts: 3, on: [500], backoff: fixed, base: 1 ms}}\n  - fail: {{share: 10%}}\n{APP}"
            ),
            "come again",
        ),
        (APP.replace("queue", "patience: 10 ms, queue").replace("servers: 4", "servers: 3"), "lose patience"),
        (APP.replace("servers: 4", "servers: 3").replace("10 ms", "10.5 ms"), "there is no steady state"),
        (
            format!("  - balancer: {{policy: round_robin}}\n{}", APP.replace("servers: 4", "targets: 4, servers: 1")),
            "takes targets in turn",
        ),
    ];
    for (path, expected) in cases {
        let reason = reason(&path);
        assert!(reason.contains(expected), "{path}: {reason}");
    }
    let finding = finding(&format!("traffic: {{arrivals: constant, rate: 100/s, duration: 20 s}}\npath:\n{APP}\n"));
    let Err(reason) = &of(&finding, "app").model else { panic!("evenly spaced arrivals are no Poisson stream") };
    assert!(reason.contains("requests arrive evenly"), "{reason}");
}

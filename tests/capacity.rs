//! Capacity searches against what theory says, and what they name as the limit.

use gatepath::exec::Executor;
use gatepath::scenario::{Field, Objective, load_bytes};
use gatepath::stats::theory::MultiServer;
use gatepath::study::Case;
use gatepath::study::capacity::{Capacity, CapacityError, End, Question, Runner, search};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Searches over a field of a scenario, from the value given.
fn find(text: &str, path: &str, from: &str, objectives: &[&str], precision: f64) -> Result<Capacity, CapacityError> {
    let field = Field::parse(path, from).unwrap();
    let setting = field.clone();
    let cases = move |value: f64| {
        let sets = [setting.setting(value)];
        load_bytes("test", "test.yaml", text.as_bytes(), Path::new(""), &sets)
            .map(|scenario| Case::new("test", scenario))
            .map_err(|(problems, _)| format!("{problems:?}"))
    };
    let question = Question {
        field,
        objectives: objectives.iter().map(|text| Objective::parse(text).unwrap()).collect(),
        end: None,
        within: (0.0, f64::MAX),
        precision,
        confidence: 0.95,
        replications: 10,
        most: 160,
    };
    let never = AtomicBool::new(false);
    let runner = Runner { executor: Executor::Auto, threads: 2, cancel: &never };
    search(&question, &cases, runner, &|_| {})
}

const STATION: &str = "traffic: {arrivals: poisson, rate: 100/s, duration: 400 s}\n\
    path:\n  - station: {name: app, servers: 4, service: {exponential: {mean: 20 ms}}, queue: unlimited}\n";

#[test]
fn the_capacity_of_a_station_for_a_p99_bound_lies_within_one_percent_of_the_exact_value() {
    // M/M/4 with a mean service of 20 ms: the rate at which 99 % of the responses stay below 150 ms.
    let p99 = |rate: f64| MultiServer { servers: 4, places: None, rate, service: 0.02 }.response_quantile(0.99);
    let (mut low, mut high) = (100.0, 199.9);
    while high - low > 1e-9 {
        let middle = 0.5 * (low + high);
        if p99(middle) < 0.15 { low = middle } else { high = middle }
    }
    let found = find(STATION, "traffic.rate", "100/s", &["p99 < 150 ms"], 0.005).unwrap();
    let (good, bad) = (found.good.unwrap(), found.bad.unwrap());
    assert_eq!((found.end, found.binding.as_deref()), (End::Highest, Some("p99 < 150 ms")));
    assert!(good <= low && low <= bad, "{low} lies outside {good} to {bad}");
    for value in [good, bad, found.estimate.unwrap()] {
        assert!((value / low - 1.0).abs() < 0.01, "{value} against {low}");
    }
    assert_eq!(found.limits()[0].name, "app");
}

#[test]
fn the_fewest_servers_are_found_as_theory_counts_them() {
    // 1000/s of 20 ms each: 23 servers take 22.8 ms, 24 take 21.3 ms.
    let mean = |servers| {
        let of = MultiServer { servers, places: None, rate: 1000.0, service: 0.02 };
        of.mean_wait() + of.service
    };
    let fewest = 24;
    assert!(mean(fewest - 1) > 0.0225 && mean(fewest) < 0.0217, "{} {}", mean(fewest - 1), mean(fewest));
    let text = STATION.replace("100/s, duration: 400 s", "1000/s, duration: 60 s");
    let found = find(&text, "path.app.servers", "4", &["mean < 22 ms"], 0.01).unwrap();
    assert_eq!((found.end, found.good, found.bad), (End::Lowest, Some(f64::from(fewest)), Some(f64::from(fewest - 1))));
}

#[test]
fn a_planted_limit_is_named_first_and_the_next_behind_it() {
    let planted = [
        ("  - bucket: {name: quota, rate: 150/s, burst: 20}\n", "errors < 1%", "quota", "app"),
        ("  - station: {name: db, servers: 1, service: {exponential: {mean: 6 ms}}}\n", "p99 < 400 ms", "db", "app"),
        ("  - pool: {name: permits, size: 3}\n", "p99 < 400 ms", "permits", "app"),
    ];
    for (stage, objective, first, second) in planted {
        let text = STATION.replace("path:\n", &format!("path:\n{stage}")).replace("400 s", "100 s");
        let found = find(&text, "traffic.rate", "50/s", &["mean < 10 s", objective], 0.02).unwrap();
        let names: Vec<&str> = found.limits().iter().map(|limit| limit.name.split('.').next().unwrap()).collect();
        assert_eq!((names[0], names[1]), (first, second), "{names:?}");
        assert_eq!(found.binding.as_deref(), Some(objective));
    }
}

#[test]
fn a_field_that_changes_nothing_and_a_goal_out_of_reach_are_said_to_be_so() {
    let short = STATION.replace("400 s", "20 s");
    let same = find(&short, "run.max_requests", "1000000", &["p99 < 150 ms"], 0.01);
    assert!(matches!(same, Err(CapacityError::Indifferent(field)) if field == "run.max_requests"));
    let never = find(&short, "traffic.rate", "100/s", &["mean < 1 ms"], 0.01).unwrap();
    assert_eq!(never.good, None);
    assert!(never.bad.is_some());
}

// ---- the cheapest point of a grid ----

use gatepath::study::cheapest::{Cheapest, cheapest};

fn cheapest_of(text: &str, points: &[&[&str]], objectives: &[&str]) -> Cheapest {
    let cases = |point: f64| {
        let sets: Vec<String> = points[point as usize].iter().map(|set| set.to_string()).collect();
        load_bytes("test", "test.yaml", text.as_bytes(), Path::new(""), &sets)
            .map(|scenario| Case::new("test", scenario))
            .map_err(|(problems, _)| format!("{problems:?}"))
    };
    let question = Question {
        field: Field::parse("grid", "1").unwrap(),
        objectives: objectives.iter().map(|text| Objective::parse(text).unwrap()).collect(),
        end: None,
        within: (0.0, f64::MAX),
        precision: 0.01,
        confidence: 0.95,
        replications: 10,
        most: 40,
    };
    let never = AtomicBool::new(false);
    let runner = Runner { executor: Executor::Auto, threads: 2, cancel: &never };
    cheapest(&question, points.len(), &cases, runner, &|_| {}).unwrap()
}

#[test]
fn the_cheapest_point_meets_the_objectives_and_the_front_has_nobody_better_on_both_counts() {
    let text = "traffic: {arrivals: poisson, rate: 200/s, duration: 30 s}\npath:\n  - alb\n  - ecs: {tasks: 1, size: {vcpu: 1, \
                memory: 2 GiB}, workers: 2, service: {exponential: {mean: 20 ms}}}\n";
    let points: [&[&str]; 4] =
        [&["path.ecs.tasks=2"], &["path.ecs.tasks=4"], &["path.ecs.tasks=8"], &["path.ecs.tasks=5"]];
    let found = cheapest_of(text, &points, &["p99 < 250 ms", "errors < 1%"]);
    // Two tasks have four workers for a load of four: they cannot do it. Of the others each task costs.
    let verdicts: Vec<bool> = found.offers.iter().map(|offer| offer.tried.verdict.word() == "met").collect();
    assert_eq!(verdicts, [false, true, true, true]);
    assert!(found.best == Some(1) || found.best == Some(3), "{:?}", found.best);
    let usd = |index: usize| found.offers[index].cost.unwrap().value;
    assert!((1..4).all(|index| usd(found.best.unwrap()) <= usd(index)));
    assert!(found.certain);
    for one in found.offers.iter().filter(|offer| offer.on_front) {
        let better = |other: &&gatepath::study::cheapest::Offer| {
            other.tried.verdict.word() == "met"
                && other.cost.unwrap().value < one.cost.unwrap().value
                && other.p99.value < one.p99.value
        };
        assert!(found.offers.iter().find(better).is_none(), "{one:?}");
    }
    let nobody = cheapest_of(text, &points[..1], &["p99 < 5 ms"]);
    assert_eq!((nobody.best, nobody.certain), (None, false));
}

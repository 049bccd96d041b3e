//! Latency from the intended start and from the send: they part when a client has to wait for its turn or tries again.

use std::fmt::Write;
use std::path::Path;

use gatepath::exec::{Executor, Options, Run, execute};
use gatepath::scenario;
use gatepath::stats::Histogram;
use gatepath::study::Case;
use gatepath::time::Span;

/// One replication of a scenario by all executors, which must agree.
fn run(folder: &Path, text: &str) -> Run {
    let file = folder.join("sends.yaml");
    std::fs::write(&file, text).expect("a scenario can be written");
    let scenario = scenario::load(&file, &[]).expect("a good scenario");
    let case = Case::new("sends", scenario);
    let options = Options { trace: true, ..case.options(0, None) };
    let sources = || (case.traffic)(case.seed, 0);
    let windows = [None, Some(Span(33_333_333))].map(Executor::Window);
    let plain = execute(Executor::Plain, &case.program, &sources, &options);
    for executor in windows.into_iter().chain([Executor::Event, Executor::Auto]) {
        assert!(plain == execute(executor, &case.program, &sources, &options), "{executor:?}");
    }
    plain
}

fn millis(nanos: u128) -> f64 {
    nanos as f64 / 1e6
}

fn everyone(run: &Run) -> (Histogram, Histogram) {
    (run.latency(|_, _| true), run.latency_from_send(|_, _| true))
}

/// The worked example of coordinated omission (Gil Tene): a load tool with one connection means to send every 10 ms to a
/// service that takes 1 ms, and once 1 s. The request that is stalled takes 1 s either way. Those meant to be sent meanwhile
/// are sent one after another when it is over: the k-th of them 1000 + (k - 1) - 10 k ms too late, as long as that is positive.
#[test]
fn a_stall_of_one_second_is_felt_by_a_hundred_requests_and_seen_by_one_from_the_send() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut requests = "t_ms,service_ms\n".to_owned();
    for number in 0..1000 {
        let _ = writeln!(requests, "{},{}", 10 * number, if number == 500 { 1000 } else { 1 });
    }
    std::fs::write(folder.path().join("requests.csv"), requests).expect("a trace can be written");
    let scenario = |connections: &str| {
        format!(
            "traffic:\n  replay: {{requests: requests.csv, columns: {{time: t_ms, time_unit: ms, demand: service_ms, demand_unit: ms}}}}\n\
             client: {{{connections}}}\n\
             path:\n  - station: {{servers: 1000, service: demand}}\nrun: {{warmup: 0 s}}\n"
        )
    };
    let (from_start, from_send) = everyone(&run(folder.path(), &scenario("connections: 1")));
    let too_late = |k: u64| (999 - 9 * k) as f64;
    let waits: f64 = (1..=110).map(too_late).sum();
    assert_eq!(millis(from_send.sum()), 999.0 + 1000.0);
    assert_eq!(millis(from_start.sum()), 999.0 + 1000.0 + waits);
    assert_eq!((from_send.count_above(1_100_000), from_start.count_above(1_100_000)), (1, 111));
    assert!((from_start.quantile(0.95) / 1e6 - (1.0 + too_late(50))).abs() < 10.0, "{}", from_start.quantile(0.95));
    assert!((from_send.quantile(0.95) / 1e6 - 1.0).abs() < 0.01, "{}", from_send.quantile(0.95));
    // With connections enough nobody waits: a tool that opens one for each request sees what users see.
    let (from_start, from_send) = everyone(&run(folder.path(), &scenario("connections: 1000")));
    assert_eq!((millis(from_start.sum()), &from_start), (999.0 + 1000.0, &from_send));
}

/// Half of the attempts fail after 5 ms and are repeated 100 ms later. From the send a served request took 5 ms, whatever
/// came before.
#[test]
fn a_repeated_request_is_as_late_as_its_first_attempt_and_as_fast_as_its_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "traffic: {arrivals: poisson, rate: 200/s, duration: 60 s}\n\
                client: {retries: {attempts: 3, on: [503], backoff: fixed, base: 100 ms}}\n\
                path:\n  - delay: {time: 5 ms}\n  - fail: {share: 50%, status: 503}\nrun: {warmup: 0 s}\n";
    let run = run(folder.path(), text);
    let (from_start, from_send) = everyone(&run);
    assert_eq!((from_send.min(), from_send.max()), (5_000_000, 5_000_000));
    assert_eq!((from_start.min(), from_start.max()), (5_000_000, 215_000_000));
    let late = |attempts: u64| from_start.count_above((5 + 105 * attempts) * 1_000_000 - 60_000);
    let share = |count: u64| count as f64 / from_start.count() as f64;
    // Five standard errors of 12,000 coins.
    assert!((share(late(1)) - 0.5).abs() < 0.023 && (share(late(2)) - 0.25).abs() < 0.02, "{}", share(late(1)));
    assert!(run.trace.iter().all(|record| (record.end - record.born).0 - record.before_send.0 == 5_000_000));
}

/// Where nothing is sent later than meant, there is one latency.
#[test]
fn a_client_that_waits_for_nothing_has_one_latency() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "traffic: {arrivals: poisson, rate: 200/s, duration: 10 s}\nclient: {rtt: 2 ms}\n\
                path:\n  - station: {service: {exponential: {mean: 4 ms}}}\nrun: {warmup: 0 s}\n";
    let run = run(folder.path(), text);
    assert!(run.answers.iter().all(|answers| answers.from_send.is_none()));
    let (from_start, from_send) = everyone(&run);
    assert_eq!(from_start, from_send);
}

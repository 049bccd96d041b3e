//! Slow requests: where they spend their excess, and one of them frame by frame.

use gatepath::exec::follow::{Followed, follow};
use gatepath::exec::{Executor, execute};
use gatepath::scenario::load_bytes;
use gatepath::study::replicate::sample;
use gatepath::study::tail::{Tail, replay, tail, told, totals};
use gatepath::study::{Case, Finding};
use gatepath::time::Span;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn case(text: &str) -> Case {
    let scenario = load_bytes("test", "test.yaml", text.as_bytes(), Path::new(""), &[]);
    Case::new("test", scenario.unwrap_or_else(|(problems, _)| panic!("{problems:?}")))
}

fn tail_of(case: &Case, p: f64) -> Tail {
    let finding = Finding::of(case, &sample(case, Executor::Auto));
    tail(case, &finding.estimates, p, 2, &AtomicBool::new(false)).expect("a complete run has a tail")
}

/// Two quiet stages around what is planted.
fn around(planted: &str) -> Case {
    case(&format!(
        "traffic: {{arrivals: poisson, rate: 200/s, duration: 60 s}}\npath:\n  - delay: {{name: quiet, time: \
         {{exponential: {{mean: 5 ms}}}}}}\n{planted}\n  - delay: {{name: also_quiet, time: {{lognormal: {{p50: 4 ms, p99: \
         9 ms}}}}}}\nrun: {{replications: 5}}\n"
    ))
}

#[test]
fn a_planted_slow_stage_has_nearly_all_of_the_excess_and_shares_add_up_to_one() {
    let slow = "  - delay: {name: planted, time: {mixture: [{weight: 0.985, law: 1 ms}, {weight: 0.015, law: 2 s}]}}";
    let queue = "  - station: {name: planted, servers: 1, service: {mixture: [{weight: 0.9999, law: 1 ms}, {weight: \
                 0.0001, law: 4 s}]}, queue: unlimited}";
    for (planted, queueing) in [(slow, 0.0), (queue, 0.9)] {
        let tail = tail_of(&around(planted), 0.99);
        let worst = &tail.stages[0];
        assert_eq!(worst.name, "planted");
        assert!(worst.share.value >= 0.95, "{worst:?}");
        let sum = |of: &dyn Fn(&gatepath::study::tail::StageTail) -> f64| tail.stages.iter().map(of).sum::<f64>();
        assert!((sum(&|stage| stage.share.value) - 1.0).abs() < 1e-9);
        assert!((sum(&|stage| stage.queueing.value + stage.service.value) - 1.0).abs() < 1e-9);
        assert!(worst.queueing.value >= queueing && (queueing > 0.0 || worst.queueing.value == 0.0), "{worst:?}");
    }
}

#[test]
fn stages_that_are_slow_together_share_the_excess_as_their_own_percentiles_do_not() {
    // Two equal stages: each has half of the excess, though the p99 of each is far more than half of the p99 of both.
    let law = "time: {exponential: {mean: 50 ms}}";
    let text = format!("  - delay: {{name: one, {law}}}\n  - delay: {{name: two, {law}}}");
    let tail = tail_of(&around(&text), 0.99);
    for name in ["one", "two"] {
        let stage = tail.stages.iter().find(|stage| stage.name == name).unwrap();
        assert!(stage.share.covers(0.5) || (stage.share.value - 0.5).abs() < 0.05, "{stage:?}");
    }
}

#[test]
fn the_slowest_request_can_be_followed_and_its_frames_add_up_to_its_latency() {
    let case = around("  - station: {name: app, servers: 2, service: {exponential: {mean: 9 ms}}, queue: unlimited}");
    let tail = tail_of(&case, 0.99);
    let slowest = &tail.slowest[0];
    let followed = replay(&case, slowest.replication, slowest.serial).expect("a request that was seen can be replayed");
    assert_eq!((followed.end - followed.born).0, slowest.latency);
    let frames = told(&case.program, &followed);
    let (time, waited) = totals(&frames);
    assert_eq!((time.0, waited.0), (slowest.latency, slowest.queueing));
    assert!(waited > Span::ZERO);
    assert!(frames.windows(2).all(|pair| pair[0].left == pair[1].arrived));
    assert_eq!(replay(&case, 0, 10_000_000), None);
}

#[test]
fn waiting_and_service_are_told_apart_to_the_nanosecond() {
    // Requests every 10 ms, one server taking 25 ms each: the n-th waits 15 ms longer than the one before.
    let case = case(
        "traffic: {arrivals: constant, rate: 100/s, duration: 100 ms}\npath:\n  - delay: {time: 3 ms}\n  - station: {name: \
         app, servers: 1, service: 25 ms, queue: unlimited}\nrun: {warmup: 0 s, replications: 1}\n",
    );
    for serial in 0..5 {
        let followed = replay(&case, 0, serial).unwrap();
        let frames = told(&case.program, &followed);
        let of = |frame: &gatepath::exec::follow::Frame| (frame.wait, frame.service());
        assert_eq!(of(&frames[0]), (Span::ZERO, Span::from_millis(3)));
        assert_eq!(of(&frames[1]), (Span::from_millis(15 * serial), Span::from_millis(25)));
    }
}

#[test]
fn a_deadline_ends_the_frame_it_passes_in_and_the_repeat_is_seen() {
    let case = case(
        "traffic: {arrivals: constant, rate: 1/s, duration: 3 s}\nclient: {timeout: 20 ms, retries: {attempts: 2, backoff: \
         fixed, base: 5 ms}}\npath:\n  - delay: {time: 50 ms}\nrun: {warmup: 0 s, replications: 1}\n",
    );
    let followed = replay(&case, 0, 1).unwrap();
    let frames = told(&case.program, &followed);
    let cut: Vec<_> = frames.iter().filter(|frame| frame.cut).map(|frame| frame.service()).collect();
    assert_eq!(cut, [Span::from_millis(20); 2]);
    assert_eq!(totals(&frames).0, Span::from_millis(45));
}

#[test]
fn following_changes_nothing_of_what_is_followed() {
    for file in ["scenarios/http-vpc-link-v2.yaml", "scenarios/retry-storm.yaml", "scenarios/lambda-vpc.yaml"] {
        let sets = ["traffic.duration=2 s", "run.warmup=200 ms"].map(str::to_owned);
        let Ok(scenario) = gatepath::scenario::load(Path::new(file), &sets) else { panic!("{file} does not load") };
        let case = Case::new("test", scenario);
        let source = || (case.traffic)(case.seed, 0);
        let mut ends = 0u64;
        let mut told = |followed: Followed| {
            ends += 1;
            let sum: u64 = followed.frames.iter().map(|frame| (frame.left - frame.arrived).0).sum();
            assert_eq!(sum, (followed.end - followed.born).0, "{file}: {followed:?}");
        };
        let seen = follow(&case.program, source(), &case.options(0, None), &|_| true, &mut told);
        let unseen = execute(Executor::Event, &case.program, &source, &case.options(0, None));
        assert_eq!(seen, unseen, "{file}");
        assert_eq!(ends, seen.balance.born, "{file}");
    }
}

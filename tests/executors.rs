//! All executors give the same result, request by request and bit by bit, and conserve requests, attempts and permits
//! (every run checks itself, and its driver its verdict).

mod common;

use common::{Does, Given, Ms, compile, run, run_in_windows, run_optimistically, run_windowed};
use gatepath::exec::{Executor, Source, Verdict};
use gatepath::program::{Discipline, Guard, Lag, LimitScope, Parts, ScalingSpec};
use gatepath::time::{Span, Time};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Windows of 65 us, 4 ms, 17 ms, 34 ms and 1 s; not all of them powers of two.
const LENGTHS: [Span; 5] = [Span(1 << 16), Span(4_194_303), Span(16_777_216), Span(34_000_001), Span(1_000_000_000)];

fn law() -> impl Strategy<Value = Ms> {
    prop_oneof![
        (0u64..30).prop_map(Ms::Const),
        (1u64..30).prop_map(Ms::Exp),
        (0u64..20, 0u64..40).prop_map(|(low, high)| Ms::Between(low, high)),
    ]
}

fn maybe<T: Clone + std::fmt::Debug>(inner: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    proptest::option::of(inner)
}

fn discipline() -> impl Strategy<Value = Discipline> {
    prop_oneof![
        3 => Just(Discipline::Fifo),
        1 => Just(Discipline::ProcessorSharing),
        1 => Just(Discipline::Priority),
        1 => Just(Discipline::PreemptivePriority),
    ]
}

fn scope() -> impl Strategy<Value = LimitScope> {
    prop_oneof![Just(LimitScope::Shared), Just(LimitScope::Key), Just(LimitScope::Class)]
}

/// Controllers with ticks on whole milliseconds, where arrivals and ends of service are as well.
fn scaling() -> impl Strategy<Value = ScalingSpec> {
    (1u64..80, 1u32..=10, 1u32..3, 0u32..5, 0u64..60, 0u64..100).prop_map(
        |(every, tenths, min, more, delay, cooldown)| ScalingSpec {
            every: Span::from_millis(every),
            target: tenths as f64 / 10.0,
            min,
            max: min + more,
            delay: Span::from_millis(delay),
            cooldown: Span::from_millis(cooldown),
        },
    )
}

fn simple() -> impl Strategy<Value = Does> {
    prop_oneof![
        (law(), law()).prop_map(|(there, back)| Does::Delay(there, back)),
        (0u8..60).prop_map(Does::Hit),
        (0u8..40).prop_map(Does::Fail),
        (1u64..20, 1u32..6, scope()).prop_map(|(every, burst, scope)| Does::Limit { every, burst, scope }),
        (maybe(1u64..200), maybe(1u32..5), any::<bool>(), any::<bool>())
            .prop_map(|(ttl, capacity, renew, at_once)| Does::Cache { ttl, capacity, renew, at_once }),
        (1u32..4, maybe(0u32..4), discipline(), law(), maybe(law()), any::<bool>()).prop_map(
            |(servers, queue, discipline, service, patience, setup)| {
                Does::Serve { servers, queue, discipline, service, patience, setup }
            }
        ),
        (1u32..4, maybe(0u32..4), maybe(law())).prop_map(|(size, queue, patience)| Does::Hold {
            size,
            queue,
            patience
        }),
        (1u32..4, scaling(), maybe(0u32..6), maybe(law()), law(), any::<bool>()).prop_map(
            |(size, scaling, queue, patience, service, around)| {
                let size = size.clamp(scaling.min, scaling.max);
                Does::Scaled { size, scaling, queue, patience, service, around }
            }
        ),
        (maybe(1u32..5), maybe(law()), law(), 0u32..2, 0u8..30).prop_map(|(limit, keep, open, provisioned, fails)| {
            Does::Connect { limit, keep, open, provisioned, fails }
        }),
        (1u32..5, 0u8..7, 1u32..3, law(), any::<bool>()).prop_map(|(targets, policy, servers, service, holds)| {
            Does::Balance { targets, policy, servers, service, holds }
        }),
        (any::<bool>(), law()).prop_map(|(holds, service)| Does::Shared { holds, service }),
        (1u64..60).prop_map(Does::Timeout),
        (1u32..4, law(), any::<bool>()).prop_map(|(attempts, backoff, budget)| Does::Retry {
            attempts,
            backoff,
            budget
        }),
    ]
}

/// Paths with at most three deadlines on the way, so that they fit the depth of a request.
fn stages() -> impl Strategy<Value = Vec<Does>> {
    let flat = || proptest::collection::vec(simple(), 1..6);
    let nested = (flat(), flat(), 0u8..3, flat()).prop_map(|(before, a, join, b)| {
        let mut path = before;
        path.push(Does::Fork { paths: vec![a, b], join });
        path
    });
    let routed = (flat(), flat(), flat()).prop_map(|(mut before, other, after)| {
        before.push(Does::Route(other));
        before.extend(after);
        before
    });
    prop_oneof![3 => flat(), 1 => nested, 1 => routed].prop_filter("too many deadlines", |path| depth(path) <= 6)
}

fn depth(path: &[Does]) -> usize {
    path.iter()
        .map(|does| match does {
            Does::Timeout(_) => 1,
            Does::Fork { paths, .. } => paths.iter().map(|path| depth(path)).max().unwrap_or(0),
            Does::Route(path) => depth(path),
            _ => 0,
        })
        .sum()
}

fn traffic() -> impl Strategy<Value = Given> {
    prop_oneof![
        proptest::collection::vec(0u64..25, 1..150).prop_map(|gaps| {
            let mut at = 0;
            let times: Vec<u64> = gaps
                .iter()
                .map(|gap| {
                    at += gap;
                    at
                })
                .collect();
            Given::at(&times)
        }),
        (1u64..8, 1u64..30).prop_map(|(users, think)| {
            Given::users(users, Span::from_millis(think), Time::ZERO + Span::from_secs(2))
        }),
    ]
}

/// Windows after which the interpreter stops and is taken up again, as when it runs a part.
const WINDOWS: [Span; 3] = [Span(770_000), Span(20_000_000), Span(1_000_000_000)];

fn assert_equal(stages: &[Does], source: &Given, timeout: Option<u64>, attempts: u32, guard: Guard) {
    let program = compile(stages, timeout, attempts);
    for seed in 0..2 {
        let plain = run(Executor::Plain, &program, source, seed, guard);
        let unstable = matches!(plain.verdict, Verdict::Unstable { .. });
        for executor in [Executor::Event, Executor::Auto] {
            let fast = run(executor, &program, source, seed, guard);
            if unstable {
                assert_eq!(plain.verdict, fast.verdict);
                continue;
            }
            assert_eq!(plain.trace, fast.trace, "{executor:?}");
            assert_eq!(plain, fast, "{executor:?}");
        }
        for length in LENGTHS {
            let windowed = run_windowed(&program, source, seed, guard, length);
            if source.is_closed() {
                assert!(windowed.is_none(), "it has to be run by events");
            } else if unstable {
                assert!(windowed.is_none_or(|windowed| windowed.verdict == plain.verdict), "windows of {length:?}");
            } else {
                assert_eq!(Some(&plain), windowed.as_ref(), "windows of {length:?}");
            }
            if let Some(run) = run_optimistically(&program, source, seed, guard, length) {
                assert_eq!(plain.verdict, run.verdict, "optimistic windows of {length:?}");
                assert!(unstable || plain == run, "optimistic windows of {length:?}");
            }
        }
        for window in WINDOWS.into_iter().filter(|_| !unstable) {
            assert_eq!(plain, run_in_windows(&program, source, seed, guard, window), "parts in windows of {window:?}");
        }
    }
}

/// Random programs a test; `GATEPATH_CASES` makes the longer check longer, `GATEPATH_SEED` makes it other programs.
fn random_programs() -> ProptestConfig {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    ProptestConfig {
        cases: number("GATEPATH_CASES").unwrap_or(1_000) as u32,
        rng_seed: RngSeed::Fixed(number("GATEPATH_SEED").unwrap_or(1)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(random_programs())]

    #[test]
    fn random_programs_run_the_same_by_events_as_step_by_step(
        stages in stages(),
        source in traffic(),
        timeout in proptest::option::of(1u64..120),
        attempts in 1u32..4,
    ) {
        assert_equal(&stages, &source, timeout, attempts, Guard::default());
    }

    #[test]
    fn a_backlog_beyond_the_guard_ends_both_runs_at_the_same_place(
        stages in stages(),
        source in traffic(),
    ) {
        assert_equal(&stages, &source, None, 1, Guard { backlog: 3, ..Guard::default() });
    }

    #[test]
    fn events_that_take_over_from_windows_go_on_where_these_ended(
        stages in stages(),
        source in traffic(),
        timeout in proptest::option::of(1u64..120),
        attempts in 1u32..4,
    ) {
        // Queues of more than a few requests are common, of more than forty rare.
        for backlog in [7, 40] {
            assert_equal(&stages, &source, timeout, attempts, Guard { backlog, ..Guard::default() });
        }
    }
}

fn fifo(servers: u32, queue: Option<u32>, service: Ms) -> Does {
    Does::Serve { servers, queue, discipline: Discipline::Fifo, service, patience: None, setup: false }
}

/// Arrivals every `gap` milliseconds.
fn steady(count: u64, gap: u64) -> Given {
    Given::at(&(0..count).map(|number| number * gap).collect::<Vec<_>>())
}

fn both(stages: &[Does], source: &Given, timeout: Option<u64>, attempts: u32) -> gatepath::exec::Run {
    let program = compile(stages, timeout, attempts);
    let plain = run(Executor::Plain, &program, source, 1, Guard::default());
    let event = run(Executor::Event, &program, source, 1, Guard::default());
    assert_eq!(plain, event);
    event
}

#[test]
fn a_retry_storm_is_the_same_in_both_and_keeps_itself_alive() {
    // 90 % load; time-outs make attempts of which each keeps its server.
    let stages = [fifo(2, Some(500), Ms::Exp(18)), fifo(1, Some(500), Ms::Exp(5))];
    let run = both(&stages, &steady(4_000, 10), Some(60), 4);
    assert!(run.balance.repeated > run.balance.born, "no storm: {:?}", run.balance);
    assert!(run.balance.served < run.balance.born / 2, "no collapse: {:?}", run.balance);
    assert_eq!(run.balance.cut, run.balance.unseen);
}

#[test]
fn what_is_earned_in_a_loop_is_not_taken_before_its_time() {
    // First attempts pass between two visits to the shared pool, hence inside a loop; repeats are decided behind it.
    let shared = |holds, service| Does::Shared { holds, service };
    let stages = [
        shared(false, Ms::Const(0)),
        shared(true, Ms::Const(19)),
        Does::Retry { attempts: 3, backoff: Ms::Const(25), budget: true },
        fifo(1, None, Ms::Between(1, 29)),
        Does::Route(vec![shared(true, Ms::Const(14)), shared(true, Ms::Exp(14))]),
        Does::Limit { every: 1, burst: 1, scope: LimitScope::Shared },
    ];
    let times =
        [0, 16, 18, 36, 44, 52, 70, 92, 105, 120, 143, 150, 154, 170, 173, 177, 180, 190, 202, 208, 221, 223, 229, 241];
    assert_equal(&stages, &Given::at(&times), None, 1, Guard::default());
}

#[test]
fn a_window_in_which_a_crowd_arrives_ends_early_and_changes_nothing() {
    // 40 s of arrivals and all that follows in one window of 73 minutes, unless it ends early; at the start, 10,000 at once.
    let stages = [Does::Delay(Ms::Exp(40), Ms::Exp(5)), fifo(3, Some(700), Ms::Exp(3)), fifo(1, None, Ms::Exp(1))];
    let times: Vec<u64> = std::iter::repeat_n(0, 10_000).chain(0..40_000).collect();
    for (timeout, attempts) in [(None, 1), (Some(400), 2)] {
        let program = compile(&stages, timeout, attempts);
        let event = run(Executor::Event, &program, &Given::at(&times), 1, Guard::default());
        assert_eq!(event.verdict, Verdict::Complete);
        for length in [1 << 20, 10_000_000_019, 1 << 42].map(Span) {
            let windowed = run_windowed(&program, &Given::at(&times), 1, Guard::default(), length);
            assert!(windowed.as_ref() == Some(&event), "windows of {length:?}");
        }
    }
}

#[test]
fn a_storm_through_held_workers_is_the_same_in_both() {
    let stages = [
        Does::Balance { targets: 3, policy: 3, servers: 2, service: Ms::Exp(10), holds: true },
        fifo(2, Some(100), Ms::Exp(8)),
    ];
    let run = both(&stages, &steady(4_000, 4), Some(40), 3);
    assert!(run.balance.repeated > 500, "no storm: {:?}", run.balance);
}

#[test]
fn a_controller_acts_before_everything_else_of_its_instant_on_what_it_may_know() {
    let ms = Span::from_millis;
    let scaling = ScalingSpec { every: ms(10), target: 0.5, min: 1, max: 4, delay: ms(0), cooldown: ms(0) };
    let (queue, patience, service) = (None, None, Ms::Const(20));
    let stages = [Does::Scaled { size: 1, scaling, queue, patience, service, around: false }];
    // One is busy until the tick at 10 ms: then there are two, so the second begins. Two are busy until 20 ms: then there are
    // four, before the first ends and the fourth comes.
    let source = Given::at(&[0, 0, 0, 20]);
    let run = both(&stages, &source, None, 1);
    let ends: Vec<u64> = run.trace.iter().map(|record| record.end.0 / 1_000_000).collect();
    assert_eq!(ends, [20, 30, 40, 40]);
    let sizes: Vec<(u64, u32)> = run.resources[0].capacity.iter().map(|&(at, size)| (at.0 / 1_000_000, size)).collect();
    // Three are busy until 30 ms, two until 40 ms, then none. The run is measured from 4 ms on; a controller sees it all.
    assert_eq!(sizes, [(0, 1), (10, 2), (20, 4), (50, 1)]);
    assert_equal(&stages, &source, Some(35), 3, Guard::default());
}

#[test]
fn a_controller_that_can_change_nothing_changes_nothing() {
    let ms = Span::from_millis;
    let scaling = ScalingSpec { every: ms(7), target: 0.6, min: 2, max: 2, delay: ms(5), cooldown: ms(0) };
    let (queue, patience, service) = (Some(5), None, Ms::Exp(9));
    let scaled = Does::Scaled { size: 2, scaling, queue, patience, service, around: false };
    let fixed = fifo(2, queue, Ms::Exp(9));
    let [scaled, fixed] = [scaled, fixed].map(|stage| both(&[stage], &steady(3_000, 5), Some(60), 2));
    assert!(fixed.balance.rejected > 0 && fixed.balance.repeated > 0, "{:?}", fixed.balance);
    assert_eq!(scaled.trace, fixed.trace);
}

#[test]
fn a_storm_behind_a_controller_is_the_same_in_all() {
    let ms = Span::from_millis;
    let scaling = ScalingSpec { every: ms(37), target: 0.6, min: 1, max: 12, delay: ms(50), cooldown: ms(120) };
    let stages = [
        Does::Delay(Ms::Exp(10), Ms::Exp(3)),
        Does::Scaled { size: 1, scaling, queue: Some(100), patience: None, service: Ms::Exp(15), around: false },
        fifo(4, Some(100), Ms::Exp(8)),
    ];
    let mut times: Vec<u64> = (0..400).map(|number| number * 4).collect();
    times.extend((0..400).map(|number| 1_600 + number * 20));
    let source = Given::at(&times);
    assert_equal(&stages, &source, Some(60), 3, Guard::default());
    let run = both(&stages, &source, Some(60), 3);
    assert!(run.balance.repeated > 100, "no storm: {:?}", run.balance);
    let sizes: Vec<u32> = run.resources.iter().flat_map(|resource| &resource.capacity).map(|&(_, size)| size).collect();
    assert!(sizes.len() > 10 && sizes.iter().max() > Some(&6), "{sizes:?}");
}

#[test]
fn an_inner_deadline_gives_its_answer_to_the_outer_caller_in_time() {
    // Inner 20 ms inside outer 100 ms around 50 ms of work: the client gets the inner answer at 20 ms plus the way back.
    let stages = [Does::Delay(Ms::Const(5), Ms::Const(5)), Does::Timeout(20), fifo(1, None, Ms::Const(50))];
    let run = both(&stages, &steady(1, 1), Some(100), 1);
    assert_eq!(run.trace[0].end, Time(30_000_000));
    assert_eq!((run.balance.gave_up, run.balance.cut, run.balance.ended_unseen), (1, 1, 1));
    assert_eq!((run.balance.returned, run.balance.unseen), (1, 0), "the client itself was answered");
}

#[test]
fn an_outer_deadline_leaves_the_inner_call_to_end_unseen() {
    let stages = [Does::Delay(Ms::Const(5), Ms::Const(5)), Does::Timeout(200), fifo(1, None, Ms::Const(50))];
    let run = both(&stages, &steady(1, 1), Some(20), 1);
    assert_eq!(run.trace[0].end, Time(20_000_000));
    assert_eq!((run.balance.gave_up, run.balance.unseen), (1, 1));
}

#[test]
fn an_answer_at_the_deadline_counts() {
    let run = both(&[fifo(1, None, Ms::Const(20))], &steady(1, 1), Some(20), 1);
    assert_eq!((run.balance.served, run.balance.gave_up), (1, 0));
}

#[test]
fn work_whose_caller_has_gone_keeps_its_server() {
    // The second request waits behind the first, whose client gave up at 10 ms.
    let run = both(&[fifo(1, None, Ms::Const(30))], &Given::at(&[0, 20]), Some(10), 1);
    assert_eq!((run.balance.gave_up, run.balance.unseen), (2, 2));
    let station = run.resources.iter().find(|resource| resource.units == 1).expect("the station");
    assert_eq!(station.busy[0], (60 - 4) * 1_000_000, "both were served, from 0 to 60 ms, measured from 4 ms on");
}

/// Latency of each request less that of the added delay must not change: all other stages draw as before.
#[test]
fn adding_a_stage_leaves_the_draws_of_all_other_stages_unchanged() {
    let before = vec![Does::Delay(Ms::Exp(10), Ms::Exp(3)), Does::Hit(30), Does::Delay(Ms::Exp(7), Ms::Const(0))];
    let mut after = before.clone();
    after.push(Does::Delay(Ms::Const(1_000), Ms::Const(0)));
    let source = steady(2_000, 5);
    let (before, after) = (both(&before, &source, None, 1), both(&after, &source, None, 1));
    let mut added = 0;
    for (old, new) in before.trace.iter().zip(&after.trace) {
        let difference = (new.end - new.born).0 - (old.end - old.born).0;
        assert!(difference == 0 || difference == 1_000_000_000, "request {} had other luck", old.serial);
        added += (difference > 0) as u32;
    }
    // 70 % of 2,000 pass the cache; five standard deviations are 103.
    assert!(added.abs_diff(1_400) < 103, "{added} passed");
}

#[test]
fn what_is_kept_during_a_call_makes_a_loop_and_what_only_goes_forward_makes_none() {
    let delay = || Does::Delay(Ms::Exp(10), Ms::Exp(3));
    let by_events = |stages: &[Does]| Parts::of(&compile(stages, Some(100), 1), Span(1)).by_events();
    assert_eq!(by_events(&[delay(), Does::Hit(20), fifo(2, Some(5), Ms::Exp(4)), Does::Fail(3), delay()]), 0);
    assert!(by_events(&[delay(), Does::Hold { size: 2, queue: None, patience: None }, delay()]) > 0);
    assert_eq!(by_events(&[Does::Shared { holds: false, service: Ms::Exp(1) }]), 0);
    let twice =
        [Does::Shared { holds: false, service: Ms::Exp(1) }, Does::Shared { holds: false, service: Ms::Exp(1) }];
    assert!(by_events(&twice) > 0, "a station that a request visits twice");
}

#[test]
fn a_circle_of_repeats_stays_open_for_windows_that_are_no_longer_than_its_lag() {
    // The back-off takes 100 ms, from it to the station 7 more; from the deadline to it none, from a full queue 5.
    let program = compile(&[Does::Delay(Ms::Const(7), Ms::Const(5)), fifo(2, None, Ms::Exp(4))], Some(50), 3);
    let of = |shortest: u64| Parts::of(&program, Span::from_millis(shortest));
    let lag = Lag { unhurried: Span::from_millis(112), after_deadline: Span::from_millis(107) };
    assert_eq!((of(107).by_events(), of(107).lag), (0, Some(lag)));
    assert!(of(108).by_events() > 0);
    assert_eq!(of(108).lag, None);
}

#[test]
fn an_optimistic_run_ends_at_the_first_repeat_that_comes_back_before_its_window_has_ended() {
    // Everybody fails twice; the second attempt begins after 100 ms and comes to the station after 7 more.
    let stages = [Does::Delay(Ms::Const(7), Ms::Const(0)), fifo(1, None, Ms::Const(3)), Does::Fail(100)];
    let program = compile(&stages, None, 2);
    let source = Given::at(&[0, 5, 1_000]);
    let plain = run(Executor::Plain, &program, &source, 1, Guard::default());
    assert!(plain.balance.born == 3 && plain.trace.iter().all(|record| record.trail != 0));
    let in_windows_of = |ms: u64| run_optimistically(&program, &source, 1, Guard::default(), Span::from_millis(ms));
    assert_eq!(in_windows_of(50), Some(plain));
    assert_eq!(in_windows_of(500), None, "a repeat came back inside a window");
}

#[test]
fn whoever_was_served_with_others_at_once_comes_back_no_sooner_than_the_lag_says() {
    // Whoever leaves shared servers was let in windows ago; the way to the back-off begins where he leaves.
    let stages = [
        Does::Serve {
            servers: 1,
            queue: None,
            discipline: Discipline::ProcessorSharing,
            service: Ms::Const(2),
            patience: None,
            setup: false,
        },
        Does::Route(vec![Does::Retry { attempts: 2, backoff: Ms::Const(0), budget: false }]),
        Does::Fail(1),
        Does::Delay(Ms::Const(0), Ms::Const(1)),
        Does::Limit { every: 1, burst: 1, scope: LimitScope::Shared },
    ];
    assert_equal(&stages, &Given::at(&[0; 40]), None, 1, Guard::default());
    // One nanosecond of back-off is the whole lag.
    assert_eq!(Parts::of(&compile(&stages, None, 1), Span(1)).lag.map(Lag::least), Some(Span(1)));
}

#[test]
fn what_a_repeated_call_earns_again_is_there_before_anyone_takes_it() {
    // The outer repeat comes back before the inner budget at once; the inner one takes from it after 18 ms and more.
    let stages = [
        Does::Timeout(1),
        Does::Fail(0),
        Does::Shared { holds: true, service: Ms::Const(6) },
        Does::Retry { attempts: 2, backoff: Ms::Exp(1), budget: false },
        Does::Route(vec![
            Does::Retry { attempts: 2, backoff: Ms::Const(0), budget: true },
            Does::Delay(Ms::Const(18), Ms::Const(22)),
            Does::Hit(0),
            Does::Balance { targets: 1, policy: 0, servers: 1, service: Ms::Exp(1), holds: true },
        ]),
        Does::Fail(17),
    ];
    assert_equal(&stages, &Given::at(&[0, 11, 11, 35, 49, 53, 53, 59, 80, 95, 100]), None, 1, Guard::default());
}

#[test]
fn a_backlog_that_grows_towards_the_guard_is_followed_by_events_and_nothing_is_run_twice() {
    let guard = Guard { backlog: 60, ..Guard::default() };
    let holds = Does::Hold { size: 1, queue: None, patience: None };
    for stages in [vec![fifo(1, None, Ms::Const(10))], vec![holds, Does::Delay(Ms::Const(10), Ms::Const(0))]] {
        let program = compile(&stages, None, 1);
        for (crowd, stable) in [(50, true), (90, false)] {
            // A few a window, until the queue is half as long as it may be; then it drains, or the guard ends the run.
            let source = steady(crowd, 1);
            let event = run(Executor::Event, &program, &source, 1, guard);
            let windowed = run_windowed(&program, &source, 1, guard, Span::from_millis(7)).expect("a run to its end");
            assert_eq!(windowed.verdict == Verdict::Complete, stable);
            assert_eq!(windowed.verdict, event.verdict);
            assert!(!stable || windowed == event);
        }
    }
}

#[test]
fn whoever_comes_back_into_a_loop_comes_back_wherever_he_enters_it() {
    // The same server twice, and a delay in between at which the repeat begins.
    let stages = [
        Does::Shared { holds: true, service: Ms::Const(5) },
        Does::Retry { attempts: 2, backoff: Ms::Const(0), budget: false },
        Does::Delay(Ms::Const(11), Ms::Const(12)),
        Does::Shared { holds: true, service: Ms::Const(21) },
    ];
    let at = [18, 35, 50, 69, 74, 90, 91, 108, 112, 116, 120, 137, 140, 142];
    assert_equal(&stages, &Given::at(&at), None, 1, Guard::default());
}

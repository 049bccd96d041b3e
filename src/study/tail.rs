//! Where slow requests spend their time: not percentiles of stages, which belong to different requests and add up to
//! nothing, but the requests above a percentile themselves, followed through their stages.
//!
//! The excess of a slow request in a stage is its time there less the mean time there of the requests that are not slow. The
//! excesses of all stages add up to its excess as a whole, so that shares add up to one. Queueing (for servers and permits)
//! is told apart from the rest. Shares are ratios over replications.

use super::case::Case;
use super::estimate::{Estimates, Metric};
use crate::exec::follow::{Followed, Frame, follow};
use crate::exec::{Run, Verdict};
use crate::program::Program;
use crate::stats::interval::{self, Interval};
use crate::time::{Span, Time};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Slow requests that are listed.
const LISTED: usize = 10;
/// Requests that are followed at most, over all replications: the plain executor takes about a microsecond for an event.
const MOST: u64 = 2_000_000;

/// What became of the requests above a percentile.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail {
    /// The percentile, as a share: 0.99.
    pub p: f64,
    /// Its latency in nanoseconds: slow is what lies above.
    pub threshold: f64,
    /// Replications that were followed.
    pub replications: usize,
    /// Slow requests in them.
    pub slow: u64,
    /// Mean latency of the slow requests less that of the others, in nanoseconds.
    pub excess: Interval,
    /// By stage, the largest excess first.
    pub stages: Vec<StageTail>,
    /// The slowest requests, the slowest first.
    pub slowest: Vec<Slow>,
}

/// The part of a stage.
#[derive(Clone, Debug, PartialEq)]
pub struct StageTail {
    /// Name; empty for time that belongs to no stage.
    pub name: String,
    /// Share of the whole excess.
    pub share: Interval,
    /// The part of that share that was spent queueing.
    pub queueing: Interval,
    /// The rest of it.
    pub service: Interval,
    /// Mean time of a slow request in the stage, in nanoseconds.
    pub slow_mean: f64,
    /// Mean time of the other requests in it, in nanoseconds.
    pub usual_mean: f64,
}

/// One slow request.
#[derive(Clone, Debug, PartialEq)]
pub struct Slow {
    /// Replication it belongs to, counted from 0.
    pub replication: usize,
    /// Its number.
    pub serial: u64,
    /// Its latency in nanoseconds.
    pub latency: u64,
    /// Stage in which it spent the most, with that time in nanoseconds.
    pub worst: (String, u64),
    /// Time it queued, in nanoseconds.
    pub queueing: u64,
}

/// Sums over requests of one kind in one replication, by stage; the last is for time that belongs to none.
#[derive(Clone, Debug, Default)]
struct Sums {
    requests: u64,
    time: Vec<u64>,
    queueing: Vec<u64>,
}

/// What one replication gives.
#[derive(Clone, Debug, Default)]
struct Part {
    slow: Sums,
    usual: Sums,
    slowest: Vec<Slow>,
}

/// Follows the requests of a case that was run, as many replications as the budget allows, at least two, on several threads.
/// Nothing when the case is not complete, was interrupted, or has no slow request.
pub fn tail(case: &Case, estimates: &Estimates, p: f64, threads: usize, cancel: &AtomicBool) -> Option<Tail> {
    let threshold = match estimates.measure(Metric::Quantile(p)) {
        Some(measure) => measure.interval.value,
        None => estimates.latency.quantile(p),
    };
    if !estimates.status.is_complete() || !threshold.is_finite() {
        return None;
    }
    let offered = estimates.measure(Metric::Offered).map_or(0, |offered| offered.observations);
    let each = (offered / estimates.replications.max(1) as u64).max(1);
    let replications = (MOST / each).clamp(2, estimates.replications.max(2) as u64) as usize;
    let parts = parts(case, replications, threshold, threads, cancel)?;
    (parts.iter().map(|part| part.slow.requests).sum::<u64>() > 0).then(|| Tail::of(case, p, threshold, parts))
}

/// Every replication on its own, in order of their numbers.
fn parts(case: &Case, replications: usize, threshold: f64, threads: usize, cancel: &AtomicBool) -> Option<Vec<Part>> {
    let done = Mutex::new(BTreeMap::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build().ok()?;
    pool.scope(|scope| {
        for replication in 0..replications {
            let done = &done;
            scope.spawn(move |_| {
                let part = part(case, replication, threshold, cancel);
                done.lock().unwrap_or_else(PoisonError::into_inner).insert(replication, part);
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.into_values().collect()
}

fn part(case: &Case, replication: usize, threshold: f64, cancel: &AtomicBool) -> Option<Part> {
    let stages = case.program.stages.len();
    let mut part = Part { slow: Sums::new(stages), usual: Sums::new(stages), slowest: Vec::new() };
    let source = (case.traffic)(case.seed, replication as u64);
    let mut told = |followed: Followed| {
        let good = case.program.outcomes[usize::from(followed.outcome)].is_good();
        if !good || !followed.counts {
            return;
        }
        let slow = (followed.end - followed.born).0 as f64 > threshold;
        let sums = if slow { &mut part.slow } else { &mut part.usual };
        sums.add(&followed);
        if slow {
            part.slowest.push(Slow::of(&case.program, replication, &followed));
            if part.slowest.len() >= 4 * LISTED {
                keep_slowest(&mut part.slowest);
            }
        }
    };
    let run = follow(&case.program, source, &case.options(replication, Some(cancel)), &|_| true, &mut told);
    (run.verdict == Verdict::Complete).then_some(part)
}

fn keep_slowest(slowest: &mut Vec<Slow>) {
    slowest.sort_by_key(|slow| (std::cmp::Reverse(slow.latency), slow.replication, slow.serial));
    slowest.truncate(LISTED);
}

impl Sums {
    fn new(stages: usize) -> Sums {
        Sums { requests: 0, time: vec![0; stages + 1], queueing: vec![0; stages + 1] }
    }

    fn add(&mut self, followed: &Followed) {
        self.requests += 1;
        for frame in &followed.frames {
            let stage = frame.stage.map_or(self.time.len() - 1, usize::from);
            self.time[stage] += (frame.left - frame.arrived).0;
            self.queueing[stage] += frame.wait.0;
        }
    }

    fn mean(&self, sums: &[u64], stage: usize) -> f64 {
        if self.requests == 0 { 0.0 } else { sums[stage] as f64 / self.requests as f64 }
    }
}

impl Slow {
    fn of(program: &Program, replication: usize, followed: &Followed) -> Slow {
        let mut sums = Sums::new(program.stages.len());
        sums.add(followed);
        let worst = (0..sums.time.len()).max_by_key(|&stage| (sums.time[stage], std::cmp::Reverse(stage))).unwrap_or(0);
        Slow {
            replication,
            serial: followed.serial,
            latency: (followed.end - followed.born).0,
            worst: (name(program, worst), sums.time[worst]),
            queueing: sums.queueing.iter().sum(),
        }
    }
}

fn name(program: &Program, stage: usize) -> String {
    program.stages.get(stage).map_or(String::new(), |stage| stage.name.clone())
}

/// Excess of the slow requests of a replication in a stage, from sums of times (or of queueing).
fn excess(part: &Part, of: impl Fn(&Sums) -> &[u64], stage: usize) -> f64 {
    of(&part.slow)[stage] as f64 - part.slow.requests as f64 * part.usual.mean(of(&part.usual), stage)
}

impl Tail {
    fn of(case: &Case, p: f64, threshold: f64, parts: Vec<Part>) -> Tail {
        let count = case.program.stages.len() + 1;
        let time = |part: &Part, stage| excess(part, |sums| &sums.time, stage);
        let queueing = |part: &Part, stage| excess(part, |sums| &sums.queueing, stage);
        let whole: Vec<f64> = parts.iter().map(|part| (0..count).map(|stage| time(part, stage)).sum()).collect();
        let share = |of: &dyn Fn(&Part) -> f64| {
            let pairs: Vec<(f64, f64)> = parts.iter().zip(&whole).map(|(part, whole)| (of(part), *whole)).collect();
            interval::ratio(&pairs, case.confidence)
        };
        let mean = |kind: &dyn Fn(&Part) -> &Sums, stage: usize| {
            let requests: u64 = parts.iter().map(|part| kind(part).requests).sum();
            parts.iter().map(|part| kind(part).time[stage] as f64).sum::<f64>() / requests.max(1) as f64
        };
        let stage = |stage: usize| StageTail {
            name: name(&case.program, stage),
            share: share(&|part| time(part, stage)),
            queueing: share(&|part| queueing(part, stage)),
            service: share(&|part| time(part, stage) - queueing(part, stage)),
            slow_mean: mean(&|part| &part.slow, stage),
            usual_mean: mean(&|part| &part.usual, stage),
        };
        let mut stages: Vec<StageTail> = (0..count).map(stage).collect();
        stages.retain(|stage| stage.slow_mean > 0.0 || stage.usual_mean > 0.0);
        stages.sort_by(|one, other| other.share.value.total_cmp(&one.share.value));
        let pairs: Vec<(f64, f64)> =
            parts.iter().zip(&whole).map(|(part, whole)| (*whole, part.slow.requests as f64)).collect();
        let slow = parts.iter().map(|part| part.slow.requests).sum();
        let replications = parts.len();
        let mut slowest: Vec<Slow> = parts.into_iter().flat_map(|part| part.slowest).collect();
        keep_slowest(&mut slowest);
        Tail { p, threshold, replications, slow, excess: interval::ratio(&pairs, case.confidence), stages, slowest }
    }
}

/// Replays one replication until the request of this number has ended; nothing when there is no such request.
pub fn replay(case: &Case, replication: usize, serial: u64) -> Option<Followed> {
    let found = AtomicBool::new(false);
    let mut way = None;
    let mut told = |followed: Followed| {
        way = Some(followed);
        found.store(true, Ordering::Relaxed);
    };
    let source = (case.traffic)(case.seed, replication as u64);
    let options = case.options(replication, Some(&found));
    let _: Run = follow(&case.program, source, &options, &|number| number == serial, &mut told);
    way
}

/// The frames of a request that took time, or decided something, in order.
pub fn told(program: &Program, followed: &Followed) -> Vec<Frame> {
    use crate::program::Instruction::*;
    let tells = |frame: &&Frame| {
        let decides = matches!(
            program.code[frame.place as usize],
            Limit { .. }
                | Lookup { .. }
                | Serve { .. }
                | Hold { .. }
                | Choose { .. }
                | Connect { .. }
                | Answer { .. }
                | Fork { .. }
        );
        decides || frame.left > frame.arrived || frame.cut
    };
    followed.frames.iter().filter(tells).copied().collect()
}

/// Time that the frames of a request add up to, and the part of it spent waiting.
pub fn totals(frames: &[Frame]) -> (Span, Span) {
    let sum = |of: &dyn Fn(&Frame) -> u64| Span(frames.iter().map(of).sum());
    (sum(&|frame| Time(frame.left.0).since(frame.arrived).0), sum(&|frame| frame.wait.0))
}

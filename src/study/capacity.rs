//! How much a system can take, or how little does: the highest (or lowest) value of a field at which all objectives are met,
//! with stated confidence.
//!
//! A bracket is found by doubling or halving, then halved in turn. At every point replications are run in waves until each
//! objective is confirmed or refuted, or the largest wave is done; all points see the same users with the same luck, so that
//! what is measured changes smoothly from one to the next. The error of the answer is shared out evenly over the tests that
//! lead to it (Bonferroni). A quantile is tested by the share of requests beyond the limit, which needs no density.

use super::case::Case;
use super::estimate::{Estimates, Metric, ResourceEstimates};
use super::objective::{self, Verdict};
use super::replicate::{Sample, ThreadError, Watch, go_on, replicate};
use crate::exec::{Executor, ResourceKind};
use crate::program::{LimitScope, Program};
use crate::scenario::{Field, Objective};
use crate::stats::Interval;
use std::cmp::Ordering;
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Mutex, PoisonError};

/// Replications of a wave grow by this factor.
const GROWTH: usize = 4;
/// Doublings or halvings before a bracket is given up.
const REACH: usize = 24;
/// Points tried at most.
const POINTS: usize = 60;
/// Requests below which nothing is confirmed or refuted.
const FEW: u64 = 100;
/// Tests among which the error is shared out: those of the points next to the answer, wave by wave.
const TESTS: f64 = 10.0;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The field that is varied.
    pub field: Field,
    /// What has to be met.
    pub objectives: Vec<Objective>,
    /// Whether the highest or the lowest value is wanted; nothing to find out which.
    pub end: Option<End>,
    /// Values that are not left: lowest and highest.
    pub within: (f64, f64),
    /// Distance of the two values around the answer, relative to it.
    pub precision: f64,
    /// Confidence of the answer.
    pub confidence: f64,
    /// Replications of the first wave.
    pub replications: usize,
    /// Replications of the last wave.
    pub most: usize,
}

/// Which end of the range of good values is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More makes things worse: the highest value that does.
    Highest,
    /// More makes things better: the lowest value that does.
    Lowest,
}

/// An objective at a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// The objective as written.
    pub objective: String,
    /// What is limited.
    pub metric: Metric,
    /// Its limit: nanoseconds, a share, requests a second.
    pub limit: f64,
    /// The estimate with its interval at the confidence of the study.
    pub interval: Interval,
    /// Whether it is confirmed or refuted at the confidence of the search.
    pub verdict: Verdict,
}

impl Tested {
    /// How near the limit is: the estimate over the limit, or the other way round for what must not be too small; above one
    /// it is missed.
    pub fn fill(&self, below: bool) -> f64 {
        let fill = if below { self.interval.value / self.limit } else { self.limit / self.interval.value };
        if fill.is_nan() { f64::INFINITY } else { fill }
    }
}

/// How full a resource or quota is.
#[derive(Clone, Debug, PartialEq)]
pub struct Pressure {
    /// Stage and purpose.
    pub name: String,
    /// Its kind.
    pub kind: ResourceKind,
    /// Part that is used: of the busiest target's time, or of a bucket's rate.
    pub used: f64,
    /// Share of the requests that it turned away.
    pub refused: f64,
    /// Mean wait for it, in nanoseconds; not a number where nobody waits.
    pub wait: f64,
}

/// What was found at one value.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The value.
    pub value: f64,
    /// The worst verdict on the objectives.
    pub verdict: Verdict,
    /// Why there are no numbers: the system is unstable, or the value is not allowed.
    pub trouble: Option<String>,
    /// Replications behind it.
    pub replications: usize,
    /// The objectives.
    pub tested: Vec<Tested>,
    /// Resources, the fullest first.
    pub pressures: Vec<Pressure>,
    /// The largest fill of an objective.
    fill: f64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// Which end was wanted.
    pub end: End,
    /// The last value that is confirmed to do; nothing when none was.
    pub good: Option<f64>,
    /// The first value that is refuted; nothing when none was.
    pub bad: Option<f64>,
    /// Where the objectives are just met, by interpolation; nothing without a value on both sides.
    pub estimate: Option<f64>,
    /// The objective that ends it, as written.
    pub binding: Option<String>,
    /// Every point, in the order of the values.
    pub tried: Vec<Tried>,
}

impl Capacity {
    /// The point that is confirmed.
    pub fn best(&self) -> Option<&Tried> {
        self.tried.iter().find(|tried| Some(tried.value) == self.good)
    }

    /// Resources at the end of the good values, the limiting one first, then the next behind it.
    pub fn limits(&self) -> &[Pressure] {
        let at = self.best().or_else(|| self.tried.iter().find(|tried| Some(tried.value) == self.bad));
        at.map_or(&[], |tried| &tried.pressures)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CapacityError {
    /// Threads.
    #[error(transparent)]
    Threads(#[from] ThreadError),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// Nothing depends on the field.
    #[error("the objectives are the same whatever `{0}` is")]
    Indifferent(String),
    /// The first value already is refused.
    #[error("{0}")]
    Refused(String),
}

/// Gives the case of a value, or why the value is not allowed.
pub type Cases<'a> = dyn Fn(f64) -> Result<Case, String> + 'a;

/// Is told of every point as soon as it was tried.
pub type Told<'a> = dyn Fn(&Tried) + 'a;

/// How points are run.
#[derive(Clone, Copy, Debug)]
pub struct Runner<'a> {
    /// What runs the programs.
    pub executor: Executor,
    /// Threads to use.
    pub threads: usize,
    /// Set from outside to end the search.
    pub cancel: &'a AtomicBool,
}

impl Runner<'_> {
    /// All replications of a case, those of an earlier wave taken over.
    pub fn sample(&self, case: &Case, earlier: Option<Sample>) -> Result<Sample, CapacityError> {
        struct Shelf(Mutex<Option<Sample>>);
        impl Watch for Shelf {
            fn finished(&self, _case: usize, sample: Sample) {
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample);
            }
        }
        let shelf = Shelf(Mutex::new(None));
        match earlier {
            Some(sample) => go_on(case, sample, self.executor, self.threads, self.cancel, &shelf)?,
            None => replicate(&[case], self.executor, self.threads, self.cancel, &shelf)?,
        }
        let sample = shelf.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        sample.filter(|_| !self.cancel.load(atomic::Ordering::Relaxed)).ok_or(CapacityError::Interrupted)
    }
}

/// Searches.
///
/// # Errors
/// When the search is interrupted, threads cannot be started, the value to begin with is not allowed, or nothing depends on
/// the field.
pub fn search(
    question: &Question,
    cases: &Cases<'_>,
    runner: Runner<'_>,
    told: &Told<'_>,
) -> Result<Capacity, CapacityError> {
    let mut search = Search { question, cases, runner, told, tried: Vec::new() };
    let start = question.field.round(question.field.number.clamp(question.within.0, question.within.1));
    let first = search.at(start)?;
    if let (Some(trouble), true) = (&first.trouble, first.replications == 0) {
        return Err(CapacityError::Refused(trouble.clone()));
    }
    let end = match question.end {
        Some(end) => end,
        None => search.direction(&first)?,
    };
    let (good, bad) = search.bracket(end, first)?;
    let (good, bad) = match (good, bad) {
        (Some(good), Some(bad)) => search.narrow(good, bad)?,
        ends => ends,
    };
    Ok(search.answer(end, good, bad))
}

/// Waves at one value until every objective is confirmed or one is refuted; with the last wave, if there was one.
pub(super) fn settle(
    question: &Question,
    value: f64,
    cases: &Cases<'_>,
    runner: Runner<'_>,
) -> Result<(Tried, Option<(Case, Sample)>), CapacityError> {
    let mut case = match cases(value) {
        Ok(case) => case,
        Err(trouble) => return Ok((refused(value, trouble), None)),
    };
    // The test decides when there are enough.
    (case.replications, case.precision) = (question.replications.max(2), None);
    case.objectives = question.objectives.clone();
    let confidence = case.confidence;
    let mut earlier = None;
    loop {
        case.confidence = 1.0 - (1.0 - question.confidence) / TESTS;
        let sample = runner.sample(&case, earlier)?;
        let verdicts = verdicts(&Estimates::of(&case, &sample), &question.objectives);
        case.confidence = confidence;
        let tried = tried(value, &case, &sample, &verdicts, &question.objectives);
        if tried.verdict != Verdict::Inconclusive || case.replications >= question.most {
            return Ok((tried, Some((case, sample))));
        }
        case.replications = (case.replications * GROWTH).min(question.most);
        earlier = Some(sample);
    }
}

struct Search<'a> {
    question: &'a Question,
    cases: &'a Cases<'a>,
    runner: Runner<'a>,
    told: &'a Told<'a>,
    tried: Vec<Tried>,
}

impl Search<'_> {
    /// Tries a value, unless it was tried.
    fn at(&mut self, value: f64) -> Result<Tried, CapacityError> {
        if let Some(known) = self.tried.iter().find(|tried| tried.value == value) {
            return Ok(known.clone());
        }
        let (tried, _) = settle(self.question, value, self.cases, self.runner)?;
        (self.told)(&tried);
        self.tried.push(tried.clone());
        Ok(tried)
    }

    /// Whether more makes things worse or better, from a point with twice as much, or more.
    fn direction(&mut self, first: &Tried) -> Result<End, CapacityError> {
        for factor in [2.0, 0.5, 4.0, 0.25, 16.0] {
            let value = self.question.field.round(first.value * factor);
            if value == first.value || value < self.question.within.0 || value > self.question.within.1 {
                continue;
            }
            let other = self.at(value)?;
            if other.replications == 0 {
                continue;
            }
            let (more, less) = if factor > 1.0 { (&other, first) } else { (first, &other) };
            match more.fill.partial_cmp(&less.fill) {
                Some(Ordering::Greater) => return Ok(End::Highest),
                Some(Ordering::Less) => return Ok(End::Lowest),
                _ => {}
            }
        }
        Err(CapacityError::Indifferent(self.question.field.path.clone()))
    }

    /// Doubles or halves until there is a value that does and one that does not.
    fn bracket(&mut self, end: End, first: Tried) -> Result<(Option<f64>, Option<f64>), CapacityError> {
        let outward = if end == End::Highest { 2.0 } else { 0.5 };
        let (mut good, mut bad) = (None, None);
        let mut point = first;
        let mut factor = match point.verdict {
            Verdict::Missed => 1.0 / outward,
            _ => outward,
        };
        for _ in 0..REACH {
            match point.verdict {
                Verdict::Met => good = Some(point.value),
                Verdict::Missed => bad = Some(point.value),
                Verdict::Inconclusive => {}
            }
            match (good, bad) {
                (Some(_), Some(_)) => break,
                (Some(_), None) => factor = outward,
                (None, Some(_)) => factor = 1.0 / outward,
                (None, None) => {}
            }
            let (low, high) = self.question.within;
            let next = self.question.field.round((point.value * factor).clamp(low, high));
            if next == point.value {
                break;
            }
            point = self.at(next)?;
        }
        Ok((good, bad))
    }

    /// Narrows a bracket: the middle while points can be told, then from both sides up to where they cannot.
    fn narrow(&mut self, good: f64, bad: f64) -> Result<(Option<f64>, Option<f64>), CapacityError> {
        let (mut good, mut bad) = (good, bad);
        // The points that cannot be told, nearest to either side.
        let mut open: Option<(f64, f64)> = None;
        while self.tried.len() < POINTS {
            let (near_good, near_bad) = open.map_or((bad, good), |open| open);
            let next = match open {
                None => self.between(good, bad),
                Some(_) => self.between(good, near_good).or_else(|| self.between(near_bad, bad)),
            };
            let Some(next) = next else { break };
            match self.at(next)?.verdict {
                Verdict::Met => {
                    good = next;
                    // Beyond what could not be told: that is behind us.
                    open = open.filter(|open| !is_between(open.0, good, bad)).map_or(open, |_| None);
                }
                Verdict::Missed => {
                    bad = next;
                    open = open.filter(|open| is_between(open.1, good, bad));
                }
                Verdict::Inconclusive => {
                    open = Some(match open {
                        None => (next, next),
                        Some((first, last)) if is_between(next, good, first) => (next, last),
                        Some((first, _)) => (first, next),
                    });
                }
            }
            open = open.filter(|open| is_between(open.0, good, bad) && is_between(open.1, good, bad));
        }
        Ok((Some(good), Some(bad)))
    }

    /// A value between two, when they are farther apart than asked.
    fn between(&self, one: f64, other: f64) -> Option<f64> {
        let (low, high) = (one.min(other), one.max(other));
        let field = &self.question.field;
        if high - low <= self.question.precision * low && (!field.whole || high - low <= 1.0) {
            return None;
        }
        if field.whole && high - low <= 1.0 {
            return None;
        }
        let middle = if high > 1.5 * low { (low * high).sqrt() } else { 0.5 * (low + high) };
        let middle = field.round(middle);
        (middle > low && middle < high).then_some(middle)
    }

    fn answer(mut self, end: End, good: Option<f64>, bad: Option<f64>) -> Capacity {
        self.tried.sort_by(|one, other| one.value.total_cmp(&other.value));
        let objectives = &self.question.objectives;
        let at = |value: Option<f64>| self.tried.iter().find(|tried| Some(tried.value) == value);
        // The objective that is fullest where it is refuted; there, one that is refused altogether says nothing.
        let judged = at(bad).filter(|tried| !tried.tested.is_empty()).or_else(|| at(good));
        let fullest = judged.and_then(|tried| {
            let fills = tried.tested.iter().zip(objectives).map(|(tested, one)| (tested, tested.fill(one.below)));
            fills.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(tested, _)| tested.objective.clone())
        });
        Capacity { end, good, bad, estimate: estimate(&self.tried), binding: fullest, tried: self.tried }
    }
}

/// Where the largest fill passes one, by interpolation of its logarithm between the two values around.
fn estimate(tried: &[Tried]) -> Option<f64> {
    let known: Vec<&Tried> = tried.iter().filter(|tried| tried.fill.is_finite() && tried.fill > 0.0).collect();
    let pair = known.windows(2).find(|pair| (pair[0].fill < 1.0) != (pair[1].fill < 1.0))?;
    let logs = [0, 1].map(|side| crate::math::ln(pair[side].fill));
    let part = logs[0] / (logs[0] - logs[1]);
    Some(pair[0].value + part * (pair[1].value - pair[0].value))
}

fn is_between(value: f64, one: f64, other: f64) -> bool {
    value > one.min(other) && value < one.max(other)
}

fn refused(value: f64, trouble: String) -> Tried {
    let (tested, pressures) = (Vec::new(), Vec::new());
    let (verdict, fill) = (Verdict::Missed, f64::INFINITY);
    Tried { value, verdict, trouble: Some(trouble), replications: 0, tested, pressures, fill }
}

/// Verdicts at the confidence of the estimates. A system that does not keep up misses whatever must stay below a limit.
fn verdicts(estimates: &Estimates, objectives: &[Objective]) -> Vec<Verdict> {
    let verdict = |objective: &Objective| {
        if !estimates.status.is_complete() {
            return Verdict::Missed;
        }
        let class = objective::class(objective);
        let offered = estimates.measure_of(class, Metric::Offered).map_or(0, |offered| offered.observations);
        if offered < FEW {
            return Verdict::Inconclusive;
        }
        let (interval, limit, below) = match objective::metric(objective) {
            Metric::Quantile(p) => (estimates.share_above(class, objective.limit), 1.0 - p, objective.below),
            metric => {
                let interval = estimates.measure_of(class, metric).map_or(Interval::UNKNOWN, |one| one.interval);
                (interval, objective.limit, objective.below)
            }
        };
        Verdict::of(&interval, limit, below)
    };
    objectives.iter().map(verdict).collect()
}

fn tried(value: f64, case: &Case, sample: &Sample, verdicts: &[Verdict], objectives: &[Objective]) -> Tried {
    let estimates = Estimates::of(case, sample);
    let complete = estimates.status.is_complete();
    let tested = objectives.iter().zip(verdicts).map(|(objective, verdict)| {
        let metric = objective::metric(objective);
        let measure = estimates.measure_of(objective::class(objective), metric).filter(|_| complete);
        Tested {
            objective: objective.text.clone(),
            metric,
            limit: objective.limit,
            interval: measure.map_or(Interval::UNKNOWN, |measure| measure.interval),
            verdict: *verdict,
        }
    });
    let tested: Vec<Tested> = tested.collect();
    let fills = tested.iter().zip(objectives).map(|(tested, objective)| tested.fill(objective.below));
    Tried {
        value,
        verdict: verdicts.iter().copied().max().unwrap_or(Verdict::Met),
        trouble: (!complete).then(|| estimates.status.word().to_owned()),
        replications: sample.runs.len(),
        fill: fills.fold(0.0, f64::max),
        tested,
        pressures: pressures(&case.program, &estimates),
    }
}

/// Resources and quotas, the fullest first; those that turn requests away before all others.
pub fn pressures(program: &Program, estimates: &Estimates) -> Vec<Pressure> {
    let mut all: Vec<Pressure> = estimates.resources.iter().filter_map(|one| pressure(program, one)).collect();
    all.sort_by(|one, other| {
        let key = |pressure: &Pressure| (pressure.refused > super::streams::NEGLIGIBLE, pressure.used);
        let (one, other) = (key(one), key(other));
        other.0.cmp(&one.0).then(other.1.total_cmp(&one.1))
    });
    all
}

fn pressure(program: &Program, resource: &ResourceEstimates) -> Option<Pressure> {
    let used = match resource.kind {
        ResourceKind::Bucket => {
            let spec = program.buckets.iter().find(|spec| spec.name == resource.name)?;
            if spec.scope != LimitScope::Shared {
                return None;
            }
            resource.arrivals.value / spec.rate
        }
        ResourceKind::Station | ResourceKind::Pool => resource.busiest,
        ResourceKind::Connections if resource.units > 0 => resource.busiest,
        _ => return None,
    };
    let (name, kind, refused) =
        (resource.name.clone(), resource.kind, resource.refused.value + resource.abandoned.value);
    used.is_finite().then_some(Pressure { name, kind, used, refused, wait: resource.wait.value })
}

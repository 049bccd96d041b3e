//! A scenario as a study runs it: the program, the traffic, and how long and how often.

use super::estimate::Metric;
use super::objective;
use super::stop::Precision;
use crate::exec::{Options, Plan, Source};
use crate::pricing::Costing;
use crate::program::{Guard, Program};
use crate::scenario::{Asked, Objective, Scenario};
use crate::time::{Span, Time};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Gives the arrivals of a replication: a function of seed and number of the replication.
pub type Traffic = Box<dyn Fn(u64, u64) -> Box<dyn Source> + Send + Sync>;

/// One scenario, ready to be run any number of times.
pub struct Case {
    /// Name, unique in a study.
    pub name: String,
    /// The question the scenario answers; may be empty.
    pub title: String,
    /// What happens to a request.
    pub program: Program,
    /// Where requests come from.
    pub traffic: Traffic,
    /// The plan behind it, for whoever wants to know the law of the arrivals; nothing when there is no plan.
    pub users: Option<Arc<crate::traffic::Traffic>>,
    /// How long requests arrive.
    pub duration: Span,
    /// How much of the start is not measured, at least; shorter than the duration.
    pub warmup: Span,
    /// Whether the pilot runs may make the warm-up longer, as far as MSER-5 says.
    pub seeks_warmup: bool,
    /// Whether the law of the load is the same at any time, so that there may be a steady state.
    pub steady: bool,
    /// Length of an interval of the series; nothing for a round one of at most 600.
    pub interval: Option<Span>,
    /// Limits that end a run as unstable.
    pub guard: Guard,
    /// Master seed.
    pub seed: u64,
    /// Number of replications, at least one; the first wave where a precision is asked for.
    pub replications: usize,
    /// The precision that more replications are run for; nothing for a fixed number of them.
    pub precision: Option<Precision>,
    /// Whether there is one long run cut into batches, instead of replications.
    pub batches: bool,
    /// Whether means are corrected by what is known of the load.
    pub control_variates: bool,
    /// Quantiles to estimate besides the standard ones and those of the objectives.
    pub percentiles: Vec<f64>,
    /// What is asked of the scenario.
    pub objectives: Vec<Objective>,
    /// Confidence of every interval, such as 0.95.
    pub confidence: f64,
    /// How its bill is made; nothing for no bill.
    pub costing: Option<Costing>,
}

impl Case {
    /// The case of a scenario, under a name that is unique in the study.
    pub fn new(name: &str, scenario: Scenario) -> Case {
        let users = Arc::new(scenario.traffic);
        let traffic = users.clone();
        let steady = traffic.is_steady();
        Case {
            name: name.to_owned(),
            title: scenario.title,
            program: scenario.program,
            traffic: Box::new(move |seed, replication| traffic.source(seed, replication)),
            users: Some(users),
            duration: scenario.duration,
            warmup: scenario.warmup,
            seeks_warmup: scenario.seeks_warmup,
            steady,
            interval: scenario.interval,
            guard: scenario.guard,
            seed: scenario.seed,
            replications: scenario.replications as usize,
            precision: scenario.precision.as_ref().map(|asked| precision(asked, &scenario.objectives)),
            batches: scenario.batches,
            control_variates: scenario.control_variates,
            percentiles: scenario.percentiles,
            objectives: scenario.objectives,
            confidence: scenario.confidence,
            costing: Some(scenario.costing),
        }
    }

    /// How it runs unless told otherwise.
    pub fn plan(&self) -> Plan {
        Plan::of(&self.program, &|| (self.traffic)(self.seed, 0))
    }

    /// Asks for this relative error of mean, p99 and the quantiles of objectives, within the budget there is.
    pub fn ask_precision(&mut self, relative: f64) {
        let budget = self.precision.as_ref().map(|precision| (precision.replications, precision.requests));
        let (replications, requests) = budget.unwrap_or((Asked::REPLICATIONS as usize, Asked::REQUESTS));
        let asked =
            Asked { relative, metrics: Vec::new(), max_replications: replications as u32, max_requests: requests };
        self.precision = Some(precision(&asked, &self.objectives));
    }

    /// What the executor is told about one replication.
    pub fn options<'a>(&self, replication: usize, cancel: Option<&'a AtomicBool>) -> Options<'a> {
        Options {
            seed: self.seed,
            replication: replication as u64,
            from: Time(self.warmup.0),
            until: Time(self.duration.0),
            interval: self.interval,
            guard: self.guard,
            trace: self.batches,
            cancel,
        }
    }

    /// The quantiles that objectives limit or that a precision is asked for, in order: the tails that the warm-up looks at.
    pub fn watched(&self) -> Vec<f64> {
        let limited = self.objectives.iter().map(objective::metric);
        let precise = self.precision.iter().flat_map(|precision| precision.targets.iter().map(|target| target.0));
        let quantile = |metric| if let Metric::Quantile(p) = metric { Some(p) } else { None };
        let mut quantiles: Vec<f64> = limited.chain(precise).filter_map(quantile).collect();
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        quantiles
    }

    /// Length of the measured time after the least warm-up.
    pub fn measured(&self) -> Span {
        self.measured_after(self.warmup)
    }

    /// Confidence of each single interval around a result. Where the number of replications depends on what the first of them
    /// show, the error is halved: waves end rather when their spread happens to be small, and intervals of 95 % that end so hold a p99
    /// in 91 % of experiments only (M/M/1 at utilisation 0.9, two to four looks).
    pub fn level(&self) -> f64 {
        match self.precision {
            Some(_) => 1.0 - (1.0 - self.confidence) / 2.0,
            None => self.confidence,
        }
    }

    /// Length of the measured time after a warm-up.
    pub fn measured_after(&self, warmup: Span) -> Span {
        Span(self.duration.0.saturating_sub(warmup.0))
    }
}

/// The precision asked for: what the scenario says of single metrics; else its one number for mean and p99 and for the
/// quantiles of objectives, twice as much beyond p99.
fn precision(asked: &Asked, objectives: &[Objective]) -> Precision {
    let mut targets: Vec<(Metric, f64)> =
        asked.metrics.iter().map(|&(measured, relative)| (objective::metric_of(measured), relative)).collect();
    let by_objective = objectives.iter().filter(|one| one.class.is_none()).map(objective::metric);
    let wanted = [Metric::Mean, Metric::Quantile(0.99)].into_iter().chain(by_objective);
    for metric in wanted {
        let relative = match metric {
            Metric::Quantile(p) if p > 0.99 => 2.0 * asked.relative,
            Metric::Mean | Metric::Quantile(_) => asked.relative,
            Metric::Offered | Metric::Throughput | Metric::Errors => continue,
        };
        if asked.metrics.is_empty() && targets.iter().all(|target| target.0 != metric) {
            targets.push((metric, relative));
        }
    }
    Precision { targets, replications: asked.max_replications as usize, requests: asked.max_requests }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({}, seed {}, {} replications of {})", self.name, self.seed, self.replications, self.duration)
    }
}

//! A scenario as a study runs it: the program, the traffic, and how long and how often.

use crate::exec::{Options, Plan, Source};
use crate::pricing::Costing;
use crate::program::{Guard, Program};
use crate::scenario::{Objective, Scenario};
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
    /// How much of the start is not measured; shorter than the duration.
    pub warmup: Span,
    /// Length of an interval of the series; nothing for a round one of at most 600.
    pub interval: Option<Span>,
    /// Limits that end a run as unstable.
    pub guard: Guard,
    /// Master seed.
    pub seed: u64,
    /// Number of replications, at least one.
    pub replications: usize,
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
        Case {
            name: name.to_owned(),
            title: scenario.title,
            program: scenario.program,
            traffic: Box::new(move |seed, replication| traffic.source(seed, replication)),
            users: Some(users),
            duration: scenario.duration,
            warmup: scenario.warmup,
            interval: scenario.interval,
            guard: scenario.guard,
            seed: scenario.seed,
            replications: scenario.replications as usize,
            objectives: scenario.objectives,
            confidence: scenario.confidence,
            costing: Some(scenario.costing),
        }
    }

    /// How it runs unless told otherwise.
    pub fn plan(&self) -> Plan {
        Plan::of(&self.program, &|| (self.traffic)(self.seed, 0))
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
            trace: false,
            cancel,
        }
    }

    /// Length of the measured time.
    pub fn measured(&self) -> Span {
        Span(self.duration.0.saturating_sub(self.warmup.0))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({}, seed {}, {} replications of {})", self.name, self.seed, self.replications, self.duration)
    }
}

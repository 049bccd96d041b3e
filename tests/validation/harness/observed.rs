//! What one replication, or several of them together, showed: totals and histograms that can be added.

use std::collections::BTreeMap;

use gatepath::exec::{Resource, Run};
use gatepath::program::{Answered, Program};
use gatepath::stats::Histogram;

use super::presence::Presence;

/// Totals over one or more replications. Times in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Replications.
    pub runs: u32,
    /// Measured time.
    pub time: f64,
    /// Requests born in it.
    pub offered: u64,
    /// Requests served that ended in it.
    pub served: u64,
    /// Latencies by class and kind of end.
    pub latency: Vec<(String, Answered, Histogram)>,
    /// Stations, pools, caches and so on, by name.
    pub resources: BTreeMap<String, Seen>,
    /// How many were present when, if that was asked for.
    pub presence: Option<Presence>,
}

/// Totals of one resource.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Servers or permits, all targets together.
    pub units: f64,
    /// Requests that came.
    pub arrivals: u64,
    /// Requests turned away.
    pub refused: u64,
    /// Cache hits, warm connections.
    pub hits: u64,
    /// Time of service or of holding.
    pub busy: f64,
    /// Time of entries or idle connections kept.
    pub kept: f64,
    /// Waits of those who were served.
    pub wait: Histogram,
}

impl Observed {
    /// The figures of one run.
    pub fn of(run: &Run, program: &Program, presence: Option<Presence>) -> Observed {
        let mut observed = Observed {
            runs: 1,
            time: run.measured.0 as f64,
            offered: run.offered,
            served: run.served,
            presence,
            ..Observed::default()
        };
        for answers in &run.answers {
            let class = program.classes.get(answers.class as usize).cloned().unwrap_or_default();
            let kind = program.outcomes[answers.outcome as usize].answered;
            observed.add_latency(&class, kind, &answers.latency);
        }
        observed.resources = run.resources.iter().map(|resource| (resource.name.clone(), Seen::of(resource))).collect();
        observed
    }

    /// Several together.
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Observed>) -> Observed {
        let mut sum = Observed::default();
        all.into_iter().for_each(|one| sum.add(one));
        sum
    }

    fn add(&mut self, other: &Observed) {
        self.runs += other.runs;
        self.time += other.time;
        self.offered += other.offered;
        self.served += other.served;
        for (class, kind, latency) in &other.latency {
            self.add_latency(class, *kind, latency);
        }
        for (name, seen) in &other.resources {
            self.resources.entry(name.clone()).or_default().add(seen);
        }
        match (&mut self.presence, &other.presence) {
            (Some(mine), Some(theirs)) => mine.add(theirs),
            (mine, theirs) => *mine = theirs.clone(),
        }
    }

    fn add_latency(&mut self, class: &str, kind: Answered, latency: &Histogram) {
        match self.latency.iter_mut().find(|(c, k, _)| c == class && *k == kind) {
            Some((.., mine)) => mine.merge(latency),
            None => self.latency.push((class.to_owned(), kind, latency.clone())),
        }
    }

    /// Latencies of a class (of all without a name) that ended in one of the ways given.
    pub fn latency(&self, class: Option<&str>, kinds: &[Answered]) -> Histogram {
        let mut all = Histogram::default();
        let wanted = |name: &str, kind| class.is_none_or(|class| class == name) && kinds.contains(kind);
        let latencies = self.latency.iter().filter(|(name, kind, _)| wanted(name, kind));
        latencies.for_each(|(.., latency)| all.merge(latency));
        all
    }
}

impl Seen {
    fn of(resource: &Resource) -> Seen {
        Seen {
            units: resource.units as f64 * resource.targets as f64,
            arrivals: resource.arrivals,
            refused: resource.refused,
            hits: resource.hits,
            busy: resource.busy.iter().map(|&busy| busy as f64).sum(),
            kept: resource.kept as f64,
            wait: resource.wait.clone(),
        }
    }

    fn add(&mut self, other: &Seen) {
        self.units = other.units;
        self.arrivals += other.arrivals;
        self.refused += other.refused;
        self.hits += other.hits;
        self.busy += other.busy;
        self.kept += other.kept;
        self.wait.merge(&other.wait);
    }
}

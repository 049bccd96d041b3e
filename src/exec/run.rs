//! What one replication leaves behind: integer counts and histograms, equal for every executor.

use std::sync::atomic::AtomicBool;

use crate::program::Guard;
use crate::stats::histogram::Histogram;
use crate::stats::series::Series;
use crate::time::{Span, Time};

/// What to run and what to keep of it.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Master seed.
    pub seed: u64,
    /// Number of the replication.
    pub replication: u64,
    /// Start of the measured time: requests born before it are warm-up.
    pub from: Time,
    /// End of the measured time and of the arrivals; the run then goes on until every request has ended.
    pub until: Time,
    /// Length of an interval of the series; nothing chooses a round one.
    pub interval: Option<Span>,
    /// Limits that end a run.
    pub guard: Guard,
    /// Keep a record of every request.
    pub trace: bool,
    /// Set from outside to end the run early.
    pub cancel: Option<&'a AtomicBool>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every request ended.
    Complete,
    /// A backlog grew beyond the guard; no estimate of this run means anything.
    Unstable {
        /// The station or pool, or `requests in flight`.
        place: String,
    },
    /// Cancelled from outside.
    Interrupted,
    /// Every request ended, and yet a conservation law is broken: an error of this program, not of the model.
    Inconsistent {
        /// The law, with its figures.
        law: String,
    },
}

/// Every request and every token of a run, for the conservation laws.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Requests born.
    pub born: u64,
    /// Requests served as asked.
    pub served: u64,
    /// Requests that ended with an error after work was tried.
    pub failed: u64,
    /// Requests turned away.
    pub rejected: u64,
    /// Requests whose client gave up.
    pub gave_up: u64,
    /// Attempts repeated by the client.
    pub repeated: u64,
    /// Attempts that came back to the client.
    pub returned: u64,
    /// Attempts the client had given up, which ended unseen.
    pub unseen: u64,
    /// Callers that went on after a deadline, at any depth.
    pub cut: u64,
    /// Called sides that ended unseen, at any depth.
    pub ended_unseen: u64,
    /// Branches started.
    pub forked: u64,
    /// Branches ended.
    pub joined: u64,
    /// Permits, connections, servers and outstanding counts still taken at the end.
    pub still_held: u64,
}

impl Balance {
    /// Checks the conservation laws of a complete run.
    ///
    /// # Errors
    /// The law that is broken, with its figures.
    pub fn check(&self) -> Result<(), String> {
        let laws = [
            ("requests born = served + failed + rejected + given up", self.born, self.ended()),
            ("attempts born + repeated = returned + unseen", self.born + self.repeated, self.returned + self.unseen),
            ("callers cut = called sides that ended unseen", self.cut, self.ended_unseen),
            ("branches forked = branches joined", self.forked, self.joined),
            ("permits held at the end = 0", self.still_held, 0),
        ];
        match laws.iter().find(|(_, left, right)| left != right) {
            Some((law, left, right)) => Err(format!("{law}: {left} against {right}: {self:?}")),
            None => Ok(()),
        }
    }

    fn ended(&self) -> u64 {
        self.served + self.failed + self.rejected + self.gave_up
    }
}

/// Latency of the requests of one class that ended with one outcome, born in the measured time.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// Class number.
    pub class: u16,
    /// Outcome number.
    pub outcome: u16,
    /// From birth (the intended start) to the end as the client sees it, in nanoseconds.
    pub latency: Histogram,
    /// From the moment at which the client sent it (the last time), where that was later for any of them.
    pub from_send: Option<Histogram>,
}

/// What a resource saw in the measured time.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `stage.purpose`.
    pub name: String,
    /// Which kind of operator.
    pub kind: ResourceKind,
    /// Targets in the group.
    pub targets: u32,
    /// Units of each target that can be busy at the same time, at most; zero where that means nothing.
    pub units: u64,
    /// Requests that came.
    pub arrivals: u64,
    /// Requests turned away (a full queue, an empty bucket, a limit).
    pub refused: u64,
    /// Requests that lost patience.
    pub abandoned: u64,
    /// Cache hits, warm connections.
    pub hits: u64,
    /// Nanoseconds of service or of holding, by target.
    pub busy: Vec<u64>,
    /// Where the units change: how many there are of each target from an instant on, from the start; else nothing.
    pub capacity: Vec<(Time, u32)>,
    /// Of connections in a measured time of more than an hour: nanoseconds of open ones, in use or kept, in each hour.
    pub open: Vec<u64>,
    /// Nanoseconds of idle connections kept warm, or of cache entries kept alive.
    pub kept: u64,
    /// Waiting times of those that arrived in the measured time and were not turned away.
    pub wait: Histogram,
}

impl Resource {
    /// Nanoseconds of the units of one target between two instants.
    pub fn available(&self, from: Time, until: Time) -> u64 {
        if self.capacity.is_empty() {
            return self.units * until.since(from).0;
        }
        let ends = self.capacity.iter().skip(1).map(|&(at, _)| at).chain([Time::NEVER]);
        let within = |at: Time| at.clamp(from, until);
        self.capacity.iter().zip(ends).map(|(&(at, units), end)| units as u64 * (within(end) - within(at)).0).sum()
    }
}

/// Kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// Token bucket.
    Bucket,
    /// Cache.
    Cache,
    /// Station of servers.
    Station,
    /// Pool of permits.
    Pool,
    /// Connections or execution environments.
    Connections,
    /// Balancer.
    Balancer,
    /// Retry budget.
    Budget,
}

/// Time spent in a stage, a pass at a time, by requests born in the measured time.
#[derive(Clone, Debug, PartialEq)]
pub struct StageTime {
    /// Time between entering the stage and leaving it for the next, in nanoseconds; a stage that handles request and
    /// answer counts two passes.
    pub pass: Histogram,
}

/// One request as it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Number of the request.
    pub serial: u64,
    /// Intended start.
    pub born: Time,
    /// From there to the moment at which its client sent it (the last time).
    pub before_send: Span,
    /// End as the client sees it.
    pub end: Time,
    /// Class number.
    pub class: u16,
    /// Outcome number.
    pub outcome: u16,
    /// Trail at the end: a fingerprint of the attempts made.
    pub trail: u64,
}

/// The result of one replication.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How it ended.
    pub verdict: Verdict,
    /// Counts of the whole run, warm-up included.
    pub balance: Balance,
    /// Requests born in the measured time.
    pub offered: u64,
    /// Requests served as asked that ended in the measured time.
    pub served: u64,
    /// All requests that ended in the measured time.
    pub ended: u64,
    /// Start of the measured time.
    pub from: Time,
    /// Length of the measured time.
    pub measured: Span,
    /// Latencies by class and outcome, only those that occurred, in order of class and outcome.
    pub answers: Vec<Answers>,
    /// Time by stage, as in `Program::stages`.
    pub stages: Vec<StageTime>,
    /// Resources: buckets, caches, stations, pools, connections, balancers, budgets, each as in the program.
    pub resources: Vec<Resource>,
    /// The ledger: usage in each hour of the measured time (the last may be cut short), as in `Program::meters`; nothing
    /// where there are none.
    pub usage: Vec<Vec<u64>>,
    /// Counts and latencies by interval.
    pub series: Series,
    /// Every request in order of its number, when asked for.
    pub trace: Vec<Record>,
}

impl Run {
    /// Usage of a meter in all of the measured time.
    pub fn used(&self, meter: usize) -> u64 {
        self.usage.iter().filter_map(|hour| hour.get(meter)).sum()
    }

    /// Latency from the intended start of all requests whose class and outcome pass the test.
    pub fn latency(&self, wanted: impl FnMut(u16, u16) -> bool) -> Histogram {
        self.merged(wanted, |answers| &answers.latency)
    }

    /// The same from the moment at which the client sent a request (the last time).
    pub fn latency_from_send(&self, wanted: impl FnMut(u16, u16) -> bool) -> Histogram {
        self.merged(wanted, |answers| answers.from_send.as_ref().unwrap_or(&answers.latency))
    }

    fn merged(&self, mut wanted: impl FnMut(u16, u16) -> bool, of: impl Fn(&Answers) -> &Histogram) -> Histogram {
        let mut all = Histogram::default();
        let wanted = self.answers.iter().filter(|answers| wanted(answers.class, answers.outcome));
        wanted.for_each(|answers| all.merge(of(answers)));
        all
    }
}

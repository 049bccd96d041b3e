//! Specifications of the operators: what a run needs to know of each, without its state.

use super::instruction::{BudgetId, Label, Register, SiteId};
use super::origin::Origin;
use crate::time::Span;

/// A token bucket with continuous refill, starting full.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketSpec {
    /// `stage.purpose`.
    pub name: String,
    /// Tokens a second.
    pub rate: f64,
    /// Tokens it can hold, at least 1.
    pub burst: f64,
    /// Who shares it.
    pub scope: LimitScope,
    /// Where rate and burst come from.
    pub origin: Origin,
}

/// Who shares a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitScope {
    /// All requests.
    Shared,
    /// The requests of one key of one class.
    Key,
    /// The requests of one class.
    Class,
}

/// A cache with state, keyed by class and key.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// `stage.purpose`.
    pub name: String,
    /// How long an entry lives; nothing means for ever.
    pub ttl: Option<Span>,
    /// Whether a hit starts the life anew.
    pub renew: bool,
    /// Entries it can hold, the least recently used leaves first; nothing means without bound.
    pub capacity: Option<u32>,
    /// Whether a miss fills the entry at once; otherwise `Store` does, when the answer is there.
    pub fill_at_once: bool,
}

/// Order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// All share the servers equally, none faster than one server.
    ProcessorSharing,
    /// Class 0 before all other classes, no interruption.
    Priority,
    /// Class 0 interrupts other classes, which resume where they were.
    PreemptivePriority,
}

/// A group of equal stations, each with servers and a bounded queue.
#[derive(Clone, Debug, PartialEq)]
pub struct StationSpec {
    /// `stage.purpose`.
    pub name: String,
    /// Stations in the group.
    pub targets: u32,
    /// Servers of each station.
    pub servers: u32,
    /// Waiting places of each station; nothing means without bound (the guard still ends a run).
    pub queue: Option<u32>,
    /// Order of service.
    pub discipline: Discipline,
    /// Service times are multiplied by this, one a target; empty for equal targets.
    pub slowness: Vec<f64>,
    /// Longest wait before a request leaves unserved.
    pub patience: Option<SiteId>,
    /// Time to switch on a server that finds no work (single servers only).
    pub setup: Option<SiteId>,
    /// Register with the target; nothing means the only one.
    pub target: Option<Register>,
}

/// A group of equal pools of permits, first come first served.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// `stage.purpose`.
    pub name: String,
    /// Pools in the group.
    pub targets: u32,
    /// Permits of each pool.
    pub size: u32,
    /// Waiting places; nothing means without bound.
    pub queue: Option<u32>,
    /// Longest wait before a request leaves without a permit.
    pub patience: Option<SiteId>,
    /// Register with the target.
    pub target: Option<Register>,
    /// What changes the number of permits during a run (one target only); nothing where it is fixed.
    pub scaling: Option<ScalingSpec>,
}

impl PoolSpec {
    /// The most permits a pool can have.
    pub fn most(&self) -> u32 {
        self.scaling.as_ref().map_or(self.size, |scaling| scaling.max.max(self.size))
    }
}

/// Target tracking: at every tick, as many permits as would have been taken for the wanted share of their time since the
/// last tick, rounded up.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingSpec {
    /// Time between ticks; the first is so long after the start.
    pub every: Span,
    /// Wanted share of their time, above 0 and at most 1.
    pub target: f64,
    /// Fewest permits, at least 1.
    pub min: u32,
    /// Most permits.
    pub max: u32,
    /// Time until new permits can be taken.
    pub delay: Span,
    /// Time after any change in which there will not be fewer.
    pub cooldown: Span,
}

/// Connections or execution environments: reused while warm (the most recently used first), opened when none is idle.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionsSpec {
    /// `stage.purpose`.
    pub name: String,
    /// Pools in the group.
    pub targets: u32,
    /// In use at the same time at most.
    pub limit: Option<u32>,
    /// How long an idle one is kept, drawn when it becomes idle; nothing means for ever.
    pub keep_alive: Option<SiteId>,
    /// Always warm, used first, never closed.
    pub provisioned: u32,
    /// Register that tells warm (0), new (1) or provisioned (2).
    pub state: Register,
    /// Register with the target.
    pub target: Option<Register>,
}

impl ConnectionsSpec {
    /// Register value of a reused connection.
    pub const WARM: u32 = 0;
    /// Register value of a new connection.
    pub const NEW: u32 = 1;
    /// Register value of a provisioned one.
    pub const PROVISIONED: u32 = 2;
}

/// How a balancer chooses.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// In turn.
    RoundRobin,
    /// Equal chances.
    Random(SiteId),
    /// Chances by weight: cumulative shares, the last is 1.
    Weighted(SiteId, Vec<f64>),
    /// The same target for the same key.
    HashKey,
    /// By connection: one of so many flows with equal chances; a flow keeps its target, drawn once, for the whole run.
    Flows(SiteId, u32),
    /// The target with the fewest requests in progress, ties at random.
    LeastOutstanding(SiteId),
    /// The better of two (or more) drawn at random without repetition.
    PowerOf(SiteId, u32),
    /// The target given with the arrival, modulo the number of targets.
    Given,
}

impl Choice {
    /// Whether who came first matters.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Choice::RoundRobin | Choice::LeastOutstanding(_) | Choice::PowerOf(..))
    }

    /// Whether it counts requests in progress.
    pub fn counts_outstanding(&self) -> bool {
        matches!(self, Choice::LeastOutstanding(_) | Choice::PowerOf(..))
    }
}

/// A balancer over equal or unequal targets.
#[derive(Clone, Debug, PartialEq)]
pub struct BalancerSpec {
    /// `stage.purpose`.
    pub name: String,
    /// Targets to choose from.
    pub targets: u32,
    /// How.
    pub choice: Choice,
    /// Register that receives the target.
    pub target: Register,
}

/// Time between attempts.
#[allow(missing_docs)] // the variants say what the fields are
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backoff {
    /// Always the same.
    Fixed(Span),
    /// `base`, then twice as long each time, at most `max`.
    Exponential { base: Span, max: Span },
    /// Uniform between zero and the exponential one.
    FullJitter { base: Span, max: Span, site: SiteId },
    /// Drawn from a law.
    Law(SiteId),
}

/// When and how an attempt is repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySpec {
    /// `stage.purpose`.
    pub name: String,
    /// Attempts in all, the first included; nothing means without bound.
    pub attempts: Option<u32>,
    /// Outcomes that are repeated, by outcome number.
    pub on: Vec<bool>,
    /// Time between attempts; a nanosecond at least.
    pub backoff: Backoff,
    /// Budget that must allow it.
    pub budget: Option<BudgetId>,
    /// Register that counts repetitions.
    pub counter: Register,
    /// Depth of calls around it: zero for the client. Set by the builder.
    pub depth: u8,
    /// What tells its repeats from those of other policies: a hash of the name. Set by the builder.
    pub salt: u64,
}

impl RetrySpec {
    /// The shortest back-off the policy can give.
    pub fn smallest_delay(&self) -> Span {
        match self.backoff {
            Backoff::Fixed(span) | Backoff::Exponential { base: span, .. } => Span(span.0.max(1)),
            Backoff::FullJitter { .. } | Backoff::Law(_) => Span(1),
        }
    }
}

/// A retry budget: each first attempt adds a share of a retry, each retry takes one.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetSpec {
    /// `stage.purpose`.
    pub name: String,
    /// Retries earned by one first attempt.
    pub share: f64,
    /// Retries it can hold; it starts full.
    pub cap: f64,
}

/// When a parallel call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Join {
    /// At once: the branches run by themselves.
    None,
    /// When this many branches have succeeded, or all have ended.
    Successes(u32),
}

/// A parallel call.
#[derive(Clone, Debug, PartialEq)]
pub struct ForkSpec {
    /// `stage.purpose`.
    pub name: String,
    /// First instruction of each branch.
    pub branches: Vec<Label>,
    /// Where the caller goes on.
    pub after: Label,
    /// When.
    pub join: Join,
    /// What tells its branches from others: a hash of the name.
    pub salt: u64,
}

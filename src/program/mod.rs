//! Programs: what a scenario compiles to. A program is plain data: instructions in one vector, the specifications of
//! the operators in others. It can be printed, compared and hashed; it holds no state of a run.

pub mod builder;
pub mod forward;
pub mod instruction;
pub mod operator;
pub mod origin;
pub mod parts;
pub mod written;

pub use builder::{BuildError, Builder, Part, Path, Place};
pub use instruction::{
    Amount, Answered, BalancerId, BucketId, BudgetId, CacheId, Condition, ConnectionsId, ForkId, Instruction, Label,
    MeterId, OutcomeId, OutcomeTest, Per, PoolId, Register, RetryId, Service, SiteId, StageId, StationId,
};
pub use operator::{
    Backoff, BalancerSpec, BucketSpec, BudgetSpec, CacheSpec, Choice, ConnectionsSpec, Discipline, ForkSpec, Join,
    LimitScope, PoolSpec, RetrySpec, ScalingSpec, StationSpec,
};
pub use origin::{Grade, Origin, Sourced};
pub use parts::{Lag, Parts, Step};

use crate::law::Law;

/// Registers of a request: choices, retry counters, connection states.
pub const MAX_REGISTERS: usize = 16;
/// Nested calls with a deadline.
pub const MAX_DEPTH: usize = 8;
/// Ranks at and above this belong to deadlines: they come last at their instant, the innermost first.
pub const DEADLINE_RANK: u32 = (1 << 20) - 1 - MAX_DEPTH as u32;
/// Rank of a wait for a permit that runs out of patience: after everything else of its instant but the deadlines.
pub const PATIENCE_RANK: u32 = DEADLINE_RANK - 1;

/// A compiled scenario path.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The instructions; a request starts at the first.
    pub code: Vec<Instruction>,
    /// Rank of each instruction among events of the same instant; zero where the order cannot matter.
    pub rank: Vec<u32>,
    /// Where draws are made, each with its own key.
    pub sites: Vec<Site>,
    /// Stages in order of first appearance.
    pub stages: Vec<Stage>,
    /// Outcomes a request may end with; the first is success.
    pub outcomes: Vec<Outcome>,
    /// Token buckets.
    pub buckets: Vec<BucketSpec>,
    /// Caches with state.
    pub caches: Vec<CacheSpec>,
    /// Service stations.
    pub stations: Vec<StationSpec>,
    /// Permit pools.
    pub pools: Vec<PoolSpec>,
    /// Connection or environment pools that are reused while warm.
    pub connections: Vec<ConnectionsSpec>,
    /// Balancers.
    pub balancers: Vec<BalancerSpec>,
    /// Retry policies.
    pub retries: Vec<RetrySpec>,
    /// Retry budgets.
    pub budgets: Vec<BudgetSpec>,
    /// Parallel calls.
    pub forks: Vec<ForkSpec>,
    /// Usage meters.
    pub meters: Vec<Meter>,
    /// What is there all the time, whether it is used or not.
    pub standing: Vec<Standing>,
    /// Names of the traffic classes; at least one.
    pub classes: Vec<String>,
}

/// A place where a draw is made.
#[derive(Clone, Debug)]
pub struct Site {
    /// Name of the stage in the scenario: part of the key.
    pub stage: String,
    /// What the draw is for, with the number of the visit: the other part of the key.
    pub purpose: String,
    /// The law; nothing for draws of chance.
    pub law: Option<Law>,
    /// Where the numbers come from.
    pub origin: Origin,
}

/// A stage of the path as shown to the user.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// Name in the scenario.
    pub name: String,
    /// Kind, as written in the path.
    pub kind: String,
    /// Limits and other facts the stage uses, for `explain`.
    pub facts: Vec<Fact>,
}

/// A number a stage uses, with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is.
    pub what: String,
    /// The value with its unit.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// How a request may end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status; zero when no answer arrived.
    pub status: u16,
    /// Stage and reason, empty for success.
    pub reason: String,
    /// What kind of end it is.
    pub answered: Answered,
}

impl Outcome {
    /// Whether the request was served as asked.
    pub fn is_good(&self) -> bool {
        self.answered == Answered::Served
    }
}

/// A usage meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Stage that meters.
    pub stage: String,
    /// What is counted, for example `rest_request`.
    pub name: String,
    /// Unit of the count.
    pub unit: String,
}

/// Something that is there all the time: a balancer, an instance, a rule of a web ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Stage that has it.
    pub stage: String,
    /// What it is, for example `alb_hour`.
    pub name: String,
    /// Numerator of how many there are.
    pub count: u64,
    /// Denominator: a task of a quarter of a processor has 1 of 4.
    pub of: u64,
}

/// Limits on a run that guard memory and time; part of the program because they can end a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Requests waiting at one station or pool beyond which the run ends as unstable.
    pub backlog: u32,
    /// Live requests beyond which the run ends as unstable.
    pub in_flight: u32,
}

impl Default for Guard {
    /// 100,000 waiting at one place, 2 million alive: both far beyond any useful operating point.
    fn default() -> Self {
        Guard { backlog: 100_000, in_flight: 2_000_000 }
    }
}

impl Program {
    /// Whether a client may send a request later than it was meant to be sent: again, or after waiting for its turn.
    pub fn sends_later(&self) -> bool {
        self.code.contains(&Instruction::Send)
    }

    /// The first stage with this name.
    pub fn stage(&self, name: &str) -> Option<StageId> {
        self.stages.iter().position(|stage| stage.name == name).map(|index| StageId(index as u16))
    }

    /// A digest of everything that decides results, as hexadecimal text.
    pub fn digest(&self) -> String {
        blake3::hash(format!("{self:?}").as_bytes()).to_hex().to_string()
    }
}

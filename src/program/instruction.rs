//! The closed set of instructions a request runs through.

use super::Outcome;
use crate::rng::Threshold;
use crate::time::Span;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl $name {
            /// The index as `usize`.
            #[inline(always)]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// Place of an instruction in the code.
    Label(u32);
    /// A site of draws.
    SiteId(u16);
    /// A stage.
    StageId(u16);
    /// An outcome.
    OutcomeId(u16);
    /// A token bucket.
    BucketId(u16);
    /// A cache.
    CacheId(u16);
    /// A service station.
    StationId(u16);
    /// A permit pool.
    PoolId(u16);
    /// A pool of connections or execution environments.
    ConnectionsId(u16);
    /// A balancer.
    BalancerId(u16);
    /// A retry policy.
    RetryId(u16);
    /// A retry budget.
    BudgetId(u16);
    /// A parallel call.
    ForkId(u16);
    /// A usage meter.
    MeterId(u16);
    /// A register of the request.
    Register(u8);
}

impl OutcomeId {
    /// Success.
    pub const OK: OutcomeId = OutcomeId(0);
}

/// What kind of end an outcome is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// Served as asked.
    Served,
    /// Answered with an error after work was tried.
    Failed,
    /// Turned away by a limit, a full queue or a rule.
    Rejected,
    /// The caller stopped waiting.
    TimedOut,
}

/// What a delay is multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Per {
    /// Nothing: the delay as drawn.
    Request,
    /// Each KiB (1,024 bytes, fractions count) of the request.
    RequestKib,
    /// Each KiB of the response.
    ResponseKib,
}

/// Where a service time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Drawn at a site.
    Law(SiteId),
    /// Given with the arrival (replayed traces).
    Demand,
}

/// A test on outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeTest {
    /// Served.
    Good,
    /// Anything else.
    Bad,
    /// HTTP status in this range, both ends included.
    Status(u16, u16),
    /// Exactly this outcome.
    Is(OutcomeId),
}

impl OutcomeTest {
    /// Whether an outcome passes the test, among all outcomes of its program.
    pub fn passes(self, id: OutcomeId, outcomes: &[Outcome]) -> bool {
        let outcome = &outcomes[id.index()];
        match self {
            OutcomeTest::Good => outcome.answered == Answered::Served,
            OutcomeTest::Bad => outcome.answered != Answered::Served,
            OutcomeTest::Status(low, high) => (low..=high).contains(&outcome.status),
            OutcomeTest::Is(other) => other == id,
        }
    }
}

/// A condition of a branch; a function of the request alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// With a probability.
    Chance(SiteId, Threshold),
    /// The request is of this class.
    Class(u16),
    /// The request has more bytes.
    RequestAbove(u32),
    /// The response has more bytes.
    ResponseAbove(u32),
    /// The outcome so far.
    Outcome(OutcomeTest),
    /// A register holds a value.
    Holds(Register, u32),
}

/// How much a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// One a pass.
    One,
    /// The bytes of the request.
    RequestBytes,
    /// The bytes of the response.
    ResponseBytes,
    /// Started units of this many bytes of the larger of request and response, at least one.
    UnitsOf(u32),
    /// Started units of this many bytes of the request, at least one.
    RequestUnitsOf(u32),
    /// Started units of this many bytes of the response, at least one.
    ResponseUnitsOf(u32),
    /// Nanoseconds since the current stage was entered.
    StageNanos,
    /// Started milliseconds since the call at this depth, which has this deadline, began; at most the deadline.
    CallMillis {
        /// Depth of the call.
        depth: u8,
        /// Its deadline, as a time from its beginning.
        deadline: Span,
    },
}

/// One instruction. Labels `full` and `late` say where a request goes that is turned away.
#[allow(missing_docs)] // fields are named by their types
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// Time passes.
    Delay { site: SiteId, per: Per },
    /// Goes to a label when the condition holds.
    Branch { on: Condition, to: Label },
    /// Goes to a label.
    Jump { to: Label },
    /// Sets the outcome.
    Answer { outcome: OutcomeId },
    /// Takes a token or goes elsewhere.
    Limit { bucket: BucketId, otherwise: Label },
    /// Looks the key up; a hit goes to a label.
    Lookup { cache: CacheId, hit: Label },
    /// Puts the key into the cache.
    Store { cache: CacheId },
    /// Waits for a server and is served.
    Serve { station: StationId, service: Service, full: Label, late: Label },
    /// Takes a permit and keeps it.
    Hold { pool: PoolId, full: Label, late: Label },
    /// Gives the permit back.
    Free { pool: PoolId },
    /// Chooses a target and writes it to the balancer's register.
    Choose { balancer: BalancerId },
    /// Tells the balancer that the chosen target has answered.
    Release { balancer: BalancerId },
    /// Takes a warm connection or opens a new one; the register tells which.
    Connect { connections: ConnectionsId, full: Label },
    /// Gives the connection back, to be kept warm or closed.
    Disconnect { connections: ConnectionsId, keep: bool },
    /// Starts a call with a deadline after which the caller goes on at `late` and the called side goes on unseen.
    Call { depth: u8, deadline: Option<Span>, late: Label },
    /// Ends the call.
    Return { depth: u8 },
    /// Repeats from a label after a back-off, if the policy says so.
    Retry { policy: RetryId, to: Label },
    /// The client sends; a request without this is sent at its birth.
    Send,
    /// Counts a first attempt towards a retry budget.
    Earn { budget: BudgetId },
    /// Starts branches in parallel.
    Fork { fork: ForkId },
    /// The end of a branch.
    Arrive { fork: ForkId },
    /// Counts usage.
    Meter { meter: MeterId, amount: Amount },
    /// Time from here on belongs to this stage.
    Mark { stage: StageId },
    /// The end of the request.
    End,
}

impl Instruction {
    /// Whether the result depends on who came first.
    pub fn is_ordered(&self, program: &super::Program) -> bool {
        use Instruction::*;
        match self {
            Limit { .. } | Lookup { .. } | Store { .. } | Serve { .. } | Hold { .. } | Free { .. } => true,
            Connect { .. } | Disconnect { .. } | Earn { .. } | Arrive { .. } => true,
            Choose { balancer } => program.balancers[balancer.index()].choice.is_ordered(),
            Release { balancer } => program.balancers[balancer.index()].choice.counts_outstanding(),
            Retry { policy, .. } => program.retries[policy.index()].budget.is_some(),
            Delay { .. } | Branch { .. } | Jump { .. } | Answer { .. } | Call { .. } | Return { .. } => false,
            Fork { .. } | Meter { .. } | Mark { .. } | Send | End => false,
        }
    }

    /// Name of the operator whose state it uses, if any.
    pub fn operator<'a>(&self, program: &'a super::Program) -> Option<&'a str> {
        use Instruction::*;
        Some(match *self {
            Limit { bucket, .. } => &program.buckets[bucket.index()].name,
            Lookup { cache, .. } | Store { cache } => &program.caches[cache.index()].name,
            Serve { station, .. } => &program.stations[station.index()].name,
            Hold { pool, .. } | Free { pool } => &program.pools[pool.index()].name,
            Connect { connections, .. } | Disconnect { connections, .. } => {
                &program.connections[connections.index()].name
            }
            Choose { balancer } | Release { balancer } => &program.balancers[balancer.index()].name,
            Retry { policy, .. } => &program.retries[policy.index()].name,
            Earn { budget } => &program.budgets[budget.index()].name,
            Fork { fork } | Arrive { fork } => &program.forks[fork.index()].name,
            Delay { .. } | Branch { .. } | Jump { .. } | Answer { .. } | Call { .. } | Return { .. } => return None,
            Meter { .. } | Mark { .. } | Send | End => return None,
        })
    }

    /// Whether it gives something back, and so comes first at its instant.
    pub fn gives_back(&self) -> bool {
        matches!(self, Instruction::Free { .. } | Instruction::Release { .. } | Instruction::Disconnect { .. })
    }
}

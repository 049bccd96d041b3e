//! The code of a part as its interpreter reads it: what happens when a request comes to an instruction.

use super::ahead::Place;
use super::token::NO_STAGE;
use crate::program::{
    Amount, BalancerId, BucketId, Condition, ConnectionsId, Instruction, MeterId, OutcomeId, Per, PoolId, Program,
    Register, RetryId, SiteId,
};
use crate::rng::Threshold;
use crate::time::Span;

/// What happens when a request comes to an instruction: jumps and a mark on the way are done with the next instruction.
/// Each has a cache line to itself.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Where the instruction is.
    pub pc: u32,
    /// Its rank; zero where the request leaves.
    pub rank: u32,
    /// The stage that time belongs to from here on, if that changes.
    pub mark: u16,
    /// Where the draw of the instruction is, if it was made ahead.
    pub place: Place,
    /// The instruction itself.
    pub instruction: Instruction,
}

/// The instructions by how they are done. The commonest have forms of their own, with all that can be known before.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// The same time passes for all.
    Pass(Span),
    /// Time passes that is drawn.
    Draw(SiteId),
    /// Goes elsewhere with a probability.
    Chance(SiteId, Threshold, u32),
    /// Goes elsewhere with some outcomes, a bit for each.
    EndsAs(u64, u32),
    /// Goes elsewhere when a register holds a value.
    Holds(Register, u16, u32),
    /// Goes elsewhere when another condition holds.
    Test(Condition, u32),
    /// Usage is counted one by one.
    Count(u16),
    /// Starts a call.
    Call(u8, Option<Span>),
    /// Ends a call.
    Return(u8),
    /// Gives something back, at its own time.
    GiveBack(GiveBack),
    /// Repeats within a budget, if the policy says so; else nothing ordered follows, so the turn does not matter.
    Retry(RetryId),
    /// Whatever else needs no waiting.
    Other,
    /// Takes a permit, or waits for one.
    Hold(PoolId),
    /// Takes a connection, or goes elsewhere.
    Connect(ConnectionsId, u32),
    /// Chooses a target.
    Choose(BalancerId),
    /// Takes a token, or goes elsewhere.
    Limit(BucketId, u32),
    /// Usage is counted.
    Meter(MeterId, Amount),
    /// The request may wait here, or wake others.
    Visit,
    /// The request leaves the part.
    Leave,
}

/// What is given back at its own time: nobody learns of it before somebody asks.
#[derive(Clone, Copy, Debug)]
pub enum GiveBack {
    /// A connection, to be kept or closed. With the rank of the instruction.
    Connection(ConnectionsId, bool, u32),
    /// The answer of a target to its balancer.
    Answer(BalancerId),
    /// A permit, where their number is fixed. With the rank of the instruction.
    Permit(PoolId, u32),
}

impl GiveBack {
    /// What an instruction gives back, if it does so at its own time.
    pub fn of(program: &Program, place: usize) -> Option<GiveBack> {
        match program.code[place] {
            Instruction::Disconnect { connections, keep } if is_kept_for_the_same_time(program, connections) => {
                Some(GiveBack::Connection(connections, keep, program.rank[place]))
            }
            Instruction::Release { balancer } => Some(GiveBack::Answer(balancer)),
            Instruction::Free { pool } if program.pools[pool.index()].scaling.is_none() => {
                Some(GiveBack::Permit(pool, program.rank[place]))
            }
            _ => None,
        }
    }
}

/// The steps of a program of which `members` belong to the part.
pub fn steps(program: &Program, members: &[bool], places: &[Place]) -> Vec<Step> {
    (0..program.code.len()).map(|start| step(program, members, places, start)).collect()
}

fn step(program: &Program, members: &[bool], places: &[Place], start: usize) -> Step {
    let (mut pc, mut mark) = (start, NO_STAGE);
    // Jumps could go in a circle, so not more than a few are followed.
    for _ in 0..4 {
        match program.code[pc] {
            Instruction::Jump { to } => pc = to.index(),
            Instruction::Mark { stage } if members[pc] && mark == NO_STAGE && pc + 1 < program.code.len() => {
                mark = stage.0;
                pc += 1;
            }
            _ => break,
        }
    }
    let instruction = program.code[pc];
    let (action, rank) = match members[pc] {
        true => action(program, pc),
        false => (Action::Leave, 0),
    };
    Step { action, pc: pc as u32, rank, mark, place: places[pc], instruction }
}

/// How an instruction is done, and its rank there: what is given back later needs no turn.
fn action(program: &Program, place: usize) -> (Action, u32) {
    use Instruction::{
        Arrive, Branch, Call, Choose, Connect, Delay, Fork, Free, Hold, Limit, Meter, Retry, Return, Serve,
    };
    if let Some(back) = GiveBack::of(program, place) {
        return (Action::GiveBack(back), 0);
    }
    let (instruction, rank) = (program.code[place], program.rank[place]);
    let same = |site: SiteId| program.sites[site.index()].law.as_ref().map_or(Some(0), |law| law.is_constant());
    let action = match instruction {
        Delay { site, per: Per::Request } => same(site).map_or(Action::Draw(site), |value| Action::Pass(Span(value))),
        Branch { on: Condition::Chance(site, p), to } => Action::Chance(site, p, to.0),
        Branch { on, to } => test(program, on, to.0),
        Connect { connections, full } => Action::Connect(connections, full.0),
        Choose { balancer } => Action::Choose(balancer),
        Limit { bucket, otherwise } => Action::Limit(bucket, otherwise.0),
        Meter { meter, amount: Amount::One } => Action::Count(meter.0),
        Meter { meter, amount } => Action::Meter(meter, amount),
        Call { depth, deadline, .. } => Action::Call(depth, deadline),
        Return { depth } => Action::Return(depth),
        Hold { pool, .. } => Action::Hold(pool),
        Serve { .. } | Free { .. } | Fork { .. } | Arrive { .. } => Action::Visit,
        Retry { policy, .. } if rank != 0 && is_last(program, place) => Action::Retry(policy),
        _ => Action::Other,
    };
    (action, rank)
}

/// Going elsewhere when a condition holds.
fn test(program: &Program, on: Condition, to: u32) -> Action {
    match on {
        Condition::Outcome(test) if program.outcomes.len() <= u64::BITS as usize => {
            let passes = |&outcome: &u16| test.passes(OutcomeId(outcome), &program.outcomes);
            let outcomes = (0..program.outcomes.len() as u16).filter(passes);
            Action::EndsAs(outcomes.fold(0, |outcomes, outcome| outcomes | 1 << outcome), to)
        }
        Condition::Holds(register, value) if value <= u16::MAX.into() => Action::Holds(register, value as u16, to),
        _ => Action::Test(on, to),
    }
}

/// Whether nothing that is ordered lies behind an instruction.
fn is_last(program: &Program, place: usize) -> bool {
    program.rank[place + 1..].iter().all(|&rank| rank == 0)
}

/// Whether all connections of a pool are kept for the same time, so that it makes no difference which of those that are
/// given back at one instant comes first.
fn is_kept_for_the_same_time(program: &Program, connections: ConnectionsId) -> bool {
    let drawn = program.connections[connections.index()].keep_alive;
    drawn.is_none_or(|site| program.sites[site.index()].law.as_ref().is_none_or(|law| law.is_constant().is_some()))
}

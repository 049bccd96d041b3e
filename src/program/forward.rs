//! Loops whose requests only go forward: what makes them depend on each other is that one can take a permit or a connection
//! only when another has given it back. All others have to run by events.

use std::collections::BTreeSet;

use super::parts::successors;
use super::{Discipline, Instruction, Label, LimitScope, Program};

/// Whether requests only go forward in a loop, come to each of its operators by one instruction, and meet nothing in it
/// that has a will of its own (controllers, patience at a station, shared service, priorities, parallel calls, caches,
/// balancers that count).
pub fn only_goes_forward(program: &Program, members: &[Label]) -> bool {
    let mut inside = vec![false; program.code.len()];
    members.iter().for_each(|label| inside[label.index()] = true);
    let goes_forward = |label: &Label| {
        successors(program, label.index()).iter().all(|&(to, _)| !inside[to] || to > label.index())
            && can_be_followed(program, &program.code[label.index()])
    };
    members.is_sorted() && members.iter().all(goes_forward) && are_asked_once(program, members)
}

/// Whether each operator is asked by one instruction.
fn are_asked_once(program: &Program, members: &[Label]) -> bool {
    let mut asked = BTreeSet::new();
    members.iter().all(|label| {
        let instruction = &program.code[label.index()];
        let operator = instruction.operator(program);
        match operator.filter(|_| instruction.is_ordered(program)) {
            None => true,
            Some(operator) if instruction.gives_back() => asked.contains(operator),
            Some(operator) => asked.insert(operator),
        }
    })
}

/// Whether what an instruction does can be done for many requests at once, and be undone.
fn can_be_followed(program: &Program, instruction: &Instruction) -> bool {
    use Instruction::*;
    match *instruction {
        Delay { .. } | Branch { .. } | Jump { .. } | Answer { .. } | Meter { .. } | Mark { .. } | Call { .. } => true,
        Return { depth } => depth > 0,
        Choose { balancer } => !program.balancers[balancer.index()].choice.counts_outstanding(),
        Limit { bucket, .. } => program.buckets[bucket.index()].scope == LimitScope::Shared,
        Serve { station, .. } => {
            let spec = &program.stations[station.index()];
            spec.discipline == Discipline::Fifo && spec.patience.is_none() && spec.setup.is_none()
        }
        Hold { pool, .. } | Free { pool } => program.pools[pool.index()].scaling.is_none(),
        Connect { .. } | Disconnect { .. } => true,
        Lookup { .. } | Store { .. } | Release { .. } | Retry { .. } | Send | Earn { .. } => false,
        Fork { .. } | Arrive { .. } | End => false,
    }
}

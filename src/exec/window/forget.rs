//! Targets that nobody looks at any more: a column less to carry along.

use crate::program::parts::successors;
use crate::program::{Condition, Instruction, Program, Register};

/// Whether the target of a station is of no use after an instruction that serves there: nobody reads the register before
/// it is written again, whatever becomes of the request.
pub(super) fn forgets_target(program: &Program, place: usize) -> bool {
    let Instruction::Serve { station, .. } = program.code[place] else { return false };
    let Some(register) = program.stations[station.index()].target else { return false };
    let mut seen = vec![false; program.code.len()];
    let mut open = ways_on(program, place);
    // A deadline may send the caller on from anywhere.
    open.extend(program.code.iter().filter_map(|instruction| match instruction {
        Instruction::Call { late, .. } => Some(late.index()),
        _ => None,
    }));
    while let Some(place) = open.pop() {
        if std::mem::replace(&mut seen[place], true) {
            continue;
        }
        if reads(program, place, register) {
            return false;
        }
        if !writes(program, place, register) {
            open.extend(ways_on(program, place));
        }
    }
    true
}

fn ways_on(program: &Program, place: usize) -> Vec<usize> {
    let mut ways: Vec<usize> = successors(program, place).into_iter().map(|(place, _)| place).collect();
    if let Instruction::Retry { to, .. } = program.code[place] {
        ways.push(to.index());
    }
    ways
}

fn writes(program: &Program, place: usize, register: Register) -> bool {
    match program.code[place] {
        Instruction::Choose { balancer } => program.balancers[balancer.index()].target == register,
        _ => false,
    }
}

fn reads(program: &Program, place: usize, register: Register) -> bool {
    let read = match program.code[place] {
        Instruction::Serve { station, .. } => program.stations[station.index()].target,
        Instruction::Hold { pool, .. } | Instruction::Free { pool } => program.pools[pool.index()].target,
        Instruction::Release { balancer } => Some(program.balancers[balancer.index()].target),
        Instruction::Connect { connections, .. } | Instruction::Disconnect { connections, .. } => {
            let spec = &program.connections[connections.index()];
            return spec.state == register || spec.target == Some(register);
        }
        Instruction::Retry { policy, .. } => Some(program.retries[policy.index()].counter),
        Instruction::Branch { on: Condition::Holds(tested, _), .. } => Some(tested),
        _ => None,
    };
    read == Some(register)
}

//! The code of a part as its interpreter reads it: what happens when a request comes to an instruction.

use super::ahead::Place;
use super::token::NO_STAGE;
use crate::program::{Instruction, Program};

/// What happens when a request comes to an instruction: jumps and a mark on the way are done with the next instruction.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The instruction to be done; without meaning where the request leaves.
    pub instruction: Instruction,
    /// Where the instruction is.
    pub pc: u32,
    /// Its rank; zero where the request leaves.
    pub rank: u32,
    /// The stage that time belongs to from here on, if that changes.
    pub mark: u16,
    /// Where the draw of the instruction is, if it was made ahead.
    pub place: Place,
    /// Whether the request may wait here, wake others, or leave.
    pub halts: bool,
    /// Whether the request leaves the part.
    pub leaves: bool,
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
    let (instruction, leaves) = (program.code[pc], !members[pc]);
    let rank = if leaves { 0 } else { program.rank[pc] };
    Step { instruction, pc: pc as u32, rank, mark, place: places[pc], halts: leaves || waits(&instruction), leaves }
}

/// Whether a request may wait at an instruction, or wake others.
fn waits(instruction: &Instruction) -> bool {
    use Instruction::{Arrive, Fork, Free, Hold, Serve};
    matches!(instruction, Serve { .. } | Hold { .. } | Free { .. } | Fork { .. } | Arrive { .. })
}

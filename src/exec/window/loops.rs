//! Loops without a lag run by events inside the window: requests enter them as tokens and come out as columns again.

use super::gate::Gate;
use super::{Halt, Windows};
use crate::exec::interpreter::Interpreter;
use crate::exec::run::{Options, Verdict};
use crate::program::{Label, Program, Step};
use crate::time::Time;

use super::batch::Layout;

/// What runs a loop, and how requests come to it and go from it.
pub(super) struct Loop<'a> {
    pub interpreter: Interpreter<'a>,
    gate: Gate,
}

impl<'a> Loop<'a> {
    /// What runs a step by events, if it is a loop.
    pub fn of(program: &Program, step: &Step, options: &Options<'a>) -> Option<Loop<'a>> {
        let Step::Loop(members) = step else { return None };
        let mut inside = vec![false; program.code.len()];
        members.iter().for_each(|label| inside[label.index()] = true);
        let interpreter = Interpreter::new(program, &inside, options);
        let gate = Gate::new(Layout::of(program), inside, interpreter.ahead());
        Some(Loop { interpreter, gate })
    }
}

impl Windows<'_> {
    /// Takes a loop through the window. Whoever comes too late for that in a later pass waits for the next.
    pub(super) fn run_loop(&mut self, number: usize, members: &[Label], first: bool) {
        let Some(mut running) = self.loops[number].take() else { return };
        for &Label(place) in members {
            let batch = std::mem::take(&mut self.inbox[place as usize]);
            let coming = self.in_order(place as usize, batch, first);
            if coming.is_empty() {
                coming.discard(&mut self.spare);
            } else {
                running.gate.wait(self.program, place as usize, coming);
            }
        }
        if first && self.halted.is_none() {
            self.go_round(&mut running);
        }
        self.loops[number] = Some(running);
    }

    fn go_round(&mut self, running: &mut Loop<'_>) {
        let Loop { interpreter, gate } = running;
        gate.open();
        match interpreter.run_until(&mut self.core, gate, Time(self.end)) {
            Ok(()) => {}
            Err(Verdict::Interrupted) => self.halted = Some(Halt::Interrupted),
            Err(_) => self.halted = Some(Halt::Backlog),
        }
        self.last = self.last.max(interpreter.now().0);
        for (place, batch) in gate.close(&mut self.spare) {
            self.send(place as usize, batch);
        }
    }
}

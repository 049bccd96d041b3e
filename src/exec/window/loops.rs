//! Loops without a lag. A loop whose requests can only go forward in it is taken through the window in columns, on a
//! [bet](super::bet). All others, and those whose bet is lost, run by events inside the window: requests enter them as
//! tokens and come out as columns again.

use super::batch::{Batch, Layout};
use super::bet::Bet;
use super::gate::Gate;
use super::{Halt, Windows};
use crate::exec::interpreter::Interpreter;
use crate::exec::plan::LOOPS;
use crate::exec::run::{Options, Verdict};
use crate::op::window::Window;
use crate::program::{Label, Program, Step};
use crate::time::Time;

/// What runs a loop, and how requests come to it and go from it.
pub(super) struct Loop<'a> {
    pub interpreter: Interpreter<'a>,
    gate: Gate,
    bet: Option<Bet>,
}

impl<'a> Loop<'a> {
    /// What runs a step that is a loop.
    pub fn of(program: &Program, step: &Step, options: &Options<'a>) -> Option<Loop<'a>> {
        let Step::Loop(members) = step else { return None };
        let mut inside = vec![false; program.code.len()];
        members.iter().for_each(|label| inside[label.index()] = true);
        let interpreter = Interpreter::new(program, &inside, options);
        let gate = Gate::new(Layout::of(program), inside, interpreter.ahead());
        let bet = Bet::on(program, members, Window { from: options.from, until: options.until });
        Some(Loop { interpreter, gate, bet })
    }

    /// Whether there is no use in betting on it any more.
    pub fn is_hopeless(&self) -> bool {
        self.bet.as_ref().is_some_and(Bet::is_hopeless)
    }
}

impl Windows<'_> {
    /// Whether windows no longer pay, because so much runs by events that it had better be everything: the bets on loops
    /// are lost again and again.
    pub(super) fn do_not_pay(&self) -> bool {
        let loops = || self.loops.iter().flatten();
        let by_events = self.parts.steps.iter().zip(&self.loops).map(|(step, running)| match (step, running) {
            (Step::Loop(members), Some(running)) if running.bet.is_none() || running.is_hopeless() => members.len(),
            _ => 0,
        });
        loops().any(Loop::is_hopeless) && by_events.sum::<usize>() * LOOPS > self.program.code.len()
    }

    /// Takes a loop through the window. Whoever comes too late for that in a later pass waits for the next.
    pub(super) fn run_loop(&mut self, number: usize, members: &[Label], first: bool) {
        let Some(mut running) = self.loops[number].take() else { return };
        let mut coming: Vec<(usize, Batch)> = Vec::with_capacity(members.len());
        for &Label(place) in members {
            let batch = std::mem::take(&mut self.inbox[place as usize]);
            coming.push((place as usize, self.joined(place as usize, batch, first)));
        }
        match self.bet_on(&mut running, coming, first) {
            Ok(()) => {}
            Err(coming) => self.run_by_events(&mut running, coming, first),
        }
        self.loops[number] = Some(running);
    }

    /// Makes the bet, if there is one to make; gives back those who come, if it is lost or not made.
    fn bet_on(
        &mut self,
        running: &mut Loop<'_>,
        mut coming: Vec<(usize, Batch)>,
        first: bool,
    ) -> Result<(), Vec<(usize, Batch)>> {
        let Loop { interpreter, gate, bet } = running;
        let Some(bet) = bet else { return Err(coming) };
        if !first || !bet.is_on() {
            return Err(coming);
        }
        if !interpreter.is_empty() || interpreter.next_time() != Time::NEVER {
            if !interpreter.leave_all(gate) {
                bet.lose();
                return Err(coming);
            }
            for (place, batch) in gate.close(&mut self.spare) {
                if let Some((_, here)) = coming.iter_mut().find(|(here, _)| *here == place as usize) {
                    here.append(batch, &mut self.spare);
                }
            }
        }
        self.bet(bet, coming)
    }

    fn run_by_events(&mut self, running: &mut Loop<'_>, coming: Vec<(usize, Batch)>, first: bool) {
        for (place, batch) in coming {
            let batch = self.put_in_order(place, batch, first);
            if batch.is_empty() {
                batch.discard(&mut self.spare);
            } else {
                running.gate.wait(self.program, place, batch);
            }
        }
        if first && self.halted.is_none() {
            self.go_round(running);
        }
    }

    fn go_round(&mut self, running: &mut Loop<'_>) {
        let Loop { interpreter, gate, .. } = running;
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

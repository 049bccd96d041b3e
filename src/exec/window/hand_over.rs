//! The change from windows to events in mid-run, when a backlog grows towards the guard (only events can tell where and
//! when it gets there), or when windows no longer pay. At the end of a window everyone is at a place of his own, so nothing has to be done twice.

use super::births::Births;
use super::gate::Gate;
use super::loops::Loop;
use super::{Windows, batch::Layout};
use crate::exec::calendar::Key;
use crate::exec::core::Core;
use crate::exec::interpreter::{Interpreter, Outside};
use crate::exec::run::{Options, Verdict};
use crate::exec::source::Arrival;
use crate::exec::token::Token;
use crate::time::Time;

/// Those who were on their way when windows ended, and those who are still to be born.
struct Rest<'a> {
    gate: Gate,
    births: &'a mut Births,
}

impl Outside for Rest<'_> {
    #[inline]
    fn next_key(&mut self, core: &Core<'_>) -> Key {
        let (waiting, born) = (self.gate.next_key(core), self.births.next_key());
        if born.precedes(&waiting) { born } else { waiting }
    }

    #[inline]
    fn enter(&mut self, core: &mut Core<'_>, place: &mut Token, row: &mut [u32]) {
        let waiting = self.gate.next_key(core);
        match self.births.next_key().precedes(&waiting) {
            true => self.births.enter(core, place),
            false => self.gate.enter(core, place, row),
        }
    }

    fn leave(&mut self, _: Time, _: u32, _: &Token) {
        unreachable!("every instruction is a member");
    }

    fn follow(&mut self, _: u64, _: Time) -> Option<Arrival> {
        None
    }
}

impl Windows<'_> {
    /// Whether events could go on from here: the requests of one loop at most keep their places.
    pub(super) fn can_hand_over(&self) -> bool {
        self.loops.iter().flatten().count() <= 1
    }

    /// Runs the rest by events. The verdict and the time of the end.
    pub(super) fn hand_over(&mut self, options: &Options<'_>) -> (Verdict, Time) {
        let members = vec![true; self.program.code.len()];
        let mut interpreter = Interpreter::new(self.program, &members, options);
        if let Some(Loop { interpreter: part, .. }) = self.loops.iter_mut().find_map(Option::take) {
            interpreter.take_over(part);
        }
        let mut gate = Gate::new(Layout::of(self.program), members, interpreter.ahead());
        for (place, ring) in self.rings.iter_mut().enumerate() {
            ring.take_all().for_each(|batch| gate.wait(self.program, place, batch));
        }
        gate.open();
        self.core.windowed = false;
        let mut rest = Rest { gate, births: &mut self.births };
        let verdict = interpreter.run_until(&mut self.core, &mut rest, Time::NEVER).err().unwrap_or(Verdict::Complete);
        (verdict, interpreter.now().max(Time(self.last)))
    }
}

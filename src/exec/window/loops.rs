//! Loops without a lag run by events inside the window: requests enter them as tokens and come out as columns again.

use super::batch::{
    BASE, BORN, Batch, CLASS, COUNTS, DEADLINE, DEMAND, GIVEN, KEY, LATE, Layout, MARK, OUTCOME, REQUEST, RESPONSE,
    STAGE, TRAIL, Values, late,
};
use super::{Halt, Windows};
use crate::exec::interpreter::Entry;
use crate::exec::run::Verdict;
use crate::exec::token::Token;
use crate::program::{Label, Register};
use crate::time::Time;

impl Windows<'_> {
    /// Takes a loop through the window.
    pub(super) fn run_loop(&mut self, number: usize, members: &[Label], first: bool) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        for &Label(place) in members {
            self.enter(place as usize, first, &mut entries);
        }
        if self.halted.is_some() || !first {
            self.entries = entries;
            return;
        }
        let Some(interpreter) = self.interpreters[number].as_mut() else { return };
        match interpreter.run_entries(&mut self.core, &entries, &mut self.leavers, Time(self.end)) {
            Ok(()) => {}
            Err(Verdict::Interrupted) => self.halted = Some(Halt::Interrupted),
            Err(_) => self.halted = Some(Halt::Backlog),
        }
        self.last = self.last.max(interpreter.now().0);
        self.entries = entries;
        self.let_out();
    }

    /// Requests that come to a member in this window enter; the others are kept for theirs.
    fn enter(&mut self, place: usize, first: bool, entries: &mut Vec<Entry>) {
        let mut batch = std::mem::take(&mut self.inbox[place]);
        if first && let Some(waiting) = self.rings[place].take(self.start >> self.shift) {
            batch.append(waiting, &mut self.spare);
        }
        if batch.is_empty() {
            return;
        }
        let from = if first { self.from } else { self.end };
        for row in 0..batch.len() {
            let at = batch.at[row];
            if at < from {
                self.halted = Some(Halt::TooSoon);
            } else if at < self.end {
                let rank = self.program.rank[place].max(batch.late_rank(row));
                let token = self.token(&batch, row, place);
                entries.push(Entry { at: Time(at), rank, token });
            } else {
                self.rings[place].keep(&batch, row, self.shift, &mut self.spare);
            }
        }
        batch.discard(&mut self.spare);
    }

    /// Those who have left go on.
    fn let_out(&mut self) {
        let mut leavers = std::mem::take(&mut self.leavers);
        let mut order: Vec<(u32, u32)> = leavers.iter().map(|entry| entry.token.pc).zip(0..).collect();
        order.sort_unstable();
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let mut batch = Batch::default();
            for &(_, index) in group {
                let Entry { at, rank, token } = &leavers[index as usize];
                write(token, self.layout, &mut self.scratch.row);
                self.scratch.row[LATE] = late(at.0, *rank);
                batch.push_values(at.0, token.serial, &self.scratch.row, &mut self.spare);
            }
            self.send(group[0].0 as usize, batch);
        }
        leavers.clear();
        self.leavers = leavers;
    }

    /// A request of a batch by itself.
    fn token(&self, batch: &Batch, row: usize, place: usize) -> Token {
        let layout = self.layout;
        let mut token = Token::bare(batch.serial[row], Time(batch.get(BORN, row)), batch.get(BASE, row) as u8);
        token.pc = place as u32;
        token.trail = batch.get(TRAIL, row);
        token.mark = Time(batch.get(MARK, row));
        token.mark_stage = batch.get(STAGE, row) as u16;
        token.outcome = batch.get(OUTCOME, row) as u16;
        token.class = batch.get(CLASS, row) as u16;
        token.key = batch.get(KEY, row) as u32;
        token.request_bytes = batch.get(REQUEST, row) as u32;
        token.response_bytes = batch.get(RESPONSE, row) as u32;
        token.demand = batch.get(DEMAND, row);
        token.given = batch.get(GIVEN, row) as u32;
        token.counts = batch.get(COUNTS, row) == 1;
        token.deadline = Time(batch.get(DEADLINE, row));
        for register in 0..layout.registers {
            token.set(Register(register as u8), batch.get(layout.register(register), row) as u32);
        }
        for depth in 0..layout.depths {
            let site = batch.get(layout.call(depth), row) as u16;
            token.set_frame(depth, site, Time(batch.get(layout.frame(depth), row)));
        }
        token
    }
}

/// The columns of a token.
fn write(token: &Token, layout: Layout, row: &mut Values) {
    row.clear();
    row.resize(layout.columns(), 0);
    row[TRAIL] = token.trail;
    row[BORN] = token.born.0;
    row[MARK] = token.mark.0;
    row[STAGE] = token.mark_stage as u64;
    row[OUTCOME] = token.outcome as u64;
    row[CLASS] = token.class as u64;
    row[KEY] = token.key as u64;
    row[REQUEST] = token.request_bytes as u64;
    row[RESPONSE] = token.response_bytes as u64;
    row[DEMAND] = token.demand;
    row[GIVEN] = token.given as u64;
    row[BASE] = token.base() as u64;
    row[COUNTS] = token.counts as u64;
    row[DEADLINE] = token.deadline.0;
    for register in 0..layout.registers {
        row[layout.register(register)] = token.target(Some(Register(register as u8))) as u64;
    }
    for depth in 0..layout.depths {
        let (site, frame) = token.frame(depth);
        row[layout.call(depth)] = site as u64;
        row[layout.frame(depth)] = frame.0;
    }
}

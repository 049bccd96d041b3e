//! The gate of a loop: requests come in from columns, in order, and go out into columns. Nearly all of their fields are
//! the same for a whole window; only the others are moved one by one.

use super::batch::{Batch, Cells, Column, LATE, Layout, Spare, Values, late};
use super::fields::{differences, set, value};
use crate::exec::ahead::{Ahead, BLOCK};
use crate::exec::calendar::Key;
use crate::exec::core::Core;
use crate::exec::interpreter::Outside;
use crate::exec::source::Arrival;
use crate::exec::token::Token;
use crate::op::window::Window;
use crate::program::Program;
use crate::time::Time;

/// What comes in and goes out in a window.
#[derive(Debug)]
pub(super) struct Gate {
    layout: Layout,
    coming: Vec<Coming>,
    /// Whose turn it is, by place among those who come and row; nothing when all come in order to one instruction.
    turns: Vec<(Key, u32, u32)>,
    next: usize,
    count: usize,
    ahead: Ahead,
    words: Vec<u64>,
    leaving: Vec<Leaving>,
}

/// Requests that come to an instruction.
#[derive(Debug)]
struct Coming {
    rank: u32,
    batch: Batch,
    /// What they have in common, ...
    common: Token,
    /// ... and where they differ.
    differ: Vec<Column>,
}

/// Requests that go on from the loop with an instruction.
#[derive(Debug)]
struct Leaving {
    place: u32,
    at: Values,
    serial: Values,
    /// The first of them, for the columns that are the same so far.
    first: Token,
    late: u64,
    /// The columns that are not, a bit for each, ...
    differ: u64,
    /// ... and what they hold.
    columns: Vec<Values>,
}

/// A request of which nothing is known.
fn nobody() -> Token {
    Token::new(&Arrival::default(), Window { from: Time::ZERO, until: Time::NEVER })
}

impl Gate {
    /// Closed. `ahead` makes the draws for those who come in.
    pub fn new(layout: Layout, ahead: Ahead) -> Gate {
        let (coming, turns, words, leaving) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Gate { layout, coming, turns, next: 0, count: 0, ahead, words, leaving }
    }

    /// Lets requests wait that come to an instruction.
    pub fn wait(&mut self, program: &Program, place: usize, batch: Batch) {
        let mut common = nobody();
        common.pc = place as u32;
        let mut differ = Vec::new();
        for (column, cells) in batch.rest.iter().enumerate() {
            match cells {
                Cells::Same(same) => set(&mut common, self.layout, column, *same),
                _ if column == LATE => {}
                _ => differ.push(column),
            }
        }
        self.count += batch.len();
        self.coming.push(Coming { rank: program.rank[place], batch, common, differ });
    }

    /// Opens the gate: those who wait come in when it is their turn.
    pub fn open(&mut self) {
        self.next = 0;
        self.turns.clear();
        if self.coming.len() > 1 || self.coming.first().is_some_and(|coming| !coming.batch.ordered) {
            for (coming, group) in self.coming.iter().zip(0..) {
                self.turns.extend((0..coming.batch.len()).map(|row| (coming.key(row), group, row as u32)));
            }
            self.turns.sort_unstable();
        }
    }

    /// Closes it: those who have come in are forgotten.
    pub fn close(&mut self, spare: &mut Spare) {
        self.coming.drain(..).for_each(|coming| coming.batch.discard(spare));
        self.count = 0;
    }

    /// Whoever has left, with the instruction to go on with, in order of that.
    pub fn take_leavers(&mut self, spare: &mut Spare) -> Vec<(u32, Batch)> {
        self.leaving.sort_unstable_by_key(|leaving| leaving.place);
        let layout = self.layout;
        let left = self.leaving.iter_mut().filter(|leaving| !leaving.at.is_empty());
        left.map(|leaving| (leaving.place, leaving.batch(layout, spare))).collect()
    }

    /// Group and row of a request by its turn.
    #[inline(always)]
    fn turn(&self, turn: usize) -> (usize, usize) {
        match self.turns.get(turn) {
            Some(&(_, group, row)) => (group as usize, row as usize),
            None => (0, turn),
        }
    }

    #[inline(never)]
    fn draw_ahead(&mut self, core: &Core<'_>) {
        let mut words = std::mem::take(&mut self.words);
        words.clear();
        words.extend((self.next..self.count.min(self.next + BLOCK)).map(|turn| {
            let (group, row) = self.turn(turn);
            self.coming[group].word(row)
        }));
        self.ahead.draw(&core.draws, &words);
        self.words = words;
    }
}

impl Coming {
    fn key(&self, row: usize) -> Key {
        let rank = self.rank.max(self.batch.late_rank(row));
        Key::new(Time(self.batch.at[row]), rank, self.batch.serial[row], self.batch.trail(row))
    }

    fn word(&self, row: usize) -> u64 {
        self.batch.serial[row] ^ self.batch.trail(row)
    }
}

impl Outside for Gate {
    #[inline]
    fn next_key(&mut self, _: &Core<'_>) -> Key {
        if self.next == self.count {
            return Key::LAST;
        }
        match self.turns.get(self.next) {
            Some(&(key, _, _)) => key,
            None => self.coming[0].key(self.next),
        }
    }

    #[inline]
    fn enter(&mut self, core: &mut Core<'_>, place: &mut Token, row: &mut [u32]) {
        if self.next.is_multiple_of(BLOCK) {
            self.draw_ahead(core);
        }
        let (group, number) = self.turn(self.next);
        let Coming { batch, common, differ, .. } = &self.coming[group];
        place.clone_from(common);
        place.serial = batch.serial[number];
        for &column in differ {
            set(place, self.layout, column, batch.get(column, number));
        }
        place.lucky = true;
        row.copy_from_slice(self.ahead.row(self.next % BLOCK));
        self.next += 1;
    }

    fn leave(&mut self, at: Time, rank: u32, token: &Token) {
        let known = self.leaving.iter().position(|leaving| leaving.place == token.pc);
        let known = known.unwrap_or_else(|| {
            self.leaving.push(Leaving::new(token, self.layout));
            self.leaving.len() - 1
        });
        self.leaving[known].add(at, late(at.0, rank), token, self.layout);
    }
}

impl Leaving {
    #[cold]
    fn new(token: &Token, layout: Layout) -> Leaving {
        let columns = vec![Values::new(); layout.columns()];
        let (at, serial) = (Values::new(), Values::new());
        Leaving { place: token.pc, at, serial, first: token.clone(), late: u64::MAX, differ: 0, columns }
    }

    #[inline]
    fn add(&mut self, at: Time, late: u64, token: &Token, layout: Layout) {
        if self.at.is_empty() {
            self.first.clone_from(token);
            self.late = late;
        }
        let others = differences(token, &self.first, layout) | ((late != self.late) as u64) << LATE;
        if others & !self.differ != 0 {
            self.tell_apart(others & !self.differ, layout);
        }
        self.at.push(at.0);
        self.serial.push(token.serial);
        let mut rest = self.differ;
        while rest != 0 {
            let column = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            self.columns[column].push(if column == LATE { late } else { value(token, layout, column) });
        }
    }

    /// From here on these columns are written out.
    #[cold]
    #[inline(never)]
    fn tell_apart(&mut self, columns: u64, layout: Layout) {
        for column in (0..layout.columns()).filter(|column| columns >> column & 1 == 1) {
            let same = if column == LATE { self.late } else { value(&self.first, layout, column) };
            self.columns[column].clear();
            self.columns[column].resize(self.at.len(), same);
        }
        self.differ |= columns;
    }

    /// The requests as columns. What differed in this window is expected to differ in the next.
    fn batch(&mut self, layout: Layout, spare: &mut Spare) -> Batch {
        let mut rest = spare.rest();
        for column in 0..layout.columns() {
            let first = if column == LATE { self.late } else { value(&self.first, layout, column) };
            if self.differ >> column & 1 == 0 {
                rest.push(Cells::Same(first));
            } else if self.columns[column].iter().all(|&value| value == first) {
                self.differ &= !(1 << column);
                rest.push(Cells::Same(first));
            } else {
                rest.push(Cells::Each(std::mem::replace(&mut self.columns[column], spare.take())));
            }
        }
        let (at, serial) = (spare.take(), spare.take());
        let batch = Batch {
            at: std::mem::replace(&mut self.at, at),
            serial: std::mem::replace(&mut self.serial, serial),
            rest,
            ordered: false,
        };
        self.columns.iter_mut().for_each(Vec::clear);
        batch
    }
}

//! The gate of a loop: requests come in from columns, in order, and go out into columns. Between the two they are
//! tokens, which are written and read column by column, some at a time. Who only looks something up that is there goes
//! by without becoming one.

use super::batch::{Batch, CLASS, Cells, Column, KEY, LATE, Layout, Spare, Values, late};
use super::fields::{append, set};
use crate::exec::ahead::Ahead;
use crate::exec::calendar::Key;
use crate::exec::core::Core;
use crate::exec::interpreter::Outside;
use crate::exec::source::Arrival;
use crate::exec::token::Token;
use crate::op::keyed::object;
use crate::op::window::Window;
use crate::program::{Instruction, Program};
use crate::time::Time;

/// Tokens that are read or written column by column at a time: so many stay in the nearest cache.
const FEW: usize = 64;

/// What comes in and goes out in a window.
#[derive(Debug)]
pub(super) struct Gate {
    layout: Layout,
    /// The instructions of the loop.
    inside: Vec<bool>,
    coming: Vec<Coming>,
    /// Whose turn it is, by place among those who come and row; nothing when all come in order to one instruction.
    turns: Vec<(Key, u32, u32)>,
    next: usize,
    count: usize,
    ahead: Ahead,
    words: Vec<u64>,
    /// Tokens of the next who come in, with draws made ahead, ...
    ready: Vec<Token>,
    /// ... and the turn of the first of them.
    ready_from: usize,
    /// Whether the next who comes in has looked in vain for something.
    missed: bool,
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
    /// Whether all are at their first attempt and none is behind everything else of its instant.
    plain: bool,
    /// The cache in which they look something up, and where they go past the loop if it is there.
    looks: Option<(usize, u32)>,
    /// Rows of those for whom it was.
    passed: Vec<u32>,
}

/// Requests that go on from the loop with an instruction.
#[derive(Debug)]
struct Leaving {
    place: u32,
    at: Values,
    late: Values,
    serial: Values,
    /// The last of them, not written out yet.
    tokens: Vec<Token>,
    /// The columns in which they differ, a bit for each, ...
    differ: u64,
    /// ... what these hold, ...
    columns: Vec<Values>,
    /// ... and what is the same for all in the others.
    same: Vec<u64>,
}

/// A request of which nothing is known.
fn nobody() -> Token {
    Token::new(&Arrival::default(), Window { from: Time::ZERO, until: Time::NEVER })
}

impl Gate {
    /// Closed, around the instructions that are `inside`. `ahead` makes the draws for those who come in.
    pub fn new(layout: Layout, inside: Vec<bool>, ahead: Ahead) -> Gate {
        Gate {
            layout,
            inside,
            coming: Vec::new(),
            turns: Vec::new(),
            next: 0,
            count: 0,
            ahead,
            words: Vec::new(),
            ready: Vec::new(),
            ready_from: 0,
            missed: false,
            leaving: Vec::new(),
        }
    }

    /// Lets requests wait that come to an instruction.
    pub fn wait(&mut self, program: &Program, place: usize, batch: Batch) {
        let mut common = nobody();
        (common.pc, common.lucky) = (place as u32, true);
        let mut differ = Vec::new();
        for (column, cells) in batch.rest.iter().enumerate() {
            match cells {
                Cells::Same(same) => set(std::slice::from_mut(&mut common), self.layout, column, &[*same]),
                _ if column == LATE => {}
                _ => differ.push(column),
            }
        }
        self.count += batch.len();
        let looks = match program.code[place] {
            Instruction::Lookup { cache, hit } if !self.inside[hit.index()] => Some((cache.index(), hit.0)),
            _ => None,
        };
        let (rank, plain, passed) = (program.rank[place], batch.is_plain(), Vec::new());
        self.coming.push(Coming { rank, batch, common, differ, plain, looks, passed });
    }

    /// Opens the gate: those who wait come in when it is their turn.
    pub fn open(&mut self) {
        (self.next, self.ready_from) = (0, 0);
        self.ready.clear();
        self.turns.clear();
        if self.coming.len() > 1 || self.coming.first().is_some_and(|coming| !coming.batch.ordered) {
            for (coming, group) in self.coming.iter().zip(0..) {
                self.turns.extend((0..coming.batch.len()).map(|row| (coming.key(row), group, row as u32)));
            }
            self.turns.sort_unstable();
        }
    }

    /// Closes it. Whoever has left or gone by, with the instruction to go on with, in order of that.
    pub fn close(&mut self, spare: &mut Spare) -> Vec<(u32, Batch)> {
        let layout = self.layout;
        let left = self.leaving.iter_mut().filter(|leaving| !leaving.at.is_empty());
        let mut all: Vec<(u32, Batch)> = left.map(|leaving| (leaving.place, leaving.batch(layout, spare))).collect();
        for coming in self.coming.drain(..) {
            if let Some((_, hit)) = coming.looks.filter(|_| !coming.passed.is_empty()) {
                let mut passed = coming.batch.gathered(&coming.passed, spare);
                passed.ordered = true;
                all.push((hit, passed));
            }
            coming.batch.discard(spare);
        }
        self.count = 0;
        all.sort_by_key(|(place, _)| *place);
        all
    }

    /// Group and row of a request by its turn.
    #[inline(always)]
    fn turn(&self, turn: usize) -> (usize, usize) {
        match self.turns.get(turn) {
            Some(&(_, group, row)) => (group as usize, row as usize),
            None => (0, turn),
        }
    }

    /// Makes the tokens and the draws of the next who come in.
    #[inline(never)]
    fn make_ready(&mut self, core: &Core<'_>) {
        let Gate { layout, coming, turns, ready, next, count, words, ahead, .. } = self;
        // Most of those who look something up go by.
        let one = coming.iter().any(|coming| coming.looks.is_some());
        let turns_ready = *next..(*count).min(*next + if one { 1 } else { FEW });
        ready.clear();
        if turns.is_empty() {
            let coming = &coming[0];
            ready.resize(turns_ready.len(), coming.common.clone());
            coming.write(turns_ready.start, *layout, ready);
        } else {
            for &(_, group, row) in &turns[turns_ready.clone()] {
                let coming = &coming[group as usize];
                ready.push(coming.common.clone());
                let last = ready.len() - 1;
                coming.write(row as usize, *layout, &mut ready[last..]);
            }
        }
        words.clear();
        words.extend(ready.iter().map(Token::word));
        ahead.draw(&core.draws, words);
        self.ready_from = turns_ready.start;
    }
}

impl Coming {
    #[inline(always)]
    fn key(&self, row: usize) -> Key {
        if self.plain {
            return Key::new(Time(self.batch.at[row]), self.rank, self.batch.serial[row], 0);
        }
        let rank = self.rank.max(self.batch.late_rank(row));
        Key::new(Time(self.batch.at[row]), rank, self.batch.serial[row], self.batch.trail(row))
    }

    /// Writes the requests from a row on into tokens that hold what all have in common.
    fn write(&self, from: usize, layout: Layout, tokens: &mut [Token]) {
        let rows = from..from + tokens.len();
        tokens.iter_mut().zip(&self.batch.serial[rows.clone()]).for_each(|(token, &serial)| token.serial = serial);
        for &column in &self.differ {
            match &self.batch.rest[column] {
                Cells::Each(values) => set(tokens, layout, column, &values[rows.clone()]),
                Cells::Now => set(tokens, layout, column, &self.batch.at[rows.clone()]),
                _ => {
                    let values: Values = rows.clone().map(|row| self.batch.get(column, row)).collect();
                    set(tokens, layout, column, &values);
                }
            }
        }
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
    fn goes_by(&mut self, core: &mut Core<'_>) -> bool {
        let (group, row) = self.turn(self.next);
        let coming = &mut self.coming[group];
        let Some((cache, _)) = coming.looks else { return false };
        let object = object(coming.batch.get(CLASS, row) as u16, coming.batch.get(KEY, row) as u32);
        let hit = core.look_up(cache, object, Time(coming.batch.at[row]));
        if hit {
            coming.passed.push(row as u32);
            self.next += 1;
        }
        self.missed = !hit;
        hit
    }

    #[inline]
    fn enter(&mut self, core: &mut Core<'_>, place: &mut Token, row: &mut [u32]) {
        if self.next - self.ready_from >= self.ready.len() {
            self.make_ready(core);
        }
        place.clone_from(&self.ready[self.next - self.ready_from]);
        row.copy_from_slice(self.ahead.row(self.next - self.ready_from));
        place.pc += std::mem::take(&mut self.missed) as u32;
        self.next += 1;
    }

    fn leave(&mut self, at: Time, rank: u32, token: &Token) {
        let known = self.leaving.iter().position(|leaving| leaving.place == token.pc);
        let known = known.unwrap_or_else(|| {
            self.leaving.push(Leaving::new(token.pc, self.layout));
            self.leaving.len() - 1
        });
        self.leaving[known].add(at, late(at.0, rank), token, self.layout);
    }
}

impl Leaving {
    #[cold]
    fn new(place: u32, layout: Layout) -> Leaving {
        Leaving {
            place,
            at: Values::new(),
            late: Values::new(),
            serial: Values::new(),
            tokens: Vec::with_capacity(FEW),
            differ: 0,
            columns: vec![Values::new(); layout.columns()],
            same: vec![0; layout.columns()],
        }
    }

    #[inline]
    fn add(&mut self, at: Time, late: u64, token: &Token, layout: Layout) {
        self.at.push(at.0);
        self.late.push(late);
        self.tokens.push(token.clone());
        if self.tokens.len() == FEW {
            self.write_out(layout);
        }
    }

    /// Writes the tokens out as rows.
    #[inline(never)]
    fn write_out(&mut self, layout: Layout) {
        let Leaving { serial, tokens, differ, columns, same, .. } = self;
        let before = serial.len();
        serial.extend(tokens.iter().map(|token| token.serial));
        for column in (0..layout.columns()).filter(|&column| column != LATE) {
            let values = &mut columns[column];
            if *differ >> column & 1 == 1 {
                append(tokens, layout, column, values);
                continue;
            }
            values.clear();
            append(tokens, layout, column, values);
            if before == 0 {
                same[column] = values[0];
            }
            if values.iter().any(|&value| value != same[column]) {
                // From here on the column is written out.
                values.splice(0..0, std::iter::repeat_n(same[column], before));
                *differ |= 1 << column;
            }
        }
        tokens.clear();
    }

    /// The requests as columns. What differed in this window is expected to differ in the next.
    fn batch(&mut self, layout: Layout, spare: &mut Spare) -> Batch {
        if !self.tokens.is_empty() {
            self.write_out(layout);
        }
        let mut rest = spare.rest();
        for (column, values) in self.columns.iter_mut().enumerate() {
            let values = if column == LATE { &mut self.late } else { values };
            if column != LATE && self.differ >> column & 1 == 0 {
                rest.push(Cells::Same(self.same[column]));
                continue;
            }
            let first = values[0];
            if values.iter().all(|&value| value == first) {
                self.differ &= !(1 << column);
                rest.push(Cells::Same(first));
                values.clear();
            } else {
                rest.push(Cells::Each(std::mem::replace(values, spare.take())));
            }
        }
        let at = std::mem::replace(&mut self.at, spare.take());
        let serial = std::mem::replace(&mut self.serial, spare.take());
        Batch { at, serial, rest, ordered: false }
    }
}

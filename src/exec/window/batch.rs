//! Requests of a window as columns. A column whose values are all the same is kept as that value, and one that equals
//! the time of the requests needs no values of its own; so a register nobody has set costs nothing.

use super::super::columns::{gather, part};
use super::super::source::Arrival;
use super::fields::Place;
use crate::lanes;
use crate::op::window::Window;
use crate::program::{Condition, Instruction, PATIENCE_RANK, Program, Register};
use crate::time::Time;

/// Most values are whole numbers of 64 bits; narrower ones are widened.
pub(super) type Values = Vec<u64>;

/// Number of a column.
pub(super) type Column = usize;

/// Trail of repeats.
pub(super) const TRAIL: Column = 0;
/// Birth.
pub(super) const BORN: Column = 1;
/// When the current stage was entered.
pub(super) const MARK: Column = 2;
/// The current stage.
pub(super) const STAGE: Column = 3;
/// Outcome so far.
pub(super) const OUTCOME: Column = 4;
/// Traffic class.
pub(super) const CLASS: Column = 5;
/// Key of the object asked for.
pub(super) const KEY: Column = 6;
/// Bytes of the request.
pub(super) const REQUEST: Column = 7;
/// Bytes of the response.
pub(super) const RESPONSE: Column = 8;
/// Service demand that came with the arrival.
pub(super) const DEMAND: Column = 9;
/// Target that came with the arrival.
pub(super) const GIVEN: Column = 10;
/// Depth of the call at whose return it ends unseen.
pub(super) const BASE: Column = 11;
/// Whether its times count.
pub(super) const COUNTS: Column = 12;
/// The earliest deadline pending.
pub(super) const DEADLINE: Column = 13;
/// When it last went on behind everything else of its instant, and in which order (see [`late`]).
pub(super) const LATE: Column = 14;
/// From its birth to the moment at which its client sent it (again).
pub(super) const BEFORE_SEND: Column = 15;
/// Number among those who come to a loop in a window, while they are taken through it in columns.
pub(super) const ROW: Column = 16;
const FIXED: usize = 17;

/// Which columns the requests of a program have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub registers: usize,
    pub depths: usize,
}

impl Layout {
    /// What the requests of a program carry.
    pub fn of(program: &Program) -> Layout {
        let written = program.balancers.iter().map(|spec| spec.target);
        let written = written.chain(program.retries.iter().map(|spec| spec.counter));
        let written = written.chain(program.connections.iter().map(|spec| spec.state));
        let read = program.stations.iter().filter_map(|spec| spec.target);
        let read = read.chain(program.pools.iter().filter_map(|spec| spec.target));
        let read = read.chain(program.connections.iter().filter_map(|spec| spec.target));
        let tested = program.code.iter().filter_map(|instruction| match instruction {
            Instruction::Branch { on: Condition::Holds(register, _), .. } => Some(*register),
            _ => None,
        });
        let called = program.code.iter().filter_map(|instruction| match instruction {
            Instruction::Call { depth, .. } | Instruction::Return { depth } => Some(*depth as usize + 1),
            _ => None,
        });
        Layout {
            registers: written.chain(read).chain(tested).map(|register| register.index() + 1).max().unwrap_or(0),
            depths: called.max().unwrap_or(0),
        }
    }

    pub fn columns(self) -> usize {
        FIXED + self.registers + self.frames() + self.depths
    }

    /// Columns for deadlines of calls: with a single depth the earliest deadline is the only one.
    fn frames(self) -> usize {
        if self.depths == 1 { 0 } else { self.depths }
    }

    /// A register.
    pub fn register(self, register: usize) -> Column {
        FIXED + register
    }

    /// The deadline of the call of a depth.
    pub fn frame(self, depth: usize) -> Column {
        if self.depths == 1 { DEADLINE } else { FIXED + self.registers + depth }
    }

    /// Where the call of a depth was made.
    pub fn call(self, depth: usize) -> Column {
        FIXED + self.registers + self.frames() + depth
    }

    /// What a column is that not all programs have.
    #[inline]
    pub fn place(self, column: Column) -> Option<Place> {
        let number = column.checked_sub(FIXED)?;
        Some(match number.checked_sub(self.registers) {
            None => Place::Register(Register(number as u8)),
            Some(depth) if depth < self.frames() => Place::Frame(depth),
            Some(call) => Place::Call(call - self.frames()),
        })
    }
}

/// The values of a column.
#[derive(Clone, Debug)]
pub(super) enum Cells {
    /// All the same.
    Same(u64),
    /// Equal to the time.
    Now,
    /// Equal to the birth.
    Birth,
    /// One a request.
    Each(Values),
}

/// Vectors to be used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Spare {
    values: Vec<Values>,
    rests: Vec<Vec<Cells>>,
    rows: Vec<u32>,
    others: Vec<u32>,
}

impl Spare {
    /// More are never needed at once.
    const MOST: usize = 64;

    /// An empty vector.
    #[inline]
    pub fn take(&mut self) -> Values {
        let mut values = self.values.pop().unwrap_or_default();
        values.clear();
        values
    }

    /// A vector of this length, to be overwritten.
    #[inline]
    pub fn sized(&mut self, len: usize) -> Values {
        let mut values = self.values.pop().unwrap_or_default();
        values.resize(len, 0);
        values
    }

    /// A vector that is no longer needed.
    #[inline]
    pub fn give(&mut self, values: Values) {
        if values.capacity() > 0 && self.values.len() < Spare::MOST {
            self.values.push(values);
        }
    }

    /// No columns.
    #[inline]
    pub fn rest(&mut self) -> Vec<Cells> {
        self.rests.pop().unwrap_or_default()
    }

    fn give_rest(&mut self, mut rest: Vec<Cells>) {
        rest.drain(..).for_each(|cells| self.give_cells(cells));
        if rest.capacity() > 0 && self.rests.len() < Spare::MOST {
            self.rests.push(rest);
        }
    }

    fn give_cells(&mut self, cells: Cells) {
        if let Cells::Each(values) = cells {
            self.give(values);
        }
    }
}

/// Requests at one place of the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// Where each is in time.
    pub at: Values,
    /// Number of each.
    pub serial: Values,
    /// The other columns, none while the batch is empty.
    pub rest: Vec<Cells>,
    /// Whether the requests lie in order of time, ties settled.
    pub ordered: bool,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.at.len()
    }

    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Requests that have just been born, in order.
    pub fn births(arrivals: &[Arrival], layout: Layout, window: Window, spare: &mut Spare) -> Batch {
        let mut at = spare.take();
        at.extend(arrivals.iter().map(|arrival| arrival.at.0));
        let mut serial = spare.take();
        serial.extend(arrivals.iter().map(|arrival| arrival.serial));
        let mut batch = Batch::new(at, serial, layout, window, spare);
        let mut set = |column: Column, value: &dyn Fn(&Arrival) -> u64| {
            batch.rest[column] = condensed(arrivals.iter().map(value), arrivals.len(), spare);
        };
        set(CLASS, &|arrival| arrival.class as u64);
        set(KEY, &|arrival| arrival.key as u64);
        set(REQUEST, &|arrival| arrival.request_bytes as u64);
        set(RESPONSE, &|arrival| arrival.response_bytes as u64);
        set(DEMAND, &|arrival| arrival.demand);
        set(GIVEN, &|arrival| arrival.target as u64);
        batch
    }

    /// The same for requests that differ in nothing but time and serial, which counts up from that of the first.
    pub fn alike(at: Values, first: &Arrival, layout: Layout, window: Window, spare: &mut Spare) -> Batch {
        let mut serial = spare.take();
        let serials = first.serial..first.serial + at.len() as u64;
        lanes::dispatch(
            #[inline(always)]
            || serial.extend(serials),
        );
        let mut batch = Batch::new(at, serial, layout, window, spare);
        batch.rest[CLASS] = Cells::Same(first.class as u64);
        batch.rest[KEY] = Cells::Same(first.key as u64);
        batch.rest[REQUEST] = Cells::Same(first.request_bytes as u64);
        batch.rest[RESPONSE] = Cells::Same(first.response_bytes as u64);
        batch.rest[DEMAND] = Cells::Same(first.demand);
        batch.rest[GIVEN] = Cells::Same(first.target as u64);
        batch
    }

    /// Requests at their birth, with nothing to carry.
    fn new(at: Values, serial: Values, layout: Layout, window: Window, spare: &mut Spare) -> Batch {
        let mut rest = spare.rest();
        rest.resize(layout.columns(), Cells::Same(0));
        rest[BORN] = Cells::Now;
        rest[MARK] = Cells::Now;
        rest[STAGE] = Cells::Same(super::NO_STAGE);
        rest[BASE] = Cells::Same(super::ALIVE);
        rest[DEADLINE] = Cells::Same(u64::MAX);
        rest[LATE] = Cells::Same(u64::MAX);
        (0..layout.depths).for_each(|depth| rest[layout.frame(depth)] = Cells::Same(u64::MAX));
        let counted = window.count_rising(&at);
        rest[COUNTS] = match counted {
            0 => Cells::Same(0),
            all if all == at.len() as u64 => Cells::Same(1),
            _ => Cells::Each(at.iter().map(|&at| window.contains(Time(at)) as u64).collect()),
        };
        Batch { at, serial, rest, ordered: true }
    }

    /// The value of a column for a request.
    #[inline(always)]
    pub fn get(&self, column: Column, row: usize) -> u64 {
        match &self.rest[column] {
            Cells::Same(value) => *value,
            Cells::Now => self.at[row],
            Cells::Birth => self.get(BORN, row),
            Cells::Each(values) => values[row],
        }
    }

    /// The trail of repeats of a request.
    #[inline(always)]
    pub fn trail(&self, row: usize) -> u64 {
        self.get(TRAIL, row)
    }

    /// The least value of a column.
    pub fn least(&self, column: Column) -> u64 {
        match &self.rest[column] {
            Cells::Same(value) => *value,
            Cells::Now => self.at.iter().copied().min().unwrap_or(u64::MAX),
            Cells::Birth => self.least(BORN),
            Cells::Each(values) => values.iter().copied().min().unwrap_or(u64::MAX),
        }
    }

    /// The values of a column, copied: what loops over rows wants to know only once what a column is.
    pub fn written(&self, column: Column, spare: &mut Spare) -> Values {
        let mut values = spare.take();
        match &self.rest[column] {
            Cells::Same(value) => values.resize(self.len(), *value),
            Cells::Now => values.extend_from_slice(&self.at),
            Cells::Birth => {
                spare.give(values);
                return self.written(BORN, spare);
            }
            Cells::Each(each) => values.extend_from_slice(each),
        }
        values
    }

    /// Whether a column has this value anywhere.
    pub fn has(&self, column: Column, value: u64) -> bool {
        match &self.rest[column] {
            Cells::Same(same) => *same == value,
            Cells::Now => self.at.contains(&value),
            Cells::Birth => self.has(BORN, value),
            Cells::Each(values) => values.contains(&value),
        }
    }

    /// Sets the value of a column for one request.
    pub fn set(&mut self, column: Column, row: usize, value: u64, spare: &mut Spare) {
        if self.get(column, row) != value {
            self.each(column, spare)[row] = value;
        }
    }

    /// Sets a column for all requests.
    pub fn set_all(&mut self, column: Column, cells: Cells, spare: &mut Spare) {
        spare.give_cells(std::mem::replace(&mut self.rest[column], cells));
    }

    /// The only value of a column, if it has one.
    #[inline(always)]
    pub fn same(&self, column: Column) -> Option<u64> {
        match self.rest[column] {
            Cells::Same(value) => Some(value),
            _ => None,
        }
    }

    /// The values of a column, written out.
    pub fn each(&mut self, column: Column, spare: &mut Spare) -> &mut Values {
        let len = self.at.len();
        match self.rest[column] {
            Cells::Each(_) => {}
            Cells::Same(value) => {
                let mut values = spare.take();
                values.resize(len, value);
                self.rest[column] = Cells::Each(values);
            }
            Cells::Now => {
                let mut values = spare.take();
                values.extend_from_slice(&self.at);
                self.rest[column] = Cells::Each(values);
            }
            Cells::Birth => self.rest[column] = Cells::Each(self.written(BORN, spare)),
        }
        match &mut self.rest[column] {
            Cells::Each(values) => values,
            _ => unreachable!("written out above"),
        }
    }

    /// Gives the requests new times; columns that equal the time keep the old ones.
    pub fn move_to(&mut self, at: Values, spare: &mut Spare) {
        let mut old = Some(std::mem::replace(&mut self.at, at));
        let mut first: Option<Column> = None;
        if let (Cells::Now, Cells::Now) = (&self.rest[BORN], &self.rest[MARK]) {
            self.rest[MARK] = Cells::Birth;
        }
        for column in 0..self.rest.len() {
            if !matches!(self.rest[column], Cells::Now) {
                continue;
            }
            let values = match (old.take(), first) {
                (Some(values), _) => values,
                (None, Some(first)) => {
                    let mut values = spare.take();
                    if let Cells::Each(same) = &self.rest[first] {
                        values.extend_from_slice(same);
                    }
                    values
                }
                (None, None) => spare.take(),
            };
            self.rest[column] = Cells::Each(values);
            first = first.or(Some(column));
        }
        if let Some(values) = old {
            spare.give(values);
        }
        self.ordered = false;
        self.forget_late(spare);
    }

    /// Forgets who went on behind everything else of an instant, once time has passed for all of them.
    fn forget_late(&mut self, spare: &mut Spare) {
        if let Cells::Each(late) = &self.rest[LATE]
            && late.iter().zip(&self.at).all(|(&late, &at)| rank_of_late(late, at) == 0)
        {
            self.set_all(LATE, Cells::Same(u64::MAX), spare);
        }
    }

    /// Adds the requests of another batch behind its own.
    pub fn append(&mut self, mut other: Batch, spare: &mut Spare) {
        if other.is_empty() {
            return other.discard(spare);
        }
        if self.is_empty() {
            std::mem::replace(self, other).discard(spare);
            return;
        }
        match (&self.rest[MARK], &other.rest[MARK]) {
            (Cells::Birth, Cells::Birth) => {}
            (Cells::Birth, _) | (_, Cells::Birth) => {
                // Written out while the births are there.
                self.each(MARK, spare);
                other.each(MARK, spare);
            }
            _ => {}
        }
        for column in 0..self.rest.len() {
            match (&self.rest[column], &other.rest[column]) {
                (Cells::Same(a), Cells::Same(b)) if a == b => {}
                (Cells::Now, Cells::Now) | (Cells::Birth, Cells::Birth) => {}
                _ => {
                    let values = std::mem::take(other.each(column, spare));
                    self.each(column, spare).extend_from_slice(&values);
                    spare.give(values);
                }
            }
        }
        self.at.extend_from_slice(&other.at);
        self.serial.extend_from_slice(&other.serial);
        self.ordered = false;
        other.discard(spare);
    }

    /// Adds one request of another batch.
    pub fn push(&mut self, other: &Batch, row: usize, spare: &mut Spare) {
        if self.is_empty() {
            self.rest.clear();
            self.rest.extend(other.rest.iter().map(|cells| match cells {
                Cells::Now => Cells::Now,
                Cells::Birth => Cells::Birth,
                Cells::Same(value) => Cells::Same(*value),
                Cells::Each(values) => Cells::Same(values[row]),
            }));
        } else {
            for column in 0..self.rest.len() {
                let value = other.get(column, row);
                match &mut self.rest[column] {
                    Cells::Same(same) if *same == value => {}
                    Cells::Now if value == other.at[row] => {}
                    Cells::Birth if value == other.get(BORN, row) => {}
                    Cells::Each(values) => values.push(value),
                    _ => self.each(column, spare).push(value),
                }
            }
        }
        self.at.push(other.at[row]);
        self.serial.push(other.serial[row]);
        self.ordered = false;
    }

    /// The same requests once more.
    pub fn copied(&self, spare: &mut Spare) -> Batch {
        let copy = |values: &Values, copied: &mut Values| copied.extend_from_slice(values);
        let mut at = spare.take();
        copy(&self.at, &mut at);
        self.picked_at(at, copy, spare)
    }

    /// The requests at some rows.
    pub fn gathered(&self, rows: &[u32], spare: &mut Spare) -> Batch {
        let mut at = spare.take();
        gather(&self.at, rows, &mut at);
        self.gathered_at(at, rows, spare)
    }

    /// The same, given their times.
    pub fn gathered_at(&self, at: Values, rows: &[u32], spare: &mut Spare) -> Batch {
        self.picked_at(at, |values, picked| gather(values, rows, picked), spare)
    }

    /// Requests with these times, whose columns are picked from these into empty ones.
    #[inline(always)]
    fn picked_at(&self, at: Values, pick: impl Fn(&Values, &mut Values), spare: &mut Spare) -> Batch {
        let pick = |values: &Values, spare: &mut Spare| {
            let mut picked = spare.take();
            pick(values, &mut picked);
            picked
        };
        let mut rest = spare.rest();
        for cells in &self.rest {
            rest.push(match cells {
                Cells::Same(value) => Cells::Same(*value),
                Cells::Now => Cells::Now,
                Cells::Birth => Cells::Birth,
                Cells::Each(values) => Cells::Each(pick(values, spare)),
            });
        }
        Batch { at, serial: pick(&self.serial, spare), rest, ordered: self.ordered }
    }

    /// Takes out the requests for which the mask holds, in their order.
    pub fn taken_out(&mut self, mask: &[u8], spare: &mut Spare) -> Batch {
        let (mut rows, mut others) = (std::mem::take(&mut spare.rows), std::mem::take(&mut spare.others));
        part(mask, &mut rows, &mut others);
        let out = self.gathered(&rows, spare);
        self.keep(&others, spare);
        (spare.rows, spare.others) = (rows, others);
        out
    }

    /// Keeps the requests for which the mask does not hold.
    pub fn retain(&mut self, mask: &[u8], spare: &mut Spare) {
        let (mut rows, mut others) = (std::mem::take(&mut spare.rows), std::mem::take(&mut spare.others));
        part(mask, &mut rows, &mut others);
        self.keep(&others, spare);
        (spare.rows, spare.others) = (rows, others);
    }

    /// Keeps the requests at some rows, in their order.
    fn keep(&mut self, rows: &[u32], spare: &mut Spare) {
        let columns = self.rest.iter_mut().filter_map(|cells| match cells {
            Cells::Each(values) => Some(values),
            _ => None,
        });
        for values in columns.chain([&mut self.serial, &mut self.at]) {
            let mut kept = spare.take();
            gather(values, rows, &mut kept);
            spare.give(std::mem::replace(values, kept));
        }
    }

    /// Takes out the requests at some rows, given in order; the last ones take their places.
    pub fn swap_out(&mut self, rows: &[u32]) {
        let take_out = |values: &mut Values| {
            for &row in rows.iter().rev() {
                values.swap_remove(row as usize);
            }
        };
        for cells in &mut self.rest {
            if let Cells::Each(values) = cells {
                take_out(values);
            }
        }
        take_out(&mut self.serial);
        take_out(&mut self.at);
        self.ordered = false;
    }

    /// What settles who comes first of requests at the same instant: those that a deadline has just cut loose come after
    /// all others, the innermost call first; then by number and trail.
    pub fn tie(&self, row: usize) -> (u64, u64) {
        let late = self.late_rank(row).saturating_sub(PATIENCE_RANK - 1) as u64;
        (late << 60 | self.serial[row], self.get(TRAIL, row))
    }

    /// The rank of those who go on behind everything else of this instant, zero for all others.
    pub fn late_rank(&self, row: usize) -> u32 {
        rank_of_late(self.get(LATE, row), self.at[row])
    }

    /// Whether all are at their first attempt and none goes on behind everything else of its instant.
    pub fn is_plain(&self) -> bool {
        self.same(TRAIL) == Some(0) && self.same(LATE) == Some(u64::MAX)
    }

    /// Gives its vectors back.
    pub fn discard(self, spare: &mut Spare) {
        spare.give(self.at);
        spare.give(self.serial);
        spare.give_rest(self.rest);
    }

    /// Forgets its requests.
    pub fn clear(&mut self, spare: &mut Spare) {
        std::mem::take(self).discard(spare);
    }
}

/// That a request goes on at an instant behind everything else that happens then: a deadline or the end of its patience
/// has sent it on. Nothing for ranks below those.
pub(super) fn late(at: u64, rank: u32) -> u64 {
    rank.checked_sub(PATIENCE_RANK).map_or(u64::MAX, |order| at << 4 | order as u64)
}

/// The rank of such a request as long as no time has passed, or zero.
pub(super) fn rank_of_late(late: u64, at: u64) -> u32 {
    if late >> 4 == at { PATIENCE_RANK + (late & 15) as u32 } else { 0 }
}

/// A column from values that may all be the same.
fn condensed(mut values: impl Iterator<Item = u64>, len: usize, spare: &mut Spare) -> Cells {
    let Some(first) = values.next() else { return Cells::Same(0) };
    let mut count = 1;
    for value in values.by_ref() {
        if value == first {
            count += 1;
            continue;
        }
        let mut each = spare.take();
        each.reserve(len);
        each.resize(count, first);
        each.push(value);
        each.extend(values);
        return Cells::Each(each);
    }
    Cells::Same(first)
}

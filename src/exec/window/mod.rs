//! The window executor: all requests of a window of time go through one instruction after another, as columns. Delays
//! are never negative, so once everything upstream has been taken through a window, nobody can come downstream any more
//! before its end. Order is made only in front of instructions that need it; whoever comes later than the window's end
//! is kept there for the window it belongs to. What depends on itself without a lag runs by events inside the window.

mod batch;
mod bet;
mod births;
mod fields;
mod forget;
mod gate;
mod hand_over;
mod loops;
mod pass;
mod record;
mod ring;
mod serve;

use std::sync::atomic::Ordering;

use super::columns::{gather, places_from};
use super::core::Core;
use super::order::Order;
use super::run::{Options, Run, Verdict};
use super::source::Source;
use super::timed::{Laps, Piece};
use super::token;
use crate::program::parts::takes_in_order;
use crate::program::{Instruction, Parts, Program, Step};
use crate::time::{Span, Time};
use batch::{Batch, Cells, Layout, Spare};
use bet::Journal;
use births::Births;
use forget::forgets_target;
use loops::Loop;
use ring::Ring;

/// The longest windows take more than an hour.
pub(super) const LONGEST: Span = Span(1 << 42);
/// Bits of an offset by which the requests of a window are ordered.
const OFFSET_BITS: u32 = 32;

/// Requests at one place in one window that are too many for columns.
const TOO_MANY: usize = 1 << 20;

/// Requests for which it pays to ask whether they need an order.
const MANY: usize = 128;

/// No stage: time spent here belongs to nobody.
const NO_STAGE: u64 = token::NO_STAGE as u64;
/// No base: the request is alive down to its client.
const ALIVE: u64 = token::ALIVE as u64;

/// Runs one replication of a program whose parts need no events, in windows of this length. Nothing when it
/// has to be run by events after all: a backlog beyond the guard, or someone who came back too soon.
pub(super) fn run(
    program: &Program,
    parts: &Parts,
    length: Span,
    source: Box<dyn Source>,
    options: &Options<'_>,
) -> Option<Run> {
    let mut windows = Windows::new(program, parts, length, source, options);
    let (verdict, end) = windows.run_all(options)?;
    Some(windows.core.finish(verdict, end))
}

/// The same, watched: where the time goes.
pub(super) fn run_watched<'a>(
    program: &'a Program,
    parts: &'a Parts,
    length: Span,
    source: Box<dyn Source>,
    options: &Options<'a>,
    watch: &'a mut dyn Laps,
) -> Option<Run> {
    let mut windows = Windows::new(program, parts, length, source, options);
    windows.watch = Some(watch);
    let (verdict, end) = windows.run_all(options)?;
    Some(windows.core.finish(verdict, end))
}

/// Why a run cannot go on in windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    /// A backlog beyond the guard.
    Backlog,
    /// A request came to an instruction whose window had passed.
    TooSoon,
    /// The user has ended the run.
    Interrupted,
}

struct Windows<'a> {
    program: &'a Program,
    parts: &'a Parts,
    core: Core<'a>,
    layout: Layout,
    /// Nanoseconds of a window on the grid.
    length: u64,
    /// Nobody comes before this any more: the end of the last window.
    from: u64,
    /// Start of the window on the grid.
    start: u64,
    /// Its end.
    end: u64,
    /// The latest time at which anything was decided.
    last: u64,
    /// Requests on their way to an instruction.
    inbox: Vec<Batch>,
    /// Requests that come to an ordered instruction in a later window.
    rings: Vec<Ring>,
    ordered: Vec<bool>,
    /// Whether nobody looks at the target of a station any more after it.
    forgets: Vec<bool>,
    /// What runs the loops, by step.
    loops: Vec<Option<Loop<'a>>>,
    /// What is noted instead of recorded, while a loop is taken through the window on a bet.
    journal: Option<Box<Journal>>,
    births: Births,
    /// Place of the step that runs.
    step: u32,
    /// Whether the steps run for the first time in this window.
    first: bool,
    /// Whether requests were sent to a step that has run already.
    again: bool,
    halted: Option<Halt>,
    backlog: usize,
    in_flight: u64,
    order: Order,
    spare: Spare,
    scratch: Scratch,
    /// Whoever wants to know where the time goes.
    watch: Option<&'a mut dyn Laps>,
}

/// Vectors that are used inside a step only.
#[derive(Default)]
struct Scratch {
    mask: Vec<u8>,
    others: Vec<u8>,
    rows: Vec<u32>,
    row: Vec<u64>,
}

impl<'a> Windows<'a> {
    fn new(
        program: &'a Program,
        parts: &'a Parts,
        length: Span,
        source: Box<dyn Source>,
        options: &Options<'a>,
    ) -> Windows<'a> {
        let places = program.code.len();
        Windows {
            program,
            parts,
            core: Core::windowed(program, options),
            layout: Layout::of(program),
            length: length.clamp(Span(1), LONGEST).0,
            from: 0,
            start: 0,
            end: 0,
            last: 0,
            inbox: vec![Batch::default(); places],
            rings: vec![Ring::default(); places],
            ordered: program.code.iter().map(|instruction| takes_in_order(program, instruction)).collect(),
            forgets: (0..places).map(|place| forgets_target(program, place)).collect(),
            loops: parts.steps.iter().map(|step| Loop::of(program, step, options)).collect(),
            journal: None,
            births: Births::new(source),
            step: 0,
            first: true,
            again: false,
            halted: None,
            backlog: options.guard.backlog as usize,
            in_flight: options.guard.in_flight as u64,
            order: Order::default(),
            spare: Spare::default(),
            scratch: Scratch::default(),
            watch: None,
        }
    }

    /// Runs all windows. The verdict and the time of the end; nothing when the run must be by events.
    fn run_all(&mut self, options: &Options<'_>) -> Option<(Verdict, Time)> {
        let mut verdict = Verdict::Complete;
        while let Some(start) = self.next() {
            self.run(start);
            if options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                self.halted = Some(Halt::Interrupted);
            }
            match self.halted {
                None if (self.is_crowded() || self.do_not_pay()) && self.can_hand_over() => {
                    return Some(self.hand_over(options));
                }
                None => {}
                Some(Halt::Interrupted) => {
                    verdict = Verdict::Interrupted;
                    break;
                }
                Some(Halt::Backlog | Halt::TooSoon) => return None,
            }
        }
        Some((verdict, Time(self.end.max(self.last))))
    }

    /// Whether a backlog is on the way to the guard.
    fn is_crowded(&self) -> bool {
        self.core.longest_queue() > self.backlog / 2 || self.alive() > self.in_flight / 2
    }

    /// A piece of work is done. A look at a pointer, when nobody watches.
    #[inline(always)]
    fn done(&mut self, piece: Piece) {
        if let Some(watch) = &mut self.watch {
            watch.lap(piece);
        }
    }

    /// Start of the next window in which anything happens.
    fn next(&mut self) -> Option<u64> {
        let arrival = self.births.peek().map(|at| at / self.length);
        let waiting = self.rings.iter().filter_map(Ring::next).min();
        let inside = self.loops.iter().flatten().map(|running| running.interpreter.next_time());
        let event = inside.filter(|&at| at != Time::NEVER).min().map(|at| at.0 / self.length);
        let window = arrival.into_iter().chain(waiting).chain(event).min()?;
        Some(window * self.length)
    }

    /// Takes everything through a window.
    fn run(&mut self, start: u64) {
        self.from = self.end.max(start);
        self.start = start;
        let (alive, entered) = (self.alive(), self.entered());
        self.done(Piece::Between);
        self.born(self.bound().min(start + self.length));
        self.done(Piece::Arrivals);
        self.pass(true);
        while self.again && self.halted.is_none() {
            self.pass(false);
        }
        for budget in &mut self.core.budgets {
            budget.settle((Time(self.end - 1), u32::MAX));
        }
        // Nobody knows how many were there at the same instant, but not more than these.
        let most = alive + self.entered() - entered;
        if most >= self.in_flight {
            self.halted = Some(Halt::Backlog);
        }
    }

    /// No repeat comes back before this.
    fn bound(&self) -> u64 {
        let Some(lag) = self.parts.lag else { return u64::MAX };
        let loops = self.loops.iter().any(Option::is_some);
        let deadline = if loops { Some(self.from) } else { self.rings.iter().map(Ring::deadline).min() };
        let after_deadline = deadline.unwrap_or(u64::MAX).saturating_add(lag.after_deadline.0);
        after_deadline.min(self.from.saturating_add(lag.unhurried.0))
    }

    /// Requests born, and callers that went on alone.
    fn entered(&self) -> u64 {
        let balance = &self.core.recorder.balance;
        balance.born + balance.cut + balance.forked
    }

    /// Requests, and what is left of some, that have not ended.
    fn alive(&self) -> u64 {
        let balance = &self.core.recorder.balance;
        let ended = balance.served + balance.failed + balance.rejected + balance.gave_up;
        self.entered() - ended - balance.ended_unseen - balance.joined
    }

    /// Births of the window, which ends early where too many come.
    fn born(&mut self, end: u64) {
        let window = self.core.recorder.window;
        let (births, end) = self.births.take(self.from, end, self.layout, window, &mut self.spare);
        self.end = end;
        self.core.recorder.births(&births.at);
        self.inbox[0].append(births, &mut self.spare);
    }

    /// Runs all steps once. In the first pass ordered instructions take what comes in this window.
    fn pass(&mut self, first: bool) {
        (self.first, self.again) = (first, false);
        let parts = self.parts;
        for (number, step) in parts.steps.iter().enumerate() {
            self.step = number as u32;
            match step {
                Step::One(label) => self.step_at(label.index(), first),
                Step::Loop(members) => self.run_loop(number, members, first),
            }
            self.done(Piece::Step(number));
            if self.halted.is_some() {
                return;
            }
        }
    }

    fn step_at(&mut self, place: usize, first: bool) {
        let mut batch = std::mem::take(&mut self.inbox[place]);
        if self.ordered[place] {
            if let Instruction::Retry { policy, .. } = self.instruction(place) {
                batch = self.those_to_repeat(batch, policy, place + 1);
            }
            batch = self.joined(place, batch, first);
            if first && batch.len() >= MANY && !batch.ordered && self.admits_all(place, &batch) {
                let batch = self.before_end(place, batch);
                return self.send(place + 1, batch);
            }
            batch = self.put_in_order(place, batch, first);
        }
        if !batch.is_empty() {
            self.execute(place, batch);
        }
    }

    /// Those who come, and in the first pass those who have waited for this window.
    fn joined(&mut self, place: usize, mut batch: Batch, first: bool) -> Batch {
        if first && let Some(waiting) = self.rings[place].take(self.start / self.length) {
            batch.append(waiting, &mut self.spare);
        }
        batch
    }

    fn put_in_order(&mut self, place: usize, batch: Batch, first: bool) -> Batch {
        let end = self.end;
        if batch.is_empty() || batch.ordered && first && batch.at.last().is_none_or(|&last| last < end) {
            return batch;
        }
        let from = if first { self.from } else { end };
        if batch.len() > TOO_MANY {
            self.halted = Some(Halt::Backlog);
            return Batch::default();
        }
        let spare = &mut self.spare;
        let tie = |row: u32| (batch.at[row as usize], batch.tie(row as usize));
        let span = end - self.start;
        let bits = u64::BITS - (span - 1).leading_zeros();
        let mut at = spare.sized(batch.len());
        let before = if bits <= OFFSET_BITS {
            let before = self.order.order(&batch.at, self.start, span, tie);
            self.order.times(self.start, before, &mut at);
            before
        } else {
            // Longer windows are ordered by the leading bits; what is equal in those counts as a tie.
            let unit = bits - OFFSET_BITS;
            let offset = |&at: &u64| if at < end { (at - self.start) >> unit } else { u64::MAX };
            self.scratch.row.clear();
            self.scratch.row.extend(batch.at.iter().map(offset));
            let before = self.order.order(&self.scratch.row, 0, 1 << OFFSET_BITS, tie);
            gather(&batch.at, &self.order.indices()[..before], &mut at);
            before
        };
        let rows = self.order.indices();
        // Those before the window's start count as outside of it; whoever comes first inside may come before `from`.
        let mut earliest = rows[before..].iter().map(|&row| batch.at[row as usize]).chain(at.first().copied());
        if earliest.any(|at| at < from) {
            self.halted = Some(Halt::TooSoon);
            return Batch::default();
        }
        self.rings[place].keep_all(&batch, &rows[before..], self.length, spare);
        let mut sorted = batch.gathered_at(at, &rows[..before], spare);
        sorted.ordered = true;
        batch.discard(spare);
        sorted
    }

    /// Whether an instruction is a bucket that has a token for everyone in this window, who then need no order.
    fn admits_all(&mut self, place: usize, batch: &Batch) -> bool {
        let Instruction::Limit { bucket, .. } = self.instruction(place) else { return false };
        self.core.admit_in_any_order(bucket.index(), &batch.at, self.from, self.end)
    }

    /// Those who come in this window, in any order; the others are kept for theirs.
    fn before_end(&mut self, place: usize, mut batch: Batch) -> Batch {
        let mut rows = std::mem::take(&mut self.scratch.rows);
        rows.clear();
        places_from(&batch.at, self.end, &mut rows);
        self.rings[place].keep_all(&batch, &rows, self.length, &mut self.spare);
        batch.swap_out(&rows);
        self.scratch.rows = rows;
        batch
    }

    /// Sends requests on to an instruction.
    fn send(&mut self, mut place: usize, mut batch: Batch) {
        if batch.is_empty() {
            return batch.discard(&mut self.spare);
        }
        // Done at once, these leave less to be told apart where ways meet.
        loop {
            if let Some(journal) = self.journal.as_mut().filter(|journal| !journal.is_inside(place)) {
                return journal.leave(place, false, batch);
            }
            match self.instruction(place) {
                Instruction::Mark { stage } => self.mark(&mut batch, stage.0 as u64),
                Instruction::Answer { outcome } => {
                    batch.set_all(batch::OUTCOME, Cells::Same(outcome.0 as u64), &mut self.spare);
                }
                Instruction::Jump { to } if to.index() > place => {
                    place = to.index();
                    continue;
                }
                Instruction::End => return self.finish(batch),
                _ => break,
            }
            place += 1;
        }
        self.again |= self.parts.step_of[place] <= self.step;
        self.inbox[place].append(batch, &mut self.spare);
    }

    fn instruction(&self, place: usize) -> Instruction {
        self.program.code[place]
    }
}

//! A loop without a lag in columns, on a bet. What makes it a loop is that a permit or a connection can be taken only when
//! another request has given it back. So it is assumed what each request will get (nearly always what it asks for, and at
//! once), all requests of the window are taken through the loop in columns as if there were no loop, and only then is it
//! played, operator by operator and in order of time, who gets what. Whoever gets something else is taken through the loop
//! again with that, until nothing is found that was not assumed.
//!
//! Then it is what happens: what a request gets is decided by what happens before, so of two courses of events that are
//! both without contradiction, the first difference would be one without a reason. Nothing is recorded before.

mod journal;
mod operator;

use super::batch::{Batch, Cells, ROW, Values};
use super::{OFFSET_BITS, TOO_MANY, Windows};
use crate::exec::columns::{drop_rows, places_from};
use crate::exec::core::slowed;
use crate::op::window::Window;
use crate::program::forward::only_goes_forward;
use crate::program::{Instruction, Label, Program, Service, StationId};
use crate::time::Span;
pub(super) use journal::{Counted, Journal};
use operator::{Bounds, Event, FIRST, Happens, Kind, Operator, Passes, Scratch, TURNED_AWAY};

/// Passes after which it is no use to go on, ...
const MOST_PASSES: u8 = 100;
/// ... nor is it when all further ones have taken as much as the first: then events would have been as fast. What a further
/// pass takes, as requests taken through again: so many, and one for so many of all that come.
const A_PASS: usize = 32;
/// Windows by events after a bet that was lost; several times as many after each further one, up to the most.
const PAUSE: u32 = 2;
const LONGER: u32 = 4;
const LONGEST_PAUSE: u32 = 64;

/// A loop that can be taken through a window in columns.
#[derive(Debug)]
pub(super) struct Bet {
    /// Its instructions, in order.
    members: Vec<usize>,
    operators: Vec<Operator>,
    /// The operator of an instruction, by place.
    operator_of: Vec<Option<usize>>,
    journal: Option<Box<Journal>>,
    /// The pass in which each request was taken through the loop last.
    pass_of: Vec<u8>,
    /// Those who must be taken through it again.
    wrong: Vec<u32>,
    scratch: Scratch,
    /// Windows to be run by events before the next bet, ...
    pause: u32,
    /// ... and after the next one that is lost.
    next_pause: u32,
}

impl Bet {
    /// The bet on a loop, if its requests only go forward.
    pub fn on(program: &Program, members: &[Label], window: Window) -> Option<Bet> {
        if !only_goes_forward(program, members) {
            return None;
        }
        let mut inside = vec![false; program.code.len()];
        members.iter().for_each(|label| inside[label.index()] = true);
        let places: Vec<usize> = members.iter().map(|label| label.index()).collect();
        let mut operators: Vec<Operator> = Vec::new();
        let mut operator_of = vec![None; program.code.len()];
        for &place in &places {
            let Some(kind) = used(program, place) else { continue };
            let known = operators.iter().position(|operator| operator.kind == kind);
            operator_of[place] = Some(known.unwrap_or(operators.len()));
            if known.is_none() {
                operators.push(Operator::new(program, kind, window));
            }
        }
        Some(Bet {
            members: places,
            operators,
            operator_of,
            journal: Some(Box::new(Journal::new(inside))),
            pass_of: Vec::new(),
            wrong: Vec::new(),
            scratch: Scratch::default(),
            pause: 0,
            next_pause: PAUSE,
        })
    }

    /// Whether it is worth while to bet on the next window.
    pub fn is_on(&mut self) -> bool {
        let on = self.pause == 0;
        self.pause = self.pause.saturating_sub(1);
        on
    }

    /// Whether all of the last bets were lost.
    pub fn is_hopeless(&self) -> bool {
        self.next_pause == LONGEST_PAUSE
    }

    /// The bet was lost, or could not be made.
    pub fn lose(&mut self) {
        self.pause = self.next_pause;
        self.next_pause = (LONGER * self.next_pause).min(LONGEST_PAUSE);
    }
}

/// The operator at which requests contend at an instruction.
fn used(program: &Program, place: usize) -> Option<Kind> {
    Some(match program.code[place] {
        Instruction::Hold { pool, .. } | Instruction::Free { pool } => Kind::Pool(pool),
        Instruction::Connect { connections, .. } | Instruction::Disconnect { connections, .. } => {
            Kind::Connections(connections)
        }
        Instruction::Serve { station, .. } => Kind::Station(station),
        Instruction::Limit { bucket, .. } => Kind::Bucket(bucket),
        Instruction::Choose { balancer } if program.balancers[balancer.index()].choice.is_ordered() => {
            Kind::Turn(balancer)
        }
        _ => return None,
    })
}

impl Windows<'_> {
    /// Bets on a loop for those who come in this window, by instruction. They are given back, with whoever comes later
    /// kept for that, if the bet is lost.
    pub(super) fn bet(&mut self, bet: &mut Bet, mut coming: Vec<(usize, Batch)>) -> Result<(), Vec<(usize, Batch)>> {
        let mut rows = 0;
        let bits = u64::BITS - (self.end - self.start - 1).leading_zeros();
        let mut possible = bits <= OFFSET_BITS;
        for (place, batch) in coming.iter_mut().filter(|(_, batch)| !batch.is_empty()) {
            *batch = self.before_end(*place, std::mem::take(batch));
            possible &= batch.at.iter().all(|&at| at >= self.from);
            let mut numbers = self.spare.take();
            numbers.extend((rows..).take(batch.len()));
            rows += batch.len() as u64;
            batch.set_all(ROW, Cells::Each(numbers), &mut self.spare);
        }
        if rows == 0 {
            return Ok(());
        }
        possible &= rows as usize * 2 < TOO_MANY;
        bet.operators.iter_mut().for_each(|operator| operator.begin(rows as usize));
        bet.pass_of.clear();
        bet.pass_of.resize(rows as usize, FIRST);
        self.journal = bet.journal.take();
        let won = possible && self.go_through(bet, &coming);
        bet.journal = self.journal.take();
        if won {
            self.win(bet)
        } else {
            self.lose(bet)
        }
        for (_, batch) in coming.iter_mut().filter(|(_, batch)| !batch.is_empty()) {
            batch.set_all(ROW, Cells::Same(0), &mut self.spare);
        }
        if !won {
            return Err(coming);
        }
        coming.into_iter().for_each(|(_, batch)| batch.discard(&mut self.spare));
        Ok(())
    }

    fn win(&mut self, bet: &mut Bet) {
        bet.next_pause = PAUSE;
        let Some(mut journal) = bet.journal.take() else { return };
        let passes = Passes { of: &bet.pass_of, now: journal.pass };
        bet.operators.iter_mut().for_each(|operator| operator.commit(&mut self.core, passes));
        self.follow(&mut journal, passes);
        journal.clear(&mut self.spare);
        bet.journal = Some(journal);
    }

    fn lose(&mut self, bet: &mut Bet) {
        bet.lose();
        bet.members.iter().for_each(|&place| self.inbox[place].clear(&mut self.spare));
        if let Some(journal) = &mut bet.journal {
            journal.clear(&mut self.spare);
        }
    }

    /// Takes requests through the loop until nothing is found that was not assumed. Whether that came about.
    fn go_through(&mut self, bet: &mut Bet, coming: &[(usize, Batch)]) -> bool {
        let bounds = Bounds { start: self.start, end: self.end, backlog: self.backlog };
        for (place, batch) in coming {
            let copy = batch.copied(&mut self.spare);
            self.inbox[*place].append(copy, &mut self.spare);
        }
        let mut again = 0;
        for pass in FIRST..MOST_PASSES {
            if let Some(journal) = &mut self.journal {
                journal.pass = pass;
            }
            bet.wrong.clear();
            if !self.pass_through(bet, pass, bounds) {
                return false;
            }
            let Bet { operators, pass_of, scratch, wrong, .. } = bet;
            let passes = Passes { of: pass_of, now: pass };
            for operator in operators.iter_mut().filter(|operator| !operator.is_played(pass)) {
                if !operator.play(&self.core, bounds, (passes, false), scratch, wrong) {
                    return false;
                }
            }
            if wrong.is_empty() {
                return operators.iter().all(|operator| operator.tells_apart(bounds, passes, scratch));
            }
            wrong.sort_unstable();
            wrong.dedup();
            again += wrong.len() + A_PASS + pass_of.len() / A_PASS;
            if again > pass_of.len() + A_PASS {
                return false;
            }
            wrong.iter().for_each(|&row| pass_of[row as usize] = pass + 1);
            self.send_again(wrong, coming);
        }
        false
    }

    /// Those for whom something wrong was assumed come to the loop again.
    fn send_again(&mut self, wrong: &[u32], coming: &[(usize, Batch)]) {
        let (mut rest, mut first) = (wrong, 0);
        for (place, batch) in coming {
            let count = rest.partition_point(|&row| row < first + batch.len() as u32);
            let (here, others) = rest.split_at(count);
            if !here.is_empty() {
                let rows: Vec<u32> = here.iter().map(|row| row - first).collect();
                let again = batch.gathered(&rows, &mut self.spare);
                self.inbox[*place].append(again, &mut self.spare);
            }
            (rest, first) = (others, first + batch.len() as u32);
        }
    }

    /// Takes the requests that have come through the loop once, as assumed. Whether that was possible.
    fn pass_through(&mut self, bet: &mut Bet, pass: u8, bounds: Bounds) -> bool {
        for index in 0..bet.members.len() {
            let place = bet.members[index];
            let mut batch = std::mem::take(&mut self.inbox[place]);
            if self.ordered[place] && !batch.is_empty() {
                self.leave_later_ones(place, &mut batch);
            }
            if batch.is_empty() {
                batch.discard(&mut self.spare);
            } else if let Some(operator) = bet.operator_of[place] {
                self.contend(bet, (operator, pass), place, batch, bounds);
            } else {
                self.execute(place, batch);
            }
            if self.journal.as_ref().is_none_or(|journal| journal.lost) {
                return false;
            }
        }
        true
    }

    /// Whoever comes to an ordered instruction after the window waits for a later one.
    fn leave_later_ones(&mut self, place: usize, batch: &mut Batch) {
        let mut rows = std::mem::take(&mut self.scratch.rows);
        rows.clear();
        places_from(&batch.at, self.end, &mut rows);
        if !rows.is_empty() {
            let later = batch.gathered(&rows, &mut self.spare);
            batch.swap_out(&rows);
            if let Some(journal) = &mut self.journal {
                journal.leave(place, true, later);
            }
        }
        self.scratch.rows = rows;
    }

    /// Requests come to an operator; they go on as is assumed, or where it can be told at once, as it is.
    fn contend(&mut self, bet: &mut Bet, (index, pass): (usize, u8), place: usize, batch: Batch, bounds: Bounds) {
        let rows = batch.written(ROW, &mut self.spare);
        let Bet { operators, pass_of, scratch, wrong, .. } = bet;
        let operator = &mut operators[index];
        let demands = self.note_events(operator, place, &batch, &rows, pass);
        let passes = Passes { of: pass_of, now: pass };
        if operator.kind.tells_at_once() && !operator.play(&self.core, bounds, (passes, true), scratch, wrong) {
            return self.give_up(batch);
        }
        self.go_on(operator, place, batch, &rows, demands.as_ref());
        self.spare.give(rows);
        self.spare.give(demands.unwrap_or_default());
    }

    /// Notes what requests do to an operator. Gives what they demand of a station.
    fn note_events(
        &mut self,
        operator: &mut Operator,
        place: usize,
        batch: &Batch,
        rows: &[u64],
        pass: u8,
    ) -> Option<Values> {
        let program = self.program;
        let target = operator.kind.target(program).map(|target| self.layout.register(target.index()));
        let targets = target.map(|column| batch.written(column, &mut self.spare));
        let target = |row: usize| targets.as_ref().map_or(0, |targets| targets[row] as u16);
        let event = |row: usize, what: Happens, span: u64| Event {
            at: batch.at[row],
            span,
            row: rows[row] as u32,
            target: target(row),
            pass,
            what,
        };
        let all = 0..batch.len();
        let mut demands = None;
        match program.code[place] {
            Instruction::Free { .. } => {
                operator.events.extend(all.map(|row| event(row, Happens::GivesBack(0), 0)));
            }
            Instruction::Disconnect { connections, keep } => {
                let state = self.layout.register(program.connections[connections.index()].state.index());
                let kept = |row: usize| match keep {
                    true => self.core.kept_for(connections, batch.serial[row] ^ batch.trail(row)),
                    false => Span::ZERO,
                };
                let back = |row: usize| Happens::GivesBack(batch.get(state, row) as u8);
                operator.events.extend(all.map(|row| event(row, back(row), kept(row).0)));
            }
            Instruction::Serve { station, service, .. } => {
                let spans = self.demands_at(station, batch, service, target);
                operator.events.extend(all.map(|row| event(row, Happens::Asks, spans[row])));
                demands = Some(spans);
            }
            _ => operator.events.extend(all.map(|row| event(row, Happens::Asks, 0))),
        }
        self.spare.give(targets.unwrap_or_default());
        demands
    }

    /// What requests demand of the stations they come to.
    fn demands_at(
        &mut self,
        station: StationId,
        batch: &Batch,
        service: Service,
        target: impl Fn(usize) -> u16,
    ) -> Values {
        let own = self.words(batch);
        let mut spans = self.demands(batch, service, own.as_ref().unwrap_or(&batch.serial));
        self.spare.give(own.unwrap_or_default());
        let slowness = &self.program.stations[station.index()].slowness;
        if !slowness.is_empty() {
            for (row, span) in spans.iter_mut().enumerate() {
                *span = slowed(Span(*span), slowness, target(row) as usize).0;
            }
        }
        spans
    }

    /// Requests go on with what is assumed that they get.
    fn go_on(&mut self, operator: &Operator, place: usize, mut batch: Batch, rows: &[u64], demands: Option<&Values>) {
        match self.instruction(place) {
            Instruction::Hold { full, .. } | Instruction::Serve { full, .. } => {
                self.as_assumed(operator, place, full, batch, rows, demands);
            }
            Instruction::Connect { connections, full } => {
                let state = self.layout.register(self.program.connections[connections.index()].state.index());
                self.take_assumed(operator, (place + 1, state), full, batch, rows);
            }
            Instruction::Choose { balancer } => {
                let mut chosen = self.spare.take();
                chosen.extend(rows.iter().map(|&row| operator.assumed[row as usize]));
                self.chosen(&mut batch, balancer, chosen);
                self.send(place + 1, batch);
            }
            Instruction::Limit { otherwise, .. } => {
                let refused = |row: &u64| operator.assumed[*row as usize] as u8;
                let mask: Vec<u8> = rows.iter().map(refused).collect();
                self.turn_some_away(&mut batch, &mask, otherwise);
                self.send(place + 1, batch);
            }
            _ => self.send(place + 1, batch),
        }
    }

    fn give_up(&mut self, batch: Batch) {
        batch.discard(&mut self.spare);
        if let Some(journal) = &mut self.journal {
            journal.lost = true;
        }
    }

    /// Sends those for whom a mask holds elsewhere.
    fn turn_some_away(&mut self, batch: &mut Batch, mask: &[u8], to: Label) {
        if mask.contains(&1) {
            let mut away = batch.taken_out(mask, &mut self.spare);
            away.ordered = false;
            self.send(to.index(), away);
        }
    }

    /// Requests get a permit or a server when that is assumed, and keep it for what they demand.
    fn as_assumed(
        &mut self,
        operator: &Operator,
        place: usize,
        full: Label,
        mut batch: Batch,
        rows: &[u64],
        demands: Option<&Values>,
    ) {
        if !operator.unusual && demands.is_none() {
            return self.send(place + 1, batch);
        }
        let mut ends = self.spare.take();
        ends.extend(rows.iter().zip(&batch.at).map(|(&row, &at)| at.max(operator.assumed[row as usize])));
        if let Some(demands) = demands {
            ends.iter_mut().zip(demands).for_each(|(end, demand)| *end = end.saturating_add(*demand));
        }
        if operator.unusual {
            let away = |row: &u64| u8::from(operator.assumed[*row as usize] == TURNED_AWAY);
            let mask: Vec<u8> = rows.iter().map(away).collect();
            self.turn_some_away(&mut batch, &mask, full);
            drop_rows(&mut ends, &mask);
        }
        if self.forgets[place]
            && let Instruction::Serve { station, .. } = self.program.code[place]
            && let Some(target) = self.program.stations[station.index()].target
        {
            batch.set_all(self.layout.register(target.index()), Cells::Same(0), &mut self.spare);
        }
        if batch.is_empty() {
            self.spare.give(ends);
            return batch.discard(&mut self.spare);
        }
        self.let_pass(&mut batch, ends);
        self.send(place + 1, batch);
    }

    /// Requests get the connection that is assumed.
    fn take_assumed(
        &mut self,
        operator: &Operator,
        (next, state): (usize, usize),
        full: Label,
        mut batch: Batch,
        rows: &[u64],
    ) {
        if !operator.unusual {
            batch.set_all(state, Cells::Same(operator.usual), &mut self.spare);
            return self.send(next, batch);
        }
        let mut states = self.spare.take();
        states.extend(rows.iter().map(|&row| operator.assumed[row as usize]));
        let mask: Vec<u8> = states.iter().map(|&state| u8::from(state == TURNED_AWAY)).collect();
        self.turn_some_away(&mut batch, &mask, full);
        drop_rows(&mut states, &mask);
        if batch.is_empty() {
            self.spare.give(states);
            return batch.discard(&mut self.spare);
        }
        let first = states[0];
        if states.iter().all(|&state| state == first) {
            self.spare.give(states);
            batch.set_all(state, Cells::Same(first), &mut self.spare);
        } else {
            batch.set_all(state, Cells::Each(states), &mut self.spare);
        }
        self.send(next, batch);
    }
}

#[cfg(test)]
mod tests;

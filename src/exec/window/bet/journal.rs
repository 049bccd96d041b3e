//! What the requests of a loop leave in the records and where they go, noted until the bet is won: what was noted in one
//! pass of a request no longer holds when it has been taken through the loop again.

use super::operator::Passes;
use crate::exec::window::Windows;
use crate::exec::window::batch::{Batch, Cells, ROW, Spare, Values};
use crate::program::BalancerId;
use crate::time::Time;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec::window) enum Counted {
    /// Usage of a meter.
    Meter(usize),
    /// Who asks a balancer.
    Asked(BalancerId),
}

/// Times in a stage.
#[derive(Debug)]
struct Stays {
    stage: usize,
    pass: u8,
    rows: Values,
    times: Values,
}

/// Amounts that count.
#[derive(Debug)]
struct Amounts {
    what: Counted,
    pass: u8,
    rows: Values,
    at: Values,
    /// Nothing where each is one.
    amounts: Option<Values>,
}

/// Requests that are done with the loop for this window.
#[derive(Debug)]
struct Out {
    place: usize,
    pass: u8,
    /// Whether they wait for a later window before an instruction of the loop.
    waits: bool,
    batch: Batch,
}

/// The notes of a window.
#[derive(Debug)]
pub(in crate::exec::window) struct Journal {
    /// The instructions of the loop.
    inside: Vec<bool>,
    /// The present pass.
    pub(super) pass: u8,
    /// Whether something has happened that columns cannot follow.
    pub lost: bool,
    stays: Vec<Stays>,
    amounts: Vec<Amounts>,
    out: Vec<Out>,
}

impl Journal {
    pub(super) fn new(inside: Vec<bool>) -> Journal {
        Journal { inside, pass: 0, lost: false, stays: Vec::new(), amounts: Vec::new(), out: Vec::new() }
    }

    /// Whether an instruction belongs to the loop.
    pub fn is_inside(&self, place: usize) -> bool {
        self.inside[place]
    }

    /// Requests spent these times in a stage.
    pub fn stay(&mut self, stage: usize, rows: Values, times: Values) {
        self.stays.push(Stays { stage, pass: self.pass, rows, times });
    }

    /// Requests count where they are; one each if there are no amounts.
    pub fn count(&mut self, what: Counted, rows: Values, at: Values, amounts: Option<Values>) {
        self.amounts.push(Amounts { what, pass: self.pass, rows, at, amounts });
    }

    /// Requests go on outside of the loop, or wait for a later window.
    pub fn leave(&mut self, place: usize, waits: bool, batch: Batch) {
        self.out.push(Out { place, pass: self.pass, waits, batch });
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self, spare: &mut Spare) {
        for stays in self.stays.drain(..) {
            [stays.rows, stays.times].into_iter().for_each(|values| spare.give(values));
        }
        for amounts in self.amounts.drain(..) {
            [amounts.rows, amounts.at].into_iter().chain(amounts.amounts).for_each(|values| spare.give(values));
        }
        self.out.drain(..).for_each(|out| out.batch.discard(spare));
        self.lost = false;
    }
}

impl Windows<'_> {
    /// What was noted is recorded as far as it holds, and requests go where they go.
    pub(super) fn follow(&mut self, journal: &mut Journal, passes: Passes<'_>) {
        for Stays { stage, pass, rows, mut times } in journal.stays.drain(..) {
            if !passes.is_first() {
                keep(&mut times, &rows, passes, pass);
            }
            self.core.recorder.passes_of(stage, &times);
            [rows, times].into_iter().for_each(|values| self.spare.give(values));
        }
        for amounts in journal.amounts.drain(..) {
            self.count_amounts(&amounts, passes);
            let Amounts { rows, at, amounts, .. } = amounts;
            [rows, at].into_iter().chain(amounts).for_each(|values| self.spare.give(values));
        }
        for Out { place, pass, waits, mut batch } in journal.out.drain(..) {
            if !passes.is_first() {
                let stale: Vec<u32> = (0..batch.len() as u32)
                    .filter(|&row| !passes.holds(batch.get(ROW, row as usize) as usize, pass))
                    .collect();
                batch.swap_out(&stale);
            }
            batch.set_all(ROW, Cells::Same(0), &mut self.spare);
            if waits {
                let rows: Vec<u32> = (0..batch.len() as u32).collect();
                self.rings[place].keep_all(&batch, &rows, self.length, &mut self.spare);
                batch.discard(&mut self.spare);
            } else {
                self.send(place, batch);
            }
        }
    }

    fn count_amounts(&mut self, amounts: &Amounts, passes: Passes<'_>) {
        let holds = |row: usize| passes.is_first() || passes.holds(amounts.rows[row] as usize, amounts.pass);
        let recorder = &mut self.core.recorder;
        for (row, &at) in amounts.at.iter().enumerate().filter(|&(row, _)| holds(row)) {
            let amount = amounts.amounts.as_ref().map_or(1, |amounts| amounts[row]);
            match amounts.what {
                Counted::Meter(meter) => recorder.meter(meter, amount, Time(at)),
                Counted::Asked(balancer) => {
                    recorder.balancers[balancer.index()].arrivals += recorder.window.contains(Time(at)) as u64;
                }
            }
        }
    }
}

/// Keeps the values that hold.
fn keep(values: &mut Values, rows: &[u64], passes: Passes<'_>, pass: u8) {
    let mut kept = 0;
    for place in 0..values.len() {
        values[kept] = values[place];
        kept += usize::from(passes.holds(rows[place] as usize, pass));
    }
    values.truncate(kept);
}

//! Stations that serve in order of arrival: the end of each service is known when the request comes.

use super::batch::{Batch, Cells, DEMAND, Values};
use super::{Halt, Windows};
use crate::exec::columns::{drop_rows, places};
use crate::exec::core::slowed;
use crate::exec::station::Queue;
use crate::op::fifo::{Arrived, Block};
use crate::program::{Label, Service, SiteId, StationId, StationSpec};
use crate::time::{Span, Time, latest};

/// What a station leaves in the mask for a request that is served.
const SERVED: u8 = 0;
/// For one that found the queue full.
const REFUSED: u8 = 1;
/// For one that lost patience.
const ABANDONED: u8 = 2;

impl Windows<'_> {
    /// Requests come to a station: served ones go on with the next instruction, the others where the labels say.
    pub(super) fn serve(
        &mut self,
        mut batch: Batch,
        next: usize,
        id: StationId,
        service: Service,
        (full, late): (Label, Label),
    ) {
        let program = self.program;
        let spec = &program.stations[id.index()];
        let own = self.words(&batch);
        let mut ends = self.demands(&batch, service, own.as_ref().unwrap_or(&batch.serial));
        self.core.recorder.stations[id.index()].arrivals += self.measured(&batch);
        let column = spec.target.map(|register| self.layout.register(register.index()));
        let targets = column.map(|column| std::mem::take(batch.each(column, &mut self.spare)));
        let plain = spec.patience.is_none() && spec.setup.is_none();
        let all = if plain && spec.slowness.is_empty() {
            self.serve_plainly(id, &batch, targets.as_deref(), &mut ends)
        } else {
            let words = own.as_ref().unwrap_or(&batch.serial);
            self.serve_each(id, spec, &batch, targets.as_deref(), words, &mut ends)
        };
        match (column, targets) {
            (Some(column), Some(targets)) if self.forgets[next - 1] => {
                self.spare.give(targets);
                batch.rest[column] = Cells::Same(0);
            }
            (Some(column), Some(targets)) => *batch.each(column, &mut self.spare) = targets,
            _ => {}
        }
        self.spare.give(own.unwrap_or_default());
        if self.halted.is_some() {
            return batch.discard(&mut self.spare);
        }
        if !all {
            self.turn_away(&mut batch, &mut ends, id, full, late);
        }
        self.let_pass(&mut batch, ends);
        self.send(next, batch);
    }

    /// What each asks for.
    pub(super) fn demands(&mut self, batch: &Batch, service: Service, words: &[u64]) -> Values {
        let mut demands = self.spare.sized(batch.len());
        match service {
            Service::Law(site) => self.core.draws.spans(site, words, &mut demands),
            Service::Demand => {
                demands.iter_mut().enumerate().for_each(|(row, demand)| *demand = batch.get(DEMAND, row));
            }
        }
        demands
    }

    /// Patient requests at equal servers that are always on. Demands become ends; whether all are served.
    fn serve_plainly(&mut self, id: StationId, batch: &Batch, targets: Option<&[u64]>, ends: &mut Values) -> bool {
        let mut starts = self.spare.sized(batch.len());
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        mask.resize(batch.len(), SERVED);
        let Queue::Fifo(fifo) = &mut self.core.stations[id.index()].queue else { return false };
        let block = Block { targets, times: &batch.at, starts: &mut starts, ends, full: &mut mask };
        let Some(all) = fifo.arrive_all(block, self.backlog) else {
            // Not all have a start, and nothing of this window will count.
            self.halted = Some(Halt::Backlog);
            self.scratch.mask = mask;
            self.spare.give(starts);
            return true;
        };
        let window = self.core.recorder.window;
        let tally = &mut self.core.recorder.stations[id.index()];
        let measured = all && window.count_rising(&batch.at) == batch.len() as u64;
        match targets {
            None => tally.busy[0] += window.overlaps(&starts, ends),
            Some(targets) if measured && latest(ends) <= window.until.0 => {
                for ((&start, &end), &target) in starts.iter().zip(ends.iter()).zip(targets) {
                    tally.busy[target as usize] += end - start;
                }
            }
            Some(targets) => {
                for ((&start, &end), &target) in starts.iter().zip(ends.iter()).zip(targets) {
                    tally.busy[target as usize] += window.overlap(Time(start), Time(end));
                }
            }
        }
        if measured {
            tally.wait.record_differences(&starts, &batch.at);
        } else {
            for row in (0..batch.len()).filter(|&row| mask[row] == SERVED && window.contains(Time(batch.at[row]))) {
                tally.wait.record(starts[row] - batch.at[row]);
            }
        }
        self.scratch.mask = mask;
        self.spare.give(starts);
        all
    }

    /// The same with patience, unequal servers, or servers that are switched on.
    fn serve_each(
        &mut self,
        id: StationId,
        spec: &StationSpec,
        batch: &Batch,
        targets: Option<&[u64]>,
        words: &[u64],
        ends: &mut Values,
    ) -> bool {
        let mut mask = std::mem::take(&mut self.scratch.mask);
        mask.clear();
        for row in 0..batch.len() {
            let at = Time(batch.at[row]);
            let target = targets.map_or(0, |targets| targets[row] as usize);
            let service = slowed(Span(ends[row]), &spec.slowness, target);
            let draw = |site: Option<SiteId>| site.map(|site| self.core.draws.span(site, words[row]));
            let (patience, setup) = (draw(spec.patience), draw(spec.setup).unwrap_or_default());
            let Queue::Fifo(fifo) = &mut self.core.stations[id.index()].queue else { return false };
            let arrived = fifo.arrive(target, at, service, patience, setup);
            if fifo.waiting(target) > self.backlog {
                self.halted = Some(Halt::Backlog);
            }
            let (what, end) = match arrived {
                Arrived::Served { start, end } => {
                    self.core.tally_service(id, target, at, start, end);
                    (SERVED, end)
                }
                Arrived::Full => (REFUSED, at),
                Arrived::Late { at: leaves } => (ABANDONED, leaves),
            };
            mask.push(what);
            ends[row] = end.0;
        }
        let all = mask.iter().all(|&what| what == SERVED);
        self.scratch.mask = mask;
        all
    }

    /// Sends those who are not served on their way.
    fn turn_away(&mut self, batch: &mut Batch, ends: &mut Values, id: StationId, full: Label, late: Label) {
        let mut mask = std::mem::take(&mut self.scratch.mask);
        let mut rows = std::mem::take(&mut self.scratch.rows);
        let mut refused = self.turned(batch, &mask, REFUSED, &mut rows);
        refused.ordered = batch.ordered;
        let mut abandoned = self.turned(batch, &mask, ABANDONED, &mut rows);
        let leaves = rows.iter().map(|&row| ends[row as usize]).collect();
        let counts = (self.measured(&refused), self.measured(&abandoned));
        let tally = &mut self.core.recorder.stations[id.index()];
        tally.refused += counts.0;
        tally.abandoned += counts.1;
        mask.iter_mut().for_each(|what| *what = (*what != SERVED) as u8);
        drop_rows(ends, &mask);
        batch.retain(&mask, &mut self.spare);
        self.scratch.mask = mask;
        self.scratch.rows = rows;
        self.let_pass(&mut abandoned, leaves);
        self.send(late.index(), abandoned);
        self.send(full.index(), refused);
    }

    /// The requests for which the mask has this value, and their rows.
    fn turned(&mut self, batch: &Batch, mask: &[u8], what: u8, rows: &mut Vec<u32>) -> Batch {
        let mut others = std::mem::take(&mut self.scratch.others);
        others.clear();
        others.extend(mask.iter().map(|&found| (found == what) as u8));
        rows.clear();
        places(&others, rows);
        self.scratch.others = others;
        batch.gathered(rows, &mut self.spare)
    }
}

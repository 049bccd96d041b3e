//! Stations that serve in order of arrival: the end of each service is known when the request comes.

use super::batch::{Batch, DEMAND};
use super::{Halt, Windows};
use crate::exec::core::slowed;
use crate::op::fifo::Arrived;
use crate::program::{Label, Service, StationId};
use crate::time::{Span, Time};

impl Windows<'_> {
    pub(super) fn serve(
        &mut self,
        mut batch: Batch,
        next: usize,
        id: StationId,
        service: Service,
        full: Label,
        late: Label,
    ) {
        let program = self.program;
        let spec = &program.stations[id.index()];
        let words = self.words(&batch);
        let mut ends = self.spare.zeros(batch.len());
        if let Service::Law(site) = service {
            self.core.draws.spans(site, &words, &mut ends);
        }
        let target = spec.target.map(|register| self.layout.register(register.index()));
        let (mut refused, mut abandoned) = (Vec::new(), Vec::new());
        for row in 0..batch.len() {
            let at = Time(batch.at[row]);
            let target = target.map_or(0, |column| batch.get(column, row) as usize);
            let demand = if service == Service::Demand { batch.get(DEMAND, row) } else { ends[row] };
            let service = slowed(Span(demand), &spec.slowness, target);
            let draw = |site: Option<crate::program::SiteId>| site.map(|site| self.core.draws.span(site, words[row]));
            let (patience, setup) = (draw(spec.patience), draw(spec.setup).unwrap_or_default());
            let fifo = &mut self.stations[id.index()];
            let arrived = fifo.arrive(target, at, service, patience, setup);
            if fifo.waiting(target) > self.backlog {
                self.halted = Some(Halt::Backlog);
            }
            match arrived {
                Arrived::Served { start, end } => {
                    self.core.tally_service(id, target, at, start, end);
                    ends[row] = end.0;
                }
                Arrived::Full => refused.push(row as u32),
                Arrived::Late { at } => {
                    abandoned.push(row as u32);
                    ends[row] = at.0;
                }
            }
        }
        self.spare.give(words);
        let measured = self.measured(&batch.at);
        self.core.recorder.stations[id.index()].arrivals += measured;
        if refused.is_empty() && abandoned.is_empty() {
            self.let_pass(&mut batch, ends);
            return self.send(next, batch);
        }
        let mut turned = batch.gathered(&refused, &mut self.spare);
        turned.ordered = batch.ordered;
        let mut leaving = batch.gathered(&abandoned, &mut self.spare);
        let counts = (self.measured(&turned.at), self.measured(&leaving.at));
        let tally = &mut self.core.recorder.stations[id.index()];
        tally.refused += counts.0;
        tally.abandoned += counts.1;
        let mut mask = vec![false; batch.len()];
        refused.iter().chain(&abandoned).for_each(|&row| mask[row as usize] = true);
        let leaves = abandoned.iter().map(|&row| ends[row as usize]).collect();
        let mut row = 0;
        ends.retain(|_| {
            row += 1;
            !mask[row - 1]
        });
        batch.retain(&mask);
        self.let_pass(&mut leaving, leaves);
        self.send(late.index(), leaving);
        self.send(full.index(), turned);
        self.let_pass(&mut batch, ends);
        self.send(next, batch);
    }
}

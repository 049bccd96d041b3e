//! Visits at which a request may wait, or wakes others: stations, permits, parallel calls.

use super::calendar::{Event, Key};
use super::core::{BACK_RANK, Core, LEAVING_RANK, STATION_RANK, scaler, slowed};
use super::interpreter::{Interpreter, Outside};
use super::station::Queue;
use crate::op::fifo::Arrived;
use crate::op::hold::{Asked, Waiter};
use crate::op::priority::{self, Job, Started};
use crate::op::sharing::Forecast;
use crate::program::{ForkId, Instruction, Label, PATIENCE_RANK, PoolId, Program, Service, SiteId, StationId};
use crate::time::{Span, Time};

impl Interpreter<'_> {
    /// The instruction at which a request has halted. The time that passes, if the request goes on.
    #[inline(always)]
    pub(super) fn visit(&mut self, core: &mut Core<'_>, out: &mut impl Outside, slot: u32, at: Time) -> Option<Span> {
        let token = &self.tokens[slot as usize];
        let step = &self.code[token.pc as usize];
        match step.instruction {
            Instruction::Serve { station, service, full, late } => {
                let demand = match (step.place.of(self.row(slot)), service) {
                    (Some(draw), _) => Span(draw),
                    (None, Service::Law(site)) => core.draws.span(site, token.word()),
                    (None, Service::Demand) => Span(token.demand),
                };
                self.serve(core, out, slot, at, (station, demand), (full, late))
            }
            Instruction::Hold { pool, full, .. } => self.hold(core, slot, at, pool, full),
            Instruction::Free { pool } => self.give_back(core, slot, at, pool),
            Instruction::Fork { fork } => self.fork(core, slot, at, fork),
            Instruction::Arrive { fork } => self.join(core, slot, at, fork),
            _ => None,
        }
    }

    // ---- stations ----

    #[inline]
    fn serve(
        &mut self,
        core: &mut Core<'_>,
        out: &mut impl Outside,
        slot: u32,
        at: Time,
        (id, demand): (StationId, Span),
        (full, late): (Label, Label),
    ) -> Option<Span> {
        let token = &self.tokens[slot as usize];
        let station = &mut core.stations[id.index()];
        let target = token.target(station.target);
        let service = slowed(demand, &station.slowness, target);
        let counted = core.recorder.window.contains(at) as u64;
        core.recorder.stations[id.index()].arrivals += counted;
        let word = token.word();
        let Queue::Fifo(fifo) = &mut station.queue else {
            return self.queue_up(core, slot, at, id, service, full);
        };
        let draw = |site: Option<SiteId>| site.map(|site| core.draws.span(site, word));
        let (patience, setup) = (draw(station.patience), draw(station.setup).unwrap_or_default());
        let arrived = fifo.arrive(target, at, service, patience, setup);
        let waiting = fifo.waiting(target);
        self.check_backlog(waiting, || core.program.stations[id.index()].name.clone());
        match arrived {
            Arrived::Served { start, end } => {
                core.tally_service(id, target, at, start, end);
                self.next_after(slot, end - at)
            }
            Arrived::Full => {
                core.recorder.stations[id.index()].refused += counted;
                self.go(slot, full.0)
            }
            Arrived::Late { at: leaves } => {
                core.recorder.stations[id.index()].abandoned += counted;
                self.tokens[slot as usize].pc = late.0;
                self.pass(core, out, slot, at, leaves - at);
                self.resume_at(slot, leaves, LEAVING_RANK);
                None
            }
        }
    }

    /// A station with a queue of its own: the request waits for an event of the station.
    fn queue_up(
        &mut self,
        core: &mut Core<'_>,
        slot: u32,
        at: Time,
        id: StationId,
        service: Span,
        full: Label,
    ) -> Option<Span> {
        let window = core.recorder.window;
        let token = &self.tokens[slot as usize];
        let station = &mut core.stations[id.index()];
        let target = token.target(station.target);
        let waiting = match &mut station.queue {
            Queue::Sharing(sharing) if sharing.has_place(target) => {
                let who = (token.serial, token.trail, slot);
                let forecast = sharing.arrive(target, at, service, who, window);
                let waiting = sharing.waiting(target);
                self.foresee(id, target, forecast);
                waiting
            }
            Queue::Priority(priority) => {
                let (ticket, first) = (token.ticket, token.class == 0);
                let job = Job { slot, ticket, rest: service, arrived: at, service, first };
                let arrived = priority.arrive(target, at, job, window);
                let waiting = priority.waiting(target);
                match arrived {
                    priority::Arrived::Started(started) => self.started(id, target, started),
                    priority::Arrived::Waits => {}
                    priority::Arrived::Full => return self.refuse(core, slot, id, at, full),
                }
                waiting
            }
            _ => return self.refuse(core, slot, id, at, full),
        };
        self.check_backlog(waiting, || core.program.stations[id.index()].name.clone());
        self.wait(slot);
        None
    }

    fn refuse(&mut self, core: &mut Core<'_>, slot: u32, id: StationId, at: Time, full: Label) -> Option<Span> {
        core.recorder.stations[id.index()].refused += core.recorder.window.contains(at) as u64;
        self.go(slot, full.0)
    }

    fn foresee(&mut self, id: StationId, target: usize, forecast: Forecast) {
        if let Some(at) = forecast.at {
            self.station_at(id, target, at, forecast.version);
        }
    }

    fn started(&mut self, id: StationId, target: usize, started: Started) {
        self.station_at(id, target, started.end, started.run);
    }

    fn station_at(&mut self, id: StationId, target: usize, at: Time, version: u32) {
        let target = target as u16;
        let key = Key::new(at, STATION_RANK, (id.0 as u64) << 16 | target as u64, version as u64);
        self.calendar.push(key, Event::Station { station: id.0, target, version });
    }

    /// A station with a queue of its own has something to do.
    pub(super) fn station_event(&mut self, core: &mut Core<'_>, station: u16, target: u16, version: u32, at: Time) {
        let (id, target, window) = (StationId(station), target as usize, core.recorder.window);
        match &mut core.stations[id.index()].queue {
            Queue::Sharing(sharing) => {
                let ended: Vec<u32> = std::iter::from_fn(|| sharing.ended(target, at, version)).collect();
                if !ended.is_empty() {
                    let forecast = sharing.forecast(target, at, window);
                    self.foresee(id, target, forecast);
                    ended.into_iter().for_each(|slot| self.served(slot, at));
                }
            }
            Queue::Priority(priority) => {
                let Some((job, next)) = priority.ended(target, at, version, window) else { return };
                if window.contains(job.arrived) {
                    let wait = (at - job.arrived).0 - job.service.0;
                    core.recorder.stations[id.index()].wait.record(wait);
                }
                if let Some(next) = next {
                    self.started(id, target, next);
                }
                self.served(job.slot, at);
            }
            Queue::Fifo(_) => {}
        }
    }

    fn served(&mut self, slot: u32, at: Time) {
        let next = self.tokens[slot as usize].pc + 1;
        self.wake(slot, at, next);
    }

    // ---- permits ----

    #[inline]
    fn hold(&mut self, core: &mut Core<'_>, slot: u32, at: Time, id: PoolId, full: Label) -> Option<Span> {
        let spec = &core.program.pools[id.index()];
        let window = core.recorder.window;
        let token = &self.tokens[slot as usize];
        let target = token.target(spec.target);
        let (ticket, serial, trail) = (token.ticket, token.serial, token.trail);
        let tally = &mut core.recorder.pools[id.index()];
        let counted = window.contains(at) as u64;
        tally.arrivals += counted;
        match core.pools[id.index()].ask(target, Waiter { slot, ticket, since: at }, window) {
            Asked::Granted => {
                if counted == 1 {
                    tally.wait.record(0);
                }
                self.next_after(slot, Span::ZERO)
            }
            Asked::Full => {
                tally.refused += counted;
                self.go(slot, full.0)
            }
            Asked::Waits => {
                if let Some(site) = spec.patience {
                    let leaves = at + core.draws.span(site, serial ^ trail);
                    let key = Key::new(leaves, PATIENCE_RANK, serial, trail);
                    self.calendar.push(key, Event::Patience { slot, ticket });
                }
                let waiting = core.pools[id.index()].waiting(target);
                self.check_backlog(waiting, || spec.name.clone());
                self.expect_back(core, id, target);
                self.wait(slot);
                None
            }
        }
    }

    /// Somebody waits for a permit: that permits are given back is now an event. Among those of the same instant the
    /// order makes no difference.
    #[inline(never)]
    fn expect_back(&mut self, core: &mut Core<'_>, id: PoolId, target: usize) {
        let event = Event::Back { pool: id.0, target: target as u16 };
        while let Some(at) = core.pools[id.index()].next_back(target) {
            self.calendar.push(Key::new(at, BACK_RANK, id.0 as u64, target as u64), event);
        }
    }

    #[inline]
    fn give_back(&mut self, core: &mut Core<'_>, slot: u32, at: Time, id: PoolId) -> Option<Span> {
        let target = self.tokens[slot as usize].target(core.program.pools[id.index()].target);
        self.back(core, id, target, at);
        self.next_after(slot, Span::ZERO)
    }

    /// A permit is given back; it goes to the first who waits.
    pub(super) fn back(&mut self, core: &mut Core<'_>, id: PoolId, target: usize, at: Time) {
        let window = core.recorder.window;
        let tokens = &self.tokens;
        let waits = |waiter: &Waiter| tokens[waiter.slot as usize].ticket == waiter.ticket;
        if let Some(next) = core.pools[id.index()].give_back(target, at, window, waits) {
            if window.contains(next.since) {
                core.recorder.pools[id.index()].wait.record((at - next.since).0);
            }
            self.served(next.slot, at);
        }
    }

    /// The controllers of the pools that belong to the members.
    pub(super) fn expect_ticks(&mut self, program: &Program, members: &[bool], until: Time) {
        for (pool, spec) in (0..).map(PoolId).zip(&program.pools) {
            let holds =
                |instruction: &Instruction| matches!(*instruction, Instruction::Hold { pool: own, .. } if own == pool);
            let mut inside = program.code.iter().zip(members).filter(|(_, inside)| **inside);
            if let Some(scaler) = scaler(spec, until).filter(|_| inside.any(|(instruction, _)| holds(instruction))) {
                self.tick_at(pool, scaler.next());
            }
        }
    }

    /// A controller comes before everything else of its instant that could matter to it.
    fn tick_at(&mut self, pool: PoolId, at: Option<Time>) {
        if let Some(at) = at {
            self.calendar.push(Key::new(at, 0, 0, pool.0 as u64), Event::Tick { pool: pool.0 });
        }
    }

    /// The controller of a pool acts; new permits go to those who wait.
    pub(super) fn tick(&mut self, core: &mut Core<'_>, pool: PoolId, at: Time) {
        let (next, window) = (core.rescale(pool, at), core.recorder.window);
        self.tick_at(pool, next);
        loop {
            let tokens = &self.tokens;
            let waits = |waiter: &Waiter| tokens[waiter.slot as usize].ticket == waiter.ticket;
            let Some(waiter) = core.pools[pool.index()].admit(0, at, window, waits) else { return };
            if window.contains(waiter.since) {
                core.recorder.pools[pool.index()].wait.record((at - waiter.since).0);
            }
            self.served(waiter.slot, at);
        }
    }

    /// A request that waits for a permit may lose its patience.
    pub(super) fn patience(&mut self, core: &mut Core<'_>, out: &mut impl Outside, slot: u32, ticket: u32, at: Time) {
        let token = &mut self.tokens[slot as usize];
        if token.ticket != ticket {
            return;
        }
        token.ticket += 1;
        let Instruction::Hold { pool, late, .. } = self.code[token.pc as usize].instruction else { return };
        token.pc = late.0;
        let target = token.target(core.program.pools[pool.index()].target);
        let tokens = &self.tokens;
        core.pools[pool.index()].leave(target, |waiter| tokens[waiter.slot as usize].ticket == waiter.ticket);
        core.recorder.pools[pool.index()].abandoned += core.recorder.window.contains(at) as u64;
        self.run(core, out, slot, at);
    }

    // ---- parallel calls ----

    fn fork(&mut self, core: &mut Core<'_>, slot: u32, at: Time, id: ForkId) -> Option<Span> {
        let spec = &core.program.forks[id.index()];
        let join = core.fork(slot, spec.branches.len() as u32, spec.join);
        for (number, branch) in spec.branches.iter().enumerate() {
            let token = self.tokens[slot as usize].branch((number, spec.salt), branch.0, join, at);
            let child = self.add(token);
            self.resume_at(child, at, 0);
        }
        if join == 0 {
            return self.go(slot, spec.after.0);
        }
        self.wait(slot);
        None
    }

    fn join(&mut self, core: &mut Core<'_>, slot: u32, at: Time, id: ForkId) -> Option<Span> {
        let goes_on = core.arrive(&self.tokens[slot as usize]);
        core.recorder.leave_stage(&self.tokens[slot as usize], at);
        self.remove(slot);
        if let Some((parent, outcome)) = goes_on {
            self.tokens[parent as usize].outcome = outcome;
            self.wake(parent, at, core.program.forks[id.index()].after.0);
        }
        None
    }
}

//! The plain executor, the oracle of the others: every instruction is an event, stations have queues and departures,
//! every deadline has a real timer. It knows none of the tricks and is not fast.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;

use super::calendar::Key;
use super::core::{Core, Flow, LEAVING_RANK, STATION_RANK, deadline_rank, scaler};
use super::follow::Witness;
use super::run::{Options, Run, Verdict};
use super::source::{Arrival, Source};
use super::token::Token;
use crate::op::hold::{Asked, Waiter};
use crate::op::priority::{Arrived, Job, Priority, Started};
use crate::op::sharing::{Forecast, Sharing};
use crate::op::window::Window;
use crate::program::{
    Discipline, ForkId, Instruction, Label, PATIENCE_RANK, PoolId, Program, Service, SiteId, StationId, StationSpec,
};
use crate::time::{Span, Time};

/// Runs one replication of a program.
pub fn run(program: &Program, source: Box<dyn Source>, options: &Options<'_>) -> Run {
    run_with(program, source, options, None)
}

/// The same, with somebody who watches.
pub(super) fn run_with<'a>(
    program: &'a Program,
    source: Box<dyn Source>,
    options: &Options<'_>,
    witness: Option<Witness<'a>>,
) -> Run {
    let mut plain = Plain::new(program, source, options);
    plain.witness = witness;
    plain.main_loop(options);
    let verdict = plain.verdict.take().unwrap_or(Verdict::Complete);
    let in_stations = plain.stations.iter().map(Station::taken).sum();
    let (now, window) = (plain.now, plain.core.recorder.window);
    plain.core.tally_busy(plain.stations.iter().map(|station| station.busy(now, window)));
    plain.core.close(verdict, plain.now, in_stations)
}

/// What happens. Requests are known by a number of their own, never used twice.
#[derive(Clone, Copy, Debug)]
enum Event {
    Arrival,
    Step { id: u32 },
    Deadline { id: u32 },
    Patience { id: u32, ticket: u32 },
    Departure { station: StationId, target: usize, id: u32, arrived: Time, start: Time },
    Station { station: StationId, target: usize, version: u32 },
    Tick { pool: PoolId },
}

#[derive(Debug)]
enum Station {
    Fifo(Vec<Line>, StationSpec),
    Sharing(Sharing),
    Priority(Priority),
}

/// A station with a queue of requests: number, arrival, service time.
#[derive(Clone, Debug, Default)]
struct Line {
    busy: u32,
    queue: VecDeque<(u32, Time, Span)>,
}

impl Station {
    fn new(spec: &StationSpec) -> Station {
        match spec.discipline {
            Discipline::Fifo => Station::Fifo(vec![Line::default(); spec.targets as usize], spec.clone()),
            Discipline::ProcessorSharing => Station::Sharing(Sharing::new(spec)),
            Discipline::Priority => Station::Priority(Priority::new(spec, false)),
            Discipline::PreemptivePriority => Station::Priority(Priority::new(spec, true)),
        }
    }

    /// Busy time of its servers by target, if it keeps that itself.
    fn busy(&self, at: Time, window: Window) -> Option<Vec<u64>> {
        match self {
            Station::Fifo(..) => None,
            Station::Sharing(sharing) => Some(sharing.busy(at, window)),
            Station::Priority(priority) => Some(priority.busy(at, window)),
        }
    }

    fn taken(&self) -> u64 {
        match self {
            Station::Fifo(lines, _) => lines.iter().map(|line| line.busy as u64 + line.queue.len() as u64).sum(),
            Station::Sharing(sharing) => sharing.taken(),
            Station::Priority(priority) => priority.taken(),
        }
    }
}

struct Plain<'a> {
    core: Core<'a>,
    source: Box<dyn Source>,
    block: VecDeque<Arrival>,
    stations: Vec<Station>,
    events: BTreeMap<(Key, u64), Event>,
    tokens: BTreeMap<u32, Token>,
    numbers: u32,
    pushed: u64,
    backlog: usize,
    in_flight: usize,
    now: Time,
    verdict: Option<Verdict>,
    witness: Option<Witness<'a>>,
}

impl<'a> Plain<'a> {
    fn new(program: &'a Program, source: Box<dyn Source>, options: &Options<'_>) -> Plain<'a> {
        let mut plain = Plain {
            core: Core::new(program, options),
            source,
            block: VecDeque::new(),
            stations: program.stations.iter().map(Station::new).collect(),
            events: BTreeMap::new(),
            tokens: BTreeMap::new(),
            numbers: 0,
            pushed: 0,
            backlog: options.guard.backlog as usize,
            in_flight: options.guard.in_flight as usize,
            now: Time::ZERO,
            verdict: None,
            witness: None,
        };
        for (pool, spec) in (0..).map(PoolId).zip(&program.pools) {
            plain.tick_at(pool, scaler(spec, options.until).and_then(|scaler| scaler.next()));
        }
        plain.expect_arrival();
        plain
    }

    fn main_loop(&mut self, options: &Options<'_>) {
        while self.verdict.is_none() {
            let Some(((key, _), event)) = self.events.pop_first() else { return };
            let at = key.at();
            self.now = at;
            match event {
                Event::Arrival => self.arrive(),
                Event::Step { id } => self.step(id, at),
                Event::Deadline { id } => self.deadline(id, at),
                Event::Patience { id, ticket } => self.patience(id, ticket, at),
                Event::Departure { station, target, id, arrived, start } => {
                    self.depart(station, target, id, arrived, start, at);
                }
                Event::Station { station, target, version } => self.station_event(station, target, version, at),
                Event::Tick { pool } => self.tick(pool, at),
            }
            if options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                self.verdict = Some(Verdict::Interrupted);
            }
        }
    }

    fn push(&mut self, key: Key, event: Event) {
        self.pushed += 1;
        self.events.insert((key, self.pushed), event);
    }

    // ---- arrivals and tokens ----

    fn expect_arrival(&mut self) {
        if self.block.is_empty() {
            let mut block = Vec::new();
            self.source.fill(&mut block);
            self.block.extend(block);
        }
        if let Some(arrival) = self.block.front() {
            self.push(Key::new(arrival.at, 0, arrival.serial, 0), Event::Arrival);
        }
    }

    fn arrive(&mut self) {
        if let Some(arrival) = self.block.pop_front() {
            self.expect_arrival();
            self.birth(&arrival);
        }
    }

    fn birth(&mut self, arrival: &Arrival) {
        self.core.recorder.birth(arrival.at);
        let id = self.add(Token::new(arrival, self.core.recorder.window));
        self.see(|witness, _| witness.birth(id, arrival.serial));
        self.step_at(id, arrival.at);
    }

    fn add(&mut self, token: Token) -> u32 {
        self.numbers += 1;
        self.tokens.insert(self.numbers, token);
        if self.tokens.len() > self.in_flight {
            self.verdict = Some(Verdict::Unstable { place: "requests in flight".to_owned() });
        }
        self.numbers
    }

    fn token(&mut self, id: u32) -> &mut Token {
        self.tokens.get_mut(&id).expect("a request that has events is alive")
    }

    /// The next instruction of a request is an event.
    fn step_at(&mut self, id: u32, at: Time) {
        let program = self.core.program;
        let token = self.token(id);
        let key = Key::new(at, program.rank[token.pc as usize], token.serial, token.trail);
        self.push(key, Event::Step { id });
    }

    /// Lets whoever watches see.
    fn see(&mut self, what: impl FnOnce(&mut Witness<'a>, &BTreeMap<u32, Token>)) {
        if let Some(witness) = &mut self.witness {
            what(witness, &self.tokens);
        }
    }

    fn go_on(&mut self, id: u32, at: Time, pc: u32) {
        let token = self.token(id);
        token.ticket += 1;
        token.pc = pc;
        self.see(|witness, tokens| witness.leave(id, &tokens[&id], at));
        self.step_at(id, at);
    }

    // ---- instructions ----

    fn step(&mut self, id: u32, at: Time) {
        let pc = self.token(id).pc;
        self.see(|witness, tokens| witness.arrive(id, &tokens[&id], at));
        match self.core.program.code[pc as usize] {
            Instruction::Serve { station, service, full, .. } => self.serve(id, at, station, service, full),
            Instruction::Hold { pool, full, .. } => self.hold(id, at, pool, full),
            Instruction::Free { pool } => self.give_back(id, at, pool),
            Instruction::Fork { fork } => self.fork(id, at, fork),
            Instruction::Arrive { fork } => self.join(id, at, fork),
            instruction => self.simple(id, at, instruction),
        }
    }

    fn simple(&mut self, id: u32, at: Time, instruction: Instruction) {
        let token = self.tokens.get_mut(&id).expect("a request that has events is alive");
        let flow = self.core.step(token, at, &instruction);
        match flow {
            Flow::On | Flow::Pass(_) => {
                let at = if let Flow::Pass(span) = flow { at + span } else { at };
                self.see(|witness, tokens| witness.leave(id, &tokens[&id], at));
                self.step_at(id, at);
            }
            Flow::Ended => self.end(id, at),
            Flow::Unseen => drop(self.tokens.remove(&id)),
        }
        if let Instruction::Call { deadline: Some(_), .. } = instruction {
            self.set_timers(id);
        }
    }

    fn end(&mut self, id: u32, at: Time) {
        self.see(|witness, tokens| witness.end(id, &tokens[&id], at));
        let ended = self.tokens.remove(&id);
        let next = ended.and_then(|token| self.source.follow(token.serial, at));
        if let Some(next) = next {
            // Born when it arrives; known already now.
            self.core.recorder.birth(next.at);
            let id = self.add(Token::new(&next, self.core.recorder.window));
            self.see(|witness, _| witness.birth(id, next.serial));
            let key = Key::new(next.at, 0, next.serial, 0);
            self.push(key, Event::Step { id });
        }
    }

    // ---- deadlines ----

    /// A timer for the earliest deadline; the others get theirs when it has passed or gone.
    fn set_timers(&mut self, id: u32) {
        let token = self.token(id);
        let pending: Vec<(u8, Time)> = token.pending().collect();
        let (serial, trail) = (token.serial, token.trail);
        for (depth, deadline) in pending {
            self.push(Key::new(deadline, deadline_rank(depth), serial, trail), Event::Deadline { id });
        }
    }

    fn deadline(&mut self, id: u32, at: Time) {
        let Some(token) = self.tokens.get_mut(&id).filter(|token| token.deadline == at) else { return };
        self.core.recorder.leave_stage(token, at);
        let (mut caller, depth) = token.cut();
        caller.pc = self.core.late(&caller, depth);
        self.core.recorder.balance.cut += 1;
        let caller = self.add(caller);
        self.see(|witness, _| witness.cut(id, caller, at));
        self.set_timers(caller);
        self.step_at(caller, at);
    }

    // ---- stations ----

    fn serve(&mut self, id: u32, at: Time, station: StationId, service: Service, full: Label) {
        let spec = &self.core.program.stations[station.index()];
        let token = &self.tokens[&id];
        let target = token.target(spec.target);
        let site = match service {
            Service::Law(site) => Some(site),
            Service::Demand => None,
        };
        let service = self.core.service(site, &spec.slowness, target, token);
        self.see(|witness, _| witness.asks(id, service));
        let counted = self.core.recorder.window.contains(at) as u64;
        self.core.recorder.stations[station.index()].arrivals += counted;
        let accepted = match &self.stations[station.index()] {
            Station::Fifo(..) => self.line_up(id, at, station, target, service),
            Station::Sharing(_) => self.share(id, at, station, target, service),
            Station::Priority(_) => self.prioritise(id, at, station, target, service),
        };
        if !accepted {
            self.core.recorder.stations[station.index()].refused += counted;
            self.go_on(id, at, full.0);
        }
    }

    fn line_up(&mut self, id: u32, at: Time, station: StationId, target: usize, service: Span) -> bool {
        let Station::Fifo(lines, spec) = &mut self.stations[station.index()] else { return false };
        let line = &mut lines[target];
        let word = self.tokens[&id].word();
        if line.busy < spec.servers {
            let setup = spec.setup.map_or(Span::ZERO, |site| self.core.draws.span(site, word));
            self.start(id, station, target, at, at + setup, service);
            return true;
        }
        if spec.queue.is_some_and(|places| line.queue.len() >= places as usize) {
            return false;
        }
        line.queue.push_back((id, at, service));
        let (waiting, patience) = (line.queue.len(), spec.patience);
        self.check_backlog(waiting, &self.core.program.stations[station.index()].name);
        self.wait_at_most(id, at, patience, LEAVING_RANK);
        true
    }

    fn start(&mut self, id: u32, station: StationId, target: usize, arrived: Time, start: Time, service: Span) {
        if let Station::Fifo(lines, _) = &mut self.stations[station.index()] {
            lines[target].busy += 1;
        }
        self.see(|witness, _| witness.starts(id, start));
        let token = self.token(id);
        token.ticket += 1;
        let key = Key::new(start + service, STATION_RANK, token.serial, token.trail);
        self.push(key, Event::Departure { station, target, id, arrived, start });
    }

    fn depart(&mut self, station: StationId, target: usize, id: u32, arrived: Time, start: Time, at: Time) {
        self.core.tally_service(station, target, arrived, start, at);
        let next = self.token(id).pc + 1;
        self.go_on(id, at, next);
        let Station::Fifo(lines, _) = &mut self.stations[station.index()] else { return };
        lines[target].busy -= 1;
        if let Some((next, arrived, service)) = lines[target].queue.pop_front() {
            self.start(next, station, target, arrived, at, service);
        }
    }

    fn share(&mut self, id: u32, at: Time, station: StationId, target: usize, service: Span) -> bool {
        let window = self.core.recorder.window;
        let Station::Sharing(sharing) = &mut self.stations[station.index()] else { return false };
        if !sharing.has_place(target) {
            return false;
        }
        let token = &self.tokens[&id];
        let forecast = sharing.arrive(target, at, service, (token.serial, token.trail, id), window);
        let waiting = sharing.waiting(target);
        self.foresee(station, target, forecast);
        self.check_backlog(waiting, &self.core.program.stations[station.index()].name);
        true
    }

    fn prioritise(&mut self, id: u32, at: Time, station: StationId, target: usize, service: Span) -> bool {
        let window = self.core.recorder.window;
        let Station::Priority(priority) = &mut self.stations[station.index()] else { return false };
        let token = &self.tokens[&id];
        let (ticket, first) = (token.ticket, token.class == 0);
        let job = Job { slot: id, ticket, rest: service, arrived: at, service, first };
        let arrived = priority.arrive(target, at, job, window);
        let waiting = priority.waiting(target);
        match arrived {
            Arrived::Started(started) => self.started(station, target, started),
            Arrived::Waits => {}
            Arrived::Full => return false,
        }
        self.check_backlog(waiting, &self.core.program.stations[station.index()].name);
        true
    }

    fn foresee(&mut self, station: StationId, target: usize, forecast: Forecast) {
        if let Some(at) = forecast.at {
            self.station_at(station, target, at, forecast.version);
        }
    }

    fn started(&mut self, station: StationId, target: usize, started: Started) {
        self.station_at(station, target, started.end, started.run);
    }

    fn station_at(&mut self, station: StationId, target: usize, at: Time, version: u32) {
        let key = Key::new(at, STATION_RANK, (station.0 as u64) << 16 | target as u64, version as u64);
        self.push(key, Event::Station { station, target, version });
    }

    fn station_event(&mut self, station: StationId, target: usize, version: u32, at: Time) {
        let window = self.core.recorder.window;
        match &mut self.stations[station.index()] {
            Station::Sharing(sharing) => {
                let ended: Vec<u32> = std::iter::from_fn(|| sharing.ended(target, at, version)).collect();
                if !ended.is_empty() {
                    let forecast = sharing.forecast(target, at, window);
                    self.foresee(station, target, forecast);
                    ended.into_iter().for_each(|id| self.served(id, at));
                }
            }
            Station::Priority(priority) => {
                let Some((job, next)) = priority.ended(target, at, version, window) else { return };
                if window.contains(job.arrived) {
                    let wait = (at - job.arrived).0 - job.service.0;
                    self.core.recorder.stations[station.index()].wait.record(wait);
                }
                if let Some(next) = next {
                    self.started(station, target, next);
                }
                self.served(job.slot, at);
            }
            Station::Fifo(..) => {}
        }
    }

    fn served(&mut self, id: u32, at: Time) {
        let next = self.token(id).pc + 1;
        self.go_on(id, at, next);
    }

    fn check_backlog(&mut self, waiting: usize, place: &str) {
        if waiting > self.backlog {
            self.verdict = Some(Verdict::Unstable { place: place.to_owned() });
        }
    }

    // ---- permits ----

    fn hold(&mut self, id: u32, at: Time, pool: PoolId, full: Label) {
        let spec = &self.core.program.pools[pool.index()];
        let window = self.core.recorder.window;
        let token = &self.tokens[&id];
        let (target, ticket, next) = (token.target(spec.target), token.ticket, token.pc + 1);
        let counted = window.contains(at) as u64;
        self.core.recorder.pools[pool.index()].arrivals += counted;
        match self.core.pools[pool.index()].ask(target, Waiter { slot: id, ticket, since: at }, window) {
            Asked::Granted => {
                if counted == 1 {
                    self.core.recorder.pools[pool.index()].wait.record(0);
                }
                self.go_on(id, at, next);
            }
            Asked::Full => {
                self.core.recorder.pools[pool.index()].refused += counted;
                self.go_on(id, at, full.0);
            }
            Asked::Waits => {
                let waiting = self.core.pools[pool.index()].waiting(target);
                self.check_backlog(waiting, &spec.name);
                self.wait_at_most(id, at, spec.patience, PATIENCE_RANK);
            }
        }
    }

    fn give_back(&mut self, id: u32, at: Time, pool: PoolId) {
        let target = self.tokens[&id].target(self.core.program.pools[pool.index()].target);
        let window = self.core.recorder.window;
        let tokens = &self.tokens;
        let waits = |waiter: &Waiter| tokens.get(&waiter.slot).is_some_and(|token| token.ticket == waiter.ticket);
        let next = self.core.pools[pool.index()].give_back(target, at, window, waits);
        if let Some(next) = next {
            if window.contains(next.since) {
                self.core.recorder.pools[pool.index()].wait.record((at - next.since).0);
            }
            self.served(next.slot, at);
        }
        self.served(id, at);
    }

    fn tick_at(&mut self, pool: PoolId, at: Option<Time>) {
        if let Some(at) = at {
            self.push(Key::new(at, 0, 0, pool.0 as u64), Event::Tick { pool });
        }
    }

    /// The controller of a pool acts, before anyone asks for a permit or gives one back at this instant.
    fn tick(&mut self, pool: PoolId, at: Time) {
        let (next, window) = (self.core.rescale(pool, at), self.core.recorder.window);
        self.tick_at(pool, next);
        loop {
            let tokens = &self.tokens;
            let waits = |waiter: &Waiter| tokens.get(&waiter.slot).is_some_and(|token| token.ticket == waiter.ticket);
            let Some(waiter) = self.core.pools[pool.index()].admit(0, at, window, waits) else { return };
            if window.contains(waiter.since) {
                self.core.recorder.pools[pool.index()].wait.record((at - waiter.since).0);
            }
            self.served(waiter.slot, at);
        }
    }

    fn wait_at_most(&mut self, id: u32, at: Time, patience: Option<SiteId>, rank: u32) {
        let Some(site) = patience else { return };
        let token = &self.tokens[&id];
        let leaves = at + self.core.draws.span(site, token.word());
        let key = Key::new(leaves, rank, token.serial, token.trail);
        let ticket = token.ticket;
        self.push(key, Event::Patience { id, ticket });
    }

    fn patience(&mut self, id: u32, ticket: u32, at: Time) {
        let Some(token) = self.tokens.get_mut(&id).filter(|token| token.ticket == ticket) else { return };
        let instruction = self.core.program.code[token.pc as usize];
        let counted = self.core.recorder.window.contains(at) as u64;
        match instruction {
            Instruction::Hold { pool, late, .. } => {
                token.ticket += 1;
                let target = token.target(self.core.program.pools[pool.index()].target);
                let tokens = &self.tokens;
                let waits = |w: &Waiter| tokens.get(&w.slot).is_some_and(|token| token.ticket == w.ticket);
                self.core.pools[pool.index()].leave(target, waits);
                self.core.recorder.pools[pool.index()].abandoned += counted;
                self.go_on(id, at, late.0);
            }
            Instruction::Serve { station, late, .. } => {
                let Station::Fifo(lines, _) = &mut self.stations[station.index()] else { return };
                let queues = lines.iter_mut().map(|line| &mut line.queue);
                let mut arrived = at;
                for queue in queues {
                    if let Some(place) = queue.iter().position(|&(other, ..)| other == id) {
                        arrived = queue.remove(place).map_or(at, |(_, arrived, _)| arrived);
                    }
                }
                let counted = self.core.recorder.window.contains(arrived) as u64;
                self.core.recorder.stations[station.index()].abandoned += counted;
                self.go_on(id, at, late.0);
            }
            _ => {}
        }
    }

    // ---- parallel calls ----

    fn fork(&mut self, id: u32, at: Time, fork: ForkId) {
        let program = self.core.program;
        let spec = &program.forks[fork.index()];
        let join = self.core.fork(id, spec.branches.len() as u32, spec.join);
        for (number, branch) in spec.branches.iter().enumerate() {
            let token = self.tokens[&id].branch((number, spec.salt), branch.0, join, at);
            let child = self.add(token);
            self.step_at(child, at);
        }
        if join == 0 {
            self.go_on(id, at, spec.after.0);
        }
    }

    fn join(&mut self, id: u32, at: Time, fork: ForkId) {
        let Some(token) = self.tokens.remove(&id) else { return };
        self.core.recorder.leave_stage(&token, at);
        if let Some((parent, outcome)) = self.core.arrive(&token) {
            self.token(parent).outcome = outcome;
            let after = self.core.program.forks[fork.index()].after.0;
            self.go_on(parent, at, after);
        }
    }
}

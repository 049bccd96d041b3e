//! The event executor: a request runs on until it must wait. Delays need no event, stations that serve in order of
//! arrival decide at once, and a request stops only before an operator at which somebody else may come first.

use std::sync::atomic::Ordering;

use super::ahead::{Ahead, BLOCK, Luck, Place};
use super::calendar::{Calendar, Event, Key};
use super::core::{Core, Flow, LEAVING_RANK, STATION_RANK, deadline_rank, slowed};
use super::draws::Draws;
use super::run::{Options, Run, Verdict};
use super::source::{Arrival, Source};
use super::token::{NO_STAGE, Token};
use crate::op::fifo::{Arrived, Fifo};
use crate::op::hold::{Asked, Waiter};
use crate::op::priority::{self, Job, Priority, Started};
use crate::op::sharing::{Forecast, Sharing};
use crate::op::window::Window;
use crate::program::{
    Condition, Discipline, ForkId, Guard, Instruction, Label, PATIENCE_RANK, PoolId, Program, Register, Service,
    SiteId, StationId, StationSpec,
};
use crate::rng::happens;
use crate::time::{Span, Time};

/// Arrivals between two looks at the flag that cancels a run.
const CANCEL_EVERY: u32 = 1 << 12;

/// Runs one replication of a program.
pub fn run(program: &Program, source: Box<dyn Source>, options: &Options<'_>) -> Run {
    let mut engine = Engine::new(program, source, options);
    engine.main_loop(options);
    let verdict = engine.verdict.take().unwrap_or(Verdict::Complete);
    let in_stations = engine.stations.iter().map(Station::taken).sum();
    let (now, window) = (engine.now, engine.core.recorder.window);
    engine.core.tally_busy(engine.stations.iter().map(|station| station.busy(now, window)));
    engine.core.finish(verdict, engine.now, in_stations)
}

/// A station at run time.
#[derive(Debug)]
struct Station {
    queue: Queue,
    target: Option<Register>,
    slowness: Vec<f64>,
    patience: Option<SiteId>,
    setup: Option<SiteId>,
}

#[derive(Debug)]
enum Queue {
    Fifo(Fifo),
    Sharing(Sharing),
    Priority(Priority),
}

impl Station {
    fn new(spec: &StationSpec) -> Station {
        let queue = match spec.discipline {
            Discipline::Fifo => Queue::Fifo(Fifo::new(spec)),
            Discipline::ProcessorSharing => Queue::Sharing(Sharing::new(spec)),
            Discipline::Priority => Queue::Priority(Priority::new(spec, false)),
            Discipline::PreemptivePriority => Queue::Priority(Priority::new(spec, true)),
        };
        let StationSpec { target, patience, setup, .. } = *spec;
        Station { queue, target, slowness: spec.slowness.clone(), patience, setup }
    }

    /// Busy time of its servers by target, if it keeps that itself.
    fn busy(&self, at: Time, window: Window) -> Option<Vec<u64>> {
        match &self.queue {
            Queue::Fifo(_) => None,
            Queue::Sharing(sharing) => Some(sharing.busy(at, window)),
            Queue::Priority(priority) => Some(priority.busy(at, window)),
        }
    }

    fn taken(&self) -> u64 {
        match &self.queue {
            Queue::Fifo(_) => 0,
            Queue::Sharing(sharing) => sharing.taken(),
            Queue::Priority(priority) => priority.taken(),
        }
    }
}

/// Arrivals taken from the source in blocks, with the draws made ahead for them.
struct Inbox {
    source: Box<dyn Source>,
    block: Vec<Arrival>,
    next: usize,
    ahead: Ahead,
    /// The arrivals of the block for which draws have been made lie from here ...
    from: usize,
    /// ... to here.
    to: usize,
}

impl Inbox {
    #[inline(always)]
    fn peek(&mut self, draws: &Draws) -> Option<(&Arrival, Luck)> {
        if self.next == self.to {
            self.advance(draws);
        }
        self.block.get(self.next).map(|arrival| (arrival, self.ahead.row(self.next - self.from)))
    }

    #[inline(never)]
    fn advance(&mut self, draws: &Draws) {
        if self.next == self.block.len() {
            self.block.clear();
            self.next = 0;
            self.source.fill(&mut self.block);
        }
        (self.from, self.to) = (self.next, self.block.len().min(self.next + BLOCK));
        self.ahead.draw(draws, &self.block[self.from..self.to]);
    }
}

/// Why a request does not run on.
enum Halt {
    /// Somebody else may come first.
    Others,
    /// A deadline lies before the instant it would go on.
    Late(Time),
    /// It has ended for its client.
    Ended,
    /// It has ended unseen.
    Unseen,
    /// It may wait here, or wake others.
    Here,
}

/// What happens when a request comes to an instruction: jumps and a mark on the way are done with the next instruction.
#[derive(Clone, Copy)]
struct Step {
    instruction: Instruction,
    /// Where the instruction is.
    pc: u32,
    rank: u32,
    /// The stage that time belongs to from here on, if that changes.
    mark: u16,
    /// Where the draw of the instruction is, if it was made ahead.
    place: Place,
}

impl Step {
    fn new(program: &Program, places: &[Place], start: usize) -> Step {
        let (mut pc, mut mark) = (start, NO_STAGE);
        // Jumps could go in a circle, so not more than a few are followed.
        for _ in 0..4 {
            match program.code[pc] {
                Instruction::Jump { to } => pc = to.index(),
                Instruction::Mark { stage } if mark == NO_STAGE && pc + 1 < program.code.len() => {
                    mark = stage.0;
                    pc += 1;
                }
                _ => break,
            }
        }
        Step { instruction: program.code[pc], pc: pc as u32, rank: program.rank[pc], mark, place: places[pc] }
    }
}

/// Whether a request may wait at an instruction, or wake others.
#[inline(always)]
fn waits(instruction: &Instruction) -> bool {
    use Instruction::{Arrive, Fork, Free, Hold, Serve};
    matches!(instruction, Serve { .. } | Hold { .. } | Free { .. } | Fork { .. } | Arrive { .. })
}

/// Runs an instruction that needs no waiting, with the draw made ahead if there is one.
#[inline(always)]
fn step(core: &mut Core<'_>, token: &mut Token, at: Time, instruction: &Instruction, place: Place) -> Flow {
    match *instruction {
        Instruction::Delay { site, per } => {
            let span = token.luck.at(place).map_or_else(|| core.draws.span(site, token.word()), Span);
            token.pc += 1;
            Flow::Pass(token.scaled(span, per))
        }
        Instruction::Branch { on: Condition::Chance(site, p), to } => {
            let drawn = token.luck.at(place).map(|happens| happens == 1);
            let holds = drawn.unwrap_or_else(|| happens(core.draws.bits(site, token.word()), p));
            token.pc = if holds { to.0 } else { token.pc + 1 };
            Flow::On
        }
        _ => core.step(token, at, instruction),
    }
}

struct Engine<'a> {
    core: Core<'a>,
    code: Vec<Step>,
    stations: Vec<Station>,
    inbox: Inbox,
    arrival_key: Key,
    calendar: Calendar,
    tokens: Vec<Token>,
    free: Vec<u32>,
    guard: Guard,
    now: Time,
    verdict: Option<Verdict>,
}

impl<'a> Engine<'a> {
    fn new(program: &'a Program, source: Box<dyn Source>, options: &Options<'_>) -> Engine<'a> {
        let (ahead, places) = Ahead::new(program);
        Engine {
            core: Core::new(program, options),
            code: (0..program.code.len()).map(|pc| Step::new(program, &places, pc)).collect(),
            stations: program.stations.iter().map(Station::new).collect(),
            inbox: Inbox { source, block: Vec::new(), next: 0, ahead, from: 0, to: 0 },
            arrival_key: Key::LAST,
            calendar: Calendar::default(),
            tokens: Vec::new(),
            free: Vec::new(),
            guard: options.guard,
            now: Time::ZERO,
            verdict: None,
        }
    }

    fn main_loop(&mut self, options: &Options<'_>) {
        let mut until_look = CANCEL_EVERY;
        self.look_ahead();
        while self.verdict.is_none() {
            if self.arrival_key.precedes(self.calendar.next_key()) {
                self.arrive();
            } else if let Some((key, event)) = self.calendar.pop() {
                self.handle(key, event);
            } else {
                return;
            }
            until_look -= 1;
            if until_look == 0 {
                until_look = CANCEL_EVERY;
                if options.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                    self.verdict = Some(Verdict::Interrupted);
                }
            }
        }
    }

    /// The key of the next arrival.
    #[inline(always)]
    fn look_ahead(&mut self) {
        let next = self.inbox.peek(&self.core.draws);
        self.arrival_key = next.map_or(Key::LAST, |(arrival, _)| Key::new(arrival.at, 0, arrival.serial, 0));
    }

    fn arrive(&mut self) {
        let Some((arrival, luck)) = self.inbox.peek(&self.core.draws) else { return };
        let (at, token) = (arrival.at, Token::lucky(arrival, luck, self.core.recorder.window));
        self.inbox.next += 1;
        self.look_ahead();
        self.now = self.now.max(at);
        let slot = self.add(token);
        self.core.recorder.birth(at);
        self.run(slot, at);
    }

    fn handle(&mut self, key: Key, event: Event) {
        let at = key.at();
        self.now = self.now.max(at);
        match event {
            Event::Resume { slot } => self.run(slot, at),
            Event::Deadline { slot, ticket } => self.deadline(slot, ticket, at),
            Event::Patience { slot, ticket } => self.patience(slot, ticket, at),
            Event::Station { station, target, version } => self.station_event(station, target, version, at),
        }
    }

    // ---- tokens ----

    /// Inlined, so that a request is made where it stays.
    #[inline(always)]
    fn add(&mut self, token: Token) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.one_more());
        let place = &mut self.tokens[slot as usize];
        let ticket = place.ticket + 1;
        *place = token;
        place.ticket = ticket;
        slot
    }

    #[inline(never)]
    fn one_more(&mut self) -> u32 {
        if self.tokens.len() >= self.guard.in_flight as usize {
            self.verdict = Some(Verdict::Unstable { place: "requests in flight".to_owned() });
        }
        self.tokens.push(Token::new(&Arrival::default(), self.core.recorder.window));
        self.tokens.len() as u32 - 1
    }

    #[inline]
    fn remove(&mut self, slot: u32) {
        self.tokens[slot as usize].ticket += 1;
        self.free.push(slot);
    }

    /// Puts a request into the calendar, to go on at an instant.
    #[inline]
    fn resume_at(&mut self, slot: u32, at: Time, rank: u32) {
        let token = &self.tokens[slot as usize];
        let key = Key::new(at, rank, token.serial, token.trail);
        self.calendar.push(key, Event::Resume { slot });
    }

    /// A wait has ended: the request goes on with an instruction.
    fn wake(&mut self, slot: u32, at: Time, pc: u32) {
        let token = &mut self.tokens[slot as usize];
        token.ticket += 1;
        token.pc = pc;
        self.resume_at(slot, at, 0);
    }

    // ---- running on ----

    /// Runs a request on from an instant until it waits, ends, or must let others go first.
    fn run(&mut self, slot: u32, at: Time) {
        let mut at = at;
        loop {
            match self.run_on(slot, &mut at) {
                Halt::Others => {
                    let token = &self.tokens[slot as usize];
                    let key = Key::new(at, self.code[token.pc as usize].rank, token.serial, token.trail);
                    return self.calendar.put_back(key, Event::Resume { slot });
                }
                Halt::Late(end) => {
                    self.cut_until(slot, end);
                    at = end;
                }
                Halt::Ended => return self.end(slot, at),
                Halt::Unseen => return self.remove(slot),
                Halt::Here => match self.operate(slot, at) {
                    Some(span) => at = self.pass(slot, at, span),
                    None => return,
                },
            }
        }
    }

    /// Instructions at which a request may wait, or which wake others. The time that passes, if the request goes on.
    #[inline(always)]
    fn operate(&mut self, slot: u32, at: Time) -> Option<Span> {
        let token = &self.tokens[slot as usize];
        let Step { instruction, place, .. } = self.code[token.pc as usize];
        match instruction {
            Instruction::Serve { station, service, full, late } => {
                let demand = match (token.luck.at(place), service) {
                    (Some(draw), _) => Span(draw),
                    (None, Service::Law(site)) => self.core.draws.span(site, token.word()),
                    (None, Service::Demand) => Span(token.demand),
                };
                self.serve(slot, at, station, demand, full, late)
            }
            Instruction::Hold { pool, full, .. } => self.hold(slot, at, pool, full),
            Instruction::Free { pool } => self.give_back(slot, at, pool),
            Instruction::Fork { fork } => self.fork(slot, at, fork),
            Instruction::Arrive { fork } => self.join(slot, at, fork),
            _ => None,
        }
    }

    /// Runs instructions that concern nobody else, and those whose turn it is.
    #[inline(always)]
    fn run_on(&mut self, slot: u32, at: &mut Time) -> Halt {
        let Engine { core, code, tokens, calendar, arrival_key, .. } = self;
        let token = &mut tokens[slot as usize];
        loop {
            let Step { instruction, pc, rank, mark, place } = &code[token.pc as usize];
            token.pc = *pc;
            if *mark != NO_STAGE {
                core.recorder.mark(token, *at, *mark);
            }
            if *rank != 0 {
                let key = Key::new(*at, *rank, token.serial, token.trail);
                if key.follows_either(arrival_key, calendar.next_key()) {
                    return Halt::Others;
                }
            }
            if waits(instruction) {
                return Halt::Here;
            }
            match step(core, token, *at, instruction, *place) {
                Flow::On => {}
                Flow::Pass(span) => {
                    let end = *at + span;
                    if end > token.deadline {
                        return Halt::Late(end);
                    }
                    *at = end;
                }
                Flow::Ended => return Halt::Ended,
                Flow::Unseen => return Halt::Unseen,
            }
        }
    }

    /// The request goes on with another instruction, at once.
    #[inline(always)]
    fn go(&mut self, slot: u32, pc: u32) -> Option<Span> {
        self.tokens[slot as usize].pc = pc;
        Some(Span::ZERO)
    }

    /// The request goes on with the next instruction after some time.
    #[inline(always)]
    fn next_after(&mut self, slot: u32, span: Span) -> Option<Span> {
        self.tokens[slot as usize].pc += 1;
        Some(span)
    }

    /// Time passes for a request; callers whose deadline lies before its end go on without it.
    #[inline(always)]
    fn pass(&mut self, slot: u32, at: Time, span: Span) -> Time {
        let end = at + span;
        if end > self.tokens[slot as usize].deadline {
            self.cut_until(slot, end);
        }
        end
    }

    #[cold]
    fn cut_until(&mut self, slot: u32, end: Time) {
        while end > self.tokens[slot as usize].deadline {
            let (caller, depth, at) = self.cut(slot);
            self.resume_at(caller, at, deadline_rank(depth));
        }
    }

    /// The earliest deadline of a request passes: its caller becomes a request of its own.
    fn cut(&mut self, slot: u32) -> (u32, u8, Time) {
        let token = &mut self.tokens[slot as usize];
        let at = token.deadline;
        self.core.recorder.leave_stage(token, at);
        let (mut caller, depth) = token.cut();
        caller.pc = self.core.late(&caller, depth);
        self.core.recorder.balance.cut += 1;
        (self.add(caller), depth, at)
    }

    fn end(&mut self, slot: u32, at: Time) {
        self.now = self.now.max(at);
        let serial = self.tokens[slot as usize].serial;
        self.remove(slot);
        if let Some(next) = self.inbox.source.follow(serial, at) {
            let slot = self.add(Token::new(&next, self.core.recorder.window));
            self.core.recorder.birth(next.at);
            self.resume_at(slot, next.at, 0);
        }
    }

    // ---- waiting ----

    /// A request starts to wait: its caller's deadline needs a timer.
    fn wait(&mut self, slot: u32) {
        let token = &self.tokens[slot as usize];
        if token.deadline != Time::NEVER {
            let rank = deadline_rank(token.deadline_depth());
            let key = Key::new(token.deadline, rank, token.serial, token.trail);
            self.calendar.push(key, Event::Deadline { slot, ticket: token.ticket });
        }
    }

    fn deadline(&mut self, slot: u32, ticket: u32, at: Time) {
        let token = &self.tokens[slot as usize];
        if token.ticket != ticket || token.deadline != at {
            return;
        }
        let (caller, _, at) = self.cut(slot);
        self.wait(slot);
        self.run(caller, at);
    }

    fn patience(&mut self, slot: u32, ticket: u32, at: Time) {
        let token = &mut self.tokens[slot as usize];
        if token.ticket != ticket {
            return;
        }
        token.ticket += 1;
        let Instruction::Hold { pool, late, .. } = self.code[token.pc as usize].instruction else { return };
        token.pc = late.0;
        let target = token.target(self.core.program.pools[pool.index()].target);
        let tokens = &self.tokens;
        self.core.pools[pool.index()].leave(target, |waiter| tokens[waiter.slot as usize].ticket == waiter.ticket);
        self.core.recorder.pools[pool.index()].abandoned += self.core.recorder.window.contains(at) as u64;
        self.run(slot, at);
    }

    #[inline]
    fn check_backlog(&mut self, waiting: usize, place: impl Fn(&Program) -> String) {
        if waiting > self.guard.backlog as usize {
            self.verdict = Some(Verdict::Unstable { place: place(self.core.program) });
        }
    }

    // ---- stations ----

    #[inline]
    fn serve(&mut self, slot: u32, at: Time, id: StationId, demand: Span, full: Label, late: Label) -> Option<Span> {
        let token = &self.tokens[slot as usize];
        let station = &mut self.stations[id.index()];
        let target = token.target(station.target);
        let service = slowed(demand, &station.slowness, target);
        let counted = self.core.recorder.window.contains(at) as u64;
        self.core.recorder.stations[id.index()].arrivals += counted;
        let word = token.word();
        let Queue::Fifo(fifo) = &mut station.queue else {
            return self.queue_up(slot, at, id, service, full);
        };
        let draw = |site: Option<SiteId>| site.map(|site| self.core.draws.span(site, word));
        let (patience, setup) = (draw(station.patience), draw(station.setup).unwrap_or_default());
        let arrived = fifo.arrive(target, at, service, patience, setup);
        let waiting = fifo.waiting(target);
        self.check_backlog(waiting, |program| program.stations[id.index()].name.clone());
        match arrived {
            Arrived::Served { start, end } => {
                self.core.tally_service(id, target, at, start, end);
                self.next_after(slot, end - at)
            }
            Arrived::Full => {
                self.core.recorder.stations[id.index()].refused += counted;
                self.go(slot, full.0)
            }
            Arrived::Late { at: leaves } => {
                self.core.recorder.stations[id.index()].abandoned += counted;
                self.tokens[slot as usize].pc = late.0;
                self.pass(slot, at, leaves - at);
                self.resume_at(slot, leaves, LEAVING_RANK);
                None
            }
        }
    }

    /// A station with a queue of its own: the request waits for an event of the station.
    fn queue_up(&mut self, slot: u32, at: Time, id: StationId, service: Span, full: Label) -> Option<Span> {
        let window = self.core.recorder.window;
        let token = &self.tokens[slot as usize];
        let station = &mut self.stations[id.index()];
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
                match priority.arrive(target, at, job, window) {
                    priority::Arrived::Started(started) => self.started(id, target, started),
                    priority::Arrived::Waits => {}
                    priority::Arrived::Full => return self.refuse(slot, id, at, full),
                }
                let Queue::Priority(priority) = &self.stations[id.index()].queue else { return None };
                priority.waiting(target)
            }
            _ => return self.refuse(slot, id, at, full),
        };
        self.check_backlog(waiting, |program| program.stations[id.index()].name.clone());
        self.wait(slot);
        None
    }

    fn refuse(&mut self, slot: u32, id: StationId, at: Time, full: Label) -> Option<Span> {
        self.core.recorder.stations[id.index()].refused += self.core.recorder.window.contains(at) as u64;
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

    fn station_event(&mut self, station: u16, target: u16, version: u32, at: Time) {
        let (id, target, window) = (StationId(station), target as usize, self.core.recorder.window);
        match &mut self.stations[id.index()].queue {
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
                    self.core.recorder.stations[id.index()].wait.record(wait);
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
    fn hold(&mut self, slot: u32, at: Time, id: PoolId, full: Label) -> Option<Span> {
        let spec = &self.core.program.pools[id.index()];
        let window = self.core.recorder.window;
        let token = &self.tokens[slot as usize];
        let target = token.target(spec.target);
        let (ticket, serial, trail) = (token.ticket, token.serial, token.trail);
        let tally = &mut self.core.recorder.pools[id.index()];
        let counted = window.contains(at) as u64;
        tally.arrivals += counted;
        match self.core.pools[id.index()].ask(target, Waiter { slot, ticket, since: at }, window) {
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
                    let leaves = at + self.core.draws.span(site, serial ^ trail);
                    let key = Key::new(leaves, PATIENCE_RANK, serial, trail);
                    self.calendar.push(key, Event::Patience { slot, ticket });
                }
                let waiting = self.core.pools[id.index()].waiting(target);
                self.check_backlog(waiting, |program| program.pools[id.index()].name.clone());
                self.wait(slot);
                None
            }
        }
    }

    #[inline]
    fn give_back(&mut self, slot: u32, at: Time, id: PoolId) -> Option<Span> {
        let target = self.tokens[slot as usize].target(self.core.program.pools[id.index()].target);
        let window = self.core.recorder.window;
        let tokens = &self.tokens;
        let waits = |waiter: &Waiter| tokens[waiter.slot as usize].ticket == waiter.ticket;
        if let Some(next) = self.core.pools[id.index()].give_back(target, at, window, waits) {
            if window.contains(next.since) {
                self.core.recorder.pools[id.index()].wait.record((at - next.since).0);
            }
            self.served(next.slot, at);
        }
        self.next_after(slot, Span::ZERO)
    }

    // ---- parallel calls ----

    fn fork(&mut self, slot: u32, at: Time, id: ForkId) -> Option<Span> {
        let program = self.core.program;
        let spec = &program.forks[id.index()];
        let join = self.core.fork(slot, spec.branches.len() as u32, spec.join);
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

    fn join(&mut self, slot: u32, at: Time, id: ForkId) -> Option<Span> {
        let goes_on = self.core.arrive(&self.tokens[slot as usize]);
        self.core.recorder.leave_stage(&self.tokens[slot as usize], at);
        self.remove(slot);
        if let Some((parent, outcome)) = goes_on {
            self.tokens[parent as usize].outcome = outcome;
            self.wake(parent, at, self.core.program.forks[id.index()].after.0);
        }
        None
    }
}

//! The interpreter of a part of a program: a request runs on until it must wait. Delays need no event, stations that
//! serve in order of arrival decide at once, and a request stops only before an operator at which somebody else may
//! come first. With all instructions as its part it is the event executor; with some of them it runs a loop without lag
//! inside a window.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ahead::Ahead;
use super::calendar::{Calendar, Event, Key};
use super::core::{Core, Flow, deadline_rank};
use super::run::{Options, Verdict};
use super::source::Arrival;
use super::step::{Action, GiveBack, Step, steps};
use super::token::{NO_STAGE, Token};
use crate::op::window::Window;
use crate::program::{Amount, Guard, PoolId, Program};
use crate::rng::happens;
use crate::time::{Span, Time};

/// Events between two looks at the flag that cancels a run.
const CANCEL_EVERY: u32 = 1 << 12;

/// What lies around a part: where requests come from, and where they go.
pub trait Outside {
    /// Key of the next request that comes in; [`Key::LAST`] when none does.
    fn next_key(&mut self, core: &Core<'_>) -> Key;

    /// Whether the next request, whose turn it is, needs not come in: what it asks for has been done outside.
    #[inline(always)]
    fn goes_by(&mut self, _core: &mut Core<'_>) -> bool {
        false
    }

    /// The next request comes in: it is written into its place (whose ticket means nothing yet), and if it is lucky its
    /// draws are written into the row.
    fn enter(&mut self, core: &mut Core<'_>, place: &mut Token, row: &mut [u32]);

    /// A request leaves. Its instant may lie beyond the end of the window.
    fn leave(&mut self, at: Time, rank: u32, token: &Token);

    /// A request has ended; for closed traffic, the next one of the same user.
    fn follow(&mut self, _serial: u64, _end: Time) -> Option<Arrival> {
        None
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
    Visit,
    /// It leaves the part.
    Leave,
}

/// What has been done.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// The last instant at which something ordered was done, and the highest rank of what was done then.
    latest: (Time, u32),
    now: Time,
    /// Connections given back out of the order of ranks.
    behind: u64,
}

impl Past {
    /// A request gives something back, at an instant that may lie ahead.
    #[inline(always)]
    fn give_back(&mut self, core: &mut Core<'_>, calendar: &mut Calendar, token: &Token, at: Time, back: GiveBack) {
        self.now = self.now.max(at);
        match back {
            GiveBack::Connection(connections, keep, rank) => {
                let key = if at == self.latest.0 && rank < self.latest.1 {
                    // Whatever has brought it here at this very instant comes before it.
                    self.behind += 1;
                    Key::new(at, self.latest.1, self.behind, 0)
                } else {
                    Key::new(at, rank, token.serial, token.trail)
                };
                core.disconnect_later((connections, keep), token, at, key.order());
            }
            GiveBack::Answer(balancer) => core.release_later(balancer, token, at),
            GiveBack::Permit(pool, rank) => {
                let target = token.target(core.program.pools[pool.index()].target);
                if !core.pools[pool.index()].give_back_later(target, at) {
                    let event = Event::Back { pool: pool.0, target: target as u16 };
                    calendar.push(Key::new(at, rank, token.serial, token.trail), event);
                }
            }
        }
    }
}

/// The requests of a part and what is to happen to them.
#[derive(Clone, Debug)]
pub struct Interpreter<'a> {
    pub(super) code: Vec<Step>,
    pub(super) calendar: Calendar,
    pub(super) tokens: Vec<Token>,
    free: Vec<u32>,
    /// Draws made ahead, a row for each request; whoever reads one must not see beyond its end.
    luck: Vec<u32>,
    width: usize,
    ahead: Ahead,
    /// Before this key nothing comes in, and the window does not end.
    horizon: Key,
    past: Past,
    window: Window,
    guard: Guard,
    cancel: Option<&'a AtomicBool>,
    until_look: u32,
    pub(super) verdict: Option<Verdict>,
}

impl<'a> Interpreter<'a> {
    /// A part without requests: the instructions that are members.
    pub fn new(program: &Program, members: &[bool], options: &Options<'a>) -> Interpreter<'a> {
        let (ahead, places) = Ahead::new(program, members);
        let mut interpreter = Interpreter {
            code: steps(program, members, &places),
            calendar: Calendar::default(),
            tokens: Vec::new(),
            free: Vec::new(),
            luck: Vec::new(),
            width: ahead.width(),
            ahead,
            horizon: Key::LAST,
            past: Past::default(),
            window: Window { from: options.from, until: options.until },
            guard: options.guard,
            cancel: options.cancel,
            until_look: CANCEL_EVERY,
            verdict: None,
        };
        interpreter.expect_ticks(program, members, options.until);
        interpreter
    }

    /// What makes draws ahead for requests that come in.
    pub fn ahead(&self) -> Ahead {
        self.ahead.clone()
    }

    /// Takes in whoever comes before `end` and does everything that happens before `end`, in order. What happens later
    /// stays in the calendar. A request whose program counter leaves the members is handed to the outside at once, with
    /// its own time, which may lie beyond `end`; so are callers that go on alone at an instruction that is no member.
    ///
    /// # Errors
    /// The verdict, when a guard or the user ends the run.
    pub fn run_until(&mut self, core: &mut Core<'_>, out: &mut impl Outside, end: Time) -> Result<(), Verdict> {
        let stop = if end == Time::NEVER { Key::LAST } else { Key::new(end, 0, 0, 0) };
        self.look_out(core, out, stop);
        while self.verdict.is_none() {
            if self.horizon.precedes(self.calendar.next_key()) {
                if self.horizon == stop {
                    return Ok(());
                }
                self.enter(core, out, stop);
            } else if let Some((key, event)) = self.calendar.pop() {
                self.handle(core, out, key, event);
            } else {
                return Ok(());
            }
            self.until_look -= 1;
            if self.until_look == 0 {
                self.look_at_flag();
            }
        }
        self.verdict.clone().map_or(Ok(()), Err)
    }

    /// Takes over the requests of a part, which is done with, and what is to happen to them.
    pub fn take_over(&mut self, part: Interpreter<'_>) {
        (self.calendar, self.tokens, self.free) = (part.calendar, part.tokens, part.free);
        // The rows of the part hold other draws; made when they are needed, they are the same.
        self.tokens.iter_mut().for_each(|token| token.lucky = false);
        self.luck.resize(self.tokens.len() * self.width, 0);
        self.past = part.past;
    }

    /// Hands everyone over to the outside, each before the instruction to go on with, if everyone is on the way to one
    /// and nobody waits. Whether that is so.
    pub fn leave_all(&mut self, out: &mut impl Outside) -> bool {
        let is_void = |slot: u32, ticket: u32| self.tokens[slot as usize].ticket != ticket;
        let mut on_the_way = 0;
        for (_, event) in self.calendar.events() {
            match *event {
                Event::Resume { .. } => on_the_way += 1,
                Event::Deadline { slot, ticket } | Event::Patience { slot, ticket } if is_void(slot, ticket) => {}
                _ => return false,
            }
        }
        if on_the_way != self.in_flight() {
            return false;
        }
        for (key, event) in self.calendar.events() {
            if let Event::Resume { slot } = *event {
                out.leave(key.at(), key.rank(), &self.tokens[slot as usize]);
                self.tokens[slot as usize].ticket += 1;
                self.free.push(slot);
            }
        }
        self.calendar.clear();
        true
    }

    /// Whether nobody is inside.
    pub fn is_empty(&self) -> bool {
        self.in_flight() == 0
    }

    /// Requests inside.
    pub fn in_flight(&self) -> usize {
        self.tokens.len() - self.free.len()
    }

    /// When the next event happens; [`Time::NEVER`] when nothing is left to do. An event may turn out to be void (the
    /// deadline of a wait that has ended).
    pub fn next_time(&self) -> Time {
        self.calendar.next_key().at()
    }

    /// The instant of the last event.
    pub fn now(&self) -> Time {
        self.past.now
    }

    /// The key before which nothing comes in.
    #[inline(always)]
    fn look_out(&mut self, core: &Core<'_>, out: &mut impl Outside, stop: Key) {
        let next = out.next_key(core);
        self.horizon = if next.precedes(&stop) { next } else { stop };
    }

    #[cold]
    fn look_at_flag(&mut self) {
        self.until_look = CANCEL_EVERY;
        if self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            self.verdict = Some(Verdict::Interrupted);
        }
    }

    fn enter(&mut self, core: &mut Core<'_>, out: &mut impl Outside, stop: Key) {
        let key = self.horizon;
        self.turn(key);
        if out.goes_by(core) {
            return self.look_out(core, out, stop);
        }
        let slot = self.free_slot();
        let place = &mut self.tokens[slot as usize];
        let ticket = place.ticket + 1;
        out.enter(core, place, &mut self.luck[slot as usize * self.width..][..self.width]);
        place.ticket = ticket;
        self.look_out(core, out, stop);
        self.run(core, out, slot, key.at());
    }

    /// It is the turn of an event.
    #[inline(always)]
    fn turn(&mut self, key: Key) {
        self.past.now = self.past.now.max(key.at());
        // What comes after an event of a high rank at its instant comes because of it, whatever its own rank.
        let before = if key.at() == self.past.latest.0 { self.past.latest.1 } else { 0 };
        self.past.latest = (key.at(), before.max(key.rank()));
    }

    fn handle(&mut self, core: &mut Core<'_>, out: &mut impl Outside, key: Key, event: Event) {
        let at = key.at();
        self.turn(key);
        match event {
            Event::Resume { slot } => self.run(core, out, slot, at),
            Event::Deadline { slot, ticket } => self.deadline(core, out, slot, ticket, at),
            Event::Patience { slot, ticket } => self.patience(core, out, slot, ticket, at),
            Event::Station { station, target, version } => self.station_event(core, station, target, version, at),
            Event::Back { pool, target } => self.back(core, PoolId(pool), target as usize, at),
            Event::Tick { pool } => self.tick(core, PoolId(pool), at),
        }
    }

    // ---- requests ----

    pub(super) fn add(&mut self, token: Token) -> u32 {
        let slot = self.free_slot();
        let place = &mut self.tokens[slot as usize];
        let ticket = place.ticket + 1;
        *place = token;
        place.ticket = ticket;
        slot
    }

    #[inline(always)]
    fn free_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| self.one_more())
    }

    #[inline(never)]
    fn one_more(&mut self) -> u32 {
        if self.tokens.len() >= self.guard.in_flight as usize {
            self.verdict = Some(Verdict::Unstable { place: "requests in flight".to_owned() });
        }
        self.tokens.push(Token::new(&Arrival::default(), self.window));
        self.luck.resize(self.tokens.len() * self.width, 0);
        self.tokens.len() as u32 - 1
    }

    #[inline]
    pub(super) fn remove(&mut self, slot: u32) {
        self.tokens[slot as usize].ticket += 1;
        self.free.push(slot);
    }

    /// The draws made ahead for a request.
    #[inline(always)]
    pub(super) fn row(&self, slot: u32) -> &[u32] {
        match self.tokens[slot as usize].lucky {
            true => &self.luck[slot as usize * self.width..][..self.width],
            false => &[],
        }
    }

    /// Puts a request into the calendar, to go on at an instant.
    #[inline]
    pub(super) fn resume_at(&mut self, slot: u32, at: Time, rank: u32) {
        let token = &self.tokens[slot as usize];
        let key = Key::new(at, rank, token.serial, token.trail);
        self.calendar.push(key, Event::Resume { slot });
    }

    /// A wait has ended: the request goes on with an instruction.
    pub(super) fn wake(&mut self, slot: u32, at: Time, pc: u32) {
        let token = &mut self.tokens[slot as usize];
        token.ticket += 1;
        token.pc = pc;
        self.resume_at(slot, at, 0);
    }

    fn end(&mut self, core: &mut Core<'_>, out: &mut impl Outside, slot: u32, at: Time) {
        self.past.now = self.past.now.max(at);
        let serial = self.tokens[slot as usize].serial;
        self.remove(slot);
        if let Some(next) = out.follow(serial, at) {
            let slot = self.add(Token::new(&next, self.window));
            core.recorder.birth(next.at);
            self.resume_at(slot, next.at, 0);
        }
    }

    fn leave(&mut self, out: &mut impl Outside, slot: u32, at: Time) {
        let (latest, rank) = self.past.latest;
        out.leave(at, if at == latest { rank } else { 0 }, &self.tokens[slot as usize]);
        self.remove(slot);
    }

    // ---- running on ----

    /// Runs a request on from an instant until it waits, ends, leaves, or must let others go first.
    pub(super) fn run(&mut self, core: &mut Core<'_>, out: &mut impl Outside, slot: u32, at: Time) {
        let mut at = at;
        loop {
            match self.run_on(core, slot, &mut at) {
                Halt::Others => {
                    let token = &self.tokens[slot as usize];
                    let key = Key::new(at, self.code[token.pc as usize].rank, token.serial, token.trail);
                    return self.calendar.put_back(key, Event::Resume { slot });
                }
                Halt::Late(end) => {
                    self.cut_until(core, out, slot, end);
                    at = end;
                }
                Halt::Ended => return self.end(core, out, slot, at),
                Halt::Unseen => return self.remove(slot),
                Halt::Leave => return self.leave(out, slot, at),
                Halt::Visit => match self.visit(core, out, slot, at) {
                    Some(span) => at = self.pass(core, out, slot, at, span),
                    None => return,
                },
            }
        }
    }

    /// Runs instructions that concern nobody else, and those whose turn it is.
    #[inline(always)]
    fn run_on(&mut self, core: &mut Core<'_>, slot: u32, at: &mut Time) -> Halt {
        let Interpreter { code, tokens, calendar, horizon, past, luck, width, .. } = self;
        let token = &mut tokens[slot as usize];
        let mut row: &[u32] = if token.lucky { &luck[slot as usize * *width..][..*width] } else { &[] };
        // Where the request is, without a detour over memory.
        let mut pc = token.pc;
        loop {
            let step = &code[pc as usize];
            if step.mark != NO_STAGE {
                core.recorder.mark(token, *at, step.mark);
            }
            if step.rank != 0 {
                if let Action::Retry(policy) = step.action
                    && !core.repeats(policy, token)
                {
                    pc = step.pc + 1;
                    continue;
                }
                let key = Key::new(*at, step.rank, token.serial, token.trail);
                if key.follows_either(horizon, calendar.next_key()) {
                    token.pc = step.pc;
                    return Halt::Others;
                }
                let latest = &mut past.latest;
                *latest = (*at, if *at == latest.0 { latest.1.max(step.rank) } else { step.rank });
            }
            let span = match step.action {
                Action::Pass(span) => {
                    pc = step.pc + 1;
                    span
                }
                Action::Draw(site) => {
                    pc = step.pc + 1;
                    match step.place.of(row) {
                        Some(span) => Span(span),
                        None => core.draw(site, token.word()),
                    }
                }
                Action::Chance(site, p, to) => {
                    let drawn = step.place.of(row).map(|happens| happens == 1);
                    let holds = drawn.unwrap_or_else(|| happens(core.draws.bits(site, token.word()), p));
                    pc = if holds { to } else { step.pc + 1 };
                    continue;
                }
                Action::EndsAs(outcomes, to) => {
                    pc = if outcomes >> token.outcome & 1 == 1 { to } else { step.pc + 1 };
                    continue;
                }
                Action::Holds(register, value, to) => {
                    let holds = token.registers[register.index()] == value;
                    pc = if holds { to } else { step.pc + 1 };
                    continue;
                }
                Action::Test(condition, to) => {
                    let holds = token.meets(condition, &core.draws, &core.program.outcomes);
                    pc = if holds { to } else { step.pc + 1 };
                    continue;
                }
                Action::Call(depth, deadline) => {
                    token.pc = step.pc;
                    token.call(depth, deadline.map_or(Time::NEVER, |deadline| *at + deadline));
                    pc = step.pc + 1;
                    continue;
                }
                Action::Return(depth) => {
                    if !core.returns(token, depth) {
                        return Halt::Unseen;
                    }
                    pc = step.pc + 1;
                    continue;
                }
                Action::Count(meter) => {
                    pc = step.pc + 1;
                    core.recorder.meter(meter as usize, 1, *at);
                    continue;
                }
                Action::GiveBack(back) => {
                    pc = step.pc + 1;
                    past.give_back(core, calendar, token, *at, back);
                    continue;
                }
                Action::Connect(connections, full) => {
                    let connected = core.connect(connections, token, *at);
                    pc = if connected { step.pc + 1 } else { full };
                    continue;
                }
                Action::Choose(balancer) => {
                    pc = step.pc + 1;
                    core.balance(balancer, token, *at);
                    continue;
                }
                Action::Limit(bucket, otherwise) => {
                    let admitted = core.admit(bucket.index(), token.class, token.key, *at);
                    pc = if admitted { step.pc + 1 } else { otherwise };
                    continue;
                }
                Action::Meter(meter, amount) => {
                    pc = step.pc + 1;
                    let amount = match amount {
                        Amount::RequestBytes => token.request_bytes.into(),
                        Amount::ResponseBytes => token.response_bytes.into(),
                        amount => token.amount(amount, *at),
                    };
                    core.recorder.meter(meter.index(), amount, *at);
                    continue;
                }
                Action::Hold(pool) if core.takes(pool, token, *at) => {
                    pc = step.pc + 1;
                    continue;
                }
                Action::Hold(_) | Action::Visit => {
                    token.pc = step.pc;
                    return Halt::Visit;
                }
                Action::Leave => {
                    token.pc = step.pc;
                    return Halt::Leave;
                }
                Action::Retry(_) | Action::Other => {
                    token.pc = step.pc;
                    let flow = core.step(token, *at, &step.instruction);
                    pc = token.pc;
                    if !token.lucky {
                        row = &[];
                    }
                    match flow {
                        Flow::On => continue,
                        Flow::Pass(span) => span,
                        Flow::Ended => return Halt::Ended,
                        Flow::Unseen => return Halt::Unseen,
                    }
                }
            };
            let end = *at + span;
            if end > token.deadline {
                token.pc = pc;
                return Halt::Late(end);
            }
            *at = end;
        }
    }

    /// The request goes on with another instruction, at once.
    #[inline(always)]
    pub(super) fn go(&mut self, slot: u32, pc: u32) -> Option<Span> {
        self.tokens[slot as usize].pc = pc;
        Some(Span::ZERO)
    }

    /// The request goes on with the next instruction after some time.
    #[inline(always)]
    pub(super) fn next_after(&mut self, slot: u32, span: Span) -> Option<Span> {
        self.tokens[slot as usize].pc += 1;
        Some(span)
    }

    /// Time passes for a request; callers whose deadline lies before its end go on without it.
    #[inline(always)]
    pub(super) fn pass(
        &mut self,
        core: &mut Core<'_>,
        out: &mut impl Outside,
        slot: u32,
        at: Time,
        span: Span,
    ) -> Time {
        let end = at + span;
        if end > self.tokens[slot as usize].deadline {
            self.cut_until(core, out, slot, end);
        }
        end
    }

    // ---- deadlines ----

    #[cold]
    fn cut_until(&mut self, core: &mut Core<'_>, out: &mut impl Outside, slot: u32, end: Time) {
        while end > self.tokens[slot as usize].deadline {
            let (caller, depth, at) = self.cut(core, slot);
            let rank = deadline_rank(depth);
            let step = &self.code[self.tokens[caller as usize].pc as usize];
            if matches!(step.action, Action::Leave) && step.mark == NO_STAGE {
                self.tokens[caller as usize].pc = step.pc;
                out.leave(at, rank, &self.tokens[caller as usize]);
                self.remove(caller);
            } else {
                self.resume_at(caller, at, rank);
            }
        }
    }

    /// The earliest deadline of a request passes: its caller becomes a request of its own.
    fn cut(&mut self, core: &mut Core<'_>, slot: u32) -> (u32, u8, Time) {
        let token = &mut self.tokens[slot as usize];
        let at = token.deadline;
        core.recorder.leave_stage(token, at);
        let (mut caller, depth) = token.cut();
        caller.pc = core.late(&caller, depth);
        core.recorder.balance.cut += 1;
        (self.add(caller), depth, at)
    }

    /// A request starts to wait: its caller's deadline needs a timer.
    pub(super) fn wait(&mut self, slot: u32) {
        let token = &self.tokens[slot as usize];
        if token.deadline != Time::NEVER {
            let rank = deadline_rank(token.deadline_depth());
            let key = Key::new(token.deadline, rank, token.serial, token.trail);
            self.calendar.push(key, Event::Deadline { slot, ticket: token.ticket });
        }
    }

    fn deadline(&mut self, core: &mut Core<'_>, out: &mut impl Outside, slot: u32, ticket: u32, at: Time) {
        let token = &self.tokens[slot as usize];
        if token.ticket != ticket || token.deadline != at {
            return;
        }
        let (caller, _, at) = self.cut(core, slot);
        self.wait(slot);
        self.run(core, out, caller, at);
    }

    #[inline]
    pub(super) fn check_backlog(&mut self, waiting: usize, place: impl Fn() -> String) {
        if waiting > self.guard.backlog as usize {
            self.verdict = Some(Verdict::Unstable { place: place() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::events;
    use crate::exec::source::Source;
    use crate::law::{Law, LawSpec};
    use crate::program::{
        Answered, Instruction, Label, Origin, Outcome, OutcomeId, Per, PoolId, PoolSpec, Site, SiteId, StageId,
    };

    const MS: u64 = 1_000_000;

    /// A call with a deadline of 15 ms around a worker held for 10 ms: the worker's part is instructions 1 to 4.
    fn program() -> Program {
        let site = Site {
            stage: "worker".into(),
            purpose: "work".into(),
            law: Some(Law::compile(&LawSpec::Constant(10.0 * MS as f64)).unwrap()),
            origin: Origin::Scenario,
        };
        let (name, queue) = ("worker".into(), None);
        let code = vec![
            Instruction::Call { depth: 0, deadline: Some(Span(15 * MS)), late: Label(6) },
            Instruction::Mark { stage: StageId(0) },
            Instruction::Hold { pool: PoolId(0), full: Label(4), late: Label(4) },
            Instruction::Delay { site: SiteId(0), per: Per::Request },
            Instruction::Free { pool: PoolId(0) },
            Instruction::Return { depth: 0 },
            Instruction::Answer { outcome: OutcomeId(0) },
            Instruction::End,
        ];
        Program {
            rank: vec![0, 0, 20, 0, 3, 0, 0, 0],
            code,
            sites: vec![site],
            stages: vec![crate::program::Stage::default()],
            outcomes: vec![Outcome { status: 200, reason: String::new(), answered: Answered::Served }],
            pools: vec![PoolSpec { name, targets: 1, size: 1, queue, patience: None, target: None, scaling: None }],
            classes: vec!["all".into()],
            ..Program::default()
        }
    }

    fn options() -> Options<'static> {
        Options {
            seed: 1,
            replication: 0,
            from: Time::ZERO,
            until: Time(1_000 * MS),
            interval: None,
            guard: Guard::default(),
            trace: true,
            cancel: None,
        }
    }

    /// A request that comes in or has gone out, with its instant and rank.
    #[derive(Clone)]
    struct Entry {
        at: Time,
        rank: u32,
        token: Token,
    }

    /// Requests in order of time and number, and those that have left.
    #[derive(Default)]
    struct Listed {
        coming: std::collections::VecDeque<Entry>,
        left: Vec<Entry>,
    }

    impl Outside for Listed {
        fn next_key(&mut self, _: &Core<'_>) -> Key {
            let key = |entry: &Entry| Key::new(entry.at, entry.rank, entry.token.serial, entry.token.trail);
            self.coming.front().map_or(Key::LAST, key)
        }

        fn enter(&mut self, _: &mut Core<'_>, place: &mut Token, _: &mut [u32]) {
            *place = self.coming.pop_front().unwrap().token;
        }

        fn leave(&mut self, at: Time, rank: u32, token: &Token) {
            self.left.push(Entry { at, rank, token: token.clone() });
        }
    }

    /// A request that comes to the worker at a millisecond, just called.
    fn entry(serial: u64, ms: u64) -> Entry {
        let (at, window) = (Time(ms * MS), Window { from: Time::ZERO, until: Time(1_000 * MS) });
        let mut token = Token::new(&Arrival { at, serial, ..Arrival::default() }, window);
        token.call(0, at + Span(15 * MS));
        token.pc = 1;
        Entry { at, rank: 0, token }
    }

    /// Runs the worker's part up to each of some ends; gives (serial, milliseconds, program counter) of each leaver,
    /// in the order of their times, and what is left inside.
    fn run_part(arrivals: &[(u64, u64)], ends: &[u64]) -> (Vec<(u64, u64, u32)>, usize) {
        let (program, options) = (program(), options());
        let members: Vec<bool> = (0..program.code.len()).map(|pc| (1..=4).contains(&pc)).collect();
        let mut core = Core::new(&program, &options);
        let mut part = Interpreter::new(&program, &members, &options);
        let entries: Vec<Entry> = arrivals.iter().map(|&(serial, ms)| entry(serial, ms)).collect();
        let mut outside = Listed { coming: entries.into(), left: Vec::new() };
        for &end in ends {
            let end = Time(end * MS);
            part.run_until(&mut core, &mut outside, end).unwrap();
            assert!(part.next_time() >= end);
        }
        outside.left.sort_by_key(|entry| (entry.at, entry.rank, entry.token.serial));
        let ended = outside.left.iter().map(|entry| (entry.token.serial, entry.at.0 / MS, entry.token.pc)).collect();
        (ended, part.in_flight())
    }

    #[test]
    fn a_request_leaves_a_part_with_its_own_time() {
        assert_eq!(run_part(&[(1, 0), (2, 30)], &[100]), (vec![(1, 10, 5), (2, 40, 5)], 0));
        let (left, inside) = run_part(&[(1, 0)], &[5]);
        assert_eq!(
            (left, inside),
            (vec![(1, 10, 5)], 0),
            "what gives back needs no turn, even beyond the end of the window"
        );
    }

    #[test]
    fn a_caller_whose_deadline_passes_inside_leaves_alone_and_the_called_side_later() {
        // The second is served from 10 to 20 ms, the third from 20 to 30 ms; both callers wait 15 ms.
        let expected = vec![(1, 10, 5), (2, 16, 6), (3, 17, 6), (2, 20, 5), (3, 30, 5)];
        for ends in [&[100][..], &[1, 2, 10, 11, 16, 17, 18, 20, 21, 100]] {
            assert_eq!(run_part(&[(1, 0), (2, 1), (3, 2)], ends), (expected.clone(), 0), "{ends:?}");
        }
    }

    #[test]
    fn who_leaves_at_the_instant_of_a_deadline_comes_after_everything_else_of_that_instant() {
        let (program, options) = (program(), options());
        let members: Vec<bool> = (0..program.code.len()).map(|pc| pc >= 1 && pc != 7).collect();
        let mut core = Core::new(&program, &options);
        let mut part = Interpreter::new(&program, &members, &options);
        let mut outside = Listed { coming: [entry(1, 0), entry(2, 0)].into(), left: Vec::new() };
        part.run_until(&mut core, &mut outside, Time::NEVER).unwrap();
        let ranks: Vec<(u64, u32)> = outside.left.iter().map(|entry| (entry.at.0 / MS, entry.rank)).collect();
        assert_eq!(ranks, [(10, 0), (15, deadline_rank(0))]);
    }

    #[test]
    fn a_copy_goes_on_like_the_original() {
        let (program, options) = (program(), options());
        let mut core = Core::new(&program, &options);
        let mut part = Interpreter::new(&program, &[true; 8], &options);
        let mut outside = Listed { coming: [entry(1, 0), entry(2, 1), entry(3, 2)].into(), left: Vec::new() };
        part.run_until(&mut core, &mut outside, Time(12 * MS)).unwrap();
        let (mut other_core, mut other) = (core.clone(), part.clone());
        for (core, part) in [(&mut core, &mut part), (&mut other_core, &mut other)] {
            part.run_until(core, &mut outside, Time::NEVER).unwrap();
        }
        assert!(part.is_empty() && outside.left.is_empty());
        let now = part.now();
        assert_eq!(core.finish(Verdict::Complete, now).trace, other_core.finish(Verdict::Complete, now).trace);
    }

    #[test]
    fn a_permit_that_is_never_given_back_makes_a_run_inconsistent() {
        struct One(Vec<Arrival>);
        impl Source for One {
            fn fill(&mut self, block: &mut Vec<Arrival>) {
                block.append(&mut self.0);
            }
        }
        let mut program = program();
        let run = |program: &Program| {
            let arrivals = vec![Arrival { at: Time(MS), ..Arrival::default() }];
            events::run(program, Box::new(One(arrivals)), &options())
        };
        assert_eq!(run(&program).verdict, Verdict::Complete);
        program.code[4] = Instruction::Mark { stage: StageId(0) };
        let run = run(&program);
        let Verdict::Inconsistent { law } = &run.verdict else { panic!("{:?}", run.verdict) };
        assert!(law.contains("permits held at the end = 0: 1 against 0"), "{law}");
    }
}

//! A request on its way: a program counter, a short stack of calls with deadlines, registers, and what it carries.

use super::draws::Draws;
use super::source::Arrival;
use crate::op::window::Window;
use crate::program::{Amount, Condition, MAX_DEPTH, MAX_REGISTERS, Outcome, OutcomeId, Per, Program, Register};
use crate::rng::{happens, retrail};
use crate::time::{Span, Time};

/// No stage: time spent here belongs to nobody.
pub const NO_STAGE: u16 = u16::MAX;
/// No base: the request is alive down to its client.
pub const ALIVE: u8 = u8::MAX;

/// State of a request, or of what is left of it after its caller stopped waiting. What is needed at every step comes
/// first, what only calls need comes last.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Token {
    pub serial: u64,
    pub trail: u64,
    pub mark: Time,
    /// The earliest deadline pending.
    pub deadline: Time,
    pub pc: u32,
    /// Number of the current wait; grows when a wait ends.
    pub ticket: u32,
    pub mark_stage: u16,
    pub class: u16,
    pub outcome: u16,
    /// Depth of the call at whose return it ends unseen.
    base: u8,
    /// Whether its times count: born in the measured time and still awaited.
    pub counts: bool,
    /// Whether draws were made ahead for this attempt.
    pub lucky: bool,
    /// Join it is a branch of, counted from one.
    pub join: u32,
    pub registers: [u16; MAX_REGISTERS],
    pub born: Time,
    /// From its birth to the moment at which its client sent it (again).
    pub before_send: Span,
    pub demand: u64,
    pub key: u32,
    pub request_bytes: u32,
    pub response_bytes: u32,
    pub given: u32,
    /// Where each pending call was made.
    calls: [u16; MAX_DEPTH],
    frames: [Time; MAX_DEPTH],
}

impl Token {
    /// A request at the start of its path.
    #[inline(always)]
    pub fn new(arrival: &Arrival, window: Window) -> Token {
        Token {
            serial: arrival.serial,
            trail: 0,
            mark: arrival.at,
            deadline: Time::NEVER,
            pc: 0,
            ticket: 0,
            mark_stage: NO_STAGE,
            class: arrival.class,
            outcome: 0,
            base: ALIVE,
            counts: window.contains(arrival.at),
            lucky: false,
            join: 0,
            registers: [0; MAX_REGISTERS],
            born: arrival.at,
            before_send: Span::ZERO,
            demand: arrival.demand,
            key: arrival.key,
            request_bytes: arrival.request_bytes,
            response_bytes: arrival.response_bytes,
            given: arrival.target,
            calls: [0; MAX_DEPTH],
            frames: [Time::NEVER; MAX_DEPTH],
        }
    }

    /// Depth of the call at whose return it ends unseen.
    pub fn base(&self) -> u8 {
        self.base
    }

    /// Sets it.
    pub fn set_base(&mut self, base: u8) {
        self.base = base;
    }

    /// Where the call of a depth was made, and its deadline.
    pub fn frame(&self, depth: usize) -> (u16, Time) {
        (self.calls[depth], self.frames[depth])
    }

    /// Sets them.
    pub fn set_frame(&mut self, depth: usize, site: u16, deadline: Time) {
        (self.calls[depth], self.frames[depth]) = (site, deadline);
    }

    /// What its draws depend on.
    #[inline(always)]
    pub fn word(&self) -> u64 {
        self.serial ^ self.trail
    }

    /// The target in a register; the first when there is none.
    #[inline(always)]
    pub fn target(&self, register: Option<Register>) -> usize {
        register.map_or(0, |register| self.registers[register.index()] as usize)
    }

    /// Sets a register.
    #[inline(always)]
    pub fn set(&mut self, register: Register, value: u32) {
        self.registers[register.index()] = value.min(u16::MAX as u32) as u16;
    }

    /// Whether a condition holds.
    #[inline]
    pub fn meets(&self, condition: Condition, draws: &Draws, outcomes: &[Outcome]) -> bool {
        match condition {
            Condition::Chance(site, p) => happens(draws.bits(site, self.word()), p),
            Condition::Class(class) => self.class == class,
            Condition::RequestAbove(bytes) => self.request_bytes > bytes,
            Condition::ResponseAbove(bytes) => self.response_bytes > bytes,
            Condition::Outcome(test) => test.passes(OutcomeId(self.outcome), outcomes),
            Condition::Holds(register, value) => self.registers[register.index()] as u32 == value,
        }
    }

    /// A delay times what it is for.
    #[inline]
    pub fn scaled(&self, span: Span, per: Per) -> Span {
        let bytes = match per {
            Per::Request => return span,
            Per::RequestKib => self.request_bytes,
            Per::ResponseKib => self.response_bytes,
        };
        Span(((span.0 as u128 * bytes as u128) >> 10) as u64)
    }

    /// How much a meter counts.
    #[inline]
    pub fn amount(&self, amount: Amount, at: Time) -> u64 {
        match amount {
            Amount::One => 1,
            Amount::RequestBytes => self.request_bytes as u64,
            Amount::ResponseBytes => self.response_bytes as u64,
            Amount::UnitsOf(bytes) => self.request_bytes.max(self.response_bytes).div_ceil(bytes).max(1) as u64,
            Amount::RequestUnitsOf(bytes) => self.request_bytes.div_ceil(bytes).max(1) as u64,
            Amount::ResponseUnitsOf(bytes) => self.response_bytes.div_ceil(bytes).max(1) as u64,
            Amount::StageNanos => at.since(self.mark).0,
            Amount::CallMillis { depth, deadline } => call_millis(self.frames[depth as usize], deadline, at),
        }
    }

    /// A call starts.
    #[inline]
    pub fn call(&mut self, depth: u8, deadline: Time) {
        self.calls[depth as usize] = self.pc as u16;
        self.frames[depth as usize] = deadline;
        self.deadline = self.deadline.min(deadline);
    }

    /// A call returns; whether the caller still waits. If not, the token ends here.
    #[inline]
    pub fn returns(&mut self, depth: u8) -> bool {
        if self.base == depth {
            return false;
        }
        let depth = depth as usize;
        if self.frames[depth] == self.deadline {
            self.deadline = self.frames[..depth].iter().copied().min().unwrap_or(Time::NEVER);
        }
        self.frames[depth] = Time::NEVER;
        true
    }

    /// Where the call of a depth was made.
    pub fn call_site(&self, depth: u8) -> usize {
        self.calls[depth as usize] as usize
    }

    /// Its earliest deadline passes: the innermost caller that had it goes on alone. What remains goes on unseen.
    /// Gives the caller and its depth; the caller still has to be sent to the call's label `late`.
    pub fn cut(&mut self) -> (Token, u8) {
        let at = self.deadline;
        let depth = self.deadline_depth() as usize;
        let earliest = |frames: &[Time]| frames.iter().copied().min().unwrap_or(Time::NEVER);
        let mut caller = self.clone();
        caller.frames[depth..].fill(Time::NEVER);
        caller.deadline = earliest(&caller.frames[..depth]);
        caller.mark = at;
        caller.mark_stage = NO_STAGE;
        caller.lucky = false;
        self.frames[..=depth].fill(Time::NEVER);
        self.deadline = earliest(&self.frames[depth..]);
        self.base = depth as u8;
        self.counts = false;
        self.join = 0;
        (caller, depth as u8)
    }

    /// Its luck changes: another attempt.
    pub fn repeat(&mut self, counter: Register, salt: u64) {
        let count = self.registers[counter.index()].saturating_add(1);
        self.registers[counter.index()] = count;
        self.trail = retrail(self.trail ^ salt, count as u64);
        self.lucky = false;
        self.outcome = 0;
    }

    /// Depth of the innermost call that has the earliest deadline.
    pub fn deadline_depth(&self) -> u8 {
        self.frames.iter().rposition(|&frame| frame == self.deadline).unwrap_or(0) as u8
    }

    /// Pending deadlines with the depths of their calls.
    pub fn pending(&self) -> impl Iterator<Item = (u8, Time)> + '_ {
        let frames = self.frames.iter().enumerate().filter(|&(_, &frame)| frame != Time::NEVER);
        frames.map(|(depth, &frame)| (depth as u8, frame))
    }

    /// A branch of it, with luck of its own and without its deadlines.
    pub fn branch(&self, (number, salt): (usize, u64), pc: u32, join: u32, at: Time) -> Token {
        Token {
            pc,
            mark: at,
            mark_stage: NO_STAGE,
            trail: retrail(self.trail ^ salt, 1 + number as u64),
            lucky: false,
            base: ALIVE,
            join,
            deadline: Time::NEVER,
            frames: [Time::NEVER; MAX_DEPTH],
            ..self.clone()
        }
    }

    /// The outcome as the program knows it.
    pub fn ends_as<'a>(&self, program: &'a Program) -> &'a Outcome {
        &program.outcomes[self.outcome as usize]
    }
}

/// Started milliseconds of a call with a deadline that would pass at `frame`. A call that was cut at its deadline no longer
/// has a frame, and has lasted as long as it could.
#[inline]
pub fn call_millis(frame: Time, deadline: Span, at: Time) -> u64 {
    let passed = if frame == Time::NEVER { deadline } else { deadline.min((at + deadline).since(frame)) };
    passed.0.div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_flight_takes_no_more_than_208_bytes() {
        assert!(size_of::<Token>() <= 208, "{}", size_of::<Token>());
    }
}

//! Requests followed from birth to end, instruction by instruction: where each waited and where it was served. The plain
//! executor does it, so what is seen is what all executors do; runs that follow nobody are not touched.

use super::run::Options;
use super::source::Source;
use super::token::Token;
use super::{Run, plain};
use crate::program::{Instruction, Program};
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// One instruction of a request's way, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Place of the instruction in the code.
    pub place: u32,
    /// Stage the time belongs to; nothing before the first.
    pub stage: Option<u16>,
    /// Target in use, where the instruction has targets; the first where there is one.
    pub target: u32,
    /// When the request came to it.
    pub arrived: Time,
    /// How long it waited there, for a server or a permit.
    pub wait: Span,
    /// When it went on.
    pub left: Time,
    /// Its outcome so far when it went on.
    pub outcome: u16,
    /// Whether the client went on because a deadline passed, while the called side stayed.
    pub cut: bool,
}

impl Frame {
    /// Time here without waiting.
    pub fn service(&self) -> Span {
        Span((self.left - self.arrived).0 - self.wait.0)
    }
}

/// A request that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Its number.
    pub serial: u64,
    /// Intended start.
    pub born: Time,
    /// End as its client saw it.
    pub end: Time,
    /// Class number.
    pub class: u16,
    /// Outcome number.
    pub outcome: u16,
    /// Whether it was born in the measured time.
    pub counts: bool,
    /// Its way.
    pub frames: Vec<Frame>,
}

/// Runs one replication and hands over every request that `wanted` accepts by its number, when it ends.
pub fn follow<'a>(
    program: &'a Program,
    source: Box<dyn Source>,
    options: &Options<'_>,
    wanted: &'a dyn Fn(u64) -> bool,
    told: &'a mut dyn FnMut(Followed),
) -> Run {
    plain::run_with(program, source, options, Some(Witness { program, wanted, told, ways: BTreeMap::new() }))
}

/// Follows requests for the plain executor, by its numbers for them.
pub(super) struct Witness<'a> {
    program: &'a Program,
    wanted: &'a dyn Fn(u64) -> bool,
    told: &'a mut dyn FnMut(Followed),
    ways: BTreeMap<u32, Way>,
}

/// The way of a request so far.
#[derive(Default)]
struct Way {
    frames: Vec<Frame>,
    open: Option<Open>,
}

/// The instruction a request is at.
struct Open {
    frame: Frame,
    /// Service it has come for, or that has begun.
    service: Option<Span>,
    /// When service began, where that is known.
    started: Option<Time>,
}

impl Witness<'_> {
    /// A request is born.
    pub fn birth(&mut self, id: u32, serial: u64) {
        if (self.wanted)(serial) {
            self.ways.insert(id, Way::default());
        }
    }

    /// A request comes to an instruction.
    pub fn arrive(&mut self, id: u32, token: &Token, at: Time) {
        let Some(way) = self.ways.get_mut(&id) else { return };
        let stage = Some(token.mark_stage).filter(|&stage| stage != super::token::NO_STAGE);
        let target = target(self.program, token) as u32;
        let frame = Frame {
            place: token.pc,
            stage,
            target,
            arrived: at,
            wait: Span::ZERO,
            left: at,
            outcome: token.outcome,
            cut: false,
        };
        way.open = Some(Open { frame, service: None, started: None });
    }

    /// It has come for a service of this length.
    pub fn asks(&mut self, id: u32, service: Span) {
        if let Some(open) = self.ways.get_mut(&id).and_then(|way| way.open.as_mut()) {
            open.service = Some(service);
        }
    }

    /// Its service begins.
    pub fn starts(&mut self, id: u32, at: Time) {
        if let Some(open) = self.ways.get_mut(&id).and_then(|way| way.open.as_mut()) {
            open.started = Some(at);
        }
    }

    /// It goes on from there; `next` is where to.
    pub fn leave(&mut self, id: u32, token: &Token, at: Time) {
        if let Some(way) = self.ways.get_mut(&id) {
            way.close(self.program, at, token.outcome, Some(token.pc));
        }
    }

    /// Its client goes on alone under another number.
    pub fn cut(&mut self, id: u32, caller: u32, at: Time) {
        if let Some(mut way) = self.ways.remove(&id) {
            way.close(self.program, at, 0, None);
            // Time that was to pass is known beforehand; it ends here.
            if let Some(last) = way.frames.last_mut().filter(|last| last.left > at) {
                (last.left, last.cut) = (at, true);
            }
            self.ways.insert(caller, way);
        }
    }

    /// It has ended.
    pub fn end(&mut self, id: u32, token: &Token, at: Time) {
        let Some(mut way) = self.ways.remove(&id) else { return };
        way.close(self.program, at, token.outcome, None);
        let Token { serial, born, class, outcome, counts, .. } = *token;
        (self.told)(Followed { serial, born, end: at, class, outcome, counts, frames: way.frames });
    }
}

impl Way {
    /// Closes the instruction it is at. `next` is nothing when it was cut loose, or has ended.
    fn close(&mut self, program: &Program, at: Time, outcome: u16, next: Option<u32>) {
        let Some(Open { mut frame, service, started }) = self.open.take() else { return };
        let all = at - frame.arrived;
        let ends = matches!(program.code[frame.place as usize], Instruction::End);
        frame.wait = match program.code[frame.place as usize] {
            Instruction::Hold { .. } => all,
            Instruction::Serve { .. } => match (started, service) {
                (Some(started), _) => started - frame.arrived,
                // Turned away, or out of patience: it only waited.
                _ if next.is_some_and(|next| next != frame.place + 1) => all,
                (None, Some(service)) if next.is_some() => Span(all.0.saturating_sub(service.0)),
                _ => all,
            },
            _ => Span::ZERO,
        };
        frame.left = at;
        frame.outcome = outcome;
        frame.cut = next.is_none() && !ends;
        self.frames.push(frame);
    }
}

/// The target a request uses at its instruction.
fn target(program: &Program, token: &Token) -> usize {
    match program.code[token.pc as usize] {
        Instruction::Serve { station, .. } => token.target(program.stations[station.index()].target),
        Instruction::Hold { pool, .. } => token.target(program.pools[pool.index()].target),
        Instruction::Connect { connections, .. } => token.target(program.connections[connections.index()].target),
        _ => 0,
    }
}

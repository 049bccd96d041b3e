//! Draws made ahead. A draw depends only on what it is for and on the number of the request, so those that most
//! requests will need on their first attempt are made for a block of arrivals at once, site by site: the table of a law
//! stays in the nearest cache, and draws that do not wait for each other overlap.

use super::draws::Draws;
use crate::program::{Condition, Instruction, OutcomeTest, Per, Program, Service, SiteId};
use crate::rng::{Threshold, happens};

/// Draws a request can take along.
const PLACES: usize = 48;
/// Requests for which draws are made at once.
pub const BLOCK: usize = 256;
/// A draw that was not made, or is too large to be taken along.
const NOT_DRAWN: u32 = u32::MAX;
/// Draws are made ahead where at least this share of the requests is expected to come by.
const EXPECTED: f64 = 0.4;

/// Where among the draws of a request that of an instruction is.
#[derive(Clone, Copy, Debug)]
pub struct Place(u8);

impl Place {
    /// That of instructions whose draw is never made ahead.
    const NOWHERE: Place = Place(u8::MAX);

    /// The draw in a row, if it was made: nanoseconds, or whether something happens.
    #[inline(always)]
    pub fn of(self, row: &[u32]) -> Option<u64> {
        row.get(self.0 as usize).copied().filter(|&draw| draw != NOT_DRAWN).map(u64::from)
    }
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
enum Drawn {
    Span(SiteId),
    Chance(SiteId, Threshold),
}

/// The draws made ahead for a block of requests: a row for each.
#[derive(Clone, Debug, Default)]
pub struct Ahead {
    drawn: Vec<Drawn>,
    rows: Vec<u32>,
    bits: Vec<u64>,
    values: Vec<u64>,
}

impl Ahead {
    /// For the part of a program that consists of `members`, with the place of each instruction.
    pub fn new(program: &Program, members: &[bool]) -> (Ahead, Vec<Place>) {
        let mut places = vec![Place::NOWHERE; program.code.len()];
        let mut drawn = Vec::new();
        for (pc, draw) in usual_draws(program, members) {
            places[pc] = Place(drawn.len() as u8);
            drawn.push(draw);
        }
        (Ahead { drawn, rows: Vec::new(), bits: Vec::new(), values: Vec::new() }, places)
    }

    /// Draws in a row.
    pub fn width(&self) -> usize {
        self.drawn.len()
    }

    /// Makes the draws of some requests, given by what their draws depend on.
    pub fn draw(&mut self, draws: &Draws, words: &[u64]) {
        let Ahead { drawn, rows, bits, values } = self;
        let width = drawn.len();
        rows.resize(words.len() * width, NOT_DRAWN);
        values.resize(words.len(), 0);
        bits.resize(words.len(), 0);
        for (place, &draw) in drawn.iter().enumerate() {
            let (Drawn::Span(site) | Drawn::Chance(site, _)) = draw;
            draws.bits_of(site, words, bits);
            match draw {
                Drawn::Span(site) => draws.fill(site, bits, values),
                Drawn::Chance(_, p) => {
                    values.iter_mut().zip(bits.iter()).for_each(|(value, &bits)| *value = happens(bits, p) as u64);
                }
            }
            for (row, &value) in rows.chunks_exact_mut(width).zip(values.iter()) {
                row[place] = value.min(NOT_DRAWN as u64) as u32;
            }
        }
    }

    /// The draws of a request of the block.
    #[inline(always)]
    pub fn row(&self, index: usize) -> &[u32] {
        &self.rows[index * self.drawn.len()..][..self.drawn.len()]
    }
}

/// The draws of a part that most requests need which come to it, in order of the code.
fn usual_draws(program: &Program, members: &[bool]) -> Vec<(usize, Drawn)> {
    let varies = |site: SiteId| program.sites[site.index()].law.as_ref().is_some_and(|law| law.is_constant().is_none());
    let draw = |instruction: &Instruction| match *instruction {
        Instruction::Delay { site, per: Per::Request } | Instruction::Serve { service: Service::Law(site), .. }
            if varies(site) =>
        {
            Some(Drawn::Span(site))
        }
        Instruction::Branch { on: Condition::Chance(site, p), .. } => Some(Drawn::Chance(site, p)),
        _ => None,
    };
    let shares: Vec<f64> = visits(program).into_iter().zip(members).map(|(share, &m)| share * m as u8 as f64).collect();
    let least = EXPECTED * shares.iter().copied().fold(0.0, f64::max);
    let visited = shares.into_iter().zip(&program.code).enumerate();
    let usual = visited.filter(|(_, (share, _))| *share >= least && *share > 0.0);
    usual.filter_map(|(pc, (_, instruction))| draw(instruction).map(|drawn| (pc, drawn))).take(PLACES).collect()
}

/// The share of requests expected at each instruction on the way forward. Where nothing is known of a branch it is
/// guessed: a wrong guess costs no more than wasted or missing draws.
fn visits(program: &Program) -> Vec<f64> {
    let mut share = vec![0.0f64; program.code.len()];
    share[..1.min(program.code.len())].fill(1.0);
    for here in 0..program.code.len() {
        let coming = share[here];
        let mut go = |to: usize, part: f64| {
            if to > here && to < share.len() {
                share[to] = (share[to] + coming * part).min(1.0);
            }
        };
        match program.code[here] {
            Instruction::Jump { to } => go(to.index(), 1.0),
            Instruction::Branch { on, to } => {
                let holds = probability(on);
                go(to.index(), holds);
                go(here + 1, 1.0 - holds);
            }
            Instruction::Lookup { hit, .. } => {
                go(hit.index(), 0.7);
                go(here + 1, 0.3);
            }
            Instruction::Fork { fork } => go(program.forks[fork.index()].after.index(), 1.0),
            Instruction::End | Instruction::Arrive { .. } => {}
            _ => go(here + 1, 1.0),
        }
    }
    share
}

/// How probable a condition is, as far as that can be said.
fn probability(condition: Condition) -> f64 {
    match condition {
        Condition::Chance(_, p) => p.probability(),
        Condition::Outcome(OutcomeTest::Good) => 0.95,
        Condition::Outcome(_) => 0.05,
        Condition::RequestAbove(_) | Condition::ResponseAbove(_) | Condition::Holds(..) => 0.1,
        Condition::Class(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, LawSpec};
    use crate::program::{Label, Origin, Site};

    const SITES: u16 = 60;

    fn program(code: Vec<Instruction>) -> Program {
        let site = |number: u16| Site {
            stage: "s".into(),
            purpose: number.to_string(),
            law: Some(Law::compile(&LawSpec::Exponential { mean: 1e9 }).unwrap()),
            origin: Origin::Scenario,
        };
        Program { rank: vec![0; code.len()], code, sites: (0..SITES).map(site).collect(), ..Program::default() }
    }

    fn delay(site: u16) -> Instruction {
        Instruction::Delay { site: SiteId(site), per: Per::Request }
    }

    fn branch(site: u16, p: f64, to: u32) -> Instruction {
        Instruction::Branch { on: Condition::Chance(SiteId(site), Threshold::new(p)), to: Label(to) }
    }

    #[test]
    fn a_draw_made_ahead_is_the_one_made_on_the_way_or_none() {
        let program = program(vec![delay(0), branch(1, 0.2, 3), delay(2), Instruction::End]);
        let draws = Draws::new(&program, 1, 0);
        let (mut ahead, places) = Ahead::new(&program, &[true; 4]);
        let words: Vec<u64> = (1_000..3_000).collect();
        ahead.draw(&draws, &words);
        let mut too_large = 0;
        for (row, &word) in words.iter().enumerate() {
            let luck = ahead.row(row);
            let holds = happens(draws.bits(SiteId(1), word), Threshold::new(0.2));
            assert_eq!(places[1].of(luck), Some(holds as u64));
            for (pc, site) in [(0, 0), (2, 2)] {
                let span = draws.span(SiteId(site), word).0;
                assert_eq!(places[pc].of(luck), Some(span).filter(|&span| span < u32::MAX as u64));
                too_large += (span >= u32::MAX as u64) as usize;
            }
            assert_eq!((places[3].of(luck), places[0].of(&[])), (None, None));
        }
        assert!(too_large > 0, "one in seventy is above 4.3 s");
    }

    #[test]
    fn only_what_most_requests_come_by_is_drawn_ahead() {
        let rare = program(vec![branch(0, 0.9, 3), delay(1), Instruction::End, delay(2), Instruction::End]);
        let usual = |program: &Program| {
            let all = vec![true; program.code.len()];
            usual_draws(program, &all).iter().map(|draw| draw.0).collect::<Vec<_>>()
        };
        assert_eq!(usual(&rare), [0, 3]);
        let met = program(vec![branch(0, 0.5, 4), branch(1, 0.5, 4), delay(2), Instruction::End, delay(3)]);
        assert_eq!(usual(&met), [0, 1, 4], "three quarters come by the last one, on two ways");
        let long = program((0..SITES).map(delay).collect());
        assert_eq!(usual(&long).len(), PLACES);
        let seldom = program(vec![branch(0, 0.9, 3), delay(1), delay(2), Instruction::End]);
        let part: Vec<usize> = usual_draws(&seldom, &[false, true, true, false]).iter().map(|draw| draw.0).collect();
        assert_eq!(part, [1, 2], "what counts is the share of those who come to the part");
    }
}

//! Draws made ahead. A draw depends only on what it is for and on the number of the request, so those that most
//! requests will need on their first attempt are made for a block of arrivals at once, site by site: the table of a law
//! stays in the nearest cache, and draws that do not wait for each other overlap.

use super::draws::Draws;
use super::source::Arrival;
use crate::program::{Condition, Instruction, Program, Service, SiteId};
use crate::rng::{Threshold, happens};

/// Draws a request can take along.
const PLACES: usize = 8;
/// Arrivals for which draws are made at once.
pub const BLOCK: usize = 256;
/// A draw that was not made, or is too large to be taken along.
const NOT_DRAWN: u32 = u32::MAX;
/// Draws are made ahead where at least this share of the requests is expected to come by.
const EXPECTED: f64 = 0.5;

/// The draws that a request takes along.
#[derive(Clone, Copy, Debug)]
pub struct Luck([u32; PLACES]);

impl Luck {
    /// Nothing drawn.
    pub const NONE: Luck = Luck([NOT_DRAWN; PLACES]);

    /// The draw of a place, if it was made: nanoseconds, or whether something happens.
    #[inline(always)]
    pub fn at(&self, place: Place) -> Option<u64> {
        self.0.get(place.0 as usize).copied().filter(|&draw| draw != NOT_DRAWN).map(u64::from)
    }
}

/// Where in a [`Luck`] the draw of an instruction is.
#[derive(Clone, Copy, Debug)]
pub struct Place(u8);

impl Place {
    /// That of instructions whose draw is never made ahead.
    pub const NOWHERE: Place = Place(u8::MAX);
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
enum Drawn {
    Span(SiteId),
    Chance(SiteId, Threshold),
}

/// The draws made ahead for a block of arrivals.
#[derive(Debug)]
pub struct Ahead {
    drawn: Vec<Drawn>,
    rows: Vec<Luck>,
    bits: Vec<u64>,
    values: Vec<u64>,
}

impl Ahead {
    /// For a program, with the place of each of its instructions.
    pub fn new(program: &Program) -> (Ahead, Vec<Place>) {
        let mut places = vec![Place::NOWHERE; program.code.len()];
        let mut drawn = Vec::new();
        for (pc, draw) in usual_draws(program) {
            places[pc] = Place(drawn.len() as u8);
            drawn.push(draw);
        }
        (Ahead { drawn, rows: Vec::new(), bits: Vec::new(), values: Vec::new() }, places)
    }

    /// Makes the draws of some arrivals.
    pub fn draw(&mut self, draws: &Draws, arrivals: &[Arrival]) {
        let Ahead { drawn, rows, bits, values } = self;
        rows.clear();
        rows.resize(arrivals.len(), Luck::NONE);
        values.resize(arrivals.len(), 0);
        for (place, &draw) in drawn.iter().enumerate() {
            let (Drawn::Span(site) | Drawn::Chance(site, _)) = draw;
            bits.clear();
            bits.extend(arrivals.iter().map(|arrival| draws.bits(site, arrival.serial)));
            match draw {
                Drawn::Span(site) => draws.fill(site, bits, values),
                Drawn::Chance(_, p) => {
                    values.iter_mut().zip(bits.iter()).for_each(|(value, &bits)| *value = happens(bits, p) as u64);
                }
            }
            for (row, &value) in rows.iter_mut().zip(values.iter()) {
                row.0[place] = value.min(NOT_DRAWN as u64) as u32;
            }
        }
    }

    /// The draws of an arrival of the block.
    #[inline(always)]
    pub fn row(&self, index: usize) -> Luck {
        self.rows[index]
    }
}

/// The draws on the way that most requests take, from their start on.
fn usual_draws(program: &Program) -> Vec<(usize, Drawn)> {
    let (mut found, mut share, mut pc) = (Vec::new(), 1.0, 0);
    while share >= EXPECTED && found.len() < PLACES {
        let Some(instruction) = program.code.get(pc) else { break };
        let here = pc;
        pc += 1;
        match *instruction {
            Instruction::Delay { site, .. } | Instruction::Serve { service: Service::Law(site), .. } => {
                found.push((here, Drawn::Span(site)));
            }
            Instruction::Branch { on: Condition::Chance(site, p), to } => {
                found.push((here, Drawn::Chance(site, p)));
                let goes = p.probability();
                share *= goes.max(1.0 - goes);
                if goes > 0.5 {
                    pc = to.0 as usize;
                }
            }
            Instruction::Jump { to } if to.0 as usize > here => pc = to.0 as usize,
            // Nothing is known of the rest; a guess costs no more than wasted or missing draws.
            Instruction::Branch { .. } | Instruction::Lookup { .. } => share *= 0.7,
            Instruction::Jump { .. } | Instruction::Fork { .. } | Instruction::Arrive { .. } | Instruction::End => {
                break;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, LawSpec};
    use crate::program::{Label, Origin, Per, Site};
    use crate::time::Time;

    const SITES: u16 = 12;

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
        let (mut ahead, places) = Ahead::new(&program);
        let arrival = |serial| Arrival { at: Time(serial), serial, ..Arrival::default() };
        let arrivals: Vec<Arrival> = (1_000..3_000).map(arrival).collect();
        ahead.draw(&draws, &arrivals);
        let mut too_large = 0;
        for (row, arrival) in arrivals.iter().enumerate() {
            let luck = ahead.row(row);
            let holds = happens(draws.bits(SiteId(1), arrival.serial), Threshold::new(0.2));
            assert_eq!(luck.at(places[1]), Some(holds as u64));
            for (pc, site) in [(0, 0), (2, 2)] {
                let span = draws.span(SiteId(site), arrival.serial).0;
                assert_eq!(luck.at(places[pc]), Some(span).filter(|&span| span < u32::MAX as u64));
                too_large += (span >= u32::MAX as u64) as usize;
            }
            assert_eq!((luck.at(places[3]), Luck::NONE.at(places[0])), (None, None));
        }
        assert!(too_large > 0, "one in seventy is above 4.3 s");
    }

    #[test]
    fn only_what_most_requests_come_by_is_drawn_ahead() {
        let rare = program(vec![branch(0, 0.9, 3), delay(1), Instruction::End, delay(2), Instruction::End]);
        assert_eq!(usual_draws(&rare).iter().map(|draw| draw.0).collect::<Vec<_>>(), [0, 3]);
        let far = program(vec![branch(0, 0.5, 4), branch(1, 0.5, 4), delay(2), delay(3), Instruction::End]);
        assert_eq!(usual_draws(&far).len(), 2);
        let long = program((0..SITES).map(delay).collect());
        assert_eq!(usual_draws(&long).len(), PLACES);
    }
}

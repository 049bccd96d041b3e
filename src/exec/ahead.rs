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
    const NOWHERE: Place = Place(u8::MAX);
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
            Instruction::Jump { .. } | Instruction::Fork { .. } | Instruction::Arrive { .. } | Instruction::End => break,
            _ => {}
        }
    }
    found
}

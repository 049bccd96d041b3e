//! What a law is at run time: random bits in, whole number out. A small enum, no virtual call on the usual path.

use std::sync::Arc;

use super::fours::Fours;
use super::leaf::Smooth;
use super::table::{self, Cells};
use super::{LARGEST, Side, samples};
use crate::lanes::{self, Lanes};
use crate::rng::{Key, uniform};

/// 2^52: adding it rounds to a whole number and leaves that number in the low bits.
const TWO_52: f64 = (1u64 << 52) as f64;
/// Draws made at a time in a block.
const CHUNK: usize = 64;
/// Draws from a mixture that are sorted by parts at a time.
const MIXED: usize = 256;
/// Draws made at a time in what remains.
const FEW: usize = 16;

/// Draws by one of a few means.
#[derive(Clone, Debug)]
pub(super) enum Sampler {
    /// Always the same.
    Constant(u64),
    /// A quantile table under an affine map, kept between two limits.
    Table { cells: Arc<Cells>, scale: f64, shift: f64, floor: f64, ceiling: f64 },
    /// A straight line.
    Uniform { low: f64, width: f64 },
    /// Sorted values, straight lines between.
    Samples(Arc<[f64]>),
    /// A family that no table follows closely enough: its formula at each draw.
    Direct(Arc<Smooth>),
    /// Parts side by side on the uniform, in order of their medians; each stretches its own piece.
    Parts(Arc<[Part]>),
}

/// One part of a mixture: the uniforms from `from` to `end`.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub from: f64,
    pub end: f64,
    /// One over the width.
    pub stretch: f64,
    pub sampler: Sampler,
}

/// A sampler with the moments and the error of what it draws.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub sampler: Sampler,
    pub mean: f64,
    pub variance: f64,
    pub error: f64,
}

/// The nearest whole number, within limits that lie between 0 and 2^52 - 1.
#[inline]
fn whole(x: f64, floor: f64, ceiling: f64) -> u64 {
    let x = if x > floor { x } else { floor };
    let x = if x < ceiling { x } else { ceiling };
    (x + TWO_52).to_bits() & LARGEST
}

/// Side and tail probability of 64 random bits.
#[inline]
fn tail(bits: u64) -> (Side, f64) {
    let q = uniform(bits) - 0.5;
    (if q < 0.0 { Side::Lower } else { Side::Upper }, 0.5 - q.abs())
}

/// What is done to a value of a table.
#[derive(Clone, Copy, Debug)]
struct Map {
    scale: f64,
    shift: f64,
    floor: f64,
    ceiling: f64,
}

/// Draws from a table: places, polynomials and whole numbers each in a loop of its own, which becomes vector code. Only
/// cells are read one after another: instructions that gather from a table take longer than that.
///
/// `place` gives cell and local coordinate of what is drawn from, `put` what becomes of a draw and what it comes to.
#[inline(always)]
fn fill_from_table<A: Copy + Default>(
    cells: &Cells,
    map: Map,
    place: impl Fn(A) -> (u64, f64) + Copy,
    put: impl Fn(u64, u64) -> u64 + Copy,
    (from, to): (&[A], &[u64]),
    out: &mut [u64],
) {
    let fours = Fours::get();
    let (blocks, rest) = from.as_chunks::<CHUNK>();
    let (to_blocks, to_rest) = to.as_chunks::<CHUNK>();
    let (out_blocks, out_rest) = out.as_chunks_mut::<CHUNK>();
    if !blocks.is_empty() {
        let mut between = Between::default();
        for ((from, to), out) in blocks.iter().zip(to_blocks).zip(out_blocks) {
            fill_block((cells, fours), map, place, put, (from, to), &mut between, out);
        }
    }
    let mut between = Between::default();
    let few = rest.chunks(FEW).zip(to_rest.chunks(FEW)).zip(out_rest.chunks_mut(FEW));
    for ((from, to), out) in few {
        let (mut padded, mut padded_to, mut drawn) = ([A::default(); FEW], [0; FEW], [0; FEW]);
        padded[..from.len()].copy_from_slice(from);
        padded_to[..to.len()].copy_from_slice(to);
        fill_block((cells, fours), map, place, put, (&padded, &padded_to), &mut between, &mut drawn);
        out.copy_from_slice(&drawn[..out.len()]);
    }
}

/// What the three loops hand on.
#[repr(align(64))]
struct Between<const N: usize> {
    cells: [u64; N],
    places: [f64; N],
    values: [f64; N],
}

impl<const N: usize> Default for Between<N> {
    fn default() -> Between<N> {
        Between { cells: [0; N], places: [0.0; N], values: [0.0; N] }
    }
}

#[inline(always)]
fn fill_block<A: Copy, const N: usize>(
    (cells, fours): (&Cells, Option<Fours>),
    map: Map,
    place: impl Fn(A) -> (u64, f64),
    put: impl Fn(u64, u64) -> u64,
    (from, to): (&[A; N], &[u64; N]),
    between: &mut Between<N>,
    out: &mut [u64; N],
) {
    let Between { cells: chosen, places, values } = between;
    for ((cell, t), &from) in chosen.iter_mut().zip(&mut *places).zip(from) {
        (*cell, *t) = place(from);
    }
    match fours {
        Some(fours) => fours.polynomials(cells, (chosen, places), values),
        None => polynomials(cells, (chosen, places), values),
    }
    for ((out, &to), &value) in out.iter_mut().zip(to).zip(&*values) {
        *out = put(whole(value * map.scale + map.shift, map.floor, map.ceiling), to);
    }
}

/// Values of the polynomials of cells: terms two by two first, as these are what a cell is read for.
#[inline(always)]
fn polynomials<const N: usize>(cells: &Cells, (chosen, places): (&[u64; N], &[f64; N]), values: &mut [f64; N]) {
    let mut pairs = [[0.0; 4]; N];
    for ((pairs, &cell), &t) in pairs.iter_mut().zip(chosen).zip(places) {
        // The way out, which is never taken, keeps the loop from being turned into vector code that gathers.
        let Some(cell) = cells.get(cell as usize) else { return };
        *pairs = table::pairs(cell, t);
    }
    for ((value, pairs), &t) in values.iter_mut().zip(&pairs).zip(places) {
        *value = table::sum(pairs, t);
    }
}

#[inline(always)]
fn fill_uniform(low: f64, width: f64, bits: &[u64], out: &mut [u64]) {
    for (out, &bits) in out.iter_mut().zip(bits) {
        *out = whole(low + width * uniform(bits), 0.0, LARGEST as f64);
    }
}

#[inline(always)]
fn fill_from_samples(values: &[f64], bits: &[u64], out: &mut [u64]) {
    for (out, &bits) in out.iter_mut().zip(bits) {
        let (side, tail) = tail(bits);
        *out = whole(samples::value(values, side, tail), 0.0, LARGEST as f64);
    }
}

/// Draws from a mixture, part by part: the uniforms of a part are brought together and its variates go back to their
/// places.
#[inline(always)]
fn fill_from_parts(parts: &[Part], bits: &[u64], out: &mut [u64]) {
    let (mut uniforms, mut places) = ([0.0; MIXED], [0u32; MIXED]);
    let (mut tails, mut homes, mut drawn) = ([0.0; MIXED], [0u32; MIXED], [0; MIXED]);
    for (bits, out) in bits.chunks(MIXED).zip(out.chunks_mut(MIXED)) {
        let mut rest = bits.len();
        for ((u, place), (&bits, n)) in uniforms.iter_mut().zip(&mut places).zip(bits.iter().zip(0..)) {
            (*u, *place) = (uniform(bits), n);
        }
        for part in parts {
            let (mut here, mut left) = (0, 0);
            for i in 0..rest {
                let (u, place) = (uniforms[i], places[i]);
                (tails[here], homes[here]) = (u, place);
                (uniforms[left], places[left]) = (u, place);
                here += usize::from(u < part.end);
                left += usize::from(u >= part.end);
            }
            rest = left;
            part.fill(&mut tails[..here], &mut drawn[..here]);
            for (&home, &drawn) in homes[..here].iter().zip(&drawn) {
                if let Some(out) = out.get_mut(home as usize) {
                    *out = drawn;
                }
            }
        }
    }
}

impl Part {
    /// The variates of uniforms that belong to the part; these are used up.
    #[inline(always)]
    fn fill(&self, uniforms: &mut [f64], out: &mut [u64]) {
        match &self.sampler {
            Sampler::Constant(value) => out.fill(*value),
            Sampler::Table { cells, scale, shift, floor, ceiling } => {
                let map = Map { scale: *scale, shift: *shift, floor: *floor, ceiling: *ceiling };
                for u in &mut *uniforms {
                    let (side, tail) = self.tail(*u);
                    *u = if side == Side::Lower { -tail } else { tail };
                }
                let to = &[0; MIXED][..uniforms.len()];
                fill_from_table(cells, map, table::place_of_signed, |draw, _| draw, (uniforms, to), out);
            }
            sampler => {
                for (out, &mut u) in out.iter_mut().zip(uniforms) {
                    let (side, tail) = self.tail(u);
                    *out = whole(sampler.at(side, tail), 0.0, LARGEST as f64);
                }
            }
        }
    }

    /// Side and tail within the part of a uniform that belongs to it.
    #[inline(always)]
    fn tail(&self, u: f64) -> (Side, f64) {
        let (below, above) = (u - self.from, self.end - u);
        let (side, tail) = if below < above { (Side::Lower, below) } else { (Side::Upper, above) };
        (side, tail * self.stretch)
    }
}

impl Sampler {
    /// The constant, within what a draw can hold.
    pub fn constant(value: f64) -> Sampler {
        Sampler::Constant(whole(value, 0.0, LARGEST as f64))
    }

    /// The variate of 64 random bits.
    #[inline(always)]
    pub fn draw(&self, bits: u64) -> u64 {
        match self {
            Sampler::Table { cells, scale, shift, floor, ceiling } => {
                whole(table::value_of_bits(cells, bits) * scale + shift, *floor, *ceiling)
            }
            Sampler::Constant(value) => *value,
            Sampler::Uniform { low, width } => whole(low + width * uniform(bits), 0.0, LARGEST as f64),
            _ => self.draw_otherwise(bits),
        }
    }

    /// The rarer kinds, out of line.
    #[inline(never)]
    fn draw_otherwise(&self, bits: u64) -> u64 {
        let value = match self {
            Sampler::Parts(parts) => {
                let u = uniform(bits);
                let part = parts.iter().find(|part| u < part.end).unwrap_or(&parts[parts.len() - 1]);
                let (side, tail) = part.tail(u);
                part.sampler.at(side, tail)
            }
            _ => {
                let (side, tail) = tail(bits);
                self.at(side, tail)
            }
        };
        whole(value, 0.0, LARGEST as f64)
    }

    /// The variates of a block of random bits; `out` has the same length.
    pub fn fill(&self, bits: &[u64], out: &mut [u64]) {
        match self {
            Sampler::Constant(value) => out.fill(*value),
            Sampler::Table { cells, scale, shift, floor, ceiling } => {
                let map = Map { scale: *scale, shift: *shift, floor: *floor, ceiling: *ceiling };
                lanes::dispatch(
                    #[inline(always)]
                    move || fill_from_table(cells, map, table::place_of_bits, |draw, _| draw, (bits, bits), out),
                );
            }
            Sampler::Uniform { low, width } => {
                let (low, width) = (*low, *width);
                lanes::dispatch(
                    #[inline(always)]
                    move || fill_uniform(low, width, bits, out),
                );
            }
            Sampler::Samples(values) => lanes::dispatch(
                #[inline(always)]
                move || fill_from_samples(values, bits, out),
            ),
            Sampler::Parts(parts) => lanes::dispatch(
                #[inline(always)]
                move || fill_from_parts(parts, bits, out),
            ),
            Sampler::Direct(_) => bits.iter().zip(out).for_each(|(&bits, out)| *out = self.draw(bits)),
        }
    }

    /// What `put` makes of the variates of many words with a key and of what these come to; all slices have one length.
    #[inline]
    pub fn draw_all(
        &self,
        key: &Key,
        (words, to): (&[u64], &[u64]),
        out: &mut [u64],
        put: impl Fn(u64, u64) -> u64 + Copy,
    ) {
        match self {
            Sampler::Table { cells, scale, shift, floor, ceiling } if lanes::used() != Lanes::Baseline => {
                let map = Map { scale: *scale, shift: *shift, floor: *floor, ceiling: *ceiling };
                let key = *key;
                let place = move |word| table::place_of_bits(key.bits(word));
                return lanes::dispatch(
                    #[inline(always)]
                    move || fill_from_table(cells, map, place, put, (words, to), out),
                );
            }
            Sampler::Constant(value) => out.fill(*value),
            _ => {
                let mut bits = [0; MIXED];
                for (words, out) in words.chunks(MIXED).zip(out.chunks_mut(MIXED)) {
                    let bits = &mut bits[..words.len()];
                    key.fill(words, bits);
                    self.fill(bits, out);
                }
            }
        }
        lanes::dispatch(
            #[inline(always)]
            move || out.iter_mut().zip(to).for_each(|(out, &to)| *out = put(*out, to)),
        );
    }

    /// The value at a tail probability.
    pub fn at(&self, side: Side, tail: f64) -> f64 {
        match self {
            Sampler::Constant(value) => *value as f64,
            Sampler::Table { cells, scale, shift, floor, ceiling } => {
                (table::value(cells, side, tail) * scale + shift).max(*floor).min(*ceiling)
            }
            Sampler::Uniform { low, width } => match side {
                Side::Lower => low + width * tail,
                Side::Upper => (low + width) - width * tail,
            },
            Sampler::Samples(values) => samples::value(values, side, tail),
            Sampler::Direct(smooth) => smooth.quantile(side, tail),
            Sampler::Parts(_) => self.quantile(if side == Side::Lower { tail } else { 1.0 - tail }),
        }
    }

    /// The value that a draw stays below with probability `p`.
    pub fn quantile(&self, p: f64) -> f64 {
        let p = p.clamp(table::SMALLEST_TAIL, 1.0 - table::SMALLEST_TAIL);
        match self {
            Sampler::Parts(parts) => quantile_of_parts(parts, p),
            _ if p < 0.5 => self.at(Side::Lower, p),
            _ => self.at(Side::Upper, 1.0 - p),
        }
    }

    /// The probability of a value of at most `x`, by bisection of the quantile function.
    fn share_to(&self, x: f64) -> f64 {
        bisect(0.0, 1.0, |p| self.quantile(p) <= x)
    }
}

/// The quantile of a mixture, by bisection of the sum of its parts' shares.
fn quantile_of_parts(parts: &[Part], p: f64) -> f64 {
    let ends = |end: f64| parts.iter().map(move |part| part.sampler.quantile(end));
    let low = ends(p).fold(f64::INFINITY, f64::min);
    let high = ends(p).fold(f64::NEG_INFINITY, f64::max);
    let share = |x: f64| -> f64 { parts.iter().map(|part| (part.end - part.from) * part.sampler.share_to(x)).sum() };
    if share(low) >= p { low } else { bisect(low, high, |x| share(x) < p) }
}

/// The point between `low` and `high` where `below` turns from true to false.
fn bisect(mut low: f64, mut high: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) { low = middle } else { high = middle }
    }
    high
}

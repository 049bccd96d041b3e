//! Quantile tables: one uniform becomes one variate by a polynomial, whatever the law.
//!
//! The unit interval is cut into octaves of the *tail* probability, from 2^-53 to 1/2 from either end, each octave into
//! 16 cells, and the quantile function is a polynomial of degree 5 on each cell, through six Chebyshev-Lobatto points
//! (the ends included, so it is continuous). Smooth laws come out with relative errors below 1e-10 in body and tails.
//! A table fails where a quantile function jumps or bends sharply; the builder measures its own error and says so.

use std::sync::Arc;

use super::{Family, Side};
use crate::rng::uniform;

/// Cells an octave, a power of two.
const CELLS_AN_OCTAVE_BITS: u32 = 4;
/// Cells on one side: 52 octaves of 16.
const CELLS_A_SIDE: usize = 52 << CELLS_AN_OCTAVE_BITS;
/// What is shifted out of the bits of a tail probability to leave exponent and cell.
const SHIFT: u32 = 52 - CELLS_AN_OCTAVE_BITS;
/// Numbers a cell.
const WIDTH: usize = 8;
/// Cells of a table: the low bits of exponent and cell, and the side as the bit above, say which. Some stay unused.
const CELLS: usize = 2048;
/// The bit of a tail probability in the place of which the side is written.
const SIDE: u64 = (CELLS as u64 / 2) << SHIFT;
/// The bits of a place that say where the numbers of a cell begin.
const PLACES: u64 = (CELLS * WIDTH - WIDTH) as u64;
/// The smallest tail of a uniform: 2^-53.
pub(super) const SMALLEST_TAIL: f64 = 1.0 / (1u64 << 53) as f64;
/// Exponent and cell of the smallest tail.
const FIRST: u64 = (1023 - 53) << CELLS_AN_OCTAVE_BITS;
/// Interpolation points: cos(k pi / 5) / 2 for k = 2, 1, 0; the other three are their negatives.
const NODES: [f64; 3] = [0.154_508_497_187_473_73, 0.404_508_497_187_473_7, 0.5];
/// Where the builder measures its error: near the places of the largest error between the nodes, one a side.
const PROBES: [f64; 3] = [-0.46, 0.0, 0.29];
/// Errors are relative to the value, or to this share of the median where the value is still smaller: a value of a
/// trillionth of the median is nothing in whole nanoseconds.
const NEGLIGIBLE: f64 = 1e-12;
/// A step back by this share of the value is rounding, not a failure of monotony.
const ROUNDING: f64 = 1e-12;

/// The polynomial of a cell, one cache line: coefficients of degree 0, 2 and 4, then of degree 1, 3 and 5, each followed by
/// a zero.
pub(super) type Cell = [f64; WIDTH];

/// All cells: the upper side, then the lower, one after another as plain numbers, so that where a cell begins needs no
/// multiplication.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub(super) struct Cells([f64; CELLS * WIDTH]);

impl Cells {
    /// The cell at a place; the other bits of that do not matter.
    #[inline(always)]
    pub fn at(&self, place: u64) -> &Cell {
        let from = (place & PLACES) as usize;
        self.0[from..from + WIDTH].as_array().unwrap_or(&[0.0; WIDTH])
    }

    /// The cell that begins at a number, if one can.
    #[inline(always)]
    pub fn get(&self, from: usize) -> Option<&Cell> {
        self.0.get(from..from + WIDTH)?.as_array()
    }
}

/// A tabulated quantile function and what is known of it.
#[derive(Debug)]
pub(super) struct Table {
    /// The coefficients.
    pub cells: Arc<Cells>,
    /// The largest relative error at three points a cell; infinite when not monotone or not finite.
    pub error: f64,
    /// Mean of the values drawn from the table.
    pub mean: f64,
    /// Variance of the values drawn from the table.
    pub variance: f64,
}

/// The value for a tail probability between 2^-53 and 1/2 (beyond: that of the nearest end).
#[inline]
pub(super) fn value(cells: &Cells, side: Side, tail: f64) -> f64 {
    let (place, t) = place(within(tail), side as u64);
    polynomial(cells.at(place), t)
}

/// The tail probability, or the nearest that a table knows.
#[inline(always)]
fn within(tail: f64) -> f64 {
    let largest = 0.5 - f64::EPSILON / 4.0;
    let tail = if tail > SMALLEST_TAIL { tail } else { SMALLEST_TAIL };
    if tail < largest { tail } else { largest }
}

/// The place of the cell and the local coordinate of a tail probability, written negative if it is the lower one.
#[inline(always)]
pub(super) fn place_of_signed(tail: f64) -> (u64, f64) {
    place(within(tail.abs()), tail.to_bits() >> 63)
}

/// The value for 64 random bits.
#[inline]
pub(super) fn value_of_bits(cells: &Cells, bits: u64) -> f64 {
    let (place, t) = place_of_bits(bits);
    polynomial(cells.at(place), t)
}

/// The place of the cell and the local coordinate of 64 random bits.
#[inline(always)]
pub(super) fn place_of_bits(bits: u64) -> (u64, f64) {
    // The tail of the upper half is that of the bits turned round, since both ends of a uniform are as far away.
    let upper = ((bits as i64) >> 63) as u64;
    place(uniform(bits ^ upper), !upper)
}

/// The polynomial of a cell at the local coordinate, in Estrin's order. The order is part of the results.
#[inline]
fn polynomial(cell: &Cell, t: f64) -> f64 {
    sum(&pairs(cell, t), t)
}

/// Terms two by two, without the even power they are multiplied with: c0 + c1 t, c2 + c3 t, c4 + c5 t; the last of
/// the four stays unused.
#[inline(always)]
pub(super) fn pairs(cell: &Cell, t: f64) -> [f64; 4] {
    let [a, b, c, d, e, f, g, h] = *cell;
    [a + e * t, b + f * t, c + g * t, d + h * t]
}

/// The value of a polynomial from its terms two by two.
#[inline(always)]
pub(super) fn sum(pairs: &[f64; 4], t: f64) -> f64 {
    let t2 = t * t;
    (pairs[0] + pairs[1] * t2) + pairs[2] * (t2 * t2)
}

/// Where the numbers of the cell of a tail probability begin, and the place in it, from -1/2 to 1/2. Of `lower`, which says
/// the side, all bits are alike or only the lowest may be set.
#[inline(always)]
fn place(tail: f64, lower: u64) -> (u64, f64) {
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    let pattern = tail.to_bits();
    let cell = (pattern & !SIDE) | (lower << SIDE.trailing_zeros() & SIDE);
    let rest = (pattern << (CELLS_AN_OCTAVE_BITS + 12)) >> 12;
    (cell >> (SHIFT - WIDTH.trailing_zeros()) & PLACES, f64::from_bits(ONE | rest) - 1.5)
}

impl Table {
    /// The table of a quantile function.
    pub fn build(family: &dyn Family) -> Table {
        let mut cells = Box::new(Cells([0.0; CELLS * WIDTH]));
        for side in [Side::Upper, Side::Lower] {
            for cell in 0..CELLS_A_SIDE {
                let (place, _) = place(tail_at(cell, 0.0), side as u64);
                let fitted = fit(|t| family.quantile(side, tail_at(cell, t)));
                cells.0[place as usize..][..WIDTH].copy_from_slice(&fitted);
            }
        }
        let cells = Arc::from(cells);
        let error = measured_error(&cells, family);
        let (mean, variance) = moments(|side, tail| value(&cells, side, tail));
        Table { cells, error, mean, variance }
    }
}

/// The tail probability at a local coordinate of a cell.
fn tail_at(cell: usize, t: f64) -> f64 {
    let from = f64::from_bits((FIRST + cell as u64) << SHIFT);
    let to = f64::from_bits((FIRST + cell as u64 + 1) << SHIFT);
    from + (to - from) * (t + 0.5)
}

/// The polynomial through the six nodes: even and odd part by divided differences in the squared coordinate.
fn fit(f: impl Fn(f64) -> f64) -> Cell {
    let plus = NODES.map(&f);
    let minus = NODES.map(|t| f(-t));
    let even = quadratic(std::array::from_fn(|k| 0.5 * (plus[k] + minus[k])));
    let odd = quadratic(std::array::from_fn(|k| 0.5 * (plus[k] - minus[k]) / NODES[k]));
    [even[0], even[1], even[2], 0.0, odd[0], odd[1], odd[2], 0.0]
}

/// The quadratic in y = t^2 through three values at the nodes.
fn quadratic(v: [f64; 3]) -> [f64; 3] {
    let y = NODES.map(|t| t * t);
    let first = (v[1] - v[0]) / (y[1] - y[0]);
    let second = (v[2] - v[1]) / (y[2] - y[1]);
    let bend = (second - first) / (y[2] - y[0]);
    [v[0] - y[0] * (first - bend * y[1]), first - bend * (y[0] + y[1]), bend]
}

/// The largest relative error over three probes a cell; infinite if the values from 2^-53 to 1 - 2^-53 ever step back.
fn measured_error(cells: &Cells, family: &dyn Family) -> f64 {
    let least = family.quantile(Side::Lower, 0.5).abs() * NEGLIGIBLE;
    let mut worst = 0.0f64;
    for side in [Side::Lower, Side::Upper] {
        // From here on values must rise with the tail on the lower side and fall with it on the upper.
        let mut last = None;
        for cell in 0..CELLS_A_SIDE {
            let c = cells.at(place(tail_at(cell, 0.0), side as u64).0);
            for t in PROBES {
                let exact = family.quantile(side, tail_at(cell, t));
                let found = polynomial(c, t);
                let error = (found - exact).abs() / exact.abs().max(least).max(f64::MIN_POSITIVE);
                worst = if error.is_finite() { worst.max(error) } else { f64::INFINITY };
            }
            for t in [-0.5, PROBES[0], PROBES[1], PROBES[2], 0.5] {
                let found = polynomial(c, t);
                let before = last.replace(found).unwrap_or(found);
                let step = if side == Side::Lower { found - before } else { before - found };
                if step < -ROUNDING * found.abs().max(least) {
                    worst = f64::INFINITY;
                }
            }
        }
    }
    worst
}

/// Mean and variance of a law by its quantile function: six-point Gauss-Legendre integration over each cell, exact for
/// the polynomials of a table and their squares.
pub(super) fn moments(quantile: impl Fn(Side, f64) -> f64) -> (f64, f64) {
    const POINTS: [(f64, f64); 3] = [
        (0.119_309_593_041_598_45, 0.233_956_967_286_345_52),
        (0.330_604_693_233_132_24, 0.180_380_786_524_069_3),
        (0.466_234_757_101_576, 0.085_662_246_189_585_18),
    ];
    let median = quantile(Side::Lower, 0.5);
    let (mut sum, mut squares) = (0.0, 0.0);
    for side in [Side::Upper, Side::Lower] {
        for cell in 0..CELLS_A_SIDE {
            let width = tail_at(cell, 0.5) - tail_at(cell, -0.5);
            for (t, weight) in POINTS.into_iter().flat_map(|(t, weight)| [(t, weight), (-t, weight)]) {
                let offset = quantile(side, tail_at(cell, t)) - median;
                sum += width * weight * offset;
                squares += width * weight * offset * offset;
            }
        }
    }
    (median + sum, squares - sum * sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A law whose quantile function is a given function of u = the lower tail.
    #[derive(Debug)]
    struct Given(fn(f64) -> f64);

    impl Family for Given {
        fn quantile(&self, side: Side, tail: f64) -> f64 {
            self.0(if side == Side::Lower { tail } else { 1.0 - tail })
        }
        fn tails(&self, _: f64) -> (f64, f64) {
            (0.5, 0.5)
        }
        fn moments(&self) -> Option<(f64, f64)> {
            None
        }
        fn key(&self, _: &mut Vec<u64>) {}
    }

    #[test]
    fn a_polynomial_law_is_reproduced_with_its_moments() {
        let table = Table::build(&Given(|u| u * u));
        assert!(table.error < 1e-14, "{}", table.error);
        assert!((table.mean - 1.0 / 3.0).abs() < 1e-14);
        assert!((table.variance - (1.0 / 5.0 - 1.0 / 9.0)).abs() < 1e-14);
        for bits in [0, 1 << 40, u64::MAX / 3, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX] {
            let u = uniform(bits);
            assert!((value_of_bits(&table.cells, bits) - u * u).abs() <= 1e-14 * u * u);
        }
    }

    #[test]
    fn a_table_is_continuous_at_the_median_and_clamped_at_its_ends() {
        let table = Table::build(&Given(|u| u));
        assert!((value(&table.cells, Side::Lower, 0.5) - 0.5).abs() < 1e-15);
        assert!((value(&table.cells, Side::Upper, 0.5) - 0.5).abs() < 1e-15);
        assert!((value(&table.cells, Side::Lower, 0.0) / SMALLEST_TAIL - 1.0).abs() < 1e-12);
        assert_eq!(value(&table.cells, Side::Upper, 0.0), 1.0 - SMALLEST_TAIL);
    }

    #[test]
    fn a_jump_is_measured_as_an_error_and_a_step_back_as_an_infinite_one() {
        assert!(Table::build(&Given(|u| if u < 0.9 { 1.0 + u } else { 100.0 + u })).error > 1e-2);
        assert_eq!(Table::build(&Given(|u| 2.0 - u)).error, f64::INFINITY);
        assert_eq!(Table::build(&Given(|u| (u - 0.3) / 0.0)).error, f64::INFINITY);
    }
}

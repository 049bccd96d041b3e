//! A law through given quantiles: ln x as a monotone cubic of the normal score (Fritsch and Carlson, 1980), going on as
//! the lognormal law through the last two points beyond either end. Two points give exactly the lognormal through them.

use super::leaf::{Leaf, Smooth};
use super::{Family, LawError, Side, tag};
use crate::math::{exp, ln, normal_quantile, normal_tails};
use std::sync::Arc;

/// The leaf of a list of (probability, value); probability 0 gives the minimum, 1 the maximum.
pub(super) fn leaf(points: &[(f64, f64)]) -> Result<Leaf, LawError> {
    let inner: Vec<(f64, f64)> = points.iter().copied().filter(|(p, _)| *p > 0.0 && *p < 1.0).collect();
    let finite = points.iter().all(|(p, x)| (0.0..=1.0).contains(p) && *x >= 0.0 && x.is_finite());
    let rising = points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
    if !finite || !rising || inner.len() < 2 || inner[0].1 <= 0.0 {
        return Err(LawError::Quantiles);
    }
    let floor = points.first().filter(|(p, _)| *p == 0.0).map_or(f64::NEG_INFINITY, |&(_, x)| x);
    let ceiling = points.last().filter(|(p, _)| *p == 1.0).map_or(f64::INFINITY, |&(_, x)| x);
    let family = Arc::new(Curve::through(&inner));
    Ok(Leaf::Smooth(Smooth { family, scale: 1.0, shift: 0.0, floor, ceiling }))
}

/// A monotone cubic of ln x over the normal score.
#[derive(Debug)]
struct Curve {
    /// Score, logarithm and slope at each knot.
    knots: Vec<Knot>,
}

#[derive(Clone, Copy, Debug)]
struct Knot {
    z: f64,
    y: f64,
    slope: f64,
}

impl Curve {
    fn through(points: &[(f64, f64)]) -> Curve {
        let mut knots: Vec<Knot> =
            points.iter().map(|&(p, x)| Knot { z: normal_quantile(p), y: ln(x), slope: 0.0 }).collect();
        let secant = |a: &Knot, b: &Knot| (b.y - a.y) / (b.z - a.z);
        let secants: Vec<f64> = knots.windows(2).map(|pair| secant(&pair[0], &pair[1])).collect();
        let widths: Vec<f64> = knots.windows(2).map(|pair| pair[1].z - pair[0].z).collect();
        let last = knots.len() - 1;
        knots[0].slope = secants[0];
        knots[last].slope = secants[last - 1];
        for k in 1..last {
            // The weighted harmonic mean of the neighbouring slopes keeps the cubic monotone (Fritsch and Butland, 1984).
            let (before, after) = (secants[k - 1], secants[k]);
            if before > 0.0 && after > 0.0 {
                let (w1, w2) = (2.0 * widths[k] + widths[k - 1], widths[k] + 2.0 * widths[k - 1]);
                knots[k].slope = (w1 + w2) / (w1 / before + w2 / after);
            }
        }
        Curve { knots }
    }

    /// ln x at a normal score.
    fn height(&self, z: f64) -> f64 {
        let after = self.knots.partition_point(|knot| knot.z <= z);
        let Some(before) = after.checked_sub(1) else {
            return self.knots[0].y + self.knots[0].slope * (z - self.knots[0].z);
        };
        let a = self.knots[before];
        let Some(b) = self.knots.get(after) else {
            return a.y + a.slope * (z - a.z);
        };
        let width = b.z - a.z;
        let t = (z - a.z) / width;
        let (left, right) = (a.slope * width, b.slope * width);
        let rise = b.y - a.y;
        a.y + t * (left + t * ((3.0 * rise - 2.0 * left - right) + t * (left + right - 2.0 * rise)))
    }
}

impl Family for Curve {
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        let z = normal_quantile(tail);
        exp(self.height(if side == Side::Lower { z } else { -z }))
    }

    /// By bisection of the curve over the scores that can be drawn.
    fn tails(&self, x: f64) -> (f64, f64) {
        if x <= 0.0 {
            return (0.0, 1.0);
        }
        let y = ln(x);
        let (mut low, mut high) = (-38.0, 38.0);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if self.height(middle) < y { low = middle } else { high = middle }
        }
        normal_tails(0.5 * (low + high))
    }

    fn moments(&self) -> Option<(f64, f64)> {
        None
    }

    /// The knots are measurements of a few digits and the curve between them is a choice: at its bends, where it has no
    /// third derivative, a table may round it off.
    fn tolerance(&self) -> f64 {
        1e-4
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend([tag(b"quantile"), self.knots.len() as u64]);
        key.extend(self.knots.iter().flat_map(|knot| [knot.z.to_bits(), knot.y.to_bits()]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, LawSpec};

    fn law(points: &[(f64, f64)]) -> Result<Law, LawError> {
        Law::compile(&LawSpec::Quantiles(points.into()))
    }

    #[test]
    fn given_quantiles_are_hit() {
        let points = [(0.5, 14e6), (0.9, 25e6), (0.95, 40e6), (0.99, 60e6), (0.999, 200e6)];
        let law = law(&points).unwrap();
        for (p, x) in points {
            assert!((law.quantile(p) / x - 1.0).abs() < 1e-4, "p = {p}: {} instead of {x}", law.quantile(p));
        }
    }

    #[test]
    fn two_quantiles_are_the_lognormal_law_through_them() {
        let curve = law(&[(0.5, 14e6), (0.99, 60e6)]).unwrap();
        let lognormal = Law::compile(&LawSpec::lognormal_with_quantiles((0.5, 14e6), (0.99, 60e6)).unwrap()).unwrap();
        for p in [1e-9, 0.01, 0.3, 0.9, 0.9999999] {
            assert!((curve.quantile(p) / lognormal.quantile(p) - 1.0).abs() < 1e-9);
        }
        assert!((curve.mean() / lognormal.mean() - 1.0).abs() < 1e-9);
        assert!((curve.variance() / lognormal.variance() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_minimum_and_a_maximum_bound_all_draws() {
        let law = law(&[(0.0, 9e6), (0.5, 14e6), (0.99, 60e6), (1.0, 70e6)]).unwrap();
        assert_eq!([law.draw(0), law.draw(u64::MAX)], [9_000_000, 70_000_000]);
        assert!((law.quantile(0.5) / 14e6 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_steep_curve_is_drawn_by_its_formula() {
        let law = law(&[(0.5, 1e6), (0.6, 1.1e6), (0.601, 1e9), (0.99, 2e9)]).unwrap();
        assert_eq!(law.error(), 0.0);
        assert!((law.quantile(0.6) / 1.1e6 - 1.0).abs() < 1e-9 && (law.quantile(0.601) / 1e9 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn quantiles_that_do_not_rise_are_refused() {
        for points in
            [&[(0.5, 1.0)][..], &[(0.5, 2.0), (0.9, 1.0)], &[(0.9, 1.0), (0.5, 2.0)], &[(0.5, 0.0), (0.9, 1.0)]]
        {
            assert_eq!(law(points).unwrap_err(), LawError::Quantiles, "{points:?}");
        }
    }
}

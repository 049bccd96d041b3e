//! The exponential law, unit mean: quantile -ln(1 - u).

use super::leaf::Leaf;
use super::{Family, LawError, Side, positive, tag};
use crate::math::{exp, exp_m1, ln, ln_1p};

/// The leaf of an exponential law.
pub(super) fn leaf(mean: f64) -> Result<Leaf, LawError> {
    Ok(Leaf::smooth(Exponential, positive("an exponential", "the mean", mean)?))
}

/// The exponential law of mean 1.
#[derive(Debug)]
pub(super) struct Exponential;

impl Family for Exponential {
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        match side {
            Side::Lower => -ln_1p(-tail),
            Side::Upper => -ln(tail),
        }
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        let x = x.max(0.0);
        (-exp_m1(-x), exp(-x))
    }

    fn moments(&self) -> Option<(f64, f64)> {
        Some((1.0, 1.0))
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.push(tag(b"exponent"));
    }
}

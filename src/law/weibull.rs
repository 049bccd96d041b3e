//! The Weibull law, scale 1: quantile (-ln(1 - u))^(1 / shape).

use super::exponential::Exponential;
use super::leaf::Leaf;
use super::{Family, LawError, Side, positive, tag, within};
use crate::math::{exp, ln_gamma, pow};

const NAME: &str = "a Weibull";

/// The leaf of a Weibull law.
pub(super) fn leaf(shape: f64, scale: f64) -> Result<Leaf, LawError> {
    within(NAME, "the shape", shape, 0.1..=100.0, "from 0.1 to 100")?;
    Ok(Leaf::smooth(Weibull { shape }, positive(NAME, "the scale", scale)?))
}

/// The Weibull law of scale 1.
#[derive(Debug)]
struct Weibull {
    shape: f64,
}

impl Family for Weibull {
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        pow(Exponential.quantile(side, tail), 1.0 / self.shape)
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        Exponential.tails(pow(x.max(0.0), self.shape))
    }

    fn moments(&self) -> Option<(f64, f64)> {
        let mean = exp(ln_gamma(1.0 + 1.0 / self.shape));
        let square = exp(ln_gamma(1.0 + 2.0 / self.shape));
        Some((mean, square - mean * mean))
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend([tag(b"weibull."), self.shape.to_bits()]);
    }
}

//! The Pareto law, minimum 1: quantile (1 - u)^(-1 / shape).

use super::leaf::Leaf;
use super::{Family, LawError, Side, positive, tag, within};
use crate::math::{exp, exp_m1, ln, ln_1p};

const NAME: &str = "a Pareto";

/// The leaf of a Pareto law.
pub(super) fn leaf(shape: f64, min: f64) -> Result<Leaf, LawError> {
    within(NAME, "the shape", shape, 0.1..=1000.0, "from 0.1 to 1000")?;
    Ok(Leaf::smooth(Pareto { shape }, positive(NAME, "the minimum", min)?))
}

/// The Pareto law of minimum 1.
#[derive(Debug)]
struct Pareto {
    shape: f64,
}

impl Family for Pareto {
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        let ln_upper = if side == Side::Lower { ln_1p(-tail) } else { ln(tail) };
        exp(-ln_upper / self.shape)
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        let ln_upper = -self.shape * ln(x.max(1.0));
        (-exp_m1(ln_upper), exp(ln_upper))
    }

    fn moments(&self) -> Option<(f64, f64)> {
        let a = self.shape;
        let mean = if a > 1.0 { a / (a - 1.0) } else { f64::INFINITY };
        let variance = if a > 2.0 { a / ((a - 1.0) * (a - 1.0) * (a - 2.0)) } else { f64::INFINITY };
        Some((mean, variance))
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend([tag(b"pareto.."), self.shape.to_bits()]);
    }
}

//! The gamma law, scale 1: the quantile solves the incomplete gamma function.

use super::leaf::Leaf;
use super::{Family, LawError, Side, positive, tag, within};
use crate::math::{exp, gamma_tails, ln, ln_gamma, normal_quantile, poisson_weight};

const NAME: &str = "a gamma";

/// The leaf of a gamma law.
pub(super) fn leaf(shape: f64, mean: f64) -> Result<Leaf, LawError> {
    within(NAME, "the shape", shape, 0.1..=10_000.0, "from 0.1 to 10000")?;
    positive(NAME, "the mean", mean)?;
    Ok(Leaf::smooth(Gamma { shape }, mean / shape))
}

/// The gamma law of scale 1, whose mean is its shape.
#[derive(Debug)]
pub(super) struct Gamma {
    pub shape: f64,
}

impl Gamma {
    /// A first guess: Wilson and Hilferty's cube of a normal variate, or the leading term of the lower tail.
    fn guess(&self, side: Side, tail: f64) -> f64 {
        let z = normal_quantile(tail) * if side == Side::Lower { 1.0 } else { -1.0 };
        let ninth = 1.0 / (9.0 * self.shape);
        let root = 1.0 - ninth + z * ninth.sqrt();
        if root > 0.3 {
            return self.shape * root * root * root;
        }
        let lower = if side == Side::Lower { tail } else { 1.0 - tail };
        exp((ln(lower) + ln_gamma(self.shape + 1.0)) / self.shape)
    }
}

impl Family for Gamma {
    /// Newton's method for ln(tail) as a function of ln(x), which is concave and nearly straight in the tails.
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        let goal = ln(tail);
        let mut x = self.guess(side, tail);
        for _ in 0..60 {
            let (lower, upper) = gamma_tails(self.shape, x);
            let density = self.shape * poisson_weight(self.shape, x);
            let (found, slope) = if side == Side::Lower { (lower, density / lower) } else { (upper, -density / upper) };
            let step = ((goal - ln(found)) / slope).clamp(-2.0, 2.0);
            x *= exp(step);
            // Convergence is quadratic: the step after one of 1e-8 is below the rounding.
            if step.abs() < 1e-8 {
                break;
            }
        }
        x
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        gamma_tails(self.shape, x)
    }

    fn moments(&self) -> Option<(f64, f64)> {
        Some((self.shape, self.shape))
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend([tag(b"gamma..."), self.shape.to_bits()]);
    }
}

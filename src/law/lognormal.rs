//! The lognormal law, unit median: quantile e^(sigma z) with z the quantile of the normal law.

use super::leaf::Leaf;
use super::{Family, LawError, LawSpec, Side, positive, tag, within};
use crate::math::{exp, exp_m1, ln, ln_1p, normal_quantile, normal_tails};

const NAME: &str = "a lognormal";

/// The leaf of a lognormal law; sigma 0 makes it constant.
pub(super) fn leaf(median: f64, sigma: f64) -> Result<Leaf, LawError> {
    positive(NAME, "the median", median)?;
    within(NAME, "sigma", sigma, 0.0..=10.0, "from 0 to 10")?;
    Ok(if sigma == 0.0 { Leaf::Constant(median) } else { Leaf::smooth(Lognormal { sigma }, median) })
}

/// The law with two given quantiles (probability, value).
pub(super) fn with_quantiles(first: (f64, f64), second: (f64, f64)) -> Result<LawSpec, LawError> {
    let ((p1, x1), (p2, x2)) = (first, second);
    let rising = 0.0 < p1 && p1 < p2 && p2 < 1.0 && 0.0 < x1 && x1 <= x2 && x2.is_finite();
    if !rising {
        return Err(LawError::Quantiles);
    }
    let (z1, z2) = (normal_quantile(p1), normal_quantile(p2));
    let sigma = (ln(x2) - ln(x1)) / (z2 - z1);
    Ok(LawSpec::Lognormal { median: exp(ln(x1) - sigma * z1), sigma })
}

/// The law with a given mean and coefficient of variation.
pub(super) fn with_mean(mean: f64, cv: f64) -> Result<LawSpec, LawError> {
    positive(NAME, "the mean", mean)?;
    within(NAME, "the coefficient of variation", cv, 0.0..=1e9, "zero or above")?;
    let square = ln_1p(cv * cv);
    Ok(LawSpec::Lognormal { median: mean * exp(-0.5 * square), sigma: square.sqrt() })
}

/// The lognormal law of median 1.
#[derive(Debug)]
pub(super) struct Lognormal {
    pub sigma: f64,
}

impl Family for Lognormal {
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        let z = normal_quantile(tail);
        exp(self.sigma * if side == Side::Lower { z } else { -z })
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        if x <= 0.0 { (0.0, 1.0) } else { normal_tails(ln(x) / self.sigma) }
    }

    fn moments(&self) -> Option<(f64, f64)> {
        let square = self.sigma * self.sigma;
        Some((exp(0.5 * square), exp_m1(square) * exp(square)))
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend([tag(b"lognorml"), self.sigma.to_bits()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::Law;

    #[test]
    fn two_quantiles_are_hit() {
        let spec = LawSpec::lognormal_with_quantiles((0.5, 14e6), (0.99, 60e6)).unwrap();
        let law = Law::compile(&spec).unwrap();
        assert!((law.quantile(0.5) / 14e6 - 1.0).abs() < 1e-9 && (law.quantile(0.99) / 60e6 - 1.0).abs() < 1e-9);
        assert_eq!(LawSpec::lognormal_with_quantiles((0.9, 5.0), (0.5, 9.0)), Err(LawError::Quantiles));
        assert_eq!(LawSpec::lognormal_with_quantiles((0.5, 5.0), (0.9, 4.0)), Err(LawError::Quantiles));
    }

    #[test]
    fn mean_and_coefficient_of_variation_are_hit() {
        let law = Law::compile(&LawSpec::lognormal_with_mean(8e6, 1.5).unwrap()).unwrap();
        assert!((law.mean() / 8e6 - 1.0).abs() < 1e-12 && (law.variance().sqrt() / 12e6 - 1.0).abs() < 1e-12);
        assert!(LawSpec::lognormal_with_mean(8e6, -1.0).is_err());
    }
}

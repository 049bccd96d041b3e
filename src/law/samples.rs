//! Measured values as a law. The i-th of n sorted values is the middle of the i-th share of probability, (i - 1/2) / n
//! (Hazen's rule), with straight lines between and flat ends: the law's mean is exactly the mean of the values.

use std::sync::Arc;

use super::leaf::Leaf;
use super::{LawError, Side, within};

/// The leaf of a list of values in any order.
pub(super) fn leaf(values: &[f64]) -> Result<Leaf, LawError> {
    for &value in values {
        within("an empirical", "every value", value, 0.0..=f64::MAX, "zero or above")?;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    from_sorted(sorted.into())
}

/// The leaf of sorted values; equal ends make it constant.
pub(super) fn from_sorted(values: Arc<[f64]>) -> Result<Leaf, LawError> {
    match (values.first(), values.last()) {
        (Some(first), Some(last)) if first == last => Ok(Leaf::Constant(*first)),
        (Some(_), Some(_)) => Ok(Leaf::Samples(values)),
        _ => Err(LawError::NoSamples),
    }
}

/// The value at a tail probability.
#[inline(always)]
pub(super) fn value(values: &[f64], side: Side, tail: f64) -> f64 {
    let n = values.len() as f64;
    let depth = (tail * n - 0.5).max(0.0).min(n - 1.0);
    let place = if side == Side::Lower { depth } else { (n - 1.0) - depth };
    let below = (place as usize).min(values.len().saturating_sub(2));
    let pair = &values[below..];
    let high = pair.get(1).unwrap_or(&pair[0]);
    pair[0] + (high - pair[0]) * (place - below as f64)
}

/// Mean and variance of the law: flat ends of half a share, straight lines of a share each.
pub(super) fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = |x: f64| (x - mean) * (x - mean);
    let lines: f64 = values
        .windows(2)
        .map(|pair| (square(pair[0]) + square(pair[1]) + (pair[0] - mean) * (pair[1] - mean)) / 3.0)
        .sum();
    let ends = 0.5 * (square(values[0]) + square(values[values.len() - 1]));
    (mean, (lines + ends) / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::{Law, LawSpec};

    #[test]
    fn each_value_is_the_middle_of_its_share_and_the_mean_is_kept() {
        let law = Law::compile(&LawSpec::Samples([30.0, 10.0, 20.0, 100.0].into())).unwrap();
        let at = [0.0, 0.125, 0.25, 0.375, 0.625, 0.75, 0.875, 1.0].map(|p| law.quantile(p));
        assert_eq!(at, [10.0, 10.0, 15.0, 20.0, 30.0, 65.0, 100.0, 100.0]);
        assert_eq!(law.mean(), 40.0);
        // By hand: ends 1/8 each of 900 and 3600; lines of (900, 400), (400, 100), (100, 3600) about 40.
        let lines = (900.0 + 400.0 + 600.0 + 400.0 + 100.0 + 200.0 + 100.0 + 3600.0 - 600.0) / 3.0 / 4.0;
        assert!((law.variance() - (lines + 900.0 / 8.0 + 3600.0 / 8.0)).abs() < 1e-9);
    }

    #[test]
    fn one_value_is_a_constant_and_none_is_an_error() {
        assert_eq!(Law::compile(&LawSpec::Samples([7.0].into())).unwrap().is_constant(), Some(7));
        assert_eq!(Law::compile(&LawSpec::Samples([].into())).unwrap_err(), LawError::NoSamples);
        assert!(Law::compile(&LawSpec::Samples([7.0, f64::NAN].into())).is_err());
    }
}

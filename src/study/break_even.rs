//! Where two bills cross: the value of a setting at which one scenario becomes cheaper than the other.
//!
//! The search bisects the logarithm of the setting. Both scenarios see the same users at every value (common random
//! numbers), so that the difference is nearly free of noise; what noise is left gives the crossing its interval.

use crate::stats::Interval;

/// What is known of a crossing.
#[derive(Clone, Debug, PartialEq)]
pub enum Crossing {
    /// The bills cross.
    At {
        /// The value, between the two last values tried.
        value: f64,
        /// Lower end of its interval: of the bracket, and of the noise of the difference.
        low: f64,
        /// Upper end of its interval.
        high: f64,
        /// Whether the first scenario is the cheaper one below it.
        first_below: bool,
    },
    /// One of them is cheaper throughout.
    Nowhere {
        /// Whether it is the first.
        first: bool,
    },
}

/// Finds the crossing of `difference` (first less second) between two positive values, to a relative precision.
///
/// # Errors
/// Whatever `difference` fails with.
pub fn find<E>(
    (low, high): (f64, f64),
    precision: f64,
    mut difference: impl FnMut(f64) -> Result<Interval, E>,
) -> Result<Crossing, E> {
    let (mut low, mut high) = (low.min(high), low.max(high));
    let at_low = difference(low)?.value;
    let at_high = difference(high)?.value;
    if (at_low <= 0.0) == (at_high <= 0.0) {
        return Ok(Crossing::Nowhere { first: at_low + at_high < 0.0 });
    }
    let first_below = at_low < at_high;
    let (mut below, mut above) = (at_low, at_high);
    while high / low > 1.0 + precision {
        let middle = (low * high).sqrt();
        let value = difference(middle)?.value;
        if (value <= 0.0) == (at_low <= 0.0) {
            (low, below) = (middle, value);
        } else {
            (high, above) = (middle, value);
        }
    }
    // Between the two last values the difference is taken as straight.
    let share = if above == below { 0.5 } else { (-below / (above - below)).clamp(0.0, 1.0) };
    let value = low + share * (high - low);
    // The slope over a wider stretch, so that it is not noise over noise.
    let (left, right) = (value * 0.9, value * 1.1);
    let slope = (difference(right)?.value - difference(left)?.value) / (right - left);
    let noise = match difference(value)?.half_width() / slope.abs() {
        noise if noise.is_finite() => noise,
        _ => 0.0,
    };
    let ends = (low.min(value - noise), high.max(value + noise));
    Ok(Crossing::At { value, low: ends.0.max(0.0), high: ends.1, first_below })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval;
    use std::convert::Infallible;

    fn search(range: (f64, f64), f: impl Fn(f64) -> f64) -> Crossing {
        let difference = |x: f64| Ok::<_, Infallible>(interval::mean(&[f(x), f(x)], 0.95));
        let Ok(crossing) = find(range, 1e-3, difference);
        crossing
    }

    #[test]
    fn a_crossing_is_found_to_the_precision_asked_for() {
        let Crossing::At { value, low, high, first_below } = search((1.0, 1e6), |x| x - 16.425 / 0.9111) else {
            panic!("there is a crossing");
        };
        assert!((value / (16.425 / 0.9111) - 1.0).abs() < 1e-3, "{value}");
        assert!(low <= value && value <= high && high / low < 1.01);
        assert!(first_below);
    }

    #[test]
    fn without_a_crossing_the_cheaper_one_is_named() {
        assert_eq!(search((1.0, 100.0), |x| -x), Crossing::Nowhere { first: true });
        assert_eq!(search((1.0, 100.0), |x| x), Crossing::Nowhere { first: false });
    }

    #[test]
    fn noise_of_the_difference_widens_the_interval() {
        let difference = |x: f64| Ok::<_, Infallible>(interval::mean(&[x - 9.0, x - 11.0], 0.95));
        let Ok(Crossing::At { low, high, .. }) = find((1.0, 100.0), 1e-3, difference) else {
            panic!("there is a crossing");
        };
        assert!(high - low > 2.0, "{low} to {high}");
    }
}

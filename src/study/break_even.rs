//! Where two bills cross: the value of a setting at which one scenario becomes cheaper than the other.
//!
//! The search bisects the logarithm of the setting. Both scenarios see the same users at every value (common random
//! numbers), so that the difference is nearly free of noise; what noise is left gives the crossing its interval.

use super::objective::Verdict;
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
    let (value, ends) = refine([(low, below), (high, above)], difference)?;
    Ok(Crossing::At { value, low: ends.0, high: ends.1, first_below })
}

/// The crossing between two values with differences of opposite signs, and its interval: these values, and the noise of the
/// difference.
///
/// # Errors
/// Whatever `difference` fails with.
pub fn refine<E>(
    [(low, below), (high, above)]: [(f64, f64); 2],
    mut difference: impl FnMut(f64) -> Result<Interval, E>,
) -> Result<(f64, (f64, f64)), E> {
    // Between the two values the difference is taken as straight.
    let share = if above == below { 0.5 } else { (-below / (above - below)).clamp(0.0, 1.0) };
    let value = low + share * (high - low);
    // The slope over a wider stretch, so that it is not noise over noise.
    let (left, right) = (value * 0.9, value * 1.1);
    let slope = (difference(right)?.value - difference(left)?.value) / (right - left);
    let noise = match difference(value)?.half_width() / slope.abs() {
        noise if noise.is_finite() => noise,
        _ => 0.0,
    };
    Ok((value, (low.min(value - noise).max(0.0), high.max(value + noise))))
}

/// Whether a scenario does what is asked of it, over the values that were tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Smallest and largest value at which all objectives were met.
    pub met: Option<(f64, f64)>,
    /// Smallest and largest value at which one of them was missed.
    pub missed: Option<(f64, f64)>,
    /// The verdict at the value nearest to the crossing: the worst of all objectives; nothing when nothing is asked.
    pub at_crossing: Option<Verdict>,
}

impl Asked {
    /// From the worst verdict at each value tried, and the value of the crossing.
    pub fn of(tried: &[(f64, Option<Verdict>)], crossing: Option<f64>) -> Asked {
        let ends = |wanted: Verdict| {
            let values = tried.iter().filter(|(_, verdict)| *verdict == Some(wanted)).map(|(value, _)| *value);
            values.fold(None, |ends: Option<(f64, f64)>, value| {
                let (low, high) = ends.unwrap_or((value, value));
                Some((low.min(value), high.max(value)))
            })
        };
        let distance = |value: f64| crossing.map_or(f64::INFINITY, |crossing| (value - crossing).abs());
        let nearest = tried.iter().min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
        let at_crossing = crossing.and(nearest).and_then(|(_, verdict)| *verdict);
        Asked { met: ends(Verdict::Met), missed: ends(Verdict::Missed), at_crossing }
    }

    /// The worst of some verdicts; nothing of none.
    pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
        let rank = |verdict: &Verdict| match verdict {
            Verdict::Met => 0,
            Verdict::Inconclusive => 1,
            Verdict::Missed => 2,
        };
        verdicts.into_iter().max_by_key(rank)
    }
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

    #[test]
    fn what_is_asked_is_judged_at_every_value_tried_and_at_the_crossing() {
        let [met, missed] = [Some(Verdict::Met), Some(Verdict::Missed)];
        let tried = [(1.0, met), (50.0, missed), (7.0, met), (20.0, missed), (9.0, Some(Verdict::Inconclusive))];
        let asked = Asked::of(&tried, Some(8.6));
        assert_eq!((asked.met, asked.missed), (Some((1.0, 7.0)), Some((20.0, 50.0))));
        assert_eq!(asked.at_crossing, Some(Verdict::Inconclusive));
        assert_eq!(Asked::of(&tried, None).at_crossing, None);
        assert_eq!(Asked::of(&[(1.0, None)], Some(1.0)), Asked::default());
        assert_eq!(Asked::worst([Verdict::Met, Verdict::Missed, Verdict::Inconclusive]), Some(Verdict::Missed));
    }
}

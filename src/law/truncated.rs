//! A law given that its value lies between two limits: the quantile function of the law on a piece of its probabilities,
//! still one uniform a variate and exact.

use std::sync::Arc;

use super::leaf::{Leaf, Smooth};
use super::{Family, LawError, Side, mixture, samples, tag, within};

/// The leaves of a truncated law.
pub(super) fn leaves(parts: Vec<(f64, Leaf)>, low: f64, high: f64) -> Result<Vec<(f64, Leaf)>, LawError> {
    within("a truncated", "the lower limit", low, f64::MIN..=f64::MAX, "a finite number")?;
    within("a truncated", "the upper limit", high, low..=f64::INFINITY, "at or above the lower limit")?;
    let kept: Vec<_> = parts
        .into_iter()
        .filter_map(|(weight, leaf)| {
            truncated(leaf, low, high).map(|(share, leaf)| (weight * share, vec![(1.0, leaf)]))
        })
        .collect();
    if kept.is_empty() { Err(LawError::Empty) } else { mixture::flatten(kept) }
}

/// The probability that a leaf lies between the limits, and its law there; nothing if it never does.
fn truncated(leaf: Leaf, low: f64, high: f64) -> Option<(f64, Leaf)> {
    match leaf {
        Leaf::Constant(value) => (low <= value && value <= high).then_some((1.0, leaf)),
        Leaf::Uniform { low: from, high: to } => {
            let (low, high) = (low.max(from), high.min(to));
            (low < high).then(|| ((high - low) / (to - from), Leaf::Uniform { low, high }))
        }
        Leaf::Samples(values) => {
            let kept: Arc<[f64]> = values.iter().copied().filter(|x| (low..=high).contains(x)).collect();
            let share = kept.len() as f64 / values.len() as f64;
            samples::from_sorted(kept).ok().map(|leaf| (share, leaf))
        }
        Leaf::Smooth(smooth) => truncated_smooth(smooth, low, high),
    }
}

fn truncated_smooth(smooth: Smooth, low: f64, high: f64) -> Option<(f64, Leaf)> {
    let Smooth { family, scale, shift, floor, ceiling } = smooth;
    if low > ceiling || high < floor {
        return None;
    }
    // A limit beyond the floor or the ceiling cuts nothing, and values there keep their atom.
    let below = if low <= floor { (0.0, 1.0) } else { family.tails((low - shift) / scale) };
    let above = if high >= ceiling { (1.0, 0.0) } else { family.tails((high - shift) / scale) };
    let mass = if below.0 < 0.5 { (above.0 - below.0).min(1.0 - below.0 - above.1) } else { below.1 - above.1 };
    let uncut = below.0 == 0.0 && above.1 == 0.0;
    if mass <= 0.0 {
        return None;
    }
    let family: Arc<dyn Family> = if uncut { family } else { Arc::new(Truncated { family, below, above, mass }) };
    Some((mass, Leaf::Smooth(Smooth { family, scale, shift, floor: floor.max(low), ceiling: ceiling.min(high) })))
}

/// A family between two of its quantiles.
#[derive(Debug)]
struct Truncated {
    family: Arc<dyn Family>,
    /// (lower, upper) tail of the family at the lower limit.
    below: (f64, f64),
    /// (lower, upper) tail of the family at the upper limit.
    above: (f64, f64),
    /// The probability between.
    mass: f64,
}

impl Family for Truncated {
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        let part = tail * self.mass;
        let (lower, upper) = match side {
            Side::Lower => (self.below.0 + part, self.below.1 - part),
            Side::Upper => (self.above.0 - part, self.above.1 + part),
        };
        if lower < upper {
            self.family.quantile(Side::Lower, lower.min(0.5))
        } else {
            self.family.quantile(Side::Upper, upper.min(0.5))
        }
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        let (lower, upper) = self.family.tails(x);
        let share = |difference: f64| (difference / self.mass).clamp(0.0, 1.0);
        // Each from the end at which its difference loses least.
        let from_below = if lower < 0.5 { lower - self.below.0 } else { self.below.1 - upper };
        let from_above = if upper < 0.5 { upper - self.above.1 } else { self.above.0 - lower };
        (share(from_below), share(from_above))
    }

    fn moments(&self) -> Option<(f64, f64)> {
        None
    }

    fn tolerance(&self) -> f64 {
        self.family.tolerance()
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.push(tag(b"truncate"));
        key.extend([self.below.0, self.below.1, self.above.0, self.above.1].map(f64::to_bits));
        self.family.key(key);
    }
}

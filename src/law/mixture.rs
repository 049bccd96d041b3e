//! Mixtures: one table of the mixture's own quantile function when that is smooth enough, else the parts side by side.
//!
//! Side by side, the parts lie on the uniform in the order of their medians, the uniform picks one and, stretched, is
//! the uniform of its table: exact for parts of any kind, atoms included, still one uniform a variate.

use super::leaf::{Leaf, Smooth};
use super::sampler::{Made, Part, Sampler};
use super::{Family, LawError, Side, tag, within};
use crate::math::{exp, ln};

/// The grid of cuts between parts: 2^-52, half-way between the uniforms that can be drawn.
const GRID: f64 = (1u64 << 52) as f64;
/// Parts beyond this number are not blended into one table: building it would cost more than it saves.
const MOST_BLENDED: usize = 8;

/// The leaves of weighted lists of leaves, with probabilities that add up to 1.
pub(super) fn flatten(parts: Vec<(f64, Vec<(f64, Leaf)>)>) -> Result<Vec<(f64, Leaf)>, LawError> {
    for (weight, _) in &parts {
        within("a mixture", "every weight", *weight, 0.0..=f64::MAX, "zero or above")?;
    }
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    if total <= 0.0 {
        return Err(LawError::NoParts);
    }
    let leaves = parts.into_iter().flat_map(|(weight, leaves)| {
        leaves.into_iter().map(move |(share, leaf)| (share * weight / total, leaf)).filter(|(share, _)| *share > 0.0)
    });
    Ok(leaves.collect())
}

/// What draws from a list of weighted leaves.
pub(super) fn sampler(parts: &[(f64, Leaf)]) -> Made {
    match parts {
        [(_, leaf)] => leaf.sampler(),
        _ => blended(parts).unwrap_or_else(|| side_by_side(parts)),
    }
}

/// One table for the whole mixture, if all parts are smooth and the table is true to it.
fn blended(parts: &[(f64, Leaf)]) -> Option<Made> {
    let smooth = |(weight, leaf): &(f64, Leaf)| match leaf {
        Leaf::Smooth(smooth) if smooth.is_unclamped() => Some((*weight, smooth.clone())),
        _ => None,
    };
    let parts: Vec<(f64, Smooth)> = parts.iter().map(smooth).collect::<Option<_>>()?;
    if parts.len() > MOST_BLENDED {
        return None;
    }
    let made = Leaf::smooth(Blend { parts }, 1.0).sampler();
    matches!(made.sampler, Sampler::Table { .. }).then_some(made)
}

/// The parts in order of their medians.
fn side_by_side(parts: &[(f64, Leaf)]) -> Made {
    let mut ordered: Vec<&(f64, Leaf)> = parts.iter().collect();
    ordered.sort_by(|a, b| a.1.median().total_cmp(&b.1.median()));
    let made: Vec<(f64, Made)> = ordered.iter().map(|(weight, leaf)| (*weight, leaf.sampler())).collect();
    let (mean, variance) = moments(made.iter().map(|(weight, made)| (*weight, made.mean, made.variance)));
    let error = made.iter().map(|(_, made)| made.error).fold(0.0, f64::max);
    let (mut from, mut sum) = (0.0, 0.0);
    let last = made.len() - 1;
    let mut pieces = Vec::with_capacity(made.len());
    for (index, (weight, made)) in made.into_iter().enumerate() {
        sum += weight;
        let end = if index == last { 1.0 } else { (sum.min(1.0) * GRID).round() / GRID };
        if end > from {
            pieces.push(Part { from, end, stretch: 1.0 / (end - from), sampler: made.sampler });
            from = end;
        }
    }
    Made { sampler: Sampler::Parts(pieces.into()), mean, variance, error }
}

/// Mean and variance of a mixture of (probability, mean, variance).
fn moments(parts: impl Iterator<Item = (f64, f64, f64)> + Clone) -> (f64, f64) {
    let mean: f64 = parts.clone().map(|(weight, mean, _)| weight * mean).sum();
    let variance = |(weight, m, v): (f64, f64, f64)| weight * (v + (m - mean) * (m - mean));
    let variance: f64 = parts.map(variance).sum();
    // Infinite means have infinite variances, and infinity less infinity is no number.
    (mean, if mean.is_finite() { variance } else { f64::INFINITY })
}

/// The mixture of smooth laws as one smooth law: its quantile solves the sum of the parts' tails.
#[derive(Debug)]
struct Blend {
    parts: Vec<(f64, Smooth)>,
}

impl Blend {
    fn tail(&self, side: Side, x: f64) -> f64 {
        let (lower, upper) = self.tails(x);
        if side == Side::Lower { lower } else { upper }
    }
}

impl Family for Blend {
    /// False position with Illinois' rule for the logarithm of the tail. The quantile lies between those of the parts.
    fn quantile(&self, side: Side, tail: f64) -> f64 {
        let ends = || self.parts.iter().map(|(_, part)| part.quantile(side, tail));
        let (mut a, mut b) = (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
        // Over ln x where x spans magnitudes, so that both tails are nearly straight.
        let wide = a > 0.0 && b > 2.0 * a;
        let to = |x: f64| if wide { ln(x) } else { x };
        let from = |place: f64| if wide { exp(place) } else { place };
        let miss = |x: f64| ln(self.tail(side, x) / tail);
        let (mut miss_a, mut miss_b) = (miss(a), miss(b));
        let (mut place_a, mut place_b) = (to(a), to(b));
        for _ in 0..100 {
            if miss_a == 0.0 || miss_b == 0.0 || (b - a).abs() <= 4e-16 * b.abs() {
                break;
            }
            let step = miss_b * (place_b - place_a) / (miss_b - miss_a);
            let place = if step.is_finite() { place_b - step } else { 0.5 * (place_a + place_b) };
            let x = from(place);
            let miss_x = miss(x);
            if (miss_x < 0.0) == (miss_b < 0.0) {
                miss_a *= 0.5;
            } else {
                (a, place_a, miss_a) = (b, place_b, miss_b);
            }
            (b, place_b, miss_b) = (x, place, miss_x);
            if miss_x.abs() < 1e-13 {
                break;
            }
        }
        if miss_a.abs() < miss_b.abs() { a } else { b }
    }

    fn tails(&self, x: f64) -> (f64, f64) {
        self.parts.iter().fold((0.0, 0.0), |(lower, upper), (weight, part)| {
            let tails = part.family.tails((x - part.shift) / part.scale);
            (lower + weight * tails.0, upper + weight * tails.1)
        })
    }

    fn moments(&self) -> Option<(f64, f64)> {
        let known = |(weight, part): &(f64, Smooth)| {
            let (mean, variance) = part.family.moments()?;
            Some((*weight, mean * part.scale + part.shift, variance * part.scale * part.scale))
        };
        let parts: Vec<_> = self.parts.iter().map(known).collect::<Option<_>>()?;
        Some(moments(parts.into_iter()))
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend([tag(b"blend..."), self.parts.len() as u64]);
        for (weight, part) in &self.parts {
            key.extend([*weight, part.scale, part.shift].map(f64::to_bits));
            part.family.key(key);
        }
    }
}

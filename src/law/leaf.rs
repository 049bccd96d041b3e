//! The normal form of a law: a list of weighted leaves, each a constant, a line, samples, or a smooth family with an
//! affine map. Shifts, scales, truncations and mixtures of mixtures are folded in here, so that none of them costs
//! anything when drawing.

use std::sync::Arc;

use super::sampler::{Made, Sampler};
use super::{Family, LARGEST, LawError, LawSpec, Side, cache, constant, mixture, samples, table, truncated, uniform};
use super::{exponential, gamma, lognormal, pareto, quantiles, weibull};

/// A law that is no mixture.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    /// All probability at one value.
    Constant(f64),
    /// A straight quantile function.
    Uniform { low: f64, high: f64 },
    /// Sorted values, straight lines between.
    Samples(Arc<[f64]>),
    /// A family under an affine map.
    Smooth(Smooth),
}

/// `family * scale + shift`, kept between `floor` and `ceiling`.
#[derive(Clone, Debug)]
pub(super) struct Smooth {
    pub family: Arc<dyn Family>,
    pub scale: f64,
    pub shift: f64,
    pub floor: f64,
    pub ceiling: f64,
}

/// The leaves of a law with their probabilities, which add up to 1.
pub(super) fn leaves(spec: &LawSpec) -> Result<Vec<(f64, Leaf)>, LawError> {
    let leaf = match spec {
        LawSpec::Constant(value) => constant::leaf(*value)?,
        LawSpec::Uniform { low, high } => uniform::leaf(*low, *high)?,
        LawSpec::Exponential { mean } => exponential::leaf(*mean)?,
        LawSpec::Lognormal { median, sigma } => lognormal::leaf(*median, *sigma)?,
        LawSpec::Gamma { shape, mean } => gamma::leaf(*shape, *mean)?,
        LawSpec::Weibull { shape, scale } => weibull::leaf(*shape, *scale)?,
        LawSpec::Pareto { shape, min } => pareto::leaf(*shape, *min)?,
        LawSpec::Samples(values) => samples::leaf(values)?,
        LawSpec::Quantiles(points) => quantiles::leaf(points)?,
        LawSpec::Hyperexponential { branches } => {
            let parts = branches.iter().map(|&(weight, mean)| Ok((weight, vec![(1.0, exponential::leaf(mean)?)])));
            return mixture::flatten(parts.collect::<Result<_, _>>()?);
        }
        LawSpec::Mixture { parts } => {
            let parts = parts.iter().map(|(weight, part)| Ok((*weight, leaves(part)?)));
            return mixture::flatten(parts.collect::<Result<_, _>>()?);
        }
        LawSpec::Shifted { by, law } => {
            super::within("a shifted", "the shift", *by, -1e300..=1e300, "a finite number")?;
            return Ok(leaves(law)?.into_iter().map(|(weight, leaf)| (weight, leaf.mapped(1.0, *by))).collect());
        }
        LawSpec::Scaled { factor, law } => {
            super::positive("a scaled", "the factor", *factor)?;
            return Ok(leaves(law)?.into_iter().map(|(weight, leaf)| (weight, leaf.mapped(*factor, 0.0))).collect());
        }
        LawSpec::Truncated { low, high, law } => return truncated::leaves(leaves(law)?, *low, *high),
    };
    Ok(vec![(1.0, leaf)])
}

impl Leaf {
    /// A family times a scale.
    pub fn smooth(family: impl Family + 'static, scale: f64) -> Leaf {
        let (floor, ceiling) = (f64::NEG_INFINITY, f64::INFINITY);
        Leaf::Smooth(Smooth { family: Arc::new(family), scale, shift: 0.0, floor, ceiling })
    }

    /// The law of `factor * x + by`, for a positive factor.
    pub fn mapped(self, factor: f64, by: f64) -> Leaf {
        let map = |x: f64| factor * x + by;
        match self {
            Leaf::Constant(value) => Leaf::Constant(map(value)),
            Leaf::Uniform { low, high } => Leaf::Uniform { low: map(low), high: map(high) },
            Leaf::Samples(values) => Leaf::Samples(values.iter().map(|&value| map(value)).collect()),
            Leaf::Smooth(smooth) => Leaf::Smooth(Smooth {
                scale: factor * smooth.scale,
                shift: map(smooth.shift),
                floor: map(smooth.floor),
                ceiling: map(smooth.ceiling),
                family: smooth.family,
            }),
        }
    }

    /// The smallest value that can be drawn.
    pub fn minimum(&self) -> f64 {
        match self {
            Leaf::Constant(value) => *value,
            Leaf::Uniform { low, .. } => *low,
            Leaf::Samples(values) => values[0],
            Leaf::Smooth(smooth) => smooth.quantile(Side::Lower, table::SMALLEST_TAIL),
        }
    }

    /// The value that half of all draws stay below.
    pub fn median(&self) -> f64 {
        match self {
            Leaf::Constant(value) => *value,
            Leaf::Uniform { low, high } => 0.5 * (low + high),
            Leaf::Samples(values) => samples::value(values, Side::Lower, 0.5),
            Leaf::Smooth(smooth) => smooth.quantile(Side::Lower, 0.5),
        }
    }

    /// What draws from this leaf, with its moments and error.
    pub fn sampler(&self) -> Made {
        match self {
            Leaf::Constant(value) => {
                Made { sampler: Sampler::constant(*value), mean: *value, variance: 0.0, error: 0.0 }
            }
            Leaf::Uniform { low, high } => {
                let width = high - low;
                let sampler = Sampler::Uniform { low: *low, width };
                Made { sampler, mean: 0.5 * (low + high), variance: width * width / 12.0, error: 0.0 }
            }
            Leaf::Samples(values) => {
                let (mean, variance) = samples::moments(values);
                Made { sampler: Sampler::Samples(values.clone()), mean, variance, error: 0.0 }
            }
            Leaf::Smooth(smooth) => smooth.sampler(),
        }
    }
}

impl Smooth {
    /// Whether values are drawn as the family gives them, without an atom at the floor or the ceiling.
    pub fn is_unclamped(&self) -> bool {
        self.floor == f64::NEG_INFINITY && self.ceiling == f64::INFINITY
    }

    /// The value at a tail probability.
    pub fn quantile(&self, side: Side, tail: f64) -> f64 {
        self.clamped(self.family.quantile(side, tail))
    }

    /// A value of the family, mapped and kept between the limits.
    fn clamped(&self, value: f64) -> f64 {
        (value * self.scale + self.shift).max(self.floor).min(self.ceiling)
    }

    fn sampler(&self) -> Made {
        let (floor, ceiling) = (self.floor.max(0.0), self.ceiling.min(LARGEST as f64));
        let table = cache::table(self.family.as_ref());
        let (mean, variance) = if self.is_unclamped() {
            let (mean, variance) = self.family.moments().unwrap_or((table.mean, table.variance));
            (mean * self.scale + self.shift, variance * self.scale * self.scale)
        } else {
            table::moments(|side, tail| self.clamped(table::value(&table.cells, side, tail)))
        };
        if table.error <= self.family.tolerance() {
            let (cells, scale, shift) = (table.cells.clone(), self.scale, self.shift);
            let sampler = Sampler::Table { cells, scale, shift, floor, ceiling };
            Made { sampler, mean, variance, error: table.error }
        } else {
            let sampler = Sampler::Direct(Arc::new(Smooth { floor, ceiling, ..self.clone() }));
            Made { sampler, mean, variance, error: 0.0 }
        }
    }
}

//! Laws of delay, service, think time and size: every law is a quantile function, one uniform becomes one variate.
//!
//! A [`LawSpec`] says which law; [`Law::compile`] checks it and turns it into something that draws in a few nanoseconds:
//! a quantile table (see `table`), a straight line, sorted samples. Values are nanoseconds for times and bytes for
//! sizes; draws are whole numbers below 2^52 (52 days in nanoseconds). Draws rise with the random bits, so two laws fed
//! with the same luck stay comparable request by request.
//!
//! A family is one file: its quantile function, asked with a *tail* probability and a side so that neither tail loses
//! precision, its tails, its moments.

mod cache;
mod constant;
mod describe;
mod exponential;
mod fours;
mod gamma;
mod leaf;
mod lognormal;
mod mixture;
mod pareto;
mod quantiles;
mod sampler;
mod samples;
mod table;
mod truncated;
mod uniform;
mod weibull;

use std::fmt::{self, Debug};
use std::sync::Arc;

use sampler::Sampler;

use crate::rng::Key;

/// The largest draw: 2^52 - 1.
pub const LARGEST: u64 = (1 << 52) - 1;

/// A law as asked for: plain data. Values are nanoseconds (or bytes), weights are relative to their sum.
#[derive(Clone, Debug, PartialEq)]
pub enum LawSpec {
    /// Always this value.
    Constant(f64),
    /// Every value from `low` to `high` alike.
    Uniform {
        /// Smallest value.
        low: f64,
        /// Largest value.
        high: f64,
    },
    /// Exponential law.
    Exponential {
        /// Mean value.
        mean: f64,
    },
    /// Lognormal law: e to the power of a normal variate.
    Lognormal {
        /// Median value.
        median: f64,
        /// Standard deviation of the logarithm, from 0 (constant) to 10.
        sigma: f64,
    },
    /// Gamma law; a whole `shape` makes it an Erlang law of so many stages.
    Gamma {
        /// Shape, from 0.1 to 10000; the coefficient of variation is its inverse square root.
        shape: f64,
        /// Mean value.
        mean: f64,
    },
    /// Weibull law: the tail beyond x is e^-((x / scale)^shape).
    Weibull {
        /// Shape, from 0.1 to 100; below 1 heavier than exponential.
        shape: f64,
        /// Scale: the value exceeded with probability 1/e.
        scale: f64,
    },
    /// Pareto law: the tail beyond x is (min / x)^shape.
    Pareto {
        /// Shape, from 0.1 to 1000; the mean is infinite up to 1, the variance up to 2.
        shape: f64,
        /// Smallest value.
        min: f64,
    },
    /// Mixture of exponential laws: (weight, mean) of each branch.
    Hyperexponential {
        /// The branches.
        branches: Vec<(f64, f64)>,
    },
    /// Mixture of laws: (weight, law) of each part.
    Mixture {
        /// The parts.
        parts: Vec<(f64, LawSpec)>,
    },
    /// Measured values in any order: a continuous law through the sorted values with their mean (each value is the
    /// middle of its share of probability, straight lines between).
    Samples(Arc<[f64]>),
    /// Given quantiles: (probability, value), probabilities from 0 (the minimum) to 1 (the maximum) rising.
    Quantiles(Arc<[(f64, f64)]>),
    /// A law plus a constant.
    Shifted {
        /// What is added.
        by: f64,
        /// The law.
        law: Box<LawSpec>,
    },
    /// A law given that the value lies between two limits.
    Truncated {
        /// Smallest value allowed.
        low: f64,
        /// Largest value allowed; may be infinite.
        high: f64,
        /// The law.
        law: Box<LawSpec>,
    },
    /// A law times a constant.
    Scaled {
        /// The factor.
        factor: f64,
        /// The law.
        law: Box<LawSpec>,
    },
}

/// Why a law cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LawError {
    /// A parameter outside its range.
    #[error("{parameter} of {law} law must be {allowed}, not {found}")]
    Parameter {
        /// The law, with its article: "an exponential".
        law: &'static str,
        /// The parameter, with its article: "the mean".
        parameter: &'static str,
        /// What is allowed.
        allowed: &'static str,
        /// What was given.
        found: f64,
    },
    /// A mixture without parts, or whose weights are all zero.
    #[error("a mixture needs at least one part with a weight above zero")]
    NoParts,
    /// An empty list of samples.
    #[error("a law of samples needs at least one value")]
    NoSamples,
    /// A list of quantiles that cannot be read as a rising curve.
    #[error("quantiles must be at least two with probabilities strictly between 0 and 1, both columns rising")]
    Quantiles,
    /// A truncation that leaves nothing.
    #[error("the law has no values between the limits of its truncation")]
    Empty,
    /// A law that reaches below zero after a shift.
    #[error("the law reaches below zero after its shift: times and sizes cannot")]
    Negative,
    /// A law with a median beyond what a draw can hold.
    #[error("the law's median is beyond 52 days (2^52 ns)")]
    TooLarge,
}

/// A law ready to draw from. Clones share their tables.
#[derive(Clone)]
pub struct Law {
    sampler: Sampler,
    facts: Arc<Facts>,
}

impl Debug for Law {
    /// As it was described: everything else follows from that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Law").field(&self.facts.spec).finish()
    }
}

/// What is known of a law beside its sampler.
#[derive(Debug)]
struct Facts {
    spec: LawSpec,
    mean: f64,
    variance: f64,
    error: f64,
}

/// The end of the uniform a probability is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// From above: the tail is 1 - u.
    Upper = 0,
    /// From below: the tail is u.
    Lower = 1,
}

/// A smooth law in its own unit. One a file.
trait Family: Debug + Send + Sync {
    /// The value beyond which, to this side, lies the probability `tail`, for 0 < tail <= 1/2.
    fn quantile(&self, side: Side, tail: f64) -> f64;
    /// The probabilities below and above `x`, each with its relative precision.
    fn tails(&self, x: f64) -> (f64, f64);
    /// Mean and variance, if a formula gives them; otherwise the table is integrated.
    fn moments(&self) -> Option<(f64, f64)>;
    /// The relative error up to which a table may stand for the formula.
    fn tolerance(&self) -> f64 {
        1e-6
    }
    /// Words that tell this family and shape from any other.
    fn key(&self, key: &mut Vec<u64>);
}

impl LawSpec {
    /// The lognormal law with two given quantiles (probability, value).
    ///
    /// # Errors
    /// When the probabilities are not strictly between 0 and 1 and rising, or the values not positive and rising.
    pub fn lognormal_with_quantiles(first: (f64, f64), second: (f64, f64)) -> Result<LawSpec, LawError> {
        lognormal::with_quantiles(first, second)
    }

    /// The lognormal law with a given mean and coefficient of variation (standard deviation over mean).
    ///
    /// # Errors
    /// When the mean is not positive or the coefficient negative.
    pub fn lognormal_with_mean(mean: f64, cv: f64) -> Result<LawSpec, LawError> {
        lognormal::with_mean(mean, cv)
    }

    /// The Erlang law: the sum of so many exponential stages, with this mean of the sum.
    pub fn erlang(stages: u32, mean: f64) -> LawSpec {
        LawSpec::Gamma { shape: f64::from(stages), mean }
    }

    /// One line that names the law with its parameters, values shown by `show`: "exponential, mean 20 ms".
    pub fn describe_with(&self, show: &dyn Fn(f64) -> String) -> String {
        describe::describe(self, show)
    }

    /// One line that names the law with its parameters as times.
    pub fn describe(&self) -> String {
        self.describe_with(&describe::as_time)
    }
}

impl Law {
    /// A law ready to draw from.
    ///
    /// # Errors
    /// When a parameter is outside its range, or the law could not give a time: see [`LawError`].
    pub fn compile(spec: &LawSpec) -> Result<Law, LawError> {
        let parts = leaf::leaves(spec)?;
        for (_, leaf) in &parts {
            if leaf.minimum() < 0.0 {
                return Err(LawError::Negative);
            }
        }
        let made = mixture::sampler(&parts);
        let law = Law {
            facts: Arc::new(Facts { spec: spec.clone(), mean: made.mean, variance: made.variance, error: made.error }),
            sampler: made.sampler,
        };
        // A draw at the limit means that half of all draws would be cut there.
        if law.draw(1 << 63) >= LARGEST { Err(LawError::TooLarge) } else { Ok(law) }
    }

    /// The law that always gives this many nanoseconds (or bytes), at most [`LARGEST`].
    pub fn constant(value: u64) -> Law {
        let value = value.min(LARGEST);
        let spec = LawSpec::Constant(value as f64);
        let facts = Facts { spec, mean: value as f64, variance: 0.0, error: 0.0 };
        Law { sampler: Sampler::Constant(value), facts: Arc::new(facts) }
    }

    /// The variate of 64 random bits, a whole number from 0 to [`LARGEST`]. It rises with the bits; for a mixture of
    /// laws that overlap and have a gap or an atom, it rises within each part only, and parts lie in order of their
    /// medians.
    #[inline(always)]
    pub fn draw(&self, bits: u64) -> u64 {
        self.sampler.draw(bits)
    }

    /// The variates of a block of random bits: the same values as one by one, faster.
    ///
    /// # Panics
    /// When the two slices differ in length.
    pub fn fill(&self, bits: &[u64], out: &mut [u64]) {
        assert_eq!(bits.len(), out.len(), "a block of draws needs as many places as random words");
        self.sampler.fill(bits, out);
    }

    /// Later times: to each of `from` the variate of its word with a key is added, `to[i] = from[i] + draw(bits(words[i]))`.
    ///
    /// # Panics
    /// When the three slices differ in length.
    pub fn add(&self, key: &Key, words: &[u64], from: &[u64], to: &mut [u64]) {
        assert_eq!(words.len(), from.len(), "every word needs a time to be added to");
        assert_eq!(words.len(), to.len(), "every word needs a place for its sum");
        self.sampler.draw_all(key, (words, from), to, |draw, from| draw + from);
    }

    /// The variates of many words with a key, `out[i] = draw(bits(words[i]))`.
    ///
    /// # Panics
    /// When the two slices differ in length.
    pub fn draw_all(&self, key: &Key, words: &[u64], out: &mut [u64]) {
        assert_eq!(words.len(), out.len(), "every word needs a place for its draw");
        self.sampler.draw_all(key, (words, words), out, |draw, _| draw);
    }

    /// Mean value; infinite when the law has none.
    pub fn mean(&self) -> f64 {
        self.facts.mean
    }

    /// Variance; infinite when the law has none.
    pub fn variance(&self) -> f64 {
        self.facts.variance
    }

    /// The value that a draw stays below with probability `p`, for p from 0 to 1. The ends are those that can be drawn,
    /// 2^-53 away from 0 and 1.
    pub fn quantile(&self, p: f64) -> f64 {
        self.sampler.quantile(p)
    }

    /// Worst relative error of the values drawn, as measured by the table's builder; 0 for laws drawn without a table.
    pub fn error(&self) -> f64 {
        self.facts.error
    }

    /// The value, if all draws are the same.
    pub fn is_constant(&self) -> Option<u64> {
        match self.sampler {
            Sampler::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// The law as it was asked for.
    pub fn spec(&self) -> &LawSpec {
        &self.facts.spec
    }

    /// One line that names the law with its parameters as times: "lognormal, median 12 ms, sigma 0.4".
    pub fn describe(&self) -> String {
        self.facts.spec.describe()
    }
}

/// `Ok(value)` if it is finite and positive, else the error that names it.
fn positive(law: &'static str, parameter: &'static str, value: f64) -> Result<f64, LawError> {
    within(law, parameter, value, f64::MIN_POSITIVE..=f64::MAX, "above zero")
}

/// `Ok(value)` if it lies in the range, else the error that names it.
fn within(
    law: &'static str,
    parameter: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
    allowed: &'static str,
) -> Result<f64, LawError> {
    if range.contains(&value) { Ok(value) } else { Err(LawError::Parameter { law, parameter, allowed, found: value }) }
}

/// A word of a family's key from its name.
const fn tag(name: &[u8; 8]) -> u64 {
    u64::from_le_bytes(*name)
}

#[cfg(test)]
mod tests;

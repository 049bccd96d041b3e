//! Laws and the generator that a model draws from.

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use rand_distr::{Distribution, Exp, LogNormal};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A law of times, in seconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Law {
    /// Exponential, by its rate.
    Exponential(f64),
    /// Lognormal, by mean and deviation of the logarithm.
    Lognormal(f64, f64),
}

impl Law {
    /// A lognormal law by its median.
    pub fn from_median(median: f64, sigma: f64) -> Law {
        Law::Lognormal(median.ln(), sigma)
    }
}

/// A law ready to draw from.
enum Sampler {
    Exponential(Exp<f64>),
    Lognormal(LogNormal<f64>),
}

/// What a model draws with: a generator of its own. State of a run, not of the bench, so it is no part of what a model
/// saves.
pub struct Luck {
    rng: SmallRng,
    sampler: Sampler,
}

impl Luck {
    /// A generator for one model of a run.
    pub fn new(seed: u64, model: u64, law: Law) -> Luck {
        let sampler = match law {
            Law::Exponential(rate) => Sampler::Exponential(Exp::new(rate).expect("a positive rate")),
            Law::Lognormal(mu, sigma) => Sampler::Lognormal(LogNormal::new(mu, sigma).expect("finite parameters")),
        };
        Luck { rng: SmallRng::seed_from_u64(seed << 16 | model), sampler }
    }

    /// A time drawn from the law.
    pub fn span(&mut self) -> Duration {
        let seconds = match &self.sampler {
            Sampler::Exponential(law) => law.sample(&mut self.rng),
            Sampler::Lognormal(law) => law.sample(&mut self.rng),
        };
        // NeXosim schedules in nanoseconds, and only into the future.
        Duration::from_nanos(((seconds * 1e9) as u64).max(1))
    }

    /// True with probability `p`.
    pub fn happens(&mut self, p: f64) -> bool {
        self.rng.random::<f64>() < p
    }
}

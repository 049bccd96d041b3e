//! What rules for the warm-up do to mean and p99 of an M/M/1 that starts empty or with a backlog.

use super::all;
use gatepath::stats::interval::{Sections, mean};
use gatepath::stats::warmup::mser5;
use gatepath::stats::{Histogram, Series, Timeline, Warmup};
use gatepath::time::{Span, Time};

/// Where an experiment starts.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Requests in the queue at the start.
    pub backlog: usize,
    /// Utilisation.
    pub load: f64,
    /// Requests of each of ten replications.
    pub requests: usize,
}

/// A rule that says how many requests are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// None.
    None,
    /// The first twentieth.
    Twentieth,
    /// MSER-5 in each replication by itself.
    Each,
    /// MSER-5 on the average over replications.
    Ensemble,
    /// What `run: {warmup: auto}` does: MSER-5 on the series of all replications, a tenth at least.
    Auto,
}

/// All of them, in the order of the table.
pub const RULES: [Rule; 5] = [Rule::None, Rule::Twentieth, Rule::Each, Rule::Ensemble, Rule::Auto];

/// Relative bias and coverage of mean and p99.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effect {
    /// Mean estimate over the truth, less one: of the mean and of p99.
    pub bias: [f64; 2],
    /// Share of 95 % intervals that hold the truth.
    pub coverage: [f64; 2],
}

impl Start {
    /// What each rule does, over so many experiments.
    pub fn effects(self, experiments: usize) -> Vec<Effect> {
        let found = all(experiments, |seed| self.experiment(seed));
        let n = experiments as f64;
        let sum = |rule: usize| {
            found.iter().fold(Effect::default(), |mut sum, one| {
                for i in 0..2 {
                    sum.bias[i] += one[rule].bias[i] / n;
                    sum.coverage[i] += one[rule].coverage[i] / n;
                }
                sum
            })
        };
        (0..RULES.len()).map(sum).collect()
    }

    fn experiment(self, seed: u64) -> Vec<Effect> {
        let runs: Vec<Vec<f64>> = (0..10).map(|r| self.replication(seed * 10 + r)).collect();
        let average: Vec<f64> = (0..self.requests).map(|i| runs.iter().map(|run| run[i]).sum::<f64>() / 10.0).collect();
        let truth = 1.0 / (1.0 - self.load);
        let effect = |rule: &Rule| {
            let ensemble = match rule {
                Rule::None | Rule::Each => 0,
                Rule::Twentieth => self.requests / 20,
                Rule::Ensemble => mser5(&average).delete,
                Rule::Auto => self.auto(&runs),
            };
            let of = |run: &Vec<f64>| if *rule == Rule::Each { mser5(run).delete } else { ensemble };
            let kept: Vec<&[f64]> = runs.iter().map(|run| &run[of(run)..]).collect();
            let means: Vec<f64> = kept.iter().map(|run| run.iter().sum::<f64>() / run.len() as f64).collect();
            let histograms: Vec<Histogram> = kept.iter().map(|run| histogram(run)).collect();
            let p99 = Sections::new(&histograms.iter().collect::<Vec<_>>()).quantile(0.99, 0.95).scaled(1e-6);
            let found = [(mean(&means, 0.95), truth), (p99, truth * 100f64.ln())];
            Effect {
                bias: found.map(|(interval, truth)| interval.value / truth - 1.0),
                coverage: found.map(|(interval, truth)| f64::from(u8::from(interval.covers(truth)))),
            }
        };
        RULES.iter().map(effect).collect()
    }

    /// The warm-up as a study decides it; requests stand for time, one a millisecond.
    fn auto(self, runs: &[Vec<f64>]) -> usize {
        let mut ensemble = Series::new(Span::from_millis(self.requests as u64), None);
        let least = Span::from_millis(self.requests as u64 / 10);
        let timelines: Vec<Timeline> = runs
            .iter()
            .map(|run| {
                let mut series = Series::new(Span::from_millis(self.requests as u64), None);
                for (i, value) in run.iter().enumerate() {
                    series.finish(Time(i as u64 * 1_000_000), Span((value * 1e6) as u64), true);
                }
                ensemble.merge(&series);
                Timeline::of(&series, Time(least.0))
            })
            .collect();
        (Warmup::of(&ensemble, &timelines, least, &[0.99]).length.0 / 1_000_000) as usize
    }

    /// Response times in mean services, by Lindley's recursion.
    fn replication(self, seed: u64) -> Vec<f64> {
        let mut luck = Luck(seed << 32);
        let mut wait: f64 = (0..self.backlog).map(|_| luck.exponential()).sum();
        let mut response = || {
            let service = luck.exponential();
            let response = wait + service;
            wait = f64::max(0.0, response - luck.exponential() / self.load);
            response
        };
        (0..self.requests).map(|_| response()).collect()
    }
}

fn histogram(values: &[f64]) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.record_all(&values.iter().map(|value| (value * 1e6) as u64).collect::<Vec<_>>());
    histogram
}

/// Uniform numbers from a counter (SplitMix64), independent of the generator under test elsewhere.
struct Luck(u64);

impl Luck {
    fn exponential(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        -((((mixed ^ (mixed >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln()
    }
}

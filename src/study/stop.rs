//! When a study has seen enough: replications in waves of 10, 20, 40, 80, until every metric asked for is precise enough or
//! the budget is spent.
//!
//! Waves are whole and decided from whole waves, and the budget is counted in replications and simulated requests, never in
//! time; so the number of replications is the same on every machine. An interval is precise enough when its half-width is at
//! most g / (1 + g) of the estimate, where g is the relative error asked for (Law, Simulation Modeling and Analysis, chapter 9;
//! Chow and Robbins 1965), and when it can be trusted. Looking after each wave costs confidence, which wider intervals pay for
//! (`Case::level`).

use super::estimate::{Measure, Metric};
use crate::stats::Trust;

/// What precision is asked for, and what it may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Precision {
    /// Relative error of each metric, over all requests.
    pub targets: Vec<(Metric, f64)>,
    /// Most replications.
    pub replications: usize,
    /// Most requests simulated, over all replications and all scenarios that are compared.
    pub requests: u64,
}

/// Which rule ended the replications of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// The number of replications was given.
    Fixed,
    /// Every metric is as precise as asked.
    Precise,
    /// The most replications allowed are done, or the next wave would simulate more requests than allowed; these metrics are
    /// less precise than asked.
    Budget {
        /// Metric, achieved relative error, relative error asked for, and whether the interval can be trusted.
        short: Vec<(Metric, f64, f64, Trust)>,
        /// Whether it was the number of requests that ran out.
        requests: bool,
    },
    /// The system does not keep up, so more replications would tell nothing.
    Unstable,
}

impl Ended {
    /// One word for tables: `fixed`, `precise`, `replications`, `requests` (the budgets), `unstable`.
    pub fn word(&self) -> &'static str {
        match self {
            Ended::Fixed => "fixed",
            Ended::Precise => "precise",
            Ended::Budget { requests: false, .. } => "replications",
            Ended::Budget { requests: true, .. } => "requests",
            Ended::Unstable => "unstable",
        }
    }
}

impl Precision {
    /// Relative error of mean and p99 unless told otherwise.
    pub const RELATIVE: f64 = 0.05;

    /// The metrics that are less precise than asked, or cannot be trusted.
    pub fn short(&self, measures: &[Measure]) -> Vec<(Metric, f64, f64, Trust)> {
        let short = |&(metric, asked): &(Metric, f64)| {
            let interval = measures.iter().find(|measure| measure.metric == metric)?.interval;
            let achieved = interval.half_width() / interval.value.abs();
            // A half-width relative to the estimate bounds the error relative to the truth by g = w / (1 - w).
            let precise = achieved <= asked / (1.0 + asked) && interval.trust == Trust::Good;
            (!precise).then_some((metric, achieved / (1.0 - achieved).max(0.0), asked, interval.trust))
        };
        self.targets.iter().filter_map(short).collect()
    }

    /// The next wave after `done` replications that simulated `requests` requests; the budget that is spent when there is
    /// none.
    pub fn next(&self, done: usize, requests: u64) -> Result<usize, bool> {
        let next = (2 * done).min(self.replications);
        let expected = u128::from(requests) * next as u128 / done.max(1) as u128;
        match next > done {
            false => Err(false),
            true if expected > u128::from(self.requests) => Err(true),
            true => Ok(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Interval;

    fn precision() -> Precision {
        Precision {
            targets: vec![(Metric::Mean, 0.05), (Metric::Quantile(0.99), 0.1)],
            replications: 80,
            requests: 1000,
        }
    }

    fn measure(metric: Metric, half_width: f64, trust: Trust) -> Measure {
        let interval = Interval { value: 100.0, low: 100.0 - half_width, high: 100.0 + half_width, units: 10, trust };
        Measure { metric, interval, observations: 10, values: Vec::new(), points: Vec::new() }
    }

    #[test]
    fn precise_means_narrow_and_trusted() {
        let short = |mean: f64, trust| {
            let measures = [measure(Metric::Mean, mean, Trust::Good), measure(Metric::Quantile(0.99), 9.0, trust)];
            precision().short(&measures).iter().map(|short| short.0).collect::<Vec<_>>()
        };
        assert_eq!(short(4.7, Trust::Good), []);
        assert_eq!(short(4.9, Trust::Good), [Metric::Mean], "5 % of the truth is 4.76 % of the estimate");
        assert_eq!(short(4.7, Trust::Caution), [Metric::Quantile(0.99)]);
    }

    #[test]
    fn waves_double_until_a_budget_is_spent() {
        let precision = precision();
        assert_eq!([precision.next(10, 100), precision.next(20, 200)], [Ok(20), Ok(40)]);
        assert_eq!(precision.next(40, 700), Err(true));
        assert_eq!(precision.next(50, 100), Ok(80));
        assert_eq!(precision.next(80, 100), Err(false));
    }
}

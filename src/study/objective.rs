//! Verdicts on objectives: met, missed, or not to be told from the data at hand.

use super::estimate::{Estimates, Metric};
use crate::scenario::{Measured, Objective};
use crate::stats::{Interval, Trust};

/// What the data says of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The whole interval lies on the right side of the limit.
    Met,
    /// The interval straddles the limit, or there is none.
    Inconclusive,
    /// The whole interval lies on the wrong side.
    Missed,
}

/// An objective with its verdict and the estimate behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The objective as written.
    pub objective: Objective,
    /// The verdict.
    pub verdict: Verdict,
    /// The estimate, in nanoseconds, requests a second or as a share.
    pub interval: Interval,
}

impl Verdict {
    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Missed => "missed",
        }
    }

    /// Where an interval lies with respect to a limit from `below` or above.
    pub(super) fn of(interval: &Interval, limit: f64, below: bool) -> Verdict {
        let (right, wrong) = match below {
            true => (interval.high < limit, interval.low >= limit),
            false => (interval.low > limit, interval.high <= limit),
        };
        match (right, wrong) {
            (true, _) => Verdict::Met,
            (_, true) => Verdict::Missed,
            _ => Verdict::Inconclusive,
        }
    }
}

impl Judgement {
    /// Judges an objective.
    ///
    /// A quantile that rests on few observations has too narrow an interval. Then the share of requests beyond the limit
    /// decides, which is well known even where the quantile is not.
    pub fn of(objective: &Objective, estimates: &Estimates) -> Judgement {
        let (metric, class) = (metric(objective), class(objective));
        let measure = estimates.measure_of(class, metric).filter(|_| estimates.status.is_complete());
        let interval = measure.map_or(Interval::UNKNOWN, |measure| measure.interval);
        let verdict = match (metric, interval.trust) {
            (Metric::Quantile(p), Trust::TooFewObservations) => {
                let beyond = estimates.share_above(class, objective.limit);
                Verdict::of(&beyond, 1.0 - p, objective.below)
            }
            _ => Verdict::of(&interval, objective.limit, objective.below),
        };
        Judgement { objective: objective.clone(), verdict, interval }
    }

    /// The metric that the objective limits.
    pub fn metric(&self) -> Metric {
        metric(&self.objective)
    }

    /// The class of requests that the objective is about; `all` for all of them.
    pub fn class(&self) -> &str {
        class(&self.objective)
    }
}

/// The metric that an objective limits.
pub fn metric(objective: &Objective) -> Metric {
    metric_of(objective.measured)
}

/// The metric of a measured quantity.
pub fn metric_of(measured: Measured) -> Metric {
    match measured {
        Measured::Quantile(p) => Metric::Quantile(p),
        Measured::Mean => Metric::Mean,
        Measured::Errors => Metric::Errors,
        Measured::Throughput => Metric::Throughput,
    }
}

/// The class of requests that an objective is about; `all` for all of them.
pub fn class(objective: &Objective) -> &str {
    objective.class.as_ref().map_or(Estimates::ALL, |class| &class.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(low: f64, high: f64) -> Interval {
        Interval { value: (low + high) / 2.0, low, high, units: 10, trust: Trust::Good }
    }

    #[test]
    fn an_interval_that_straddles_the_limit_is_inconclusive() {
        let verdicts = |below| {
            [(1.0, 2.0), (2.0, 4.0), (3.0, 4.0), (4.0, 5.0)].map(|(l, h)| Verdict::of(&interval(l, h), 3.0, below))
        };
        assert_eq!(verdicts(true), [Verdict::Met, Verdict::Inconclusive, Verdict::Missed, Verdict::Missed]);
        assert_eq!(verdicts(false), [Verdict::Missed, Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Met]);
    }

    #[test]
    fn nothing_known_is_inconclusive() {
        assert_eq!(Verdict::of(&Interval::UNKNOWN, 3.0, true), Verdict::Inconclusive);
        assert_eq!(Verdict::of(&interval(f64::NAN, f64::NAN), 3.0, false), Verdict::Inconclusive);
    }
}

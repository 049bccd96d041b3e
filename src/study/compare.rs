//! Scenarios side by side: differences between each and the first, replication by replication.
//!
//! Draws are keyed by what they are for, so that two scenarios with the same seed see the same users, demands and failures
//! (common random numbers). The difference of a metric is therefore taken within each replication, and its interval is that
//! of the paired differences, usually several times narrower than the two intervals suggest.

use super::cost::{Cost, CostDifference};
use super::estimate::{Estimates, Measure, Metric};
use crate::stats::interval::{self, Interval};

/// One scenario against the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the one it is compared with.
    pub reference: String,
    /// The differences, metric by metric.
    pub differences: Vec<Difference>,
    /// The difference of the bills, where both have one.
    pub cost: Option<CostDifference>,
}

/// A metric of the scenario minus that of the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The metric.
    pub metric: Metric,
    /// Value of the reference.
    pub reference: f64,
    /// The paired difference.
    pub interval: Interval,
    /// Variance of two independent runs over the variance of the paired difference: how much common random numbers gain.
    /// Infinite when the difference is the same in every replication.
    pub gain: f64,
    /// What it means.
    pub change: Change,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The whole interval lies on the good side of zero.
    Better,
    /// The whole interval lies on the bad side of zero.
    Worse,
    /// No difference in any replication.
    Same,
    /// The interval holds zero.
    Undecided,
    /// A load that differs, or a throughput that differs with it: neither good nor bad.
    Different,
}

impl Change {
    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Change::Better => "better",
            Change::Worse => "worse",
            Change::Same => "same",
            Change::Undecided => "undecided",
            Change::Different => "different",
        }
    }

    /// What a difference of costs means: less is better.
    pub fn of_cost(interval: &Interval) -> Change {
        Change::of(Metric::Mean, interval)
    }

    fn of(metric: Metric, interval: &Interval) -> Change {
        if interval.low == 0.0 && interval.high == 0.0 {
            return Change::Same;
        }
        // An interval that is not bounded, or holds zero, says nothing.
        if !(interval.low > 0.0 || interval.high < 0.0) {
            return Change::Undecided;
        }
        let more = interval.low > 0.0;
        match metric {
            Metric::Offered => Change::Different,
            Metric::Throughput if more => Change::Better,
            Metric::Throughput => Change::Worse,
            Metric::Errors | Metric::Mean | Metric::Quantile(_) if more => Change::Worse,
            Metric::Errors | Metric::Mean | Metric::Quantile(_) => Change::Better,
        }
    }
}

impl Comparison {
    /// With the difference of the bills, where both have one.
    pub fn with_cost(self, scenario: Option<&Cost>, reference: Option<&Cost>, confidence: f64) -> Comparison {
        let cost = scenario.zip(reference).map(|(mine, theirs)| mine.less(theirs, confidence));
        Comparison { cost, ..self }
    }

    /// Compares a scenario with a reference that has the same seed and replications. Metrics that only one of them has, and
    /// all of a scenario that was not complete, are left out.
    pub fn of(scenario: (&str, &Estimates), reference: (&str, &Estimates)) -> Comparison {
        let comparable = scenario.1.status.is_complete() && reference.1.status.is_complete();
        let measures = scenario.1.classes.first().filter(|_| comparable).map_or(&[][..], |class| &class.measures);
        let mut differences: Vec<Difference> = measures
            .iter()
            .filter_map(|mine| Some(difference(mine, reference.1.measure(mine.metric)?, scenario.1.confidence)))
            .collect();
        let change_of = |metric| differences.iter().find(|one| one.metric == metric).map(|one| one.change);
        if change_of(Metric::Offered) != Some(Change::Same) {
            // More served because more came is no merit.
            let throughput = differences.iter_mut().find(|one| one.metric == Metric::Throughput);
            throughput
                .into_iter()
                .filter(|one| one.change == Change::Better)
                .for_each(|one| one.change = Change::Different);
        }
        Comparison { scenario: scenario.0.to_owned(), reference: reference.0.to_owned(), differences, cost: None }
    }
}

fn difference(mine: &Measure, theirs: &Measure, confidence: f64) -> Difference {
    let pairs = mine.values.iter().zip(&theirs.values);
    let differences: Vec<f64> = pairs.map(|(mine, theirs)| mine - theirs).collect();
    let interval = match mine.metric {
        Metric::Quantile(_) => {
            let value = mine.interval.value - theirs.interval.value;
            let paired = interval::paired_sections(value, &mine.points, &theirs.points, confidence);
            Interval { trust: paired.trust.max(mine.interval.trust).max(theirs.interval.trust), ..paired }
        }
        _ => interval::mean(&differences, confidence),
    };
    Difference {
        metric: mine.metric,
        reference: theirs.interval.value,
        gain: (variance(&mine.values) + variance(&theirs.values)) / variance(&differences),
        change: Change::of(mine.metric, &interval),
        interval,
    }
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Trust;

    fn measure(metric: Metric, values: &[f64]) -> Measure {
        let interval = interval::mean(values, 0.95);
        Measure { metric, interval, observations: 1000, values: values.to_vec(), points: Vec::new() }
    }

    #[test]
    fn equal_scenarios_differ_by_exactly_nothing() {
        let same = measure(Metric::Mean, &[1.0, 2.5, 3.0]);
        let difference = difference(&same, &same, 0.95);
        assert_eq!((difference.interval.low, difference.interval.high, difference.change), (0.0, 0.0, Change::Same));
    }

    #[test]
    fn pairing_decides_what_two_intervals_leave_open() {
        let (a, b) = ([10.0, 20.0, 30.0, 40.0], [11.0, 21.2, 30.9, 41.1]);
        let (a, b) = (measure(Metric::Mean, &a), measure(Metric::Mean, &b));
        assert!(a.interval.covers(b.interval.value) && b.interval.covers(a.interval.value));
        let difference = difference(&b, &a, 0.95);
        assert_eq!(difference.change, Change::Worse);
        assert!(difference.gain > 100.0);
    }

    #[test]
    fn more_is_better_for_throughput_only() {
        let up = Interval { value: 2.0, low: 1.0, high: 3.0, units: 10, trust: Trust::Good };
        let changes = [Metric::Offered, Metric::Throughput, Metric::Errors, Metric::Mean, Metric::Quantile(0.5)]
            .map(|metric| Change::of(metric, &up));
        assert_eq!(changes, [Change::Different, Change::Better, Change::Worse, Change::Worse, Change::Worse]);
    }

    #[test]
    fn one_replication_decides_nothing() {
        let (a, b) = (measure(Metric::Mean, &[1.0]), measure(Metric::Mean, &[2.0]));
        assert_eq!(difference(&a, &b, 0.95).change, Change::Undecided);
    }
}

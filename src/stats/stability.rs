//! Whether a system keeps up with its load, told before any mean of it is shown; and Little's law as a check of the counts.
//!
//! The number in the system is known at the end of every interval, as arrivals less ends. Where it grows in proportion to
//! time, a part of the arrivals stays for good: the slope of the number over the second half of the measured time, over the
//! rate of arrivals, is the share that the system cannot serve. One slope a replication gives an interval.

use super::interval::{self, Interval};
use super::timeline::Timeline;
use crate::time::Time;

/// What is said of a system before its means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It keeps up.
    Stable,
    /// Work was left over, or the number in the system still grew slowly: longer runs would show other numbers.
    Backlogged,
    /// More comes than is served: no steady state exists, and every number depends on the length of the run.
    Overloaded,
}

/// The verdict with what it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stability {
    /// The verdict.
    pub verdict: Verdict,
    /// Share of the arrivals that stays in the system, over the second half of the measured time, at 99.8 % confidence.
    pub growth: Interval,
    /// Little's law.
    pub little: Little,
}

/// Little's law, L = lambda W: the mean number in the system by counting, and by the latencies of those who arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Little {
    /// Mean number in the system: arrivals less ends, at the ends of the intervals of the series.
    pub counted: f64,
    /// Latencies of the requests born in the measured time, over its length.
    pub by_latency: f64,
    /// The first less the second, replication by replication, at 99.9 % confidence; unknown where the load varies.
    pub difference: Interval,
}

/// Share of the arrivals that may stay before a system is overloaded.
const DRIFT: f64 = 0.005;
/// Share of the requests that may end after the last arrival where the load varies.
const LEFT_OVER: f64 = 0.05;
/// Confidence of the slope: one in a thousand on the side that matters.
const CERTAIN: f64 = 0.998;

impl Verdict {
    /// One word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Stable => "stable",
            Verdict::Backlogged => "backlogged",
            Verdict::Overloaded => "overloaded",
        }
    }
}

impl Stability {
    /// What is known of runs that did not come to their end.
    pub const UNKNOWN: Stability = Stability {
        verdict: Verdict::Overloaded,
        growth: Interval::UNKNOWN,
        little: Little { counted: f64::NAN, by_latency: f64::NAN, difference: Interval::UNKNOWN },
    };

    /// The verdict on complete runs measured from `from` on. `steady` says whether the load is the same at any time,
    /// `left_over` which share of the requests ended only after the last arrival, and `by_latency` the sum of latencies over
    /// the measured time of each replication.
    pub fn of(timelines: &[Timeline], from: Time, steady: bool, left_over: f64, by_latency: &[f64]) -> Stability {
        let drifts: Vec<Drift> = timelines.iter().map(|one| Drift::of(one, from)).collect();
        let growth = interval::mean(&drifts.iter().map(|drift| drift.share).collect::<Vec<_>>(), CERTAIN);
        let mean = |value: fn(&Drift) -> f64| drifts.iter().map(value).sum::<f64>() / drifts.len() as f64;
        // A random walk of arrivals against ends strays by the root of both.
        let strays = (2.0 * mean(|drift| drift.arrivals) / drifts.len() as f64).sqrt();
        let (grown, present) = (mean(|drift| drift.grown), mean(|drift| drift.present));
        let certain = growth.low > 0.0 || grown > 4.0 * strays;
        let verdict = match steady {
            true if certain && growth.value > DRIFT => Verdict::Overloaded,
            true if certain && grown > 1.0 && grown > 0.1 * present => Verdict::Backlogged,
            false if left_over > LEFT_OVER => Verdict::Backlogged,
            _ => Verdict::Stable,
        };
        let counted = present;
        let by = by_latency.iter().sum::<f64>() / by_latency.len() as f64;
        let differences: Vec<f64> = drifts.iter().zip(by_latency).map(|(drift, by)| drift.present - by).collect();
        // The ends of intervals are a fair sample of a steady system only.
        let difference = if steady { interval::mean(&differences, 0.999) } else { Interval::UNKNOWN };
        Stability { verdict, growth, little: Little { counted, by_latency: by, difference } }
    }
}

impl Little {
    /// Whether the two can be compared.
    pub fn is_tested(&self) -> bool {
        self.difference.high.is_finite()
    }

    /// Whether the two agree, if they can be compared: within chance, or within 2 %.
    pub fn holds(&self) -> bool {
        self.difference.covers(0.0) || self.difference.value.abs() <= 0.02 * self.by_latency
    }
}

/// One replication in the second half of its measured time.
struct Drift {
    /// Requests that arrived.
    arrivals: f64,
    /// How much the number in the system grew, by its slope.
    grown: f64,
    /// The same as a share of the arrivals.
    share: f64,
    /// Mean number in the system, over all of the measured time.
    present: f64,
}

impl Drift {
    fn of(timeline: &Timeline, from: Time) -> Drift {
        let present = timeline.present();
        let first = timeline.first(from).min(present.len());
        let middle = first + (present.len() - first) / 2;
        let (half, n) = (&present[middle..], (present.len() - middle) as f64);
        let arrivals: f64 = timeline.moments[middle..].iter().map(|moment| moment.arrivals as f64).sum();
        let centre = (n - 1.0) / 2.0;
        let mean = half.iter().sum::<f64>() / n;
        let products: f64 = half.iter().enumerate().map(|(i, value)| (i as f64 - centre) * (value - mean)).sum();
        let squares = n * (n * n - 1.0) / 12.0;
        let grown = if squares > 0.0 { products / squares * n } else { 0.0 };
        let share = if arrivals > 0.0 { grown / arrivals } else { 0.0 };
        // Trapezoids, as the number at the start counts half.
        let before = first.checked_sub(1).map_or(0.0, |last| present[last]);
        let ends = (before + present.last().copied().unwrap_or(0.0)) / 2.0;
        let inner: f64 = present[first..present.len().max(first + 1) - 1].iter().sum();
        let present = (ends + inner) / (present.len() - first) as f64;
        Drift { arrivals, grown, share, present }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::timeline::Moment;
    use crate::time::Span;

    /// Ten replications of 100 s whose number present is `present` at the end of a second.
    fn judged(steady: bool, present: impl Fn(u64, u64) -> f64) -> Stability {
        let one = |replication| {
            let mut last = 0.0;
            let moment = |second| {
                let now = present(replication, second);
                let ended = (1000.0 + last - now) as u64;
                last = now;
                let (quantiles, beyond) = ([1.0; 3], [0; Timeline::LEVELS.len()]);
                Moment { arrivals: 1000, successes: ended, failures: 0, latency: 0, quantiles, beyond }
            };
            Timeline { interval: Span::from_secs(1), moments: (0..100).map(moment).collect() }
        };
        let timelines: Vec<Timeline> = (0..10).map(one).collect();
        Stability::of(&timelines, Time(10_000_000_000), steady, 0.0, &[20.0; 10])
    }

    #[test]
    fn a_number_that_grows_with_time_is_an_overload() {
        let stability = judged(true, |r, s| (20 * s + r) as f64);
        assert_eq!(stability.verdict, Verdict::Overloaded);
        assert!((stability.growth.value - 0.02).abs() < 1e-3, "{stability:?}");
    }

    #[test]
    fn a_number_that_swings_is_stable_and_obeys_littles_law() {
        let stability = judged(true, |r, s| 20.0 + ((7 * s + 3 * r) % 11) as f64 - 5.0);
        assert_eq!(stability.verdict, Verdict::Stable);
        assert!(stability.little.holds() && (stability.little.counted - 20.0).abs() < 0.5, "{stability:?}");
    }

    #[test]
    fn slow_growth_is_a_backlog() {
        assert_eq!(judged(true, |r, s| (2 * s + r % 3) as f64).verdict, Verdict::Backlogged);
    }

    #[test]
    fn a_load_that_grows_by_plan_is_no_overload() {
        assert_eq!(judged(false, |_, s| (20 * s) as f64).verdict, Verdict::Stable);
    }

    #[test]
    fn counts_that_contradict_littles_law_are_noticed() {
        assert!(!judged(true, |_, s| 30.0 + (s % 2) as f64).little.holds());
    }
}

//! How much of the start of a run is left out, because a system that starts empty looks faster than it is.
//!
//! Data is deleted by simulated time, the same time in every replication and in every scenario compared.

use super::interval;
use super::series::Series;
use super::timeline::{Moment, Timeline};
use crate::time::{Span, Time};

/// Where measuring begins, and why there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warmup {
    /// Time left out at the start.
    pub length: Span,
    /// What decided.
    pub why: Why,
}

/// What decides how long the warm-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The scenario says so.
    Given,
    /// The load changes over time, so there is no steady state to be found: the share that is left out at least.
    Varying,
    /// The runs ended without estimates, or there are too few of them or of intervals to be searched: the share that is left out at least.
    Unsearched,
    /// MSER-5 would delete no more than the share that is left out at least, or what it would delete beyond that is no other
    /// than what remains, as far as the replications can tell.
    Least {
        /// What it would delete.
        found: Span,
    },
    /// MSER-5 deletes more than that share.
    Found,
    /// MSER-5 would delete half of the run or more: it is too short to show a steady state.
    Unsettled,
}

/// Intervals below which a series is not searched.
const FEWEST: usize = 20;
/// Intervals below which they are not batched: MSER-5 with batches of one, as each is a mean over many requests already.
const FEW: usize = 100;

impl Warmup {
    /// The warm-up of a system in steady traffic, from the series of all replications of the pilot together and the timeline
    /// of each; never shorter than `least`, which costs little and guards against the little that MSER-5 leaves.
    ///
    /// MSER-5 also cuts early excursions that are chance, and so biases what remains down (at utilisation 0.9 by 0.4 % of a p99
    /// in one experiment of seven). So what it deletes beyond `least` must begin with latencies that differ from what remains by
    /// more than chance: the difference of the means, replication by replication, at 80 % confidence.
    pub fn of(ensemble: &Series, timelines: &[Timeline], least: Span) -> Warmup {
        let means = ensemble.mean_latencies();
        if means.len() < FEWEST {
            return Warmup { length: least, why: Why::Unsearched };
        }
        let truncation = mser(&means, if means.len() < FEW { 1 } else { 5 });
        let found = Span(ensemble.interval().0 * truncation.delete as u64);
        if found <= least || !is_different(timelines, least, found) {
            return Warmup { length: least, why: Why::Least { found } };
        }
        Warmup { length: found, why: if truncation.settled { Why::Found } else { Why::Unsettled } }
    }

    /// The instant at which measuring begins.
    pub fn end(&self) -> Time {
        Time(self.length.0)
    }
}

impl Why {
    /// One word for tables: `given`, `varying`, `unsearched`, `least`, `mser5`, `unsettled`.
    pub fn word(self) -> &'static str {
        match self {
            Why::Given => "given",
            Why::Varying => "varying",
            Why::Unsearched => "unsearched",
            Why::Least { .. } => "least",
            Why::Found => "mser5",
            Why::Unsettled => "unsettled",
        }
    }
}

/// Whether the latencies in the first quarter of the time from `least` to `found` differ from those after `found` by more than
/// chance. What is left of a start is largest there, and chance excursions are as a rule at the end, where MSER-5 cuts.
fn is_different(timelines: &[Timeline], least: Span, found: Span) -> bool {
    let mean = |moments: &[Moment]| {
        let (latency, ended) =
            moments.iter().fold((0, 0), |sum, moment| (sum.0 + moment.latency, sum.1 + moment.ended()));
        latency as f64 / ended as f64
    };
    let difference = |one: &Timeline| {
        let [first, end] = [least, found].map(|span| one.first(Time(span.0)).min(one.moments.len()));
        let quarter = first + (end - first).div_ceil(4);
        mean(&one.moments[first..quarter]) - mean(&one.moments[end..])
    };
    let differences: Vec<f64> = timelines.iter().map(difference).filter(|one| !one.is_nan()).collect();
    !interval::mean(&differences, 0.8).covers(0.0)
}

/// What MSER-5 says of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// How many observations to delete from the start.
    pub delete: usize,
    /// False when the minimum lies at the end of the range searched: the run is too short to tell.
    pub settled: bool,
}

/// MSER-5 (White 1997; Spratt 1998): in batches of five, the truncation that minimises the standard error of what remains,
/// among the first half of the series.
///
/// Give it the *average over replications*: applied to single replications it cuts large early excursions, good data
/// included, and biases tails down (p99 by 3 to 7 % in measurements).
pub fn mser5(series: &[f64]) -> Truncation {
    mser(series, 5)
}

/// The same with batches of `size`.
fn mser(series: &[f64], size: usize) -> Truncation {
    let batches: Vec<f64> = series.chunks_exact(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect();
    let bound = batches.len() / 2;
    let mut best = (f64::INFINITY, 0);
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    // Backwards with running sums (Welford), so the whole search is linear.
    for (d, &batch) in batches.iter().enumerate().rev() {
        n += 1.0;
        let step = batch - mean;
        mean += step / n;
        squares += step * (batch - mean);
        if d <= bound && squares / (n * n) <= best.0 {
            best = (squares / (n * n), d);
        }
    }
    Truncation { delete: size * best.1, settled: !batches.is_empty() && best.1 < bound }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform noise in -0.5 to 0.5.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
        }
    }

    /// The warm-up found from ten replications of 600 s with 20 requests a second, whose latency is what `latency` says of
    /// replication and second.
    fn warmup(latency: impl Fn(u64, u64) -> f64) -> Warmup {
        let least = Span::from_secs(60);
        let mut noise = noise(7);
        let mut replication = |r| {
            let mut series = Series::new(Span::from_secs(600), None);
            for second in 0..600 {
                for i in 0..20 {
                    let value = latency(r, second) * (1.0 + 0.5 * noise());
                    series.finish(Time(second * 1_000_000_000 + i * 50_000_000), Span(value as u64), true);
                }
            }
            series
        };
        let all: Vec<Series> = (0..10).map(&mut replication).collect();
        let timelines: Vec<Timeline> = all.iter().map(|series| Timeline::of(series, Time(least.0))).collect();
        let mut ensemble = Series::new(Span::from_secs(600), None);
        all.iter().for_each(|series| ensemble.merge(series));
        Warmup::of(&ensemble, &timelines, least)
    }

    #[test]
    fn a_steady_system_loses_the_least_share_and_no_more() {
        let warmup = warmup(|_, _| 1e6);
        assert!(
            matches!(warmup, Warmup { length, why: Why::Least { found } } if length == Span::from_secs(60) && found < length)
        );
    }

    #[test]
    fn a_long_transient_is_found_to_its_end() {
        let warmup = warmup(|_, s| if s < 150 { 1e8 - 6e5 * s as f64 } else { 1e7 });
        assert_eq!(warmup.why, Why::Found);
        assert!((140..=180).contains(&(warmup.length.as_secs_f64() as u64)), "{warmup:?}");
    }

    #[test]
    fn an_early_excursion_of_one_replication_is_chance_and_stays() {
        let warmup = warmup(|r, s| if r == 3 && (90..150).contains(&s) { 1e8 } else { 1e7 });
        assert_eq!(warmup.length, Span::from_secs(60));
        assert!(matches!(warmup.why, Why::Least { found } if found > Span::from_secs(140)), "{warmup:?}");
    }

    #[test]
    fn a_system_that_never_settles_is_said_to() {
        let warmup = warmup(|_, s| 1e6 * (1.0 + s as f64));
        assert_eq!(warmup, Warmup { length: Span::from_secs(300), why: Why::Unsettled });
    }

    #[test]
    fn a_series_of_few_intervals_is_not_searched() {
        let series = Series::new(Span::from_secs(600), Some(Span::from_secs(60)));
        assert_eq!(Warmup::of(&series, &[], Span::from_secs(60)).why, Why::Unsearched);
    }

    #[test]
    fn mser5_deletes_a_transient_and_little_more() {
        let mut noise = noise(1);
        let series: Vec<f64> =
            (0..1000).map(|i| noise() + if i < 200 { 10.0 * (1.0 - f64::from(i) / 200.0) } else { 0.0 }).collect();
        let truncation = mser5(&series);
        assert!(truncation.settled && (180..=260).contains(&truncation.delete), "{truncation:?}");
    }

    #[test]
    fn mser5_leaves_a_steady_series_nearly_whole() {
        let mut noise = noise(2);
        let truncation = mser5(&(0..1000).map(|_| noise()).collect::<Vec<_>>());
        assert!(truncation.settled && truncation.delete <= 50, "{truncation:?}");
    }

    #[test]
    fn mser5_says_when_the_run_is_too_short() {
        assert!(!mser5(&(0..100).map(f64::from).collect::<Vec<_>>()).settled);
        assert_eq!(mser5(&[]), Truncation { delete: 0, settled: false });
    }

    #[test]
    fn mser5_minimises_the_published_statistic() {
        let mut noise = noise(3);
        let series: Vec<f64> = (0..200).map(|i| noise() + 4.0 / (1.0 + f64::from(i))).collect();
        let batches: Vec<f64> = series.chunks(5).map(|batch| batch.iter().sum::<f64>() / 5.0).collect();
        let statistic = |d: usize| {
            let rest = &batches[d..];
            let mean = rest.iter().sum::<f64>() / rest.len() as f64;
            rest.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / (rest.len() * rest.len()) as f64
        };
        let best = (0..=20).min_by(|&a, &b| statistic(a).total_cmp(&statistic(b))).unwrap();
        assert_eq!(mser5(&series).delete, 5 * best);
    }
}

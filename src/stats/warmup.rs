//! How much of the start of a run is left out, because a system that starts empty looks faster than it is.
//!
//! Data is deleted by simulated time, the same time in every replication and in every scenario compared.

use super::histogram::Histogram;
use super::interval;
use super::series::{Cell, Series};
use super::timeline::{Moment, Timeline, clusters, level, reached};
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
/// Confidence at which a tail that begins otherwise than it goes on does so by more than chance.
const TAIL: f64 = 0.95;
/// Standard deviations, as clusters explain them, by which it must do so.
const CLUSTERED: f64 = 3.5;
/// Intervals below which they are not batched: MSER-5 with batches of one, as each is a mean over many requests already.
const FEW: usize = 100;

impl Warmup {
    /// The warm-up of a system in steady traffic, from the series of all replications of the pilot together and the timeline
    /// of each; never shorter than `least`, which costs little and guards against the little that MSER-5 leaves.
    ///
    /// It is the longest that the mean latency and each of these quantiles ask for. Of a quantile MSER-5 is given the share of
    /// requests beyond it, interval by interval: the mean may have settled long before the tail has.
    ///
    /// MSER-5 also cuts early excursions that are chance, and so biases what remains down (at utilisation 0.9 by 0.4 % of a p99
    /// in one experiment of seven). So what it deletes beyond `least` must begin with latencies that differ from what remains by
    /// more than chance: the difference of the means, replication by replication, at 80 % confidence. Of the shares beyond a
    /// quantile, whose excursions are larger, at 95 %, and by more than the clusters explain in which such requests come: so
    /// the p99 of an M/M/1 that starts empty is as unbiased as with the mean alone (measured at utilisations of 0.8 and 0.9).
    pub fn of(ensemble: &Series, timelines: &[Timeline], least: Span, quantiles: &[f64]) -> Warmup {
        let signals = std::iter::once(Signal::Mean).chain(quantiles.iter().map(|&p| Signal::Beyond(p)));
        let found = signals.map(|signal| signal.warmup(ensemble, timelines, least));
        // Of several that are as long, the first; what was found and is chance is shorter than all that is none.
        let longest = found.reduce(|one, other| if other.key() > one.key() { other } else { one });
        longest.unwrap_or(Warmup { length: least, why: Why::Unsearched })
    }

    /// What makes one the longest: what is left out, and what MSER-5 would have left out.
    fn key(&self) -> (Span, Span) {
        let found = if let Why::Least { found } = self.why { found } else { Span::ZERO };
        (self.length, found)
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

/// What is looked at over time.
#[derive(Clone, Copy, Debug)]
enum Signal {
    /// The mean latency.
    Mean,
    /// The share of requests beyond a quantile.
    Beyond(f64),
}

impl Signal {
    /// The warm-up that this signal by itself asks for.
    fn warmup(self, ensemble: &Series, timelines: &[Timeline], least: Span) -> Warmup {
        let series = self.series(ensemble, least);
        if series.len() < FEWEST {
            return Warmup { length: least, why: Why::Unsearched };
        }
        let truncation = mser(&series, if series.len() < FEW { 1 } else { 5 });
        let found = Span(ensemble.interval().0 * truncation.delete as u64);
        if found <= least || !self.is_different(timelines, least, found) {
            return Warmup { length: least, why: Why::Least { found } };
        }
        Warmup { length: found, why: if truncation.settled { Why::Found } else { Why::Unsettled } }
    }

    /// Its value by interval, over all replications.
    fn series(self, ensemble: &Series, least: Span) -> Vec<f64> {
        match self {
            Signal::Mean => ensemble.mean_latencies(),
            Signal::Beyond(p) => shares_beyond(ensemble, least, p),
        }
    }

    /// Whether the first quarter of the time from `least` to `found` differs from the time after `found` by more than chance.
    /// What is left of a start is largest there, and chance excursions are as a rule at the end, where MSER-5 cuts.
    fn is_different(self, timelines: &[Timeline], least: Span, found: Span) -> bool {
        let pairs: Vec<[Share; 2]> = timelines.iter().map(|one| self.around(one, least, found)).collect();
        let differences: Vec<f64> = pairs
            .iter()
            .map(|[begins, remains]| begins.value() - remains.value())
            .filter(|one| !one.is_nan())
            .collect();
        let is_apart = !interval::mean(&differences, self.confidence()).covers(0.0);
        is_apart
            && match self {
                Signal::Mean => true,
                Signal::Beyond(p) => is_beyond_chance(&pairs, clusters(timelines, Time(found.0), p)),
            }
    }

    /// What it is in the first quarter of the time from `least` to `found`, and after `found`, in one replication.
    fn around(self, one: &Timeline, least: Span, found: Span) -> [Share; 2] {
        let [first, end] = [least, found].map(|span| one.first(Time(span.0)).min(one.moments.len()));
        let quarter = first + (end - first).div_ceil(4);
        [&one.moments[first..quarter], &one.moments[end..]].map(|moments| {
            moments.iter().fold(Share::default(), |sum, moment| Share {
                total: sum.total + self.total(moment),
                requests: sum.requests + moment.ended(),
            })
        })
    }

    /// What it adds up to in an interval.
    fn total(self, moment: &Moment) -> u128 {
        match self {
            Signal::Mean => moment.latency,
            Signal::Beyond(p) => u128::from(moment.beyond[Timeline::place(p)]),
        }
    }

    /// Confidence at which a difference is more than chance.
    fn confidence(self) -> f64 {
        match self {
            Signal::Mean => 0.8,
            Signal::Beyond(_) => TAIL,
        }
    }
}

/// A total over requests.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    total: u128,
    requests: u64,
}

impl Share {
    fn value(self) -> f64 {
        self.total as f64 / self.requests as f64
    }

    fn and(self, other: Share) -> Share {
        Share { total: self.total + other.total, requests: self.requests + other.requests }
    }
}

/// Whether the requests beyond a quantile are more or fewer than the clusters in which they come explain: their number in a
/// span with m clusters has a relative standard deviation of one over the root of m. Where few clusters are expected, a
/// span without any tells nothing, however many replications agree on it.
fn is_beyond_chance(pairs: &[[Share; 2]], clusters: f64) -> bool {
    let [begins, remains] = [0, 1].map(|i| pairs.iter().fold(Share::default(), |sum, pair| sum.and(pair[i])));
    let expected = clusters * begins.requests as f64 / remains.requests as f64;
    (begins.value() / remains.value() - 1.0).abs() * expected.sqrt() > CLUSTERED
}

/// The share of requests beyond a quantile of the time from `least` on, by interval; an interval in which nothing ended has
/// that of the one before, and those before the first end have that of the first.
fn shares_beyond(ensemble: &Series, least: Span, p: f64) -> Vec<f64> {
    let mut measured = Histogram::new(Series::BITS);
    let after = ensemble.cells().filter(|(start, _)| start.0 >= least.0);
    after.for_each(|(_, cell)| measured.merge(&cell.latency));
    let level = level(&measured, p);
    let mut last = None;
    let share = |cell: &Cell| {
        if cell.completions() > 0 {
            last = Some(reached(&cell.latency, level) as f64 / cell.completions() as f64);
        }
        last
    };
    let shares: Vec<Option<f64>> = ensemble.cells().map(|(_, cell)| cell).map(share).collect();
    let Some(first) = shares.iter().flatten().next().copied() else { return Vec::new() };
    shares.into_iter().map(|share| share.unwrap_or(first)).collect()
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

    /// The warm-up found from ten replications whose latency is what `latency` says of replication and second.
    fn warmup(latency: impl Fn(u64, u64) -> f64) -> Warmup {
        let (ensemble, timelines) = observed(|r, second, _| latency(r, second));
        Warmup::of(&ensemble, &timelines, LEAST, &[0.99])
    }

    const LEAST: Span = Span::from_secs(60);

    /// Ten replications of 600 s with 20 requests a second: all together, and each. `latency` is told replication, second and
    /// request.
    fn observed(latency: impl Fn(u64, u64, u64) -> f64) -> (Series, Vec<Timeline>) {
        let mut noise = noise(7);
        let mut replication = |r| {
            let mut series = Series::new(Span::from_secs(600), None);
            for second in 0..600 {
                for i in 0..20 {
                    let value = latency(r, second, i) * (1.0 + 0.5 * noise());
                    series.finish(Time(second * 1_000_000_000 + i * 50_000_000), Span(value as u64), true);
                }
            }
            series
        };
        let all: Vec<Series> = (0..10).map(&mut replication).collect();
        let timelines: Vec<Timeline> = all.iter().map(|series| Timeline::of(series, Time(LEAST.0))).collect();
        let mut ensemble = Series::new(Span::from_secs(600), None);
        all.iter().for_each(|series| ensemble.merge(series));
        (ensemble, timelines)
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
    fn a_tail_that_settles_after_the_mean_is_waited_for() {
        // One request in fifty is slow at first and one in a hundred later on, at the same mean.
        let tail = |second: u64, i: u64| match second {
            0..200 if i == 0 => 3e6,
            0..200 => 1e6 - 2e6 / 19.0,
            _ => 1e6,
        };
        let (ensemble, timelines) = observed(|_, second, i| tail(second, i));
        let of = |quantiles: &[f64]| Warmup::of(&ensemble, &timelines, LEAST, quantiles);
        assert!(matches!(of(&[]).why, Why::Least { .. }), "the mean shows nothing: {:?}", of(&[]));
        assert!(matches!(of(&[0.5]).why, Why::Found | Why::Least { .. }));
        let found = of(&[0.5, 0.99]);
        assert_eq!(found.why, Why::Found);
        assert!((195..=230).contains(&(found.length.as_secs_f64() as u64)), "{found:?}");
    }

    #[test]
    fn a_series_of_few_intervals_is_not_searched() {
        let series = Series::new(Span::from_secs(600), Some(Span::from_secs(60)));
        assert_eq!(Warmup::of(&series, &[], Span::from_secs(60), &[0.99]).why, Why::Unsearched);
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

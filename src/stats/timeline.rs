//! What is kept of the series of one replication: counts and a few latencies by interval, from which bands over
//! replications, the number in the system and the clusters of the tail are computed.

use super::histogram::Histogram;
use super::series::{Cell, Series};
use crate::time::{Span, Time};

/// One replication over simulated time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Length of an interval.
    pub interval: Span,
    /// The intervals, from the start of the run.
    pub moments: Vec<Moment>,
}

/// One interval of one replication.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Requests that arrived.
    pub arrivals: u64,
    /// Requests that ended as asked.
    pub successes: u64,
    /// Requests that ended otherwise.
    pub failures: u64,
    /// Sum of the latencies of those that ended, in nanoseconds.
    pub latency: u128,
    /// Latency that 50, 90 and 99 % of them stay below; not a number when none ended.
    pub quantiles: [f64; 3],
    /// How many of them reach each of the quantiles [`Timeline::LEVELS`] of the measured time.
    pub beyond: [u32; Timeline::LEVELS.len()],
}

impl Timeline {
    /// Quantiles whose exceedances are counted.
    pub const LEVELS: [f64; 6] = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];

    /// The timeline of a replication whose measured time begins at `from`.
    pub fn of(series: &Series, from: Time) -> Timeline {
        let mut measured = Histogram::new(Series::BITS);
        let is_measured = |start: &Time| *start >= from;
        series.cells().filter(|(start, _)| is_measured(start)).for_each(|(_, cell)| measured.merge(&cell.latency));
        let levels = Timeline::LEVELS.map(|p| level(&measured, p));
        let moment = |(_, cell): (Time, &Cell)| Moment {
            arrivals: cell.arrivals,
            successes: cell.successes,
            failures: cell.failures,
            latency: cell.latency.sum(),
            quantiles: [0.5, 0.9, 0.99].map(|p| cell.latency.quantile(p)),
            beyond: levels.map(|level| reached(&cell.latency, level) as u32),
        };
        Timeline { interval: series.interval(), moments: series.cells().map(moment).collect() }
    }

    /// Place among [`Timeline::LEVELS`] of a quantile: the next at or above it, or the last.
    pub fn place(p: f64) -> usize {
        Timeline::LEVELS.iter().position(|&level| level >= p - 1e-9).unwrap_or(Timeline::LEVELS.len() - 1)
    }

    /// Requests in the system at the end of each interval.
    pub fn present(&self) -> Vec<f64> {
        let mut present = 0.0;
        let after = |moment: &Moment| {
            present += moment.arrivals as f64 - moment.ended() as f64;
            present
        };
        self.moments.iter().map(after).collect()
    }

    /// Place of the first interval that lies wholly in the time from `from` on.
    pub fn first(&self, from: Time) -> usize {
        from.0.div_ceil(self.interval.0.max(1)) as usize
    }
}

impl Moment {
    /// Requests that ended.
    pub fn ended(&self) -> u64 {
        self.successes + self.failures
    }
}

/// Where the bucket begins that holds the quantile `p` of these latencies. From there on and not above it: it may be the
/// largest of all, where latencies are always the same.
pub(super) fn level(measured: &Histogram, p: f64) -> u64 {
    let quantile = measured.quantile(p).floor();
    measured.buckets().find(|bucket| bucket.high as f64 >= quantile).map_or(0, |bucket| bucket.low)
}

/// How many of these latencies reach such a level.
pub(super) fn reached(latency: &Histogram, level: u64) -> u64 {
    match level {
        0 => latency.count(),
        level => latency.count_above(level - 1),
    }
}

/// How many independent clusters of slow requests lie beyond a quantile, over all replications.
///
/// Latencies beyond a high level come in clusters: one busy period puts many requests there, and a thousand of them may be
/// worth no more than a few independent ones. The number of clusters decides whether a quantile and its interval can be
/// believed, whereas the number of requests does not. It is estimated as requests beyond the level over the index of
/// dispersion of their counts by time, which for clusters at independent times is the mean size of the cluster that a request
/// beyond the level belongs to. The dispersion is taken over replications at the same time, so that a load that varies by
/// plan counts for nothing, and over intervals of one to 32 times the length of the series', of which the largest holds. One
/// replication is compared with itself over time.
pub fn clusters(timelines: &[Timeline], from: Time, p: f64) -> f64 {
    let level = Timeline::place(p);
    let counts: Vec<Vec<f64>> = timelines
        .iter()
        .map(|one| one.moments.iter().skip(one.first(from)).map(|moment| f64::from(moment.beyond[level])).collect())
        .collect();
    let length = counts.iter().map(Vec::len).min().unwrap_or(0);
    let total: f64 = counts.iter().flatten().sum();
    let scales = (0..6).map(|power| 1 << power).filter(|size| length / size >= 5);
    let dispersion = scales.map(|size| dispersion(&counts, length, size)).fold(1.0, f64::max);
    // Within one interval nothing can be told apart.
    if length < 5 { f64::NAN } else { total / dispersion }
}

/// Variance over mean of the counts in `size` intervals together.
fn dispersion(counts: &[Vec<f64>], length: usize, size: usize) -> f64 {
    let sums: Vec<Vec<f64>> =
        counts.iter().map(|one| one[..length].chunks_exact(size).map(|chunk| chunk.iter().sum()).collect()).collect();
    let (mut squares, mut mean) = (0.0, 0.0);
    if let [one] = sums.as_slice() {
        (squares, mean) = spread(one.iter().copied());
    } else {
        for column in 0..length / size {
            let (column_squares, column_mean) = spread(sums.iter().map(|one| one[column]));
            squares += column_squares;
            mean += column_mean;
        }
    }
    if mean > 0.0 { squares / mean } else { 1.0 }
}

/// Variance and mean.
fn spread(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0), mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten replications of 600 s; `latency(replication, second, request)` in nanoseconds of 100 requests a second.
    fn timelines(latency: impl Fn(u64, u64, u64) -> u64) -> Vec<Timeline> {
        let one = |replication| {
            let mut series = Series::new(Span::from_secs(600), None);
            for second in 0..600 {
                for request in 0..100 {
                    let at = second * 1_000_000_000 + request * 10_000_000;
                    series.arrive(Time(at));
                    series.finish(Time(at), Span(latency(replication, second, request)), true);
                }
            }
            Timeline::of(&series, Time(60_000_000_000))
        };
        (0..10).map(one).collect()
    }

    fn mixed(a: u64, b: u64, c: u64) -> u64 {
        let mut x = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ c << 40;
        for _ in 0..3 {
            x = (x ^ x >> 29).wrapping_mul(0x94D0_49BB_1331_11EB);
        }
        x ^ x >> 32
    }

    #[test]
    fn independent_latencies_are_clusters_of_one() {
        let clusters = clusters(&timelines(|r, s, i| 1000 + mixed(r, s, i) % 100_000), Time(60_000_000_000), 0.99);
        // One in a hundred of 540,000, and as many again in the bucket of the quantile.
        assert!((4000.0..12_000.0).contains(&clusters), "{clusters}");
    }

    #[test]
    fn a_slow_second_is_one_cluster_however_many_requests_it_holds() {
        let slow = |r, s, _| if mixed(r, s, 0).is_multiple_of(100) { 1_000_000 } else { 1000 + s % 7 };
        let clusters = clusters(&timelines(slow), Time(60_000_000_000), 0.999);
        assert!((30.0..80.0).contains(&clusters), "one second in a hundred of 5400 is slow: {clusters}");
    }

    #[test]
    fn a_planned_peak_is_no_cluster() {
        // Everybody is slow in the same minute, one in ten independently.
        let slow = |r, s, i| if s / 60 == 5 && mixed(r, s, i).is_multiple_of(10) { 1_000_000 } else { 1000 };
        let clusters = clusters(&timelines(slow), Time(60_000_000_000), 0.99);
        assert!(clusters > 4000.0, "{clusters}");
    }

    #[test]
    fn the_number_present_is_what_came_less_what_went() {
        let mut series = Series::new(Span::from_secs(4), Some(Span::from_secs(1)));
        [0, 1, 2_000_000_000].into_iter().for_each(|at| series.arrive(Time(at)));
        series.finish(Time(1_500_000_000), Span(5), true);
        series.finish(Time(3_000_000_000), Span(5), false);
        assert_eq!(Timeline::of(&series, Time(0)).present(), [2.0, 1.0, 2.0, 1.0]);
    }
}

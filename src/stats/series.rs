//! What happened when: arrivals, completions, failures and latencies by interval of simulated time.
//!
//! Memory is bounded: at most [`Series::LIMIT`] intervals, whatever the length of the run, with coarse histograms that hold
//! only the octaves they saw.

use super::histogram::Histogram;
use crate::time::{Extent, NANOS_PER_SECOND, Span, Time};

/// Times counted at once.
const BLOCK: usize = 128;
/// Intervals that a block of ends is sorted into; what falls into others is counted one by one.
const INTERVALS: usize = 4;

/// Counts and latencies by interval of simulated time.
#[derive(Clone, Debug)]
pub struct Series {
    interval: Span,
    cells: Vec<Cell>,
    beyond: Cell,
    /// The interval last written, with its bounds: most records follow each other closely, and a division is slow.
    current: usize,
    from: u64,
    to: u64,
}

/// One interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Requests that arrived in the interval.
    pub arrivals: u64,
    /// Requests that ended in the interval with success.
    pub successes: u64,
    /// Requests that ended in the interval without success.
    pub failures: u64,
    /// Latencies of the requests that ended in the interval, in nanoseconds, with [`Series::BITS`] bits.
    pub latency: Histogram,
}

impl Series {
    /// Most intervals of a series.
    pub const LIMIT: u64 = 600;
    /// Precision of the latencies: 64 buckets an octave, quantiles within 1.6 %.
    pub const BITS: u32 = 6;

    /// A series over `duration`. Without a given `interval` a round one is chosen; a given one that would make more than
    /// [`LIMIT`](Series::LIMIT) intervals is replaced by its smallest multiple that does not.
    pub fn new(duration: Span, interval: Option<Span>) -> Series {
        let interval = match interval {
            Some(Span(given)) if given > 0 => Span(given * duration.0.div_ceil(given).div_ceil(Series::LIMIT).max(1)),
            _ => round_interval(duration),
        };
        let cells = vec![Cell::empty(); duration.0.div_ceil(interval.0) as usize];
        Series { interval, cells, beyond: Cell::empty(), current: 0, from: 0, to: interval.0 }
    }

    /// Counts an arrival.
    #[inline]
    pub fn arrive(&mut self, at: Time) {
        self.cell(at).arrivals += 1;
    }

    /// Counts a request that ended at `at` after `latency`.
    #[inline]
    pub fn finish(&mut self, at: Time, latency: Span, success: bool) {
        let cell = self.cell(at);
        cell.successes += u64::from(success);
        cell.failures += u64::from(!success);
        cell.latency.record(latency.0);
    }

    /// Counts arrivals at these times, which never fall.
    pub fn arrive_all(&mut self, mut times: &[u64]) {
        while let Some(&first) = times.first() {
            self.cell(Time(first));
            let to = self.to;
            let here = times.partition_point(|&at| at < to).max(1);
            self.cell(Time(first)).arrivals += here as u64;
            times = &times[here..];
        }
    }

    /// Counts requests that ended at these times, in any order, all within `extent`, of requests born at others; all with
    /// success or all without.
    /// Latencies are counted in another histogram as well, if there is one; it must not be coarser than [`Series::BITS`].
    ///
    /// # Panics
    /// When the two slices differ in length.
    pub fn finish_all(
        &mut self,
        (ends, extent): (&[u64], Extent),
        births: &[u64],
        success: bool,
        mut also: Option<&mut Histogram>,
    ) {
        assert_eq!(ends.len(), births.len(), "every end needs a birth");
        if self.finish_here((ends, extent), births, success, also.as_deref_mut()) {
            return;
        }
        for (ends, births) in ends.chunks(BLOCK).zip(births.chunks(BLOCK)) {
            self.finish_block(ends, births, success, also.as_deref_mut());
        }
    }

    /// Counts at most [`BLOCK`] ends, one interval after another.
    fn finish_block(&mut self, ends: &[u64], births: &[u64], success: bool, mut also: Option<&mut Histogram>) {
        if self.finish_here((ends, Extent::of(ends)), births, success, also.as_deref_mut()) {
            return;
        }
        let (mut rest, mut rest_births) = ([0; BLOCK], [0; BLOCK]);
        let mut length = ends.len();
        rest[..length].copy_from_slice(ends);
        rest_births[..length].copy_from_slice(births);
        for _ in 0..INTERVALS {
            self.cell(Time(rest[0]));
            let (from, to) = (self.from, self.to);
            let (mut here, mut here_births, mut elsewhere) = ([0; BLOCK], [0; BLOCK], 0);
            for i in 0..length {
                let (end, birth) = (rest[i], rest_births[i]);
                let is_here = end >= from && end < to;
                (rest[elsewhere], rest_births[elsewhere]) = (end, birth);
                (here[i - elsewhere], here_births[i - elsewhere]) = (end, birth);
                elsewhere += usize::from(!is_here);
            }
            let found = length - elsewhere;
            self.finish_in_cell(&here[..found], &here_births[..found], success, also.as_deref_mut());
            length = elsewhere;
            if length == 0 {
                return;
            }
        }
        for (&end, &birth) in rest[..length].iter().zip(&rest_births) {
            let latency = end.wrapping_sub(birth);
            self.finish(Time(end), Span(latency), success);
            if let Some(also) = &mut also {
                also.record(latency);
            }
        }
    }

    /// Counts ends if they all fall into one interval.
    fn finish_here(
        &mut self,
        (ends, extent): (&[u64], Extent),
        births: &[u64],
        success: bool,
        also: Option<&mut Histogram>,
    ) -> bool {
        let Some(&first) = ends.first() else { return true };
        self.cell(Time(first));
        let is_here = extent.is_within(Time(self.from), Time(self.to));
        if is_here {
            self.finish_in_cell(ends, births, success, also);
        }
        is_here
    }

    /// Counts ends in the interval that was written last.
    fn finish_in_cell(&mut self, ends: &[u64], births: &[u64], success: bool, also: Option<&mut Histogram>) {
        let cell = self.cell(Time(self.from));
        *if success { &mut cell.successes } else { &mut cell.failures } += ends.len() as u64;
        match also {
            Some(also) => also.record_differences_in_both(&mut cell.latency, ends, births),
            None => cell.latency.record_differences(ends, births),
        }
    }

    /// Length of an interval.
    pub fn interval(&self) -> Span {
        self.interval
    }

    /// The intervals, each with its start.
    pub fn cells(&self) -> impl Iterator<Item = (Time, &Cell)> {
        self.cells.iter().enumerate().map(|(i, cell)| (Time(i as u64 * self.interval.0), cell))
    }

    /// What happened after the end of the duration.
    pub fn beyond(&self) -> &Cell {
        &self.beyond
    }

    /// Adds another replication of the same duration and interval. Intervals that only one of them has are kept.
    pub fn merge(&mut self, other: &Series) {
        if other.cells.len() > self.cells.len() {
            self.cells.resize(other.cells.len(), Cell::empty());
        }
        for (mine, theirs) in self.cells.iter_mut().zip(&other.cells) {
            mine.merge(theirs);
        }
        self.beyond.merge(&other.beyond);
    }

    /// Mean latency by interval in nanoseconds, what [`mser5`] is given, after merging the replications. An interval in which
    /// nothing ended has the mean of the one before; nothing before the first end.
    ///
    /// [`mser5`]: super::warmup::mser5
    pub fn mean_latencies(&self) -> Vec<f64> {
        let first = self.cells.iter().find(|cell| !cell.latency.is_empty());
        let mut last = match first {
            Some(cell) => cell.latency.mean(),
            None => return Vec::new(),
        };
        let mean = |cell: &Cell| {
            last = if cell.latency.is_empty() { last } else { cell.latency.mean() };
            last
        };
        self.cells.iter().map(mean).collect()
    }

    #[inline]
    fn cell(&mut self, at: Time) -> &mut Cell {
        if at.0 < self.from || at.0 >= self.to {
            self.current = (at.0 / self.interval.0) as usize;
            self.from = at.0 - at.0 % self.interval.0;
            self.to = self.from.saturating_add(self.interval.0);
        }
        self.cells.get_mut(self.current).unwrap_or(&mut self.beyond)
    }
}

/// Equal when the same things happened in the same intervals.
impl PartialEq for Series {
    fn eq(&self, other: &Series) -> bool {
        self.interval == other.interval && self.cells == other.cells && self.beyond == other.beyond
    }
}

impl Cell {
    fn empty() -> Cell {
        Cell { arrivals: 0, successes: 0, failures: 0, latency: Histogram::new(Series::BITS) }
    }

    /// Requests that ended in the interval.
    pub fn completions(&self) -> u64 {
        self.successes + self.failures
    }

    fn merge(&mut self, other: &Cell) {
        self.arrivals += other.arrivals;
        self.successes += other.successes;
        self.failures += other.failures;
        self.latency.merge(&other.latency);
    }
}

/// The smallest round interval that covers `duration` in at most [`Series::LIMIT`] pieces: 1, 2 or 5 times a power of ten
/// up to 10 s, then whole parts of minutes, hours and days.
pub fn round_interval(duration: Span) -> Span {
    const SECOND: u64 = NANOS_PER_SECOND;
    const CALENDAR: [u64; 13] = [10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200];
    let least = duration.0.div_ceil(Series::LIMIT).max(1);
    let decades = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10u64.pow(power)));
    decades
        .chain(CALENDAR.map(|seconds| seconds * SECOND))
        .find(|&candidate| candidate >= least)
        .map_or_else(|| Span(least.div_ceil(86_400 * SECOND) * 86_400 * SECOND), Span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::with_each;

    fn seconds(n: u64) -> Span {
        Span::from_secs(n)
    }

    #[test]
    fn a_round_interval_is_chosen() {
        let chosen = |duration: Span| round_interval(duration).to_string();
        assert_eq!(chosen(seconds(1)), "2 ms");
        assert_eq!(chosen(seconds(600)), "1 s");
        assert_eq!(chosen(seconds(601)), "2 s");
        assert_eq!(chosen(seconds(3600)), "10 s");
        assert_eq!(chosen(seconds(86_400)), "5 min");
        assert_eq!(chosen(seconds(86_400 * 365)), "1 d");
        assert_eq!(chosen(Span(0)), "1 ns");
    }

    #[test]
    fn there_are_never_more_intervals_than_the_limit() {
        for duration in [1, 599, 600, 601, 3600, 100_000, 86_400 * 1000] {
            for interval in [None, Some(Span(1)), Some(seconds(1)), Some(seconds(7))] {
                let series = Series::new(seconds(duration), interval);
                assert!((1..=Series::LIMIT as usize).contains(&series.cells.len()));
                assert!(series.interval.0 * series.cells.len() as u64 >= seconds(duration).0);
                assert!(interval.is_none_or(|given| series.interval.0.is_multiple_of(given.0)));
            }
        }
    }

    #[test]
    fn a_given_interval_is_kept_when_it_fits() {
        assert_eq!(Series::new(seconds(600), Some(seconds(7))).interval(), seconds(7));
    }

    #[test]
    fn what_happens_is_counted_in_its_own_interval_in_any_order() {
        let mut series = Series::new(seconds(10), Some(seconds(1)));
        series.arrive(Time(0));
        series.finish(Time(9_999_999_999), Span(5), true);
        series.finish(Time(1_000_000_000), Span(7), false);
        series.finish(Time(999_999_999), Span(9), true);
        series.finish(Time(10_000_000_000), Span(11), true);
        series.finish(Time::NEVER, Span(11), true);
        let counted: Vec<(u64, u64, u64, u128)> =
            series.cells().map(|(_, c)| (c.arrivals, c.successes, c.failures, c.latency.sum())).collect();
        assert_eq!(counted[0], (1, 1, 0, 9));
        assert_eq!(counted[1], (0, 0, 1, 7));
        assert_eq!(counted[9], (0, 1, 0, 5));
        assert_eq!(counted[2..9], [(0, 0, 0, 0); 7]);
        assert_eq!(series.beyond().completions(), 2);
    }

    #[test]
    fn what_happens_together_is_counted_as_one_by_one_whatever_the_lanes() {
        let mixed = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        let spans = [500_000_000, 2_500_000_000, 12_000_000_000, 1 << 43];
        for (span, start) in
            spans.into_iter().flat_map(|span| [0, 1_000_000_000, 3_700_000_000].map(|start| (span, start)))
        {
            let times: Vec<u64> = (0..1000)
                .map(|n| match mixed(n) {
                    never if never % 500 == 0 => u64::MAX - n % 2,
                    mixed => start + mixed % span,
                })
                .collect();
            let latencies: Vec<u64> = (0..1000).map(|n| mixed(n + 5000) % 100_000_000).collect();
            let series = Series::new(seconds(10), Some(seconds(1)));
            let mut single = series.clone();
            for (&at, &latency) in times.iter().zip(&latencies) {
                single.arrive(Time(at));
                single.finish(Time(at), Span(latency), latency % 2 == 0);
            }
            let of = |even: bool, column: &[u64]| -> Vec<u64> {
                column
                    .iter()
                    .zip(&latencies)
                    .filter(|(_, latency)| (*latency % 2 == 0) == even)
                    .map(|(&x, _)| x)
                    .collect()
            };
            with_each(|lanes| {
                for is_also_counted in [true, false] {
                    let (mut together, mut also) = (series.clone(), Histogram::new(Histogram::FINE));
                    let mut rising = times.clone();
                    rising.sort_unstable();
                    together.arrive_all(&rising);
                    for success in [true, false] {
                        let also = is_also_counted.then_some(&mut also);
                        let ends = of(success, &times);
                        let births =
                            ends.iter().zip(of(success, &latencies)).map(|(end, latency)| end.wrapping_sub(latency));
                        together.finish_all((&ends, Extent::of(&ends)), &births.collect::<Vec<_>>(), success, also);
                    }
                    assert_eq!(together, single, "{lanes:?}, {span} ns from {start}");
                    let mut expected = Histogram::new(Histogram::FINE);
                    expected.record_all(if is_also_counted { &latencies } else { &[] });
                    assert_eq!(also, expected, "{lanes:?}, {span} ns from {start}");
                }
            });
        }
    }

    #[test]
    fn merging_adds_intervals() {
        let run = |latency: u64| {
            let mut series = Series::new(seconds(2), Some(seconds(1)));
            series.arrive(Time(5));
            series.finish(Time(1_500_000_000), Span(latency), true);
            series
        };
        let mut merged = run(10);
        merged.merge(&run(20));
        let cells: Vec<&Cell> = merged.cells().map(|(_, cell)| cell).collect();
        assert_eq!((cells[0].arrivals, cells[1].successes), (2, 2));
        assert_eq!(merged.mean_latencies(), [15.0, 15.0]);
    }
}

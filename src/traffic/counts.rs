//! Replay of counts: so many requests in each interval, as a log or a monitoring system gives them.

use std::path::Path;
use std::sync::Arc;

use super::file::{Table, TraceError};
use super::source::{BLOCK, Instants};
use super::spacings::Spacings;
use super::{TrafficError, check};
use crate::rng::{Key, Threshold, happens};
use crate::time::{Span, Time};

/// Where the requests of an interval lie in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// Independent and uniform, as a Poisson process lies given its counts.
    #[default]
    Uniform,
    /// Evenly spaced.
    Even,
}

/// Counts of requests in equal intervals from the start. Replayed unscaled, every interval gets exactly its count.
#[derive(Clone, Debug)]
pub struct Counts {
    counts: Arc<[u32]>,
    interval: Span,
    placement: Placement,
    scale: f64,
}

impl Counts {
    /// These counts.
    ///
    /// # Errors
    /// When there are none, or the interval is zero.
    pub fn new(counts: Vec<u32>, interval: Span, placement: Placement) -> Result<Counts, TrafficError> {
        check(!counts.is_empty(), "the list of counts", "at least one interval long")?;
        check(interval > Span::ZERO, "the interval", "above zero")?;
        Ok(Counts { counts: counts.into(), interval, placement, scale: 1.0 })
    }

    /// The counts of a CSV file, plain or gzip: of a named column, or, without a name, of a file that is one bare column.
    ///
    /// # Errors
    /// When the file cannot be read, has no such column, or holds something that is no count.
    pub fn load(
        path: &Path,
        column: Option<&str>,
        interval: Span,
        placement: Placement,
    ) -> Result<Counts, TrafficError> {
        Counts::new(read(path, column)?, interval, placement)
    }

    /// The counts from `skip` on, for at most `take`.
    ///
    /// # Errors
    /// When these are no whole numbers of intervals, or nothing is left.
    pub fn cut(self, skip: Span, take: Option<Span>) -> Result<Counts, TrafficError> {
        let whole = |span: Span| span.0.is_multiple_of(self.interval.0);
        check(whole(skip), "what is skipped", "a whole number of intervals")?;
        check(take.is_none_or(whole), "what is taken", "a whole number of intervals")?;
        let intervals = |span: Span| usize::try_from(span.0 / self.interval.0).unwrap_or(usize::MAX);
        let from = intervals(skip).min(self.counts.len());
        let to = take.map_or(self.counts.len(), |take| from.saturating_add(intervals(take)).min(self.counts.len()));
        check(from < to, "what is skipped", "less than the length of the trace")?;
        Ok(Counts { counts: self.counts[from..to].into(), ..self })
    }

    /// The counts times a factor. What is no whole number is rounded up with the probability of its fraction, drawn for
    /// each interval, so that means are kept.
    ///
    /// # Errors
    /// When the factor is not above zero and at most a million.
    pub fn scaled(self, factor: f64) -> Result<Counts, TrafficError> {
        check(factor > 0.0 && factor <= 1e6, "the scale", "above zero and at most 1000000")?;
        Ok(Counts { scale: self.scale * factor, ..self })
    }

    /// The counts as they are in the trace.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The end of the last interval.
    pub fn end(&self) -> Time {
        Time(self.interval.0.saturating_mul(self.counts.len() as u64))
    }

    /// Requests expected before a time.
    pub fn expected(&self, until: Time) -> f64 {
        let intervals = until.0 as f64 / self.interval.0 as f64;
        let share = |index: usize| (intervals - index as f64).clamp(0.0, 1.0);
        let sum: f64 = self.counts.iter().enumerate().map(|(index, &count)| f64::from(count) * share(index)).sum();
        self.scale * sum
    }

    /// The times of the requests of one replication.
    pub(super) fn placed(&self, key: &dyn Fn(&str) -> Key) -> Placed {
        Placed {
            rounding: key("rounding"),
            spacings: Spacings::new(key("place"), key("others")),
            counts: self.clone(),
            interval: 0,
            total: 0,
            done: 0,
            serial: 0,
        }
    }

    /// The count of an interval after scaling.
    fn scaled_count(&self, index: usize, rounding: &Key) -> u64 {
        let exact = f64::from(self.counts[index]) * self.scale;
        let whole = exact as u64;
        whole + u64::from(happens(rounding.bits(index as u64), Threshold::new(exact - whole as f64)))
    }
}

/// The counts of a file.
fn read(path: &Path, column: Option<&str>) -> Result<Vec<u32>, TraceError> {
    let mut table = Table::open(path, column.is_some())?;
    let column = column.map_or(Ok(Table::only_column()), |name| table.column(name))?;
    let mut counts = Vec::new();
    while table.advance()? {
        // Passed over, it would shift all that follows by an interval.
        if table.follows_a_gap() {
            return Err(table.here(&column, "follows an empty line: write 0 for an interval without requests".into()));
        }
        counts.push(table.value(&column, "a whole number of requests", |text| text.parse().ok())?);
    }
    if counts.is_empty() { Err(table.whole("holds no counts")) } else { Ok(counts) }
}

/// The times of requests, interval by interval, one at a time: nothing is stored but the counts.
#[derive(Debug)]
pub(super) struct Placed {
    counts: Counts,
    rounding: Key,
    spacings: Spacings,
    /// The next interval.
    interval: usize,
    /// Requests of the current interval.
    total: u64,
    /// Requests of it that are placed.
    done: u64,
    serial: u64,
}

impl Placed {
    /// Where the next request lies in its interval, from 0 to 1.
    fn place(&mut self) -> f64 {
        let left = self.total - self.done;
        match self.counts.placement {
            Placement::Even => (self.done as f64 + 0.5) / self.total as f64,
            Placement::Uniform => self.spacings.place(self.serial, left),
        }
    }
}

impl Instants for Placed {
    fn fill(&mut self, until: Time, times: &mut Vec<u64>) {
        let length = self.counts.interval.0;
        for _ in 0..BLOCK {
            while self.done == self.total {
                if self.interval == self.counts.counts.len() {
                    return;
                }
                self.total = self.counts.scaled_count(self.interval, &self.rounding);
                self.done = 0;
                self.spacings.begin();
                self.interval += 1;
            }
            let within = ((self.place() * length as f64) as u64).min(length - 1);
            let at = Time(length * (self.interval as u64 - 1) + within);
            if at >= until {
                return;
            }
            times.push(at.0);
            self.done += 1;
            self.serial += 1;
        }
    }
}

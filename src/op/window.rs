//! The measured time of a run, and integrals over it.

use crate::lanes;
use crate::time::{Extent, Span, Time, count_within};

/// An hour of the ledger.
pub const HOUR: Span = Span::from_secs(3600);

/// The measured time: from its start, up to but not including its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start; what happens before is warm-up.
    pub from: Time,
    /// End.
    pub until: Time,
}

impl Window {
    /// Whether an instant is measured.
    #[inline(always)]
    pub fn contains(self, at: Time) -> bool {
        self.from <= at && at < self.until
    }

    /// How many of these instants are measured.
    pub fn count(self, times: &[u64]) -> u64 {
        count_within(times, self.from, self.until) as u64
    }

    /// The same of instants of known extent.
    pub fn count_of(self, times: &[u64], extent: Extent) -> u64 {
        if extent.is_within(self.from, self.until) { times.len() as u64 } else { self.count(times) }
    }

    /// The same of instants that never fall.
    pub fn count_rising(self, times: &[u64]) -> u64 {
        let before = |end: Time| times.partition_point(|&at| at < end.0);
        before(self.until).saturating_sub(before(self.from)) as u64
    }

    /// Nanoseconds of a stretch of time that are measured.
    #[inline(always)]
    pub fn overlap(self, start: Time, end: Time) -> u64 {
        end.0.min(self.until.0).saturating_sub(start.0.max(self.from.0))
    }

    /// The sum over many stretches of time.
    pub fn overlaps(self, starts: &[u64], ends: &[u64]) -> u64 {
        lanes::dispatch(
            #[inline(always)]
            move || starts.iter().zip(ends).map(|(&start, &end)| self.overlap(Time(start), Time(end))).sum(),
        )
    }

    /// Length of the measured time.
    pub fn length(self) -> Span {
        self.until.since(self.from)
    }

    /// Hours of the measured time, the last of which may be cut short; at least one.
    pub fn hours(self) -> usize {
        self.length().0.div_ceil(HOUR.0).max(1) as usize
    }

    /// Adds so many times the measured part of a stretch of time to the hours it lies in.
    pub fn spread(self, hours: &mut [u64], count: u64, start: Time, end: Time) {
        let (mut start, end) = (start.max(self.from), end.min(self.until));
        while start < end {
            let hour = (start.since(self.from).0 / HOUR.0) as usize;
            let next = (self.from + Span((hour as u64 + 1) * HOUR.0)).min(end);
            if let Some(sum) = hours.get_mut(hour) {
                *sum += count * next.since(start).0;
            }
            start = next;
        }
    }
}

/// The integral over time of a whole number, for example of permits in use, within the measured time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The number now.
    pub now: u32,
    since: Time,
    total: u64,
}

impl Level {
    /// The instant of the last change.
    pub fn since(&self) -> Time {
        self.since
    }

    /// Sets the number from an instant on.
    #[inline]
    pub fn set(&mut self, at: Time, number: u32, window: Window) {
        self.total += self.now as u64 * window.overlap(self.since, at);
        self.since = at;
        self.now = number;
    }

    /// The number rises and falls by one at some instants before `end`, given how many these are and how much measured time
    /// lies between them and `end`, in all.
    pub fn change(&mut self, rises: (u32, u64), falls: (u32, u64), end: Time, window: Window) {
        self.total = self.total(end, window) + rises.1 - falls.1;
        self.since = end;
        self.now = self.now + rises.0 - falls.0;
    }

    /// The integral up to an instant, in nanoseconds.
    pub fn total(&self, at: Time, window: Window) -> u64 {
        self.total + self.now as u64 * window.overlap(self.since, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_measured_time_counts() {
        let window = Window { from: Time(10), until: Time(20) };
        let mut level = Level::default();
        level.set(Time(5), 2, window);
        level.set(Time(12), 1, window);
        assert_eq!(level.total(Time(30), window), 2 * 2 + 8);
        assert_eq!(window.overlap(Time(0), Time(100)), 10);
        assert!(!window.contains(Time(20)));
    }

    #[test]
    fn a_stretch_of_time_is_spread_over_the_hours_it_lies_in() {
        let hour = |hours: f64| Time((hours * HOUR.0 as f64) as u64);
        let window = Window { from: hour(0.5), until: hour(3.0) };
        assert_eq!(window.hours(), 3);
        let mut hours = vec![0; 3];
        window.spread(&mut hours, 2, hour(0.0), hour(1.0));
        window.spread(&mut hours, 1, hour(1.25), hour(9.0));
        let quarter = HOUR.0 / 4;
        assert_eq!(hours, [2 * 2 * quarter + quarter, 4 * quarter, 2 * quarter]);
    }
}

//! The measured time of a run, and integrals over it.

use crate::lanes;
use crate::time::{Span, Time, count_within};

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
    /// Sets the number from an instant on.
    #[inline]
    pub fn set(&mut self, at: Time, number: u32, window: Window) {
        self.total += self.now as u64 * window.overlap(self.since, at);
        self.since = at;
        self.now = number;
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
}

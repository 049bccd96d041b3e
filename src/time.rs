//! Simulated time: integer nanoseconds, as an instant since the start of the run and as a span between instants.
//!
//! Integers make sums exact and ties decidable, so every executor sees the same order of events.

use crate::lanes;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// An instant: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);
    /// Later than any event: the deadline of whoever has none.
    pub const NEVER: Time = Time(u64::MAX);

    /// Seconds since the start of the run.
    pub fn as_secs_f64(self) -> f64 {
        Span(self.0).as_secs_f64()
    }

    /// Time passed since `earlier`, zero when `earlier` is later.
    pub fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// The nearest whole number of nanoseconds; negative and not-a-number become zero.
    pub fn from_secs_f64(seconds: f64) -> Span {
        Span((seconds * NANOS_PER_SECOND as f64).round() as u64)
    }

    /// A whole number of milliseconds.
    pub const fn from_millis(millis: u64) -> Span {
        Span(millis * 1_000_000)
    }

    /// A whole number of seconds.
    pub const fn from_secs(seconds: u64) -> Span {
        Span(seconds * NANOS_PER_SECOND)
    }

    /// Length in seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// Length in milliseconds.
    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Sub<Time> for Time {
    type Output = Span;
    fn sub(self, earlier: Time) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

/// The largest unit in which the span is at least one, with up to four significant digits: `12.5 ms`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 7] = [
            (86_400 * NANOS_PER_SECOND, "d"),
            (3_600 * NANOS_PER_SECOND, "h"),
            (60 * NANOS_PER_SECOND, "min"),
            (NANOS_PER_SECOND, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
            (1, "ns"),
        ];
        let (scale, unit) = UNITS.into_iter().find(|&(scale, _)| self.0 >= scale).unwrap_or((1, "ns"));
        let value = self.0 as f64 / scale as f64;
        let decimals = match value {
            v if v >= 1000.0 => 0,
            v if v >= 100.0 => 1,
            v if v >= 10.0 => 2,
            _ => 3,
        };
        let text = format!("{value:.decimals$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        write!(f, "{text} {unit}")
    }
}

/// The latest of these instants, or the start.
pub fn latest(times: &[u64]) -> u64 {
    lanes::dispatch(
        #[inline(always)]
        || times.iter().fold(0, |latest, &time| latest.max(time)),
    )
}

/// The earliest of these instants, or [`Time::NEVER`].
pub fn earliest(times: &[u64]) -> u64 {
    lanes::dispatch(
        #[inline(always)]
        || times.iter().fold(u64::MAX, |earliest, &time| earliest.min(time)),
    )
}

/// The earliest and the latest of some instants; the earliest is [`Time::NEVER`] where there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The earliest.
    pub first: Time,
    /// The latest.
    pub last: Time,
}

impl Extent {
    /// That of these instants.
    pub fn of(times: &[u64]) -> Extent {
        let (first, last) = lanes::dispatch(
            #[inline(always)]
            || times.iter().fold((u64::MAX, 0), |(first, last), &time| (time.min(first), time.max(last))),
        );
        Extent { first: Time(first), last: Time(last) }
    }

    /// Whether all instants lie in a stretch of time, from its start up to but not including its end.
    pub fn is_within(self, from: Time, to: Time) -> bool {
        from <= self.first && self.last < to
    }
}

/// How many of these instants lie in a stretch of time, from its start up to but not including its end.
pub fn count_within(times: &[u64], from: Time, to: Time) -> usize {
    let length = to.since(from).0;
    if length == 0 {
        return 0;
    }
    if length > 1 << 63 {
        return times.iter().filter(|&&at| from.0 <= at && at < to.0).count();
    }
    lanes::dispatch(
        #[inline(always)]
        move || {
            // The sign of a difference says which is greater, also where comparing unsigned numbers takes several
            // instructions; an offset of 2^63 and more has the sign itself.
            let outside = |time: u64| {
                let offset = time.wrapping_sub(from.0);
                (offset | (length - 1).wrapping_sub(offset)) >> 63
            };
            times.len() - times.iter().map(|&time| outside(time)).sum::<u64>() as usize
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::with_each;

    #[test]
    fn an_extent_is_within_what_holds_its_ends() {
        with_each(|lanes| {
            for length in 1..70 {
                let times: Vec<u64> = (0..length).map(|n| 1_000 + n * 37 % 71 + (n & 1) * (1 << 62)).collect();
                let extent = Extent::of(&times);
                let all = |from, to| times.iter().all(|&at| from <= at && at < to);
                for (from, to) in [(0, u64::MAX), (1_000, 1 << 62), (1_001, u64::MAX), (0, 1_100)] {
                    assert_eq!(extent.is_within(Time(from), Time(to)), all(from, to), "{lanes:?}, {length}");
                }
            }
        });
        assert_eq!(Extent::of(&[]), Extent { first: Time::NEVER, last: Time::ZERO });
    }

    #[test]
    fn a_span_is_shown_in_the_largest_fitting_unit() {
        let shown = |ns: u64| Span(ns).to_string();
        assert_eq!(shown(0), "0 ns");
        assert_eq!(shown(1_500), "1.5 us");
        assert_eq!(shown(12_345_678), "12.35 ms");
        assert_eq!(shown(90 * NANOS_PER_SECOND), "1.5 min");
    }

    #[test]
    fn the_end_of_time_stays_the_end_of_time() {
        assert_eq!(Time::NEVER + Span(5), Time::NEVER);
    }

    #[test]
    fn instants_within_a_stretch_are_counted_with_its_start_and_without_its_end() {
        let ends = [0, 1, 99, 100, 101, 199, 200, 1 << 62, 1 << 63, (1 << 63) + 150, u64::MAX - 1, u64::MAX];
        let times: Vec<u64> = ends.iter().flat_map(|&end| [end, end ^ 1, end / 3]).collect();
        with_each(|lanes| {
            for (from, to) in ends.into_iter().flat_map(|from| ends.map(|to| (from, to))) {
                let expected = times.iter().filter(|&&at| from <= at && at < to).count();
                assert_eq!(count_within(&times, Time(from), Time(to)), expected, "{from} to {to}, {lanes:?}");
            }
        });
    }
}

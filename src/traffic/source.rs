//! From times to requests: blocks of arrivals, numbered in order and dressed by the population.

use super::population::Dresser;
use crate::exec::{Arrival, Source};
use crate::lanes;
use crate::law::LARGEST;
use crate::time::Time;

/// Arrivals in a block.
pub(super) const BLOCK: usize = 512;

/// Times of open arrivals in nanoseconds, in order.
pub(super) trait Instants: Send {
    /// Appends up to [`BLOCK`] further times before `until`; fewer if there are no more.
    fn fill(&mut self, until: Time, times: &mut Vec<u64>);
}

/// A unit process: one arrival a unit of area on average.
pub(super) trait Unit: Send {
    /// The areas under the rate at which the next requests come, rising; infinite after the last.
    fn fill(&mut self, areas: &mut [f64; BLOCK]);
}

/// A rate over time, walked along.
pub(super) trait Inverse: Send {
    /// When the area under the rate since the start reaches `area`, which never falls from call to call; nothing if it
    /// never does.
    fn instant(&mut self, area: f64) -> Option<Time>;

    /// Whether no rounding can make a greater area be reached earlier.
    fn never_turns(&self) -> bool {
        false
    }

    /// Appends the times at which rising areas are reached, up to the first that is not before `until`.
    fn instants(&mut self, areas: &[f64], until: Time, times: &mut Vec<u64>) {
        for &area in areas {
            match self.instant(area) {
                Some(at) if at < until => times.push(at.0),
                _ => return,
            }
        }
    }
}

/// A unit process carried over to a rate: an arrival comes when the area under the rate reaches its place.
pub(super) struct Warped<U, I> {
    unit: U,
    rate: I,
    last: u64,
    areas: [f64; BLOCK],
}

impl<U: Unit, I: Inverse> Warped<U, I> {
    /// From the start.
    pub fn new(unit: U, rate: I) -> Warped<U, I> {
        Warped { unit, rate, last: 0, areas: [0.0; BLOCK] }
    }
}

impl<U: Unit, I: Inverse> Instants for Warped<U, I> {
    fn fill(&mut self, until: Time, times: &mut Vec<u64>) {
        self.unit.fill(&mut self.areas);
        let known = self.areas.partition_point(|area| area.is_finite());
        let from = times.len();
        self.rate.instants(&self.areas[..known], until, times);
        // Rounding must not turn two arrivals round.
        if !self.rate.never_turns() && !rise(self.last, &times[from..]) {
            let mut last = self.last;
            for at in &mut times[from..] {
                last = last.max(*at);
                *at = last;
            }
        }
        self.last = times.last().copied().unwrap_or_default();
    }
}

/// Whether times never fall, from a first one on.
fn rise(first: u64, times: &[u64]) -> bool {
    let later = times.get(1..).unwrap_or_default();
    lanes::dispatch(
        #[inline(always)]
        move || {
            // The sign of a difference: comparing unsigned numbers takes several instructions.
            let falls = times.iter().zip(later).fold(0, |falls, (a, b)| falls | b.wrapping_sub(*a)) >> 63;
            falls == 0 && times.first().is_none_or(|&at| at >= first)
        },
    )
}

/// 2^52: adding it rounds to a whole number and leaves that number in the low bits, a few times faster than a conversion.
const TWO_52: f64 = (1u64 << 52) as f64;

/// The nearest nanosecond to so many seconds from the start, which are not negative.
#[inline]
pub(super) fn at_seconds(seconds: f64) -> Time {
    Time(if is_near(seconds) { at_near_seconds(seconds) } else { (seconds * super::SECOND) as u64 })
}

/// Whether the nearest nanosecond to so many seconds is below 2^52, which is 52 days.
#[inline]
pub(super) fn is_near(seconds: f64) -> bool {
    seconds * super::SECOND < TWO_52 - 0.5
}

/// The nearest nanosecond to a number of seconds that is near.
#[inline(always)]
pub(super) fn at_near_seconds(seconds: f64) -> u64 {
    (seconds * super::SECOND + TWO_52).to_bits() & LARGEST
}

/// The same for a number of seconds between 2^52 and 2^63 nanoseconds, which is a whole number of them. Its halves become
/// whole numbers apart; the lower one may be negative.
#[inline(always)]
pub(super) fn at_far_seconds(seconds: f64) -> u64 {
    const TWO_32: f64 = (1u64 << 32) as f64;
    const MIDDLE: f64 = 1.5 * TWO_52;
    let nanos = seconds * super::SECOND;
    let high = nanos * (1.0 / TWO_32) + TWO_52;
    let low = nanos - (high - TWO_52) * TWO_32;
    (high.to_bits() << 32).wrapping_add((low + MIDDLE).to_bits().wrapping_sub(MIDDLE.to_bits()))
}

/// A source of open traffic.
pub(super) struct Open {
    instants: Box<dyn Instants>,
    dresser: Dresser,
    alike: Option<Arrival>,
    until: Time,
    next: u64,
    times: Vec<u64>,
    finished: bool,
}

impl Open {
    /// Requests at these times up to the end.
    pub fn new(instants: Box<dyn Instants>, dresser: Dresser, until: Time) -> Open {
        let alike = dresser.alike();
        Open { instants, dresser, alike, until, next: 0, times: Vec::with_capacity(BLOCK), finished: false }
    }
}

impl Source for Open {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        let mut times = std::mem::take(&mut self.times);
        times.clear();
        let first = self.append(&mut times);
        let numbered = times.iter().zip(first..).map(|(&at, serial)| (Time(at), serial));
        match self.alike {
            Some(alike) => block.extend(numbered.map(|(at, serial)| Arrival { at, serial, ..alike })),
            None => block.extend(numbered.map(|(at, serial)| self.dresser.request(at, serial))),
        }
        self.times = times;
    }

    fn fill_times(&mut self, times: &mut Vec<u64>) -> Option<Arrival> {
        let alike = self.alike?;
        let from = times.len();
        let serial = self.append(times);
        Some(Arrival { at: Time(times.get(from).copied().unwrap_or_default()), serial, ..alike })
    }
}

impl Open {
    /// Appends the next times and gives the serial number of the first.
    fn append(&mut self, times: &mut Vec<u64>) -> u64 {
        let (first, from) = (self.next, times.len());
        if !self.finished {
            self.instants.fill(self.until, times);
            let appended = times.len() - from;
            self.finished = appended < BLOCK;
            self.next += appended as u64;
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Key, Stream};

    #[test]
    fn far_seconds_are_converted_as_others_are() {
        let mut stream = Stream::new(Key::new(1, 0, "test", "far"));
        for power in 0..1100 {
            for _ in 0..50 {
                let seconds = TWO_52 / super::super::SECOND * 1.01f64.powi(power) * (1.0 + stream.uniform() * 0.01);
                if !is_near(seconds) && seconds < 9e9 {
                    assert_eq!(at_far_seconds(seconds), at_seconds(seconds).0, "{seconds} s");
                }
            }
        }
    }
}

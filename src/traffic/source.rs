//! From times to requests: blocks of arrivals, numbered in order and dressed by the population.

use super::population::Dresser;
use crate::exec::{Arrival, Source};
use crate::law::LARGEST;
use crate::time::Time;

/// Arrivals in a block.
pub(super) const BLOCK: usize = 512;

/// Times of open arrivals, in order.
pub(super) trait Instants: Send {
    /// Appends up to [`BLOCK`] further times before `until`; fewer if there are no more.
    fn fill(&mut self, until: Time, times: &mut Vec<Time>);
}

/// A unit process: one arrival a unit of area on average.
pub(super) trait Unit: Send {
    /// The area under the rate at which the next request comes.
    fn next(&mut self) -> f64;
}

/// A rate over time, walked along.
pub(super) trait Inverse: Send {
    /// When the area under the rate since the start reaches `area`, which never falls from call to call; nothing if it
    /// never does.
    fn instant(&mut self, area: f64) -> Option<Time>;
}

/// A unit process carried over to a rate: an arrival comes when the area under the rate reaches its place.
pub(super) struct Warped<U, I> {
    unit: U,
    rate: I,
    last: Time,
}

impl<U: Unit, I: Inverse> Warped<U, I> {
    /// From the start.
    pub fn new(unit: U, rate: I) -> Warped<U, I> {
        Warped { unit, rate, last: Time::ZERO }
    }
}

impl<U: Unit, I: Inverse> Instants for Warped<U, I> {
    fn fill(&mut self, until: Time, times: &mut Vec<Time>) {
        for _ in 0..BLOCK {
            let area = self.unit.next();
            if area == f64::INFINITY {
                return;
            }
            match self.rate.instant(area) {
                // Rounding must not turn two arrivals round.
                Some(at) => self.last = self.last.max(at),
                None => return,
            }
            if self.last >= until {
                return;
            }
            times.push(self.last);
        }
    }
}

/// The nearest nanosecond to so many seconds from the start, which are not negative. Adding 2^52 rounds and leaves the
/// number in the low bits, a few times faster than a conversion; beyond 52 days that is needed.
#[inline]
pub(super) fn at_seconds(seconds: f64) -> Time {
    const TWO_52: f64 = (1u64 << 52) as f64;
    let nanos = seconds * super::SECOND;
    Time(if nanos < TWO_52 { (nanos + TWO_52).to_bits() & LARGEST } else { nanos as u64 })
}

/// A source of open traffic.
pub(super) struct Open {
    instants: Box<dyn Instants>,
    dresser: Dresser,
    until: Time,
    next: u64,
    times: Vec<Time>,
    finished: bool,
}

impl Open {
    /// Requests at these times up to the end.
    pub fn new(instants: Box<dyn Instants>, dresser: Dresser, until: Time) -> Open {
        Open { instants, dresser, until, next: 0, times: Vec::with_capacity(BLOCK), finished: false }
    }
}

impl Source for Open {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        if self.finished {
            return;
        }
        self.times.clear();
        self.instants.fill(self.until, &mut self.times);
        self.finished = self.times.len() < BLOCK;
        let first = self.next;
        self.next += self.times.len() as u64;
        block.extend(self.times.iter().zip(first..).map(|(&at, serial)| self.dresser.request(at, serial)));
    }
}

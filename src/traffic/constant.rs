//! A rate that never changes, and even spacing.

use super::source::{BLOCK, Inverse, Unit, at_far_seconds, at_near_seconds, at_seconds, is_near};
use super::{TrafficError, positive_rate};
use crate::lanes;
use crate::time::Time;
use crate::units::Rate;

/// Seconds below which nanoseconds are below 2^63.
const FARTHEST: f64 = 9e9;

/// A constant rate.
#[derive(Clone, Debug)]
pub struct Flat {
    rate: Rate,
    gap: f64,
}

impl Flat {
    /// This many requests a second.
    ///
    /// # Errors
    /// When the rate is not above zero and at most one a nanosecond.
    pub fn new(rate: Rate) -> Result<Flat, TrafficError> {
        Ok(Flat { rate: positive_rate(rate)?, gap: 1.0 / rate.0 })
    }

    /// The rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }
}

impl Inverse for Flat {
    fn instant(&mut self, area: f64) -> Option<Time> {
        Some(at_seconds(area * self.gap))
    }

    fn never_turns(&self) -> bool {
        // Every step on the way to a time rounds to the nearest: what is greater stays at least as great.
        true
    }

    fn instants(&mut self, areas: &[f64], until: Time, times: &mut Vec<u64>) {
        let (gap, from) = (self.gap, times.len());
        // Areas rise, so the first and the last say how far away all times are.
        let seconds = |area: Option<&f64>| area.map_or(0.0, |area| area * gap);
        let (first, last) = (seconds(areas.first()), seconds(areas.last()));
        if is_near(last) {
            lanes::dispatch(
                #[inline(always)]
                || times.extend(areas.iter().map(|area| at_near_seconds(area * gap))),
            );
        } else if !is_near(first) && last < FARTHEST {
            lanes::dispatch(
                #[inline(always)]
                || times.extend(areas.iter().map(|area| at_far_seconds(area * gap))),
            );
        } else {
            times.extend(areas.iter().map(|area| at_seconds(area * gap).0));
        }
        let before = times[from..].partition_point(|&at| at < until.0);
        times.truncate(from + before);
    }
}

/// One arrival in the middle of each unit of area, so that any stretch holds its share, rounded to the nearest number.
#[derive(Debug, Default)]
pub(super) struct Even {
    before: u64,
}

impl Unit for Even {
    fn fill(&mut self, areas: &mut [f64; BLOCK]) {
        for area in areas {
            *area = self.before as f64 + 0.5;
            self.before += 1;
        }
    }
}

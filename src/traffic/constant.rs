//! A rate that never changes, and even spacing.

use super::source::{Inverse, Unit, at_seconds};
use super::{TrafficError, positive_rate};
use crate::time::Time;
use crate::units::Rate;

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
}

/// One arrival in the middle of each unit of area, so that any stretch holds its share, rounded to the nearest number.
#[derive(Debug, Default)]
pub(super) struct Even {
    before: u64,
}

impl Unit for Even {
    fn next(&mut self) -> f64 {
        let area = self.before as f64 + 0.5;
        self.before += 1;
        area
    }
}

//! A rate that swings like the day: a base with a sine wave on it.

use super::source::{Inverse, at_seconds};
use super::{SECOND, TrafficError, check};
use crate::math::{cos_turns, sin_turns};
use crate::time::{Span, Time};
use crate::units::{Rate, Share};

/// The rate `base + amplitude * sin(2 pi (t / period + phase))`.
#[derive(Clone, Debug)]
pub struct Daily {
    base: f64,
    amplitude: f64,
    period: f64,
    phase: f64,
}

impl Daily {
    /// A wave around `base`. `phase` is where in the period the run starts: 0 at the mean and rising, 25 % at the peak,
    /// 75 % at the trough.
    ///
    /// # Errors
    /// When the base is not above zero, the amplitude not from zero to the base, or the period zero.
    pub fn new(base: Rate, amplitude: Rate, period: Span, phase: Share) -> Result<Daily, TrafficError> {
        check(base.0 > 0.0 && base.0 <= SECOND, "the base", "above zero and at most 1000000000/s")?;
        check((0.0..=base.0).contains(&amplitude.0), "the amplitude", "from zero to the base rate")?;
        check(period > Span::ZERO, "the period", "above zero")?;
        check((0.0..=1.0).contains(&phase.0), "the phase", "from 0% to 100%")?;
        Ok(Daily { base: base.0, amplitude: amplitude.0, period: period.as_secs_f64(), phase: phase.0 })
    }

    /// Requests expected in the first `seconds`.
    pub fn area(&self, seconds: f64) -> f64 {
        let periods = (seconds / self.period).floor();
        periods * self.base * self.period + self.area_within(seconds - periods * self.period)
    }

    /// A walk along the rate.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { wave: self.clone(), last: 0.0 }
    }

    /// Area under the rate over the first `seconds` of a period.
    fn area_within(&self, seconds: f64) -> f64 {
        let wave = cos_turns(self.phase) - cos_turns(seconds / self.period + self.phase);
        self.base * seconds + self.amplitude * self.period / std::f64::consts::TAU * wave
    }

    fn rate_at(&self, seconds: f64) -> f64 {
        self.base + self.amplitude * sin_turns(seconds / self.period + self.phase)
    }

    /// Seconds of a period until the area under the rate reaches `area`: Newton's method from `guess`, kept inside a
    /// shrinking bracket by bisection.
    fn seconds_to(&self, area: f64, guess: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.period);
        let mut at = guess.clamp(low, high);
        // A tenth of a nanosecond, or as near as doubles come.
        let enough = 1e-10f64.max(self.period * 1e-15);
        for _ in 0..100 {
            let excess = self.area_within(at) - area;
            if excess < 0.0 {
                low = at
            } else {
                high = at
            }
            let next = at - excess / self.rate_at(at);
            let next = if next > low && next < high { next } else { 0.5 * (low + high) };
            if (next - at).abs() <= enough {
                return next;
            }
            at = next;
        }
        at
    }
}

/// A walk along the wave.
#[derive(Debug)]
pub(super) struct Cursor {
    wave: Daily,
    /// Place of the last arrival in its period.
    last: f64,
}

impl Inverse for Cursor {
    fn instant(&mut self, area: f64) -> Option<Time> {
        let full = self.wave.base * self.wave.period;
        let periods = (area / full).floor();
        self.last = self.wave.seconds_to(area - periods * full, self.last);
        Some(at_seconds(periods * self.wave.period + self.last))
    }
}

//! Bursty traffic: a Poisson process whose rate jumps between phases with exponential sojourns (Markov-modulated).

use super::source::{Inverse, at_seconds};
use super::{SECOND, TrafficError, check};
use crate::law::{Law, LawSpec};
use crate::rng::{Key, uniform};
use crate::time::{Span, Time};
use crate::units::Rate;

/// One phase: its rate and its mean sojourn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// Rate while it lasts; may be zero.
    pub rate: Rate,
    /// How long it lasts on average.
    pub sojourn: Span,
}

/// A ring of two or more phases, each followed by the next. It starts as it would be met at any time: in a phase with
/// the probability of its share of the time. (Sojourns have no memory, so this is stationary.)
#[derive(Clone, Debug)]
pub struct Mmpp {
    phases: Vec<(f64, Law)>,
}

impl Mmpp {
    /// The ring of these phases.
    ///
    /// # Errors
    /// When there are fewer than two phases, a rate is out of range, all rates are zero, or a sojourn is zero.
    pub fn new(phases: &[Phase]) -> Result<Mmpp, TrafficError> {
        check(phases.len() >= 2, "the number of phases", "at least two")?;
        check(phases.iter().all(|p| (0.0..=SECOND).contains(&p.rate.0)), "every rate", "from 0/s to 1000000000/s")?;
        check(phases.iter().any(|p| p.rate.0 > 0.0), "some rate", "above zero")?;
        let phase = |p: &Phase| {
            let sojourn = Law::compile(&LawSpec::Exponential { mean: p.sojourn.0 as f64 });
            let allowed = "above zero and below 52 days";
            sojourn
                .map(|law| (p.rate.0, law))
                .map_err(|_| TrafficError::Parameter { parameter: "every sojourn", allowed })
        };
        Ok(Mmpp { phases: phases.iter().map(phase).collect::<Result<_, _>>()? })
    }

    /// The long-run mean rate.
    pub fn mean_rate(&self) -> Rate {
        let total: f64 = self.phases.iter().map(|(_, sojourn)| sojourn.mean()).sum();
        Rate(self.phases.iter().map(|(rate, sojourn)| rate * sojourn.mean()).sum::<f64>() / total)
    }

    /// A walk along the rate; sojourn n is a function of the key and n.
    pub(super) fn cursor(&self, key: &dyn Fn(&str) -> Key) -> Cursor {
        let total: f64 = self.phases.iter().map(|(_, sojourn)| sojourn.mean()).sum();
        let mut place = uniform(key("phase").bits(0)) * total;
        let mut phase = 0;
        while phase + 1 < self.phases.len() && place >= self.phases[phase].1.mean() {
            place -= self.phases[phase].1.mean();
            phase += 1;
        }
        let mut cursor = Cursor {
            phases: self.phases.clone(),
            key: key("sojourn"),
            phase,
            next: 0,
            from: Time::ZERO,
            seconds: 0.0,
            before: 0.0,
        };
        cursor.seconds = cursor.sojourn();
        cursor
    }
}

/// A walk along the phases.
#[derive(Debug)]
pub(super) struct Cursor {
    phases: Vec<(f64, Law)>,
    key: Key,
    phase: usize,
    /// Sojourns drawn.
    next: u64,
    /// Start of the current sojourn.
    from: Time,
    /// Length of the current sojourn.
    seconds: f64,
    /// Area under the rate before it.
    before: f64,
}

impl Cursor {
    /// The length of the next sojourn, in the current phase.
    fn sojourn(&mut self) -> f64 {
        let span = Span(self.phases[self.phase].1.draw(self.key.bits(self.next)));
        self.next += 1;
        span.as_secs_f64()
    }
}

impl Inverse for Cursor {
    fn instant(&mut self, area: f64) -> Option<Time> {
        loop {
            let rate = self.phases[self.phase].0;
            let here = area - self.before;
            if here < rate * self.seconds {
                return Some(self.from + Span(at_seconds(here / rate).0));
            }
            // Past all times: every arrival from here on is beyond any end.
            if self.from == Time::NEVER {
                return None;
            }
            self.before += rate * self.seconds;
            self.from = self.from + Span(at_seconds(self.seconds).0);
            self.phase = (self.phase + 1) % self.phases.len();
            self.seconds = self.sojourn();
        }
    }
}

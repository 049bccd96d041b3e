//! Renewal arrivals: independent gaps of any law, drawn in order.

use super::source::{BLOCK, Instants};
use super::{TrafficError, check};
use crate::law::Law;
use crate::rng::Key;
use crate::time::{Span, Time};

/// A renewal process: the first request comes after one gap.
#[derive(Clone, Debug)]
pub struct Renewal {
    gap: Law,
}

impl Renewal {
    /// Arrivals with gaps of this law.
    ///
    /// # Errors
    /// When the mean gap is below a nanosecond.
    pub fn new(gap: Law) -> Result<Renewal, TrafficError> {
        check(gap.mean() >= 1.0, "the mean gap", "at least 1 ns")?;
        Ok(Renewal { gap })
    }

    /// The law of the gaps.
    pub fn gap(&self) -> &Law {
        &self.gap
    }

    /// The times of one replication.
    pub(super) fn gaps(&self, key: Key) -> Gaps {
        Gaps { gap: self.gap.clone(), key, next: 0, at: Time::ZERO }
    }
}

/// Times as running sums of gaps; gap n is a function of the key and n.
#[derive(Debug)]
pub(super) struct Gaps {
    gap: Law,
    key: Key,
    next: u64,
    at: Time,
}

impl Instants for Gaps {
    fn fill(&mut self, until: Time, times: &mut Vec<u64>) {
        let (mut bits, mut gaps) = ([0; BLOCK], [0; BLOCK]);
        self.key.fill_from(self.next, &mut bits);
        self.gap.fill(&bits, &mut gaps);
        self.next += BLOCK as u64;
        for gap in gaps {
            self.at = self.at + Span(gap);
            if self.at >= until {
                return;
            }
            times.push(self.at.0);
        }
    }
}

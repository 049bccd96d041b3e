//! The Poisson process of rate one: exponential gaps, drawn in order.

use super::source::Unit as UnitProcess;
use crate::law::Law;
use crate::law::LawSpec;
use crate::rng::Key;

/// Parts of a unit in which gaps are summed: whole numbers keep the sum exact. After 3e10 arrivals there
/// are no more.
const PARTS: f64 = (1u64 << 28) as f64;

/// A Poisson process of rate one. Gap n is a function of the key and n.
#[derive(Debug)]
pub(super) struct Unit {
    key: Key,
    gap: Law,
    next: u64,
    sum: i64,
}

impl Unit {
    /// From the start.
    pub fn new(key: Key) -> Unit {
        Unit { key, gap: unit_gap(), next: 0, sum: 0 }
    }
}

impl UnitProcess for Unit {
    #[inline]
    fn next(&mut self) -> f64 {
        self.sum = self.sum.saturating_add(self.gap.draw(self.key.bits(self.next)) as i64);
        self.next += 1;
        // The sum is signed because that converts in one instruction.
        if self.sum == i64::MAX { f64::INFINITY } else { self.sum as f64 * (1.0 / PARTS) }
    }
}

/// The exponential law with a mean of one unit.
fn unit_gap() -> Law {
    Law::compile(&LawSpec::Exponential { mean: PARTS }).unwrap_or_else(|_| Law::constant(PARTS as u64))
}

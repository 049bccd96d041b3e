//! The Poisson process of rate one: exponential gaps, drawn in order.

use super::source::{BLOCK, Unit as UnitProcess};
use crate::lanes;
use crate::lanes::scan::running_sums;
use crate::law::Law;
use crate::law::LawSpec;
use crate::rng::Key;

/// Parts of a unit in which gaps are summed: whole numbers keep the sum exact. After 3e10 arrivals there
/// are no more.
const PARTS: f64 = (1u64 << 28) as f64;

/// The largest sum of gaps.
const MOST: u64 = i64::MAX as u64 - 1;

/// A Poisson process of rate one. Gap n is a function of the key and n.
#[derive(Debug)]
pub(super) struct Unit {
    key: Key,
    gap: Law,
    next: u64,
    sum: u64,
    numbers: [u64; BLOCK],
    sums: [u64; BLOCK],
}

impl Unit {
    /// From the start.
    pub fn new(key: Key) -> Unit {
        Unit { key, gap: unit_gap(), next: 0, sum: 0, numbers: [0; BLOCK], sums: [0; BLOCK] }
    }
}

impl UnitProcess for Unit {
    fn fill(&mut self, areas: &mut [f64; BLOCK]) {
        self.numbers.iter_mut().zip(self.next..).for_each(|(number, next)| *number = next);
        self.gap.draw_all(&self.key, &self.numbers, &mut self.sums);
        self.next += BLOCK as u64;
        // Far enough from the end of all numbers that the sums of a block cannot pass it.
        self.sum = running_sums(&mut self.sums, self.sum.min(MOST + 1));
        let sums = &self.sums;
        lanes::dispatch(
            #[inline(always)]
            || areas.iter_mut().zip(sums).for_each(|(area, &sum)| *area = area_of(sum)),
        );
        if self.sum > MOST {
            let beyond = sums.partition_point(|&sum| sum <= MOST);
            areas[beyond..].fill(f64::INFINITY);
        }
    }
}

/// The area of a sum of gaps. The halves of the sum are converted apart and exactly, so that rounding happens once, when
/// they are added.
#[inline(always)]
fn area_of(sum: u64) -> f64 {
    const TWO_52: f64 = (1u64 << 52) as f64;
    const TWO_32: f64 = (1u64 << 32) as f64;
    let exact = |half: u64| f64::from_bits(TWO_52.to_bits() | half) - TWO_52;
    (exact(sum >> 32) * TWO_32 + exact(sum & 0xFFFF_FFFF)) * (1.0 / PARTS)
}

/// The exponential law with a mean of one unit.
fn unit_gap() -> Law {
    Law::compile(&LawSpec::Exponential { mean: PARTS }).unwrap_or_else(|_| Law::constant(PARTS as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    #[test]
    fn an_area_is_rounded_as_a_conversion_of_the_sum_would_be() {
        let mut stream = Stream::new(Key::new(1, 0, "test", "area"));
        for shift in 1..64 {
            for _ in 0..1000 {
                let sum = stream.bits() >> shift;
                assert_eq!(area_of(sum), sum as i64 as f64 / PARTS, "{sum}");
            }
        }
    }

    #[test]
    fn after_the_last_number_there_are_no_more_arrivals() {
        let mut unit = Unit { sum: MOST - 20 * PARTS as u64, ..Unit::new(Key::new(1, 0, "test", "end")) };
        let mut areas = [0.0; BLOCK];
        unit.fill(&mut areas);
        let finite = areas.partition_point(|area| area.is_finite());
        assert!((5..50).contains(&finite) && areas[finite..].iter().all(|&area| area == f64::INFINITY));
        unit.fill(&mut areas);
        assert!(areas.iter().all(|&area| area == f64::INFINITY));
    }
}

//! Token bucket as a virtual schedule: instead of a level of tokens, the instant at which the bucket would be full
//! again. A request passes if that instant is not further away than `burst - 1` tokens take to flow in. Exactly the
//! loss queue M/D/1/K for Poisson arrivals (`fidelity.md`: D = 1/rate, K = burst).

use super::keyed::{KeyMap, object};
use crate::program::{BucketSpec, LimitScope};
use crate::time::{NANOS_PER_SECOND, Time, count_within, earliest, latest};

/// Fractions of a nanosecond in the schedule, in bits: the rate is exact to 2^-11 of a nanosecond a token.
const FRACTION: u32 = 10;
/// Pieces of a stretch of time, each half as long as the one before it.
const PIECES: u32 = 7;
/// Instants whose earliest and latest are found together.
const BLOCK: usize = 64;
/// Instants beyond this are as good as never; keeps sums inside 64 bits.
const FOREVER: u64 = 1 << 62;

/// A token bucket, or one for each key or class.
#[derive(Clone, Debug)]
pub struct Bucket {
    scope: LimitScope,
    token: u64,
    tolerance: u64,
    shared: u64,
    keyed: KeyMap<u64>,
    /// The last arrivals of a stretch of time.
    tail: Vec<u64>,
    /// The earliest and the latest of each block of arrivals.
    extents: Vec<(u64, u64)>,
}

/// Instants in blocks with known extents: most need no look when those in a stretch of time are counted.
#[derive(Clone, Copy)]
struct Blocks<'a> {
    times: &'a [u64],
    extents: &'a [(u64, u64)],
}

impl<'a> Blocks<'a> {
    fn new(times: &'a [u64], extents: &'a mut Vec<(u64, u64)>) -> Blocks<'a> {
        extents.clear();
        extents.extend(times.chunks(BLOCK).map(|block| (earliest(block), latest(block))));
        Blocks { times, extents }
    }

    /// Those in a stretch of time, from its start up to but not including its end, block by block.
    fn within(self, from: u64, to: u64) -> impl Iterator<Item = u64> + 'a {
        let blocks = self.times.chunks(BLOCK).zip(self.extents);
        let touched = blocks.filter(move |(_, extent)| extent.1 >= from && extent.0 < to);
        touched.flat_map(|(block, _)| block.iter().copied()).filter(move |&at| at >= from && at < to)
    }

    /// How many come before an instant.
    fn before(self, end: u64) -> usize {
        let count = |(block, &(first, last)): (&[u64], &(u64, u64))| match () {
            () if last < end => block.len(),
            () if first >= end => 0,
            () => count_within(block, Time::ZERO, Time(end)),
        };
        self.times.chunks(BLOCK).zip(self.extents).map(count).sum()
    }
}

impl Bucket {
    /// A full bucket.
    pub fn new(spec: &BucketSpec) -> Bucket {
        let token = (NANOS_PER_SECOND as f64 / spec.rate * (1u64 << FRACTION) as f64).round();
        let tolerance = ((spec.burst - 1.0).max(0.0) * token).round();
        Bucket {
            scope: spec.scope,
            token: (token.min(FOREVER as f64) as u64).max(1),
            tolerance: tolerance.min(FOREVER as f64) as u64,
            shared: 0,
            keyed: KeyMap::default(),
            tail: Vec::new(),
            extents: Vec::new(),
        }
    }

    /// Takes a token, if there is one.
    #[inline]
    pub fn admits(&mut self, at: Time, class: u16, key: u32) -> bool {
        let now = at.0 << FRACTION;
        let full = match self.scope {
            LimitScope::Shared => &mut self.shared,
            LimitScope::Key => self.keyed.entry(object(class, key)).or_insert(0),
            LimitScope::Class => self.keyed.entry(class as u64).or_insert(0),
        };
        let from = (*full).max(now);
        let passes = from - now <= self.tolerance;
        if passes {
            *full = from.saturating_add(self.token).min(FOREVER);
        }
        passes
    }

    /// Many requests in order of time at a bucket that all share; the mask, in which nothing holds before, holds for those
    /// without a token. Whether it holds for any.
    pub fn refuse_all(&mut self, times: &[u64], mask: &mut [u8]) -> bool {
        if let Some(full) = self.full_after(times) {
            self.shared = full;
            return false;
        }
        let Bucket { token, tolerance, shared: mut full, .. } = *self;
        for (&at, mask) in times.iter().zip(mask) {
            let now = at << FRACTION;
            let from = full.max(now);
            let passes = from - now <= tolerance;
            full = if passes { from.saturating_add(token).min(FOREVER) } else { full };
            *mask = !passes as u8;
        }
        self.shared = full;
        true
    }

    /// Many requests in any order at a bucket that all share: those that come from `from` up to, but not including, `end`,
    /// if it is certain that each of them finds a token whatever their order. They take their tokens then, and how many
    /// they are is known; otherwise nothing happens. No request may come before `end` afterwards.
    ///
    /// The time is cut into pieces that halve towards its end. Were all requests of a piece to come at once at its start,
    /// they would find the fewest tokens; were they to come at its end, they would leave the fewest. Only the requests of
    /// the last piece are put in order: from the fewest tokens and from a full bucket, both must lead to the same schedule.
    pub fn admits_all(&mut self, times: &[u64], from: u64, end: u64) -> Option<u64> {
        let fits = |time: u64| time.checked_mul(1 << FRACTION).is_some_and(|time| time < FOREVER / 2);
        let tokens = self.token.checked_mul(times.len() as u64).filter(|&tokens| tokens < FOREVER / 2);
        if self.scope != LimitScope::Shared || !fits(end) || self.shared > FOREVER / 2 || tokens.is_none() {
            return None;
        }
        let blocks = Blocks::new(times, &mut self.extents);
        if blocks.before(from) > 0 {
            return None;
        }
        let (mut start, mut full, mut counted) = (from, self.shared.max(from << FRACTION), 0);
        for piece in 1..=PIECES {
            let stop = end - ((end - from) >> piece);
            let before = blocks.before(stop) as u64;
            let count = before - counted;
            if count > 0 && full - (start << FRACTION) + (count - 1) * self.token > self.tolerance {
                return None;
            }
            full = full.max(stop << FRACTION) + count * self.token;
            (start, counted) = (stop, before);
        }
        self.tail.clear();
        self.tail.extend(blocks.within(start, end));
        self.tail.sort_unstable();
        let mut least = start << FRACTION;
        for &at in &self.tail {
            let now = at << FRACTION;
            if full.saturating_sub(now) > self.tolerance {
                return None;
            }
            full = full.max(now) + self.token;
            least = least.max(now) + self.token;
        }
        // Until then the bucket would be full again in any case.
        if least != full && full > end << FRACTION {
            return None;
        }
        self.shared = full;
        Some(counted + self.tail.len() as u64)
    }

    /// When the bucket is full after requests in order of time that all find a token.
    fn full_after(&self, times: &[u64]) -> Option<u64> {
        let last = times.last()?.checked_mul(1 << FRACTION)?;
        let tokens = self.token.checked_mul(times.len() as u64)?;
        if self.shared.max(last).checked_add(tokens)? > FOREVER {
            return None;
        }
        let (mut full, mut longest) = (self.shared, 0);
        for &at in times {
            let now = at << FRACTION;
            let from = full.max(now);
            longest = longest.max(from - now);
            full = from + self.token;
        }
        (longest <= self.tolerance).then_some(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Origin;

    fn bucket(rate: f64, burst: f64, scope: LimitScope) -> Bucket {
        Bucket::new(&BucketSpec { name: "b".into(), rate, burst, scope, origin: Origin::Scenario })
    }

    fn ms(t: u64) -> Time {
        Time(t * 1_000_000)
    }

    #[test]
    fn a_full_bucket_passes_its_burst_and_then_one_each_refill() {
        let mut bucket = bucket(100.0, 3.0, LimitScope::Shared);
        let admitted: Vec<bool> =
            [0, 0, 0, 0, 9, 10, 10, 19, 20].into_iter().map(|t| bucket.admits(ms(t), 0, 0)).collect();
        assert_eq!(admitted, [true, true, true, false, false, true, false, false, true]);
    }

    #[test]
    fn an_idle_bucket_holds_no_more_than_its_burst() {
        let mut bucket = bucket(100.0, 2.0, LimitScope::Shared);
        assert!(bucket.admits(ms(0), 0, 0));
        let admitted = (0..4).filter(|_| bucket.admits(ms(100_000), 0, 0)).count();
        assert_eq!(admitted, 2);
    }

    #[test]
    fn keys_do_not_share_tokens() {
        let mut bucket = bucket(1.0, 1.0, LimitScope::Key);
        assert!(bucket.admits(ms(0), 0, 1) && bucket.admits(ms(0), 0, 2) && bucket.admits(ms(0), 1, 1));
        assert!(!bucket.admits(ms(0), 0, 1));
    }

    #[test]
    fn requests_in_any_order_leave_the_bucket_as_in_order_or_untouched() {
        let mut known = 0;
        for (rate, burst, count) in
            [(5000.0, 2000.0, 2000), (2100.0, 300.0, 2000), (900.0, 900.0, 1000), (1e6, 2.0, 300)]
        {
            let spec =
                BucketSpec { name: "b".into(), rate, burst, scope: LimitScope::Shared, origin: Origin::Scenario };
            let mut ordered = Bucket::new(&spec);
            for window in 0..200u64 {
                let (from, end) = (window * NANOS_PER_SECOND, (window + 1) * NANOS_PER_SECOND);
                let times: Vec<u64> = (0..count)
                    .map(|n| from + crate::op::keyed::spread(window * 10_000 + n) % (NANOS_PER_SECOND + 1_000_000))
                    .collect();
                let mut inside: Vec<u64> = times.iter().copied().filter(|&at| at < end).collect();
                inside.sort_unstable();
                let (mut any, before) = (ordered.clone(), ordered.shared);
                let found = any.admits_all(&times, from, end);
                let mut mask = vec![0; inside.len()];
                ordered.refuse_all(&inside, &mut mask);
                if let Some(found) = found {
                    assert_eq!(found, inside.len() as u64, "{rate}: {window}");
                    assert!(!mask.contains(&1), "{rate}: window {window} has a refusal");
                    assert_eq!(
                        any.shared.max(end << FRACTION),
                        ordered.shared.max(end << FRACTION),
                        "{rate}: {window}"
                    );
                    known += 1;
                } else {
                    assert_eq!(any.shared, before, "{rate}: {window}");
                }
            }
        }
        assert!((100..400).contains(&known), "{known} windows of 800 need no order");
    }

    #[test]
    fn fractional_tokens_are_kept() {
        let mut bucket = bucket(3.0, 1.0, LimitScope::Shared);
        let passed = (0..3_000).filter(|i| bucket.admits(ms(i * 10), 0, 0)).count();
        assert_eq!(passed, 89, "three a second on a grid of 10 ms: each third of a second is rounded up to 340 ms");
    }
}

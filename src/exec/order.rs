//! The order in time of the requests of one window.
//!
//! Times become keys of one number: the offset from the window's start, then the index. A counting sort by the leading
//! bits, with about as many buckets as requests, leaves only neighbours in the wrong order; these are exchanged over the
//! whole array, without a branch, until none is left. Keys are the bits of an `f64` between 1 and 2, because every
//! processor can tell the lesser of two of those in one instruction.

use crate::lanes;

/// Bits of an index in a key, so that offset and index fill the 52 bits of an `f64`.
const INDEX_BITS: u32 = 20;
/// The exponent of 1.0.
const ONE: u64 = 1023 << 52;
/// Fewer are sorted by comparing them.
const FEW: usize = 24;
/// Exchanges of all neighbours before the array is looked at, and again until it is in order.
const ROUNDS: usize = 2;
/// Times that the array is looked at before times are taken as crowded, and sorted by comparing them.
const LOOKS: usize = 4;

/// Puts requests of a window in order of time. Kept from window to window, so that its memory is.
#[derive(Clone, Debug, Default)]
pub struct Order {
    unordered: Vec<u64>,
    keys: Vec<u64>,
    buckets: Vec<u32>,
    starts: Vec<u32>,
    indices: Vec<u32>,
    ties: bool,
}

impl Order {
    /// Orders `times`, none of which is before `start`. Those before `start + cut` come first, in order; the others follow
    /// in any order. Gives the number of times before the cut.
    ///
    /// Equal times before the cut are put in order of `tie`, called with their indices.
    ///
    /// # Panics
    /// When the cut is zero or above 2^32, or there are more than 2^20 times.
    pub fn order<K: Ord>(&mut self, times: &[u64], start: u64, cut: u64, tie: impl Fn(u32) -> K) -> usize {
        assert!((1..=1 << 32).contains(&cut), "the cut of a window lies within 2^32 ns");
        assert!(times.len() <= 1 << INDEX_BITS, "a window has no more than 2^20 requests");
        let inside = if times.len() < FEW { self.compare(times, start, cut) } else { self.sort(times, start, cut) };
        let indices = &mut self.indices;
        indices.resize(times.len(), 0);
        let keys = &self.keys[..];
        lanes::dispatch(
            #[inline(always)]
            move || indices.iter_mut().zip(keys).for_each(|(index, &key)| *index = index_of(key)),
        );
        if self.ties {
            self.settle(inside, tie);
        }
        inside
    }

    /// The order found: the index of the first request, of the second, ...
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The first so many times of the last call, in order, of which all before the cut are known; `start` as given there.
    pub fn times(&self, start: u64, count: usize, times: &mut Vec<u64>) {
        times.resize(count, 0);
        let times = &mut times[..];
        let keys = &self.keys[..count];
        lanes::dispatch(
            #[inline(always)]
            move || times.iter_mut().zip(keys).for_each(|(time, &key)| *time = start + offset_of(key)),
        );
    }

    /// Whether two times before the cut were equal.
    pub fn has_ties(&self) -> bool {
        self.ties
    }

    /// Keys in order by comparing them.
    fn compare(&mut self, times: &[u64], start: u64, cut: u64) -> usize {
        self.keys.clear();
        let mut inside = 0;
        for (&time, index) in times.iter().zip(0..) {
            let offset = time.wrapping_sub(start);
            self.keys.push(key(offset, index));
            if offset < cut {
                self.keys.swap(inside, index as usize);
                inside += 1;
            }
        }
        self.keys[..inside].sort_unstable();
        self.ties = neighbours(&self.keys[..inside]).ties;
        inside
    }

    /// Keys in order by counting the leading bits of offsets and exchanging neighbours.
    fn sort(&mut self, times: &[u64], start: u64, cut: u64) -> usize {
        let count = times.len();
        let bits = u64::BITS - (cut - 1).leading_zeros();
        let shift = bits.saturating_sub(usize::BITS - (count + count / 2).leading_zeros());
        let outside = ((cut - 1) >> shift) as u32 + 1;
        self.unordered.resize(count, 0);
        self.keys.resize(count, 0);
        self.buckets.resize(count, 0);
        let Order { unordered, keys, buckets, starts, ties, .. } = self;
        {
            let (unordered, buckets) = (&mut unordered[..], &mut buckets[..]);
            lanes::dispatch(
                #[inline(always)]
                move || place(times, Place { start, cut, shift, outside }, unordered, buckets),
            );
        }
        starts.clear();
        starts.resize(outside as usize + 1, 0);
        for &bucket in &*buckets {
            if let Some(start) = starts.get_mut(bucket as usize) {
                *start += 1;
            }
        }
        sum_up(starts);
        let inside = starts.last().map_or(0, |&inside| inside as usize);
        for (&key, &bucket) in unordered.iter().zip(&*buckets) {
            if let Some(start) = starts.get_mut(bucket as usize) {
                if let Some(place) = keys.get_mut(*start as usize) {
                    *place = key;
                }
                *start += 1;
            }
        }
        let keys = &mut keys[..inside];
        for _ in 0..LOOKS {
            exchange(keys);
            let found = neighbours(keys);
            if found.in_order {
                *ties = found.ties;
                return inside;
            }
        }
        keys.sort_unstable();
        *ties = neighbours(keys).ties;
        inside
    }

    /// Puts runs of equal times in order of their ties.
    #[cold]
    fn settle<K: Ord>(&mut self, inside: usize, tie: impl Fn(u32) -> K) {
        let mut from = 0;
        for run in self.keys[..inside].chunk_by(|a, b| a >> INDEX_BITS == b >> INDEX_BITS) {
            let to = from + run.len();
            if run.len() > 1 {
                self.indices[from..to].sort_unstable_by_key(|&index| tie(index));
            }
            from = to;
        }
    }
}

/// Replaces each number by the sum of those before it. Sums of a few do not wait for each other.
fn sum_up(numbers: &mut [u32]) {
    let (blocks, rest) = numbers.as_chunks_mut::<8>();
    let mut before = 0;
    let mut replace = |numbers: &mut [u32]| {
        let mut sum = 0;
        for number in numbers {
            (*number, sum) = (before + sum, sum + *number);
        }
        before += sum;
    };
    blocks.iter_mut().for_each(|block| replace(block));
    replace(rest);
}

/// How times become buckets.
#[derive(Clone, Copy)]
struct Place {
    start: u64,
    cut: u64,
    shift: u32,
    /// The bucket of those at or past the cut.
    outside: u32,
}

#[inline(always)]
fn place(times: &[u64], to: Place, keys: &mut [u64], buckets: &mut [u32]) {
    let Place { start, cut, shift, outside } = to;
    for (((&time, index), place), bucket) in times.iter().zip(0u32..).zip(keys).zip(buckets) {
        let offset = time.wrapping_sub(start);
        *place = key(offset, index);
        // Ones if past the cut: the sign of a difference, since comparing unsigned numbers takes several instructions.
        let past = (((offset | (cut - 1).wrapping_sub(offset)) as i64) >> 63) as u32;
        *bucket = ((offset >> shift) as u32 & !past) | (outside & past);
    }
}

/// The key of a request by its offset, of which only the lower 32 bits remain.
#[inline(always)]
fn key(offset: u64, index: u32) -> u64 {
    ONE | offset << 32 >> (32 - INDEX_BITS) | u64::from(index)
}

#[inline(always)]
fn offset_of(key: u64) -> u64 {
    (key & !ONE) >> INDEX_BITS
}

#[inline(always)]
fn index_of(key: u64) -> u32 {
    key as u32 & ((1 << INDEX_BITS) - 1)
}

/// Exchanges neighbours in the wrong order: first with second, third with fourth ..., then second with third ...
fn exchange(keys: &mut [u64]) {
    lanes::dispatch(
        #[inline(always)]
        move || {
            for _ in 0..ROUNDS {
                exchange_pairs(keys);
                if let Some((_, rest)) = keys.split_first_mut() {
                    exchange_pairs(rest);
                }
            }
        },
    );
}

#[inline(always)]
fn exchange_pairs(keys: &mut [u64]) {
    for pair in keys.as_chunks_mut::<2>().0 {
        let (a, b) = (f64::from_bits(pair[0]), f64::from_bits(pair[1]));
        *pair = [if a < b { a } else { b }.to_bits(), if a < b { b } else { a }.to_bits()];
    }
}

/// What comparing all neighbours shows.
struct Neighbours {
    in_order: bool,
    /// Whether two have the same time.
    ties: bool,
}

fn neighbours(keys: &[u64]) -> Neighbours {
    let later = keys.get(1..).unwrap_or_default();
    lanes::dispatch(
        #[inline(always)]
        move || compare_neighbours(keys, later),
    )
}

#[inline(always)]
fn compare_neighbours(keys: &[u64], later: &[u64]) -> Neighbours {
    let (mut wrong, mut equal) = (0, 0);
    for (&a, &b) in keys.iter().zip(later) {
        wrong |= u64::from(f64::from_bits(b) < f64::from_bits(a));
        equal |= u64::from((a ^ b) >> INDEX_BITS == 0);
    }
    Neighbours { in_order: wrong == 0, ties: equal != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::with_each;
    use crate::rng::{Key, Stream};

    const START: u64 = 1 << 40;

    fn check(times: &[u64], cut: u64, what: &str) {
        let tie = |index: u32| (u64::from(index % 3), u64::from(u32::MAX - index));
        let mut expected: Vec<u32> = (0..times.len() as u32).filter(|&i| times[i as usize] < START + cut).collect();
        expected.sort_by_key(|&index| (times[index as usize], tie(index)));
        let equal = expected.windows(2).any(|pair| times[pair[0] as usize] == times[pair[1] as usize]);
        with_each(|lanes| {
            let mut order = Order::default();
            for _ in 0..2 {
                let inside = order.order(times, START, cut, tie);
                assert_eq!(order.indices()[..inside], expected, "{what}, {lanes:?}");
                assert_eq!(order.has_ties(), equal, "{what}, {lanes:?}");
                let mut found = Vec::new();
                order.times(START, inside, &mut found);
                assert!(found.iter().copied().eq(expected.iter().map(|&i| times[i as usize])), "{what}, {lanes:?}");
                let mut all = order.indices().to_vec();
                all.sort_unstable();
                assert!(all.iter().copied().eq(0..times.len() as u32), "{what}, {lanes:?}: nobody is lost");
            }
        });
    }

    #[test]
    fn times_before_the_cut_come_first_in_order_and_ties_by_their_keys() {
        let mut stream = Stream::new(Key::new(1, 0, "test", "order"));
        for count in [0, 1, 2, 23, 24, 25, 100, 1000, 5000] {
            for (length, cut) in [(1 << 30, 1 << 30), (1 << 32, 1 << 32), (1 << 31, 700_000_000), (1000, 999), (1, 1)] {
                let times: Vec<u64> = (0..count).map(|_| START + stream.bits() % length).collect();
                check(&times, cut, &format!("{count} times over {length}, cut at {cut}"));
            }
        }
    }

    #[test]
    fn times_far_beyond_the_window_and_never_stay_outside() {
        let mut stream = Stream::new(Key::new(2, 0, "test", "order"));
        let far = |bits: u64| match bits % 4 {
            0 => u64::MAX - bits % 2,
            1 => START + (1 << 32) + (bits >> 30),
            _ => START + (bits >> 34),
        };
        for count in [20, 1000] {
            let times: Vec<u64> = (0..count).map(|_| far(stream.bits())).collect();
            check(&times, 1 << 30, "far times");
            check(&times, 1, "nearly all outside");
        }
    }

    #[test]
    fn crowded_and_ordered_times_are_ordered_as_well() {
        let mut stream = Stream::new(Key::new(3, 0, "test", "order"));
        let crowded: Vec<u64> =
            (0..1000).map(|i| START + if i < 500 { stream.bits() % 2000 } else { i << 20 }).collect();
        check(&crowded, 1 << 30, "crowded");
        check(&vec![START + 5; 300], 1 << 30, "all at once");
        let rising: Vec<u64> = (0..1000).map(|i| START + (i << 20)).collect();
        check(&rising, 1 << 30, "rising");
        check(&rising.iter().rev().copied().collect::<Vec<_>>(), 1 << 30, "falling");
    }
}

//! A histogram of whole numbers (nanoseconds, bytes) with a bounded relative error: counters in the layout of HDR histograms.
//!
//! Every octave of values is cut into 2^bits equal buckets, so a bucket is never wider than 2^-bits of its values: 0.1 %
//! for the default ten bits (three significant digits). Counters are exact integers, hence merging is exact, commutative
//! and independent of order. Sum, minimum and maximum are kept beside the counters, exactly.

use crate::lanes;
use crate::lanes::scan::close_up;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

/// Values counted at a time in a block.
const BLOCK: usize = 64;
/// Values counted at a time in what remains.
const FEW: usize = 8;

/// Counts of whole numbers in buckets of bounded relative width, with the exact count, sum, minimum and maximum.
///
/// Memory is 4 bytes for each bucket between the lowest and the highest octave seen: 4 KiB an octave with
/// [`FINE`](Histogram::FINE) buckets, half a KiB with [`NARROW`](Histogram::NARROW) ones; three times as much after four
/// thousand million values.
#[derive(Clone, Debug)]
pub struct Histogram {
    bits: u32,
    /// Index of the bucket that `counts[0]` counts: the counters cover only the octaves that were seen.
    first: usize,
    /// What was counted since counters were last carried over. Narrow counters stay in the nearest caches.
    counts: Vec<u32>,
    /// What was counted before; no counters until some had to be carried over.
    carried: Vec<u64>,
    /// Values that may be counted before counters must be carried over, lest one of them overflows.
    room: u32,
    sum: u128,
    min: u64,
    max: u64,
}

/// A bucket that counted something: `count` values from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Smallest value that falls into the bucket.
    pub low: u64,
    /// Largest value that falls into the bucket.
    pub high: u64,
    /// How many values did.
    pub count: u64,
}

impl Histogram {
    /// Bits of three significant digits: 1024 buckets an octave, quantiles within 0.1 %.
    pub const FINE: u32 = 10;
    /// Bits of two significant digits: 128 buckets an octave, quantiles within 0.8 %; for stages.
    pub const NARROW: u32 = 7;

    /// An empty histogram with 2^`precision_bits` buckets an octave; bits outside 1 to 17 are taken as the nearest of these.
    pub fn new(precision_bits: u32) -> Histogram {
        let bits = precision_bits.clamp(1, 17);
        Histogram {
            bits,
            first: 0,
            counts: Vec::new(),
            carried: Vec::new(),
            room: u32::MAX,
            sum: 0,
            min: u64::MAX,
            max: 0,
        }
    }

    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.add(index(value, self.bits), 1);
    }

    /// Counts many values.
    pub fn record_all(&mut self, values: &[u64]) {
        lanes::dispatch(
            #[inline(always)]
            move || self.record_blocks(values, values, |value, _| value, None),
        );
    }

    /// Counts the differences `later[i] - earlier[i]`, none of which may be negative, here and in another histogram, which
    /// must not be finer.
    ///
    /// # Panics
    /// When the two slices differ in length.
    pub fn record_differences_in_both(&mut self, coarser: &mut Histogram, later: &[u64], earlier: &[u64]) {
        assert_eq!(later.len(), earlier.len(), "every later value needs an earlier one");
        debug_assert!(coarser.bits <= self.bits, "the other histogram is coarser");
        lanes::dispatch(
            #[inline(always)]
            move || self.record_blocks(later, earlier, u64::wrapping_sub, Some(coarser)),
        );
    }

    /// Counts the differences `later[i] - earlier[i]`, none of which may be negative.
    ///
    /// # Panics
    /// When the two slices differ in length.
    pub fn record_differences(&mut self, later: &[u64], earlier: &[u64]) {
        assert_eq!(later.len(), earlier.len(), "every later value needs an earlier one");
        lanes::dispatch(
            #[inline(always)]
            move || self.record_blocks(later, earlier, u64::wrapping_sub, None),
        );
    }

    /// Counts one value `times` times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        if times == 0 {
            return;
        }
        self.sum += u128::from(value) * u128::from(times);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.add(index(value, self.bits), times);
    }

    /// Adds everything `other` counted. Exact, and the same in whatever order histograms are merged.
    ///
    /// Of two different precisions the result has the coarser one, since a coarse bucket is a union of fine ones.
    pub fn merge(&mut self, other: &Histogram) {
        if other.is_empty() {
            return;
        }
        if other.bits < self.bits {
            *self = self.coarsened(other.bits);
        }
        if other.bits == self.bits {
            self.merge_counts(other);
        } else {
            self.merge_counts(&other.coarsened(self.bits));
        }
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Buckets an octave, as a power of two.
    pub fn precision_bits(&self) -> u32 {
        self.bits
    }

    /// True when nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        let carried = self.carried.iter().sum::<u64>();
        self.counts.iter().map(|&count| u64::from(count)).sum::<u64>() + carried
    }

    /// What was counted in each bucket, from the first of the counters on.
    fn counts(&self) -> impl Iterator<Item = u64> + '_ {
        let carried = |place: usize| self.carried.get(place).copied().unwrap_or(0);
        self.counts.iter().enumerate().map(move |(place, &count)| u64::from(count) + carried(place))
    }

    /// Exact sum of the values.
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// Smallest value counted, exactly; zero when empty.
    pub fn min(&self) -> u64 {
        if self.is_empty() { 0 } else { self.min }
    }

    /// Largest value counted, exactly; zero when empty.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Mean of the values, from the exact sum; not a number when empty.
    pub fn mean(&self) -> f64 {
        self.sum as f64 / self.count() as f64
    }

    /// The value below which the share `p` of the values lies: between order statistics as in a sorted sample of n, at rank
    /// p (n - 1) with linear interpolation (Hyndman and Fan's type 7). Values of one bucket are taken as evenly spread.
    /// Within 2^-bits of the exact answer; not a number when empty.
    pub fn quantile(&self, p: f64) -> f64 {
        let count = self.count();
        if count == 0 {
            return f64::NAN;
        }
        let rank = p.clamp(0.0, 1.0) * (count - 1) as f64;
        let below = (rank as u64).min(count - 1);
        let fraction = rank - below as f64;
        let (low, high) = self.order_statistics(below, (below + 1).min(count - 1));
        low + fraction * (high - low)
    }

    /// How many values are counted in buckets wholly above `value`.
    pub fn count_above(&self, value: u64) -> u64 {
        let start = (index(value, self.bits) + 1).saturating_sub(self.first);
        self.counts().skip(start).sum()
    }

    /// The buckets that counted something, from low to high.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts().enumerate().filter(|&(_, count)| count > 0).map(|(place, count)| self.bucket(place, count))
    }

    /// The bucket of a counter.
    fn bucket(&self, place: usize, count: u64) -> Bucket {
        let low = lowest(self.first + place, self.bits);
        Bucket { low, high: low + (width(self.first + place, self.bits) - 1), count }
    }

    /// The same counts as a histogram of the `hdrhistogram` crate, with the fewest significant digits that keep every bucket
    /// apart. For one, two and three digits (4, 7 and 10 bits) it equals the histogram that recorded the values directly.
    pub fn to_hdr(&self) -> hdrhistogram::Histogram<u64> {
        let digits = [4, 7, 10, 14, 17].iter().position(|&bits| bits >= self.bits).map_or(5, |i| i as u8 + 1);
        // The bounds are legal by construction: the lowest is one, the highest at least two, digits one to five.
        let mut hdr = hdrhistogram::Histogram::new_with_bounds(1, self.max.max(2), digits)
            .unwrap_or_else(|_| unreachable!("bounds of a histogram are legal"));
        for bucket in self.buckets() {
            hdr.saturating_record_n(bucket.low, bucket.count);
        }
        hdr
    }

    /// The histogram in the compressed HDR V2 encoding, which the HdrHistogram libraries of other languages read.
    pub fn to_v2(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory cannot fail, and the counts of one run are far below the format's limit of 2^63.
        let written = V2DeflateSerializer::new().serialize(&self.to_hdr(), &mut bytes);
        debug_assert!(written.is_ok(), "writing a histogram to memory succeeds");
        bytes
    }

    /// Reads what [`to_v2`](Histogram::to_v2) wrote; the sum, minimum and maximum are those of the buckets' lowest values.
    /// Nothing when the bytes are no V2 histogram.
    pub fn from_v2(bytes: &[u8]) -> Option<Histogram> {
        let hdr: hdrhistogram::Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).ok()?;
        let bits = [4, 7, 10, 14, 17].get(usize::from(hdr.sigfig()).checked_sub(1)?)?;
        let mut histogram = Histogram::new(*bits);
        for step in hdr.iter_recorded() {
            histogram.record_n(hdr.lowest_equivalent(step.value_iterated_to()), step.count_at_value());
        }
        Some(histogram)
    }

    /// Counts what `value` makes of two columns, in a coarser histogram as well if there is one.
    #[inline(always)]
    fn record_blocks(
        &mut self,
        some: &[u64],
        others: &[u64],
        value: impl Fn(u64, u64) -> u64,
        mut coarser: Option<&mut Histogram>,
    ) {
        let (blocks, rest) = some.as_chunks::<BLOCK>();
        let (other_blocks, other_rest) = others.as_chunks::<BLOCK>();
        for (some, others) in blocks.iter().zip(other_blocks) {
            self.record_block(some, others, &value, coarser.as_deref_mut());
        }
        let (blocks, rest) = rest.as_chunks::<FEW>();
        let (other_blocks, other_rest) = other_rest.as_chunks::<FEW>();
        for (some, others) in blocks.iter().zip(other_blocks) {
            self.record_block(some, others, &value, coarser.as_deref_mut());
        }
        self.record_slowly(rest, other_rest, value, coarser);
    }

    /// Counts a block: sum, extremes and buckets by vector code, then the counters one by one.
    #[inline(always)]
    fn record_block<const N: usize>(
        &mut self,
        some: &[u64; N],
        others: &[u64; N],
        value: impl Fn(u64, u64) -> u64,
        coarser: Option<&mut Histogram>,
    ) {
        let (min, max) = self.known(coarser.as_deref());
        let (linear, shift) = (1u64 << self.bits, 52 - self.bits);
        let first = self.first_key();
        // What lies below the least value known is counted otherwise: usually no bucket of a single number is asked for.
        let octave = |_: u64, real: f64| (real.to_bits() >> shift).wrapping_sub(first);
        let single = self.first as u64;
        let any =
            |value: u64, real: f64| if real < linear as f64 { value.wrapping_sub(single) } else { octave(value, real) };
        let mut keys = [0; N];
        let sum = match min < linear {
            true => place(some, others, &value, any, (min, max), &mut keys),
            false => place(some, others, &value, octave, (min, max), &mut keys),
        };
        let Some(sum) = sum else { return self.record_otherwise(some, others, value, coarser) };
        self.sum += u128::from(sum);
        self.make_room(N as u32);
        if let Some(coarser) = coarser {
            coarser.sum += u128::from(sum);
            coarser.make_room(N as u32);
            let finer = self.bits - coarser.bits;
            let coarse_first = coarser.first_key();
            // The first key begins an octave, so nothing is carried into the bits that are shifted out.
            let later = (first >> finer).wrapping_sub(coarse_first);
            let coarse = keys.map(|key| (key >> finer).wrapping_add(later));
            increment(&mut self.counts, &keys);
            increment(&mut coarser.counts, &coarse);
            return;
        }
        let zeros = if min == 0 { keys.iter().map(|&key| u64::from(key == 0)).sum() } else { 0 };
        if zeros > N as u64 / 4 {
            // A counter that is wanted again at once makes its next user wait.
            let length = close_up(&mut keys, 0);
            self.counts[0] += zeros as u32;
            increment(&mut self.counts, &keys[..length]);
        } else {
            increment(&mut self.counts, &keys);
        }
    }

    /// Counters can take so many more values.
    #[inline(always)]
    fn make_room(&mut self, values: u32) {
        if self.room < values {
            self.carry();
        }
        self.room -= values;
    }

    /// Carries all counters over, which are zero then.
    #[cold]
    #[inline(never)]
    fn carry(&mut self) {
        self.carried.resize(self.counts.len(), 0);
        for (carried, count) in self.carried.iter_mut().zip(&mut self.counts) {
            *carried += u64::from(std::mem::take(count));
        }
        self.room = u32::MAX;
    }

    /// The leading bits, as an `f64`, of values in the first bucket of the counters. (If those are buckets of single numbers:
    /// what these bits would be, counted down from the octaves.)
    #[inline(always)]
    fn first_key(&self) -> u64 {
        ((1022 + u64::from(self.bits)) << self.bits).wrapping_add(self.first as u64)
    }

    /// The least and the greatest value that need neither more counters nor a new minimum or maximum, here and in a
    /// coarser histogram, if there is one: there a value must lie above the buckets of single numbers.
    #[inline(always)]
    fn known(&self, coarser: Option<&Histogram>) -> (u64, u64) {
        let (min, max) = (self.min, self.max);
        match coarser {
            None => (min, max),
            Some(coarser) => (min.max(coarser.min).max(1 << self.bits), max.min(coarser.max)),
        }
    }

    /// Counts a block of values that are all the same, with a new minimum or maximum, or that vector code cannot place.
    #[cold]
    #[inline(never)]
    fn record_otherwise(
        &mut self,
        some: &[u64],
        others: &[u64],
        value: impl Fn(u64, u64) -> u64,
        coarser: Option<&mut Histogram>,
    ) {
        let one = value(some[0], others[0]);
        if some.iter().zip(others).any(|(&some, &other)| value(some, other) != one) {
            return self.record_slowly(some, others, value, coarser);
        }
        self.record_n(one, some.len() as u64);
        if let Some(coarser) = coarser {
            coarser.record_n(one, some.len() as u64);
        }
    }

    /// Counts one by one.
    #[inline]
    fn record_slowly(
        &mut self,
        some: &[u64],
        others: &[u64],
        value: impl Fn(u64, u64) -> u64,
        mut coarser: Option<&mut Histogram>,
    ) {
        for (&some, &other) in some.iter().zip(others) {
            self.record(value(some, other));
            if let Some(coarser) = &mut coarser {
                coarser.record(value(some, other));
            }
        }
    }

    #[inline]
    fn add(&mut self, index: usize, times: u64) {
        let place = index.wrapping_sub(self.first);
        match self.counts.get_mut(place) {
            Some(count) if times <= u64::from(self.room) => {
                *count += times as u32;
                self.room -= times as u32;
            }
            Some(_) => {
                self.carry();
                self.carried[place] += times;
            }
            None => self.extend(index, times),
        }
    }

    /// Makes room for a bucket outside the octaves seen so far and counts into it.
    #[cold]
    fn extend(&mut self, index: usize, times: u64) {
        let octave = 1 << self.bits;
        let start = index / octave * octave;
        let (from, to) = if self.counts.is_empty() {
            (start, start + octave)
        } else {
            (self.first.min(start), (self.first + self.counts.len()).max(start + octave))
        };
        let before = self.first.max(from) - from;
        let mut counts = vec![0; to - from];
        counts[before..][..self.counts.len()].copy_from_slice(&self.counts);
        self.counts = counts;
        if !self.carried.is_empty() {
            let mut carried = vec![0; to - from];
            carried[before..][..self.carried.len()].copy_from_slice(&self.carried);
            self.carried = carried;
        }
        self.first = from;
        self.add(index, times);
    }

    fn merge_counts(&mut self, other: &Histogram) {
        self.add(other.first, 0);
        self.add(other.first + other.counts.len() - 1, 0);
        let start = other.first - self.first;
        let counted = u32::MAX - other.room;
        if other.carried.is_empty() && counted <= self.room {
            self.room -= counted;
            for (mine, theirs) in self.counts[start..].iter_mut().zip(&other.counts) {
                *mine += theirs;
            }
        } else {
            self.carry();
            for (mine, theirs) in self.carried[start..].iter_mut().zip(other.counts()) {
                *mine += theirs;
            }
        }
    }

    /// The same counts in wider buckets.
    fn coarsened(&self, bits: u32) -> Histogram {
        let mut coarse = Histogram::new(bits);
        for bucket in self.buckets() {
            coarse.add(index(bucket.low, bits), bucket.count);
        }
        Histogram { sum: self.sum, min: self.min, max: self.max, ..coarse }
    }

    /// The values with `low` and `high` others before them (`low` at most `high`, both below the count).
    fn order_statistics(&self, low: u64, high: u64) -> (f64, f64) {
        let (first, mut before) = self.passed_over(low);
        let mut found = f64::NAN;
        for (place, count) in self.counts().enumerate().skip(first) {
            if found.is_nan() && low < before + count {
                found = self.spread(self.bucket(place, count), low - before);
            }
            if high < before + count {
                return (found, self.spread(self.bucket(place, count), high - before));
            }
            before += count;
        }
        (found, self.max as f64)
    }

    /// A counter not after that of the value with `low` others before it, and what is counted before this counter.
    fn passed_over(&self, low: u64) -> (usize, u64) {
        let mut before = 0;
        for (block, from) in self.counts.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
            let carried = self.carried.iter().skip(from).take(BLOCK).sum::<u64>();
            let count = block.iter().map(|&count| u64::from(count)).sum::<u64>() + carried;
            if low < before + count {
                return (from, before);
            }
            before += count;
        }
        (self.counts.len(), before)
    }

    /// The value of the `nth` of a bucket's values, taken as evenly spread; the extremes are known exactly.
    fn spread(&self, bucket: Bucket, nth: u64) -> f64 {
        let width = (bucket.high - bucket.low + 1) as f64;
        let value = bucket.low as f64 - 0.5 + width * (nth as f64 + 0.5) / bucket.count as f64;
        value.clamp(bucket.low.max(self.min) as f64, bucket.high.min(self.max) as f64)
    }
}

impl Default for Histogram {
    /// An empty histogram of three significant digits.
    fn default() -> Histogram {
        Histogram::new(Histogram::FINE)
    }
}

/// Equal when the same values were counted, whatever counters were allocated on the way.
impl PartialEq for Histogram {
    fn eq(&self, other: &Histogram) -> bool {
        (self.bits, self.sum, self.min, self.max) == (other.bits, other.sum, other.min, other.max)
            && self.buckets().eq(other.buckets())
    }
}

/// Keys of what `value` makes of two columns, and the sum; nothing if values may all be the same, are not within bounds, or
/// not below 2^52.
#[inline(always)]
fn place<const N: usize>(
    some: &[u64; N],
    others: &[u64; N],
    value: impl Fn(u64, u64) -> u64,
    key: impl Fn(u64, f64) -> u64,
    (min, max): (u64, u64),
    keys: &mut [u64; N],
) -> Option<u64> {
    const ZERO: u64 = (1023 + 52) << 52;
    const TWO_52: f64 = (1u64 << 52) as f64;
    let (mut sum, mut outside) = (0u64, 0);
    for ((place, &some), &other) in keys.iter_mut().zip(some).zip(others) {
        let value = value(some, other);
        // Below 2^52 the bits of a number as `f64` are exponent and bucket; comparing it takes one instruction on every
        // processor.
        *place = key(value, f64::from_bits(ZERO | value) - TWO_52);
        sum = sum.wrapping_add(value);
        // The sign of a difference says which is greater, without a mask.
        outside |= value.wrapping_sub(min) | max.wrapping_sub(value);
    }
    let same = value(some[0], others[0]).wrapping_mul(N as u64);
    (max >> 52 == 0 && outside >> 63 == 0 && sum != same).then_some(sum)
}

/// Counts into buckets of octaves that were seen.
#[inline(always)]
fn increment(counts: &mut [u32], keys: &[u64]) {
    let (fours, rest) = keys.as_chunks::<4>();
    fours.iter().for_each(|four| four.iter().for_each(|&key| count(counts, key)));
    rest.iter().for_each(|&key| count(counts, key));
}

#[inline(always)]
fn count(counts: &mut [u32], key: u64) {
    if let Some(count) = counts.get_mut(key as usize) {
        *count = count.wrapping_add(1);
    }
}

/// Bucket of a value: 2^bits buckets for each octave from 2^(bits + 1) on, buckets of one below.
#[inline]
fn index(value: u64, bits: u32) -> usize {
    let shift = (63 - bits) - (value | ((2 << bits) - 1)).leading_zeros();
    ((shift as usize) << bits) + (value >> shift) as usize
}

/// How far the values of a bucket are shifted right.
fn shift(index: usize, bits: u32) -> u32 {
    (index >> bits).saturating_sub(1) as u32
}

fn lowest(index: usize, bits: u32) -> u64 {
    let shift = shift(index, bits);
    ((index - ((shift as usize) << bits)) as u64) << shift
}

fn width(index: usize, bits: u32) -> u64 {
    1 << shift(index, bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::with_each;
    use proptest::prelude::*;

    /// Values spread over many octaves: a uniform number of bits, then uniform bits.
    fn values(seed: u64, n: usize) -> Vec<u64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB)
        };
        (0..n)
            .map(|_| {
                let bits = next() % 42;
                next() >> (63 - bits)
            })
            .collect()
    }

    fn recorded(values: &[u64], bits: u32) -> Histogram {
        let mut histogram = Histogram::new(bits);
        values.iter().for_each(|&value| histogram.record(value));
        histogram
    }

    fn exact_quantile(sorted: &[u64], p: f64) -> f64 {
        let rank = p * (sorted.len() - 1) as f64;
        let below = rank as usize;
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] as f64 + (rank - below as f64) * (sorted[above] as f64 - sorted[below] as f64)
    }

    #[test]
    fn every_value_lies_in_its_own_bucket_and_buckets_are_as_narrow_as_promised() {
        for bits in [1, 6, 7, 10, 17] {
            for value in values(1, 20_000).into_iter().chain([0, 1, 2, u64::MAX - 1, u64::MAX]) {
                let i = index(value, bits);
                let (low, width) = (lowest(i, bits), width(i, bits));
                assert!(low <= value && value - low < width, "{value} with {bits} bits");
                assert!(width == 1 || width <= value >> bits, "{value} with {bits} bits");
            }
        }
    }

    #[test]
    fn three_digits_use_the_published_hdr_layout() {
        assert_eq!(index(2047, 10), 2047);
        assert_eq!(index(2048, 10), 2048);
        assert_eq!(index(2049, 10), 2048);
        assert_eq!(index(3_600_000_000_000, 10) / 1024, 32);
    }

    #[test]
    fn quantiles_are_within_a_thousandth_of_an_exact_sort() {
        let mut sorted = values(2, 100_001);
        let histogram = recorded(&sorted, Histogram::FINE);
        sorted.sort_unstable();
        for i in 0..=1000 {
            let p = f64::from(i) / 1000.0;
            let exact = exact_quantile(&sorted, p);
            let error = (histogram.quantile(p) - exact).abs();
            assert!(error <= exact * 1e-3, "p = {p}: {} against {exact}", histogram.quantile(p));
        }
    }

    #[test]
    fn quantiles_of_small_numbers_are_exact() {
        let histogram = recorded(&[5, 1, 4, 2, 3], Histogram::FINE);
        assert_eq!([0.0, 0.25, 0.5, 0.6, 1.0].map(|p| histogram.quantile(p)), [1.0, 2.0, 3.0, 3.4, 5.0]);
    }

    #[test]
    fn a_quantile_is_not_biased_upwards_inside_a_bucket() {
        // Ten thousand values in one bucket of 1024: their median is known to far better than the bucket.
        let low = 1 << 20;
        let histogram = recorded(&(0..10_240).map(|i| low + i % 1024).collect::<Vec<_>>(), Histogram::FINE);
        assert!((histogram.quantile(0.5) - (low as f64 + 511.5)).abs() < 0.5);
    }

    #[test]
    fn sum_minimum_maximum_and_mean_are_exact() {
        let values = values(3, 10_000);
        let histogram = recorded(&values, Histogram::NARROW);
        let sum = values.iter().map(|&v| u128::from(v)).sum::<u128>();
        assert_eq!(histogram.sum(), sum);
        assert_eq!(histogram.count(), 10_000);
        assert_eq!(Some(histogram.min()), values.iter().min().copied());
        assert_eq!(Some(histogram.max()), values.iter().max().copied());
        assert_eq!(histogram.quantile(1.0), histogram.max() as f64);
        assert_eq!(histogram.quantile(0.0), histogram.min() as f64);
        assert_eq!(histogram.mean(), sum as f64 / 1e4);
    }

    #[test]
    fn values_counted_together_are_counted_as_one_by_one_whatever_the_lanes() {
        let spread = values(8, 1000);
        let waits: Vec<u64> = spread.iter().map(|&value| if value % 5 == 0 { value } else { 0 }).collect();
        let near: Vec<u64> = spread.iter().map(|&value| 1_000_000 + value % 1000).collect();
        let huge: Vec<u64> = spread.iter().map(|&value| value << (value % 21)).collect();
        for values in [spread, waits, near, huge, vec![0; 200], vec![7_000_000; 200], vec![u64::MAX - 1; 200]] {
            for bits in [1, Histogram::NARROW, Histogram::FINE, 17] {
                let expected = recorded(&values, bits);
                with_each(|lanes| {
                    for length in [7, 64, 100, values.len()] {
                        let mut together = Histogram::new(bits);
                        values.chunks(length).for_each(|chunk| together.record_all(chunk));
                        assert_eq!(together, expected, "{lanes:?}, {length} at a time");
                        let later: Vec<u64> =
                            values.iter().zip(1000..).map(|(&value, i)| value.wrapping_add(i)).collect();
                        let earlier: Vec<u64> = (1000..).take(values.len()).collect();
                        let mut differences = Histogram::new(bits);
                        for (later, earlier) in later.chunks(length).zip(earlier.chunks(length)) {
                            differences.record_differences(later, earlier);
                        }
                        assert_eq!(differences, expected, "{lanes:?}, {length} at a time");
                        for coarser in [1, bits.min(6), bits] {
                            let (mut fine, mut coarse) = (Histogram::new(bits), Histogram::new(coarser));
                            for (later, earlier) in later.chunks(length).zip(earlier.chunks(length)) {
                                fine.record_differences_in_both(&mut coarse, later, earlier);
                            }
                            assert_eq!(fine, expected, "{lanes:?}, {length} at a time");
                            assert_eq!(coarse, recorded(&values, coarser), "{lanes:?}, {length} at a time");
                        }
                    }
                });
            }
        }
    }

    #[test]
    fn counters_that_are_carried_over_lose_nothing() {
        let values = values(9, 3000);
        for bits in [Histogram::NARROW, Histogram::FINE] {
            let expected = recorded(&values, bits);
            let (mut histogram, mut coarse) = (Histogram::new(bits), Histogram::new(6));
            for (number, chunk) in values.chunks(100).enumerate() {
                (histogram.room, coarse.room) = (histogram.room.min(250), coarse.room.min(150));
                match number % 3 {
                    0 => chunk.iter().for_each(|&value| histogram.record(value)),
                    1 => histogram.record_all(chunk),
                    _ => histogram.record_differences_in_both(&mut coarse, chunk, &vec![0; chunk.len()]),
                }
            }
            assert!(!histogram.carried.is_empty() && !coarse.carried.is_empty());
            assert_eq!((histogram.count(), histogram.count_above(1000)), (3000, expected.count_above(1000)));
            assert_eq!(histogram, expected);
            let (mut doubled, mut other) = (histogram.clone(), expected.clone());
            doubled.merge(&histogram);
            other.merge(&expected);
            assert_eq!(doubled, other);
            other.merge(&histogram);
            doubled.merge(&expected);
            assert_eq!(doubled, other);
        }
        let mut many = recorded(&[7, 8], Histogram::FINE);
        many.record_n(7, 3 << 32);
        many.record_n(1 << 20, 1 << 40);
        let buckets: Vec<u64> = many.buckets().map(|bucket| bucket.count).collect();
        assert_eq!(buckets, [1 + (3 << 32), 1, 1 << 40]);
    }

    #[test]
    fn an_empty_histogram_has_no_quantile_and_takes_no_counters() {
        let histogram = Histogram::default();
        assert!(histogram.quantile(0.5).is_nan() && histogram.mean().is_nan());
        assert_eq!((histogram.count(), histogram.min(), histogram.max(), histogram.counts.len()), (0, 0, 0, 0));
    }

    #[test]
    fn only_the_octaves_seen_are_allocated() {
        let one_octave = recorded(&[1 << 20, (1 << 21) - 1], Histogram::FINE);
        assert_eq!(one_octave.counts.len(), 1024);
        let narrow = recorded(&[1 << 20, 1 << 23], Histogram::NARROW);
        assert_eq!(narrow.counts.len(), 4 * 128);
    }

    #[test]
    fn converting_equals_recording_directly() {
        for (bits, digits) in [(4, 1), (7, 2), (10, 3)] {
            let values = values(4, 50_000);
            let ours = recorded(&values, bits);
            let mut theirs = hdrhistogram::Histogram::<u64>::new_with_bounds(1, ours.max(), digits).unwrap();
            values.iter().for_each(|&value| theirs.record(value).unwrap());
            assert_eq!(ours.to_hdr(), theirs);
            assert_eq!(ours.to_hdr().max(), theirs.max());
        }
    }

    #[test]
    fn the_v2_encoding_can_be_read_back() {
        let ours = recorded(&values(5, 10_000), Histogram::FINE);
        let read = Histogram::from_v2(&ours.to_v2()).unwrap();
        assert!(ours.buckets().eq(read.buckets()));
        assert!(Histogram::from_v2(b"not a histogram").is_none());
    }

    #[test]
    fn counting_above_a_value_leaves_out_its_own_bucket() {
        let histogram = recorded(&[1, 10, 10, 100, 1000], Histogram::FINE);
        assert_eq!([0, 1, 10, 999, 1000, 1 << 40].map(|v| histogram.count_above(v)), [5, 4, 2, 1, 0, 0]);
    }

    #[test]
    fn merging_into_wider_buckets_equals_recording_there() {
        let (some, more) = (values(6, 1000), values(7, 1000));
        let mut merged = recorded(&some, Histogram::FINE);
        merged.merge(&recorded(&more, Histogram::NARROW));
        assert_eq!(merged, recorded(&[some, more].concat(), Histogram::NARROW));
    }

    proptest! {
        #[test]
        fn merging_equals_recording_everything_in_one(a in 0u64..1000, n in 0usize..300, m in 0usize..300) {
            let (some, more) = (values(a, n), values(a + 1000, m));
            let mut merged = recorded(&some, Histogram::FINE);
            merged.merge(&recorded(&more, Histogram::FINE));
            prop_assert_eq!(merged, recorded(&[some, more].concat(), Histogram::FINE));
        }

        #[test]
        fn quantiles_never_decrease(seed in 0u64..1000, n in 1usize..200) {
            let histogram = recorded(&values(seed, n), Histogram::NARROW);
            let quantiles: Vec<f64> = (0..=100).map(|i| histogram.quantile(f64::from(i) / 100.0)).collect();
            prop_assert!(quantiles.is_sorted());
        }
    }
}

//! Luck as a function: a draw depends on what it is for, never on what was drawn before.
//!
//! A [`Key`] stands for one purpose of one named operator in one replication; a *word* stands for one request on one
//! attempt (its serial number, xor-ed with a trail that changes when a call is repeated). `key.bits(word)` are 64
//! random bits. Scenarios that share names share luck, and no order of execution can change a result.
//!
//! The generator, "m4", is four keyed rounds of multiply and shift with the multipliers of splitmix64 (Steele, Lea and
//! Flood, OOPSLA 2014) and MurmurHash3. It passes PractRand to 32 GiB in the layouts it is used in: serials counted
//! up, many keys for one request, single high bits changing, keys counted up.

use std::convert::Infallible;
use std::hint::black_box;

use rand_core::TryRng;

use crate::lanes::{self, Lanes};

/// 2^64 divided by the golden ratio: the step of splitmix64, also the first multiplier of m4.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a draw is for: 256 bits that select one of the independent streams of random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub [u64; 4]);

impl Key {
    /// The key of one purpose (`"service"`, `"gap"`) of one operator, by its name in the scenario, in one replication
    /// of a study with this seed. Names are used instead of positions, so a new stage leaves the luck of others alone.
    pub fn new(seed: u64, replication: u64, name: &str, purpose: &str) -> Key {
        let mut state = absorb(absorb(0, seed), replication);
        state = absorb_text(state, name);
        state = absorb_text(state, purpose);
        Key(std::array::from_fn(|lane| mix(mix(state.wrapping_add((lane as u64 + 1).wrapping_mul(GOLDEN))) ^ state)))
    }

    /// The 64 random bits of this key for one word. For a fixed key this is a bijection of the word.
    #[inline]
    pub fn bits(&self, word: u64) -> u64 {
        let [k0, k1, k2, k3] = self.0;
        let mut z = (word ^ k0).wrapping_mul(GOLDEN);
        z = (z ^ (z >> 32) ^ k1).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 29) ^ k2).wrapping_mul(0x94D0_49BB_1331_11EB);
        z = (z ^ (z >> 32) ^ k3).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        z ^ (z >> 32)
    }

    /// The random bits of words that count up from `first`.
    pub fn fill_from(&self, first: u64, bits: &mut [u64]) {
        let key = *self;
        if lanes::used() == Lanes::Baseline {
            return bits.iter_mut().zip(first..).for_each(|(bits, word)| *bits = key.bits(black_box(word)));
        }
        lanes::dispatch(
            #[inline(always)]
            move || bits.iter_mut().zip(0..).for_each(|(bits, n)| *bits = key.bits(first.wrapping_add(n))),
        );
    }

    /// The random bits of a block of words, as [`bits`](Key::bits) gives them one by one.
    ///
    /// # Panics
    /// When the two slices differ in length.
    pub fn fill(&self, words: &[u64], bits: &mut [u64]) {
        assert_eq!(words.len(), bits.len(), "a block of words needs as many places for their bits");
        let key = *self;
        if lanes::used() == Lanes::Baseline {
            // Two lanes take longer to multiply 64 bits than the processor's whole numbers.
            return words.iter().zip(bits).for_each(|(&word, bits)| *bits = key.bits(black_box(word)));
        }
        lanes::dispatch(
            #[inline(always)]
            move || fill(key, words, bits),
        );
    }
}

#[inline(always)]
fn fill(key: Key, words: &[u64], bits: &mut [u64]) {
    for (bits, &word) in bits.iter_mut().zip(words) {
        *bits = key.bits(word);
    }
}

/// A uniform number in the open interval (0, 1): an odd multiple of 2^-53, never 0, 1/2 or 1. Exact and monotone in
/// `bits`; `1.0 - uniform(bits)` is exact too.
#[inline]
pub fn uniform(bits: u64) -> f64 {
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;
    f64::from_bits(ONE | (bits >> 12)) - BELOW_ONE
}

/// A probability made ready for [`happens`]: the number of 63-bit values for which it does. Never and always are exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Threshold(u64);

impl Threshold {
    /// What never happens.
    pub const NEVER: Threshold = Threshold(0);
    /// What always happens.
    pub const ALWAYS: Threshold = Threshold(1 << 63);

    /// The threshold of probability `p`, clamped to 0..=1; not-a-number never happens.
    pub fn new(p: f64) -> Threshold {
        const SCALE: f64 = (1u64 << 63) as f64;
        Threshold((p.clamp(0.0, 1.0) * SCALE) as u64)
    }

    /// The probability.
    pub fn probability(self) -> f64 {
        self.0 as f64 / Threshold::ALWAYS.0 as f64
    }
}

/// Whether something of probability `p` happens to the holder of these random bits: true for the lowest bits first, so
/// whatever happens at a probability also happens, with the same bits, at every greater one.
#[inline]
pub fn happens(bits: u64, p: Threshold) -> bool {
    (bits >> 1) < p.0
}

/// Says of a block of random bits to which holders something of probability `p` happens (1) and to which not (0), and
/// to how many.
///
/// # Panics
/// When the two slices differ in length.
pub fn happens_all(bits: &[u64], p: Threshold, mask: &mut [u8]) -> usize {
    assert_eq!(bits.len(), mask.len(), "a block of random bits needs as many places in the mask");
    lanes::dispatch(
        #[inline(always)]
        move || happen(bits, p, mask),
    )
}

#[inline(always)]
fn happen(bits: &[u64], p: Threshold, mask: &mut [u8]) -> usize {
    let mut count = 0;
    for (mask, &bits) in mask.iter_mut().zip(bits) {
        let does = happens(bits, p);
        *mask = does as u8;
        count += does as usize;
    }
    count
}

/// The trail of the `n`-th repeat or branch (counted from 1) of a request whose trail is `trail`; 0 is the trail at
/// birth. The word of a draw is the serial number xor the trail, so a repeat has new luck and the first try keeps its
/// own. Two of all repeats of a run share luck with probability (requests x repeats) / 2^64.
#[inline]
pub fn retrail(trail: u64, n: u64) -> u64 {
    mix(trail.wrapping_add(n.wrapping_mul(GOLDEN)))
}

/// Draws in sequence, for places where neither speed nor pairing matters: item `n` of the stream is `key.bits(n)`.
/// It implements the traits of `rand_core`, hence `rand_distr` samples from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// What the draws are for.
    pub key: Key,
    /// The word of the next draw.
    pub next: u64,
}

impl Stream {
    /// The stream of a key, from its first word.
    pub fn new(key: Key) -> Stream {
        Stream { key, next: 0 }
    }

    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let word = self.next;
        self.next = word.wrapping_add(1);
        self.key.bits(word)
    }

    /// The next uniform number in (0, 1).
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        uniform(self.bits())
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.bits() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        rand_core::utils::fill_bytes_via_next_word(dst, || self.try_next_u64())
    }
}

/// The finaliser of splitmix64: a bijection whose every output bit depends on every input bit.
#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The state after one more word: two finalisers, with the word entering both.
fn absorb(state: u64, word: u64) -> u64 {
    mix(mix(state.wrapping_add(GOLDEN) ^ word).wrapping_add(word))
}

/// The state after a text, which enters with its length: no two lists of texts are absorbed as the same words.
fn absorb_text(state: u64, text: &str) -> u64 {
    text.as_bytes().chunks(8).fold(absorb(state, text.len() as u64), |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        absorb(state, u64::from_le_bytes(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lanes::with_each;
    use rand::RngExt;

    #[test]
    fn the_generator_keeps_its_published_vectors() {
        let key = Key([1, 2, 3, 4]);
        assert_eq!(key.bits(0), 0xF3AC_A381_172D_8380);
        assert_eq!(key.bits(1), 0x944E_67BB_C60A_C830);
        assert_eq!(key.bits(2), 0x3F20_6E50_9A49_0138);
        assert_eq!(key.bits(1 << 63), 0xA5CD_8DED_6070_2D24);
    }

    #[test]
    fn a_block_of_words_has_the_bits_and_the_chances_of_single_ones_whatever_the_lanes() {
        let key = Key::new(1, 0, "test", "blocks");
        let words: Vec<u64> = (0..300).map(|n| n ^ retrail(0, n % 2)).collect();
        let p = Threshold::new(0.3);
        with_each(|lanes| {
            for length in [0, 1, 7, 8, 31, 32, 33, 300] {
                let (mut bits, mut mask) = (vec![0; length], vec![2; length]);
                key.fill(&words[..length], &mut bits);
                assert!(bits.iter().zip(&words).all(|(&bits, &word)| bits == key.bits(word)), "{lanes:?}, {length}");
                let mut counted = vec![0; length];
                key.fill_from(40, &mut counted);
                assert!(counted.iter().zip(40..).all(|(&bits, word)| bits == key.bits(word)), "{lanes:?}, {length}");
                let count = happens_all(&bits, p, &mut mask);
                assert!(
                    mask.iter().zip(&bits).all(|(&mask, &bits)| mask == happens(bits, p) as u8),
                    "{lanes:?}, {length}"
                );
                assert_eq!(count, mask.iter().filter(|&&mask| mask == 1).count());
            }
        });
    }

    #[test]
    fn first_draws_are_pinned() {
        let key = Key::new(1, 0, "ec2", "service");
        assert_eq!(key.0, [0x4DBC_861A_55CC_2537, 0x0C39_BF6D_3FEF_3F50, 0xD387_0F3E_7E80_97C2, 0xD1A6_310D_60AD_683F]);
        assert_eq!(
            [0, 1, 2].map(|word| key.bits(word)),
            [0x743D_8BAD_AE1C_8177, 0xD83B_0740_39C1_D19B, 0x4A7F_3125_1B53_0F2B]
        );
        assert_eq!(
            [retrail(0, 1), retrail(0, 2), retrail(retrail(0, 1), 1)],
            [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0xA706_DD2F_4D19_7E6F]
        );
    }

    #[test]
    fn every_part_of_a_key_changes_every_word_of_it() {
        let key = Key::new(1, 0, "a", "b");
        for other in [
            Key::new(2, 0, "a", "b"),
            Key::new(1, 1, "a", "b"),
            Key::new(0, 1, "a", "b"),
            Key::new(1, 0, "ab", ""),
            Key::new(1, 0, "", "ab"),
            Key::new(1, 0, "b", "a"),
            Key::new(1, 0, "a\0", "b"),
        ] {
            assert!(key.0.iter().zip(other.0).all(|(&a, b)| a != b));
        }
    }

    #[test]
    fn a_uniform_is_never_zero_half_or_one() {
        assert_eq!(uniform(0), 2f64.powi(-53));
        assert_eq!(uniform(u64::MAX), 1.0 - 2f64.powi(-53));
        assert_eq!(uniform((1 << 63) - 1), 0.5 - 2f64.powi(-53));
        assert_eq!(uniform(1 << 63), 0.5 + 2f64.powi(-53));
    }

    #[test]
    fn certainty_is_certain_and_impossibility_impossible() {
        for bits in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(happens(bits, Threshold::new(1.0)));
            assert!(!happens(bits, Threshold::new(0.0)));
            assert!(!happens(bits, Threshold::new(f64::NAN)));
        }
        assert_eq!(Threshold::new(0.25).probability(), 0.25);
        assert!(happens(u64::MAX / 4, Threshold::new(0.25)) && !happens(u64::MAX / 4 + 1, Threshold::new(0.25)));
    }

    /// Within five standard errors: fails by chance once in two million seeds, and the seed is fixed.
    #[test]
    fn uniforms_have_the_mean_and_the_variance_of_uniforms() {
        let n = 1_000_000;
        let mut stream = Stream::new(Key::new(7, 0, "test", "uniform"));
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..n {
            let u = stream.uniform() - 0.5;
            sum += u;
            squares += u * u;
        }
        let n = n as f64;
        assert!((sum / n).abs() < 5.0 * (1.0 / 12.0 / n).sqrt());
        assert!((squares / n - 1.0 / 12.0).abs() < 5.0 * (1.0 / 180.0 / n).sqrt());
    }

    /// Neighbouring serials, and a request and its retry: correlation of 1e6 pairs within five standard errors.
    #[test]
    fn neighbours_and_retries_are_uncorrelated() {
        let key = Key::new(7, 0, "test", "pairs");
        let n = 1_000_000u64;
        let correlation = |other: &dyn Fn(u64) -> u64| {
            let sum: f64 =
                (0..n).map(|serial| (uniform(key.bits(serial)) - 0.5) * (uniform(key.bits(other(serial))) - 0.5)).sum();
            12.0 * sum / n as f64
        };
        assert!(correlation(&|serial| serial + 1).abs() < 5e-3);
        assert!(correlation(&|serial| serial ^ retrail(0, 1)).abs() < 5e-3);
    }

    #[test]
    fn the_stream_serves_as_a_generator_of_rand() {
        let key = Key([1, 2, 3, 4]);
        let mut stream = Stream::new(key);
        assert_eq!(stream.random::<u64>(), key.bits(0));
        assert_eq!(stream.random::<u32>(), (key.bits(1) >> 32) as u32);
        let mut bytes = [0; 11];
        stream.fill(&mut bytes);
        assert_eq!(bytes[..8], key.bits(2).to_le_bytes());
        assert_eq!(bytes[8..], key.bits(3).to_le_bytes()[..3]);
    }
}

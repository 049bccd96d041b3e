//! Independent uniform places in order, without sorting and without knowing them all: a few hundred at a time.
//!
//! The spacings of n uniforms are as n + 1 exponential variates over their sum (Devroye 1986, V.2). Of those the next few
//! are drawn, and the sum of all others at once: as a sum of k exponentials it has a gamma distribution of shape k.

use super::source::BLOCK;
use crate::law::{Law, LawSpec};
use crate::math::{ln, normal_quantile};
use crate::rng::{Key, Stream, uniform};

/// The mean of an exponential variate, in parts of it that are whole numbers.
const PARTS: f64 = (1u64 << 28) as f64;
/// Words of the stream of a block, for the sum of all others: far more than it ever needs.
const WORDS: u64 = 256;

/// Places between 0 and 1.
#[derive(Debug)]
pub(super) struct Spacings {
    gap: Law,
    /// What the exponential variates depend on, by number of the request.
    gaps: Key,
    /// What the sum of all others depends on.
    others: Key,
    numbers: Vec<u64>,
    sums: Vec<u64>,
    places: Vec<f64>,
    next: usize,
    /// The last place given.
    last: f64,
}

impl Spacings {
    pub fn new(gaps: Key, others: Key) -> Spacings {
        let gap = Law::compile(&LawSpec::Exponential { mean: PARTS }).unwrap_or_else(|_| Law::constant(PARTS as u64));
        let (numbers, sums, places) = (Vec::new(), Vec::new(), Vec::new());
        Spacings { gap, gaps, others, numbers, sums, places, next: 0, last: 0.0 }
    }

    /// Begins again at 0.
    pub fn begin(&mut self) {
        self.places.clear();
        (self.next, self.last) = (0, 0.0);
    }

    /// The place of the request of a number, the first of so many that are left.
    #[inline]
    pub fn place(&mut self, number: u64, left: u64) -> f64 {
        if self.next == self.places.len() {
            self.draw(number, left);
        }
        self.next += 1;
        self.places[self.next - 1]
    }

    #[inline(never)]
    fn draw(&mut self, number: u64, left: u64) {
        let count = left.min(BLOCK as u64);
        self.numbers.clear();
        self.numbers.extend(number..number + count);
        self.sums.resize(count as usize, 0);
        self.gap.draw_all(&self.gaps, &self.numbers, &mut self.sums);
        let mut sum = 0;
        for gap in &mut self.sums {
            sum += *gap;
            *gap = sum;
        }
        let mut stream = Stream { key: self.others, next: number.wrapping_mul(WORDS) };
        let all = sum as f64 + PARTS * gamma((left - count + 1) as f64, &mut stream);
        let (from, scale) = (self.last, (1.0 - self.last) / all);
        self.places.clear();
        self.places.extend(self.sums.iter().map(|&sum| from + sum as f64 * scale));
        self.last = self.places.last().copied().unwrap_or(from);
        self.next = 0;
    }
}

/// A variate of the gamma distribution with a shape of at least one (Marsaglia and Tsang 2000, ACM TOMS 26:3).
fn gamma(shape: f64, stream: &mut Stream) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal_quantile(stream.uniform());
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && ln(uniform(stream.bits())) < 0.5 * x * x + d - d * v + d * ln(v) {
            return d * v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_variates_have_mean_and_variance_of_their_shape() {
        let mut stream = Stream::new(Key::new(1, 0, "test", "gamma"));
        for shape in [1.0, 2.0, 17.0, 1e6] {
            let n = 40_000.0;
            let values: Vec<f64> = (0..40_000).map(|_| gamma(shape, &mut stream)).collect();
            let mean = values.iter().sum::<f64>() / n;
            let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
            // Four standard errors; that of the variance is sqrt((2 + 6 / shape) / n) of it.
            assert!((mean - shape).abs() < 4.0 * (shape / n).sqrt(), "{shape}: mean {mean}");
            assert!((variance / shape - 1.0).abs() < 4.0 * ((2.0 + 6.0 / shape) / n).sqrt(), "{shape}: {variance}");
        }
    }

    #[test]
    fn places_rise_and_are_uniform_over_many_blocks() {
        let key = |purpose| Key::new(7, 0, "test", purpose);
        let mut spacings = Spacings::new(key("gaps"), key("others"));
        let count = 20 * BLOCK as u64 + 77;
        let (mut sum, mut largest) = (0.0, 0.0f64);
        for round in 0..20 {
            spacings.begin();
            let places: Vec<f64> = (0..count).map(|done| spacings.place(round * count + done, count - done)).collect();
            assert!(places.is_sorted() && places.iter().all(|place| (0.0..=1.0).contains(place)));
            // Kolmogorov-Smirnov at 10^-4: 2.225 over the root of the number.
            let distance = |(i, place): (usize, &f64)| (place - (i as f64 + 0.5) / count as f64).abs();
            let most = places.iter().enumerate().map(distance).fold(0.0, f64::max);
            assert!(most * (count as f64).sqrt() < 2.225, "{most}");
            sum += places.iter().sum::<f64>();
            largest = largest.max(most);
        }
        // Not too even either: the median of the largest of twenty distances is 1.5 over the root.
        assert!(largest * (count as f64).sqrt() > 0.9, "{largest}");
        let mean = sum / (20 * count) as f64;
        assert!((mean - 0.5).abs() < 4.0 / (12.0 * 20.0 * count as f64).sqrt(), "{mean}");
    }
}

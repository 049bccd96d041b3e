//! All laws against independent implementations: distribution functions of `statrs`, samples of `rand_distr`.
//!
//! Seeds are fixed. A Kolmogorov-Smirnov statistic above 1.95 (times the square root of the sample size) has
//! probability 0.001 under the right law, 1e-6 above 2.69; the bound is 2.4, so a right law fails by an unlucky change
//! of the seed about once in 50,000 times.

use super::*;
use crate::lanes::with_each;
use crate::rng::{Key, Stream};
use rand_distr::Distribution as Sample;
use statrs::distribution::{self, ContinuousCDF};
use statrs::statistics::Distribution;

const DRAWS: usize = 400_000;
const MOST_KS: f64 = 2.4;
const SECOND: f64 = 1e9;

fn stream(purpose: &str) -> Stream {
    Stream::new(Key::new(11, 0, "law", purpose))
}

fn compile(spec: &LawSpec) -> Law {
    Law::compile(spec).unwrap_or_else(|error| panic!("{spec:?}: {error}"))
}

fn sorted_draws(law: &Law) -> Vec<f64> {
    let mut stream = stream("draws");
    let mut values: Vec<f64> = (0..DRAWS).map(|_| law.draw(stream.bits()) as f64).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The largest distance between the sample's distribution function and the law's, times the root of the sample size.
fn ks(sorted: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let n = sorted.len() as f64;
    let gap = |(i, &x): (usize, &f64)| {
        let f = cdf(x);
        (f - i as f64 / n).abs().max((f - (i + 1) as f64 / n).abs())
    };
    sorted.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

/// The same between two samples.
fn ks_of_two(a: &[f64], b: &[f64]) -> f64 {
    let (mut i, mut j, mut worst) = (0, 0, 0.0f64);
    while i < a.len() && j < b.len() {
        if a[i] <= b[j] {
            i += 1
        } else {
            j += 1
        }
        worst = worst.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    worst * ((a.len() * b.len()) as f64 / (a.len() + b.len()) as f64).sqrt()
}

/// Checks draws, moments, quantiles and the table's error of a law against the oracle's distribution in seconds.
fn agrees(spec: LawSpec, oracle: &(impl ContinuousCDF<f64, f64> + Distribution<f64>), mean: f64, variance: f64) {
    let law = compile(&spec);
    let distance = ks(&sorted_draws(&law), |x| oracle.cdf(x / SECOND));
    assert!(distance < MOST_KS, "{}: KS {distance}", law.describe());
    assert!((law.mean() / SECOND / mean - 1.0).abs() < 1e-9, "{}: mean {}", law.describe(), law.mean());
    let found = law.variance() / SECOND / SECOND;
    assert!((found / variance - 1.0).abs() < 1e-9, "{}: variance {found}", law.describe());
    if let Some(exact) = oracle.mean() {
        assert!((exact / mean - 1.0).abs() < 1e-9);
    }
    if let Some(exact) = oracle.variance() {
        assert!((exact / variance - 1.0).abs() < 1e-9);
    }
    for p in [1e-6, 0.001, 0.1, 0.4, 0.5, 0.6, 0.9, 0.999] {
        let (below, above) = (oracle.cdf(law.quantile(p) / SECOND), p);
        assert!((below / above - 1.0).abs() < 1e-7, "{}: p = {p} comes back as {below}", law.describe());
    }
    for tail in [0.01, 1e-4] {
        let found = oracle.sf(law.quantile(1.0 - tail) / SECOND);
        assert!((found / tail - 1.0).abs() < 1e-7, "{}: tail {tail} comes back as {found}", law.describe());
    }
    assert!(law.error() < 1e-9, "{}: table error {}", law.describe(), law.error());
    rises(&law);
}

/// Draws rise with the bits: over the whole range and densely at both ends and the middle.
fn rises(law: &Law) {
    let sweep = |from: u64, step: u64| (0..20_000u64).map(move |i| from.wrapping_add(i.wrapping_mul(step)));
    for bits in [
        sweep(0, u64::MAX / 20_000),
        sweep(0, 1 << 12),
        sweep((1 << 63) - (10_000 << 12), 1 << 12),
        sweep(u64::MAX - (20_000 << 12), 1 << 12),
    ] {
        let mut last = 0;
        for bits in bits {
            let value = law.draw(bits);
            assert!(value >= last, "{}: {value} after {last}", law.describe());
            last = value;
        }
    }
}

#[test]
fn exponential_draws_follow_the_law() {
    let oracle = distribution::Exp::new(1.0 / 3.0).unwrap();
    agrees(LawSpec::Exponential { mean: 3.0 * SECOND }, &oracle, 3.0, 9.0);
}

#[test]
fn uniform_draws_follow_the_law() {
    let oracle = distribution::Uniform::new(2.0, 5.0).unwrap();
    agrees(LawSpec::Uniform { low: 2.0 * SECOND, high: 5.0 * SECOND }, &oracle, 3.5, 0.75);
}

#[test]
fn lognormal_draws_follow_the_law() {
    for sigma in [0.1f64, 0.5, 1.0, 2.0] {
        let oracle = distribution::LogNormal::new(2f64.ln(), sigma).unwrap();
        let square = sigma * sigma;
        let mean = 2.0 * (square / 2.0).exp();
        agrees(LawSpec::Lognormal { median: 2.0 * SECOND, sigma }, &oracle, mean, mean * mean * (square.exp() - 1.0));
    }
}

#[test]
fn gamma_draws_follow_the_law() {
    for shape in [0.3, 1.0, 2.5, 40.0] {
        let oracle = distribution::Gamma::new(shape, shape / 5.0).unwrap();
        agrees(LawSpec::Gamma { shape, mean: 5.0 * SECOND }, &oracle, 5.0, 25.0 / shape);
    }
    let oracle = distribution::Erlang::new(4, 2.0).unwrap();
    agrees(LawSpec::erlang(4, 2.0 * SECOND), &oracle, 2.0, 1.0);
}

#[test]
fn weibull_draws_follow_the_law() {
    for (shape, mean, variance) in
        [(0.5, 2.0, 20.0), (1.0, 1.0, 1.0), (2.0, 0.886_226_925_452_758, 0.214_601_836_602_552)]
    {
        let oracle = distribution::Weibull::new(shape, 1.0).unwrap();
        agrees(LawSpec::Weibull { shape, scale: SECOND }, &oracle, mean, variance);
    }
}

#[test]
fn pareto_draws_follow_the_law() {
    let oracle = distribution::Pareto::new(1.0, 3.5).unwrap();
    agrees(LawSpec::Pareto { shape: 3.5, min: SECOND }, &oracle, 1.4, 3.5 / (2.5 * 2.5 * 1.5));
    let heavy = compile(&LawSpec::Pareto { shape: 1.5, min: 1e6 });
    assert_eq!((heavy.mean(), heavy.variance()), (3e6, f64::INFINITY));
    assert_eq!(compile(&LawSpec::Pareto { shape: 1.0, min: 1e6 }).mean(), f64::INFINITY);
}

#[test]
fn draws_agree_with_the_samplers_of_another_library() {
    let mut luck = stream("samples");
    let mut check = |spec: LawSpec, sample: &mut dyn FnMut(&mut Stream) -> f64| {
        let mut others: Vec<f64> = (0..DRAWS).map(|_| sample(&mut luck) * SECOND).collect();
        others.sort_by(f64::total_cmp);
        let distance = ks_of_two(&sorted_draws(&compile(&spec)), &others);
        assert!(distance < MOST_KS, "{spec:?}: KS {distance}");
    };
    let exponential = rand_distr::Exp::new(0.5).unwrap();
    check(LawSpec::Exponential { mean: 2.0 * SECOND }, &mut |luck| exponential.sample(luck));
    let lognormal = rand_distr::LogNormal::new(0.0, 0.8).unwrap();
    check(LawSpec::Lognormal { median: SECOND, sigma: 0.8 }, &mut |luck| lognormal.sample(luck));
    let gamma = rand_distr::Gamma::new(0.7, 2.0).unwrap();
    check(LawSpec::Gamma { shape: 0.7, mean: 1.4 * SECOND }, &mut |luck| gamma.sample(luck));
    let weibull = rand_distr::Weibull::new(1.0, 0.7).unwrap();
    check(LawSpec::Weibull { shape: 0.7, scale: SECOND }, &mut |luck| weibull.sample(luck));
    let pareto = rand_distr::Pareto::new(1.0, 1.2).unwrap();
    check(LawSpec::Pareto { shape: 1.2, min: SECOND }, &mut |luck| pareto.sample(luck));
    // Mixture, truncation by rejection, shift and scale by hand.
    let branches = vec![(0.9, 0.5 * SECOND), (0.1, 5.0 * SECOND)];
    check(LawSpec::Hyperexponential { branches }, &mut |luck| {
        exponential.sample(luck) * if luck.uniform() < 0.9 { 0.25 } else { 2.5 }
    });
    let truncated = LawSpec::Truncated {
        low: 0.5 * SECOND,
        high: 2.5 * SECOND,
        law: Box::new(LawSpec::Lognormal { median: SECOND, sigma: 0.8 }),
    };
    check(truncated.clone(), &mut |luck| {
        loop {
            let x = lognormal.sample(luck);
            if (0.5..=2.5).contains(&x) {
                break x;
            }
        }
    });
    let shifted = LawSpec::Shifted { by: SECOND, law: Box::new(LawSpec::Exponential { mean: 2.0 * SECOND }) };
    check(LawSpec::Scaled { factor: 3.0, law: Box::new(shifted) }, &mut |luck| 3.0 * (1.0 + exponential.sample(luck)));
}

#[test]
fn a_truncated_law_has_the_moments_of_its_piece() {
    // Exponential of mean 1 on [0.5, 2]: integrals of x e^-x and x^2 e^-x.
    let spec = LawSpec::Truncated { low: 0.5e9, high: 2e9, law: Box::new(LawSpec::Exponential { mean: 1e9 }) };
    let law = compile(&spec);
    let (a, b) = (0.5f64, 2.0f64);
    let mass = (-a).exp() - (-b).exp();
    let first = ((a + 1.0) * (-a).exp() - (b + 1.0) * (-b).exp()) / mass;
    let second = ((a * a + 2.0 * a + 2.0) * (-a).exp() - (b * b + 2.0 * b + 2.0) * (-b).exp()) / mass;
    assert!((law.mean() / 1e9 / first - 1.0).abs() < 1e-11);
    assert!((law.variance() / 1e18 / (second - first * first) - 1.0).abs() < 1e-11);
    assert_eq!([law.draw(0), law.draw(u64::MAX)], [500_000_000, 2_000_000_000]);
    rises(&law);
}

#[test]
fn a_truncation_far_in_the_tail_keeps_its_shape() {
    // Given that an exponential variate exceeds 30 means, the rest is exponential again.
    let spec = LawSpec::Truncated { low: 30e9, high: f64::INFINITY, law: Box::new(LawSpec::Exponential { mean: 1e9 }) };
    let law = compile(&spec);
    assert!((law.mean() / 31e9 - 1.0).abs() < 1e-9, "{}", law.mean());
    assert!((law.variance() / 1e18 - 1.0).abs() < 1e-8, "{}", law.variance());
    assert!((law.quantile(0.9) / (30e9 + 10f64.ln() * 1e9) - 1.0).abs() < 1e-9);
}

#[test]
fn truncation_of_parts_of_a_mixture_reweights_them() {
    let parts = vec![(1.0, LawSpec::Constant(5e6)), (1.0, LawSpec::Uniform { low: 0.0, high: 20e6 })];
    let law = compile(&LawSpec::Truncated { low: 1e6, high: 11e6, law: Box::new(LawSpec::Mixture { parts }) });
    // The atom keeps its 1/2, the line half of its 1/2: means 5 and 6 ms with weights 2/3 and 1/3.
    assert!((law.mean() - (10e6 + 6e6) / 3.0).abs() < 1e-3);
    let nothing = LawSpec::Truncated { low: 6e6, high: 7e6, law: Box::new(LawSpec::Constant(5e6)) };
    assert_eq!(Law::compile(&nothing).unwrap_err(), LawError::Empty);
}

#[test]
fn a_hyperexponential_law_is_one_monotone_table() {
    let law = compile(&LawSpec::Hyperexponential { branches: vec![(0.7, 5e6), (0.3, 25e6)] });
    assert!(matches!(law.sampler, Sampler::Table { .. }), "table error {}", law.error());
    rises(&law);
    let cdf = |x: f64| 1.0 - 0.7 * (-x / 5e6).exp() - 0.3 * (-x / 25e6).exp();
    for p in [1e-6, 0.1, 0.5, 0.7, 0.9, 0.99] {
        assert!((cdf(law.quantile(p)) / p - 1.0).abs() < 1e-8, "p = {p}");
    }
    assert!((law.mean() - 11e6).abs() < 1e-3);
    assert!((law.variance() / (2.0 * (0.7 * 25e12 + 0.3 * 625e12) - 121e12) - 1.0).abs() < 1e-12);
}

#[test]
fn a_mixture_with_atoms_draws_its_parts_exactly() {
    let parts = vec![
        (0.2, LawSpec::Exponential { mean: 40e6 }),
        (0.5, LawSpec::Constant(1e6)),
        (0.3, LawSpec::Constant(300e6)),
    ];
    let law = compile(&LawSpec::Mixture { parts });
    let mut stream = stream("atoms");
    let draws: Vec<u64> = (0..DRAWS).map(|_| law.draw(stream.bits())).collect();
    let share = |value: u64| draws.iter().filter(|&&x| x == value).count() as f64 / DRAWS as f64;
    // Four standard errors of a share are below 0.0033.
    assert!((share(1_000_000) - 0.5).abs() < 0.0033 && (share(300_000_000) - 0.3).abs() < 0.0033);
    let mut smooth: Vec<f64> =
        draws.iter().filter(|&&x| x != 1_000_000 && x != 300_000_000).map(|&x| x as f64).collect();
    smooth.sort_by(f64::total_cmp);
    let oracle = distribution::Exp::new(1.0 / 40e6).unwrap();
    assert!(ks(&smooth, |x| oracle.cdf(x)) < MOST_KS);
    assert!((law.mean() - (0.2 * 40e6 + 0.5e6 + 90e6)).abs() < 1e-3);
    assert!((law.variance() / (0.2 * 3200e12 + 0.5e12 + 0.3 * 90_000e12 - 98.5e6 * 98.5e6) - 1.0).abs() < 1e-12);
    // P(X <= 300 ms) jumps by 0.3 there; below it the mixture's distribution function is inverted.
    assert_eq!(law.quantile(0.9), 300e6);
    let x = law.quantile(0.6);
    assert!((0.5 + 0.2 * (1.0 - (-x / 40e6).exp()) - 0.6).abs() < 1e-9);
}

#[test]
fn parts_far_apart_are_drawn_side_by_side_and_still_follow_the_law() {
    let parts = vec![
        (0.9, LawSpec::Lognormal { median: 1e6, sigma: 0.1 }),
        (0.1, LawSpec::Lognormal { median: 1e9, sigma: 0.1 }),
    ];
    let law = compile(&LawSpec::Mixture { parts });
    assert!(matches!(law.sampler, Sampler::Parts(_)));
    let near = distribution::LogNormal::new(1e6f64.ln(), 0.1).unwrap();
    let far = distribution::LogNormal::new(1e9f64.ln(), 0.1).unwrap();
    assert!(ks(&sorted_draws(&law), |x| 0.9 * near.cdf(x) + 0.1 * far.cdf(x)) < MOST_KS);
    rises(&law);
}

#[test]
fn a_block_of_draws_is_the_same_as_one_by_one_whatever_the_lanes() {
    let key = Key::new(1, 0, "law", "blocks");
    let mut bits: Vec<u64> = (0..2000).map(|word| key.bits(word)).collect();
    bits.extend([0, 1, u64::MAX / 2 - 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX - 1, u64::MAX]);
    bits.extend((0..64).flat_map(|shift| [1 << shift, u64::MAX >> shift, !(1 << shift)]));
    for spec in of_every_kind() {
        let law = compile(&spec);
        let expected: Vec<u64> = bits.iter().map(|&bits| law.draw(bits)).collect();
        with_each(|lanes| {
            for length in [0, 1, 15, 16, 17, 63, 64, 65, 200, bits.len()] {
                let mut out = vec![0; length];
                law.fill(&bits[..length], &mut out);
                assert_eq!(out, expected[..length], "{spec:?}, {lanes:?}, {length} draws");
            }
        });
    }
}

#[test]
fn a_law_added_to_times_gives_the_sums_of_single_draws_whatever_the_lanes() {
    let key = Key::new(1, 0, "law", "sums");
    let words: Vec<u64> = (0..700).map(|n| n ^ (n % 3) << 60).collect();
    let from: Vec<u64> = (0..700).map(|n| n * 1_000_000).collect();
    for spec in of_every_kind() {
        let law = compile(&spec);
        let sum = |(&word, &from): (&u64, &u64)| from + law.draw(key.bits(word));
        let expected: Vec<u64> = words.iter().zip(&from).map(sum).collect();
        with_each(|lanes| {
            for length in [0, 1, 63, 255, 256, 257, 700] {
                let mut to = vec![7; length];
                law.add(&key, &words[..length], &from[..length], &mut to);
                assert_eq!(to, expected[..length], "{spec:?}, {lanes:?}, {length} draws");
            }
        });
    }
}

/// Laws of every kind of sampler.
fn of_every_kind() -> Vec<LawSpec> {
    let exponential = LawSpec::Exponential { mean: 20e6 };
    let samples = LawSpec::Samples((0..1000).map(|i| f64::from(i * i)).collect());
    let uniform = LawSpec::Uniform { low: 1.0, high: 1e6 };
    let mixture = |parts: &[(f64, &LawSpec)]| LawSpec::Mixture {
        parts: parts.iter().map(|&(weight, part)| (weight, part.clone())).collect(),
    };
    vec![
        LawSpec::Constant(12.0),
        uniform.clone(),
        exponential.clone(),
        LawSpec::Lognormal { median: 12e6, sigma: 0.4 },
        LawSpec::Lognormal { median: 1e9, sigma: 6.0 },
        LawSpec::Shifted { by: 1e6, law: Box::new(LawSpec::Weibull { shape: 0.5, scale: 1e6 }) },
        LawSpec::Truncated { low: 1e6, high: 30e6, law: Box::new(exponential.clone()) },
        samples.clone(),
        LawSpec::Samples([1.0, 5.0].into()),
        mixture(&[(1.0, &LawSpec::Constant(5.0)), (1.0, &LawSpec::Exponential { mean: 1e6 })]),
        mixture(&[(0.9, &LawSpec::Constant(0.0)), (0.05, &LawSpec::Constant(1e6)), (0.05, &LawSpec::Constant(1e9))]),
        mixture(&[(0.5, &LawSpec::Lognormal { median: 1e6, sigma: 0.3 }), (0.3, &samples), (0.2, &exponential)]),
        mixture(&[(0.01, &uniform), (0.98, &LawSpec::Lognormal { median: 1e8, sigma: 0.1 }), (0.01, &exponential)]),
    ]
}

#[test]
fn bad_parameters_are_named_with_what_is_allowed() {
    let error = |spec: LawSpec| Law::compile(&spec).unwrap_err().to_string();
    assert_eq!(error(LawSpec::Exponential { mean: 0.0 }), "the mean of an exponential law must be above zero, not 0");
    assert_eq!(
        error(LawSpec::Uniform { low: 5.0, high: 3.0 }),
        "the upper limit of a uniform law must be at or above the lower limit, not 3"
    );
    assert_eq!(
        error(LawSpec::Gamma { shape: 0.01, mean: 1.0 }),
        "the shape of a gamma law must be from 0.1 to 10000, not 0.01"
    );
    let shifted = LawSpec::Shifted { by: -2e6, law: Box::new(LawSpec::Exponential { mean: 1e6 }) };
    assert_eq!(error(shifted), "the law reaches below zero after its shift: times and sizes cannot");
    assert_eq!(error(LawSpec::Constant(1e17)), "the law's median is beyond 52 days (2^52 ns)");
    assert_eq!(error(LawSpec::Mixture { parts: vec![] }), LawError::NoParts.to_string());
    for spec in [
        LawSpec::Constant(-1.0),
        LawSpec::Constant(f64::NAN),
        LawSpec::Exponential { mean: f64::INFINITY },
        LawSpec::Lognormal { median: 1.0, sigma: -0.5 },
        LawSpec::Weibull { shape: 0.0, scale: 1.0 },
        LawSpec::Pareto { shape: 2.0, min: -1.0 },
        LawSpec::Hyperexponential { branches: vec![(0.0, 1.0)] },
        LawSpec::Hyperexponential { branches: vec![(-1.0, 1.0), (2.0, 1.0)] },
        LawSpec::Scaled { factor: 0.0, law: Box::new(LawSpec::Constant(1.0)) },
        LawSpec::Shifted { by: f64::NAN, law: Box::new(LawSpec::Constant(1.0)) },
        LawSpec::Truncated { low: 2.0, high: 1.0, law: Box::new(LawSpec::Constant(1.0)) },
    ] {
        assert!(Law::compile(&spec).is_err(), "{spec:?}");
    }
}

#[test]
fn laws_are_told_in_words() {
    let law = compile(&LawSpec::Lognormal { median: 12e6, sigma: 0.4 });
    assert_eq!(law.describe(), "lognormal, median 12 ms, sigma 0.4");
    let parts = vec![(0.9, LawSpec::Constant(1e6)), (0.1, LawSpec::Exponential { mean: 2e9 })];
    assert_eq!(compile(&LawSpec::Mixture { parts }).describe(), "mixture: 0.9 (1 ms), 0.1 (exponential, mean 2 s)");
    let sizes = LawSpec::Uniform { low: 100.0, high: 900.0 };
    assert_eq!(sizes.describe_with(&|bytes| format!("{bytes} B")), "uniform, 100 B to 900 B");
}

#[test]
fn a_constant_law_is_known_to_be_one() {
    assert_eq!(compile(&LawSpec::Constant(5e6)).is_constant(), Some(5_000_000));
    assert_eq!(compile(&LawSpec::Lognormal { median: 5e6, sigma: 0.0 }).is_constant(), Some(5_000_000));
    assert_eq!(Law::constant(7).draw(123), 7);
    assert_eq!(Law::constant(u64::MAX).is_constant(), Some(LARGEST));
    assert_eq!(compile(&LawSpec::Exponential { mean: 5e6 }).is_constant(), None);
}

/// Draws for three fixed words, computed by 40-digit arithmetic from the quantile functions and m4, then rounded. A
/// change here changes results.
#[test]
fn first_draws_of_every_law_are_pinned() {
    let key = Key([1, 2, 3, 4]);
    let ms = 1e6;
    let shifted = LawSpec::Shifted { by: 2.0 * ms, law: Box::new(LawSpec::Exponential { mean: 30.0 * ms }) };
    let pinned: [(LawSpec, [u64; 3]); 13] = [
        (LawSpec::Constant(ms), [1_000_000, 1_000_000, 1_000_000]),
        (LawSpec::Uniform { low: ms, high: 9.0 * ms }, [8_614_824, 5_634_571, 2_972_709]),
        (LawSpec::Exponential { mean: 20.0 * ms }, [60_669_932, 17_317_722, 5_662_877]),
        (LawSpec::Lognormal { median: 12.0 * ms, sigma: 0.4 }, [23_339_414, 13_000_265, 9_123_021]),
        (LawSpec::Gamma { shape: 2.5, mean: 5.0 * ms }, [11_168_104, 4_960_835, 2_652_250]),
        (LawSpec::Weibull { shape: 0.5, scale: 3.0 * ms }, [27_606_305, 2_249_276, 240_511]),
        (LawSpec::Pareto { shape: 1.5, min: ms }, [7_555_918, 1_781_147, 1_207_754]),
        (
            LawSpec::Hyperexponential { branches: vec![(0.7, 5.0 * ms), (0.3, 25.0 * ms)] },
            [45_776_528, 6_529_798, 1_931_312],
        ),
        (
            LawSpec::Mixture { parts: vec![(1.0, LawSpec::Constant(2.0 * ms)), (1.0, shifted.clone())] },
            [72_210_483, 7_182_167, 2_000_000],
        ),
        (LawSpec::Samples([16.0 * ms, 1.0 * ms, 9.0 * ms, 4.0 * ms].into()), [16_000_000, 8_086_427, 2_459_063]),
        (LawSpec::Quantiles([(0.5, 14.0 * ms), (0.99, 60.0 * ms)].into()), [39_623_939, 15_867_444, 9_119_167]),
        (LawSpec::Scaled { factor: 3.0, law: Box::new(shifted.clone()) }, [279_014_694, 83_929_747, 31_482_947]),
        (
            LawSpec::Truncated { low: 4.0 * ms, high: 40.0 * ms, law: Box::new(shifted) },
            [36_823_109, 19_567_404, 9_673_771],
        ),
    ];
    for (spec, expected) in pinned {
        let law = compile(&spec);
        assert_eq!([0, 1, 2].map(|word| law.draw(key.bits(word))), expected, "{spec:?}");
    }
}

//! Arrivals against theory. Seeds are fixed; unless said otherwise bounds are four standard errors, which a right source
//! passes but for one seed in 16,000.

use std::collections::BinaryHeap;
use std::io::Write;
use std::path::Path;

use super::*;
use crate::exec::Arrival;
use crate::lanes::with_each;
use crate::law::{Law, LawSpec};
use crate::time::Span;
use crate::units::Share;

const SEED: u64 = 2024;

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn open(arrivals: Arrivals, until: Time) -> Vec<Arrival> {
    collect(&Traffic::new(arrivals, Population::default(), until), 0)
}

fn collect(traffic: &Traffic, replication: u64) -> Vec<Arrival> {
    let mut source = traffic.source(SEED, replication);
    let (mut all, mut block) = (Vec::new(), Vec::new());
    loop {
        block.clear();
        source.fill(&mut block);
        if block.is_empty() {
            break;
        }
        all.extend_from_slice(&block);
    }
    assert!(all.windows(2).all(|pair| (pair[0].at, pair[0].serial) < (pair[1].at, pair[1].serial)), "out of order");
    assert!(all.iter().all(|arrival| arrival.at < traffic.until()), "an arrival after the end");
    all
}

fn gaps(arrivals: &[Arrival]) -> Vec<f64> {
    let times = std::iter::once(0.0).chain(arrivals.iter().map(|arrival| arrival.at.as_secs_f64()));
    let times: Vec<f64> = times.collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn flat(spacing: Spacing, rate: f64) -> Arrivals {
    Arrivals::Rate(spacing, Profile::Flat(Flat::new(Rate(rate)).unwrap()))
}

fn stages(spacing: Spacing, start: f64, stages: &[(u64, f64)]) -> Arrivals {
    let stages: Vec<Stage> =
        stages.iter().map(|&(s, target)| Stage { duration: Span::from_secs(s), target: Rate(target) }).collect();
    Arrivals::Rate(spacing, Profile::Stages(Stages::new(Rate(start), &stages).unwrap()))
}

fn between(arrivals: &[Arrival], from: Time, to: Time) -> usize {
    arrivals.iter().filter(|arrival| from <= arrival.at && arrival.at < to).count()
}

/// Kolmogorov and Smirnov's statistic times the root of the sample size: above 1.63 with probability 1 %.
fn ks(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let gap = |(i, &x): (usize, &f64)| (cdf(x) - i as f64 / n).abs().max((cdf(x) - (i + 1) as f64 / n).abs());
    sample.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.path().join(name);
    let file = std::fs::File::create(&path).unwrap();
    if name.ends_with(".gz") {
        let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::default());
        file.write_all(text.as_bytes()).unwrap();
        file.finish().unwrap();
    } else {
        (&file).write_all(text.as_bytes()).unwrap();
    }
    path
}

// Open arrivals.

#[test]
fn a_million_poisson_arrivals_have_exponential_gaps() {
    let gaps = gaps(&open(flat(Spacing::Poisson, 2000.0), seconds(500)));
    assert!((gaps.len() as f64 - 1e6).abs() < 4.0 * 1e3);
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!((mean * 2000.0 - 1.0).abs() < 0.005, "mean gap {mean}");
    let distance = ks(gaps, |gap| 1.0 - (-2000.0 * gap).exp());
    assert!(distance < 1.63, "KS {distance}");
}

#[test]
fn constant_arrivals_come_evenly_and_every_second_has_its_share() {
    let arrivals = open(flat(Spacing::Even, 8.0), seconds(100));
    assert_eq!(arrivals.len(), 800);
    assert_eq!(arrivals[0].at, Time(62_500_000));
    assert!(arrivals.windows(2).all(|pair| pair[1].at - pair[0].at == Span(125_000_000)));
}

#[test]
fn serial_numbers_count_up_from_zero() {
    let arrivals = open(flat(Spacing::Poisson, 1000.0), seconds(5));
    assert!(arrivals.iter().enumerate().all(|(index, arrival)| arrival.serial == index as u64));
}

#[test]
fn renewal_gaps_follow_their_law() {
    let gap = Law::compile(&LawSpec::Gamma { shape: 4.0, mean: 2e6 }).unwrap();
    let gaps = gaps(&open(Arrivals::Renewal(Renewal::new(gap.clone()).unwrap()), seconds(400)));
    let n = gaps.len() as f64;
    assert!((n - 200_000.0).abs() < 4.0 * 200_000f64.sqrt() / 2.0);
    // Erlang of four stages of 0.5 ms.
    let erlang = |gap: f64| {
        let x = gap / 0.5e-3;
        1.0 - (-x).exp() * (1.0 + x + x * x / 2.0 + x * x * x / 6.0)
    };
    let distance = ks(gaps, erlang);
    assert!(distance < 1.63, "KS {distance}");
    assert!(Renewal::new(Law::constant(0)).is_err());
}

#[test]
fn bursty_gaps_have_the_variation_and_the_correlation_of_theory() {
    // Two phases, rates and switching rates a second.
    let (fast, slow, leave_fast, leave_slow) = (1000.0, 200.0, 20.0, 10.0);
    let phase = |rate, leave: f64| Phase { rate: Rate(rate), sojourn: Span::from_secs_f64(1.0 / leave) };
    let mmpp = Mmpp::new(&[phase(fast, leave_fast), phase(slow, leave_slow)]).unwrap();
    let mean_rate = (fast * leave_slow + slow * leave_fast) / (leave_fast + leave_slow);
    assert!((mmpp.mean_rate().0 / mean_rate - 1.0).abs() < 1e-9);
    let gaps = gaps(&open(Arrivals::Mmpp(mmpp), seconds(4300)));
    assert!(gaps.len() > 1_900_000);
    // As a Markovian arrival process: M = (-D0)^-1, P = M diag(rates), phi P = phi (phases met by arrivals).
    let det = (fast + leave_fast) * (slow + leave_slow) - leave_fast * leave_slow;
    let m = [[(slow + leave_slow) / det, leave_fast / det], [leave_slow / det, (fast + leave_fast) / det]];
    let apply = |v: [f64; 2]| [m[0][0] * v[0] + m[0][1] * v[1], m[1][0] * v[0] + m[1][1] * v[1]];
    let rates = |v: [f64; 2]| [fast * v[0], slow * v[1]];
    let met = [fast * leave_slow, slow * leave_fast];
    let phi = met.map(|share| share / (met[0] + met[1]));
    let dot = |v: [f64; 2]| phi[0] * v[0] + phi[1] * v[1];
    let one = apply([1.0, 1.0]);
    let mean = dot(one);
    let variance = 2.0 * dot(apply(one)) - mean * mean;
    let correlation = (dot(apply(apply(rates(one)))) - mean * mean) / variance;
    let n = gaps.len() as f64;
    let found = gaps.iter().sum::<f64>() / n;
    let deviation = |gap: f64| gap - found;
    let square = gaps.iter().map(|&gap| deviation(gap) * deviation(gap)).sum::<f64>() / n;
    let lagged = gaps.windows(2).map(|pair| deviation(pair[0]) * deviation(pair[1])).sum::<f64>() / n / square;
    assert!((found / mean - 1.0).abs() < 0.02, "mean {found}, not {mean}");
    let (scv, exact) = (square / found / found, variance / mean / mean);
    assert!((scv / exact - 1.0).abs() < 0.02, "squared variation {scv}, not {exact}");
    assert!((lagged / correlation - 1.0).abs() < 0.02, "correlation {lagged}, not {correlation}");
}

#[test]
fn bursty_traffic_starts_in_a_phase_with_the_share_of_its_time() {
    let phase = |rate, seconds| Phase { rate: Rate(rate), sojourn: Span::from_secs(seconds) };
    let mmpp = Mmpp::new(&[phase(1000.0, 3), phase(0.0, 1)]).unwrap();
    let traffic = Traffic::new(Arrivals::Mmpp(mmpp), Population::default(), seconds(1));
    let starts = |replication| {
        let first = collect(&traffic, replication).first().map(|arrival| arrival.at);
        first.is_some_and(|at| at < Time(10_000_000))
    };
    let n = 2000;
    let share = (0..n).filter(|&replication| starts(replication)).count() as f64 / n as f64;
    // An empty start has a chance of 1 % within the first 10 ms to have begun the busy phase.
    assert!((share - 0.75).abs() < 4.0 * (0.75f64 * 0.25 / n as f64).sqrt() + 0.0025, "{share}");
}

#[test]
fn each_stage_has_the_integral_of_its_rate_within_three_sigma() {
    let plan = [(60, 500.0), (120, 500.0), (0, 2000.0), (30, 2000.0), (20, 0.0), (60, 0.0), (0, 100.0), (60, 100.0)];
    let expected = [15_000.0, 60_000.0, 60_000.0, 20_000.0, 0.0, 6_000.0];
    let ends = [60, 180, 210, 230, 290, 350];
    let random = open(stages(Spacing::Poisson, 0.0, &plan), Time::NEVER);
    let even = open(stages(Spacing::Even, 0.0, &plan), Time::NEVER);
    let mut from = Time::ZERO;
    for (end, expected) in ends.into_iter().zip(expected) {
        let to = seconds(end);
        let count = between(&random, from, to) as f64;
        assert!((count - expected).abs() <= 3.0 * f64::sqrt(expected), "{count} before {end} s, expected {expected}");
        assert!((between(&even, from, to) as f64 - expected).abs() <= 1.0, "even, before {end} s");
        from = to;
    }
    let Arrivals::Rate(_, Profile::Stages(stages)) = stages(Spacing::Even, 0.0, &plan) else { unreachable!() };
    assert_eq!(stages.end(), seconds(350));
    assert!((stages.area(Time::NEVER) - expected.iter().sum::<f64>()).abs() < 1e-6);
    assert!((stages.area(seconds(120)) - 45_000.0).abs() < 1e-6);
}

#[test]
fn arrivals_on_a_ramp_follow_the_square_of_time() {
    let arrivals = open(stages(Spacing::Poisson, 0.0, &[(100, 4000.0)]), Time::NEVER);
    let times = arrivals.iter().map(|arrival| arrival.at.as_secs_f64()).collect();
    let distance = ks(times, |t| (t / 100.0) * (t / 100.0));
    assert!(distance < 1.63, "KS {distance}");
    // Even spacing on the same ramp: the n-th comes when 20 t^2 = n - 1/2.
    for (index, arrival) in open(stages(Spacing::Even, 0.0, &[(100, 4000.0)]), Time::NEVER).iter().enumerate() {
        let exact = ((index as f64 + 0.5) / 20.0).sqrt();
        assert!((arrival.at.as_secs_f64() - exact).abs() < 2e-9, "{index}");
    }
}

#[test]
fn one_flat_stage_is_the_same_as_a_flat_rate() {
    let flat = open(flat(Spacing::Poisson, 300.0), seconds(20));
    let staged = open(stages(Spacing::Poisson, 300.0, &[(20, 300.0)]), Time::NEVER);
    assert_eq!(flat.len(), staged.len());
    assert!(flat.iter().zip(&staged).all(|(a, b)| a.at.0.abs_diff(b.at.0) <= 1));
}

#[test]
fn twice_the_rate_is_the_same_luck_in_half_the_time() {
    let slow = open(flat(Spacing::Poisson, 1000.0), seconds(10));
    let fast = open(flat(Spacing::Poisson, 2000.0), seconds(5));
    assert_eq!(slow.len(), fast.len());
    assert!(slow.iter().zip(&fast).all(|(a, b)| a.at.0.abs_diff(2 * b.at.0) <= 2));
}

#[test]
fn hourly_counts_of_a_day_follow_the_wave() {
    let day = Span::from_secs(86_400);
    let daily = Daily::new(Rate(20.0), Rate(15.0), day, Share(0.75)).unwrap();
    let arrivals = open(Arrivals::Rate(Spacing::Poisson, Profile::Daily(daily.clone())), seconds(2 * 86_400));
    let mut square = 0.0;
    for hour in 0..48 {
        let count = between(&arrivals, seconds(3600 * hour), seconds(3600 * (hour + 1))) as f64;
        let expected = daily.area(3600.0 * (hour + 1) as f64) - daily.area(3600.0 * hour as f64);
        square += (count - expected) * (count - expected) / expected;
    }
    // Chi-square with 48 degrees of freedom exceeds 73.7 with probability 1 %.
    assert!(square < 73.7, "chi-square {square}");
    let quiet = between(&arrivals, Time::ZERO, seconds(3600)) as f64 / 3600.0;
    let busy = between(&arrivals, seconds(11 * 3600 + 1800), seconds(12 * 3600 + 1800)) as f64 / 3600.0;
    assert!(quiet < 6.0 && busy > 34.0, "trough {quiet}, peak {busy}");
}

#[test]
fn the_wave_is_inverted_exactly_even_where_it_touches_zero() {
    let daily = Daily::new(Rate(50.0), Rate(50.0), Span::from_secs(7), Share(0.5)).unwrap();
    let arrivals = open(Arrivals::Rate(Spacing::Even, Profile::Daily(daily.clone())), seconds(70));
    assert_eq!(arrivals.len(), 3500);
    for (index, arrival) in arrivals.iter().enumerate() {
        let area = daily.area(arrival.at.as_secs_f64());
        assert!((area - (index as f64 + 0.5)).abs() < 1e-6, "{index}: {area}");
    }
}

#[test]
fn replications_differ_and_blocks_do_not_matter() {
    let traffic = Traffic::new(flat(Spacing::Poisson, 1000.0), Population::default(), seconds(3));
    let first = collect(&traffic, 0);
    assert_eq!(first, collect(&traffic, 0));
    assert_ne!(first[0].at, collect(&traffic, 1)[0].at);
    // All blocks appended to one vector, as an executor may.
    let mut source = traffic.source(SEED, 0);
    let mut all = Vec::new();
    while {
        let before = all.len();
        source.fill(&mut all);
        all.len() > before
    } {}
    assert_eq!(all, first);
}

#[test]
fn what_is_expected_is_what_comes() {
    let phase = |rate, ms| Phase { rate: Rate(rate), sojourn: Span::from_millis(ms) };
    let daily = Daily::new(Rate(300.0), Rate(200.0), Span::from_secs(30), Share(0.0)).unwrap();
    let gap = Law::compile(&LawSpec::Exponential { mean: 5e6 }).unwrap();
    for arrivals in [
        flat(Spacing::Poisson, 500.0),
        stages(Spacing::Poisson, 0.0, &[(50, 400.0), (100, 400.0)]),
        Arrivals::Rate(Spacing::Poisson, Profile::Daily(daily)),
        Arrivals::Renewal(Renewal::new(gap).unwrap()),
        Arrivals::Mmpp(Mmpp::new(&[phase(1000.0, 20), phase(100.0, 30)]).unwrap()),
    ] {
        let traffic = Traffic::new(arrivals, Population::default(), seconds(100));
        let (found, expected) = (collect(&traffic, 0).len() as f64, traffic.expected().unwrap());
        // Bursty counts vary more: variance up to ten times the mean here.
        assert!((found - expected).abs() < 4.0 * (10.0 * expected).sqrt(), "{found} instead of {expected}");
    }
    assert_eq!(Traffic::new(flat(Spacing::Even, 5.0), Population::default(), Time::NEVER).expected(), None);
}

// Closed users.

/// One server with exponential service of mean 10 ms and the users of a source: throughput a second after 60 s.
fn throughput(traffic: &Traffic, end: Time) -> f64 {
    let service = Law::compile(&LawSpec::Exponential { mean: 10e6 }).unwrap();
    let key = Key::new(SEED, 0, "server", "service");
    let mut source = traffic.source(SEED, 0);
    let mut first = Vec::new();
    source.fill(&mut first);
    let mut waiting: BinaryHeap<_> = first.iter().map(|a| std::cmp::Reverse((a.at, a.serial))).collect();
    let (mut free, mut done) = (Time::ZERO, 0u64);
    while let Some(std::cmp::Reverse((at, serial))) = waiting.pop() {
        free = free.max(at) + Span(service.draw(key.bits(serial)));
        done += u64::from(free >= seconds(60) && free < end);
        waiting.extend(source.follow(serial, free).map(|a| std::cmp::Reverse((a.at, a.serial))));
    }
    done as f64 / (end - seconds(60)).as_secs_f64()
}

#[test]
fn twenty_users_get_the_throughput_of_theory() {
    // M/M/1//20 with think time 150 ms and service 10 ms: exact mean value analysis.
    let think = Law::compile(&LawSpec::Exponential { mean: 150e6 }).unwrap();
    let (mut queue, mut exact) = (0.0, 0.0);
    for users in 1..=20 {
        let response = 0.01 * (1.0 + queue);
        exact = f64::from(users) / (0.15 + response);
        queue = exact * response;
    }
    let users = Users::new(20, think, Start::Thinking).unwrap();
    let end = seconds(6000);
    let found = throughput(&Traffic::new(Arrivals::Users(users), Population::default(), end), end);
    assert!((found / exact - 1.0).abs() < 0.01, "{found} a second instead of {exact}");
}

#[test]
fn users_ask_in_turn_with_serials_of_their_own() {
    let think = Law::constant(1_000);
    let users = Users::new(3, think, Start::Together).unwrap();
    let traffic = Traffic::new(Arrivals::Users(users), Population::default(), Time(5_000));
    assert!(traffic.is_closed() && traffic.expected().is_none());
    let mut source = traffic.source(SEED, 0);
    let mut block = Vec::new();
    source.fill(&mut block);
    let seen: Vec<(u64, u64)> = block.iter().map(|a| (a.at.0, a.serial)).collect();
    assert_eq!(seen, [(0, 0), (0, 1), (0, 2)]);
    block.clear();
    source.fill(&mut block);
    assert!(block.is_empty());
    let next = source.follow(1, Time(300)).unwrap();
    assert_eq!((next.at, next.serial), (Time(1_300), 4));
    assert_eq!(source.follow(4, Time(4_000)), None);
    let thinking = Users::new(3, Law::constant(1_000), Start::Thinking).unwrap();
    let first = collect(&Traffic::new(Arrivals::Users(thinking), Population::default(), Time(5_000)), 0);
    assert!(first.iter().all(|a| a.at == Time(1_000)) && first.len() == 3);
}

#[test]
fn a_user_keeps_its_luck_whatever_order_answers_come_in() {
    let think = Law::compile(&LawSpec::Exponential { mean: 1e6 }).unwrap();
    let users = Users::new(10, think, Start::Thinking).unwrap();
    let traffic = Traffic::new(Arrivals::Users(users), Population::default(), Time::NEVER);
    let (mut one, mut other) = (traffic.source(SEED, 0), traffic.source(SEED, 0));
    let forward: Vec<_> = (0..10).map(|serial| one.follow(serial, Time(500))).collect();
    let backward: Vec<_> = (0..10).rev().map(|serial| other.follow(serial, Time(500))).collect();
    assert!(forward.iter().eq(backward.iter().rev()));
}

// Counts.

fn counts(values: &[u32], placement: Placement) -> Counts {
    Counts::new(values.to_vec(), Span::from_secs(1), placement).unwrap()
}

fn per_second(arrivals: &[Arrival], intervals: usize) -> Vec<u32> {
    let mut found = vec![0; intervals];
    arrivals.iter().for_each(|arrival| found[(arrival.at.0 / 1_000_000_000) as usize] += 1);
    found
}

#[test]
fn replayed_counts_are_conserved_in_every_interval() {
    let values: Vec<u32> = (0..200).map(|i| [0, 3, 0, 1700, 12][i % 5] + i as u32).collect();
    for placement in [Placement::Uniform, Placement::Even] {
        let arrivals = open(Arrivals::Counts(counts(&values, placement)), Time::NEVER);
        assert_eq!(per_second(&arrivals, values.len()), values, "{placement:?}");
    }
}

#[test]
fn requests_lie_uniformly_in_their_interval_or_evenly() {
    let values = vec![500; 400];
    let arrivals = open(Arrivals::Counts(counts(&values, Placement::Uniform)), Time::NEVER);
    let places = arrivals.iter().map(|arrival| (arrival.at.0 % 1_000_000_000) as f64 / 1e9).collect();
    let distance = ks(places, |place| place);
    assert!(distance < 1.63, "KS {distance}");
    // As a Poisson process given its counts: the gaps inside an interval are those of 500 uniforms.
    let first: Vec<f64> = arrivals.chunks(500).map(|second| (second[0].at.0 % 1_000_000_000) as f64 / 1e9).collect();
    let distance = ks(first, |place| 1.0 - (1.0 - place).powi(500));
    assert!(distance < 1.63, "KS of the first places {distance}");
    let even = open(Arrivals::Counts(counts(&[4, 2], Placement::Even)), Time::NEVER);
    let times: Vec<u64> = even.iter().map(|arrival| arrival.at.0 / 1_000_000).collect();
    assert_eq!(times, [125, 375, 625, 875, 1250, 1750]);
}

#[test]
fn scaled_counts_keep_their_mean_and_are_rounded_by_chance() {
    let values = vec![3; 20_000];
    let scaled = counts(&values, Placement::Uniform).scaled(1.5).unwrap();
    let traffic = Traffic::new(Arrivals::Counts(scaled), Population::default(), Time::NEVER);
    assert_eq!(traffic.expected(), Some(90_000.0));
    let found = per_second(&collect(&traffic, 0), values.len());
    assert!(found.iter().all(|&count| count == 4 || count == 5));
    let sum: u32 = found.iter().sum();
    assert!((f64::from(sum) - 90_000.0).abs() < 4.0 * (20_000f64 * 0.25).sqrt());
    let ten = open(Arrivals::Counts(counts(&[3, 0, 7], Placement::Uniform).scaled(10.0).unwrap()), Time::NEVER);
    assert_eq!(per_second(&ten, 3), [30, 0, 70]);
}

#[test]
fn counts_can_be_cut_to_whole_intervals() {
    let cut = counts(&[1, 2, 3, 4, 5], Placement::Even).cut(Span::from_secs(1), Some(Span::from_secs(3))).unwrap();
    assert_eq!((cut.counts(), cut.end()), (&[2, 3, 4][..], seconds(3)));
    let whole = counts(&[1, 2, 3], Placement::Even);
    assert!(whole.clone().cut(Span::from_millis(500), None).is_err());
    assert!(whole.clone().cut(Span::from_secs(3), None).is_err());
    assert_eq!(whole.cut(Span::ZERO, Some(Span::from_secs(99))).unwrap().counts().len(), 3);
}

#[test]
fn a_long_trace_is_replayed_in_short_blocks() {
    // Two billion requests in an hour: only the counts are held.
    let counts = Counts::new(vec![2_000_000_000], Span::from_secs(3600), Placement::Uniform).unwrap();
    let mut source = Traffic::new(Arrivals::Counts(counts), Population::default(), Time::NEVER).source(SEED, 0);
    let mut block = Vec::new();
    for _ in 0..100 {
        block.clear();
        source.fill(&mut block);
        assert_eq!(block.len(), source::BLOCK);
    }
    assert!(block.capacity() <= 2 * source::BLOCK);
    // The first 51200 of two billion uniforms lie in the first part of the hour, some 92 ms.
    assert!((block[511].at.0 as f64 / 92.16e6 - 1.0).abs() < 4.0 / 51_200f64.sqrt());
}

#[test]
fn counts_are_read_from_plain_and_compressed_files() {
    let folder = tempfile::tempdir().unwrap();
    let bare = file(&folder, "bare.txt.gz", "5\n0\n7\n");
    let load = |path: &Path, column| Counts::load(path, column, Span::from_secs(1), Placement::Even);
    assert_eq!(load(&bare, None).unwrap().counts(), [5, 0, 7]);
    let named = file(&folder, "named.csv", "minute,count\n00:00,12\n00:01,9\n");
    assert_eq!(load(&named, Some("count")).unwrap().counts(), [12, 9]);
}

#[test]
fn a_bad_count_is_shown_with_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, text: &str, column: Option<&str>| {
        let path = file(&folder, name, text);
        let error = Counts::load(&path, column, Span::from_secs(1), Placement::Even).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(
        load("a.csv", "minute,count\n00:00,12\n00:01,many\n", Some("count")),
        "a.csv:3: column \"count\": expected a whole number of requests, found \"many\""
    );
    assert_eq!(
        load("b.csv", "minute,count\n00:00,12\n", Some("cuont")),
        "b.csv:1: column \"cuont\": there is no such column; did you mean \"count\"?"
    );
    assert_eq!(
        load("c.csv", "minute,count\n00:00,12\n00:01\n", Some("count")),
        "c.csv:3: column \"count\": this row has only 1 values"
    );
    assert!(load("c.csv", "minute,count\r\n00:00,12\r\n\r\n00:01,x\r\n", Some("count")).starts_with("c.csv:4:"));
    assert_eq!(load("d.txt", "", None), "d.txt: holds no counts");
    assert_eq!(
        load("e.txt", "1\n\n3\n", None),
        "e.txt:3: column \"1\": follows an empty line: write 0 for an interval without requests"
    );
    let missing = Counts::load(&folder.path().join("none"), None, Span::from_secs(1), Placement::Even);
    assert!(missing.unwrap_err().to_string().contains("cannot be opened"));
    let broken = file(&folder, "f.gz", "1\n2\n");
    let bytes = std::fs::read(&broken).unwrap();
    std::fs::write(&broken, [&[0x1F, 0x8B], &bytes[..]].concat()).unwrap();
    assert!(load_error(&broken).contains("cannot be read"));
}

fn load_error(path: &Path) -> String {
    Counts::load(path, None, Span::from_secs(1), Placement::Even).unwrap_err().to_string()
}

// Recorded requests.

const LOG: &str = "\
t_us,route,client,svc_us,target,bytes
1500,read,alice,12.5,t2,100
2500,write,bob,40,t10,2000
2000,read,carol,7,t1,300
2500,read,alice,1,-,50
9000,write,dave,0.25,t2,75
";

fn log_columns() -> Columns {
    Columns {
        class: Some("route".into()),
        key: Some("client".into()),
        demand: Some("svc_us".into()),
        demand_unit: 1_000,
        target: Some("target".into()),
        request_size: Some("bytes".into()),
        ..Columns::times("t_us", Stamp::Number { unit: 1_000 })
    }
}

fn log(folder: &tempfile::TempDir, population: &Population) -> Requests {
    Requests::load(&file(folder, "log.csv.gz", LOG), &log_columns(), population).unwrap()
}

#[test]
fn a_replay_reproduces_the_requests_of_the_trace_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let requests = log(&folder, &Population::default());
    let targets: Vec<&str> = requests.targets().iter().map(String::as_str).collect();
    assert_eq!((targets, requests.keys(), requests.has_demand()), (vec!["t1", "t2", "t10"], 4, true));
    let traffic = Traffic::new(Arrivals::Requests(requests), Population::default(), Time::NEVER);
    let names: Vec<&str> = traffic.population().classes().iter().map(|class| class.name.as_str()).collect();
    assert_eq!((names, traffic.keys(), traffic.expected()), (vec!["read", "write"], 4, Some(5.0)));
    let found = collect(&traffic, 0).into_iter().map(|a| (a.at.0, a.class, a.key, a.demand, a.target, a.request_bytes));
    let expected = [
        (1_500_000, 0, 0, 12_500, 1, 100),
        (2_000_000, 0, 2, 7_000, 0, 300),
        (2_500_000, 1, 1, 40_000, 2, 2000),
        (2_500_000, 0, 0, 1_000, 0, 50),
        (9_000_000, 1, 3, 250, 1, 75),
    ];
    assert!(found.eq(expected));
}

#[test]
fn dates_are_replayed_from_the_first_request_on() {
    let folder = tempfile::tempdir().unwrap();
    let text = "TIMESTAMP,Tokens\n2023-11-16 18:17:03.9799600,4808\n2023-11-16 18:17:04.0319600,3180\n";
    let columns = Columns::times("TIMESTAMP", Stamp::Date);
    let requests = Requests::load(&file(&folder, "dates.csv", text), &columns, &Population::default()).unwrap();
    let times: Vec<u64> = open(Arrivals::Requests(requests), Time::NEVER).iter().map(|a| a.at.0).collect();
    assert_eq!(times, [0, 52_000_000]);
}

#[test]
fn classes_named_by_the_scenario_are_used_and_unknown_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let named = Population::new(vec![Class::new("write"), Class::new("read")]).unwrap();
    let traffic = Traffic::new(Arrivals::Requests(log(&folder, &named)), named, Time::NEVER);
    let classes: Vec<u16> = collect(&traffic, 0).iter().map(|a| a.class).collect();
    assert_eq!(classes, [1, 1, 0, 1, 0]);
    let other = Population::new(vec![Class::new("read"), Class::new("list")]).unwrap();
    let error = Requests::load(&folder.path().join("log.csv.gz"), &log_columns(), &other).unwrap_err().to_string();
    assert!(error.ends_with("log.csv.gz:3: column \"route\": there is no class \"write\"; the classes are read, list"));
}

#[test]
fn thinning_keeps_a_share_of_the_requests_at_their_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = std::iter::once("t\n".to_string()).chain((0..10_000).map(|i| format!("{i}\n"))).collect();
    let columns = Columns::times("t", Stamp::Number { unit: 1_000_000 });
    let all = Requests::load(&file(&folder, "t.csv", &text), &columns, &Population::default()).unwrap();
    let half = open(Arrivals::Requests(all.clone().scaled(0.5).unwrap()), Time::NEVER);
    assert!((half.len() as f64 - 5_000.0).abs() < 4.0 * 50.0);
    assert!(half.iter().all(|a| a.at.0 == a.serial * 1_000_000));
    // A quarter is a part of the half: what is kept at a share is kept at every greater one.
    let quarter = open(Arrivals::Requests(all.clone().scaled(0.5).unwrap().scaled(0.5).unwrap()), Time::NEVER);
    assert!(quarter.iter().all(|a| half.binary_search_by_key(&a.serial, |b| b.serial).is_ok()));
    let fast = all.scaled(4.0).unwrap();
    assert_eq!(fast.end(), Time(9_999 * 250_000 + 1));
    let fast = open(Arrivals::Requests(fast), Time::NEVER);
    assert!(fast.len() == 10_000 && fast.iter().all(|a| a.at.0 == a.serial * 250_000));
}

#[test]
fn recorded_requests_can_be_cut_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let all = log(&folder, &Population::default());
    let cut = all.clone().cut(Span(2_000_000), Some(Span(7_000_000))).unwrap();
    assert_eq!((cut.len(), cut.end()), (3, Time(7_000_000)));
    let found = open(Arrivals::Requests(cut), Time::NEVER).into_iter().map(|a| (a.at.0, a.serial));
    assert!(found.eq([(0, 1), (500_000, 2), (500_000, 3)]));
    assert!(all.clone().cut(Span(10_000_000), None).is_err());
    assert_eq!(all.cut(Span(3_000_000), None).unwrap().end(), Time(6_000_001));
}

#[test]
fn a_bad_request_is_shown_with_file_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let path = file(&folder, "log.csv", text);
        let error = Requests::load(&path, &log_columns(), &Population::default()).unwrap_err().to_string();
        error.replace(&format!("{}/", folder.path().display()), "")
    };
    let header = LOG.lines().next().unwrap();
    for (row, message) in [
        ("-5,read,a,1,t1,1", "log.csv:2: column \"t_us\": expected a number that is not negative, found \"-5\""),
        ("5,read,a,fast,t1,1", "log.csv:2: column \"svc_us\": expected a number that is not negative, found \"fast\""),
        ("5,read,a,1,t1,1.5", "log.csv:2: column \"bytes\": expected a whole number of bytes, found \"1.5\""),
        ("5,read", "log.csv:2: column \"client\": this row has only 2 values"),
    ] {
        assert_eq!(load(&format!("{header}\n{row}\n")), message);
    }
    assert_eq!(load(&format!("{header}\n")), "log.csv: holds no requests");
    assert!(load("t_us,route\n").contains("column \"client\": there is no such column; the columns are t_us, route"));
}

#[test]
fn the_traces_that_come_along_are_complete() {
    let trace = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces").join(name);
    let sum = |counts: &Counts| counts.counts().iter().map(|&count| u64::from(count)).sum::<u64>();
    let second = Span::from_secs(1);
    let nasa = Counts::load(&trace("nasa-1995.txt.gz"), None, second, Placement::Uniform).unwrap();
    assert_eq!((nasa.end(), sum(&nasa)), (seconds(7 * 86_400), 516_943));
    let minute = Span::from_secs(60);
    let path = trace("worldcup-1998.csv.gz");
    let cup = Counts::load(&path, Some("count"), minute, Placement::Uniform).unwrap();
    assert_eq!((cup.end(), sum(&cup), cup.counts().iter().max()), (seconds(14 * 86_400), 473_019_785, Some(&153_878)));
    let columns = Columns {
        request_size: Some("ContextTokens".into()),
        response_size: Some("GeneratedTokens".into()),
        ..Columns::times("TIMESTAMP", Stamp::Date)
    };
    let azure = Requests::load(&trace("azure-llm-2023.csv.gz"), &columns, &Population::default()).unwrap();
    let found = open(Arrivals::Requests(azure), Time::NEVER);
    // From 18:17:03.97996 to 19:14:19.928016.
    assert_eq!((found.len(), found[8_818].at), (8_819, Time(3_435_948_056_000)));
    assert_eq!((found[0].request_bytes, found[0].response_bytes), (4_808, 10));
}

#[test]
fn a_day_of_a_public_event_is_replayed_minute_by_minute() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces/worldcup-1998.csv.gz");
    let minute = Span::from_secs(60);
    let cup = Counts::load(&path, Some("count"), minute, Placement::Uniform).unwrap();
    let hour = cup.cut(Span::from_secs(7 * 86_400 + 14 * 3600), Some(Span::from_secs(3600))).unwrap();
    let mut found = vec![0u32; 60];
    let mut source = Traffic::new(Arrivals::Counts(hour.clone()), Population::default(), Time::NEVER).source(SEED, 0);
    let (mut block, mut last) = (Vec::new(), Time::ZERO);
    loop {
        block.clear();
        source.fill(&mut block);
        if block.is_empty() {
            break;
        }
        for arrival in &block {
            assert!(arrival.at >= last);
            last = arrival.at;
            found[(last.0 / minute.0) as usize] += 1;
        }
    }
    assert_eq!(found, hour.counts());
}

#[test]
fn bad_plans_are_refused() {
    assert!(Flat::new(Rate(0.0)).is_err() && Flat::new(Rate(2e9)).is_err() && Flat::new(Rate(f64::NAN)).is_err());
    let stage = |s, rate| Stage { duration: Span::from_secs(s), target: Rate(rate) };
    assert!(Stages::new(Rate(0.0), &[]).is_err());
    assert!(Stages::new(Rate(0.0), &[stage(10, 0.0)]).is_err());
    assert!(Stages::new(Rate(0.0), &[stage(0, 10.0)]).is_err());
    assert!(Stages::new(Rate(1.0), &[stage(10, -1.0)]).is_err());
    let day = Span::from_secs(86_400);
    assert!(Daily::new(Rate(1.0), Rate(2.0), day, Share(0.0)).is_err());
    assert!(Daily::new(Rate(1.0), Rate(0.5), Span::ZERO, Share(0.0)).is_err());
    let phase = |rate| Phase { rate: Rate(rate), sojourn: Span::from_secs(1) };
    assert!(Mmpp::new(&[phase(1.0)]).is_err() && Mmpp::new(&[phase(0.0), phase(0.0)]).is_err());
    assert!(Mmpp::new(&[phase(1.0), Phase { rate: Rate(2.0), sojourn: Span::ZERO }]).is_err());
    assert!(Users::new(0, Law::constant(5), Start::Thinking).is_err());
    assert!(Counts::new(vec![], Span::from_secs(1), Placement::Even).is_err());
    assert!(Counts::new(vec![1], Span::ZERO, Placement::Even).is_err());
}

/// Computed apart by 40-digit arithmetic, but for the last; equal to it within the resolution of the gaps, a few
/// nanoseconds. A change here changes results.
#[test]
fn first_arrivals_are_pinned() {
    let firsts = |arrivals: Arrivals| -> Vec<u64> {
        open(arrivals, seconds(100)).iter().take(3).map(|arrival| arrival.at.0).collect()
    };
    let phase = |rate, ms| Phase { rate: Rate(rate), sojourn: Span::from_millis(ms) };
    let daily = Daily::new(Rate(10.0), Rate(5.0), Span::from_secs(60), Share(0.0)).unwrap();
    let gap = Law::compile(&LawSpec::Exponential { mean: 1e8 }).unwrap();
    let found = [
        firsts(flat(Spacing::Poisson, 10.0)),
        firsts(stages(Spacing::Poisson, 0.0, &[(100, 10.0)])),
        firsts(Arrivals::Rate(Spacing::Poisson, Profile::Daily(daily))),
        firsts(Arrivals::Renewal(Renewal::new(gap.clone()).unwrap())),
        firsts(Arrivals::Mmpp(Mmpp::new(&[phase(100.0, 50), phase(1.0, 50)]).unwrap())),
        firsts(Arrivals::Users(Users::new(3, gap, Start::Thinking).unwrap())),
        firsts(Arrivals::Counts(counts(&[3], Placement::Uniform))),
    ];
    let pinned = [
        [184_166_344, 284_859_702, 579_908_979],
        [6_069_041_840, 7_547_975_919, 10_769_484_472],
        [183_286_880, 282_766_587, 571_364_882],
        [184_166_344, 284_859_702, 579_908_979],
        [75_683_891, 85_753_227, 115_258_155],
        [19_886_236, 29_708_685, 32_098_746],
        [212_746_733, 339_877_812, 342_130_268],
    ];
    assert_eq!(found, pinned);
}

#[test]
fn poisson_times_are_running_sums_of_single_draws_whatever_the_lanes() {
    // The slowest takes more than 52 days for its requests, beyond which whole numbers are reached another way.
    for rate in [1e-4, 1.0, 1234.5, 1e8] {
        let law = Law::compile(&LawSpec::Exponential { mean: 2f64.powi(28) }).unwrap();
        let key = Key::new(SEED, 0, NAME, "gap");
        let mut sum = 0i64;
        let expected = (0..2000).map(|word| {
            sum += law.draw(key.bits(word)) as i64;
            source::at_seconds(sum as f64 * 2f64.powi(-28) * (1.0 / rate)).0
        });
        let expected: Vec<u64> = expected.collect();
        let traffic = Traffic::new(flat(Spacing::Poisson, rate), Population::default(), Time::NEVER);
        with_each(|lanes| {
            let (mut source, mut times) = (traffic.source(SEED, 0), Vec::new());
            while times.len() < expected.len() {
                assert!(source.fill_times(&mut times).is_some());
            }
            assert_eq!(times[..2000], expected, "{rate}/s, {lanes:?}");
        });
    }
}

#[test]
fn times_alone_are_those_of_the_requests_and_say_what_requests_are_like() {
    let size = Class { request_size: Law::constant(300), response_size: Law::constant(9000), ..Class::new("all") };
    let population = Population::new(vec![size]).unwrap();
    let exponential = Law::compile(&LawSpec::Exponential { mean: 1e6 }).unwrap();
    for arrivals in [
        flat(Spacing::Poisson, 1000.0),
        flat(Spacing::Even, 700.0),
        stages(Spacing::Poisson, 100.0, &[(2, 2000.0), (1, 0.0), (1, 500.0)]),
        Arrivals::Renewal(Renewal::new(exponential).unwrap()),
        Arrivals::Counts(Counts::new(vec![1500, 0, 700], Span::from_secs(1), Placement::Uniform).unwrap()),
    ] {
        let traffic = Traffic::new(arrivals, population.clone(), seconds(4));
        let expected = collect(&traffic, 3);
        let (mut source, mut times, mut found) = (traffic.source(SEED, 3), vec![77], Vec::new());
        loop {
            times.truncate(1);
            let first = source.fill_times(&mut times).unwrap();
            found.extend(times[1..].iter().zip(first.serial..).map(|(&at, serial)| Arrival {
                at: Time(at),
                serial,
                ..first
            }));
            if times.len() == 1 {
                break;
            }
            assert_eq!(first.at.0, times[1]);
        }
        assert_eq!(found, expected);
    }
}

#[test]
fn requests_that_differ_in_more_than_time_are_not_given_as_times() {
    let keys = Class { keys: Some(Keys::zipf(10, 1.0).unwrap()), ..Class::new("keys") };
    for classes in [vec![keys], vec![Class::new("a"), Class::new("b")]] {
        let traffic = Traffic::new(flat(Spacing::Even, 10.0), Population::new(classes).unwrap(), seconds(10));
        let (mut source, mut times, mut block) = (traffic.source(SEED, 0), Vec::new(), Vec::new());
        assert!(source.fill_times(&mut times).is_none() && times.is_empty());
        source.fill(&mut block);
        assert_eq!((block.len(), block[0].serial), (100, 0));
    }
}

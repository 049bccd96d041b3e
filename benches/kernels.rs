//! What the block functions under the window executor cost an element, with each set of vector instructions that this
//! processor has.
//!
//! `cargo bench --bench kernels -- law/` runs some of them. Blocks have the length of a usual window; throughput is in
//! elements, so a million elements a second are 1000 ns each.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use gatepath::exec::columns::{gather, places};
use gatepath::exec::order::Order;
use gatepath::lanes::{Lanes, limit, used};
use gatepath::law::{Law, LawSpec};
use gatepath::rng::{Key, Threshold, happens_all};
use gatepath::stats::{Histogram, Series};
use gatepath::time::{Extent, Span, Time};
use gatepath::traffic::{Arrivals, Flat, Population, Profile, Spacing, Traffic};
use gatepath::units::Rate;
use std::hint::black_box;
use std::time::Duration;

/// Requests of a window.
const WINDOW: usize = 1000;
/// Windows that take turns, so that no branch can be learnt by heart.
const TURNS: usize = 64;
const MILLISECOND: f64 = 1e6;
/// Length of a window in nanoseconds: about 1000 requests at 1000 a second.
const LENGTH: u64 = 1 << 30;

fn key() -> Key {
    Key::new(1, 0, "bench", "kernels")
}

fn compile(spec: &LawSpec) -> Law {
    Law::compile(spec).unwrap_or_else(|error| panic!("{error}"))
}

/// A column a turn.
fn columns(value: impl Fn(u64) -> u64) -> Vec<Vec<u64>> {
    let window = WINDOW as u64;
    (0..TURNS as u64).map(|turn| (turn * window..(turn + 1) * window).map(&value).collect()).collect()
}

/// Measures a function of the turn with each set of instructions.
fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut kernel: impl FnMut(usize)) {
    let mut turn = 0;
    for lanes in Lanes::ALL {
        limit(lanes);
        if used() == lanes {
            group.bench_function(format!("{name}/{lanes:?}"), |bencher| {
                bencher.iter(|| {
                    turn = (turn + 1) % TURNS;
                    kernel(turn);
                });
            });
        }
    }
    limit(Lanes::Avx512);
}

fn group<'a>(criterion: &'a mut Criterion, name: &str, elements: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(600));
    group.throughput(Throughput::Elements(elements as u64));
    group
}

fn draws(criterion: &mut Criterion) {
    let words = columns(|word| word);
    let mut bits = vec![0; WINDOW];
    let mut mask = vec![0; WINDOW];
    let mut group = group(criterion, "rng", WINDOW);
    measure(&mut group, "fill", |turn| key().fill(black_box(&words[turn]), &mut bits));
    let some = columns(|word| key().bits(word));
    measure(&mut group, "happens", |turn| {
        black_box(happens_all(black_box(&some[turn]), Threshold::new(0.2), &mut mask));
    });
}

fn laws(criterion: &mut Criterion) {
    let exponential = LawSpec::Exponential { mean: 20.0 * MILLISECOND };
    let lognormal = LawSpec::Lognormal { median: 12.0 * MILLISECOND, sigma: 0.4 };
    let rarely = |rare: &LawSpec, usual: LawSpec| LawSpec::Mixture { parts: vec![(0.9, usual), (0.1, rare.clone())] };
    let far = LawSpec::Lognormal { median: MILLISECOND, sigma: 0.1 };
    let laws = [
        ("constant", LawSpec::Constant(5.0 * MILLISECOND)),
        ("uniform", LawSpec::Uniform { low: 0.0, high: 5.0 * MILLISECOND }),
        ("lognormal", lognormal),
        ("samples", LawSpec::Samples((0..10_000).map(|i| f64::from(i) * 1e4).collect())),
        ("atom and tail", rarely(&exponential, LawSpec::Constant(MILLISECOND))),
        ("two far apart", rarely(&LawSpec::Lognormal { median: 1e9, sigma: 0.1 }, far)),
    ];
    let (words, bits) = (columns(|word| word), columns(|word| key().bits(word)));
    let from = vec![LENGTH; WINDOW];
    let mut out = vec![0; WINDOW];
    let mut group = group(criterion, "law", WINDOW);
    for (name, spec) in laws {
        let law = compile(&spec);
        measure(&mut group, &format!("fill {name}"), |turn| law.fill(black_box(&bits[turn]), &mut out));
        measure(&mut group, &format!("add {name}"), |turn| law.add(&key(), black_box(&words[turn]), &from, &mut out));
    }
}

fn records(criterion: &mut Criterion) {
    let law = compile(&LawSpec::Lognormal { median: 12.0 * MILLISECOND, sigma: 0.8 });
    let values = columns(|word| law.draw(key().bits(word)));
    let waits = columns(|word| if word % 5 == 0 { law.draw(key().bits(word)) } else { 0 });
    let from = columns(|word| word * 1_000_000);
    let ends = columns(|word| word * 1_000_000 + law.draw(key().bits(word)));
    let mut group = group(criterion, "record", WINDOW);
    for (name, bits) in [("narrow", Histogram::NARROW), ("fine", Histogram::FINE)] {
        let mut histogram = Histogram::new(bits);
        measure(&mut group, name, |turn| histogram.record_all(black_box(&values[turn])));
        measure(&mut group, &format!("{name} differences"), |turn| {
            histogram.record_differences(&ends[turn], &from[turn])
        });
        measure(&mut group, &format!("{name} waits"), |turn| histogram.record_all(black_box(&waits[turn])));
    }
    let mut series = Series::new(Span::from_secs(100), Some(Span::from_secs(1)));
    measure(&mut group, "series arrivals", |turn| series.arrive_all(black_box(&from[turn])));
    measure(&mut group, "series ends", |turn| {
        series.finish_all((black_box(&ends[turn]), Extent::of(&ends[turn])), &values[turn], true, None)
    });
}

fn moves(criterion: &mut Criterion) {
    let law = compile(&LawSpec::Lognormal { median: 12.0 * MILLISECOND, sigma: 0.8 });
    let window = WINDOW as u64;
    let later = columns(|word| word % window * (LENGTH / window) + law.draw(key().bits(word)));
    let mixed = columns(|word| key().bits(word) % LENGTH);
    let masks: Vec<Vec<u8>> = columns(|word| key().bits(word) % 5 / 4)
        .iter()
        .map(|mask| mask.iter().map(|&one| one as u8).collect())
        .collect();
    let (mut order, mut to) = (Order::default(), Vec::new());
    let mut group = group(criterion, "column", WINDOW);
    for (name, columns) in [("order after a delay", &later), ("order of a mess", &mixed)] {
        measure(&mut group, name, |turn| {
            black_box(order.order(black_box(&columns[turn]), 0, LENGTH, |index| (u64::from(index), 0)));
        });
    }
    let indices = order.indices().to_vec();
    measure(&mut group, "gather", |turn| gather(black_box(&mixed[turn]), &indices, &mut to));
    let mut rows = Vec::new();
    measure(&mut group, "places", |turn| {
        rows.clear();
        places(black_box(&masks[turn]), &mut rows);
    });
}

fn arrivals(criterion: &mut Criterion) {
    /// Arrivals that a source gives at a time.
    const BLOCK: usize = 512;
    let mut group = group(criterion, "source", BLOCK);
    for (name, spacing) in [("poisson", Spacing::Poisson), ("even", Spacing::Even)] {
        let flat = Flat::new(Rate(1000.0)).unwrap_or_else(|error| panic!("{error}"));
        let plan = Arrivals::Rate(spacing, Profile::Flat(flat));
        let traffic = Traffic::new(plan, Population::default(), Time::NEVER);
        let (mut source, mut times) = (traffic.source(1, 0), Vec::new());
        measure(&mut group, &format!("{name} times"), |_| {
            times.clear();
            black_box(source.fill_times(&mut times));
        });
        let (mut source, mut block) = (traffic.source(1, 0), Vec::new());
        measure(&mut group, &format!("{name} requests"), |_| {
            block.clear();
            source.fill(&mut block);
        });
    }
}

criterion_group!(benches, draws, laws, records, moves, arrivals);
criterion_main!(benches);

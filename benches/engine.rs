//! How fast the event executor runs the models of `benches/models`, and what its smallest parts cost: a draw from a law
//! and a record in a histogram. Set beside other simulators by `benches/run.py`; this bench is for comparing versions.
//!
//! `cargo bench --bench engine -- model/b` runs one of them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gatepath::diagnostic::render;
use gatepath::exec::{Executor, Run, execute};
use gatepath::law::{Law, LawSpec};
use gatepath::rng::Key;
use gatepath::scenario;
use gatepath::stats::Histogram;
use gatepath::study::Case;
use std::hint::black_box;
use std::path::Path;

/// The models, each with an override that leaves some ten thousand requests; the storm takes a while to rise.
const MODELS: [(&str, &str); 5] = [
    ("a", "traffic.duration=25000 s"),
    ("b", "traffic.duration=20 s"),
    ("c", "traffic.duration=10 s"),
    ("d", "traffic.duration=20 s"),
    ("storm", "traffic.stages.2.duration=50 s"),
];
/// Draws and records an iteration.
const BLOCK: u64 = 1024;
const MILLISECOND: f64 = 1e6;

fn load(model: &str, shorter: &str) -> Case {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/models/{model}.yaml"));
    match scenario::load(&file, &[shorter.to_string()]) {
        Ok(scenario) => Case::new(model, scenario),
        Err((problems, sources)) => panic!("{}", render(&problems, &sources, false)),
    }
}

fn simulate(case: &Case) -> Run {
    execute(Executor::Auto, &case.program, &|| (case.traffic)(case.seed, 0), &case.options(0, None))
}

fn models(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("model");
    group.sample_size(10);
    for (model, shorter) in MODELS {
        let case = load(model, shorter);
        group.throughput(Throughput::Elements(simulate(&case).balance.born));
        group.bench_function(model, |bencher| bencher.iter(|| simulate(&case)));
    }
}

fn laws(criterion: &mut Criterion) {
    let exponential = LawSpec::Exponential { mean: 20.0 * MILLISECOND };
    let laws = [
        ("constant", LawSpec::Constant(5.0 * MILLISECOND)),
        ("uniform", LawSpec::Uniform { low: 0.0, high: 5.0 * MILLISECOND }),
        ("exponential", exponential.clone()),
        ("lognormal", LawSpec::Lognormal { median: 12.0 * MILLISECOND, sigma: 0.4 }),
        ("gamma", LawSpec::Gamma { shape: 4.0, mean: 8.0 * MILLISECOND }),
        ("mixture", LawSpec::Mixture { parts: vec![(0.9, LawSpec::Constant(MILLISECOND)), (0.1, exponential)] }),
    ];
    let key = Key::new(1, 0, "bench", "draw");
    let mut group = criterion.benchmark_group("draw");
    group.throughput(Throughput::Elements(BLOCK));
    for (name, spec) in laws {
        let law = Law::compile(&spec).unwrap_or_else(|error| panic!("{name}: {error}"));
        group.bench_function(name, |bencher| {
            bencher.iter(|| (0..BLOCK).map(|word| law.draw(key.bits(black_box(word)))).fold(0, u64::wrapping_add));
        });
    }
}

fn histograms(criterion: &mut Criterion) {
    let law = Law::compile(&LawSpec::Lognormal { median: 12.0 * MILLISECOND, sigma: 0.8 })
        .unwrap_or_else(|error| panic!("{error}"));
    let key = Key::new(1, 0, "bench", "record");
    let values: Vec<u64> = (0..BLOCK).map(|word| law.draw(key.bits(word))).collect();
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(BLOCK));
    for (name, bits) in [("fine", Histogram::FINE), ("narrow", Histogram::NARROW)] {
        let mut histogram = Histogram::new(bits);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&values).iter().for_each(|&value| histogram.record(value)));
        });
    }
}

criterion_group!(benches, models, laws, histograms);
criterion_main!(benches);

//! Compares simulation with runs of real software: the requests of a run replayed one by one, and the laws it was made with.

use std::fmt;
use std::path::{Path, PathBuf};

use csv::ReaderBuilder;
use flate2::read::GzDecoder;
use gatepath::exec::{self, Executor, Options, Run};
use gatepath::program::Answered;
use gatepath::stats::Histogram;
use gatepath::study::Case;

/// Gateway and network, in milliseconds: may come on top of a relative bound.
const OVERHEAD: f64 = 0.24;

/// The runs, each with the short name of its scenarios.
const RUNS: [(&str, &str); 5] =
    [("r1-single", "r1"), ("r2-ratelimit", "r2"), ("r3-slowtarget", "r3"), ("r5-burst", "r5"), ("r6-closed", "r6")];

/// One number, measured and simulated.
#[derive(Clone, Debug)]
pub struct Line {
    /// Name of the run.
    pub run: &'static str,
    /// What it is, with its unit.
    pub what: String,
    /// Measured.
    pub measured: f64,
    /// Simulated.
    pub simulated: f64,
    /// How far apart they may be.
    pub bound: f64,
    /// How far apart they may be by chance: two standard deviations of what is measured, over many simulated runs. Zero where
    /// there is no chance.
    pub noise: f64,
}

impl Line {
    /// Whether they are near enough, if only because chance may put them further apart than the bound.
    pub fn holds(&self) -> bool {
        self.apart() <= self.bound.max(self.noise)
    }

    /// Whether the bound alone would not do.
    pub fn is_noise(&self) -> bool {
        self.holds() && self.apart() > self.bound
    }

    fn apart(&self) -> f64 {
        (self.simulated - self.measured).abs()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { run, what, measured, simulated, bound, noise } = self;
        let verdict = match (self.holds(), self.is_noise()) {
            (true, false) => "yes",
            (true, true) => "by chance",
            (false, _) => "**no**",
        };
        let digits = if *bound < 0.1 { 4 } else { 2 };
        let numbers = [measured, simulated, bound, noise].map(|number| format!("{number:.digits$}")).join(" | ");
        write!(f, "| {run} | {what} | {numbers} | {verdict} |")
    }
}

/// One request of a real run.
struct Request {
    latency_ms: f64,
    answered: bool,
}

/// Requests replayed: the latency quantiles must agree within 2 %.
///
/// # Errors
/// A file that cannot be read, or a scenario that does not load.
pub fn replays(load: impl Fn(&Path) -> Result<Case, String>) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (run, short) in RUNS {
        let requests = requests(run)?;
        let case = load(&folder().join(format!("{short}-replay.yaml")))?;
        let replayed = execute(&case, 0, true);
        let mut measured: Vec<f64> = requests.iter().filter(|r| r.answered).map(|r| r.latency_ms).collect();
        measured.sort_by(f64::total_cmp);
        let simulated = served(&case, &replayed);
        for p in [0.5, 0.9, 0.99, 0.999] {
            let (measured, simulated) = (quantile(&measured, p), simulated.quantile(p) / 1e6);
            let bound = 0.02 * measured;
            lines.push(Line { run, what: percentile(p), measured, simulated, bound, noise: 0.0 });
        }
        if short == "r2" {
            lines.extend(decisions(run, &case, &requests, &replayed));
        }
    }
    Ok(lines)
}

/// The single decisions of a rate limit: how many pass, and for how many both decide alike.
fn decisions(run: &'static str, case: &Case, requests: &[Request], replayed: &Run) -> [Line; 2] {
    let passes = |outcome: u16| case.program.outcomes[outcome as usize].is_good();
    let passed = requests.iter().filter(|request| request.answered).count() as f64;
    let alike = requests.iter().zip(&replayed.trace).filter(|(real, ours)| real.answered == passes(ours.outcome));
    let alike = alike.count() as f64 / requests.len() as f64;
    let admitted = served(case, replayed).count() as f64;
    let admitted =
        Line { run, what: "admitted requests".into(), measured: passed, simulated: admitted, bound: 1.0, noise: 0.0 };
    let what = "share of decisions alike".into();
    [admitted, Line { run, what, measured: 1.0, simulated: alike, bound: 0.01, noise: 0.0 }]
}

/// Requests drawn from the stated laws, over the length of the real run from an empty start. What a run shows, on average over
/// many simulated ones, must agree with the mean of the three repetitions: p50 and p90 within 5 % and the overhead, p99 within
/// 12 %, the share turned away within 0.015; all of them within the spread of the repetitions, where that is larger, or as far
/// as chance puts the mean of three such runs.
///
/// # Errors
/// A file that cannot be read, or a scenario that does not load.
pub fn models(load: impl Fn(&Path) -> Result<Case, String>, share: f64) -> Result<Vec<Line>, String> {
    let mut lines = Vec::new();
    for (run, short) in RUNS {
        let case = load(&folder().join(format!("{short}-model.yaml")))?;
        let runs: Vec<Run> =
            (0..(case.replications as f64 * share) as usize).map(|r| execute(&case, r, false)).collect();
        let summary = summary(run)?;
        let mut line = |what: String, real: Vec<f64>, ours: Vec<f64>, bound: &dyn Fn(f64) -> f64| {
            let (measured, simulated) = (mean(&real), mean(&ours));
            let (low, high) = real.iter().fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
            let squares = ours.iter().map(|value| (value - simulated) * (value - simulated)).collect::<Vec<_>>();
            let noise = 2.0 * (mean(&squares) / real.len() as f64).sqrt();
            lines.push(Line { run, what, measured, simulated, bound: bound(measured).max(high - low), noise });
        };
        for (p, key, share) in [(0.5, "lat_p50_us", 0.05), (0.9, "lat_p90_us", 0.05), (0.99, "lat_p99_us", 0.12)] {
            let real = summary.iter().map(|repetition| number(repetition, key) / 1e3).collect();
            let ours = runs.iter().map(|run| served(&case, run).quantile(p) / 1e6).collect();
            let overhead = if p < 0.99 { OVERHEAD } else { 0.0 };
            line(percentile(p), real, ours, &|measured| share * measured + overhead);
        }
        if short == "r2" {
            let real = summary.iter().map(|r| number(&r["status"], "429") / number(r, "n")).collect();
            let refused = |run: &Run| 1.0 - served(&case, run).count() as f64 / run.offered as f64;
            line("share turned away".into(), real, runs.iter().map(refused).collect(), &|_| 0.015);
        }
    }
    Ok(lines)
}

fn execute(case: &Case, replication: usize, trace: bool) -> Run {
    let options = Options { trace, ..case.options(replication, None) };
    let run = exec::execute(Executor::Auto, &case.program, &|| (case.traffic)(case.seed, replication as u64), &options);
    assert!(!matches!(run.verdict, exec::Verdict::Inconsistent { .. }), "{:?}", run.verdict);
    run
}

fn served(case: &Case, run: &Run) -> Histogram {
    run.latency(|_, outcome| case.program.outcomes[outcome as usize].answered == Answered::Served)
}

/// The folder with the runs.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab")
}

fn requests(run: &str) -> Result<Vec<Request>, String> {
    let name = format!("{run}.csv.gz");
    let file = std::fs::File::open(folder().join(&name)).map_err(|error| format!("{name}: {error}"))?;
    let mut reader = ReaderBuilder::new().from_reader(GzDecoder::new(file));
    let records = reader.deserialize::<(f64, f64, f64, u16, String, f64, f64, u32, String)>();
    records
        .map(|record| {
            let (_, latency_us, _, status, ..) = record.map_err(|error| format!("{name}: {error}"))?;
            Ok(Request { latency_ms: latency_us / 1e3, answered: status == 200 })
        })
        .collect()
}

/// What is known of each repetition of a run.
fn summary(run: &str) -> Result<Vec<serde_json::Value>, String> {
    let name = format!("{run}.json");
    let text = std::fs::read_to_string(folder().join(&name)).map_err(|error| format!("{name}: {error}"))?;
    let run: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    run["repetitions"].as_array().cloned().ok_or_else(|| format!("{name}: no repetitions"))
}

fn number(of: &serde_json::Value, key: &str) -> f64 {
    of[key].as_f64().unwrap_or(f64::NAN)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn percentile(p: f64) -> String {
    format!("p{} ms", 100.0 * p)
}

/// As in a sorted sample: at rank p (n - 1), between neighbours in proportion.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let rank = p * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
    below + (above - below) * rank.fract()
}

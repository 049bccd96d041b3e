//! The same scenarios and seeds give the same bytes, whatever the threads, the order and the company.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatepath::exec::{Executor, execute, timed};
use gatepath::study::Case;

/// Three scenarios that differ in load, size and stages.
const SCENARIOS: [(&str, &str); 3] = [
    (
        "alone",
        "traffic: {arrivals: poisson, rate: 800/s, duration: 5 s}\n\
         path:\n  - station: {servers: 1, service: {exponential: {mean: 1 ms}}}\n\
         objectives: [p99 < 20 ms]\n",
    ),
    (
        "limited",
        "traffic:\n  arrivals: poisson\n  rate: 900/s\n  duration: 5 s\n\
         \x20 classes: [{name: read, share: 80%}, {name: write, share: 20%}]\n\
         path:\n  - bucket: {rate: 850/s, burst: 20, status: 429}\n\
         \x20 - station: {servers: 2, queue: 50, service: {lognormal: {p50: 1 ms, p99: 12 ms}}}\n",
    ),
    (
        "constant",
        "traffic: {arrivals: constant, rate: 300/s, duration: 5 s}\n\
         path:\n  - delay: {time: {gamma: {shape: 2, mean: 3 ms}}}\n\
         \x20 - station: {servers: 1, service: {exponential: {mean: 2 ms}}}\n",
    ),
];

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        for (name, text) in SCENARIOS {
            fs::write(place.0.path().join(format!("{name}.yaml")), text).unwrap();
        }
        place
    }

    /// Every file that a run writes but `run.json`, by its path; and what it prints.
    fn results(&self, arguments: &str, folder: &str) -> (BTreeMap<PathBuf, Vec<u8>>, Vec<u8>) {
        let output = Command::new(env!("CARGO_BIN_EXE_gatepath"))
            .current_dir(self.0.path())
            .args(arguments.split_whitespace())
            .args(["--out", folder])
            .output()
            .unwrap();
        assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{}", String::from_utf8_lossy(&output.stderr));
        let root = self.0.path().join(folder);
        let mut files = BTreeMap::new();
        collect(&root, &root, &mut files);
        assert!(files.remove(Path::new("run.json")).is_some());
        (files, output.stdout)
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            files.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
        }
    }
}

#[track_caller]
fn same(a: &BTreeMap<PathBuf, Vec<u8>>, b: &BTreeMap<PathBuf, Vec<u8>>) {
    assert!(a.keys().eq(b.keys()), "{:?}\n{:?}", a.keys(), b.keys());
    let differing: Vec<&PathBuf> = a.keys().filter(|path| a[*path] != b[*path]).collect();
    assert!(differing.is_empty(), "these differ: {differing:?}");
}

#[test]
fn threads_executors_order_and_repetition_change_no_byte() {
    let place = Place::new();
    let (first, _) = place.results("run alone.yaml limited.yaml constant.yaml --threads 1", "first");
    assert!(first.len() >= 3 * 8 + 6);
    for (arguments, folder) in [
        ("run alone.yaml limited.yaml constant.yaml --threads 1", "again"),
        ("run alone.yaml limited.yaml constant.yaml --threads 2", "two"),
        ("run alone.yaml limited.yaml constant.yaml --threads 8", "eight"),
        ("run constant.yaml alone.yaml limited.yaml --threads 2", "turned"),
        ("run alone.yaml limited.yaml constant.yaml --executor plain", "plain"),
    ] {
        same(&first, &place.results(arguments, folder).0);
    }
}

#[test]
fn what_is_printed_does_not_depend_on_threads() {
    let place = Place::new();
    for format in ["table", "json", "csv"] {
        let printed = |threads: u32| {
            let arguments = format!("run limited.yaml alone.yaml --format {format} --threads {threads}");
            place.results(&arguments, &format!("{format}{threads}")).1
        };
        assert_eq!(printed(1), printed(3), "{format}");
    }
}

#[test]
fn other_scenarios_leave_the_results_of_a_scenario_alone() {
    let place = Place::new();
    let own = |files: BTreeMap<PathBuf, Vec<u8>>| -> BTreeMap<PathBuf, Vec<u8>> {
        files.into_iter().filter(|(path, _)| path.starts_with("scenarios/limited")).collect()
    };
    let alone = own(place.results("run limited.yaml", "single").0);
    let among = own(place.results("run alone.yaml limited.yaml constant.yaml", "among").0);
    assert_eq!(alone.len(), 13);
    same(&alone, &among);
}

#[test]
fn another_seed_gives_other_results() {
    let place = Place::new();
    let (one, _) = place.results("run alone.yaml --seed 1", "one");
    let (two, _) = place.results("run alone.yaml --seed 2", "two");
    let summary = Path::new("summary.csv");
    assert_ne!(one[summary], two[summary]);
}

#[test]
fn common_random_numbers_narrow_a_difference() {
    // The same queue with service 5 % faster: measured gains are about ten; without pairing it would be one.
    let place = Place::new();
    let faster = SCENARIOS[0].1.replace("mean: 1 ms", "mean: 950 us");
    fs::write(place.0.path().join("faster.yaml"), faster).unwrap();
    let (files, _) = place.results("compare alone.yaml faster.yaml --replications 40", "pair");
    let table = String::from_utf8(files[Path::new("comparison.csv")].clone()).unwrap();
    let row: Vec<&str> = table.lines().find(|row| row.contains("latency_mean_ms")).unwrap().split(',').collect();
    let (gain, change): (f64, &str) = (row[8].parse().unwrap(), row[11]);
    assert!(gain > 3.0, "gain {gain}");
    assert_eq!(change, "better");
}

#[test]
fn a_clock_beside_a_run_changes_nothing_and_misses_no_time() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/models/c.yaml");
    let scenario = gatepath::scenario::load(&file, &["traffic.duration=20 s".to_owned()]).unwrap();
    let case = Case::new("c", scenario);
    let (options, sources) = (case.options(0, None), || (case.traffic)(case.seed, 0));
    let mut now = 0;
    let mut clock = || {
        now += 1;
        now
    };
    let timed = timed(&case.program, &sources, &options, &mut clock).unwrap();
    assert_eq!(timed.run, execute(Executor::Window(None), &case.program, &sources, &options));
    let spent: u64 = timed.steps.iter().map(|(_, spent)| spent).sum();
    assert!(timed.windows > 10);
    // The clock was read once more when it began.
    assert_eq!(spent + timed.arrivals + timed.between, now - 1);
}

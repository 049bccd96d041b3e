//! Where the time of a request goes in windows: nanoseconds a request for each step of the program.
//!
//! `cargo run --release --example operators -- benches/models/b.yaml` prints a table, with a column a scenario;
//! `-- --json` the same for programs. Each scenario runs once, on one thread. What it costs to read the clock is taken off.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use gatepath::diagnostic::render;
use gatepath::exec::{Timed, timed};
use gatepath::program::forward::only_goes_forward;
use gatepath::program::{Condition, Instruction, Label, Program, Service, Step};
use gatepath::scenario;
use gatepath::study::Case;

/// Readings of the clock that tell what one costs.
const READINGS: u64 = 1_000_000;
/// What takes less, in nanoseconds a request in every scenario, is added up in one line.
const LITTLE: f64 = 0.1;

/// Nanoseconds a request for each step of a program that runs in windows.
#[derive(Parser)]
struct Arguments {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Overrides a field of every scenario; may be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Runs of each scenario; the least time of each step counts, so that whatever else the machine does disturbs little.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// One JSON object: scenarios, each with its steps in order.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut columns = Vec::new();
    for file in &arguments.files {
        match measure(file, &arguments.sets, arguments.repetitions) {
            Ok(column) => columns.push(column),
            Err(problem) => {
                eprintln!("{problem}");
                return ExitCode::FAILURE;
            }
        }
    }
    if arguments.json {
        let object: serde_json::Map<String, serde_json::Value> =
            columns.iter().map(|column| (column.name.clone(), serde_json::json!(column.steps))).collect();
        println!("{}", serde_json::Value::Object(object));
    } else {
        print!("{}", table(&columns));
    }
    ExitCode::SUCCESS
}

/// A scenario and what its steps took, in nanoseconds a request.
struct Column {
    name: String,
    steps: Vec<(String, f64)>,
}

fn measure(file: &Path, sets: &[String], repetitions: u32) -> Result<Column, String> {
    let scenario = scenario::load(file, sets).map_err(|(problems, sources)| render(&problems, &sources, false))?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let case = Case::new(&name, scenario);
    let mut least: Vec<(String, f64)> = Vec::new();
    for _ in 0..repetitions {
        let steps = once(&case).ok_or_else(|| format!("{name} has to run by events"))?;
        if least.is_empty() {
            least = steps;
        } else {
            least.iter_mut().zip(steps).for_each(|(known, (_, spent))| known.1 = known.1.min(spent));
        }
    }
    Ok(Column { name, steps: least })
}

/// Nanoseconds a request of each step, in one run.
fn once(case: &Case) -> Option<Vec<(String, f64)>> {
    let began = Instant::now();
    let mut clock = || began.elapsed().as_nanos() as u64;
    let reading = price(&mut clock);
    let timed = simulate(case, &mut clock)?;
    let requests = timed.run.balance.born.max(1) as f64;
    let net = |spent: u64| (spent as f64 - reading * timed.windows as f64).max(0.0) / requests;
    let mut steps = vec![
        ("arrivals".to_owned(), net(timed.arrivals)),
        ("between windows".to_owned(), net(timed.between)),
        ("calls, marks, ends".to_owned(), 0.0),
    ];
    for (step, spent) in &timed.steps {
        let name = told(&case.program, step);
        match steps.iter_mut().find(|known| known.0 == name) {
            Some(known) => known.1 += net(*spent),
            None => steps.push((name, net(*spent))),
        }
    }
    Some(steps)
}

/// Nanoseconds to read the clock.
fn price(clock: &mut impl FnMut() -> u64) -> f64 {
    let from = clock();
    for _ in 0..READINGS {
        black_box(clock());
    }
    (clock() - from) as f64 / READINGS as f64
}

fn simulate(case: &Case, clock: &mut impl FnMut() -> u64) -> Option<Timed> {
    timed(&case.program, &|| (case.traffic)(case.seed, 0), &case.options(0, None), clock)
}

/// A step by its stage and its operator.
fn told(program: &Program, step: &Step) -> String {
    match step {
        Step::One(label) => operator(program, *label),
        Step::Loop(members) => {
            let mut names: Vec<String> = Vec::new();
            for name in members.iter().filter_map(|&label| stateful(program, label)) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let how = if only_goes_forward(program, members) { "a loop" } else { "by events" };
            format!("{}, {how}", names.join(" and "))
        }
    }
}

fn operator(program: &Program, Label(place): Label) -> String {
    let site = |id: gatepath::program::SiteId| program.sites[id.index()].stage.clone();
    match program.code[place as usize] {
        Instruction::Delay { site: id, .. } => format!("{}, delay", site(id)),
        Instruction::Branch { on: Condition::Chance(id, _), .. } => format!("{}, chance", site(id)),
        Instruction::Limit { bucket, .. } => format!("{}, token bucket", program.buckets[bucket.index()].name),
        Instruction::Lookup { cache, .. } => format!("{}, cache", program.caches[cache.index()].name),
        Instruction::Choose { balancer } => format!("{}, choice", program.balancers[balancer.index()].name),
        Instruction::Serve { station, service, .. } => {
            let law = if matches!(service, Service::Demand) { " of given work" } else { "" };
            format!("{}, station{law}", program.stations[station.index()].name)
        }
        Instruction::Retry { policy, .. } => program.retries[policy.index()].name.clone(),
        _ => "calls, marks, ends".to_owned(),
    }
}

/// The name of an operator that may be why a loop is one.
fn stateful(program: &Program, Label(place): Label) -> Option<String> {
    match program.code[place as usize] {
        Instruction::Hold { pool, .. } => Some(program.pools[pool.index()].name.clone()),
        Instruction::Serve { station, .. } => Some(program.stations[station.index()].name.clone()),
        Instruction::Choose { balancer } => Some(program.balancers[balancer.index()].name.clone()),
        Instruction::Connect { connections, .. } => Some(program.connections[connections.index()].name.clone()),
        _ => None,
    }
}

/// Rows in the order in which they first appear.
fn table(columns: &[Column]) -> String {
    let mut rows: Vec<&str> = Vec::new();
    for (name, _) in columns.iter().flat_map(|column| &column.steps) {
        if !rows.contains(&name.as_str()) {
            rows.push(name);
        }
    }
    let found: Vec<BTreeMap<&str, f64>> = columns
        .iter()
        .map(|column| column.steps.iter().map(|(name, spent)| (name.as_str(), *spent)).collect())
        .collect();
    let little = |row: &str| found.iter().all(|column| column.get(row).is_none_or(|&spent| spent < LITTLE));
    let cells = |cell: &dyn Fn(&BTreeMap<&str, f64>) -> Option<f64>| -> String {
        let text = |column| cell(column).map_or_else(String::new, |spent| format!("{spent:.1}"));
        found.iter().map(|column| format!(" {} |", text(column))).collect()
    };
    let mut out = String::from("| ns a request |");
    columns.iter().for_each(|column| out += &format!(" {} |", column.name));
    out += &format!("\n|---|{}\n", "---:|".repeat(columns.len()));
    for row in rows.iter().filter(|row| !little(row)) {
        out += &format!("| {row} |{}\n", cells(&|column| column.get(row).copied()));
    }
    let rest = |column: &BTreeMap<&str, f64>| -> f64 {
        column.iter().filter(|(row, _)| little(row)).fold(0.0, |sum, (_, spent)| sum + spent)
    };
    out += &format!("| the rest |{}\n", cells(&|column| Some(rest(column))));
    out += &format!("| in all |{}\n", cells(&|column| Some(column.values().sum())));
    out
}

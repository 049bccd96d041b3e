//! From a file to something that can be run: reading, overrides, decoding, checks across sections, compilation.
//!
//! ```text
//! file -- yaml --> tree -- set --> tree -- measured --> tree with numbers -- spec --> sections -- compile --> Scenario
//! ```
//!
//! This is the only floor that knows file syntax. Everything that can be wrong with a scenario is found here, all at once
//! and each at its place; what comes out cannot fail any more.

mod compile;
pub mod cost;
pub mod field;
pub mod further;
mod measured;
mod names;
pub mod objective;
pub mod path;
pub mod schema;
pub mod set;
pub mod spec;
mod table;
mod traffic;
pub mod usage;
pub mod yaml;

pub use field::Field;
pub use objective::{Measured, Objective};
pub use schema::schema;

use crate::diagnostic::{Problems, Sources};
use crate::pricing::Costing;
use crate::program::{Guard, Program};
use crate::time::Span;
use crate::traffic::Traffic;
use std::path::Path;

/// A scenario, checked and compiled.
#[derive(Debug)]
pub struct Scenario {
    /// Its name: that of the file without its extension.
    pub name: String,
    /// The question it answers; may be empty.
    pub title: String,
    /// The AWS region.
    pub region: String,
    /// The data pack.
    pub data: String,
    /// What happens to a request.
    pub program: Program,
    /// Who sends requests; gives the source of each replication.
    pub traffic: Traffic,
    /// How long requests arrive.
    pub duration: Span,
    /// How much of the start is not measured, at least; less than the duration.
    pub warmup: Span,
    /// Whether the pilot runs may make it longer.
    pub seeks_warmup: bool,
    /// Length of an interval of the series; nothing for a round one.
    pub interval: Option<Span>,
    /// Limits that end a run as unstable.
    pub guard: Guard,
    /// Master seed.
    pub seed: u64,
    /// Number of replications, at least one; the first wave where a precision is asked for.
    pub replications: u32,
    /// The precision that more replications are run for; nothing for a fixed number of them.
    pub precision: Option<Asked>,
    /// Whether there is one long run cut into batches, instead of replications.
    pub batches: bool,
    /// Whether means are corrected by what is known of the load.
    pub control_variates: bool,
    /// Quantiles to estimate besides the standard ones and those of the objectives.
    pub percentiles: Vec<f64>,
    /// Confidence of the intervals around results.
    pub confidence: f64,
    /// What is asked of the results.
    pub objectives: Vec<Objective>,
    /// How its bill is made.
    pub costing: Costing,
    /// What was noticed on the way; no errors.
    pub warnings: Problems,
    /// The texts that warnings point into: the file, then the overrides.
    pub sources: Sources,
}

/// The precision asked of the results, and what it may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Relative error of mean and p99; twice as much is allowed beyond p99.
    pub relative: f64,
    /// Relative errors of single metrics, instead of that.
    pub metrics: Vec<(Measured, f64)>,
    /// Most replications.
    pub max_replications: u32,
    /// Most requests simulated.
    pub max_requests: u64,
}

impl Asked {
    /// Most replications unless told otherwise.
    pub const REPLICATIONS: u32 = 80;
    /// Most requests simulated unless told otherwise: half a minute or less on two cores for most paths.
    pub const REQUESTS: u64 = 50_000_000;
}

/// Reads a scenario file and applies overrides of the form `path.to.field=value` (see [`set`]).
///
/// # Errors
/// Everything that is wrong, with the texts that problems point into, to be shown by
/// [`render`](crate::diagnostic::render).
pub fn load(path: &Path, overrides: &[String]) -> Result<Scenario, (Problems, Sources)> {
    let name = path.display().to_string();
    match read(path) {
        Ok(bytes) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let stem = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
            load_bytes(&stem, &name, &bytes, folder, overrides)
        }
        Err(reason) => {
            let mut problems = Problems::new();
            problems.error(None, format!("cannot read `{name}`: {reason}"));
            Err((problems, Sources::new()))
        }
    }
}

/// Reads a scenario from the text of a file. `name` names the scenario, `shown` the file in messages; files it refers to lie
/// relative to `folder`.
///
/// # Errors
/// As [`load`].
pub fn load_bytes(
    name: &str,
    shown: &str,
    bytes: &[u8],
    folder: &Path,
    overrides: &[String],
) -> Result<Scenario, (Problems, Sources)> {
    let (mut sources, mut problems) = (Sources::new(), Problems::new());
    let root = yaml::parse_bytes(shown, bytes, &mut sources, &mut problems);
    let scenario = root.and_then(|mut root| {
        overrides.iter().for_each(|argument| set::set(&mut root, argument, &mut sources, &mut problems));
        compile::compile(name, root, folder, &mut problems)
    });
    problems.sort();
    match scenario {
        Some(scenario) if !problems.has_errors() => Ok(Scenario { warnings: problems, sources, ..scenario }),
        _ => Err((problems, sources)),
    }
}

/// The bytes of a scenario file.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let file = table::open(path)?;
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file too large is noticed.
    let limit = yaml::MAX_BYTES as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
    use crate::exec::{Executor, Options, execute};
    use crate::time::Time;

    fn read(text: &str) -> Scenario {
        match load_bytes("test", "test.yaml", text.as_bytes(), Path::new(""), &[]) {
            Ok(scenario) => scenario,
            Err((problems, sources)) => panic!("{}", render(&problems, &sources, false)),
        }
    }

    fn names(scenario: &Scenario) -> Vec<&str> {
        scenario.program.stages.iter().map(|stage| stage.name.as_str()).collect()
    }

    #[test]
    fn what_is_written_arrives_in_the_scenario_and_the_rest_has_defaults() {
        let scenario = read(
            "title: Why?\ntraffic: {rate: 5/s, duration: 10 min}\npath: [delay: {time: 1 ms}]\n\
             objectives: [p99 < 250 ms]\nrun: {seed: 7, warmup: 30 s}\n",
        );
        assert_eq!((scenario.title.as_str(), scenario.region.as_str()), ("Why?", "us-east-1"));
        assert_eq!((scenario.seed, scenario.replications, scenario.confidence), (7, 10, 0.95));
        assert_eq!((scenario.duration, scenario.warmup), (Span::from_secs(600), Span::from_secs(30)));
        assert_eq!(scenario.objectives[0].measured, Measured::Quantile(0.99));
        let tenth = read("traffic: {rate: 5/s, duration: 10 min}\npath: [delay: {time: 1 ms}]\n");
        assert_eq!(tenth.warmup, Span::from_secs(60));
    }

    #[test]
    fn a_list_used_twice_is_the_same_stages_twice() {
        let scenario = read(
            "traffic: {rate: 5/s, duration: 10 s}\n\
             path:\n  - route: [{share: 30%, to: slow}, {otherwise: [use: slow]}]\n  - delay: {time: 1 ms}\n\
             stages:\n  slow: [delay: {time: 9 ms}, station: {servers: 2, service: 1 ms}]\n",
        );
        // Names are given in the order in which requests meet the stages.
        assert_eq!(names(&scenario), ["client", "route", "delay", "station", "delay_2"]);
        assert_eq!(scenario.program.stations.len(), 1);
    }

    #[test]
    fn the_models_of_the_benchmarks_load() {
        let mut models = 0;
        for entry in std::fs::read_dir("benches/models").unwrap().flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                if let Err((problems, sources)) = load(&path, &[]) {
                    panic!("{}", render(&problems, &sources, false));
                }
                models += 1;
            }
        }
        assert!(models >= 4);
    }

    #[test]
    fn a_loaded_scenario_runs() {
        let scenario = read(
            "traffic: {arrivals: constant, rate: 100/s, duration: 10 s, classes: [{name: a, share: 25%}, {name: b}]}\n\
             client: {rtt: 10 ms}\n\
             path:\n  - route: [{when: {class: a}, to: [delay: {time: 5 ms}]}]\n  - delay: {time: 1 ms}\n",
        );
        let options = Options {
            seed: scenario.seed,
            replication: 0,
            from: Time(scenario.warmup.0),
            until: Time(scenario.duration.0),
            interval: scenario.interval,
            guard: scenario.guard,
            trace: true,
            cancel: None,
        };
        let run = execute(Executor::Event, &scenario.program, &|| scenario.traffic.source(1, 0), &options);
        assert_eq!(run.trace.len(), 1000);
        for record in &run.trace {
            let expected = if record.class == 0 { 16 } else { 11 };
            assert_eq!(Span(record.end.0 - record.born.0), Span::from_millis(expected));
        }
    }

    #[test]
    fn the_longest_path_fits_on_the_stack_of_a_thread() {
        let stages =
            "  - pool: {size: 5, open: 1 ms}\n".repeat(4) + &"  - pool: {size: 5}\n".repeat(path::MAX_STAGES - 5);
        let text = format!("traffic: {{rate: 5/s, duration: 10 s}}\npath:\n{stages}  - delay: {{time: 1 ms}}\n");
        assert_eq!(read(&text).program.stages.len(), path::MAX_STAGES + 1);
    }
}

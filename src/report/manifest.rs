//! `run.json`: everything about a run that may differ between two runs with equal results.

use super::schema;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Where a result comes from. All that is volatile (times, command line, machine) is here and in no other file.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The command line.
    pub command: Vec<String>,
    /// When the run began.
    pub started: Timestamp,
    /// When it ended; nothing while it is going on.
    pub ended: Option<Timestamp>,
    /// `running`, `complete`, `interrupted` or `failed`.
    pub state: State,
    /// Which executor ran the programs.
    pub executor: String,
    /// Threads used.
    pub threads: usize,
    /// Cores of the machine.
    pub cores: usize,
    /// The scenarios in the order in which they were given.
    pub scenarios: Vec<Entry>,
}

/// How far a run got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Going on, or ended without a word.
    Running,
    /// All scenarios finished.
    Complete,
    /// Stopped by the user: the tables hold the scenarios that had finished.
    Interrupted,
    /// Something could not be written: the folders of the scenarios hold what was finished before.
    Failed,
}

/// One scenario of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name.
    pub name: String,
    /// File it was read from, as given.
    pub file: String,
    /// BLAKE3 digest of the file.
    pub file_digest: String,
    /// BLAKE3 digest of the compiled program.
    pub program_digest: String,
    /// Master seed.
    pub seed: u64,
    /// Replications asked for.
    pub replications: usize,
    /// Whether its results are in the tables.
    pub finished: bool,
}

impl Manifest {
    /// The manifest as a JSON document.
    pub fn to_json(&self) -> Value {
        let state = match self.state {
            State::Running => "running",
            State::Complete => "complete",
            State::Interrupted => "interrupted",
            State::Failed => "failed",
        };
        let scenarios = self.scenarios.iter().map(|entry| {
            json!({
                "scenario": entry.name,
                "file": entry.file,
                "file_blake3": entry.file_digest,
                "program_blake3": entry.program_digest,
                "seed": entry.seed,
                "replications": entry.replications,
                "finished": entry.finished,
            })
        });
        json!({
            "schema_version": schema::VERSION,
            "program": "gatepath",
            "version": env!("CARGO_PKG_VERSION"),
            "command": self.command,
            "started": self.started.to_string(),
            "ended": self.ended.map(|ended| ended.to_string()),
            "state": state,
            "partial": self.state != State::Complete,
            "executor": self.executor,
            "threads": self.threads,
            "cores": self.cores,
            "scenarios": scenarios.collect::<Vec<_>>(),
        })
    }
}

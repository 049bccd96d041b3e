//! What may be written on the command line.

use super::EXIT_CODES;
use crate::exec::Executor;
use crate::lanes::Lanes;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// How fast, how much, at what cost: requests through an API gateway, simulated, with an interval on every answer.
#[derive(Debug, Parser)]
#[command(name = "gatepath", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Widest vector instructions to use, for measurements; results do not depend on it
    #[arg(long, value_enum, hide = true, global = true)]
    pub lanes: Option<Width>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios and say what they give
    #[command(after_help = EXIT_CODES)]
    Run(RunArguments),
    /// Run scenarios with the same luck and say how each differs from the first
    ///
    /// All take seed and replications from the first scenario, unless given here.
    #[command(after_help = EXIT_CODES)]
    Compare(CompareArguments),
    /// Read scenarios and say what is wrong with them
    Check(Inputs),
    /// Show what a scenario compiles to: every operator with its law, its limits and their sources
    Explain(ExplainArguments),
    /// Print the JSON schema of scenario files, for editors
    Schema,
    /// Write a commented scenario to begin with
    Init {
        /// File to write; it must not exist
        #[arg(default_value = "scenario.yaml")]
        file: PathBuf,
    },
}

/// Scenarios to read.
#[derive(Debug, Args)]
pub struct Inputs {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Override a field of every scenario, such as `traffic.rate=500/s`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

/// How to run them.
#[derive(Debug, Args)]
pub struct Running {
    /// Where luck begins, instead of the scenarios' own `run.seed`
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Independent repetitions, instead of the scenarios' own `run.replications`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: Option<u32>,
    /// Threads to use; results do not depend on it [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub threads: Option<u16>,
    /// What runs the programs; results do not depend on it
    #[arg(long, value_enum, default_value_t = Engine::Auto)]
    pub executor: Engine,
    /// No progress on standard error
    #[arg(long, short)]
    pub quiet: bool,
}

/// Where results go.
#[derive(Debug, Args)]
pub struct Output {
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Folder for the results: tables, series, histograms (described in docs/results.md)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub output: Output,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Scenario files; the first is the one the others are compared with
    #[arg(required = true, num_args = 2.., value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Override a field of every scenario, such as `traffic.rate=500/s`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub output: Output,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    #[command(flatten)]
    pub inputs: Inputs,
    /// Run the scenarios too and show what every stage and resource went through
    #[arg(long)]
    pub analyze: bool,
    #[command(flatten)]
    pub running: Running,
}

/// Form of the results on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One screen a scenario
    Table,
    /// One JSON document
    Json,
    /// The summary (or comparison) as CSV
    Csv,
}

/// What runs the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Windows where they are faster, events elsewhere
    Auto,
    /// All requests of a window of time together, where the path allows it
    Window,
    /// One request after another
    Event,
    /// The slow and simple one that checks the others
    Plain,
}

impl Engine {
    /// The executor of this name.
    pub fn executor(self) -> Executor {
        match self {
            Engine::Auto => Executor::Auto,
            Engine::Window => Executor::Window(None),
            Engine::Event => Executor::Event,
            Engine::Plain => Executor::Plain,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Auto => "auto",
            Engine::Window => "window",
            Engine::Event => "event",
            Engine::Plain => "plain",
        }
    }
}

/// Sets of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Width {
    /// What every processor has
    Baseline,
    /// Four lanes
    Avx2,
    /// Eight lanes
    Avx512,
}

impl Width {
    /// The set of this name.
    pub fn lanes(self) -> Lanes {
        match self {
            Width::Baseline => Lanes::Baseline,
            Width::Avx2 => Lanes::Avx2,
            Width::Avx512 => Lanes::Avx512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn comparing_needs_two_scenarios() {
        assert!(Arguments::try_parse_from(["gatepath", "compare", "a.yaml"]).is_err());
        assert!(Arguments::try_parse_from(["gatepath", "compare", "a.yaml", "b.yaml"]).is_ok());
    }

    #[test]
    fn the_help_lists_every_exit_code() {
        let help = Arguments::command().render_help().to_string();
        for code in ["  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  130  "] {
            assert!(help.contains(code), "{code} is missing in {help}");
        }
    }
}

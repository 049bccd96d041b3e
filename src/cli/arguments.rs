//! What may be written on the command line.

use super::EXIT_CODES;
use crate::exec::Executor;
use crate::lanes::Lanes;
use crate::units::Share;
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
    /// Find how much a scenario can take: the highest rate, or the fewest targets, that meets its objectives
    ///
    /// The field is varied by doubling and halving; at every value replications are run until each objective is
    /// confirmed or refuted, all with the same luck.
    #[command(after_help = EXIT_CODES)]
    Capacity(CapacityArguments),
    /// Read scenarios and say what is wrong with them
    Check(Inputs),
    /// Show what a scenario compiles to: every operator with its law, its limits and their sources
    Explain(ExplainArguments),
    /// Find where the bills of two scenarios cross
    #[command(after_help = EXIT_CODES)]
    BreakEven(BreakEvenArguments),
    /// Price plain quantities: a CSV or JSON file with service, item, region and quantity
    #[command(after_help = EXIT_CODES)]
    Price(PriceArguments),
    /// List, search, check and refresh the price book
    #[command(args_conflicts_with_subcommands = true)]
    Prices(PricesArguments),
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
    /// Relative error at which replications end, such as `2%`, instead of the scenarios' own `run.precision`
    #[arg(long = "relative-error", value_name = "SHARE", value_parser = relative)]
    pub relative_error: Option<f64>,
    /// Percentiles to estimate besides the standard ones, such as `p75,p99.95`
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = percentile)]
    pub percentiles: Vec<f64>,
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

/// Whose way to follow.
#[derive(Debug, Args)]
pub struct Following {
    /// Replay one request and show its way frame by frame: its number, or run and number (as `--tail` lists them)
    #[arg(long, value_name = "RUN:NUMBER", value_parser = request)]
    pub request: Option<(usize, u64)>,
    /// Say where the requests above this percentile spend their time [default percentile: 99]
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, default_missing_value = "99", value_parser = percentile)]
    pub tail: Option<f64>,
}

/// `4711` of the first run, or `2:4711` of the third.
fn request(text: &str) -> Result<(usize, u64), String> {
    let (run, number) = text.split_once(':').unwrap_or(("0", text));
    let wrong = |_| "expected the number of a request, such as `4711`, or run and number, such as `2:4711`".to_owned();
    Ok((run.parse().map_err(wrong)?, number.parse().map_err(wrong)?))
}

/// A percentage as a share.
fn percentile(text: &str) -> Result<f64, String> {
    let percent = text.trim_start_matches('p').parse::<f64>().ok();
    percent
        .filter(|percent| *percent > 0.0 && *percent < 100.0)
        .map(|percent| (percent * 1e8).round() / 1e10)
        .ok_or_else(|| "expected a percentile between 0 and 100, such as `99`".to_owned())
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    #[command(flatten)]
    pub inputs: Inputs,
    #[command(flatten)]
    pub following: Following,
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
    /// Share of the first scenario's value within which a difference does not matter
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = relative)]
    pub margin: f64,
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
    #[command(flatten)]
    pub following: Following,
    /// Run the scenarios too and show what every stage and resource went through
    #[arg(long)]
    pub analyze: bool,
    #[command(flatten)]
    pub running: Running,
}

/// Arguments of `break-even`.
#[derive(Debug, Args)]
pub struct BreakEvenArguments {
    /// Scenario file
    #[arg(value_name = "FILE")]
    pub first: PathBuf,
    /// Scenario file it is compared with
    #[arg(value_name = "OTHER")]
    pub second: PathBuf,
    /// Field that changes, in both scenarios
    #[arg(long, value_name = "PATH", default_value = "traffic.rate")]
    pub over: String,
    /// Smallest value tried, with its unit
    #[arg(long, value_name = "VALUE", default_value = "0.1/s")]
    pub from: String,
    /// Largest value tried, with the same unit
    #[arg(long, value_name = "VALUE", default_value = "1000/s")]
    pub to: String,
    /// What is compared
    #[arg(long, value_enum, default_value_t = Per::Month)]
    pub per: Per,
    /// Compare only what does all that is asked of it: which scenario is the cheaper one of those that meet their
    /// objectives, from one end of the range to the other
    #[arg(long)]
    pub under_objectives: bool,
    /// How close to come, in percent of the value
    #[arg(long, value_name = "PERCENT", default_value_t = 0.5, value_parser = positive)]
    pub precision: f64,
    /// Override a field of both scenarios; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    #[command(flatten)]
    pub running: Running,
    /// What to write to standard output: a table or JSON
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What two bills are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Per {
    /// USD a month
    Month,
    /// USD for a million served requests
    Million,
}

impl Per {
    /// In words.
    pub fn what(self) -> &'static str {
        match self {
            Per::Month => "USD a month",
            Per::Million => "USD for a million served",
        }
    }
}

/// A percentage above zero.
fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number >= 0.001 && *number <= 50.0);
    number.ok_or_else(|| "expected a percentage from 0.001 to 50".to_owned())
}

/// Arguments of `price`.
#[derive(Debug, Args)]
pub struct PriceArguments {
    /// Usage file: CSV with the columns service, item, region, quantity, or a JSON list of such objects; `-` for standard input
    #[arg(value_name = "USAGE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub billing: Billing,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Conventions of a bill.
#[derive(Debug, Args)]
pub struct Billing {
    /// Data pack with the price book
    #[arg(long, value_name = "PACK", default_value = crate::facts::Facts::DEFAULT_PACK)]
    pub data: String,
    /// Price book to use instead: a CSV file as `gatepath prices refresh` writes it
    #[arg(long, value_name = "FILE")]
    pub book: Option<PathBuf>,
    /// Hours of a month: 730 as in the AWS Pricing Calculator, 720 as in the examples of the pricing pages
    #[arg(long, value_name = "HOURS", default_value_t = 730, value_parser = clap::value_parser!(u16).range(1..=744))]
    pub hours_per_month: u16,
    /// Bytes of a GB of transfer, endpoints and logs
    #[arg(long, value_enum, default_value_t = Gigabyte::Binary)]
    pub gb: Gigabyte,
    /// Bytes of a GB of load balancer capacity
    #[arg(long, value_enum, default_value_t = Gigabyte::Decimal)]
    pub lcu_gb: Gigabyte,
    /// What is free
    #[arg(long, value_enum, default_value_t = Free::None)]
    pub free_tier: Free,
    /// Other usage of the month that is in the tiers already, such as `lambda/request/us-east-1=5e6`; may be repeated
    #[arg(long, value_name = "SERVICE/ITEM/REGION=QUANTITY")]
    pub already: Vec<String>,
    /// A price of your own instead of the book's, USD of one unit, such as `datatransfer/internet_out_gb=0.05`; may be repeated
    #[arg(long = "price", value_name = "SERVICE/ITEM=USD")]
    pub prices: Vec<String>,
}

/// Arguments of `prices`.
#[derive(Debug, Args)]
pub struct PricesArguments {
    #[command(subcommand)]
    pub command: Option<PricesCommand>,
    /// Words that a price must hold: in its service, item, region, unit or note
    #[arg(value_name = "WORD")]
    pub words: Vec<String>,
    /// Data pack with the price book
    #[arg(long, value_name = "PACK", default_value = crate::facts::Facts::DEFAULT_PACK)]
    pub data: String,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What to do with the price book.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Say what is weak about the book: old rows, weak grades, gaps
    Check {
        /// Data pack with the price book
        #[arg(long, value_name = "PACK", default_value = crate::facts::Facts::DEFAULT_PACK)]
        data: String,
        /// Day from which ages are counted [default: today]
        #[arg(long, value_name = "YYYY-MM-DD")]
        as_of: Option<String>,
    },
    /// Rebuild the book from copies of the official offer files (JSON or CSV) and write it to standard output
    Refresh {
        /// Offer files
        #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
        from: Vec<PathBuf>,
        /// Data pack whose book is refreshed
        #[arg(long, value_name = "PACK", default_value = crate::facts::Facts::DEFAULT_PACK)]
        data: String,
        /// File to write instead of standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// What a GB is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gigabyte {
    /// 2^30 bytes
    Binary,
    /// 10^9 bytes
    Decimal,
}

/// What is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Free {
    /// Nothing
    None,
    /// What is free for everyone in every month
    #[value(name = "always-free")]
    Always,
    /// That, and the first twelve months of accounts opened before 2025-07-15
    #[value(name = "legacy-12-months")]
    Legacy12Months,
}

/// Arguments of `capacity`.
#[derive(Debug, Args)]
pub struct CapacityArguments {
    /// Scenario file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The field to vary, in the syntax of `--set`, such as `traffic.rate` or `path.ecs.tasks`
    #[arg(long, value_name = "PATH", required_unless_present = "cheapest", conflicts_with = "cheapest")]
    pub over: Option<String>,
    /// Find the cheapest point of a grid instead, and who is both cheaper and faster than others
    #[arg(long, requires = "grid")]
    pub cheapest: bool,
    /// Values of a field of the grid, such as `path.ecs.tasks=2,4,8`; may be repeated, for every combination
    #[arg(long, value_name = "PATH=VALUES", requires = "cheapest")]
    pub grid: Vec<String>,
    /// What has to be met, such as `p99 < 250 ms`, instead of the scenario's own objectives; may be repeated
    #[arg(long = "objective", value_name = "OBJECTIVE")]
    pub objectives: Vec<String>,
    /// Whether the highest or the lowest value is wanted [default: found out by trying]
    #[arg(long, value_enum)]
    pub find: Option<Wanted>,
    /// Lowest value to try, where to begin; written as in a scenario
    #[arg(long, value_name = "VALUE")]
    pub from: Option<String>,
    /// Highest value to try
    #[arg(long, value_name = "VALUE")]
    pub to: Option<String>,
    /// Distance between the value that does and the one that does not, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    pub precision: f64,
    /// Confidence of the answer, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    pub confidence: f64,
    /// Most replications at one value
    #[arg(long, value_name = "N", default_value_t = 160, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub max_replications: u32,
    /// Override another field, such as `client.timeout=2 s`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    #[command(flatten)]
    pub running: Running,
    /// What to write to standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Which end of the good values is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// The highest value that meets the objectives
    Highest,
    /// The lowest value that meets the objectives
    Lowest,
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

/// Reads a relative error or margin: `2%`.
fn relative(text: &str) -> Result<f64, String> {
    let share: Share = text.parse().map_err(|_| "expected a share such as `2%`".to_owned())?;
    if share.0 > 0.0 && share.0 < 1.0 {
        Ok(share.0)
    } else {
        Err("expected more than 0% and less than 100%".to_owned())
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

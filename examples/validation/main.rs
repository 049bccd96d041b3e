//! Everything that docs/validation.md shows: models with known answers and runs of real software at full precision, then
//! what the statistics are worth.
//!
//! `cargo run --release --example validation` prints all tables and ends with 1 when a number is missed or a promise is not
//! kept; `-- --write docs/validation.md` also puts them into that file, part by part as they are measured.

#[path = "../../tests/lab/comparison.rs"]
mod comparison;
mod experiments;
#[path = "../../tests/validation/harness/mod.rs"]
mod harness;
#[path = "../../tests/validation/load.rs"]
mod load;
mod numbers;
mod page;
mod tables;
#[path = "../../tests/statistics/mod.rs"]
mod trials;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};

/// Measures every table of docs/validation.md.
#[derive(Parser)]
struct Arguments {
    /// Markdown file whose tables (between `<!-- begin NAME -->` and `<!-- end NAME -->`) are renewed.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Only this part, with its weak spots; may be repeated.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Share of the length of the models, and of the experiments on the statistics.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    share: f64,
    /// Share of the experiments on the statistics, where it is another.
    #[arg(long, value_parser = share)]
    experiments: Option<f64>,
    /// Added to the seed of every model: other luck.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only the models whose name contains this, and nothing else.
    #[arg(long, conflicts_with_all = ["write", "only"])]
    model: Option<String>,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Known numbers and real software.
    Numbers,
    /// How often intervals hold the truth, and words on equal scenarios are wrong.
    Coverage,
    /// The word on stability close to saturation.
    Stability,
    /// Capacities that are claimed wrongly.
    Claims,
    /// What rules for the warm-up do.
    WarmUp,
}

/// Tables by name, and whether what they show is as promised.
type Measured = Result<(Vec<(&'static str, String)>, bool), String>;

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// A share that is more than none.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if share > 0.0 && share <= 100.0 { Ok(share) } else { Err("expected more than 0 and at most 100".to_owned()) }
}

/// Measures part by part; whether everything is as it should be.
fn measure(arguments: &Arguments) -> Result<bool, String> {
    let mut all_good = true;
    for &part in Part::value_variants().iter().filter(|part| arguments.wants(**part)) {
        let start = Instant::now();
        let (tables, good) = arguments.part(part)?;
        all_good &= good;
        let tables = with_time(tables, start.elapsed().as_secs_f64() / 60.0, arguments.share_of(part));
        tables.iter().for_each(|(name, table)| println!("## {name}\n\n{table}"));
        if let Some(file) = &arguments.write {
            page::renew(file, &tables)?;
        }
    }
    Ok(all_good)
}

impl Arguments {
    fn wants(&self, part: Part) -> bool {
        match &self.model {
            Some(_) => part == Part::Numbers,
            None => self.only.is_empty() || self.only.contains(&part),
        }
    }

    fn share_of(&self, part: Part) -> f64 {
        if part == Part::Numbers { self.share } else { self.experiments.unwrap_or(self.share) }
    }

    fn part(&self, part: Part) -> Measured {
        let share = self.share_of(part);
        match part {
            Part::Numbers => numbers::measure(self.seed, share, self.model.as_deref()),
            Part::Coverage => experiments::coverage(share),
            Part::Stability => experiments::stability(share),
            Part::Claims => experiments::claims(share),
            Part::WarmUp => Ok(experiments::warmup(share)),
        }
    }
}

/// What a part took, under its first table.
fn with_time(mut tables: Vec<(&'static str, String)>, minutes: f64, share: f64) -> Vec<(&'static str, String)> {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let part = if share == 1.0 { String::new() } else { format!(", with a share of {share} of the length") };
    if let Some((_, table)) = tables.first_mut() {
        table.push_str(&format!("\nMeasured in {minutes:.1} minutes with {threads} threads{part}.\n"));
    }
    tables
}

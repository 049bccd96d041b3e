//! The acceptance run: every model with a known answer at full precision, and the runs of real software.
//!
//! `cargo run --release --example validate` prints a line for each known number and ends with 1 when one is missed;
//! `-- --write docs/validation.md` also puts the tables into that file.

#[path = "../tests/lab/comparison.rs"]
mod comparison;
#[path = "../tests/validation/harness/mod.rs"]
mod harness;
#[path = "../tests/validation/load.rs"]
mod load;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use comparison::Line;
use harness::accept::{Finding, Verdict, precision};
use harness::rows::{self, Row};
use harness::run::{Model, Pass, run};
use load::load;

/// Standard errors beyond which a number that passes is a weak spot all the same.
const NOTABLE: f64 = 2.5;

/// Compares simulated models with known numbers.
#[derive(Parser)]
struct Arguments {
    /// Markdown file whose tables (between `<!-- begin NAME -->` and `<!-- end NAME -->`) are renewed.
    #[arg(long)]
    write: Option<PathBuf>,
    /// Added to the seed of every scenario: other luck.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of the full length to run.
    #[arg(long, default_value_t = 1.0)]
    share: f64,
    /// Only the scenarios whose name contains this.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    match validate(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn validate(arguments: &Arguments) -> Result<bool, String> {
    let start = Instant::now();
    let mut rows = rows::all()?;
    if let Some(part) = &arguments.only {
        rows.retain(|row| row.scenario.as_ref().is_some_and(|name| name.contains(part)));
    }
    let models = run(&rows, Pass { seed: arguments.seed, share: arguments.share })?;
    let (replays, drawn) = match &arguments.only {
        Some(_) => (Vec::new(), Vec::new()),
        None => (comparison::replays(|file| load(file, &[]))?, comparison::models(|file| load(file, &[]), 1.0)?),
    };
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let missing: Vec<&Row> = rows.iter().filter(|row| row.reading.is_none()).collect();
    let tables = [
        ("summary", summary(&models, &missing, &replays, &drawn, minutes)),
        ("weak spots", weak_spots(&models, &missing, &replays, &drawn)),
        ("families", families(&models)),
        ("replays", lines(&replays)),
        ("laws", lines(&drawn)),
        ("rows", all_rows(&models)),
        ("models", speed(&models)),
    ];
    for (name, table) in &tables {
        println!("## {name}\n\n{table}");
    }
    if let Some(file) = &arguments.write {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let text = tables.iter().try_fold(text, |text, (name, table)| renewed(&text, name, table))?;
        std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let passed = found(&models).all(|(row, finding)| finding.verdict(row) == Verdict::Passed);
    Ok(passed && replays.iter().chain(&drawn).all(Line::holds))
}

/// The text with the table between two marks replaced.
fn renewed(text: &str, name: &str, table: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- begin {name} -->"), format!("<!-- end {name} -->"));
    let missing = || format!("there is no table `{name}` to renew");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", table.trim_end()))
}

fn found(models: &[Model]) -> impl Iterator<Item = &(Row, Finding)> {
    models.iter().flat_map(|model| &model.found)
}

fn summary(models: &[Model], missing: &[&Row], replays: &[Line], drawn: &[Line], minutes: f64) -> String {
    let count = |verdict| found(models).filter(|(row, finding)| finding.verdict(row) == verdict).count();
    let known = found(models).count() + missing.len();
    let requests: u64 = models.iter().map(|model| model.requests).sum();
    let seconds: f64 = models.iter().map(|model| model.seconds).sum();
    let lab = replays.iter().chain(drawn);
    let (held, compared) = (lab.clone().filter(|line| line.holds()).count(), lab.count());
    let zs: Vec<f64> = found(models).filter_map(|(row, finding)| counted_z(row, finding)).collect();
    let (mean, deviation) = moments(&zs);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "- Known numbers: {} of {known} passed, {} wrong, {} too vague, {} not expressible.",
        count(Verdict::Passed),
        count(Verdict::Wrong),
        count(Verdict::Vague),
        missing.len()
    );
    let _ = writeln!(
        text,
        "- Distance from the known number in standard errors: mean {mean:+.2}, standard deviation {deviation:.2}."
    );
    let _ = writeln!(text, "- Real software: {held} of {compared} numbers within their bounds.");
    let _ = writeln!(
        text,
        "- {:.2} billion requests in {} models, {seconds:.0} s of processor time, {minutes:.1} minutes on the clock.",
        requests as f64 / 1e9,
        models.len()
    );
    text
}

fn weak_spots(models: &[Model], missing: &[&Row], replays: &[Line], drawn: &[Line]) -> String {
    let mut text = String::from("| row | model | number | why |\n|---|---|---|---|\n");
    let mut line = |row: &Row, why: String| {
        let _ = writeln!(text, "| {} | {} | {} | {why} |", row.id, model(row), row.metric);
    };
    for wanted in [Verdict::Wrong, Verdict::Vague] {
        for (row, finding) in found(models).filter(|(row, finding)| finding.verdict(row) == wanted) {
            let Finding { estimate, error, .. } = finding;
            line(
                row,
                match wanted {
                    Verdict::Wrong => format!(
                        "**wrong**: {} instead of {}, standard error {error:.2e}",
                        short(*estimate),
                        short(row.value)
                    ),
                    _ => format!("**too vague**: standard error {error:.2e}, asked for {:.2e}", precision(row)),
                },
            );
        }
    }
    missing.iter().for_each(|row| line(row, format!("not expressible: {}", row.note)));
    let mut notable: Vec<&(Row, Finding)> = found(models)
        .filter(|(row, finding)| finding.verdict(row) == Verdict::Passed)
        .filter(|(row, finding)| counted_z(row, finding).is_some_and(|z| z.abs() > NOTABLE))
        .collect();
    notable.sort_by(|a, b| b.1.z(&b.0).abs().total_cmp(&a.1.z(&a.0).abs()));
    for (row, finding) in notable {
        let apart = 100.0 * (finding.estimate / row.value - 1.0);
        line(row, format!("passes, but {:+.1} standard errors off ({apart:+.2} %)", finding.z(row)));
    }
    for (row, finding) in found(models).filter(|(row, _)| row.tolerance > 0.0) {
        let apart = 100.0 * (finding.estimate / row.value - 1.0);
        line(row, format!("{}; found {apart:+.2} %", row.note));
    }
    for Line { run, what, measured, simulated, bound, noise } in
        replays.iter().chain(drawn).filter(|line| !line.holds())
    {
        let apart = format!("{simulated:.2} instead of {measured:.2}, bound {bound:.2}, chance {noise:.2}");
        let _ = writeln!(text, "| lab | {run} | {what} | **apart**: {apart} |");
    }
    for Line { run, what, measured, simulated, bound, .. } in drawn.iter().filter(|line| line.is_noise()) {
        let apart = format!("{simulated:.2} instead of {measured:.2}, bound {bound:.2}");
        let _ =
            writeln!(text, "| lab | {run} | {what} | further apart than the bound, as three runs may be: {apart} |");
    }
    text
}

fn families(models: &[Model]) -> String {
    let mut families: BTreeMap<&str, Vec<&(Row, Finding)>> = BTreeMap::new();
    for pair in found(models) {
        families.entry(&pair.0.family).or_default().push(pair);
    }
    let mut text =
        String::from("| family | rows | passed | mean z | sd z | largest |z| |\n|---|---|---|---|---|---|\n")
            .replace("|z|", "abs z");
    for (family, pairs) in families {
        let passed = pairs.iter().filter(|(row, finding)| finding.verdict(row) == Verdict::Passed).count();
        let zs: Vec<f64> = pairs.iter().filter_map(|(row, finding)| counted_z(row, finding)).collect();
        let (mean, deviation) = moments(&zs);
        let largest = zs.iter().fold(0.0, |largest: f64, z| largest.max(z.abs()));
        let _ =
            writeln!(text, "| {family} | {} | {passed} | {mean:+.2} | {deviation:.2} | {largest:.2} |", pairs.len());
    }
    text
}

fn lines(lines: &[Line]) -> String {
    let mut text =
        String::from("| run | what | measured | simulated | bound | chance | holds |\n|---|---|---|---|---|---|---|\n");
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "{line}");
    });
    text
}

fn all_rows(models: &[Model]) -> String {
    let mut text = String::from(
        "| row | scenario | number | value | estimate | standard error | z | verdict |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (row, finding) in found(models) {
        let verdict = match finding.verdict(row) {
            Verdict::Passed => "passed",
            Verdict::Wrong => "**wrong**",
            Verdict::Vague => "**vague**",
        };
        let z = counted_z(row, finding).map_or("-".to_owned(), |z| format!("{z:+.2}"));
        let relative = if row.scale > 0.0 { 100.0 * finding.error / row.scale } else { 0.0 };
        let scenario = row.scenario.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {scenario} | {} | {} | {} | {relative:.3} % | {z} | {verdict} |",
            row.id,
            row.metric,
            short(row.value),
            short(finding.estimate),
        );
    }
    text
}

fn speed(models: &[Model]) -> String {
    let mut text = String::from("| scenario | model | requests | million/s a core |\n|---|---|---|---|\n");
    for Model { scenario, found, requests, seconds } in models {
        let speed = *requests as f64 / seconds / 1e6;
        let what = found.first().map_or(String::new(), |(row, _)| model(row));
        let _ = writeln!(text, "| {scenario} | {what} | {:.1} million | {speed:.2} |", *requests as f64 / 1e6);
    }
    text
}

/// The distance of those rows that can show a bias: neither approximations, nor numbers at the edge of an atom, nor whole
/// numbers that have no standard error.
fn counted_z(row: &Row, finding: &Finding) -> Option<f64> {
    (row.tolerance == 0.0 && row.value != 0.0 && finding.error > 0.0).then(|| finding.z(row))
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Five significant digits.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = (4 - value.abs().log10().floor() as i32).max(0) as usize;
    format!("{value:.digits$}")
}

/// The model without its remarks in brackets.
fn model(row: &Row) -> String {
    row.model.split(['(', ';']).next().unwrap_or_default().trim().to_owned()
}

//! The acceptance run: every model with a known answer at full precision, and the runs of real software.
//!
//! `cargo run --release --example validate` prints a line for each known number and ends with 1 when one is missed;
//! `-- --write docs/validation.md` also puts the tables into that file. A model of which a number is missed, or known too
//! vaguely, is measured once more, with other luck and over four times the length; then that counts.

#[path = "../tests/lab/comparison.rs"]
mod comparison;
#[path = "../tests/validation/harness/mod.rs"]
mod harness;
#[path = "../tests/validation/load.rs"]
mod load;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use comparison::Line;
use harness::accept::{Finding, Verdict, precision};
use harness::family::{Family, moments};
use harness::rows::{self, Row};
use harness::run::{Model, Pass, run};
use load::load;

/// Standard errors beyond which a number that passes is a weak spot all the same.
const NOTABLE: f64 = 2.5;
/// The length of a second measurement, in those of the first, and what is added to the seeds.
const AGAIN: (f64, u64) = (4.0, 1_000_000_007);

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
    let pass = Pass { seed: arguments.seed, share: arguments.share };
    let first = run(&rows, pass)?;
    let doubtful = doubtful(&first);
    let wanted: Vec<Row> =
        rows.iter().filter(|row| row.scenario.iter().any(|s| doubtful.contains(s))).cloned().collect();
    let second = run(&wanted, Pass { seed: pass.seed.wrapping_add(AGAIN.1), share: AGAIN.0 * pass.share })?;
    let (models, replaced) = latest(first, second);
    let families = Family::all(&models);
    let (replays, drawn) = match &arguments.only {
        Some(_) => (Vec::new(), Vec::new()),
        None => (comparison::replays(|file| load(file, &[]))?, comparison::models(|file| load(file, &[]), 1.0)?),
    };
    let minutes = start.elapsed().as_secs_f64() / 60.0;
    let missing: Vec<&Row> = rows.iter().filter(|row| row.reading.is_none()).collect();
    let tables = [
        ("summary", summary(&models, &replaced, &missing, &families, [&replays, &drawn], minutes)),
        ("weak spots", weak_spots(&models, &missing, &families, &replays, &drawn)),
        ("second", second_measurements(&models, &replaced)),
        ("families", family_table(&families)),
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
    let unbiased = families.iter().all(Family::holds);
    Ok(passed && unbiased && missing.is_empty() && replays.iter().chain(&drawn).all(Line::holds))
}

/// The models that need a second measurement: a number did not pass, or the mean of their family is off.
fn doubtful(models: &[Model]) -> Vec<String> {
    let off: Vec<String> = Family::all(models).into_iter().filter(|family| !family.holds()).map(|f| f.name).collect();
    let is_doubtful =
        |(row, finding): &(Row, Finding)| finding.verdict(row) != Verdict::Passed || off.contains(&row.family);
    models.iter().filter(|model| model.found.iter().any(is_doubtful)).map(|model| model.scenario.clone()).collect()
}

/// The models by their latest measurement, and the first measurement of those that were measured twice.
fn latest(first: Vec<Model>, second: Vec<Model>) -> (Vec<Model>, Vec<Model>) {
    let mut second = second.into_iter().peekable();
    let (mut latest, mut replaced) = (Vec::new(), Vec::new());
    for model in first {
        match second.next_if(|again| again.scenario == model.scenario) {
            Some(again) => {
                latest.push(again);
                replaced.push(model);
            }
            None => latest.push(model),
        }
    }
    (latest, replaced)
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

fn summary(
    models: &[Model],
    replaced: &[Model],
    missing: &[&Row],
    families: &[Family],
    lab: [&[Line]; 2],
    minutes: f64,
) -> String {
    let count = |verdict| found(models).filter(|(row, finding)| finding.verdict(row) == verdict).count();
    let known = found(models).count() + missing.len();
    let all_models = || models.iter().chain(replaced);
    let requests: u64 = all_models().map(|model| model.requests).sum();
    let lab = lab.into_iter().flatten();
    let (held, compared) = (lab.clone().filter(|line| line.holds()).count(), lab.count());
    let zs: Vec<f64> = found(models).filter_map(|(row, finding)| finding.counted_z(row)).collect();
    let (mean, deviation) = moments(&zs);
    let doubtful = found(replaced).filter(|(row, finding)| finding.verdict(row) != Verdict::Passed).count();
    let unbiased = families.iter().filter(|family| family.holds()).count();
    let squares = families.iter().map(|family| (family.mean / family.error).powi(2)).sum::<f64>();
    let mut text = String::new();
    let _ = writeln!(
        text,
        "- Known numbers: {} of {known} passed, {} wrong, {} too vague, {} not expressible.",
        count(Verdict::Passed),
        count(Verdict::Wrong),
        count(Verdict::Vague),
        missing.len()
    );
    let _ =
        writeln!(text, "- Models measured twice: {}; numbers that did not pass at first: {doubtful}.", replaced.len());
    let _ = writeln!(
        text,
        "- Distance from the known number in standard errors: mean {mean:+.2}, standard deviation {deviation:.2}."
    );
    let _ = writeln!(
        text,
        "- Families: {unbiased} of {} have a mean distance of zero as far as can be told; in their own standard errors, the \
         root mean square of these means is {:.2}.",
        families.len(),
        (squares / families.len() as f64).sqrt()
    );
    let _ = writeln!(text, "- Real software: {held} of {compared} numbers within their bounds.");
    let _ = writeln!(
        text,
        "- {:.2} billion requests in {} models, in {minutes:.1} minutes with {} threads.",
        requests as f64 / 1e9,
        models.len(),
        std::thread::available_parallelism().map_or(1, |threads| threads.get())
    );
    text
}

/// What the first measurement of those models said that were measured twice.
fn second_measurements(models: &[Model], replaced: &[Model]) -> String {
    let mut text = String::from("| row | model | number | at first | z | now | z |\n|---|---|---|---|---|---|---|\n");
    for first in replaced {
        let again = models.iter().find(|model| model.scenario == first.scenario);
        for ((row, before), (_, after)) in first.found.iter().zip(again.into_iter().flat_map(|model| &model.found)) {
            let verdict = match before.verdict(row) {
                Verdict::Passed => continue,
                Verdict::Wrong => "wrong",
                Verdict::Vague => "too vague",
            };
            let (z, now) = (before.z(row), after.z(row));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {verdict} | {z:+.2} | {} | {now:+.2} |",
                row.id,
                model(row),
                row.metric,
                if after.verdict(row) == Verdict::Passed { "passed" } else { "**not passed**" }
            );
        }
    }
    text
}

fn weak_spots(models: &[Model], missing: &[&Row], families: &[Family], replays: &[Line], drawn: &[Line]) -> String {
    let mut text = String::from("| row | model | number | why |\n|---|---|---|---|\n");
    let mut line = |row: &Row, why: String| {
        let _ = writeln!(text, "| {} | {} | {} | {why} |", row.id, model(row), row.metric);
    };
    for wanted in [Verdict::Wrong, Verdict::Vague] {
        for (row, finding) in found(models).filter(|(row, finding)| finding.verdict(row) == wanted) {
            let (z, error) = (finding.z(row), finding.uncertainty());
            line(
                row,
                match wanted {
                    Verdict::Wrong => format!(
                        "**wrong**: {} instead of {}, {z:+.1} standard errors",
                        short(finding.estimate),
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
        .filter(|(row, finding)| finding.counted_z(row).is_some_and(|z| z.abs() > NOTABLE))
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
    for Family { name, mean, error, .. } in families.iter().filter(|family| !family.holds()) {
        let _ = writeln!(text, "| family | {name} | mean z | **off**: {mean:+.2}, standard error {error:.2} |");
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

fn family_table(families: &[Family]) -> String {
    let mut text = String::from(
        "| family | models | rows | passed | mean z | its standard error | sd z | largest abs z |\n|---|---|---|---|---|---|---|---|\n",
    );
    families.iter().for_each(|family| {
        let _ = writeln!(text, "{family}");
    });
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
        let z = format!("{:+.2}", finding.z(row));
        let error = match finding.atom {
            Some(_) => format!("{:.1e} (share)", finding.uncertainty()),
            None => format!("{:.3} %", 100.0 * finding.error / row.scale),
        };
        let scenario = row.scenario.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {scenario} | {} | {} | {} | {error} | {z} | {verdict} |",
            row.id,
            row.metric,
            short(row.value),
            short(finding.estimate),
        );
    }
    text
}

fn speed(models: &[Model]) -> String {
    let mut text = String::from("| scenario | model | requests | million/s a thread |\n|---|---|---|---|\n");
    for Model { scenario, found, requests, seconds } in models {
        let speed = *requests as f64 / seconds / 1e6;
        let what = found.first().map_or(String::new(), |(row, _)| model(row));
        let _ = writeln!(text, "| {scenario} | {what} | {:.1} million | {speed:.2} |", *requests as f64 / 1e6);
    }
    text
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

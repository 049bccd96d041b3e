//! The tables of known numbers and of real software, in Markdown.

use std::fmt::Write;

use crate::comparison::Line;
use crate::harness::accept::{Finding, Verdict, precision};
use crate::harness::family::{Family, moments};
use crate::harness::rows::Row;
use crate::harness::run::Model;
use crate::numbers::Found;

/// Standard errors beyond which a number that passes is a weak spot all the same.
const NOTABLE: f64 = 2.5;

/// All of them by name.
pub fn all(found: &Found<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("summary", summary(found)),
        ("weak spots", weak_spots(found)),
        ("second", second_measurements(found)),
        ("chance", further_seeds(found)),
        ("families", family_table(&found.families)),
        ("replays", lines(&found.replays)),
        ("laws", lines(&found.drawn)),
        ("rows", all_rows(found)),
        ("models", speed(&found.models)),
    ]
}

fn summary(found: &Found<'_>) -> String {
    let Found { models, replaced, missing, families, .. } = found;
    let count = |verdict| found.rows().filter(|(row, finding)| finding.verdict(row) == verdict).count();
    let known = found.rows().count() + missing.len();
    let requests: u64 = models.iter().chain(replaced).map(|model| model.requests).sum();
    let lab = || found.replays.iter().chain(&found.drawn);
    let (held, compared) = (lab().filter(|line| line.holds()).count(), lab().count());
    let zs: Vec<f64> = found.rows().filter_map(|(row, finding)| finding.counted_z(row)).collect();
    let (mean, deviation) = moments(&zs);
    let first = replaced.iter().flat_map(|model| &model.found);
    let doubtful = first.filter(|(row, finding)| finding.verdict(row) != Verdict::Passed).count();
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
    let _ = writeln!(text, "- {:.2} billion requests in {} models.", requests as f64 / 1e9, models.len());
    text
}

/// What the first measurement of those models said that were measured twice.
fn second_measurements(found: &Found<'_>) -> String {
    let Found { models, replaced, .. } = found;
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

/// What stood out, under further seeds.
fn further_seeds(found: &Found<'_>) -> String {
    let mut text = String::from("| scenario | what stood out | seeds | over these |\n|---|---|---|---|\n");
    for one in &found.further {
        let word = if one.is_chance() { "" } else { ", **a bias**" };
        let scenario = one.row.scenario.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "| {scenario} | {} {:+.1} | {} | {:+.1}{word} |",
            one.row.metric, one.before, one.seeds, one.now
        );
    }
    text
}

fn weak_spots(found: &Found<'_>) -> String {
    let Found { missing, families, replays, drawn, .. } = found;
    let mut text = String::from("| row | model | number | why |\n|---|---|---|---|\n");
    let mut line = |row: &Row, why: String| {
        let _ = writeln!(text, "| {} | {} | {} | {why} |", row.id, model(row), row.metric);
    };
    for wanted in [Verdict::Wrong, Verdict::Vague] {
        for (row, finding) in found.rows().filter(|(row, finding)| finding.verdict(row) == wanted) {
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
    let mut notable: Vec<&(Row, Finding)> = found
        .rows()
        .filter(|(row, finding)| finding.verdict(row) == Verdict::Passed)
        .filter(|(row, finding)| finding.counted_z(row).is_some_and(|z| z.abs() > NOTABLE))
        .collect();
    notable.sort_by(|a, b| b.1.z(&b.0).abs().total_cmp(&a.1.z(&a.0).abs()));
    for (row, finding) in notable {
        let apart = 100.0 * (finding.estimate / row.value - 1.0);
        line(row, format!("passes, but {:+.1} standard errors off ({apart:+.2} %)", finding.z(row)));
    }
    for (row, finding) in found.rows().filter(|(row, _)| row.tolerance > 0.0) {
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

fn all_rows(found: &Found<'_>) -> String {
    let mut text = String::from(
        "| row | scenario | number | value | estimate | standard error | z | verdict |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (row, finding) in found.rows() {
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

//! `break-even --under-objectives`: which of two scenarios is the cheaper one of those that do what is asked of them.

use super::arguments::{BreakEvenArguments, Format};
use super::break_even::{both, paired, written};
use super::commands::{print, print_bytes};
use super::{Exit, Failure};
use crate::report::{break_even as report, number};
use crate::stats::Interval;
use crate::study::choice::{Change, Choice, Compared, Lack, Why, changes};
use crate::study::{Finding, Verdict};
use serde_json::{Value, json};

/// Searches all changes of the choice in a range and tells them.
pub fn choose(arguments: &BreakEvenArguments, (from, to): (f64, f64), unit: &str) -> Result<Exit, Failure> {
    let mut names = [String::new(), String::new()];
    let mut asked = false;
    let compare = |value: f64| {
        let at = written(arguments, value, unit);
        let pair = both(arguments, &at)?;
        asked |= pair.iter().any(|finding| !finding.judgements.is_empty());
        names = pair.each_ref().map(|finding| finding.name.clone());
        let lacks = pair.each_ref().map(lack);
        let difference = match pair.iter().all(|finding| finding.estimates.status.is_complete()) {
            true => paired(arguments, pair.each_ref(), &at)?,
            // Without a bill there is nothing to compare, and what came to no end is no choice.
            false => Interval::UNKNOWN,
        };
        Ok(Compared { difference, lacks })
    };
    let (first, changes) = changes((from, to), arguments.precision / 100.0, compare)?;
    if !asked {
        let message = "error: `--under-objectives` needs `objectives` in a scenario";
        return Err(Failure::new(Exit::Usage, message));
    }
    let ends = (from.min(to), from.max(to));
    let stretches: Vec<Stretch<'_>> = stretches(first, &changes, ends);
    match arguments.format {
        Format::Json => print(&format!("{:#}\n", document(arguments, &stretches, &names, unit)))?,
        Format::Csv => {
            let rows: Vec<report::Stretch<'_>> = stretches.iter().map(|one| one.row(&names)).collect();
            print_bytes(&report::table(&arguments.over, unit, arguments.per.what(), &rows).to_csv())?;
        }
        Format::Table => print(&text(arguments, &stretches, &names, unit))?,
    }
    Ok(Exit::Good)
}

/// The worst that a scenario is asked for and not shown to do.
fn lack(finding: &Finding) -> Option<Lack> {
    if !finding.estimates.status.is_complete() {
        return Some(Lack { objective: "an end of all its requests".to_owned(), verdict: Verdict::Missed });
    }
    let unmet = finding.judgements.iter().filter(|judgement| judgement.verdict != Verdict::Met);
    let worst = unmet.max_by_key(|judgement| judgement.verdict == Verdict::Missed);
    worst.map(|judgement| Lack { objective: judgement.objective.text.clone(), verdict: judgement.verdict })
}

/// Values with the same choice, and the change at their end.
struct Stretch<'a> {
    from: f64,
    to: f64,
    choice: Choice,
    end: Option<&'a Change>,
}

impl Stretch<'_> {
    /// As a row of the table.
    fn row<'a>(&'a self, names: &'a [String; 2]) -> report::Stretch<'a> {
        let end = |change: &'a Change| {
            let (why, lack) = match &change.why {
                Why::Bills => ("bills", None),
                Why::Misses(side, lack) => ("misses", Some((side, lack))),
                Why::Meets(side, lack) => ("meets", Some((side, lack))),
            };
            let objective = lack.map(|(side, lack)| (names[*side].as_str(), lack.objective.as_str()));
            report::End { interval: (change.low, change.high), why, objective }
        };
        report::Stretch { from: self.from, to: self.to, cheaper: name(self.choice, names), end: self.end.map(end) }
    }
}

fn stretches(first: Choice, changes: &[Change], (from, to): (f64, f64)) -> Vec<Stretch<'_>> {
    let begins = std::iter::once((from, first)).chain(changes.iter().map(|change| (change.value, change.above)));
    let ends = changes.iter().map(|change| (change.value, Some(change))).chain([(to, None)]);
    begins.zip(ends).map(|((from, choice), (to, end))| Stretch { from, to, choice, end }).collect()
}

fn name(choice: Choice, names: &[String; 2]) -> Option<&str> {
    choice.side().map(|side| names[side].as_str())
}

fn text(arguments: &BreakEvenArguments, stretches: &[Stretch<'_>], names: &[String; 2], unit: &str) -> String {
    let shown = |value: f64| format!("{}{unit}", number::short(value, 4));
    let mut out =
        format!("the cheaper one that meets its objectives, by {} ({})\n", arguments.over, arguments.per.what());
    for stretch in stretches {
        let choice = name(stretch.choice, names).unwrap_or("neither");
        let end = stretch.end.map_or(String::new(), |change| {
            let why = match &change.why {
                Why::Bills => "there the bills cross".to_owned(),
                Why::Misses(side, Lack { objective, verdict: Verdict::Missed }) => {
                    format!("there {} misses {objective}", names[*side])
                }
                Why::Misses(side, lack) => {
                    format!("from there on {} is not shown to meet {}", names[*side], lack.objective)
                }
                Why::Meets(side, lack) => format!("from there on {} meets {}", names[*side], lack.objective),
            };
            format!("; {why} ({} to {})", shown(change.low), shown(change.high))
        });
        out.push_str(&format!("  {} to {}: {choice}{end}\n", shown(stretch.from), shown(stretch.to)));
    }
    out
}

fn document(arguments: &BreakEvenArguments, stretches: &[Stretch<'_>], names: &[String; 2], unit: &str) -> Value {
    let end = |change: &Change| {
        let (why, lack) = match &change.why {
            Why::Bills => ("bills", None),
            Why::Misses(side, lack) => ("misses", Some((side, lack))),
            Why::Meets(side, lack) => ("meets", Some((side, lack))),
        };
        json!({
            "value": change.value, "low": change.low, "high": change.high, "why": why,
            "scenario": lack.map(|(side, _)| &names[*side]),
            "objective": lack.map(|(_, lack)| &lack.objective),
            "verdict": lack.map(|(_, lack)| lack.verdict.word()),
        })
    };
    let stretch = |stretch: &Stretch<'_>| {
        json!({
            "from": stretch.from, "to": stretch.to, "cheaper": name(stretch.choice, names), "end": stretch.end.map(end),
        })
    };
    json!({
        "over": arguments.over, "unit": unit.trim(), "compared": arguments.per.what(),
        "stretches": stretches.iter().map(stretch).collect::<Vec<_>>(),
    })
}

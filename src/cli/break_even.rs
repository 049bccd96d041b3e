//! `break-even`: where the bills of two scenarios cross.

use super::arguments::{BreakEvenArguments, Format, Per};
use super::commands::{print, print_bytes};
use super::{Exit, Failure, choice};
use crate::diagnostic::render;
use crate::report::{break_even as report, number};
use crate::scenario;
use crate::stats::Interval;
use crate::study::break_even::{Asked, Crossing, find};
use crate::study::objective::Verdict;
use crate::study::{Case, Finding, Sample, Watch, replicate};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

/// Searches the crossing and tells it.
pub fn break_even(arguments: &BreakEvenArguments) -> Result<Exit, Failure> {
    let (from, unit) = number_of(&arguments.from)?;
    let (to, other) = number_of(&arguments.to)?;
    if unit != other {
        let message = format!("`--from {}` and `--to {}` have different units", arguments.from, arguments.to);
        return Err(Failure::new(Exit::Usage, format!("error: {message}")));
    }
    if arguments.under_objectives {
        return choice::choose(arguments, (from, to), unit);
    }
    let (last, tried) = (Mutex::new(None), Mutex::new(Vec::new()));
    let difference = |value: f64| {
        let pair = both(arguments, &written(arguments, value, unit))?;
        let [first, second] = &pair;
        let interval = paired(arguments, [first, second], &written(arguments, value, unit))?;
        let verdicts = pair.each_ref().map(|finding| Asked::worst(finding.judgements.iter().map(|one| one.verdict)));
        tried.lock().unwrap_or_else(PoisonError::into_inner).push((value, verdicts));
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(pair);
        Ok::<_, Failure>(interval)
    };
    let crossing = find((from, to), arguments.precision / 100.0, difference)?;
    let pair = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some(pair) = pair else { return Ok(Exit::Good) };
    let tried: Vec<(f64, [Option<Verdict>; 2])> = tried.into_inner().unwrap_or_else(PoisonError::into_inner);
    let at = match &crossing {
        Crossing::At { value, .. } => Some(*value),
        Crossing::Nowhere { .. } => None,
    };
    let asked = [0, 1].map(|side| {
        let verdicts: Vec<_> = tried.iter().map(|(value, verdicts)| (*value, verdicts[side])).collect();
        Asked::of(&verdicts, at)
    });
    tell(arguments, &crossing, &pair, &asked, unit)?;
    Ok(Exit::Good)
}

/// What the first costs less what the second costs, at a setting.
pub(super) fn paired(
    arguments: &BreakEvenArguments,
    [first, second]: [&Finding; 2],
    at: &str,
) -> Result<Interval, Failure> {
    let cost = |finding: &Finding| {
        finding.cost.clone().ok_or_else(|| {
            let why = finding.warnings.first().cloned().unwrap_or_else(|| "nothing in it costs".to_owned());
            Failure::new(Exit::Failed, format!("error: {} has no bill at {at}: {why}", finding.name))
        })
    };
    let paired = cost(first)?.less(&cost(second)?, first.estimates.confidence);
    Ok(match arguments.per {
        Per::Month => paired.total.interval,
        Per::Million => paired.per_million.interval,
    })
}

/// The range on either side of the crossing.
fn stretches<'a>(crossing: &Crossing, names: [&'a str; 2], (from, to): (f64, f64)) -> Vec<report::Stretch<'a>> {
    let stretch =
        |from, to, first: bool, end| report::Stretch { from, to, cheaper: Some(names[usize::from(!first)]), end };
    match *crossing {
        Crossing::At { value, low, high, first_below } => {
            let end = report::End { interval: (low, high), why: "bills", objective: None };
            vec![stretch(from, value, first_below, Some(end)), stretch(value, to, !first_below, None)]
        }
        Crossing::Nowhere { first } => vec![stretch(from, to, first, None)],
    }
}

fn tell(
    arguments: &BreakEvenArguments,
    crossing: &Crossing,
    pair: &[Finding; 2],
    asked: &[Asked; 2],
    unit: &str,
) -> Result<(), Failure> {
    let [first, second] = pair;
    let what = arguments.per.what();
    if arguments.format == Format::Csv {
        let ends = (number_of(&arguments.from)?.0, number_of(&arguments.to)?.0);
        let stretches = stretches(crossing, [&first.name, &second.name], (ends.0.min(ends.1), ends.0.max(ends.1)));
        return print_bytes(&report::table(&arguments.over, unit, what, &stretches).to_csv());
    }
    if arguments.format == Format::Json {
        let mut document = match crossing {
            Crossing::At { value, low, high, first_below } => json!({
                "over": arguments.over, "unit": unit.trim(), "value": value, "low": low, "high": high,
                "cheaper_below": if *first_below { &first.name } else { &second.name },
                "cheaper_above": if *first_below { &second.name } else { &first.name },
                "compared": what,
            }),
            Crossing::Nowhere { first: cheaper } => json!({
                "over": arguments.over, "unit": unit.trim(), "value": null,
                "cheaper": if *cheaper { &first.name } else { &second.name }, "compared": what,
            }),
        };
        let ends = |ends: Option<(f64, f64)>| ends.map(|(low, high)| json!([low, high]));
        let objectives = pair.iter().zip(asked).map(|(finding, asked)| {
            json!({
                "scenario": finding.name, "met": ends(asked.met), "missed": ends(asked.missed),
                "at_crossing": asked.at_crossing.map(Verdict::word),
            })
        });
        document["objectives"] = objectives.collect();
        return print(&format!("{document:#}\n"));
    }
    let shown = |value: f64| format!("{}{unit}", number::short(value, 4));
    match crossing {
        Crossing::At { value, low, high, first_below } => {
            let (below, above) = if *first_below { (first, second) } else { (second, first) };
            print(&format!(
                "{} = {} ({} to {}): below it {} costs less, above it {} ({what})\n",
                arguments.over,
                shown(*value),
                shown(*low),
                shown(*high),
                below.name,
                above.name
            ))?;
        }
        Crossing::Nowhere { first: cheaper } => {
            let cheaper = if *cheaper { first } else { second };
            print(&format!(
                "no crossing between {} and {}: {} costs less throughout ({what})\n",
                arguments.from, arguments.to, cheaper.name
            ))?;
        }
    }
    for (finding, asked) in pair.iter().zip(asked) {
        let Some(cost) = &finding.cost else { continue };
        let verdicts = finding
            .judgements
            .iter()
            .map(|judgement| format!("; {} {}", judgement.verdict.word(), judgement.objective.text));
        print(&format!(
            "  {}: {} a month, {} for a million served{}\n",
            finding.name,
            number::fixed(cost.total.value, 2),
            number::fixed(cost.per_million.value, 4),
            verdicts.collect::<String>()
        ))?;
        if let Some((low, high)) = asked.missed {
            let ends = |low: f64, high: f64| match low == high {
                true => shown(low),
                false => format!("{} to {}", shown(low), shown(high)),
            };
            let met = asked.met.map_or(String::new(), |(low, high)| format!(", all are met at {}", ends(low, high)));
            print(&format!("    an objective is missed at {}{met}\n", ends(low, high)))?;
        }
        if asked.at_crossing == Some(Verdict::Missed) {
            print(&format!(
                "    where the bills cross, {} misses an objective: it is no choice there\n",
                finding.name
            ))?;
        }
        if !cost.unpriced.is_empty() {
            print(&format!("    without a price: {}\n", cost.unpriced.join("; ")))?;
        }
    }
    Ok(())
}

/// The override that sets the value.
pub(super) fn written(arguments: &BreakEvenArguments, value: f64, unit: &str) -> String {
    let number = format!("{value:.9}");
    // As a user writes it, in case it is shown with a problem.
    format!("{}={}{unit}", arguments.over, number.trim_end_matches('0').trim_end_matches('.'))
}

/// A number and its unit, such as `10` and `/s`.
fn number_of(text: &str) -> Result<(f64, &str), Failure> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number = text[..split].parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    let wrong = || Failure::new(Exit::Usage, format!("error: `{text}` is no value; expected such as `10/s`"));
    number.map(|number| (number, &text[split..])).ok_or_else(wrong)
}

/// Runs both scenarios with a setting.
pub(super) fn both(arguments: &BreakEvenArguments, set: &str) -> Result<[Finding; 2], Failure> {
    let sets: Vec<String> = arguments.sets.iter().cloned().chain([set.to_owned()]).collect();
    let load = |file: &Path| {
        let name = file.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
        scenario::load(file, &sets)
            .map(|scenario| Case::new(&name, scenario))
            .map_err(|(problems, sources)| Failure::new(Exit::Usage, render(&problems, &sources, true).trim_end()))
    };
    let mut cases = [load(&arguments.first)?, load(&arguments.second)?];
    let seed = arguments.running.seed.unwrap_or(cases[0].seed);
    let replications =
        arguments.running.replications.map_or(cases[0].replications, |replications| replications as usize);
    for case in &mut cases {
        (case.seed, case.replications) = (seed, replications);
    }
    let desk = Desk { cases: &cases, findings: Mutex::new([None, None]) };
    let threads = arguments.running.threads.map_or_else(super::session::cores, usize::from);
    replicate(&cases, arguments.running.executor.executor(), threads, &AtomicBool::new(false), &desk)
        .map_err(|error| Failure::new(Exit::Failed, format!("error: {error}")))?;
    match desk.findings.into_inner().unwrap_or_else(PoisonError::into_inner) {
        [Some(first), Some(second)] => Ok([first, second]),
        _ => Err(Failure::new(Exit::Failed, "error: a run did not end")),
    }
}

/// Takes the findings of the two.
struct Desk<'a> {
    cases: &'a [Case; 2],
    findings: Mutex<[Option<Finding>; 2]>,
}

impl Watch for Desk<'_> {
    fn finished(&self, index: usize, sample: Sample) {
        let finding = Finding::of(&self.cases[index], &sample);
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(finding);
    }
}

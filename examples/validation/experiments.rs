//! What the statistics are worth, measured: coverage of the intervals by flag, wrong words on equal scenarios, the word on
//! stability close to saturation, capacities claimed wrongly, and what rules for the warm-up do.

use std::fmt::Write;

use gatepath::stats::stability::Verdict;
use gatepath::study::Metric;

use crate::Measured;
use crate::trials::claims::{CAPACITY, Claims, OBJECTIVES};
use crate::trials::coverage::{Coverage, Method, Outcome, Setting};
use crate::trials::truth::Service;
use crate::trials::verdicts::right;
use crate::trials::warmup::{Effect, RULES, Start};

/// Share of experiments whose intervals hold the truth where the flag says ok, and three standard errors for fewer of them.
const COVERED: (f64, f64) = (0.93, 0.97);

/// Utilisation, requests (of the first ten replications, or of the one run), method and experiments of what is measured.
const SETTINGS: [(f64, f64, Method, f64); 7] = [
    (0.5, 200_000.0, Method::Ten, 1000.0),
    (0.9, 1_000_000.0, Method::Ten, 1000.0),
    (0.9, 3_000_000.0, Method::Ten, 1000.0),
    (0.5, 50_000.0, Method::Precise, 400.0),
    (0.9, 400_000.0, Method::Precise, 400.0),
    (0.5, 200_000.0, Method::Batches, 1000.0),
    (0.5, 200_000.0, Method::Controlled, 1000.0),
];

/// So many experiments of those done in full.
fn count(full: f64, share: f64) -> usize {
    ((full * share) as usize).max(10)
}

/// Coverage and wrong words, and the weak spots they show.
pub fn coverage(share: f64) -> Measured {
    let mut outcomes = Vec::new();
    for (load, requests, method, experiments) in SETTINGS {
        for service in [Service::Exponential, Service::Lognormal] {
            outcomes.push(Setting { service, load, requests, method }.run(count(experiments, share))?);
        }
    }
    let tables = vec![("coverage", coverage_table(&outcomes)), ("weak statistics", weak_spots(&outcomes))];
    Ok((tables, outcomes.iter().all(is_kept)))
}

/// The word on stability.
pub fn stability(share: f64) -> Measured {
    let seeds = count(50.0, share);
    let words = [(0.98, Verdict::Stable), (1.02, Verdict::Overloaded)];
    let found: Vec<(f64, Verdict, usize)> = words
        .into_iter()
        .map(|(load, word)| Ok((load, word, right(load, word, seeds, 200_000.0)?)))
        .collect::<Result<_, String>>()?;
    let good = found.iter().all(|(_, _, right)| *right == seeds);
    Ok((vec![("stability", stability_table(&found, seeds))], good))
}

/// Capacities claimed.
pub fn claims(share: f64) -> Measured {
    let found: Vec<(&str, Claims)> = OBJECTIVES
        .into_iter()
        .map(|one| Ok((one.name, one.claims(count(400.0, share))?)))
        .collect::<Result<_, String>>()?;
    let good = found.iter().all(|(_, claims)| is_rare(claims.too_high.max(claims.too_low), claims.searches));
    Ok((vec![("claims", claims_table(&found))], good))
}

/// Rules for the warm-up; they promise nothing.
pub fn warmup(share: f64) -> (Vec<(&'static str, String)>, bool) {
    let starts = [(0, 0.8, 20_000), (0, 0.9, 20_000), (300, 0.8, 20_000), (300, 0.9, 20_000), (300, 0.8, 5_000)];
    let starts = starts.map(|(backlog, load, requests)| Start { backlog, load, requests });
    let effects: Vec<(Start, Vec<Effect>)> =
        starts.into_iter().map(|start| (start, start.effects(count(150.0, share)))).collect();
    (vec![("warm-up", warmup_table(&effects))], true)
}

/// Whether coverage and wrong words are as promised, as far as so few experiments can tell.
fn is_kept(outcome: &Outcome) -> bool {
    let covered = outcome.coverage.iter().filter(|one| one.is_trusted()).all(|one| {
        let chance = if one.experiments() < 1000 { 3.0 * (0.05 * 0.95 / one.by_flag[0].0 as f64).sqrt() } else { 0.0 };
        is_held(one, chance)
    });
    covered && is_rare(outcome.false_words, outcome.pairs)
}

/// Whether so many wrong ones of all can be 5 % of them or less.
fn is_rare(wrong: usize, all: usize) -> bool {
    wrong as f64 <= 0.05 * all as f64 + 3.0 * (0.05 * all as f64).sqrt()
}

/// Whether intervals hold the truth as often as they should. Those of runs that end when they are precise are wider on purpose.
fn is_held(one: &Coverage, chance: f64) -> bool {
    let most = if one.setting.method == Method::Precise { 1.0 } else { COVERED.1 };
    (COVERED.0 - chance..=most + chance).contains(&one.held())
}

/// What a user must know before trusting a flag: where `ok` is given to a few experiments only, and where intervals are
/// biased or hold the truth too seldom whatever the flag.
fn weak_spots(outcomes: &[Outcome]) -> String {
    let mut text = String::from("| queue | utilisation | requests | number | why |\n|---|---|---|---|---|\n");
    for one in outcomes.iter().flat_map(|outcome| &outcome.coverage) {
        let (ok, all) = (one.by_flag[0].0, one.experiments());
        let edge = ok > 0 && !one.is_trusted();
        let short = one.is_trusted() && !is_held(one, 0.0);
        let why = match (edge, short) {
            (true, _) => format!(
                "at the edge of `ok`: {ok} of {all} have it, and {:.1} % of these hold the truth",
                100.0 * one.held()
            ),
            (_, true) => format!("held by {:.1} % of those with the flag `ok`", 100.0 * one.held()),
            _ => continue,
        };
        let _ = writeln!(text, "| {} | {why} |", place(one));
    }
    text
}

/// Queue, utilisation, requests, method and number as cells of a table.
fn place(one: &Coverage) -> String {
    let Setting { service, load, requests, method } = one.setting;
    let metric = if one.metric == Metric::Mean { "mean".to_owned() } else { one.metric.to_string() };
    format!("{} | {load} | {requests}, {} | {metric}", service.queue(), method.name())
}

fn coverage_table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| queue | utilisation | requests | number | held, flag `ok` | held, `caution` | held, `few` | half-width | bias |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for one in outcomes.iter().flat_map(|outcome| &outcome.coverage) {
        let share = |(all, held): (usize, usize)| match all {
            0 => "-".to_owned(),
            _ => format!("{:.1} % of {all}", 100.0 * held as f64 / all as f64),
        };
        let [ok, caution, few] = one.by_flag.map(share);
        let (width, bias) = (100.0 * one.width, 100.0 * one.bias);
        let _ = writeln!(text, "| {} | {ok} | {caution} | {few} | {width:.1} % | {bias:+.2} % |", place(one));
    }
    text.push_str("\n| queue | utilisation | requests | pairs of equal scenarios | of them any number called better or worse |\n|---|---|---|---|---|\n");
    for outcome in outcomes {
        let Some(first) = outcome.coverage.first() else { continue };
        let share = 100.0 * outcome.false_words as f64 / outcome.pairs as f64;
        let _ = writeln!(
            text,
            "| {} | {} | {}, {} | {} | {} ({share:.1} %) |",
            first.setting.service.queue(),
            first.setting.load,
            first.setting.requests,
            first.setting.method.name(),
            outcome.pairs,
            outcome.false_words
        );
    }
    text
}

fn stability_table(found: &[(f64, Verdict, usize)], seeds: usize) -> String {
    let mut text =
        String::from("| utilisation of M/M/1 | word that is right | seeds | of them right |\n|---|---|---|---|\n");
    for (load, word, right) in found {
        let _ = writeln!(text, "| {load} | {} | {seeds} | {right} |", word.word());
    }
    text
}

fn claims_table(found: &[(&str, Claims)]) -> String {
    let mut text = String::from(
        "| objective on | searches | highest value that \"does\" does not | lowest value that \"does not\" does | distance of the two | bias of the interpolated value |\n\
         |---|---|---|---|---|---|\n",
    );
    for (name, claims) in found {
        let share = |wrong: usize| format!("{wrong} ({:.1} %)", 100.0 * wrong as f64 / claims.searches as f64);
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {:.1} % | {:+.2} % |",
            claims.searches,
            share(claims.too_high),
            share(claims.too_low),
            100.0 * claims.gap,
            100.0 * claims.bias
        );
    }
    let _ = writeln!(text, "\nThe objectives are just met at {CAPACITY}/s.");
    text
}

fn warmup_table(effects: &[(Start, Vec<Effect>)]) -> String {
    let mut text = String::from(
        "| start, utilisation, requests | none | fixed 5 % | MSER-5 in each replication | MSER-5 on the ensemble | `warmup: auto` |\n\
         |---|---|---|---|---|---|\n",
    );
    for (start, effects) in effects {
        let from = if start.backlog == 0 { "empty".to_owned() } else { format!("backlog {}", start.backlog) };
        let _ = write!(text, "| {from}, {}, {} |", start.load, start.requests);
        for (_, effect) in RULES.iter().zip(effects) {
            let part = |i: usize| format!("{:+.1} %, {:.0} %", 100.0 * effect.bias[i], 100.0 * effect.coverage[i]);
            let _ = write!(text, " {} / {} |", part(0), part(1));
        }
        text.push('\n');
    }
    text
}

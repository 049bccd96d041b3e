//! What a search for the capacity found: for people, as a table, as JSON.

use super::number::{self, Unit};
use super::schema;
use super::style::{self, BAD, BOLD, DIM, GOOD, OPEN};
use super::table::{Column, Layout, Table};
use crate::scenario::Field;
use crate::study::capacity::{Capacity, End, Pressure, Tested, Tried};
use crate::study::estimate::Metric;
use crate::study::{Case, Verdict};
use serde_json::{Value, json};
use std::fmt::Write;

/// Every point that was tried, an objective a row.
pub const POINTS: Layout = Layout {
    name: "capacity",
    columns: &[
        Column { name: "scenario", about: "name of the scenario" },
        Column { name: "field", about: "the field that was varied" },
        Column { name: "value", about: "its value" },
        Column { name: "unit", about: "what is written behind the value" },
        Column { name: "verdict", about: "of all objectives together" },
        Column { name: "replications", about: "independent replications behind it" },
        Column { name: "objective", about: "one objective" },
        Column { name: "metric", about: "what it limits, with its unit" },
        Column { name: "limit", about: "the limit" },
        Column { name: "estimate", about: "the estimate" },
        Column { name: "low", about: "lower end of its interval" },
        Column { name: "high", about: "upper end of its interval" },
        Column { name: "objective_verdict", about: "`met`, `missed` or `inconclusive`" },
        Column { name: "limiting", about: "the fullest resource or quota" },
        Column { name: "limiting_used", about: "how full it is" },
        Column { name: "trouble", about: "why there are no numbers" },
    ],
};

/// A line on a point, told as soon as it was tried.
pub fn point(field: &Field, tried: &Tried) -> String {
    let verdict = style::verdict(tried.verdict);
    let values: Vec<String> = tried.tested.iter().map(estimate).collect();
    let about = tried.trouble.clone().unwrap_or_else(|| values.join(", "));
    let runs = if tried.replications > 0 { format!(", {} runs", tried.replications) } else { String::new() };
    format!("{:<12} {verdict}  {DIM}{about}{runs}{DIM:#}", field.text(tried.value))
}

/// The answer for people.
pub fn summary(case: &Case, field: &Field, capacity: &Capacity, confidence: f64) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}  {DIM}capacity over {}{DIM:#}\n\n", case.name, field.path);
    let percent = number::short(100.0 * confidence, 3);
    let text = |value: f64| field.text(value);
    let end = match capacity.end {
        End::Highest => "highest",
        End::Lowest => "lowest",
    };
    match (capacity.good, capacity.bad) {
        (Some(good), bad) => {
            let _ = writeln!(
                out,
                "{GOOD}{}{GOOD:#} is the {end} value that meets the objectives ({percent} % confidence)",
                text(good)
            );
            match bad {
                Some(bad) => {
                    let open = capacity.tried.iter().any(|tried| tried.verdict == Verdict::Inconclusive);
                    let between = if open { "; what lies between cannot be told" } else { "" };
                    let _ = writeln!(out, "{} does not{between}", text(bad));
                }
                None => {
                    let _ = writeln!(out, "no value was found that does not: the answer may lie beyond");
                }
            }
            if let Some(estimate) = capacity.estimate.filter(|_| !field.whole) {
                let _ = writeln!(out, "by interpolation they are just met at {}", text(field.round(estimate)));
            }
        }
        (None, Some(bad)) => {
            let _ = writeln!(
                out,
                "{BAD}no value meets the objectives{BAD:#}: {} does not, nor does any tried beyond it",
                text(bad)
            );
        }
        (None, None) => {
            let _ = writeln!(out, "{OPEN}the data cannot tell{OPEN:#}: allow more runs with `--max-replications`");
        }
    }
    if let Some(binding) = &capacity.binding {
        let _ = writeln!(out, "binding     {binding}");
    }
    for (rank, pressure) in capacity.limits().iter().take(2).enumerate() {
        let name = if rank == 0 { "limited by" } else { "then" };
        let _ = writeln!(out, "{name:<11} {}", used(pressure));
    }
    if capacity.limits().is_empty() {
        let _ = writeln!(out, "limited by  no resource: the time goes in delays");
    }
    let _ = writeln!(out, "\n{BOLD}Points tried{BOLD:#}");
    for tried in &capacity.tried {
        let _ = writeln!(out, "  {}", point(field, tried));
    }
    out
}

fn used(pressure: &Pressure) -> String {
    let mut text = format!("{} ({} %", pressure.name, number::short(100.0 * pressure.used, 3));
    text += match pressure.kind {
        crate::exec::ResourceKind::Bucket => " of its rate",
        _ => " busy",
    };
    if pressure.refused > 0.0 {
        let _ = write!(text, ", {} % turned away", number::short(100.0 * pressure.refused, 2));
    }
    if pressure.wait > 0.0 {
        let unit = Unit::of_nanos(pressure.wait);
        let _ = write!(text, ", mean wait {} {}", number::short(pressure.wait / unit.size, 3), unit.symbol);
    }
    text + ")"
}

fn estimate(tested: &Tested) -> String {
    let unit = match tested.metric {
        Metric::Mean | Metric::Quantile(_) => Unit::of_nanos(tested.interval.value),
        Metric::Errors => Unit::PERCENT,
        Metric::Offered | Metric::Throughput => Unit::PER_SECOND,
    };
    let shown = number::estimate(&tested.interval, unit);
    let range = if shown.range.is_empty() { String::new() } else { format!(" ({})", shown.range) };
    // As the objective names it, class included.
    let name = tested.objective.split(['<', '>']).next().unwrap_or_default().trim();
    format!("{name} {}{range}", shown.value)
}

/// Every point as a table.
pub fn table(case: &Case, field: &Field, capacity: &Capacity) -> Table {
    let mut table = Table::new(&POINTS);
    for tried in &capacity.tried {
        let limiting = tried.pressures.first();
        let mut push = |tested: Option<&Tested>| {
            let scale = tested.map_or(1.0, |tested| tested.metric.scale());
            let interval = tested.map_or(crate::stats::Interval::UNKNOWN, |tested| tested.interval.scaled(scale));
            table.push([
                case.name.as_str().into(),
                field.path.as_str().into(),
                tried.value.into(),
                field.unit.as_str().into(),
                tried.verdict.word().into(),
                tried.replications.into(),
                tested.map_or("", |tested| &tested.objective).into(),
                tested.map_or(String::new(), |tested| tested.metric.name()).into(),
                tested.map_or(f64::NAN, |tested| tested.limit * scale).into(),
                interval.value.into(),
                interval.low.into(),
                interval.high.into(),
                tested.map_or("", |tested| tested.verdict.word()).into(),
                limiting.map_or("", |limiting| &limiting.name).into(),
                limiting.map_or(f64::NAN, |limiting| limiting.used).into(),
                tried.trouble.as_deref().unwrap_or("").into(),
            ]);
        };
        match tried.tested.is_empty() {
            true => push(None),
            false => tried.tested.iter().for_each(|tested| push(Some(tested))),
        }
    }
    table
}

/// The answer with all points as JSON.
pub fn document(case: &Case, field: &Field, capacity: &Capacity, confidence: f64) -> Value {
    let limits = capacity.limits().iter().map(|one| {
        json!({
            "resource": one.name,
            "kind": schema::kind(one.kind),
            "used": number::rounded(one.used),
            "refused_share": number::rounded(one.refused),
            "wait_mean_ms": number::rounded(one.wait * 1e-6),
        })
    });
    json!({
        "schema_version": schema::VERSION,
        "scenario": case.name,
        "field": field.path,
        "unit": field.unit,
        "wanted": if capacity.end == End::Highest { "highest" } else { "lowest" },
        "confidence": confidence,
        "met": capacity.good,
        "missed": capacity.bad,
        "estimate": capacity.estimate.and_then(number::rounded),
        "binding_objective": capacity.binding,
        "limits": limits.collect::<Vec<_>>(),
        "points": table(case, field, capacity).to_json(),
    })
}

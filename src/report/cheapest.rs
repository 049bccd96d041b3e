//! The points of a grid with what they cost: for people and as JSON.

use super::number::{self, Unit};
use super::style::{self, BAD, BOLD, DIM, GOOD};
use super::table::{Column, Layout, Table};
use crate::pricing::money;
use crate::stats::Interval;
use crate::study::cheapest::{Cheapest, Offer};
use crate::study::{Case, Verdict};
use serde_json::{Value, json};
use std::fmt::Write;

/// The points of a grid.
pub const POINTS: Layout = Layout {
    name: "cheapest",
    columns: &[
        Column { name: "scenario", about: "name of the scenario" },
        Column { name: "set", about: "the settings of the point" },
        Column { name: "verdict", about: "`met`, `missed` or `inconclusive`, of all objectives together" },
        Column { name: "replications", about: "independent replications behind it" },
        Column { name: "usd_per_month", about: "the bill of a month; empty when there is none" },
        Column { name: "usd_per_month_low", about: "lower end of its interval" },
        Column { name: "usd_per_month_high", about: "upper end of its interval" },
        Column { name: "latency_p99_ms", about: "latency that 99 % stay below" },
        Column { name: "latency_p99_ms_low", about: "lower end of its interval" },
        Column { name: "latency_p99_ms_high", about: "upper end of its interval" },
        Column {
            name: "on_pareto_front",
            about: "1 if no other point that meets the objectives is cheaper and faster",
        },
        Column { name: "best", about: "1 for the cheapest that meets the objectives" },
        Column { name: "trouble", about: "why there are no numbers" },
    ],
};

/// The answer for people; `points` are the settings of every point of the grid.
pub fn summary(case: &Case, points: &[Vec<String>], found: &Cheapest, confidence: f64) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}  {DIM}cheapest of {} points{DIM:#}\n\n", case.name, points.len());
    let percent = number::short(100.0 * confidence, 3);
    match found.best.map(|best| &found.offers[best]) {
        Some(best) => {
            let doubt = if found.certain {
                format!("the cheapest that meets the objectives ({percent} % confidence)")
            } else {
                "the cheapest that meets the objectives, but others may be as cheap".to_owned()
            };
            let _ =
                writeln!(out, "{GOOD}{}{GOOD:#} is {doubt}: {} a month", points[best.point].join(" "), usd(best.cost));
        }
        None => {
            let _ = writeln!(out, "{BAD}no point with a bill meets the objectives{BAD:#}");
        }
    }
    let _ = writeln!(out, "\n{BOLD}Points{BOLD:#}  {DIM}* cheapest, + nobody is both cheaper and faster{DIM:#}");
    let wide = points.iter().map(|point| point.join(" ").len()).max().unwrap_or(0);
    for (index, offer) in found.offers.iter().enumerate() {
        let mark = match (found.best == Some(index), offer.on_front) {
            (true, _) => "*",
            (false, true) => "+",
            _ => " ",
        };
        let _ = writeln!(out, "{mark} {}", line(&points[offer.point], wide, offer));
    }
    out
}

/// A line on a point.
pub fn line(point: &[String], wide: usize, offer: &Offer) -> String {
    let verdict = style::verdict(offer.tried.verdict);
    let unit = Unit::of_nanos(offer.p99.value);
    let p99 = number::estimate(&offer.p99, unit).value;
    let trouble = offer.tried.trouble.as_deref().map_or(String::new(), |trouble| format!("  {DIM}{trouble}{DIM:#}"));
    format!(
        "{:<wide$}  {verdict} {:>14} a month  p99 {p99:>9}  {} runs{trouble}",
        point.join(" "),
        usd(offer.cost),
        offer.tried.replications,
    )
}

fn usd(cost: Option<Interval>) -> String {
    let cost = cost.and_then(|cost| money::nearest(cost.value));
    cost.map_or("no bill".to_owned(), |cost| format!("{} USD", money::usd(cost)))
}

/// All points as a table.
pub fn table(case: &Case, points: &[Vec<String>], found: &Cheapest) -> Table {
    let mut table = Table::new(&POINTS);
    for (index, offer) in found.offers.iter().enumerate() {
        let (cost, p99) = (offer.cost.unwrap_or(Interval::UNKNOWN), offer.p99.scaled(1e-6));
        table.push([
            case.name.as_str().into(),
            points[offer.point].join(" ").into(),
            offer.tried.verdict.word().into(),
            offer.tried.replications.into(),
            cost.value.into(),
            cost.low.into(),
            cost.high.into(),
            p99.value.into(),
            p99.low.into(),
            p99.high.into(),
            u32::from(offer.on_front).into(),
            u32::from(found.best == Some(index)).into(),
            offer.tried.trouble.as_deref().unwrap_or("").into(),
        ]);
    }
    table
}

/// The answer with all points as JSON.
pub fn document(case: &Case, points: &[Vec<String>], found: &Cheapest, confidence: f64) -> Value {
    let interval = |of: Interval, scale: f64| {
        let of = of.scaled(scale);
        json!({"value": number::rounded(of.value), "low": number::rounded(of.low), "high": number::rounded(of.high)})
    };
    let offers = found.offers.iter().map(|offer| {
        json!({
            "set": points[offer.point],
            "verdict": offer.tried.verdict.word(),
            "meets": offer.tried.verdict == Verdict::Met,
            "replications": offer.tried.replications,
            "usd_per_month": offer.cost.map(|cost| interval(cost, 1.0)),
            "latency_p99_ms": interval(offer.p99, 1e-6),
            "on_pareto_front": offer.on_front,
            "trouble": offer.tried.trouble,
        })
    });
    json!({
        "schema_version": super::schema::VERSION,
        "scenario": case.name,
        "confidence": confidence,
        "best": found.best.map(|best| &points[found.offers[best].point]),
        "certain": found.certain,
        "points": offers.collect::<Vec<_>>(),
    })
}

//! Which of two scenarios is the cheaper one, from one value of a setting to another, as a table.

use super::table::{Column, Layout, Table};

/// Stretches of the range in which the same one is cheaper.
pub const STRETCHES: Layout = Layout {
    name: "break_even",
    columns: &[
        Column { name: "over", about: "the setting that is varied" },
        Column { name: "unit", about: "what is written behind its values" },
        Column { name: "compared", about: "what is compared" },
        Column { name: "from", about: "where the stretch begins" },
        Column { name: "to", about: "where it ends" },
        Column { name: "cheaper", about: "name of the cheaper one; empty when neither meets its objectives" },
        Column { name: "low", about: "lower end of the interval of `to`; empty at the end of the range" },
        Column { name: "high", about: "upper end of that interval" },
        Column {
            name: "why",
            about: "what changes there: `bills` cross, an objective is no longer met (`misses`) or is (`meets`)",
        },
        Column { name: "scenario", about: "of which scenario that is the objective" },
        Column { name: "objective", about: "the objective" },
    ],
};

/// A stretch.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// The cheaper one.
    pub cheaper: Option<&'a str>,
    /// What changes at its end; nothing at the end of the range.
    pub end: Option<End<'a>>,
}

/// What changes at the end of a stretch.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The interval of the place.
    pub interval: (f64, f64),
    /// `bills`, `misses` or `meets`.
    pub why: &'static str,
    /// The scenario and the objective that is missed or met from there on.
    pub objective: Option<(&'a str, &'a str)>,
}

/// The stretches as rows, for a setting with its unit and what is compared.
pub fn table(over: &str, unit: &str, compared: &str, stretches: &[Stretch<'_>]) -> Table {
    let mut table = Table::new(&STRETCHES);
    for stretch in stretches {
        let end = stretch.end;
        let (low, high) = end.map_or((f64::NAN, f64::NAN), |end| end.interval);
        let (scenario, objective) = end.and_then(|end| end.objective).unwrap_or(("", ""));
        table.push([
            over.into(),
            unit.trim().into(),
            compared.into(),
            stretch.from.into(),
            stretch.to.into(),
            stretch.cheaper.unwrap_or("").into(),
            low.into(),
            high.into(),
            end.map_or("", |end| end.why).into(),
            scenario.into(),
            objective.into(),
        ]);
    }
    table
}

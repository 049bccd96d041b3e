//! Theory beside simulation, for people: the closed form of a resource with its values, or the assumption that fails.

use super::number::{self, Unit};
use crate::stats::Interval;
use crate::study::Beside;
use crate::study::theory::{Compared, Quantity};
use anstyle::{AnsiColor, Style};

const DIM: Style = Style::new().dimmed();
const ALARM: Style = AnsiColor::Red.on_default().bold();

/// A line on the closed form and one for each of its values; or one that says which assumption fails.
pub fn lines(beside: &Beside) -> Vec<String> {
    match &beside.model {
        Err(reason) => vec![format!("{DIM}= no closed form: {reason}{DIM:#}")],
        Ok(model) => {
            let head = format!("= {} {DIM}({}){DIM:#}", model.name, model.because);
            std::iter::once(head).chain(model.values.iter().map(value)).collect()
        }
    }
}

fn value(compared: &Compared) -> String {
    let Compared { quantity, exact, simulated, agrees } = compared;
    let unit = unit(*quantity, *exact);
    let mine = number::short(exact / unit.size, 4);
    let theirs = number::estimate(simulated, unit);
    let range = if theirs.range.is_empty() { String::new() } else { format!(" ({})", theirs.range) };
    let flag = if *agrees { String::new() } else { format!("  {ALARM}disagrees{ALARM:#}") };
    let name = quantity.to_string();
    format!("    {name:<12} {mine} {}, simulated {}{range}{flag}", unit.symbol, theirs.value)
}

fn unit(quantity: Quantity, value: f64) -> Unit {
    match quantity {
        Quantity::Throughput => Unit::PER_SECOND,
        _ if quantity.is_time() => Unit::of_nanos(value),
        _ => Unit::PERCENT,
    }
}

/// A value of a table: milliseconds, shares, requests a second.
pub fn scaled(quantity: Quantity, value: f64) -> f64 {
    if quantity.is_time() { value * 1e-6 } else { value }
}

/// An interval of a table, in the same units.
pub fn interval(compared: &Compared) -> Interval {
    if compared.quantity.is_time() { compared.simulated.scaled(1e-6) } else { compared.simulated }
}

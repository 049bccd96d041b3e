//! The ledger of a scenario for people: what each meter counted in each hour of the measured time, on the mean over
//! replications, and what that makes in the month. Whoever doubts a line of the bill adds up its entries.

use super::Metered;
use super::capacity::Dimension;
use crate::exec::Run;
use crate::pricing::costing::{Basis, Weight, float};
use crate::pricing::{Book, Costing};
use crate::program::Program;
use crate::time::Span;
use std::cell::OnceCell;

/// What was counted in an hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Number of the hour of the measured time, from 0.
    pub hour: usize,
    /// Its length in seconds: 3,600 but for the last.
    pub seconds: f64,
    /// The stage that counts.
    pub stage: String,
    /// What is counted; for the capacity of a balancer the dimension.
    pub meter: String,
    /// Unit of the count: for the capacity of a balancer units of capacity.
    pub unit: String,
    /// How much in the hour, mean over replications.
    pub counted: f64,
    /// How much in the month, mean over replications.
    pub month: f64,
}

/// The ledger of some runs.
pub fn ledger(program: &Program, costing: &Costing, measured: Span, runs: &[Run], book: &Book) -> Vec<Entry> {
    let mut mean: Vec<Entry> = Vec::new();
    for run in runs {
        let metered = Metered { program, costing, measured, run, book, weights: OnceCell::new() };
        for (place, entry) in metered.entries().into_iter().enumerate() {
            match mean.get_mut(place) {
                Some(known) => {
                    known.counted += entry.counted;
                    known.month += entry.month;
                }
                None => mean.push(entry),
            }
        }
    }
    for entry in &mut mean {
        entry.counted /= runs.len() as f64;
        entry.month /= runs.len() as f64;
    }
    mean
}

impl Metered<'_> {
    fn entries(&self) -> Vec<Entry> {
        let hours = self.costing.hours_of(self.measured);
        hours.into_iter().enumerate().flat_map(|(hour, seconds)| self.hour(hour, seconds)).collect()
    }

    /// The entries of an hour: meters and capacity in the order of their stages, then servers that scale themselves.
    fn hour(&self, hour: usize, seconds: f64) -> Vec<Entry> {
        let weights = || self.weights().iter().filter(move |weight| weight.hour == hour);
        let volume: f64 = weights().map(Weight::volume).sum();
        let capacity: f64 = weights().map(|weight| weight.hours * weight.factor).sum();
        let hours: f64 = weights().map(|weight| weight.hours).sum();
        let now = Weight { hour, hours: 1.0, factor: 1.0, seconds };
        let mut entries = Vec::new();
        for (index, stage) in self.program.stages.iter().enumerate() {
            let entry = |meter: &str, unit: &str, counted: f64, month: f64| Entry {
                hour,
                seconds,
                stage: stage.name.clone(),
                meter: meter.to_owned(),
                unit: unit.to_owned(),
                counted,
                month,
            };
            for meter in self.program.meters.iter().filter(|meter| meter.stage == stage.name) {
                let counted = self.counted(&meter.stage, &meter.name, hour);
                entries.push(entry(&meter.name, &meter.unit, counted, counted * volume));
            }
            if let "alb" | "nlb" = stage.kind.as_str() {
                let unit = if stage.kind == "alb" { "LCU" } else { "NLCU" };
                let dimensions =
                    self.dimensions(&stage.kind, &stage.name, self.caller(index), &now).unwrap_or_default();
                let of = |(name, units): &Dimension| entry(name, unit, *units, units * capacity);
                entries.extend(dimensions.iter().map(of));
            }
        }
        for further in &self.costing.further {
            if let Basis::ServerHour(stage) = &further.per {
                let servers = self.servers(stage, self.minimum(&further.key), hour, seconds) * float(further.quantity);
                entries.push(Entry {
                    hour,
                    seconds,
                    stage: stage.clone(),
                    meter: format!("{}/{}", further.key.service, further.key.item),
                    unit: "server_hour".to_owned(),
                    counted: servers * seconds / 3600.0,
                    month: servers * hours,
                });
            }
        }
        entries
    }
}

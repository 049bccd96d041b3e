//! Every model with a known answer at full precision, and the runs of real software.
//!
//! A model of which a number is missed, or known too vaguely, is measured once more, with other luck and over four times the
//! length; then that counts. What stands out in the end is measured under further seeds, which tell chance from bias.

use std::collections::BTreeSet;

use crate::Measured;
use crate::comparison::{self, Line};
use crate::harness::accept::{Finding, Verdict};
use crate::harness::family::Family;
use crate::harness::rows::{self, Row};
use crate::harness::run::{Model, Pass, run};
use crate::load::load;
use crate::tables;

/// The length of a second measurement, in those of the first, and what is added to the seeds.
const AGAIN: (f64, u64) = (4.0, 1_000_000_007);
/// Standard errors beyond which a number is measured under further seeds, and how many of these there are.
const FURTHER: (f64, u64) = (3.0, 4);

/// What was found.
pub struct Found<'a> {
    /// The models, by their latest measurement.
    pub models: Vec<Model>,
    /// The first measurement of those that were measured twice.
    pub replaced: Vec<Model>,
    /// Rows that cannot be expressed.
    pub missing: Vec<&'a Row>,
    /// The models by family.
    pub families: Vec<Family>,
    /// Real software, request by request.
    pub replays: Vec<Line>,
    /// Real software, drawn from the stated laws.
    pub drawn: Vec<Line>,
    /// What stood out, under further seeds.
    pub further: Vec<Further>,
}

/// A number that stood out, under further seeds.
pub struct Further {
    /// The row.
    pub row: Row,
    /// Standard errors that it was off.
    pub before: f64,
    /// Seeds it was measured with since.
    pub seeds: u64,
    /// Sum of the standard errors it is off under these, over the root of their number.
    pub now: f64,
}

impl Further {
    /// Whether it is chance as far as the further seeds can tell.
    pub fn is_chance(&self) -> bool {
        self.now.abs() <= 3.5
    }
}

impl Found<'_> {
    /// Rows with what was found.
    pub fn rows(&self) -> impl Iterator<Item = &(Row, Finding)> {
        self.models.iter().flat_map(|model| &model.found)
    }

    /// Whether all is as it should be.
    fn is_good(&self) -> bool {
        self.rows().all(|(row, finding)| finding.verdict(row) == Verdict::Passed)
            && self.families.iter().all(Family::holds)
            && self.missing.is_empty()
            && self.replays.iter().chain(&self.drawn).all(Line::holds)
            && self.further.iter().all(Further::is_chance)
    }
}

/// Measures the models whose name contains `only`, and the real software where that is nothing.
pub fn measure(seed: u64, share: f64, only: Option<&str>) -> Measured {
    let mut rows = rows::all()?;
    rows.retain(|row| only.is_none_or(|part| row.scenario.as_ref().is_some_and(|name| name.contains(part))));
    let pass = Pass { seed, share };
    let first = run(&rows, pass)?;
    let again = Pass { seed: seed.wrapping_add(AGAIN.1), share: AGAIN.0 * share };
    let second = run(&of_models(&rows, &doubtful(&first)), again)?;
    let (models, replaced) = latest(first, second);
    let (replays, drawn) = match only {
        Some(_) => (Vec::new(), Vec::new()),
        None => (comparison::replays(|file| load(file, &[]))?, comparison::models(|file| load(file, &[]), 1.0)?),
    };
    let found = Found {
        families: Family::all(&models),
        missing: rows.iter().filter(|row| row.reading.is_none()).collect(),
        further: further(&rows, &models, pass)?,
        models,
        replaced,
        replays,
        drawn,
    };
    Ok((tables::all(&found), found.is_good()))
}

/// The rows of these models.
fn of_models(rows: &[Row], names: &BTreeSet<String>) -> Vec<Row> {
    rows.iter().filter(|row| row.scenario.iter().any(|name| names.contains(name))).cloned().collect()
}

/// The models that need a second measurement: a number did not pass, or the mean of their family is off.
fn doubtful(models: &[Model]) -> BTreeSet<String> {
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

/// Measures what stands out under further seeds.
fn further(rows: &[Row], models: &[Model], pass: Pass) -> Result<Vec<Further>, String> {
    let notable = |(row, finding): &(Row, Finding)| {
        let before = finding.counted_z(row).filter(|z| z.abs() > FURTHER.0)?;
        Some(Further { row: row.clone(), before, seeds: 0, now: 0.0 })
    };
    let mut all: Vec<Further> = models.iter().flat_map(|model| model.found.iter().filter_map(notable)).collect();
    let rows = of_models(rows, &all.iter().filter_map(|one| one.row.scenario.clone()).collect());
    for number in 0..FURTHER.1 {
        let seed = pass.seed.wrapping_add(AGAIN.1.wrapping_mul(number + 2));
        let models = run(&rows, Pass { seed, ..pass })?;
        for (row, finding) in models.iter().flat_map(|model| &model.found) {
            for one in all.iter_mut().filter(|one| one.row.id == row.id) {
                one.seeds += 1;
                one.now += finding.z(row);
            }
        }
    }
    all.iter_mut().for_each(|one| one.now /= (one.seeds as f64).sqrt());
    Ok(all)
}

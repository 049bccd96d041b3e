//! Rows of models of one kind, taken together: a bias too small to be seen in one number shows in the mean of many.

use std::collections::BTreeMap;
use std::fmt;

use super::accept::Verdict;
use super::run::Model;

/// How far the mean z of a family may be from zero, whatever its standard error.
const MEAN: f64 = 0.5;
/// How far it may be in its own standard errors. Of 25 families one pass in 13 has one beyond by chance.
const STANDARD_ERRORS: f64 = 3.0;

/// A family of models and the distances of its numbers in standard errors.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// Scenarios.
    pub models: usize,
    /// Rows.
    pub rows: usize,
    /// Rows that pass.
    pub passed: usize,
    /// Mean of those distances that can show a bias.
    pub mean: f64,
    /// Standard error of that mean, were there no bias. Rows of a model come from the same requests, so it is far above one
    /// over the root of the number of rows; it is taken from what single replications say of all rows together.
    pub error: f64,
    /// Standard deviation of the distances.
    pub deviation: f64,
    /// The largest distance, whatever its sign.
    pub largest: f64,
}

impl Family {
    /// The families of the models, by name.
    pub fn all(models: &[Model]) -> Vec<Family> {
        let mut families: BTreeMap<&str, Vec<&Model>> = BTreeMap::new();
        for model in models {
            if let Some((row, _)) = model.found.first() {
                families.entry(&row.family).or_default().push(model);
            }
        }
        families.into_iter().map(|(name, models)| Family::of(name, &models)).collect()
    }

    fn of(name: &str, models: &[&Model]) -> Family {
        let pairs = || models.iter().flat_map(|model| &model.found);
        let distances: Vec<f64> = pairs().filter_map(|(row, finding)| finding.counted_z(row)).collect();
        let (mean, deviation) = moments(&distances);
        let variance: f64 = models.iter().map(|model| variance_of_sum(model)).sum();
        Family {
            name: name.to_owned(),
            models: models.len(),
            rows: pairs().count(),
            passed: pairs().filter(|(row, finding)| finding.verdict(row) == Verdict::Passed).count(),
            mean,
            error: variance.sqrt() / distances.len() as f64,
            deviation,
            largest: distances.iter().fold(0.0, |largest, z| largest.max(z.abs())),
        }
    }

    /// Whether the mean is zero as far as can be told. A family without such rows has no mean, and nothing to hold.
    pub fn holds(&self) -> bool {
        self.mean.is_nan() || self.mean.abs() <= MEAN.max(STANDARD_ERRORS * self.error)
    }
}

/// A row of the table of families.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Family { name, models, rows, passed, mean, error, deviation, largest } = self;
        let off = if self.holds() { "" } else { " **off**" };
        write!(f, "| {name} | {models} | {rows} | {passed} | {mean:+.2}{off} | {error:.2} | ")?;
        write!(f, "{deviation:.2} | {largest:.2} |")
    }
}

/// Variance of the sum of the distances of a model, from its replications.
fn variance_of_sum(model: &Model) -> f64 {
    let counted: Vec<&Vec<f64>> = model
        .found
        .iter()
        .filter(|(row, finding)| finding.counted_z(row).is_some())
        .map(|(_, finding)| &finding.parts)
        .collect();
    let n = counted.iter().map(|parts| parts.len()).max().unwrap_or(0);
    let sum_of = |r: usize| counted.iter().map(|parts| parts[r]).sum::<f64>();
    let squares: f64 = (0..n).map(|r| sum_of(r).powi(2)).sum();
    if n > 1 { squares * n as f64 / (n - 1) as f64 } else { 0.0 }
}

/// Mean and standard deviation.
pub fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

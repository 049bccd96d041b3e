//! The acceptance test: an estimate with its standard error from sectioning over replications, against a known number.

use super::observed::Observed;
use super::rows::Row;

/// Standard errors an estimate may be off.
pub const STANDARD_ERRORS: f64 = 3.5;
/// Observations that a section must have beyond a quantile.
pub const BEYOND: f64 = 100.0;
/// What histogram buckets may add to a quantile, relative.
const BUCKETS: f64 = 0.001;

/// What was found for a row.
#[derive(Clone, Debug)]
pub struct Finding {
    /// From all replications together.
    pub estimate: f64,
    /// Its standard error.
    pub error: f64,
    /// Observations beyond a quantile in each section; infinite for other numbers.
    pub beyond: f64,
}

/// What the finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It agrees, and is precise enough for that to mean something.
    Passed,
    /// It is too far off.
    Wrong,
    /// The standard error is too large.
    Vague,
}

impl Finding {
    /// Evaluates a row on the replications of its scenario: the estimate from all of them, the standard error from groups of
    /// whole replications (Asmussen and Glynn, Stochastic Simulation, 2007, III.4a). Quantiles need groups with at least
    /// 100 observations beyond them, so there are 40, 20 or 10 groups.
    pub fn of(row: &Row, runs: &[Observed]) -> Option<Finding> {
        let reading = row.reading.as_ref()?;
        let all = Observed::together(runs);
        let estimate = reading.of(&all);
        let beyond = reading.quantile().map_or(f64::INFINITY, |p| reading.observations(&all) as f64 * p.min(1.0 - p));
        let sections = [40, 20].into_iter().find(|&n| n <= runs.len() && beyond / n as f64 >= BEYOND).unwrap_or(10);
        let sections = sections.min(runs.len());
        let beyond = beyond / sections as f64;
        let values = (0..sections).map(|s| {
            let (from, to) = (s * runs.len() / sections, (s + 1) * runs.len() / sections);
            reading.of(&Observed::together(&runs[from..to]))
        });
        let squares: f64 = values.map(|value| (value - estimate) * (value - estimate)).sum();
        let n = sections as f64;
        // A whole number of all sections is not their mean: it is known no better than one of them.
        let averaged = if reading.is_whole() { 1.0 } else { n };
        Some(Finding { estimate, error: (squares / (n - 1.0) / averaged).sqrt(), beyond })
    }

    /// Distance from the known number in standard errors.
    pub fn z(&self, row: &Row) -> f64 {
        match self.estimate - row.value {
            0.0 => 0.0,
            distance => distance / self.error,
        }
    }

    /// Whether it is within so many standard errors, or what buckets and approximation allow.
    pub fn agrees(&self, row: &Row, standard_errors: f64) -> bool {
        let buckets = if row.reading.as_ref().is_some_and(|r| r.quantile().is_some()) { BUCKETS } else { 0.0 };
        let allowed = (standard_errors * self.error).max(buckets * row.value.abs()) + row.tolerance;
        (self.estimate - row.value).abs() <= allowed
    }

    /// The verdict at full precision.
    pub fn verdict(&self, row: &Row) -> Verdict {
        match (self.agrees(row, STANDARD_ERRORS), self.error <= precision(row)) {
            _ if self.beyond < BEYOND => Verdict::Vague,
            (false, _) => Verdict::Wrong,
            (true, false) => Verdict::Vague,
            (true, true) => Verdict::Passed,
        }
    }
}

/// The largest standard error that means something: 1 % of means and medians, 2 % of a p99, 5 % of what lies beyond; 0.002
/// and 5 % for probabilities.
pub fn precision(row: &Row) -> f64 {
    let is_share = ["prob_", "loss_", "drop_", "hit_"].iter().any(|start| row.metric.starts_with(start));
    if is_share {
        return (0.05 * row.scale).min(0.002);
    }
    row.scale
        * match row.reading.as_ref().and_then(|reading| reading.quantile()) {
            Some(p) if p > 0.99 => 0.05,
            Some(p) if p > 0.9 => 0.02,
            _ => 0.01,
        }
}

//! The acceptance test: an estimate with its standard error from sectioning over replications, against a known number.

use super::observed::Observed;
use super::reading::Reading;
use super::rows::Row;

/// Standard errors an estimate may be off.
pub const STANDARD_ERRORS: f64 = 3.5;
/// Observations that a section must have beyond a quantile.
pub const BEYOND: f64 = 100.0;
/// What histogram buckets may add to a quantile, relative.
const BUCKETS: f64 = 0.001;
/// The largest standard error of a probability that means something: this much, and this share of it.
const PROBABILITY: (f64, f64) = (0.002, 0.05);

/// What was found for a row.
#[derive(Clone, Debug)]
pub struct Finding {
    /// From all replications together.
    pub estimate: f64,
    /// Its standard error.
    pub error: f64,
    /// Observations beyond a quantile in each section; infinite for other numbers.
    pub beyond: f64,
    /// How the known number divides what was observed, where the law has an atom at it.
    pub atom: Option<Atom>,
    /// What each replication alone is off the mean of all, in standard errors of that mean and divided by their number: they
    /// sum to zero, their squares to about one.
    pub parts: Vec<f64>,
}

/// A known quantile at an atom of its law: a whole number, or a wait of zero. There, an estimate is nearly always exactly right
/// or, when the probability is at the edge of the atom, off to one side only; it has no standard error worth the name. What is
/// tested is what makes x a quantile: that P(X < x) is at most its probability and P(X <= x) at least.
#[derive(Clone, Copy, Debug)]
pub struct Atom {
    /// Probability of the quantile.
    pub level: f64,
    /// Share of the observations below the known number, and its standard error.
    pub below: (f64, f64),
    /// Share up to the known number, and its standard error.
    pub up_to: (f64, f64),
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
        let beyond = match (reading.quantile(), reading.times(&all)) {
            (Some(p), Some(times)) => times.count() as f64 * p.min(1.0 - p),
            _ => f64::INFINITY,
        };
        let sections = [40, 20].into_iter().find(|&n| n <= runs.len() && beyond / n as f64 >= BEYOND).unwrap_or(10);
        let sections = sections.min(runs.len());
        let error = standard_error(runs, sections, estimate, |seen| reading.of(seen));
        let atom = Atom::at(row.value, reading, runs, &all);
        Some(Finding { estimate, error, beyond: beyond / sections as f64, atom, parts: parts(reading, runs, error) })
    }

    /// Distance from the known number in standard errors; at an atom, of the probability from what belongs to the number.
    pub fn z(&self, row: &Row) -> f64 {
        match (self.atom, self.estimate - row.value) {
            (Some(atom), _) => atom.z(),
            (None, 0.0) => 0.0,
            (None, distance) => distance / self.error,
        }
    }

    /// The distance of those rows that can show a bias: neither approximations nor numbers at an atom.
    pub fn counted_z(&self, row: &Row) -> Option<f64> {
        (row.tolerance == 0.0 && self.atom.is_none() && self.error > 0.0).then(|| self.z(row))
    }

    /// Whether it is within so many standard errors, or what buckets and approximation allow.
    pub fn agrees(&self, row: &Row, standard_errors: f64) -> bool {
        if let Some(atom) = self.atom {
            return atom.z().abs() <= standard_errors;
        }
        let buckets = if row.reading.as_ref().is_some_and(|r| r.quantile().is_some()) { BUCKETS } else { 0.0 };
        let allowed = (standard_errors * self.error).max(buckets * row.value.abs()) + row.tolerance;
        (self.estimate - row.value).abs() <= allowed
    }

    /// The verdict at full precision.
    pub fn verdict(&self, row: &Row) -> Verdict {
        match (self.agrees(row, STANDARD_ERRORS), self.uncertainty() <= precision(row)) {
            _ if self.beyond < BEYOND => Verdict::Vague,
            (false, _) => Verdict::Wrong,
            (true, false) => Verdict::Vague,
            (true, true) => Verdict::Passed,
        }
    }

    /// The standard error of what is tested.
    pub fn uncertainty(&self) -> f64 {
        self.atom.map_or(self.error, |atom| atom.below.1.max(atom.up_to.1))
    }
}

impl Atom {
    fn at(value: f64, reading: &Reading, runs: &[Observed], all: &Observed) -> Option<Atom> {
        let level = reading.quantile().filter(|_| value == 0.0 || reading.is_whole())?;
        let (below, up_to) = reading.shares(all, value)?;
        let share = |seen: &Observed| reading.shares(seen, value).unwrap_or((f64::NAN, f64::NAN));
        let below_error = standard_error(runs, runs.len(), below, |seen| share(seen).0);
        let up_to_error = standard_error(runs, runs.len(), up_to, |seen| share(seen).1);
        Some(Atom { level, below: (below, below_error), up_to: (up_to, up_to_error) })
    }

    /// Zero while the probability lies between the shares; positive where the known number is exceeded too often.
    fn z(&self) -> f64 {
        let Atom { level, below, up_to } = *self;
        match level {
            _ if level > up_to.0 => (level - up_to.0) / up_to.1,
            _ if level < below.0 => (level - below.0) / below.1,
            _ => 0.0,
        }
    }
}

/// The standard error of an estimate from all replications, by what groups of them say.
fn standard_error(runs: &[Observed], groups: usize, estimate: f64, of: impl Fn(&Observed) -> f64) -> f64 {
    let squares: f64 = (0..groups)
        .map(|g| {
            let (from, to) = (g * runs.len() / groups, (g + 1) * runs.len() / groups);
            (of(&Observed::together(&runs[from..to])) - estimate).powi(2)
        })
        .sum();
    let n = groups as f64;
    (squares / (n - 1.0) / n).sqrt()
}

fn parts(reading: &Reading, runs: &[Observed], error: f64) -> Vec<f64> {
    let values: Vec<f64> = runs.iter().map(|run| reading.of(run)).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean) / (error * n)).collect()
}

/// The largest standard error that means something: 1 % of means and medians, 2 % of a p99, 5 % of what lies beyond; 0.002
/// and 5 % for probabilities, among them what lies on the smaller side of a quantile at an atom.
pub fn precision(row: &Row) -> f64 {
    let quantile = row.reading.as_ref().and_then(Reading::quantile);
    let of_share = |share: f64| PROBABILITY.0.min(PROBABILITY.1 * share);
    let is_share = ["prob_", "loss_", "drop_", "hit_"].iter().any(|start| row.metric.starts_with(start));
    match (&row.reading, quantile) {
        _ if is_share => of_share(row.scale),
        (Some(reading), Some(p)) if row.value == 0.0 || reading.is_whole() => of_share(p.min(1.0 - p)),
        (_, Some(p)) if p > 0.99 => 0.05 * row.scale,
        (_, Some(p)) if p > 0.9 => 0.02 * row.scale,
        _ => 0.01 * row.scale,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Median of a law with an atom that ends at probability one half.
    fn at_the_edge(up_to: f64) -> Atom {
        Atom { level: 0.5, below: (0.0, 0.0), up_to: (up_to, 0.001) }
    }

    #[test]
    fn a_quantile_at_an_atom_is_judged_by_the_probability_that_belongs_to_it() {
        assert_eq!(at_the_edge(0.6).z(), 0.0);
        assert!((at_the_edge(0.499).z() - 1.0).abs() < 1e-9 && at_the_edge(0.49).z() > 9.0);
        let inside = Atom { level: 0.999, below: (0.9984, 1e-5), up_to: (0.9991, 1e-5) };
        let next = Atom { below: inside.up_to, up_to: (0.9996, 1e-5), ..inside };
        assert!(inside.z() == 0.0 && next.z() < -9.0, "the number after the quantile is refused: {}", next.z());
    }
}

//! How often a capacity that is claimed is not there: searches on a queue whose capacity is known.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use gatepath::exec::Executor;
use gatepath::scenario::{self, Field, Objective};
use gatepath::study::Case;
use gatepath::study::capacity::{Question, Runner, search};

use super::all;

/// An M/M/1 of 10 ms a request and an objective that it just meets at [`CAPACITY`], with so little data in a replication that
/// most values near it cannot be told.
#[derive(Clone, Copy, Debug)]
pub struct Objectives {
    /// As a user writes it.
    pub text: &'static str,
    /// What it is, for a table.
    pub name: &'static str,
}

/// Requests a second at which the objectives are just met: half of what the server can do.
pub const CAPACITY: f64 = 50.0;

/// The response time of M/M/1 is exponential with mean 1 / (100 - 50) s: 20 ms, and a p95 of 20 ms x ln 20 = 59.9146 ms.
pub const OBJECTIVES: [Objectives; 2] =
    [Objectives { text: "mean < 20 ms", name: "mean" }, Objectives { text: "p95 < 59.9146455 ms", name: "p95" }];

/// What searches with other luck each claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Claims {
    /// Searches.
    pub searches: usize,
    /// Of them, those whose highest value that "meets the objectives" does not.
    pub too_high: usize,
    /// Those whose lowest value that "does not" does.
    pub too_low: usize,
    /// Mean distance of the two values, relative to the capacity.
    pub gap: f64,
    /// Mean of the value by interpolation less the capacity, relative to it.
    pub bias: f64,
}

impl Objectives {
    /// Searches with the seeds 1, 2, 3 and so on, as `gatepath capacity --over traffic.rate --max-replications 40` does.
    pub fn claims(self, searches: usize) -> Result<Claims, String> {
        let found = all(searches, |number| self.search(number + 1)).into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut claims = Claims { searches, ..Claims::default() };
        for (good, bad, estimate) in found {
            claims.too_high += usize::from(good > CAPACITY);
            claims.too_low += usize::from(bad < CAPACITY);
            claims.gap += (bad - good) / CAPACITY / searches as f64;
            claims.bias += (estimate / CAPACITY - 1.0) / searches as f64;
        }
        Ok(claims)
    }

    /// The highest value that does, the lowest that does not, and the interpolated one.
    fn search(self, seed: u64) -> Result<(f64, f64, f64), String> {
        let text = format!(
            "traffic: {{arrivals: poisson, rate: 30/s, duration: 100 s}}\n\
             path: [station: {{service: {{exponential: {{mean: 10 ms}}}}, queue: unlimited}}]\n\
             run: {{seed: {seed}, interval: 100 s}}\n"
        );
        let field = Field::parse("traffic.rate", "30/s").ok_or("no field")?;
        let cases = |value: f64| {
            let sets = [field.setting(value)];
            let loaded = scenario::load_bytes("queue", "queue.yaml", text.as_bytes(), Path::new(""), &sets);
            loaded.map(|scenario| Case::new("queue", scenario)).map_err(|(problems, _)| format!("{problems:?}"))
        };
        let question = Question {
            field: field.clone(),
            objectives: vec![Objective::parse(self.text).map_err(|(problems, _)| format!("{problems:?}"))?],
            end: None,
            within: (0.0, f64::MAX),
            precision: 0.01,
            confidence: 0.95,
            replications: 10,
            most: 40,
        };
        let runner = Runner { executor: Executor::Auto, threads: 1, cancel: &AtomicBool::new(false) };
        let found = search(&question, &cases, runner, &|_| {}).map_err(|error| error.to_string())?;
        let ends = (found.good.unwrap_or(0.0), found.bad.unwrap_or(f64::INFINITY));
        Ok((ends.0, ends.1, found.estimate.unwrap_or(f64::NAN)))
    }
}

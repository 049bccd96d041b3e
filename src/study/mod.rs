//! Studies: replications of scenarios in parallel, the estimates they give, comparisons and verdicts.
//!
//! The only place with threads. Every (scenario, replication) pair is a function of the scenario, the seed and the number of
//! the replication; results are reduced in order of that number. So the bytes are the same for any number of threads and
//! any order of scenarios.

pub mod batches;
pub mod break_even;
pub mod capacity;
pub mod case;
pub mod cheapest;
pub mod choice;
pub mod compare;
pub mod control;
pub mod cost;
pub mod estimate;
pub mod finding;
pub mod metering;
pub mod objective;
pub mod percentiles;
pub mod provision;
pub mod replicate;
pub mod stop;
pub mod streams;
pub mod tail;
pub mod theory;
#[cfg(test)]
pub mod trial;

pub use case::{Case, Traffic};
pub use compare::{Change, Comparison};
pub use cost::{Cost, CostDifference, PricedDifference};
pub use estimate::{Estimates, Measure, Metric, Status};
pub use finding::Finding;
pub use objective::{Judgement, Verdict};
pub use replicate::{Sample, Watch, replicate, replicate_together};
pub use stop::{Ended, Precision};
pub use theory::Beside;

//! Statistics of a run: exact-count histograms, series over simulated time, warm-up rules and the intervals that say how
//! far each number can be trusted.
//!
//! The unit of inference is the independent replication: latencies within one run are correlated, replications are not.
//! Nothing here draws luck, reads a clock or depends on the order in which replications finish.

#[cfg(test)]
mod coverage;
pub mod histogram;
pub mod interval;
pub mod selection;
pub mod series;
pub mod stability;
pub mod student;
pub mod theory;
pub mod timeline;
pub mod warmup;

pub use histogram::Histogram;
pub use interval::{Interval, Sections, Trust};
pub use series::Series;
pub use stability::Stability;
pub use timeline::Timeline;
pub use warmup::{Warmup, Why};

//! Controllers: what changes a run's capacity while it goes on. A controller acts at instants known beforehand, before
//! everything else of that instant, and may read only what is a function of the past of its tick.

mod scaler;

pub use scaler::Scaler;

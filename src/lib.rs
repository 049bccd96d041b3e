//! gatepath: a discrete-event performance simulator of API-gateway data paths.
//!
//! A scenario compiles to a program of queueing operators; a request is a call stack running through it; luck is a
//! function of who draws and what for. See ARCHITECTURE.md for the floors and the reasons.

pub mod cli;
pub mod control;
pub mod diagnostic;
pub mod exec;
pub mod facts;
pub mod lanes;
pub mod law;
pub mod math;
pub mod op;
pub mod pricing;
pub mod program;
pub mod report;
pub mod rng;
mod rows;
pub mod scenario;
pub mod spec;
pub mod stage;
pub mod stats;
pub mod study;
pub mod time;
pub mod traffic;
pub mod units;

//! The executors. All of them run the same program and give the same result, request by request and bit by bit:
//! [`plain`] makes every instruction an event and is the oracle, [`events`] runs a request on until it must wait.
//! The latter is the [`interpreter`] with the whole program as its part.

mod ahead;
mod calendar;
pub mod columns;
mod core;
mod draws;
pub mod events;
pub mod interpreter;
pub mod order;
pub mod plain;
mod recorder;
pub mod run;
pub mod source;
mod station;
mod step;
mod token;
mod visits;

pub use run::{Answers, Balance, Options, Record, Resource, ResourceKind, Run, StageTime, Verdict};
pub use source::{Arrival, Source};

use crate::program::Program;

/// Which executor runs a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Executor {
    /// Every instruction is an event: slow and obviously right.
    Plain,
    /// Delays are fused, stations decide on arrival.
    #[default]
    Event,
}

/// Runs one replication of a program to its end.
pub fn execute(executor: Executor, program: &Program, source: Box<dyn Source>, options: &Options<'_>) -> Run {
    match executor {
        Executor::Plain => plain::run(program, source, options),
        Executor::Event => events::run(program, source, options),
    }
}

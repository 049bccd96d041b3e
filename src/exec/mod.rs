//! The executors. All of them run the same program and give the same result, request by request and bit by bit:
//! [`plain`] makes every instruction an event and is the oracle, [`events`] runs a request on until it must wait; it is
//! the [`interpreter`] with the whole program as its part. [`window`] takes all requests of a window of time through one
//! instruction after another. [`plan`] says which is the faster.

mod ahead;
mod calendar;
pub mod columns;
mod core;
mod draws;
pub mod events;
pub mod follow;
pub mod interpreter;
pub mod order;
pub mod plain;
pub mod plan;
mod recorder;
pub mod run;
pub mod source;
mod station;
mod step;
mod timed;
mod token;
mod visits;
mod window;

pub use run::{Answers, Balance, Options, Record, Resource, ResourceKind, Run, StageTime, Verdict};
pub use source::{Arrival, Source};

pub use plan::{Plan, Reason, Sources};
pub use timed::{Timed, timed};

use crate::program::{Parts, Program};
use crate::time::Span;
use plan::Pace;

/// Which executor runs a program. The result is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Executor {
    /// Every instruction is an event: slow and obviously right.
    Plain,
    /// Delays are fused, stations decide on arrival.
    Event,
    /// All requests of a window of time together, where the program allows it; windows of this length or less if given.
    Window(Option<Span>),
    /// Windows where they are faster than events.
    #[default]
    Auto,
}

/// Windows of 65 us are worth while for nobody; where repeats come back sooner, their circle runs by events.
const SHORT: Span = Span(1 << 16);

/// Runs one replication of a program to its end.
pub fn execute(executor: Executor, program: &Program, sources: Sources<'_>, options: &Options<'_>) -> Run {
    match executor {
        Executor::Plain => plain::run(program, sources(), options),
        Executor::Event => events::run(program, sources(), options),
        Executor::Window(length) => {
            let length = length.unwrap_or_else(|| Pace::of(sources).length());
            let run = in_windows(program, sources, options, length, length.min(SHORT));
            run.unwrap_or_else(|| events::run(program, sources(), options))
        }
        Executor::Auto => {
            let Plan { parts, length, reason } = Plan::of(program, sources);
            let run = match reason {
                Reason::Windows | Reason::Optimistic => window::run(program, &parts, length, sources(), options),
                Reason::Closed | Reason::Loops => None,
            };
            run.unwrap_or_else(|| events::run(program, sources(), options))
        }
    }
}

/// A run in windows of this length, as if no repeat came back before its window has ended. Nothing when one does, or when
/// the run must be by events for another reason.
pub fn optimistically(program: &Program, sources: Sources<'_>, options: &Options<'_>, length: Span) -> Option<Run> {
    let source = sources();
    let parts = Parts::optimistic(program).filter(|_| !source.is_closed())?;
    window::run(program, &parts, length, source, options)
}

/// A run in windows of this length or less, not below `shortest`. Nothing when it must or had better be by
/// events: for closed traffic, when a backlog outgrows the guard, when repeats come back too soon.
pub fn in_windows(
    program: &Program,
    sources: Sources<'_>,
    options: &Options<'_>,
    length: Span,
    shortest: Span,
) -> Option<Run> {
    let source = sources();
    if source.is_closed() {
        return None;
    }
    let parts = Parts::of(program, shortest);
    let length = parts.longest_window().map_or(length, |longest| length.min(longest));
    window::run(program, &parts, length, source, options)
}

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
mod window;

pub use run::{Answers, Balance, Options, Record, Resource, ResourceKind, Run, StageTime, Verdict};
pub use source::{Arrival, Source};

use crate::program::{Parts, Program};
use crate::time::Span;

/// Which executor runs a program. The result is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Executor {
    /// Every instruction is an event: slow and obviously right.
    Plain,
    /// Delays are fused, stations decide on arrival.
    Event,
    /// All requests of a window of time together, where the program allows it; windows of `2^n` nanoseconds if given.
    Window(Option<u32>),
    /// Windows where they are faster than events.
    #[default]
    Auto,
}

/// Windows of 65 us are worth while for nobody; where repeats come back sooner, their circle runs by events.
const SHORT: u32 = 16;

/// Makes the source of a run anew.
pub type Sources<'a> = &'a dyn Fn() -> Box<dyn Source>;

/// Runs one replication of a program to its end.
pub fn execute(executor: Executor, program: &Program, sources: Sources<'_>, options: &Options<'_>) -> Run {
    match executor {
        Executor::Plain => plain::run(program, sources(), options),
        Executor::Event => events::run(program, sources(), options),
        Executor::Window(shift) => {
            let pace = Pace::of(sources);
            let shift = shift.unwrap_or_else(|| pace.shift());
            let run = in_windows(program, sources, options, shift, Span(1 << shift.min(SHORT)));
            run.unwrap_or_else(|| events::run(program, sources(), options))
        }
        Executor::Auto => {
            let pace = Pace::of(sources);
            let run = in_windows(program, sources, options, pace.shift(), pace.shortest());
            run.unwrap_or_else(|| events::run(program, sources(), options))
        }
    }
}

/// A run in windows of `2^shift` nanoseconds or less, not below `shortest`. Nothing when it must or had better be by
/// events: for closed traffic, when a backlog outgrows the guard, when repeats come back too soon.
pub fn in_windows(
    program: &Program,
    sources: Sources<'_>,
    options: &Options<'_>,
    shift: u32,
    shortest: Span,
) -> Option<Run> {
    let source = sources();
    if source.is_closed() || Span(1 << shift) < shortest {
        return None;
    }
    let parts = Parts::of(program, shortest);
    let longest = parts.lag.map_or(shift, |lag| lag.0.ilog2());
    window::run(program, &parts, shift.min(longest), source, options)
}

/// How many requests come, as seen from the first of them.
struct Pace {
    /// Requests a nanosecond.
    rate: f64,
}

impl Pace {
    /// Requests in a window that make it worth while.
    const FEWEST: f64 = 8.0;
    /// Requests in a window that are enough: more would not stay in the nearest caches.
    const MOST: f64 = 2048.0;

    fn of(sources: Sources<'_>) -> Pace {
        let mut block = Vec::new();
        sources().fill(&mut block);
        let rate = match (block.first(), block.last()) {
            (Some(first), Some(last)) => (block.len() - 1) as f64 / (last.at - first.at).0.max(1) as f64,
            _ => 0.0,
        };
        Pace { rate }
    }

    /// Windows of this length have enough requests, or are as long as they can be.
    fn shift(&self) -> u32 {
        let length = (Pace::MOST / self.rate.max(f64::MIN_POSITIVE)).min((1u64 << window::LONGEST) as f64);
        (length as u64).max(1).ilog2()
    }

    fn shortest(&self) -> Span {
        Span((Pace::FEWEST / self.rate.max(f64::MIN_POSITIVE)).min(u64::MAX as f64) as u64)
    }
}

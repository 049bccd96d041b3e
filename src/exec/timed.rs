//! A run in windows with a clock beside it: how long each step of the program takes. Runs that are not timed pay one
//! look at a pointer for each step of a window. The clock comes from outside; what it says influences nothing.

use super::plan::{Plan, Sources};
use super::run::{Options, Run};
use super::window;
use crate::program::{Program, Step};

/// Told whenever a piece of work is done.
pub(super) trait Laps {
    /// The work since the last lap was this.
    fn lap(&mut self, piece: Piece);
}

/// A piece of the work on a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Births.
    Arrivals,
    /// A step of the program, by its place in the plan.
    Step(usize),
    /// What is done between one window and the next.
    Between,
}

/// Where the time of a run went, in nanoseconds of the clock that was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// The run, the same as without a clock.
    pub run: Run,
    /// Each step of the plan with its time: its order, its records and the way on are included, as are marks, answers and
    /// ends right after it.
    pub steps: Vec<(Step, u64)>,
    /// Time to make the requests.
    pub arrivals: u64,
    /// Time between windows.
    pub between: u64,
    /// How often the clock was read for each step.
    pub windows: u64,
}

/// Runs one replication in windows and times each step. Nothing when the run has to be by events.
pub fn timed(
    program: &Program,
    sources: Sources<'_>,
    options: &Options<'_>,
    clock: &mut dyn FnMut() -> u64,
) -> Option<Timed> {
    let source = sources();
    if source.is_closed() {
        return None;
    }
    let Plan { parts, length, .. } = Plan::of(program, sources);
    let last = clock();
    let mut watch = Watch { clock, last, steps: vec![0; parts.steps.len()], arrivals: 0, between: 0, windows: 0 };
    let run = window::run_watched(program, &parts, length, source, options, &mut watch)?;
    let Watch { steps, arrivals, between, windows, .. } = watch;
    Some(Timed { run, steps: parts.steps.iter().cloned().zip(steps).collect(), arrivals, between, windows })
}

struct Watch<'a> {
    clock: &'a mut dyn FnMut() -> u64,
    last: u64,
    steps: Vec<u64>,
    arrivals: u64,
    between: u64,
    windows: u64,
}

impl Laps for Watch<'_> {
    fn lap(&mut self, piece: Piece) {
        let now = (self.clock)();
        let passed = now.saturating_sub(self.last);
        self.last = now;
        match piece {
            Piece::Arrivals => {
                self.arrivals += passed;
                self.windows += 1;
            }
            Piece::Step(number) => self.steps[number] += passed,
            Piece::Between => self.between += passed,
        }
    }
}

//! How a program had better be run: in windows or by events, in windows of which length, and why.

use super::source::Source;
use super::window;
use crate::program::{Parts, Program};
use crate::time::Span;

/// Makes the source of a run anew.
pub type Sources<'a> = &'a dyn Fn() -> Box<dyn Source>;

/// Windows pay where at most one instruction in so many runs by events all the same.
pub(super) const LOOPS: usize = 2;

/// How the automatic executor runs a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The program in parts.
    pub parts: Parts,
    /// Length of the windows.
    pub length: Span,
    /// Whether it runs in windows.
    pub reason: Reason,
}

/// Why a program runs in windows or by events. The result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// In windows: little depends on itself without a lag, and a window has requests enough.
    Windows,
    /// In windows, as if no repeat came back before its window has ended; when one does, again by events.
    Optimistic,
    /// By events: requests follow others.
    Closed,
    /// By events: too much of the path depends on itself without a lag.
    Loops,
}

impl Plan {
    /// The plan for a program and its traffic.
    pub fn of(program: &Program, sources: Sources<'_>) -> Plan {
        let pace = Pace::of(sources);
        let closed = sources().is_closed();
        let parts = Parts::of(program, pace.shortest());
        let length = parts.longest_window().map_or(pace.length(), |longest| pace.length().min(longest));
        let pays = |parts: &Parts| parts.always_by_events(program) * LOOPS <= program.code.len();
        if !closed
            && !pays(&parts)
            && let Some(parts) = Parts::optimistic(program).filter(pays)
        {
            return Plan { parts, length: pace.length(), reason: Reason::Optimistic };
        }
        let reason = match (closed, pays(&parts)) {
            (true, _) => Reason::Closed,
            (false, true) => Reason::Windows,
            (false, false) => Reason::Loops,
        };
        Plan { parts, length, reason }
    }
}

/// How many requests come, as seen from the first of them.
pub(super) struct Pace {
    /// Requests a nanosecond.
    rate: f64,
}

impl Pace {
    /// Requests in a window that make it worth while.
    const FEWEST: f64 = 8.0;
    /// Requests in a window that are enough: more would not stay in the nearest caches.
    const MOST: f64 = 2048.0;

    pub fn of(sources: Sources<'_>) -> Pace {
        let mut block = Vec::new();
        sources().fill(&mut block);
        let rate = match (block.first(), block.last()) {
            (Some(first), Some(last)) => (block.len() - 1) as f64 / (last.at - first.at).0.max(1) as f64,
            _ => 0.0,
        };
        Pace { rate }
    }

    /// Windows of this length have enough requests, or are as long as they can be.
    pub fn length(&self) -> Span {
        Span((Pace::MOST / self.rate.max(f64::MIN_POSITIVE)) as u64).clamp(Span(1), window::LONGEST)
    }

    fn shortest(&self) -> Span {
        Span((Pace::FEWEST / self.rate.max(f64::MIN_POSITIVE)).min(u64::MAX as f64) as u64)
    }
}

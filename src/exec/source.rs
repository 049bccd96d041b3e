//! Where requests come from: arrivals in order of time, in blocks.

use crate::time::Time;

/// A request that arrives, with all that is known of it beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// When the user means to send it.
    pub at: Time,
    /// Number of the request; with the keys of the draws it decides its luck.
    pub serial: u64,
    /// Traffic class.
    pub class: u16,
    /// Key of the object it asks for.
    pub key: u32,
    /// Size of the request in bytes.
    pub request_bytes: u32,
    /// Size of the response in bytes.
    pub response_bytes: u32,
    /// Service demand in nanoseconds, for stations that take it from the arrival.
    pub demand: u64,
    /// Target, for balancers that take it from the arrival.
    pub target: u32,
}

/// A source of requests for one replication. What it gives is a function of seed, replication and schedule only.
pub trait Source: Send {
    /// Appends the next arrivals in order of time (ties by serial); nothing appended means there are no more.
    /// Blocks may have any length; a few hundred arrivals keep the cost of the call small.
    fn fill(&mut self, block: &mut Vec<Arrival>);

    /// Appends only the times of the next arrivals, in nanoseconds and in order, for sources whose requests differ in
    /// nothing but time and serial. What is given is the first of them; the others are like it, with serials that count
    /// up. If no time was appended there are no more. Nothing is given, and nothing appended, by sources whose requests
    /// differ in more: those need [`fill`](Source::fill).
    fn fill_times(&mut self, _times: &mut Vec<u64>) -> Option<Arrival> {
        None
    }

    /// Whether requests follow others.
    fn is_closed(&self) -> bool {
        false
    }

    /// For closed traffic: the next request of the user whose request `serial` ended at `end`, not before `end`.
    fn follow(&mut self, _serial: u64, _end: Time) -> Option<Arrival> {
        None
    }
}

//! Processor sharing: all requests at a station share its servers equally, none faster than one server. Kept as a
//! virtual time that every request present has been served for; a request ends when it reaches its own mark.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::window::{Level, Window};
use crate::program::StationSpec;
use crate::time::{Span, Time};

/// Fractions of a nanosecond of service, in bits. Work is whole numbers, so no order of additions matters.
const FRACTION: u32 = 32;

/// A request at a station, in order of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Job {
    mark: u128,
    serial: u64,
    trail: u64,
    slot: u32,
}

/// A group of stations.
#[derive(Clone, Debug)]
pub struct Sharing {
    servers: u32,
    places: u64,
    stations: Vec<Station>,
}

#[derive(Clone, Debug, Default)]
struct Station {
    served: u128,
    since: Time,
    jobs: BinaryHeap<Reverse<Job>>,
    busy: Level,
    version: u32,
}

impl Station {
    /// Serves everyone up to an instant.
    fn advance(&mut self, at: Time, servers: u32) {
        let jobs = self.jobs.len() as u128;
        let work = ((at - self.since).0 as u128) << FRACTION;
        self.served += (work * jobs.min(servers as u128)).checked_div(jobs).unwrap_or(0);
        self.since = at;
    }

    /// When the next request ends if nobody else comes.
    fn next_end(&self, servers: u32) -> Option<Time> {
        let Reverse(first) = self.jobs.peek()?;
        let jobs = self.jobs.len() as u128;
        let rest = first.mark.saturating_sub(self.served) * jobs;
        let span = rest.div_ceil(jobs.min(servers as u128) << FRACTION);
        Some(self.since + Span(span as u64))
    }
}

/// A change at a station: when its next request ends, and the number of this forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// End of the next request, if there is one.
    pub at: Option<Time>,
    /// Forecasts with an older number are void.
    pub version: u32,
}

impl Sharing {
    /// Idle stations.
    pub fn new(spec: &StationSpec) -> Sharing {
        Sharing {
            servers: spec.servers,
            places: spec.queue.map_or(u64::MAX, |queue| spec.servers as u64 + queue as u64),
            stations: vec![Station::default(); spec.targets as usize],
        }
    }

    /// Whether there is a place for one more.
    pub fn has_place(&self, target: usize) -> bool {
        (self.stations[target].jobs.len() as u64) < self.places
    }

    /// Requests at a target beyond the number of its servers.
    pub fn waiting(&self, target: usize) -> usize {
        self.stations[target].jobs.len().saturating_sub(self.servers as usize)
    }

    /// A request starts to be served.
    pub fn arrive(&mut self, target: usize, at: Time, service: Span, who: (u64, u64, u32), window: Window) -> Forecast {
        let station = &mut self.stations[target];
        station.advance(at, self.servers);
        let mark = station.served + ((service.0 as u128) << FRACTION);
        let (serial, trail, slot) = who;
        station.jobs.push(Reverse(Job { mark, serial, trail, slot }));
        self.forecast(target, at, window)
    }

    /// The next request that has ended by an instant, if a forecast of this version still holds.
    pub fn ended(&mut self, target: usize, at: Time, version: u32) -> Option<u32> {
        let station = &mut self.stations[target];
        if station.version != version {
            return None;
        }
        station.advance(at, self.servers);
        let done = station.jobs.peek().is_some_and(|Reverse(job)| job.mark <= station.served);
        done.then(|| station.jobs.pop().map(|Reverse(job)| job.slot)).flatten()
    }

    /// A new forecast after a change.
    pub fn forecast(&mut self, target: usize, at: Time, window: Window) -> Forecast {
        let station = &mut self.stations[target];
        station.version = station.version.wrapping_add(1);
        let busy = (station.jobs.len() as u32).min(self.servers);
        station.busy.set(at, busy, window);
        Forecast { at: station.next_end(self.servers), version: station.version }
    }

    /// Requests present, all targets together.
    pub fn taken(&self) -> u64 {
        self.stations.iter().map(|station| station.jobs.len() as u64).sum()
    }

    /// Nanoseconds of busy servers in the measured time, by target.
    pub fn busy(&self, at: Time, window: Window) -> Vec<u64> {
        self.stations.iter().map(|station| station.busy.total(at, window)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Discipline;

    const WINDOW: Window = Window { from: Time(0), until: Time(1_000) };

    fn station(servers: u32) -> Sharing {
        Sharing::new(&StationSpec {
            name: "s".into(),
            targets: 1,
            servers,
            queue: None,
            discipline: Discipline::ProcessorSharing,
            slowness: Vec::new(),
            patience: None,
            setup: None,
            target: None,
        })
    }

    /// Runs arrivals of (time, service) to the end and gives the end of each.
    fn ends(servers: u32, arrivals: &[(u64, u64)]) -> Vec<u64> {
        let mut station = station(servers);
        let (mut ends, mut next, mut forecast) = (vec![0; arrivals.len()], 0, Forecast { at: None, version: 0 });
        loop {
            let arrival = arrivals.get(next).map(|&(at, _)| Time(at));
            match (forecast.at, arrival) {
                (Some(end), arrival) if arrival.is_none_or(|at| end <= at) => {
                    while let Some(slot) = station.ended(0, end, forecast.version) {
                        ends[slot as usize] = end.0;
                    }
                    forecast = station.forecast(0, end, WINDOW);
                }
                (_, Some(at)) => {
                    let who = (next as u64, 0, next as u32);
                    forecast = station.arrive(0, at, Span(arrivals[next].1), who, WINDOW);
                    next += 1;
                }
                (_, None) => return ends,
            }
        }
    }

    #[test]
    fn two_requests_share_one_server() {
        assert_eq!(ends(1, &[(0, 100), (50, 100)]), [150, 200]);
    }

    #[test]
    fn nobody_is_served_by_more_than_one_server() {
        assert_eq!(ends(2, &[(0, 100), (0, 60), (0, 60)]), [130, 90, 90]);
    }

    #[test]
    fn equal_requests_end_together() {
        assert_eq!(ends(1, &[(0, 10), (0, 10), (0, 10)]), [30, 30, 30]);
    }
}

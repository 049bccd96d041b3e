//! Two priorities: class 0 goes before all other classes. Without interruption, or with preemption and resumption.

use std::collections::VecDeque;

use super::window::{Level, Window};
use crate::program::StationSpec;
use crate::time::{Span, Time};

/// A request at a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// Place with the executor.
    pub slot: u32,
    /// Number of this visit.
    pub ticket: u32,
    /// Service still to be given.
    pub rest: Span,
    /// Arrival at the station.
    pub arrived: Time,
    /// Service asked for in all.
    pub service: Span,
    /// Whether it goes first.
    pub first: bool,
}

/// A request in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Running {
    job: Job,
    start: Time,
    run: u32,
}

/// A start of service: whoever it is ends then, unless interrupted (the run number is void then).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Who.
    pub slot: u32,
    /// End of service.
    pub end: Time,
    /// Number of this stretch of service.
    pub run: u32,
}

/// What becomes of a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// It is served at once.
    Started(Started),
    /// It waits.
    Waits,
    /// No waiting place is free.
    Full,
}

/// A group of stations.
#[derive(Clone, Debug)]
pub struct Priority {
    servers: usize,
    places: usize,
    preempts: bool,
    runs: u32,
    stations: Vec<Station>,
}

#[derive(Clone, Debug, Default)]
struct Station {
    running: Vec<Running>,
    first: VecDeque<Job>,
    others: VecDeque<Job>,
    busy: Level,
}

impl Station {
    fn waiting(&self) -> usize {
        self.first.len() + self.others.len()
    }
}

impl Priority {
    /// Idle stations; `preempts` when class 0 interrupts.
    pub fn new(spec: &StationSpec, preempts: bool) -> Priority {
        Priority {
            servers: spec.servers as usize,
            places: spec.queue.map_or(usize::MAX, |queue| queue as usize),
            preempts,
            runs: 0,
            stations: vec![Station::default(); spec.targets as usize],
        }
    }

    /// A request arrives.
    pub fn arrive(&mut self, target: usize, at: Time, job: Job, window: Window) -> Arrived {
        let station = &mut self.stations[target];
        if station.running.len() < self.servers {
            return Arrived::Started(self.start(target, at, job, window));
        }
        if job.first && self.preempts && self.interrupt(target, at) {
            return Arrived::Started(self.start(target, at, job, window));
        }
        let station = &mut self.stations[target];
        if station.waiting() >= self.places {
            return Arrived::Full;
        }
        if job.first {
            station.first.push_back(job)
        } else {
            station.others.push_back(job)
        }
        Arrived::Waits
    }

    /// The end of a stretch of service, if its number still holds: who has ended, and who starts in its place.
    pub fn ended(&mut self, target: usize, at: Time, run: u32, window: Window) -> Option<(Job, Option<Started>)> {
        let station = &mut self.stations[target];
        let place = station.running.iter().position(|running| running.run == run)?;
        let done = station.running.swap_remove(place).job;
        station.busy.set(at, station.running.len() as u32, window);
        let next = station.first.pop_front().or_else(|| station.others.pop_front());
        Some((done, next.map(|job| self.start(target, at, job, window))))
    }

    fn start(&mut self, target: usize, at: Time, job: Job, window: Window) -> Started {
        let station = &mut self.stations[target];
        self.runs = self.runs.wrapping_add(1);
        station.running.push(Running { job, start: at, run: self.runs });
        station.busy.set(at, station.running.len() as u32, window);
        Started { slot: job.slot, end: at + job.rest, run: self.runs }
    }

    /// Interrupts the request of low priority that started last, if there is one.
    fn interrupt(&mut self, target: usize, at: Time) -> bool {
        let station = &mut self.stations[target];
        let low = station.running.iter().enumerate().filter(|(_, running)| !running.job.first);
        let Some((place, _)) = low.max_by_key(|(_, running)| (running.start, running.run)) else { return false };
        let Running { mut job, start, .. } = station.running.swap_remove(place);
        job.rest = Span(job.rest.0 - (at - start).0);
        station.others.push_front(job);
        true
    }

    /// Requests that wait at a target.
    pub fn waiting(&self, target: usize) -> usize {
        self.stations[target].waiting()
    }

    /// Requests present, all targets together.
    pub fn taken(&self) -> u64 {
        self.stations.iter().map(|station| (station.running.len() + station.waiting()) as u64).sum()
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

    fn station(preempts: bool) -> Priority {
        let spec = StationSpec {
            name: "s".into(),
            targets: 1,
            servers: 1,
            queue: Some(2),
            discipline: Discipline::Priority,
            slowness: Vec::new(),
            patience: None,
            setup: None,
            target: None,
        };
        Priority::new(&spec, preempts)
    }

    fn job(slot: u32, at: u64, service: u64, first: bool) -> Job {
        Job { slot, ticket: 0, rest: Span(service), arrived: Time(at), service: Span(service), first }
    }

    #[test]
    fn class_0_overtakes_those_who_wait_but_not_the_one_in_service() {
        let mut station = station(false);
        let arrived: Vec<Arrived> = [(0, false), (1, false), (2, true), (3, true)]
            .into_iter()
            .map(|(at, first)| station.arrive(0, Time(at), job(at as u32, at, 10, first), WINDOW))
            .collect();
        assert_eq!(arrived[0], Arrived::Started(Started { slot: 0, end: Time(10), run: 1 }));
        assert_eq!(arrived[1..], [Arrived::Waits, Arrived::Waits, Arrived::Full]);
        let next = station.ended(0, Time(10), 1, WINDOW).and_then(|(_, next)| next);
        assert_eq!(next, Some(Started { slot: 2, end: Time(20), run: 2 }));
    }

    #[test]
    fn an_interrupted_request_resumes_with_what_is_left() {
        let mut station = station(true);
        station.arrive(0, Time(0), job(0, 0, 10, false), WINDOW);
        let urgent = station.arrive(0, Time(4), job(1, 4, 5, true), WINDOW);
        assert_eq!(urgent, Arrived::Started(Started { slot: 1, end: Time(9), run: 2 }));
        assert_eq!(station.ended(0, Time(10), 1, WINDOW), None, "the end that was foreseen first is void");
        let next = station.ended(0, Time(9), 2, WINDOW).and_then(|(_, next)| next);
        assert_eq!(next, Some(Started { slot: 0, end: Time(15), run: 3 }));
    }
}

//! First-come-first-served stations that decide on arrival: with the free times of its servers, a station knows at
//! once when a request will start and end. No queue of requests, no wake-up, no timer for its deadline.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::lanes;
use crate::program::StationSpec;
use crate::time::{Span, Time};

/// Servers up to which a scan beats a heap.
const SCAN: usize = 32;

/// What becomes of a request that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// Served from start to end.
    Served {
        /// Start of service.
        start: Time,
        /// End of service.
        end: Time,
    },
    /// No waiting place is free.
    Full,
    /// It loses patience and leaves unserved.
    Late {
        /// When it leaves.
        at: Time,
    },
}

/// Columns of arrivals.
struct Block<'a> {
    targets: Option<&'a [u64]>,
    times: &'a [u64],
    starts: &'a mut [u64],
    ends: &'a mut [u64],
    mask: &'a mut [u8],
}

/// A group of stations, each with its servers and its queue.
#[derive(Clone, Debug)]
pub struct Fifo {
    servers: usize,
    places: usize,
    impatient: bool,
    free: Vec<Time>,
    queues: Vec<Waiting>,
}

/// When those who wait at one station will leave the queue.
#[derive(Clone, Debug, Default)]
struct Waiting {
    in_order: VecDeque<Time>,
    by_time: BinaryHeap<Reverse<Time>>,
}

impl Waiting {
    /// Forgets whoever has left by now, and counts the others.
    #[inline]
    fn count(&mut self, at: Time) -> usize {
        while self.in_order.front().is_some_and(|&leaves| leaves <= at) {
            self.in_order.pop_front();
        }
        while self.by_time.peek().is_some_and(|&Reverse(leaves)| leaves <= at) {
            self.by_time.pop();
        }
        self.in_order.len() + self.by_time.len()
    }
}

impl Fifo {
    /// Idle stations.
    pub fn new(spec: &StationSpec) -> Fifo {
        let (targets, servers) = (spec.targets as usize, spec.servers as usize);
        Fifo {
            servers,
            places: spec.queue.map_or(usize::MAX, |queue| queue as usize),
            impatient: spec.patience.is_some(),
            free: vec![Time::ZERO; targets * servers],
            queues: vec![Waiting::default(); targets],
        }
    }

    /// A request arrives that needs `service`, would wait at most `patience`, and (finding the station idle) would
    /// have to wait for `setup` first.
    #[inline]
    pub fn arrive(&mut self, target: usize, at: Time, service: Span, patience: Option<Span>, setup: Span) -> Arrived {
        let servers = &mut self.free[target * self.servers..][..self.servers];
        let server = earliest(servers);
        let free = servers[server];
        if free <= at {
            let start = at + setup;
            let end = start + service;
            occupy(servers, server, end);
            return Arrived::Served { start, end };
        }
        let queue = &mut self.queues[target];
        if queue.count(at) >= self.places {
            return Arrived::Full;
        }
        if let Some(patience) = patience.filter(|patience| free.since(at) > *patience) {
            let leaves = at + patience;
            queue.by_time.push(Reverse(leaves));
            return Arrived::Late { at: leaves };
        }
        match self.impatient {
            true => queue.by_time.push(Reverse(free)),
            false => queue.in_order.push_back(free),
        }
        let end = free + service;
        occupy(servers, server, end);
        Arrived::Served { start: free, end }
    }

    /// Patient requests in order of time at each target, to servers that are always on: `ends` holds their demands
    /// before and the ends of their services after; the mask becomes 1 for those that find the queue full, whose start
    /// and end are their arrival. Gives the longest queue.
    pub fn arrive_all(
        &mut self,
        targets: Option<&[u64]>,
        times: &[u64],
        starts: &mut [u64],
        ends: &mut [u64],
        mask: &mut [u8],
    ) -> usize {
        let block = Block { targets, times, starts, ends, mask };
        match self.servers {
            1 => self.take_in(block, |_| 0),
            2 => self.take_in(block, |servers| (servers[1] < servers[0]) as usize),
            3..=SCAN => lanes::dispatch(
                #[inline(always)]
                move || self.take_in(block, earliest_of_many),
            ),
            _ => self.take_in(block, earliest),
        }
    }

    #[inline(always)]
    fn take_in(&mut self, block: Block<'_>, earliest: impl Fn(&[Time]) -> usize) -> usize {
        let Block { targets, times, starts, ends, mask } = block;
        let rows = times.len();
        let (starts, ends, mask) = (&mut starts[..rows], &mut ends[..rows], &mut mask[..rows]);
        let mut longest = 0;
        for row in 0..rows {
            let target = targets.map_or(0, |targets| targets[row] as usize);
            let at = times[row];
            let servers = &mut self.free[target * self.servers..][..self.servers];
            let server = earliest(servers);
            let free = servers[server].0;
            let start = free.max(at);
            if free > at {
                let queue = &mut self.queues[target];
                let waiting = queue.count(Time(at));
                if waiting >= self.places {
                    (starts[row], ends[row], mask[row]) = (at, at, 1);
                    continue;
                }
                queue.in_order.push_back(Time(free));
                longest = longest.max(waiting + 1);
            }
            let end = start + ends[row];
            occupy(servers, server, Time(end));
            (starts[row], ends[row]) = (start, end);
        }
        longest
    }

    /// Requests that wait at a target, as of the last arrival that found no free server.
    pub fn waiting(&self, target: usize) -> usize {
        self.queues[target].in_order.len() + self.queues[target].by_time.len()
    }
}

/// The server that is free first. Up to [`SCAN`] servers lie in any order, more of them as a binary heap.
#[inline(always)]
fn earliest(servers: &[Time]) -> usize {
    if servers.len() > SCAN {
        return 0;
    }
    let mut best = 0;
    let mut free = servers[0];
    for (index, &other) in servers.iter().enumerate().skip(1) {
        if other < free {
            (best, free) = (index, other);
        }
    }
    best
}

/// The same for a few servers, without a branch; of equal ones any will do.
#[inline(always)]
fn earliest_of_many(servers: &[Time]) -> usize {
    let mut least = servers[0].0;
    for server in servers {
        least = least.min(server.0);
    }
    let mut found = 0;
    for (index, server) in servers.iter().enumerate() {
        found = if server.0 == least { index } else { found };
    }
    found
}

/// The server works until `end`.
#[inline(always)]
fn occupy(servers: &mut [Time], server: usize, end: Time) {
    servers[server] = end;
    if servers.len() > SCAN {
        sink(servers);
    }
}

/// Restores the heap below its top.
fn sink(heap: &mut [Time]) {
    let mut parent = 0;
    loop {
        let mut child = 2 * parent + 1;
        if child >= heap.len() {
            return;
        }
        if child + 1 < heap.len() && heap[child + 1] < heap[child] {
            child += 1;
        }
        if heap[parent] <= heap[child] {
            return;
        }
        heap.swap(parent, child);
        parent = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Discipline;

    fn station(servers: u32, queue: Option<u32>, impatient: bool) -> Fifo {
        Fifo::new(&StationSpec {
            name: "s".into(),
            targets: 1,
            servers,
            queue,
            discipline: Discipline::Fifo,
            slowness: Vec::new(),
            patience: impatient.then_some(crate::program::SiteId(0)),
            setup: None,
            target: None,
        })
    }

    fn served(start: u64, end: u64) -> Arrived {
        Arrived::Served { start: Time(start), end: Time(end) }
    }

    #[test]
    fn a_request_waits_for_the_first_free_server() {
        let mut station = station(2, None, false);
        let mut arrive = |at: u64| station.arrive(0, Time(at), Span(20), None, Span::ZERO);
        assert_eq!([arrive(0), arrive(5), arrive(6)], [served(0, 20), served(5, 25), served(20, 40)]);
        assert_eq!(arrive(20), served(25, 45));
    }

    #[test]
    fn a_full_queue_refuses_the_next_arrival_until_one_starts() {
        let mut station = station(1, Some(1), false);
        let mut arrive = |at: u64| station.arrive(0, Time(at), Span(10), None, Span::ZERO);
        assert_eq!([arrive(0), arrive(1), arrive(2)], [served(0, 10), served(10, 20), Arrived::Full]);
        assert_eq!(arrive(10), served(20, 30), "a server that is free at this instant has taken its next request");
    }

    #[test]
    fn who_loses_patience_takes_no_service_but_a_place() {
        let mut station = station(1, Some(1), true);
        let mut arrive = |at: u64| station.arrive(0, Time(at), Span(10), Some(Span(4)), Span::ZERO);
        assert_eq!(arrive(0), served(0, 10));
        assert_eq!(arrive(1), Arrived::Late { at: Time(5) });
        assert_eq!(arrive(4), Arrived::Full);
        assert_eq!(arrive(6), served(10, 20), "exactly at the end of its patience it is served");
    }

    #[test]
    fn many_servers_give_the_same_as_a_scan() {
        let (mut heap, mut times) = (station(40, None, false), vec![0u64; 40]);
        for i in 0..5_000u64 {
            let (at, service) = (i * 7, 100 + crate::op::keyed::spread(i) % 400);
            let server = (0..40).min_by_key(|&s| times[s]).unwrap_or(0);
            let start = times[server].max(at);
            times[server] = start + service;
            let arrived = heap.arrive(0, Time(at), Span(service), None, Span::ZERO);
            assert_eq!(arrived, served(start, start + service));
        }
    }
}

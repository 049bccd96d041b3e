//! First-come-first-served stations that decide on arrival: with the free times of its servers, a station knows at
//! once when a request will start and end. No queue of requests, no wake-up, no timer for its deadline.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::lanes;
use crate::lanes::scan::serve_in_line;
use crate::program::StationSpec;
use crate::time::{Span, Time, latest};

/// Servers up to which a scan beats a heap.
const SCAN: usize = 32;
/// Searches for the first free server at a time.
const SIDE_BY_SIDE: usize = 4;
/// Arrivals taken together where queues are short.
const CHUNK: usize = 128;
/// Servers that are few.
const FEW: usize = 4;
/// Servers that are some: with more, guessing that one of them is free pays.
const SOME: usize = 8;
/// Starts of service looked at together.
const AT_ONCE: usize = 64;

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

/// Columns of arrivals at a group of stations.
pub struct Block<'a> {
    /// The station of each; nothing means the only one.
    pub targets: Option<&'a [u64]>,
    /// When each comes.
    pub times: &'a [u64],
    /// When its service starts.
    pub starts: &'a mut [u64],
    /// Its demand before, the end of its service after; both are the arrival if it finds the queue full.
    pub ends: &'a mut [u64],
    /// One if it finds the queue full; zeros before.
    pub full: &'a mut [u8],
}

impl<'a> Block<'a> {
    fn split(self, rows: usize) -> (Block<'a>, Block<'a>) {
        let targets = self.targets.map(|targets| targets.split_at(rows));
        let (times, starts) = (self.times.split_at(rows), self.starts.split_at_mut(rows));
        let (ends, full) = (self.ends.split_at_mut(rows), self.full.split_at_mut(rows));
        let block = |targets, times, starts, ends, full| Block { targets, times, starts, ends, full };
        (
            block(targets.map(|targets| targets.0), times.0, starts.0, ends.0, full.0),
            block(targets.map(|targets| targets.1), times.1, starts.1, ends.1, full.1),
        )
    }
}

/// A group of stations, each with its servers and its queue.
#[derive(Clone, Debug)]
pub struct Fifo {
    servers: usize,
    places: usize,
    impatient: bool,
    free: Vec<Time>,
    /// The server that started last, by station: the next has usually been free for long.
    last: Vec<u32>,
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
            last: vec![0; targets],
            queues: vec![Waiting::default(); targets],
        }
    }

    /// A request arrives that needs `service`, would wait at most `patience`, and (finding the station idle) would
    /// have to wait for `setup` first.
    #[inline]
    pub fn arrive(&mut self, target: usize, at: Time, service: Span, patience: Option<Span>, setup: Span) -> Arrived {
        let servers = &mut self.free[target * self.servers..][..self.servers];
        let last = &mut self.last[target];
        let next = if (*last as usize) + 1 < servers.len() { *last as usize + 1 } else { 0 };
        if servers.len() <= SCAN && servers[next] <= at {
            // Of those that are free, any will do.
            *last = next as u32;
            let start = at + setup;
            let end = start + service;
            servers[next] = end;
            return Arrived::Served { start, end };
        }
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

    /// Patient requests in order of time at each target, to servers that are always on. Whether all are served; nothing
    /// where a queue grew longer than `backlog` requests.
    pub fn arrive_all(&mut self, mut block: Block<'_>, backlog: usize) -> Option<bool> {
        let mut all_served = true;
        while !block.times.is_empty() {
            let all = block.times.len();
            let rows = [all, all.min(CHUNK)].into_iter().find(|&rows| self.has_room(&block, rows, backlog));
            let (mut now, rest) = block.split(rows.unwrap_or(all.min(CHUNK)));
            if rows.is_some() {
                self.serve_all(&mut now);
            } else {
                all_served &= self.take_in(&mut now, backlog)?;
            }
            block = rest;
        }
        Some(all_served)
    }

    /// Whether no queue can come to its bound by the next arrivals, and it pays to look at all stations for them.
    fn has_room(&mut self, block: &Block<'_>, rows: usize, backlog: usize) -> bool {
        let most = self.places.min(backlog);
        if self.servers > SCAN || self.impatient || rows < self.queues.len() || rows > most {
            return false;
        }
        let at = Time(block.times[0]);
        self.queues.iter_mut().all(|queue| {
            let left = queue.in_order.partition_point(|&leaves| leaves <= at);
            queue.in_order.drain(..left);
            queue.in_order.len() + rows <= most
        })
    }

    /// Serves all, who never find a full queue.
    fn serve_all(&mut self, block: &mut Block<'_>) {
        match self.servers {
            1 => self.serve_sorted::<1>(block),
            2 => self.serve_sorted::<2>(block),
            3..=4 => self.serve_sorted::<4>(block),
            5..=8 => self.serve_sorted::<8>(block),
            9..=16 => self.serve_sorted::<16>(block),
            _ => self.serve_sorted::<32>(block),
        }
        let last = block.times[block.times.len() - 1];
        match (block.targets, &mut self.queues[..]) {
            (None, [queue, ..]) => {
                // Services start in order.
                let waiting = block.starts.partition_point(|&start| start <= last);
                queue.in_order.extend(block.starts[waiting..].iter().map(|&start| Time(start)));
            }
            (targets, queues) => {
                for (starts, from) in block.starts.chunks(AT_ONCE).zip((0..).step_by(AT_ONCE)) {
                    if latest(starts) > last {
                        for (&start, row) in starts.iter().zip(from..).filter(|(start, _)| **start > last) {
                            let target = targets.map_or(0, |targets| targets[row] as usize);
                            queues[target].in_order.push_back(Time(start));
                        }
                    }
                }
            }
        }
    }

    /// The same with the free times of each station in order: the first is taken out, the new one put in its place by
    /// exchanges of neighbours, all at once.
    fn serve_sorted<const N: usize>(&mut self, block: &mut Block<'_>) {
        let Block { targets, times, starts, ends, .. } = block;
        let (starts, ends) = (&mut **starts, &mut **ends);
        let mut stations: Vec<[u64; N]> = self.free.chunks(self.servers).map(sorted).collect();
        match (targets, &mut stations[..]) {
            (None, []) => {}
            // A few free times are exchanged faster by the processor's whole numbers.
            (None, [station, ..]) if N <= FEW => serve_at_one(station, times, starts, ends),
            (Some(targets), stations) if N <= FEW => serve_at_each(stations, targets, times, starts, ends),
            (None, [station, ..]) => {
                lanes::dispatch(
                    #[inline(always)]
                    || serve_at_one(station, times, starts, ends),
                );
            }
            (Some(targets), stations) => {
                lanes::dispatch(
                    #[inline(always)]
                    || serve_at_each(stations, targets, times, starts, ends),
                );
            }
        }
        for (free, station) in self.free.chunks_mut(self.servers).zip(&stations) {
            free.iter_mut().zip(station).for_each(|(free, &at)| *free = Time(at));
        }
    }

    /// One after another, with a look at the queue.
    fn take_in(&mut self, block: &mut Block<'_>, backlog: usize) -> Option<bool> {
        let mut all_served = true;
        for (row, &at) in block.times.iter().enumerate() {
            let target = block.targets.map_or(0, |targets| targets[row] as usize);
            match self.arrive(target, Time(at), Span(block.ends[row]), None, Span::ZERO) {
                Arrived::Served { start, end } => (block.starts[row], block.ends[row]) = (start.0, end.0),
                _ => {
                    (block.starts[row], block.ends[row], block.full[row]) = (at, at, 1);
                    all_served = false;
                }
            }
            if self.waiting(target) > backlog {
                return None;
            }
        }
        Some(all_served)
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
    // Four searches side by side, so that they do not wait for each other.
    let mut firsts = [(Time::NEVER, 0); SIDE_BY_SIDE];
    let (fours, rest) = servers.as_chunks::<SIDE_BY_SIDE>();
    for (four, from) in fours.iter().zip((0..).step_by(SIDE_BY_SIDE)) {
        for ((first, &free), index) in firsts.iter_mut().zip(four).zip(from..) {
            *first = if free < first.0 { (free, index) } else { *first };
        }
    }
    let mut best = (Time::NEVER, 0);
    let rest = rest.iter().copied().zip(fours.len() * SIDE_BY_SIDE..);
    for first in firsts.into_iter().chain(rest) {
        best = if first.0 < best.0 { first } else { best };
    }
    best.1
}

/// Free times in order; places beyond the servers are never free.
fn sorted<const N: usize>(servers: &[Time]) -> [u64; N] {
    let mut free = [u64::MAX; N];
    free.iter_mut().zip(servers).for_each(|(free, at)| *free = at.0);
    free.sort_unstable();
    free
}

/// Serves all at one station.
#[inline(always)]
fn serve_at_one<const N: usize>(station: &mut [u64; N], times: &[u64], starts: &mut [u64], ends: &mut [u64]) {
    if N == 1 {
        station[0] = serve_in_line(station[0], times, starts, ends);
        return;
    }
    let mut free = *station;
    if N <= SOME {
        for ((&at, start), end) in times.iter().zip(starts).zip(ends) {
            *start = free[0].max(at);
            *end += *start;
            put(&mut free, *end);
        }
    } else {
        serve_in_turns(&mut free, times, starts, ends);
    }
    *station = free;
}

/// Serves those who wait and those who do not by turns: of those who do not, the end is known before the free times are.
#[inline(always)]
fn serve_in_turns<const N: usize>(free: &mut [u64; N], times: &[u64], starts: &mut [u64], ends: &mut [u64]) {
    let (starts, ends) = (&mut starts[..times.len()], &mut ends[..times.len()]);
    let mut row = 0;
    while row < times.len() {
        while row < times.len() && free[0] <= times[row] {
            (starts[row], ends[row]) = (times[row], times[row] + ends[row]);
            put(free, ends[row]);
            row += 1;
        }
        while row < times.len() && free[0] > times[row] {
            (starts[row], ends[row]) = (free[0], free[0] + ends[row]);
            put(free, ends[row]);
            row += 1;
        }
    }
}

/// Serves each at its station.
#[inline(always)]
fn serve_at_each<const N: usize>(
    stations: &mut [[u64; N]],
    targets: &[u64],
    times: &[u64],
    starts: &mut [u64],
    ends: &mut [u64],
) {
    for (((&target, &at), start), end) in targets.iter().zip(times).zip(starts).zip(ends) {
        let free = &mut stations[target as usize];
        *start = free[0].max(at);
        *end += *start;
        put(free, *end);
    }
}

/// The server that is free first works until `end`, which comes after all free times that are not later.
#[inline(always)]
fn put<const N: usize>(free: &mut [u64; N], end: u64) {
    let old = *free;
    for server in 0..N {
        let later = if server == 0 { end } else { old[server].max(end) };
        free[server] = if server + 1 < N { later.min(old[server + 1]) } else { later };
    }
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
    use crate::op::keyed::spread;
    use crate::program::Discipline;

    fn station(servers: u32, queue: Option<u32>, impatient: bool) -> Fifo {
        Fifo::new(&spec(servers, queue, impatient))
    }

    fn spec(servers: u32, queue: Option<u32>, impatient: bool) -> StationSpec {
        StationSpec {
            name: "s".into(),
            targets: 1,
            servers,
            queue,
            discipline: Discipline::Fifo,
            slowness: Vec::new(),
            patience: impatient.then_some(crate::program::SiteId(0)),
            setup: None,
            target: None,
        }
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
            let (at, service) = (i * 7, 100 + spread(i) % 400);
            let server = (0..40).min_by_key(|&s| times[s]).unwrap_or(0);
            let start = times[server].max(at);
            times[server] = start + service;
            let arrived = heap.arrive(0, Time(at), Span(service), None, Span::ZERO);
            assert_eq!(arrived, served(start, start + service));
        }
    }

    #[test]
    fn blocks_are_served_as_one_by_one_with_any_number_of_servers_and_places() {
        for (servers, queue) in
            [(1, None), (1, Some(3)), (2, None), (2, Some(400)), (3, Some(0)), (7, None), (16, Some(50))]
        {
            for servers in [servers, servers + 20] {
                let spec = StationSpec { targets: 3, ..spec(servers, queue, false) };
                let (mut one, mut all) = (Fifo::new(&spec), Fifo::new(&spec));
                let mut at = 0;
                for rows in [1usize, 2, 50, 500, 3, 1_000, 129, 128] {
                    let number = |row: usize, salt: u64| spread(at + row as u64 * 7 + salt);
                    let mut times: Vec<u64> = (0..rows).map(|row| at + number(row, 1) % (rows as u64 * 40)).collect();
                    times.sort_unstable();
                    let targets: Vec<u64> = (0..rows).map(|row| number(row, 2) % 3).collect();
                    let demands: Vec<u64> = (0..rows).map(|row| number(row, 3) % (130 * servers as u64)).collect();
                    let (mut starts, mut ends, mut full) = (vec![0; rows], demands.clone(), vec![0; rows]);
                    let (starts_of, ends_of) = (&mut starts[..], &mut ends[..]);
                    let block = Block {
                        targets: Some(&targets),
                        times: &times,
                        starts: starts_of,
                        ends: ends_of,
                        full: &mut full,
                    };
                    assert!(all.arrive_all(block, 100_000).is_some());
                    for row in 0..rows {
                        let arrived =
                            one.arrive(targets[row] as usize, Time(times[row]), Span(demands[row]), None, Span::ZERO);
                        let block = if full[row] == 1 { Arrived::Full } else { served(starts[row], ends[row]) };
                        assert_eq!(arrived, block, "{servers} servers, {queue:?}, row {row} of {rows}");
                    }
                    at += rows as u64 * 40;
                }
            }
        }
    }
}

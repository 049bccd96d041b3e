//! Connections and execution environments: the most recently used idle one is reused while it is warm, a new one is
//! opened when none is. One state machine for keep-alive pools and for functions (AWS Lambda's reuse order:
//! `data/aws-2026-11`, rows `lambda_keepalive`).

use super::later::Later;
use super::window::{Level, Window};
use crate::program::ConnectionsSpec;
use crate::time::{Span, Time};

/// What becomes of a request that asks for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// A reused, a new or a provisioned one, as in [`ConnectionsSpec`].
    As(u32),
    /// Too many are in use.
    Full,
}

/// A group of pools of connections.
#[derive(Clone, Debug)]
pub struct Connections {
    limit: u32,
    pools: Vec<Pool>,
}

#[derive(Clone, Debug)]
struct Pool {
    busy: Level,
    provisioned: u32,
    idle: Vec<Idle>,
    kept: u64,
    /// Nanoseconds of open connections by hour, in use or kept, as far as they are known; empty where nobody asks.
    hours: Vec<u64>,
    later: Later<Back>,
}

/// A connection that is to be given back: its place among those of the same instant, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Back {
    order: (u64, u64),
    state: u32,
    keep: Span,
}

#[derive(Clone, Copy, Debug)]
struct Idle {
    since: Time,
    expires: Time,
}

impl Pool {
    /// From an instant on so many are in use.
    #[inline]
    fn set(&mut self, at: Time, busy: u32, window: Window) {
        if !self.hours.is_empty() {
            window.spread(&mut self.hours, self.busy.now.into(), self.busy.since(), at);
        }
        self.busy.set(at, busy, window);
    }

    /// One is given back.
    #[inline]
    fn back(&mut self, at: Time, (state, keep): (u32, Span), window: Window) {
        self.set(at, self.busy.now - 1, window);
        if state == ConnectionsSpec::PROVISIONED {
            self.provisioned += 1;
        } else if keep.0 > 0 {
            self.idle.push(Idle { since: at, expires: at + keep });
        }
    }

    /// Whatever has been given back by an instant is there.
    #[inline(always)]
    fn settle(&mut self, at: Time, window: Window) {
        while let Some((at, Back { state, keep, .. })) = self.later.due(at) {
            self.back(at, (state, keep), window);
        }
    }

    /// Becomes equal to another, in the memory it has.
    fn copy(&mut self, other: &Pool) {
        let Pool { busy, provisioned, idle, kept, hours, later } = self;
        (*busy, *provisioned, *kept) = (other.busy, other.provisioned, other.kept);
        idle.clone_from(&other.idle);
        hours.clone_from(&other.hours);
        later.copy(&other.later);
    }
}

impl Connections {
    /// Pools with nothing open but what is provisioned.
    pub fn new(spec: &ConnectionsSpec) -> Connections {
        let pool = Pool {
            busy: Level::default(),
            provisioned: spec.provisioned,
            idle: Vec::new(),
            kept: 0,
            hours: Vec::new(),
            later: Later::default(),
        };
        let pools = vec![pool; spec.targets as usize];
        Connections { limit: spec.limit.unwrap_or(u32::MAX), pools }
    }

    /// The same, with open connections counted by hour when there is more than one.
    pub fn by_hour(mut self, window: Window) -> Connections {
        let hours = match window.hours() {
            1 => 0,
            hours => hours,
        };
        self.pools.iter_mut().for_each(|pool| pool.hours = vec![0; hours]);
        self
    }

    /// Takes a connection.
    #[inline]
    pub fn connect(&mut self, target: usize, at: Time, window: Window) -> Connected {
        let pool = &mut self.pools[target];
        pool.settle(at, window);
        if pool.busy.now >= self.limit {
            return Connected::Full;
        }
        pool.set(at, pool.busy.now + 1, window);
        if pool.provisioned > 0 {
            pool.provisioned -= 1;
            return Connected::As(ConnectionsSpec::PROVISIONED);
        }
        while let Some(idle) = pool.idle.pop() {
            pool.kept += window.overlap(idle.since, idle.expires.min(at));
            if !pool.hours.is_empty() {
                window.spread(&mut pool.hours, 1, idle.since, idle.expires.min(at));
            }
            if at < idle.expires {
                return Connected::As(ConnectionsSpec::WARM);
            }
        }
        Connected::As(ConnectionsSpec::NEW)
    }

    /// Gives a connection back: closed, or kept for `keep` from now on. `state` is what `connect` answered.
    #[inline]
    pub fn disconnect(&mut self, target: usize, at: Time, state: u32, keep: Option<Span>, window: Window) {
        let pool = &mut self.pools[target];
        pool.settle(at, window);
        pool.back(at, (state, keep.unwrap_or_default()), window);
    }

    /// The pool of a target becomes equal to that of other connections.
    pub fn copy(&mut self, other: &Connections, target: usize) {
        self.pools[target].copy(&other.pools[target]);
    }

    /// Exchanges the pool of a target with that of other connections.
    pub fn exchange(&mut self, other: &mut Connections, target: usize) {
        std::mem::swap(&mut self.pools[target], &mut other.pools[target]);
    }

    /// The same at an instant to come; nobody learns of it before somebody asks for a connection. `order` is its place
    /// among those that are given back at the same instant.
    #[inline]
    pub fn disconnect_later(&mut self, target: usize, at: Time, order: (u64, u64), (state, keep): (u32, Option<Span>)) {
        self.pools[target].later.add(at, Back { order, state, keep: keep.unwrap_or_default() });
    }

    /// Whatever is still to be given back is given back.
    pub fn settle(&mut self, window: Window) {
        self.pools.iter_mut().for_each(|pool| pool.settle(Time::NEVER, window));
    }

    /// Connections in use now.
    pub fn taken(&self) -> u64 {
        self.pools.iter().map(|pool| pool.busy.now as u64).sum()
    }

    /// Nanoseconds of connections in use in the measured time, by target.
    pub fn busy(&self, at: Time, window: Window) -> Vec<u64> {
        self.pools.iter().map(|pool| pool.busy.total(at, window)).collect()
    }

    /// Nanoseconds of open connections in each hour of the measured time, when there is more than one.
    pub fn open(&self, at: Time, window: Window) -> Vec<u64> {
        let mut sums = Vec::new();
        for pool in &self.pools {
            sums.resize(pool.hours.len(), 0);
            sums.iter_mut().zip(&pool.hours).for_each(|(sum, hour)| *sum += hour);
            if !sums.is_empty() {
                window.spread(&mut sums, pool.busy.now.into(), pool.busy.since(), at);
                pool.idle.iter().for_each(|idle| window.spread(&mut sums, 1, idle.since, idle.expires));
            }
        }
        sums
    }

    /// Nanoseconds of idle connections kept warm in the measured time.
    pub fn kept(&self, window: Window) -> u64 {
        let still = |pool: &Pool| pool.idle.iter().map(|idle| window.overlap(idle.since, idle.expires)).sum::<u64>();
        self.pools.iter().map(|pool| pool.kept + still(pool)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Register;

    const WINDOW: Window = Window { from: Time(0), until: Time(1_000) };

    fn pool(limit: Option<u32>, provisioned: u32) -> Connections {
        Connections::new(&ConnectionsSpec {
            name: "c".into(),
            targets: 1,
            limit,
            keep_alive: None,
            provisioned,
            state: Register(0),
            target: None,
        })
    }

    #[test]
    fn the_most_recently_used_connection_is_reused_until_it_expires() {
        let mut pool = pool(None, 0);
        let new = Connected::As(ConnectionsSpec::NEW);
        let warm = Connected::As(ConnectionsSpec::WARM);
        assert_eq!([pool.connect(0, Time(0), WINDOW), pool.connect(0, Time(0), WINDOW)], [new, new]);
        pool.disconnect(0, Time(10), ConnectionsSpec::NEW, Some(Span(50)), WINDOW);
        pool.disconnect(0, Time(20), ConnectionsSpec::NEW, Some(Span(50)), WINDOW);
        assert_eq!(pool.connect(0, Time(65), WINDOW), warm, "the one of 20 is kept until 70");
        assert_eq!(pool.connect(0, Time(65), WINDOW), new, "the one of 10 was closed at 60");
        assert_eq!(pool.kept(WINDOW), 45 + 50);
    }

    #[test]
    fn what_is_to_be_given_back_is_there_at_its_instant_and_in_its_order() {
        let (mut pool, kept) = (pool(Some(2), 0), |keep| (ConnectionsSpec::NEW, Some(Span(keep))));
        let connect = |pool: &mut Connections, at| pool.connect(0, Time(at), WINDOW);
        (0..2).for_each(|_| assert_eq!(connect(&mut pool, 0), Connected::As(ConnectionsSpec::NEW)));
        pool.disconnect_later(0, Time(10), (1, 0), kept(5));
        pool.disconnect_later(0, Time(10), (0, 0), kept(50));
        assert_eq!(connect(&mut pool, 9), Connected::Full);
        assert_eq!(connect(&mut pool, 20), Connected::As(ConnectionsSpec::WARM));
        assert_eq!(pool.kept(WINDOW), 5 + 10, "the last one that came back was used last, and had been closed");
        pool.disconnect_later(0, Time(30), (0, 0), (ConnectionsSpec::WARM, None));
        pool.settle(WINDOW);
        assert_eq!((pool.taken(), pool.busy(Time(30), WINDOW)), (0, vec![10 + 10 + 10]));
    }

    #[test]
    fn the_limit_counts_connections_in_use_and_provisioned_ones_come_first() {
        let mut pool = pool(Some(2), 1);
        assert_eq!(pool.connect(0, Time(0), WINDOW), Connected::As(ConnectionsSpec::PROVISIONED));
        assert_eq!(pool.connect(0, Time(0), WINDOW), Connected::As(ConnectionsSpec::NEW));
        assert_eq!(pool.connect(0, Time(0), WINDOW), Connected::Full);
        pool.disconnect(0, Time(5), ConnectionsSpec::PROVISIONED, Some(Span(1)), WINDOW);
        assert_eq!(pool.connect(0, Time(900), WINDOW), Connected::As(ConnectionsSpec::PROVISIONED));
    }
}

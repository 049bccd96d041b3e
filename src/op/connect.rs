//! Connections and execution environments: the most recently used idle one is reused while it is warm, a new one is
//! opened when none is. One state machine for keep-alive pools and for functions (AWS Lambda's reuse order:
//! `data/aws-2026-11`, rows `lambda_keepalive`).

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
    /// Nanoseconds of open connections by hour, in use or kept, as far as they are known; empty where nobody asks.
    hours: Vec<u64>,
}

#[derive(Clone, Debug)]
struct Pool {
    busy: Level,
    provisioned: u32,
    idle: Vec<Idle>,
    kept: u64,
}

#[derive(Clone, Copy, Debug)]
struct Idle {
    since: Time,
    expires: Time,
}

impl Connections {
    /// Pools with nothing open but what is provisioned.
    pub fn new(spec: &ConnectionsSpec) -> Connections {
        let pool = Pool { busy: Level::default(), provisioned: spec.provisioned, idle: Vec::new(), kept: 0 };
        let pools = vec![pool; spec.targets as usize];
        Connections { limit: spec.limit.unwrap_or(u32::MAX), pools, hours: Vec::new() }
    }

    /// The same, with open connections counted by hour when there is more than one.
    pub fn by_hour(self, window: Window) -> Connections {
        let hours = match window.hours() {
            1 => Vec::new(),
            hours => vec![0; hours],
        };
        Connections { hours, ..self }
    }

    /// Takes a connection.
    #[inline]
    pub fn connect(&mut self, target: usize, at: Time, window: Window) -> Connected {
        let pool = &mut self.pools[target];
        if pool.busy.now >= self.limit {
            return Connected::Full;
        }
        if !self.hours.is_empty() {
            window.spread(&mut self.hours, pool.busy.now.into(), pool.busy.since(), at);
        }
        pool.busy.set(at, pool.busy.now + 1, window);
        if pool.provisioned > 0 {
            pool.provisioned -= 1;
            return Connected::As(ConnectionsSpec::PROVISIONED);
        }
        while let Some(idle) = pool.idle.pop() {
            pool.kept += window.overlap(idle.since, idle.expires.min(at));
            if !self.hours.is_empty() {
                window.spread(&mut self.hours, 1, idle.since, idle.expires.min(at));
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
        if !self.hours.is_empty() {
            window.spread(&mut self.hours, pool.busy.now.into(), pool.busy.since(), at);
        }
        pool.busy.set(at, pool.busy.now - 1, window);
        match (state, keep) {
            (ConnectionsSpec::PROVISIONED, _) => pool.provisioned += 1,
            (_, Some(keep)) => pool.idle.push(Idle { since: at, expires: at + keep }),
            (_, None) => {}
        }
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
        let mut hours = self.hours.clone();
        if !hours.is_empty() {
            for pool in &self.pools {
                window.spread(&mut hours, pool.busy.now.into(), pool.busy.since(), at);
                pool.idle.iter().for_each(|idle| window.spread(&mut hours, 1, idle.since, idle.expires));
            }
        }
        hours
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
    fn the_limit_counts_connections_in_use_and_provisioned_ones_come_first() {
        let mut pool = pool(Some(2), 1);
        assert_eq!(pool.connect(0, Time(0), WINDOW), Connected::As(ConnectionsSpec::PROVISIONED));
        assert_eq!(pool.connect(0, Time(0), WINDOW), Connected::As(ConnectionsSpec::NEW));
        assert_eq!(pool.connect(0, Time(0), WINDOW), Connected::Full);
        pool.disconnect(0, Time(5), ConnectionsSpec::PROVISIONED, Some(Span(1)), WINDOW);
        assert_eq!(pool.connect(0, Time(900), WINDOW), Connected::As(ConnectionsSpec::PROVISIONED));
    }
}

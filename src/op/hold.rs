//! Pools of permits that a request keeps while it calls on: workers, database connections, concurrency.

use std::collections::VecDeque;

use super::window::{Level, Window};
use crate::program::PoolSpec;
use crate::time::Time;

/// Someone who waits for a permit: who it is, which of its waits this is, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Place of the request with the executor.
    pub slot: u32,
    /// Number of this wait; who waits no more has moved on to another.
    pub ticket: u32,
    /// Start of the wait.
    pub since: Time,
}

/// What becomes of a request that asks for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It has one.
    Granted,
    /// It waits.
    Waits,
    /// No waiting place is free.
    Full,
}

/// A group of pools.
#[derive(Clone, Debug)]
pub struct Permits {
    size: u32,
    places: usize,
    pools: Vec<Pool>,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    taken: Level,
    queue: VecDeque<Waiter>,
    /// Of those in the queue, how many still wait.
    waiting: usize,
}

impl Permits {
    /// Pools with all permits free.
    pub fn new(spec: &PoolSpec) -> Permits {
        Permits {
            size: spec.size,
            places: spec.queue.map_or(usize::MAX, |queue| queue as usize),
            pools: vec![Pool::default(); spec.targets as usize],
        }
    }

    /// Asks for a permit.
    #[inline]
    pub fn ask(&mut self, target: usize, waiter: Waiter, window: Window) -> Asked {
        let pool = &mut self.pools[target];
        if pool.taken.now < self.size {
            debug_assert_eq!(pool.waiting, 0, "a permit is free while someone waits");
            pool.taken.set(waiter.since, pool.taken.now + 1, window);
            return Asked::Granted;
        }
        if pool.waiting >= self.places {
            return Asked::Full;
        }
        pool.waiting += 1;
        pool.queue.push_back(waiter);
        Asked::Waits
    }

    /// Gives a permit back; it goes to the first who still waits, as `waits` tells.
    #[inline]
    pub fn give_back(
        &mut self,
        target: usize,
        at: Time,
        window: Window,
        waits: impl Fn(&Waiter) -> bool,
    ) -> Option<Waiter> {
        let pool = &mut self.pools[target];
        while let Some(waiter) = pool.queue.pop_front() {
            if waits(&waiter) {
                pool.waiting -= 1;
                return Some(waiter);
            }
        }
        pool.taken.set(at, pool.taken.now - 1, window);
        None
    }

    /// One who waited has left without a permit. Tell it before its ticket changes hands.
    pub fn leave(&mut self, target: usize, waits: impl Fn(&Waiter) -> bool) {
        let pool = &mut self.pools[target];
        pool.waiting -= 1;
        if pool.queue.len() > 2 * pool.waiting + 64 {
            pool.queue.retain(waits);
        }
    }

    /// Requests that wait at a target.
    pub fn waiting(&self, target: usize) -> usize {
        self.pools[target].waiting
    }

    /// Permits taken now, all targets together.
    pub fn taken(&self) -> u64 {
        self.pools.iter().map(|pool| pool.taken.now as u64).sum()
    }

    /// Nanoseconds of permits taken in the measured time, by target.
    pub fn busy(&self, at: Time, window: Window) -> Vec<u64> {
        self.pools.iter().map(|pool| pool.taken.total(at, window)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window { from: Time(0), until: Time(1_000) };

    fn pool(size: u32, queue: Option<u32>) -> Permits {
        let spec = PoolSpec { name: "p".into(), targets: 1, size, queue, patience: None, target: None };
        Permits::new(&spec)
    }

    fn waiter(slot: u32, since: u64) -> Waiter {
        Waiter { slot, ticket: 0, since: Time(since) }
    }

    #[test]
    fn a_permit_goes_to_the_first_who_still_waits() {
        let mut pool = pool(1, Some(2));
        let asked: Vec<Asked> = (0..4).map(|slot| pool.ask(0, waiter(slot, slot as u64), WINDOW)).collect();
        assert_eq!(asked, [Asked::Granted, Asked::Waits, Asked::Waits, Asked::Full]);
        pool.leave(0, |_| true);
        let next = pool.give_back(0, Time(10), WINDOW, |waiter| waiter.slot != 1);
        assert_eq!(next.map(|waiter| waiter.slot), Some(2));
        assert_eq!(pool.give_back(0, Time(20), WINDOW, |_| true), None);
        assert_eq!((pool.taken(), pool.busy(Time(20), WINDOW)), (0, vec![20]));
    }
}

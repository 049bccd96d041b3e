//! Pools of permits that a request keeps while it calls on: workers, database connections, concurrency.

use std::collections::VecDeque;

use super::later::Later;
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
    /// Whether the number of permits may change.
    scaled: bool,
}

#[derive(Clone, Debug, Default)]
struct Pool {
    taken: Level,
    /// The same over all time, kept for whoever changes the number of permits.
    load: Level,
    queue: VecDeque<Waiter>,
    /// Of those in the queue, how many still wait.
    waiting: usize,
    /// Permits to be given back while nobody waits.
    later: Later<()>,
}

/// All time.
const ALWAYS: Window = Window { from: Time::ZERO, until: Time::NEVER };

impl Pool {
    #[inline]
    fn set(&mut self, at: Time, taken: u32, window: Window, scaled: bool) {
        self.taken.set(at, taken, window);
        if scaled {
            self.load.set(at, taken, ALWAYS);
        }
    }

    /// Becomes equal to another, in the memory it has.
    fn copy(&mut self, other: &Pool) {
        let Pool { taken, load, queue, waiting, later } = self;
        (*taken, *load, *waiting) = (other.taken, other.load, other.waiting);
        queue.clear();
        // Without anybody who waits it holds only those who have given up.
        if other.waiting > 0 {
            queue.extend(&other.queue);
        }
        later.copy(&other.later);
    }

    /// Whatever has been given back by an instant is there.
    #[inline(always)]
    fn settle(&mut self, at: Time, window: Window) {
        while let Some((at, ())) = self.later.due(at) {
            self.taken.set(at, self.taken.now - 1, window);
        }
    }

    /// The first who still waits.
    #[inline]
    fn next(&mut self, waits: impl Fn(&Waiter) -> bool) -> Option<Waiter> {
        while let Some(waiter) = self.queue.pop_front() {
            if waits(&waiter) {
                self.waiting -= 1;
                return Some(waiter);
            }
        }
        None
    }
}

impl Permits {
    /// Pools with all permits free.
    pub fn new(spec: &PoolSpec) -> Permits {
        Permits {
            size: spec.size,
            places: spec.queue.map_or(usize::MAX, |queue| queue as usize),
            pools: vec![Pool::default(); spec.targets as usize],
            scaled: spec.scaling.is_some(),
        }
    }

    /// Takes a permit, if one is free.
    #[inline]
    pub fn take(&mut self, target: usize, at: Time, window: Window) -> bool {
        let pool = &mut self.pools[target];
        pool.settle(at, window);
        let free = pool.taken.now < self.size;
        debug_assert!(!free || pool.waiting == 0, "a permit is free while someone waits");
        if free {
            pool.set(at, pool.taken.now + 1, window, self.scaled);
        }
        free
    }

    /// Asks for a permit.
    #[inline]
    pub fn ask(&mut self, target: usize, waiter: Waiter, window: Window) -> Asked {
        if self.take(target, waiter.since, window) {
            return Asked::Granted;
        }
        let pool = &mut self.pools[target];
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
        pool.settle(at, window);
        // With fewer permits than are taken, this one is gone.
        if pool.taken.now <= self.size
            && let Some(waiter) = pool.next(waits)
        {
            return Some(waiter);
        }
        pool.set(at, pool.taken.now - 1, window, self.scaled);
        None
    }

    /// Gives a permit back at an instant to come, unless somebody waits for it: nobody learns of it before somebody asks.
    /// Only where the number of permits is fixed. Whether it is done.
    #[inline]
    pub fn give_back_later(&mut self, target: usize, at: Time) -> bool {
        let pool = &mut self.pools[target];
        let nobody_waits = pool.waiting == 0;
        if nobody_waits {
            pool.later.add(at, ());
        }
        nobody_waits
    }

    /// When the next permit is given back, now that somebody waits; it is not given back here.
    pub fn next_back(&mut self, target: usize) -> Option<Time> {
        self.pools[target].later.due(Time::NEVER).map(|(at, ())| at)
    }

    /// Whatever is still to be given back is given back.
    pub fn settle(&mut self, window: Window) {
        self.pools.iter_mut().for_each(|pool| pool.settle(Time::NEVER, window));
    }

    /// From now on there are so many permits. Those that are taken stay so; `admit` gives new ones to those who wait.
    pub fn resize(&mut self, size: u32) {
        self.size = size;
    }

    /// A free permit goes to the first who still waits, as `waits` tells.
    pub fn admit(
        &mut self,
        target: usize,
        at: Time,
        window: Window,
        waits: impl Fn(&Waiter) -> bool,
    ) -> Option<Waiter> {
        let pool = &mut self.pools[target];
        if pool.taken.now >= self.size {
            return None;
        }
        let waiter = pool.next(waits)?;
        pool.set(at, pool.taken.now + 1, window, self.scaled);
        Some(waiter)
    }

    /// Nanoseconds of permits taken since the start of the run, where their number may change, all targets together.
    pub fn load(&self, at: Time) -> u64 {
        self.pools.iter().map(|pool| pool.load.total(at, ALWAYS)).sum()
    }

    /// One who waited has left without a permit. Tell it before its ticket changes hands.
    pub fn leave(&mut self, target: usize, waits: impl Fn(&Waiter) -> bool) {
        let pool = &mut self.pools[target];
        pool.waiting -= 1;
        if pool.queue.len() > 2 * pool.waiting + 64 {
            pool.queue.retain(waits);
        }
    }

    /// How many permits of a target are free, if that can only change by what comes: nobody waits, and nothing is about to
    /// be given back.
    pub fn free(&self, target: usize) -> Option<u32> {
        let pool = &self.pools[target];
        (pool.waiting == 0 && pool.later.is_empty()).then(|| self.size - pool.taken.now)
    }

    /// Whether permits of a target are about to be given back that nobody has been told of.
    pub fn has_more_coming(&self, target: usize) -> bool {
        !self.pools[target].later.is_empty()
    }

    /// Permits of a target are taken and given back before `end`, when it is certain that there is always a free one; as
    /// in [`Level::change`].
    pub fn pass(&mut self, target: usize, taken: (u32, u64), given: (u32, u64), end: Time, window: Window) {
        self.pools[target].taken.change(taken, given, end, window);
    }

    /// The pool of a target becomes equal to that of other permits.
    pub fn copy(&mut self, other: &Permits, target: usize) {
        self.pools[target].copy(&other.pools[target]);
    }

    /// Exchanges the pool of a target with that of other permits.
    pub fn exchange(&mut self, other: &mut Permits, target: usize) {
        std::mem::swap(&mut self.pools[target], &mut other.pools[target]);
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
        let spec = PoolSpec { name: "p".into(), targets: 1, size, queue, patience: None, target: None, scaling: None };
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

    #[test]
    fn a_permit_to_be_given_back_is_there_at_its_instant_and_not_before() {
        let mut pool = pool(1, None);
        assert!(pool.take(0, Time(0), WINDOW) && pool.give_back_later(0, Time(10)));
        assert!(!pool.take(0, Time(9), WINDOW) && pool.take(0, Time(10), WINDOW));
        assert!(pool.give_back_later(0, Time(30)));
        assert_eq!(pool.ask(0, waiter(1, 20), WINDOW), Asked::Waits);
        assert_eq!(pool.next_back(0), Some(Time(30)), "now it is an event");
        assert_eq!(pool.give_back(0, Time(30), WINDOW, |_| true).map(|waiter| waiter.slot), Some(1));
        assert!(pool.give_back_later(0, Time(40)));
        pool.settle(WINDOW);
        assert_eq!((pool.taken(), pool.busy(Time(40), WINDOW)), (0, vec![40]));
    }

    #[test]
    fn more_permits_let_those_in_who_wait_and_fewer_turn_nobody_out() {
        let mut pool = pool(1, None);
        for slot in 0..4 {
            pool.ask(0, waiter(slot, 0), WINDOW);
        }
        pool.resize(3);
        let admit = |pool: &mut Permits, at| pool.admit(0, Time(at), WINDOW, |_| true).map(|waiter| waiter.slot);
        assert_eq!([admit(&mut pool, 5), admit(&mut pool, 5), admit(&mut pool, 5)], [Some(1), Some(2), None]);
        pool.resize(1);
        assert_eq!(pool.taken(), 3);
        let back = |pool: &mut Permits, at| pool.give_back(0, Time(at), WINDOW, |_| true).map(|waiter| waiter.slot);
        assert_eq!([back(&mut pool, 6), back(&mut pool, 7), back(&mut pool, 8)], [None, None, Some(3)]);
    }
}

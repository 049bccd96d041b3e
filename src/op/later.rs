//! What is given back at instants that are known beforehand. Nobody needs to know before somebody asks for it, so it
//! waits here instead of being an event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Time;

/// Things that are looked at one by one; more are kept in a heap.
const FEW: usize = 16;

/// Things to come, the earliest first, at the same instant by their own order.
#[derive(Clone, Debug)]
pub struct Later<T> {
    /// The next few in order, behind those that have been taken.
    soon: Vec<(Time, T)>,
    /// How many have been taken; fewer than there are, or none.
    taken: usize,
    /// All others.
    then: BinaryHeap<Reverse<(Time, T)>>,
}

impl<T: Ord + Copy> Default for Later<T> {
    fn default() -> Later<T> {
        Later { soon: Vec::new(), taken: 0, then: BinaryHeap::new() }
    }
}

impl<T: Ord + Copy> Later<T> {
    /// Adds what comes at an instant.
    #[inline(always)]
    pub fn add(&mut self, at: Time, what: T) {
        if self.soon.is_empty() && self.then.is_empty() { self.soon.push((at, what)) } else { self.insert((at, what)) }
    }

    #[inline(never)]
    fn insert(&mut self, new: (Time, T)) {
        if self.then.peek().is_some_and(|Reverse(first)| *first < new) {
            return self.then.push(Reverse(new));
        }
        if self.soon.len() == self.soon.capacity() {
            self.soon.drain(..std::mem::take(&mut self.taken));
        }
        // Most come near the end.
        let mut place = self.soon.len();
        self.soon.push(new);
        while place > self.taken && self.soon[place - 1] > new {
            self.soon[place] = self.soon[place - 1];
            place -= 1;
        }
        self.soon[place] = new;
        if self.soon.len() - self.taken > FEW {
            self.then.extend(self.soon.pop().map(Reverse));
        }
    }

    /// Takes what has come next, if it has come by an instant.
    #[inline(always)]
    pub fn due(&mut self, at: Time) -> Option<(Time, T)> {
        let Some(&first) = self.soon.get(self.taken) else { return self.refill(at) };
        if first.0 > at {
            return None;
        }
        self.taken += 1;
        if self.taken == self.soon.len() {
            self.soon.clear();
            self.taken = 0;
        }
        Some(first)
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.soon.is_empty() && self.then.is_empty()
    }

    /// Becomes equal to another, in the memory it has.
    pub fn copy(&mut self, other: &Later<T>) {
        self.soon.clone_from(&other.soon);
        self.taken = other.taken;
        self.then.clone_from(&other.then);
    }

    #[inline(always)]
    fn refill(&mut self, at: Time) -> Option<(Time, T)> {
        if self.then.is_empty() { None } else { self.refill_now(at) }
    }

    #[inline(never)]
    fn refill_now(&mut self, at: Time) -> Option<(Time, T)> {
        self.soon.extend(std::iter::from_fn(|| self.then.pop().map(|Reverse(next)| next)).take(FEW / 2));
        self.due(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::keyed::spread;

    #[test]
    fn what_has_come_is_taken_in_order_and_what_is_to_come_is_not() {
        let mut later = Later::default();
        [(30, 'c'), (10, 'b'), (20, 'z'), (10, 'a')].into_iter().for_each(|(at, what)| later.add(Time(at), what));
        let mut due = |at| std::iter::from_fn(|| later.due(Time(at))).map(|(_, what)| what).collect::<String>();
        assert_eq!([due(9), due(20), due(20), due(99)], ["", "abz", "", "c"]);
    }

    #[test]
    fn many_things_come_in_order_too() {
        let (mut later, mut taken) = (Later::default(), Vec::new());
        let all: Vec<u64> = (0..500).map(spread).map(|r| r % 1_000).collect();
        for (i, &at) in all.iter().enumerate() {
            later.add(Time(at), i);
            if i == 250 {
                taken.extend(std::iter::from_fn(|| later.due(Time(500))));
            }
        }
        let (before, after): (Vec<usize>, Vec<usize>) = (0..500).partition(|&i| i <= 250 && all[i] <= 500);
        let in_order = |mut these: Vec<usize>| {
            these.sort_by_key(|&i| (all[i], i));
            these
        };
        taken.extend(std::iter::from_fn(|| later.due(Time::NEVER)));
        let taken: Vec<usize> = taken.into_iter().map(|(_, i)| i).collect();
        assert_eq!(taken, [in_order(before), in_order(after)].concat());
    }
}

//! The calendar of events: a heap with four children a node on integer keys.

use crate::time::Time;

/// Bits of a key's number that hold the serial; the rank lies above.
const SERIAL_BITS: u32 = 44;

/// Order of events: time, then rank, then serial, then trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    at: u64,
    rank_serial: u64,
    trail: u64,
}

impl Key {
    /// After everything.
    pub const LAST: Key = Key { at: u64::MAX, rank_serial: u64::MAX, trail: u64::MAX };

    /// The key of an event.
    #[inline(always)]
    pub fn new(at: Time, rank: u32, serial: u64, trail: u64) -> Key {
        Key { at: at.0, rank_serial: (rank as u64) << SERIAL_BITS | serial, trail }
    }

    /// When the event happens.
    #[inline(always)]
    pub fn at(self) -> Time {
        Time(self.at)
    }

    /// Its rank.
    #[inline(always)]
    pub fn rank(self) -> u32 {
        (self.rank_serial >> SERIAL_BITS) as u32
    }

    /// Its place among the events of the same instant.
    #[inline(always)]
    pub fn order(self) -> (u64, u64) {
        (self.rank_serial, self.trail)
    }

    /// Whether it comes first. Nearly always the time decides, and then without a branch that could be mispredicted.
    #[inline(always)]
    pub fn precedes(&self, other: &Key) -> bool {
        if self.at == other.at { self.precedes_at_the_same_time(other) } else { self.at < other.at }
    }

    /// Whether one of two others comes first.
    #[inline(always)]
    pub fn follows_either(&self, a: &Key, b: &Key) -> bool {
        let earliest = a.at.min(b.at);
        if self.at == earliest { a.precedes(self) || b.precedes(self) } else { earliest < self.at }
    }

    #[cold]
    #[inline(never)]
    fn precedes_at_the_same_time(&self, other: &Key) -> bool {
        (self.rank_serial, self.trail) < (other.rank_serial, other.trail)
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request goes on.
    Resume { slot: u32 },
    /// The earliest deadline of a request that waits.
    Deadline { slot: u32, ticket: u32 },
    /// The patience of a request that waits.
    Patience { slot: u32, ticket: u32 },
    /// A station with a queue of its own has something to do.
    Station { station: u16, target: u16, version: u32 },
    /// A permit is given back that somebody waits for.
    Back { pool: u16, target: u16 },
    /// The controller of a pool acts.
    Tick { pool: u16 },
}

/// Events in order of their keys. The next event can be taken and leave a hole, which the next event added fills: most
/// events put the same request back for a later time, and so cost one way through the heap instead of two.
#[derive(Clone, Debug)]
pub struct Calendar {
    heap: Vec<(Key, Event)>,
    /// Whether the top has been taken.
    hole: bool,
    /// Key of the next event.
    next: Key,
    /// Where it is, when the top has been taken.
    next_at: usize,
}

impl Default for Calendar {
    fn default() -> Calendar {
        Calendar { heap: Vec::new(), hole: false, next: Key::LAST, next_at: 0 }
    }
}

impl Calendar {
    /// Key of the next event.
    #[inline(always)]
    pub fn next_key(&self) -> &Key {
        &self.next
    }

    /// Adds an event.
    #[inline(never)]
    pub fn push(&mut self, key: Key, event: Event) {
        self.put_back(key, event);
    }

    /// Adds an event, inlined where most events come from, so that its key stays in registers.
    #[inline(always)]
    pub fn put_back(&mut self, key: Key, event: Event) {
        if self.hole {
            return self.fill((key, event));
        }
        if key.precedes(&self.next) {
            self.next = key;
        }
        let mut hole = self.heap.len();
        self.heap.push((key, event));
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if !key.precedes(&self.heap[parent].0) {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = (key, event);
    }

    /// All events, in no order.
    pub fn events(&self) -> impl Iterator<Item = &(Key, Event)> {
        self.heap.iter().skip(self.hole as usize)
    }

    /// Forgets all events.
    pub fn clear(&mut self) {
        *self = Calendar { heap: std::mem::take(&mut self.heap), ..Calendar::default() };
        self.heap.clear();
    }

    /// Takes the next event.
    #[inline]
    pub fn pop(&mut self) -> Option<(Key, Event)> {
        if self.hole {
            self.close();
        }
        let first = *self.heap.first()?;
        self.hole = true;
        self.next_at = least_child(&self.heap, 0);
        self.next = self.heap.get(self.next_at).map_or(Key::LAST, |&(key, _)| key);
        Some(first)
    }

    /// Fills the hole with the last entry.
    #[inline(never)]
    fn close(&mut self) {
        self.hole = false;
        if let Some(last) = self.heap.pop()
            && !self.heap.is_empty()
        {
            self.fill(last);
        }
    }

    /// Puts an entry into the hole at the top.
    #[inline(always)]
    fn fill(&mut self, entry: (Key, Event)) {
        self.hole = false;
        let (heap, mut hole, mut child) = (&mut self.heap[..], 0, self.next_at);
        while child < heap.len() && heap[child].0.precedes(&entry.0) {
            heap[hole] = heap[child];
            hole = child;
            child = least_child(heap, hole);
        }
        heap[hole] = entry;
        self.next = heap[0].0;
    }
}

/// The child of a place that comes first; beyond the end when it has none.
#[inline(always)]
fn least_child(heap: &[(Key, Event)], place: usize) -> usize {
    let first = 4 * place + 1;
    match heap.get(first..first + 4) {
        Some([a, b, c, d]) => {
            let (a, b, c, d) = (a.0.at, b.0.at, c.0.at, d.0.at);
            if (a == b) | (c == d) | (a.min(b) == c.min(d)) {
                return least_by_key(heap, first);
            }
            // Selected, not branched to: which of them it is cannot be predicted.
            let (left, right) = ((b < a) as usize, 2 + (d < c) as usize);
            first + if c.min(d) < a.min(b) { right } else { left }
        }
        _ => least_by_key(heap, first),
    }
}

/// The same for fewer than four children, and for children at the same instant.
#[cold]
#[inline(never)]
fn least_by_key(heap: &[(Key, Event)], first: usize) -> usize {
    let children = heap.get(first..).unwrap_or_default().iter().take(4);
    children.enumerate().min_by_key(|(_, entry)| entry.0).map_or(usize::MAX, |(child, _)| first + child)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::keyed::spread;

    #[test]
    fn events_come_in_order_of_time_rank_serial_and_trail() {
        let mut calendar = Calendar::default();
        let mut keys: Vec<Key> = (0..5_000u64)
            .map(|i| {
                let r = spread(i);
                Key::new(Time(r % 97), (r >> 8) as u32 % 3, r >> 16 & 3, r >> 32)
            })
            .collect();
        for (slot, &key) in keys.iter().enumerate() {
            calendar.push(key, Event::Resume { slot: slot as u32 });
        }
        keys.sort_unstable();
        let popped: Vec<Key> = std::iter::from_fn(|| calendar.pop()).map(|(key, _)| key).collect();
        assert_eq!(popped, keys);
        assert_eq!(*calendar.next_key(), Key::LAST);
    }

    /// Keeps `count` events in motion, each put back up to `spread` nanoseconds later, beside a sorted list.
    fn agrees_with_a_sorted_list(count: u64, spread_of: impl Fn(u64) -> u64) {
        let (mut calendar, mut list) = (Calendar::default(), std::collections::BTreeSet::new());
        let add = |calendar: &mut Calendar, list: &mut std::collections::BTreeSet<Key>, now: u64, i: u64| {
            let key = Key::new(Time(now + spread_of(i)), spread(i) as u32 % 3, i, 0);
            calendar.push(key, Event::Resume { slot: i as u32 });
            list.insert(key);
        };
        (0..count).for_each(|i| add(&mut calendar, &mut list, 0, i));
        for i in count..count + 30_000 {
            let (key, event) = calendar.pop().unwrap();
            assert_eq!(Some(key), list.pop_first());
            assert_eq!(event, Event::Resume { slot: key.rank_serial as u32 });
            assert_eq!(*calendar.next_key(), list.first().copied().unwrap_or(Key::LAST));
            add(&mut calendar, &mut list, key.at, i);
        }
        let rest: Vec<Key> = std::iter::from_fn(|| calendar.pop()).map(|(key, _)| key).collect();
        assert!(rest.iter().eq(list.iter()));
    }

    #[test]
    fn events_come_in_order_however_far_ahead_they_lie() {
        for count in [1, 3, 200, 5_000] {
            for bits in [3, 17, 24, 30, 44] {
                agrees_with_a_sorted_list(count, |i| spread(i) >> (64 - bits));
            }
        }
    }

    #[test]
    fn crowded_instants_and_far_timers_do_not_disturb_the_order() {
        agrees_with_a_sorted_list(3_000, |i| if i % 3 == 0 { 1 << 35 } else { (spread(i) % 4) << 22 });
        agrees_with_a_sorted_list(3_000, |_| 0);
        // Everything first close together, then far apart, then close again.
        agrees_with_a_sorted_list(300, |i| spread(i) >> if i / 8_000 % 2 == 0 { 50 } else { 24 });
    }
}

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

    #[inline(always)]
    fn precedes(&self, other: &Key) -> bool {
        let high = |key: &Key| (key.at as u128) << 64 | key.rank_serial as u128;
        let (mine, theirs) = (high(self), high(other));
        mine < theirs || (mine == theirs && self.trail < other.trail)
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
}

/// Events in order of their keys.
#[derive(Debug, Default)]
pub struct Calendar {
    heap: Vec<(Key, Event)>,
}

impl Calendar {
    /// Key of the next event.
    #[inline(always)]
    pub fn next_key(&self) -> Key {
        self.heap.first().map_or(Key::LAST, |&(key, _)| key)
    }

    /// Adds an event.
    #[inline]
    pub fn push(&mut self, key: Key, event: Event) {
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

    /// Takes the next event.
    #[inline]
    pub fn pop(&mut self) -> Option<(Key, Event)> {
        let last = self.heap.pop()?;
        if self.heap.is_empty() {
            return Some(last);
        }
        let first = self.heap[0];
        self.sink(last);
        Some(first)
    }

    /// Puts an entry into the hole at the top.
    #[inline]
    fn sink(&mut self, entry: (Key, Event)) {
        let heap = &mut self.heap[..];
        let mut hole = 0;
        loop {
            let first = 4 * hole + 1;
            if first >= heap.len() {
                break;
            }
            let children = &heap[first..(first + 4).min(heap.len())];
            let mut least = 0;
            for child in 1..children.len() {
                if children[child].0.precedes(&children[least].0) {
                    least = child;
                }
            }
            if !children[least].0.precedes(&entry.0) {
                break;
            }
            heap[hole] = children[least];
            hole = first + least;
        }
        heap[hole] = entry;
    }
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
        assert_eq!(calendar.next_key(), Key::LAST);
    }
}

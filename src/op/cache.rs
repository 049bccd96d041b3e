//! Caches with state: entries live for a time (counted from insertion, or from the last hit when renewed), and the
//! least recently used one leaves when the cache is full.

use super::keyed::KeyMap;
use super::window::Window;
use crate::program::CacheSpec;
use crate::time::Time;

/// No entry.
const NONE: u32 = u32::MAX;

/// Keys below this, of as many classes, are found by their number; others by their hash.
const FEW_KEYS: u32 = 1 << 16;
const FEW_CLASSES: u64 = 4;

/// State of a cache.
#[derive(Clone, Debug)]
pub struct Cache {
    ttl: Option<crate::time::Span>,
    renew: bool,
    capacity: u32,
    /// When each entry expires, where none has to leave for another and so nobody asks which was used last.
    unbounded: Option<Expiries>,
    entries: KeyMap<u32>,
    nodes: Vec<Node>,
    newest: u32,
    oldest: u32,
    kept: u64,
}

/// An entry, linked in order of use.
#[derive(Clone, Copy, Debug)]
struct Node {
    object: u64,
    expires: Time,
    newer: u32,
    older: u32,
}

/// When entries expire, by object. What was never stored has expired at time zero.
#[derive(Clone, Debug, Default)]
struct Expiries {
    few: Vec<Time>,
    others: KeyMap<Time>,
}

/// Where an object is among the few.
#[inline(always)]
fn few(object: u64) -> Option<usize> {
    let (class, key) = (object >> 32, object as u32);
    (class < FEW_CLASSES && key < FEW_KEYS).then_some((class * FEW_KEYS as u64) as usize + key as usize)
}

impl Expiries {
    /// When an object expires.
    #[inline(always)]
    fn of(&self, object: u64) -> Option<&Time> {
        match few(object) {
            Some(place) => self.few.get(place),
            None => self.others.get(&object),
        }
    }

    /// Sets that; when it would have expired.
    fn set(&mut self, object: u64, expires: Time) -> Time {
        let Some(place) = few(object) else {
            return self.others.insert(object, expires).unwrap_or(Time::ZERO);
        };
        if place >= self.few.len() {
            self.few.resize(place + 1, Time::ZERO);
        }
        std::mem::replace(&mut self.few[place], expires)
    }
}

impl Cache {
    /// An empty cache.
    pub fn new(spec: &CacheSpec) -> Cache {
        Cache {
            ttl: spec.ttl,
            renew: spec.renew,
            capacity: spec.capacity.unwrap_or(NONE - 1).max(1),
            unbounded: spec.capacity.is_none().then(Expiries::default),
            entries: KeyMap::default(),
            nodes: Vec::new(),
            newest: NONE,
            oldest: NONE,
            kept: 0,
        }
    }

    /// Whether the object is there and alive. A hit makes it the most recently used.
    #[inline]
    pub fn hits(&mut self, object: u64, at: Time, window: Window) -> bool {
        if let Some(unbounded) = &mut self.unbounded {
            let alive = unbounded.of(object).is_some_and(|expires| at < *expires);
            if alive && self.renew {
                self.live(object, at, window);
            }
            return alive;
        }
        let Some(&index) = self.entries.get(&object) else { return false };
        let alive = at < self.nodes[index as usize].expires;
        if alive {
            self.touch(index);
            if self.renew {
                self.extend(index, at, window);
            }
        }
        alive
    }

    /// Puts an object in, or renews what has expired. An object that is there and alive stays as it is.
    pub fn store(&mut self, object: u64, at: Time, window: Window) {
        if let Some(unbounded) = &mut self.unbounded {
            if unbounded.of(object).is_none_or(|expires| at >= *expires) {
                self.live(object, at, window);
            }
            return;
        }
        if let Some(&index) = self.entries.get(&object) {
            if at >= self.nodes[index as usize].expires {
                self.touch(index);
                self.extend(index, at, window);
            }
            return;
        }
        let index = self.place(at, window);
        self.nodes[index as usize] = Node { object, expires: at, newer: NONE, older: NONE };
        self.entries.insert(object, index);
        self.link(index);
        self.extend(index, at, window);
    }

    /// Nanoseconds of living entries in the measured time (their number, integrated over time).
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// The life of an entry that need not leave for another starts anew.
    fn live(&mut self, object: u64, at: Time, window: Window) {
        let expires = self.ttl.map_or(Time::NEVER, |ttl| at + ttl);
        if let Some(unbounded) = &mut self.unbounded {
            let before = unbounded.set(object, expires);
            self.kept += window.overlap(before.max(at), expires);
        }
    }

    /// A node for a new entry: a new one, or that of the entry that was not used for longest.
    fn place(&mut self, at: Time, window: Window) -> u32 {
        if (self.nodes.len() as u32) < self.capacity {
            self.nodes.push(Node { object: 0, expires: at, newer: NONE, older: NONE });
            return self.nodes.len() as u32 - 1;
        }
        let index = self.oldest;
        let node = self.nodes[index as usize];
        self.kept -= self.rest(at, node.expires, window);
        self.unlink(index);
        self.entries.remove(&node.object);
        index
    }

    /// Life starts anew.
    fn extend(&mut self, index: u32, at: Time, window: Window) {
        let expires = self.ttl.map_or(Time::NEVER, |ttl| at + ttl);
        let node = &mut self.nodes[index as usize];
        let from = node.expires.max(at);
        node.expires = expires;
        self.kept += window.overlap(from, expires);
    }

    fn rest(&self, at: Time, expires: Time, window: Window) -> u64 {
        window.overlap(at, expires)
    }

    fn touch(&mut self, index: u32) {
        if self.newest != index {
            self.unlink(index);
            self.link(index);
        }
    }

    fn link(&mut self, index: u32) {
        let older = self.newest;
        self.nodes[index as usize].older = older;
        self.nodes[index as usize].newer = NONE;
        match older {
            NONE => self.oldest = index,
            older => self.nodes[older as usize].newer = index,
        }
        self.newest = index;
    }

    fn unlink(&mut self, index: u32) {
        let Node { newer, older, .. } = self.nodes[index as usize];
        match newer {
            NONE => self.newest = older,
            newer => self.nodes[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.nodes[older as usize].newer = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    const WINDOW: Window = Window { from: Time(0), until: Time(1_000) };

    fn cache(ttl: Option<u64>, renew: bool, capacity: Option<u32>) -> Cache {
        Cache::new(&CacheSpec { name: "c".into(), ttl: ttl.map(Span), renew, capacity, fill_at_once: true })
    }

    fn look(cache: &mut Cache, object: u64, at: u64) -> bool {
        let hit = cache.hits(object, Time(at), WINDOW);
        if !hit {
            cache.store(object, Time(at), WINDOW);
        }
        hit
    }

    #[test]
    fn life_is_counted_from_insertion_unless_it_is_renewed() {
        let (mut fixed, mut renewed) = (cache(Some(10), false, None), cache(Some(10), true, None));
        let looks = [0, 6, 10, 15];
        assert_eq!(looks.map(|at| look(&mut fixed, 1, at)), [false, true, false, true]);
        assert_eq!(looks.map(|at| look(&mut renewed, 1, at)), [false, true, true, true]);
        assert_eq!((fixed.kept(), renewed.kept()), (20, 25));
    }

    #[test]
    fn the_least_recently_used_entry_leaves() {
        let mut cache = cache(None, false, Some(2));
        let hits: Vec<bool> =
            [1, 2, 1, 3, 1, 2].iter().enumerate().map(|(at, &o)| look(&mut cache, o, at as u64)).collect();
        assert_eq!(hits, [false, false, true, false, true, false]);
    }

    #[test]
    fn a_cache_without_bound_agrees_with_one_that_never_fills_up() {
        for renew in [false, true] {
            let (mut unbounded, mut bounded) = (cache(Some(40), renew, None), cache(Some(40), renew, Some(10_000)));
            for at in 0..20_000u64 {
                let r = crate::op::keyed::spread(at);
                // Few keys and many, few classes and many.
                let object = (r % 7) << 32 | ((r >> 8) % 5) << if r & 16 == 0 { 0 } else { 20 };
                assert_eq!(look(&mut unbounded, object, at), look(&mut bounded, object, at));
            }
            assert_eq!(unbounded.kept(), bounded.kept());
        }
    }

    #[test]
    fn a_cache_agrees_with_a_list_kept_in_order_of_use() {
        let (mut cache, mut list) = (cache(None, false, Some(7)), Vec::new());
        for at in 0..20_000u64 {
            let object = crate::op::keyed::spread(at) % 12;
            let known = list.iter().position(|&o| o == object);
            known.map(|place| list.remove(place));
            list.push(object);
            if list.len() > 7 {
                list.remove(0);
            }
            assert_eq!(look(&mut cache, object, at), known.is_some());
        }
    }
}

//! The arrivals of a run, a window at a time.

use super::batch::{Batch, Layout, Spare};
use crate::exec::calendar::Key;
use crate::exec::core::Core;
use crate::exec::source::{Arrival, Source};
use crate::exec::token::Token;
use crate::op::window::Window;
use crate::time::Time;

/// Arrivals at which a window ends early.
const CROWD: usize = 1 << 13;

/// What is left of a source.
pub(super) struct Births {
    source: Box<dyn Source>,
    /// Arrivals taken from the source, where they differ in more than time and serial.
    block: Vec<Arrival>,
    /// Their times where they do not, ...
    times: Vec<u64>,
    /// ... and what they are like.
    like: Option<Arrival>,
    next: usize,
}

impl Births {
    pub fn new(source: Box<dyn Source>) -> Births {
        Births { source, block: Vec::new(), times: Vec::new(), like: None, next: 0 }
    }

    /// Time of the next arrival.
    pub fn peek(&mut self) -> Option<u64> {
        if self.next == self.block.len().max(self.times.len()) {
            self.fill();
        }
        self.time(self.next)
    }

    /// Key of the next arrival; [`Key::LAST`] when there is none.
    #[inline]
    pub fn next_key(&mut self) -> Key {
        match self.peek() {
            Some(at) => Key::new(Time(at), 0, self.arrival(self.next).serial, 0),
            None => Key::LAST,
        }
    }

    /// The next request is born.
    pub fn enter(&mut self, core: &mut Core<'_>, place: &mut Token) {
        let arrival = self.arrival(self.next);
        *place = Token::new(&arrival, core.recorder.window);
        core.recorder.birth(arrival.at);
        self.next += 1;
    }

    /// An arrival of the block.
    fn arrival(&self, place: usize) -> Arrival {
        match self.like {
            Some(like) => Arrival { at: Time(self.times[place]), serial: like.serial + place as u64, ..like },
            None => self.block[place],
        }
    }

    fn fill(&mut self) {
        self.next = 0;
        self.block.clear();
        self.times.clear();
        self.like = self.source.fill_times(&mut self.times);
        if self.like.is_none() {
            self.source.fill(&mut self.block);
        }
    }

    fn time(&self, place: usize) -> Option<u64> {
        match self.like {
            Some(_) => self.times.get(place).copied(),
            None => self.block.get(place).map(|arrival| arrival.at.0),
        }
    }

    /// The arrivals before `end`, or before an earlier time after `from` if there are too many. Gives that time.
    pub fn take(&mut self, from: u64, end: u64, layout: Layout, window: Window, spare: &mut Spare) -> (Batch, u64) {
        let mut batch = Batch::default();
        if self.peek().is_some() && self.like.is_some() {
            return self.take_alike(from, end, layout, window, spare);
        }
        while let Some(next) = self.peek().filter(|&next| next < end) {
            if batch.len() >= CROWD && next > from {
                batch.ordered = true;
                return (batch, next);
            }
            let rest = &self.block[self.next..];
            let count = rest.partition_point(|arrival| arrival.at.0 < end);
            let births = Batch::births(&rest[..count], layout, window, spare);
            self.next += births.len();
            batch.append(births, spare);
        }
        // Blocks follow each other in time.
        batch.ordered = true;
        (batch, end)
    }

    /// The same where requests differ in time and serial only.
    fn take_alike(
        &mut self,
        from: u64,
        mut end: u64,
        layout: Layout,
        window: Window,
        spare: &mut Spare,
    ) -> (Batch, u64) {
        let first = self.arrival(self.next);
        let mut at = spare.take();
        let rest = &self.times[self.next..];
        let before = rest.partition_point(|&at| at < end);
        at.extend_from_slice(&rest[..before]);
        self.next += before;
        // Further times go to where they are needed; only those that come later are put aside.
        while self.next == self.times.len() {
            let from_here = at.len();
            let like = self.source.fill_times(&mut at);
            let Some(&next) = at.get(from_here) else { break };
            if from_here >= CROWD && next > from {
                end = end.min(next);
            }
            let before = if at.last().is_some_and(|&last| last < end) {
                at.len()
            } else {
                from_here + at[from_here..].partition_point(|&at| at < end)
            };
            self.like = like.map(|like| Arrival { serial: like.serial + (before - from_here) as u64, ..like });
            self.times.clear();
            self.times.extend_from_slice(&at[before..]);
            self.next = 0;
            at.truncate(before);
        }
        if at.is_empty() {
            spare.give(at);
            return (Batch::default(), end);
        }
        (Batch::alike(at, &first, layout, window, spare), end)
    }
}

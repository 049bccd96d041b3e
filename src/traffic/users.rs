//! Closed traffic: a number of users who wait for each answer, think, and ask again.

use super::population::Dresser;
use super::{TrafficError, check};
use crate::exec::{Arrival, Source};
use crate::law::Law;
use crate::rng::Key;
use crate::time::{Span, Time};

/// What users do at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// They think first, each for a time of its own.
    #[default]
    Thinking,
    /// They all ask at once.
    Together,
}

/// Users with think time. The k-th request of user u has the serial number k x users + u, so a user keeps its luck
/// whatever happens to the others.
#[derive(Clone, Debug)]
pub struct Users {
    count: u64,
    think: Law,
    start: Start,
}

impl Users {
    /// This many users, each thinking for a time of the law between an answer and the next request.
    ///
    /// # Errors
    /// When the number is not from one to ten million.
    pub fn new(count: u64, think: Law, start: Start) -> Result<Users, TrafficError> {
        check((1..=10_000_000).contains(&count), "the number of users", "from 1 to 10000000")?;
        Ok(Users { count, think, start })
    }

    /// How many users there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The think time.
    pub fn think(&self) -> &Law {
        &self.think
    }

    /// The requests of all users.
    pub(super) fn source(&self, key: &dyn Fn(&str) -> Key, dresser: Dresser, until: Time) -> Asking {
        Asking { users: self.clone(), key: key("think"), dresser, until, started: false }
    }
}

/// A source of closed traffic: the first requests come as a block, every other follows an answer.
#[derive(Debug)]
pub(super) struct Asking {
    users: Users,
    key: Key,
    dresser: Dresser,
    until: Time,
    started: bool,
}

impl Asking {
    fn request(&self, serial: u64, at: Time) -> Option<Arrival> {
        (at < self.until).then(|| self.dresser.request(at, serial))
    }

    fn think(&self, serial: u64) -> Span {
        Span(self.users.think.draw(self.key.bits(serial)))
    }
}

impl Source for Asking {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let first = block.len();
        for serial in 0..self.users.count {
            let wait = if self.users.start == Start::Thinking { self.think(serial) } else { Span::ZERO };
            block.extend(self.request(serial, Time::ZERO + wait));
        }
        block[first..].sort_by_key(|arrival| (arrival.at, arrival.serial));
    }

    fn is_closed(&self) -> bool {
        true
    }

    fn follow(&mut self, serial: u64, end: Time) -> Option<Arrival> {
        let next = serial + self.users.count;
        self.request(next, end + self.think(next))
    }
}

//! Target tracking: at every tick the number of servers is set so that those busy since the last tick would have been busy
//! for the wanted share of their time. More servers come after a delay, fewer at once, though not soon after a change.

use std::collections::VecDeque;

use crate::program::ScalingSpec;
use crate::time::{Span, Time};

/// Slack against the rounding of a division that has no remainder.
const ROUNDING: f64 = 1e-9;

/// The controller of one pool.
#[derive(Clone, Debug)]
pub struct Scaler {
    spec: ScalingSpec,
    /// Ticks come before this.
    until: Time,
    tick: Time,
    /// Servers in service.
    size: u32,
    /// Servers on their way: when they come, and how many.
    coming: VecDeque<(Time, u32)>,
    /// The last time at which anything was decided.
    decided: Option<Time>,
    /// Nanoseconds of busy servers up to the last tick.
    busy: u64,
}

impl Scaler {
    /// A controller of `size` servers that acts until the end of a run.
    pub fn new(spec: &ScalingSpec, size: u32, until: Time) -> Scaler {
        let (spec, coming) = (spec.clone(), VecDeque::new());
        Scaler { tick: Time::ZERO + spec.every, spec, until, size, coming, decided: None, busy: 0 }
    }

    /// When it acts next; nothing when the run has ended by then.
    pub fn next(&self) -> Option<Time> {
        let next = self.coming.front().map_or(self.tick, |&(at, _)| at.min(self.tick));
        (next < self.until).then_some(next)
    }

    /// Acts at the time that `next` gave. `busy` is the integral of busy servers from the start of the run up to this
    /// instant, in nanoseconds. The number of servers from now on.
    pub fn act(&mut self, at: Time, busy: u64) -> u32 {
        while let Some((_, more)) = self.coming.pop_front_if(|&mut (ready, _)| ready <= at) {
            self.size += more;
        }
        if at == self.tick {
            self.decide(at, busy - self.busy);
            self.busy = busy;
            self.tick = at + self.spec.every;
        }
        self.size
    }

    fn decide(&mut self, at: Time, busy: u64) {
        let wanted = busy as f64 / (self.spec.every.0 as f64 * self.spec.target);
        // A float too large for the type becomes its largest value.
        let wanted = ((wanted - ROUNDING).ceil() as u32).clamp(self.spec.min, self.spec.max);
        let coming: u32 = self.coming.iter().map(|&(_, more)| more).sum();
        let rested = self.decided.is_none_or(|last| at.since(last) >= self.spec.cooldown);
        if wanted > self.size + coming {
            let more = wanted - self.size - coming;
            match self.spec.delay {
                Span::ZERO => self.size += more,
                delay => self.coming.push_back((at + delay, more)),
            }
        } else if wanted < self.size && coming == 0 && rested {
            self.size = wanted;
        } else {
            return;
        }
        self.decided = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn scaler(delay: u64, cooldown: u64) -> Scaler {
        let spec = ScalingSpec {
            every: Span(10 * SECOND),
            target: 0.5,
            min: 2,
            max: 20,
            delay: Span(delay * SECOND),
            cooldown: Span(cooldown * SECOND),
        };
        Scaler::new(&spec, 4, Time(200 * SECOND))
    }

    /// Acts at every instant, with so many servers busy in each stretch of ten seconds; gives (second, servers).
    fn run(mut scaler: Scaler, busy: &[u64]) -> Vec<(u64, u32)> {
        let mut sizes = Vec::new();
        while let Some(at) = scaler.next() {
            let second = at.0 / SECOND;
            let before = busy.iter().zip(0..).map(|(busy, stretch)| busy * second.saturating_sub(stretch * 10).min(10));
            let size = scaler.act(at, before.sum::<u64>() * SECOND);
            if sizes.last().is_none_or(|&(_, last)| last != size) {
                sizes.push((second, size));
            }
        }
        sizes
    }

    #[test]
    fn as_many_servers_as_keep_the_wanted_share_busy() {
        assert_eq!(run(scaler(0, 0), &[4, 6, 6, 1, 0]), [(10, 8), (20, 12), (40, 2)]);
        assert_eq!(run(scaler(0, 0), &[40]), [(10, 20), (20, 2)], "at most the most, at least the least");
    }

    #[test]
    fn new_servers_come_after_their_delay_and_are_not_ordered_twice() {
        assert_eq!(run(scaler(25, 0), &[4, 4, 4, 4, 4, 4]), [(10, 4), (35, 8), (70, 2)]);
    }

    #[test]
    fn servers_leave_only_when_nothing_has_changed_for_a_while() {
        assert_eq!(run(scaler(0, 30), &[5, 1, 1, 1, 1, 1]), [(10, 10), (40, 2)]);
    }

    #[test]
    fn nothing_happens_after_the_end() {
        let mut scaler = scaler(0, 0);
        let mut ticks = 0;
        while let Some(at) = scaler.next() {
            scaler.act(at, 0);
            ticks += 1;
        }
        assert_eq!(ticks, 19);
    }
}

//! Balancers: which target serves a request.

use super::keyed::{object, spread};
use crate::program::{BalancerSpec, Choice};
use crate::rng::uniform;

/// State of a balancer.
#[derive(Clone, Debug)]
pub struct Balancer {
    next: u32,
    outstanding: Vec<u32>,
}

/// What a balancer may look at.
#[derive(Clone, Copy, Debug)]
pub struct Asking {
    /// Random bits for this choice.
    pub bits: u64,
    /// Traffic class.
    pub class: u16,
    /// Key.
    pub key: u32,
    /// Target given with the arrival.
    pub given: u32,
}

impl Balancer {
    /// A balancer whose targets are all idle.
    pub fn new(spec: &BalancerSpec) -> Balancer {
        let counted = if spec.choice.counts_outstanding() { spec.targets as usize } else { 0 };
        Balancer { next: 0, outstanding: vec![0; counted] }
    }

    /// Chooses a target.
    #[inline]
    pub fn choose(&mut self, spec: &BalancerSpec, asking: Asking) -> u32 {
        match &spec.choice {
            Choice::RoundRobin => {
                let target = self.next;
                self.next = if target + 1 == spec.targets { 0 } else { target + 1 };
                target
            }
            // The bits of a flow are those of its connection.
            Choice::Random(_) | Choice::Flows(..) => pick(asking.bits, spec.targets),
            Choice::Weighted(_, cumulative) => {
                let u = uniform(asking.bits);
                cumulative.partition_point(|&share| share < u).min(cumulative.len() - 1) as u32
            }
            Choice::HashKey => pick(spread(object(asking.class, asking.key)), spec.targets),
            Choice::Given => asking.given % spec.targets,
            Choice::LeastOutstanding(_) => {
                let target = self.least(asking.bits);
                self.outstanding[target as usize] += 1;
                target
            }
            Choice::PowerOf(_, choices) => {
                let target = self.best_of(asking.bits, *choices, spec.targets);
                self.outstanding[target as usize] += 1;
                target
            }
        }
    }

    /// Targets in turn for so many requests.
    pub fn in_turn(&mut self, targets: u32, requests: usize, chosen: &mut Vec<u64>) {
        let (from, round) = (chosen.len(), targets as usize);
        let order = (self.next..targets).chain(0..self.next);
        chosen.extend(order.take(requests).map(|target| target.min(u16::MAX as u32) as u64));
        // Whole rounds are repeated.
        while chosen.len() - from < requests {
            let more = (chosen.len() - from).min(requests - (chosen.len() - from));
            chosen.extend_from_within(from..from + more);
        }
        self.next = ((self.next as usize + requests) % round) as u32;
    }

    /// The target has answered.
    #[inline]
    pub fn release(&mut self, target: u32) {
        self.outstanding[target as usize] -= 1;
    }

    /// Requests in progress, all targets together.
    pub fn taken(&self) -> u64 {
        self.outstanding.iter().map(|&count| count as u64).sum()
    }

    /// The target with the fewest requests in progress, ties at random.
    fn least(&self, bits: u64) -> u32 {
        let fewest = self.outstanding.iter().copied().min().unwrap_or(0);
        let ties = self.outstanding.iter().filter(|&&count| count == fewest).count() as u32;
        let wanted = pick(bits, ties) as usize;
        let mut tied = self.outstanding.iter().enumerate().filter(|&(_, &count)| count == fewest);
        tied.nth(wanted).map_or(0, |(target, _)| target as u32)
    }

    /// The best of some targets drawn without repetition; the first drawn wins ties.
    fn best_of(&self, bits: u64, choices: u32, targets: u32) -> u32 {
        let mut drawn: Vec<u32> = Vec::with_capacity(choices as usize);
        for round in 0..choices.min(targets) {
            let mut target = pick(spread(bits.wrapping_add(round as u64)), targets - round);
            // The target-th of those not drawn yet.
            let mut before: Vec<u32> = drawn.clone();
            before.sort_unstable();
            for earlier in before {
                target += (earlier <= target) as u32;
            }
            drawn.push(target);
        }
        drawn.into_iter().min_by_key(|&target| self.outstanding[target as usize]).unwrap_or(0)
    }
}

/// One of `n`, each with the same chance (to 2^-64), from random bits.
#[inline]
pub fn pick(bits: u64, n: u32) -> u32 {
    ((bits as u128 * n as u128) >> 64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{Register, SiteId};

    fn spec(targets: u32, choice: Choice) -> BalancerSpec {
        BalancerSpec { name: "b".into(), targets, choice, target: Register(0) }
    }

    fn asking(bits: u64) -> Asking {
        Asking { bits, class: 0, key: bits as u32, given: bits as u32 }
    }

    fn shares(choice: Choice, draws: u64) -> Vec<u64> {
        let spec = spec(4, choice);
        let mut balancer = Balancer::new(&spec);
        let mut counts = vec![0; 4];
        for i in 0..draws {
            let target = balancer.choose(&spec, asking(spread(i)));
            counts[target as usize] += 1;
            if spec.choice.counts_outstanding() {
                balancer.release(target);
            }
        }
        counts
    }

    #[test]
    fn round_robin_never_skips() {
        assert_eq!(shares(Choice::RoundRobin, 8), [2, 2, 2, 2]);
    }

    #[test]
    fn every_even_choice_is_even() {
        // 40,000 draws: five standard deviations are 433.
        let site = SiteId(0);
        for choice in [Choice::Random(site), Choice::HashKey, Choice::LeastOutstanding(site), Choice::PowerOf(site, 2)]
        {
            let counts = shares(choice.clone(), 40_000);
            assert!(counts.iter().all(|count| count.abs_diff(10_000) < 433), "{choice:?}: {counts:?}");
        }
    }

    #[test]
    fn weights_are_shares() {
        let counts = shares(Choice::Weighted(SiteId(0), vec![0.1, 0.1, 0.4, 1.0]), 40_000);
        assert_eq!(counts[1], 0, "a weight of zero gets nothing");
        assert!(counts[0].abs_diff(4_000) < 300 && counts[3].abs_diff(24_000) < 490, "{counts:?}");
    }

    #[test]
    fn the_least_loaded_target_is_chosen() {
        let spec = spec(3, Choice::LeastOutstanding(SiteId(0)));
        let mut balancer = Balancer::new(&spec);
        let mut first: Vec<u32> = (0..3).map(|i| balancer.choose(&spec, asking(spread(i)))).collect();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2]);
        balancer.release(1);
        assert_eq!(balancer.choose(&spec, asking(7)), 1);
        assert_eq!(balancer.taken(), 3);
    }

    #[test]
    fn two_choices_are_never_the_same_target() {
        let spec = spec(2, Choice::PowerOf(SiteId(0), 2));
        let mut balancer = Balancer::new(&spec);
        for i in 0..50 {
            let a = balancer.choose(&spec, asking(spread(2 * i)));
            let b = balancer.choose(&spec, asking(spread(2 * i + 1)));
            assert_ne!(a, b, "with both looked at, the idle one must be taken");
            balancer.release(a);
            balancer.release(b);
        }
    }
}

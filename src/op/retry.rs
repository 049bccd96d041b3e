//! Retry budgets: first attempts earn shares of a retry, a retry takes a whole one.

use crate::program::BudgetSpec;
use crate::time::Time;

/// Parts of one retry, so that levels are whole numbers.
const WHOLE: u64 = 1 << 32;

/// An instant, and whether what happens comes behind everything else of it (a rank, or zero).
pub type Moment = (Time, u32);

/// State of a budget.
#[derive(Clone, Debug)]
pub struct Budget {
    share: u64,
    cap: u64,
    level: u64,
    /// When attempts were made that are not counted yet.
    later: Vec<Moment>,
    /// Whether they lie in order of time.
    sorted: bool,
}

impl Budget {
    /// A full budget.
    pub fn new(spec: &BudgetSpec) -> Budget {
        let parts = |retries: f64| (retries * WHOLE as f64) as u64;
        Budget {
            share: parts(spec.share),
            cap: parts(spec.cap),
            level: parts(spec.cap),
            later: Vec::new(),
            sorted: true,
        }
    }

    /// A first attempt is made.
    pub fn earn(&mut self) {
        self.level = (self.level + self.share).min(self.cap);
    }

    /// A first attempt is made at an instant; it counts for retries taken from then on. Attempts may be told in any order.
    pub fn earn_later(&mut self, at: Moment) {
        self.later.push(at);
        self.sorted = false;
    }

    /// Counts the attempts made up to an instant.
    pub fn settle(&mut self, until: Moment) {
        if !std::mem::replace(&mut self.sorted, true) {
            self.later.sort_unstable_by(|a, b| b.cmp(a));
        }
        while self.later.last().is_some_and(|&at| at <= until) {
            self.later.pop();
            self.earn();
        }
    }

    /// Takes a retry, if there is one; retries are taken in order of time.
    pub fn take(&mut self, at: Moment) -> bool {
        if !self.later.is_empty() {
            self.settle(at);
        }
        let allowed = self.level >= WHOLE;
        if allowed {
            self.level -= WHOLE;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_attempts_may_be_repeated() {
        let mut budget = Budget::new(&BudgetSpec { name: "b".into(), share: 0.125, cap: 2.0 });
        let mut take = || budget.take((Time(0), 0));
        assert!(take() && take() && !take());
        let retries = (0..800).filter(|_| {
            budget.earn();
            budget.take((Time(0), 0))
        });
        assert_eq!(retries.count(), 100);
    }
}

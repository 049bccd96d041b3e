//! Retry budgets: first attempts earn shares of a retry, a retry takes a whole one.

use crate::program::BudgetSpec;

/// Parts of one retry, so that levels are whole numbers.
const WHOLE: u64 = 1 << 32;

/// State of a budget.
#[derive(Clone, Debug)]
pub struct Budget {
    share: u64,
    cap: u64,
    level: u64,
}

impl Budget {
    /// A full budget.
    pub fn new(spec: &BudgetSpec) -> Budget {
        let parts = |retries: f64| (retries * WHOLE as f64) as u64;
        Budget { share: parts(spec.share), cap: parts(spec.cap), level: parts(spec.cap) }
    }

    /// A first attempt is made.
    pub fn earn(&mut self) {
        self.level = (self.level + self.share).min(self.cap);
    }

    /// Takes a retry, if there is one.
    pub fn take(&mut self) -> bool {
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
        assert!(budget.take() && budget.take() && !budget.take());
        let retries = (0..800).filter(|_| {
            budget.earn();
            budget.take()
        });
        assert_eq!(retries.count(), 100);
    }
}

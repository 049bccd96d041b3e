//! Scenarios side by side: differences between each and the first, replication by replication.
//!
//! Draws are keyed by what they are for, so that two scenarios with the same seed see the same users, demands and failures
//! (common random numbers). The difference of a metric is therefore taken within each replication, and its interval is that
//! of the paired differences, usually several times narrower than the two intervals suggest.
//!
//! Who compares many metrics of many scenarios finds differences by chance. So a difference counts as one only when Holm's
//! step-down procedure over all of them says so (Scandinavian Journal of Statistics 6, 1979): where nothing differs, the
//! chance of a single false word in the whole table is at most one less the confidence. Each interval still stands for itself.

use super::cost::{Cost, CostDifference, PricedDifference};
use super::estimate::{Estimates, Measure, Metric};
use crate::stats::interval::{self, Interval};
use crate::stats::{Trust, student};

/// One scenario against the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the one it is compared with.
    pub reference: String,
    /// The differences, metric by metric.
    pub differences: Vec<Difference>,
    /// The difference of the bills, where both have one.
    pub cost: Option<CostDifference>,
    /// Confidence of the intervals, and of all verdicts together.
    pub confidence: f64,
    /// Differences that were tested together.
    pub tests: usize,
}

/// A metric of the scenario minus that of the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The metric.
    pub metric: Metric,
    /// Value of the reference.
    pub reference: f64,
    /// The paired difference.
    pub interval: Interval,
    /// Variance of two independent runs over the variance of the paired difference: how much common random numbers gain.
    /// Infinite when the difference is the same in every replication.
    pub gain: f64,
    /// Chance of a difference at least as large where there is none, corrected for the number of tests; one where the
    /// difference is not tested.
    pub p_value: f64,
    /// What it means.
    pub change: Change,
}

/// What a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It differs, on the good side.
    Better,
    /// It differs, on the bad side.
    Worse,
    /// No difference in any replication.
    Same,
    /// The whole interval lies within the margin: whatever the difference is, it does not matter.
    Equal,
    /// The data cannot tell.
    CannotTell,
    /// A load that differs, or a throughput that differs with it: neither good nor bad.
    Different,
}

impl Change {
    /// The words for tables: `better`, `worse`, `same`, `equal`, `cannot tell`, `different`.
    pub fn word(self) -> &'static str {
        match self {
            Change::Better => "better",
            Change::Worse => "worse",
            Change::Same => "same",
            Change::Equal => "equal",
            Change::CannotTell => "cannot tell",
            Change::Different => "different",
        }
    }

    /// What a difference that is one means.
    fn of(metric: Metric, difference: f64) -> Change {
        let more = difference > 0.0;
        match metric {
            Metric::Offered => Change::Different,
            Metric::Throughput if more => Change::Better,
            Metric::Throughput => Change::Worse,
            Metric::Errors | Metric::Mean | Metric::Quantile(_) if more => Change::Worse,
            Metric::Errors | Metric::Mean | Metric::Quantile(_) => Change::Better,
        }
    }
}

impl Difference {
    /// Whether the difference is put to the test.
    fn is_tested(&self) -> bool {
        self.metric != Metric::Offered && is_tested(&self.interval)
    }

    fn put_into_words(&mut self, judge: &Judge) {
        let (low, high) = ends(&self.interval);
        self.change = match self.metric {
            Metric::Offered if !is_nothing(&self.interval) && (low > 0.0 || high < 0.0) => Change::Different,
            metric => {
                judge.word(&self.interval, self.reference, self.p_value, |difference| Change::of(metric, difference))
            }
        };
    }
}

impl PricedDifference {
    fn put_into_words(&mut self, judge: &Judge) {
        let less_is_better = |difference| if difference > 0.0 { Change::Worse } else { Change::Better };
        self.change = judge.word(&self.interval, self.reference, self.p_value, less_is_better);
    }
}

/// What decides on words.
struct Judge {
    /// Chance below which a difference is one.
    significant: f64,
    /// Share of the reference within which a difference does not matter.
    margin: f64,
}

impl Judge {
    /// The word for a difference that has this corrected chance; `side` says what one means that is certain.
    fn word(&self, interval: &Interval, reference: f64, p_value: f64, side: impl Fn(f64) -> Change) -> Change {
        let (low, high) = ends(interval);
        let within = self.margin * reference.abs();
        match interval.value {
            _ if is_nothing(interval) => Change::Same,
            _ if low >= -within && high <= within => Change::Equal,
            value if p_value < self.significant => side(value),
            _ => Change::CannotTell,
        }
    }
}

/// No difference in any replication.
fn is_nothing(interval: &Interval) -> bool {
    interval.low == 0.0 && interval.high == 0.0
}

fn is_tested(interval: &Interval) -> bool {
    !is_nothing(interval) && interval.trust < Trust::TooFewReplications
}

/// Half-width for the test: twice as wide where the interval is known to be too narrow.
fn reach(interval: &Interval) -> f64 {
    let doubt = if interval.trust > Trust::Caution { 2.0 } else { 1.0 };
    doubt * interval.half_width()
}

/// The ends at that half-width.
fn ends(interval: &Interval) -> (f64, f64) {
    (interval.value - reach(interval), interval.value + reach(interval))
}

/// Chance of such a difference where there is none, by itself.
fn chance(interval: &Interval, confidence: f64) -> f64 {
    let degrees = interval.units.saturating_sub(1);
    let error = reach(interval) / student::critical(confidence, degrees);
    student::p_value(interval.value / error, degrees)
}

impl Comparison {
    /// With the difference of the bills, where both have one.
    pub fn with_cost(self, scenario: Option<&Cost>, reference: Option<&Cost>, confidence: f64) -> Comparison {
        let cost = scenario.zip(reference).map(|(mine, theirs)| mine.less(theirs, confidence));
        let mut comparison = Comparison { cost, ..self };
        Comparison::judge(std::slice::from_mut(&mut comparison), Comparison::MARGIN);
        comparison
    }

    /// Compares a scenario with a reference that has the same seed and replications. Metrics that only one of them has, and
    /// all of a scenario that was not complete, are left out.
    pub fn of(scenario: (&str, &Estimates), reference: (&str, &Estimates)) -> Comparison {
        let comparable = scenario.1.status.is_complete() && reference.1.status.is_complete();
        let measures = scenario.1.classes.first().filter(|_| comparable).map_or(&[][..], |class| &class.measures);
        let differences: Vec<Difference> = measures
            .iter()
            .filter_map(|mine| Some(difference(mine, reference.1.measure(mine.metric)?, scenario.1.confidence)))
            .collect();
        let (confidence, tests) = (scenario.1.confidence, 0);
        let names = (scenario.0.to_owned(), reference.0.to_owned());
        let mut comparison =
            Comparison { scenario: names.0, reference: names.1, differences, cost: None, confidence, tests };
        Comparison::judge(std::slice::from_mut(&mut comparison), Comparison::MARGIN);
        comparison
    }

    /// Share of the reference within which a difference does not matter, unless told otherwise.
    pub const MARGIN: f64 = 0.01;

    /// Judges all differences of all comparisons together, those of the bills among them; `margin` is the share of the
    /// reference within which a difference does not matter.
    pub fn judge(comparisons: &mut [Comparison], margin: f64) {
        let mut tested: Vec<(f64, &mut f64)> = comparisons.iter_mut().flat_map(Comparison::tested).collect();
        tested.sort_by(|a, b| a.0.total_cmp(&b.0));
        let tests = tested.len();
        // Holm: the smallest chance counts as often as there are tests, the next once less, and none is smaller than the last.
        let mut least = 0.0f64;
        for (rank, (chance, p_value)) in tested.into_iter().enumerate() {
            least = least.max((chance * (tests - rank) as f64).min(1.0));
            *p_value = least;
        }
        for comparison in comparisons {
            comparison.tests = tests;
            comparison.put_into_words(margin);
        }
    }

    /// The chance of each difference that is tested, by itself, and where the corrected one goes; one for those that are not.
    fn tested(&mut self) -> Vec<(f64, &mut f64)> {
        let confidence = self.confidence;
        let bills = self.cost.iter_mut().flat_map(|cost| [&mut cost.total, &mut cost.per_million]);
        let all = self.differences.iter_mut().map(|one| (one.is_tested(), &one.interval, &mut one.p_value));
        let all = all.chain(bills.map(|one| (is_tested(&one.interval), &one.interval, &mut one.p_value)));
        let mut tested = Vec::new();
        for (is_tested, interval, p_value) in all {
            *p_value = 1.0;
            if is_tested {
                tested.push((chance(interval, confidence), p_value));
            }
        }
        tested
    }

    fn put_into_words(&mut self, margin: f64) {
        let judge = Judge { significant: 1.0 - self.confidence, margin };
        self.differences.iter_mut().for_each(|one| one.put_into_words(&judge));
        let bills = self.cost.iter_mut().flat_map(|cost| [&mut cost.total, &mut cost.per_million]);
        bills.for_each(|one| one.put_into_words(&judge));
        let change_of = |metric| self.differences.iter().find(|one| one.metric == metric).map(|one| one.change);
        if change_of(Metric::Offered) != Some(Change::Same) {
            // More served because more came is no merit.
            let throughput = self.differences.iter_mut().find(|one| one.metric == Metric::Throughput);
            throughput
                .into_iter()
                .filter(|one| one.change == Change::Better)
                .for_each(|one| one.change = Change::Different);
        }
    }
}

fn difference(mine: &Measure, theirs: &Measure, confidence: f64) -> Difference {
    let pairs = mine.values.iter().zip(&theirs.values);
    let differences: Vec<f64> = pairs.map(|(mine, theirs)| mine - theirs).collect();
    let interval = match mine.metric {
        Metric::Quantile(_) => {
            let value = mine.interval.value - theirs.interval.value;
            let paired = interval::paired_sections(value, &mine.points, &theirs.points, confidence);
            Interval { trust: paired.trust.max(mine.interval.trust).max(theirs.interval.trust), ..paired }
        }
        _ => {
            let paired = interval::mean(&differences, confidence);
            Interval { trust: paired.trust.max(mine.interval.trust).max(theirs.interval.trust), ..paired }
        }
    };
    Difference {
        metric: mine.metric,
        reference: theirs.interval.value,
        gain: (variance(&mine.values) + variance(&theirs.values)) / variance(&differences),
        p_value: 1.0,
        change: Change::CannotTell,
        interval,
    }
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priced(values: &[f64]) -> PricedDifference {
        let interval = interval::mean(values, 0.95);
        PricedDifference { reference: 100.0, interval, p_value: 1.0, change: Change::CannotTell }
    }

    #[test]
    fn words_on_costs_share_the_error_of_all_others() {
        // A bill that is dearer with a chance of 3 % by itself: enough alone, not beside nineteen other tests.
        let noise = [0.0, 3.0, -2.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.5, 0.0];
        let dearer = noise.map(|noise| noise + 1.55);
        let judged = |others: usize| {
            let mine: Vec<f64> = noise.iter().map(|noise| 100.0 + noise + 0.1).collect();
            let latency = difference(&measure(Metric::Mean, &mine), &measure(Metric::Mean, &[100.0; 10]), 0.95);
            let mut one = [Comparison {
                scenario: "a".to_owned(),
                reference: "b".to_owned(),
                differences: vec![latency; others],
                cost: Some(CostDifference { total: priced(&dearer), per_million: priced(&[0.0; 10]) }),
                confidence: 0.95,
                tests: 0,
            }];
            Comparison::judge(&mut one, 0.01);
            let [one] = one;
            (one.tests, one.cost.map(|cost| (cost.total.change, cost.per_million.change)))
        };
        assert_eq!(judged(0), (1, Some((Change::Worse, Change::Same))));
        assert_eq!(judged(19), (20, Some((Change::CannotTell, Change::Same))));
    }

    fn measure(metric: Metric, values: &[f64]) -> Measure {
        let interval = interval::mean(values, 0.95);
        Measure { metric, interval, observations: 1000, values: values.to_vec(), points: Vec::new() }
    }

    /// Estimates with one metric of these values.
    fn judged(metric: Metric, mine: &[f64], theirs: &[f64]) -> Difference {
        let differences = vec![difference(&measure(metric, mine), &measure(metric, theirs), 0.95)];
        let names = ("a".to_owned(), "b".to_owned());
        let mut one =
            Comparison { scenario: names.0, reference: names.1, differences, cost: None, confidence: 0.95, tests: 0 };
        Comparison::judge(std::slice::from_mut(&mut one), Comparison::MARGIN);
        one.differences.remove(0)
    }

    #[test]
    fn equal_scenarios_differ_by_exactly_nothing() {
        let same = [1.0, 2.5, 3.0];
        let difference = judged(Metric::Mean, &same, &same);
        assert_eq!((difference.interval.low, difference.interval.high, difference.change), (0.0, 0.0, Change::Same));
    }

    #[test]
    fn pairing_decides_what_two_intervals_leave_open() {
        let (a, b) = ([10.0, 20.0, 30.0, 40.0], [11.0, 21.2, 30.9, 41.1]);
        let intervals = [a, b].map(|values| measure(Metric::Mean, &values).interval);
        assert!(intervals[0].covers(intervals[1].value) && intervals[1].covers(intervals[0].value));
        let difference = judged(Metric::Mean, &b, &a);
        assert_eq!(difference.change, Change::Worse);
        assert!(difference.gain > 100.0);
    }

    #[test]
    fn more_is_better_for_throughput_only() {
        let (less, more) = ([1.0, 1.1, 0.9, 1.0], [2.0, 2.2, 2.0, 1.9]);
        let changes = [Metric::Offered, Metric::Throughput, Metric::Errors, Metric::Mean, Metric::Quantile(0.5)]
            .map(|metric| Change::of(metric, judged(Metric::Mean, &more, &less).interval.value));
        assert_eq!(changes, [Change::Different, Change::Better, Change::Worse, Change::Worse, Change::Worse]);
    }

    #[test]
    fn one_replication_decides_nothing() {
        assert_eq!(judged(Metric::Mean, &[1.0], &[2.0]).change, Change::CannotTell);
    }

    #[test]
    fn a_difference_that_is_certain_but_does_not_matter_is_equal() {
        let difference = judged(Metric::Mean, &[100.5, 101.5, 99.5, 100.6], &[100.0, 101.0, 99.0, 100.0]);
        assert!(difference.interval.low > 0.0 && difference.p_value < 0.001);
        assert_eq!(difference.change, Change::Equal);
    }

    #[test]
    fn holm_asks_more_of_one_among_many() {
        // Alone, a chance of 3 % is enough; among ten it is not, while one of 0.03 % still is.
        let noise = [0.0, 3.0, -2.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.5, 0.0];
        let pair = |shift: f64| {
            let mine: Vec<f64> = noise.iter().map(|noise| 100.0 + noise + shift).collect();
            difference(&measure(Metric::Mean, &mine), &measure(Metric::Mean, &[100.0; 10]), 0.95)
        };
        let names = || ("a".to_owned(), "b".to_owned());
        let of = |shift| Comparison {
            scenario: names().0,
            reference: names().1,
            differences: vec![pair(shift)],
            cost: None,
            confidence: 0.95,
            tests: 0,
        };
        let mut alone = [of(1.55)];
        Comparison::judge(&mut alone, 0.01);
        assert_eq!(alone[0].differences[0].change, Change::Worse);
        let mut many: Vec<Comparison> = [1.55, 3.5].into_iter().chain([0.1; 8]).map(of).collect();
        Comparison::judge(&mut many, 0.01);
        let changes: Vec<Change> = many.iter().map(|one| one.differences[0].change).collect();
        assert_eq!((changes[0], changes[1], many[0].tests), (Change::CannotTell, Change::Worse, 10));
    }
}

//! One long run instead of replications: its measured time is cut into batches of equal length, and each counts as if it were
//! a replication (batch means; for quantiles, ten sections of two batches each).
//!
//! It saves the warm-ups of many runs where the transient is long. Batches are not independent, only nearly so when they are
//! long; where their means are still correlated, the flag says so. Requests belong to the batch they are born in, so the run
//! keeps a record of every request: some fifty bytes each.

use super::case::Case;
use crate::exec::{Answers, Balance, Record, Run};
use crate::stats::{Histogram, Series};
use crate::time::{Span, Time};
use std::collections::BTreeMap;

/// Batches of a run: enough for the spread of means, and two for each of ten sections.
pub const BATCHES: usize = 20;

/// The batches of a run that recorded every request and is measured from `from` on.
pub fn batches(case: &Case, run: &Run, from: Time) -> Vec<Run> {
    let length = case.measured_after(Span(from.0)).0;
    let batch_of = |at: Time| {
        let since = at.0.checked_sub(from.0).filter(|&since| since < length)?;
        Some((u128::from(since) * BATCHES as u128 / u128::from(length)) as usize)
    };
    let mut cut: Vec<Batch> = (0..BATCHES).map(|_| Batch::default()).collect();
    for record in &run.trace {
        if let Some(batch) = batch_of(record.born) {
            cut[batch].born(record);
        }
        if let Some(batch) = batch_of(record.end) {
            cut[batch].ended += 1;
            cut[batch].served += u64::from(case.program.outcomes[usize::from(record.outcome)].is_good());
        }
    }
    cut.into_iter().map(|batch| batch.into_run(run, Span(length / BATCHES as u64))).collect()
}

/// Whether neighbouring batches are alike: the lag-one correlation of their values is beyond what 95 of 100 independent series
/// of this length have (von Neumann's test in its normal form).
pub fn are_correlated(values: &[f64]) -> bool {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let neighbours: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    squares > 0.0 && neighbours / squares > 1.645 / n.sqrt() - 1.0 / n
}

#[derive(Default)]
struct Batch {
    offered: u64,
    served: u64,
    ended: u64,
    /// By class and outcome: latencies, and those from the send.
    answers: BTreeMap<(u16, u16), (Histogram, Histogram)>,
}

impl Batch {
    fn born(&mut self, record: &Record) {
        self.offered += 1;
        let latency = record.end - record.born;
        let (latencies, from_send) = self.answers.entry((record.class, record.outcome)).or_default();
        latencies.record(latency.0);
        from_send.record(latency.0 - record.before_send.0);
    }

    fn into_run(self, whole: &Run, measured: Span) -> Run {
        let answers = self.answers.into_iter();
        Run {
            verdict: whole.verdict.clone(),
            balance: Balance::default(),
            offered: self.offered,
            served: self.served,
            ended: self.ended,
            from: whole.from,
            measured,
            answers: answers
                .map(|((class, outcome), (latency, from_send))| Answers {
                    class,
                    outcome,
                    latency,
                    from_send: Some(from_send),
                })
                .collect(),
            stages: Vec::new(),
            resources: Vec::new(),
            usage: Vec::new(),
            series: Series::new(Span::ZERO, None),
            trace: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimate::{Estimates, Metric};
    use super::super::replicate::sample;
    use super::super::trial;
    use super::*;
    use crate::exec::Executor;

    #[test]
    fn batches_hold_every_request_of_the_measured_time_once() {
        let mut case = trial::lasting(Span::from_secs(200), "a", 500.0, 1);
        (case.batches, case.replications) = (true, 1);
        let sample = sample(&case, Executor::Event);
        let whole = sample.whole.as_ref().unwrap();
        assert_eq!(sample.runs.len(), BATCHES);
        assert_eq!(sample.runs.iter().map(|run| run.offered).sum::<u64>(), whole.offered);
        assert_eq!(sample.runs.iter().map(|run| run.served).sum::<u64>(), whole.served);
        let all = |runs: &[Run]| {
            let mut all = Histogram::default();
            runs.iter().for_each(|run| all.merge(&run.latency(|_, _| true)));
            all
        };
        assert_eq!(all(&sample.runs), all(std::slice::from_ref(whole)));
    }

    #[test]
    fn one_long_run_has_the_textbook_inside_its_intervals() {
        let sojourn = 1e9 / (1000.0 - 495.0);
        let exact = [
            (Metric::Throughput, 495.0),
            (Metric::Mean, 0.2e6 + sojourn),
            (Metric::Quantile(0.99), 0.2e6 + sojourn * 100f64.ln()),
        ];
        let mut held = [0; 3];
        for seed in 1..=30 {
            let mut case = trial::lasting(Span::from_secs(200), "a", 500.0, 1);
            (case.batches, case.replications, case.seed) = (true, 1, seed);
            let estimates = Estimates::of(&case, &sample(&case, Executor::Event));
            assert_eq!((estimates.replications, estimates.measure(Metric::Mean).unwrap().interval.units), (1, BATCHES));
            for ((metric, exact), held) in exact.iter().zip(&mut held) {
                let interval = estimates.measure(*metric).unwrap().interval;
                assert!(interval.half_width() < 0.15 * exact, "{metric}: {interval:?}");
                *held += u32::from(interval.covers(*exact));
            }
        }
        // At 95 % fewer than 25 of 30 once in three hundred; intervals of independent requests would hold 15.
        assert!(held.iter().all(|&held| held >= 25), "{held:?} of 30");
    }

    #[test]
    fn a_drift_over_batches_is_noticed() {
        assert!(are_correlated(&(0..20).map(f64::from).collect::<Vec<_>>()));
        assert!(!are_correlated(&(0..20).map(|i| f64::from(i * 7 % 20)).collect::<Vec<_>>()));
    }
}

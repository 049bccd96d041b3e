//! Replications of many scenarios on several threads.
//!
//! Threads claim (scenario, replication) pairs in order, so at any time only about as many scenarios are in progress as
//! there are threads, and a finished one can be stored before the next is. What a pair gives depends on nothing but the
//! pair; runs are put in order of their number, and what is merged at once (the series) consists of integers.

use super::case::Case;
use crate::exec::{self, Executor, Run, Verdict};
use crate::stats::Series;
use crate::time::Span;
use std::borrow::Borrow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// All replications of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The runs in order of their number; their own series are empty.
    pub runs: Vec<Run>,
    /// The series of all runs together.
    pub series: Series,
}

/// Is told how a study goes on; called from its threads.
pub trait Watch: Sync {
    /// A replication of the scenario with this index has ended.
    fn replicated(&self, _case: usize) {}
    /// All replications of the scenario with this index have ended.
    fn finished(&self, case: usize, sample: Sample);
}

/// Why a study could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads: {source}")]
pub struct ThreadError {
    threads: usize,
    source: rayon::ThreadPoolBuildError,
}

/// Runs every replication of every case and hands each case over when it is complete. Setting `cancel` ends it early; cases
/// that are not complete by then are not handed over.
///
/// # Errors
/// When the threads cannot be started.
pub fn replicate(
    cases: &[impl Borrow<Case> + Sync],
    executor: Executor,
    threads: usize,
    cancel: &AtomicBool,
    watch: &dyn Watch,
) -> Result<(), ThreadError> {
    let threads = threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let pool = pool.map_err(|source| ThreadError { threads, source })?;
    let cases: Vec<&Case> = cases.iter().map(Borrow::borrow).collect();
    let pairs: Vec<(usize, usize)> =
        cases.iter().enumerate().flat_map(|(c, case)| (0..case.replications).map(move |r| (c, r))).collect();
    let slots: Vec<Mutex<Slot>> = cases.iter().map(|case| Mutex::new(Slot::new(case.replications))).collect();
    let next = AtomicUsize::new(0);
    pool.broadcast(|_| {
        while !cancel.load(Ordering::Relaxed) {
            let Some(&(c, r)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let run = run(cases[c], executor, r, cancel);
            if run.verdict == Verdict::Interrupted {
                return;
            }
            let complete = slots[c].lock().unwrap_or_else(PoisonError::into_inner).put(r, run);
            watch.replicated(c);
            if let Some(sample) = complete {
                watch.finished(c, sample);
            }
        }
    });
    Ok(())
}

/// Runs all replications of one case on the calling thread.
pub fn sample(case: &Case, executor: Executor) -> Sample {
    let never = AtomicBool::new(false);
    let mut slot = Slot::new(case.replications);
    let samples = (0..case.replications).filter_map(|r| slot.put(r, run(case, executor, r, &never)));
    samples.last().unwrap_or(Sample { runs: Vec::new(), series: Series::new(case.duration, case.interval) })
}

fn run(case: &Case, executor: Executor, replication: usize, cancel: &AtomicBool) -> Run {
    let sources = || (case.traffic)(case.seed, replication as u64);
    exec::execute(executor, &case.program, &sources, &case.options(replication, Some(cancel)))
}

/// The replications of a case as they come in.
struct Slot {
    runs: Vec<Option<Run>>,
    missing: usize,
    series: Option<Series>,
}

impl Slot {
    fn new(replications: usize) -> Slot {
        Slot { runs: (0..replications).map(|_| None).collect(), missing: replications, series: None }
    }

    /// Puts a run into its place; gives all of them when it was the last.
    fn put(&mut self, replication: usize, mut run: Run) -> Option<Sample> {
        let series = std::mem::replace(&mut run.series, Series::new(Span::ZERO, None));
        match &mut self.series {
            Some(merged) => merged.merge(&series),
            None => self.series = Some(series),
        }
        self.runs[replication] = Some(run);
        self.missing -= 1;
        if self.missing > 0 {
            return None;
        }
        let runs = std::mem::take(&mut self.runs).into_iter().flatten().collect();
        self.series.take().map(|series| Sample { runs, series })
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial;
    use super::*;

    /// Collects what is finished.
    struct Shelf(Mutex<Vec<(usize, Sample)>>);

    impl Watch for Shelf {
        fn finished(&self, case: usize, sample: Sample) {
            self.0.lock().unwrap().push((case, sample));
        }
    }

    fn replicated(cases: &[Case], threads: usize) -> Vec<Sample> {
        let shelf = Shelf(Mutex::new(Vec::new()));
        replicate(cases, Executor::Event, threads, &AtomicBool::new(false), &shelf).unwrap();
        let mut finished = shelf.0.into_inner().unwrap();
        finished.sort_by_key(|(case, _)| *case);
        finished.into_iter().map(|(_, sample)| sample).collect()
    }

    #[test]
    fn results_do_not_depend_on_threads_or_on_the_other_scenarios() {
        let cases = || [trial::case("a", 500.0, 1), trial::case("b", 700.0, 1), trial::case("c", 900.0, 2)];
        let one = replicated(&cases(), 1);
        assert_eq!(one, replicated(&cases(), 3));
        let mut turned = cases();
        turned.reverse();
        let mut turned = replicated(&turned, 2);
        turned.reverse();
        assert_eq!(one, turned);
        assert_eq!(one[1], sample(&cases()[1], Executor::Event));
    }

    #[test]
    fn both_executors_give_the_same_sample() {
        let case = trial::case("a", 900.0, 1);
        assert_eq!(sample(&case, Executor::Event), sample(&case, Executor::Plain));
    }

    #[test]
    fn a_cancelled_study_hands_over_nothing_incomplete() {
        struct Stop<'a>(&'a AtomicBool, Mutex<Vec<usize>>);
        impl Watch for Stop<'_> {
            fn replicated(&self, case: usize) {
                self.0.store(case == 1, Ordering::Relaxed);
            }
            fn finished(&self, case: usize, sample: Sample) {
                assert_eq!(sample.runs.len(), 10);
                self.1.lock().unwrap().push(case);
            }
        }
        let cancel = AtomicBool::new(false);
        let stop = Stop(&cancel, Mutex::new(Vec::new()));
        let cases = [trial::case("a", 500.0, 1), trial::case("b", 500.0, 1), trial::case("c", 500.0, 1)];
        replicate(&cases, Executor::Event, 1, &cancel, &stop).unwrap();
        assert_eq!(*stop.1.lock().unwrap(), [0]);
    }
}

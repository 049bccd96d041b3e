//! Replications of many scenarios on several threads, in waves.
//!
//! The first wave of at most ten replications is the pilot. Its series, averaged over replications, says how long the
//! warm-up must be, for the mean and for the quantiles asked for; only where that is longer than what the pilot left out
//! already does the pilot run again. So an automatic warm-up costs nothing where the least one does. What follows is decided between waves, from whole waves.
//!
//! Threads claim (scenario, replication) pairs in order, so at any time only about as many scenarios are in progress as
//! there are threads, and a finished one can be stored before the next is. What a pair gives depends on nothing but the
//! pair; runs are put in order of their number, and what is merged at once (the series) consists of integers.

use super::batches::batches;
use super::case::Case;
use super::estimate;
use super::stop::Ended;
use crate::exec::{self, Executor, Run, Verdict};
use crate::stats::{Series, Timeline, Warmup, Why, stability};
use crate::time::{Span, Time};
use std::borrow::Borrow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// All replications of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The runs in order of their number, or the batches of one run; their own series are empty.
    pub runs: Vec<Run>,
    /// Where the runs are batches of one long run: that run, its record of requests empty.
    pub whole: Option<Run>,
    /// The series of all runs together.
    pub series: Series,
    /// Each run over simulated time.
    pub timelines: Vec<Timeline>,
    /// The warm-up of all runs.
    pub warmup: Warmup,
    /// Which rule ended the replications.
    pub ended: Ended,
}

impl Sample {
    /// The runs as they were simulated: one where the others are its batches.
    pub fn simulated(&self) -> &[Run] {
        self.whole.as_ref().map_or(&self.runs, std::slice::from_ref)
    }
}

/// Is told how a study goes on; called from its threads.
pub trait Watch: Sync {
    /// So many more replications are going to be run.
    fn planned(&self, _more: usize) {}
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

/// Replications of the pilot, if there are so many.
pub const PILOT: usize = 10;

/// Replications whose average MSER-5 is asked about, at least.
const ENSEMBLE: usize = 5;

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
    let cases: Vec<&Case> = cases.iter().map(Borrow::borrow).collect();
    let groups = cases.iter().enumerate().map(|(index, case)| Group::new(vec![(index, *case)])).collect();
    Floor::new(groups, executor, cancel, watch).work(threads)
}

/// The same for cases that are compared with each other: they have the same warm-up, the longest that any of them needs, and
/// the same number of replications, and are handed over together.
///
/// # Errors
/// When the threads cannot be started.
pub fn replicate_together(
    cases: &[impl Borrow<Case> + Sync],
    executor: Executor,
    threads: usize,
    cancel: &AtomicBool,
    watch: &dyn Watch,
) -> Result<(), ThreadError> {
    let cases: Vec<(usize, &Case)> = cases.iter().map(Borrow::borrow).enumerate().collect();
    let groups = if cases.is_empty() { Vec::new() } else { vec![Group::new(cases)] };
    Floor::new(groups, executor, cancel, watch).work(threads)
}

/// Goes on with one case of which there are replications already, up to the number it asks for now: what comes out is what
/// all of them run afresh would give. Where the pilot was smaller than it would be now and asked for a longer warm-up, all are
/// run again.
///
/// # Errors
/// When the threads cannot be started.
pub fn go_on(
    case: &Case,
    sample: Sample,
    executor: Executor,
    threads: usize,
    cancel: &AtomicBool,
    watch: &dyn Watch,
) -> Result<(), ThreadError> {
    let mut group = Group::new(vec![(0, case)]);
    group.resume(sample);
    Floor::new(vec![group], executor, cancel, watch).work(threads)
}

/// Runs all replications of one case on the calling thread.
pub fn sample(case: &Case, executor: Executor) -> Sample {
    let never = AtomicBool::new(false);
    let mut group = Group::new(vec![(0, case)]);
    loop {
        while let Some(job) = group.next() {
            let run = job.run(case, executor, &never);
            group.put(job, run);
        }
        if group.decide() {
            let samples = group.samples();
            return samples.into_iter().next().map(|(_, sample)| sample).unwrap_or_else(|| {
                Slot::new(case).sample(case, Warmup { length: case.warmup, why: Why::Given }, Ended::Fixed)
            });
        }
    }
}

/// One replication to be run.
#[derive(Clone, Copy, Debug)]
struct Job {
    /// Place of the case in its group.
    member: usize,
    replication: usize,
    warmup: Span,
}

impl Job {
    fn run(self, case: &Case, executor: Executor, cancel: &AtomicBool) -> Run {
        let sources = || (case.traffic)(case.seed, self.replication as u64);
        let mut options = case.options(self.replication, Some(cancel));
        options.from.0 = self.warmup.0;
        exec::execute(executor, &case.program, &sources, &options)
    }
}

/// Cases that decide together how to go on.
struct Group<'a> {
    members: Vec<(usize, &'a Case)>,
    slots: Vec<Slot>,
    /// The warm-up of the runs to come; nothing before the pilot has told.
    warmup: Option<Vec<Warmup>>,
    /// Replications that the waves so far ask for.
    wanted: usize,
    jobs: Vec<Job>,
    /// Jobs handed out.
    begun: usize,
    /// Jobs done.
    done: usize,
    ended: Option<Ended>,
}

impl<'a> Group<'a> {
    fn new(members: Vec<(usize, &'a Case)>) -> Group<'a> {
        let slots = members.iter().map(|(_, case)| Slot::new(case)).collect();
        let mut group =
            Group { members, slots, warmup: None, wanted: 0, jobs: Vec::new(), begun: 0, done: 0, ended: None };
        let replications = group.members.iter().map(|(_, case)| case.replications).max().unwrap_or(0);
        let seeks = group.members.iter().any(|(_, case)| case.seeks_warmup && case.steady);
        group.extend_to(if seeks { replications.min(PILOT) } else { replications });
        group
    }

    /// Takes over what an only member has already, before anything is run. A sample of batches has nothing to go on with.
    fn resume(&mut self, sample: Sample) {
        let ([(_, case)], [slot]) = (self.members.as_slice(), self.slots.as_mut_slice()) else { return };
        let done = sample.runs.len();
        // The pilot is the same, or ran once only: then what is there is the beginning of a larger one.
        let is_settled = done >= PILOT || !(case.seeks_warmup && case.steady);
        let is_pilot = sample.warmup.length == case.warmup;
        if case.batches || done >= case.replications || !(is_settled || is_pilot) {
            return;
        }
        slot.runs = sample.runs.into_iter().zip(sample.timelines).map(Some).collect();
        slot.series = sample.series;
        self.warmup = is_settled.then(|| vec![sample.warmup]);
        self.jobs.clear();
        self.wanted = done;
        self.extend_to(if is_settled { case.replications } else { case.replications.min(PILOT) });
    }

    /// The next replication to be run in this wave.
    fn next(&mut self) -> Option<Job> {
        let job = self.jobs.get(self.begun).copied()?;
        self.begun += 1;
        Some(job)
    }

    /// Takes a run; true when the wave is complete.
    fn put(&mut self, job: Job, run: Run) -> bool {
        self.slots[job.member].put(job, run);
        self.done += 1;
        self.done == self.jobs.len()
    }

    /// Asks for replications up to this number of each member that wants so many.
    fn extend_to(&mut self, wanted: usize) {
        let from = std::mem::replace(&mut self.wanted, wanted);
        for (member, (_, case)) in self.members.iter().enumerate() {
            let warmup = self.warmup.as_ref().map_or(case.warmup, |warmups| warmups[member].length);
            let most = case.precision.as_ref().map_or(case.replications, |precision| precision.replications);
            let new = from..wanted.min(most.max(case.replications));
            self.jobs.extend(new.map(|replication| Job { member, replication, warmup }));
        }
    }

    /// Between waves: true when there is nothing more to be run.
    fn decide(&mut self) -> bool {
        if self.warmup.is_none() && self.settle_warmup() {
            return false;
        }
        let most = self.members.iter().map(|(_, case)| case.replications).max().unwrap_or(0);
        let next = if self.wanted < most { Ok(most) } else { self.enough() };
        match next {
            Ok(wanted) => self.extend_to(wanted),
            Err(ended) => self.ended = Some(ended),
        }
        self.ended.is_some()
    }

    /// How many replications are needed for the precision asked for, or why no more are.
    fn enough(&self) -> Result<usize, Ended> {
        let Some(precision) = self.members.iter().find_map(|(_, case)| case.precision.as_ref()) else {
            return Err(Ended::Fixed);
        };
        if self.slots.iter().any(|slot| !slot.is_complete()) {
            return Err(Ended::Unstable);
        }
        let mut short = Vec::new();
        let warmups = self.warmup.iter().flatten();
        for (((_, case), slot), warmup) in self.members.iter().zip(&self.slots).zip(warmups) {
            let runs: Vec<&Run> = slot.runs.iter().flatten().map(|(run, _)| run).collect();
            let timelines: Vec<Timeline> = slot.runs.iter().flatten().map(|(_, timeline)| timeline.clone()).collect();
            if estimate::stability(case, &runs, &timelines, &slot.series, *warmup).verdict
                == stability::Verdict::Overloaded
            {
                return Err(Ended::Unstable);
            }
            short.extend(precision.short(&estimate::measures(case, &runs, &timelines, *warmup)));
        }
        if short.is_empty() {
            return Err(Ended::Precise);
        }
        let requests =
            self.slots.iter().flat_map(|slot| slot.runs.iter().flatten()).map(|(run, _)| run.balance.born).sum();
        precision.next(self.wanted, requests).map_err(|requests| Ended::Budget { short, requests })
    }

    /// Decides on the warm-up after the pilot; true when the pilot must run again.
    fn settle_warmup(&mut self) -> bool {
        let mut warmups: Vec<Warmup> =
            self.members.iter().zip(&self.slots).map(|((_, case), slot)| slot.warmup(case)).collect();
        // The same for all that are compared, as long as something is left of each.
        let longest = warmups.iter().max_by_key(|warmup| warmup.length).copied();
        for (warmup, (_, case)) in warmups.iter_mut().zip(&self.members).filter(|(_, (_, case))| case.seeks_warmup) {
            *warmup = longest.filter(|longest| longest.length < case.duration).unwrap_or(*warmup);
        }
        let again = warmups.iter().zip(&self.members).any(|(warmup, (_, case))| warmup.length > case.warmup);
        self.warmup = Some(warmups);
        if again {
            let pilot = std::mem::replace(&mut self.wanted, 0);
            self.slots = self.members.iter().map(|(_, case)| Slot::new(case)).collect();
            self.extend_to(pilot);
        }
        again
    }

    /// The samples of all members with their indices.
    fn samples(&mut self) -> Vec<(usize, Sample)> {
        let warmups = self.warmup.take().unwrap_or_default();
        let ended = self.ended.clone().unwrap_or(Ended::Fixed);
        let slots = std::mem::take(&mut self.slots);
        let samples = self.members.iter().zip(slots).zip(warmups);
        samples.map(|(((index, case), slot), warmup)| (*index, slot.sample(case, warmup, ended.clone()))).collect()
    }
}

/// What the threads share.
struct Floor<'a> {
    groups: Mutex<Vec<Group<'a>>>,
    changed: Condvar,
    executor: Executor,
    cancel: &'a AtomicBool,
    watch: &'a dyn Watch,
}

/// Wakes those who wait when a thread ends, however it does.
struct Farewell<'a, 'b>(&'a Floor<'b>);

impl Drop for Farewell<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cancel.store(true, Ordering::Relaxed);
        }
        drop(self.0.lock());
        self.0.changed.notify_all();
    }
}

impl<'a> Floor<'a> {
    fn new(groups: Vec<Group<'a>>, executor: Executor, cancel: &'a AtomicBool, watch: &'a dyn Watch) -> Floor<'a> {
        watch.planned(groups.iter().map(|group| group.jobs.len()).sum());
        Floor { groups: Mutex::new(groups), changed: Condvar::new(), executor, cancel, watch }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Group<'a>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, threads: usize) -> Result<(), ThreadError> {
        let threads = threads.max(1);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|source| ThreadError { threads, source })?.broadcast(|_| self.go_on());
        Ok(())
    }

    /// What each thread does.
    fn go_on(&self) {
        let _farewell = Farewell(self);
        while let Some((number, job)) = self.claim() {
            let (index, case) = self.lock()[number].members[job.member];
            let run = job.run(case, self.executor, self.cancel);
            if run.verdict == Verdict::Interrupted {
                return;
            }
            let complete = self.lock()[number].put(job, run);
            self.watch.replicated(index);
            if complete {
                self.end_wave(number);
            }
        }
    }

    /// The next replication of the first group that has one; waits while others may still ask for more.
    fn claim(&self) -> Option<(usize, Job)> {
        let mut groups = self.lock();
        loop {
            if self.cancel.load(Ordering::Relaxed) || groups.iter().all(|group| group.ended.is_some()) {
                return None;
            }
            let found = groups.iter_mut().enumerate().find_map(|(number, group)| Some((number, group.next()?)));
            if found.is_some() {
                return found;
            }
            groups = self.changed.wait(groups).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Decides how a group goes on and hands it over when that is not at all.
    fn end_wave(&self, number: usize) {
        let mut groups = self.lock();
        let group = &mut groups[number];
        let before = group.jobs.len();
        let samples = if group.decide() { group.samples() } else { Vec::new() };
        let more = group.jobs.len() - before;
        drop(groups);
        self.watch.planned(more);
        samples.into_iter().for_each(|(index, sample)| self.watch.finished(index, sample));
        self.changed.notify_all();
    }
}

/// The replications of a case as they come in.
struct Slot {
    runs: Vec<Option<(Run, Timeline)>>,
    series: Series,
}

impl Slot {
    fn new(case: &Case) -> Slot {
        Slot { runs: Vec::new(), series: Series::new(case.duration, case.interval) }
    }

    /// Puts a run into its place.
    fn put(&mut self, job: Job, mut run: Run) {
        let series = std::mem::replace(&mut run.series, Series::new(Span::ZERO, None));
        let timeline = Timeline::of(&series, Time(job.warmup.0));
        // A series takes megabytes: the first is kept as it is, not copied.
        match self.runs.is_empty() {
            true => self.series = series,
            false => self.series.merge(&series),
        }
        if self.runs.len() <= job.replication {
            self.runs.resize(job.replication + 1, None);
        }
        self.runs[job.replication] = Some((run, timeline));
    }

    fn is_complete(&self) -> bool {
        self.runs.iter().flatten().all(|(run, _)| run.verdict == Verdict::Complete)
    }

    /// What the pilot says of the warm-up of a case.
    fn warmup(&self, case: &Case) -> Warmup {
        let least = |why| Warmup { length: case.warmup, why };
        match self.is_complete() {
            _ if !case.seeks_warmup => least(Why::Given),
            _ if !case.steady => least(Why::Varying),
            // On the average of few replications MSER-5 cuts good data.
            false => least(Why::Unsearched),
            true if self.runs.len() < ENSEMBLE => least(Why::Unsearched),
            true => {
                let timelines: Vec<Timeline> =
                    self.runs.iter().flatten().map(|(_, timeline)| timeline.clone()).collect();
                Warmup::of(&self.series, &timelines, case.warmup, &case.watched())
            }
        }
    }

    fn sample(self, case: &Case, warmup: Warmup, ended: Ended) -> Sample {
        let (mut runs, timelines): (Vec<Run>, _) = self.runs.into_iter().flatten().unzip();
        let mut whole = None;
        if case.batches
            && let Some(mut run) = runs.pop()
        {
            runs = batches(case, &run, warmup.end());
            run.trace = Vec::new();
            whole = Some(run);
        }
        Sample { runs, whole, series: self.series, timelines, warmup, ended }
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
    fn going_on_gives_what_running_afresh_does() {
        struct Counter(Mutex<(usize, Option<Sample>)>);
        impl Watch for Counter {
            fn replicated(&self, _case: usize) {
                self.0.lock().unwrap().0 += 1;
            }
            fn finished(&self, _case: usize, sample: Sample) {
                self.0.lock().unwrap().1 = Some(sample);
            }
        }
        // The warm-up is given, or looked for in a pilot that grows from four runs to ten.
        for seeks_warmup in [false, true] {
            let wave = |replications| Case { seeks_warmup, replications, ..trial::case("a", 900.0, 1) };
            let mut so_far = sample(&wave(4), Executor::Event);
            for (replications, new) in [(13, 9), (20, 7)] {
                let case = wave(replications);
                let counter = Counter(Mutex::new((0, None)));
                go_on(&case, so_far, Executor::Event, 2, &AtomicBool::new(false), &counter).unwrap();
                let (run, found) = counter.0.into_inner().unwrap();
                so_far = found.unwrap();
                assert_eq!(run, new, "only what is new is run");
                assert_eq!(so_far, sample(&case, Executor::Event));
            }
        }
    }

    #[test]
    fn the_tails_that_a_warm_up_looks_at_are_those_asked_for() {
        let mut case = trial::case("a", 500.0, 1);
        case.objectives.push(trial::objective("p50 < 5 ms", crate::scenario::Measured::Quantile(0.5), true, 5e6));
        assert_eq!(case.watched(), [0.5, 0.99]);
        case.objectives.clear();
        assert_eq!(case.watched(), [0.0; 0]);
        case.ask_precision(0.05);
        assert_eq!(case.watched(), [0.99], "mean and p99 unless told otherwise");
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

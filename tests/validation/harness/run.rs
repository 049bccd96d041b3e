//! Runs the scenarios of the rows, on all processors, and hands over what each replication showed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use gatepath::exec::{self, Executor, Options, Verdict};
use gatepath::study::Case;

use super::accept::Finding;
use super::observed::Observed;
use super::presence::Presence;
use super::rows::{self, Row};
use super::sized;
use crate::load::load;

/// The rows of one scenario, and what was found.
#[derive(Debug)]
pub struct Model {
    /// Name of the scenario.
    pub scenario: String,
    /// Its rows, each with what was found.
    pub found: Vec<(Row, Finding)>,
    /// Requests simulated.
    pub requests: u64,
    /// Seconds by the clock, of all replications together.
    pub seconds: f64,
}

/// How a pass is run.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Added to the seed of each scenario.
    pub seed: u64,
    /// Share of the measured time that is run, which may be more than all of it; scenarios of which one period is measured run
    /// this share of the replications.
    pub share: f64,
}

struct Job {
    scenario: String,
    case: Case,
    traced: bool,
    runs: Mutex<Vec<Replication>>,
}

/// What a replication showed.
struct Replication {
    number: usize,
    observed: Observed,
    seconds: f64,
}

/// Runs all scenarios the rows need and evaluates the rows. Replications are spread over the processors; what comes out does
/// not depend on how.
///
/// # Errors
/// A scenario that does not load, or a run that does not end well.
pub fn run(rows: &[Row], pass: Pass) -> Result<Vec<Model>, String> {
    let mut names: Vec<&String> = rows.iter().filter_map(|row| row.scenario.as_ref()).collect();
    names.dedup();
    let jobs: Result<Vec<Job>, String> = names.into_iter().map(|name| job(name, rows, pass)).collect();
    let jobs = jobs?;
    let units: Vec<(usize, usize)> =
        jobs.iter().enumerate().flat_map(|(j, job)| (0..job.case.replications).map(move |r| (j, r))).collect();
    let (next, broken, models) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(&(j, r)) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match jobs[j].replicate(r) {
                        Ok(Some(runs)) => locked(&models).push((j, jobs[j].evaluate(rows, runs))),
                        Ok(None) => {}
                        Err(reason) => locked(&broken).push(reason),
                    }
                }
            });
        }
    });
    if let Some(reason) = locked(&broken).first() {
        return Err(reason.clone());
    }
    let mut models = models.into_inner().unwrap_or_else(PoisonError::into_inner);
    models.sort_by_key(|(j, _)| *j);
    Ok(models.into_iter().map(|(_, model)| model).collect())
}

fn job(name: &str, rows: &[Row], pass: Pass) -> Result<Job, String> {
    let file = rows::folder().join("scenarios").join(format!("{name}.yaml"));
    let mut case = load(&file, &[])?;
    // A rate that follows a sine is measured over one period: there are fewer of them, not shorter ones.
    if name.starts_with("sine-") {
        case.replications = ((case.replications as f64 * pass.share) as usize).max(10);
    } else if name.ends_with("-sized") {
        case = sized::dress(case, pass.share).map_err(|error| format!("{name}: {error}"))?;
    } else if pass.share != 1.0 {
        let nanos = case.warmup.0 + (case.measured().0 as f64 * pass.share) as u64;
        case = load(&file, &[format!("traffic.duration={nanos} ns")])?;
    }
    case.seed += pass.seed;
    let mine = |row: &&Row| row.scenario.as_deref() == Some(name);
    let traced = rows.iter().filter(mine).any(|row| row.reading.as_ref().is_some_and(|r| r.needs_trace()));
    Ok(Job { scenario: name.to_owned(), case, traced, runs: Mutex::new(Vec::new()) })
}

impl Job {
    /// Runs one replication; gives all of them when it was the last.
    fn replicate(&self, number: usize) -> Result<Option<Vec<Replication>>, String> {
        let start = Instant::now();
        let case = &self.case;
        let sources = || (case.traffic)(case.seed, number as u64);
        let options = Options { trace: self.traced, ..case.options(number, None) };
        let run = exec::execute(Executor::Auto, &case.program, &sources, &options);
        if run.verdict != Verdict::Complete {
            return Err(format!("{}: {:?}", self.scenario, run.verdict));
        }
        let presence = self.traced.then(|| Presence::count(&run.trace, options.from, options.until));
        let observed = Observed::of(&run, &case.program, presence);
        let seconds = start.elapsed().as_secs_f64();
        let mut runs = locked(&self.runs);
        runs.push(Replication { number, observed, seconds });
        Ok((runs.len() == case.replications).then(|| std::mem::take(&mut *runs)))
    }

    fn evaluate(&self, rows: &[Row], mut runs: Vec<Replication>) -> Model {
        runs.sort_by_key(|run| run.number);
        let seconds = runs.iter().map(|run| run.seconds).sum();
        let runs: Vec<Observed> = runs.into_iter().map(|run| run.observed).collect();
        let mine = rows.iter().filter(|row| row.scenario.as_ref() == Some(&self.scenario));
        let found = mine.filter_map(|row| Some((row.clone(), Finding::of(row, &runs)?))).collect();
        let requests = runs.iter().map(|run| run.offered).sum();
        Model { scenario: self.scenario.clone(), found, requests, seconds }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

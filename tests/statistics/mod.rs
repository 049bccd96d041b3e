//! Experiments on the statistics themselves: how often intervals hold known truths, how often words and claims are wrong, and
//! what warm-up rules do. `tests/statistics.rs` runs them small, `examples/validation` in full.

pub mod claims;
pub mod coverage;
pub mod truth;
pub mod verdicts;
pub mod warmup;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use gatepath::exec::Executor;
use gatepath::scenario;
use gatepath::study::{Case, Estimates, replicate};

/// One server with unlimited queue, mean service 10 ms, Poisson arrivals: a scenario as a user writes it.
pub fn queue(rate: f64, service: &str, seconds: f64, run: &str) -> Result<Case, String> {
    let text = format!(
        "traffic: {{arrivals: poisson, rate: {rate}/s, duration: {seconds} s}}\n\
         path: [station: {{service: {service}, queue: unlimited}}]\n\
         run: {{{run}}}\n"
    );
    let loaded = scenario::load_bytes("queue", "queue.yaml", text.as_bytes(), Path::new(""), &[]);
    let scenario = loaded.map_err(|(problems, _)| format!("{problems:?}"))?;
    Ok(Case::new("queue", scenario))
}

/// The estimates of a case with another seed, as `gatepath run` makes them.
pub fn estimates(case: &Case) -> Estimates {
    Estimates::of(case, &replicate::sample(case, Executor::Auto))
}

/// Does `experiment` for every number below `count`, on all processors, and gives the results in order.
pub fn all<T: Send>(count: usize, experiment: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let result = experiment(number as u64);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

//! How often the word on stability is right close to saturation.

use super::truth::Service;
use super::{all, estimates, queue};
use gatepath::stats::stability::Verdict;

/// How many of so many seeds have this word, for M/M/1 at a load, with ten replications of so many requests each.
pub fn right(load: f64, word: Verdict, seeds: usize, requests: f64) -> Result<usize, String> {
    let rate = 100.0 * load;
    let case = |seed| {
        let mut case = queue(rate, Service::Exponential.written(), requests / rate, "replications: 10")?;
        case.seed = seed;
        Ok::<_, String>(case)
    };
    case(0)?;
    let words = all(seeds, |seed| case(seed + 1).map(|case| estimates(&case).stability.verdict));
    words.into_iter().try_fold(0, |count, one| Ok(count + usize::from(one? == word)))
}

//! Loads a scenario as it is run by a study.

use std::path::Path;

use gatepath::diagnostic::render;
use gatepath::scenario;
use gatepath::study::Case;

/// The scenario of a file, with overrides such as `traffic.duration=5 s`.
///
/// # Errors
/// Everything that is wrong with it, with its place.
pub fn load(file: &Path, overrides: &[String]) -> Result<Case, String> {
    let scenario = scenario::load(file, overrides).map_err(|(problems, sources)| render(&problems, &sources, false))?;
    let traffic = scenario.traffic;
    Ok(Case {
        name: scenario.name,
        title: scenario.title,
        program: scenario.program,
        traffic: Box::new(move |seed, replication| traffic.source(seed, replication)),
        duration: scenario.duration,
        warmup: scenario.warmup,
        interval: scenario.interval,
        guard: scenario.guard,
        seed: scenario.seed,
        replications: scenario.replications as usize,
        objectives: Vec::new(),
        confidence: scenario.confidence,
    })
}

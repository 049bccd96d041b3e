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
    let name = scenario.name.clone();
    Ok(Case { objectives: Vec::new(), ..Case::new(&name, scenario) })
}

//! Scenario files from the command line, ready to be run.

use super::{Exit, Failure};
use crate::diagnostic::render;
use crate::report::folder::is_plain;
use crate::scenario;
use crate::study::Case;
use std::path::{Path, PathBuf};

/// A scenario that was read.
#[derive(Debug)]
pub struct Loaded {
    /// What to run.
    pub case: Case,
    /// The file as given.
    pub file: PathBuf,
    /// The bytes of the file.
    pub text: Vec<u8>,
}

/// Reads scenarios with their overrides. What is noticed on the way is told on standard error.
///
/// Fails with all that is wrong with any of them.
pub fn load(files: &[PathBuf], sets: &[String]) -> Result<Vec<Loaded>, Failure> {
    let names = names(files)?;
    let mut wrong = String::new();
    let mut loaded = Vec::new();
    for (file, name) in files.iter().zip(names) {
        match scenario::load(file, sets) {
            Ok(scenario) => {
                if !scenario.warnings.is_empty() {
                    anstream::eprintln!("{}", render(&scenario.warnings, &scenario.sources, COLOURS));
                }
                // The file is the first text; overrides follow.
                let text = scenario.sources.text(0).as_bytes().to_vec();
                loaded.push(Loaded { case: Case::new(&name, scenario), file: file.clone(), text });
            }
            Err((problems, sources)) => wrong.push_str(&render(&problems, &sources, COLOURS)),
        }
    }
    if wrong.is_empty() { Ok(loaded) } else { Err(Failure::new(Exit::Usage, wrong.trim_end())) }
}

/// Always rendered with colours: the stream takes them out where they are not wanted.
const COLOURS: bool = true;

/// Names of scenarios: the names of the files without their endings. Files of the same name are told apart by the folders
/// they lie in: `v1/gateway.yaml` and `v2/gateway.yaml` become `v1_gateway` and `v2_gateway`.
fn names(files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let mut parts = vec![1; files.len()];
    loop {
        let names: Vec<String> = files.iter().zip(&parts).map(|(file, &parts)| name(file, parts)).collect();
        let repeated: Vec<usize> =
            (0..names.len()).filter(|&i| names.iter().filter(|name| **name == names[i]).count() > 1).collect();
        let Some(&first) = repeated.first() else { return Ok(names) };
        for &i in &repeated {
            parts[i] += 1;
        }
        if repeated.iter().all(|&i| parts[i] > files[i].components().count()) {
            let file = files[first].display();
            return Err(Failure::new(
                Exit::Usage,
                format!("error: {file} is given twice, or cannot be told from another file"),
            ));
        }
    }
}

/// The name from the last `parts` parts of a path.
fn name(file: &Path, parts: usize) -> String {
    let stem = file.with_extension("");
    let all: Vec<String> = stem.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    let text = all[all.len().saturating_sub(parts)..].join("_").replace(['/', '\\', ':', '\0'], "_");
    if is_plain(&text) { text } else { format!("_{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(files: &[&str]) -> Option<Vec<String>> {
        names(&files.iter().map(PathBuf::from).collect::<Vec<_>>()).ok()
    }

    #[test]
    fn scenarios_are_named_after_their_files() {
        assert_eq!(named(&["a/one.yaml", "two.test.yml", "-"]).unwrap(), ["one", "two.test", "-"]);
        assert_eq!(named(&[".hidden.yaml", "../.."]).unwrap(), ["_.hidden", "_.."]);
    }

    #[test]
    fn files_of_the_same_name_are_told_apart_by_their_folders() {
        assert_eq!(named(&["v1/g.yaml", "v2/g.yaml", "h.yaml"]).unwrap(), ["v1_g", "v2_g", "h"]);
        assert_eq!(named(&["x/a/g.yaml", "y/a/g.yaml"]).unwrap(), ["x_a_g", "y_a_g"]);
        assert_eq!(named(&["g.yaml", "a/g.yaml"]).unwrap(), ["g", "a_g"]);
    }

    #[test]
    fn the_same_file_twice_is_refused() {
        assert!(named(&["g.yaml", "g.yaml"]).is_none());
        assert!(named(&["/g.yaml", "g.yaml"]).is_some());
    }
}

//! The order of modules: a module may use lower floors and its own folder, nothing else.

use std::path::{Path, PathBuf};

/// The floors, lowest first, with the modules on each.
const FLOORS: &[&[&str]] = &[
    &["lanes"],
    &["time", "rng", "math", "diagnostic", "rows"],
    &["units"],
    &["law", "stats"],
    &["spec"],
    &["program"],
    &["facts", "pricing"],
    &["op", "control"],
    &["exec"],
    &["stage", "traffic"],
    &["scenario"],
    &["study"],
    &["report"],
    &["main", "cli"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src can be listed").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The module of the top level that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root()).expect("below src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every module that a text names through `crate::` (or, in the binary, `gatepath::`), tests and docs left out.
fn uses(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in lines {
        for start in ["crate::", "gatepath::"] {
            for (at, _) in line.match_indices(start) {
                let rest = &line[at + start.len()..];
                let names: Vec<&str> = match rest.strip_prefix('{') {
                    Some(group) => group.split(',').collect(),
                    None => vec![rest],
                };
                let word = |name: &str| -> String {
                    name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
                };
                found.extend(names.into_iter().map(word).filter(|name| !name.is_empty()));
            }
        }
    }
    found
}

/// Macros are exported at the root of the crate; they belong to `spec`.
const MACROS: &[&str] = &["section", "words", "choice"];

#[test]
fn no_module_uses_a_higher_floor_or_a_neighbour() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let Some(own) = floor(&module) else {
            wrong.push(format!("{}: module `{module}` stands on no floor", file.display()));
            continue;
        };
        let text = std::fs::read_to_string(&file).expect("readable");
        for used in uses(&text) {
            let used = if MACROS.contains(&used.as_str()) { "spec".to_owned() } else { used };
            let Some(theirs) = floor(&used) else { continue };
            if used != module && theirs >= own && own != FLOORS.len() - 1 {
                wrong.push(format!("{}: `{module}` (floor {own}) uses `{used}` (floor {theirs})", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_engine_and_the_stages_see_no_money() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let blind = files.iter().filter(|file| ["op", "exec", "stage", "traffic"].contains(&module_of(file).as_str()));
    for file in blind {
        let text = std::fs::read_to_string(file).expect("readable");
        assert!(!uses(&text).contains(&"pricing".to_owned()), "{} knows prices", file.display());
    }
}

#[test]
fn a_step_upward_would_be_found() {
    let text = "use crate::exec::Run;\nuse crate::{time, study::Study};\n// crate::report\nfn f() { crate::op::x() }";
    assert_eq!(uses(text), ["exec", "time", "study", "op"]);
}

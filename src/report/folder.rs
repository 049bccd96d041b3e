//! A folder of results. Every file is written under a temporary name and renamed, so that whoever reads sees old or new
//! bytes, never half of them; what a finished scenario gave is on disk before the next is.
//!
//! ```text
//! DIR/run.json                            where the results come from, and whether they are complete
//! DIR/summary.csv objectives.csv ...      the tables of all finished scenarios, sorted by name
//! DIR/scenarios/NAME/scenario.yaml        the scenario as it was run
//! DIR/scenarios/NAME/summary.csv ...      its own tables, written when it finishes
//! DIR/hist/NAME.hlog                      its latencies, an HdrHistogram log (V2, compressed)
//! ```

use super::manifest::Manifest;
use super::schema;
use super::table::Table;
use crate::stats::Histogram;
use crate::study::{Comparison, Finding};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A folder that results are written to.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a file of that name.
    #[error("{} is a file; name a new or empty folder", .0.display())]
    File(PathBuf),
    /// The folder holds something else.
    #[error("{} holds files but no results (no run.json); name a new or empty folder", .0.display())]
    Foreign(PathBuf),
}

impl Folder {
    /// Opens a folder for results, creating it as needed. Results of an earlier run in it are removed.
    ///
    /// # Errors
    /// When it cannot be created or written, or holds files that are not results.
    pub fn create(root: &Path) -> Result<Folder, FolderError> {
        if root.is_file() {
            return Err(FolderError::File(root.to_owned()));
        }
        let folder = Folder { root: root.to_owned() };
        fs::create_dir_all(root).map_err(failed(root))?;
        let mut entries = fs::read_dir(root).map_err(failed(root))?;
        if entries.next().is_some() {
            folder.clear()?;
        }
        for name in ["scenarios", "hist"] {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(failed(&path))?;
        }
        Ok(folder)
    }

    /// Writes everything about one finished scenario; `text` is the scenario as read.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_finding(&self, finding: &Finding, text: &[u8]) -> Result<(), FolderError> {
        let own = self.root.join("scenarios").join(&finding.name);
        fs::create_dir_all(&own).map_err(failed(&own))?;
        write(&own.join("scenario.yaml"), text)?;
        for table in schema::tables(&[finding]) {
            write_table(&own, &table)?;
        }
        if finding.estimates.status.is_complete() {
            let path = self.root.join("hist").join(format!("{}.hlog", finding.name));
            write(&path, histogram_log(finding).as_bytes())?;
        }
        Ok(())
    }

    /// Writes the tables of all finished scenarios, sorted by name, so that the order in which they were given does not show.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write_tables(&self, findings: &[&Finding], comparisons: &[Comparison]) -> Result<(), FolderError> {
        let mut findings = findings.to_vec();
        findings.sort_by(|a, b| a.name.cmp(&b.name));
        for table in schema::tables(&findings) {
            write_table(&self.root, &table)?;
        }
        if comparisons.is_empty() {
            return Ok(());
        }
        let mut comparisons = comparisons.to_vec();
        comparisons.sort_by(|a, b| a.scenario.cmp(&b.scenario));
        write_table(&self.root, &schema::comparison(&comparisons))
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), FolderError> {
        let text = format!("{:#}\n", manifest.to_json());
        write(&self.root.join("run.json"), text.as_bytes())
    }

    /// Removes the results of an earlier run: what its `run.json` names, and nothing else.
    fn clear(&self) -> Result<(), FolderError> {
        let manifest = self.root.join("run.json");
        let foreign = || FolderError::Foreign(self.root.clone());
        let text = fs::read_to_string(&manifest).map_err(|_| foreign())?;
        let earlier: serde_json::Value = serde_json::from_str(&text).map_err(|_| foreign())?;
        for entry in earlier["scenarios"].as_array().into_iter().flatten() {
            let name = entry["scenario"].as_str().filter(|name| is_plain(name)).ok_or_else(foreign)?;
            let own = self.root.join("scenarios").join(name);
            remove(&self.root.join("hist").join(format!("{name}.hlog")))?;
            remove(&own.join("scenario.yaml"))?;
            for layout in schema::LAYOUTS {
                remove(&own.join(format!("{}.csv", layout.name)))?;
            }
            // Stays when somebody put something else into it.
            let _ = fs::remove_dir(&own);
        }
        for layout in schema::LAYOUTS {
            remove(&self.root.join(format!("{}.csv", layout.name)))?;
        }
        remove(&manifest)
    }
}

/// Whether a scenario's name can be a file name: not a path, not hidden.
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':', '\0'])
}

/// The latencies as an HdrHistogram log (version 1.3): one line, tagged with the name, the histogram in the compressed V2
/// encoding. Times are simulated, so that the bytes do not depend on when the run took place.
pub fn histogram_log(finding: &Finding) -> String {
    let latency: &Histogram = &finding.estimates.latency;
    let (start, length) = (finding.warmup.as_secs_f64(), finding.estimates.measured.as_secs_f64());
    let tag: String = finding.name.chars().map(|c| if c == ',' || c.is_whitespace() { '_' } else { c }).collect();
    format!(
        "#[Latencies of requests served as asked, in nanoseconds, all replications; written by gatepath]\n\
         #[Histogram log format version 1.3]\n\
         #[StartTime: 0.000 (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n\
         Tag={tag},{start:.3},{length:.3},{:.3},{}\n",
        latency.max() as f64,
        base64(&latency.to_v2()),
    )
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (i, &byte)| word | u32::from(byte) << (16 - 8 * i));
        for i in 0..4 {
            let digit = (word >> (18 - 6 * i)) & 63;
            text.push(if i <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    text
}

fn write_table(folder: &Path, table: &Table) -> Result<(), FolderError> {
    write(&folder.join(format!("{}.csv", table.layout.name)), &table.to_csv())
}

/// Writes a file as a whole: under another name, then renamed.
fn write(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let written = fs::File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&temporary);
        failed(path)(source)
    })
}

fn remove(path: &Path) -> Result<(), FolderError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> FolderError + use<> {
    let path = path.to_owned();
    move |source| FolderError::Write { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        let texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(texts, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_with_somebody_elses_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "hard work").unwrap();
        assert!(matches!(Folder::create(folder.path()), Err(FolderError::Foreign(_))));
        fs::write(folder.path().join("run.json"), r#"{"scenarios": [{"scenario": "../../etc"}]}"#).unwrap();
        assert!(matches!(Folder::create(folder.path()), Err(FolderError::Foreign(_))));
    }

    #[test]
    fn earlier_results_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        Folder::create(folder.path()).unwrap();
        fs::create_dir_all(at("scenarios/old")).unwrap();
        for name in ["summary.csv", "scenarios/old/summary.csv", "hist/old.hlog", "notes.txt", "hist/mine.txt"] {
            fs::write(at(name), "x").unwrap();
        }
        fs::write(at("run.json"), r#"{"scenarios": [{"scenario": "old"}]}"#).unwrap();
        Folder::create(folder.path()).unwrap();
        let left = ["summary.csv", "scenarios/old", "hist/old.hlog", "run.json", "notes.txt", "hist/mine.txt"];
        assert_eq!(left.map(|name| at(name).exists()), [false, false, false, false, true, true]);
    }

    #[test]
    fn names_that_are_paths_are_not_file_names() {
        let plain = ["gateway", "a b", "../x", "", ".hidden", "c:x", "a/b"].map(is_plain);
        assert_eq!(plain, [true, true, false, false, false, false, false]);
    }
}

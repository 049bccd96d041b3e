//! A study as it is run from the command line: progress, Ctrl-C, and results on disk as soon as they are there.

use super::arguments::Running;
use super::inputs::Loaded;
use super::{Exit, Failure};
use crate::report::manifest::{Entry, Manifest, State};
use crate::report::{Folder, FolderError};
use crate::study::{Case, Comparison, Finding, Sample, Watch, replicate, replicate_together};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Scenarios about to be run.
pub struct Session<'a> {
    loaded: &'a [Loaded],
    running: &'a Running,
    folder: Option<Folder>,
    manifest: Manifest,
    comparing: bool,
    margin: f64,
}

/// What came of them.
#[derive(Debug)]
pub struct Ended {
    /// The findings on the scenarios that were finished, in the order of the files.
    pub findings: Vec<Finding>,
    /// Each against the first, when asked for.
    pub comparisons: Vec<Comparison>,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// Shows a finding to the user; called in the order of the files.
pub type Show<'a> = dyn Fn(&Finding) -> Result<(), Failure> + Sync + 'a;

impl<'a> Session<'a> {
    /// Opens the results folder and notes where the results come from.
    pub fn start(loaded: &'a [Loaded], running: &'a Running, out: Option<&Path>) -> Result<Session<'a>, Failure> {
        let folder = out.map(Folder::create).transpose().map_err(|error| match error {
            FolderError::Foreign(_) | FolderError::File(_) => Failure::new(Exit::Usage, format!("error: {error}")),
            FolderError::Write { .. } => written(error),
        })?;
        let manifest = Manifest {
            // The path of the binary says nothing about the results.
            command: std::iter::once("gatepath".to_owned()).chain(std::env::args().skip(1)).collect(),
            started: Timestamp::now(),
            ended: None,
            state: State::Running,
            executor: running.executor.name().to_owned(),
            threads: threads(running),
            cores: cores(),
            scenarios: loaded.iter().map(entry).collect(),
        };
        let session = Session { loaded, running, folder, manifest, comparing: false, margin: Comparison::MARGIN };
        session.write_manifest()?;
        Ok(session)
    }

    /// Compares each scenario with the first; differences within `margin`, a share of the first, do not matter.
    pub fn comparing(self, margin: f64) -> Session<'a> {
        Session { comparing: true, margin, ..self }
    }

    /// Runs everything and shows each finding as soon as it and all before it are there.
    pub fn run(mut self, show: &Show<'_>) -> Result<Ended, Failure> {
        let cancel = Arc::new(AtomicBool::new(false));
        listen(&cancel)?;
        let progress = progress(self.running);
        let desk = Mutex::new(Desk { findings: self.loaded.iter().map(|_| None).collect(), shown: 0, failure: None });
        let cases: Vec<&Case> = self.loaded.iter().map(|loaded| &loaded.case).collect();
        let clerk = Clerk { session: &self, show, cancel: &cancel, progress: &progress, desk: &desk };
        let (executor, threads) = (self.running.executor.executor(), threads(self.running));
        let started = match self.comparing {
            true => replicate_together(&cases, executor, threads, &cancel, &clerk),
            false => replicate(&cases, executor, threads, &cancel, &clerk),
        };
        progress.finish_and_clear();
        started.map_err(|error| Failure::new(Exit::Failed, format!("error: {error}")))?;
        let Desk { findings, shown, mut failure } = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
        let interrupted = failure.is_none() && findings.iter().any(Option::is_none);
        for finding in findings.iter().skip(shown).flatten() {
            failure = failure.or(show(finding).err());
        }
        for (entry, finding) in self.manifest.scenarios.iter_mut().zip(&findings) {
            entry.finished = finding.is_some();
            entry.replications = finding.as_ref().map_or(entry.replications, |finding| finding.estimates.replications);
        }
        let first = findings.first().cloned().flatten();
        let findings: Vec<Finding> = findings.into_iter().flatten().collect();
        let comparisons = match first.filter(|_| self.comparing) {
            Some(first) => {
                let mut all: Vec<Comparison> = findings.iter().skip(1).map(|other| against(other, &first)).collect();
                Comparison::judge(&mut all, self.margin);
                all
            }
            None => Vec::new(),
        };
        let ended = Ended { findings, comparisons, interrupted };
        // What could be written stays; the first thing that could not be is what the user is told.
        let stored = self.store(&ended, failure.is_some());
        if interrupted {
            let all = self.loaded.len();
            anstream::eprintln!("interrupted: {} of {all} scenarios are finished", ended.findings.len());
        }
        match failure {
            Some(failure) => Err(failure),
            None => stored.map(|()| ended),
        }
    }

    fn store(&mut self, ended: &Ended, failed: bool) -> Result<(), Failure> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let findings: Vec<&Finding> = ended.findings.iter().collect();
        let tables = folder.write_tables(&findings, &ended.comparisons).map_err(written);
        self.manifest.state = match (failed || tables.is_err(), ended.interrupted) {
            (true, _) => State::Failed,
            (false, true) => State::Interrupted,
            (false, false) => State::Complete,
        };
        self.manifest.ended = Some(Timestamp::now());
        tables.and(self.write_manifest())
    }

    fn write_manifest(&self) -> Result<(), Failure> {
        self.folder.as_ref().map_or(Ok(()), |folder| folder.write_manifest(&self.manifest).map_err(written))
    }
}

/// What the threads share: the findings so far, how many were shown, and what went wrong first.
struct Desk {
    findings: Vec<Option<Finding>>,
    shown: usize,
    failure: Option<Failure>,
}

/// Stores and shows findings as they come in.
struct Clerk<'a> {
    session: &'a Session<'a>,
    show: &'a Show<'a>,
    cancel: &'a AtomicBool,
    progress: &'a ProgressBar,
    desk: &'a Mutex<Desk>,
}

impl Clerk<'_> {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what went wrong and ends the study: there is no point in results that cannot be told.
    fn fail(&self, failure: Failure) {
        self.cancel.store(true, Ordering::Relaxed);
        self.desk().failure.get_or_insert(failure);
    }
}

impl Watch for Clerk<'_> {
    fn planned(&self, more: usize) {
        self.progress.inc_length(more as u64);
    }

    fn replicated(&self, _case: usize) {
        self.progress.inc(1);
    }

    fn finished(&self, index: usize, sample: Sample) {
        let loaded = &self.session.loaded[index];
        let finding = Finding::of(&loaded.case, &sample);
        drop(sample);
        if let Some(folder) = &self.session.folder
            && let Err(error) = folder.write_finding(&finding, &loaded.text)
        {
            self.fail(written(error));
        }
        let mut desk = self.desk();
        desk.findings[index] = Some(finding);
        while let Some(Some(finding)) = desk.findings.get(desk.shown) {
            let shown = self.progress.suspend(|| (self.show)(finding));
            desk.shown += 1;
            if let Err(failure) = shown {
                self.cancel.store(true, Ordering::Relaxed);
                desk.failure.get_or_insert(failure);
            }
        }
    }
}

fn against(scenario: &Finding, reference: &Finding) -> Comparison {
    let confidence = scenario.estimates.confidence;
    Comparison::of((&scenario.name, &scenario.estimates), (&reference.name, &reference.estimates)).with_cost(
        scenario.cost.as_ref(),
        reference.cost.as_ref(),
        confidence,
    )
}

fn entry(loaded: &Loaded) -> Entry {
    Entry {
        name: loaded.case.name.clone(),
        file: loaded.file.display().to_string(),
        file_digest: blake3::hash(&loaded.text).to_hex().to_string(),
        program_digest: loaded.case.program.digest(),
        seed: loaded.case.seed,
        replications: loaded.case.replications,
        finished: false,
    }
}

fn written(error: FolderError) -> Failure {
    Failure::new(Exit::Failed, format!("error: {error}"))
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub(super) fn threads(running: &Running) -> usize {
    running.threads.map_or_else(cores, usize::from)
}

/// A bar on standard error, which stays silent when that is no terminal.
fn progress(running: &Running) -> ProgressBar {
    if running.quiet {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} replications, {elapsed}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

/// The first Ctrl-C ends the study at its next step and keeps what is finished, the second ends the process.
pub(super) fn listen(cancel: &Arc<AtomicBool>) -> Result<(), Failure> {
    let cancel = cancel.clone();
    ctrlc::set_handler(move || {
        if cancel.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted as i32);
        }
    })
    .map_err(|error| Failure::new(Exit::Failed, format!("error: cannot listen to Ctrl-C: {error}")))
}

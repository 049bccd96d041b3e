//! `--request` and `--tail` of `run` and `explain`: one request frame by frame, and where the slow ones spend their time.

use super::arguments::{Following, Format, Running};
use super::commands::print;
use super::inputs::Loaded;
use super::session::threads;
use super::{Exit, Failure};
use crate::report::tail as report;
use crate::study::estimate::Estimates;
use crate::study::tail;
use crate::study::{Case, Finding};
use serde_json::Value;
use std::sync::atomic::AtomicBool;

/// Replays the request that was asked for in every scenario; nothing when none was.
pub fn request(loaded: &[Loaded], following: &Following, format: Format) -> Result<Option<Exit>, Failure> {
    let Some((replication, serial)) = following.request else { return Ok(None) };
    let mut documents = Vec::new();
    for Loaded { case, .. } in loaded {
        let Some(followed) = tail::replay(case, replication, serial) else {
            let message = format!("error: run {replication} of {} has no request {serial}", case.name);
            return Err(Failure::new(Exit::Usage, message));
        };
        match format {
            Format::Json => documents.push(report::trace_document(case, replication, &followed)),
            Format::Table | Format::Csv => print(&format!("{}\n", report::trace(case, replication, &followed)))?,
        }
    }
    if format == Format::Json {
        print(&format!("{:#}\n", Value::Array(documents)))?;
    }
    Ok(Some(Exit::Good))
}

/// Shows where the slow requests of a scenario spend their time, when asked for.
pub fn show(case: &Case, estimates: &Estimates, following: &Following, running: &Running) -> Result<(), Failure> {
    match found(case, estimates, following, running) {
        Some(tail) => print(&format!("{}\n", report::summary(case, &tail))),
        None => Ok(()),
    }
}

/// Adds the same to a JSON document of all findings.
pub fn add(
    document: &mut Value,
    loaded: &[Loaded],
    findings: &[&Finding],
    (following, running): (&Following, &Running),
) {
    for (index, finding) in findings.iter().enumerate() {
        let case = loaded.iter().map(|loaded| &loaded.case).find(|case| case.name == finding.name);
        let tail = case.and_then(|case| found(case, &finding.estimates, following, running));
        if let (Some(tail), Value::Object(scenario)) = (tail, &mut document["scenarios"][index]) {
            scenario.insert("tail".to_owned(), report::document(&tail));
        }
    }
}

fn found(case: &Case, estimates: &Estimates, following: &Following, running: &Running) -> Option<tail::Tail> {
    let p = following.tail?;
    tail::tail(case, estimates, p, threads(running), &AtomicBool::new(false))
}

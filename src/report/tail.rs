//! The slow requests for people and as JSON: where they spent their excess, which they are, and one of them frame by frame.

use super::number::{self, Unit};
use crate::exec::follow::{Followed, Frame};
use crate::program::{Instruction, Program};
use crate::stats::Interval;
use crate::study::Case;
use crate::study::tail::{Tail, told, totals};
use anstyle::Style;
use serde_json::{Value, json};
use std::fmt::Write;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Stages with a smaller share of the excess than this, either way, are left out.
const SMALL: f64 = 0.001;

/// Where the requests above a percentile spent their excess, and the slowest of them.
pub fn summary(case: &Case, tail: &Tail) -> String {
    let percent = number::short(100.0 * tail.p, 3);
    let percent = if percent.contains('.') { percent.trim_end_matches('0').trim_end_matches('.') } else { &percent };
    let mut out = format!(
        "{BOLD}Tail of {}{BOLD:#}  {DIM}the {} requests above p{percent} ({}), {} runs followed{DIM:#}\n",
        case.name,
        tail.slow,
        nanos(tail.threshold),
        tail.replications,
    );
    let _ = writeln!(
        out,
        "  slower than the others by {}, of that:",
        shown(&tail.excess, Unit::of_nanos(tail.excess.value))
    );
    let _ = writeln!(
        out,
        "  {DIM}{:<20} {:>24} {:>9} {:>9}   {:>9} {:>9}{DIM:#}",
        "stage", "share of the excess", "queueing", "service", "slow", "others"
    );
    for stage in tail.stages.iter().filter(|stage| stage.share.value.abs() >= SMALL) {
        let name = if stage.name.is_empty() { "(no stage)" } else { &stage.name };
        let part = |interval: &Interval| format!("{} %", number::short(100.0 * interval.value, 3));
        let _ = writeln!(
            out,
            "  {name:<20} {:>24} {:>9} {:>9}   {:>9} {:>9}",
            shown(&stage.share, Unit::PERCENT),
            part(&stage.queueing),
            part(&stage.service),
            nanos(stage.slow_mean),
            nanos(stage.usual_mean),
        );
    }
    let _ = writeln!(out, "  {DIM}slowest: follow one with `--request RUN:NUMBER`{DIM:#}");
    for slow in &tail.slowest {
        let request = format!("{}:{}", slow.replication, slow.serial);
        let (worst, time) = (&slow.worst.0, nanos(slow.worst.1 as f64));
        let (latency, queueing) = (nanos(slow.latency as f64), nanos(slow.queueing as f64));
        let _ = writeln!(out, "  {request:<12} {latency:>9}, {queueing} of it queueing; {time} in {worst}");
    }
    out
}

/// The same as JSON.
pub fn document(tail: &Tail) -> Value {
    let interval = |of: &Interval, scale: f64| {
        let of = of.scaled(scale);
        json!({"value": number::rounded(of.value), "low": number::rounded(of.low), "high": number::rounded(of.high)})
    };
    let millis = |nanos: f64| number::rounded(nanos * 1e-6);
    let stages = tail.stages.iter().map(|stage| {
        json!({
            "stage": stage.name,
            "excess_share": interval(&stage.share, 1.0),
            "queueing_share": interval(&stage.queueing, 1.0),
            "service_share": interval(&stage.service, 1.0),
            "slow_mean_ms": millis(stage.slow_mean),
            "others_mean_ms": millis(stage.usual_mean),
        })
    });
    let slowest = tail.slowest.iter().map(|slow| {
        json!({
            "replication": slow.replication,
            "request": slow.serial,
            "latency_ms": millis(slow.latency as f64),
            "queueing_ms": millis(slow.queueing as f64),
            "worst_stage": slow.worst.0,
            "worst_stage_ms": millis(slow.worst.1 as f64),
        })
    });
    json!({
        "percentile": 100.0 * tail.p,
        "threshold_ms": millis(tail.threshold),
        "replications": tail.replications,
        "slow_requests": tail.slow,
        "excess_ms": interval(&tail.excess, 1e-6),
        "stages": stages.collect::<Vec<_>>(),
        "slowest": slowest.collect::<Vec<_>>(),
    })
}

/// One request, frame by frame.
pub fn trace(case: &Case, replication: usize, followed: &Followed) -> String {
    let program = &case.program;
    let frames = told(program, followed);
    let (_, waited) = totals(&frames);
    let outcome = outcome(program, followed.outcome);
    let class = match program.classes.len() {
        1 => String::new(),
        _ => format!(", class {}", program.classes[usize::from(followed.class)]),
    };
    let mut out = format!(
        "{BOLD}{} request {replication}:{}{BOLD:#}  {DIM}meant to start at {}{class}{DIM:#}\n{outcome} after {}, {} of it waiting\n",
        case.name,
        followed.serial,
        crate::time::Span(followed.born.0),
        nanos((followed.end - followed.born).0 as f64),
        nanos(waited.0 as f64),
    );
    let _ = writeln!(out, "  {DIM}{:>10} {:>10} {:>10}  {:<18} operator{DIM:#}", "arrival", "wait", "service", "stage");
    for frame in &frames {
        let stage = frame.stage.map_or("", |stage| &program.stages[usize::from(stage)].name);
        let time = |span: u64| if span == 0 { "-".to_owned() } else { nanos(span as f64) };
        let _ = writeln!(
            out,
            "  {:>10} {:>10} {:>10}  {stage:<18} {}",
            format!("+{}", nanos((frame.arrived - followed.born).0 as f64)),
            time(frame.wait.0),
            time(frame.service().0),
            operator(program, frame),
        );
    }
    out
}

/// The same as JSON.
pub fn trace_document(case: &Case, replication: usize, followed: &Followed) -> Value {
    let program = &case.program;
    let millis = |nanos: u64| number::rounded(nanos as f64 * 1e-6);
    let frames = told(program, followed).into_iter().map(|frame| {
        json!({
            "place": frame.place,
            "stage": frame.stage.map(|stage| &program.stages[usize::from(stage)].name),
            "operator": operator(program, &frame),
            "arrival_ms": millis((frame.arrived - followed.born).0),
            "wait_ms": millis(frame.wait.0),
            "service_ms": millis(frame.service().0),
            "outcome": outcome(program, frame.outcome),
            "cut": frame.cut,
        })
    });
    json!({
        "scenario": case.name,
        "replication": replication,
        "request": followed.serial,
        "class": program.classes[usize::from(followed.class)],
        "born_s": followed.born.as_secs_f64(),
        "latency_ms": millis((followed.end - followed.born).0),
        "outcome": outcome(program, followed.outcome),
        "frames": frames.collect::<Vec<_>>(),
    })
}

/// What happened at an instruction.
fn operator(program: &Program, frame: &Frame) -> String {
    let instruction = &program.code[frame.place as usize];
    let name = instruction.operator(program).unwrap_or_default();
    let target = match instruction {
        Instruction::Serve { station, .. } => program.stations[station.index()].targets,
        Instruction::Hold { pool, .. } => program.pools[pool.index()].targets,
        Instruction::Connect { connections, .. } => program.connections[connections.index()].targets,
        _ => 1,
    };
    let target = if target > 1 { format!(", target {}", frame.target) } else { String::new() };
    let what = match *instruction {
        Instruction::Delay { site, .. } => format!("delay: {}", program.sites[site.index()].purpose),
        Instruction::Serve { .. } => format!("serve: {name}{target}"),
        Instruction::Hold { .. } => format!("permit: {name}{target}"),
        Instruction::Connect { .. } => format!("connect: {name}{target}"),
        Instruction::Choose { .. } => format!("choose: {name}"),
        Instruction::Limit { .. } => format!("limit: {name}"),
        Instruction::Lookup { .. } => format!("look up: {name}"),
        Instruction::Fork { .. } => format!("parallel calls: {name}"),
        Instruction::Retry { .. } => format!("back-off: {name}"),
        Instruction::Answer { outcome: to } => format!("answer: {}", outcome(program, to.0)),
        _ => name.to_owned(),
    };
    if frame.cut { format!("{what}; the caller goes on at its deadline") } else { what }
}

fn outcome(program: &Program, number: u16) -> String {
    let outcome = &program.outcomes[usize::from(number)];
    let reason = if outcome.reason.is_empty() { "served" } else { &outcome.reason };
    if outcome.status == 0 { reason.to_owned() } else { format!("{} {reason}", outcome.status) }
}

fn shown(interval: &Interval, unit: Unit) -> String {
    let shown = number::estimate(interval, unit);
    if shown.range.is_empty() { shown.value } else { format!("{} ({})", shown.value, shown.range) }
}

fn nanos(value: f64) -> String {
    if value == 0.0 {
        return "0 ms".to_owned();
    }
    let unit = Unit::of_nanos(value);
    format!("{} {}", number::short(value / unit.size, 3), unit.symbol)
}

//! How many units there were, and when, of the resources whose units change during a run.

use super::case::Case;
use super::replicate::Sample;
use crate::exec::Resource;
use crate::time::{Span, Time};

/// The units of one resource in one interval of simulated time.
#[derive(Clone, Debug, PartialEq)]
pub struct Provision {
    /// Name of the resource: stage and purpose.
    pub resource: String,
    /// Start of the interval.
    pub start: Time,
    /// Its length; the last one may be cut short by the end of the run.
    pub length: Span,
    /// Units, mean over the interval and over replications.
    pub mean: f64,
    /// Fewest at any time of the interval in any replication.
    pub least: u32,
    /// Most at any time of the interval in any replication.
    pub most: u32,
}

/// The units of all such resources, resource by resource, by the intervals of the series.
pub(super) fn provision(case: &Case, sample: &Sample) -> Vec<Provision> {
    let resources = sample.simulated().iter().map(|run| run.resources.len()).min().unwrap_or(0);
    let mut found = Vec::new();
    for number in 0..resources {
        let runs: Vec<&Resource> = sample.simulated().iter().map(|run| &run.resources[number]).collect();
        if runs.iter().any(|run| !run.capacity.is_empty()) {
            for (start, _) in sample.series.cells() {
                let end = (start + sample.series.interval()).min(Time(case.duration.0));
                found.push(within(&runs, start, end));
            }
        }
    }
    found
}

fn within(runs: &[&Resource], start: Time, end: Time) -> Provision {
    let length = end.since(start);
    let provided: f64 = runs.iter().map(|run| run.available(start, end) as f64).sum();
    let ranges = runs.iter().map(|run| range(run, start, end));
    let (least, most) = ranges.fold((u32::MAX, 0), |(least, most), (low, high)| (least.min(low), most.max(high)));
    let mean = provided / (length.0.max(1) as f64 * runs.len() as f64);
    Provision { resource: runs[0].name.clone(), start, length, mean, least, most }
}

/// Fewest and most units between two instants.
fn range(run: &Resource, start: Time, end: Time) -> (u32, u32) {
    let before = run.capacity.iter().rev().find(|&&(at, _)| at <= start);
    let inside = run.capacity.iter().filter(|&&(at, _)| start < at && at < end);
    before
        .into_iter()
        .chain(inside)
        .fold((u32::MAX, 0), |(least, most), &(_, units)| (least.min(units), most.max(units)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::ResourceKind;
    use crate::stats::Histogram;

    #[test]
    fn units_are_averaged_over_time_and_replications_and_seen_at_their_extremes() {
        let run = |capacity: &[(u64, u32)]| Resource {
            name: "service".into(),
            kind: ResourceKind::Pool,
            targets: 1,
            units: 9,
            arrivals: 0,
            refused: 0,
            abandoned: 0,
            hits: 0,
            busy: vec![0],
            capacity: capacity.iter().map(|&(at, units)| (Time(at), units)).collect(),
            open: Vec::new(),
            kept: 0,
            wait: Histogram::default(),
        };
        let (one, other) = (run(&[(0, 2), (15, 6), (18, 4)]), run(&[(0, 2), (20, 3)]));
        let found = within(&[&one, &other], Time(10), Time(20));
        // 2 for five, 6 for three and 4 for two of ten; 2 all the time.
        assert_eq!((found.mean, found.least, found.most), ((3.6 + 2.0) / 2.0, 2, 6));
        assert_eq!(within(&[&other], Time(20), Time(30)).mean, 3.0);
        assert_eq!(one.available(Time(0), Time(100)), 30 + 18 + 82 * 4);
    }
}

//! Percentiles of latency by class, status and outcome, each with its interval.

use super::case::Case;
use super::estimate::{Estimates, QUANTILES};
use crate::exec::Run;
use crate::stats::{Histogram, Interval, Sections};

/// A percentile of the latency of some requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentile {
    /// Class of the requests; `all` for all.
    pub class: String,
    /// How they ended; nothing for however they did.
    pub outcome: Option<String>,
    /// The status they were answered with, zero without an answer; nothing for any.
    pub status: Option<u16>,
    /// Share of them that stays below.
    pub p: f64,
    /// The latency in nanoseconds, from the moment at which the user meant to send.
    pub interval: Interval,
    /// The same from the moment at which the client sent (the last time).
    pub from_send: Interval,
    /// Requests behind it.
    pub observations: u64,
}

/// Who is looked at: outcome and status, nothing for any.
type Group = (Option<String>, Option<u16>);

/// All percentiles, class by class: of all requests, of each status, of each outcome. Groups without requests are left out.
pub fn percentiles(case: &Case, runs: &[Run], clusters: &dyn Fn(f64) -> f64) -> Vec<Percentile> {
    let mut ps: Vec<f64> =
        QUANTILES.into_iter().filter(|&p| p < 0.9999).chain(case.percentiles.iter().copied()).collect();
    ps.sort_by(f64::total_cmp);
    ps.dedup();
    let mut statuses: Vec<u16> = case.program.outcomes.iter().map(|outcome| outcome.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let any = std::iter::once((None, None));
    let by_status = statuses.into_iter().map(|status| (None, Some(status)));
    let by_outcome = case.program.outcomes.iter().map(|outcome| {
        let name = if outcome.reason.is_empty() { "served".to_owned() } else { outcome.reason.clone() };
        (Some(name), Some(outcome.status))
    });
    let groups: Vec<Group> = any.chain(by_status).chain(by_outcome).collect();
    let classes = case.program.classes.len();
    let each = if classes > 1 { classes } else { 0 };
    let mut all = Vec::new();
    for class in std::iter::once(None).chain((0..each).map(Some)) {
        for group in &groups {
            all.extend(of_group(case, runs, class, group, &ps, clusters));
        }
    }
    all
}

fn of_group(
    case: &Case,
    runs: &[Run],
    class: Option<usize>,
    (outcome, status): &Group,
    ps: &[f64],
    clusters: &dyn Fn(f64) -> f64,
) -> Vec<Percentile> {
    let wanted = |of: u16, ended: u16| {
        let one = &case.program.outcomes[usize::from(ended)];
        class.is_none_or(|class| class == usize::from(of))
            && status.is_none_or(|status| status == one.status)
            && outcome
                .as_ref()
                .is_none_or(|outcome| *outcome == one.reason || (one.reason.is_empty() && outcome == "served"))
    };
    let latencies: Vec<Histogram> = runs.iter().map(|run| run.latency(wanted)).collect();
    let sections = Sections::new(&latencies.iter().collect::<Vec<_>>());
    let sent: Option<Vec<Histogram>> =
        case.program.sends_later().then(|| runs.iter().map(|run| run.latency_from_send(wanted)).collect());
    let sent = sent.as_ref().map(|sent| Sections::new(&sent.iter().collect::<Vec<_>>()));
    let observations = sections.pooled().count();
    let name = class.map_or(Estimates::ALL, |class| &case.program.classes[class]);
    let percentile = |&p: &f64| {
        let of = |sections: &Sections| {
            let mut interval = sections.quantile(p, case.level());
            interval.trust = interval.trust.with_clusters(clusters(p));
            interval
        };
        let (interval, from_send) = (of(&sections), of(sent.as_ref().unwrap_or(&sections)));
        let (class, outcome, status) = (name.to_owned(), outcome.clone(), *status);
        Percentile { class, outcome, status, p, interval, from_send, observations }
    };
    if observations > 0 { ps.iter().map(percentile).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::super::replicate::sample;
    use super::super::trial;
    use super::*;
    use crate::exec::Executor;

    #[test]
    fn every_class_status_and_outcome_has_its_percentiles() {
        let mut case = trial::case("a", 500.0, 1);
        case.percentiles = vec![0.75];
        let runs = sample(&case, Executor::Event).runs;
        let found = percentiles(&case, &runs, &|_| f64::NAN);
        let at = |class: &str, outcome: Option<&str>, status, p| {
            let is_it = |one: &&Percentile| {
                one.class == class && one.outcome.as_deref() == outcome && one.status == status && one.p == p
            };
            found.iter().find(is_it).map(|one| (one.observations, one.interval.value))
        };
        let count = |class, status| at(class, None, status, 0.75).unwrap().0;
        assert_eq!(count("all", None), count("read", None) + count("write", None));
        assert_eq!(count("all", None), count("all", Some(200)) + count("all", Some(403)));
        assert_eq!(at("all", Some("waf: blocked"), Some(403), 0.5), at("all", None, Some(403), 0.5));
        assert_eq!(at("all", None, Some(403), 0.999).unwrap().1, 0.0, "blocked at once");
        // Exponential with mean 1/(1000 - 495) s behind 0.2 ms.
        let exact = 0.2e6 + 1e9 / 505.0 * 4f64.ln();
        assert!((at("all", Some("served"), Some(200), 0.75).unwrap().1 / exact - 1.0).abs() < 0.05);
    }
}

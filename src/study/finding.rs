//! What a study says of one scenario: estimates, verdicts, and the warnings a careful colleague would add.

use super::case::Case;
use super::cost::Cost;
use super::estimate::{Estimates, Metric, Status};
use super::objective::{Judgement, Verdict};
use super::replicate::Sample;
use super::theory::{self, Beside};
use crate::program::{Grade, Origin, Program};
use crate::stats::{Trust, Why, stability};
use crate::time::Span;

/// The findings on one scenario, ready to be reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Name of the scenario.
    pub name: String,
    /// The question it answers; may be empty.
    pub title: String,
    /// Digest of the compiled program.
    pub digest: String,
    /// Master seed.
    pub seed: u64,
    /// How long requests arrived.
    pub duration: Span,
    /// How much of the start was not measured.
    pub warmup: Span,
    /// The estimates.
    pub estimates: Estimates,
    /// What it costs; nothing without a price book, or when a run was not complete.
    pub cost: Option<Cost>,
    /// The objectives with their verdicts.
    pub judgements: Vec<Judgement>,
    /// Closed forms beside the simulated values, resource by resource.
    pub theory: Vec<Beside>,
    /// What to be careful about, a sentence each.
    pub warnings: Vec<String>,
}

/// Stages whose share of the time is below this are too small for a warning on their inputs.
const SHARE_THAT_MATTERS: f64 = 0.05;

impl Finding {
    /// Estimates, judges and warns.
    pub fn of(case: &Case, sample: &Sample) -> Finding {
        let mut estimates = Estimates::of(case, sample);
        let judgements = case.objectives.iter().map(|objective| Judgement::of(objective, &estimates)).collect();
        estimates.settle();
        let costing = case.costing.as_ref().filter(|_| estimates.status.is_complete());
        let measured = case.measured_after(sample.warmup.length);
        let cost = costing.and_then(|costing| Cost::of(&case.program, costing, measured, case.confidence, sample));
        Finding {
            name: case.name.clone(),
            title: case.title.clone(),
            digest: case.program.digest(),
            seed: case.seed,
            duration: case.duration,
            warmup: estimates.warmup.length,
            judgements,
            theory: theory::beside(case, sample, &estimates),
            cost,
            warnings: warnings(case, &estimates),
            estimates,
        }
    }

    /// The worst verdict on its objectives; met when there are none.
    pub fn verdict(&self) -> Verdict {
        self.judgements.iter().map(|judgement| judgement.verdict).max().unwrap_or(Verdict::Met)
    }
}

fn warnings(case: &Case, estimates: &Estimates) -> Vec<String> {
    let trust = match &estimates.status {
        Status::Unstable { place, replications } => {
            return vec![format!(
                "unstable: the backlog at {place} grew beyond its limit in {replications} of {} replications; \
                 no estimate of an unstable system means anything",
                estimates.replications
            )];
        }
        Status::Inconsistent { law } => {
            return vec![format!(
                "inconsistent: a run broke the law {law}; \
                 this is a bug of gatepath, please report it with the scenario"
            )];
        }
        Status::Complete => trust(estimates),
    };
    settled(estimates)
        .into_iter()
        .chain(trust)
        .chain(overload(estimates))
        .chain(guesses(&case.program, estimates))
        .collect()
}

/// A warm-up that took half of the run without coming to an end.
fn settled(estimates: &Estimates) -> Option<String> {
    (estimates.warmup.why == Why::Unsettled).then(|| {
        "no steady state in sight: by the latency over time half of the run and more is warm-up; \
         run longer, or set `run.warmup` where the start is meant to count"
            .to_owned()
    })
}

/// Estimates that rest on too little.
fn trust(estimates: &Estimates) -> Vec<String> {
    let units = estimates.measure(Metric::Mean).map_or(0, |mean| mean.interval.units);
    if estimates.replications < 2 && units < 2 {
        return vec!["one replication gives no interval; ask for more with `--replications 10`".to_owned()];
    }
    let shown = |metric: &Metric| !matches!(metric, Metric::Quantile(p) if *p > 0.999);
    let measures = estimates.classes.first().map_or(&[][..], |class| &class.measures);
    let few: Vec<String> = measures
        .iter()
        .filter(|measure| measure.interval.trust == Trust::TooFewObservations && measure.metric != Metric::Errors)
        .map(|measure| measure.metric)
        .filter(shown)
        .map(|metric| metric.to_string())
        .collect();
    if few.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "{}: too few independent slow requests (they come in clusters), so the interval is too narrow; \
         run longer or more replications",
        few.join(", ")
    )]
}

/// Signs that the system does not keep up.
fn overload(estimates: &Estimates) -> Vec<String> {
    let mut warnings = Vec::new();
    let stability = &estimates.stability;
    match stability.verdict {
        stability::Verdict::Overloaded => warnings.push(format!(
            "overloaded: {:.1} % of what arrives stays in the system for good, so there is no steady state; \
             every latency here depends on how long the run was",
            100.0 * stability.growth.value
        )),
        stability::Verdict::Backlogged if estimates.left_over <= SHARE_THAT_MATTERS => {
            warnings
                .push("backlogged: the number in the system still grew at the end; longer runs show more".to_owned());
        }
        _ => {}
    }
    if !stability.little.holds() && stability.verdict == stability::Verdict::Stable {
        let little = &stability.little;
        warnings.push(format!(
            "Little's law does not hold: {:.3} in the system by counting, {:.3} by latency; \
             the load changes over the run, or this is a bug of gatepath",
            little.counted, little.by_latency
        ));
    }
    if estimates.left_over > SHARE_THAT_MATTERS {
        let share = 100.0 * estimates.left_over;
        warnings
            .push(format!("{share:.0} % of the requests ended only after the last arrival: a backlog was left over"));
    }
    for resource in estimates.resources.iter().filter(|resource| resource.utilisation.value > 0.98) {
        let busy = 100.0 * resource.utilisation.value;
        warnings.push(format!(
            "{} was busy {busy:.1} % of the time: its load has no steady state to speak of",
            resource.name
        ));
    }
    warnings
}

/// Inputs that are estimates without a measurement behind them, in stages where much of the time goes.
fn guesses(program: &Program, estimates: &Estimates) -> Vec<String> {
    let mut warnings = Vec::new();
    for stage in estimates.stages.iter().filter(|stage| stage.share >= SHARE_THAT_MATTERS) {
        let sites = program.sites.iter().filter(|site| site.stage == stage.name).map(|site| &site.origin);
        let mut ids: Vec<&str> = sites
            .filter_map(|origin| match origin {
                Origin::Fact { id, grade: Grade::D, .. } => Some(id.as_str()),
                _ => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if !ids.is_empty() {
            let share = 100.0 * stage.share;
            let ids = ids.join(", ");
            warnings.push(format!(
                "{share:.0} % of the time goes by in `{}`, whose {ids} is an estimate (grade D): measure your own",
                stage.name
            ));
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::super::replicate::sample;
    use super::super::trial;
    use super::*;
    use crate::exec::{self, Executor};
    use crate::scenario::Measured;

    fn finding(case: &Case) -> Finding {
        Finding::of(case, &sample(case, Executor::Event))
    }

    #[test]
    fn verdicts_follow_the_intervals() {
        let finding = finding(&trial::case("a", 500.0, 1));
        let verdicts: Vec<Verdict> = finding.judgements.iter().map(|judgement| judgement.verdict).collect();
        assert_eq!(verdicts, [Verdict::Met, Verdict::Missed, Verdict::Inconclusive]);
        assert_eq!(finding.verdict(), Verdict::Missed);
    }

    #[test]
    fn a_tail_of_few_requests_is_judged_by_the_share_beyond_the_limit() {
        let mut case = trial::case("a", 500.0, 1);
        case.objectives = [0.5e6, 12e6, 13.7e6, 14e6, 100e6]
            .map(|limit| trial::objective("p99.9", Measured::Quantile(0.999), true, limit))
            .to_vec();
        let finding = finding(&case);
        let words: Vec<&str> = finding.judgements.iter().map(|judgement| judgement.verdict.word()).collect();
        assert_eq!((words[0], words[2], words[4]), ("missed", "inconclusive", "met"), "{words:?}");
        assert_eq!(finding.judgements[0].interval.trust, Trust::TooFewObservations);
    }

    #[test]
    fn guesses_that_matter_are_named() {
        let quick = finding(&trial::case("a", 100.0, 1));
        assert!(
            quick.warnings.iter().any(|warning| warning.contains("waf.latency is an estimate (grade D)")),
            "{quick:?}"
        );
        let slow = finding(&trial::case("a", 960.0, 1));
        assert!(!slow.warnings.iter().any(|warning| warning.contains("grade D")), "{:?}", slow.warnings);
    }

    #[test]
    fn a_broken_conservation_law_is_the_only_thing_said_of_a_scenario() {
        let case = trial::case("a", 500.0, 1);
        let mut sample = sample(&case, Executor::Event);
        sample.runs[3].verdict = exec::Verdict::Inconsistent { law: "born = ended: 2 against 1".into() };
        let finding = Finding::of(&case, &sample);
        assert!(!finding.estimates.status.is_complete());
        assert_eq!(finding.warnings.len(), 1);
        let warning = &finding.warnings[0];
        assert!(warning.contains("born = ended") && warning.contains("bug of gatepath, please report it"), "{warning}");
    }

    #[test]
    fn an_unstable_scenario_has_one_warning_and_no_verdict() {
        let finding = finding(&trial::unstable("a"));
        assert_eq!(finding.warnings.len(), 1);
        assert!(finding.warnings[0].contains("unstable: the backlog at service"), "{:?}", finding.warnings);
        assert_eq!(finding.verdict(), Verdict::Inconclusive);
    }

    #[test]
    fn one_replication_is_warned_of() {
        let finding = finding(&Case { replications: 1, ..trial::case("a", 500.0, 1) });
        assert!(finding.warnings[0].contains("--replications"));
    }
}

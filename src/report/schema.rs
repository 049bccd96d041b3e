//! The tables of a result: which there are, their columns, and how they are filled. `docs/results.md` says the same to
//! people, and a test compares the two.

use super::number;
use super::table::{Cell, Column, Layout, Table};
use crate::exec::ResourceKind;
use crate::pricing::Decimal;
use crate::pricing::costing::float;
use crate::program::Answered;
use crate::stats::{Interval, Why};
use crate::study::estimate::{ClassEstimates, Estimates, ResourceEstimates, Status};
use crate::study::theory::Compared;
use crate::study::{Beside, Comparison, Finding, PricedDifference};

/// Version of the tables and of the JSON: raised when a column changes its meaning or goes away, not when one is added.
pub const VERSION: u64 = 1;

macro_rules! layout {
    ($(#[$doc:meta])* $constant:ident $name:literal $($column:literal $about:literal)*) => {
        $(#[$doc])*
        pub const $constant: Layout =
            Layout { name: $name, columns: &[$(Column { name: $column, about: $about }),*] };
    };
}

layout! {
    /// Headline numbers.
    SUMMARY "summary"
    "scenario" "name of the scenario: its file name without the ending"
    "status" "`complete`, `unstable`, or `inconsistent` (a bug of gatepath); only a complete scenario has values"
    "class" "`all`, or a class of requests where there is more than one"
    "metric" "what is estimated, with its unit: see below"
    "value" "the estimate, from all replications together"
    "low" "lower end of the 95 % interval; empty when there is none"
    "high" "upper end of the 95 % interval; empty when there is none"
    "half_width" "half of `high` - `low`"
    "replications" "independent replications behind it"
    "sections" "independent groups of replications the interval rests on"
    "observations" "requests behind it, over all replications"
    "trust" "`ok`, `caution` (somewhat too narrow), `few` (too few requests or clusters of them: too narrow), `none` (no interval)"
}

layout! {
    /// Whether the numbers of a scenario mean what they say.
    CHECKS "checks"
    "scenario" "name of the scenario"
    "status" "as in summary.csv"
    "stability" "`stable`, `backlogged` (work was left over, or still grew slowly) or `overloaded` (more comes than is served: every number depends on the length of the run)"
    "growth_share" "share of the arrivals that stays in the system for good, by the slope of the number present over the second half of the measured time"
    "growth_low" "lower end of its 99.8 % interval"
    "growth_high" "upper end of its 99.8 % interval"
    "warmup_s" "start of each replication that is not measured"
    "warmup_rule" "`given`; `least` (a tenth, MSER-5 asks for no more); `mser5` (MSER-5 asks for more); `unsettled` (half of the run and more is warm-up); `varying` (the load changes, a tenth); `unsearched` (a tenth)"
    "warmup_found_s" "what MSER-5 asks for; empty when it was not asked"
    "replications" "replications run"
    "ended_by" "`fixed` number; `precise` as asked; budget of `replications` or of `requests` spent; `unstable`"
    "control" "what mean latency was corrected by (`control_variates`): a station or `arrivals`; empty when it was not"
    "control_gain" "how many times as many replications would be needed without it"
    "in_system_counted" "mean number in the system: arrivals less ends"
    "in_system_by_latency" "the same by Little's law: latencies of the requests born, over the time"
    "in_system_difference_low" "lower end of the 99.9 % interval of the difference"
    "in_system_difference_high" "upper end of the 99.9 % interval of the difference"
    "conservation" "`holds` when requests, attempts, callers, branches and permits balance in every replication"
}

layout! {
    /// Objectives and their verdicts.
    OBJECTIVES "objectives"
    "scenario" "name of the scenario"
    "objective" "the objective as written"
    "class" "the class of requests it is about, `all` for all of them"
    "metric" "what is limited, with its unit"
    "limit" "the limit, in the unit of the metric"
    "value" "the estimate, in the unit of the metric"
    "low" "lower end of its interval"
    "high" "upper end of its interval"
    "verdict" "`met` or `missed` when the whole interval lies on one side of the limit, else `inconclusive`"
}

layout! {
    /// How requests ended.
    OUTCOMES "outcomes"
    "scenario" "name of the scenario"
    "class" "`all`, or a class of requests where there is more than one"
    "outcome" "`served`, or stage and reason"
    "status_code" "HTTP status of the answer; 0 when none arrived"
    "kind" "`served`, `failed` (an error after work was tried), `rejected` (turned away) or `timed_out`"
    "count" "requests that ended so, over all replications"
    "share" "share of the requests of the class"
    "share_low" "lower end of its interval"
    "share_high" "upper end of its interval"
    "latency_mean_ms" "their mean latency"
    "latency_p50_ms" "their median latency"
    "latency_p99_ms" "latency that 99 % of them stay below"
}

layout! {
    /// Percentiles of latency, whoever asked and however it ended.
    PERCENTILES "percentiles"
    "scenario" "name of the scenario"
    "class" "`all`, or a class of requests where there is more than one"
    "status_code" "HTTP status of the answers, 0 when none arrived; empty for any"
    "outcome" "`served`, or stage and reason; empty for any"
    "percentile" "share of the requests that stays below, in percent: the standard ones, and those asked for by `run.percentiles` or `--percentiles`"
    "latency_ms" "the latency from the moment at which the user meant to send, in milliseconds"
    "low" "lower end of its interval"
    "high" "upper end of its interval"
    "from_send_ms" "the latency from the moment at which the client sent (the last time), as a load tool sees it"
    "from_send_low" "lower end of its interval"
    "from_send_high" "upper end of its interval"
    "observations" "requests behind it, over all replications"
    "trust" "as in summary.csv"
}

layout! {
    /// Where the time goes.
    STAGES "stages"
    "scenario" "name of the scenario"
    "stage" "name of the stage"
    "kind" "kind of the stage"
    "passes" "passes through the stage, over all replications; a stage that handles request and answer counts two"
    "time_per_request_ms" "time spent in the stage for each request that arrived, whether or not it came here"
    "time_per_request_low_ms" "lower end of its interval"
    "time_per_request_high_ms" "upper end of its interval"
    "share_of_time" "share of the time spent in all stages"
    "pass_mean_ms" "mean time of one pass"
    "pass_mean_low_ms" "lower end of its interval"
    "pass_mean_high_ms" "upper end of its interval"
    "pass_p50_ms" "median time of one pass"
    "pass_p90_ms" "time that 90 % of the passes stay below"
    "pass_p99_ms" "time that 99 % of the passes stay below"
    "pass_p99_low_ms" "lower end of its interval"
    "pass_p99_high_ms" "upper end of its interval"
    "pass_p99.9_ms" "time that 99.9 % of the passes stay below"
    "trust" "trust in the interval of `pass_p99_ms`, as in summary.csv"
}

layout! {
    /// Stations, pools, buckets, caches and the like.
    RESOURCES "resources"
    "scenario" "name of the scenario"
    "resource" "stage and purpose"
    "kind" "`station`, `pool`, `connections`, `bucket`, `cache`, `balancer` or `budget`"
    "targets" "equal targets in the group"
    "units" "units of each target that can be busy at once, at most; 0 where that means nothing"
    "arrivals_per_s" "requests that came, a second"
    "utilisation" "share of the units' time that was busy"
    "utilisation_low" "lower end of its interval"
    "utilisation_high" "upper end of its interval"
    "busiest_utilisation" "the same for the busiest target"
    "waiting_mean" "mean number of requests waiting"
    "wait_mean_ms" "mean wait of those not turned away, zero waits included"
    "wait_p99_ms" "wait that 99 % of them stay below"
    "refused_share" "share turned away"
    "abandoned_share" "share that lost patience"
    "hit_share" "share of cached answers or warm connections; empty for other kinds"
}

layout! {
    /// Closed forms beside simulated values.
    THEORY "theory"
    "scenario" "name of the scenario"
    "resource" "stage and purpose, or `whole path`"
    "model" "the closed form, such as `M/M/4`; empty when there is none"
    "because" "why its assumptions hold; without a closed form, which of them fails"
    "quantity" "what is compared, with its unit; empty without a closed form"
    "exact" "by theory"
    "simulated" "by simulation"
    "low" "lower end of the interval of the simulated value"
    "high" "upper end of that interval"
    "agrees" "`yes`, or `no` when the two differ by more than the interval widened to a confidence of 99.9 %"
}

layout! {
    /// What a month costs, in all and by stage.
    BILL "bill"
    "scenario" "name of the scenario"
    "part" "`total`, `per_million` (for a million served requests), `stage`, or `plan` (the whole bill with the cheapest flat-rate plan of CloudFront)"
    "name" "name of the stage or plan; empty for the others"
    "usd" "USD a month; for `per_million` USD for a million served requests"
    "low" "lower end of its interval over replications"
    "high" "upper end of its interval over replications"
    "share" "share of the total"
    "unpriced" "what has no price and is not in it, separated by semicolons"
}

layout! {
    /// The lines of the bill.
    COST "cost"
    "scenario" "name of the scenario"
    "line" "service and item, as in the price book"
    "region" "region, class of edge locations, or `global`"
    "quantity" "how much of it in the mean month"
    "unit" "unit of the quantity"
    "free" "units of it that are free"
    "tiers" "units of each tier times the USD of one"
    "usd" "USD a month, to the cent"
    "binding" "what decided the quantity: the largest dimension of a load balancer, the share of cold starts"
    "stages" "stages that used it, with their shares"
    "price_date" "date of the oldest price used; `override` for a price of your own, with the date and source you gave"
    "grade" "grade of the least trusted price used; empty for a price of your own"
}

layout! {
    /// What was counted for the bill, hour by hour.
    LEDGER "ledger"
    "scenario" "name of the scenario"
    "hour" "number of the hour of the measured time, from 0"
    "seconds" "its length; the last one may be shorter than an hour"
    "stage" "the stage that counts"
    "meter" "what is counted; the capacity of a load balancer has a row for each dimension, of which the largest is billed"
    "unit" "unit of the count; `LCU` or `NLCU` for the capacity of a load balancer"
    "counted" "how much in the hour, mean over replications; units of capacity at the rate of the hour"
    "month" "what the hour makes in the month, mean over replications: units, or unit-hours of capacity were this dimension the largest"
}

layout! {
    /// What happened when.
    SERIES "series"
    "scenario" "name of the scenario"
    "start_s" "start of the interval, in seconds of simulated time since the start of the run, warm-up included"
    "interval_s" "length of the interval; the last one may be shorter"
    "arrived_per_s" "requests that arrived, a second, mean over replications"
    "served_per_s" "requests that ended as asked, a second, mean over replications"
    "failed_per_s" "requests that ended otherwise, a second, mean over replications"
    "latency_mean_ms" "mean latency of all requests that ended in the interval; empty when none did"
    "latency_p50_ms" "their median latency, within 0.8 %"
    "latency_p90_ms" "latency that 90 % of them stay below, within 0.8 %"
    "latency_p99_ms" "latency that 99 % of them stay below, within 0.8 %"
    "served_low_per_s" "lower end of the band over replications around `served_per_s`, at this time for itself"
    "served_high_per_s" "upper end"
    "latency_mean_low_ms" "lower end of the band around `latency_mean_ms`"
    "latency_mean_high_ms" "upper end"
    "latency_p50_low_ms" "lower end of the band around `latency_p50_ms`"
    "latency_p50_high_ms" "upper end"
    "latency_p90_low_ms" "lower end of the band around `latency_p90_ms`"
    "latency_p90_high_ms" "upper end"
    "latency_p99_low_ms" "lower end of the band around `latency_p99_ms`"
    "latency_p99_high_ms" "upper end"
}

layout! {
    /// Units where a controller changes them.
    PROVISION "provision"
    "scenario" "name of the scenario"
    "resource" "stage and purpose"
    "start_s" "start of the interval, in seconds of simulated time since the start of the run, warm-up included"
    "interval_s" "length of the interval; the last one may be shorter"
    "units_mean" "units there were, mean over the interval and over replications"
    "units_least" "fewest at any time of the interval in any replication"
    "units_most" "most at any time of the interval in any replication"
}

layout! {
    /// Differences to a reference scenario.
    COMPARISON "comparison"
    "scenario" "name of the scenario"
    "reference" "name of the scenario it is compared with: the first on the command line"
    "metric" "what is compared, with its unit"
    "reference_value" "value of the reference"
    "difference" "scenario less reference, paired by replication (common random numbers)"
    "low" "lower end of the 95 % interval of the difference"
    "high" "upper end of the 95 % interval of the difference"
    "difference_share" "difference as a share of the reference value"
    "variance_gain" "variance of a difference of independent runs over that of the paired difference; empty when it is always the same"
    "trust" "as in summary.csv"
    "p_value" "chance of a difference at least as large where there is none, after Holm's correction for all differences tested, those of costs among them; 1 where it is not tested"
    "change" "`better` or `worse` when it differs for certain, by Holm's correction at the confidence of the study; `equal` when the whole interval lies within the margin (1 % of the reference unless `--margin` says otherwise); `same` when nothing differs in any replication; else `cannot tell`; `different` for the load"
}

/// All tables of a result.
pub const LAYOUTS: [&Layout; 14] = [
    &SUMMARY,
    &CHECKS,
    &OBJECTIVES,
    &OUTCOMES,
    &PERCENTILES,
    &STAGES,
    &RESOURCES,
    &THEORY,
    &BILL,
    &COST,
    &LEDGER,
    &SERIES,
    &PROVISION,
    &COMPARISON,
];

/// The tables about findings, scenario by scenario in the order given: all but the comparison.
pub fn tables(findings: &[&Finding]) -> Vec<Table> {
    let fill = |layout: &'static Layout, row: &dyn Fn(&mut Table, &Finding)| {
        let mut table = Table::new(layout);
        findings.iter().for_each(|finding| row(&mut table, finding));
        table
    };
    let mut tables = vec![
        fill(&SUMMARY, &summary),
        fill(&CHECKS, &checks),
        fill(&OBJECTIVES, &objectives),
        fill(&OUTCOMES, &outcomes),
        fill(&PERCENTILES, &percentiles),
        fill(&STAGES, &stages),
        fill(&RESOURCES, &resources),
        fill(&THEORY, &theory),
        fill(&BILL, &bill),
        fill(&COST, &cost),
        fill(&LEDGER, &ledger),
        fill(&SERIES, &series),
    ];
    // Most scenarios have no controller.
    let provision = fill(&PROVISION, &provision);
    if !provision.rows.is_empty() {
        tables.push(provision);
    }
    tables
}

/// The table of comparisons.
pub fn comparison(comparisons: &[Comparison]) -> Table {
    let mut table = Table::new(&COMPARISON);
    for comparison in comparisons {
        for difference in &comparison.differences {
            let scale = difference.metric.scale();
            let interval = difference.interval.scaled(scale);
            table.push([
                comparison.scenario.as_str().into(),
                comparison.reference.as_str().into(),
                difference.metric.name().into(),
                (difference.reference * scale).into(),
                interval.value.into(),
                interval.low.into(),
                interval.high.into(),
                (difference.interval.value / difference.reference).into(),
                difference.gain.into(),
                interval.trust.word().into(),
                difference.p_value.into(),
                difference.change.word().into(),
            ]);
        }
        costs(&mut table, comparison);
    }
    table
}

/// The differences of the bills.
fn costs(table: &mut Table, comparison: &Comparison) {
    let Some(cost) = &comparison.cost else { return };
    let rows = [("cost_usd_per_month", &cost.total), ("cost_usd_per_million", &cost.per_million)];
    for (metric, difference) in rows {
        let PricedDifference { reference, interval, p_value, change } = difference;
        table.push([
            comparison.scenario.as_str().into(),
            comparison.reference.as_str().into(),
            metric.into(),
            (*reference).into(),
            interval.value.into(),
            interval.low.into(),
            interval.high.into(),
            (interval.value / reference).into(),
            f64::NAN.into(),
            interval.trust.word().into(),
            (*p_value).into(),
            change.word().into(),
        ]);
    }
}

fn summary(table: &mut Table, finding: &Finding) {
    let estimates = &finding.estimates;
    let complete = estimates.status.is_complete();
    let rows = estimates.classes.iter().flat_map(|class| {
        let from_start = class.measures.iter().map(move |measure| (class, measure, measure.metric.name()));
        let from_send = class.from_send.iter().map(move |measure| (class, measure, measure.metric.name_from_send()));
        from_start.chain(from_send)
    });
    for (class, measure, name) in rows {
        let interval = if complete { measure.interval.scaled(measure.metric.scale()) } else { Interval::UNKNOWN };
        table.push([
            finding.name.as_str().into(),
            estimates.status.word().into(),
            class.name.as_str().into(),
            name.into(),
            interval.value.into(),
            interval.low.into(),
            interval.high.into(),
            interval.half_width().into(),
            estimates.replications.into(),
            interval.units.into(),
            measure.observations.into(),
            interval.trust.word().into(),
        ]);
    }
}

fn checks(table: &mut Table, finding: &Finding) {
    let estimates = &finding.estimates;
    let (stability, warmup) = (&estimates.stability, &estimates.warmup);
    let little = stability.little;
    let found = match warmup.why {
        Why::Least { found } => found.as_secs_f64(),
        Why::Found | Why::Unsettled => warmup.length.as_secs_f64(),
        Why::Given | Why::Varying | Why::Unsearched => f64::NAN,
    };
    table.push([
        finding.name.as_str().into(),
        estimates.status.word().into(),
        stability.verdict.word().into(),
        stability.growth.value.into(),
        stability.growth.low.into(),
        stability.growth.high.into(),
        warmup.length.as_secs_f64().into(),
        warmup.why.word().into(),
        found.into(),
        estimates.replications.into(),
        estimates.ended.word().into(),
        estimates.control().map_or("", |control| &control.by).into(),
        estimates.control().map_or(f64::NAN, |control| control.gain).into(),
        little.counted.into(),
        little.by_latency.into(),
        little.difference.low.into(),
        little.difference.high.into(),
        if matches!(estimates.status, Status::Inconsistent { .. }) { "broken" } else { "holds" }.into(),
    ]);
}

fn objectives(table: &mut Table, finding: &Finding) {
    for judgement in &finding.judgements {
        let (objective, metric) = (&judgement.objective, judgement.metric());
        let interval = judgement.interval.scaled(metric.scale());
        table.push([
            finding.name.as_str().into(),
            objective.text.as_str().into(),
            judgement.class().into(),
            metric.name().into(),
            (objective.limit * metric.scale()).into(),
            interval.value.into(),
            interval.low.into(),
            interval.high.into(),
            judgement.verdict.word().into(),
        ]);
    }
}

fn outcomes(table: &mut Table, finding: &Finding) {
    let rows = |class: &ClassEstimates| {
        class.outcomes.iter().map(move |o| (class.name.clone(), o.clone())).collect::<Vec<_>>()
    };
    for (class, outcome) in complete(finding).flat_map(|estimates| estimates.classes.iter().flat_map(rows)) {
        table.push([
            finding.name.as_str().into(),
            class.into(),
            outcome.name.into(),
            u64::from(outcome.status).into(),
            answered(outcome.answered).into(),
            outcome.count.into(),
            outcome.share.value.into(),
            outcome.share.low.into(),
            outcome.share.high.into(),
            millis(outcome.mean),
            millis(outcome.quantiles[0]),
            millis(outcome.quantiles[1]),
        ]);
    }
}

fn percentiles(table: &mut Table, finding: &Finding) {
    for one in complete(finding).flat_map(|estimates| &estimates.percentiles) {
        table.push([
            finding.name.as_str().into(),
            one.class.as_str().into(),
            one.status.map_or(Cell::Number(f64::NAN), |status| u64::from(status).into()),
            one.outcome.as_deref().unwrap_or_default().into(),
            ((one.p * 1e10).round() / 1e8).into(),
            millis(one.interval.value),
            millis(one.interval.low),
            millis(one.interval.high),
            millis(one.from_send.value),
            millis(one.from_send.low),
            millis(one.from_send.high),
            one.observations.into(),
            one.interval.trust.word().into(),
        ]);
    }
}

fn stages(table: &mut Table, finding: &Finding) {
    for stage in complete(finding).flat_map(|estimates| &estimates.stages) {
        let [p50, p90, p99, p999] = &stage.quantiles;
        table.push([
            finding.name.as_str().into(),
            stage.name.as_str().into(),
            stage.kind.as_str().into(),
            stage.passes.into(),
            millis(stage.per_request.value),
            millis(stage.per_request.low),
            millis(stage.per_request.high),
            stage.share.into(),
            millis(stage.pass.value),
            millis(stage.pass.low),
            millis(stage.pass.high),
            millis(p50.value),
            millis(p90.value),
            millis(p99.value),
            millis(p99.low),
            millis(p99.high),
            millis(p999.value),
            p99.trust.word().into(),
        ]);
    }
}

fn resources(table: &mut Table, finding: &Finding) {
    for resource in complete(finding).flat_map(|estimates| &estimates.resources) {
        table.push([
            finding.name.as_str().into(),
            resource.name.as_str().into(),
            kind(resource.kind).into(),
            resource.targets.into(),
            resource.units.into(),
            resource.arrivals.value.into(),
            resource.utilisation.value.into(),
            resource.utilisation.low.into(),
            resource.utilisation.high.into(),
            resource.busiest.into(),
            resource.waiting.value.into(),
            millis(resource.wait.value),
            millis(resource.wait_p99.value),
            resource.refused.value.into(),
            resource.abandoned.value.into(),
            hits(resource).into(),
        ]);
    }
}

fn theory(table: &mut Table, finding: &Finding) {
    for Beside { name, model } in &finding.theory {
        let mut push = |model: &str, because: &str, compared: Option<&Compared>| {
            let interval = compared.map_or(Interval::UNKNOWN, super::theory::interval);
            let exact = compared.map_or(f64::NAN, |compared| super::theory::scaled(compared.quantity, compared.exact));
            let word = |agrees: bool| if agrees { "yes" } else { "no" };
            table.push([
                finding.name.as_str().into(),
                name.as_str().into(),
                model.into(),
                because.into(),
                compared.map_or("", |compared| compared.quantity.name()).into(),
                exact.into(),
                interval.value.into(),
                interval.low.into(),
                interval.high.into(),
                compared.map_or("", |compared| word(compared.agrees)).into(),
            ]);
        };
        match model {
            Err(reason) => push("", reason, None),
            Ok(model) => model.values.iter().for_each(|value| push(&model.name, &model.because, Some(value))),
        }
    }
}

fn bill(table: &mut Table, finding: &Finding) {
    let Some(cost) = &finding.cost else { return };
    let unpriced = cost.unpriced.join("; ");
    let mut row = |part: &str, name: &str, usd: f64, ends: Option<&Interval>, share: f64| {
        let (low, high) = ends.map_or((f64::NAN, f64::NAN), |interval| (interval.low, interval.high));
        table.push([
            finding.name.as_str().into(),
            part.into(),
            name.into(),
            usd.into(),
            low.into(),
            high.into(),
            share.into(),
            unpriced.as_str().into(),
        ]);
    };
    let total = cost.total.value;
    row("total", "", total, Some(&cost.total), 1.0);
    row("per_million", "", cost.per_million.value, Some(&cost.per_million), f64::NAN);
    for (stage, usd) in &cost.stages {
        row("stage", stage, *usd, None, usd / total);
    }
    if let Some(plan) = &cost.plan {
        row("plan", &plan.name, plan.total, None, plan.total / total);
    }
}

fn cost(table: &mut Table, finding: &Finding) {
    for line in finding.cost.iter().flat_map(|cost| &cost.bill.lines) {
        let share = |(stage, quantity): &(String, Decimal)| match line.quantity.is_zero() {
            true => stage.clone(),
            false => format!("{stage} {}", number::fixed(float(*quantity / line.quantity), 3)),
        };
        table.push([
            finding.name.as_str().into(),
            format!("{}/{}", line.key.service, line.key.item).into(),
            line.key.region.as_str().into(),
            float(line.quantity).into(),
            line.unit.as_str().into(),
            float(line.free).into(),
            line.split().into(),
            line.cents().to_string().into(),
            line.binding.clone().unwrap_or_default().into(),
            line.resources.iter().map(share).collect::<Vec<_>>().join("; ").into(),
            line.date.as_str().into(),
            line.grade.map(|grade| grade.to_string()).unwrap_or_default().into(),
        ]);
    }
}

fn ledger(table: &mut Table, finding: &Finding) {
    for entry in finding.cost.iter().flat_map(|cost| &cost.ledger) {
        table.push([
            finding.name.as_str().into(),
            (entry.hour as f64).into(),
            entry.seconds.into(),
            entry.stage.as_str().into(),
            entry.meter.as_str().into(),
            entry.unit.as_str().into(),
            entry.counted.into(),
            entry.month.into(),
        ]);
    }
}

fn series(table: &mut Table, finding: &Finding) {
    for slice in complete(finding).flat_map(|estimates| &estimates.series) {
        let ([p50, p90, p99], bands) = (slice.quantiles, &slice.bands);
        // No latency is negative, whatever the normal law says; nothing known stays nothing known.
        let low = |band: &Interval| millis(if band.low.is_finite() { band.low.max(0.0) } else { band.low });
        table.push([
            finding.name.as_str().into(),
            slice.start.as_secs_f64().into(),
            slice.length.as_secs_f64().into(),
            slice.arrived.into(),
            slice.served.into(),
            slice.failed.into(),
            millis(slice.mean),
            millis(p50),
            millis(p90),
            millis(p99),
            if bands.served.low.is_finite() { bands.served.low.max(0.0) } else { bands.served.low }.into(),
            bands.served.high.into(),
            low(&bands.mean),
            millis(bands.mean.high),
            low(&bands.quantiles[0]),
            millis(bands.quantiles[0].high),
            low(&bands.quantiles[1]),
            millis(bands.quantiles[1].high),
            low(&bands.quantiles[2]),
            millis(bands.quantiles[2].high),
        ]);
    }
}

fn provision(table: &mut Table, finding: &Finding) {
    for units in complete(finding).flat_map(|estimates| &estimates.provision) {
        table.push([
            finding.name.as_str().into(),
            units.resource.as_str().into(),
            units.start.as_secs_f64().into(),
            units.length.as_secs_f64().into(),
            units.mean.into(),
            units.least.into(),
            units.most.into(),
        ]);
    }
}

/// The estimates of a complete scenario, nothing of any other.
fn complete(finding: &Finding) -> impl Iterator<Item = &Estimates> {
    Some(&finding.estimates).filter(|estimates| estimates.status.is_complete()).into_iter()
}

fn millis(nanos: f64) -> Cell {
    Cell::Number(nanos * 1e-6)
}

/// Hits where the kind has any.
fn hits(resource: &ResourceEstimates) -> f64 {
    match resource.kind {
        ResourceKind::Cache | ResourceKind::Connections => resource.hits.value,
        _ => f64::NAN,
    }
}

/// The kind of an end, in one word.
pub fn answered(kind: Answered) -> &'static str {
    match kind {
        Answered::Served => "served",
        Answered::Failed => "failed",
        Answered::Rejected => "rejected",
        Answered::TimedOut => "timed_out",
    }
}

/// The kind of a resource, in one word.
pub fn kind(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Bucket => "bucket",
        ResourceKind::Cache => "cache",
        ResourceKind::Station => "station",
        ResourceKind::Pool => "pool",
        ResourceKind::Connections => "connections",
        ResourceKind::Balancer => "balancer",
        ResourceKind::Budget => "budget",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_lists_every_column_with_its_meaning_in_order() {
        let documentation = include_str!("../../docs/results.md");
        for layout in LAYOUTS {
            let heading = format!("## {}.csv\n", layout.name);
            let section = documentation.split(&heading).nth(1).unwrap_or_else(|| panic!("no section {heading}"));
            let table = section.split("\n\n").nth(1).unwrap_or_default();
            let expected: Vec<String> =
                layout.columns.iter().map(|column| format!("| `{}` | {} |", column.name, column.about)).collect();
            let documented: Vec<&str> = table.lines().skip(2).collect();
            assert_eq!(documented, expected, "{}.csv", layout.name);
        }
    }
}

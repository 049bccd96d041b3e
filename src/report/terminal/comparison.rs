//! Scenarios side by side, for people.

use super::grid::{Grid, section, warnings};
use super::{BAD, BOLD, DIM, GOOD, OPEN, PLAIN, unit_of, usd};
use crate::report::number::{self, Shown};
use crate::study::estimate::{ClassEstimates, Metric};
use crate::study::{Change, Comparison, CostDifference, Finding, PricedDifference};
use anstyle::Style;

/// Scenarios side by side, then the differences to the first.
pub fn comparison(findings: &[&Finding], comparisons: &[Comparison]) -> String {
    let mut out = String::new();
    section(&mut out, "Scenarios", "", &side_by_side(findings));
    if findings.iter().any(|finding| finding.cost.is_some()) {
        section(&mut out, "Cost", "USD a month, USD for a million served", &costs(findings));
    }
    for comparison in comparisons {
        let title = format!("{} less {}", comparison.scenario, comparison.reference);
        if comparison.differences.is_empty() {
            section(&mut out, &title, "nothing to compare: one of them has no estimates", &Grid::new("ll"));
        } else {
            let confidence = 100.0 * comparison.confidence;
            let note = match comparison.tests {
                0 => "paired differences".to_owned(),
                tests => format!("paired; words at {confidence:.0} % over {tests} tests (Holm)"),
            };
            section(&mut out, &title, &note, &differences(comparison));
        }
    }
    let times = |finding: &&Finding| (finding.duration, finding.warmup);
    if findings.windows(2).any(|pair| times(&pair[0]) != times(&pair[1])) {
        let text = "durations or warm-ups differ, so that replications are only partly paired";
        warnings(&mut out, &[text.to_owned()]);
    }
    warnings(&mut out, &out_of_step(comparisons));
    warnings(&mut out, &shared_warnings(findings));
    let unpriced = findings.iter().filter_map(|finding| Some((finding, finding.cost.as_ref()?)));
    for (finding, cost) in unpriced.filter(|(_, cost)| !cost.unpriced.is_empty()) {
        let text = format!("{}: without a price, hence not in the bill: {}", finding.name, cost.unpriced.join("; "));
        warnings(&mut out, &[text]);
    }
    out
}

/// A warning for each comparison with differences that common luck makes vary more instead of less.
fn out_of_step(comparisons: &[Comparison]) -> Vec<String> {
    let warning = |comparison: &Comparison| {
        let of = comparison.differences.iter().filter(|one| one.gain < 1.0);
        let metrics: Vec<String> = of.map(|one| format!("{} ({})", one.metric, gain(one.gain))).collect();
        let text = format!(
            "{} less {}: {} vary more than differences of independent runs would (below 1x): there the scenarios' luck is not \
             in step",
            comparison.scenario,
            comparison.reference,
            metrics.join(", ")
        );
        (!metrics.is_empty()).then_some(text)
    };
    comparisons.iter().filter_map(warning).collect()
}

/// The warnings of all scenarios, each once, after the names of those it is about.
fn shared_warnings(findings: &[&Finding]) -> Vec<String> {
    let mut shared: Vec<(&str, Vec<&str>)> = Vec::new();
    for (finding, warning) in findings.iter().flat_map(|finding| finding.warnings.iter().map(move |w| (finding, w))) {
        match shared.iter_mut().find(|(text, _)| text == warning) {
            Some((_, names)) => names.push(&finding.name),
            None => shared.push((warning, vec![&finding.name])),
        }
    }
    shared.into_iter().map(|(warning, names)| format!("{}: {warning}", names.join(", "))).collect()
}

fn side_by_side(findings: &[&Finding]) -> Grid {
    beside(findings.iter().map(|&finding| {
        let all = finding.estimates.classes.first().filter(|_| finding.estimates.status.is_complete());
        (finding.name.as_str(), all)
    }))
}

/// The main numbers of several, one a row; without numbers where there are no estimates.
pub(super) fn beside<'a>(rows: impl Iterator<Item = (&'a str, Option<&'a ClassEstimates>)> + Clone) -> Grid {
    let mut grid = Grid::new("lrrrrrr");
    let metrics = [
        Metric::Throughput,
        Metric::Errors,
        Metric::Mean,
        Metric::Quantile(0.5),
        Metric::Quantile(0.99),
        Metric::Quantile(0.999),
    ];
    let interval = |class: Option<&ClassEstimates>, metric| {
        let measure = class?.measures.iter().find(|measure| measure.metric == metric)?;
        Some(measure.interval)
    };
    // One unit a column: that of its first value.
    let first = rows.clone().find_map(|(_, class)| class);
    let unit = |metric| unit_of(metric, interval(first, metric).map_or(f64::NAN, |interval| interval.value));
    let mut header = vec![(String::new(), DIM)];
    header.extend(metrics.map(|metric| (metric.to_string(), DIM)));
    grid.rows.push(header);
    for (name, class) in rows {
        let mut row = vec![(name.to_owned(), BOLD)];
        for metric in metrics {
            let shown = interval(class, metric).map(|interval| number::estimate(&interval, unit(metric)).value);
            row.push((shown.unwrap_or_else(|| "-".to_owned()), PLAIN));
        }
        grid.rows.push(row);
    }
    grid
}

fn differences(comparison: &Comparison) -> Grid {
    let mut grid = Grid::new("lrlrlr");
    for difference in &comparison.differences {
        if matches!(difference.metric, Metric::Quantile(p) if p > 0.999 || p == 0.95) {
            continue;
        }
        let style = style_of(difference.change);
        let unit = unit_of(difference.metric, difference.reference);
        let Shown { value, range } = number::estimate(&difference.interval, unit);
        let sign = if difference.interval.value > 0.0 { "+" } else { "" };
        let share = 100.0 * difference.interval.value / difference.reference;
        let percent = if share.is_finite() && share != 0.0 { format!("{share:+.1} %") } else { String::new() };
        grid.row([
            (difference.metric.to_string(), PLAIN),
            (format!("{sign}{value}"), BOLD),
            (range, DIM),
            (percent, PLAIN),
            (difference.change.word().to_owned(), style),
            (gain(difference.gain), DIM),
        ]);
    }
    if let Some(cost) = &comparison.cost {
        cost_differences(&mut grid, cost);
    }
    grid
}

/// The bills side by side.
fn costs(findings: &[&Finding]) -> Grid {
    let mut grid = Grid::new("lrr");
    for finding in findings {
        let (total, million) = match &finding.cost {
            Some(cost) => (usd(cost.total.value), usd(cost.per_million.value)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        grid.row([(finding.name.clone(), BOLD), (total, PLAIN), (million, PLAIN)]);
    }
    grid
}

/// The rows of a difference of bills.
fn cost_differences(grid: &mut Grid, cost: &CostDifference) {
    let rows = [("USD a month", &cost.total), ("USD a million", &cost.per_million)];
    for (name, PricedDifference { reference, interval, change, .. }) in rows {
        let share = 100.0 * interval.value / reference;
        let percent = if share.is_finite() && share != 0.0 { format!("{share:+.1} %") } else { String::new() };
        let sign = if interval.value > 0.0 { "+" } else { "" };
        let range = match interval.low.is_finite() && interval.high.is_finite() {
            true => format!("{} to {}", usd(interval.low), usd(interval.high)),
            false => String::new(),
        };
        grid.row([
            (name.to_owned(), PLAIN),
            (format!("{sign}{}", usd(interval.value)), BOLD),
            (range, DIM),
            (percent, PLAIN),
            (change.word().to_owned(), style_of(*change)),
            (String::new(), PLAIN),
        ]);
    }
}

fn style_of(change: Change) -> Style {
    match change {
        Change::Better => GOOD,
        Change::Worse => BAD,
        Change::CannotTell => OPEN,
        Change::Same | Change::Equal | Change::Different => DIM,
    }
}

/// How many times fewer replications common luck needs than luck of its own for each scenario.
fn gain(gain: f64) -> String {
    match gain {
        gain if !gain.is_finite() => String::new(),
        gain if gain >= 1e4 => ">9999x".to_owned(),
        gain => format!("{}x", number::short(gain, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::grid::WIDTH;
    use super::super::tests::{finding, plain};
    use super::*;
    use crate::exec::Executor;
    use crate::study::estimate::Estimates;
    use crate::study::replicate::sample;
    use crate::study::trial;

    #[test]
    fn a_comparison_shows_both_and_the_paired_differences() {
        let findings = [finding(&trial::case("one", 500.0, 1)), finding(&trial::case("two", 500.0, 2))];
        let pair = Comparison::of(("two", &findings[1].estimates), ("one", &findings[0].estimates));
        let shown = plain(&comparison(&[&findings[0], &findings[1]], &[pair]));
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH), "{shown}");
        insta::assert_snapshot!(shown, @"
        Scenarios
                    throughput   errors      mean        p50       p99    p99.9
          one         498.2 /s  0.963 %  2.217 ms   1.603 ms   9.46 ms  13.5 ms
          two         498.1 /s  0.963 %  1.267 ms  0.9509 ms  4.978 ms  7.56 ms

        two less one  paired; words at 95 % over 8 tests (Holm)
          offered           0 /s                              same
          throughput  -0.0778 /s  -0.2023 to 0.0468   -0.0 %  equal   2771x
          errors             0 %                              same
          mean         -0.950 ms  -1.007 to -0.892   -42.8 %  better   1.4x
          p50          -0.652 ms  -0.688 to -0.616   -40.7 %  better   1.1x
          p90           -2.22 ms  -2.37 to -2.07     -45.7 %  better   1.3x
          p99           -4.48 ms  -5.09 to -3.87     -47.4 %  better   1.1x
          p99.9         -5.90 ms  -7.17 to -4.63     -43.8 %  better   1.2x

        warning: one, two: p99, p99.9: too few independent slow requests (they come in
                 clusters), so the interval is too narrow; run longer or more
                 replications

        warning: one: 9 % of the time goes by in `waf`, whose waf.latency is an
                 estimate (grade D): measure your own

        warning: two: 16 % of the time goes by in `waf`, whose waf.latency is an
                 estimate (grade D): measure your own
        ");
    }

    #[test]
    fn luck_that_is_out_of_step_is_told_of_the_metric_it_is_in() {
        let [one, two] = ["one", "two"].map(|name| {
            let case = trial::case(name, 500.0, 1);
            Estimates::of(&case, &sample(&case, Executor::Event))
        });
        let mut comparison = Comparison::of(("two", &two), ("one", &one));
        assert_eq!(out_of_step(std::slice::from_ref(&comparison)), [""; 0]);
        comparison.differences[3].gain = 0.62;
        let warnings = out_of_step(&[comparison]);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("two less one: mean (0.62x) vary more"), "{warnings:?}");
    }
}

//! The one-screen summary: objectives first, then the headline numbers with their intervals, how requests ended, where the
//! time goes, the fullest resources, and what to be careful about. Eighty columns; meaning never by colour alone.

mod comparison;
mod grid;

use super::number::{self, Shown, Unit};
use crate::pricing::money;
use crate::stats::{Interval, Trust, Why, stability};
use crate::study::estimate::{Estimates, Measure, Metric};
use crate::study::{Cost, Ended, Finding, Verdict};
use anstyle::{AnsiColor, Style};
use grid::{Grid, WIDTH, section, warnings, wrap};
use std::fmt::Write;

pub use comparison::comparison;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default().bold();
const PLAIN: Style = Style::new();

/// Rows of a section that has more to show than fits a screen.
const ROWS: usize = 8;

/// The summary of one scenario, with ANSI styles; strip them for anything but a terminal.
pub fn summary(finding: &Finding) -> String {
    let estimates = &finding.estimates;
    let mut out = head(finding);
    section(&mut out, "Steady state", "", &checks(finding));
    if !finding.judgements.is_empty() {
        section(&mut out, "Objectives", "", &objectives(finding));
    }
    if estimates.status.is_complete() {
        let looks = if estimates.ended == Ended::Fixed { "" } else { ", whichever wave is the last" };
        let confidence = format!("{:.0} % interval{looks}", 100.0 * estimates.confidence);
        section(&mut out, "Result", &confidence, &headline(estimates));
        let what = "of the last attempt, as a load tool sees it";
        let from_send = from_send(estimates);
        if !from_send.rows.is_empty() {
            section(&mut out, "Latency from the send", what, &from_send);
        }
        if let [_, classes @ ..] = estimates.classes.as_slice()
            && classes.len() > 1
        {
            let rows = classes.iter().map(|class| (class.name.as_str(), Some(class)));
            section(&mut out, "By class", "", &comparison::beside(rows));
        }
        section(&mut out, "How requests ended", "", &outcomes(estimates));
        if let Some(cost) = &finding.cost {
            bill(&mut out, cost);
        }
        let stages = stages(estimates);
        if stages.rows.len() > 1 {
            section(&mut out, "Where the time goes", "mean a request", &stages);
        }
        let resources = resources(estimates);
        if !resources.rows.is_empty() {
            section(&mut out, "Fullest resources", "", &resources);
        }
    }
    warnings(&mut out, &finding.warnings);
    out
}

fn head(finding: &Finding) -> String {
    let estimates = &finding.estimates;
    let warmup = match finding.warmup.0 {
        0 => String::new(),
        _ => format!(" less {} warm-up", finding.warmup),
    };
    let runs = match estimates.replications {
        1 => "1 run".to_owned(),
        n => format!("{n} runs"),
    };
    let about = format!("{runs} of {}{warmup}, seed {}", finding.duration, finding.seed);
    let mut out = format!("{BOLD}{}{BOLD:#}  {DIM}{about}{DIM:#}\n", finding.name);
    for line in wrap(&finding.title, WIDTH).iter().filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "{line}");
    }
    if !estimates.status.is_complete() {
        let _ = writeln!(out, "\n{BAD}{}{BAD:#}", estimates.status.word().to_uppercase());
    }
    out
}

/// Whether the system keeps up, what was left out at the start, and why the replications ended.
fn checks(finding: &Finding) -> Grid {
    let estimates = &finding.estimates;
    let (stability, little) = (&estimates.stability, &estimates.stability.little);
    let mut grid = Grid::new("lll");
    let style = match stability.verdict {
        stability::Verdict::Stable => GOOD,
        stability::Verdict::Backlogged => OPEN,
        stability::Verdict::Overloaded => BAD,
    };
    let says = match estimates.status.is_complete() {
        false => "nothing below means anything".to_owned(),
        true => {
            let growth = 100.0 * stability.growth.value;
            let laws = match (little.is_tested(), little.holds()) {
                (false, _) => "all balances hold",
                (true, true) => "Little's law and all balances hold",
                (true, false) => "Little's law does not hold",
            };
            format!("{growth:+.2} % of the load stays; {laws}")
        }
    };
    grid.row([(stability.verdict.word().to_owned(), style), (says, PLAIN), (String::new(), PLAIN)]);
    grid.row([("warm-up".to_owned(), PLAIN), (warmup(finding), DIM), (String::new(), PLAIN)]);
    grid.row([("ended by".to_owned(), PLAIN), (ended(&estimates.ended), DIM), (String::new(), PLAIN)]);
    if let Some(control) = estimates.control() {
        let gain =
            format!("by the load of {}: as if {} times as many runs", control.by, number::short(control.gain, 2));
        grid.row([("mean".to_owned(), PLAIN), (gain, DIM), (String::new(), PLAIN)]);
    }
    grid
}

fn warmup(finding: &Finding) -> String {
    let length = finding.warmup;
    match finding.estimates.warmup.why {
        Why::Given if length.0 == 0 => "none, as given".to_owned(),
        Why::Given => format!("{length}, as given"),
        Why::Varying => format!("{length}: a tenth, as the load varies"),
        Why::Unsearched => format!("{length}: a tenth, too little to search"),
        Why::Least { found } => format!("{length}: a tenth, MSER-5 asks for {found}"),
        Why::Found => format!("{length}, by MSER-5"),
        Why::Unsettled => format!("{length} by MSER-5 and no end of it: run longer"),
    }
}

fn ended(ended: &Ended) -> String {
    match ended {
        Ended::Fixed => "the number of replications given".to_owned(),
        Ended::Precise => "the precision asked for".to_owned(),
        Ended::Unstable => "an unstable system: more runs would tell nothing".to_owned(),
        Ended::Budget { short, requests } => {
            let what = if *requests { "requests" } else { "replications" };
            let metric = |(metric, achieved, asked, trust): &(Metric, f64, f64, Trust)| match trust {
                Trust::Good => {
                    let achieved = number::short(100.0 * achieved, 2);
                    format!("{metric} within {achieved} %, not {} %", number::short(100.0 * asked, 2))
                }
                _ => format!("{metric} not to be trusted"),
            };
            let short = short.iter().take(2).map(metric).collect::<Vec<_>>().join(", ");
            format!("the budget of {what}: {short}")
        }
    }
}

fn objectives(finding: &Finding) -> Grid {
    let mut grid = Grid::new("lllll");
    for judgement in &finding.judgements {
        let style = match judgement.verdict {
            Verdict::Met => GOOD,
            Verdict::Missed => BAD,
            Verdict::Inconclusive => OPEN,
        };
        let shown = show(judgement.metric(), &judgement.interval);
        grid.row([
            (judgement.verdict.word().to_owned(), style),
            (judgement.objective.text.clone(), PLAIN),
            (shown.value, PLAIN),
            (shown.range, DIM),
            (String::new(), PLAIN),
        ]);
    }
    grid
}

fn headline(estimates: &Estimates) -> Grid {
    let mut grid = Grid::new("lrll");
    let shown = [
        Metric::Throughput,
        Metric::Errors,
        Metric::Mean,
        Metric::Quantile(0.5),
        Metric::Quantile(0.9),
        Metric::Quantile(0.99),
        Metric::Quantile(0.999),
    ];
    for metric in shown {
        let Some(measure) = estimates.measure(metric) else { continue };
        let Shown { value, range } = show(metric, &measure.interval);
        let note = match (metric, measure.interval.trust) {
            (Metric::Throughput, _) => estimates
                .measure(Metric::Offered)
                .map(|offered| format!("of {} offered", show(Metric::Offered, &offered.interval).value))
                .unwrap_or_default(),
            (Metric::Errors, _) | (_, Trust::Good | Trust::TooFewReplications) => String::new(),
            (_, Trust::Caution) => "somewhat too narrow".to_owned(),
            (_, Trust::TooFewObservations) => "too few requests to trust".to_owned(),
        };
        let style = if measure.interval.trust == Trust::TooFewObservations { OPEN } else { DIM };
        grid.row([(metric.to_string(), PLAIN), (value, BOLD), (range, DIM), (note, style)]);
    }
    grid
}

/// Latency from the send, where it is another: what a load tool would say.
fn from_send(estimates: &Estimates) -> Grid {
    let mut grid = Grid::new("lrll");
    let measures = || estimates.classes.iter().take(1).flat_map(|class| &class.from_send);
    let differs = |measure: &Measure| {
        let meant = estimates.measure(measure.metric).map_or(f64::NAN, |measure| measure.interval.value);
        // Less than the width of a bucket is nothing.
        (measure.interval.value / meant - 1.0).abs() > 1e-3
    };
    if measures().any(differs) {
        let shown = [Metric::Mean, Metric::Quantile(0.5), Metric::Quantile(0.99), Metric::Quantile(0.999)];
        for measure in measures().filter(|measure| shown.contains(&measure.metric)) {
            let Shown { value, range } = show(measure.metric, &measure.interval);
            grid.row([(measure.metric.to_string(), PLAIN), (value, BOLD), (range, DIM), (String::new(), PLAIN)]);
        }
    }
    grid
}

fn outcomes(estimates: &Estimates) -> Grid {
    let mut grid = Grid::new("lrrll");
    let mut outcomes: Vec<_> = estimates.classes.iter().take(1).flat_map(|class| &class.outcomes).collect();
    outcomes.sort_by_key(|outcome| std::cmp::Reverse(outcome.count));
    for outcome in outcomes.iter().take(ROWS) {
        let shown = number::estimate(&outcome.share, Unit::PERCENT);
        let status = if outcome.status == 0 { "-".to_owned() } else { outcome.status.to_string() };
        let mean = outcome.mean;
        let unit = Unit::of_nanos(mean);
        let after = match mean {
            0.0 => "at once".to_owned(),
            _ => format!("after {} {}", number::short(mean / unit.size, 3), unit.symbol),
        };
        grid.row([
            (outcome.name.clone(), PLAIN),
            (status, PLAIN),
            (shown.value, BOLD),
            (shown.range, DIM),
            (after, DIM),
        ]);
    }
    grid.more(outcomes.len());
    grid
}

fn stages(estimates: &Estimates) -> Grid {
    let mut grid = Grid::new("llrrl");
    let mut stages: Vec<_> = estimates.stages.iter().filter(|stage| stage.share > 0.0).collect();
    stages.sort_by(|a, b| b.share.total_cmp(&a.share));
    for stage in stages.iter().take(ROWS) {
        let kind = if stage.kind == stage.name { String::new() } else { stage.kind.clone() };
        let unit = Unit::of_nanos(stage.per_request.value);
        grid.row([
            (stage.name.clone(), PLAIN),
            (kind, DIM),
            (format!("{} {}", number::short(stage.per_request.value / unit.size, 3), unit.symbol), PLAIN),
            (format!("{:.1} %", 100.0 * stage.share), PLAIN),
            (bar(stage.share, 24), DIM),
        ]);
    }
    grid.more(stages.len());
    grid
}

fn resources(estimates: &Estimates) -> Grid {
    let mut grid = Grid::new("lrlrl");
    let mut resources: Vec<_> = estimates.resources.iter().filter(|one| one.utilisation.value.is_finite()).collect();
    resources.sort_by(|a, b| b.utilisation.value.total_cmp(&a.utilisation.value));
    for resource in resources.iter().take(5) {
        let busy = number::estimate(&resource.utilisation, Unit::PERCENT);
        let wait = Unit::of_nanos(resource.wait.value);
        let refused = match resource.refused.value {
            share if share > 0.0 => format!(", {} % refused", number::short(100.0 * share, 2)),
            _ => String::new(),
        };
        let each = number::short(resource.wait.value / wait.size, 3);
        let (waiting, each) = match resource.wait.value.is_finite() {
            true => (
                format!("{} waiting,", number::short(resource.waiting.value, 3)),
                format!("{each} {} each", wait.symbol),
            ),
            // Where nobody came, or nobody can wait.
            false => (String::new(), "no wait".to_owned()),
        };
        grid.row([
            (resource.name.clone(), PLAIN),
            (busy.value, BOLD),
            ("busy".to_owned(), DIM),
            (waiting, PLAIN),
            (format!("{each}{refused}"), PLAIN),
        ]);
    }
    grid
}

/// The bill: the total, then its dearest lines with what decided them.
fn bill(out: &mut String, cost: &Cost) {
    let mut grid = Grid::new("lrl");
    let range = |interval: &Interval| match interval.low.is_finite() && interval.high.is_finite() {
        true => format!("{} to {}", usd(interval.low), usd(interval.high)),
        false => String::new(),
    };
    grid.row([("a month".to_owned(), PLAIN), (usd(cost.total.value), BOLD), (range(&cost.total), DIM)]);
    let million = &cost.per_million;
    grid.row([("a million served".to_owned(), PLAIN), (usd(million.value), BOLD), (range(million), DIM)]);
    let mut lines: Vec<_> = cost.bill.lines.iter().filter(|line| !line.usd.is_zero()).collect();
    lines.sort_by(|a, b| b.usd.cmp(&a.usd).then_with(|| a.key.cmp(&b.key)));
    for line in lines.iter().take(ROWS) {
        let item = format!("{}/{}", line.key.service, line.key.item);
        let why = match &line.binding {
            Some(binding) => binding.clone(),
            None => format!(
                "{} {}{}",
                money::grouped(
                    line.quantity.round_dp(if line.quantity > money::whole(100) { 0 } else { 3 }).normalize()
                ),
                line.unit,
                if line.grade.is_none() { ", at your own price" } else { "" }
            ),
        };
        grid.row([(item, PLAIN), (money::usd(line.usd), PLAIN), (why, DIM)]);
    }
    // The two totals above are no lines.
    grid.more(lines.len() + 2);
    if cost.stages.len() > 1 && cost.total.value > 0.0 {
        grid.row([("by stage".to_owned(), PLAIN), (String::new(), PLAIN), (by_stage(&cost.stages), DIM)]);
    }
    if let Some(plan) = &cost.plan {
        let text = format!("a month with CloudFront's flat plan {}", plan.name);
        grid.row([("instead".to_owned(), PLAIN), (usd(plan.total), PLAIN), (text, PLAIN)]);
    }
    section(out, "What it costs", &format!("USD, prices {}", cost.costing.prices_name()), &grid);
    if !cost.unpriced.is_empty() {
        let advice = "`cost.prices` takes prices of your own";
        warnings(out, &[format!("without a price, hence not in the bill: {} ({advice})", cost.unpriced.join("; "))]);
    }
    if !cost.weak.is_empty() {
        warnings(out, &[format!("prices that are weak or old, check them: {}", cost.weak.join("; "))]);
    }
}

/// The dearest stages and their shares of the bill, as many as fit beside the names of lines.
fn by_stage(stages: &[(String, f64)]) -> String {
    const WIDTH: usize = 44;
    let total: f64 = stages.iter().map(|(_, cost)| cost).sum();
    let mut text = String::new();
    for (stage, cost) in stages {
        let share = format!("{stage} {} %", number::fixed(100.0 * cost / total, 0));
        if !text.is_empty() && text.chars().count() + share.chars().count() + 2 > WIDTH {
            break;
        }
        text = if text.is_empty() { share } else { format!("{text}, {share}") };
    }
    text
}

/// USD to the cent.
fn usd(amount: f64) -> String {
    money::nearest(amount).map_or_else(|| "-".to_owned(), money::usd)
}

fn show(metric: Metric, interval: &Interval) -> Shown {
    number::estimate(interval, unit_of(metric, interval.value))
}

/// The unit in which a value of the metric is shown.
fn unit_of(metric: Metric, value: f64) -> Unit {
    match metric {
        Metric::Offered | Metric::Throughput => Unit::PER_SECOND,
        Metric::Errors => Unit::PERCENT,
        Metric::Mean | Metric::Quantile(_) => Unit::of_nanos(value),
    }
}

/// A bar of this share of `width` blocks.
fn bar(share: f64, width: usize) -> String {
    "█".repeat((share.clamp(0.0, 1.0) * width as f64).round() as usize)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exec::Executor;
    use crate::study::replicate::sample;
    use crate::study::{Case, trial};

    pub(super) fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    pub(super) fn finding(case: &Case) -> Finding {
        Finding::of(case, &sample(case, Executor::Event))
    }

    #[test]
    fn the_summary_of_a_scenario_fits_a_screen() {
        let shown = plain(&summary(&finding(&trial::case("one_server", 500.0, 1))));
        assert!(shown.lines().all(|line| line.chars().count() <= WIDTH && line.trim_end() == line), "{shown}");
        insta::assert_snapshot!(shown, @"
        one_server  10 runs of 10 s less 1 s warm-up, seed 1
        Does one server do?

        Steady state
          stable    -0.04 % of the load stays; Little's law and all balances hold
          warm-up   1 s, as given
          ended by  the number of replications given

        Objectives
          met           p99 < 20 ms         9.46 ms   8.83 to 10.13
          missed        errors < 0.1%       0.963 %   0.869 to 1.057
          inconclusive  throughput > 494/s  498.2 /s  493.6 to 502.8

        Result  95 % interval
          throughput  498.2 /s  493.6 to 502.8  of 503.0 /s offered
          errors       0.963 %  0.869 to 1.057
          mean        2.217 ms  2.150 to 2.284
          p50         1.603 ms  1.566 to 1.641
          p90          4.85 ms  4.69 to 5.02
          p99          9.46 ms  8.83 to 10.13   too few requests to trust
          p99.9        13.5 ms  12.1 to 14.9    too few requests to trust

        By class
                    throughput   errors      mean       p50      p99    p99.9
          read        373.6 /s  0.960 %  2.219 ms  1.603 ms  9.43 ms  13.6 ms
          write       124.5 /s  0.972 %  2.211 ms  1.603 ms  9.58 ms  13.1 ms

        How requests ended
          served        200  99.037 %  98.943 to 99.131  after 2.22 ms
          waf: blocked  403   0.963 %  0.869 to 1.057    at once

        Where the time goes  mean a request
          service   station  2.00 ms  91.0 %  ██████████████████████
          waf                 198 us   9.0 %  ██

        Fullest resources
          service   49.83 %  busy  0.507 waiting,  1.02 ms each

        warning: p99, p99.9: too few independent slow requests (they come in
                 clusters), so the interval is too narrow; run longer or more
                 replications

        warning: 9 % of the time goes by in `waf`, whose waf.latency is an estimate
                 (grade D): measure your own
        ");
    }

    #[test]
    fn an_unstable_scenario_shows_no_numbers() {
        insta::assert_snapshot!(plain(&summary(&finding(&trial::unstable("too_little")))), @"
        too_little  10 runs of 10 s less 1 s warm-up, seed 1
        Does one server do?

        UNSTABLE

        Steady state
          overloaded  nothing below means anything
          warm-up     1 s, as given
          ended by    the number of replications given

        Objectives
          inconclusive  p99 < 20 ms         -
          inconclusive  errors < 0.1%       -
          inconclusive  throughput > 494/s  -

        warning: unstable: the backlog at service grew beyond its limit in 10 of 10
                 replications; no estimate of an unstable system means anything
        ");
    }

    #[test]
    fn a_resource_that_nobody_waits_for_has_no_number_of_waits() {
        let case = trial::case("one", 500.0, 1);
        let mut estimates = Estimates::of(&case, &sample(&case, Executor::Event));
        estimates.resources.iter_mut().for_each(|one| one.wait = Interval::UNKNOWN);
        let mut out = String::new();
        resources(&estimates).write(&mut out);
        assert!(out.contains("no wait") && !out.contains("waiting"), "{out}");
    }
}

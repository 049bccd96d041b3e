//! What a scenario costs: the ledgers of its runs, as a month, priced.
//!
//! Every replication has a bill of its own, so the total has an interval over replications and differences between
//! scenarios are paired. Volumes are scaled to the month first and tiers applied after; what a load balancer's capacity
//! costs is found hour by hour, from the largest of its dimensions in that hour.

use super::compare::Change;
use super::metering::{self, Entry, Month};
use super::replicate::Sample;
use crate::exec::Run;
use crate::pricing::book::{Field, day};
use crate::pricing::costing::float;
use crate::pricing::{Bill, Book, Costing, Decimal, Line, Usage, bill, money, plans};
use crate::program::{Grade, Program};
use crate::stats::Interval;
use crate::stats::interval;
use crate::time::Span;

/// Days after which a price is old.
const YEAR: u32 = 365;

/// The cost of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// How the month is made and priced.
    pub costing: Costing,
    /// The bill of the mean month.
    pub bill: Bill,
    /// USD a month.
    pub total: Interval,
    /// USD a month, replication by replication.
    pub totals: Vec<f64>,
    /// USD for a million served requests.
    pub per_million: Interval,
    /// USD for a million served requests, replication by replication.
    pub per_millions: Vec<f64>,
    /// Requests served in the month.
    pub served: f64,
    /// USD a month by stage, the dearest first.
    pub stages: Vec<(String, f64)>,
    /// What was counted, hour by hour.
    pub ledger: Vec<Entry>,
    /// The cheapest flat-rate plan that covers the traffic of CloudFront, and what the whole bill would be with it.
    pub plan: Option<Plan>,
    /// What has no price, a phrase each: the bill is too low by it.
    pub unpriced: Vec<String>,
    /// Prices that decide a part of the bill and are of grade C or D, without a date, or more than a year older than the
    /// youngest of the book, a phrase each.
    pub weak: Vec<String>,
}

/// A flat-rate plan of CloudFront beside paying as one goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name, such as `pro`.
    pub name: String,
    /// USD a month for the plan.
    pub usd: f64,
    /// USD a month of the lines it takes the place of.
    pub instead_of: f64,
    /// USD a month in all.
    pub total: f64,
}

/// A difference of costs, paired by replication.
#[derive(Clone, Debug, PartialEq)]
pub struct CostDifference {
    /// USD a month.
    pub total: PricedDifference,
    /// USD for a million served requests.
    pub per_million: PricedDifference,
}

/// An amount of USD less that of the reference.
#[derive(Clone, Debug, PartialEq)]
pub struct PricedDifference {
    /// The amount of the reference.
    pub reference: f64,
    /// The paired difference.
    pub interval: Interval,
    /// Chance of a difference at least as large where there is none, corrected for the number of tests; one where the
    /// difference is not tested.
    pub p_value: f64,
    /// What it means.
    pub change: Change,
}

impl Cost {
    /// The cost of a scenario; nothing when there is no price book, not a single complete run, or nothing that costs.
    pub fn of(program: &Program, costing: &Costing, measured: Span, confidence: f64, sample: &Sample) -> Option<Cost> {
        let book = costing.prices()?;
        let runs = sample.simulated();
        if runs.is_empty() {
            return None;
        }
        let months: Vec<Month> =
            runs.iter().map(|run| metering::month(program, costing, measured, run, book)).collect();
        if months.iter().all(|month| month.usage.is_empty() && month.unpriced.is_empty()) {
            return None;
        }
        let mut unpriced: Vec<String> = Vec::new();
        let mut all: Vec<Bill> = Vec::new();
        for month in &months {
            all.push(priced(&month.usage, book, costing, &mut unpriced));
            unpriced.extend(month.unpriced.iter().cloned());
        }
        unpriced.sort();
        unpriced.dedup();
        let mean = priced(&averaged(&months), book, costing, &mut Vec::new());
        let totals: Vec<f64> = all.iter().map(|bill| float(bill.total())).collect();
        let served: Vec<f64> = runs.iter().map(|run| served(costing, measured, run)).collect();
        let pairs: Vec<(f64, f64)> = totals.iter().zip(&served).map(|(usd, served)| (usd * 1e6, *served)).collect();
        let mut stages: Vec<(String, f64)> =
            mean.by_resource().into_iter().map(|(stage, usd)| (stage, float(usd))).collect();
        stages.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Some(Cost {
            costing: costing.clone(),
            total: interval::mean(&totals, confidence),
            per_million: interval::ratio(&pairs, confidence),
            per_millions: pairs.iter().map(|(usd, served)| usd / served).collect(),
            served: served.iter().sum::<f64>() / served.len() as f64,
            stages,
            ledger: metering::ledger(program, costing, measured, runs, book),
            plan: plan(&mean, book, program),
            weak: weak(&mean, book),
            bill: mean,
            totals,
            unpriced,
        })
    }

    /// This cost less that of another scenario with the same replications; not judged yet.
    pub fn less(&self, other: &Cost, confidence: f64) -> CostDifference {
        let paired = |mine: &[f64], theirs: &[f64], reference: f64| {
            let differences: Vec<f64> = mine.iter().zip(theirs).map(|(mine, theirs)| mine - theirs).collect();
            let interval = interval::mean(&differences, confidence);
            PricedDifference { reference, interval, p_value: 1.0, change: Change::CannotTell }
        };
        CostDifference {
            total: paired(&self.totals, &other.totals, other.total.value),
            per_million: paired(&self.per_millions, &other.per_millions, other.per_million.value),
        }
    }
}

/// Requests served in the month.
fn served(costing: &Costing, measured: Span, run: &Run) -> f64 {
    let weights = costing.weights(measured, run.offered);
    let seconds: f64 = weights.iter().map(|weight| weight.hours * 3600.0 * weight.factor).sum();
    run.served as f64 / measured.as_secs_f64() * seconds
}

/// The bill of what has a price; the rest goes to `unpriced`.
fn priced(usage: &[Usage], book: &Book, costing: &Costing, unpriced: &mut Vec<String>) -> Bill {
    let mut usage = usage.to_vec();
    loop {
        let wrong = match bill(&usage, book, &costing.conventions) {
            Ok(bill) => return bill,
            Err(wrong) => wrong,
        };
        for one in wrong.iter().rev() {
            let used = usage.remove(one.index);
            if !used.quantity.is_zero() {
                unpriced.push(format!("{}: {}", used.resource, one.missing));
            }
            // The rest of a line that goes beyond its last tier goes with it.
            if one.missing.field == Field::Quantity {
                usage.retain(|other| other.key != used.key);
                break;
            }
        }
    }
}

/// The mean of the quantities of all replications.
fn averaged(months: &[Month]) -> Vec<Usage> {
    let mut all: Vec<Usage> = Vec::new();
    for used in months.iter().flat_map(|month| &month.usage) {
        match all.iter_mut().find(|known| known.key == used.key && known.resource == used.resource) {
            Some(known) => known.quantity += used.quantity,
            None => all.push(used.clone()),
        }
    }
    let runs = money::whole(months.len() as u64);
    all.iter_mut().for_each(|used| used.quantity /= runs);
    all
}

/// Prices to be checked. Nobody knows here what day it is; the book was young when its youngest price was.
fn weak(bill: &Bill, book: &Book) -> Vec<String> {
    let dates = book.prices().flat_map(|price| &price.tiers).filter_map(|tier| day(&tier.date));
    let youngest = dates.max().unwrap_or(0);
    let paid = bill.lines.iter().filter(|line| !line.usd.is_zero());
    paid.filter_map(|line| {
        let grade = line.grade?;
        let why = match day(&line.date) {
            _ if grade >= Grade::C => format!("grade {grade}"),
            None => "without a date".to_owned(),
            Some(date) if date + YEAR < youngest => format!("of {}", line.date),
            Some(_) => return None,
        };
        Some(format!("{} ({why})", line.key))
    })
    .collect()
}

/// The cheapest plan for the CloudFront traffic of a bill.
fn plan(bill: &Bill, book: &Book, program: &Program) -> Option<Plan> {
    let quantity = |item: &str| -> Decimal {
        let lines = bill.lines.iter().filter(|line| line.key.service == "cloudfront" && line.key.item == item);
        lines.map(|line| line.quantity).sum()
    };
    let requests = quantity("https_request") + quantity("http_request");
    if requests.is_zero() {
        return None;
    }
    let plan = plans::cheapest(book, requests, quantity("data_transfer_out_gb"))?;
    // Plans bundle DNS, logs and the web ACL of the distribution; one in the region is paid beside them.
    let edge = |stage: &str| {
        let standing = program.standing.iter();
        standing.into_iter().any(|known| known.stage == stage && known.name == "at_edge" && known.count > 0)
    };
    let bundled = |line: &Line| match line.key.service.as_str() {
        "cloudfront" | "route53" => line.usd,
        "waf" => line.shares().filter(|(stage, _)| edge(stage)).map(|(_, usd)| usd).sum(),
        _ => Decimal::ZERO,
    };
    let instead_of: Decimal = bill.lines.iter().map(bundled).sum();
    let total = bill.total() - instead_of + plan.usd;
    Some(Plan { name: plan.name, usd: float(plan.usd), instead_of: float(instead_of), total: float(total) })
}

//! The cheapest point of a grid that meets the objectives: feasibility first, by the tests of the capacity search, then the
//! selection of the best among those that do (S. Andradóttir, S.-H. Kim, Naval Research Logistics 57 (2010) 403).
//!
//! Bills are nearly the same from run to run, and all points have the same users with the same luck, so the cheapest is
//! usually told at once by paired differences. Where it is not, more runs go where they decide (OCBA).

use super::capacity::{CapacityError, Cases, Question, Runner, Tried, settle};
use super::cost::Cost;
use super::estimate::{Estimates, Metric};
use super::objective::Verdict;
use crate::stats::interval;
use crate::stats::{Interval, selection};

/// Rounds of further runs.
const ROUNDS: usize = 6;

/// A point of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its number in the grid.
    pub point: usize,
    /// Whether it meets the objectives.
    pub tried: Tried,
    /// USD a month; nothing when there is no bill.
    pub cost: Option<Interval>,
    /// Latency that 99 % stay below, in nanoseconds.
    pub p99: Interval,
    /// Whether no other point that meets the objectives is both cheaper and faster.
    pub on_front: bool,
    /// USD a month, replication by replication.
    totals: Vec<f64>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Cheapest {
    /// All points in order of the grid.
    pub offers: Vec<Offer>,
    /// The cheapest that meets the objectives, by its place in `offers`; nothing when none does.
    pub best: Option<usize>,
    /// Whether it is cheaper than every other with the confidence asked for; otherwise others are as cheap as far as the
    /// data can tell, and of those that cost the same it is the fastest.
    pub certain: bool,
}

/// Tries all points of a grid.
///
/// # Errors
/// When it is interrupted or threads cannot be started.
pub fn cheapest(
    question: &Question,
    points: usize,
    cases: &Cases<'_>,
    runner: Runner<'_>,
    told: &dyn Fn(&Offer),
) -> Result<Cheapest, CapacityError> {
    let mut offers = Vec::with_capacity(points);
    for point in 0..points {
        let offer = offer(question, point, cases, runner)?;
        told(&offer);
        offers.push(offer);
    }
    let mut certain = false;
    for round in 0..=ROUNDS {
        let rivals = rivals(question, &offers);
        certain = rivals.len() <= 1;
        // More runs of what costs the same in each of them tell nothing.
        let alike = rivals.windows(2).all(|pair| offers[pair[0]].totals == offers[pair[1]].totals);
        if certain || alike || round == ROUNDS {
            break;
        }
        more(question, &mut offers, &rivals, cases, runner)?;
    }
    front(&mut offers);
    let good = (0..offers.len()).filter(|&index| is_good(&offers[index]));
    let order =
        |one: &Offer, other: &Offer| usd(one).total_cmp(&usd(other)).then(one.p99.value.total_cmp(&other.p99.value));
    let best = good.min_by(|&one, &other| order(&offers[one], &offers[other]));
    Ok(Cheapest { certain: certain && best.is_some(), offers, best })
}

fn is_good(offer: &Offer) -> bool {
    offer.tried.verdict == Verdict::Met && offer.cost.is_some()
}

fn usd(offer: &Offer) -> f64 {
    offer.cost.map_or(f64::INFINITY, |cost| cost.value)
}

fn offer(question: &Question, point: usize, cases: &Cases<'_>, runner: Runner<'_>) -> Result<Offer, CapacityError> {
    let (tried, run) = settle(question, point as f64, cases, runner)?;
    let mut offer = Offer { point, tried, cost: None, p99: Interval::UNKNOWN, on_front: false, totals: Vec::new() };
    if let Some((case, sample)) = run {
        let estimates = Estimates::of(&case, &sample);
        if estimates.status.is_complete() {
            offer.p99 = estimates.measure(Metric::Quantile(0.99)).map_or(Interval::UNKNOWN, |p99| p99.interval);
            let (costing, measured) = (case.costing.as_ref(), case.measured_after(sample.warmup.length));
            let cost = costing.and_then(|costing| Cost::of(&case.program, costing, measured, case.confidence, &sample));
            offer.cost = cost.as_ref().map(|cost| cost.total);
            offer.totals = cost.map_or(Vec::new(), |cost| cost.totals);
        }
    }
    Ok(offer)
}

/// The cheapest that meets the objectives and all that may be as cheap: whose paired difference to it holds zero.
fn rivals(question: &Question, offers: &[Offer]) -> Vec<usize> {
    let good: Vec<usize> = (0..offers.len()).filter(|&index| is_good(&offers[index])).collect();
    let Some(&best) = good.iter().min_by(|&&one, &&other| usd(&offers[one]).total_cmp(&usd(&offers[other]))) else {
        return Vec::new();
    };
    // The error is shared out over the comparisons.
    let confidence = 1.0 - (1.0 - question.confidence) / good.len().saturating_sub(1).max(1) as f64;
    let may_be = |index: usize| {
        let pairs = offers[index].totals.iter().zip(&offers[best].totals);
        let differences: Vec<f64> = pairs.map(|(mine, theirs)| mine - theirs).collect();
        let low = interval::mean(&differences, confidence).low;
        index == best || low <= 0.0 || low.is_nan()
    };
    good.into_iter().filter(|&index| may_be(index)).collect()
}

/// More runs of the rivals, where they decide.
fn more(
    question: &Question,
    offers: &mut [Offer],
    rivals: &[usize],
    cases: &Cases<'_>,
    runner: Runner<'_>,
) -> Result<(), CapacityError> {
    let means: Vec<f64> = rivals.iter().map(|&index| usd(&offers[index])).collect();
    let variances: Vec<f64> = rivals.iter().map(|&index| variance(&offers[index].totals)).collect();
    let used: Vec<usize> = rivals.iter().map(|&index| offers[index].totals.len()).collect();
    let further = selection::further(&means, &variances, &used, question.replications * rivals.len());
    for ((&index, further), used) in rivals.iter().zip(further).zip(used) {
        let wanted = (used + further.ceil() as usize).min(question.most);
        if wanted > used {
            let longer = Question { replications: wanted, most: wanted, ..question.clone() };
            offers[index] = offer(&longer, offers[index].point, cases, runner)?;
        }
    }
    Ok(())
}

fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0).max(1.0)
}

/// Marks the points of the Pareto front of cost against p99 among those that meet the objectives.
fn front(offers: &mut [Offer]) {
    let good: Vec<(f64, f64)> =
        offers.iter().filter(|offer| is_good(offer)).map(|offer| (usd(offer), offer.p99.value)).collect();
    for offer in offers.iter_mut().filter(|offer| offer.tried.verdict == Verdict::Met && offer.cost.is_some()) {
        let (cost, p99) = (offer.cost.map_or(f64::INFINITY, |cost| cost.value), offer.p99.value);
        offer.on_front =
            !good.iter().any(|&(other, fast)| other <= cost && fast <= p99 && (other < cost || fast < p99));
    }
}

//! The bill: quantities times prices, tier by tier, in exact decimals.
//!
//! Quantities of the same service, item and region are one line: tiers count an account's whole usage. Free units stand
//! at the beginning of a tier, after the usage of others. A line is rounded once, where it is shown; so is the total, which
//! is the sum of what the lines really are.

use super::book::{Book, Field, Key, Missing, Price};
use super::conventions::{ALLOWANCES, Conventions, Own};
use super::money::{self, Decimal};
use crate::program::Grade;
use std::collections::BTreeMap;

/// A quantity that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What was used and where.
    pub key: Key,
    /// How much, in the unit of the price.
    pub quantity: Decimal,
    /// By what: a stage of a path; empty when it does not matter.
    pub resource: String,
    /// What decided the quantity, such as the dimension of a load balancer that was the largest.
    pub binding: Option<String>,
}

/// Units of one tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// How many.
    pub quantity: Decimal,
    /// USD of one.
    pub usd_per_unit: Decimal,
}

/// What one price comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What was used and where, as the book names it.
    pub key: Key,
    /// All of it, free units included.
    pub quantity: Decimal,
    /// Unit of the quantity.
    pub unit: String,
    /// Units of an allowance in it.
    pub free: Decimal,
    /// Units that are paid for, by tier.
    pub tiers: Vec<Split>,
    /// USD, not rounded.
    pub usd: Decimal,
    /// Shares of the quantity by resource, in order of first use.
    pub resources: Vec<(String, Decimal)>,
    /// What decided the quantity.
    pub binding: Option<String>,
    /// Date of the oldest price used; `override` where the user gave the price, with the date and source he gave.
    pub date: String,
    /// Grade of the least trusted price used; nothing where the user gave the price.
    pub grade: Option<Grade>,
}

/// What everything comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// The lines in order of first use.
    pub lines: Vec<Line>,
}

/// A quantity without a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpriced {
    /// Index of the usage.
    pub index: usize,
    /// Why.
    pub missing: Missing,
}

impl Line {
    /// USD rounded to the cent.
    pub fn cents(&self) -> Decimal {
        money::cents(self.usd)
    }

    /// USD of each resource, not rounded: the line shared out by quantity.
    pub fn shares(&self) -> impl Iterator<Item = (&str, Decimal)> {
        let usd = |quantity: Decimal| match self.quantity.is_zero() {
            true => Decimal::ZERO,
            false => self.usd * (quantity / self.quantity),
        };
        self.resources.iter().map(move |(resource, quantity)| (resource.as_str(), usd(*quantity)))
    }

    /// The tier split in words: `333000000 x 0.0000035 + 667000000 x 0.0000028`.
    pub fn split(&self) -> String {
        // Counts and sizes are shown to a millionth of their unit.
        let shown = |quantity: Decimal| money::plain(quantity.round_dp(6));
        let tier = |tier: &Split| format!("{} x {}", shown(tier.quantity), money::plain(tier.usd_per_unit));
        let free = (!self.free.is_zero()).then(|| format!("{} free", shown(self.free)));
        free.into_iter().chain(self.tiers.iter().map(tier)).collect::<Vec<_>>().join(" + ")
    }
}

impl Bill {
    /// USD of all lines, not rounded.
    pub fn total(&self) -> Decimal {
        self.lines.iter().map(|line| line.usd).sum()
    }

    /// USD of each resource, not rounded, in order of first use: a line is shared out by quantity.
    pub fn by_resource(&self) -> Vec<(String, Decimal)> {
        let mut all: Vec<(String, Decimal)> = Vec::new();
        for line in &self.lines {
            for (resource, part) in line.shares() {
                match all.iter_mut().find(|(known, _)| known == resource) {
                    Some((_, usd)) => *usd += part,
                    None => all.push((resource.to_owned(), part)),
                }
            }
        }
        all
    }
}

/// Prices quantities.
///
/// # Errors
/// Every quantity without a price: unknown service, item or region, beyond the last tier, negative or above 10^18.
pub fn bill(usage: &[Usage], book: &Book, conventions: &Conventions) -> Result<Bill, Vec<Unpriced>> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut wrong = Vec::new();
    for (index, used) in usage.iter().enumerate() {
        match Rate::of(&used.key, book, conventions).and_then(|rate| bounded(used).map(|()| rate)) {
            Ok(rate) => Draft::add(&mut drafts, index, rate, used),
            Err(missing) => wrong.push(Unpriced { index, missing }),
        }
    }
    let mut free = allowances(book, conventions, &drafts);
    let mut lines = Vec::new();
    for draft in &drafts {
        match draft.line(conventions, &mut free) {
            Ok(line) => lines.push(line),
            Err(missing) => wrong.push(Unpriced { index: draft.last, missing }),
        }
    }
    wrong.sort_by_key(|unpriced| unpriced.index);
    if wrong.is_empty() { Ok(Bill { lines }) } else { Err(wrong) }
}

fn bounded(used: &Usage) -> Result<(), Missing> {
    let message = match used.quantity {
        quantity if quantity < Decimal::ZERO => "a quantity cannot be negative".to_owned(),
        quantity if quantity > money::MOST => format!("a quantity can be at most {}", money::MOST),
        _ => return Ok(()),
    };
    Err(Missing { field: Field::Quantity, message, near: None, known: Vec::new() })
}

/// What a quantity is priced by: the book, the user's own price, or both, of which his is the one that counts.
struct Rate<'a> {
    key: Key,
    unit: &'a str,
    book: Option<&'a Price>,
    own: Option<&'a Own>,
}

impl<'a> Rate<'a> {
    fn of(key: &Key, book: &'a Book, conventions: &'a Conventions) -> Result<Rate<'a>, Missing> {
        let own = conventions.prices.get(&(key.service.clone(), key.item.clone()));
        match book.price(&key.service, &key.item, &key.region) {
            Ok(price) => Ok(Rate { key: price.key.clone(), unit: &price.unit, book: Some(price), own }),
            Err(missing) => {
                let own = own.ok_or(missing)?;
                let unit = own.unit.as_deref().unwrap_or("unit");
                Ok(Rate { key: key.clone(), unit, book: None, own: Some(own) })
            }
        }
    }
}

/// A line before it is priced.
struct Draft<'a> {
    rate: Rate<'a>,
    quantity: Decimal,
    resources: Vec<(String, Decimal)>,
    binding: Option<String>,
    /// Index of the last usage in it.
    last: usize,
}

impl<'a> Draft<'a> {
    fn add(drafts: &mut Vec<Draft<'a>>, index: usize, rate: Rate<'a>, used: &Usage) {
        let known = drafts.iter().position(|draft| draft.rate.key == rate.key);
        let place = known.unwrap_or_else(|| {
            let empty = Vec::new();
            drafts.push(Draft { rate, quantity: Decimal::ZERO, resources: empty, binding: None, last: index });
            drafts.len() - 1
        });
        let draft = &mut drafts[place];
        draft.quantity += used.quantity;
        draft.last = index;
        match draft.resources.iter_mut().find(|(known, _)| *known == used.resource) {
            Some((_, quantity)) => *quantity += used.quantity,
            None => draft.resources.push((used.resource.clone(), used.quantity)),
        }
        if let Some(binding) = &used.binding {
            let described = match used.resource.as_str() {
                "" => binding.clone(),
                resource => format!("{resource}: {binding}"),
            };
            match &mut draft.binding {
                Some(all) => *all = format!("{all}, {described}"),
                none => *none = Some(described),
            }
        }
    }

    fn line(&self, conventions: &Conventions, free: &mut BTreeMap<usize, Decimal>) -> Result<Line, Missing> {
        let key = &self.rate.key;
        let already = conventions.already.get(key).copied().unwrap_or_default();
        let left = allowance_of(key).and_then(|index| free.get_mut(&index));
        let taken = left.map_or(Decimal::ZERO, |left| {
            let taken = self.quantity.min(*left);
            *left -= taken;
            taken
        });
        let start = already + taken;
        let paid = self.quantity - taken;
        let (tiers, date, grade) = match (self.rate.own, self.rate.book) {
            (Some(own), _) => (vec![Split { quantity: paid, usd_per_unit: own.usd }], own.says(), None),
            (None, Some(price)) => split(price, start, paid)?,
            (None, None) => (Vec::new(), String::new(), None),
        };
        let usd = tiers.iter().map(|tier| tier.quantity * tier.usd_per_unit).sum();
        Ok(Line {
            key: key.clone(),
            quantity: self.quantity,
            unit: self.rate.unit.to_owned(),
            free: taken,
            tiers,
            usd,
            resources: self.resources.clone(),
            binding: self.binding.clone(),
            date,
            grade,
        })
    }
}

/// What is left of each allowance that applies, after the usage of others.
fn allowances(book: &Book, conventions: &Conventions, drafts: &[Draft<'_>]) -> BTreeMap<usize, Decimal> {
    let used = drafts.iter().any(|draft| allowance_of(&draft.rate.key).is_some());
    if !used {
        return BTreeMap::new();
    }
    let applies = ALLOWANCES.iter().enumerate().filter(|(_, allowance)| conventions.free_tier.includes(allowance));
    let left = applies.filter_map(|(index, allowance)| {
        let others = conventions.already.iter().filter(|(key, _)| allowance_of(key) == Some(index));
        let others: Decimal = others.map(|(_, quantity)| *quantity).sum();
        Some((index, (book.allowance(allowance.service, allowance.item)? - others).max(Decimal::ZERO)))
    });
    left.collect()
}

fn allowance_of(key: &Key) -> Option<usize> {
    ALLOWANCES
        .iter()
        .position(|allowance| allowance.service == key.service && allowance.covers.contains(&key.item.as_str()))
}

/// Units from `start` on, by tier, with the date of the oldest tier used and the grade of the least trusted.
fn split(price: &Price, start: Decimal, quantity: Decimal) -> Result<(Vec<Split>, String, Option<Grade>), Missing> {
    let end = start + quantity;
    if let Some(last) = price.end().filter(|last| *last < end) {
        let message = format!("the price book has no price of {} beyond {last} {}", price.key, price.unit);
        return Err(Missing { field: Field::Quantity, message, near: None, known: Vec::new() });
    }
    let mut tiers = Vec::new();
    // Below the first tier nothing is charged.
    let first = price.tiers[0].from;
    if start < first && !quantity.is_zero() {
        tiers.push(Split { quantity: first.min(end) - start, usd_per_unit: Decimal::ZERO });
    }
    let mut used: Vec<&super::Tier> = Vec::new();
    for tier in &price.tiers {
        let (from, to) = (tier.from.max(start), tier.to.map_or(end, |to| to.min(end)));
        if from < to {
            tiers.push(Split { quantity: to - from, usd_per_unit: tier.usd });
            used.push(tier);
        }
    }
    if used.is_empty() {
        used.push(&price.tiers[0]);
    }
    let oldest = used.iter().min_by_key(|tier| super::book::day(&tier.date)).map(|tier| tier.date.clone());
    let grade = used.iter().map(|tier| tier.grade).max();
    Ok((tiers, oldest.unwrap_or_default(), grade))
}

#[cfg(test)]
mod tests;

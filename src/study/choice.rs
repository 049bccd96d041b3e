//! Which of two scenarios is the better choice, from one value of a setting to another: the cheaper one of those that do
//! what is asked of them.
//!
//! The range is looked at on an even grid of logarithms, and each stretch whose ends differ is halved until the change is
//! known to the precision. Where the bills cross, the crossing is refined as [`super::break_even`] does.

use super::break_even::refine;
use super::objective::Verdict;
use crate::stats::Interval;

/// Pieces of the range that are looked at before anything is halved.
const PIECES: u32 = 8;

/// What is asked of a scenario and not shown to be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The objective as written.
    pub objective: String,
    /// Whether it is missed, or can be neither confirmed nor refuted.
    pub verdict: Verdict,
}

/// How two scenarios compare at one value of the setting.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// What the first costs less what the second costs.
    pub difference: Interval,
    /// What each is asked for and not shown to do, the worst; nothing when it does all.
    pub lacks: [Option<Lack>; 2],
}

/// The better one of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first.
    First,
    /// The second.
    Second,
    /// Neither does what is asked of it.
    Neither,
}

impl Choice {
    /// Its place among the two.
    pub fn side(self) -> Option<usize> {
        match self {
            Choice::First => Some(0),
            Choice::Second => Some(1),
            Choice::Neither => None,
        }
    }
}

/// Why the choice changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The bills cross.
    Bills,
    /// One of the two, by its place, is no longer shown to meet an objective.
    Misses(usize, Lack),
    /// One of the two begins to meet an objective.
    Meets(usize, Lack),
}

/// A change of the choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where it is.
    pub value: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// The choice below it.
    pub below: Choice,
    /// The choice above it.
    pub above: Choice,
    /// Why.
    pub why: Why,
}

impl Compared {
    /// The better one.
    pub fn choice(&self) -> Choice {
        match &self.lacks {
            [None, None] if self.difference.value <= 0.0 => Choice::First,
            [None, None] => Choice::Second,
            [None, Some(_)] => Choice::First,
            [Some(_), None] => Choice::Second,
            [Some(_), Some(_)] => Choice::Neither,
        }
    }
}

/// The choice at the lower end of a range of positive values, and all its changes in the range, the lowest first, each to a
/// relative precision. A change back between two values of the grid that agree is not seen.
///
/// # Errors
/// Whatever `compare` fails with.
pub fn changes<E>(
    (low, high): (f64, f64),
    precision: f64,
    mut compare: impl FnMut(f64) -> Result<Compared, E>,
) -> Result<(Choice, Vec<Change>), E> {
    let (low, high) = (low.min(high), low.max(high));
    let grid = (1..=PIECES).map(|piece| low * (high / low).powf(f64::from(piece) / f64::from(PIECES)));
    let mut before = (low, compare(low)?);
    let first = before.1.choice();
    let mut found = Vec::new();
    for value in grid {
        let after = (value, compare(value)?);
        between(&before, &after, precision, &mut compare, &mut found)?;
        before = after;
    }
    Ok((first, found))
}

/// The changes between two values.
fn between<E>(
    below: &(f64, Compared),
    above: &(f64, Compared),
    precision: f64,
    compare: &mut impl FnMut(f64) -> Result<Compared, E>,
    found: &mut Vec<Change>,
) -> Result<(), E> {
    if below.1.choice() == above.1.choice() {
        return Ok(());
    }
    if above.0 / below.0 <= 1.0 + precision {
        found.push(change(below, above, compare)?);
        return Ok(());
    }
    let middle = (below.0 * above.0).sqrt();
    let middle = (middle, compare(middle)?);
    between(below, &middle, precision, compare, found)?;
    between(&middle, above, precision, compare, found)
}

/// The change between two values that are as close as was asked for.
fn change<E>(
    (low, below): &(f64, Compared),
    (high, above): &(f64, Compared),
    compare: &mut impl FnMut(f64) -> Result<Compared, E>,
) -> Result<Change, E> {
    // What the one that was chosen loses, or the one that will be chosen gains, is what decides.
    let lost = below.choice().side().and_then(|side| Some(Why::Misses(side, above.lacks[side].clone()?)));
    let won = above.choice().side().and_then(|side| Some(Why::Meets(side, below.lacks[side].clone()?)));
    let (value, ends, why) = match lost.or(won) {
        Some(why) => ((low * high).sqrt(), (*low, *high), why),
        None => {
            let ends = [(*low, below.difference.value), (*high, above.difference.value)];
            let (value, ends) = refine(ends, |value| Ok(compare(value)?.difference))?;
            (value, ends, Why::Bills)
        }
    };
    Ok(Change { value, low: ends.0, high: ends.1, below: below.choice(), above: above.choice(), why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::interval;
    use std::convert::Infallible;

    /// The first costs 10 and 1 more for each unit, the second 20; each meets its objective up to a value.
    fn search(first_up_to: f64, second_up_to: f64) -> (Choice, Vec<Change>) {
        let compare = |value: f64| {
            let lack = |up_to: f64| {
                let verdict = if value < 1.01 * up_to { Verdict::Inconclusive } else { Verdict::Missed };
                (value > up_to).then(|| Lack { objective: "p99 < 1 s".to_owned(), verdict })
            };
            let difference = interval::mean(&[value - 10.0, value - 10.0], 0.95);
            Ok::<_, Infallible>(Compared { difference, lacks: [lack(first_up_to), lack(second_up_to)] })
        };
        let Ok(found) = changes((1.0, 1000.0), 1e-3, compare);
        found
    }

    fn told(changes: &[Change]) -> Vec<(f64, Choice, &'static str)> {
        let why = |why: &Why| match why {
            Why::Bills => "bills",
            Why::Misses(0, _) => "first misses",
            Why::Misses(..) => "second misses",
            Why::Meets(..) => "meets",
        };
        changes.iter().map(|change| (change.value.round(), change.above, why(&change.why))).collect()
    }

    #[test]
    fn the_cheaper_one_is_chosen_while_both_do_what_is_asked() {
        let (first, changes) = search(1e9, 1e9);
        assert_eq!(first, Choice::First);
        assert_eq!(told(&changes), [(10.0, Choice::Second, "bills")]);
        assert!(changes[0].low <= 10.0 && 10.0 <= changes[0].high && changes[0].high / changes[0].low < 1.01);
    }

    #[test]
    fn what_misses_its_objective_is_no_choice_however_cheap() {
        // The first fails before the bills cross; then the dearer second is taken until it fails as well.
        assert_eq!(
            told(&search(5.0, 200.0).1),
            [(5.0, Choice::Second, "first misses"), (200.0, Choice::Neither, "second misses")]
        );
        // The second fails where it is the cheaper one: back to the first, and then to neither.
        assert_eq!(
            told(&search(300.0, 50.0).1),
            [
                (10.0, Choice::Second, "bills"),
                (50.0, Choice::First, "second misses"),
                (300.0, Choice::Neither, "first misses")
            ]
        );
        assert_eq!(search(0.5, 0.5), (Choice::Neither, Vec::new()));
    }
}

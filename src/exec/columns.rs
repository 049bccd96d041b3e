//! Moving columns: the same field of many requests, one after another.

use std::cell::Cell;

use crate::lanes;
use crate::time::latest;

/// Values looked at a time.
const BLOCK: usize = 128;

/// Puts the values of a column in another order: `to` becomes `from[indices[0]], from[indices[1]], ...`.
///
/// # Panics
/// When an index is not below the length of `from`.
pub fn gather(from: &[u64], indices: &[u32], to: &mut Vec<u64>) {
    to.clear();
    to.extend(indices.iter().map(|&index| from[index as usize]));
}

/// Appends the values that are wanted.
pub fn select(values: impl ExactSizeIterator<Item = (u64, bool)>, to: &mut Vec<u64>) {
    let mut length = to.len();
    to.resize(length + values.len(), 0);
    // Each value is written and stays if it is wanted: a branch would be guessed wrong too often.
    for (value, wanted) in values {
        to[length] = value;
        length += usize::from(wanted);
    }
    to.truncate(length);
}

/// Keeps the values of a column for which a mask of ones and zeros does not hold.
pub fn drop_rows(values: &mut Vec<u64>, mask: &[u8]) {
    let mut kept = 0;
    let places = Cell::from_mut(&mut values[..]).as_slice_of_cells();
    for (value, &drop) in places.iter().zip(mask) {
        if let Some(place) = places.get(kept) {
            place.set(value.get());
        }
        kept += 1 - drop as usize;
    }
    values.truncate(kept);
}

/// Appends the places at which a mask of ones and zeros is one, in order: what [`gather`] needs to take these out.
///
/// # Panics
/// When the mask has more than 2^32 places, or holds something else than ones and zeros.
pub fn places(mask: &[u8], places: &mut Vec<u32>) {
    // Each place is written and stays if the mask holds: a branch would be guessed wrong too often.
    let mut here = [0; BLOCK];
    for (mask, from) in mask.chunks(BLOCK).zip((0u32..).step_by(BLOCK)) {
        let mut found = 0;
        for (&mask, place) in mask.iter().zip(from..) {
            here[found % BLOCK] = place;
            found += usize::from(mask);
        }
        places.extend_from_slice(&here[..found]);
    }
}

/// Replaces the one by the places at which a mask of ones and zeros is one, the other by those at which it is zero, in order.
///
/// # Panics
/// When the mask has more than 2^32 places, or holds something else than ones and zeros.
pub fn part(mask: &[u8], ones: &mut Vec<u32>, zeros: &mut Vec<u32>) {
    ones.clear();
    zeros.clear();
    let (mut here, mut elsewhere) = ([0; BLOCK], [0; BLOCK]);
    for (mask, from) in mask.chunks(BLOCK).zip((0u32..).step_by(BLOCK)) {
        let mut found = 0;
        for ((&mask, place), passed) in mask.iter().zip(from..).zip(0..) {
            (here[found % BLOCK], elsewhere[(passed - found) % BLOCK]) = (place, place);
            found += usize::from(mask);
        }
        ones.extend_from_slice(&here[..found]);
        zeros.extend_from_slice(&elsewhere[..mask.len() - found]);
    }
}

/// Puts what the values of one column lie above those of another, which has the same length, into a third.
pub fn differences(values: &[u64], others: &[u64], to: &mut Vec<u64>) {
    to.resize(values.len(), 0);
    let to = &mut to[..];
    lanes::dispatch(
        #[inline(always)]
        move || to.iter_mut().zip(values).zip(others).for_each(|((to, value), other)| *to = value - other),
    );
}

/// Appends the places of values that are not below a limit, which are few.
pub fn places_from(values: &[u64], limit: u64, places: &mut Vec<u32>) {
    for (values, from) in values.chunks(BLOCK).zip((0u32..).step_by(BLOCK)) {
        if latest(values) >= limit {
            places.extend((from..).zip(values).filter(|(_, value)| **value >= limit).map(|(place, _)| place));
        }
    }
}

/// Whether any value lies above its limit; both columns have the same length.
pub fn any_above(values: &[u64], limits: &[u64]) -> bool {
    // Nearly always none does, so all are looked at, without a way out that would keep this from being vector code.
    lanes::dispatch(
        #[inline(always)]
        || values.iter().zip(limits).fold(false, |above, (value, limit)| above | (value > limit)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_above_its_limit_is_found_wherever_it_is() {
        let limits: Vec<u64> = (0..100).map(|n| u64::MAX - n).collect();
        assert!(!any_above(&limits, &limits));
        for place in 1..100 {
            let mut values = limits.clone();
            values[place] += 1;
            assert!(any_above(&values, &limits), "{place}");
        }
    }

    #[test]
    fn a_gathered_column_has_the_order_of_its_indices() {
        let mut to = vec![9];
        gather(&[10, 20, 30], &[2, 0, 0], &mut to);
        assert_eq!(to, [30, 10, 10]);
    }

    #[test]
    fn the_places_of_a_mask_are_appended_in_order_whatever_their_share() {
        for (length, every) in [(0, 1), (63, 2), (64, 3), (65, 1), (1000, 5), (1000, 1000)] {
            let mask: Vec<u8> = (0..length).map(|n| (n % every == 0) as u8).collect();
            let mut found = vec![7];
            places(&mask, &mut found);
            let wanted = (0..length).filter(|n| n % every == 0);
            assert!(found.into_iter().eq([7].into_iter().chain(wanted)), "{length} values, every {every}");
        }
    }
}

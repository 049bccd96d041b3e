//! Moving columns: the same field of many requests, one after another.

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

/// Splits a column by a mask of ones and zeros: where it is one, values are appended to `yes`, else to `no`, in their
/// order.
///
/// # Panics
/// When column and mask differ in length, or the mask holds something else than ones and zeros.
pub fn split(column: &[u64], mask: &[u8], yes: &mut Vec<u64>, no: &mut Vec<u64>) {
    assert_eq!(column.len(), mask.len(), "every value needs a place in the mask");
    // Each value is written to both sides and stays on one: a branch would be guessed wrong too often.
    let (mut here, mut there) = ([0; BLOCK], [0; BLOCK]);
    for (column, mask) in column.chunks(BLOCK).zip(mask.chunks(BLOCK)) {
        let mut goes = 0;
        for (i, (&value, &mask)) in column.iter().zip(mask).enumerate() {
            (here[goes % BLOCK], there[(i - goes) % BLOCK]) = (value, value);
            goes += usize::from(mask);
        }
        let stays = column.len() - goes;
        yes.extend_from_slice(&here[..goes]);
        no.extend_from_slice(&there[..stays]);
    }
}

/// Appends the places at which a mask of ones and zeros is one, in order: what [`gather`] needs to take these out.
///
/// # Panics
/// When the mask has more than 2^32 places, or holds something else than ones and zeros.
pub fn places(mask: &[u8], places: &mut Vec<u32>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gathered_column_has_the_order_of_its_indices() {
        let mut to = vec![9];
        gather(&[10, 20, 30], &[2, 0, 0], &mut to);
        assert_eq!(to, [30, 10, 10]);
    }

    #[test]
    fn both_sides_of_a_split_keep_their_order() {
        let (mut yes, mut no) = (vec![1], vec![]);
        split(&[10, 20, 30, 40], &[1, 0, 1, 0], &mut yes, &mut no);
        assert_eq!((yes, no), (vec![1, 10, 30], vec![20, 40]));
    }

    #[test]
    fn a_split_gives_every_value_to_its_side_whatever_the_shares() {
        for (length, every) in [(0, 1), (63, 2), (64, 3), (65, 1), (1000, 5), (1000, 1000)] {
            let column: Vec<u64> = (0..length).map(|n| n * n).collect();
            let mask: Vec<u8> = (0..length).map(|n| (n % every == 0) as u8).collect();
            let (mut yes, mut no) = (Vec::new(), Vec::new());
            split(&column, &mask, &mut yes, &mut no);
            let side = |wanted: u8| {
                column.iter().zip(&mask).filter(move |(_, mask)| **mask == wanted).map(|(&value, _)| value)
            };
            let (mut at, mut taken) = (vec![7], Vec::new());
            places(&mask, &mut at);
            gather(&column, &at[1..], &mut taken);
            assert_eq!(taken, yes, "{length} values, every {every}");
            assert!(yes.into_iter().eq(side(1)) && no.into_iter().eq(side(0)), "{length} values, every {every}");
        }
    }
}

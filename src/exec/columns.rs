//! Moving columns: the same field of many requests, one after another.

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
/// When column and mask differ in length.
pub fn split(column: &[u64], mask: &[u8], yes: &mut Vec<u64>, no: &mut Vec<u64>) {
    assert_eq!(column.len(), mask.len(), "every value needs a place in the mask");
    for (&value, &mask) in column.iter().zip(mask) {
        if mask != 0 { yes.push(value) } else { no.push(value) }
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
}

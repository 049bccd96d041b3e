//! The law without luck.

use super::leaf::Leaf;
use super::{LawError, within};

/// The leaf of a constant law.
pub(super) fn leaf(value: f64) -> Result<Leaf, LawError> {
    Ok(Leaf::Constant(within("a constant", "the value", value, 0.0..=f64::MAX, "zero or above")?))
}

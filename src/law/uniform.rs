//! The uniform law: a straight quantile function, drawn without a table.

use super::leaf::Leaf;
use super::{LawError, within};

/// The leaf of a uniform law; equal limits make it constant.
pub(super) fn leaf(low: f64, high: f64) -> Result<Leaf, LawError> {
    within("a uniform", "the lower limit", low, 0.0..=f64::MAX, "zero or above")?;
    within("a uniform", "the upper limit", high, low..=f64::MAX, "at or above the lower limit")?;
    Ok(if low == high { Leaf::Constant(low) } else { Leaf::Uniform { low, high } })
}

//! Ranges of allowed values: what is refused, the words beside the caret, and the limits in the schema, from one place.

use super::decode::{At, Decode};
use std::fmt::Display;

/// A condition on a decoded value.
pub trait Check<T> {
    /// What is expected ("expected 1 to 100"), when `value` is not.
    fn refusal(&self, value: &T) -> Option<String>;

    /// Adds the condition to the schema of the value.
    fn constrain(&self, schema: &mut serde_json::Value);
}

/// Finds the value to check in what a field holds: itself, or what an `Option` or [`At`] holds.
pub trait Reach<T> {
    /// The value; absent in an empty `Option`.
    fn reach(&self) -> Option<&T>;
}

/// A lowest and a highest allowed value, each of which may be absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound<T> {
    low: Option<T>,
    high: Option<T>,
    /// Whether the lowest value itself is refused.
    open: bool,
}

/// Values from `low` to `high`, both allowed.
pub const fn between<T>(low: T, high: T) -> Bound<T> {
    Bound { low: Some(low), high: Some(high), open: false }
}

/// Values from `low` upwards.
pub const fn at_least<T>(low: T) -> Bound<T> {
    Bound { low: Some(low), high: None, open: false }
}

/// Values greater than `low`.
pub const fn above<T>(low: T) -> Bound<T> {
    Bound { low: Some(low), high: None, open: true }
}

/// Values up to `high`.
pub const fn at_most<T>(high: T) -> Bound<T> {
    Bound { low: None, high: Some(high), open: false }
}

impl<T: PartialOrd + Display + Decode> Bound<T> {
    fn allows(&self, value: &T) -> bool {
        let low_enough = self.high.as_ref().is_none_or(|high| value <= high);
        let high_enough = self.low.as_ref().is_none_or(|low| if self.open { value > low } else { value >= low });
        low_enough && high_enough
    }

    fn words(&self) -> String {
        match (&self.low, &self.high) {
            (Some(low), Some(high)) => format!("expected {low} to {high}"),
            (Some(low), None) if self.open => format!("expected more than {low}"),
            (Some(low), None) => format!("expected at least {low}"),
            (None, Some(high)) => format!("expected at most {high}"),
            (None, None) => String::new(),
        }
    }
}

impl<T: PartialOrd + Display + Decode> Check<T> for Bound<T> {
    fn refusal(&self, value: &T) -> Option<String> {
        (!self.allows(value)).then(|| self.words())
    }

    fn constrain(&self, schema: &mut serde_json::Value) {
        let number = |value: &Option<T>| value.as_ref().and_then(T::written).filter(serde_json::Value::is_number);
        if let Some(low) = number(&self.low) {
            schema[if self.open { "exclusiveMinimum" } else { "minimum" }] = low;
        }
        if let Some(high) = number(&self.high) {
            schema["maximum"] = high;
        }
    }
}

impl<T> Reach<T> for T {
    fn reach(&self) -> Option<&T> {
        Some(self)
    }
}

impl<T> Reach<T> for Option<T> {
    fn reach(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<T> Reach<T> for At<T> {
    fn reach(&self) -> Option<&T> {
        Some(&self.value)
    }
}

impl<T> Reach<T> for Option<At<T>> {
    fn reach(&self) -> Option<&T> {
        self.as_ref().map(|at| &at.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn a_refusal_says_what_is_allowed() {
        assert_eq!(between(1, 100u32).refusal(&0).as_deref(), Some("expected 1 to 100"));
        assert_eq!(between(1, 100u32).refusal(&100), None);
        assert_eq!(above(Span::ZERO).refusal(&Span::ZERO).as_deref(), Some("expected more than 0 ns"));
        assert_eq!(at_least(2.0).refusal(&1.5).as_deref(), Some("expected at least 2"));
        assert_eq!(at_most(2.0).refusal(&f64::NAN).as_deref(), Some("expected at most 2"));
    }

    #[test]
    fn numbers_are_limited_in_the_schema_too() {
        let mut schema = serde_json::json!({});
        between(1, 100u32).constrain(&mut schema);
        assert_eq!(schema, serde_json::json!({"minimum": 1, "maximum": 100}));
    }
}

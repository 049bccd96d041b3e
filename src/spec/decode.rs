//! Decoding of nodes into values, every problem reported at its place.

use super::law;
use super::node::{Node, Value};
use crate::diagnostic::{Problems, SourceSpan};
use crate::time::Span;
use crate::units::{self, Bytes, Money, Rate, Share, UnitError};
use serde_json::json;
use std::ops::Deref;

/// A value that can be written in a scenario.
pub trait Decode: Sized {
    /// Reads the value. Absent when it cannot be read, in which case at least one error was added to `problems`; problems
    /// beside which the value can still be read, such as unknown keys, are added as well.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// The JSON schema (draft 2020-12) of what may be written. Recursive and frequent types refer to [`definitions`].
    fn schema() -> serde_json::Value;

    /// The value to take when nothing is written; absent when the value is required.
    fn absent() -> Option<Self> {
        None
    }

    /// The value as it would be written, where that is a single scalar; shown as default in schema and guide.
    fn written(&self) -> Option<serde_json::Value> {
        None
    }
}

/// A value and where it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: SourceSpan,
}

/// A value that may have failed to be read, its problems reported: for the parts of a whole that is still worth reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried<T>(pub Option<T>);

/// A size that may be without end: `1000` or `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit<T> {
    /// No limit.
    Unlimited,
    /// At most this much.
    AtMost(T),
}

/// A mapping from names the user chose to values, in the order written; repeated names are refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T>(pub Vec<(At<String>, T)>);

/// The schema definitions (`$defs`) that the schemas of this floor refer to, by name.
pub fn definitions() -> Vec<(&'static str, serde_json::Value)> {
    // An unquoted bare number is a number to a JSON schema, and refused by it as well as here.
    let text = |pattern: &str, what: &str, example: &str| json!({"type": "string", "pattern": pattern, "description": what, "examples": [example]});
    vec![
        ("duration", text(r"^\s*[0-9]+(\.[0-9]+)?\s*(ns|us|µs|μs|ms|s|min|h|d)\s*$", units::DURATION, "250 ms")),
        ("rate", text(r"^\s*[0-9]+(\.[0-9]+)?\s*[kMG]?\s*/\s*(ns|us|µs|μs|ms|s|min|h|d)\s*$", units::RATE, "5000/s")),
        ("size", text(r"^\s*[0-9]+(\.[0-9]+)?\s*([kKMGT]?B|[KMGT]iB)\s*$", units::SIZE, "256 KiB")),
        ("share", text(r"^\s*[0-9]+(\.[0-9]+)?\s*%\s*$", units::SHARE, "99.9%")),
        ("money", text(r"^\s*\$\s*[0-9]+(\.[0-9]+)?\s*$", units::MONEY, "$0.0104")),
        ("duration_law", law::schema_of::<Span>()),
        ("size_law", law::schema_of::<Bytes>()),
    ]
}

/// Reports that something else than `expected` was written, unless the node's problem is known already.
pub(super) fn mismatch(node: &Node, expected: &str, problems: &mut Problems) {
    if !matches!(node.value, Value::Failed) {
        problems.error(node.span, format!("this is {}", node.describe())).label(expected);
    }
}

/// Reads a scalar through a parser of [`units`].
fn quantity<T>(
    node: &Node,
    expected: &'static str,
    parse: impl Fn(&str) -> Result<T, UnitError>,
    problems: &mut Problems,
) -> Option<T> {
    let Some(text) = node.as_text().filter(|_| !node.is_empty()) else {
        mismatch(node, expected, problems);
        return None;
    };
    match parse(text) {
        Ok(value) => Some(value),
        Err(error) => {
            let problem = problems.error(node.span, error.message).label(error.expected);
            if let Some(help) = error.help {
                problem.help(help);
            }
            None
        }
    }
}

macro_rules! decode_quantities {
    ($($type:ty, $parse:path, $expected:expr, $definition:literal;)*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                quantity(node, $expected, $parse, problems)
            }
            fn schema() -> serde_json::Value {
                json!({"$ref": concat!("#/$defs/", $definition)})
            }
            fn written(&self) -> Option<serde_json::Value> {
                Some(json!(self.to_string()))
            }
        }
    )*};
}

decode_quantities! {
    Span, units::parse_span, units::DURATION, "duration";
    Rate, units::parse_rate, units::RATE, "rate";
    Bytes, units::parse_bytes, units::SIZE, "size";
    Share, units::parse_share, units::SHARE, "share";
    Money, units::parse_money, units::MONEY, "money";
}

macro_rules! decode_integers {
    ($($type:ty),*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                let count = whole_number(node, <$type>::MAX as u64, problems)?;
                <$type>::try_from(count).ok()
            }
            fn schema() -> serde_json::Value {
                json!({"anyOf": [
                    {"type": "integer", "minimum": 0, "maximum": <$type>::MAX},
                    {"type": "string", "pattern": "^[0-9][0-9_]*\\s*[kMG]?$"},
                ]})
            }
            fn written(&self) -> Option<serde_json::Value> {
                Some(json!(self))
            }
        }
    )*};
}

decode_integers!(u8, u16, u32, u64, usize);

fn whole_number(node: &Node, highest: u64, problems: &mut Problems) -> Option<u64> {
    const EXPECTED: &str = "expected a whole number such as `200`, `10k` or `1_000_000`";
    let Some(text) = node.as_plain().filter(|_| !node.is_empty()) else {
        mismatch(node, EXPECTED, problems);
        return None;
    };
    match units::parse_count(text) {
        Some(count) if count <= highest => Some(count),
        Some(_) => {
            problems.error(node.span, format!("`{text}` is too large")).label(format!("expected at most {highest}"));
            None
        }
        None => {
            problems.error(node.span, format!("`{text}` is not a whole number")).label(EXPECTED);
            None
        }
    }
}

impl Decode for f64 {
    fn decode(node: &Node, problems: &mut Problems) -> Option<f64> {
        const EXPECTED: &str = "expected a number without a unit, such as `0.4`";
        let Some(text) = node.as_plain().filter(|_| !node.is_empty()) else {
            mismatch(node, EXPECTED, problems);
            return None;
        };
        let number = units::parse_number(text);
        if number.is_none() {
            problems.error(node.span, format!("`{text}` is not a number")).label(EXPECTED);
        }
        number
    }

    fn schema() -> serde_json::Value {
        json!({"type": "number"})
    }

    fn written(&self) -> Option<serde_json::Value> {
        Some(json!(self))
    }
}

impl Decode for bool {
    fn decode(node: &Node, problems: &mut Problems) -> Option<bool> {
        match node.as_plain() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => {
                mismatch(node, "expected `true` or `false`", problems);
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        json!({"type": "boolean"})
    }

    fn written(&self) -> Option<serde_json::Value> {
        Some(json!(self))
    }
}

impl Decode for String {
    fn decode(node: &Node, problems: &mut Problems) -> Option<String> {
        match node.as_text() {
            Some(text) if !node.is_empty() && !text.is_empty() => Some(text.to_string()),
            _ => {
                mismatch(node, "expected a text", problems);
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        json!({"type": ["string", "number"], "minLength": 1})
    }

    fn written(&self) -> Option<serde_json::Value> {
        Some(json!(self))
    }
}

/// The node itself, for parts that are decoded later.
impl Decode for Node {
    fn decode(node: &Node, _: &mut Problems) -> Option<Node> {
        Some(node.clone())
    }

    fn schema() -> serde_json::Value {
        json!(true)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Vec<T>> {
        let Some(items) = node.as_list() else {
            mismatch(node, "expected a list such as `[a, b]`, or a line `- a` for each of its items", problems);
            return None;
        };
        // Decode every item before giving up, so that all problems are found.
        let decoded: Vec<Option<T>> = items.iter().map(|item| T::decode(item, problems)).collect();
        decoded.into_iter().collect()
    }

    fn schema() -> serde_json::Value {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Option<T>> {
        if node.is_null() {
            return Some(None);
        }
        T::decode(node, problems).map(Some)
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }

    fn written(&self) -> Option<serde_json::Value> {
        self.as_ref().and_then(T::written)
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Box<T>> {
        T::decode(node, problems).map(Box::new)
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn absent() -> Option<Box<T>> {
        T::absent().map(Box::new)
    }

    fn written(&self) -> Option<serde_json::Value> {
        T::written(self)
    }
}

impl<T: Decode> Decode for At<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<At<T>> {
        T::decode(node, problems).map(|value| At { value, span: node.span })
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn written(&self) -> Option<serde_json::Value> {
        self.value.written()
    }
}

impl<T: Decode> Decode for Tried<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Tried<T>> {
        Some(Tried(T::decode(node, problems)))
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }

    fn absent() -> Option<Tried<T>> {
        T::absent().map(|value| Tried(Some(value)))
    }

    fn written(&self) -> Option<serde_json::Value> {
        self.0.as_ref().and_then(T::written)
    }
}

impl<T> At<T> {
    /// A value without a place, for defaults.
    pub fn nowhere(value: T) -> At<T> {
        At { value, span: SourceSpan::default() }
    }
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Decode> Decode for Limit<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Limit<T>> {
        match node.as_plain() {
            Some("unlimited") => Some(Limit::Unlimited),
            _ => T::decode(node, problems).map(Limit::AtMost),
        }
    }

    fn schema() -> serde_json::Value {
        json!({"anyOf": [T::schema(), {"const": "unlimited"}]})
    }

    fn written(&self) -> Option<serde_json::Value> {
        match self {
            Limit::Unlimited => Some(json!("unlimited")),
            Limit::AtMost(most) => most.written(),
        }
    }
}

impl<T> Limit<T> {
    /// The limit; absent when there is none.
    pub fn at_most(self) -> Option<T> {
        match self {
            Limit::Unlimited => None,
            Limit::AtMost(most) => Some(most),
        }
    }
}

/// No names.
impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named(Vec::new())
    }
}

impl<T: Decode> Decode for Named<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Named<T>> {
        let Some(entries) = node.as_map() else {
            mismatch(node, "expected a mapping from names", problems);
            return None;
        };
        super::section::report_repeated(entries, problems);
        let decoded: Vec<_> = entries
            .iter()
            .map(|entry| {
                let name = At { value: entry.key.text.clone(), span: entry.key.span };
                T::decode(&entry.value, problems).map(|value| (name, value))
            })
            .collect();
        decoded.into_iter().collect::<Option<Vec<_>>>().map(Named)
    }

    fn schema() -> serde_json::Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Decode>(text: &str) -> Result<T, String> {
        let mut problems = Problems::new();
        T::decode(&Node::text(text), &mut problems).ok_or_else(|| {
            let problem = problems.iter().next().expect("a refusal has a reason");
            format!("{}; {}", problem.message, problem.label.as_deref().unwrap_or(""))
        })
    }

    #[test]
    fn scalars_are_read_by_their_type() {
        assert_eq!(read::<Span>("29 s"), Ok(Span::from_secs(29)));
        assert_eq!(read::<u32>("10k"), Ok(10_000));
        assert_eq!(read::<f64>("0.4"), Ok(0.4));
        assert_eq!(read::<bool>("true"), Ok(true));
        assert_eq!(read::<Limit<u64>>("unlimited"), Ok(Limit::Unlimited));
        assert_eq!(read::<Limit<u64>>("7"), Ok(Limit::AtMost(7)));
        assert_eq!(read::<Option<Span>>("null"), Ok(None));
        assert_eq!(read::<Option<Span>>("1 s"), Ok(Some(Span::from_secs(1))));
    }

    #[test]
    fn a_refused_scalar_says_what_is_expected() {
        let whole = "expected a whole number such as `200`, `10k` or `1_000_000`";
        assert_eq!(read::<u32>("1.5"), Err(format!("`1.5` is not a whole number; {whole}")));
        assert_eq!(read::<u8>("256"), Err("`256` is too large; expected at most 255".to_string()));
        assert_eq!(read::<u8>(""), Err(format!("this is nothing; {whole}")));
        assert_eq!(read::<bool>("yes"), Err("this is `yes`; expected `true` or `false`".to_string()));
        assert_eq!(
            read::<f64>("1 s"),
            Err("`1 s` is not a number; expected a number without a unit, such as `0.4`".to_string())
        );
        assert!(read::<Option<Span>>("").is_err(), "a key without a value is not `null`");
    }

    #[test]
    fn every_item_of_a_list_is_read_before_giving_up() {
        let items = ["1 s", "x", "2 s", "5"].map(Node::text).to_vec();
        let mut problems = Problems::new();
        let list = Node::new(Value::List(items), SourceSpan::default());
        assert_eq!(Vec::<Span>::decode(&list, &mut problems), None);
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn a_failed_node_is_not_reported_twice() {
        let mut problems = Problems::new();
        let failed = Node::new(Value::Failed, SourceSpan::default());
        assert_eq!(Span::decode(&failed, &mut problems), None);
        assert_eq!(Vec::<u8>::decode(&failed, &mut problems), None);
        assert!(problems.is_empty());
    }

    #[test]
    fn a_repeated_name_is_refused() {
        let mut problems = Problems::new();
        let node = Node::map([("a", Node::text("1")), ("a", Node::text("2"))]);
        Named::<u8>::decode(&node, &mut problems);
        assert_eq!(problems.iter().next().map(|problem| problem.message.as_str()), Some("`a` is given twice"));
    }
}

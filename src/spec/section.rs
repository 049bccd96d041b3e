//! Mappings with known keys: the [`section!`](crate::section) macro and what it expands to.

use super::check::{Check, Reach};
use super::decode::{Decode, mismatch};
use super::node::{Entry, Key, Node};
use crate::diagnostic::{Problems, SourceSpan, nearest};
use serde_json::json;
use std::collections::{BTreeMap, btree_map};

/// Declares a mapping with known keys: a struct whose fields are public, its [`Decode`] and its schema.
///
/// A field is `name: Type`, then ` = default` if it may be left out (fields of type `Option` always may, and so may
/// sections of which every key may be left out), then ` => check` with a [`Check`] such as [`between`](crate::spec::between). Doc comments become descriptions in the
/// schema. Decoding reports all problems of the mapping: unknown keys with the nearest name and the allowed ones,
/// repeated keys with the first occurrence, missing keys, wrong values. Types must be `Clone + Debug + PartialEq`.
#[macro_export]
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $name:ident $(<$param:ident : $bound:path>)? {
            $(
                $(#[doc = $field_doc:literal])*
                $field:ident : $type:ty $(= $default:expr)? $(=> $check:expr)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name $(<$param: $bound>)? {
            $(
                $(#[doc = $field_doc])*
                pub $field: $type,
            )*
        }

        impl $(<$param: $bound>)? $crate::spec::Decode for $name $(<$param>)? {
            fn decode(
                node: &$crate::spec::Node,
                problems: &mut $crate::diagnostic::Problems,
            ) -> Option<Self> {
                const KEYS: &[&str] = &[$($crate::spec::field_name(stringify!($field))),*];
                let fields = $crate::spec::Fields::open(node, KEYS, problems)?;
                let _ = fields; // a section without keys reads none
                $(
                    let $field = fields.read::<$type>(
                        $crate::spec::field_name(stringify!($field)),
                        concat!($($field_doc, "\n"),*),
                        [$((|| $default) as fn() -> $type)?].first().copied(),
                        problems,
                    );
                    $(let $field = fields.check($crate::spec::field_name(stringify!($field)), $field, &$check, problems);)?
                )*
                Some(Self { $($field: $field?),* })
            }

            fn absent() -> Option<Self> {
                Self::decode(&$crate::spec::Node::text(""), &mut $crate::diagnostic::Problems::new())
            }

            fn schema() -> $crate::spec::Json {
                $crate::spec::section_schema(
                    concat!($($doc, "\n"),*),
                    vec![$(
                        $crate::spec::Field::new::<$type>(
                            $crate::spec::field_name(stringify!($field)),
                            concat!($($field_doc, "\n"),*),
                            [$((|| $default) as fn() -> $type)?].first().copied(),
                        )
                        $(.checked::<$type, _, _>(&$check))?
                    ),*],
                )
            }
        }
    };
}

/// The entries of a mapping being decoded.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    keys: &'static [&'static str],
    entries: &'a [Entry],
    span: SourceSpan,
}

/// One key of a section as the schema shows it.
#[derive(Clone, Debug)]
pub struct Field {
    name: &'static str,
    required: bool,
    schema: serde_json::Value,
}

impl<'a> Fields<'a> {
    /// Opens a mapping, reporting unknown and repeated keys. Nothing at all is an empty mapping. Absent, with an error,
    /// when something else is written.
    pub fn open(node: &'a Node, keys: &'static [&'static str], problems: &mut Problems) -> Option<Fields<'a>> {
        if node.is_empty() {
            return Some(Fields { keys, entries: &[], span: node.span });
        }
        let Some(entries) = node.as_map() else {
            mismatch(node, &format!("expected a mapping with the keys {}", listed(keys)), problems);
            return None;
        };
        report_repeated(entries, problems);
        let known = |key: &Key| keys.contains(&key.text.as_str());
        for entry in entries.iter().filter(|entry| !known(&entry.key)) {
            report_unknown(&entry.key, keys, problems);
        }
        Some(Fields { keys, entries, span: node.span })
    }

    /// Reads one key. When it is not written: the default, else the type's own [`Decode::absent`], else an error.
    pub fn read<T: Decode>(
        &self,
        name: &'static str,
        doc: &str,
        default: Option<fn() -> T>,
        problems: &mut Problems,
    ) -> Option<T> {
        if let Some(node) = self.node(name) {
            return T::decode(node, problems);
        }
        let value = default.map(|default| default()).or_else(T::absent);
        if value.is_none() && !self.is_misspelt(name) {
            let problem = problems.error(self.span, format!("`{name}` is missing")).label("in this section");
            let doc = paragraph(doc);
            if !doc.is_empty() {
                problem.help(format!("`{name}`: {doc}"));
            }
        }
        value
    }

    /// Passes a value on when the check allows it; otherwise reports what is expected. Defaults are taken as they are.
    pub fn check<F: Reach<T>, T>(
        &self,
        name: &'static str,
        value: Option<F>,
        check: &impl Check<T>,
        problems: &mut Problems,
    ) -> Option<F> {
        let value = value?;
        let refusal = value.reach().and_then(|inner| check.refusal(inner));
        if let (Some(expected), Some(node)) = (refusal, self.node(name)) {
            let written = node.as_text().unwrap_or("this");
            problems.error(node.span, format!("`{name}` cannot be {written}")).label(expected);
            return None;
        }
        Some(value)
    }

    /// Whether an unknown key was reported as this one misspelt, which is enough said.
    fn is_misspelt(&self, name: &str) -> bool {
        let unknown = |key: &str| !self.keys.contains(&key);
        let near = |key: &str| nearest(key, self.keys.iter().copied()) == Some(name);
        self.entries.iter().any(|entry| unknown(&entry.key.text) && near(&entry.key.text))
    }

    fn node(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|entry| entry.key.text == name).map(|entry| &entry.value)
    }
}

impl Field {
    /// A key with its type, description and default.
    pub fn new<T: Decode>(name: &'static str, doc: &str, default: Option<fn() -> T>) -> Field {
        let default = default.map(|default| default()).or_else(T::absent);
        let mut schema = T::schema();
        if let Some(fields) = schema.as_object_mut() {
            let doc = paragraph(doc);
            if !doc.is_empty() {
                fields.insert("description".to_string(), json!(doc));
            }
            if let Some(written) = default.as_ref().and_then(T::written) {
                fields.insert("default".to_string(), written);
            }
        }
        Field { name, required: default.is_none(), schema }
    }

    /// The same key with the limits of a check.
    pub fn checked<F: Reach<T>, T, C: Check<T>>(mut self, check: &C) -> Field {
        if let Some(alternatives) = self.schema.get_mut("anyOf").and_then(|any| any.as_array_mut()) {
            // The first alternative of a number is the number.
            alternatives.iter_mut().take(1).for_each(|schema| check.constrain(schema));
        } else if self.schema.is_object() {
            check.constrain(&mut self.schema);
        }
        self
    }
}

/// The schema of a section.
pub fn section_schema(doc: &str, fields: Vec<Field>) -> serde_json::Value {
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    let kinds = if required.is_empty() { json!(["object", "null"]) } else { json!("object") };
    let mut properties = serde_json::Map::new();
    for field in fields {
        properties.insert(field.name.to_string(), field.schema);
    }
    json!({
        "type": kinds,
        "description": paragraph(doc),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The key of a field: its identifier without the mark of a raw identifier (`r#type`).
pub const fn field_name(identifier: &'static str) -> &'static str {
    match identifier.as_bytes() {
        [b'r', b'#', ..] => identifier.split_at(2).1,
        _ => identifier,
    }
}

/// Reports every key that was given before in the same mapping.
pub(super) fn report_repeated(entries: &[Entry], problems: &mut Problems) {
    let mut first = BTreeMap::new();
    for Entry { key, .. } in entries {
        match first.entry(key.text.as_str()) {
            btree_map::Entry::Vacant(place) => {
                place.insert(key.span);
            }
            btree_map::Entry::Occupied(earlier) => {
                let problem = problems.error(key.span, format!("`{}` is given twice", key.text));
                problem.label("given again").also(*earlier.get(), "first given here");
            }
        }
    }
}

fn report_unknown(key: &Key, keys: &[&'static str], problems: &mut Problems) {
    let near = nearest(&key.text, keys.iter().copied());
    let problem = problems.error(key.span, format!("unknown key `{}`", key.text));
    match near {
        Some(name) => problem.label(format!("did you mean `{name}`?")),
        None => problem.label("not a key of this section"),
    };
    problem.help(if keys.is_empty() {
        "no keys are allowed here".into()
    } else {
        format!("allowed keys: {}", listed(keys))
    });
}

/// Names in quotes, separated by commas.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The first paragraph of a doc comment on one line.
pub(super) fn paragraph(doc: &str) -> String {
    doc.lines().map(str::trim).take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Problem;
    use crate::spec::{At, Value, above, between};
    use crate::time::Span;

    section! {
        /// A station in front of a queue.
        struct Station {
            /// How many serve
            /// at the same time.
            servers: u32 => between(1, 1000),
            /// Time of one service.
            service: At<Span> => above(Span::ZERO),
            /// Longest wait.
            patience: Option<Span>,
            /// Kind of tickets.
            r#type: String = "paper".to_string(),
        }
    }

    section! {
        struct Nothing {}
    }

    section! {
        struct Nested {
            inner: Inner,
        }
    }

    section! {
        struct Inner {
            size: u32 = 7,
        }
    }

    fn key(text: &str, start: usize) -> Key {
        Key { text: text.into(), span: SourceSpan { file: 0, start, end: start + text.len() } }
    }

    fn decode(entries: &[(&str, &str)]) -> (Option<Station>, Vec<Problem>) {
        let entries = entries.iter().enumerate();
        let entries =
            entries.map(|(i, (name, text))| Entry { key: key(name, 20 * i), value: Node::text(*text) }).collect();
        let mut problems = Problems::new();
        let station = Station::decode(&Node::new(Value::Map(entries), SourceSpan::default()), &mut problems);
        (station, problems.iter().cloned().collect())
    }

    #[test]
    fn keys_may_come_in_any_order_and_defaults_fill_in() {
        let (station, problems) = decode(&[("service", "5 ms"), ("servers", "4")]);
        assert_eq!(problems, []);
        let station = station.unwrap();
        assert_eq!((station.servers, station.service.value), (4, Span::from_millis(5)));
        assert_eq!((station.patience, station.r#type.as_str()), (None, "paper"));
    }

    #[test]
    fn all_problems_of_a_section_are_reported_at_once() {
        let (station, problems) = decode(&[("servers", "0"), ("servers", "2"), ("servise", "1 s"), ("patience", "3")]);
        assert_eq!(station, None);
        let shown: Vec<_> = problems.iter().map(|p| (p.message.as_str(), p.label.as_deref().unwrap_or(""))).collect();
        assert_eq!(
            shown,
            [
                ("`servers` is given twice", "given again"),
                ("unknown key `servise`", "did you mean `service`?"),
                ("`servers` cannot be 0", "expected 1 to 1000"),
                ("`3` has no unit", crate::units::DURATION),
            ]
        );
        assert_eq!(problems[0].also, [(key("servers", 0).span, "first given here".to_string())]);
        assert_eq!(problems[1].help.as_deref(), Some("allowed keys: `servers`, `service`, `patience`, `type`"));
    }

    #[test]
    fn a_missing_key_is_reported_with_what_it_means() {
        let (station, problems) = decode(&[("servers", "2")]);
        assert_eq!(station, None);
        assert_eq!(problems[0].message, "`service` is missing");
        assert_eq!(problems[0].help.as_deref(), Some("`service`: Time of one service."));
    }

    #[test]
    fn nothing_is_a_section_with_all_defaults() {
        let mut problems = Problems::new();
        assert_eq!(Nothing::decode(&Node::text(""), &mut problems), Some(Nothing {}));
        assert_eq!(Nothing::decode(&Node::text("5"), &mut problems), None);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_section_that_needs_nothing_may_be_left_out() {
        let mut problems = Problems::new();
        let nested = Nested::decode(&Node::text(""), &mut problems).unwrap();
        assert_eq!((nested.inner.size, problems.len()), (7, 0));
        assert_eq!(Nested::schema()["required"], json!([]));
        assert_eq!(Station::absent(), None);
    }

    #[test]
    fn the_schema_comes_from_the_same_declaration() {
        let schema = Station::schema();
        assert_eq!(schema["required"], json!(["servers", "service"]));
        assert_eq!(schema["description"], "A station in front of a queue.");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["type"]["default"], "paper");
        assert_eq!(schema["properties"]["servers"]["description"], "How many serve at the same time.");
        assert_eq!(schema["properties"]["servers"]["anyOf"][0]["maximum"], 1000);
        assert_eq!(schema["properties"]["service"]["$ref"], "#/$defs/duration");
    }
}

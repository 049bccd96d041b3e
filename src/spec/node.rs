//! The tree that every file syntax is read into: scalars as written, lists, and mappings in order with repeated keys.

use super::decode::At;
use crate::diagnostic::SourceSpan;
use std::sync::Arc;

/// A piece of a scenario with its place in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Where it is written.
    pub span: SourceSpan,
}

/// What a node holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One word, number or text.
    Scalar {
        /// The text without quotes, escapes resolved.
        text: String,
        /// Whether it was quoted, so that `"null"` is a text and `null` is nothing.
        quoted: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping in the order written, repeated keys included.
    Map(Vec<Entry>),
    /// Numbers read from another file.
    Numbers {
        /// The numbers as they stand there.
        numbers: Arc<[f64]>,
        /// Their unit, such as `us` or `KiB`, and where it is written.
        unit: At<String>,
    },
    /// Something whose problem has been reported already; decoding it fails without a further word.
    Failed,
}

/// One key of a mapping and what it leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// What it leads to.
    pub value: Node,
}

/// A key of a mapping with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key without quotes.
    pub text: String,
    /// Where it is written.
    pub span: SourceSpan,
}

impl Node {
    /// A node at a place.
    pub fn new(value: Value, span: SourceSpan) -> Node {
        Node { value, span }
    }

    /// An unquoted scalar without a place, for values built by a program.
    pub fn text(text: impl Into<String>) -> Node {
        Node::new(Value::Scalar { text: text.into(), quoted: false }, SourceSpan::default())
    }

    /// A mapping without a place, for values built by a program.
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
        let key = |text: &str| Key { text: text.to_string(), span: SourceSpan::default() };
        let entries = entries.into_iter().map(|(name, value)| Entry { key: key(name), value }).collect();
        Node::new(Value::Map(entries), SourceSpan::default())
    }

    /// Nothing, at the place of `span`: what a key without a value leads to.
    pub fn empty(span: SourceSpan) -> Node {
        Node::new(Value::Scalar { text: String::new(), quoted: false }, span)
    }

    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar written without quotes.
    pub fn as_plain(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, quoted: false } => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// What the first occurrence of a key leads to.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|entry| entry.key.text == key).map(|entry| &entry.value)
    }

    /// Whether nothing is written: no text, `null` or `~`, unquoted.
    pub fn is_empty(&self) -> bool {
        matches!(self.as_plain(), Some("" | "~" | "null"))
    }

    /// Whether `null` or `~` is written, that is, nothing on purpose.
    pub fn is_null(&self) -> bool {
        matches!(self.as_plain(), Some("~" | "null"))
    }

    /// What this is, for messages: "a list", "`5 ms`".
    pub fn describe(&self) -> String {
        // Long texts are of no use in a message that shows the line anyway.
        const SHOWN: usize = 40;
        match &self.value {
            _ if self.is_empty() => "nothing".to_string(),
            Value::Scalar { text, .. } if text.chars().nth(SHOWN).is_some() || text.contains('\n') => {
                "a long text".to_string()
            }
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_string(),
            Value::Map(_) => "a mapping".to_string(),
            Value::Numbers { .. } => "numbers of a file".to_string(),
            Value::Failed => "something unreadable".to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_empty_only_without_quotes() {
        for text in ["", "~", "null"] {
            assert!(Node::text(text).is_empty());
            let quoted = Node::new(Value::Scalar { text: text.into(), quoted: true }, SourceSpan::default());
            assert!(!quoted.is_empty());
        }
        assert!(!Node::empty(SourceSpan::default()).is_null(), "nothing written is not nothing on purpose");
    }

    #[test]
    fn a_repeated_key_leads_to_its_first_value() {
        let node = Node::map([("a", Node::text("1")), ("a", Node::text("2"))]);
        assert_eq!(node.get("a").and_then(Node::as_text), Some("1"));
        assert_eq!(node.get("b"), None);
    }
}

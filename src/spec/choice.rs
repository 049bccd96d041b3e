//! One of several shapes, each named by a word or by a mapping with one key: the [`choice!`](crate::choice) macro.

use super::decode::mismatch;
use super::node::{Key, Node, Value};
use super::section::{listed, paragraph};
use crate::diagnostic::{Problems, nearest};
use serde_json::json;

/// Declares a choice of shapes: an enum whose variants are plain words (`Poisson = "poisson"`) or carry a value under a
/// key (`Renewal(DurationLaw) = "renewal"`, written `{renewal: ...}`, or `renewal` alone where the value may be left out
/// whole). Doc comments become descriptions in the schema. Payloads must be `Clone + Debug + PartialEq`.
#[macro_export]
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident $(<$param:ident : $bound:path>)? {
            $(
                $(#[doc = $variant_doc:literal])*
                $variant:ident $(($payload:ty))? = $word:literal
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name $(<$param: $bound>)? {
            $(
                $(#[doc = $variant_doc])*
                $variant $(($payload))?,
            )*
        }

        impl $(<$param: $bound>)? $crate::spec::Decode for $name $(<$param>)? {
            fn decode(
                node: &$crate::spec::Node,
                problems: &mut $crate::diagnostic::Problems,
            ) -> Option<Self> {
                let alternatives = [$($crate::spec::Alternative {
                    word: $word,
                    doc: concat!($($variant_doc, "\n"),*),
                    payload: [$(<$payload as $crate::spec::Decode>::schema as fn() -> $crate::spec::Json)?].first().copied(),
                }),*];
                let (word, value) = $crate::spec::chosen(node, &alternatives, problems)?;
                $(
                    if word == $word {
                        return Some($name::$variant $((
                            <$payload as $crate::spec::Decode>::decode(&value, problems)?
                        ))?);
                    }
                )*
                None
            }

            fn schema() -> $crate::spec::Json {
                $crate::spec::alternatives_schema(
                    concat!($($doc, "\n"),*),
                    &[$($crate::spec::Alternative {
                        word: $word,
                        doc: concat!($($variant_doc, "\n"),*),
                        payload: [$(<$payload as $crate::spec::Decode>::schema as fn() -> $crate::spec::Json)?].first().copied(),
                    }),*],
                )
            }
        }
    };
}

/// One of the shapes of a choice.
#[derive(Clone, Copy, Debug)]
pub struct Alternative {
    /// The word or key that names it.
    pub word: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// The schema of the value under the key; absent for a plain word.
    pub payload: Option<fn() -> serde_json::Value>,
}

/// Which alternative is written, and the value under its key (nothing, at the place of the word, for a word alone).
/// Absent, with an error, when it is none of them or several.
pub fn chosen(node: &Node, alternatives: &[Alternative], problems: &mut Problems) -> Option<(&'static str, Node)> {
    let words: Vec<_> = alternatives.iter().map(|alternative| alternative.word).collect();
    let find = |word: &str| alternatives.iter().find(|alternative| alternative.word == word);
    match &node.value {
        Value::Scalar { text, .. } if !node.is_empty() => match find(text) {
            Some(alternative) => Some((alternative.word, Node::empty(node.span))),
            None => {
                let key = Key { text: text.clone(), span: node.span };
                report_unknown(&key, &words, problems);
                None
            }
        },
        Value::Map(entries) => match entries.as_slice() {
            [entry] => match find(&entry.key.text) {
                Some(alternative) if alternative.payload.is_none() && !entry.value.is_empty() => {
                    let message = format!("`{}` takes no value", alternative.word);
                    problems.error(entry.value.span, message).label(format!("write `{}` alone", alternative.word));
                    None
                }
                Some(alternative) => Some((alternative.word, entry.value.clone())),
                None => {
                    report_unknown(&entry.key, &words, problems);
                    None
                }
            },
            [_, second, ..] => {
                let message = format!("`{}` is one choice too many", second.key.text);
                problems.error(second.key.span, message).label(format!("expected one of {}", listed(&words)));
                None
            }
            [] => {
                mismatch(node, &format!("expected one of {}", listed(&words)), problems);
                None
            }
        },
        _ => {
            mismatch(node, &format!("expected one of {}", listed(&words)), problems);
            None
        }
    }
}

fn report_unknown(key: &Key, words: &[&str], problems: &mut Problems) {
    let problem = problems.error(key.span, format!("`{}` is not allowed here", key.text));
    problem.label(format!("expected one of {}", listed(words)));
    if let Some(near) = nearest(&key.text, words.iter().copied()) {
        problem.help(format!("did you mean `{near}`?"));
    }
}

/// The schema of a choice.
pub fn alternatives_schema(doc: &str, alternatives: &[Alternative]) -> serde_json::Value {
    let shape = |alternative: &Alternative| {
        let (word, doc) = (alternative.word, paragraph(alternative.doc));
        match alternative.payload {
            None => json!({"const": word, "description": doc}),
            Some(schema) => json!({
                "type": "object",
                "description": doc,
                "properties": {word: schema()},
                "required": [word],
                "additionalProperties": false,
            }),
        }
    };
    // A shape whose value may be left out whole is also its word alone.
    let alone = |alternative: &Alternative| {
        let optional = |schema: fn() -> serde_json::Value| schema()["type"].as_array().is_some();
        let bare = alternative.payload.is_some_and(optional);
        bare.then(|| json!({"const": alternative.word, "description": paragraph(alternative.doc)}))
    };
    let shapes: Vec<_> = alternatives.iter().flat_map(|one| [Some(shape(one)), alone(one)]).flatten().collect();
    json!({"description": paragraph(doc), "anyOf": shapes})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceSpan;
    use crate::spec::Decode;
    use crate::time::Span;

    choice! {
        /// What happens after a failure.
        enum Backoff {
            /// At once.
            None = "none",
            /// After this long.
            Fixed(Span) = "fixed",
        }
    }

    fn read(node: Node) -> Result<Backoff, String> {
        let mut problems = Problems::new();
        Backoff::decode(&node, &mut problems).ok_or_else(|| problems.iter().next().unwrap().message.clone())
    }

    #[test]
    fn a_word_or_a_mapping_with_one_key_chooses() {
        assert_eq!(read(Node::text("none")), Ok(Backoff::None));
        assert_eq!(read(Node::map([("none", Node::text(""))])), Ok(Backoff::None));
        assert_eq!(read(Node::map([("fixed", Node::text("1 s"))])), Ok(Backoff::Fixed(Span::from_secs(1))));
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(read(Node::text("fixt")), Err("`fixt` is not allowed here".into()));
        assert_eq!(read(Node::text("fixed")), Err("this is nothing".into()));
        assert_eq!(read(Node::map([("none", Node::text("5"))])), Err("`none` takes no value".into()));
        let both = Node::map([("none", Node::text("")), ("fixed", Node::text("1 s"))]);
        assert_eq!(read(both), Err("`fixed` is one choice too many".into()));
        assert_eq!(read(Node::map([])), Err("this is a mapping".into()));
        assert_eq!(read(Node::new(Value::List(vec![]), SourceSpan::default())), Err("this is a list".into()));
    }
}

//! One word of a list: the [`words!`](crate::words) macro and what it expands to.

use super::decode::mismatch;
use super::node::Node;
use super::section::{listed, paragraph};
use crate::diagnostic::{Problems, nearest};
use serde_json::json;

/// Declares a choice of words: an enum with [`Decode`](crate::spec::Decode), `Display`, `ALL` and `as_str`, each variant
/// with the word it is written as. Doc comments become descriptions in the schema.
#[macro_export]
macro_rules! words {
    (
        $(#[doc = $doc:literal])*
        $vis:vis enum $name:ident {
            $(
                $(#[doc = $word_doc:literal])*
                $variant:ident = $word:literal
            ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $(
                $(#[doc = $word_doc])*
                $variant,
            )*
        }

        impl $name {
            /// All of them, in the order of declaration.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The word it is written as.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::spec::Decode for $name {
            fn decode(
                node: &$crate::spec::Node,
                problems: &mut $crate::diagnostic::Problems,
            ) -> Option<Self> {
                let index = $crate::spec::word_index(node, &[$($word),*], problems)?;
                $name::ALL.get(index).copied()
            }

            fn schema() -> $crate::spec::Json {
                $crate::spec::words_schema(
                    concat!($($doc, "\n"),*),
                    &[$(($word, concat!($($word_doc, "\n"),*))),*],
                )
            }

            fn written(&self) -> Option<$crate::spec::Json> {
                Some($crate::spec::Json::from(self.as_str()))
            }
        }
    };
}

/// Which of `words` is written; absent, with an error that names the nearest, when none of them is.
pub fn word_index(node: &Node, words: &[&str], problems: &mut Problems) -> Option<usize> {
    let expected = format!("expected {}", one_of(words));
    let Some(text) = node.as_text().filter(|_| !node.is_empty()) else {
        mismatch(node, &expected, problems);
        return None;
    };
    let index = words.iter().position(|word| *word == text);
    if index.is_none() {
        let problem = problems.error(node.span, format!("`{text}` is not allowed here")).label(expected);
        if let Some(near) = nearest(text, words.iter().copied()) {
            problem.help(format!("did you mean `{near}`?"));
        }
    }
    index
}

/// The schema of a choice of words, each with its description.
pub fn words_schema(doc: &str, words: &[(&str, &str)]) -> serde_json::Value {
    let words: Vec<_> = words.iter().map(|(word, doc)| json!({"const": word, "description": paragraph(doc)})).collect();
    json!({"description": paragraph(doc), "oneOf": words})
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_string(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("{} or `{last}`", listed(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Decode;

    words! {
        /// Who is served next.
        enum Discipline {
            /// Who came first.
            Fifo = "fifo",
            /// All at once.
            ProcessorSharing = "processor_sharing",
        }
    }

    #[test]
    fn a_word_is_read_and_shown() {
        let read = Discipline::decode(&Node::text("processor_sharing"), &mut Problems::new());
        assert_eq!(read, Some(Discipline::ProcessorSharing));
        assert_eq!(Discipline::Fifo.to_string(), "fifo");
        assert_eq!(Discipline::schema()["oneOf"][0], json!({"const": "fifo", "description": "Who came first."}));
    }

    #[test]
    fn another_word_is_refused_with_the_list_and_the_nearest() {
        let mut problems = Problems::new();
        assert_eq!(Discipline::decode(&Node::text("processor-shering"), &mut problems), None);
        let problem = problems.iter().next().unwrap();
        assert_eq!(problem.message, "`processor-shering` is not allowed here");
        assert_eq!(problem.label.as_deref(), Some("expected `fifo` or `processor_sharing`"));
        assert_eq!(problem.help.as_deref(), Some("did you mean `processor_sharing`?"));
    }
}

//! What may be written in a scenario, and how it is read: one declaration gives the type, its decoding with all problems
//! at once, and its JSON schema with descriptions.
//!
//! A file becomes a tree of [`Node`]s, whatever its syntax; [`Decode`] turns nodes into values and reports everything
//! that is wrong at its place. Types are declared with three macros:
//!
//! - [`section!`](crate::section) a mapping with known keys,
//! - [`words!`](crate::words) one word of a list,
//! - [`choice!`](crate::choice) one of several shapes, each named by a word or a mapping with that one key.
//!
//! ```
//! use gatepath::diagnostic::Problems;
//! use gatepath::section;
//! use gatepath::spec::{At, Decode, Node, between};
//! use gatepath::units::Rate;
//!
//! section! {
//!     /// Lets requests pass at a rate.
//!     pub struct Throttle {
//!         /// Requests let through in the long run.
//!         rate: At<Rate>,
//!         /// Requests let through at once.
//!         burst: u32 = 1 => between(1, 100_000),
//!     }
//! }
//!
//! let mut problems = Problems::new();
//! let written = Node::map([("rate", Node::text("5k/s")), ("burst", Node::text("0"))]);
//! assert!(Throttle::decode(&written, &mut problems).is_none());
//! assert_eq!(problems.iter().next().unwrap().message, "`burst` cannot be 0");
//! ```

mod check;
mod choice;
mod decode;
mod law;
mod node;
mod section;
mod words;

pub use check::{Bound, Check, Reach, above, at_least, at_most, between};
pub use choice::{Alternative, alternatives_schema, chosen};
pub use decode::{At, Decode, Limit, Named, Tried, definitions};
pub use law::{DurationLaw, LawNode, LawOf, NumbersFile, Quantity, SizeLaw, percentile};
pub use node::{Entry, Key, Node, Value};
pub use section::{Field, Fields, field_name, section_schema};
/// A JSON value, as schemas are made of.
pub use serde_json::Value as Json;
pub use words::{word_index, words_schema};

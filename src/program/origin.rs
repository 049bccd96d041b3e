//! Where a number comes from: the user's file or a dated fact with a grade.

use std::fmt;

/// How far a fact can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Official documentation.
    A,
    /// Published measurement.
    B,
    /// Report or claim.
    C,
    /// Estimate: replace it by a measurement of your own.
    D,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = match self {
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
            Grade::D => "D",
        };
        f.write_str(letter)
    }
}

/// Origin of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Written in the scenario.
    Scenario,
    /// Follows from the structure of the path.
    Structure,
    /// A row of the data pack.
    Fact {
        /// `stage.parameter` of the row.
        id: String,
        /// Publication or measurement.
        source: String,
        /// Date of the source.
        date: String,
        /// Grade of the row.
        grade: Grade,
    },
}

impl Origin {
    /// The grade, for values of the data pack.
    pub fn grade(&self) -> Option<Grade> {
        match self {
            Origin::Fact { grade, .. } => Some(*grade),
            Origin::Scenario | Origin::Structure => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Scenario => f.write_str("scenario"),
            Origin::Structure => f.write_str("structure"),
            Origin::Fact { id, source, date, grade } => write!(f, "{id}, grade {grade}, {date}, {source}"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value written in the scenario.
    pub fn given(value: T) -> Self {
        Sourced { value, origin: Origin::Scenario }
    }

    /// A value that follows from the structure of the path.
    pub fn structural(value: T) -> Self {
        Sourced { value, origin: Origin::Structure }
    }

    /// The same origin for a value computed from this one.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { value: change(self.value), origin: self.origin }
    }
}

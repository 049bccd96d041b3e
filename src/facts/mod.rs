//! The data pack: dated facts with source and grade, as values with their origin.
//!
//! A pack is a folder of CSV files in `data/`, compiled into the program, one row a fact: stage, parameter, value, unit,
//! source, date, grade, note. A row without source, date or grade is refused. A fact is asked for by its id,
//! `stage.parameter`, as what it is needed as (a law, a time, a rate, a share, a size, a count); what comes back carries
//! its origin, so that every number of a result can be traced to a publication or to an estimate.

mod value;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::diagnostic::nearest;
use crate::law::LawSpec;
use crate::program::{Grade, Origin, Sourced};
use crate::rows;
use crate::time::Span;
use crate::units::{Bytes, Rate, Share};

/// The packs that are compiled in: name, and files with their texts.
type Pack = (&'static str, &'static [(&'static str, &'static str)]);
const PACKS: &[Pack] = &[(
    "aws-2026-11",
    &[
        ("data/aws-2026-11/edge.csv", include_str!("../../data/aws-2026-11/edge.csv")),
        ("data/aws-2026-11/network.csv", include_str!("../../data/aws-2026-11/network.csv")),
        ("data/aws-2026-11/estimates.csv", include_str!("../../data/aws-2026-11/estimates.csv")),
        ("data/aws-2026-11/compute.csv", include_str!("../../data/aws-2026-11/compute.csv")),
    ],
)];

/// Columns of a file of facts, in this order.
const COLUMNS: [&str; 8] = ["stage", "parameter", "value", "unit", "source", "date", "grade", "note"];

/// Why a fact or a pack cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// No pack has this name.
    #[error("there is no data pack `{name}`; there is {known}")]
    Pack {
        /// The name asked for.
        name: String,
        /// Names of all packs.
        known: String,
    },
    /// A row that cannot be used.
    #[error("{file}:{line}: {message}")]
    Row {
        /// Name of the file.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// What is wrong.
        message: String,
    },
    /// No row has this id.
    #[error("the data pack has no fact `{id}`{}", .near.as_ref().map(|near| format!("; the nearest is `{near}`")).unwrap_or_default())]
    Missing {
        /// The id asked for.
        id: String,
        /// The most similar id.
        near: Option<String>,
    },
    /// A row that is something else than asked for.
    #[error("the fact `{id}` is not {wanted}: it is `{value}`, unit `{unit}`")]
    Kind {
        /// The id asked for.
        id: String,
        /// What it was needed as.
        wanted: &'static str,
        /// The value as written.
        value: String,
        /// The unit as written.
        unit: String,
    },
}

/// One fact as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Value: a number, a range with its default, a law, or words.
    pub value: String,
    /// Unit of the value.
    pub unit: String,
    /// Publication or measurement.
    pub source: String,
    /// Date of the source.
    pub date: String,
    /// How far it can be trusted.
    pub grade: Grade,
    /// Reasoning and conditions.
    pub note: String,
}

/// Facts of one data pack, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    rows: BTreeMap<String, Row>,
}

impl Facts {
    /// The name of the pack used when a scenario names none.
    pub const DEFAULT_PACK: &'static str = "aws-2026-11";

    /// Names of the packs that are compiled in.
    pub fn packs() -> impl Iterator<Item = &'static str> {
        PACKS.iter().map(|(name, _)| *name)
    }

    /// A pack that is compiled in.
    ///
    /// # Errors
    /// An unknown name, or every row that cannot be used.
    pub fn pack(name: &str) -> Result<&'static Facts, Vec<FactError>> {
        static READ: [OnceLock<Result<Facts, Vec<FactError>>>; PACKS.len()] = [const { OnceLock::new() }; PACKS.len()];
        let Some(index) = PACKS.iter().position(|(known, _)| *known == name) else {
            let known: Vec<String> = Facts::packs().map(|known| format!("`{known}`")).collect();
            return Err(vec![FactError::Pack { name: name.to_owned(), known: known.join(", ") }]);
        };
        READ[index].get_or_init(|| Facts::read(PACKS[index].1)).as_ref().map_err(Clone::clone)
    }

    /// Reads files of facts: name and text of each.
    ///
    /// # Errors
    /// Every row that cannot be used, with file and line.
    pub fn read(files: &[(&str, &str)]) -> Result<Facts, Vec<FactError>> {
        let mut facts = Facts::default();
        let mut errors = Vec::new();
        for &(file, text) in files {
            let error = |(line, message)| FactError::Row { file: file.to_owned(), line, message };
            let refused = rows::read(text, &COLUMNS, |row| facts.add(row)).err().unwrap_or_default();
            errors.extend(refused.into_iter().map(error));
        }
        if errors.is_empty() { Ok(facts) } else { Err(errors) }
    }

    fn add(&mut self, record: &csv::StringRecord) -> Result<(), String> {
        let text = |column: usize| record.get(column).unwrap_or_default().trim().to_owned();
        let given = |column: usize| match text(column) {
            empty if empty.is_empty() => Err(format!("a fact needs its {}", COLUMNS[column])),
            text => Ok(text),
        };
        let id = format!("{}.{}", given(0)?, given(1)?);
        let grade = match given(6)?.as_str() {
            "A" => Grade::A,
            "B" => Grade::B,
            "C" => Grade::C,
            "D" => Grade::D,
            other => return Err(format!("`{other}` is not a grade; expected A, B, C or D")),
        };
        let row = Row { value: given(2)?, unit: text(3), source: given(4)?, date: given(5)?, grade, note: text(7) };
        match self.rows.insert(id.clone(), row) {
            Some(_) => Err(format!("the fact `{id}` is there twice")),
            None => Ok(()),
        }
    }

    /// All facts in order of their ids.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(id, row)| (id.as_str(), row))
    }

    /// The row of a fact, as written.
    ///
    /// # Errors
    /// There is none; the error names the nearest.
    pub fn row(&self, id: &str) -> Result<&Row, FactError> {
        self.rows.get(id).ok_or_else(|| {
            let near = nearest(id, self.rows.keys().map(String::as_str)).map(str::to_owned);
            FactError::Missing { id: id.to_owned(), near }
        })
    }

    /// A law of times, in nanoseconds; a plain time is a constant law.
    ///
    /// # Errors
    /// No such fact, or it is no law with a unit of time.
    pub fn law(&self, id: &str) -> Result<Sourced<LawSpec>, FactError> {
        self.value(id, "a law of times", |row| {
            let scale = value::time_scale(&row.unit)?;
            value::law(&row.value, scale).or_else(|| value::number(&row.value).map(|n| LawSpec::Constant(n * scale)))
        })
    }

    /// A number without regard to its unit.
    ///
    /// # Errors
    /// No such fact, or it is no number.
    pub fn number(&self, id: &str) -> Result<Sourced<f64>, FactError> {
        self.value(id, "a number", |row| value::number(&row.value))
    }

    /// A whole number, such as an HTTP status or a number of attempts.
    ///
    /// # Errors
    /// No such fact, or it is no whole number from 0 to 4294967295.
    pub fn count(&self, id: &str) -> Result<Sourced<u32>, FactError> {
        self.value(id, "a whole number", |row| {
            let number = value::number(&row.value)?;
            (number == number.trunc() && (0.0..=f64::from(u32::MAX)).contains(&number)).then_some(number as u32)
        })
    }

    /// A time.
    ///
    /// # Errors
    /// No such fact, or it is no number with a unit of time.
    pub fn span(&self, id: &str) -> Result<Sourced<Span>, FactError> {
        self.value(id, "a time", |row| {
            let nanos = value::number(&row.value)? * value::time_scale(&row.unit)?;
            (nanos >= 0.0).then(|| Span(nanos.round() as u64))
        })
    }

    /// A rate per second.
    ///
    /// # Errors
    /// No such fact, or its unit is not something per second or minute.
    pub fn rate(&self, id: &str) -> Result<Sourced<Rate>, FactError> {
        self.value(id, "a rate", |row| {
            let rate = value::number(&row.value)? * value::rate_scale(&row.unit)?;
            (rate >= 0.0).then_some(Rate(rate))
        })
    }

    /// A share.
    ///
    /// # Errors
    /// No such fact, or it is no percentage or probability from 0 to 1.
    pub fn share(&self, id: &str) -> Result<Sourced<Share>, FactError> {
        self.value(id, "a share", |row| {
            let share = value::number(&row.value)? / value::share_whole(&row.unit)?;
            (0.0..=1.0).contains(&share).then_some(Share(share))
        })
    }

    /// A size. KB, MB and GB of the AWS pages are powers of 1024.
    ///
    /// # Errors
    /// No such fact, or it is no number of bytes.
    pub fn bytes(&self, id: &str) -> Result<Sourced<Bytes>, FactError> {
        self.value(id, "a size", |row| {
            let bytes = value::number(&row.value)? * value::size_scale(&row.unit)?;
            (bytes >= 0.0 && bytes == bytes.trunc()).then_some(Bytes(bytes as u64))
        })
    }

    fn value<T>(
        &self,
        id: &str,
        wanted: &'static str,
        read: impl Fn(&Row) -> Option<T>,
    ) -> Result<Sourced<T>, FactError> {
        let row = self.row(id)?;
        let kind = || FactError::Kind { id: id.to_owned(), wanted, value: row.value.clone(), unit: row.unit.clone() };
        let value = read(row).ok_or_else(kind)?;
        let origin =
            Origin::Fact { id: id.to_owned(), source: row.source.clone(), date: row.date.clone(), grade: row.grade };
        Ok(Sourced { value, origin })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "stage,parameter,value,unit,source,date,grade,note\n";

    fn read(rows: &str) -> Result<Facts, Vec<FactError>> {
        Facts::read(&[("test.csv", &format!("{HEADER}{rows}"))])
    }

    fn refusal(rows: &str) -> String {
        read(rows).expect_err("refused").iter().map(FactError::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_row_without_source_date_or_grade_is_refused_with_file_and_line() {
        assert_eq!(refusal("a,b,1,s,me,2026,A,\na,c,1,s,,2026,A,\n"), "test.csv:3: a fact needs its source");
        assert_eq!(refusal("a,b,1,s,me,,A,\n"), "test.csv:2: a fact needs its date");
        assert_eq!(refusal("a,b,1,s,me,2026,,\n"), "test.csv:2: a fact needs its grade");
        assert_eq!(refusal("a,b,1,s,me,2026,E,\n"), "test.csv:2: `E` is not a grade; expected A, B, C or D");
    }

    #[test]
    fn all_bad_rows_are_reported_at_once() {
        let errors = read("a,b,1,s,,2026,A,\na,c,1,s,me,,A,\n").expect_err("refused");
        assert_eq!(errors.len(), 2);
    }

    #[test]
    fn a_fact_that_is_there_twice_is_refused() {
        assert_eq!(refusal("a,b,1,s,me,2026,A,\na,b,2,s,me,2026,A,\n"), "test.csv:3: the fact `a.b` is there twice");
    }

    #[test]
    fn a_short_row_and_a_wrong_header_are_refused() {
        assert_eq!(refusal("a,b,1\n"), "test.csv:2: expected 8 columns");
        let errors = Facts::read(&[("test.csv", "stage,value\n")]).expect_err("refused");
        assert!(errors[0].to_string().starts_with("test.csv:1: expected the columns stage,parameter"), "{errors:?}");
    }

    #[test]
    fn values_come_in_base_units_with_their_origin() {
        let facts = read(
            "a,time,1.5,ms,me,2026,A,\na,rate,60,environments/min,me,2026,B,\na,share,2,percent,me,2026,C,\n\
             a,size,10,MB,me,2026,D,\na,law,lognormal(median=2;sigma=0.5),ms,me,2026,D,\na,range,50..29000 (default 29000),ms,me,2026,A,\n",
        )
        .expect("good rows");
        let time = facts.span("a.time").expect("a time");
        assert_eq!(time.value, Span(1_500_000));
        let origin = Origin::Fact { id: "a.time".into(), source: "me".into(), date: "2026".into(), grade: Grade::A };
        assert_eq!(time.origin, origin);
        assert_eq!(facts.rate("a.rate").map(|rate| rate.value), Ok(Rate(1.0)));
        assert_eq!(facts.share("a.share").map(|share| share.value), Ok(Share(0.02)));
        assert_eq!(facts.bytes("a.size").map(|size| size.value), Ok(Bytes(10_485_760)));
        assert_eq!(facts.span("a.range").map(|span| span.value), Ok(Span::from_secs(29)));
        assert_eq!(facts.law("a.time").map(|law| law.value), Ok(LawSpec::Constant(1.5e6)));
        let law = facts.law("a.law").expect("a law");
        assert_eq!(law.value, LawSpec::Lognormal { median: 2e6, sigma: 0.5 });
        assert_eq!(law.origin.grade(), Some(Grade::D));
    }

    #[test]
    fn a_fact_asked_for_as_something_else_is_an_error_that_shows_it() {
        let facts = read("a,time,1.5,ms,me,2026,A,\na,words,as needed,rule,me,2026,A,\n").expect("good rows");
        let error = facts.share("a.time").expect_err("no share");
        assert_eq!(error.to_string(), "the fact `a.time` is not a share: it is `1.5`, unit `ms`");
        assert!(facts.number("a.words").is_err());
        let error = facts.law("a.tme").expect_err("no such fact");
        assert_eq!(error.to_string(), "the data pack has no fact `a.tme`; the nearest is `a.time`");
    }

    #[test]
    fn an_unknown_pack_is_answered_with_the_list_of_packs() {
        let errors = Facts::pack("aws-2020-01").expect_err("unknown");
        assert_eq!(errors[0].to_string(), "there is no data pack `aws-2020-01`; there is `aws-2026-11`");
    }
}

//! The rows to be checked: `cases.csv` says what is true, `readings.csv` where to look for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reading::Reading;

/// A number that is known.
#[derive(Clone, Debug)]
pub struct Row {
    /// `S001` and so on.
    pub id: String,
    /// The model in words.
    pub model: String,
    /// What the number is.
    pub metric: String,
    /// The number.
    pub value: f64,
    /// Models of one kind belong to a family.
    pub family: String,
    /// The scenario that has this model, without folder and ending; nothing when it cannot be expressed.
    pub scenario: Option<String>,
    /// How the number is read off its runs.
    pub reading: Option<Reading>,
    /// What the precision asked for is relative to: the number, unless it is zero.
    pub scale: f64,
    /// What an approximate number may be wrong by.
    pub tolerance: f64,
    /// A remark, or why it cannot be expressed.
    pub note: String,
}

/// The folder with the tables.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validation")
}

/// All rows in order of their number.
///
/// # Errors
/// What is wrong with the tables.
pub fn all() -> Result<Vec<Row>, String> {
    let cases = table("cases.csv")?;
    let mut readings: BTreeMap<String, Record> =
        table("readings.csv")?.into_iter().map(|record| (record.text("id"), record)).collect();
    let rows: Result<Vec<Row>, String> = cases
        .iter()
        .map(|case| {
            let id = case.text("id");
            let reading = readings.remove(&id).ok_or_else(|| format!("{id} has no reading"))?;
            row(case, &reading).map_err(|reason| format!("{id}: {reason}"))
        })
        .collect();
    match readings.pop_first() {
        Some((id, _)) => Err(format!("there is a reading for {id}, which is no case")),
        None => rows,
    }
}

fn row(case: &Record, reading: &Record) -> Result<Row, String> {
    let value = case.number("value")?.ok_or("no value")?;
    let given = |title: &str| Some(reading.text(title)).filter(|text| !text.is_empty());
    Ok(Row {
        id: case.text("id"),
        model: case.text("model"),
        metric: case.text("metric"),
        value,
        family: reading.text("family"),
        scenario: given("scenario"),
        reading: given("reading").map(|text| text.parse()).transpose()?,
        scale: reading.number("scale")?.unwrap_or(value.abs()),
        tolerance: reading.number("tolerance")?.unwrap_or(0.0),
        note: reading.text("note"),
    })
}

/// A row of a table by titles.
struct Record(BTreeMap<String, String>);

impl Record {
    fn text(&self, title: &str) -> String {
        self.0.get(title).cloned().unwrap_or_default()
    }

    fn number(&self, title: &str) -> Result<Option<f64>, String> {
        let text = self.text(title);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|error| format!("{title} `{text}`: {error}"))
    }
}

fn table(name: &str) -> Result<Vec<Record>, String> {
    let broken = |error: csv::Error| format!("{name}: {error}");
    let mut reader = csv::Reader::from_path(folder().join(name)).map_err(broken)?;
    reader.deserialize().map(|record| record.map(Record).map_err(broken)).collect()
}

//! Tables in long form: named columns with units in the names, rows of text and numbers, written as CSV or JSON.

use super::number;
use serde_json::{Map, Value};

/// A column: its name, with the unit, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the header.
    pub name: &'static str,
    /// What it holds, as documented in `docs/results.md`.
    pub about: &'static str,
}

/// The shape of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Name: that of the file without its ending.
    pub name: &'static str,
    /// The columns in order.
    pub columns: &'static [Column],
}

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number; empty when not finite.
    Number(f64),
}

/// Rows of a layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Name and columns.
    pub layout: &'static Layout,
    /// The rows, each as long as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(layout: &'static Layout) -> Table {
        Table { layout, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn push<const N: usize>(&mut self, row: [Cell; N]) {
        debug_assert_eq!(N, self.layout.columns.len(), "a row of {} is as long as its header", self.layout.name);
        self.rows.push(row.into());
    }

    /// The table as CSV with a header line (RFC 4180, lines end with a line feed).
    pub fn to_csv(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let header = self.layout.columns.iter().map(|column| column.name.to_owned()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::text).collect::<Vec<String>>());
        for record in std::iter::once(header).chain(rows) {
            // Writing to memory cannot fail, and every row is as long as the header.
            let written = writer.write_record(&record);
            debug_assert!(written.is_ok(), "{written:?}");
        }
        writer.into_inner().unwrap_or_default()
    }

    /// The rows as JSON objects, column by column.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let pairs = self.layout.columns.iter().zip(row).map(|(column, cell)| (column.name.to_owned(), cell.json()));
            Value::Object(pairs.collect::<Map<String, Value>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(value) => number::exact(*value).unwrap_or_default(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Text(text) => Value::from(text.as_str()),
            Cell::Count(count) => Value::from(*count),
            Cell::Number(value) => number::rounded(*value).map_or(Value::Null, Value::from),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Cell {
        Cell::Number(value)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Cell {
        Cell::Count(count)
    }
}

impl From<u32> for Cell {
    fn from(count: u32) -> Cell {
        Cell::Count(count.into())
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Cell {
        Cell::Count(count as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        name: "trial",
        columns: &[
            Column { name: "scenario", about: "" },
            Column { name: "wait_ms", about: "" },
            Column { name: "n", about: "" },
        ],
    };

    fn table() -> Table {
        let mut table = Table::new(&LAYOUT);
        table.push(["a, \"quoted\"".into(), (2.0 / 3.0).into(), 3u64.into()]);
        table.push(["b".into(), f64::INFINITY.into(), 0u64.into()]);
        table
    }

    #[test]
    fn csv_quotes_what_needs_quotes_and_leaves_unknown_numbers_empty() {
        let text = String::from_utf8(table().to_csv()).unwrap();
        assert_eq!(text, "scenario,wait_ms,n\n\"a, \"\"quoted\"\"\",0.666666667,3\nb,,0\n");
    }

    #[test]
    fn json_has_the_same_numbers() {
        let expected = serde_json::json!([
            {"scenario": "a, \"quoted\"", "wait_ms": 0.666666667, "n": 3},
            {"scenario": "b", "wait_ms": null, "n": 0},
        ]);
        assert_eq!(table().to_json(), expected);
    }
}

//! Reading traces: CSV, plain or compressed with gzip, with errors that name file, line and column.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{Reader, ReaderBuilder, StringRecord};
use flate2::read::MultiGzDecoder;

use crate::diagnostic::nearest;

/// The most text a trace may hold, uncompressed: a bound on what a small compressed file can unfold to.
const MOST_BYTES: u64 = 4 << 30;

/// What is wrong with a trace, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TraceError {
    /// The file.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: Option<u64>,
    /// The column by its name.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
}

/// `traces/api.csv.gz:12: column "count": expected a whole number, found "abc"`
impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ": column \"{column}\"")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// How times are written in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// As a decimal number of units of so many nanoseconds.
    Number {
        /// Nanoseconds in a unit.
        unit: u64,
    },
    /// As date and time: `2023-11-16 18:17:03.97996`, with or without an offset (UTC then).
    Date,
}

impl Stamp {
    /// A time as it is written, in nanoseconds: of the number, or since 1970.
    pub(super) fn parse(self, text: &str) -> Option<i128> {
        match self {
            Stamp::Number { unit } => nanoseconds(text, unit).map(i128::from),
            Stamp::Date => date(text),
        }
    }

    /// What is expected, for messages.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Stamp::Number { .. } => "a number that is not negative",
            Stamp::Date => "a date and time such as 2023-11-16 18:17:03.98",
        }
    }
}

/// A CSV file with a header, or a bare column of values.
pub(super) struct Table {
    path: PathBuf,
    reader: Reader<Box<dyn Read>>,
    names: Vec<String>,
    record: StringRecord,
}

/// Text that ends with an error, not silently, when it is too long; lines end in a line feed alone, which the reader
/// needs to count them.
struct Bounded<R> {
    text: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.text.read(buffer)?;
            let too_long = || std::io::Error::other(format!("holds more than {} GiB of text", MOST_BYTES >> 30));
            self.left = self.left.checked_sub(read as u64).ok_or_else(too_long)?;
            let mut kept = 0;
            for index in 0..read {
                buffer[kept] = buffer[index];
                kept += usize::from(buffer[index] != b'\r');
            }
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}

/// A column that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Column {
    index: usize,
    name: String,
}

impl Table {
    /// Opens a file; `header` says whether its first line names the columns.
    pub fn open(path: &Path, header: bool) -> Result<Table, TraceError> {
        let fail = |message: String| TraceError { path: path.into(), line: None, column: None, message };
        let file = File::open(path).map_err(|error| fail(format!("cannot be opened: {error}")))?;
        let mut file = BufReader::new(file);
        let mut magic = [0; 2];
        let read = file.read(&mut magic).map_err(|error| fail(format!("cannot be read: {error}")))?;
        let start = std::io::Cursor::new(magic[..read].to_vec());
        let bytes = start.chain(file);
        // Compressed files are known by their first bytes, whatever their name.
        let text: Box<dyn Read> =
            if magic == [0x1F, 0x8B] { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
        let text: Box<dyn Read> = Box::new(Bounded { text, left: MOST_BYTES });
        let mut reader = ReaderBuilder::new().has_headers(header).flexible(true).trim(csv::Trim::All).from_reader(text);
        let names = if header {
            let names = reader.headers().map_err(|error| fail(error.to_string()))?;
            names.iter().map(|name| name.trim_start_matches('\u{feff}').to_string()).collect()
        } else {
            Vec::new()
        };
        Ok(Table { path: path.into(), reader, names, record: StringRecord::new() })
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Result<Column, TraceError> {
        let index = self.names.iter().position(|found| found == name);
        let missing = || {
            let hint = nearest(name, self.names.iter().map(String::as_str))
                .map_or(format!("the columns are {}", self.names.join(", ")), |near| {
                    format!("did you mean \"{near}\"?")
                });
            self.wrong(Some(1), Some(name), format!("there is no such column; {hint}"))
        };
        index.map(|index| Column { index, name: name.into() }).ok_or_else(missing)
    }

    /// The only column of a file without a header.
    pub fn only_column() -> Column {
        Column { index: 0, name: "1".into() }
    }

    /// Reads the next row; false at the end.
    pub fn advance(&mut self) -> Result<bool, TraceError> {
        let mut record = std::mem::take(&mut self.record);
        let read = self.reader.read_record(&mut record);
        self.record = record;
        read.map_err(|error| {
            let line = error.position().map(csv::Position::line);
            self.wrong(line, None, format!("cannot be read: {error}"))
        })
    }

    /// The text of a column in the current row.
    pub fn text(&self, column: &Column) -> Result<&str, TraceError> {
        let missing = || self.here(column, format!("this row has only {} values", self.record.len()));
        self.record.get(column.index).ok_or_else(missing)
    }

    /// The value of a column in the current row, as `parse` reads it.
    pub fn value<T>(
        &self,
        column: &Column,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, TraceError> {
        let text = self.text(column)?;
        parse(text).ok_or_else(|| self.here(column, format!("expected {expected}, found \"{text}\"")))
    }

    /// The line of the current row. The reader knows where it began to look for the row and where it ended.
    fn line(&self) -> Option<u64> {
        let start = self.record.position()?.line();
        Some(start.max(self.reader.position().line().saturating_sub(1)))
    }

    /// Whether the current row follows an empty line, which the reader passes over.
    pub fn follows_a_gap(&self) -> bool {
        self.record.position().is_some_and(|start| start.line() + 1 < self.reader.position().line())
    }

    /// An error in the current row.
    pub fn here(&self, column: &Column, message: String) -> TraceError {
        self.wrong(self.line(), Some(&column.name), message)
    }

    /// An error of the file as a whole.
    pub fn whole(&self, message: &str) -> TraceError {
        self.wrong(None, None, message.into())
    }

    fn wrong(&self, line: Option<u64>, column: Option<&str>, message: String) -> TraceError {
        TraceError { path: self.path.clone(), line, column: column.map(String::from), message }
    }
}

/// Names as numbers in order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: BTreeMap<String, u32>,
}

impl Names {
    /// The number of a name.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(name.into(), number);
        number
    }

    /// The names in order of their numbers.
    pub fn in_order(&self) -> Vec<&str> {
        let mut names: Vec<(u32, &str)> = self.numbers.iter().map(|(name, &number)| (number, name.as_str())).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }
}

/// A decimal number of units in whole nanoseconds: exact for plain decimals, rounded for a power of ten (`1.2e3`).
pub(super) fn nanoseconds(text: &str, unit: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() || !digits(whole) || !digits(fraction) {
        let value = text.parse::<f64>().ok()? * unit as f64;
        return (0.0..=9e18).contains(&value).then_some((value + 0.5) as u64);
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.checked_mul(unit)? };
    // More than 18 digits are below any unit's nanosecond.
    let fraction = &fraction[..fraction.len().min(18)];
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10u128.pow(fraction.len() as u32);
    whole.checked_add(((part * u128::from(unit) + scale / 2) / scale) as u64)
}

/// A date and time in nanoseconds since 1970.
fn date(text: &str) -> Option<i128> {
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(stamp.as_nanosecond());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok().map(|stamp| stamp.as_nanosecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_exact_nanoseconds() {
        assert_eq!(nanoseconds("12.3456789", 1_000_000_000), Some(12_345_678_900));
        assert_eq!(nanoseconds("0.0000000004", 1_000_000_000), Some(0));
        assert_eq!(nanoseconds("0.0000000006", 1_000_000_000), Some(1));
        assert_eq!(nanoseconds("1501", 1_000), Some(1_501_000));
        assert_eq!(nanoseconds(".5", 1_000), Some(500));
        assert_eq!(nanoseconds("1.5e3", 1_000), Some(1_500_000));
        for bad in ["", "-1", "abc", "1,5", "nan", "inf", "99999999999999999999"] {
            assert_eq!(nanoseconds(bad, 1_000), None, "{bad}");
        }
    }

    #[test]
    fn dates_are_read_with_and_without_an_offset() {
        let expected = Some(1_700_158_623_979_960_000);
        for text in ["2023-11-16 18:17:03.9799600", "2023-11-16T18:17:03.97996Z", "2023-11-16T19:17:03.97996+01:00"] {
            assert_eq!(date(text), expected, "{text}");
        }
        assert_eq!(date("16.11.2023"), None);
    }
}

//! Columns of CSV files that a scenario refers to: measured durations, quantiles, counts and requests to replay.
//!
//! Files may be compressed with gzip (`.gz`). The first row holds titles unless all its cells are numbers.

use crate::diagnostic::{Problems, SourceSpan, nearest};
use crate::spec::At;
use csv::ReaderBuilder;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest table read, in bytes, decompressed.
pub const MAX_BYTES: u64 = 1 << 30;

/// A CSV file in memory.
#[derive(Debug)]
pub struct Table {
    name: String,
    /// Where the scenario names the file.
    span: SourceSpan,
    content: Vec<u8>,
    titles: Option<Vec<String>>,
}

/// A column of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column(usize);

impl Column {
    /// The first column.
    pub const FIRST: Column = Column(0);
}

impl Table {
    /// Reads a file named by a scenario that lies in `folder`. Absent, with an error at the name, when it cannot be read.
    pub fn read(folder: &Path, file: &At<String>, problems: &mut Problems) -> Option<Table> {
        let path = folder.join(&file.value);
        match read(&path) {
            Ok(content) => Table::parse(file, content, problems),
            Err(reason) => {
                report_unreadable(file, &path, reason, problems);
                None
            }
        }
    }

    fn parse(file: &At<String>, content: Vec<u8>, problems: &mut Problems) -> Option<Table> {
        let mut table = Table { name: file.value.clone(), span: file.span, content, titles: None };
        let Some(first) = table.records().next() else {
            problems.error(file.span, format!("`{}` is empty", file.value)).label("expected rows of numbers");
            return None;
        };
        match first {
            Ok(record) => {
                let titles = record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_string());
                let titles: Vec<String> = titles.collect();
                let all_numbers = titles.iter().all(|title| title.parse::<f64>().is_ok());
                table.titles = (!all_numbers).then_some(titles);
                Some(table)
            }
            Err(error) => {
                table.report(&error, problems);
                None
            }
        }
    }

    /// The column with a title. Absent, with an error that names the nearest title, when there is none.
    pub fn column(&self, title: &At<String>, problems: &mut Problems) -> Option<Column> {
        let titles = self.titles.as_deref().unwrap_or_default();
        let found = titles.iter().position(|other| *other == title.value);
        if found.is_none() {
            let problem = problems.error(title.span, format!("`{}` has no column `{}`", self.name, title.value));
            match nearest(&title.value, titles.iter().map(String::as_str)) {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None => problem.label("not a column of this file"),
            };
            problem.help(match &self.titles {
                Some(titles) => format!("columns: {}", titles.join(", ")),
                None => "the first row holds numbers instead of titles".to_string(),
            });
        }
        found.map(Column)
    }

    /// The column with a title, or the column at a position when no title is given.
    pub fn column_or(&self, title: Option<&At<String>>, position: usize, problems: &mut Problems) -> Option<Column> {
        match title {
            Some(title) => self.column(title, problems),
            None => Some(Column(position)),
        }
    }

    /// Reads `columns` of every row from `skip` on, at most `take` of them, one cell at a time. Absent, with an error that
    /// names the line, at the first cell that `cell` refuses (it says what is expected) or that is not there.
    pub fn rows<const N: usize, T>(
        &self,
        columns: [Column; N],
        skip: usize,
        take: Option<usize>,
        problems: &mut Problems,
        mut row: impl FnMut([&str; N]) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let mut rows = Vec::new();
        let records = self.records().skip(self.titles.is_some() as usize).skip(skip).take(take.unwrap_or(usize::MAX));
        for record in records {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    self.report(&error, problems);
                    return None;
                }
            };
            let line = record.position().map_or(0, csv::Position::line);
            let cells = columns.map(|column| record.get(column.0).and_then(|cell| std::str::from_utf8(cell).ok()));
            let read = match cells.iter().position(Option::is_none) {
                Some(_) => Err("a cell is missing or not text".to_string()),
                None => row(cells.map(|cell| cell.unwrap_or_default().trim())),
            };
            match read {
                Ok(value) => rows.push(value),
                Err(reason) => {
                    problems
                        .error(self.span, format!("line {line} of `{}`: {reason}", self.name))
                        .label("in this file");
                    return None;
                }
            }
        }
        Some(rows)
    }

    fn records(&self) -> csv::ByteRecordsIntoIter<&[u8]> {
        let mut reader = ReaderBuilder::new();
        reader.has_headers(false).flexible(true).comment(Some(b'#'));
        reader.from_reader(self.content.as_slice()).into_byte_records()
    }

    fn report(&self, error: &csv::Error, problems: &mut Problems) {
        problems.error(self.span, format!("`{}` is not CSV: {error}", self.name)).label("in this file");
    }
}

/// A number that is finite and not negative.
pub fn amount(cell: &str) -> Result<f64, String> {
    let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
    match number {
        Some(number) if number >= 0.0 => Ok(number),
        Some(_) => Err(format!("`{cell}` is negative")),
        None => Err(format!("`{cell}` is not a number")),
    }
}

/// The bytes of a file, decompressed when its name ends in `.gz`.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = open(path)?;
    let compressed = path.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> = if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let mut content = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > MAX_BYTES {
        return Err(format!("larger than {MAX_BYTES} bytes"));
    }
    Ok(content)
}

/// Reports at its name that a file cannot be read.
pub fn report_unreadable(file: &At<String>, path: &Path, reason: String, problems: &mut Problems) {
    let problem = problems.error(file.span, format!("cannot read `{}`", file.value)).label(reason);
    if path != Path::new(&file.value) {
        problem.help(format!("looked for `{}`", path.display()));
    }
}

/// Opens an ordinary file; the error says why not in a few words.
pub fn open(path: &Path) -> Result<File, String> {
    let reason = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".to_string(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".to_string(),
        _ => error.to_string(),
    };
    let kind = std::fs::metadata(path).map_err(reason)?.file_type();
    if kind.is_dir() {
        return Err("this is a directory".to_string());
    }
    // A pipe or a device may never end.
    if !kind.is_file() {
        return Err("this is not an ordinary file".to_string());
    }
    File::open(path).map_err(reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn table(content: &str) -> Table {
        let mut problems = Problems::new();
        Table::parse(&At::nowhere("t.csv".to_string()), content.into(), &mut problems).expect("a table")
    }

    fn name(text: &str) -> At<String> {
        At::nowhere(text.to_string())
    }

    #[test]
    fn a_first_row_of_numbers_is_no_title() {
        let mut problems = Problems::new();
        let numbers = |table: Table, problems: &mut Problems| {
            table.rows([Column(0)], 0, None, problems, |[cell]| amount(cell)).unwrap()
        };
        assert_eq!(numbers(table("1\n2\n"), &mut problems), [1.0, 2.0]);
        assert_eq!(numbers(table("n\n1\n2\n"), &mut problems), [1.0, 2.0]);
        assert_eq!(numbers(table("# said so\nn\r\n1\r\n"), &mut problems), [1.0]);
    }

    #[test]
    fn columns_are_found_by_title_and_rows_by_skip_and_take() {
        let mut problems = Problems::new();
        let table = table("a,\"b c\"\n1,2\n3,4\n5,6\n");
        let column = table.column(&name("b c"), &mut problems).unwrap();
        let rows = table.rows([column], 1, Some(1), &mut problems, |[cell]| amount(cell));
        assert_eq!(rows, Some(vec![4.0]));
        assert_eq!(table.column(&name("bc"), &mut problems), None);
        assert_eq!(problems.iter().next().unwrap().label.as_deref(), Some("did you mean `b c`?"));
    }

    #[test]
    fn a_bad_cell_is_named_with_its_line() {
        let refused = |content: &str| {
            let mut problems = Problems::new();
            let table = table(content);
            assert_eq!(table.rows([Column(1)], 0, None, &mut problems, |[cell]| amount(cell)), None);
            problems.iter().next().unwrap().message.clone()
        };
        assert_eq!(refused("a,b\n1,2\n1,x\n"), "line 3 of `t.csv`: `x` is not a number");
        assert_eq!(refused("a,b\n1,-2\n"), "line 2 of `t.csv`: `-2` is negative");
        assert_eq!(refused("a,b\n1\n"), "line 2 of `t.csv`: a cell is missing or not text");
        assert_eq!(refused("a,b\n1,nan\n"), "line 2 of `t.csv`: `nan` is not a number");
    }

    #[test]
    fn compressed_files_are_read_and_odd_ones_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv.gz");
        let mut file = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        file.write_all(b"a\n7\n").unwrap();
        file.finish().unwrap();
        let mut problems = Problems::new();
        let table = Table::read(folder.path(), &name("t.csv.gz"), &mut problems).unwrap();
        assert_eq!(table.rows([Column(0)], 0, None, &mut problems, |[cell]| amount(cell)), Some(vec![7.0]));
        let refused = |file: &str| {
            let mut problems = Problems::new();
            assert!(Table::read(folder.path(), &name(file), &mut problems).is_none());
            problems.iter().next().and_then(|problem| problem.label.clone()).unwrap()
        };
        assert_eq!(refused("missing.csv"), "no such file");
        assert_eq!(refused("."), "this is a directory");
        std::fs::write(folder.path().join("empty.csv"), "").unwrap();
        assert_eq!(refused("empty.csv"), "expected rows of numbers");
    }
}

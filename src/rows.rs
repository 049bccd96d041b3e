//! Rows of a CSV file with known columns: facts and prices. Every row that cannot be used is reported with its line.

use csv::{Position, ReaderBuilder, StringRecord};

/// Takes in the rows of a text whose header has exactly these columns. `take` says why a row is refused.
///
/// # Errors
/// Line and reason of everything that cannot be used; the other rows have been taken in.
pub fn read(
    text: &str,
    columns: &[&str],
    mut take: impl FnMut(&StringRecord) -> Result<(), String>,
) -> Result<(), Vec<(u64, String)>> {
    let mut problems = Vec::new();
    let mut reader = ReaderBuilder::new().from_reader(text.as_bytes());
    match reader.headers() {
        Ok(header) if header.iter().eq(columns.iter().copied()) => {}
        Ok(_) => problems.push((1, format!("expected the columns {}", columns.join(",")))),
        Err(error) => problems.push((1, error.to_string())),
    }
    for record in reader.records() {
        let (line, taken) = match &record {
            Ok(record) => (record.position().map_or(0, Position::line), take(record)),
            Err(error) => {
                let expected = format!("expected {} columns", columns.len());
                (error.position().map_or(0, Position::line), Err(expected))
            }
        };
        problems.extend(taken.err().map(|why| (line, why)));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_is_refused_is_told_with_its_line_and_the_others_are_taken() {
        let mut taken = Vec::new();
        let refused = read("a,b\n1,2\n3\n4,no\n5,6\n", &["a", "b"], |row| match &row[1] {
            "no" => Err("not that".to_owned()),
            _ => {
                taken.push(row[0].to_owned());
                Ok(())
            }
        });
        assert_eq!(refused, Err(vec![(3, "expected 2 columns".to_owned()), (4, "not that".to_owned())]));
        assert_eq!(taken, ["1", "5"]);
        assert_eq!(read("b,a\n", &["a", "b"], |_| Ok(())), Err(vec![(1, "expected the columns a,b".to_owned())]));
    }
}

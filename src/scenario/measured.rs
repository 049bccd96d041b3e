//! Laws measured elsewhere: `{samples: {file: ...}}` and `{quantiles: {file: ...}}` are replaced in the tree by the numbers
//! of the file, before anything is decoded.

use super::table::{Column, Table, amount};
use crate::diagnostic::Problems;
use crate::spec::{Decode, Entry, Key, Node, NumbersFile, Value};
use std::path::Path;

/// Replaces every file of a law by its numbers; files lie relative to `folder`. A file that cannot be read leaves a node
/// that fails, its problem reported.
pub fn load(node: &mut Node, folder: &Path, problems: &mut Problems) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| load(item, folder, problems)),
        Value::Map(entries) => {
            for Entry { key, value } in entries {
                let read = match key.text.as_str() {
                    "samples" if value.get("file").is_some() => samples,
                    "quantiles" if value.get("file").is_some() => quantiles,
                    _ => {
                        load(value, folder, problems);
                        continue;
                    }
                };
                let file = NumbersFile::decode(value, problems);
                value.value = file.and_then(|file| read(&file, folder, problems)).unwrap_or(Value::Failed);
            }
        }
        _ => {}
    }
}

fn samples(file: &NumbersFile, folder: &Path, problems: &mut Problems) -> Option<Value> {
    let table = Table::read(folder, &file.file, problems)?;
    let column = table.column_or(file.column.as_ref(), 0, problems)?;
    let numbers = table.rows([column], 0, None, problems, |[cell]| amount(cell))?;
    Some(Value::Numbers { numbers: numbers.into(), unit: file.unit.clone() })
}

/// The first column holds percentiles from 0 to 100, the second (or the one named) their amounts.
fn quantiles(file: &NumbersFile, folder: &Path, problems: &mut Problems) -> Option<Value> {
    let table = Table::read(folder, &file.file, problems)?;
    let column = table.column_or(file.column.as_ref(), 1, problems)?;
    let entries = table.rows([Column::FIRST, column], 0, None, problems, |[percentile, cell]| {
        let percentile = percentile.trim_start_matches('p');
        let key = Key { text: format!("p{}", amount(percentile)?), span: file.file.span };
        let text = format!("{} {}", amount(cell)?, file.unit.value);
        Ok(Entry { key, value: Node::new(Value::Scalar { text, quoted: false }, file.file.span) })
    })?;
    Some(Value::Map(entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::yaml;
    use crate::spec::{DurationLaw, LawNode};

    fn read(yaml: &str, csv: &str) -> Result<LawNode, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f.csv"), csv).unwrap();
        let mut problems = Problems::new();
        let mut node = yaml::parse(0, yaml, &mut problems).unwrap();
        load(&mut node, folder.path(), &mut problems);
        let law = DurationLaw::decode(&node, &mut problems).map(|law| law.law);
        assert!(law.is_some() || problems.len() == 1, "one mistake is one problem: {problems:?}");
        law.ok_or_else(|| problems.iter().next().unwrap().message.clone())
    }

    #[test]
    fn samples_come_from_a_column() {
        let law = read("samples: {file: f.csv, column: lat_us, unit: us}", "t,lat_us\n1,20\n2,30\n");
        assert_eq!(law, Ok(LawNode::Samples(vec![20e3, 30e3].into())));
        let law = read("shifted: {by: 1 ms, law: {samples: {file: f.csv, unit: ms}}}", "5\n");
        assert!(matches!(law, Ok(LawNode::Shifted { .. })));
    }

    #[test]
    fn quantiles_come_from_two_columns() {
        let law = read("quantiles: {file: f.csv, unit: ms}", "percentile,value\n0,1\n50,2.5\n99.9,9\n");
        assert_eq!(law, Ok(LawNode::Quantiles(vec![(0.0, 1e6), (0.5, 2.5e6), (0.999, 9e6)].into())));
    }

    #[test]
    fn a_bad_file_is_one_problem() {
        let refused = |yaml, csv| read(yaml, csv).unwrap_err();
        assert_eq!(refused("samples: {file: g.csv, unit: us}", "1\n"), "cannot read `g.csv`");
        assert_eq!(refused("samples: {file: f.csv, unit: KiB}", "1\n"), "`KiB` is not a unit here");
        assert_eq!(refused("samples: {file: f.csv}", "1\n"), "`unit` is missing");
        assert_eq!(refused("samples: {file: f.csv, column: x, unit: us}", "1\n"), "`f.csv` has no column `x`");
        assert_eq!(refused("samples: {file: f.csv, unit: us}", "a\n"), "there are no samples");
        let falling = refused("quantiles: {file: f.csv, unit: us}", "p,v\n0,2\n50,1\n");
        assert_eq!(falling, "a higher percentile cannot be smaller");
    }
}

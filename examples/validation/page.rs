//! The page whose tables are renewed.

use std::path::Path;

/// Replaces the tables of a file, each between `<!-- begin NAME -->` and `<!-- end NAME -->`.
pub fn renew(file: &Path, tables: &[(&str, String)]) -> Result<(), String> {
    let failure = |error: std::io::Error| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(failure)?;
    let text = tables.iter().try_fold(text, |text, (name, table)| renewed(&text, name, table))?;
    std::fs::write(file, text).map_err(failure)
}

/// The text with the table between two marks replaced.
fn renewed(text: &str, name: &str, table: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- begin {name} -->"), format!("<!-- end {name} -->"));
    let missing = || format!("there is no table `{name}` to renew");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{}\n{end}{after}", table.trim_end()))
}

//! What the terminal shows is made of: aligned columns under titles, and warnings in paragraphs.

use super::{BOLD, DIM, OPEN};
use anstyle::Style;
use std::fmt::Write;

pub(super) const WIDTH: usize = 80;

pub(super) fn section(out: &mut String, title: &str, note: &str, grid: &Grid) {
    let note = if note.is_empty() { String::new() } else { format!("  {DIM}{note}{DIM:#}") };
    if !out.is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{BOLD}{title}{BOLD:#}{note}");
    grid.write(out);
}

pub(super) fn warnings(out: &mut String, warnings: &[String]) {
    for warning in warnings {
        let lines = wrap(warning, WIDTH - 11);
        for (i, line) in lines.iter().enumerate() {
            match i {
                0 => drop(write!(out, "\n{OPEN}warning:{OPEN:#} {line}\n")),
                _ => drop(writeln!(out, "         {line}")),
            }
        }
    }
}

/// Rows of styled text in aligned columns.
pub(super) struct Grid {
    /// `l` or `r` for each column.
    align: &'static str,
    pub(super) rows: Vec<Vec<(String, Style)>>,
    hidden: usize,
}

impl Grid {
    pub(super) fn new(align: &'static str) -> Grid {
        Grid { align, rows: Vec::new(), hidden: 0 }
    }

    pub(super) fn row<const N: usize>(&mut self, row: [(String, Style); N]) {
        self.rows.push(row.into());
    }

    /// Says how many of `all` rows are not shown.
    pub(super) fn more(&mut self, all: usize) {
        self.hidden = all - self.rows.len();
    }

    pub(super) fn write(&self, out: &mut String) {
        let count = |text: &str| text.chars().count();
        let widths: Vec<usize> = (0..self.align.len())
            .map(|column| {
                self.rows.iter().filter_map(|row| row.get(column)).map(|cell| count(&cell.0)).max().unwrap_or(0)
            })
            .collect();
        // The first column gives way when a row would be wider than the screen.
        let rest: usize = widths[1..].iter().filter(|&&width| width > 0).map(|width| width + 2).sum();
        let first = widths[0].min(WIDTH.saturating_sub(rest + 2)).max(8);
        for row in &self.rows {
            let mut line = String::from("  ");
            let mut last = 2;
            for (column, ((text, style), align)) in row.iter().zip(self.align.chars()).enumerate() {
                let width = if column == 0 { first } else { widths[column] };
                if width == 0 {
                    continue;
                }
                let text = shorten(text, width);
                let pad = " ".repeat(width - count(&text));
                let (left, right) = if align == 'r' { (pad.as_str(), "") } else { ("", pad.as_str()) };
                line.push_str(left);
                let _ = write!(line, "{style}{text}{style:#}");
                if !text.is_empty() {
                    last = line.len();
                }
                let _ = write!(line, "{right}  ");
            }
            line.truncate(last);
            let _ = writeln!(out, "{line}");
        }
        if self.hidden > 0 {
            let _ = writeln!(out, "  {DIM}and {} more{DIM:#}", self.hidden);
        }
    }
}

/// Text cut in the middle to at most `width` characters.
pub(super) fn shorten(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let (head, tail) = (width / 2, width - width / 2 - 1);
    let characters: Vec<char> = text.chars().collect();
    characters[..head].iter().chain(['…'].iter()).chain(&characters[length - tail..]).collect()
}

/// Text in lines of at most `width` characters, broken at spaces.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::PLAIN;
    use super::*;

    #[test]
    fn a_grid_aligns_columns_and_gives_way_in_the_first() {
        let mut grid = Grid::new("lrl");
        grid.row([("a".repeat(100), PLAIN), ("1".to_owned(), BOLD), ("x".to_owned(), PLAIN)]);
        grid.row([("b".to_owned(), PLAIN), ("100".to_owned(), BOLD), (String::new(), PLAIN)]);
        let mut out = String::new();
        grid.write(&mut out);
        let plain = anstream::adapter::strip_str(&out).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        assert_eq!(lines[0].chars().count(), WIDTH);
        assert!(lines[0].contains('…') && lines[0].ends_with("    1  x"));
        assert!(lines[1].starts_with("  b ") && lines[1].ends_with("  100"));
    }

    #[test]
    fn long_sentences_are_wrapped_at_spaces() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("", 9), [""]);
    }

    #[test]
    fn a_long_name_keeps_its_ends() {
        assert_eq!(shorten("vpc_link_v2.connections", 11), "vpc_l…tions");
    }
}

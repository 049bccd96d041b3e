//! Styles of text for people, the same in every table.

use crate::study::Verdict;
use anstyle::{AnsiColor, Style};

/// What matters most.
pub const BOLD: Style = Style::new().bold();
/// What stands beside it.
pub const DIM: Style = Style::new().dimmed();
/// What is as wanted.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is not.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is not known.
pub const OPEN: Style = AnsiColor::Yellow.on_default().bold();

/// A verdict as a word in its colour, filled up to twelve columns.
pub fn verdict(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Met => GOOD,
        Verdict::Missed => BAD,
        Verdict::Inconclusive => OPEN,
    };
    format!("{style}{:<12}{style:#}", verdict.word())
}

//! Objectives: `p99 < 250 ms`, `errors < 0.1%`, `throughput > 1900/s`, `mean of read < 20 ms`.

use crate::diagnostic::{Problems, SourceSpan, Sources, nearest};
use crate::spec::{At, Decode, Json, Node, percentile};
use crate::time::Span;
use crate::units::{Rate, Share};
use serde_json::json;

/// What is asked of a scenario: a measured quantity on one side of a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// As written.
    pub text: String,
    /// What is measured.
    pub measured: Measured,
    /// The traffic class it is asked of; all requests when absent.
    pub class: Option<At<String>>,
    /// Whether the quantity has to stay below the limit (or above it).
    pub below: bool,
    /// The limit: nanoseconds, requests a second, or a share.
    pub limit: f64,
}

/// What an objective is about. Latencies are those of requests served as asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// The latency that this share of the requests stays below.
    Quantile(f64),
    /// Mean latency.
    Mean,
    /// Share of requests not served as asked.
    Errors,
    /// Requests served as asked, a second.
    Throughput,
}

const EXPECTED: &str =
    "expected such as `p99 < 250 ms`, `mean of CLASS < 20 ms`, `errors < 0.1%` or `throughput > 1900/s`";
const WORDS: [&str; 3] = ["mean", "errors", "throughput"];

impl Decode for Objective {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Objective> {
        let Some(text) = node.as_text().filter(|_| !node.is_empty()) else {
            problems.error(node.span, format!("an objective cannot be {}", node.describe())).label(EXPECTED);
            return None;
        };
        let Some(operator) = text.find(['<', '>', '=']) else {
            problems.error(node.span, format!("`{text}` compares nothing")).label(EXPECTED);
            return None;
        };
        let (left, right) = text.split_at(operator);
        let symbol: &str = &right[..right.find(|c| !matches!(c, '<' | '>' | '=')).unwrap_or(right.len())];
        let place = |piece: &str| Place { node, text }.of(piece);
        let below = match symbol {
            "<" => true,
            ">" => false,
            _ => {
                let problem = problems.error(place(symbol), format!("`{symbol}` is not a comparison here"));
                problem.label("expected `<` or `>`");
                return None;
            }
        };
        let (quantity, class) = quantity_and_class(left.trim());
        let measured = measured(quantity, place(quantity), problems);
        let class = class.map(|class| At { value: class.to_string(), span: place(class) });
        let written = right[symbol.len()..].trim();
        let limit = limit(measured?, written, place(written), problems)?;
        Some(Objective { text: text.to_string(), measured: measured?, class, below, limit })
    }

    fn schema() -> Json {
        json!({
            "type": "string",
            "description": "A measured quantity, `<` or `>`, and a limit.",
            "pattern": r"^\s*(p[0-9]+(\.[0-9]+)?|mean|errors|throughput)(\s+of\s+\S+)?\s*[<>]",
            "examples": ["p99 < 250 ms", "errors < 0.1%", "throughput > 1900/s", "mean of read < 20 ms"],
        })
    }
}

impl Objective {
    /// An objective as written on a command line.
    ///
    /// # Errors
    /// What is wrong with it, with the text that problems point into.
    pub fn parse(text: &str) -> Result<Objective, (Problems, Sources)> {
        let (mut sources, mut problems) = (Sources::new(), Problems::new());
        let file = sources.add("--objective", text);
        let span = SourceSpan { file, start: 0, end: text.len() };
        let node = Node::new(crate::spec::Value::Scalar { text: text.to_string(), quoted: false }, span);
        match Objective::decode(&node, &mut problems) {
            Some(objective) if !problems.has_errors() => Ok(objective),
            _ => Err((problems, sources)),
        }
    }
}

/// Finds the places of pieces of an unquoted one-line text; of other texts, the whole.
struct Place<'a> {
    node: &'a Node,
    text: &'a str,
}

impl Place<'_> {
    fn of(&self, piece: &str) -> SourceSpan {
        let span = self.node.span;
        let start = piece.as_ptr() as usize - self.text.as_ptr() as usize;
        let exact = self.node.as_plain().is_some() && span.end - span.start == self.text.len();
        if exact { span.part(start, start + piece.len()) } else { span }
    }
}

fn quantity_and_class(left: &str) -> (&str, Option<&str>) {
    match left.split_once(" of ") {
        Some((quantity, class)) => (quantity.trim(), Some(class.trim())),
        None => (left, None),
    }
}

/// Reads the name of a measured quantity: `p99`, `mean`, `errors`, `throughput`.
pub(super) fn measured(text: &str, at: SourceSpan, problems: &mut Problems) -> Option<Measured> {
    match text {
        "mean" => return Some(Measured::Mean),
        "errors" => return Some(Measured::Errors),
        "throughput" => return Some(Measured::Throughput),
        _ => {}
    }
    if let Some(p) = percentile(text) {
        if p > 0.0 && p < 1.0 {
            return Some(Measured::Quantile(p));
        }
        problems
            .error(at, format!("`{text}` is not a percentile that can be estimated"))
            .label("expected more than `p0` and less than `p100`");
        return None;
    }
    let problem = problems.error(at, format!("`{text}` is not a quantity of a result"));
    match (text.rsplit_once(' '), nearest(text, WORDS)) {
        (Some((class, quantity)), _) if WORDS.contains(&quantity) || percentile(quantity).is_some() => {
            problem.label(format!("did you mean `{quantity} of {class}`, for the class `{class}`?"))
        }
        (_, Some(word)) => problem.label(format!("did you mean `{word}`?")),
        (_, None) => problem.label("expected a percentile such as `p99`, `mean`, `errors` or `throughput`"),
    };
    None
}

/// The limit, in the unit of what is measured.
fn limit(measured: Measured, text: &str, at: SourceSpan, problems: &mut Problems) -> Option<f64> {
    let node = Node::new(crate::spec::Value::Scalar { text: text.to_string(), quoted: false }, at);
    match measured {
        Measured::Quantile(_) | Measured::Mean => Span::decode(&node, problems).map(|span| span.0 as f64),
        Measured::Errors => Share::decode(&node, problems).map(|share| share.0),
        Measured::Throughput => Rate::decode(&node, problems).map(|rate| rate.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Objective, String> {
        let span = SourceSpan { file: 0, start: 100, end: 100 + text.len() };
        let node = Node::new(crate::spec::Value::Scalar { text: text.into(), quoted: false }, span);
        let mut problems = Problems::new();
        Objective::decode(&node, &mut problems).ok_or_else(|| {
            let problem = problems.iter().next().expect("a refusal has a reason");
            let at = problem.at.unwrap();
            format!("{} @{}..{}", problem.message, at.start - 100, at.end - 100)
        })
    }

    #[test]
    fn objectives_are_read_with_limits_in_base_units() {
        let of = |text| read(text).map(|objective| (objective.measured, objective.below, objective.limit));
        assert_eq!(of("p99 < 250 ms"), Ok((Measured::Quantile(0.99), true, 250e6)));
        assert_eq!(of("p99.9<1 s"), Ok((Measured::Quantile(0.999), true, 1e9)));
        assert_eq!(of("mean > 1 us"), Ok((Measured::Mean, false, 1e3)));
        assert_eq!(of("errors < 0.1%"), Ok((Measured::Errors, true, 0.001)));
        assert_eq!(of("throughput > 1900/s"), Ok((Measured::Throughput, false, 1900.0)));
        assert_eq!(read("p50 of read < 1 ms").unwrap().class.unwrap().value, "read");
    }

    #[test]
    fn nonsense_is_pointed_at() {
        let refused = |text| read(text).unwrap_err();
        assert_eq!(refused("fast"), "`fast` compares nothing @0..4");
        assert_eq!(refused("p99 <= 1 s"), "`<=` is not a comparison here @4..6");
        assert_eq!(refused("p99 = 1 s"), "`=` is not a comparison here @4..5");
        assert_eq!(refused("p100 < 1 s"), "`p100` is not a percentile that can be estimated @0..4");
        assert_eq!(refused("eror < 1%"), "`eror` is not a quantity of a result @0..4");
        assert_eq!(refused("buy p95 < 1 s"), "`buy p95` is not a quantity of a result @0..7");
        assert_eq!(refused("p99 < 250"), "`250` has no unit @6..9");
        assert_eq!(refused("errors < 1 ms"), "`1 ms` is not a share @9..13");
        assert_eq!(refused("p99 <"), "this is nothing @5..5");
    }
}

//! Laws of durations and sizes as written: `5 ms`, `{lognormal: {p50: 14 ms, p99: 60 ms}}`, and so on.
//!
//! [`LawNode`] is the checked reading: amounts are in nanoseconds or bytes, parameters lie in their ranges, lists are in
//! order. It is data only; what a law means is said by the module `law`.

use super::check::{above, at_least, between};
use super::decode::{At, Decode, mismatch};
use super::node::{Node, Value};
use crate::diagnostic::{Problems, SourceSpan};
use crate::time::Span;
use crate::units::{self, Bytes};
use crate::{choice, section};
use serde_json::json;
use std::fmt::{Debug, Display};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// A kind of amount that laws are over.
pub trait Quantity: Decode + Copy + PartialOrd + Display + Default + Debug + 'static {
    /// The definition of laws over it in the schema.
    const DEFINITION: &'static str;
    /// An example of a constant.
    const EXAMPLE: &'static str;

    /// The amount in nanoseconds or bytes.
    fn amount(self) -> f64;

    /// Size of a unit in nanoseconds or bytes; absent for a word that is no unit of this quantity.
    fn unit(word: &str) -> Option<u64>;
}

/// A law over a quantity, with its place in the file. Derefs to [`LawNode`].
#[derive(Clone, Debug, PartialEq)]
pub struct LawOf<Q> {
    /// The law.
    pub law: LawNode,
    /// Where it is written.
    pub span: SourceSpan,
    quantity: PhantomData<Q>,
}

/// A law of a duration, amounts in nanoseconds.
pub type DurationLaw = LawOf<Span>;
/// A law of a size, amounts in bytes.
pub type SizeLaw = LawOf<Bytes>;

/// A checked law; amounts in nanoseconds or bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum LawNode {
    /// Always the same.
    Constant(f64),
    /// Every amount between the two equally likely; low below high.
    Uniform {
        /// Smallest amount.
        low: f64,
        /// Largest amount.
        high: f64,
    },
    /// Without memory.
    Exponential {
        /// Mean amount.
        mean: f64,
    },
    /// The logarithm is normal.
    Lognormal {
        /// Half of the amounts are smaller.
        median: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// Lognormal through two quantiles; the first has the smaller probability and the smaller amount.
    LognormalThrough {
        /// Probability and amount of the first.
        first: (f64, f64),
        /// Probability and amount of the second.
        second: (f64, f64),
    },
    /// Lognormal by mean and coefficient of variation.
    LognormalMean {
        /// Mean amount.
        mean: f64,
        /// Standard deviation divided by the mean.
        cv: f64,
    },
    /// Gamma; Erlang when the shape is whole.
    Gamma {
        /// Shape.
        shape: f64,
        /// Mean amount.
        mean: f64,
    },
    /// Weibull.
    Weibull {
        /// Shape.
        shape: f64,
        /// Scale: 63.2 % of the amounts are smaller.
        scale: f64,
    },
    /// Pareto.
    Pareto {
        /// Shape: the tail index.
        shape: f64,
        /// Smallest amount.
        min: f64,
    },
    /// One of several exponential laws: weight, not normalised, and mean.
    Hyperexponential {
        /// Weight and mean of each branch.
        branches: Vec<(f64, f64)>,
    },
    /// One of several laws: weight, not normalised, and law.
    Mixture {
        /// Weight and law of each part.
        parts: Vec<(f64, LawNode)>,
    },
    /// Measured amounts, in any order: once sorted, each is the middle of an equal share of probability, with straight
    /// lines between neighbours.
    Samples(Arc<[f64]>),
    /// A smooth law through quantiles, each a probability and an amount, probabilities rising: the logarithm of the amount
    /// is a monotone cubic of the normal score.
    Quantiles(Arc<[(f64, f64)]>),
    /// Another law plus a constant.
    Shifted {
        /// The constant.
        by: f64,
        /// The law.
        law: Box<LawNode>,
    },
    /// Another law, given that the amount lies between the two; `high` may be infinite.
    Truncated {
        /// Smallest amount.
        low: f64,
        /// Largest amount.
        high: f64,
        /// The law.
        law: Box<LawNode>,
    },
    /// Another law times a factor.
    Scaled {
        /// The factor.
        factor: f64,
        /// The law.
        law: Box<LawNode>,
    },
}

choice! {
    /// A law: an amount, which is then always the same, or one of these.
    enum Written<Q: Quantity> {
        /// Always the same amount.
        Constant(Q) = "constant",
        /// Every amount between the two equally likely.
        Uniform(Uniform<Q>) = "uniform",
        /// Without memory.
        Exponential(Exponential<Q>) = "exponential",
        /// The logarithm is normal: by median and sigma, by mean and cv, or by two percentiles.
        Lognormal(Lognormal<Q>) = "lognormal",
        /// Gamma.
        Gamma(Gamma<Q>) = "gamma",
        /// The sum of several exponential amounts.
        Erlang(Erlang<Q>) = "erlang",
        /// Weibull.
        Weibull(Weibull<Q>) = "weibull",
        /// Pareto, with a heavy tail.
        Pareto(Pareto<Q>) = "pareto",
        /// One of several exponential laws: by the branches, or by mean and cv.
        Hyperexponential(Hyperexponential<Q>) = "hyperexponential",
        /// One of several laws.
        Mixture(Vec<Part<Q>>) = "mixture",
        /// Measured amounts: sorted, with straight lines between neighbours.
        Samples(Samples<Q>) = "samples",
        /// A smooth curve through percentiles, on the scale of the lognormal law; beyond them the lognormal law through the
        /// last two.
        Quantiles(Quantiles<Q>) = "quantiles",
        /// Another law plus a constant.
        Shifted(Shifted<Q>) = "shifted",
        /// Another law, given that the amount lies between two bounds.
        Truncated(Truncated<Q>) = "truncated",
        /// Another law times a factor.
        Scaled(Scaled<Q>) = "scaled",
    }
}

section! {
    /// Bounds of a uniform law.
    struct Uniform<Q: Quantity> {
        /// Smallest amount.
        low: Q,
        /// Largest amount.
        high: At<Q>,
    }
}

section! {
    /// Parameter of an exponential law.
    struct Exponential<Q: Quantity> {
        /// Mean amount.
        mean: Q => above(Q::default()),
    }
}

section! {
    /// Parameters of a gamma law.
    struct Gamma<Q: Quantity> {
        /// Shape: 1 is exponential, larger is more regular.
        shape: f64 => above(0.0),
        /// Mean amount.
        mean: Q => above(Q::default()),
    }
}

section! {
    /// Parameters of an Erlang law.
    struct Erlang<Q: Quantity> {
        /// Number of exponential amounts in the sum.
        stages: u32 => between(1, 1_000_000),
        /// Mean of the sum.
        mean: Q => above(Q::default()),
    }
}

section! {
    /// Parameters of a Weibull law.
    struct Weibull<Q: Quantity> {
        /// Shape: 1 is exponential, smaller has a heavier tail.
        shape: f64 => above(0.0),
        /// Scale: 63.2 % of the amounts are smaller.
        scale: Q => above(Q::default()),
    }
}

section! {
    /// Parameters of a Pareto law.
    struct Pareto<Q: Quantity> {
        /// Tail index: the mean is infinite up to 1, the variance up to 2.
        shape: f64 => above(0.0),
        /// Smallest amount.
        min: Q => above(Q::default()),
    }
}

section! {
    /// One exponential branch.
    struct Branch<Q: Quantity> {
        /// How often it is taken, relative to the other weights.
        weight: f64 => above(0.0),
        /// Its mean.
        mean: Q => above(Q::default()),
    }
}

section! {
    /// A hyperexponential law of two branches by its first two moments, with balanced means: each branch brings half of the mean.
    struct HyperexponentialMean<Q: Quantity> {
        /// Mean amount.
        mean: Q => above(Q::default()),
        /// Coefficient of variation: standard deviation divided by the mean.
        cv: f64 => between(1.0, 1000.0),
    }
}

section! {
    /// One part of a mixture.
    struct Part<Q: Quantity> {
        /// How often it is taken, relative to the other weights.
        weight: f64 => above(0.0),
        /// Its law.
        law: LawOf<Q>,
    }
}

section! {
    /// A law moved by a constant.
    struct Shifted<Q: Quantity> {
        /// What is added.
        by: Q,
        /// The law.
        law: LawOf<Q>,
    }
}

section! {
    /// A law between bounds.
    struct Truncated<Q: Quantity> {
        /// Smallest amount; zero when left out.
        low: Option<Q>,
        /// Largest amount; none when left out.
        high: Option<At<Q>>,
        /// The law.
        law: LawOf<Q>,
    }
}

section! {
    /// A law times a factor.
    struct Scaled<Q: Quantity> {
        /// The factor.
        factor: f64 => above(0.0),
        /// The law.
        law: LawOf<Q>,
    }
}

section! {
    /// A lognormal law by median and sigma.
    struct LognormalMedian<Q: Quantity> {
        /// Half of the amounts are smaller.
        median: Q => above(Q::default()),
        /// Standard deviation of the natural logarithm.
        sigma: f64 => between(0.0, 20.0),
    }
}

section! {
    /// A lognormal law by its first two moments.
    struct LognormalMean<Q: Quantity> {
        /// Mean amount.
        mean: Q => above(Q::default()),
        /// Coefficient of variation: standard deviation divided by the mean.
        cv: f64 => at_least(0.0),
    }
}

section! {
    /// Numbers in a column of a CSV file.
    pub struct NumbersFile {
        /// The file, relative to the scenario.
        file: At<String>,
        /// The column of the numbers by its title; when left out, the first (for quantiles the second, after the
        /// percentiles).
        column: Option<At<String>>,
        /// The unit of the numbers, such as `us` or `KiB`.
        unit: At<String>,
    }
}

impl Quantity for Span {
    const DEFINITION: &'static str = "duration_law";
    const EXAMPLE: &'static str = "5 ms";

    fn amount(self) -> f64 {
        self.0 as f64
    }

    fn unit(word: &str) -> Option<u64> {
        units::time_unit(word)
    }
}

impl Quantity for Bytes {
    const DEFINITION: &'static str = "size_law";
    const EXAMPLE: &'static str = "4 KiB";

    fn amount(self) -> f64 {
        self.0 as f64
    }

    fn unit(word: &str) -> Option<u64> {
        units::size_unit(word)
    }
}

impl<Q> LawOf<Q> {
    /// A law without a place, for defaults; the caller answers for the ranges.
    pub const fn nowhere(law: LawNode) -> LawOf<Q> {
        LawOf { law, span: SourceSpan { file: 0, start: 0, end: 0 }, quantity: PhantomData }
    }
}

impl<Q> Deref for LawOf<Q> {
    type Target = LawNode;
    fn deref(&self) -> &LawNode {
        &self.law
    }
}

impl<Q: Quantity> Decode for LawOf<Q> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<LawOf<Q>> {
        law::<Q>(node, problems).map(|law| LawOf { law, span: node.span, quantity: PhantomData })
    }

    fn schema() -> serde_json::Value {
        json!({"$ref": format!("#/$defs/{}", Q::DEFINITION)})
    }

    fn written(&self) -> Option<serde_json::Value> {
        match self.law {
            LawNode::Constant(amount) if Q::DEFINITION == Span::DEFINITION => Span(amount as u64).written(),
            LawNode::Constant(amount) => Bytes(amount as u64).written(),
            _ => None,
        }
    }
}

/// The probability of a percentile written as `p99.9`; absent for another text.
pub fn percentile(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('p')?;
    let plain = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    // Moving the point in the text keeps p99.9 the double nearest to 0.999.
    let probability: f64 = format!("{digits}e-2").parse().ok()?;
    (plain && probability <= 1.0).then_some(probability)
}

/// A percentile and its amount, with the place of each.
struct Point<Q> {
    probability: f64,
    key: SourceSpan,
    amount: At<Q>,
}

#[derive(Clone, Debug, PartialEq)]
struct Lognormal<Q>(LawNode, PhantomData<Q>);

#[derive(Clone, Debug, PartialEq)]
struct Hyperexponential<Q>(LawNode, PhantomData<Q>);

#[derive(Clone, Debug, PartialEq)]
struct Samples<Q>(LawNode, PhantomData<Q>);

#[derive(Clone, Debug, PartialEq)]
struct Quantiles<Q>(LawNode, PhantomData<Q>);

/// Reads a law and checks what its parameters have to do with each other.
fn law<Q: Quantity>(node: &Node, problems: &mut Problems) -> Option<LawNode> {
    if let Some(text) = node.as_text().filter(|_| !node.is_empty()) {
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let expected = format!(
                "expected an amount such as `{0}` or a law such as `{{exponential: {{mean: {0}}}}}`",
                Q::EXAMPLE
            );
            problems.error(node.span, format!("`{text}` is not a law")).label(expected);
            return None;
        }
        return Q::decode(node, problems).map(|amount| LawNode::Constant(amount.amount()));
    }
    let law = match Written::<Q>::decode(node, problems)? {
        Written::Constant(amount) => LawNode::Constant(amount.amount()),
        Written::Uniform(Uniform { low, high }) => {
            rising(low, high, problems)?;
            LawNode::Uniform { low: low.amount(), high: high.amount() }
        }
        Written::Exponential(Exponential { mean }) => LawNode::Exponential { mean: mean.amount() },
        Written::Lognormal(Lognormal(law, _)) | Written::Hyperexponential(Hyperexponential(law, _)) => law,
        Written::Gamma(Gamma { shape, mean }) => LawNode::Gamma { shape, mean: mean.amount() },
        Written::Erlang(Erlang { stages, mean }) => LawNode::Gamma { shape: f64::from(stages), mean: mean.amount() },
        Written::Weibull(Weibull { shape, scale }) => LawNode::Weibull { shape, scale: scale.amount() },
        Written::Pareto(Pareto { shape, min }) => LawNode::Pareto { shape, min: min.amount() },
        Written::Mixture(parts) => {
            some(&parts, node, problems)?;
            LawNode::Mixture { parts: parts.into_iter().map(|part| (part.weight, part.law.law)).collect() }
        }
        Written::Samples(Samples(law, _)) | Written::Quantiles(Quantiles(law, _)) => law,
        Written::Shifted(Shifted { by, law }) => LawNode::Shifted { by: by.amount(), law: Box::new(law.law) },
        Written::Truncated(Truncated { low, high, law }) => {
            let low = low.unwrap_or_default();
            if let Some(high) = high {
                rising(low, high, problems)?;
            }
            let high = high.map_or(f64::INFINITY, |high| high.amount());
            LawNode::Truncated { low: low.amount(), high, law: Box::new(law.law) }
        }
        Written::Scaled(Scaled { factor, law }) => LawNode::Scaled { factor, law: Box::new(law.law) },
    };
    Some(law)
}

/// Size of the unit that numbers of a file are in.
fn unit_of<Q: Quantity>(unit: &At<String>, problems: &mut Problems) -> Option<u64> {
    let scale = Q::unit(unit);
    if scale.is_none() {
        let message = format!("`{}` is not a unit here", unit.value);
        problems.error(unit.span, message).label(format!("expected a unit as in `{}`", Q::EXAMPLE));
    }
    scale
}

/// Reports a `high` that is not above `low`.
fn rising<Q: Quantity>(low: Q, high: At<Q>, problems: &mut Problems) -> Option<()> {
    if high.value > low {
        return Some(());
    }
    problems.error(high.span, format!("`high` cannot be {}", high.value)).label(format!("expected more than {low}"));
    None
}

/// Reports a list without items.
fn some<T>(items: &[T], node: &Node, problems: &mut Problems) -> Option<()> {
    if items.is_empty() {
        problems.error(node.span, "the list is empty").label("expected at least one part");
    }
    (!items.is_empty()).then_some(())
}

/// The percentiles of a mapping such as `{p50: 14 ms, p99: 60 ms}` in the order of probability, probabilities and amounts
/// rising. Keys that are no percentiles are reported.
fn points<Q: Quantity>(node: &Node, problems: &mut Problems) -> Option<Vec<Point<Q>>> {
    const EXPECTED: &str = "expected percentiles such as `p50` and `p99.9`";
    let Some(entries) = node.as_map() else {
        mismatch(node, EXPECTED, problems);
        return None;
    };
    let mut points = Vec::new();
    for entry in entries {
        let amount = At::<Q>::decode(&entry.value, problems);
        match percentile(&entry.key.text) {
            Some(probability) => points.push(amount.map(|amount| Point { probability, key: entry.key.span, amount })),
            None => {
                problems.error(entry.key.span, format!("unknown key `{}`", entry.key.text)).label(EXPECTED);
                points.push(None);
            }
        }
    }
    let mut points = points.into_iter().collect::<Option<Vec<_>>>()?;
    points.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    for pair in points.windows(2) {
        if pair[0].probability == pair[1].probability {
            let problem = problems.error(pair[1].key, "this percentile is given twice");
            problem.label("given again").also(pair[0].key, "first given here");
            return None;
        }
        if pair[1].amount.value < pair[0].amount.value {
            let problem = problems.error(pair[1].amount.span, "a higher percentile cannot be smaller");
            problem.label(format!("expected at least {}", pair[0].amount.value));
            problem.also(pair[0].amount.span, "the lower percentile");
            return None;
        }
    }
    Some(points)
}

impl<Q: Quantity> Decode for Lognormal<Q> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Lognormal<Q>> {
        let has = |wanted: &dyn Fn(&str) -> bool| {
            node.as_map().is_some_and(|entries| entries.iter().any(|entry| wanted(&entry.key.text)))
        };
        let law = if has(&|key| percentile(key).is_some()) {
            lognormal_through::<Q>(node, problems)?
        } else if has(&|key| matches!(key, "mean" | "cv")) {
            let LognormalMean::<Q> { mean, cv } = LognormalMean::decode(node, problems)?;
            LawNode::LognormalMean { mean: mean.amount(), cv }
        } else {
            let LognormalMedian::<Q> { median, sigma } = LognormalMedian::decode(node, problems)?;
            LawNode::Lognormal { median: median.amount(), sigma }
        };
        Some(Lognormal(law, PhantomData))
    }

    fn schema() -> serde_json::Value {
        let percentiles = json!({
            "type": "object",
            "description": "A lognormal law through two percentiles.",
            "patternProperties": {"^p[0-9]+(\\.[0-9]+)?$": Q::schema()},
            "minProperties": 2,
            "maxProperties": 2,
            "additionalProperties": false,
        });
        json!({"anyOf": [LognormalMedian::<Q>::schema(), LognormalMean::<Q>::schema(), percentiles]})
    }
}

fn lognormal_through<Q: Quantity>(node: &Node, problems: &mut Problems) -> Option<LawNode> {
    let points = points::<Q>(node, problems)?;
    let [first, second] = points.as_slice() else {
        let message = format!("a lognormal law needs two percentiles, not {}", points.len());
        problems.error(node.span, message).help("use `quantiles` for a law through several percentiles");
        return None;
    };
    for point in [first, second] {
        if point.probability <= 0.0 || point.probability >= 1.0 {
            problems
                .error(point.key, "a lognormal law has no smallest and no largest amount")
                .label("expected more than `p0` and less than `p100`");
            return None;
        }
    }
    if first.amount.value <= Q::default() {
        problems
            .error(first.amount.span, format!("a lognormal amount cannot be {}", first.amount.value))
            .label("expected more than nothing");
        return None;
    }
    let plain = |point: &Point<Q>| (point.probability, point.amount.amount());
    Some(LawNode::LognormalThrough { first: plain(first), second: plain(second) })
}

impl<Q: Quantity> Decode for Hyperexponential<Q> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Hyperexponential<Q>> {
        let branches = if node.as_map().is_some() {
            let HyperexponentialMean::<Q> { mean, cv } = HyperexponentialMean::decode(node, problems)?;
            balanced(mean.amount(), cv)
        } else {
            let branches = Vec::<Branch<Q>>::decode(node, problems)?;
            some(&branches, node, problems)?;
            branches.into_iter().map(|branch| (branch.weight, branch.mean.amount())).collect()
        };
        Some(Hyperexponential(LawNode::Hyperexponential { branches }, PhantomData))
    }

    fn schema() -> serde_json::Value {
        json!({"anyOf": [HyperexponentialMean::<Q>::schema(), Vec::<Branch<Q>>::schema()]})
    }
}

/// Weights and means of the two branches of a hyperexponential law with balanced means (W. Whitt, Operations Research 30,
/// 1982, 125-147): each brings half of the mean.
fn balanced(mean: f64, cv: f64) -> Vec<(f64, f64)> {
    let square = cv * cv;
    let often = 0.5 * (1.0 + ((square - 1.0) / (square + 1.0)).sqrt());
    [often, 1.0 - often].map(|weight| (weight, mean / (2.0 * weight))).into()
}

impl<Q: Quantity> Decode for Samples<Q> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Samples<Q>> {
        let amounts: Arc<[f64]> = match &node.value {
            Value::Numbers { numbers, unit } => {
                let scale = unit_of::<Q>(unit, problems)? as f64;
                numbers.iter().map(|number| number * scale).collect()
            }
            _ => Vec::<Q>::decode(node, problems)?.into_iter().map(Q::amount).collect(),
        };
        if amounts.is_empty() {
            problems.error(node.span, "there are no samples").label("expected at least one amount");
            return None;
        }
        Some(Samples(LawNode::Samples(amounts), PhantomData))
    }

    fn schema() -> serde_json::Value {
        json!({"anyOf": [NumbersFile::schema(), Vec::<Q>::schema()]})
    }
}

impl<Q: Quantity> Decode for Quantiles<Q> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Quantiles<Q>> {
        let points = points::<Q>(node, problems)?;
        if points.len() < 2 {
            problems
                .error(node.span, "a law needs at least two percentiles")
                .label("expected such as `{p0: .., p50: .., p100: ..}`");
            return None;
        }
        let points = points.into_iter().map(|point| (point.probability, point.amount.amount())).collect();
        Some(Quantiles(LawNode::Quantiles(points), PhantomData))
    }

    fn schema() -> serde_json::Value {
        let percentiles = json!({
            "type": "object",
            "patternProperties": {"^p[0-9]+(\\.[0-9]+)?$": Q::schema()},
            "minProperties": 2,
            "additionalProperties": false,
        });
        json!({"anyOf": [percentiles, NumbersFile::schema()]})
    }
}

/// The definition that [`LawOf::schema`] refers to.
pub(super) fn schema_of<Q: Quantity>() -> serde_json::Value {
    let mut schema = Written::<Q>::schema();
    if let Some(shapes) = schema["anyOf"].as_array_mut() {
        shapes.insert(0, Q::schema());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(node: Node) -> Result<LawNode, String> {
        let mut problems = Problems::new();
        DurationLaw::decode(&node, &mut problems).map(|law| law.law).ok_or_else(|| {
            let problem = problems.iter().next().expect("a refusal has a reason");
            format!("{}; {}", problem.message, problem.label.as_deref().unwrap_or(""))
        })
    }

    fn law(kind: &str, parameters: &[(&str, &str)]) -> Node {
        Node::map([(kind, Node::map(parameters.iter().map(|(name, text)| (*name, Node::text(*text)))))])
    }

    const MS: f64 = 1e6;

    #[test]
    fn an_amount_alone_is_a_constant() {
        assert_eq!(read(Node::text("5 ms")), Ok(LawNode::Constant(5.0 * MS)));
        assert_eq!(read(Node::map([("constant", Node::text("5 ms"))])), Ok(LawNode::Constant(5.0 * MS)));
    }

    #[test]
    fn laws_are_read_with_amounts_in_nanoseconds() {
        assert_eq!(read(law("exponential", &[("mean", "20 ms")])), Ok(LawNode::Exponential { mean: 20.0 * MS }));
        assert_eq!(
            read(law("erlang", &[("stages", "4"), ("mean", "1 ms")])),
            Ok(LawNode::Gamma { shape: 4.0, mean: MS })
        );
        assert_eq!(
            read(law("uniform", &[("low", "0 s"), ("high", "1 ms")])),
            Ok(LawNode::Uniform { low: 0.0, high: MS })
        );
        assert_eq!(
            read(law("weibull", &[("shape", "0.5"), ("scale", "1 ms")])),
            Ok(LawNode::Weibull { shape: 0.5, scale: MS })
        );
    }

    #[test]
    fn a_lognormal_law_has_three_forms() {
        assert_eq!(
            read(law("lognormal", &[("median", "12 ms"), ("sigma", "0.4")])),
            Ok(LawNode::Lognormal { median: 12.0 * MS, sigma: 0.4 })
        );
        assert_eq!(
            read(law("lognormal", &[("mean", "8 ms"), ("cv", "1")])),
            Ok(LawNode::LognormalMean { mean: 8.0 * MS, cv: 1.0 })
        );
        assert_eq!(
            read(law("lognormal", &[("p99.9", "60 ms"), ("p50", "14 ms")])),
            Ok(LawNode::LognormalThrough { first: (0.5, 14.0 * MS), second: (0.999, 60.0 * MS) })
        );
    }

    #[test]
    fn a_hyperexponential_law_by_its_moments_has_them() {
        let Ok(LawNode::Hyperexponential { branches }) =
            read(law("hyperexponential", &[("mean", "8 ms"), ("cv", "2")]))
        else {
            panic!("no such law");
        };
        let moment = |power: i32, factor: f64| -> f64 {
            branches.iter().map(|(weight, mean)| weight * factor * mean.powi(power)).sum()
        };
        let mean = moment(1, 1.0);
        assert!((mean / (8.0 * MS) - 1.0).abs() < 1e-12, "{mean}");
        let square = moment(2, 2.0) / (mean * mean) - 1.0;
        assert!((square - 4.0).abs() < 1e-12, "{square}");
        assert!(
            read(law("hyperexponential", &[("mean", "8 ms"), ("cv", "0.5")]))
                .unwrap_err()
                .starts_with("`cv` cannot be")
        );
    }

    #[test]
    fn laws_nest() {
        let inner = law("exponential", &[("mean", "1 ms")]);
        let part = Node::map([("weight", Node::text("1")), ("law", inner)]);
        let mixture = Node::map([("mixture", Node::new(Value::List(vec![part]), SourceSpan::default()))]);
        let shifted = Node::map([("shifted", Node::map([("by", Node::text("2 ms")), ("law", mixture)]))]);
        let mixture = LawNode::Mixture { parts: vec![(1.0, LawNode::Exponential { mean: MS })] };
        assert_eq!(read(shifted), Ok(LawNode::Shifted { by: 2.0 * MS, law: Box::new(mixture) }));
    }

    #[test]
    fn numbers_of_a_file_are_samples() {
        let numbers = |unit: &str| {
            let value = Value::Numbers { numbers: vec![1.0, 2.0].into(), unit: At::nowhere(unit.to_string()) };
            Node::map([("samples", Node::new(value, SourceSpan::default()))])
        };
        assert_eq!(read(numbers("us")), Ok(LawNode::Samples(vec![1e3, 2e3].into())));
        assert_eq!(read(numbers("KiB")).unwrap_err(), "`KiB` is not a unit here; expected a unit as in `5 ms`");
    }

    #[test]
    fn parameters_that_contradict_each_other_are_refused() {
        let refused = |node| read(node).unwrap_err();
        assert_eq!(
            refused(law("uniform", &[("low", "2 ms"), ("high", "1 ms")])),
            "`high` cannot be 1 ms; expected more than 2 ms"
        );
        assert_eq!(
            refused(law("lognormal", &[("p50", "2 ms"), ("p99", "1 ms")])),
            "a higher percentile cannot be smaller; expected at least 2 ms"
        );
        assert_eq!(
            refused(law("lognormal", &[("p50", "2 ms"), ("p50.0", "2 ms")])),
            "this percentile is given twice; given again"
        );
        assert!(
            refused(law("lognormal", &[("p50", "2 ms")])).starts_with("a lognormal law needs two percentiles, not 1")
        );
        assert!(
            refused(law("lognormal", &[("p0", "2 ms"), ("p9", "3 ms")])).starts_with("a lognormal law has no smallest")
        );
        assert_eq!(refused(law("exponential", &[("mean", "0 s")])), "`mean` cannot be 0 s; expected more than 0 ns");
        assert!(refused(law("exponental", &[])).starts_with("`exponental` is not allowed here"));
        assert!(
            refused(Node::text("exponential")).starts_with("`exponential` is not a law; expected an amount such as")
        );
        assert!(
            refused(Node::map([("mixture", Node::new(Value::List(vec![]), SourceSpan::default()))]))
                .starts_with("the list is empty")
        );
    }

    #[test]
    fn a_percentile_is_the_nearest_double() {
        assert_eq!(percentile("p99.9"), Some(0.999));
        assert_eq!(percentile("p100"), Some(1.0));
        for wrong in ["99", "p", "p101", "p.5", "p5.", "px", "p1e1"] {
            assert_eq!(percentile(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_schema_of_laws_refers_to_itself_instead_of_growing() {
        let schema = schema_of::<Span>();
        assert_eq!(schema["anyOf"][0]["$ref"], "#/$defs/duration");
        assert!(schema.to_string().contains("#/$defs/duration_law"));
    }
}

//! The top-level sections of a scenario as written; stages declare what may be written about them in their own files.

use super::Asked;
use super::cost::CostSpec;
use super::objective::{self, Measured, Objective};
use crate::diagnostic::Problems;
use crate::facts::Facts;
use crate::spec::{
    At, Decode, DurationLaw, Json, Named, Node, SizeLaw, Tried, Value, above, at_least, between, percentile,
};
use crate::stage::client::ClientSpec;
use crate::time::Span;
use crate::units::{Rate, Share};
use crate::{choice, section, words};
use serde_json::json;

section! {
    /// A scenario: users, the path of their requests, and what is asked of it.
    pub struct ScenarioSpec {
        /// The question the scenario answers.
        title: Tried<Option<String>>,
        /// The AWS region whose facts and prices hold.
        region: Tried<At<String>> = Tried(Some(At::nowhere(DEFAULT_REGION.to_string()))),
        /// The data pack: dated facts and prices.
        data: Tried<At<String>> = Tried(Some(At::nowhere(Facts::DEFAULT_PACK.to_string()))),
        /// Who sends requests, and how many.
        traffic: Tried<At<TrafficSpec>>,
        /// How users wait for answers and try again.
        client: Tried<Option<ClientSpec>>,
        /// The stages a request passes, in this order.
        path: StagesNode,
        /// Lists of stages with a name, for `use`, `route` and `parallel`.
        stages: Tried<Named<StagesNode>> = Tried(Some(Named::default())),
        /// What is asked of the results.
        objectives: Tried<Vec<Tried<At<Objective>>>> = Tried(Some(Vec::new())),
        /// What the simulated traffic costs in a month.
        cost: Tried<Option<CostSpec>>,
        /// How the scenario is run.
        run: Tried<RunSpec>,
    }
}

/// The region when nothing is said.
pub const DEFAULT_REGION: &str = "us-east-1";

/// A list of stages, decoded by [`path`](super::path).
#[derive(Clone, Debug, PartialEq)]
pub struct StagesNode(pub Node);

impl Decode for StagesNode {
    fn decode(node: &Node, _: &mut Problems) -> Option<StagesNode> {
        Some(StagesNode(node.clone()))
    }

    fn schema() -> Json {
        json!({"$ref": "#/$defs/stages"})
    }
}

/// A list of stages or the name of one, decoded by [`path`](super::path).
#[derive(Clone, Debug, PartialEq)]
pub struct StagesOrName(pub Node);

impl Decode for StagesOrName {
    fn decode(node: &Node, _: &mut Problems) -> Option<StagesOrName> {
        Some(StagesOrName(node.clone()))
    }

    fn schema() -> Json {
        json!({"anyOf": [StagesNode::schema(), {"type": "string", "description": "The name of a list in `stages`."}]})
    }
}

section! {
    /// How the scenario is run.
    pub struct RunSpec {
        /// Where luck begins: the same seed gives the same results.
        seed: u64 = 1,
        /// Independent replications, or one long run cut into batches: for a start that takes long to forget.
        method: Method = Method::Replications,
        /// Independent repetitions. Left out, there are 10, 20, 40 and so on, until the results are as precise as asked.
        replications: Option<At<u32>> => between(1, 100_000),
        /// Relative error at which replications end: `5%` of mean and p99 (twice as much of quantiles beyond), or one for each
        /// metric, such as `{mean: 2%, p99.9: 10%}`. With it `replications` is the number to begin with.
        precision: Option<At<PrecisionSpec>>,
        /// Replications that are not exceeded for the sake of precision.
        max_replications: u32 = Asked::REPLICATIONS => between(1, 100_000),
        /// Simulated requests that are not exceeded for the sake of precision.
        max_requests: u64 = Asked::REQUESTS => at_least(1),
        /// Whether mean latency is corrected by what is known of the load, which makes its interval narrower.
        control_variates: bool = false,
        /// Percentiles to estimate besides the standard ones, such as `[p75, p99.95]`.
        percentiles: Vec<PercentileSpec> = Vec::new(),
        /// The start that is not measured: `auto` (a tenth of the duration, or what MSER-5 finds in steady traffic where that
        /// is more), a share of the duration, or a time.
        warmup: At<Warmup> = At::nowhere(Warmup::Auto),
        /// Interval of the series over time; a round one when left out.
        interval: Option<At<Span>> => at_least(Span::from_millis(1)),
        /// Confidence of the intervals around results.
        confidence: Share = Share(0.95) => between(Share(0.5), Share(0.9999)),
        /// Requests waiting at one place beyond which the run ends as unstable.
        max_backlog: u32 = 100_000 => at_least(1),
        /// Requests held at once beyond which the run ends as unstable: a guard of memory.
        max_in_flight: u32 = 2_000_000 => at_least(1),
    }
}

section! {
    /// Who sends requests, and how many. Exactly one of `rate`, `stages`, `users` and `replay` says how many, unless
    /// `arrivals` does.
    pub struct TrafficSpec {
        /// How regularly requests arrive.
        arrivals: Option<At<Arrivals>>,
        /// Requests a second, always the same.
        rate: Option<At<Rate>> => above(Rate(0.0)),
        /// How long requests arrive.
        duration: Option<At<Span>> => above(Span::ZERO),
        /// A rate that changes: one ramp after another.
        stages: Option<At<Vec<RampSpec>>>,
        /// The rate at which the first of the `stages` begins.
        start_rate: Option<At<Rate>>,
        /// Users, each of which sends a request, waits for the answer, thinks, and sends the next.
        users: Option<At<u32>> => between(1, 10_000_000),
        /// Time between an answer and the next request of a user.
        think: Option<At<DurationLaw>>,
        /// What users do first.
        start: Option<At<Start>>,
        /// Requests as they were measured elsewhere.
        replay: Option<At<ReplaySpec>>,
        /// Size of requests.
        request_size: Option<At<SizeLaw>>,
        /// Size of responses.
        response_size: Option<At<SizeLaw>>,
        /// Which object a request asks for.
        keys: Option<At<KeysSpec>>,
        /// Kinds of requests; what is left of 100 % goes to the only class without a share.
        classes: Vec<ClassSpec> = Vec::new(),
    }
}

choice! {
    /// How regularly requests arrive.
    pub enum Arrivals {
        /// Without memory, as from many users who know nothing of each other.
        Poisson = "poisson",
        /// At equal distances.
        Constant = "constant",
        /// Times between arrivals by a law, which also says how many there are.
        Renewal(DurationLaw) = "renewal",
        /// Poisson with a rate that jumps between phases, which also say how many there are.
        Mmpp(MmppSpec) = "mmpp",
        /// Poisson with a rate that swings like the day, which also says how many there are.
        Daily(DailySpec) = "daily",
    }
}

words! {
    /// What users do first.
    pub enum Start {
        /// They think, each for a time of its own.
        Thinking = "thinking",
        /// They all ask at once.
        Together = "together",
    }
}

section! {
    /// A rate that swings like the day: a base with a sine wave on it.
    pub struct DailySpec {
        /// The mean rate.
        base: At<Rate> => above(Rate(0.0)),
        /// How far the rate goes up and down; at most the base.
        amplitude: At<Rate>,
        /// Length of a wave.
        period: Span = Span::from_secs(86_400) => above(Span::ZERO),
        /// Where in the wave the run begins: 0% at the mean and rising, 25% at the peak, 75% at the trough.
        phase: Share = Share(0.0),
    }
}

section! {
    /// A Poisson process whose rate jumps from phase to phase.
    pub struct MmppSpec {
        /// The rate of each phase.
        rates: At<Vec<Rate>>,
        /// The mean time in each phase, exponential.
        sojourns: At<Vec<Span>>,
    }
}

section! {
    /// A linear ramp from the rate before to a target.
    pub struct RampSpec {
        /// How long it takes; `0 s` is a jump.
        duration: At<Span>,
        /// The rate at its end.
        target: At<Rate>,
    }
}

section! {
    /// A kind of requests.
    pub struct ClassSpec {
        /// Its name.
        name: At<String>,
        /// Its share of all requests.
        share: Option<At<Share>>,
        /// Size of its requests.
        request_size: Option<At<SizeLaw>>,
        /// Size of its responses.
        response_size: Option<At<SizeLaw>>,
        /// Which object a request asks for.
        keys: Option<At<KeysSpec>>,
    }
}

section! {
    /// Which object a request asks for.
    pub struct KeysSpec {
        /// Number of different objects.
        count: u32 => between(1, 10_000_000),
        /// Popularity falls with the rank to the power of this; 0 means that all are equally popular.
        zipf: f64 = 0.0 => between(0.0, 10.0),
    }
}

/// Requests as they were measured elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplaySpec {
    /// Numbers of requests in equal intervals.
    Counts(CountsSpec),
    /// Single requests.
    Requests(Box<RequestsSpec>),
}

section! {
    /// Numbers of requests in equal intervals.
    pub struct CountsSpec {
        /// CSV file with a row for each interval, plain or gzip.
        counts: At<String>,
        /// Length of an interval.
        interval: Span => above(Span::ZERO),
        /// Column with the numbers, by its title; left out for a file that is one bare column.
        column: Option<At<String>>,
        /// What is left out at the start.
        skip: Span = Span::ZERO,
        /// How much is replayed; all that follows when left out.
        take: Option<Span> => above(Span::ZERO),
        /// Every number is multiplied by this.
        scale: f64 = 1.0 => above(0.0),
        /// Where requests lie within their interval.
        placement: Placement = Placement::Uniform,
    }
}

words! {
    /// Where requests lie within their interval.
    pub enum Placement {
        /// Each anywhere, independently.
        Uniform = "uniform",
        /// At equal distances.
        Even = "even",
    }
}

section! {
    /// Single requests, one a row, in any order.
    pub struct RequestsSpec {
        /// CSV file with titles and a row for each request, plain or gzip.
        requests: At<String>,
        /// Which column holds what.
        columns: ColumnsSpec,
        /// What is left out at the start.
        skip: Span = Span::ZERO,
        /// How much is replayed; all that follows when left out.
        take: Option<Span> => above(Span::ZERO),
        /// Below 1, requests are left out at random; above 1, time runs faster.
        scale: f64 = 1.0 => above(0.0),
    }
}

section! {
    /// Columns of a file of requests, by title.
    pub struct ColumnsSpec {
        /// When the request is sent.
        time: At<String>,
        /// Unit of `time`, such as `us`, or `date` for texts such as `2026-11-16 18:17:03.98`.
        time_unit: At<String>,
        /// Whether time begins with the first request; otherwise times count from the start of the run. Dates always begin
        /// with the first request.
        from_first: bool = false,
        /// Name of the class.
        class: Option<At<String>>,
        /// The object asked for.
        key: Option<At<String>>,
        /// Service demand, for stations with `service: demand`.
        demand: Option<At<String>>,
        /// Unit of `demand`; that of `time` when left out.
        demand_unit: Option<At<String>>,
        /// Name of the target, for balancers with `policy: given`.
        target: Option<At<String>>,
        /// Size of the request in bytes.
        request_size: Option<At<String>>,
        /// Size of the response in bytes.
        response_size: Option<At<String>>,
    }
}

/// The part of a run that is not measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warmup {
    /// What the pilot runs say.
    Auto,
    /// A share of the duration.
    Share(Share),
    /// A time.
    Time(Span),
}

words! {
    /// Where intervals come from.
    pub enum Method {
        /// Independent runs.
        Replications = "replications",
        /// Batches of one long run.
        Batches = "batches",
    }
}

/// The relative error at which replications end.
#[derive(Clone, Debug, PartialEq)]
pub enum PrecisionSpec {
    /// Of all metrics that matter.
    All(Share),
    /// Of these metrics.
    Each(Vec<(Measured, Share)>),
}

impl PrecisionSpec {
    fn share(node: &Node, problems: &mut Problems) -> Option<Share> {
        let share = Share::decode(node, problems)?;
        if share.0 <= 0.0 || share.0 >= 1.0 {
            problems.error(node.span, "a relative error lies between 0% and 100%").label("expected such as `5%`");
            return None;
        }
        Some(share)
    }
}

impl Decode for PrecisionSpec {
    fn decode(node: &Node, problems: &mut Problems) -> Option<PrecisionSpec> {
        let Value::Map(entries) = &node.value else {
            return PrecisionSpec::share(node, problems).map(PrecisionSpec::All);
        };
        let read: Vec<Option<(Measured, Share)>> = entries
            .iter()
            .map(|entry| {
                let metric = objective::measured(&entry.key.text, entry.key.span, problems);
                if let Some(Measured::Errors | Measured::Throughput) = metric {
                    let problem = problems.error(entry.key.span, "a precision is asked of latencies only");
                    problem.label("expected `mean` or a percentile such as `p99`");
                    return None;
                }
                metric.zip(PrecisionSpec::share(&entry.value, problems))
            })
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>().map(PrecisionSpec::Each)
    }

    fn schema() -> Json {
        let each = json!({"type": "object", "additionalProperties": Share::schema()});
        json!({"anyOf": [Share::schema(), each]})
    }
}

/// A percentile as people write it: `p99.5`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentileSpec(pub f64);

impl Decode for PercentileSpec {
    fn decode(node: &Node, problems: &mut Problems) -> Option<PercentileSpec> {
        let text = node.as_text().unwrap_or_default();
        let p = percentile(text).filter(|&p| p > 0.0 && p < 1.0);
        if p.is_none() {
            let problem = problems.error(node.span, format!("`{text}` is not a percentile that can be estimated"));
            problem.label("expected such as `p75` or `p99.95`, more than `p0` and less than `p100`");
        }
        p.map(PercentileSpec)
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": r"^p[0-9]+(\.[0-9]+)?$", "examples": ["p75", "p99.95"]})
    }
}

impl Decode for Warmup {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Warmup> {
        match node.as_text() {
            Some("auto") => Some(Warmup::Auto),
            Some(text) if text.contains('%') => Share::decode(node, problems).map(Warmup::Share),
            _ => Span::decode(node, problems).map(Warmup::Time),
        }
    }

    fn schema() -> Json {
        json!({"anyOf": [{"const": "auto"}, Share::schema(), Span::schema()]})
    }

    fn written(&self) -> Option<Json> {
        match self {
            Warmup::Auto => Some(json!("auto")),
            Warmup::Share(share) => share.written(),
            Warmup::Time(span) => span.written(),
        }
    }
}

impl Decode for ReplaySpec {
    fn decode(node: &Node, problems: &mut Problems) -> Option<ReplaySpec> {
        match (node.get("counts"), node.get("requests")) {
            (Some(_), None) => CountsSpec::decode(node, problems).map(ReplaySpec::Counts),
            (None, Some(_)) => Box::<RequestsSpec>::decode(node, problems).map(ReplaySpec::Requests),
            _ => {
                let problem = problems.error(node.span, "a replay needs one file");
                problem.label("expected either `counts: FILE` or `requests: FILE`");
                None
            }
        }
    }

    fn schema() -> Json {
        json!({"anyOf": [CountsSpec::schema(), RequestsSpec::schema()]})
    }
}

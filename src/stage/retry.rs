//! Retries: when an answer is repeated, after which time, and within which budget. Used by the client, and as a stage
//! `retry` by whoever repeats inside the path.

use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, Backoff, BudgetId, BudgetSpec, Builder, Part, RetrySpec, Sourced};
use crate::spec::{At, DurationLaw, Json, Limit, Node, above};
use crate::time::Span;
use crate::units::Share;
use crate::{section, words};

/// Retries a budget holds at most, and at the start, when nothing is said: ten, as is common for request budgets.
const BUDGET_CAP: f64 = 10.0;

words! {
    /// How the time between attempts grows.
    pub enum Growth {
        /// Not at all.
        Fixed = "fixed",
        /// Twice as long each time.
        Exponential = "exponential",
        /// Uniform between zero and the exponential one.
        FullJitter = "full-jitter",
    }
}

section! {
    /// When and how an attempt is repeated.
    pub struct RetriesSpec {
        /// Attempts in all, the first included, or `unlimited`.
        attempts: At<Limit<u32>>,
        /// What is repeated: `timeout`, a status such as `429`, or a class of them such as `5xx`.
        on: Option<Vec<At<Repeated>>>,
        /// How the time between attempts grows.
        backoff: Growth = Growth::FullJitter,
        /// Time before the second attempt.
        base: Span = Span::from_millis(100),
        /// The longest time between attempts.
        max: Span = Span::from_secs(20),
        /// A law for the time between attempts, instead of growth.
        delay: Option<DurationLaw>,
        /// Share of the first attempts that may be repeated in the long run; without it there is no budget.
        budget: Option<Share>,
        /// Retries the budget can hold; it starts full.
        budget_cap: f64 = BUDGET_CAP => above(0.0),
    }
}

/// What is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// No answer in time.
    Timeout,
    /// Statuses in this range.
    Status(u16, u16),
}

impl crate::spec::Decode for Repeated {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Repeated> {
        let text = node.as_text().unwrap_or_default();
        let hundreds = |class: &str| class.parse().ok().filter(|class| (1..=5).contains(class));
        let repeated = match text.strip_suffix("xx") {
            Some(class) => hundreds(class).map(|class: u16| Repeated::Status(class * 100, class * 100 + 99)),
            None if text == "timeout" => Some(Repeated::Timeout),
            None => text.parse().ok().filter(|status| (400..600).contains(status)).map(|s| Repeated::Status(s, s)),
        };
        if repeated.is_none() {
            problems
                .error(node.span, format!("`{text}` cannot be repeated"))
                .label("expected `timeout`, a status such as `429`, or a class such as `5xx`");
        }
        repeated
    }

    fn schema() -> Json {
        serde_json::json!({
            "anyOf": [{"type": "string", "pattern": "^(timeout|[45]xx|[45][0-9][0-9])$"}, {"type": "integer"}],
            "description": "`timeout`, a status such as `429`, or a class such as `5xx`",
        })
    }
}

/// Checked retries.
#[derive(Clone, Debug)]
pub struct Retries {
    spec: RetriesSpec,
    delay: Option<Sourced<LawSpec>>,
}

impl Retries {
    /// Checks what was written.
    pub fn check(spec: RetriesSpec, problems: &mut Problems) -> Option<Retries> {
        let before = problems.len();
        if spec.attempts.value.at_most() == Some(0) {
            problems.error(spec.attempts.span, "0 attempts send nothing").label("expected at least 1");
        }
        let delay = spec.delay.as_ref().and_then(|law| given_law(law, problems));
        (problems.len() == before).then_some(Retries { spec, delay })
    }

    /// Counts a first attempt, if there is a budget.
    pub fn earn(&self, b: &mut Builder) -> Option<BudgetId> {
        let share = self.spec.budget?.0;
        Some(b.earn(BudgetSpec { name: "budget".into(), share, cap: self.spec.budget_cap }))
    }

    /// Repeats from a label. Compile it after everything that may be repeated, so that all outcomes are known.
    pub fn compile(&self, b: &mut Builder, budget: Option<BudgetId>, from: crate::program::Label) {
        let RetriesSpec { base, max, .. } = self.spec;
        let backoff = match (&self.delay, self.spec.backoff) {
            (Some(law), _) => Backoff::Law(b.site("back-off", law)),
            (None, Growth::Fixed) => Backoff::Fixed(base),
            (None, Growth::Exponential) => Backoff::Exponential { base, max },
            (None, Growth::FullJitter) => {
                let site = b.chance_site("back-off", &crate::program::Origin::Scenario);
                Backoff::FullJitter { base, max, site }
            }
        };
        let on = b.outcomes().iter().map(|outcome| self.repeats(outcome.status, outcome.answered)).collect();
        let policy = RetrySpec {
            name: "retries".into(),
            attempts: self.spec.attempts.value.at_most(),
            on,
            backoff,
            budget,
            counter: b.register("attempts"),
            depth: 0,
            salt: 0,
        };
        b.retry(policy, from);
    }

    /// Whether an outcome is repeated. When nothing is said: no answer, 429, and the gateway errors 502, 503, 504.
    fn repeats(&self, status: u16, answered: Answered) -> bool {
        let Some(on) = &self.spec.on else {
            return status == 0 || matches!(status, 429 | 502 | 503 | 504);
        };
        on.iter().any(|repeated| match repeated.value {
            Repeated::Timeout => answered == Answered::TimedOut,
            Repeated::Status(low, high) => (low..=high).contains(&status) && answered != Answered::Served,
        })
    }
}

/// The stage `retry`: repeats the rest of the path.
#[derive(Debug)]
pub struct Retry {
    name: String,
    retries: Retries,
}

impl Stage for Retry {
    const KIND: &'static str = "retry";
    type Spec = RetriesSpec;

    fn check(spec: RetriesSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Retry> {
        Some(Retry { name: context.name.to_owned(), retries: Retries::check(spec, problems)? })
    }
}

impl Part for Retry {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Retry::KIND
    }

    fn compile(&self, b: &mut Builder) {
        let budget = self.retries.earn(b);
        let again = b.label();
        b.bind(again);
        b.next();
        self.retries.compile(b, budget, again);
    }
}

//! What REST, HTTP and WebSocket APIs share: throttles, answers the gateway gives itself, and the call to the integration.

use super::bucket::Scope;
use super::client::Client;
use super::fleet::there_and_back;
use super::meter::count_answer;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, BucketSpec, Builder, Condition, Label, LimitScope, Origin, OutcomeId, OutcomeTest, Sourced,
};
use crate::section;
use crate::spec::{above, at_least};
use crate::time::Span;
use crate::units::{Rate, Share};

section! {
    /// A token bucket of a stage, route or method.
    pub struct ThrottleSpec {
        /// Requests that pass in the long run.
        rate: Rate => above(Rate(0.0)),
        /// Requests that may pass at once.
        burst: f64 => at_least(1.0),
        /// Who shares it.
        per: Scope = Scope::Shared,
    }
}

section! {
    /// The token bucket of the account, shared by all its APIs in the Region.
    pub struct AccountSpec {
        /// Requests that pass in the long run.
        rate: Option<Rate> => above(Rate(0.0)),
        /// Requests that may pass at once.
        burst: Option<f64> => at_least(1.0),
    }
}

impl ThrottleSpec {
    /// The bucket.
    pub fn bucket(&self, name: &str) -> BucketSpec {
        let scope = match self.per {
            Scope::Shared => LimitScope::Shared,
            Scope::Key => LimitScope::Key,
            Scope::Class => LimitScope::Class,
        };
        let (rate, burst, origin) = (self.rate.0, self.burst, Origin::Scenario);
        BucketSpec { name: name.to_owned(), rate, burst, scope, origin }
    }
}

/// The checked bucket of the account.
#[derive(Debug)]
pub struct Account {
    /// Requests that pass in the long run.
    pub rate: Sourced<Rate>,
    /// Requests that may pass at once.
    pub burst: Sourced<f64>,
}

impl Account {
    /// Takes a token of the account.
    pub fn compile(&self, b: &mut Builder, refused: Label) {
        b.fact("account rate", self.rate.value, &self.rate.origin);
        b.fact("account burst", self.burst.value, &self.burst.origin);
        let bucket = BucketSpec {
            name: "account".to_owned(),
            rate: self.rate.value.0,
            burst: self.burst.value,
            scope: LimitScope::Shared,
            origin: self.rate.origin.clone(),
        };
        b.limit_else(bucket, refused);
    }
}

/// Takes a token of a throttle and notes it.
pub fn throttle(b: &mut Builder, name: &str, spec: &ThrottleSpec, refused: Label) {
    b.fact(&format!("{name} rate"), spec.rate, &Origin::Scenario);
    b.fact(&format!("{name} burst"), spec.burst, &Origin::Scenario);
    b.limit_else(spec.bucket(name), refused);
}

/// How a gateway counts a request that it bills.
#[derive(Clone, Copy, Debug)]
pub struct Billing {
    /// Name of the meter.
    pub meter: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// How much a request counts.
    pub amount: Amount,
}

impl Billing {
    /// Counts the request.
    pub fn count(self, b: &mut Builder) {
        b.meter(self.meter, self.unit, self.amount);
    }
}

/// Answers the gateway gives itself, all after the same time, some of them billed. They are compiled at the end.
#[derive(Debug)]
pub struct Refusals<'a> {
    time: &'a Sourced<LawSpec>,
    billing: Billing,
    pending: Vec<(Label, OutcomeId, bool)>,
}

impl<'a> Refusals<'a> {
    /// None so far.
    pub fn new(time: &'a Sourced<LawSpec>, billing: Billing) -> Self {
        Refusals { time, billing, pending: Vec::new() }
    }

    /// A label that answers with a status and ends the stage.
    pub fn label(&mut self, b: &mut Builder, status: u16, reason: &str) -> Label {
        let outcome = b.outcome(status, Answered::Rejected, reason);
        self.with(b, outcome, false)
    }

    /// As `label`, for a request that is billed.
    pub fn billed(&mut self, b: &mut Builder, status: u16, reason: &str) -> Label {
        let outcome = b.outcome(status, Answered::Rejected, reason);
        self.with(b, outcome, true)
    }

    /// A label that answers with an outcome and ends the stage.
    pub fn with(&mut self, b: &mut Builder, outcome: OutcomeId, billed: bool) -> Label {
        let known = self.pending.iter().find(|(_, known, count)| *known == outcome && *count == billed);
        if let Some((label, ..)) = known {
            return *label;
        }
        let label = b.label();
        self.pending.push((label, outcome, billed));
        label
    }

    /// Answers a share of the requests with a status.
    pub fn share(&mut self, b: &mut Builder, purpose: &str, share: f64, status: u16, reason: &str) {
        if share > 0.0 {
            let refused = self.label(b, status, reason);
            b.chance(purpose, &Sourced::given(share), refused);
        }
    }

    /// Compiles the answers behind the path of those who are served.
    pub fn compile(self, b: &mut Builder) {
        if self.pending.is_empty() {
            return;
        }
        let (end, answered) = (b.end(), b.label());
        b.jump(end);
        for (label, outcome, billed) in self.pending {
            b.bind(label);
            if billed {
                self.billing.count(b);
            }
            b.answer(outcome);
            b.jump(answered);
        }
        b.bind(answered);
        b.delay("refusal", self.time);
    }
}

/// The call to the integration: half of the gateway's own time before it and half after, with one draw.
#[derive(Debug)]
pub struct Integration<'a> {
    /// The gateway's own time.
    pub overhead: &'a Sourced<LawSpec>,
    /// Longest wait.
    pub timeout: &'a Sourced<Span>,
    /// Status of an integration that does not answer in time.
    pub late: u16,
    /// Status of an integration that cannot be reached.
    pub unreachable: u16,
}

impl Integration<'_> {
    /// Calls what comes after the gateway. Its errors keep their status; no answer at all becomes one of the gateway.
    pub fn compile(&self, b: &mut Builder) {
        b.fact("integration timeout", self.timeout.value, &self.timeout.origin);
        there_and_back(b, "overhead", self.overhead, |b| {
            if !b.has_next() {
                return;
            }
            let late = b.outcome(self.late, Answered::Failed, "integration timed out");
            b.call(Some(self.timeout.value), late, Builder::next);
            unanswered(b, self.unreachable, "integration cannot be reached");
        });
    }
}

/// Turns a share of the requests away with a status; nothing is compiled for nobody.
pub fn turn_away(b: &mut Builder, purpose: &str, share: Share, status: u16, reason: &str) {
    if share.0 > 0.0 {
        let outcome = b.outcome(status, Answered::Rejected, reason);
        b.fail(purpose, &Sourced::given(share.0), outcome);
    }
}

/// Answers with a status for whatever comes next and gave none, such as a connection that was refused.
pub fn unanswered(b: &mut Builder, status: u16, reason: &str) {
    // The client's own outcome for no answer is no answer of a stage.
    let own = |reason: &str| reason.split(':').next() == Some(Client::NAME);
    if b.outcomes().iter().any(|outcome| outcome.status == 0 && !own(&outcome.reason)) {
        let outcome = b.outcome(status, Answered::Failed, reason);
        let to = b.otherwise(outcome);
        b.branch(Condition::Outcome(OutcomeTest::Status(0, 0)), to);
    }
}

/// Whether a load balancer faces the internet when nothing is said: clients come to it without a gateway, another
/// balancer or a private line before it.
pub fn faces_internet(b: &Builder) -> bool {
    !["rest_api", "http_api", "websocket_api", "nlb", "alb", "link"].into_iter().any(|kind| b.comes_after(kind))
}

/// What the answers of a load balancer cost: capacity, and when it faces the internet what it sends there, beside an address
/// in each zone.
pub fn charge_for_answers(b: &mut Builder, zones: u32, public: bool) {
    if public {
        b.standing("public_ipv4_in_use_hour", zones.into(), 1);
    }
    match public && sends_to_internet(b) {
        true => count_answer(b, &["processed_bytes", "internet_out_gb"]),
        false => count_answer(b, &["processed_bytes"]),
    }
}

/// Whether the gateway itself sends its answers to the internet: nothing else stands before it that would.
pub fn sends_to_internet(b: &Builder) -> bool {
    !b.comes_after("cloudfront")
}

//! `http_api`: an API Gateway HTTP API. Size (413), route (404), answers to CORS preflight requests without
//! authorization and integration, throttles of route and account (429), authorizer (401, 403, 500), integration with its
//! deadline (504). Errors of the integration keep their status. A request counts as many on the bill as its larger side, or
//! the request alone, has started units of 512 KB.

use super::authorizer::{Authorizer, HttpAuthorizer};
use super::defaults::Defaults;
use super::gateway::{Account, AccountSpec, Billing, Integration, Refusals, ThrottleSpec, sends_to_internet, throttle};
use super::meter::count_answer;
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, Answered, Builder, Condition, Part, Sourced};
use crate::spec::{At, DurationLaw, between};
use crate::time::Span;
use crate::units::{Bytes, Share};
use crate::{section, words};

words! {
    /// Whose bytes make a request more than one on the bill.
    pub enum Metered {
        /// The larger of request and answer.
        Larger = "larger",
        /// The request.
        Request = "request",
    }
}

section! {
    /// An API Gateway HTTP API.
    pub struct HttpApiSpec {
        /// Share of requests to routes that do not exist (404).
        unmatched: Share = Share(0.0),
        /// Share of CORS preflight requests, which the gateway answers itself (204).
        preflight: Share = Share(0.0),
        /// Throttle of the route or stage.
        throttle: Option<ThrottleSpec>,
        /// Throttle of the account.
        account: Option<AccountSpec>,
        /// Who checks requests.
        authorizer: HttpAuthorizer = HttpAuthorizer::None,
        /// Whose bytes are metered in units of 512 KB. AWS names requests and does not say whether a large answer counts.
        metered: Metered = Metered::Larger,
        /// Longest wait for the integration: 50 ms to 30 s.
        integration_timeout: Option<At<Span>>,
        /// HTTP status of an integration that does not answer in time: 504, or 503 as some report.
        timeout_status: Option<u16> => between(503, 504),
        /// HTTP status of an integration that cannot be reached.
        unreachable_status: Option<u16> => between(500, 504),
        /// Time of the gateway itself for a request it passes on.
        overhead: Option<DurationLaw>,
        /// Time of an answer the gateway gives itself.
        refusal_time: Option<DurationLaw>,
    }
}

/// A checked HTTP API.
#[derive(Debug)]
pub struct HttpApi {
    name: String,
    spec: HttpApiSpec,
    payload: Sourced<Bytes>,
    unit: Sourced<Bytes>,
    authorizer: Authorizer,
    account: Account,
    timeout: Sourced<Span>,
    late: u16,
    unreachable: u16,
    overhead: Sourced<LawSpec>,
    refusal: Sourced<LawSpec>,
}

impl Stage for HttpApi {
    const KIND: &'static str = "http_api";
    type Spec = HttpApiSpec;

    fn check(spec: HttpApiSpec, context: &Context<'_>, problems: &mut Problems) -> Option<HttpApi> {
        let before = problems.len();
        let facts = context.facts;
        let mut defaults = Defaults::new(context, problems);
        let timeout = check_timeout(&spec, &mut defaults);
        let account = spec.account.as_ref();
        let rate =
            defaults.or(account.and_then(|account| account.rate), facts.rate("apigw_throttle.account_rate_default"));
        let burst = defaults
            .or(account.and_then(|account| account.burst), facts.number("apigw_throttle.account_burst_default"));
        let authorizer = Authorizer::of_http(&spec.authorizer, &mut defaults);
        let overhead = defaults.law(&spec.overhead, "apigw_http.overhead_latency");
        let refusal = defaults.law(&spec.refusal_time, "apigw_throttle.reject_latency");
        let payload = defaults.fact(facts.bytes("apigw_http.payload_max"));
        let unit = defaults.fact(facts.bytes("apigw_http.metering_unit"));
        let late = defaults.fact(facts.count("apigw_http.status_integration_timeout"));
        let unreachable = defaults.fact(facts.count("vpclink_v2.status_unreachable"));
        if problems.len() > before {
            return None;
        }
        Some(HttpApi {
            name: context.name.to_owned(),
            payload: payload?,
            unit: unit?,
            authorizer: authorizer?,
            account: Account { rate: rate?, burst: burst? },
            timeout: timeout?,
            late: spec.timeout_status.unwrap_or(late?.value as u16),
            unreachable: spec.unreachable_status.unwrap_or(unreachable?.value as u16),
            overhead: overhead?,
            refusal: refusal?,
            spec,
        })
    }
}

fn check_timeout(spec: &HttpApiSpec, defaults: &mut Defaults<'_, '_>) -> Option<Sourced<Span>> {
    let facts = defaults.facts();
    let most = defaults.fact(facts.span("apigw_http.integration_timeout_max"))?;
    let Some(written) = &spec.integration_timeout else { return Some(most) };
    let least = Span::from_millis(50);
    if !(least..=most.value).contains(&written.value) {
        defaults
            .problems()
            .error(written.span, "the integration timeout is out of range")
            .label(format!("expected {least} to {}", most.value))
            .help(most.origin.to_string());
        return None;
    }
    Some(Sourced::given(written.value))
}

impl HttpApi {
    fn answer_preflight(&self, b: &mut Builder, billing: Billing) {
        let share = self.spec.preflight.0;
        if share <= 0.0 {
            return;
        }
        let allowed = b.outcome(204, Answered::Served, "CORS preflight");
        let (preflight, other, end) = (b.label(), b.label(), b.end());
        b.chance("preflight", &Sourced::given(share), preflight);
        b.jump(other);
        b.bind(preflight);
        billing.count(b);
        b.delay("preflight", &self.refusal);
        b.answer(allowed);
        b.jump(end);
        b.bind(other);
    }
}

impl Part for HttpApi {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        HttpApi::KIND
    }

    fn compile(&self, b: &mut Builder) {
        let unit = self.unit.value.0 as u32;
        let amount = match self.spec.metered {
            Metered::Larger => Amount::UnitsOf(unit),
            Metered::Request => Amount::RequestUnitsOf(unit),
        };
        let billing = Billing { meter: "http_request", unit: "request_512kb", amount };
        let mut refusals = Refusals::new(&self.refusal, billing);
        let too_large = refusals.billed(b, 413, "request too large");
        b.branch(Condition::RequestAbove(self.payload.value.0 as u32), too_large);
        refusals.share(b, "unmatched", self.spec.unmatched.0, 404, "no such route");
        self.answer_preflight(b, billing);
        let throttled = refusals.label(b, 429, "throttled");
        if let Some(spec) = &self.spec.throttle {
            throttle(b, "throttle", spec, throttled);
        }
        self.account.compile(b, throttled);
        self.authorizer.compile(b, &mut refusals);
        billing.count(b);
        let (late, unreachable) = (self.late, self.unreachable);
        let integration = Integration { overhead: &self.overhead, timeout: &self.timeout, late, unreachable };
        integration.compile(b);
        if sends_to_internet(b) {
            count_answer(b, &["internet_out_gb"]);
        }
        refusals.compile(b);
    }
}

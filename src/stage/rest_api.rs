//! `rest_api`: an API Gateway REST API. The order of its checks is the documented one: size (413), route (403), access
//! control with resource policy and authorizer (401, 403, 500), API key and usage plan (403, 429), throttles of stage
//! and account (429), request validation (400), stage cache, mapping, integration with its deadline (504). Errors of
//! the integration keep their status. The gateway's own time is spent half before and half after the integration;
//! answers it gives itself take a time of their own. A web ACL is the stage `waf` before it. Left out: throttles that
//! are precise only on average, response streaming, the number of API keys.

use super::authorizer::{Authorizer, RestAuthorizer};
use super::cloudfront::OriginHop;
use super::defaults::Defaults;
use super::fleet::there_and_back;
use super::gateway::{Account, AccountSpec, Billing, Integration, Refusals, ThrottleSpec, sends_to_internet, throttle};
use super::meter::count_answer;
use super::{Context, Stage, hop};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, BucketSpec, Builder, CacheSpec, Condition, Discipline, Label, LimitScope, Origin, OutcomeTest,
    Part, Per, Place, Service, Sourced, StationSpec,
};
use crate::spec::{At, DurationLaw, above, at_least, between};
use crate::time::Span;
use crate::units::{Bytes, Rate, Share};
use crate::{section, words};

/// Requests that wait for the node of the stage cache before they are turned away.
const CACHE_QUEUE: u32 = 1_000;

words! {
    /// Where clients reach the API.
    pub enum Endpoint {
        /// In its Region.
        Regional = "regional",
        /// At points of presence, through a distribution of its own without cache.
        Edge = "edge",
        /// In a VPC, through an interface endpoint.
        Private = "private",
    }
}

words! {
    /// Sizes of the stage cache, in GB.
    pub enum CacheSize {
        /// 0.5 GB.
        Gb05 = "0.5",
        /// 1.6 GB.
        Gb16 = "1.6",
        /// 6.1 GB.
        Gb61 = "6.1",
        /// 13.5 GB.
        Gb135 = "13.5",
        /// 28.4 GB.
        Gb284 = "28.4",
        /// 58.2 GB.
        Gb582 = "58.2",
        /// 118 GB.
        Gb118 = "118",
        /// 237 GB.
        Gb237 = "237",
    }
}

words! {
    /// Period of a quota.
    pub enum Period {
        /// A day.
        Day = "day",
        /// A week.
        Week = "week",
        /// A month of 30 days.
        Month = "month",
    }
}

section! {
    /// An API Gateway REST API.
    pub struct RestApiSpec {
        /// Where clients reach it.
        endpoint: Endpoint = Endpoint::Regional,
        /// Availability Zones of the interface endpoint of a private API, each of which costs its hours.
        endpoint_zones: u32 = hop::ZONES => between(1, 6),
        /// The resource policy; a private API needs one.
        resource_policy: Option<ResourcePolicySpec>,
        /// Share of requests to routes that do not exist (403).
        unmatched: Share = Share(0.0),
        /// Who checks requests.
        authorizer: RestAuthorizer = RestAuthorizer::None,
        /// API keys and what each may do.
        usage_plan: Option<UsagePlanSpec>,
        /// Throttle of the stage.
        throttle: Option<ThrottleSpec>,
        /// Throttle of the account.
        account: Option<AccountSpec>,
        /// Whether the throttles of stage and account come before access control instead of after it.
        throttle_first: bool = false,
        /// Validation of requests.
        validation: Option<ValidationSpec>,
        /// Cache of the stage.
        cache: Option<StageCacheSpec>,
        /// Whether requests and answers are mapped by templates (no proxy integration).
        mapping: bool = false,
        /// Time of a mapping.
        mapping_time: Option<DurationLaw>,
        /// Longest wait for the integration, from 50 ms; more than 29 s on request, not at the edge.
        integration_timeout: Option<At<Span>>,
        /// Time of the gateway itself for a request it passes on.
        overhead: Option<DurationLaw>,
        /// Time of an answer the gateway gives itself.
        refusal_time: Option<DurationLaw>,
        /// Round-trip time that the interface endpoint of a private API adds.
        endpoint_rtt: Option<DurationLaw>,
    }
}

section! {
    /// A resource policy.
    pub struct ResourcePolicySpec {
        /// Share of requests it denies (403).
        denied: Share = Share(0.0),
    }
}

section! {
    /// A usage plan: the limits of each API key, that is of each key of the traffic.
    pub struct UsagePlanSpec {
        /// Requests of a key that pass in the long run.
        rate: Rate => above(Rate(0.0)),
        /// Requests of a key that may pass at once.
        burst: f64 => at_least(1.0),
        /// Requests of a key in each period; it flows back evenly.
        quota: Option<u32> => at_least(1),
        /// Period of the quota.
        period: Period = Period::Day,
        /// Share of requests without a valid API key (403).
        invalid_keys: Share = Share(0.0),
    }
}

section! {
    /// Validation of requests.
    pub struct ValidationSpec {
        /// Share of requests refused (400).
        invalid: Share = Share(0.0),
        /// Time of a validation.
        time: Option<DurationLaw>,
    }
}

section! {
    /// The cache of a stage: by hit ratio, or with entries by class and key.
    pub struct StageCacheSpec {
        /// Share of requests answered by the cache.
        hit_ratio: Option<At<Share>>,
        /// How long an entry lives, up to 1 h, instead of `hit_ratio`.
        ttl: Option<Span> => between(Span(1), Span::from_secs(3600)),
        /// Entries it can hold; the least recently used one leaves first.
        capacity: Option<u32> => at_least(1),
        /// Size of its node in GB, which decides how many requests it can answer; without it any number.
        size: Option<CacheSize>,
        /// Time of an answer from the cache, the gateway's own time included.
        hit_time: Option<DurationLaw>,
        /// Time to look up what is not there.
        miss_time: Option<DurationLaw>,
    }
}

/// A checked REST API.
#[derive(Debug)]
pub struct RestApi {
    name: String,
    spec: RestApiSpec,
    payload: Sourced<Bytes>,
    authorizer: Authorizer,
    key_time: Option<Sourced<LawSpec>>,
    account: Account,
    validation: Option<BySize>,
    cache: Option<StageCache>,
    mapping: Option<BySize>,
    timeout: Sourced<Span>,
    overhead: Sourced<LawSpec>,
    refusal: Sourced<LawSpec>,
    entry: Entry,
}

/// A time with a part that grows with the size.
#[derive(Debug)]
struct BySize {
    time: Sourced<LawSpec>,
    per_kib: Sourced<LawSpec>,
}

/// How requests get to the API.
#[derive(Debug)]
enum Entry {
    Regional,
    Edge(Box<OriginHop>),
    Private(Sourced<LawSpec>),
}

/// A checked stage cache.
#[derive(Debug)]
struct StageCache {
    ratio: Option<Share>,
    ttl: Sourced<Span>,
    capacity: Option<u32>,
    /// Mean time of the node for a request.
    node: Option<Sourced<LawSpec>>,
    hit_time: Sourced<LawSpec>,
    miss_time: Sourced<LawSpec>,
    largest: Sourced<Bytes>,
}

impl Stage for RestApi {
    const KIND: &'static str = "rest_api";
    type Spec = RestApiSpec;

    fn check(spec: RestApiSpec, context: &Context<'_>, problems: &mut Problems) -> Option<RestApi> {
        let before = problems.len();
        let facts = context.facts;
        if spec.endpoint == Endpoint::Private && spec.resource_policy.is_none() {
            problems
                .error(context.span, "a private API needs a `resource_policy`")
                .help("for example `resource_policy: {denied: 0%}`; a private API without one cannot be deployed");
        }
        let mut defaults = Defaults::new(context, problems);
        let timeout = check_timeout(&spec, &mut defaults);
        let account = check_account(spec.account.as_ref(), timeout.as_ref(), &mut defaults);
        let authorizer = Authorizer::of_rest(&spec.authorizer, &mut defaults);
        let key_time = spec.usage_plan.as_ref().map(|_| defaults.law(&None, "apigw_authorizer.latency_api_key"));
        let validation = spec.validation.as_ref().map(|validation| {
            BySize::check(
                &validation.time,
                "apigw_rest.request_validation_extra",
                "apigw_rest.request_validation_per_kib",
                &mut defaults,
            )
        });
        let mapping = spec.mapping.then(|| {
            BySize::check(
                &spec.mapping_time,
                "apigw_rest.vtl_mapping_extra",
                "apigw_rest.vtl_mapping_per_kib",
                &mut defaults,
            )
        });
        let cache = spec.cache.as_ref().map(|cache| StageCache::check(cache, &mut defaults));
        let overhead = defaults.law(&spec.overhead, "apigw_rest.overhead_latency");
        let refusal = defaults.law(&spec.refusal_time, "apigw_throttle.reject_latency");
        let payload = defaults.fact(facts.bytes("apigw_rest.payload_max"));
        let entry = match spec.endpoint {
            Endpoint::Regional => Some(Entry::Regional),
            Endpoint::Edge => OriginHop::from_facts(&mut defaults).map(|hop| Entry::Edge(Box::new(hop))),
            Endpoint::Private => {
                defaults.law(&spec.endpoint_rtt, "apigw_rest.private_endpoint_hop_default").map(Entry::Private)
            }
        };
        if problems.len() > before {
            return None;
        }
        Some(RestApi {
            name: context.name.to_owned(),
            spec,
            payload: payload?,
            authorizer: authorizer?,
            key_time: key_time.flatten(),
            account: account?,
            validation: validation.flatten(),
            cache: cache.flatten(),
            mapping: mapping.flatten(),
            timeout: timeout?,
            overhead: overhead?,
            refusal: refusal?,
            entry: entry?,
        })
    }
}

/// The longest wait for the integration, within what the endpoint allows.
fn check_timeout(spec: &RestApiSpec, defaults: &mut Defaults<'_, '_>) -> Option<Sourced<Span>> {
    let facts = defaults.facts();
    let default = defaults.fact(facts.span("apigw_rest.integration_timeout"))?;
    let raised = defaults.fact(facts.span("apigw_rest.integration_timeout_raised_max"))?;
    let Some(written) = &spec.integration_timeout else { return Some(default) };
    let most = if spec.endpoint == Endpoint::Edge { default } else { raised };
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

/// The bucket of the account. Who raises the timeout beyond the default trades rate for it, unless told otherwise.
fn check_account(
    spec: Option<&AccountSpec>,
    timeout: Option<&Sourced<Span>>,
    defaults: &mut Defaults<'_, '_>,
) -> Option<Account> {
    let facts = defaults.facts();
    let mut rate =
        defaults.or(spec.and_then(|account| account.rate), facts.rate("apigw_throttle.account_rate_default"));
    let burst =
        defaults.or(spec.and_then(|account| account.burst), facts.number("apigw_throttle.account_burst_default"));
    let budget = defaults.fact(facts.number("apigw_throttle.inflight_budget"))?;
    if let (Some(timeout), Some(default)) = (timeout, &rate)
        && default.origin != Origin::Scenario
    {
        let affordable = budget.value / timeout.value.as_secs_f64();
        if affordable < default.value.0 * (1.0 - 1e-9) {
            rate = Some(budget.map(|_| Rate(affordable)));
        }
    }
    Some(Account { rate: rate?, burst: burst? })
}

impl BySize {
    fn check(time: &Option<DurationLaw>, id: &str, per_kib: &str, defaults: &mut Defaults<'_, '_>) -> Option<BySize> {
        let per_kib = match time {
            // Who writes the time means all of it.
            Some(_) => Some(Sourced::given(LawSpec::Constant(0.0))),
            None => defaults.law(&None, per_kib),
        };
        Some(BySize { time: defaults.law(time, id)?, per_kib: per_kib? })
    }

    fn compile(&self, b: &mut Builder, purpose: &str, per: Per) {
        b.delay(purpose, &self.time);
        b.delay_per(&format!("{purpose} per KiB"), &self.per_kib, per);
    }
}

impl StageCache {
    fn check(spec: &StageCacheSpec, defaults: &mut Defaults<'_, '_>) -> Option<StageCache> {
        let facts = defaults.facts();
        if let (Some(ratio), true) = (&spec.hit_ratio, spec.ttl.is_some() || spec.capacity.is_some()) {
            defaults
                .problems()
                .error(ratio.span, "`hit_ratio` and entries at once")
                .label("either `hit_ratio`, or `ttl` and `capacity`");
        }
        let ttl = defaults.or(spec.ttl, facts.span("apigw_cache.ttl_default"));
        let node = spec.size.map(|size| {
            let rate = defaults.fact(facts.rate(&format!("apigw_cache.node_throughput_{size}")))?;
            Some(rate.map(|rate| LawSpec::Exponential { mean: 1e9 / rate.0 }))
        });
        let hit_time = defaults.law(&spec.hit_time, "apigw_cache.hit_latency");
        let miss_time = defaults.law(&spec.miss_time, "apigw_cache.lookup_latency_default");
        let largest = defaults.fact(facts.bytes("apigw_cache.max_item"));
        Some(StageCache {
            ratio: spec.hit_ratio.as_ref().map(|at| at.value),
            ttl: ttl?,
            capacity: spec.capacity,
            node: match node {
                Some(node) => Some(node?),
                None => None,
            },
            hit_time: hit_time?,
            miss_time: miss_time?,
            largest: largest?,
        })
    }

    /// Looks up; a hit is answered and ends the stage. What comes after runs on a miss.
    fn compile(&self, b: &mut Builder, rest: impl FnOnce(&mut Builder)) {
        if let Some(node) = &self.node {
            self.ask_node(b, node);
        }
        let hit = b.label();
        let entries = match self.ratio {
            Some(ratio) => {
                b.chance("hit", &Sourced::given(ratio.0), hit);
                None
            }
            None => {
                b.fact("cached for", self.ttl.value, &self.ttl.origin);
                let (ttl, capacity) = (Some(self.ttl.value), self.capacity);
                let name = "cache".to_owned();
                Some(b.lookup(CacheSpec { name, ttl, renew: false, capacity, fill_at_once: false }, hit))
            }
        };
        b.delay("cache miss", &self.miss_time);
        b.scoped(rest);
        let end = b.end();
        if let Some(entries) = entries {
            b.branch(Condition::Outcome(OutcomeTest::Bad), end);
            b.branch(Condition::ResponseAbove(self.largest.value.0 as u32), end);
            b.store(entries);
        }
        b.jump(end);
        b.bind(hit);
        b.delay("cache hit", &self.hit_time);
    }

    /// The node as a single server: it matters when it saturates.
    fn ask_node(&self, b: &mut Builder, node: &Sourced<LawSpec>) {
        let station = StationSpec {
            name: "cache node".to_owned(),
            targets: 1,
            servers: 1,
            queue: Some(CACHE_QUEUE),
            discipline: Discipline::Fifo,
            slowness: Vec::new(),
            patience: None,
            setup: None,
            target: None,
        };
        let full = b.outcome(500, Answered::Rejected, "cache node overloaded");
        let site = b.site("cache node", node);
        b.serve(station, Service::Law(site), full, full);
    }
}

impl RestApi {
    /// What one request counts on the bill.
    const BILLING: Billing = Billing { meter: "rest_request", unit: "request", amount: Amount::One };

    fn gate(&self, b: &mut Builder) {
        let mut refusals = Refusals::new(&self.refusal, RestApi::BILLING);
        let too_large = refusals.billed(b, 413, "request too large");
        b.branch(Condition::RequestAbove(self.payload.value.0 as u32), too_large);
        let throttled = refusals.label(b, 429, "throttled");
        if self.spec.throttle_first {
            self.throttles(b, throttled);
        }
        refusals.share(b, "unmatched", self.spec.unmatched.0, 403, "no such route");
        self.control_access(b, &mut refusals);
        if let Some(plan) = &self.spec.usage_plan {
            self.use_plan(plan, b, &mut refusals);
        }
        if !self.spec.throttle_first {
            self.throttles(b, throttled);
        }
        self.accepted(b, &mut refusals);
        refusals.compile(b);
    }

    fn control_access(&self, b: &mut Builder, refusals: &mut Refusals<'_>) {
        let denied = self.spec.resource_policy.as_ref().map_or(0.0, |policy| policy.denied.0);
        let policy = |b: &mut Builder, refusals: &mut Refusals<'_>| {
            refusals.share(b, "resource policy", denied, 403, "denied by resource policy");
        };
        // A Lambda authorizer is not called for what the policy denies; Cognito and IAM come before the policy.
        match self.spec.authorizer {
            RestAuthorizer::Iam(_) | RestAuthorizer::Cognito(_) => {
                self.authorizer.compile(b, refusals);
                policy(b, refusals);
            }
            RestAuthorizer::None | RestAuthorizer::Lambda(_) => {
                policy(b, refusals);
                self.authorizer.compile(b, refusals);
            }
        }
    }

    fn use_plan(&self, plan: &UsagePlanSpec, b: &mut Builder, refusals: &mut Refusals<'_>) {
        if let Some(time) = &self.key_time {
            b.delay("API key", time);
        }
        refusals.share(b, "API key", plan.invalid_keys.0, 403, "no valid API key");
        let bucket = |name: &str, rate: f64, burst: f64| BucketSpec {
            name: name.to_owned(),
            rate,
            burst,
            scope: LimitScope::Key,
            origin: Origin::Scenario,
        };
        if let Some(quota) = plan.quota {
            let days = match plan.period {
                Period::Day => 1.0,
                Period::Week => 7.0,
                Period::Month => 30.0,
            };
            let spent = refusals.label(b, 429, "quota exceeded");
            b.fact("quota of a key", format!("{quota} a {}", plan.period), &Origin::Scenario);
            b.limit_else(bucket("quota", f64::from(quota) / (days * 86_400.0), f64::from(quota)), spent);
        }
        let throttled = refusals.label(b, 429, "usage plan");
        b.fact("rate of a key", plan.rate, &Origin::Scenario);
        b.fact("burst of a key", plan.burst, &Origin::Scenario);
        b.limit_else(bucket("usage plan", plan.rate.0, plan.burst), throttled);
    }

    fn throttles(&self, b: &mut Builder, throttled: Label) {
        if let Some(spec) = &self.spec.throttle {
            throttle(b, "throttle", spec, throttled);
        }
        self.account.compile(b, throttled);
    }

    /// From here on the request is billed.
    fn accepted(&self, b: &mut Builder, refusals: &mut Refusals<'_>) {
        RestApi::BILLING.count(b);
        let private = self.spec.endpoint == Endpoint::Private;
        if private {
            b.meter("interface_endpoint_gb", "B", Amount::RequestBytes);
        }
        if let Some(validation) = &self.validation {
            validation.compile(b, "validation", Per::RequestKib);
            let invalid = self.spec.validation.as_ref().map_or(0.0, |validation| validation.invalid.0);
            refusals.share(b, "invalid", invalid, 400, "invalid request");
        }
        match &self.cache {
            Some(cache) => b.scoped(|b| cache.compile(b, |b| self.integrate(b))),
            None => self.integrate(b),
        }
        if private {
            count_answer(b, &["interface_endpoint_gb"]);
        } else if sends_to_internet(b) {
            count_answer(b, &["internet_out_gb"]);
        }
    }

    fn integrate(&self, b: &mut Builder) {
        if let Some(mapping) = &self.mapping {
            mapping.compile(b, "request mapping", Per::RequestKib);
        }
        let integration = Integration { overhead: &self.overhead, timeout: &self.timeout, late: 504, unreachable: 504 };
        integration.compile(b);
        if let Some(mapping) = &self.mapping {
            mapping.compile(b, "response mapping", Per::ResponseKib);
        }
    }
}

impl Part for RestApi {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        RestApi::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        if place.next == Some("cloud_map") {
            return Err("a REST API cannot call a Cloud Map service; use `http_api`".to_owned());
        }
        if self.spec.endpoint == Endpoint::Private && place.before.contains(&"cloudfront") {
            return Err("`cloudfront` cannot reach a private API".to_owned());
        }
        Ok(())
    }

    fn compile(&self, b: &mut Builder) {
        if self.spec.endpoint == Endpoint::Private {
            b.standing("interface_endpoint_hour", self.spec.endpoint_zones.into(), 1);
        }
        if let Some(size) = self.spec.cache.as_ref().and_then(|cache| cache.size) {
            b.standing(&format!("cache_{size}gb_hour"), 1, 1);
        }
        match &self.entry {
            Entry::Regional => self.gate(b),
            Entry::Edge(hop) => hop.compile(b, |b| self.gate(b)),
            Entry::Private(rtt) => there_and_back(b, "interface endpoint", rtt, |b| self.gate(b)),
        }
    }
}

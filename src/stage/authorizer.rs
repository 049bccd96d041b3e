//! Authorizers of an API: none, IAM signatures, tokens (Cognito, JWT), or a Lambda function whose policy is cached by
//! key. The function is modelled by laws of its time, warm and cold, not as a stage with environments of its own; what
//! it decides is drawn for each request, where the real one decides for each key and lifetime of the policy. A missing
//! identity is answered with 401 without a call, a denial with 403, a function that fails or is late with 500.

use super::defaults::Defaults;
use super::gateway::Refusals;
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, Answered, Builder, CacheSpec, Condition, OutcomeTest, Sourced};
use crate::spec::{At, DurationLaw, between};
use crate::time::Span;
use crate::units::{Bytes, Share};
use crate::{choice, section};

choice! {
    /// Who checks requests of a REST API.
    pub enum RestAuthorizer {
        /// Nobody.
        None = "none",
        /// IAM: signature and policies.
        Iam(IamSpec) = "iam",
        /// A Lambda function.
        Lambda(Box<LambdaAuthorizerSpec>) = "lambda",
        /// A token of a Cognito user pool.
        Cognito(TokenSpec) = "cognito",
    }
}

choice! {
    /// Who checks requests of an HTTP API.
    pub enum HttpAuthorizer {
        /// Nobody.
        None = "none",
        /// IAM: signature and policies.
        Iam(IamSpec) = "iam",
        /// A Lambda function.
        Lambda(Box<LambdaAuthorizerSpec>) = "lambda",
        /// A JSON web token.
        Jwt(TokenSpec) = "jwt",
    }
}

section! {
    /// Checks of signature and policies.
    pub struct IamSpec {
        /// Share of requests refused (403).
        denied: Share = Share(0.0),
        /// Time of the check.
        time: Option<DurationLaw>,
    }
}

section! {
    /// Checks of a token.
    pub struct TokenSpec {
        /// Share of requests without a valid token (401).
        unauthorized: Share = Share(0.0),
        /// Share of requests whose token does not allow what they ask for (403).
        denied: Share = Share(0.0),
        /// Time of the check.
        time: Option<DurationLaw>,
    }
}

section! {
    /// A Lambda function as authorizer.
    pub struct LambdaAuthorizerSpec {
        /// How long a policy is cached for each key: 0 s to 1 h; 0 s asks the function each time.
        ttl: Option<Span> => between(Span(0), Span::from_secs(3600)),
        /// Share of requests with a cached policy, whatever their key, instead of `ttl`.
        hit_ratio: Option<At<Share>>,
        /// Share of requests without identity (401); the function is not called.
        missing: Share = Share(0.0),
        /// Share of requests the function calls unauthorized (401).
        unauthorized: Share = Share(0.0),
        /// Share of requests denied (403).
        denied: Share = Share(0.0),
        /// Share of calls in which the function fails (500).
        failing: Share = Share(0.0),
        /// Time to find a cached policy.
        cached_time: Option<DurationLaw>,
        /// Time of the gateway around a call.
        gateway_time: Option<DurationLaw>,
        /// Time of the function.
        function: Option<DurationLaw>,
        /// Time of the Lambda service around the function.
        service_time: Option<DurationLaw>,
        /// Share of calls that start a new environment.
        cold_share: Option<Share>,
        /// Time a new environment takes.
        cold_time: Option<DurationLaw>,
        /// Memory of the function, which decides what its time costs; without it the bill tells that this is missing.
        memory: Option<Bytes>,
        /// Longest wait for the function.
        timeout: Option<Span> => between(Span::from_millis(50), Span::from_secs(300)),
    }
}

/// Facts that differ between the kinds of API.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Id of the time a policy is cached; without it not at all.
    pub ttl: Option<&'static str>,
    /// Id of the longest wait for the function.
    pub timeout: &'static str,
}

/// A checked authorizer.
#[derive(Debug)]
pub enum Authorizer {
    /// Nobody checks.
    None,
    /// A check in one step.
    Check(Check),
    /// A Lambda function.
    Lambda(Box<LambdaAuthorizer>),
}

/// A check in one step.
#[derive(Debug)]
pub struct Check {
    time: Sourced<LawSpec>,
    unauthorized: Share,
    denied: Share,
}

/// A checked Lambda authorizer.
#[derive(Debug)]
pub struct LambdaAuthorizer {
    spec: LambdaAuthorizerSpec,
    ttl: Sourced<Span>,
    cached_time: Sourced<LawSpec>,
    gateway_time: Sourced<LawSpec>,
    service_time: Sourced<LawSpec>,
    function: Sourced<LawSpec>,
    cold_share: Sourced<Share>,
    cold_time: Sourced<LawSpec>,
    timeout: Sourced<Span>,
}

impl Authorizer {
    /// Checks what was written for a REST API.
    pub fn of_rest(spec: &RestAuthorizer, defaults: &mut Defaults<'_, '_>) -> Option<Authorizer> {
        let kind = Kind {
            ttl: Some("apigw_authorizer.lambda_ttl_default"),
            timeout: "apigw_authorizer.rest_lambda_timeout_default",
        };
        match spec {
            RestAuthorizer::None => Some(Authorizer::None),
            RestAuthorizer::Iam(spec) => Authorizer::iam(spec, defaults),
            RestAuthorizer::Cognito(spec) => Authorizer::token(spec, defaults),
            RestAuthorizer::Lambda(spec) => LambdaAuthorizer::check(spec, kind, defaults),
        }
    }

    /// Checks what was written for an HTTP API.
    pub fn of_http(spec: &HttpAuthorizer, defaults: &mut Defaults<'_, '_>) -> Option<Authorizer> {
        let kind = Kind { ttl: None, timeout: "apigw_authorizer.http_api_lambda_timeout" };
        match spec {
            HttpAuthorizer::None => Some(Authorizer::None),
            HttpAuthorizer::Iam(spec) => Authorizer::iam(spec, defaults),
            HttpAuthorizer::Jwt(spec) => Authorizer::token(spec, defaults),
            HttpAuthorizer::Lambda(spec) => LambdaAuthorizer::check(spec, kind, defaults),
        }
    }

    fn iam(spec: &IamSpec, defaults: &mut Defaults<'_, '_>) -> Option<Authorizer> {
        let time = defaults.law(&spec.time, "apigw_authorizer.latency_iam")?;
        Some(Authorizer::Check(Check { time, unauthorized: Share(0.0), denied: spec.denied }))
    }

    fn token(spec: &TokenSpec, defaults: &mut Defaults<'_, '_>) -> Option<Authorizer> {
        let time = defaults.law(&spec.time, "apigw_authorizer.latency_cognito_or_jwt_default")?;
        Some(Authorizer::Check(Check { time, unauthorized: spec.unauthorized, denied: spec.denied }))
    }

    /// What happens to a request; who is refused goes on at the refusals.
    pub fn compile(&self, b: &mut Builder, refusals: &mut Refusals<'_>) {
        match self {
            Authorizer::None => {}
            Authorizer::Check(check) => {
                b.delay("authorizer", &check.time);
                refusals.share(b, "unauthorized", check.unauthorized.0, 401, "unauthorized");
                refusals.share(b, "denied", check.denied.0, 403, "denied");
            }
            Authorizer::Lambda(lambda) => lambda.compile(b, refusals),
        }
    }
}

impl LambdaAuthorizer {
    fn check(spec: &LambdaAuthorizerSpec, kind: Kind, defaults: &mut Defaults<'_, '_>) -> Option<Authorizer> {
        let facts = defaults.facts();
        check_once(spec, defaults.problems());
        let ttl = match (spec.ttl, kind.ttl) {
            (None, None) => Some(Sourced::structural(Span(0))),
            (ttl, id) => defaults.or(ttl, facts.span(id.unwrap_or_default())),
        };
        let cached_time = defaults.law(&spec.cached_time, "apigw_authorizer.latency_lambda_cached");
        let gateway_time = defaults.law(&spec.gateway_time, "apigw_authorizer.gateway_time_default");
        let service_time = defaults.law(&spec.service_time, "lambda.warm_service_overhead_model");
        let function = defaults.law(&spec.function, "apigw_authorizer.function_time_default");
        let cold_share = defaults.or(spec.cold_share, facts.share("apigw_authorizer.cold_share_default"));
        let cold_time = defaults.law(&spec.cold_time, "apigw_authorizer.cold_time_default");
        let timeout = defaults.or(spec.timeout, facts.span(kind.timeout));
        Some(Authorizer::Lambda(Box::new(LambdaAuthorizer {
            spec: spec.clone(),
            ttl: ttl?,
            cached_time: cached_time?,
            gateway_time: gateway_time?,
            service_time: service_time?,
            function: function?,
            cold_share: cold_share?,
            cold_time: cold_time?,
            timeout: timeout?,
        })))
    }

    fn compile(&self, b: &mut Builder, refusals: &mut Refusals<'_>) {
        let spec = &self.spec;
        refusals.share(b, "missing identity", spec.missing.0, 401, "no identity");
        let (cached, decided) = (b.label(), b.label());
        let ttl = self.ttl.value;
        if let Some(ratio) = &spec.hit_ratio {
            b.chance("cached policy", &Sourced::given(ratio.value.0), cached);
            self.call(b, refusals);
        } else if ttl > Span(0) {
            b.fact("policies cached", ttl, &self.ttl.origin);
            let name = "policies".to_owned();
            let policies = CacheSpec { name, ttl: Some(ttl), renew: false, capacity: None, fill_at_once: false };
            let policies = b.lookup(policies, cached);
            self.call(b, refusals);
            b.store(policies);
        } else {
            self.call(b, refusals);
        }
        if spec.hit_ratio.is_some() || ttl > Span(0) {
            b.jump(decided);
            b.bind(cached);
            b.delay("cached policy", &self.cached_time);
            b.bind(decided);
        }
        refusals.share(b, "unauthorized", spec.unauthorized.0, 401, "unauthorized");
        refusals.share(b, "denied", spec.denied.0, 403, "denied");
    }

    /// Calls the function; a failure is answered at once.
    fn call(&self, b: &mut Builder, refusals: &mut Refusals<'_>) {
        b.meter("authorizer_invocation", "request", Amount::One);
        b.fact("cold calls of the authorizer", self.cold_share.value, &self.cold_share.origin);
        b.delay("call of the authorizer", &self.gateway_time);
        let late = b.outcome(500, Answered::Failed, "authorizer timed out");
        b.call(Some(self.timeout.value), late, |b| {
            b.delay("authorizer service", &self.service_time);
            if let Some(memory) = self.spec.memory {
                b.standing("authorizer_memory", memory.0, 1 << 30);
                b.meter("authorizer_began", "ns", Amount::StageNanos);
            }
            if self.cold_share.value.0 > 0.0 {
                let (cold, warm) = (b.label(), b.label());
                b.chance("cold authorizer", &self.cold_share.clone().map(|share| share.0), cold);
                b.jump(warm);
                b.bind(cold);
                b.delay("cold authorizer", &self.cold_time);
                b.bind(warm);
            }
            b.delay("authorizer", &self.function);
            if self.spec.memory.is_some() {
                b.meter("authorizer_ended", "ns", Amount::StageNanos);
            }
        });
        let too_late = refusals.with(b, late, false);
        b.branch(Condition::Outcome(OutcomeTest::Is(late)), too_late);
        refusals.share(b, "failing authorizer", self.spec.failing.0, 500, "authorizer failed");
    }
}

fn check_once(spec: &LambdaAuthorizerSpec, problems: &mut Problems) {
    if let (Some(ratio), Some(_)) = (&spec.hit_ratio, spec.ttl) {
        problems.error(ratio.span, "`hit_ratio` and `ttl` at once").label("write one of them");
    }
}

//! `waf`: a web ACL. It inspects every request, takes a little time for it, and turns a share of them away: blocked
//! (403), challenged (202) or asked for a puzzle (405) without a token. A rate-based rule is a token bucket of the
//! requests of one key, with the limit as burst and limit over window as rate: it acts at once and lets go smoothly,
//! where the real rule looks every ten seconds and acts with a delay of some 10 to 40 s. Capacity units cost money and,
//! as documented, no time.

use super::defaults::Defaults;
use super::fleet::times;
use super::gateway::turn_away;
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, Answered, BucketSpec, Builder, Condition, LimitScope, Origin, Part, Per, Place, Sourced};
use crate::spec::{At, DurationLaw, at_least, between};
use crate::time::Span;
use crate::units::{Bytes, Rate, Share};
use crate::{section, words};

/// Windows a rate-based rule may have, in seconds (waf.rate_rule_windows).
const WINDOWS: [u64; 4] = [60, 120, 300, 600];
/// Body sizes are inspected in steps of this many bytes (waf.body_limit_default).
const BODY_STEP: u64 = 16 * 1024;
/// Capacity units of a step of the surcharge (waf.wcu_included).
const CAPACITY_STEP: u32 = 500;

words! {
    /// Where a web ACL is evaluated.
    pub enum Location {
        /// In the Region of the API or load balancer.
        Regional = "regional",
        /// At the point of presence.
        Cloudfront = "cloudfront",
    }
}

words! {
    /// Who shares the limit of a rate-based rule.
    pub enum RatePer {
        /// Requests of one key.
        Key = "key",
        /// All requests.
        All = "all",
    }
}

section! {
    /// A web ACL in front of `cloudfront`, `rest_api` or `alb`.
    pub struct WafSpec {
        /// Where it is evaluated; from the next stage when left out.
        at: Option<Location>,
        /// Rules, which cost money each month.
        rules: u32 = 1 => between(1, 5_000),
        /// Groups of managed rules, each of which costs money each month as a rule does.
        managed_rule_groups: u32 = 0 => between(0, 50),
        /// Whether Bot Control, at its common level, looks at every request, for a fee a month and for each request.
        bot_control: bool = false,
        /// Capacity units of all rules; above 1,500 each request costs a surcharge.
        capacity: Option<At<u32>> => at_least(1),
        /// Share of requests blocked.
        blocked: Share = Share(0.0),
        /// HTTP status of a blocked request.
        block_status: Option<u16> => between(200, 599),
        /// Share of requests answered with a challenge (202): those without a token.
        challenged: Share = Share(0.0),
        /// Share of requests answered with a puzzle (405): those without a token.
        captcha: Share = Share(0.0),
        /// A rate-based rule.
        rate_limit: Option<RateRule>,
        /// Whether rules look into bodies.
        inspect_body: bool = false,
        /// Bytes of a body that are looked into: 16 to 64 KiB in steps of 16 KiB; more than 16 KiB cost a surcharge.
        body_limit: Option<At<Bytes>>,
        /// Time of an inspection without body.
        time: Option<DurationLaw>,
        /// Time added for a request with a body, when bodies are looked into.
        body_time: Option<DurationLaw>,
        /// Time added for each KiB looked into.
        body_time_per_kib: Option<DurationLaw>,
    }
}

section! {
    /// A rate-based rule.
    pub struct RateRule {
        /// Requests in a window.
        limit: At<u32>,
        /// Length of the window: 1, 2, 5 or 10 minutes.
        window: At<Span> = At { value: Span::from_secs(300), span: Default::default() },
        /// Who shares the limit.
        per: RatePer = RatePer::Key,
    }
}

/// A checked web ACL.
#[derive(Debug)]
pub struct Waf {
    name: String,
    spec: WafSpec,
    regional: Sourced<LawSpec>,
    cloudfront: Sourced<LawSpec>,
    body: Option<Body>,
    block_status: Sourced<u16>,
    challenge_status: u16,
    captcha_status: u16,
    /// Steps of capacity that cost a surcharge.
    capacity_steps: u32,
}

/// Inspection of bodies.
#[derive(Debug)]
struct Body {
    time: Sourced<LawSpec>,
    per_kib: Sourced<LawSpec>,
    limit: Sourced<Bytes>,
    /// Steps of size that cost a surcharge.
    steps: u64,
}

impl Stage for Waf {
    const KIND: &'static str = "waf";
    type Spec = WafSpec;

    fn check(spec: WafSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Waf> {
        let before = problems.len();
        let facts = context.facts;
        let mut defaults = Defaults::new(context, problems);
        let regional = defaults.law(&spec.time, "waf.added_latency_regional");
        let cloudfront = defaults.law(&spec.time, "waf.added_latency_cloudfront");
        let block = defaults.fact(facts.count("waf.block_status"));
        let challenge = defaults.fact(facts.count("waf.challenge_status"));
        let captcha = defaults.fact(facts.count("waf.captcha_status"));
        let body = if spec.inspect_body { Some(Body::check(&spec, &mut defaults)) } else { None };
        let capacity_steps = check_capacity(&spec, &mut defaults);
        if let Some(rule) = &spec.rate_limit {
            check_rate_rule(rule, &mut defaults);
        }
        if problems.len() > before {
            return None;
        }
        let block_status = match spec.block_status {
            Some(status) => Sourced::given(status),
            None => block?.map(|status| status as u16),
        };
        Some(Waf {
            name: context.name.to_owned(),
            regional: regional?,
            cloudfront: cloudfront?,
            body: match body {
                Some(body) => Some(body?),
                None => None,
            },
            block_status,
            challenge_status: challenge?.value as u16,
            captcha_status: captcha?.value as u16,
            capacity_steps: capacity_steps?,
            spec,
        })
    }
}

/// Checks capacity; gives the steps that cost a surcharge.
fn check_capacity(spec: &WafSpec, defaults: &mut Defaults<'_, '_>) -> Option<u32> {
    let facts = defaults.facts();
    let most = defaults.fact(facts.count("waf.wcu_max"))?;
    let included = defaults.fact(facts.count("waf.wcu_included"))?;
    let Some(capacity) = &spec.capacity else { return Some(0) };
    if capacity.value > most.value {
        defaults
            .problems()
            .error(capacity.span, format!("a web ACL has at most {} capacity units", most.value))
            .label(format!("expected 1 to {}", most.value))
            .help(most.origin.to_string());
        return None;
    }
    Some(capacity.value.saturating_sub(included.value).div_ceil(CAPACITY_STEP))
}

fn check_rate_rule(rule: &RateRule, defaults: &mut Defaults<'_, '_>) {
    let facts = defaults.facts();
    if let Some(least) = defaults.fact(facts.count("waf.rate_rule_min_limit"))
        && rule.limit.value < least.value
    {
        defaults
            .problems()
            .error(rule.limit.span, format!("a rate-based rule needs a limit of at least {}", least.value))
            .label(format!("expected at least {}", least.value))
            .help(least.origin.to_string());
    }
    if !WINDOWS.iter().any(|&seconds| Span::from_secs(seconds) == rule.window.value) {
        defaults
            .problems()
            .error(rule.window.span, "a rate-based rule looks at 1, 2, 5 or 10 minutes")
            .label("expected `1 min`, `2 min`, `5 min` or `10 min`");
    }
}

impl Body {
    fn check(spec: &WafSpec, defaults: &mut Defaults<'_, '_>) -> Option<Body> {
        let facts = defaults.facts();
        let time = defaults.law(&spec.body_time, "waf.body_inspection_extra_default");
        let per_kib = defaults.law(&spec.body_time_per_kib, "waf.body_inspection_per_kib_default");
        let limit = defaults.or(spec.body_limit.as_ref().map(|at| at.value), facts.bytes("waf.body_limit_default"))?;
        let steps = limit.value.0 / BODY_STEP;
        if let Some(written) = &spec.body_limit
            && (!(1..=4).contains(&steps) || !limit.value.0.is_multiple_of(BODY_STEP))
        {
            defaults
                .problems()
                .error(written.span, "bodies are looked into up to 16, 32, 48 or 64 KiB")
                .label("expected `16 KiB`, `32 KiB`, `48 KiB` or `64 KiB`");
            return None;
        }
        Some(Body { time: time?, per_kib: per_kib?, limit, steps: steps.saturating_sub(1) })
    }

    /// Time for the body, up to the limit.
    fn compile(&self, b: &mut Builder) {
        b.fact("body limit", self.limit.value, &self.limit.origin);
        let (body, large, done) = (b.label(), b.label(), b.label());
        b.branch(Condition::RequestAbove(0), body);
        b.jump(done);
        b.bind(body);
        b.delay("body", &self.time);
        let limit = self.limit.value.0 as u32;
        b.branch(Condition::RequestAbove(limit), large);
        b.delay_per("body per KiB", &self.per_kib, Per::RequestKib);
        b.jump(done);
        b.bind(large);
        let whole = times(&self.per_kib, f64::from(limit) / 1024.0);
        b.delay("body up to the limit", &whole);
        for _ in 0..self.steps {
            b.meter("body_overage_request_per_16kb", "request_x_16kb", Amount::One);
        }
        b.bind(done);
    }
}

impl Part for Waf {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Waf::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        match place.next {
            Some(next @ ("http_api" | "websocket_api")) => {
                Err(format!("a web ACL cannot protect `{next}`; put it before a `cloudfront` in front of it"))
            }
            Some(next @ ("nlb" | "lambda" | "ec2" | "ecs" | "vpc_link_v1" | "vpc_link_v2" | "cloud_map")) => {
                Err(format!("a web ACL cannot protect `{next}`; it goes before `cloudfront`, `rest_api` or `alb`"))
            }
            _ => Ok(()),
        }
    }

    fn compile(&self, b: &mut Builder) {
        b.meter("request", "request", Amount::One);
        for _ in 0..self.capacity_steps {
            b.meter("wcu_overage_request_per_500wcu", "request_x_500wcu", Amount::One);
        }
        b.standing("web_acl_month", 1, 1);
        b.standing("rule_month", self.spec.rules.into(), 1);
        if self.spec.managed_rule_groups > 0 {
            b.standing("managed_rule_group_month", self.spec.managed_rule_groups.into(), 1);
        }
        if self.spec.bot_control {
            b.standing("bot_control_month", 1, 1);
            b.meter("bot_control_common_request", "request", Amount::One);
        }
        b.fact("rules", self.spec.rules, &Origin::Scenario);
        let next = b.next_kind();
        let at_edge = self.spec.at.map_or(next == Some("cloudfront"), |location| location == Location::Cloudfront);
        b.standing("at_edge", at_edge.into(), 1);
        let time = if at_edge { &self.cloudfront } else { &self.regional };
        b.delay("inspection", time);
        if let Some(body) = &self.body {
            body.compile(b);
        }
        if let Some(rule) = &self.spec.rate_limit {
            let rate = f64::from(rule.limit.value) / rule.window.value.as_secs_f64();
            b.fact("rate limit", Rate(rate), &Origin::Scenario);
            let bucket = BucketSpec {
                name: "rate rule".to_owned(),
                rate,
                burst: f64::from(rule.limit.value),
                scope: if rule.per == RatePer::Key { LimitScope::Key } else { LimitScope::Shared },
                origin: Origin::Scenario,
            };
            let limited = b.outcome(self.block_status.value, Answered::Rejected, "rate limit");
            b.limit(bucket, limited);
        }
        turn_away(b, "blocked", self.spec.blocked, self.block_status.value, "blocked");
        turn_away(b, "challenged", self.spec.challenged, self.challenge_status, "challenge");
        if self.spec.captcha.0 > 0.0 {
            self.ask_puzzle(b);
        }
        b.next();
    }
}

impl Waf {
    fn ask_puzzle(&self, b: &mut Builder) {
        let asked = b.outcome(self.captcha_status, Answered::Rejected, "captcha");
        let (puzzle, pass, end) = (b.label(), b.label(), b.end());
        b.chance("captcha", &Sourced::given(self.spec.captcha.0), puzzle);
        b.jump(pass);
        b.bind(puzzle);
        b.meter("captcha_attempt", "attempt", Amount::One);
        b.answer(asked);
        b.jump(end);
        b.bind(pass);
    }
}

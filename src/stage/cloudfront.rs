//! `cloudfront`: a distribution in front of the rest of the path. Viewers are refused by country, a function may run, the
//! cache answers by a given ratio or by entries of class and key; what it does not have is fetched over the backbone,
//! over a connection that is reused or opened, within the response timeout, and for GET once more after a timeout. The
//! way between client and point of presence belongs to the client. Left out: the regional edge cache, collapsing of
//! concurrent misses (`fill: at_once` comes near), stale answers, failover between origins.

use super::cache::Fill;
use super::defaults::Defaults;
use super::fleet::{Fleet, there_and_back, times};
use super::gateway::{turn_away, unanswered};
use super::meter::count_answer;
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, Backoff, Builder, CacheSpec, Condition, Label, Origin, OutcomeTest, Part, RetrySpec, Sourced,
};
use crate::section;
use crate::spec::{At, DurationLaw, at_least, between};
use crate::time::Span;
use crate::units::Share;

section! {
    /// A CloudFront distribution. Without `hit_ratio` and `ttl` it caches nothing, as is usual in front of an API.
    pub struct CloudfrontSpec {
        /// Share of all requests answered from the cache.
        hit_ratio: Option<Share>,
        /// How long an entry (by class and key) answers GET requests.
        ttl: Option<At<Span>>,
        /// Entries the cache can hold; the least recently used one leaves first.
        capacity: Option<At<u32>> => at_least(1),
        /// When a missing entry is there for others.
        fill: Fill = Fill::OnAnswer,
        /// How long an error (5xx) of the origin answers GET requests of its key; without it not at all.
        error_ttl: Option<Span>,
        /// Share of GET requests: only these are cached by entry and repeated after a timeout.
        get_share: Share = Share(1.0),
        /// Share of requests refused by geographic restriction (403).
        blocked: Share = Share(0.0),
        /// Share of requests that come without TLS, which cost less.
        plain_http: Share = Share(0.0),
        /// Whether a viewer-request function runs.
        function: bool = false,
        /// Time of the function.
        function_time: Option<DurationLaw>,
        /// Time to answer from the cache.
        hit_time: Option<DurationLaw>,
        /// Time at the point of presence for a request that goes on to the origin.
        miss_time: Option<DurationLaw>,
        /// Round-trip time between point of presence and origin.
        origin_rtt: Option<DurationLaw>,
        /// Share of requests to the origin that find an open connection.
        reuse: Option<Share>,
        /// Points of presence with connections of their own, instead of `reuse`.
        connections: Option<At<PopsSpec>>,
        /// Longest wait for the origin, each time.
        response_timeout: Option<Span> => between(Span::from_secs(1), Span::from_secs(120)),
        /// Times a GET request is sent to an origin that does not answer in time.
        attempts: Option<u32> => between(1, 3),
    }
}

section! {
    /// Points of presence and their connections to the origin.
    pub struct PopsSpec {
        /// How many of them the traffic enters by, all alike.
        pops: u32 => between(1, 1_000),
        /// How long an idle connection is kept.
        keep_alive: Option<Span> => between(Span::from_secs(1), Span::from_secs(120)),
    }
}

/// The way from a point of presence to the origin: also the hidden distribution of an edge-optimised API.
#[derive(Debug)]
pub struct OriginHop {
    overhead: Sourced<LawSpec>,
    rtt: Sourced<LawSpec>,
    reuse: Sourced<Share>,
    fleet: Option<Fleet>,
    /// Round trips to open a connection: TCP, then TLS 1.3.
    handshake: Sourced<f64>,
}

impl OriginHop {
    /// The hop as the data pack has it.
    pub fn from_facts(defaults: &mut Defaults<'_, '_>) -> Option<OriginHop> {
        OriginHop::check(&None, &None, None, None, defaults)
    }

    fn check(
        miss_time: &Option<DurationLaw>,
        rtt: &Option<DurationLaw>,
        reuse: Option<Share>,
        pops: Option<&PopsSpec>,
        defaults: &mut Defaults<'_, '_>,
    ) -> Option<OriginHop> {
        let facts = defaults.facts();
        let overhead = defaults.law(miss_time, "cloudfront.miss_proxy_overhead");
        let rtt = defaults.law(rtt, "cloudfront.pop_to_origin_rtt_default");
        let reuse = defaults.or(reuse, facts.share("cloudfront.origin_reuse_default"));
        let tcp = defaults.fact(facts.number("client_tls.tcp_handshake_cost"));
        let tls = defaults.fact(facts.number("client_tls.tls13_full_handshake_cost"));
        let keep = defaults
            .or(pops.and_then(|pops| pops.keep_alive), facts.span("cloudfront.origin_keepalive_timeout_default"));
        let fleet = match pops {
            Some(pops) => Some(Fleet { callers: Sourced::given(pops.pops), keep_alive: keep?, limit: None }),
            None => None,
        };
        let (tcp, tls) = (tcp?, tls?);
        let handshake = tcp.map(|trips| trips + tls.value);
        Some(OriginHop { overhead: overhead?, rtt: rtt?, reuse: reuse?, fleet, handshake })
    }

    /// Runs a body at the far end of the hop.
    pub fn compile(&self, b: &mut Builder, body: impl FnOnce(&mut Builder)) {
        b.delay("origin request", &self.overhead);
        let open = times(&self.rtt, self.handshake.value);
        match &self.fleet {
            Some(fleet) => {
                let refused = b.outcome(504, Answered::Failed, "no connection to the origin");
                let far = |b: &mut Builder| there_and_back(b, "origin round trip", &self.rtt, body);
                fleet.compile(b, refused, |b| b.delay("open connection", &open), far);
            }
            None => {
                b.fact("connections reused", self.reuse.value, &self.reuse.origin);
                if self.reuse.value.0 < 1.0 {
                    let ready = b.label();
                    b.chance("reused connection", &self.reuse.clone().map(|share| share.0), ready);
                    b.delay("open connection", &open);
                    b.bind(ready);
                }
                there_and_back(b, "origin round trip", &self.rtt, body);
            }
        }
    }
}

/// A checked distribution.
#[derive(Debug)]
pub struct Cloudfront {
    name: String,
    spec: CloudfrontSpec,
    function_time: Sourced<LawSpec>,
    hit_time: Sourced<LawSpec>,
    hop: OriginHop,
    response_timeout: Sourced<Span>,
    attempts: Sourced<u32>,
}

impl Stage for Cloudfront {
    const KIND: &'static str = "cloudfront";
    type Spec = CloudfrontSpec;

    fn check(spec: CloudfrontSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Cloudfront> {
        let before = problems.len();
        check_cache(&spec, problems);
        let mut defaults = Defaults::new(context, problems);
        let function_time = defaults.law(&spec.function_time, "cloudfront.edge_function_time_default");
        let hit_time = defaults.law(&spec.hit_time, "cloudfront.hit_service_time");
        let pops = spec.connections.as_ref().map(|pops| &pops.value);
        let hop = OriginHop::check(&spec.miss_time, &spec.origin_rtt, spec.reuse, pops, &mut defaults);
        let timeout = context.facts.span("cloudfront.origin_response_timeout_default");
        let response_timeout = defaults.or(spec.response_timeout, timeout);
        let attempts = defaults.or(spec.attempts, context.facts.count("cloudfront.origin_connect_attempts"));
        if problems.len() > before {
            return None;
        }
        Some(Cloudfront {
            name: context.name.to_owned(),
            spec,
            function_time: function_time?,
            hit_time: hit_time?,
            hop: hop?,
            response_timeout: response_timeout?,
            attempts: attempts?,
        })
    }
}

fn check_cache(spec: &CloudfrontSpec, problems: &mut Problems) {
    let both = "either `hit_ratio`, or entries with `ttl` and `capacity`";
    let entry = spec.ttl.as_ref().map(|ttl| ttl.span).or(spec.capacity.as_ref().map(|capacity| capacity.span));
    if let (Some(span), Some(_)) = (entry, spec.hit_ratio) {
        problems.error(span, "`hit_ratio` and entries at once").label(both);
    }
    if let (Some(connections), Some(_)) = (&spec.connections, spec.reuse) {
        problems.error(connections.span, "`reuse` and `connections` at once").label("write one of them");
    }
}

impl Cloudfront {
    /// Fetches from the origin, for GET through the cache of entries; a hit goes to a label.
    fn fetch(&self, b: &mut Builder, get: bool, hit: Label) {
        let keyed = |name: &str, ttl: Option<Span>, capacity: Option<u32>, fill_at_once: bool| CacheSpec {
            name: name.to_owned(),
            ttl,
            renew: false,
            capacity,
            fill_at_once,
        };
        let spec = &self.spec;
        let at_once = spec.fill == Fill::AtOnce;
        let (ttl, capacity) = (spec.ttl.as_ref().map(|at| at.value), spec.capacity.as_ref().map(|at| at.value));
        let has_entries = get && (ttl.is_some() || capacity.is_some());
        let entries = has_entries.then(|| b.lookup(keyed("entries", ttl, capacity, at_once), hit));
        let cached_error = b.label();
        let error_ttl = spec.error_ttl.filter(|_| get);
        let errors = error_ttl.map(|ttl| b.lookup(keyed("errors", Some(ttl), None, false), cached_error));
        self.origin(b, get);
        let done = b.label();
        if let Some(errors) = errors {
            let fine = b.label();
            b.branch(Condition::Outcome(OutcomeTest::Good), fine);
            let keep = b.label();
            b.branch(Condition::Outcome(OutcomeTest::Status(500, 599)), keep);
            b.jump(done);
            b.bind(keep);
            b.store(errors);
            b.jump(done);
            b.bind(cached_error);
            b.delay("cached error", &self.hit_time);
            let outcome = b.outcome(503, Answered::Failed, "cached error");
            b.answer(outcome);
            b.jump(done);
            b.bind(fine);
        }
        if let Some(entries) = entries.filter(|_| !at_once) {
            b.branch(Condition::Outcome(OutcomeTest::Bad), done);
            b.store(entries);
        }
        b.bind(done);
    }

    fn origin(&self, b: &mut Builder, get: bool) {
        let late = b.outcome(504, Answered::Failed, "origin timed out");
        let attempts = if get { self.attempts.value } else { 1 };
        let again = b.label();
        b.bind(again);
        b.meter("data_transfer_to_origin_gb", "B", Amount::RequestBytes);
        b.call(Some(self.response_timeout.value), late, |b| {
            self.hop.compile(b, |b| {
                b.next();
                unanswered(b, 504, "origin cannot be reached");
            });
        });
        if attempts > 1 {
            let mut on = vec![false; late.index() + 1];
            on[late.index()] = true;
            let policy = RetrySpec {
                name: "attempts".to_owned(),
                attempts: Some(attempts),
                on,
                backoff: Backoff::Fixed(Span(1)),
                budget: None,
                counter: b.register("attempts"),
                depth: 0,
                salt: 0,
            };
            b.retry(policy, again);
        }
    }

    /// Whether GET and other requests are treated differently.
    fn tells_methods_apart(&self) -> bool {
        let spec = &self.spec;
        let special =
            self.attempts.value > 1 || spec.ttl.is_some() || spec.capacity.is_some() || spec.error_ttl.is_some();
        special && spec.get_share.0 < 1.0
    }
}

impl Part for Cloudfront {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Cloudfront::KIND
    }

    fn compile(&self, b: &mut Builder) {
        if self.spec.plain_http.0 > 0.0 {
            b.standing_share("plain_http", self.spec.plain_http.0);
        }
        b.meter("https_request", "request", Amount::One);
        turn_away(b, "country", self.spec.blocked, 403, "blocked by country");
        if self.spec.function {
            b.meter("function_invocation", "invocation", Amount::One);
            b.delay("function", &self.function_time);
        }
        b.fact("response timeout", self.response_timeout.value, &self.response_timeout.origin);
        b.fact("attempts for GET", self.attempts.value, &self.attempts.origin);
        let (hit, answered) = (b.label(), b.label());
        if let Some(ratio) = self.spec.hit_ratio {
            b.fact("hit ratio", ratio, &Origin::Scenario);
            b.chance("hit", &Sourced::given(ratio.0), hit);
        }
        if !self.tells_methods_apart() {
            self.fetch(b, self.spec.get_share.0 > 0.0, hit);
        } else {
            let get = b.label();
            b.chance("get", &Sourced::given(self.spec.get_share.0), get);
            self.fetch(b, false, hit);
            if self.spec.get_share.0 > 0.0 {
                b.jump(answered);
                b.bind(get);
                self.fetch(b, true, hit);
            }
        }
        b.jump(answered);
        b.bind(hit);
        b.delay("hit", &self.hit_time);
        b.bind(answered);
        count_answer(b, &["data_transfer_out_gb"]);
    }
}

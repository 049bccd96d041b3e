//! `route53`: the name of the API is looked up before the request goes out. Most requests need no lookup, because the
//! client has a connection open or remembers the name: either a share of requests looks up, or clients (keys) remember
//! the name for its time to live. A lookup is answered by the resolver near the client, or needs a round trip to Route
//! 53; a lost packet costs the retry time of the client's resolver.

use super::defaults::Defaults;
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, Builder, CacheSpec, Part, Sourced};
use crate::spec::{At, DurationLaw};
use crate::time::Span;
use crate::units::Share;
use crate::{section, words};

words! {
    /// How Route 53 chooses its answer, which decides what a query costs.
    pub enum Routing {
        /// Always the same.
        Simple = "simple",
        /// By latency.
        Latency = "latency",
        /// By place.
        Geo = "geo",
    }
}

section! {
    /// Lookups of the API's name.
    pub struct Route53Spec {
        /// Share of requests whose client looks the name up.
        lookups: Option<At<Share>>,
        /// Whether the name is an alias of an AWS resource, whose queries are free.
        alias: bool = true,
        /// How Route 53 chooses its answer, when the name is no alias.
        routing: Routing = Routing::Simple,
        /// How long each client (key) remembers the name, instead of `lookups`.
        ttl: Option<Span>,
        /// Share of lookups that the resolver near the client can answer itself.
        resolver_hits: Option<Share>,
        /// Time of a lookup at the resolver.
        time: Option<DurationLaw>,
        /// Time added when the resolver has to ask Route 53.
        miss_time: Option<DurationLaw>,
        /// Share of the questions to Route 53 that get lost.
        lost: Option<Share>,
        /// Time after which a lost question is asked again.
        retry_after: Option<Span>,
    }
}

/// Checked lookups.
#[derive(Debug)]
pub struct Route53 {
    name: String,
    alias: bool,
    routing: Routing,
    remember: Remember,
    resolver_hits: Sourced<Share>,
    time: Sourced<LawSpec>,
    miss_time: Sourced<LawSpec>,
    lost: Sourced<Share>,
    retry_after: Sourced<LawSpec>,
}

#[derive(Debug)]
enum Remember {
    Share(Sourced<Share>),
    Ttl(Span),
}

impl Stage for Route53 {
    const KIND: &'static str = "route53";
    type Spec = Route53Spec;

    fn check(spec: Route53Spec, context: &Context<'_>, problems: &mut Problems) -> Option<Route53> {
        let facts = context.facts;
        if let (Some(lookups), Some(_)) = (&spec.lookups, spec.ttl) {
            problems.error(lookups.span, "`lookups` and `ttl` at once").label("write one of them");
            return None;
        }
        let mut defaults = Defaults::new(context, problems);
        let remember = match spec.ttl {
            Some(ttl) => Some(Remember::Ttl(ttl)),
            None => defaults
                .or(spec.lookups.map(|at| at.value), facts.share("route53.lookup_share_default"))
                .map(Remember::Share),
        };
        let resolver_hits = defaults.or(spec.resolver_hits, facts.share("route53.resolver_cache_hit_default"));
        let time = defaults.law(&spec.time, "route53.latency_stub_to_resolver_hit");
        let miss_time = defaults.law(&spec.miss_time, "route53.latency_resolver_miss_extra");
        let lost = defaults.or(spec.lost, facts.share("route53.dns_failure_share_default"));
        let retry = defaults.or(spec.retry_after, facts.span("route53.dns_retry_after_default"));
        Some(Route53 {
            name: context.name.to_owned(),
            alias: spec.alias,
            routing: spec.routing,
            remember: remember?,
            resolver_hits: resolver_hits?,
            time: time?,
            miss_time: miss_time?,
            lost: lost?,
            retry_after: retry?.map(|span| LawSpec::Constant(span.0 as f64)),
        })
    }
}

impl Route53 {
    fn look_up(&self, b: &mut Builder) {
        b.delay("resolver", &self.time);
        let share = |share: &Sourced<Share>| share.clone().map(|share| share.0);
        if self.resolver_hits.value.0 >= 1.0 {
            return;
        }
        let (known, arrived) = (b.label(), b.label());
        b.fact("resolver hits", self.resolver_hits.value, &self.resolver_hits.origin);
        b.chance("resolver hit", &share(&self.resolver_hits), known);
        let meter = match self.routing {
            _ if self.alias => "alias_query_to_aws_resource",
            Routing::Simple => "standard_query",
            Routing::Latency => "latency_query",
            Routing::Geo => "geo_query",
        };
        b.meter(meter, "query", Amount::One);
        b.delay("question to Route 53", &self.miss_time);
        if self.lost.value.0 > 0.0 {
            let lost = b.label();
            b.chance("lost", &share(&self.lost), lost);
            b.jump(arrived);
            b.bind(lost);
            b.delay("asked again", &self.retry_after);
        }
        b.bind(arrived);
        b.bind(known);
    }
}

impl Part for Route53 {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Route53::KIND
    }

    fn compile(&self, b: &mut Builder) {
        b.standing("hosted_zone_month", 1, 1);
        let (known, unknown) = (b.label(), b.label());
        match &self.remember {
            Remember::Ttl(ttl) => {
                b.fact("time to live", ttl, &crate::program::Origin::Scenario);
                let ttl = Some(*ttl);
                let name = "names".to_owned();
                b.lookup(CacheSpec { name, ttl, renew: false, capacity: None, fill_at_once: true }, known);
                self.look_up(b);
            }
            Remember::Share(share) if share.value.0 > 0.0 => {
                b.fact("lookups", share.value, &share.origin);
                b.chance("lookup", &share.clone().map(|share| share.0), unknown);
                b.jump(known);
                b.bind(unknown);
                self.look_up(b);
            }
            Remember::Share(_) => {}
        }
        b.bind(known);
        b.next();
    }
}

//! `cloud_map`: an HTTP API finds the instances of a service itself and chooses one at random, without a load balancer.
//! Each of the gateway's workers keeps the list of instances for a while; the calls that renew the lists are counted as
//! a stream of so many a second, which the next request pays for, and are limited by the account's bucket: without a
//! token the old list is used. A share of the choices may be stale (503).

use super::defaults::Defaults;
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, BalancerSpec, BucketSpec, Builder, Choice, Label, LimitScope, Origin, Part, Place, Sourced,
};
use crate::section;
use crate::spec::{At, DurationLaw, above, at_least, between};
use crate::time::Span;
use crate::units::{Rate, Share};

section! {
    /// A Cloud Map service, after `vpc_link_v2` of an HTTP API and before the instances.
    pub struct CloudMapSpec {
        /// How long a worker keeps the list of instances.
        ttl: Option<Span> => above(Span(0)),
        /// Workers of the gateway with a list of their own.
        workers: Option<u32> => between(1, 10_000),
        /// Share of requests that make a call, instead of workers that keep lists: AWS does not say how often the gateway calls.
        calls: Option<At<Share>>,
        /// Time of a call that renews the list.
        discover: Option<DurationLaw>,
        /// Whether a request waits for the call; otherwise the old list serves until the new one is there.
        waits: bool = true,
        /// Calls a second the account may make.
        rate: Option<Rate> => above(Rate(0.0)),
        /// Calls the account may make at once.
        burst: Option<f64> => at_least(1.0),
        /// Share of requests sent to an instance that is gone (503).
        stale: Share = Share(0.0),
    }
}

/// A checked service.
#[derive(Debug)]
pub struct CloudMap {
    name: String,
    waits: bool,
    stale: Share,
    calls: Option<Share>,
    ttl: Sourced<Span>,
    workers: Sourced<u32>,
    discover: Sourced<LawSpec>,
    rate: Sourced<Rate>,
    burst: Sourced<f64>,
    unreachable: u16,
}

impl Stage for CloudMap {
    const KIND: &'static str = "cloud_map";
    type Spec = CloudMapSpec;

    fn check(spec: CloudMapSpec, context: &Context<'_>, problems: &mut Problems) -> Option<CloudMap> {
        let before = problems.len();
        let facts = context.facts;
        if let Some(calls) = spec.calls.as_ref().filter(|_| spec.ttl.is_some() || spec.workers.is_some()) {
            problems.error(calls.span, "`calls` and lists at once").label("either `calls`, or `ttl` and `workers`");
        }
        let mut defaults = Defaults::new(context, problems);
        let ttl = defaults.or(spec.ttl, facts.span("cloudmap.apigw_cache_ttl_default"));
        let workers = defaults.or(spec.workers, facts.count("vpclink_v1.backend_conn_pool_hosts_default"));
        let discover = defaults.law(&spec.discover, "cloudmap.discover_latency_default");
        let rate = match spec.rate {
            Some(rate) => Some(Sourced::given(rate)),
            None => defaults.fact(facts.rate("cloudmap.discover_refill")),
        };
        let burst = defaults.or(spec.burst, facts.number("cloudmap.discover_bucket_size_current"));
        let unreachable = defaults.fact(facts.count("vpclink_v2.status_unreachable"));
        if problems.len() > before {
            return None;
        }
        Some(CloudMap {
            name: context.name.to_owned(),
            waits: spec.waits,
            stale: spec.stale,
            calls: spec.calls.map(|at| at.value),
            ttl: ttl?,
            workers: workers?,
            discover: discover?,
            rate: rate?,
            burst: burst?,
            unreachable: unreachable?.value as u16,
        })
    }
}

impl CloudMap {
    /// Renews a list when one has run out: so many do each second.
    fn renew(&self, b: &mut Builder) {
        let known = b.label();
        if let Some(Share(calls)) = self.calls {
            b.chance("no call", &Sourced::given(1.0 - calls), known);
            return self.call(b, known);
        }
        let workers = f64::from(self.workers.value);
        b.fact("lists kept for", self.ttl.value, &self.ttl.origin);
        b.fact("workers with a list", self.workers.value, &self.workers.origin);
        let due = BucketSpec {
            name: "lists due".to_owned(),
            rate: workers / self.ttl.value.as_secs_f64(),
            burst: workers,
            scope: LimitScope::Shared,
            origin: self.ttl.origin.clone(),
        };
        b.limit_else(due, known);
        self.call(b, known);
    }

    /// Calls, if the account has a token; the old list is used otherwise.
    fn call(&self, b: &mut Builder, known: Label) {
        let calls = BucketSpec {
            name: "calls".to_owned(),
            rate: self.rate.value.0,
            burst: self.burst.value,
            scope: LimitScope::Shared,
            origin: self.rate.origin.clone(),
        };
        b.limit_else(calls, known);
        b.meter("discover_call", "call", Amount::One);
        if self.waits {
            b.delay("discover", &self.discover);
        }
        b.bind(known);
    }
}

impl Part for CloudMap {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        CloudMap::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        if place.before.contains(&"rest_api") {
            return Err("a REST API cannot call a Cloud Map service; use `http_api`".to_owned());
        }
        match place.targets {
            Some(_) => Ok(()),
            None => Err("a Cloud Map service needs a stage with targets after it, such as `ecs`".to_owned()),
        }
    }

    fn compile(&self, b: &mut Builder) {
        b.standing("resource_month", b.downstream_targets().unwrap_or(1).into(), 1);
        self.renew(b);
        if self.stale.0 > 0.0 {
            let stale = b.outcome(self.unreachable, Answered::Failed, "instance gone");
            b.fail("stale", &Sourced::given(self.stale.0), stale);
        }
        let targets = b.downstream_targets().unwrap_or(1);
        b.fact("instances", targets, &Origin::Structure);
        if targets <= 1 {
            return b.next();
        }
        let target = b.register("target");
        let choice = Choice::Random(b.chance_site("choice", &Origin::Structure));
        b.balanced(BalancerSpec { name: String::new(), targets, choice, target }, Builder::next);
    }
}

//! `vpc_link_v2`: from an HTTP or REST API through network interfaces of the gateway in the VPC to a load balancer or a
//! Cloud Map service. Each of the gateway's workers keeps connections of its own; the interfaces have slots for a number
//! of connections in use. Left out: links that were idle for 60 days and need minutes to come back.

use super::defaults::Defaults;
use super::fleet::{Fleet, there_and_back};
use super::vpc_link_v1::Connect;
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, Builder, Part, Place, Sourced};
use crate::section;
use crate::spec::{DurationLaw, at_least, between};
use crate::time::Span;

/// Subnets of a link when nothing is said: one in each of two Availability Zones.
const SUBNETS: u32 = 2;

section! {
    /// A VPC link of the second version, before `alb`, `nlb` or `cloud_map`.
    pub struct VpcLinkV2Spec {
        /// Workers of the gateway that keep connections of their own.
        workers: Option<u32> => between(1, 10_000),
        /// How long a worker keeps an idle connection.
        keep_alive: Option<Span> => between(Span::from_millis(1), Span::from_secs(349)),
        /// Round-trip time the link adds.
        rtt: Option<DurationLaw>,
        /// Time to open a connection.
        connect: Option<DurationLaw>,
        /// Whether the integration speaks HTTPS: another round trip and the work of the handshake.
        tls: bool = false,
        /// Subnets of the link, each with one interface.
        subnets: u32 = SUBNETS => between(1, 10),
        /// Connections in use at the same time through one interface.
        slots: Option<u32> => at_least(1),
    }
}

/// A checked VPC link.
#[derive(Debug)]
pub struct VpcLinkV2 {
    name: String,
    fleet: Fleet,
    slots: Sourced<u32>,
    rtt: Sourced<LawSpec>,
    connect: Connect,
    unreachable: u16,
}

impl Stage for VpcLinkV2 {
    const KIND: &'static str = "vpc_link_v2";
    type Spec = VpcLinkV2Spec;

    fn check(spec: VpcLinkV2Spec, context: &Context<'_>, problems: &mut Problems) -> Option<VpcLinkV2> {
        let before = problems.len();
        let facts = context.facts;
        let mut defaults = Defaults::new(context, problems);
        // The workers are those of the same gateway: nothing else is known of them for V2.
        let callers = defaults.or(spec.workers, facts.count("vpclink_v1.backend_conn_pool_hosts_default"));
        let keep_alive = defaults.or(spec.keep_alive, facts.span("vpclink_v1.backend_conn_idle_keep_default"));
        let rtt = defaults.law(&spec.rtt, "vpclink_v2.warm_added_rtt_default");
        let connect = Connect::check(&spec.connect, "vpclink_v2.path_rtt_default", spec.tls, &mut defaults);
        let slots = defaults.or(spec.slots, facts.count("vpclink_v2.per_eni_connection_capacity_default"));
        let unreachable = defaults.fact(facts.count("vpclink_v2.status_unreachable"));
        if problems.len() > before {
            return None;
        }
        let slots = slots?.map(|slots| slots.saturating_mul(spec.subnets));
        Some(VpcLinkV2 {
            name: context.name.to_owned(),
            fleet: Fleet { callers: callers?, keep_alive: keep_alive?, limit: Some(slots.value) },
            slots,
            rtt: rtt?,
            connect: connect?,
            unreachable: unreachable?.value as u16,
        })
    }
}

impl Part for VpcLinkV2 {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        VpcLinkV2::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        if !place.before.iter().any(|kind| matches!(*kind, "rest_api" | "http_api")) {
            return Err("a VPC link V2 belongs to an API; put it after `rest_api` or `http_api`".to_owned());
        }
        match place.next {
            Some("alb" | "nlb" | "cloud_map") => Ok(()),
            _ => Err("a VPC link V2 needs `alb`, `nlb` or `cloud_map` as the next stage".to_owned()),
        }
    }

    fn compile(&self, b: &mut Builder) {
        b.fact("connections in use", self.slots.value, &self.slots.origin);
        // A REST API answers 504 where it gets no connection, an HTTP API 503.
        let status = if b.comes_after("rest_api") { 504 } else { self.unreachable };
        let refused = b.outcome(status, Answered::Failed, "no free slot of the interfaces");
        let far = |b: &mut Builder| there_and_back(b, "link round trip", &self.rtt, Builder::next);
        self.fleet.compile(b, refused, |b| self.connect.compile(b), far);
    }
}

//! `vpc_link_v1`: from a REST API through PrivateLink to the Network Load Balancer of a VPC. Each of the gateway's workers
//! keeps connections of its own; a new one costs round trips and a port, of which each target gives so many a minute:
//! without a free one the connection fails (504). A rare error of the link itself is a 500.

use super::defaults::Defaults;
use super::fleet::{Fleet, there_and_back};
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, BucketSpec, Builder, LimitScope, Part, Place, Sourced};
use crate::section;
use crate::spec::{DurationLaw, above, at_least, between};
use crate::time::Span;
use crate::units::{Rate, Share};

section! {
    /// A VPC link of the first version, between `rest_api` and `nlb`.
    pub struct VpcLinkV1Spec {
        /// Workers of the gateway that keep connections of their own.
        workers: Option<u32> => between(1, 10_000),
        /// How long a worker keeps an idle connection; less than the 350 s of the load balancer.
        keep_alive: Option<Span> => between(Span::from_millis(1), Span::from_secs(349)),
        /// Round-trip time the link adds.
        rtt: Option<DurationLaw>,
        /// Time to open a connection.
        connect: Option<DurationLaw>,
        /// Whether the integration speaks HTTPS: another round trip and the work of the handshake.
        tls: bool = false,
        /// New connections a second for each target behind the load balancer.
        ports: Option<Rate> => above(Rate(0.0)),
        /// New connections at once for each target.
        port_burst: Option<f64> => at_least(1.0),
        /// Share of requests that end with an error of the link.
        errors: Option<Share>,
    }
}

/// A checked VPC link.
#[derive(Debug)]
pub struct VpcLinkV1 {
    name: String,
    fleet: Fleet,
    rtt: Sourced<LawSpec>,
    connect: Connect,
    ports: Sourced<Rate>,
    port_burst: Sourced<f64>,
    errors: Sourced<Share>,
}

/// What it takes to open a connection.
#[derive(Debug)]
pub(super) struct Connect {
    trip: Sourced<LawSpec>,
    /// Setting up the flow; nothing when the user gives the whole time.
    flow: Option<Sourced<LawSpec>>,
    /// Another trip and the work of the handshake.
    tls: Option<Sourced<LawSpec>>,
}

impl Connect {
    /// As written, else a round trip by the fact with this id and the setting up of a flow.
    pub(super) fn check(
        written: &Option<DurationLaw>,
        path_rtt: &str,
        tls: bool,
        defaults: &mut Defaults<'_, '_>,
    ) -> Option<Connect> {
        let trip = defaults.law(written, path_rtt);
        let flow = match written {
            Some(_) => None,
            None => Some(defaults.law(&None, "hyperplane.flow_setup_extra_latency_default")?),
        };
        let handshake = if tls { Some(defaults.law(&None, "tls.server_handshake_rsa")?) } else { None };
        Some(Connect { trip: trip?, flow, tls: handshake })
    }

    pub(super) fn compile(&self, b: &mut Builder) {
        b.delay("connect", &self.trip);
        if let Some(flow) = &self.flow {
            b.delay("flow", flow);
        }
        if let Some(tls) = &self.tls {
            b.delay("TLS round trip", &self.trip);
            b.delay("TLS handshake", tls);
        }
    }
}

impl Stage for VpcLinkV1 {
    const KIND: &'static str = "vpc_link_v1";
    type Spec = VpcLinkV1Spec;

    fn check(spec: VpcLinkV1Spec, context: &Context<'_>, problems: &mut Problems) -> Option<VpcLinkV1> {
        let before = problems.len();
        let facts = context.facts;
        let mut defaults = Defaults::new(context, problems);
        let callers = defaults.or(spec.workers, facts.count("vpclink_v1.backend_conn_pool_hosts_default"));
        let keep_alive = defaults.or(spec.keep_alive, facts.span("vpclink_v1.backend_conn_idle_keep_default"));
        let rtt = defaults.law(&spec.rtt, "vpclink_v1.warm_added_rtt_default");
        let connect = Connect::check(&spec.connect, "vpclink_v1.path_rtt_default", spec.tls, &mut defaults);
        let ports = defaults.or(spec.ports, facts.rate("nlb.sustained_new_conn_per_target"));
        let port_burst = defaults.or(spec.port_burst, facts.number("nlb.port_allocation_limit_no_preserve"));
        let errors = defaults.or(spec.errors, facts.share("vpclink_v1.transient_network_error_prob_default"));
        if problems.len() > before {
            return None;
        }
        Some(VpcLinkV1 {
            name: context.name.to_owned(),
            fleet: Fleet { callers: callers?, keep_alive: keep_alive?, limit: None },
            rtt: rtt?,
            connect: connect?,
            ports: ports?,
            port_burst: port_burst?,
            errors: errors?,
        })
    }
}

impl VpcLinkV1 {
    /// Opens a connection: a port of the targets behind the load balancer, taken as spread evenly over them.
    fn open(&self, b: &mut Builder) {
        let targets = f64::from(b.targets_beyond_next().unwrap_or(1));
        b.fact("new connections for each target", self.ports.value, &self.ports.origin);
        let ports = BucketSpec {
            name: "ports".to_owned(),
            rate: self.ports.value.0 * targets,
            burst: self.port_burst.value * targets,
            scope: LimitScope::Shared,
            origin: self.ports.origin.clone(),
        };
        let exhausted = b.outcome(504, Answered::Failed, "no port for a connection");
        b.limit(ports, exhausted);
        self.connect.compile(b);
    }
}

impl Part for VpcLinkV1 {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        VpcLinkV1::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        if !place.before.iter().any(|kind| matches!(*kind, "rest_api" | "websocket_api")) {
            return Err("a VPC link V1 belongs to a REST or WebSocket API; put it after `rest_api` or `websocket_api`, or use `vpc_link_v2`".to_owned());
        }
        match place.next {
            Some("nlb") => Ok(()),
            _ => Err("a VPC link V1 needs `nlb` as the next stage; `vpc_link_v2` also reaches `alb`".to_owned()),
        }
    }

    fn compile(&self, b: &mut Builder) {
        if self.errors.value.0 > 0.0 {
            let broken = b.outcome(500, Answered::Failed, "error of the link");
            b.fail("error of the link", &self.errors.clone().map(|share| share.0), broken);
        }
        let refused = b.outcome(504, Answered::Failed, "no connection");
        let far = |b: &mut Builder| there_and_back(b, "link round trip", &self.rtt, Builder::next);
        self.fleet.compile(b, refused, |b| self.open(b), far);
    }
}

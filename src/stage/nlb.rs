//! `nlb`: a Network Load Balancer. It balances connections, not requests: a connection is hashed to a target once and
//! its requests stay there, so that a few busy connections load targets unevenly. State machine: data pack note 5.5,
//! without port tables, registration and health checks.

use super::alb::Scheme;
use super::defaults::Defaults;
use super::fleet::there_and_back;
use super::gateway::{charge_for_answers, faces_internet};
use super::{Context, Stage, hop};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, BalancerSpec, Builder, Choice, Origin, Part, Sourced};
use crate::spec::{DurationLaw, between};
use crate::units::Share;
use crate::{section, words};

words! {
    /// What a listener does.
    pub enum Listener {
        /// Passes packets on.
        Tcp = "tcp",
        /// Ends TLS and opens a connection of its own for each connection.
        Tls = "tls",
    }
}

section! {
    /// A Network Load Balancer in front of targets, or of an `alb`.
    pub struct NlbSpec {
        /// What the listener does.
        listener: Listener = Listener::Tcp,
        /// Where it can be reached from, which decides what it costs; without it from the internet when clients come to it
        /// directly.
        scheme: Option<Scheme>,
        /// Connections that callers keep open to it; requests use them with equal chances.
        connections: Option<u32> => between(1, 10_000_000),
        /// Time it adds to a request.
        latency: Option<DurationLaw>,
        /// Availability Zones it and its targets are spread over.
        zones: u32 = hop::ZONES => between(1, 6),
        /// Whether nodes send to targets of other zones.
        cross_zone: bool = false,
        /// Share of the bytes of clients in the VPC that reach a node in another zone than theirs, which cost a transfer.
        clients_in_other_zones: Share = Share(0.0),
        /// Round trip between node and target, instead of one by `zones` and `cross_zone`.
        rtt: Option<DurationLaw>,
    }
}

/// A checked Network Load Balancer.
#[derive(Debug)]
pub struct Nlb {
    name: String,
    connections: Sourced<u32>,
    latency: Sourced<LawSpec>,
    rtt: Sourced<LawSpec>,
    zones: u32,
    cross_zone: bool,
    clients_in_other_zones: Share,
    scheme: Option<Scheme>,
    listener: Listener,
}

impl Stage for Nlb {
    const KIND: &'static str = "nlb";
    type Spec = NlbSpec;

    fn check(spec: NlbSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Nlb> {
        let (facts, mut defaults) = (context.facts, Defaults::new(context, problems));
        let connections = defaults.or(spec.connections, facts.count("nlb.flows_default"));
        let latency = match spec.listener {
            Listener::Tcp => "nlb.added_rtt_default_tcp",
            Listener::Tls => "nlb.added_latency_default_tls",
        };
        let latency = defaults.law(&spec.latency, latency);
        let rtt = hop::round_trip(&spec.rtt, spec.zones, spec.cross_zone, &mut defaults);
        Some(Nlb {
            name: context.name.to_owned(),
            connections: connections?,
            latency: latency?,
            rtt: rtt?,
            zones: spec.zones,
            cross_zone: spec.cross_zone,
            clients_in_other_zones: spec.clients_in_other_zones,
            scheme: spec.scheme,
            listener: spec.listener,
        })
    }
}

impl Nlb {
    /// A connection brings its requests to one target.
    fn forward(&self, b: &mut Builder) {
        match b.downstream_targets().filter(|&targets| targets > 1) {
            None => b.next(),
            Some(targets) => {
                b.fact("targets", targets, &Origin::Structure);
                let target = b.register("target");
                let site = b.chance_site("flow", &self.connections.origin);
                let choice = Choice::Flows(site, self.connections.value);
                b.balanced(BalancerSpec { name: String::new(), targets, choice, target }, Builder::next);
            }
        }
    }

    fn tell(&self, b: &mut Builder) {
        b.fact("connections", self.connections.value, &self.connections.origin);
        b.fact("zones", self.zones, &Origin::Scenario);
        b.fact("cross-zone", if self.cross_zone { "on" } else { "off" }, &Origin::Scenario);
    }
}

impl Part for Nlb {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Nlb::KIND
    }

    /// A balancer before it sees one target: itself.
    fn targets(&self) -> Option<u32> {
        Some(1)
    }

    fn compile(&self, b: &mut Builder) {
        self.tell(b);
        b.standing("nlb_hour", 1, 1);
        b.standing("tls", u64::from(self.listener == Listener::Tls), 1);
        b.standing("zones_crossed", if self.cross_zone { self.zones.into() } else { 1 }, 1);
        b.standing_share("clients_in_other_zones", self.clients_in_other_zones.0);
        let public = self.scheme.map_or_else(|| faces_internet(b), |scheme| scheme == Scheme::InternetFacing);
        b.meter("processed_bytes", "B", Amount::RequestBytes);
        b.delay("latency", &self.latency);
        there_and_back(b, "round trip to the target", &self.rtt, |b| self.forward(b));
        charge_for_answers(b, self.zones, public);
    }
}

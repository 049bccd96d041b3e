//! `alb`: an Application Load Balancer. It balances requests, from several nodes that do not know of each other's
//! requests, over connections it keeps open to the targets. State machine: data pack note 5.6, without scaling, health
//! checks, stickiness and slow start.

use super::defaults::Defaults;
use super::fleet::there_and_back;
use super::gateway::{charge_for_answers, faces_internet, unanswered};
use super::{Context, Stage, given_law, hop};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, BalancerSpec, Builder, Choice, ConnectionsSpec, Origin, Part, Place, Register, Sourced,
};
use crate::spec::{At, DurationLaw, above, between};
use crate::time::Span;
use crate::units::Share;
use crate::{section, words};

words! {
    /// How a target is chosen.
    pub enum Algorithm {
        /// In turn, at each node.
        RoundRobin = "round_robin",
        /// The target with the fewest requests of the node in progress, ties at random.
        LeastOutstanding = "least_outstanding",
        /// At random, with equal chances or by `weights`.
        WeightedRandom = "weighted_random",
    }
}

words! {
    /// Where a load balancer can be reached from.
    pub enum Scheme {
        /// From its VPC.
        Internal = "internal",
        /// From the internet, through a public address in each zone.
        InternetFacing = "internet_facing",
    }
}

section! {
    /// An Application Load Balancer in front of targets.
    pub struct AlbSpec {
        /// How a target is chosen.
        algorithm: Algorithm = Algorithm::RoundRobin,
        /// Weights, one a target, for `algorithm: weighted_random`.
        weights: Option<At<Vec<f64>>>,
        /// Where it can be reached from, which decides what it costs; without it from the internet when clients come to it
        /// directly.
        scheme: Option<Scheme>,
        /// Nodes; without it one in each zone.
        nodes: Option<u32> => between(1, 100),
        /// Availability Zones it and its targets are spread over.
        zones: u32 = hop::ZONES => between(1, 6),
        /// Whether nodes send to targets of other zones.
        cross_zone: bool = true,
        /// Time it adds to a request, rules included.
        latency: Option<DurationLaw>,
        /// Rules a request is compared with.
        rules: u32 = 1 => between(1, 100),
        /// Whether clients show certificates, which makes open connections count double and costs a trust store; handshakes
        /// are those of the client.
        mutual_tls: bool = false,
        /// Additional time for each rule.
        time_per_rule: Option<DurationLaw>,
        /// Round trip between node and target, instead of one by `zones` and `cross_zone`.
        rtt: Option<DurationLaw>,
        /// Time to open a connection to a target; without it one round trip.
        connect: Option<DurationLaw>,
        /// Longest silence on a connection: an open request is answered with 504, an idle connection closed.
        idle_timeout: Option<Span> => above(Span(0)),
        /// Share of requests whose target closes the connection, answered with 502.
        target_errors: Option<Share>,
    }
}

/// A checked Application Load Balancer.
#[derive(Debug)]
pub struct Alb {
    name: String,
    algorithm: Algorithm,
    scheme: Option<Scheme>,
    weights: Vec<f64>,
    nodes: Sourced<u32>,
    zones: u32,
    latency: Sourced<LawSpec>,
    rules: u32,
    mutual_tls: bool,
    time_per_rule: Option<Sourced<LawSpec>>,
    rtt: Sourced<LawSpec>,
    connect: Sourced<LawSpec>,
    idle_timeout: Sourced<Span>,
    target_errors: Option<Share>,
}

impl Stage for Alb {
    const KIND: &'static str = "alb";
    type Spec = AlbSpec;

    fn check(spec: AlbSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Alb> {
        let before = problems.len();
        check_weights(&spec, problems);
        let (facts, mut defaults) = (context.facts, Defaults::new(context, problems));
        let per_zone = defaults.fact(facts.count("alb.nodes_per_zone_default"));
        let nodes = match spec.nodes {
            Some(nodes) => Some(Sourced::given(nodes)),
            None => per_zone.map(|nodes| nodes.map(|nodes| nodes * spec.zones)),
        };
        let latency = defaults.law(&spec.latency, "alb.added_latency_default");
        let time_per_rule = spec.time_per_rule.as_ref().and_then(|law| given_law(law, defaults.problems()));
        let rtt = hop::round_trip(&spec.rtt, spec.zones, spec.cross_zone, &mut defaults);
        let connect = match &spec.connect {
            Some(law) => given_law(law, defaults.problems()),
            None => rtt.clone(),
        };
        let idle_timeout = defaults.or(spec.idle_timeout, facts.span("alb.idle_timeout_default"));
        if problems.len() > before {
            return None;
        }
        Some(Alb {
            name: context.name.to_owned(),
            algorithm: spec.algorithm,
            scheme: spec.scheme,
            weights: spec.weights.map(|weights| weights.value).unwrap_or_default(),
            nodes: nodes?,
            zones: spec.zones,
            latency: latency?,
            rules: spec.rules,
            mutual_tls: spec.mutual_tls,
            time_per_rule,
            rtt: rtt?,
            connect: connect?,
            idle_timeout: idle_timeout?,
            target_errors: spec.target_errors,
        })
    }
}

fn check_weights(spec: &AlbSpec, problems: &mut Problems) {
    let Some(weights) = &spec.weights else { return };
    if spec.algorithm != Algorithm::WeightedRandom {
        problems.error(weights.span, "`weights` needs `algorithm: weighted_random`").label("remove it");
    }
    let good = weights.value.iter().all(|&weight| weight >= 0.0 && weight.is_finite());
    if !good || weights.value.iter().sum::<f64>() <= 0.0 {
        problems.error(weights.span, "weights must be 0 or more, and not all 0").label("expected numbers");
    }
}

impl Alb {
    fn tell(&self, b: &mut Builder) {
        b.fact("algorithm", self.algorithm, &Origin::Scenario);
        b.fact("nodes", self.nodes.value, &self.nodes.origin);
        b.fact("zones", self.zones, &Origin::Scenario);
        b.fact("rules", self.rules, &Origin::Scenario);
        b.fact("idle timeout", self.idle_timeout.value, &self.idle_timeout.origin);
    }

    /// A node for the request, then a target by the node's own view.
    fn balance(&self, b: &mut Builder, targets: u32) {
        let target = b.register("target");
        let nodes = self.nodes.value;
        if nodes == 1 || self.algorithm == Algorithm::WeightedRandom {
            let choice = self.choice(b);
            let spec = BalancerSpec { name: String::new(), targets, choice, target };
            return b.balanced(spec, |b| self.forward(b, targets, Some(target)));
        }
        let node = b.register("node");
        let site = b.chance_site("node", &self.nodes.origin);
        let to_node =
            BalancerSpec { name: "node".to_owned(), targets: nodes, choice: Choice::Random(site), target: node };
        b.balanced(to_node, |b| {
            let choice = self.choice(b);
            let of_node = |number: u32| {
                let (name, choice) = (format!("node {number}"), choice.clone());
                BalancerSpec { name, targets, choice, target }
            };
            let specs = (0..nodes).map(of_node).collect();
            b.balanced_by_node(node, specs, |b| self.forward(b, targets, Some(target)));
        });
    }

    fn choice(&self, b: &mut Builder) -> Choice {
        let mut site = || b.chance_site("target", &Origin::Structure);
        match self.algorithm {
            Algorithm::RoundRobin => Choice::RoundRobin,
            Algorithm::LeastOutstanding => Choice::LeastOutstanding(site()),
            Algorithm::WeightedRandom if self.weights.is_empty() => Choice::Random(site()),
            Algorithm::WeightedRandom => Choice::Weighted(site(), super::balancer::cumulated(&self.weights)),
        }
    }

    /// A connection to the target, and the request on it.
    fn forward(&self, b: &mut Builder, targets: u32, target: Option<Register>) {
        let idle = self.idle_timeout.clone().map(|timeout| LawSpec::Constant(timeout.0 as f64));
        let spec = ConnectionsSpec {
            name: "connections".to_owned(),
            targets,
            limit: None,
            keep_alive: Some(b.site("idle connection", &idle)),
            provisioned: 0,
            state: b.register("connection"),
            target,
        };
        let none = b.outcome(503, Answered::Rejected, "no connection");
        b.connect(spec, none, |b| b.delay("connect", &self.connect), |b| self.exchange(b));
    }

    fn exchange(&self, b: &mut Builder) {
        let late = b.outcome(504, Answered::Failed, "target did not answer within the idle timeout");
        b.call(Some(self.idle_timeout.value), late, |b| {
            there_and_back(b, "round trip to the target", &self.rtt, Builder::next);
        });
        unanswered(b, 502, "target refused the connection");
        if let Some(Share(share)) = self.target_errors {
            let closed = b.outcome(502, Answered::Failed, "target closed the connection");
            b.fail("closed connection", &Sourced::given(share), closed);
        }
    }
}

impl Part for Alb {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Alb::KIND
    }

    /// A balancer before it (an NLB) sees one target: itself.
    fn targets(&self) -> Option<u32> {
        Some(1)
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        match (self.weights.len(), place.targets) {
            (0, _) => Ok(()),
            (weights, Some(targets)) if weights == targets as usize => Ok(()),
            (weights, targets) => {
                let targets = targets.unwrap_or(1);
                Err(format!("{weights} weights for {targets} targets; expected one weight a target"))
            }
        }
    }

    fn compile(&self, b: &mut Builder) {
        self.tell(b);
        b.standing("alb_hour", 1, 1);
        if self.mutual_tls {
            b.standing("alb_trust_store_hour", 1, 1);
        }
        b.standing("rules", self.rules.into(), 1);
        b.standing("lambda_targets", u64::from(b.next_kind() == Some("lambda")), 1);
        b.meter("request", "request", Amount::One);
        b.meter("processed_bytes", "B", Amount::RequestBytes);
        let public = self.scheme.map_or_else(|| faces_internet(b), |scheme| scheme == Scheme::InternetFacing);
        b.delay("latency", &self.latency);
        if let Some(time) = &self.time_per_rule {
            let factor = self.rules as f64;
            b.delay("rules", &time.clone().map(|law| LawSpec::Scaled { factor, law: Box::new(law) }));
        }
        if !b.has_next() {
            let empty = b.outcome(503, Answered::Rejected, "the target group is empty");
            return b.answer(empty);
        }
        match b.downstream_targets().filter(|&targets| targets > 1) {
            Some(targets) => {
                b.fact("targets", targets, &Origin::Structure);
                self.balance(b, targets);
            }
            None => self.forward(b, 1, None),
        }
        charge_for_answers(b, self.zones, public);
    }
}

//! The client: sends a request, waits for its answer, gives up, tries again. The first stage of every path.

use super::meter::counted;
use super::retry::{Retries, RetriesSpec};
use super::{Context, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Amount, Answered, Builder, ConnectionsSpec, OutcomeId, Part, PoolSpec, Sourced};
use crate::section;
use crate::spec::{DurationLaw, LawNode, above, at_least};
use crate::time::Span;

section! {
    /// The client.
    pub struct ClientSpec {
        /// Round-trip time between client and the first stage: half of it on the way there, half on the way back.
        rtt: Option<DurationLaw>,
        /// How long the client waits for an answer, from each attempt's start.
        timeout: Option<Span> => above(Span(0)),
        /// Retries.
        retries: Option<RetriesSpec>,
        /// Requests that can be under way at the same time, as with a load generator or a connection pool: whoever finds none
        /// free waits for a turn, and a repeated attempt waits again. Without it there is no limit.
        connections: Option<u32> => at_least(1),
        /// Handshakes of the clients: without it all connections are open already.
        keep_alive: Option<KeepAlive>,
    }
}

section! {
    /// Connections of the clients.
    pub struct KeepAlive {
        /// How long an idle connection is kept; without it for ever.
        idle: Option<DurationLaw>,
        /// Round trips to open one: 1 for TCP, 2 with TLS 1.3, 3 with TLS 1.2.
        handshake_rtts: f64 = 2.0 => above(0.0),
    }
}

/// A checked client.
#[derive(Debug)]
pub struct Client {
    half_rtt: Option<Sourced<LawSpec>>,
    timeout: Option<Span>,
    retries: Option<Retries>,
    /// Requests under way at most.
    most: Option<u32>,
    connections: Option<Connections>,
    metered: bool,
}

#[derive(Debug)]
struct Connections {
    idle: Option<Sourced<LawSpec>>,
    handshake: Option<Sourced<LawSpec>>,
}

fn times(law: &Sourced<LawSpec>, factor: f64) -> Sourced<LawSpec> {
    law.clone().map(|law| LawSpec::Scaled { factor, law: Box::new(law) })
}

impl Client {
    /// Name of the client among the stages.
    pub const NAME: &'static str = "client";

    /// Checks what was written.
    pub fn check(spec: ClientSpec, _: &Context<'_>, problems: &mut Problems) -> Option<Client> {
        let before = problems.len();
        let none = |law: &&DurationLaw| law.law != LawNode::Constant(0.0);
        let rtt = spec.rtt.as_ref().filter(none).and_then(|law| given_law(law, problems));
        let connections = spec.keep_alive.map(|keep| Connections {
            idle: keep.idle.as_ref().and_then(|law| given_law(law, problems)),
            handshake: rtt.as_ref().map(|rtt| times(rtt, keep.handshake_rtts)),
        });
        let retries = spec.retries.and_then(|retries| Retries::check(retries, problems));
        let half_rtt = rtt.map(|rtt| times(&rtt, 0.5));
        let timeout = spec.timeout;
        let most = spec.connections;
        (problems.len() == before).then_some(Client { half_rtt, timeout, retries, most, connections, metered: false })
    }

    /// A client that is next to the first stage and waits for ever.
    pub fn patient() -> Client {
        Client { half_rtt: None, timeout: None, retries: None, most: None, connections: None, metered: false }
    }

    /// The same client, whose requests and answers are counted in bytes.
    pub fn metered(self) -> Client {
        Client { metered: true, ..self }
    }

    /// An attempt, once it is its turn.
    fn attempt(&self, b: &mut Builder, gave_up: OutcomeId) {
        let Some(most) = self.most else { return b.call(self.timeout, gave_up, |b| self.send(b)) };
        let turns = PoolSpec {
            name: "turns".to_owned(),
            targets: 1,
            size: most,
            queue: None,
            patience: None,
            target: None,
            scaling: None,
        };
        let never = b.outcome(0, Answered::Rejected, "no turn");
        b.hold(turns, never, never, |b| {
            b.sent();
            b.call(self.timeout, gave_up, |b| self.send(b));
        });
    }

    fn send(&self, b: &mut Builder) {
        let Some(connections) = &self.connections else { return self.exchange(b) };
        let spec = ConnectionsSpec {
            name: "connections".to_owned(),
            targets: 1,
            limit: None,
            keep_alive: connections.idle.as_ref().map(|law| b.site("idle connection", law)),
            provisioned: 0,
            state: b.register("connection"),
            target: None,
        };
        let refused = b.outcome(0, Answered::Rejected, "no connection");
        let open = |b: &mut Builder| {
            b.meter("new_connection", "connection", Amount::One);
            if let Some(handshake) = &connections.handshake {
                b.delay("handshake", handshake);
            }
        };
        b.connect(spec, refused, open, |b| self.exchange(b));
    }

    fn exchange(&self, b: &mut Builder) {
        if let Some(half) = &self.half_rtt {
            b.delay("way there", half);
        }
        match self.metered {
            true => counted(b, Builder::next),
            false => b.next(),
        }
        if let Some(half) = &self.half_rtt {
            b.delay("way back", half);
        }
    }
}

impl Part for Client {
    fn name(&self) -> &str {
        Client::NAME
    }

    fn kind(&self) -> &'static str {
        Client::NAME
    }

    fn compile(&self, b: &mut Builder) {
        let gave_up = b.outcome(0, Answered::TimedOut, "no answer in time");
        let budget = self.retries.as_ref().and_then(|retries| retries.earn(b));
        let Some(retries) = &self.retries else { return self.attempt(b, gave_up) };
        let (first, again) = (b.label(), b.label());
        if self.most.is_none() {
            // The first attempt is sent at once.
            b.jump(first);
            b.bind(again);
            b.sent();
            b.bind(first);
        } else {
            b.bind(again);
        }
        self.attempt(b, gave_up);
        retries.compile(b, budget, again);
    }
}

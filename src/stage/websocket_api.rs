//! `websocket_api`: an API Gateway WebSocket API. A request is a message that a client sends on an open connection: it may
//! have to open the connection first, is refused when it is too large (close code 1009) or throttled (1008), goes to the
//! integration of its route with its deadline, and is answered on the same connection when the route has a response.
//! Messages of the backend to other clients (callbacks) are counted and take their tokens of the account, but nobody waits
//! for them. State machine: data pack note 5.6, without frames, idle and age timers; authorization belongs to `upgrade`,
//! because it happens when a connection opens and not again.

use super::defaults::Defaults;
use super::gateway::{Account, AccountSpec, ThrottleSpec, sends_to_internet, throttle, unanswered};
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, BucketSpec, Builder, Condition, LimitScope, Origin, OutcomeTest, Part, Place, Sourced,
};
use crate::section;
use crate::spec::{At, DurationLaw, above, at_least, between};
use crate::time::Span;
use crate::units::{Bytes, Rate};

section! {
    /// An API Gateway WebSocket API.
    pub struct WebsocketApiSpec {
        /// Messages that a client sends on a connection, the one that opens it included; without it all connections are
        /// open already.
        messages_per_connection: Option<f64> => at_least(1.0),
        /// How long such a connection stays open.
        connection_time: Option<At<Span>>,
        /// Connections that are open at the same time, on the mean of the month, when none is opened on the path.
        connections: Option<At<u32>>,
        /// Time of the route `$connect` with its authorizer when a connection opens; handshakes are those of the client.
        upgrade: Option<DurationLaw>,
        /// New connections a second of the account.
        new_connections: Option<Rate> => above(Rate(0.0)),
        /// Whether the route has a response, which goes back to the client.
        reply: bool = true,
        /// Messages that the backend sends to clients for each one it receives, answers not counted; each has the size of
        /// the response.
        pushes: f64 = 0.0 => between(0.0, 1_000_000.0),
        /// Throttle of the route or stage.
        throttle: Option<ThrottleSpec>,
        /// Throttle of the account, which messages and callbacks share.
        account: Option<AccountSpec>,
        /// Longest wait for the integration: 50 ms to 29 s.
        integration_timeout: Option<At<Span>>,
        /// Time of the gateway from the message to the integration.
        overhead: Option<DurationLaw>,
    }
}

/// A checked WebSocket API.
#[derive(Debug)]
pub struct WebsocketApi {
    name: String,
    spec: WebsocketApiSpec,
    largest: Sourced<Bytes>,
    unit: Sourced<Bytes>,
    close_too_large: u16,
    account: Account,
    new_connections: Sourced<Rate>,
    upgrade: Sourced<LawSpec>,
    timeout: Sourced<Span>,
    overhead: Sourced<LawSpec>,
}

/// Close code of a connection whose messages are throttled (source: `apigw_websocket.close_codes`, grade A).
const THROTTLED: u16 = 1008;
/// HTTP status of an upgrade that is throttled (data pack note 5.6, grade D).
const NO_CONNECTION: u16 = 429;

impl Stage for WebsocketApi {
    const KIND: &'static str = "websocket_api";
    type Spec = WebsocketApiSpec;

    fn check(spec: WebsocketApiSpec, context: &Context<'_>, problems: &mut Problems) -> Option<WebsocketApi> {
        let before = problems.len();
        let facts = context.facts;
        let mut defaults = Defaults::new(context, problems);
        let timeout = check_timeout(&spec, &mut defaults);
        check_connections(&spec, &mut defaults);
        let account = spec.account.as_ref();
        let rate =
            defaults.or(account.and_then(|account| account.rate), facts.rate("apigw_throttle.account_rate_default"));
        let burst = defaults
            .or(account.and_then(|account| account.burst), facts.number("apigw_throttle.account_burst_default"));
        let new_connections = defaults.or(spec.new_connections, facts.rate("apigw_websocket.new_connections_rate"));
        let overhead = defaults.law(&spec.overhead, "apigw_websocket.message_overhead");
        let upgrade = defaults.law(&spec.upgrade, "apigw_websocket.message_overhead");
        let largest = defaults.fact(facts.bytes("apigw_websocket.message_max"));
        let unit = defaults.fact(facts.bytes("apigw_websocket.metering_unit"));
        let close_too_large = defaults.fact(facts.count("apigw_websocket.oversize_close_code"));
        if problems.len() > before {
            return None;
        }
        Some(WebsocketApi {
            name: context.name.to_owned(),
            largest: largest?,
            unit: unit?,
            close_too_large: close_too_large?.value as u16,
            account: Account { rate: rate?, burst: burst? },
            new_connections: new_connections?,
            upgrade: upgrade?,
            timeout: timeout?,
            overhead: overhead?,
            spec,
        })
    }
}

fn check_timeout(spec: &WebsocketApiSpec, defaults: &mut Defaults<'_, '_>) -> Option<Sourced<Span>> {
    let facts = defaults.facts();
    let most = defaults.fact(facts.span("vpclink_v1.websocket_integration_timeout"))?;
    let Some(written) = &spec.integration_timeout else { return Some(most) };
    let least = Span::from_millis(50);
    if !(least..=most.value).contains(&written.value) {
        let problem = defaults.problems().error(written.span, "the integration timeout is out of range");
        problem.label(format!("expected {least} to {}", most.value)).help(most.origin.to_string());
        return None;
    }
    Some(Sourced::given(written.value))
}

fn check_connections(spec: &WebsocketApiSpec, defaults: &mut Defaults<'_, '_>) {
    let facts = defaults.facts();
    if let (Some(connections), Some(_)) = (&spec.connections, spec.messages_per_connection) {
        let problem =
            defaults.problems().error(connections.span, "`connections` and `messages_per_connection` at once");
        problem.label("write one of them").help("how many are open follows from how many are opened and for how long");
    }
    let Some(time) = &spec.connection_time else { return };
    if spec.messages_per_connection.is_none() {
        let problem = defaults.problems().error(time.span, "`connection_time` of connections that are not opened");
        problem.label("write `messages_per_connection` as well, or `connections` instead");
    }
    let Some(most) = defaults.fact(facts.span("apigw_websocket.max_connection_duration")) else { return };
    if time.value > most.value {
        let problem = defaults.problems().error(time.span, "no connection stays open for so long");
        problem.label(format!("expected at most {}", most.value)).help(most.origin.to_string());
    }
}

impl WebsocketApi {
    /// The share of messages that come first on their connection open it.
    fn open(&self, b: &mut Builder) {
        let Some(messages) = self.spec.messages_per_connection else { return };
        let (opens, open) = (b.label(), b.label());
        b.fact("messages on a connection", messages, &Origin::Scenario);
        b.chance("first message", &Sourced::given(1.0 / messages), opens);
        b.jump(open);
        b.bind(opens);
        let Sourced { value: Rate(rate), origin } = self.new_connections.clone();
        b.fact("new connections", self.new_connections.value, &origin);
        // How many at once is not published: those of a second.
        let (name, scope) = ("connections".to_owned(), LimitScope::Shared);
        let spec = BucketSpec { name, rate, burst: rate.max(1.0), scope, origin };
        let refused = b.outcome(NO_CONNECTION, Answered::Rejected, "too many new connections");
        b.limit(spec, refused);
        b.meter("connection", "connection", Amount::One);
        b.delay("upgrade", &self.upgrade);
        b.bind(open);
    }

    fn tell_bill(&self, b: &mut Builder) {
        let thousandths = |number: f64| (number * 1e3).round() as u64;
        b.standing("pushes", thousandths(self.spec.pushes), 1000);
        let spec = &self.spec;
        match (spec.messages_per_connection, &spec.connection_time, &spec.connections) {
            (Some(_), Some(time), _) => b.standing("connection_seconds", time.value.0 / 1_000_000, 1000),
            (None, _, Some(connections)) => b.standing("websocket_connection_minute", connections.value.into(), 1),
            _ => b.standing("connection minutes of unknown connections", 1, 1),
        }
    }

    /// Bytes and messages that leave the gateway.
    fn sent(&self, b: &mut Builder) {
        let unit = self.unit.value.0 as u32;
        let done = b.label();
        b.branch(Condition::Outcome(OutcomeTest::Bad), done);
        let internet = sends_to_internet(b);
        if self.spec.reply {
            b.meter("message_out", "message_32kb", Amount::ResponseUnitsOf(unit));
            if internet {
                b.meter("internet_out_gb", "B", Amount::ResponseBytes);
            }
        }
        if self.spec.pushes > 0.0 {
            b.meter("message_pushed", "message_32kb", Amount::ResponseUnitsOf(unit));
            if internet {
                b.meter("bytes_pushed", "B", Amount::ResponseBytes);
            }
        }
        b.bind(done);
    }
}

impl Part for WebsocketApi {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        WebsocketApi::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        match place.next {
            Some(next @ ("cloud_map" | "vpc_link_v2")) => Err(format!(
                "a WebSocket API cannot call `{next}`; use `vpc_link_v1`, `lambda`, or what the internet reaches"
            )),
            _ => Ok(()),
        }
    }

    fn compile(&self, b: &mut Builder) {
        self.tell_bill(b);
        self.open(b);
        let too_large = b.outcome(self.close_too_large, Answered::Rejected, "message too large, connection closed");
        let refused = b.otherwise(too_large);
        b.fact("largest message", self.largest.value, &self.largest.origin);
        b.branch(Condition::RequestAbove(self.largest.value.0 as u32), refused);
        let throttled = b.outcome(THROTTLED, Answered::Rejected, "throttled, connection closed");
        let refused = b.otherwise(throttled);
        if let Some(spec) = &self.spec.throttle {
            throttle(b, "throttle", spec, refused);
        }
        // A message and its callbacks take their tokens together.
        let share = |value: f64| value / (1.0 + self.spec.pushes);
        let account = Account {
            rate: self.account.rate.clone().map(|rate| Rate(share(rate.0))),
            burst: self.account.burst.clone().map(|burst| share(burst).max(1.0)),
        };
        account.compile(b, refused);
        b.meter("message_in", "message_32kb", Amount::RequestUnitsOf(self.unit.value.0 as u32));
        b.delay("overhead", &self.overhead);
        b.fact("integration timeout", self.timeout.value, &self.timeout.origin);
        if b.has_next() {
            let late = b.outcome(504, Answered::Failed, "integration timed out");
            b.call(Some(self.timeout.value), late, Builder::next);
            unanswered(b, 504, "integration cannot be reached");
        }
        self.sent(b);
    }
}

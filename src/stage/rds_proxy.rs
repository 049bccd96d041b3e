//! `rds_proxy`: callers share the connections of a proxy to the database; a statement borrows one, and waits for it when
//! none is free. State machine: data pack note 5.11, without failover and pinning.

use super::defaults::Defaults;
use super::rds::{Engine, instance, max_connections};
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, Builder, Part, PoolSpec, Sourced};
use crate::section;
use crate::spec::{At, DurationLaw, between};
use crate::time::Span;
use crate::units::Share;

section! {
    /// A proxy in front of a database.
    pub struct RdsProxySpec {
        /// Instance class of the database, which tells its maximum of connections.
        class: Option<At<String>>,
        /// Database engine.
        engine: Engine = Engine::Postgres,
        /// Maximum of connections of the database, instead of that of the class.
        connections: Option<u32> => between(1, 1_000_000),
        /// Share of the maximum that the proxy may open.
        max_connections_percent: Option<Share>,
        /// Longest wait for a connection.
        borrow_timeout: Option<Span> => between(Span(0), Span::from_secs(300)),
        /// Time the proxy adds to a statement.
        latency: Option<DurationLaw>,
        /// HTTP status the application answers with when it gets no connection.
        status: u16 = 500 => between(400, 599),
    }
}

/// A checked proxy.
#[derive(Debug)]
pub struct RdsProxy {
    name: String,
    vcpus: Option<u32>,
    connections: Sourced<u32>,
    borrow_timeout: Sourced<Span>,
    latency: Sourced<LawSpec>,
    status: u16,
}

impl Stage for RdsProxy {
    const KIND: &'static str = "rds_proxy";
    type Spec = RdsProxySpec;

    fn check(spec: RdsProxySpec, context: &Context<'_>, problems: &mut Problems) -> Option<RdsProxy> {
        let instance = instance(&spec.class, problems)?;
        let (facts, mut defaults) = (context.facts, Defaults::new(context, problems));
        let maximum = max_connections(spec.connections, spec.engine, instance, context, &mut defaults)?;
        // The fact is a plain number of percent.
        let share = match spec.max_connections_percent {
            Some(Share(share)) => share,
            None => {
                let id = "rds_proxy.max_connections_percent_default";
                defaults.fact(facts.number(id))?.value / 100.0
            }
        };
        let connections = maximum.map(|maximum| ((maximum as f64 * share) as u32).max(1));
        let id = "rds_proxy.borrow_timeout_default";
        let borrow_timeout = defaults.or(spec.borrow_timeout, facts.span(id));
        let latency = defaults.law(&spec.latency, "rds_proxy.latency_default");
        Some(RdsProxy {
            name: context.name.to_owned(),
            vcpus: instance.map(|instance| instance.vcpus),
            connections,
            borrow_timeout: borrow_timeout?,
            latency: latency?,
            status: spec.status,
        })
    }
}

impl Part for RdsProxy {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        RdsProxy::KIND
    }

    fn compile(&self, b: &mut Builder) {
        // At least two processors are billed.
        match self.vcpus {
            Some(vcpus) => b.standing("vcpu_hour", vcpus.max(2).into(), 1),
            None => b.standing("proxy for a database of unknown class", 1, 1),
        }
        b.fact("connections to the database", self.connections.value, &self.connections.origin);
        b.fact("longest wait for a connection", self.borrow_timeout.value, &self.borrow_timeout.origin);
        b.delay("latency", &self.latency);
        let wait = self.borrow_timeout.clone().map(|wait| LawSpec::Constant(wait.0 as f64));
        let pool = PoolSpec {
            name: "borrowed".to_owned(),
            targets: 1,
            size: self.connections.value,
            queue: None,
            patience: Some(b.site("borrow timeout", &wait)),
            target: None,
            scaling: None,
        };
        let late = b.outcome(self.status, Answered::Failed, "no connection within the borrow timeout");
        b.hold(pool, late, late, Builder::next);
    }
}

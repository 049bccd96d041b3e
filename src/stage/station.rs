//! `station`: servers with a queue. With stages after it, it serves first and then passes the request on.

use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, Builder, Discipline, Part, PoolSpec, ScalingSpec, Service, Sourced, StationSpec};
use crate::spec::{At, DurationLaw, Limit, above, between};
use crate::time::Span;
use crate::units::Share;
use crate::{choice, section, words};

/// Waiting places of a station when nothing is said: far more than a listener has, far fewer than memory.
pub const DEFAULT_QUEUE: u32 = 10_000;

words! {
    /// Who is served first.
    pub enum Order {
        /// First come, first served.
        Fifo = "fifo",
        /// All at once, sharing the servers equally.
        ProcessorSharing = "processor_sharing",
        /// The first traffic class before all others, without interruption.
        Priority = "priority",
        /// The first traffic class interrupts others, which resume where they were.
        PreemptivePriority = "preemptive_priority",
    }
}

choice! {
    /// How long service takes.
    pub enum ServiceTime {
        /// By a law.
        Law(DurationLaw) = "law",
        /// As given with each request of a replayed trace (its `demand`).
        Demand = "demand",
    }
}

section! {
    /// Servers with a queue.
    pub struct SpecOfStation {
        /// Servers that work at the same time, at each target.
        servers: u32 = 1 => between(1, 1_000_000),
        /// How long service takes.
        service: ServiceOrLaw,
        /// Waiting places at each target, or `unlimited`.
        queue: Limit<u32> = Limit::AtMost(DEFAULT_QUEUE),
        /// Who is served first.
        discipline: Order = Order::Fifo,
        /// Equal stations a balancer before it chooses from.
        targets: u32 = 1 => between(1, 65_535),
        /// Factors on the service time, one a target: 2 is twice as slow.
        slowness: Option<At<Vec<f64>>>,
        /// Longest wait before a request leaves unserved.
        patience: Option<At<DurationLaw>>,
        /// Time to switch on the server when it finds no work (one server only).
        setup: Option<At<DurationLaw>>,
        /// A controller that changes the number of servers during the run; `servers` is how many there are at the start.
        scaling: Option<At<SpecOfScaling>>,
        /// HTTP status when the queue is full.
        full: u16 = 503 => between(400, 599),
        /// HTTP status when patience is lost.
        late: u16 = 503 => between(400, 599),
    }
}

section! {
    /// Target tracking: at every tick, as many servers as would have been busy for the wanted share of their time since the
    /// last tick, rounded up.
    pub struct SpecOfScaling {
        /// Time between ticks.
        every: Span = Span::from_secs(10) => above(Span::ZERO),
        /// Share of their time that servers ought to be busy.
        target_utilisation: Share => above(Share(0.0)),
        /// Fewest servers.
        min: u32 = 1 => between(1, 1_000_000),
        /// Most servers.
        max: u32 => between(1, 1_000_000),
        /// Time until a new server works.
        delay: Span = Span::ZERO,
        /// Time after any change in which no server is taken away.
        cooldown: Span = Span::ZERO,
    }
}

/// A law, or the word `demand`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceOrLaw(ServiceTime);

impl crate::spec::Decode for ServiceOrLaw {
    fn decode(node: &crate::spec::Node, problems: &mut Problems) -> Option<ServiceOrLaw> {
        if node.as_text() == Some("demand") {
            return Some(ServiceOrLaw(ServiceTime::Demand));
        }
        DurationLaw::decode(node, problems).map(|law| ServiceOrLaw(ServiceTime::Law(law)))
    }

    fn schema() -> crate::spec::Json {
        serde_json::json!({"anyOf": [DurationLaw::schema(), {"const": "demand"}]})
    }
}

/// A checked station.
#[derive(Debug)]
pub struct Station {
    name: String,
    spec: SpecOfStation,
    service: Option<Sourced<LawSpec>>,
    patience: Option<Sourced<LawSpec>>,
    setup: Option<Sourced<LawSpec>>,
}

impl Stage for Station {
    const KIND: &'static str = "station";
    type Spec = SpecOfStation;

    fn check(spec: SpecOfStation, context: &Context<'_>, problems: &mut Problems) -> Option<Station> {
        let before = problems.len();
        let service = match &spec.service.0 {
            ServiceTime::Law(law) => given_law(law, problems),
            ServiceTime::Demand => None,
        };
        let patience = spec.patience.as_ref().and_then(|law| given_law(&law.value, problems));
        let setup = spec.setup.as_ref().and_then(|law| given_law(&law.value, problems));
        check_slowness(&spec, problems);
        check_discipline(&spec, problems);
        check_scaling(&spec, problems);
        (problems.len() == before).then(|| Station { name: context.name.to_owned(), spec, service, patience, setup })
    }
}

fn check_slowness(spec: &SpecOfStation, problems: &mut Problems) {
    let Some(slowness) = &spec.slowness else { return };
    if slowness.value.len() != spec.targets as usize {
        let found = slowness.value.len();
        problems
            .error(slowness.span, format!("{found} factors for {} targets", spec.targets))
            .label("expected one factor a target");
    }
    if slowness.value.iter().any(|&factor| !(factor > 0.0 && factor.is_finite())) {
        problems.error(slowness.span, "a factor must be more than 0").label("expected numbers such as 1 or 2.5");
    }
}

fn check_discipline(spec: &SpecOfStation, problems: &mut Problems) {
    if let Some(patience) = spec.patience.as_ref().filter(|_| spec.discipline != Order::Fifo) {
        problems.error(patience.span, "`patience` works with `discipline: fifo` only").label("remove it");
    }
    if let Some(setup) = spec.setup.as_ref().filter(|_| spec.discipline != Order::Fifo || spec.servers > 1) {
        problems.error(setup.span, "`setup` works with one server and `discipline: fifo` only").label("remove it");
    }
}

fn check_scaling(spec: &SpecOfStation, problems: &mut Problems) {
    let Some(At { value: scaling, span }) = &spec.scaling else { return };
    let (SpecOfScaling { min, max, .. }, servers) = (scaling, spec.servers);
    if min > max {
        problems.error(*span, format!("`min` is {min} and `max` is {max}")).label("expected `min` to be at most `max`");
    } else if !(*min..=*max).contains(&servers) {
        problems
            .error(*span, format!("`servers` is {servers}, and that is how many there are at the start"))
            .label(format!("write `servers:` {min} to {max}, or other bounds"));
    }
    let unfit = [
        (spec.targets > 1, "targets"),
        (spec.discipline != Order::Fifo, "discipline"),
        (spec.slowness.is_some(), "slowness"),
        (spec.setup.is_some(), "setup"),
        (spec.service.0 == ServiceTime::Demand, "service: demand"),
    ];
    for (_, key) in unfit.iter().filter(|(unfit, _)| *unfit) {
        problems
            .error(*span, format!("`scaling` does not go together with `{key}`"))
            .label("works with one target, served in order of arrival, by a law");
    }
}

impl Station {
    /// Servers whose number changes do not say on arrival when service will end: they are held while it lasts.
    fn scaled(&self, b: &mut Builder, scaling: &SpecOfScaling, service: &Sourced<LawSpec>) {
        let spec = PoolSpec {
            name: String::new(),
            targets: 1,
            size: self.spec.servers,
            queue: self.spec.queue.at_most(),
            patience: self.patience.as_ref().map(|law| b.site("patience", law)),
            target: None,
            scaling: Some(ScalingSpec {
                every: scaling.every,
                target: scaling.target_utilisation.0,
                min: scaling.min,
                max: scaling.max,
                delay: scaling.delay,
                cooldown: scaling.cooldown,
            }),
        };
        let full = b.outcome(self.spec.full, Answered::Rejected, "queue full");
        let late = b.outcome(self.spec.late, Answered::Rejected, "waited too long");
        b.hold(spec, full, late, |b| b.delay("service", service));
        b.next();
    }
}

impl Part for Station {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Station::KIND
    }

    fn targets(&self) -> Option<u32> {
        Some(self.spec.targets)
    }

    fn compile(&self, b: &mut Builder) {
        if let (Some(scaling), Some(service)) = (&self.spec.scaling, &self.service) {
            return self.scaled(b, &scaling.value, service);
        }
        let service = match &self.service {
            Some(law) => Service::Law(b.site("service", law)),
            None => Service::Demand,
        };
        let spec = StationSpec {
            name: String::new(),
            targets: self.spec.targets,
            servers: self.spec.servers,
            queue: self.spec.queue.at_most(),
            discipline: match self.spec.discipline {
                Order::Fifo => Discipline::Fifo,
                Order::ProcessorSharing => Discipline::ProcessorSharing,
                Order::Priority => Discipline::Priority,
                Order::PreemptivePriority => Discipline::PreemptivePriority,
            },
            slowness: self.spec.slowness.as_ref().map(|slowness| slowness.value.clone()).unwrap_or_default(),
            patience: self.patience.as_ref().map(|law| b.site("patience", law)),
            setup: self.setup.as_ref().map(|law| b.site("setup", law)),
            target: b.target(),
        };
        let full = b.outcome(self.spec.full, Answered::Rejected, "queue full");
        let late = b.outcome(self.spec.late, Answered::Rejected, "waited too long");
        b.serve(spec, service, full, late);
        b.next();
    }
}

//! Workers: what EC2 instances and ECS tasks have in common. Each target has workers, one held by a request until its
//! answer has been sent, whatever comes after; in front of them a bounded accept queue, and below them processors.
//! State machine: data pack note 5.8 (target), without auto scaling.

use super::defaults::Defaults;
use super::{Context, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, Builder, Discipline, Origin, OutcomeId, PoolSpec, Service, Sourced, StationSpec};
use crate::section;
use crate::spec::{At, DurationLaw, Limit, between};
use crate::time::Span;
use crate::units::Share;

section! {
    /// Connections that each target keeps to what comes after it; a request needs one while it is there.
    pub struct ApplicationPool {
        /// Connections at each target.
        size: Option<u32> => between(1, 65_535),
        /// Longest wait for a free one.
        timeout: Option<Span>,
        /// HTTP status when the wait is too long.
        status: u16 = 500 => between(400, 599),
    }
}

/// What an instance or a task may be told about its workers.
#[derive(Debug)]
pub struct Written {
    /// Targets.
    pub targets: u32,
    /// Workers of each target.
    pub workers: Option<u32>,
    /// Waiting places of each target.
    pub queue: Option<Limit<u32>>,
    /// HTTP status when the queue is full.
    pub full: Option<u16>,
    /// Time a worker needs beside processors and what comes after.
    pub service: Option<DurationLaw>,
    /// Processor time at one whole vCPU, and where it is written.
    pub cpu: Option<At<DurationLaw>>,
    /// Processors of each target.
    pub vcpus: Option<Sourced<f64>>,
    /// Connections to what comes after.
    pub pool: Option<ApplicationPool>,
    /// Share of requests that end with an error.
    pub errors: Option<Share>,
}

/// Checked workers of equal targets.
#[derive(Debug)]
pub struct Workers {
    targets: u32,
    workers: Sourced<u32>,
    queue: Sourced<Option<u32>>,
    full: Option<u16>,
    service: Option<Sourced<LawSpec>>,
    cpu: Option<Cpu>,
    pool: Option<Pool>,
    errors: Option<Share>,
}

#[derive(Debug)]
struct Cpu {
    time: Sourced<LawSpec>,
    vcpus: Sourced<f64>,
}

#[derive(Debug)]
struct Pool {
    size: Sourced<u32>,
    timeout: Sourced<Span>,
    status: u16,
}

impl Workers {
    /// Checks what was written; what is left out comes from the data pack.
    pub fn check(written: Written, context: &Context<'_>, problems: &mut Problems) -> Option<Workers> {
        let (facts, mut defaults) = (context.facts, Defaults::new(context, problems));
        let workers = defaults.or(written.workers, facts.count("target_ec2.worker_pool_tomcat_default"));
        let queue = match written.queue {
            Some(limit) => Some(Sourced::given(limit.at_most())),
            None => defaults.fact(facts.count("target_ec2.accept_queue_default")).map(|queue| queue.map(Some)),
        };
        let cpu = match &written.cpu {
            None => Some(None),
            Some(cpu) => Cpu::check(cpu, written.vcpus, defaults.problems()).map(Some),
        };
        // Who tells its processor time means it: no other service time is added unasked.
        let service = match (&written.service, &written.cpu) {
            (None, Some(_)) => Some(None),
            (service, _) => defaults.law(service, "target_ec2.service_time_default_crud").map(Some),
        };
        let pool = match written.pool {
            None => Some(None),
            Some(pool) => Pool::check(pool, context, &mut defaults).map(Some),
        };
        Some(Workers {
            targets: written.targets,
            workers: workers?,
            queue: queue?,
            full: written.full,
            service: service?,
            cpu: cpu?,
            pool: pool?,
            errors: written.errors,
        })
    }

    /// Number of targets.
    pub fn targets(&self) -> u32 {
        self.targets
    }

    /// What happens to a request at the target the balancer has chosen.
    pub fn compile(&self, b: &mut Builder) {
        self.tell(b);
        let refused = match self.full {
            Some(status) => b.outcome(status, Answered::Rejected, "accept queue full"),
            // No status: whoever called answers for a connection that was refused.
            None => b.outcome(0, Answered::Rejected, "connection refused, accept queue full"),
        };
        match (&self.service, &self.cpu) {
            // Nothing else happens while a worker is held: the wait can be decided on arrival.
            (Some(service), None) if !b.has_next() => self.serve(b, service, refused),
            _ => self.hold(b, refused),
        }
    }

    fn tell(&self, b: &mut Builder) {
        b.fact("targets", self.targets, &Origin::Scenario);
        b.fact("workers at each target", self.workers.value, &self.workers.origin);
        let queue = self.queue.value.map_or("unlimited".to_owned(), |queue| queue.to_string());
        b.fact("accept queue", queue, &self.queue.origin);
        if let Some(cpu) = &self.cpu {
            b.fact("vCPUs at each target", cpu.vcpus.value, &cpu.vcpus.origin);
        }
    }

    fn serve(&self, b: &mut Builder, service: &Sourced<LawSpec>, refused: OutcomeId) {
        let station = StationSpec {
            name: "workers".to_owned(),
            targets: self.targets,
            servers: self.workers.value,
            queue: self.queue.value,
            discipline: Discipline::Fifo,
            slowness: Vec::new(),
            patience: None,
            setup: None,
            target: b.target(),
        };
        let site = b.site("service", service);
        b.serve(station, Service::Law(site), refused, refused);
        self.fail(b);
    }

    fn hold(&self, b: &mut Builder, refused: OutcomeId) {
        let workers = PoolSpec {
            name: "workers".to_owned(),
            targets: self.targets,
            size: self.workers.value,
            queue: self.queue.value,
            patience: None,
            target: b.target(),
            scaling: None,
        };
        b.hold(workers, refused, refused, |b| {
            if let Some(service) = &self.service {
                b.delay("service", service);
            }
            if let Some(cpu) = &self.cpu {
                cpu.compile(b, self.targets, refused);
            }
            match &self.pool {
                Some(pool) if b.has_next() => pool.compile(b, self.targets),
                _ => b.next(),
            }
            self.fail(b);
        });
    }

    fn fail(&self, b: &mut Builder) {
        if let Some(Share(share)) = self.errors {
            let failed = b.outcome(500, Answered::Failed, "application error");
            b.fail("errors", &Sourced::given(share), failed);
        }
    }
}

impl Cpu {
    fn check(cpu: &At<DurationLaw>, vcpus: Option<Sourced<f64>>, problems: &mut Problems) -> Option<Cpu> {
        let Some(vcpus) = vcpus else {
            problems
                .error(cpu.span, "`cpu` needs to know the processors")
                .help("say how many `vcpus` each target has, or its `type`");
            return None;
        };
        Some(Cpu { time: given_law(&cpu.value, problems)?, vcpus })
    }

    /// Requests share the processors equally, none faster than one processor; less than one is one that is slower.
    fn compile(&self, b: &mut Builder, targets: u32, refused: OutcomeId) {
        let vcpus = self.vcpus.value;
        let slowness = if vcpus < 1.0 { vec![1.0 / vcpus; targets as usize] } else { Vec::new() };
        let station = StationSpec {
            name: "cpu".to_owned(),
            targets,
            servers: (vcpus as u32).max(1),
            // No more can come than there are workers: nobody is refused here.
            queue: None,
            discipline: Discipline::ProcessorSharing,
            slowness,
            patience: None,
            setup: None,
            target: b.target(),
        };
        let site = b.site("cpu", &self.time);
        b.serve(station, Service::Law(site), refused, refused);
    }
}

impl Pool {
    fn check(pool: ApplicationPool, context: &Context<'_>, defaults: &mut Defaults<'_, '_>) -> Option<Pool> {
        let facts = context.facts;
        let size = defaults.or(pool.size, facts.count("rds.app_pool_size_default"));
        let timeout = defaults.or(pool.timeout, facts.span("rds.app_pool_wait_default"));
        Some(Pool { size: size?, timeout: timeout?, status: pool.status })
    }

    fn compile(&self, b: &mut Builder, targets: u32) {
        b.fact("connections of each target", self.size.value, &self.size.origin);
        b.fact("longest wait for a connection", self.timeout.value, &self.timeout.origin);
        let wait = self.timeout.clone().map(|wait| LawSpec::Constant(wait.0 as f64));
        let connections = PoolSpec {
            name: "pool".to_owned(),
            targets,
            size: self.size.value,
            queue: None,
            patience: Some(b.site("longest wait", &wait)),
            target: b.target(),
            scaling: None,
        };
        let late = b.outcome(self.status, Answered::Failed, "no connection of the pool in time");
        b.hold(connections, late, late, Builder::next);
    }
}

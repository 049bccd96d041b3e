//! `ecs`: tasks of an ECS service behind a balancer, each with a pool of workers that a request holds until its answer
//! has been sent.

use super::lambda::Architecture;
use super::workers::{ApplicationPool, Workers, Written};
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::program::{Builder, Origin, Part, Sourced};
use crate::section;
use crate::spec::{At, DurationLaw, Limit, between};
use crate::units::{Bytes, Share};

/// Processors a Fargate task can have (source: Amazon ECS developer guide, task size, seen 2026-11).
const VCPUS: &[f64] = &[0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

section! {
    /// Size of a task.
    pub struct TaskSize {
        /// Processors: 0.25, 0.5, 1, 2, 4, 8 or 16.
        vcpu: At<f64>,
        /// Memory.
        memory: Bytes,
    }
}

section! {
    /// Tasks of an ECS service.
    pub struct EcsSpec {
        /// Tasks, all in service.
        tasks: u32 = 1 => between(1, 10_000),
        /// Size of each task.
        size: Option<TaskSize>,
        /// Processor architecture, which decides what a task costs.
        architecture: Architecture = Architecture::X86,
        /// Workers (threads) of each task; a request holds one until its answer has been sent.
        workers: Option<u32> => between(1, 65_535),
        /// Requests that may wait for a worker at each task, or `unlimited`.
        queue: Option<Limit<u32>>,
        /// Time a worker needs, without processors told under `cpu` and without what comes after.
        service: Option<DurationLaw>,
        /// Time of a request at one whole vCPU; requests share the processors of their task. Needs `size`.
        cpu: Option<At<DurationLaw>>,
        /// Connections of each task to what comes after.
        pool: Option<ApplicationPool>,
        /// Share of requests that end with status 500 after their work.
        errors: Option<Share>,
        /// HTTP status when the queue is full. Without it the connection is refused and whoever called answers: an ALB
        /// with 502, a gateway with 504.
        full: Option<u16> => between(400, 599),
    }
}

/// Checked tasks.
#[derive(Debug)]
pub struct Ecs {
    name: String,
    size: Option<TaskSize>,
    prices: &'static str,
    workers: Workers,
}

impl Stage for Ecs {
    const KIND: &'static str = "ecs";
    type Spec = EcsSpec;

    fn check(spec: EcsSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Ecs> {
        if let Some(vcpu) = spec.size.as_ref().map(|size| size.vcpu).filter(|vcpu| !VCPUS.contains(&vcpu.value)) {
            problems
                .error(vcpu.span, format!("a task cannot have {} vCPU", vcpu.value))
                .label("expected 0.25, 0.5, 1, 2, 4, 8 or 16");
            return None;
        }
        let written = Written {
            targets: spec.tasks,
            workers: spec.workers,
            queue: spec.queue,
            full: spec.full,
            service: spec.service,
            cpu: spec.cpu,
            vcpus: spec.size.as_ref().map(|size| Sourced::given(size.vcpu.value)),
            pool: spec.pool,
            errors: spec.errors,
        };
        let workers = Workers::check(written, context, problems)?;
        let prices = match spec.architecture {
            Architecture::X86 => "x86",
            Architecture::Arm => "arm",
        };
        Some(Ecs { name: context.name.to_owned(), size: spec.size, prices, workers })
    }
}

impl Part for Ecs {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Ecs::KIND
    }

    fn targets(&self) -> Option<u32> {
        Some(self.workers.targets())
    }

    fn compile(&self, b: &mut Builder) {
        let tasks = u64::from(self.workers.targets());
        match &self.size {
            Some(size) => {
                let name = |what: &str| format!("{}_{what}_hour", self.prices);
                // Tasks have whole quarters of a processor.
                b.standing(&name("vcpu"), tasks * (size.vcpu.value * 4.0) as u64, 4);
                b.standing(&name("gb"), tasks * size.memory.0, 1 << 30);
            }
            None => b.standing("tasks of unknown size", tasks, 1),
        }
        if let Some(size) = &self.size {
            b.fact("task size", format!("{} vCPU, {}", size.vcpu.value, size.memory), &Origin::Scenario);
        }
        self.workers.compile(b);
    }
}

//! `ec2`: instances behind a balancer, each with a pool of workers that a request holds until its answer has been sent.

use super::instance::Instance;
use super::workers::{ApplicationPool, Workers, Written};
use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::program::{Builder, Origin, Part, Sourced};
use crate::section;
use crate::spec::{At, DurationLaw, Limit, between};
use crate::units::Share;

section! {
    /// EC2 instances.
    pub struct Ec2Spec {
        /// Instances, all in service.
        instances: u32 = 1 => between(1, 10_000),
        /// Instance type, which tells the processors.
        r#type: Option<At<String>>,
        /// Workers (threads) of each instance; a request holds one until its answer has been sent.
        workers: Option<u32> => between(1, 65_535),
        /// Requests that may wait for a worker at each instance, or `unlimited`.
        queue: Option<Limit<u32>>,
        /// Time a worker needs, without processors told under `cpu` and without what comes after.
        service: Option<DurationLaw>,
        /// Processor time of a request; requests share the processors of their instance.
        cpu: Option<At<DurationLaw>>,
        /// Processors of each instance, when no `type` tells them.
        vcpus: Option<u32> => between(1, 448),
        /// Connections of each instance to what comes after.
        pool: Option<ApplicationPool>,
        /// Share of requests that end with status 500 after their work.
        errors: Option<Share>,
        /// HTTP status when the queue is full. Without it the connection is refused and whoever called answers: an ALB
        /// with 502, a gateway with 504.
        full: Option<u16> => between(400, 599),
    }
}

/// Checked instances.
#[derive(Debug)]
pub struct Ec2 {
    name: String,
    kind_of_instance: Option<String>,
    workers: Workers,
}

impl Stage for Ec2 {
    const KIND: &'static str = "ec2";
    type Spec = Ec2Spec;

    fn check(spec: Ec2Spec, context: &Context<'_>, problems: &mut Problems) -> Option<Ec2> {
        let instance = match &spec.r#type {
            None => None,
            Some(name) => match Instance::of(&name.value) {
                Some(instance) => Some(instance),
                None => {
                    let message = format!("unknown instance type `{}`", name.value);
                    problems.error(name.span, message).label(Instance::EXPECTED).help("or say its `vcpus` instead");
                    return None;
                }
            },
        };
        let vcpus = spec.vcpus.or(instance.map(|instance| instance.vcpus));
        let written = Written {
            targets: spec.instances,
            workers: spec.workers,
            queue: spec.queue,
            full: spec.full,
            service: spec.service,
            cpu: spec.cpu,
            vcpus: vcpus.map(|vcpus| Sourced::given(vcpus as f64)),
            pool: spec.pool,
            errors: spec.errors,
        };
        let workers = Workers::check(written, context, problems)?;
        let kind_of_instance = spec.r#type.map(|name| name.value);
        Some(Ec2 { name: context.name.to_owned(), kind_of_instance, workers })
    }
}

impl Part for Ec2 {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Ec2::KIND
    }

    fn targets(&self) -> Option<u32> {
        Some(self.workers.targets())
    }

    fn compile(&self, b: &mut Builder) {
        let (item, count) = match &self.kind_of_instance {
            Some(kind) => (format!("{kind}_hour"), self.workers.targets()),
            None => ("instances of unknown type".to_owned(), self.workers.targets()),
        };
        b.standing(&item, count.into(), 1);
        if let Some(kind) = &self.kind_of_instance {
            b.fact("instance type", kind, &Origin::Scenario);
        }
        self.workers.compile(b);
    }
}

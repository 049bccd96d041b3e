//! `lambda`: a function invoked synchronously. Each request needs an execution environment of its own, the most recently
//! used idle one or a new one that has to be started; there is no queue. State machine: data pack note of the edge,
//! 5.7, without the age limit of environments and without restarts of an initialisation of more than 10 s.

use super::defaults::Defaults;
use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{
    Amount, Answered, BucketSpec, Builder, Condition, ConnectionsSpec, LimitScope, Origin, OutcomeId, Part, Register,
    Sourced,
};
use crate::spec::{At, DurationLaw, between};
use crate::time::Span;
use crate::units::{Bytes, Rate, Share};
use crate::{section, words};

words! {
    /// Runtimes whose initialisation has been measured.
    pub enum Runtime {
        /// Node.js 22.
        Nodejs22 = "nodejs22",
        /// Node.js 24.
        Nodejs24 = "nodejs24",
        /// Python 3.12.
        Python312 = "python3.12",
        /// Python 3.13.
        Python313 = "python3.13",
        /// Python 3.14.
        Python314 = "python3.14",
        /// Java 17.
        Java17 = "java17",
        /// Java 21.
        Java21 = "java21",
        /// Java 25.
        Java25 = "java25",
        /// Java 21 compiled ahead of time.
        GraalvmJava21 = "graalvm_java21",
        /// .NET 8.
        Dotnet8 = "dotnet8",
        /// .NET 8 compiled ahead of time.
        Dotnet8Aot = "dotnet8_aot",
        /// .NET 10.
        Dotnet10 = "dotnet10",
        /// .NET 10 compiled ahead of time.
        Dotnet10Aot = "dotnet10_aot",
        /// Ruby 3.4.
        Ruby34 = "ruby3.4",
        /// Go.
        Go = "go",
        /// Rust.
        Rust = "rust",
        /// JavaScript on LLRT.
        Llrt = "llrt",
    }
}

words! {
    /// How the code is packed.
    pub enum Package {
        /// A ZIP archive on a managed runtime.
        Zip = "zip",
        /// A container image.
        Image = "image",
    }
}

words! {
    /// Processor architecture.
    pub enum Architecture {
        /// x86.
        X86 = "x86_64",
        /// Arm.
        Arm = "arm64",
    }
}

section! {
    /// A function.
    pub struct LambdaSpec {
        /// Runtime, which decides how long a cold start takes.
        runtime: Runtime = Runtime::Nodejs22,
        /// How the code is packed.
        package: Package = Package::Zip,
        /// Processor architecture.
        architecture: Architecture = Architecture::X86,
        /// Memory, which decides the share of processors.
        memory: At<Bytes> = At { value: Bytes(1024 << 20), span: Default::default() },
        /// Time of the handler, without processor time told under `cpu` and without what comes after.
        handler: Option<DurationLaw>,
        /// Processor time of the handler at one whole vCPU (1,769 MB); with less memory it takes longer.
        cpu: Option<DurationLaw>,
        /// Longest run of the handler.
        timeout: Option<Span> => between(Span::from_secs(1), Span::from_secs(900)),
        /// Environments kept for this function alone, and no more than these.
        reserved: Option<u32> => between(1, 1_000_000),
        /// Environments of the account, when none are reserved.
        account_concurrency: Option<u32> => between(1, 1_000_000),
        /// Environments that are always warm, while the others come and go.
        provisioned: u32 = 0 => between(0, 1_000_000),
        /// Whether the function is attached to a VPC.
        vpc: bool = false,
        /// How long an idle environment is kept.
        keep_alive: Option<DurationLaw>,
        /// Time to find a place for a new environment and to fetch its code.
        placement: Option<DurationLaw>,
        /// Time to initialise a new environment, instead of one by runtime.
        init: Option<DurationLaw>,
        /// How much longer the first run in a new environment takes, instead of one by runtime and memory.
        first_run: Option<DurationLaw>,
        /// Time the service adds to every invocation.
        overhead: Option<DurationLaw>,
        /// New environments that may be started at once.
        scaling_burst: Option<f64> => between(1.0, 1_000_000.0),
        /// New environments that may be started in the long run.
        scaling_rate: Option<Rate>,
        /// Share of invocations whose handler fails, answered with 502.
        errors: Option<Share>,
        /// HTTP status of a throttled invocation. Without it 500 behind an API, which does not pass the function's 429 on.
        throttle_status: Option<u16> => between(400, 599),
    }
}

/// A checked function.
#[derive(Debug)]
pub struct Lambda {
    name: String,
    about: String,
    memory_mib: u32,
    prices: &'static str,
    handler: Option<Sourced<LawSpec>>,
    cpu: Option<Sourced<LawSpec>>,
    timeout: Sourced<Span>,
    concurrency: Sourced<u32>,
    rate: Sourced<f64>,
    provisioned: u32,
    keep_alive: Sourced<LawSpec>,
    cold: Cold,
    overhead: Sourced<LawSpec>,
    payload: Sourced<Bytes>,
    errors: Option<Share>,
    throttle_status: Option<u16>,
}

/// A cold start, part by part.
#[derive(Debug)]
struct Cold {
    placement: Sourced<LawSpec>,
    vpc: Option<Sourced<LawSpec>>,
    init: Sourced<LawSpec>,
    first_run: Sourced<LawSpec>,
    burst: Sourced<f64>,
    refill: Sourced<Rate>,
}

/// Megabytes as AWS counts them, whether written as `1024 MB` or `1024 MiB`.
fn megabytes(memory: Bytes) -> u32 {
    let unit = if memory.0.is_multiple_of(1_000_000) { 1_000_000 } else { 1 << 20 };
    (memory.0 / unit) as u32
}

/// A law, slower by a factor.
fn slower(law: Sourced<LawSpec>, factor: f64) -> Sourced<LawSpec> {
    if factor == 1.0 {
        return law;
    }
    law.map(|law| LawSpec::Scaled { factor, law: Box::new(law) })
}

impl Stage for Lambda {
    const KIND: &'static str = "lambda";
    type Spec = LambdaSpec;

    fn check(spec: LambdaSpec, context: &Context<'_>, problems: &mut Problems) -> Option<Lambda> {
        let before = problems.len();
        let memory_mib = megabytes(spec.memory.value);
        if !(128..=10_240).contains(&memory_mib) {
            problems
                .error(spec.memory.span, format!("a function cannot have {memory_mib} MB"))
                .label("expected 128 MB to 10240 MB");
        }
        if spec.handler.is_none() && spec.cpu.is_none() {
            problems
                .error(context.span, "a function needs the time of its `handler`, its `cpu` time, or both")
                .help("for example `lambda: {handler: {lognormal: {p50: 8 ms, p99: 40 ms}}}`");
        }
        let (facts, mut defaults) = (context.facts, Defaults::new(context, problems));
        let handler = spec.handler.as_ref().and_then(|law| given_law(law, defaults.problems()));
        let one_vcpu = defaults.fact(facts.count("lambda.memory_of_one_vcpu"))?.value;
        let share = (memory_mib as f64 / one_vcpu as f64).min(1.0);
        let cpu = spec.cpu.as_ref().and_then(|law| given_law(law, defaults.problems()));
        let cpu = cpu.map(|law| slower(law, 1.0 / share));
        let cold = Cold::check(&spec, memory_mib, context, &mut defaults);
        let timeout = defaults.or(spec.timeout, facts.span("lambda.timeout"));
        let limit = spec.reserved.or(spec.account_concurrency);
        let concurrency = defaults.or(limit, facts.count("lambda.account_concurrency_default"))?;
        let factor = defaults.fact(facts.number("lambda.rps_per_concurrency"))?;
        let keep_alive = defaults.law(&spec.keep_alive, "lambda_keepalive.idle_lifetime_model");
        let overhead = defaults.law(&spec.overhead, "lambda.warm_service_overhead_model");
        let payload = defaults.fact(facts.bytes("lambda.payload_sync_request"));
        if spec.provisioned > concurrency.value {
            defaults
                .problems()
                .error(context.span, format!("{} provisioned environments are too many", spec.provisioned))
                .label(format!("at most {} can run at the same time", concurrency.value));
        }
        if problems.len() > before {
            return None;
        }
        Some(Lambda {
            name: context.name.to_owned(),
            about: format!("{}, {}, {}", spec.runtime, spec.package, spec.architecture),
            memory_mib,
            prices: match spec.architecture {
                Architecture::X86 => "x86",
                Architecture::Arm => "arm",
            },
            handler,
            cpu,
            timeout: timeout?,
            rate: factor.map(|factor| factor * concurrency.value as f64),
            concurrency,
            provisioned: spec.provisioned,
            keep_alive: keep_alive?,
            cold: cold?,
            overhead: overhead?,
            payload: payload?,
            errors: spec.errors,
            throttle_status: spec.throttle_status,
        })
    }
}

impl Cold {
    fn check(
        spec: &LambdaSpec,
        memory_mib: u32,
        context: &Context<'_>,
        defaults: &mut Defaults<'_, '_>,
    ) -> Option<Cold> {
        let facts = context.facts;
        let row = format!("{}_{}_{}", spec.runtime, spec.package, spec.architecture);
        let placement = defaults.law(&spec.placement, "lambda_cold.service_part_model");
        let vpc = match spec.vpc {
            true => defaults.law(&None, "lambda_cold.vpc_extra_model").map(Some),
            false => Some(None),
        };
        let init = defaults.law(&spec.init, &format!("lambda_init.init_{row}"));
        let measured_at = defaults.fact(facts.count("lambda.memory_of_init_rows"))?.value;
        let first_run = match &spec.first_run {
            Some(law) => given_law(law, defaults.problems()),
            None => defaults
                .law(&None, &format!("lambda_init.first_run_{row}"))
                .map(|law| slower(law, measured_at as f64 / memory_mib as f64)),
        };
        let burst = defaults.or(spec.scaling_burst, facts.number("lambda.scaling_burst"));
        let refill = defaults.or(spec.scaling_rate, facts.rate("lambda.scaling_refill"));
        Some(Cold {
            placement: placement?,
            vpc: vpc?,
            init: init?,
            first_run: first_run?,
            burst: burst?,
            refill: refill?,
        })
    }

    /// A new environment is started, if the scaling rate allows it; otherwise there is none.
    fn compile(&self, b: &mut Builder, throttled: OutcomeId) {
        let (name, origin) = ("scaling".to_owned(), self.refill.origin.clone());
        let (rate, burst) = (self.refill.value.0, self.burst.value);
        b.limit(BucketSpec { name, rate, burst, scope: LimitScope::Shared, origin }, throttled);
        b.delay("placement", &self.placement);
        if let Some(vpc) = &self.vpc {
            b.delay("VPC", vpc);
        }
        // No time has passed in this stage before: these are the nanoseconds of a cold start that are not billed.
        b.meter("not_billed", "ns", Amount::StageNanos);
        b.delay("init", &self.init);
        b.meter("init_and_not_billed", "ns", Amount::StageNanos);
        b.delay("first run", &self.first_run);
        b.meter("cold_start", "ns", Amount::StageNanos);
    }
}

impl Lambda {
    fn tell(&self, b: &mut Builder) {
        b.fact("function", &self.about, &Origin::Scenario);
        b.fact("memory", format!("{} MB", self.memory_mib), &Origin::Scenario);
        b.fact("concurrency", self.concurrency.value, &self.concurrency.origin);
        b.fact("provisioned", self.provisioned, &Origin::Scenario);
        b.fact("requests a second", self.rate.value, &self.rate.origin);
        b.fact("new environments at once", self.cold.burst.value, &self.cold.burst.origin);
        b.fact("new environments a second", self.cold.refill.value.0, &self.cold.refill.origin);
        b.fact("timeout", self.timeout.value, &self.timeout.origin);
        b.fact("payload", self.payload.value, &self.payload.origin);
    }

    fn environments(&self, b: &mut Builder) -> ConnectionsSpec {
        ConnectionsSpec {
            name: "environments".to_owned(),
            targets: 1,
            limit: Some(self.concurrency.value),
            keep_alive: Some(b.site("keep alive", &self.keep_alive)),
            provisioned: self.provisioned,
            state: b.register("environment"),
            target: None,
        }
    }

    /// The environment is held while the handler waits for what comes after.
    fn invoke(&self, b: &mut Builder, environment: Register) {
        let late = b.outcome(502, Answered::Failed, "function timed out");
        b.call(Some(self.timeout.value), late, |b| {
            b.scoped(|b| self.run(b));
            self.bill(b, environment);
        });
    }

    /// The milliseconds of an invocation; in a provisioned environment they have a price of their own.
    fn bill(&self, b: &mut Builder, environment: Register) {
        let deadline = self.timeout.value;
        if self.provisioned == 0 {
            return b.meter_call("billed", deadline);
        }
        let (provisioned, done) = (b.label(), b.label());
        b.branch(Condition::Holds(environment, ConnectionsSpec::PROVISIONED), provisioned);
        b.meter_call("billed", deadline);
        b.jump(done);
        b.bind(provisioned);
        b.meter_call("billed_provisioned", deadline);
        b.bind(done);
    }

    /// The handler, with what comes after.
    fn run(&self, b: &mut Builder) {
        if let Some(handler) = &self.handler {
            // The same purpose as at instances and tasks: the same name there gives the same luck.
            b.delay("service", handler);
        }
        if let Some(cpu) = &self.cpu {
            b.delay("cpu", cpu);
        }
        b.next();
        if let Some(Share(share)) = self.errors {
            let failed = b.outcome(502, Answered::Failed, "function error");
            b.fail("errors", &Sourced::given(share), failed);
        }
    }
}

impl Part for Lambda {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Lambda::KIND
    }

    fn compile(&self, b: &mut Builder) {
        self.tell(b);
        let behind_api = ["rest_api", "http_api", "websocket_api"].into_iter().any(|kind| b.comes_after(kind));
        let status = self.throttle_status.unwrap_or(if behind_api { 500 } else { 429 });
        let mut throttled = |reason: &str| b.outcome(status, Answered::Rejected, reason);
        let [by_rate, by_count] = [throttled("throttled, request rate"), throttled("throttled, concurrency")];
        let by_scaling = throttled("throttled, scaling rate");
        let too_large = b.outcome(413, Answered::Rejected, "payload too large");
        let refused = b.otherwise(too_large);
        b.branch(Condition::RequestAbove(self.payload.value.0.min(u32::MAX as u64) as u32), refused);
        let (rate, origin) = (self.rate.value, self.rate.origin.clone());
        let (name, scope) = ("requests".to_owned(), LimitScope::Shared);
        b.limit(BucketSpec { name, rate, burst: rate, scope, origin }, by_rate);
        let environments = self.environments(b);
        let environment = environments.state;
        b.standing(&format!("memory_{}", self.prices), self.memory_mib.into(), 1024);
        let provisioned = u64::from(self.provisioned) * u64::from(self.memory_mib);
        if provisioned > 0 {
            b.standing(&format!("provisioned_concurrency_{}_gb_second", self.prices), provisioned, 1024);
        }
        b.connect(
            environments,
            by_count,
            |b| self.cold.compile(b, by_scaling),
            |b| {
                b.meter("request", "request", Amount::One);
                self.invoke(b, environment);
            },
        );
        // Spent by the service around the handler, so neither in an environment nor billed.
        b.delay("overhead", &self.overhead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn megabytes_are_counted_as_written() {
        assert_eq!(megabytes(Bytes(128_000_000)), 128);
        assert_eq!(megabytes(Bytes(128 << 20)), 128);
        assert_eq!(megabytes(Bytes(10 << 30)), 10_240);
    }
}

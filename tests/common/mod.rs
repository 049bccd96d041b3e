//! A small language for paths in tests: stages as values, compiled through the same builder as the real ones.

#![allow(dead_code)] // each test binary uses its part of it

use std::sync::Arc;

use gatepath::exec::{Arrival, Executor, Options, Run, Source, Verdict, events, execute, in_windows, optimistically};
use gatepath::law::LawSpec;
use gatepath::program::*;
use gatepath::time::{Span, Time};

/// A law over milliseconds.
#[derive(Clone, Debug)]
pub enum Ms {
    /// Always the same.
    Const(u64),
    /// Exponential with this mean.
    Exp(u64),
    /// Uniform.
    Between(u64, u64),
}

impl Ms {
    fn law(&self) -> Sourced<LawSpec> {
        let ns = |ms: u64| ms as f64 * 1e6;
        Sourced::given(match *self {
            Ms::Const(ms) => LawSpec::Constant(ns(ms)),
            Ms::Exp(ms) => LawSpec::Exponential { mean: ns(ms.max(1)) },
            Ms::Between(low, high) => LawSpec::Uniform { low: ns(low), high: ns(low.max(high)) + 1e6 },
        })
    }
}

/// What a stage of a test path does.
#[derive(Clone, Debug)]
pub enum Does {
    /// Time passes before and after the rest.
    Delay(Ms, Ms),
    /// A share of the requests is answered here.
    Hit(u8),
    /// A share of the requests fails here.
    Fail(u8),
    /// A token bucket: a token every so many milliseconds, burst.
    Limit { every: u64, burst: u32, scope: LimitScope },
    /// A cache with state.
    Cache { ttl: Option<u64>, capacity: Option<u32>, renew: bool, at_once: bool },
    /// A station.
    Serve { servers: u32, queue: Option<u32>, discipline: Discipline, service: Ms, patience: Option<Ms>, setup: bool },
    /// The one station (or the one pool) that all stages of this kind share: a request may visit it many times.
    Shared { holds: bool, service: Ms },
    /// Permits kept during the rest.
    Hold { size: u32, queue: Option<u32>, patience: Option<Ms> },
    /// Servers whose number a controller changes; or, with `around`, permits kept during the rest.
    Scaled { size: u32, scaling: ScalingSpec, queue: Option<u32>, patience: Option<Ms>, service: Ms, around: bool },
    /// Connections kept during the rest.
    Connect { limit: Option<u32>, keep: Option<Ms>, open: Ms, provisioned: u32, fails: u8 },
    /// A balancer over targets with stations, or with permits held during the rest.
    Balance { targets: u32, policy: u8, servers: u32, service: Ms, holds: bool },
    /// A deadline for the rest.
    Timeout(u64),
    /// The rest is repeated when it fails.
    Retry { attempts: u32, backoff: Ms, budget: bool },
    /// Paths in parallel, before the rest.
    Fork { paths: Vec<Vec<Does>>, join: u8 },
    /// Another path for one class.
    Route(Vec<Does>),
}

/// A stage with its name.
#[derive(Debug)]
pub struct Stage {
    name: String,
    does: Does,
    paths: Vec<Path>,
}

/// A path of stages; names are made from the place, so that they are unique.
pub fn path(prefix: &str, stages: &[Does]) -> Path {
    let stage = |(number, does): (usize, &Does)| {
        let name = match does {
            Does::Shared { holds, .. } => format!("shared {holds}"),
            _ => format!("{prefix}{number}"),
        };
        let inner: Vec<&Vec<Does>> = match does {
            Does::Fork { paths, .. } => paths.iter().collect(),
            Does::Route(path) => vec![path],
            _ => Vec::new(),
        };
        let paths = inner.iter().enumerate().map(|(i, inner)| path(&format!("{name}.{i}."), inner)).collect();
        Arc::new(Stage { name, does: does.clone(), paths }) as Arc<dyn Part>
    };
    stages.iter().enumerate().map(stage).collect()
}

/// Compiles a path behind a client that waits at most `timeout` and makes `attempts`.
pub fn compile(stages: &[Does], timeout: Option<u64>, attempts: u32) -> Program {
    let mut all = vec![Does::Retry { attempts, backoff: Ms::Const(100), budget: false }];
    all.push(Does::Timeout(timeout.unwrap_or(u64::MAX / 2_000_000)));
    all.extend_from_slice(stages);
    Builder::compile(&path("", &all), vec!["first".into(), "second".into()]).expect("a valid path")
}

impl Part for Stage {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "test"
    }

    fn compile(&self, b: &mut Builder) {
        let full = b.outcome(503, Answered::Rejected, "full");
        let failed = b.outcome(500, Answered::Failed, "failed");
        let given = |percent: u8| Sourced::given(percent as f64 / 100.0);
        match &self.does {
            Does::Delay(there, back) => {
                b.delay("there", &there.law());
                b.next();
                b.delay("back", &back.law());
            }
            Does::Hit(percent) => {
                let end = b.end();
                b.chance("hit", &given(*percent), end);
                b.next();
            }
            Does::Fail(percent) => {
                b.fail("fail", &given(*percent), failed);
                b.next();
            }
            Does::Limit { every, burst, scope } => {
                let rate = 1e3 / (*every).max(1) as f64;
                let (name, burst, origin) = (String::new(), *burst as f64, Origin::Scenario);
                b.limit(BucketSpec { name, rate, burst, scope: *scope, origin }, full);
                b.next();
            }
            Does::Cache { ttl, capacity, renew, at_once } => {
                let spec = CacheSpec {
                    name: String::new(),
                    ttl: ttl.map(Span::from_millis),
                    renew: *renew,
                    capacity: *capacity,
                    fill_at_once: *at_once,
                };
                let end = b.end();
                let cache = b.lookup(spec, end);
                b.next();
                b.store(cache);
            }
            Does::Serve { servers, queue, discipline, service, patience, setup } => {
                let service = b.site("service", &service.law());
                let fifo = *discipline == Discipline::Fifo;
                let patience = patience.as_ref().filter(|_| fifo).map(|law| b.site("patience", &law.law()));
                let setup = (*setup && *servers == 1 && fifo).then(|| b.site("setup", &Ms::Exp(3).law()));
                let spec = station(1, *servers, *queue, *discipline, patience, setup, None);
                b.serve(spec, Service::Law(service), full, failed);
                b.next();
            }
            Does::Shared { holds: false, service } => {
                let service = b.site("service", &service.law());
                b.serve(
                    station(1, 2, Some(3), Discipline::Fifo, None, None, None),
                    Service::Law(service),
                    full,
                    failed,
                );
                b.next();
            }
            Does::Shared { holds: true, service } => {
                let (name, queue) = (String::new(), Some(4));
                b.hold(
                    PoolSpec { name, targets: 1, size: 2, queue, patience: None, target: None, scaling: None },
                    full,
                    failed,
                    |b| {
                        b.delay("work", &service.law());
                    },
                );
                b.next();
            }
            Does::Hold { size, queue, patience } => {
                let patience = patience.as_ref().map(|law| b.site("patience", &law.law()));
                let (name, size, queue) = (String::new(), *size, *queue);
                let spec = PoolSpec { name, targets: 1, size, queue, patience, target: None, scaling: None };
                b.hold(spec, full, failed, Builder::next);
            }
            Does::Scaled { size, scaling, queue, patience, service, around } => {
                let patience = patience.as_ref().map(|law| b.site("patience", &law.law()));
                let (name, size, queue) = (String::new(), *size, *queue);
                let scaling = Some(scaling.clone());
                let spec = PoolSpec { name, targets: 1, size, queue, patience, target: None, scaling };
                b.hold(spec, full, failed, |b| {
                    b.delay("service", &service.law());
                    if *around {
                        b.next();
                    }
                });
                if !around {
                    b.next();
                }
            }
            Does::Connect { limit, keep, open, provisioned, fails } => {
                let spec = ConnectionsSpec {
                    name: String::new(),
                    targets: 1,
                    limit: *limit,
                    keep_alive: keep.as_ref().map(|law| b.site("keep", &law.law())),
                    provisioned: *provisioned,
                    state: b.register("state"),
                    target: None,
                };
                let fresh = |b: &mut Builder| {
                    b.fail("open fails", &given(*fails), failed);
                    b.delay("open", &open.law());
                };
                b.connect(spec, full, fresh, Builder::next);
            }
            Does::Balance { targets, policy, servers, service, holds } => {
                self.balance(b, *targets, *policy, *servers, service, *holds, full);
            }
            Does::Timeout(ms) => {
                let late = b.outcome(0, Answered::TimedOut, "late");
                b.call(Some(Span::from_millis(*ms)), late, Builder::next);
            }
            Does::Retry { attempts, backoff, budget } => {
                let budget = budget.then(|| b.earn(BudgetSpec { name: "budget".into(), share: 0.25, cap: 2.0 }));
                let again = b.label();
                b.bind(again);
                b.sent();
                b.next();
                let spec = RetrySpec {
                    name: "retry".into(),
                    attempts: Some(*attempts),
                    on: b.outcomes().iter().map(|outcome| !outcome.is_good()).collect(),
                    backoff: Backoff::Law(b.site("back-off", &backoff.law())),
                    budget,
                    counter: b.register("attempts"),
                    depth: 0,
                    salt: 0,
                };
                b.retry(spec, again);
            }
            Does::Fork { join, .. } => {
                let join = match join % 3 {
                    0 => Join::None,
                    1 => Join::Successes(1),
                    _ => Join::Successes(self.paths.len() as u32),
                };
                b.fork("fork", &self.paths, join);
                b.next();
            }
            Does::Route(_) => {
                let (other, end) = (b.label(), b.end());
                b.branch(Condition::Class(1), other);
                b.path(&self.paths[0], true);
                b.jump(end);
                b.bind(other);
                b.next();
            }
        }
    }
}

impl Stage {
    #[allow(clippy::too_many_arguments)] // the fields of one variant
    fn balance(
        &self,
        b: &mut Builder,
        targets: u32,
        policy: u8,
        servers: u32,
        service: &Ms,
        holds: bool,
        full: OutcomeId,
    ) {
        let target = b.register("target");
        let mut site = || b.chance_site("choice", &Origin::Structure);
        let choice = match policy % 7 {
            0 => Choice::RoundRobin,
            1 => Choice::Random(site()),
            2 => Choice::HashKey,
            3 => Choice::LeastOutstanding(site()),
            4 => Choice::PowerOf(site(), 2),
            5 => Choice::Given,
            _ => {
                let shares = (1..=targets).map(|n| n as f64 / targets as f64).collect();
                Choice::Weighted(site(), shares)
            }
        };
        b.balanced(BalancerSpec { name: "choose".into(), targets, choice, target }, |b| {
            if holds {
                let spec = PoolSpec {
                    name: "workers".into(),
                    targets,
                    size: servers,
                    queue: Some(3),
                    patience: None,
                    target: Some(target),
                    scaling: None,
                };
                b.hold(spec, full, full, |b| {
                    b.delay("work", &service.law());
                    b.next();
                });
            } else {
                let service = Service::Law(b.site("service", &service.law()));
                let spec = station(targets, servers, Some(3), Discipline::Fifo, None, None, Some(target));
                b.serve(spec, service, full, full);
                b.next();
            }
        });
    }
}

fn station(
    targets: u32,
    servers: u32,
    queue: Option<u32>,
    discipline: Discipline,
    patience: Option<SiteId>,
    setup: Option<SiteId>,
    target: Option<Register>,
) -> StationSpec {
    let name = "station".to_owned();
    StationSpec { name, targets, servers, queue, discipline, slowness: Vec::new(), patience, setup, target }
}

/// Arrivals given one by one, or users who come back after a think time.
#[derive(Clone, Debug)]
pub struct Given {
    /// Open arrivals.
    pub arrivals: Vec<Arrival>,
    /// Users that come back, with think time and the end of traffic; zero for open traffic.
    pub users: u64,
    /// Think time.
    pub think: Span,
    /// End of traffic.
    pub until: Time,
}

impl Given {
    /// Open arrivals at these milliseconds; class, key and target vary with the number.
    pub fn at(times: &[u64]) -> Given {
        let arrival = |(number, &ms): (usize, &u64)| arrival(number as u64, Time(ms * 1_000_000));
        let arrivals = times.iter().enumerate().map(arrival).collect();
        Given { arrivals, users: 0, think: Span::ZERO, until: Time::ZERO }
    }

    /// Users who send together at the start and think for a fixed time.
    pub fn users(users: u64, think: Span, until: Time) -> Given {
        let arrivals = (0..users).map(|user| arrival(user, Time::ZERO)).collect();
        Given { arrivals, users, think, until }
    }
}

fn arrival(serial: u64, at: Time) -> Arrival {
    Arrival {
        at,
        serial,
        class: serial.is_multiple_of(3) as u16,
        key: (serial * 7 % 5) as u32,
        request_bytes: 2_048,
        response_bytes: 10_000,
        demand: 3_000_000,
        target: (serial % 4) as u32,
    }
}

impl Source for Given {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        block.append(&mut self.arrivals);
    }

    fn is_closed(&self) -> bool {
        self.users > 0
    }

    fn follow(&mut self, serial: u64, end: Time) -> Option<Arrival> {
        let at = end + self.think;
        (self.users > 0 && at < self.until).then(|| arrival(serial + self.users, at))
    }
}

/// Runs a program with everything recorded, the last arrivals a second before the end of the measured time.
pub fn run(executor: Executor, program: &Program, source: &Given, seed: u64, guard: Guard) -> Run {
    consistent(execute(executor, program, &|| Box::new(source.clone()), &options(source, seed, guard)))
}

fn options(source: &Given, seed: u64, guard: Guard) -> Options<'static> {
    let last = source.arrivals.last().map_or(Time::ZERO, |arrival| arrival.at).max(source.until);
    Options {
        seed,
        replication: 0,
        from: Time(last.0 / 5),
        until: last + Span::from_secs(1),
        interval: None,
        guard,
        trace: true,
        cancel: None,
    }
}

/// The same in windows of this length or less, if it can be.
pub fn run_windowed(program: &Program, source: &Given, seed: u64, guard: Guard, length: Span) -> Option<Run> {
    let sources = || -> Box<dyn Source> { Box::new(source.clone()) };
    let options = options(source, seed, guard);
    in_windows(program, &sources, &options, length, length.min(Span(1 << 16))).map(consistent)
}

/// The same in windows of this length, if no repeat comes back before its window has ended.
pub fn run_optimistically(program: &Program, source: &Given, seed: u64, guard: Guard, length: Span) -> Option<Run> {
    let sources = || -> Box<dyn Source> { Box::new(source.clone()) };
    optimistically(program, &sources, &options(source, seed, guard), length).map(consistent)
}

/// The same by events, a window at a time.
pub fn run_in_windows(program: &Program, source: &Given, seed: u64, guard: Guard, window: Span) -> Run {
    consistent(events::run_in_windows(program, Box::new(source.clone()), &options(source, seed, guard), window))
}

/// A run that breaks no conservation law.
fn consistent(run: Run) -> Run {
    assert!(!matches!(run.verdict, Verdict::Inconsistent { .. }), "{:?}", run.verdict);
    run
}

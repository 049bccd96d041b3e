//! Small cases for tests: Poisson traffic of two classes through a failing waf and a station.

use super::case::Case;
use crate::exec::{Arrival, Source};
use crate::law::LawSpec;
use crate::program::builder::Part;
use crate::program::{Answered, Builder, Discipline, Grade, Guard, Origin, Path, Service, Sourced, StationSpec};
use crate::rng::{Key, uniform};
use crate::scenario::{Measured, Objective};
use crate::time::{Span, Time};
use std::sync::Arc;

/// Waits for ever.
#[derive(Debug)]
struct Client;

/// Answers 1 % with 403, then takes 0.2 ms.
#[derive(Debug)]
struct Waf;

/// A FIFO station with exponential service of 1 ms.
#[derive(Debug)]
struct Station {
    servers: u32,
    queue: Option<u32>,
}

impl Part for Client {
    fn name(&self) -> &str {
        "client"
    }
    fn kind(&self) -> &'static str {
        "client"
    }
    fn compile(&self, b: &mut Builder) {
        let late = b.outcome(0, Answered::TimedOut, "time-out");
        b.call(None, late, Builder::next);
    }
}

impl Part for Waf {
    fn name(&self) -> &str {
        "waf"
    }
    fn kind(&self) -> &'static str {
        "waf"
    }
    fn compile(&self, b: &mut Builder) {
        let blocked = b.outcome(403, Answered::Rejected, "blocked");
        b.fail("blocked", &Sourced::given(0.01), blocked);
        let origin = Origin::Fact {
            id: "waf.latency".into(),
            source: "a guess".into(),
            date: "2026-01-01".into(),
            grade: Grade::D,
        };
        b.delay("inspection", &Sourced { value: LawSpec::Constant(200_000.0), origin });
        b.next();
    }
}

impl Part for Station {
    fn name(&self) -> &str {
        "service"
    }
    fn kind(&self) -> &'static str {
        "station"
    }
    fn compile(&self, b: &mut Builder) {
        let law = Sourced::given(LawSpec::Exponential { mean: 1e6 });
        let spec = StationSpec {
            name: String::new(),
            targets: 1,
            servers: self.servers,
            queue: self.queue,
            discipline: Discipline::Fifo,
            slowness: Vec::new(),
            patience: None,
            setup: None,
            target: None,
        };
        let full = b.outcome(503, Answered::Rejected, "queue full");
        let late = b.outcome(503, Answered::TimedOut, "patience");
        let service = Service::Law(b.site("service", &law));
        b.serve(spec, service, full, late);
    }
}

/// Poisson arrivals, every fourth of the second class.
struct Poisson {
    key: Key,
    mean: f64,
    until: Time,
    at: f64,
    serial: u64,
}

impl Source for Poisson {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        for _ in 0..256 {
            self.at -= crate::math::ln(uniform(self.key.bits(self.serial))) * self.mean;
            let at = Time(self.at as u64);
            if at >= self.until {
                return;
            }
            block.push(Arrival {
                at,
                serial: self.serial,
                class: u16::from(self.serial % 4 == 3),
                ..Arrival::default()
            });
            self.serial += 1;
        }
    }
}

/// Ten runs of 10 s, the first second not measured, at `rate` requests a second.
pub fn case(name: &str, rate: f64, servers: u32) -> Case {
    lasting(Span::from_secs(10), name, rate, servers)
}

/// The same for another time.
pub fn lasting(duration: Span, name: &str, rate: f64, servers: u32) -> Case {
    let path: Path =
        Arc::from([Arc::new(Client) as Arc<dyn Part>, Arc::new(Waf), Arc::new(Station { servers, queue: Some(50) })]);
    let program = Builder::compile(&path, vec!["read".into(), "write".into()]).unwrap();
    let traffic = move |seed, replication| {
        let key = Key::new(seed, replication, "client", "arrival");
        Box::new(Poisson { key, mean: 1e9 / rate, until: Time(duration.0), at: 0.0, serial: 0 }) as Box<dyn Source>
    };
    Case {
        name: name.to_owned(),
        title: "Does one server do?".to_owned(),
        program,
        traffic: Box::new(traffic),
        users: None,
        duration,
        warmup: Span::from_secs(1),
        seeks_warmup: false,
        steady: true,
        interval: Some(Span::from_secs(1)),
        guard: Guard::default(),
        seed: 1,
        replications: 10,
        precision: None,
        batches: false,
        control_variates: false,
        percentiles: Vec::new(),
        objectives: vec![
            objective("p99 < 20 ms", Measured::Quantile(0.99), true, 20e6),
            objective("errors < 0.1%", Measured::Errors, true, 0.001),
            objective("throughput > 494/s", Measured::Throughput, false, 494.0),
        ],
        confidence: 0.95,
        costing: None,
    }
}

/// A case whose queue has no bound and whose station cannot keep up.
pub fn unstable(name: &str) -> Case {
    let path: Path = Arc::from([Arc::new(Client) as Arc<dyn Part>, Arc::new(Station { servers: 1, queue: None })]);
    let program = Builder::compile(&path, Vec::new()).unwrap();
    let guard = Guard { backlog: 100, ..Guard::default() };
    Case { program, guard, ..case(name, 2000.0, 1) }
}

/// An objective on all requests.
pub fn objective(text: &str, measured: Measured, below: bool, limit: f64) -> Objective {
    Objective { text: text.to_owned(), measured, class: None, below, limit }
}

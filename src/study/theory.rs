//! Theory beside simulation: for every resource whose assumptions hold, the closed form next to the simulated interval, and
//! whether the two agree; for every other, which assumption fails.

use super::case::Case;
use super::estimate::{Estimates, Metric, ResourceEstimates};
use super::replicate::Sample;
use super::streams::{Stream, Streams};
use crate::exec::ResourceKind;
use crate::law::LawSpec;
use crate::program::{
    BucketId, BucketSpec, CacheId, CacheSpec, Discipline, Instruction, LimitScope, Per, Program, Service, StationSpec,
};
use crate::stats::interval::{self, Interval};
use crate::stats::student;
use crate::stats::theory::{Closed, MultiServer, Place, bucket_refusal, cache, pollaczek_khinchine, single_server};
use crate::traffic::{Arrivals, Traffic};
use std::fmt;

/// Confidence at which a closed form and a simulation are said to disagree: one false alarm in a thousand comparisons.
const ALARM: f64 = 0.999;
/// Part of a value that counters of a histogram may blur.
const BLUR: f64 = 0.002;
/// Error of Che's approximation of a hit ratio, as seen in exact results.
const CHE: f64 = 0.005;
/// Users beyond which a closed network is not computed: it takes their square.
const MOST_USERS: u64 = 1000;

/// What theory says of a resource, or of the whole path.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// Name of the resource; [`Beside::PATH`] for the whole path.
    pub name: String,
    /// The closed form, or why there is none.
    pub model: Result<Model, String>,
}

/// A closed form whose assumptions hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it is called: `M/M/4`.
    pub name: String,
    /// Why it may be used.
    pub because: String,
    /// Its values beside the simulated ones.
    pub values: Vec<Compared>,
}

/// One value by theory and by simulation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compared {
    /// What it is.
    pub quantity: Quantity,
    /// By theory: a share, nanoseconds, or requests a second.
    pub exact: f64,
    /// By simulation, in the same unit.
    pub simulated: Interval,
    /// Whether both can be right.
    pub agrees: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Share of the servers' time that is busy.
    Utilisation,
    /// Share of the requests that wait.
    Waits,
    /// Mean wait, in nanoseconds.
    Wait,
    /// Wait that 99 % stay below, in nanoseconds.
    WaitP99,
    /// Share turned away.
    Refused,
    /// Share of hits.
    Hits,
    /// Requests served a second.
    Throughput,
    /// Mean latency, in nanoseconds.
    Latency,
}

impl Quantity {
    /// Whether it is a time in nanoseconds.
    pub fn is_time(self) -> bool {
        matches!(self, Quantity::Wait | Quantity::WaitP99 | Quantity::Latency)
    }

    /// Name with unit, as in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Utilisation => "utilisation",
            Quantity::Waits => "waiting_share",
            Quantity::Wait => "wait_mean_ms",
            Quantity::WaitP99 => "wait_p99_ms",
            Quantity::Refused => "refused_share",
            Quantity::Hits => "hit_share",
            Quantity::Throughput => "throughput_per_s",
            Quantity::Latency => "latency_mean_ms",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Quantity::Utilisation => "busy",
            Quantity::Waits => "waits",
            Quantity::Wait => "mean wait",
            Quantity::WaitP99 => "p99 wait",
            Quantity::Refused => "refused",
            Quantity::Hits => "hits",
            Quantity::Throughput => "throughput",
            Quantity::Latency => "mean latency",
        })
    }
}

impl Beside {
    /// Name of the entry on the whole path.
    pub const PATH: &str = "whole path";
}

impl Compared {
    /// The two, and whether they agree: a distance beyond the interval widened to a confidence of 99.9 % is too much.
    pub fn of(quantity: Quantity, exact: f64, simulated: Interval, confidence: f64) -> Compared {
        Compared::within(0.0, quantity, exact, simulated, confidence)
    }

    /// The same for a form that is an approximation with this error.
    fn within(error: f64, quantity: Quantity, exact: f64, simulated: Interval, confidence: f64) -> Compared {
        let degrees = simulated.units.saturating_sub(1);
        let wider = student::critical(ALARM, degrees) / student::critical(confidence, degrees);
        let reach = match exact > simulated.value {
            true => simulated.high - simulated.value,
            false => simulated.value - simulated.low,
        };
        let distance = (exact - simulated.value).abs();
        let agrees = distance <= error + (wider * reach).max(BLUR * exact.abs());
        Compared { quantity, exact, simulated, agrees }
    }
}

/// Theory beside a complete run of at least two replications; nothing for others.
pub fn beside(case: &Case, sample: &Sample, estimates: &Estimates) -> Vec<Beside> {
    if !estimates.status.is_complete() || sample.simulated().len() < 2 {
        return Vec::new();
    }
    let streams = Streams::of(case, &sample.simulated().iter().collect::<Vec<_>>());
    let desk = Desk { case, program: &case.program, sample, streams: &streams };
    let path = case
        .users
        .as_deref()
        .filter(|users| users.is_closed())
        .map(|users| Beside { name: Beside::PATH.to_owned(), model: desk.closed(users, estimates) });
    let resources = estimates.resources.iter().enumerate().filter_map(|(index, resource)| {
        let model = desk.resource(index, resource)?;
        Some(Beside { name: resource.name.clone(), model })
    });
    resources.chain(path).collect()
}

/// What is looked at.
struct Desk<'a> {
    case: &'a Case,
    program: &'a Program,
    sample: &'a Sample,
    streams: &'a Streams<'a>,
}

impl Desk<'_> {
    fn resource(&self, index: usize, resource: &ResourceEstimates) -> Option<Result<Model, String>> {
        let program = self.program;
        let name = &resource.name;
        Some(match resource.kind {
            ResourceKind::Bucket => {
                let number = program.buckets.iter().position(|spec| spec.name == *name)?;
                self.bucket(&program.buckets[number], BucketId(number as u16), resource)
            }
            ResourceKind::Cache => {
                let number = program.caches.iter().position(|spec| spec.name == *name)?;
                self.cache(&program.caches[number], CacheId(number as u16), resource)
            }
            ResourceKind::Station => {
                let number = program.stations.iter().position(|spec| spec.name == *name)?;
                self.station(&program.stations[number], number, index, resource)
            }
            ResourceKind::Pool => Err("how long a permit is held depends on the path behind it".to_owned()),
            ResourceKind::Connections => Err("how long a connection is used depends on the path behind it".to_owned()),
            ResourceKind::Balancer | ResourceKind::Budget => return None,
        })
    }

    /// The only stream to a resource, when it is a Poisson stream, with its rate and why.
    fn poisson(
        &self,
        resource: &ResourceEstimates,
        is_it: impl Fn(&Instruction) -> bool,
    ) -> Result<(usize, &Stream, f64, String), String> {
        let (place, stream) = self.streams.only(is_it)?;
        match self.streams.flaw(place) {
            Some(flaw) => Err(format!("arrivals here are no Poisson stream of constant rate: {flaw}")),
            None if stream.known => {
                let rate = stream.rate();
                Ok((
                    place,
                    stream,
                    rate,
                    "Poisson arrivals at a constant rate: nothing before makes requests depend on each other"
                        .to_owned(),
                ))
            }
            None => {
                let because = "Poisson arrivals at a constant rate, taken from the simulation".to_owned();
                Ok((place, stream, resource.arrivals.value, because))
            }
        }
    }

    fn model(&self, name: String, because: String, values: Vec<(Quantity, f64, Interval)>) -> Model {
        // What is not recorded is not compared.
        let known = values.into_iter().filter(|(.., simulated)| simulated.value.is_finite());
        let compared = |(quantity, exact, simulated)| Compared::of(quantity, exact, simulated, self.case.level());
        Model { name, because, values: known.map(compared).collect() }
    }

    fn bucket(&self, spec: &BucketSpec, id: BucketId, resource: &ResourceEstimates) -> Result<Model, String> {
        if spec.scope != LimitScope::Shared {
            return Err("every key or class has a bucket of its own".to_owned());
        }
        if spec.burst.fract() != 0.0 || spec.burst > 1e5 {
            return Err("the burst is no whole number up to 100000".to_owned());
        }
        let is_it =
            |instruction: &Instruction| matches!(instruction, Instruction::Limit { bucket, .. } if *bucket == id);
        let (_, _, rate, because) = self.poisson(resource, is_it)?;
        let exact = bucket_refusal(rate, spec.rate, spec.burst as u32);
        let name = format!("M/D/1/{} at {} /s", spec.burst, brief(rate));
        Ok(self.model(name, because, vec![(Quantity::Refused, exact, resource.refused)]))
    }

    fn cache(&self, spec: &CacheSpec, id: CacheId, resource: &ResourceEstimates) -> Result<Model, String> {
        let users = self.case.users.as_deref().ok_or("nothing is known of the keys")?;
        if !spec.fill_at_once {
            return Err("an entry is there only when its answer is, and others miss meanwhile".to_owned());
        }
        let is_it =
            |instruction: &Instruction| matches!(instruction, Instruction::Lookup { cache, .. } if *cache == id);
        let (_, stream, rate, because) = self.poisson(resource, is_it)?;
        if matches!(users.arrivals(), Arrivals::Requests(_)) || !stream.known {
            return Err("the popularity of the keys is not known here".to_owned());
        }
        let popularity = popularity(users, stream);
        let ttl = spec.ttl.map(|ttl| ttl.as_secs_f64());
        let (name, exact) = match (spec.capacity, ttl) {
            (Some(capacity), None) => {
                (format!("Che's approximation, {capacity} entries"), cache::che(&popularity, capacity))
            }
            (None, Some(ttl)) if spec.renew => ("renewed lives".to_owned(), cache::ttl_renewed(&popularity, rate, ttl)),
            (None, Some(ttl)) => ("fixed lives".to_owned(), cache::ttl(&popularity, rate, ttl)),
            (None, None) => return Err("entries live for ever, so that there is no steady state".to_owned()),
            (Some(_), Some(_)) => return Err("entries end by age and for want of room".to_owned()),
        };
        let error = if spec.capacity.is_some() { CHE } else { 0.0 };
        let compared = Compared::within(error, Quantity::Hits, exact, resource.hits, self.case.level());
        Ok(Model { name, because, values: vec![compared] })
    }

    fn station(
        &self,
        spec: &StationSpec,
        number: usize,
        index: usize,
        resource: &ResourceEstimates,
    ) -> Result<Model, String> {
        let is_it = |instruction: &Instruction| matches!(instruction, Instruction::Serve { station, .. } if station.index() == number);
        let (place, _, rate, because) = self.poisson(resource, is_it)?;
        let Instruction::Serve { service, .. } = self.program.code[place] else {
            return Err("no request is served here".to_owned());
        };
        let seen = self.streams.seen(&spec.name);
        if seen.abandoned() {
            return Err("requests lose patience".to_owned());
        }
        if spec.setup.is_some() {
            return Err("servers have to be switched on".to_owned());
        }
        let shares = self.streams.shares(spec.targets, spec.target)?;
        let (law, mean, variance) = self.law(service)?;
        let factor = |target: usize| spec.slowness.get(target).copied().unwrap_or(1.0);
        let each: Vec<(f64, MultiServer)> = shares
            .iter()
            .enumerate()
            .map(|(target, share)| {
                let service = mean * factor(target);
                (*share, MultiServer { servers: spec.servers, places: spec.queue, rate: rate * share, service })
            })
            .collect();
        if let Some((_, target)) = each.iter().find(|(_, of)| spec.queue.is_none() && !of.is_stable()) {
            let (load, servers) = (target.load(), spec.servers);
            return Err(format!("there is no steady state: a load of {load:.3} on {servers} servers"));
        }
        let exponential = matches!(law, LawSpec::Exponential { .. });
        let waits = self.waits(index);
        let station = Station { each, resource, waits, refuses: seen.refuses() };
        let targets = if spec.targets > 1 { format!(", {} targets", spec.targets) } else { String::new() };
        let named = |name: String| format!("{name} at {} /s{targets}", brief(rate));
        let c = spec.servers;
        match spec.discipline {
            Discipline::Fifo if spec.queue == Some(0) => {
                Ok(self.model(named(format!("M/G/{c}/{c}")), because, station.loss()))
            }
            Discipline::Fifo if exponential => {
                let places = spec.queue.map_or(String::new(), |queue| format!("/{}", u64::from(c) + u64::from(queue)));
                Ok(self.model(named(format!("M/M/{c}{places}")), because, station.erlang()))
            }
            Discipline::Fifo if c == 1 && station.refuses => {
                Err("the queue overflows, and service is not exponential".to_owned())
            }
            Discipline::Fifo if c == 1 => {
                station.must_be_stable()?;
                let kind = if variance == 0.0 { "D" } else { "G" };
                let wait = |of: &MultiServer| {
                    let scale = of.service / mean;
                    pollaczek_khinchine(of.rate, of.service, variance * scale * scale)
                };
                Ok(self.model(named(format!("M/{kind}/1")), because, station.single(wait, true)))
            }
            Discipline::Fifo => Err(format!("service is not exponential, and there are {c} servers")),
            Discipline::ProcessorSharing if station.refuses => Err("requests are turned away".to_owned()),
            Discipline::ProcessorSharing if c == 1 => {
                station.must_be_stable()?;
                let wait = |of: &MultiServer| single_server::sharing_delay(of.rate, of.service);
                Ok(self.model(named("M/G/1 processor sharing".to_owned()), because, station.single(wait, false)))
            }
            Discipline::ProcessorSharing => Err(format!("sharing among {c} servers")),
            Discipline::Priority | Discipline::PreemptivePriority => Err("some classes go first".to_owned()),
        }
    }

    /// Share of those that were not turned away that waited.
    fn waits(&self, index: usize) -> Interval {
        let waits = self.sample.simulated().iter().map(|run| &run.resources[index].wait);
        let counts: Vec<(u64, u64)> = waits.map(|wait| (wait.count_above(0), wait.count())).collect();
        interval::share(&counts, self.case.level())
    }

    /// Law of service with mean in seconds and variance.
    fn law(&self, service: Service) -> Result<(&LawSpec, f64, f64), String> {
        let Service::Law(site) = service else {
            return Err("service times are given with the requests".to_owned());
        };
        let Some(law) = &self.program.sites[site.index()].law else {
            return Err("service has no law".to_owned());
        };
        match law.variance().is_finite() {
            true => Ok((law.spec(), law.mean() / 1e9, law.variance() / 1e18)),
            false => Err("service has no variance".to_owned()),
        }
    }

    /// The whole path as a closed network.
    fn closed(&self, users: &Traffic, estimates: &Estimates) -> Result<Model, String> {
        let Arrivals::Users(plan) = users.arrivals() else { return Err("traffic is open".to_owned()) };
        if plan.count() > MOST_USERS {
            return Err(format!("more than {MOST_USERS} users"));
        }
        if let Some(policy) = self.streams.repeats() {
            return Err(format!("requests are repeated (`{policy}`)"));
        }
        let mut think = plan.think().mean() / 1e9;
        let mut places: Vec<(usize, usize, Place)> = Vec::new();
        for (place, instruction) in self.program.code.iter().enumerate() {
            let Some(stream) = self.streams.at(place) else { continue };
            if !stream.known {
                return Err("how often requests come to each station is not known beforehand".to_owned());
            }
            match *instruction {
                Instruction::Delay { site, per: Per::Request } => {
                    let law = self.program.sites[site.index()].law.as_ref();
                    think += stream.rate() * law.map_or(0.0, |law| law.mean()) / 1e9;
                }
                Instruction::Serve { station, service, .. } => {
                    let spec = &self.program.stations[station.index()];
                    let service = self.product_form(spec, service)?;
                    let shares = self.streams.shares(spec.targets, spec.target)?;
                    for (target, share) in shares.into_iter().enumerate() {
                        let slow = spec.slowness.get(target).copied().unwrap_or(1.0);
                        let demand = stream.rate() * share * service * slow;
                        match places.iter_mut().find(|known| (known.0, known.1) == (station.index(), target)) {
                            Some(known) => known.2.demand += demand,
                            None => places.push((station.index(), target, Place { servers: spec.servers, demand })),
                        }
                    }
                }
                Instruction::Delay { .. } => return Err("a delay depends on sizes".to_owned()),
                Instruction::Limit { bucket, .. }
                    if self.streams.seen(&self.program.buckets[bucket.index()].name).refuses() =>
                {
                    return Err("requests are turned away".to_owned());
                }
                Instruction::Lookup { .. } | Instruction::Hold { .. } | Instruction::Connect { .. } => {
                    let name = instruction.operator(self.program).unwrap_or("something");
                    return Err(format!("requests depend on each other at `{name}` in another way than by queueing"));
                }
                Instruction::Fork { .. } => return Err("a request is in several places at once".to_owned()),
                _ => {}
            }
        }
        let pure = think - plan.think().mean() / 1e9;
        let of = Closed::of(plan.count() as u32, think, &places.iter().map(|place| place.2).collect::<Vec<_>>());
        let measured = |metric| estimates.measure(metric).map_or(Interval::UNKNOWN, |measure| measure.interval);
        let served = estimates.measure(Metric::Errors).map_or(0.0, |errors| 1.0 - errors.interval.value);
        let mut values = vec![(Quantity::Throughput, of.throughput * served, measured(Metric::Throughput))];
        if served > 1.0 - super::streams::NEGLIGIBLE {
            values.push((Quantity::Latency, (of.response + pure) * 1e9, measured(Metric::Mean)));
        }
        let name = format!("closed network of {} users", plan.count());
        Ok(self.model(name, "exponential service, first come first served".to_owned(), values))
    }

    /// Mean service time of a station of a product-form network.
    fn product_form(&self, spec: &StationSpec, service: Service) -> Result<f64, String> {
        let (name, seen) = (&spec.name, self.streams.seen(&spec.name));
        let (law, mean, _) = self.law(service)?;
        let exponential = matches!(law, LawSpec::Exponential { .. });
        let fits = match spec.discipline {
            Discipline::Fifo => exponential,
            Discipline::ProcessorSharing => exponential || spec.servers == 1,
            Discipline::Priority | Discipline::PreemptivePriority => false,
        };
        if !fits {
            return Err(format!("service at `{name}` is not exponential, or not in order"));
        }
        let same = self.program.code.iter().enumerate().filter_map(|(place, instruction)| match *instruction {
            Instruction::Serve { station, service, .. } if self.program.stations[station.index()].name == *name => {
                self.streams.at(place).and(self.streams.law(service))
            }
            _ => None,
        });
        if same.into_iter().any(|other| other != law) {
            return Err(format!("service at `{name}` differs from visit to visit"));
        }
        match seen.refuses() || seen.abandoned() || spec.setup.is_some() {
            true => Err(format!("`{name}` turns requests away, or has to be switched on")),
            false => Ok(mean),
        }
    }
}

/// A station by theory and by simulation.
struct Station<'a> {
    /// Share of the requests and closed form of each target.
    each: Vec<(f64, MultiServer)>,
    resource: &'a ResourceEstimates,
    waits: Interval,
    refuses: bool,
}

impl Station<'_> {
    fn must_be_stable(&self) -> Result<(), String> {
        match self.each.iter().find(|(_, of)| of.load() >= f64::from(of.servers)) {
            Some((_, of)) => Err(format!("there is no steady state: a load of {:.3} on one server", of.load())),
            None => Ok(()),
        }
    }

    fn utilisation(&self) -> (Quantity, f64, Interval) {
        let exact = self.each.iter().map(|(_, of)| of.utilisation()).sum::<f64>() / self.each.len() as f64;
        (Quantity::Utilisation, exact, self.resource.utilisation)
    }

    fn refused(&self) -> (Quantity, f64, Interval) {
        let exact = self.each.iter().map(|(share, of)| share * of.refused()).sum();
        (Quantity::Refused, exact, self.resource.refused)
    }

    fn loss(&self) -> Vec<(Quantity, f64, Interval)> {
        vec![self.utilisation(), self.refused()]
    }

    /// Mean over the requests that were not turned away.
    fn accepted(&self, of: impl Fn(&MultiServer) -> f64) -> f64 {
        let weights = self.each.iter().map(|(share, station)| share * (1.0 - station.refused()));
        let sum: f64 = weights.clone().sum();
        weights.zip(&self.each).map(|(weight, (_, station))| weight / sum * of(station)).sum()
    }

    fn erlang(&self) -> Vec<(Quantity, f64, Interval)> {
        let mut values = vec![
            self.utilisation(),
            (Quantity::Waits, self.accepted(MultiServer::waits), self.waits),
            (Quantity::Wait, 1e9 * self.accepted(MultiServer::mean_wait), self.resource.wait),
        ];
        if let Some((_, first)) = self.each.first().filter(|first| self.each.iter().all(|other| other == *first)) {
            values.push((Quantity::WaitP99, 1e9 * first.wait_quantile(0.99), self.resource.wait_p99));
        }
        if self.each.iter().any(|(_, of)| of.places.is_some()) && self.refuses {
            values.push(self.refused());
        }
        values
    }

    /// A single server with this mean wait; `queues` when requests wait for one another in order.
    fn single(&self, wait: impl Fn(&MultiServer) -> f64, queues: bool) -> Vec<(Quantity, f64, Interval)> {
        let mean = |of: &dyn Fn(&MultiServer) -> f64| -> f64 {
            self.each.iter().map(|(share, station)| share * of(station)).sum()
        };
        let busy = self.each.iter().map(|(_, of)| of.load()).sum::<f64>() / self.each.len() as f64;
        let mut values = vec![(Quantity::Utilisation, busy, self.resource.utilisation)];
        if queues {
            values.push((Quantity::Waits, mean(&MultiServer::load), self.waits));
        }
        values.push((Quantity::Wait, 1e9 * mean(&wait), self.resource.wait));
        values
    }
}

/// A rate in at most six digits.
fn brief(rate: f64) -> f64 {
    format!("{rate:.5e}").parse().unwrap_or(rate)
}

/// How popular each object is among the requests of a stream. Classes have objects of their own.
fn popularity(users: &Traffic, stream: &Stream) -> Vec<f64> {
    let all = stream.rate();
    let mut popularity = Vec::new();
    for (number, class) in users.population().classes().iter().enumerate() {
        let share = stream.rate_of(number as u16) / all;
        match &class.keys {
            Some(keys) => popularity.extend((0..keys.count()).map(|key| share * keys.share(key))),
            None => popularity.push(share),
        }
    }
    popularity
}

//! Which streams of requests reach the instructions of a program: how many a second, and whether they are Poisson streams
//! of constant rate, as most closed forms ask for.
//!
//! What a request does by its own luck alone (delays, chances, sizes, classes) leaves a Poisson stream one: thinned and
//! displaced (J. F. C. Kingman, Poisson Processes, 1993, section 5). What makes requests depend on each other does not,
//! with one exception: a queue with exponential service in its steady state, or a shared single server (P. J. Burke, 1956;
//! F. P. Kelly, Reversibility and Stochastic Networks, 1979, section 3). What happened to less than one request in a
//! thousand in the run is taken as something that does not happen.

use super::case::Case;
use crate::exec::{ResourceKind, Run};
use crate::law::LawSpec;
use crate::program::{
    Choice, Condition, Discipline, Instruction, Join, Label, Outcome, OutcomeTest, Program, Register, Service,
    StationId,
};
use crate::traffic::{Arrivals, Profile, Spacing, Traffic};
use std::collections::BTreeMap;

/// What happened to a smaller share of the requests is taken as something that does not happen.
pub const NEGLIGIBLE: f64 = 1e-3;

/// Requests that come to an instruction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Requests a second by (class, outcome so far).
    parts: BTreeMap<(u16, u16), f64>,
    /// Whether the rates are exact.
    pub known: bool,
    /// Why it is not a Poisson stream of constant rate; nothing when it is one.
    pub flaw: Option<String>,
}

impl Stream {
    /// Requests a second, all together.
    pub fn rate(&self) -> f64 {
        self.parts.values().sum()
    }

    /// Requests a second of one class.
    pub fn rate_of(&self, class: u16) -> f64 {
        self.parts.iter().filter(|(part, _)| part.0 == class).map(|(_, rate)| rate).sum()
    }

    fn flawed(mut self, why: impl FnOnce() -> String) -> Stream {
        self.flaw = Some(self.flaw.unwrap_or_else(why));
        self
    }

    fn guessed(self) -> Stream {
        Stream { known: false, ..self }
    }

    /// Those that pass a test, and the others.
    fn split(&self, passes: impl Fn(u16, u16) -> bool) -> (Stream, Stream) {
        let part = |wanted: bool| Stream {
            parts: self.parts.iter().filter(|(part, _)| passes(part.0, part.1) == wanted).map(copied).collect(),
            ..self.clone()
        };
        (part(true), part(false))
    }

    fn thinned(&self, share: f64) -> Stream {
        let parts = self.parts.iter().map(|(&part, &rate)| (part, rate * share)).filter(|(_, rate)| *rate > 0.0);
        Stream { parts: parts.collect(), ..self.clone() }
    }

    fn answered(&self, outcome: u16) -> Stream {
        let mut parts = BTreeMap::new();
        for (&(class, _), rate) in &self.parts {
            *parts.entry((class, outcome)).or_default() += rate;
        }
        Stream { parts, ..self.clone() }
    }

    /// Every request comes in one of the two.
    fn merge(&mut self, other: Stream) {
        for (part, rate) in other.parts {
            *self.parts.entry(part).or_default() += rate;
        }
        self.known &= other.known;
        self.flaw = self.flaw.take().or(other.flaw);
    }
}

fn copied((&part, &rate): (&(u16, u16), &f64)) -> ((u16, u16), f64) {
    (part, rate)
}

/// What was seen of one resource over all replications.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    arrivals: u64,
    refused: u64,
    abandoned: u64,
    hits: u64,
    waited: u64,
}

impl Seen {
    fn often(self, count: u64) -> bool {
        count as f64 > NEGLIGIBLE * self.arrivals as f64
    }

    /// Whether requests were turned away.
    pub fn refuses(self) -> bool {
        self.often(self.refused)
    }

    /// Whether requests lost patience.
    pub fn abandoned(self) -> bool {
        self.often(self.abandoned)
    }

    /// Whether requests waited.
    pub fn waits(self) -> bool {
        self.often(self.waited)
    }

    fn hits(self) -> bool {
        self.often(self.hits)
    }

    fn misses(self) -> bool {
        self.often(self.arrivals - self.hits)
    }
}

/// The streams of a program.
#[derive(Clone, Debug)]
pub struct Streams<'a> {
    program: &'a Program,
    seen: BTreeMap<String, Seen>,
    cuts: bool,
    /// What comes to each instruction; nothing where nobody comes.
    at: Vec<Option<Stream>>,
    /// Policies that repeat, with the first and the last instruction that are repeated.
    repeats: Vec<(usize, usize, String)>,
}

impl<'a> Streams<'a> {
    /// The streams of a case as it was run.
    pub fn of(case: &'a Case, runs: &[&Run]) -> Streams<'a> {
        let mut streams = Streams {
            program: &case.program,
            seen: seen(runs),
            cuts: {
                let born: u64 = runs.iter().map(|run| run.balance.born).sum();
                let cut: u64 = runs.iter().map(|run| run.balance.cut).sum();
                cut as f64 > NEGLIGIBLE * born as f64
            },
            at: Vec::new(),
            repeats: Vec::new(),
        };
        // Twice: whether a place is repeated is known only after what follows it.
        for _ in 0..2 {
            streams.at = vec![None; case.program.code.len()];
            streams.reach(0, births(case.users.as_deref()));
            let mut found = Vec::new();
            for place in 0..case.program.code.len() {
                let Some(stream) = streams.at[place].clone() else { continue };
                for (to, stream) in streams.onward(place, &stream, &mut found) {
                    streams.reach(to, stream);
                }
            }
            streams.repeats = found;
        }
        streams
    }

    /// What comes to an instruction; nothing when nobody does.
    pub fn at(&self, place: usize) -> Option<&Stream> {
        self.at[place].as_ref()
    }

    /// What was seen of a resource.
    pub fn seen(&self, name: &str) -> Seen {
        self.seen.get(name).copied().unwrap_or_default()
    }

    /// The only instruction with which requests come to a resource, or why there is none or not only one.
    pub fn only(&self, is_it: impl Fn(&Instruction) -> bool) -> Result<(usize, &Stream), String> {
        let mut places = (0..self.at.len()).filter(|&place| is_it(&self.program.code[place]));
        let mut reached = places.by_ref().filter_map(|place| self.at(place).map(|stream| (place, stream)));
        match (reached.next(), reached.next()) {
            (Some(only), None) => Ok(only),
            (None, _) => Err("no request comes here".to_owned()),
            _ => Err("requests come here from several places of the path".to_owned()),
        }
    }

    /// Why what comes to a resource is not a Poisson stream, also because the same request may come again.
    pub fn flaw(&self, place: usize) -> Option<String> {
        let again = self.repeats.iter().find(|(first, last, _)| (*first..=*last).contains(&place));
        let again = again.map(|(.., policy)| format!("the same request may come again (`{policy}`)"));
        self.at(place).and_then(|stream| stream.flaw.clone()).or(again)
    }

    /// Whether requests are repeated anywhere.
    pub fn repeats(&self) -> Option<&str> {
        self.repeats.first().map(|(.., policy)| policy.as_str())
    }

    /// How requests are spread over the targets of a group: shares that add up to 1, or why they do not leave each target
    /// a Poisson stream.
    pub fn shares(&self, targets: u32, register: Option<Register>) -> Result<Vec<f64>, String> {
        let Some(register) = register.filter(|_| targets > 1) else { return Ok(vec![1.0]) };
        let balancers = &self.program.balancers;
        let Some(balancer) = balancers.iter().find(|balancer| balancer.target == register) else {
            return Err("nothing says how requests are spread over its targets".to_owned());
        };
        let name = &balancer.name;
        match &balancer.choice {
            Choice::Random(_) => Ok(vec![1.0 / f64::from(targets); targets as usize]),
            Choice::Weighted(_, upto) => {
                Ok(upto.iter().scan(0.0, |before, &upto| Some(upto - std::mem::replace(before, upto))).collect())
            }
            Choice::RoundRobin => Err(format!("`{name}` takes targets in turn, so that gaps at each are too even")),
            Choice::LeastOutstanding(_) | Choice::PowerOf(..) => {
                Err(format!("`{name}` sends requests where it is quiet"))
            }
            Choice::HashKey | Choice::Flows(..) => Err(format!("`{name}` spreads requests unevenly, by hash")),
            Choice::Given => Err("targets are given with the requests".to_owned()),
        }
    }

    fn reach(&mut self, to: usize, stream: Stream) {
        if stream.parts.is_empty() {
            return;
        }
        match &mut self.at[to] {
            Some(known) => known.merge(stream),
            none => *none = Some(stream),
        }
    }

    /// Where a stream goes from an instruction. Repeats found on the way are noted.
    fn onward(&self, place: usize, stream: &Stream, found: &mut Vec<(usize, usize, String)>) -> Vec<(usize, Stream)> {
        use Instruction::*;
        let next = place + 1;
        let program = self.program;
        let pass = |stream: Stream| vec![(next, stream)];
        match program.code[place] {
            Branch { on, to } => {
                let (yes, no) = self.branch(stream, on);
                vec![(to.index(), yes), (next, no)]
            }
            Jump { to } => vec![(to.index(), stream.clone())],
            Answer { outcome } => pass(stream.answered(outcome.0)),
            Limit { bucket, otherwise } => {
                let name = &program.buckets[bucket.index()].name;
                if !self.seen(name).refuses() {
                    return pass(stream.clone());
                }
                let left = |stream: &Stream| {
                    stream.clone().flawed(|| format!("`{name}` turns requests away before")).guessed()
                };
                vec![(next, left(stream)), (otherwise.index(), left(stream))]
            }
            Lookup { cache, hit } => {
                let name = &program.caches[cache.index()].name;
                let seen = self.seen(name);
                let left = |stream: &Stream| stream.clone().flawed(|| format!("`{name}` answers the others")).guessed();
                match (seen.hits(), seen.misses()) {
                    (false, _) => pass(stream.clone()),
                    (true, false) => vec![(hit.index(), stream.clone())],
                    (true, true) => vec![(hit.index(), left(stream)), (next, left(stream))],
                }
            }
            Serve { station, service, full, late } => {
                let seen = self.seen(&program.stations[station.index()].name);
                let after = self.after_station(place, station, service, stream);
                self.and_turned_away(after, (seen.refuses(), full), (seen.abandoned(), late), next)
            }
            Hold { pool, full, late } => {
                let name = &program.pools[pool.index()].name;
                let seen = self.seen(name);
                let after = match seen.waits() || seen.refuses() || seen.abandoned() {
                    true => stream.clone().flawed(|| format!("requests wait for `{name}` before")).guessed(),
                    false => stream.clone(),
                };
                self.and_turned_away(after, (seen.refuses(), full), (seen.abandoned(), late), next)
            }
            Connect { connections, full } => {
                let name = &program.connections[connections.index()].name;
                let seen = self.seen(name);
                let mixed = seen.hits() && seen.misses();
                let after = match mixed || seen.refuses() {
                    true => stream
                        .clone()
                        .flawed(|| format!("`{name}` is slower for some, depending on others before"))
                        .guessed(),
                    false => stream.clone(),
                };
                self.and_turned_away(after, (seen.refuses(), full), (false, full), next)
            }
            Call { deadline, late, .. } => {
                let cut = |_| stream.clone().flawed(|| "callers leave at a deadline".to_owned()).guessed();
                let cut = deadline.filter(|_| self.cuts).map(cut);
                [(next, stream.clone())].into_iter().chain(cut.map(|stream| (late.index(), stream))).collect()
            }
            Return { .. } if self.cuts => {
                pass(stream.clone().flawed(|| "callers leave at a deadline before".to_owned()).guessed())
            }
            Retry { policy, to } => {
                let spec = &program.retries[policy.index()];
                let (again, _) = stream.split(|_, outcome| spec.on[usize::from(outcome)]);
                if again.rate() <= NEGLIGIBLE * stream.rate() {
                    return pass(stream.clone());
                }
                found.push((to.index(), place, spec.name.clone()));
                pass(stream.clone().guessed())
            }
            Fork { fork } => {
                let spec = &program.forks[fork.index()];
                let inside = &program.code[place..spec.after.index().min(program.code.len())];
                let waits = inside.iter().any(|inside| matches!(inside, Serve { .. } | Hold { .. }));
                let after = match spec.join {
                    Join::None => stream.clone(),
                    Join::Successes(_) if waits => {
                        stream.clone().flawed(|| format!("requests wait for the calls of `{}`", spec.name))
                    }
                    Join::Successes(_) => stream.clone().guessed(),
                };
                let branches = spec.branches.iter().map(|branch| (branch.index(), stream.clone()));
                branches.chain([(spec.after.index(), after)]).collect()
            }
            Arrive { .. } | End => Vec::new(),
            Delay { .. } | Store { .. } | Free { .. } | Choose { .. } | Release { .. } | Disconnect { .. } => {
                pass(stream.clone())
            }
            Return { .. } | Send | Earn { .. } | Meter { .. } | Mark { .. } => pass(stream.clone()),
        }
    }

    fn and_turned_away(
        &self,
        after: Stream,
        (refuses, full): (bool, Label),
        (abandons, late): (bool, Label),
        next: usize,
    ) -> Vec<(usize, Stream)> {
        let mut ways = Vec::new();
        if refuses {
            ways.push((full.index(), after.clone()));
        }
        if abandons {
            ways.push((late.index(), after.clone()));
        }
        ways.push((next, after));
        ways
    }

    fn branch(&self, stream: &Stream, on: Condition) -> (Stream, Stream) {
        match on {
            Condition::Chance(_, p) => (stream.thinned(p.probability()), stream.thinned(1.0 - p.probability())),
            Condition::Class(class) => stream.split(|of, _| of == class),
            Condition::Outcome(test) => {
                stream.split(|_, outcome| passes(test, outcome, &self.program.outcomes[usize::from(outcome)]))
            }
            Condition::RequestAbove(_) | Condition::ResponseAbove(_) | Condition::Holds(..) => {
                (stream.clone().guessed(), stream.clone().guessed())
            }
        }
    }

    /// What leaves a station.
    fn after_station(&self, place: usize, station: StationId, service: Service, stream: &Stream) -> Stream {
        let spec = &self.program.stations[station.index()];
        let seen = self.seen(&spec.name);
        let name = &spec.name;
        if seen.refuses() || seen.abandoned() {
            return stream.clone().flawed(|| format!("`{name}` turns requests away before")).guessed();
        }
        if !seen.waits() && spec.discipline == Discipline::Fifo {
            return stream.clone();
        }
        if let Some(flaw) = self.flaw(place) {
            return stream.clone().flawed(|| flaw);
        }
        if self.shares(spec.targets, spec.target).is_err() {
            return stream.clone().flawed(|| format!("they have queued at `{name}`, whose arrivals are not Poisson"));
        }
        let exponential = self.law(service).is_some_and(|law| matches!(law, LawSpec::Exponential { .. }));
        let keeps = match spec.discipline {
            Discipline::Fifo => exponential && spec.setup.is_none(),
            Discipline::ProcessorSharing => exponential || spec.servers == 1,
            Discipline::Priority | Discipline::PreemptivePriority => false,
        };
        match keeps {
            true => stream.clone(),
            false => {
                stream.clone().flawed(|| format!("they have queued at `{name}`, whose service is not exponential"))
            }
        }
    }

    /// The law of a service; nothing when it is given with the request.
    pub fn law(&self, service: Service) -> Option<&LawSpec> {
        let Service::Law(site) = service else { return None };
        self.program.sites[site.index()].law.as_ref().map(|law| law.spec())
    }
}

/// What was seen of each resource.
fn seen(runs: &[&Run]) -> BTreeMap<String, Seen> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let resources = runs.iter().flat_map(|run| &run.resources);
    for resource in resources.filter(|resource| resource.kind != ResourceKind::Balancer) {
        let of = seen.entry(resource.name.clone()).or_default();
        of.arrivals += resource.arrivals;
        of.refused += resource.refused;
        of.abandoned += resource.abandoned;
        of.hits += resource.hits;
        of.waited += resource.wait.count_above(0);
    }
    seen
}

/// The stream of births, and what keeps it from being a Poisson stream of constant rate. For closed traffic, one request.
fn births(traffic: Option<&Traffic>) -> Stream {
    let Some(traffic) = traffic else {
        let one = BTreeMap::from([((0, 0), 1.0)]);
        return Stream { parts: one, known: false, flaw: Some("nothing is known of the arrivals".to_owned()) };
    };
    let exponential = |law: &LawSpec| matches!(law, LawSpec::Exponential { .. });
    let (rate, flaw) = match traffic.arrivals() {
        Arrivals::Rate(Spacing::Poisson, Profile::Flat(flat)) => (Some(flat.rate().0), None),
        Arrivals::Rate(Spacing::Even, Profile::Flat(flat)) => (Some(flat.rate().0), Some("requests arrive evenly")),
        Arrivals::Rate(_, Profile::Stages(_) | Profile::Daily(_)) => {
            (None, Some("the rate of the arrivals changes over time"))
        }
        Arrivals::Renewal(renewal) if exponential(renewal.gap().spec()) => (Some(1e9 / renewal.gap().mean()), None),
        Arrivals::Renewal(renewal) => {
            (Some(1e9 / renewal.gap().mean()), Some("gaps between arrivals are not exponential"))
        }
        Arrivals::Mmpp(_) => (None, Some("the rate of the arrivals changes over time")),
        Arrivals::Users(_) => (Some(1.0), Some("users wait for their answers before they send again")),
        Arrivals::Counts(_) | Arrivals::Requests(_) => (None, Some("arrivals are replayed from a file")),
    };
    let classes = traffic.population().classes();
    let sum: f64 = classes.iter().map(|class| class.weight).sum();
    let part = |(number, class): (usize, &crate::traffic::Class)| {
        ((number as u16, 0), rate.unwrap_or(1.0) * class.weight / sum)
    };
    let parts = classes.iter().enumerate().map(part).filter(|(_, rate)| *rate > 0.0);
    Stream { parts: parts.collect(), known: rate.is_some(), flaw: flaw.map(str::to_owned) }
}

fn passes(test: OutcomeTest, number: u16, outcome: &Outcome) -> bool {
    match test {
        OutcomeTest::Good => outcome.is_good(),
        OutcomeTest::Bad => !outcome.is_good(),
        OutcomeTest::Status(low, high) => (low..=high).contains(&outcome.status),
        OutcomeTest::Is(id) => number == id.0,
    }
}

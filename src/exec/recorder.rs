//! Records what happens, in integers: the order of recording never matters.

use super::run::{Answers, Balance, Options, Record, Resource, ResourceKind, Run, StageTime, Verdict};
use super::token::{NO_STAGE, Token};
use crate::op::window::{HOUR, Window};
use crate::program::{Answered, PoolSpec, Program};
use crate::stats::histogram::Histogram;
use crate::stats::series::Series;
use crate::time::{Extent, Span, Time};

/// What a resource saw, as it is counted.
#[derive(Clone, Debug)]
pub struct Tally {
    pub arrivals: u64,
    pub refused: u64,
    pub abandoned: u64,
    pub hits: u64,
    pub busy: Vec<u64>,
    pub capacity: Vec<(Time, u32)>,
    pub open: Vec<u64>,
    pub wait: Histogram,
}

impl Tally {
    pub fn new(targets: u32) -> Tally {
        let wait = Histogram::new(Histogram::FINE);
        Tally {
            arrivals: 0,
            refused: 0,
            abandoned: 0,
            hits: 0,
            busy: vec![0; targets as usize],
            capacity: Vec::new(),
            open: Vec::new(),
            wait,
        }
    }
}

fn pool(spec: &PoolSpec) -> Tally {
    let mut tally = Tally::new(spec.targets);
    tally.capacity.extend(spec.scaling.as_ref().map(|_| (Time::ZERO, spec.size)));
    tally
}

/// Times on their way to a histogram. Counted a few at a time they find the counters in the nearest cache,
/// and need not wait for each other.
#[derive(Clone, Debug)]
struct Batched {
    new: [u64; Batched::BATCH],
    len: usize,
    counted: Histogram,
}

impl Batched {
    /// Times counted at once.
    const BATCH: usize = 64;

    fn new(precision_bits: u32) -> Batched {
        Batched { new: [0; Batched::BATCH], len: 0, counted: Histogram::new(precision_bits) }
    }

    #[inline(always)]
    fn record(&mut self, value: u64) {
        self.new[self.len % Batched::BATCH] = value;
        self.len += 1;
        if self.len == Batched::BATCH {
            self.count();
        }
    }

    #[inline(never)]
    fn count(&mut self) {
        self.counted.record_all(&self.new[..self.len]);
        self.len = 0;
    }

    fn finish(mut self) -> Histogram {
        self.count();
        self.counted
    }
}

/// Ends of requests on their way to histogram and series.
#[derive(Clone, Debug)]
struct Ends {
    at: [u64; Batched::BATCH],
    births: [u64; Batched::BATCH],
    len: usize,
    counted: Histogram,
    /// Latencies of those who were in one stage all the time, with the stage: they are counted once, for both.
    whole: Option<(usize, Histogram)>,
    /// Of those who were sent later than meant: latencies from the send, on their way and counted.
    from_send: Vec<u64>,
    counted_from_send: Histogram,
}

impl Ends {
    #[cold]
    fn new() -> Box<Ends> {
        let empty = [0; Batched::BATCH];
        let counted = Histogram::new(Histogram::FINE);
        Box::new(Ends {
            at: empty,
            births: empty,
            len: 0,
            counted_from_send: counted.clone(),
            counted,
            whole: None,
            from_send: Vec::new(),
        })
    }

    /// Whether the batch is full now.
    #[inline(always)]
    fn add(&mut self, at: Time, born: Time) -> bool {
        self.at[self.len % Batched::BATCH] = at.0;
        self.births[self.len % Batched::BATCH] = born.0;
        self.len += 1;
        self.len == Batched::BATCH
    }
}

/// Everything counted in a run.
#[derive(Clone, Debug)]
pub struct Recorder {
    pub window: Window,
    pub balance: Balance,
    pub buckets: Vec<Tally>,
    pub caches: Vec<Tally>,
    pub stations: Vec<Tally>,
    pub pools: Vec<Tally>,
    pub connections: Vec<Tally>,
    pub balancers: Vec<Tally>,
    pub budgets: Vec<Tally>,
    kinds: Vec<Answered>,
    classes: usize,
    /// By outcome and class; nothing where none has ended yet. First those who were sent when they were meant to be, then as
    /// many for those who were sent later.
    answers: Vec<Option<Box<Ends>>>,
    stages: Vec<Batched>,
    /// Usage by hour and meter: the meters of the first hour, then those of the second.
    usage: Vec<u64>,
    meters: usize,
    hours: usize,
    series: Series,
    trace: Option<Vec<Record>>,
    offered: u64,
    served: u64,
    ended: u64,
}

impl Recorder {
    pub fn new(program: &Program, options: &Options<'_>) -> Recorder {
        let classes = program.classes.len();
        let answers = classes * program.outcomes.len();
        let shared = |count: usize| vec![Tally::new(0); count];
        let window = Window { from: options.from, until: options.until };
        let hours = window.hours();
        Recorder {
            window,
            balance: Balance::default(),
            buckets: shared(program.buckets.len()),
            caches: shared(program.caches.len()),
            stations: program.stations.iter().map(|spec| Tally::new(spec.targets)).collect(),
            pools: program.pools.iter().map(pool).collect(),
            connections: program.connections.iter().map(|spec| Tally::new(spec.targets)).collect(),
            balancers: shared(program.balancers.len()),
            budgets: shared(program.budgets.len()),
            kinds: program.outcomes.iter().map(|outcome| outcome.answered).collect(),
            classes,
            answers: vec![None; 2 * answers],
            stages: vec![Batched::new(Histogram::NARROW); program.stages.len()],
            usage: vec![0; program.meters.len() * hours],
            meters: program.meters.len(),
            hours,
            series: Series::new(Span(options.until.0), options.interval),
            trace: options.trace.then(Vec::new),
            offered: 0,
            served: 0,
            ended: 0,
        }
    }

    /// A request is born.
    #[inline]
    pub fn birth(&mut self, at: Time) {
        self.balance.born += 1;
        self.offered += self.window.contains(at) as u64;
        self.series.arrive(at);
    }

    /// Time of a token from here on belongs to another stage.
    #[inline]
    pub fn mark(&mut self, token: &mut Token, at: Time, stage: u16) {
        if token.mark_stage != stage {
            self.leave_stage(token, at);
            token.mark_stage = stage;
            token.mark = at;
        }
    }

    /// The time since the last mark goes to its stage.
    #[inline]
    pub fn leave_stage(&mut self, token: &Token, at: Time) {
        if token.counts && token.mark_stage != NO_STAGE {
            self.stages[token.mark_stage as usize].record((at - token.mark).0);
        }
    }

    /// A request ends, as its client sees it.
    #[inline]
    pub fn end(&mut self, token: &Token, at: Time) {
        self.leave_stage(token, at);
        let kind = self.kinds[token.outcome as usize];
        let good = kind == Answered::Served;
        *match kind {
            Answered::Served => &mut self.balance.served,
            Answered::Failed => &mut self.balance.failed,
            Answered::Rejected => &mut self.balance.rejected,
            Answered::TimedOut => &mut self.balance.gave_up,
        } += 1;
        if token.counts {
            let is_later = token.before_send != Span::ZERO;
            let index = self.answer((token.outcome as usize, token.class as usize), is_later);
            let ends = self.answers[index].get_or_insert_with(Ends::new);
            if is_later {
                ends.from_send.push((at - token.born).0 - token.before_send.0);
            }
            if ends.add(at, token.born) {
                self.count_ends(index);
            }
        } else {
            self.end_now((&[at.0], Extent { first: at, last: at }), &[token.born.0], good, None);
        }
        if let Some(trace) = &mut self.trace {
            let Token { serial, born, before_send, class, outcome, trail, .. } = *token;
            trace.push(Record { serial, born, before_send, end: at, class, outcome, trail });
        }
    }

    /// Where requests are counted that end with an outcome.
    #[inline(always)]
    fn answer(&self, (outcome, class): (usize, usize), is_later: bool) -> usize {
        outcome * self.classes + class + if is_later { self.answers.len() / 2 } else { 0 }
    }

    /// Counts a batch of ends.
    #[inline(never)]
    fn count_ends(&mut self, index: usize) {
        let Some(mut ends) = self.answers[index].take() else { return };
        let len = std::mem::take(&mut ends.len);
        ends.counted_from_send.record_all(&ends.from_send);
        ends.from_send.clear();
        let good = self.kinds[index % (self.answers.len() / 2) / self.classes] == Answered::Served;
        let Ends { at, births, counted, .. } = &mut *ends;
        let at = &at[..len];
        self.end_now((at, Extent::of(at)), &births[..len], good, Some(counted));
        self.answers[index] = Some(ends);
    }

    /// Ends as the system sees them, in whatever time the requests were born. Latencies are counted in a histogram as well,
    /// if there is one.
    fn end_now(
        &mut self,
        (ends, extent): (&[u64], Extent),
        births: &[u64],
        good: bool,
        counted: Option<&mut Histogram>,
    ) {
        let measured = self.window.count_of(ends, extent);
        self.ended += measured;
        self.served += if good { measured } else { 0 };
        self.series.finish_all((ends, extent), births, good, counted);
    }

    /// Usage is counted.
    #[inline]
    pub fn meter(&mut self, meter: usize, amount: u64, at: Time) {
        if self.window.contains(at) {
            let hour = if self.hours == 1 { 0 } else { ((at.0 - self.window.from.0) / HOUR.0) as usize };
            self.usage[hour * self.meters + meter] += amount;
        }
    }

    /// Whether the measured time is no longer than an hour.
    pub fn is_one_hour(&self) -> bool {
        self.hours == 1
    }

    /// Requests are born, in order.
    pub fn births(&mut self, times: &[u64]) {
        self.balance.born += times.len() as u64;
        self.offered += self.window.count_rising(times);
        self.series.arrive_all(times);
    }

    /// A time of a stage.
    pub fn pass(&mut self, stage: usize, time: u64) {
        self.stages[stage].record(time);
    }

    /// Times of a stage.
    pub fn passes(&mut self, stage: usize, ends: &[u64], starts: &[u64]) {
        self.stages[stage].counted.record_differences(ends, starts);
    }

    /// The same, given how long they were.
    pub fn passes_of(&mut self, stage: usize, times: &[u64]) {
        self.stages[stage].counted.record_all(times);
    }

    /// Passes of a stage that took no time.
    pub fn empty_passes(&mut self, stage: usize, count: u64) {
        self.stages[stage].counted.record_n(0, count);
    }

    /// Requests of one class end with one outcome, as their clients see it. If they were in one and the same stage all
    /// the time, their latencies are their times there as well. `from_send` has their latencies from the send if they were
    /// sent later than they were meant to be, and is empty otherwise. All ends lie within `extent`.
    pub fn end_all(
        &mut self,
        (outcome, class, counts): (usize, usize, bool),
        (ends, extent): (&[u64], Extent),
        (births, from_send): (&[u64], &[u64]),
        stage: Option<usize>,
    ) {
        let kind = self.kinds[outcome];
        let good = kind == Answered::Served;
        *match kind {
            Answered::Served => &mut self.balance.served,
            Answered::Failed => &mut self.balance.failed,
            Answered::Rejected => &mut self.balance.rejected,
            Answered::TimedOut => &mut self.balance.gave_up,
        } += ends.len() as u64;
        if !counts {
            return self.end_now((ends, extent), births, good, None);
        }
        let index = self.answer((outcome, class), !from_send.is_empty());
        let mut answers = self.answers[index].take().unwrap_or_else(Ends::new);
        answers.counted_from_send.record_all(from_send);
        let counted = match (stage, &mut answers.whole) {
            (None, _) => &mut answers.counted,
            (Some(stage), Some((whole, times))) if *whole == stage => times,
            (Some(stage), whole @ None) => &mut whole.insert((stage, Histogram::new(Histogram::FINE))).1,
            (Some(stage), _) => {
                self.stages[stage].counted.record_differences(ends, births);
                &mut answers.counted
            }
        };
        self.end_now((ends, extent), births, good, Some(counted));
        self.answers[index] = Some(answers);
    }

    /// Whether every request is recorded.
    pub fn traces(&self) -> bool {
        self.trace.is_some()
    }

    /// Keeps the record of a request, if records are kept.
    pub fn trace_one(&mut self, record: Record) {
        if let Some(trace) = &mut self.trace {
            trace.push(record);
        }
    }

    /// Usage in a measured time of one hour at most.
    pub fn add_usage(&mut self, meter: usize, amount: u64) {
        self.usage[meter] += amount;
    }

    /// The result. `kept` gives the time kept of caches and connections.
    pub fn finish(mut self, program: &Program, verdict: Verdict, kept: impl Fn(ResourceKind, usize) -> u64) -> Run {
        (0..self.answers.len()).for_each(|index| self.count_ends(index));
        for ends in self.answers.iter_mut().flatten() {
            if let Some((stage, times)) = ends.whole.take() {
                ends.counted.merge(&times);
                self.stages[stage].counted.merge(&times);
            }
        }
        let resources = self.resources(program, kept);
        let mut trace = self.trace.take().unwrap_or_default();
        trace.sort_unstable();
        let answers = self.answers();
        Run {
            verdict,
            balance: self.balance,
            offered: self.offered,
            served: self.served,
            ended: self.ended,
            from: self.window.from,
            measured: self.window.length(),
            answers,
            stages: self.stages.into_iter().map(|passes| StageTime { pass: passes.finish() }).collect(),
            resources,
            usage: self.usage.chunks(self.meters.max(1)).map(<[u64]>::to_vec).collect(),
            series: self.series,
            trace,
        }
    }

    /// Latencies by class and outcome, in this order.
    fn answers(&mut self) -> Vec<Answers> {
        let mut at_once = std::mem::take(&mut self.answers);
        let later = at_once.split_off(at_once.len() / 2);
        let both = at_once.into_iter().zip(later).enumerate();
        let mut answers: Vec<Answers> = both
            .filter_map(|(index, both)| {
                let (latency, from_send) = match both {
                    (None, None) => return None,
                    (Some(at_once), None) => (at_once.counted, None),
                    (at_once, Some(later)) => {
                        let (mut latency, mut from_send) = (later.counted, later.counted_from_send);
                        if let Some(at_once) = at_once {
                            latency.merge(&at_once.counted);
                            from_send.merge(&at_once.counted);
                        }
                        (latency, Some(from_send))
                    }
                };
                let (class, outcome) = ((index % self.classes) as u16, (index / self.classes) as u16);
                Some(Answers { class, outcome, latency, from_send })
            })
            .collect();
        answers.sort_by_key(|answers| (answers.class, answers.outcome));
        answers
    }

    fn resources(&mut self, program: &Program, kept: impl Fn(ResourceKind, usize) -> u64) -> Vec<Resource> {
        let mut resources = Vec::new();
        let mut add = |kind, tallies: &mut Vec<Tally>, describe: &dyn Fn(usize) -> (String, u32, u64)| {
            for (index, tally) in tallies.drain(..).enumerate() {
                let (name, targets, units) = describe(index);
                let Tally { arrivals, refused, abandoned, hits, busy, capacity, open, wait } = tally;
                let kept = kept(kind, index);
                let resource = Resource {
                    name,
                    kind,
                    targets,
                    units,
                    arrivals,
                    refused,
                    abandoned,
                    hits,
                    busy,
                    capacity,
                    open,
                    kept,
                    wait,
                };
                resources.push(resource);
            }
        };
        let p = program;
        add(ResourceKind::Bucket, &mut self.buckets, &|i| (p.buckets[i].name.clone(), 1, 0));
        add(ResourceKind::Cache, &mut self.caches, &|i| (p.caches[i].name.clone(), 1, 0));
        add(ResourceKind::Station, &mut self.stations, &|i| {
            (p.stations[i].name.clone(), p.stations[i].targets, p.stations[i].servers as u64)
        });
        add(ResourceKind::Pool, &mut self.pools, &|i| {
            (p.pools[i].name.clone(), p.pools[i].targets, p.pools[i].most() as u64)
        });
        add(ResourceKind::Connections, &mut self.connections, &|i| {
            (p.connections[i].name.clone(), p.connections[i].targets, p.connections[i].limit.unwrap_or(0) as u64)
        });
        add(ResourceKind::Balancer, &mut self.balancers, &|i| (p.balancers[i].name.clone(), p.balancers[i].targets, 0));
        add(ResourceKind::Budget, &mut self.budgets, &|i| (p.budgets[i].name.clone(), 1, 0));
        resources
    }
}

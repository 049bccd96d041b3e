//! What the executors share: the state of all operators that answer at once, and the instructions that need no waiting.
//! How requests wait, and in which order they come, is left to each executor.

use std::sync::Arc;

use super::draws::Draws;
use super::recorder::Recorder;
use super::run::{Options, ResourceKind, Run, Verdict};
use super::station::Station;
use super::token::Token;
use crate::control::Scaler;
use crate::op::cache::Cache;
use crate::op::choose::{Asking, Balancer, pick};
use crate::op::connect::{Connected, Connections};
use crate::op::hold::Permits;
use crate::op::keyed::object;
use crate::op::later::Later;
use crate::op::limit::Bucket;
use crate::op::retry::{Budget, Moment};
use crate::op::window::Window;
use crate::program::{
    Backoff, BalancerId, BudgetId, Choice, ConnectionsId, ConnectionsSpec, DEADLINE_RANK, Instruction, Join, Label,
    MAX_DEPTH, PoolId, PoolSpec, Program, RetryId, SiteId, StationId,
};
use crate::time::{Span, Time, count_within};

/// Rank of the ends of service: they give servers back, so they come before whatever takes one.
pub const STATION_RANK: u32 = 1;
/// Rank of whoever loses patience at a station: after the ends of service, before new arrivals.
pub const LEAVING_RANK: u32 = 2;

/// Rank of permits given back to those who wait: with the first that give back.
pub const BACK_RANK: u32 = 3;

/// What a request does next; its program counter has moved on already.
#[derive(Clone, Copy, Debug)]
pub enum Flow {
    /// Goes on at once.
    On,
    /// Lets time pass, then goes on.
    Pass(Span),
    /// Has ended for its client.
    Ended,
    /// Has ended unseen.
    Unseen,
}

/// A parallel call in progress.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The request that waits.
    pub parent: u32,
    pending: u32,
    successes: u32,
    needed: u32,
    bad: u16,
    resumed: bool,
}

/// How long an idle connection is kept.
#[derive(Clone, Copy, Debug)]
enum Keep {
    /// Always so long.
    Always(Span),
    /// As drawn when it becomes idle.
    Drawn(SiteId),
}

impl Keep {
    fn of(program: &Program, spec: &ConnectionsSpec) -> Keep {
        let Some(site) = spec.keep_alive else { return Keep::Always(Span(u64::MAX)) };
        let constant = program.sites[site.index()].law.as_ref().and_then(|law| law.is_constant());
        constant.map_or(Keep::Drawn(site), |span| Keep::Always(Span(span)))
    }
}

/// Operators, draws and records of a run.
#[derive(Clone, Debug)]
pub struct Core<'a> {
    pub program: &'a Program,
    pub draws: Draws,
    pub recorder: Recorder,
    /// Stations; the plain executor has its own.
    pub stations: Vec<Station>,
    pub pools: Vec<Permits>,
    /// Permits taken without a wait in the measured time, not recorded yet.
    taken: Vec<u64>,
    /// What changes the number of permits, by pool.
    scalers: Vec<Option<Scaler>>,
    pub buckets: Vec<Bucket>,
    caches: Vec<Cache>,
    pub connections: Vec<Connections>,
    /// How long idle connections are kept.
    keep_alive: Vec<Keep>,
    pub balancers: Vec<Balancer>,
    /// Answers of targets that balancers have not been told of yet.
    answers: Vec<Later<u32>>,
    pub budgets: Vec<Budget>,
    /// Whether instructions are run a window at a time, so that what is earned in one may be taken before in another.
    pub windowed: bool,
    joins: Vec<Joining>,
    free_joins: Vec<u32>,
    /// Random bits of the flows of a balancer, by site.
    flows: Arc<[Vec<u64>]>,
}

/// Flows whose bits are drawn once.
const FEW_FLOWS: u32 = 1 << 12;

/// The controller of a pool, if it has one, in a run with so long a measured time.
pub fn scaler(spec: &PoolSpec, until: Time) -> Option<Scaler> {
    spec.scaling.as_ref().map(|scaling| Scaler::new(scaling, spec.size, until))
}

/// The bits of the flows of each site.
fn flows(program: &Program, draws: &Draws) -> Arc<[Vec<u64>]> {
    let mut flows = vec![Vec::new(); program.sites.len()];
    for spec in &program.balancers {
        if let Choice::Flows(site, count) = spec.choice {
            flows[site.index()] = (0..count.min(FEW_FLOWS)).map(|flow| flow_bits(draws, site, flow)).collect();
        }
    }
    flows.into()
}

/// Random bits of a flow, the same for all its requests: words from the top, which no request comes near.
fn flow_bits(draws: &Draws, site: SiteId, flow: u32) -> u64 {
    draws.bits(site, u64::MAX - flow as u64)
}

impl<'a> Core<'a> {
    pub fn new(program: &'a Program, options: &Options<'_>) -> Core<'a> {
        let draws = Draws::new(program, options.seed, options.replication);
        let window = Window { from: options.from, until: options.until };
        Core {
            program,
            flows: flows(program, &draws),
            draws,
            recorder: Recorder::new(program, options),
            stations: program.stations.iter().map(Station::new).collect(),
            pools: program.pools.iter().map(Permits::new).collect(),
            taken: vec![0; program.pools.len()],
            scalers: program.pools.iter().map(|spec| scaler(spec, options.until)).collect(),
            buckets: program.buckets.iter().map(Bucket::new).collect(),
            caches: program.caches.iter().map(Cache::new).collect(),
            connections: program.connections.iter().map(|spec| Connections::new(spec).by_hour(window)).collect(),
            keep_alive: program.connections.iter().map(|spec| Keep::of(program, spec)).collect(),
            balancers: program.balancers.iter().map(Balancer::new).collect(),
            answers: vec![Later::default(); program.balancers.len()],
            budgets: program.budgets.iter().map(Budget::new).collect(),
            windowed: false,
            joins: Vec::new(),
            free_joins: Vec::new(),
        }
    }

    /// The controller of a pool acts. When it acts next.
    pub fn rescale(&mut self, pool: PoolId, at: Time) -> Option<Time> {
        let index = pool.index();
        let scaler = self.scalers[index].as_mut()?;
        let size = scaler.act(at, self.pools[index].load(at));
        self.pools[index].resize(size);
        let capacity = &mut self.recorder.pools[index].capacity;
        if capacity.last().is_none_or(|&(_, last)| last != size) {
            capacity.push((at, size));
        }
        scaler.next()
    }

    /// For a run a window at a time.
    pub fn windowed(program: &'a Program, options: &Options<'_>) -> Core<'a> {
        let mut core = Core::new(program, options);
        core.windowed = true;
        core
    }

    /// Runs an instruction that needs no waiting and moves the program counter. `Serve`, `Hold`, `Free`, `Fork` and
    /// `Arrive` belong to the executor.
    #[inline(always)]
    pub fn step(&mut self, token: &mut Token, at: Time, instruction: &Instruction) -> Flow {
        match *instruction {
            Instruction::Delay { site, per } => {
                token.pc += 1;
                return Flow::Pass(token.scaled(self.draws.span(site, token.word()), per));
            }
            Instruction::Mark { stage } => self.recorder.mark(token, at, stage.0),
            Instruction::Branch { on, to } => {
                let holds = token.meets(on, &self.draws, &self.program.outcomes);
                return go_if(holds, token, to);
            }
            Instruction::Jump { to } => return go_if(true, token, to),
            Instruction::Answer { outcome } => token.outcome = outcome.0,
            Instruction::Limit { bucket, otherwise } => {
                let admitted = self.admit(bucket.index(), token.class, token.key, at);
                return go_if(!admitted, token, otherwise);
            }
            Instruction::Lookup { cache, hit } => {
                let hits = self.look_up(cache.index(), object(token.class, token.key), at);
                return go_if(hits, token, hit);
            }
            Instruction::Store { cache } => {
                self.store(cache.index(), object(token.class, token.key), at);
            }
            Instruction::Choose { balancer } => self.balance(balancer, token, at),
            Instruction::Release { balancer } => {
                let target = token.target(Some(self.program.balancers[balancer.index()].target));
                self.balancers[balancer.index()].release(target as u32);
            }
            Instruction::Connect { connections, full } => {
                let connected = self.connect(connections, token, at);
                return go_if(!connected, token, full);
            }
            Instruction::Disconnect { connections, keep } => self.disconnect(connections, keep, token, at),
            Instruction::Call { depth, deadline, .. } => {
                token.call(depth, deadline.map_or(Time::NEVER, |deadline| at + deadline));
            }
            Instruction::Return { depth } => {
                if !self.returns(token, depth) {
                    return Flow::Unseen;
                }
            }
            Instruction::Retry { policy, to } => return self.retry(token, at, policy, to),
            Instruction::Send => token.before_send = at - token.born,
            Instruction::Earn { budget } => {
                self.recorder.budgets[budget.index()].arrivals += self.recorder.window.contains(at) as u64;
                self.earn(budget, (at, 0));
            }
            Instruction::Meter { meter, amount } => self.recorder.meter(meter.index(), token.amount(amount, at), at),
            Instruction::End => {
                self.recorder.end(token, at);
                return Flow::Ended;
            }
            Instruction::Serve { .. } | Instruction::Hold { .. } | Instruction::Free { .. } => {}
            Instruction::Fork { .. } | Instruction::Arrive { .. } => {}
        }
        token.pc += 1;
        Flow::On
    }

    /// Whether a bucket has a token.
    #[inline]
    pub fn admit(&mut self, bucket: usize, class: u16, key: u32, at: Time) -> bool {
        let admitted = self.buckets[bucket].admits(at, class, key);
        if self.recorder.window.contains(at) {
            let tally = &mut self.recorder.buckets[bucket];
            tally.arrivals += 1;
            tally.refused += !admitted as u64;
        }
        admitted
    }

    /// Marks requests without a token; they come in order of time to a bucket that all share. Whether there are any.
    pub fn admit_all(&mut self, bucket: usize, times: &[u64], mask: &mut [u8]) -> bool {
        let any = self.buckets[bucket].refuse_all(times, mask);
        let (window, tally) = (self.recorder.window, &mut self.recorder.buckets[bucket]);
        tally.arrivals += window.count_rising(times);
        if any {
            let refused =
                times.iter().zip(mask.iter()).filter(|&(&at, &refused)| refused == 1 && window.contains(Time(at)));
            tally.refused += refused.count() as u64;
        }
        any
    }

    /// Takes tokens for the requests of a stretch of time, in any order, if it is certain that there is one for each.
    pub fn admit_in_any_order(&mut self, bucket: usize, times: &[u64], from: u64, end: u64) -> bool {
        let Some(admitted) = self.buckets[bucket].admits_all(times, from, end) else { return false };
        let window = self.recorder.window;
        let (first, until) = (window.from.max(Time(from)), window.until.min(Time(end)));
        let all = first == Time(from) && until == Time(end);
        self.recorder.buckets[bucket].arrivals += if all { admitted } else { count_within(times, first, until) as u64 };
        true
    }

    /// Whether an object is in a cache.
    pub fn look_up(&mut self, cache: usize, object: u64, at: Time) -> bool {
        let window = self.recorder.window;
        let hit = self.caches[cache].hits(object, at, window);
        if !hit && self.program.caches[cache].fill_at_once {
            self.caches[cache].store(object, at, window);
        }
        if window.contains(at) {
            let tally = &mut self.recorder.caches[cache];
            tally.arrivals += 1;
            tally.hits += hit as u64;
        }
        hit
    }

    /// Puts an object into a cache.
    pub fn store(&mut self, cache: usize, object: u64, at: Time) {
        self.caches[cache].store(object, at, self.recorder.window);
    }

    /// A request chooses a target.
    #[inline]
    pub fn balance(&mut self, balancer: BalancerId, token: &mut Token, at: Time) {
        let spec = &self.program.balancers[balancer.index()];
        let bits = match spec.choice {
            Choice::Random(site) | Choice::Weighted(site, _) => self.draws.bits(site, token.word()),
            Choice::LeastOutstanding(site) | Choice::PowerOf(site, _) => self.draws.bits(site, token.word()),
            Choice::Flows(site, flows) => self.flow(site, pick(self.draws.bits(site, token.word()), flows)),
            Choice::RoundRobin | Choice::HashKey | Choice::Given => 0,
        };
        if spec.choice.counts_outstanding() {
            while let Some((_, target)) = self.answers[balancer.index()].due(at) {
                self.balancers[balancer.index()].release(target);
            }
        }
        let asking = Asking { bits, class: token.class, key: token.key, given: token.given };
        let target = self.balancers[balancer.index()].choose(spec, asking);
        token.set(spec.target, target);
        self.recorder.balancers[balancer.index()].arrivals += self.recorder.window.contains(at) as u64;
    }

    /// Random bits of a flow, the same for all its requests.
    #[inline]
    pub fn flow(&self, site: SiteId, flow: u32) -> u64 {
        let known = self.flows[site.index()].get(flow as usize);
        known.copied().unwrap_or_else(|| flow_bits(&self.draws, site, flow))
    }

    /// Whether a request has a connection now.
    #[inline]
    pub fn connect(&mut self, connections: ConnectionsId, token: &mut Token, at: Time) -> bool {
        let index = connections.index();
        let spec = &self.program.connections[index];
        let window = self.recorder.window;
        let connected = self.connections[index].connect(token.target(spec.target), at, window);
        let counted = window.contains(at) as u64;
        let tally = &mut self.recorder.connections[index];
        tally.arrivals += counted;
        match connected {
            Connected::As(state) => {
                token.set(spec.state, state);
                tally.hits += counted * (state != ConnectionsSpec::NEW) as u64;
                true
            }
            Connected::Full => {
                tally.refused += counted;
                false
            }
        }
    }

    fn disconnect(&mut self, connections: ConnectionsId, keep: bool, token: &Token, at: Time) {
        let (target, (state, keep)) = self.connected(connections, keep, token);
        self.connections[connections.index()].disconnect(target, at, state, keep, self.recorder.window);
    }

    /// The same at an instant to come, with its place among those of the same instant.
    #[inline]
    pub fn disconnect_later(
        &mut self,
        (connections, keep): (ConnectionsId, bool),
        token: &Token,
        at: Time,
        order: (u64, u64),
    ) {
        let (target, back) = self.connected(connections, keep, token);
        self.connections[connections.index()].disconnect_later(target, at, order, back);
    }

    /// A request takes a permit, if one is free.
    #[inline]
    pub fn takes(&mut self, pool: PoolId, token: &Token, at: Time) -> bool {
        let target = token.target(self.program.pools[pool.index()].target);
        let window = self.recorder.window;
        let taken = self.pools[pool.index()].take(target, at, window);
        self.taken[pool.index()] += (taken && window.contains(at)) as u64;
        taken
    }

    /// The pool of the connection of a request, what kind of connection it is, and how long it will be kept.
    #[inline(always)]
    fn connected(&self, connections: ConnectionsId, keep: bool, token: &Token) -> (usize, (u32, Option<Span>)) {
        let spec = &self.program.connections[connections.index()];
        let keep = keep.then(|| self.kept_for(connections, token.word()));
        (token.target(spec.target), (token.target(Some(spec.state)) as u32, keep))
    }

    /// How long a connection is kept that a request leaves idle.
    #[inline(always)]
    pub fn kept_for(&self, connections: ConnectionsId, word: u64) -> Span {
        match self.keep_alive[connections.index()] {
            Keep::Always(span) => span,
            Keep::Drawn(site) => self.draws.span(site, word),
        }
    }

    /// The target of a request will have answered at an instant.
    #[inline]
    pub fn release_later(&mut self, balancer: BalancerId, token: &Token, at: Time) {
        let target = token.target(Some(self.program.balancers[balancer.index()].target));
        self.answers[balancer.index()].add(at, target as u32);
    }

    /// Whether a policy repeats a request, as long as its budget allows it.
    #[inline]
    pub fn repeats(&self, policy: RetryId, token: &Token) -> bool {
        let spec = &self.program.retries[policy.index()];
        let repeated = token.registers[spec.counter.index()] as u32;
        spec.attempts.is_none_or(|attempts| repeated + 1 < attempts) && spec.on[token.outcome as usize]
    }

    /// Whether whoever called is still there.
    #[inline]
    pub fn returns(&mut self, token: &mut Token, depth: u8) -> bool {
        let awaited = token.returns(depth);
        let balance = &mut self.recorder.balance;
        let client = (depth == 0) as u64;
        balance.returned += client * awaited as u64;
        balance.unseen += client * !awaited as u64;
        balance.ended_unseen += !awaited as u64;
        awaited
    }

    fn retry(&mut self, token: &mut Token, at: Time, policy: RetryId, to: Label) -> Flow {
        let spec = &self.program.retries[policy.index()];
        let repeated = token.registers[spec.counter.index()] as u32;
        token.pc += 1;
        if !self.repeats(policy, token) || !self.may_retry(spec.budget, (at, 0)) {
            return Flow::On;
        }
        let backoff = self.backoff(spec.backoff, repeated, token.word());
        token.repeat(spec.counter, spec.salt);
        token.pc = to.0;
        self.recorder.balance.repeated += (spec.depth == 0) as u64;
        Flow::Pass(Span(backoff.0.max(1)))
    }

    /// A first attempt counts towards a budget.
    pub fn earn(&mut self, budget: BudgetId, at: Moment) {
        match self.windowed {
            true => self.budgets[budget.index()].earn_later(at),
            false => self.budgets[budget.index()].earn(),
        }
    }

    /// Whether the budget, if there is one, allows a retry; it is taken then.
    pub fn may_retry(&mut self, budget: Option<BudgetId>, at: Moment) -> bool {
        let Some(budget) = budget.map(BudgetId::index) else { return true };
        let allowed = self.budgets[budget].take(at);
        self.recorder.budgets[budget].refused += !allowed as u64;
        allowed
    }

    /// Time before the next attempt.
    pub fn backoff(&self, backoff: Backoff, repeated: u32, word: u64) -> Span {
        let doubled = |base: Span, max: Span| Span(base.0.saturating_mul(1 << repeated.min(40)).min(max.0));
        match backoff {
            Backoff::Fixed(span) => span,
            Backoff::Exponential { base, max } => doubled(base, max),
            Backoff::FullJitter { base, max, site } => {
                let bits = self.draws.bits(site, word);
                Span(((bits as u128 * doubled(base, max).0 as u128) >> 64) as u64)
            }
            Backoff::Law(site) => self.draws.span(site, word),
        }
    }

    /// A draw that was not made ahead.
    #[inline(never)]
    pub fn draw(&self, site: SiteId, word: u64) -> Span {
        self.draws.span(site, word)
    }

    /// Service time of a request at a station.
    #[inline(always)]
    pub fn service(&self, site: Option<SiteId>, slowness: &[f64], target: usize, token: &Token) -> Span {
        let demand = site.map_or(Span(token.demand), |site| self.draws.span(site, token.word()));
        slowed(demand, slowness, target)
    }

    /// Counts an arrival at a station, and what became of it.
    #[inline]
    pub fn tally_service(&mut self, station: StationId, target: usize, arrived: Time, start: Time, end: Time) {
        let window = self.recorder.window;
        let tally = &mut self.recorder.stations[station.index()];
        tally.busy[target] += window.overlap(start, end);
        if window.contains(arrived) {
            tally.wait.record((start - arrived).0);
        }
    }

    /// Busy time of the stations that keep it themselves.
    pub fn tally_busy(&mut self, stations: impl Iterator<Item = Option<Vec<u64>>>) {
        for (tally, busy) in self.recorder.stations.iter_mut().zip(stations) {
            if let Some(busy) = busy {
                tally.busy = busy;
            }
        }
    }

    /// A call in parallel starts; its number.
    pub fn fork(&mut self, parent: u32, branches: u32, join: Join) -> u32 {
        self.recorder.balance.forked += branches as u64;
        let Join::Successes(needed) = join else { return 0 };
        let joining = Joining { parent, pending: branches, successes: 0, needed, bad: 0, resumed: false };
        match self.free_joins.pop() {
            Some(index) => {
                self.joins[index as usize] = joining;
                index + 1
            }
            None => {
                self.joins.push(joining);
                self.joins.len() as u32
            }
        }
    }

    /// A branch ends; the parent and its outcome if it goes on now.
    pub fn arrive(&mut self, token: &Token) -> Option<(u32, u16)> {
        self.recorder.balance.joined += 1;
        let index = token.join.checked_sub(1)?;
        let good = token.ends_as(self.program).is_good();
        let join = &mut self.joins[index as usize];
        join.pending -= 1;
        join.successes += good as u32;
        if !good && join.bad == 0 {
            join.bad = token.outcome;
        }
        let enough = join.successes >= join.needed;
        let goes_on = !join.resumed && (enough || join.pending == 0);
        join.resumed |= goes_on;
        let outcome = if enough { 0 } else { join.bad };
        let parent = join.parent;
        if join.pending == 0 {
            self.free_joins.push(index);
        }
        goes_on.then_some((parent, outcome))
    }

    /// Where a caller goes whose deadline has passed.
    pub fn late(&self, caller: &Token, depth: u8) -> u32 {
        match self.program.code[caller.call_site(depth)] {
            Instruction::Call { late, .. } => late.0,
            _ => unreachable!("a call site holds a call"),
        }
    }

    /// Requests in the longest of all queues.
    pub fn longest_queue(&self) -> usize {
        let targets = |targets: u32| 0..targets as usize;
        let stations = self.stations.iter().zip(&self.program.stations);
        let stations = stations.flat_map(|(station, spec)| targets(spec.targets).map(|target| station.waiting(target)));
        let pools = self.pools.iter().zip(&self.program.pools);
        let pools = pools.flat_map(|(pool, spec)| targets(spec.targets).map(|target| pool.waiting(target)));
        stations.chain(pools).max().unwrap_or(0)
    }

    /// Closes the books of the stations, then all others.
    pub fn finish(mut self, verdict: Verdict, at: Time) -> Run {
        let in_stations = self.stations.iter().map(Station::taken).sum();
        let window = self.recorder.window;
        let stations = std::mem::take(&mut self.stations);
        self.tally_busy(stations.iter().map(|station| station.busy(at, window)));
        self.close(verdict, at, in_stations)
    }

    /// Closes the books, with so many requests in stations that are kept elsewhere. A complete run that breaks a
    /// conservation law is not complete: none of its numbers can be trusted.
    pub fn close(mut self, verdict: Verdict, at: Time, in_stations: u64) -> Run {
        let window = self.recorder.window;
        self.pools.iter_mut().for_each(|pool| pool.settle(window));
        self.connections.iter_mut().for_each(|pool| pool.settle(window));
        for (balancer, answers) in self.balancers.iter_mut().zip(&mut self.answers) {
            std::iter::from_fn(|| answers.due(Time::NEVER)).for_each(|(_, target)| balancer.release(target));
        }
        for (tally, &taken) in self.recorder.pools.iter_mut().zip(&self.taken) {
            tally.arrivals += taken;
            tally.wait.record_n(0, taken);
        }
        for (pool, tally) in self.pools.iter().zip(&mut self.recorder.pools) {
            tally.busy = pool.busy(at, window);
        }
        for (pool, tally) in self.connections.iter().zip(&mut self.recorder.connections) {
            tally.busy = pool.busy(at, window);
            tally.open = pool.open(at, window);
        }
        let pools: u64 = self.pools.iter().map(Permits::taken).sum();
        let connections: u64 = self.connections.iter().map(Connections::taken).sum();
        let balancers: u64 = self.balancers.iter().map(Balancer::taken).sum();
        self.recorder.balance.still_held = pools + connections + balancers + in_stations;
        let (caches, connections) = (&self.caches, &self.connections);
        let kept = |kind, index: usize| match kind {
            ResourceKind::Cache => caches[index].kept(),
            ResourceKind::Connections => connections[index].kept(window),
            _ => 0,
        };
        let mut run = self.recorder.finish(self.program, verdict, kept);
        if run.verdict == Verdict::Complete
            && let Err(law) = run.balance.check()
        {
            run.verdict = Verdict::Inconsistent { law };
        }
        run
    }
}

/// Rank of the deadline of a call: the innermost first, so that its answer may still reach the outer ones.
pub fn deadline_rank(depth: u8) -> u32 {
    DEADLINE_RANK + (MAX_DEPTH as u32 - 1 - depth as u32)
}

/// What a demand takes at a target.
#[inline(always)]
pub fn slowed(demand: Span, slowness: &[f64], target: usize) -> Span {
    match slowness.get(target) {
        None => demand,
        Some(factor) => Span((demand.0 as f64 * factor).round() as u64),
    }
}

/// Goes to a label when the condition holds, else on.
#[inline(always)]
fn go_if(condition: bool, token: &mut Token, to: Label) -> Flow {
    token.pc = if condition { to.0 } else { token.pc + 1 };
    Flow::On
}

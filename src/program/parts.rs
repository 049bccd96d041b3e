//! Parts: a program condensed for running it window by window. Instructions that depend on each other only forward are
//! steps of their own; those that depend on each other in a circle without a lag (a permit held during a call, a
//! station that one request can visit twice, a parallel call) form a loop that has to run by events. A repeated attempt
//! comes back only after its back-off: such a circle has a lag, and stays open where the lag is long enough.
//!
//! What depends on what: an instruction on those before it, the caller's way after a deadline on everything inside the
//! call, and operators on all instructions that share their state.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::forward::only_goes_forward;
use super::{Backoff, Discipline, Instruction, Label, Program, Service, SiteId};
use crate::law::LawSpec;
use crate::time::Span;

/// A step of a program, in an order in which nothing depends on a later step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An instruction that can take all requests of a window at once.
    One(Label),
    /// Instructions that must run by events.
    Loop(Vec<Label>),
}

/// The parts of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The steps in order.
    pub steps: Vec<Step>,
    /// The step of each instruction.
    pub step_of: Vec<u32>,
    /// The shortest times in which a request can come back to an operator through a repeat. Nothing when no circle was
    /// left open.
    pub lag: Option<Lag>,
}

/// How soon requests can come back through repeats. A deadline that is pending is known beforehand, so it counts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// From anywhere, with all deadlines that begin on the way, but with none that is pending already.
    pub unhurried: Span,
    /// From the deadline of a call that passes.
    pub after_deadline: Span,
}

impl Lag {
    /// From anywhere, whatever is pending.
    pub fn least(self) -> Span {
        self.unhurried.min(self.after_deadline)
    }
}

impl Parts {
    /// Condenses a program; repeats that can come back sooner than `shortest` close their circle.
    pub fn of(program: &Program, shortest: Span) -> Parts {
        let mut graph = Graph::of(program);
        let parted = graph.condensed(true);
        // Nobody may enter a loop any more, wherever it is, once that has been taken through the window.
        parted.iter().filter(|members| members.len() > 1).flatten().for_each(|&place| graph.stops[place] = true);
        let lag = graph.smallest_lag();
        let open = lag.is_some_and(|lag| lag.least() >= shortest.max(Span(1)));
        let components = if open { parted } else { graph.condensed(false) };
        Parts::listed(program, components, lag.filter(|_| open))
    }

    /// Condenses a program with all circles of repeats left open, however soon a repeat could come back: for runs that
    /// begin again when one does. Nothing where there are no repeats.
    pub fn optimistic(program: &Program) -> Option<Parts> {
        let graph = Graph::of(program);
        let repeats = !graph.repeats.is_empty();
        repeats.then(|| Parts::listed(program, graph.condensed(true), None))
    }

    fn listed(program: &Program, components: Vec<Vec<usize>>, lag: Option<Lag>) -> Parts {
        let mut step_of = vec![0; program.code.len()];
        let mut steps = Vec::new();
        for members in components {
            members.iter().for_each(|&place| step_of[place] = steps.len() as u32);
            let alone = members.len() == 1 && !needs_events(program, &program.code[members[0]]);
            let mut labels = members.iter().map(|&place| Label(place as u32));
            steps.push(match labels.next() {
                Some(label) if alone => Step::One(label),
                first => Step::Loop(first.into_iter().chain(labels).collect()),
            });
        }
        Parts { steps, step_of, lag }
    }

    /// The longest windows that make sense: beyond this a repeat always comes back sooner. Loops keep the deadlines of
    /// their requests to themselves, so with any of them each may be about to pass.
    pub fn longest_window(&self) -> Option<Span> {
        self.lag.map(|lag| if self.by_events() == 0 { lag.unhurried } else { lag.least() })
    }

    /// Instructions in loops, which run by events when nothing better is known for them.
    pub fn by_events(&self) -> usize {
        self.loops().map(<[Label]>::len).sum()
    }

    /// Instructions that run by events whatever happens: of loops in which requests do not only go forward.
    pub fn always_by_events(&self, program: &Program) -> usize {
        self.loops().filter(|members| !only_goes_forward(program, members)).map(<[Label]>::len).sum()
    }

    fn loops(&self) -> impl Iterator<Item = &[Label]> {
        self.steps.iter().filter_map(|step| match step {
            Step::Loop(members) => Some(&members[..]),
            Step::One(_) => None,
        })
    }
}

/// Whether an instruction runs by events even when it is alone.
fn needs_events(program: &Program, instruction: &Instruction) -> bool {
    match instruction {
        Instruction::Serve { station, .. } => program.stations[station.index()].discipline != Discipline::Fifo,
        Instruction::Hold { .. } | Instruction::Free { .. } => true,
        Instruction::Fork { .. } | Instruction::Arrive { .. } => true,
        _ => false,
    }
}

/// Whether requests must come to an instruction in order of time.
pub fn takes_in_order(program: &Program, instruction: &Instruction) -> bool {
    // What is earned is added up; when does not matter until a retry is taken.
    instruction.is_ordered(program) && !matches!(instruction, Instruction::Earn { .. })
}

/// Which instruction can influence which, and how soon.
struct Graph {
    /// Successors with the shortest time to them.
    edges: Vec<Vec<(usize, u64)>>,
    /// The same for repeats.
    repeats: Vec<(usize, usize, u64)>,
    /// Where requests get an outcome that is repeated, for each repeat.
    causes: Vec<Vec<usize>>,
    /// Calls with a deadline.
    scopes: Vec<Scope>,
    /// What takes requests in order of time, or earns for what does.
    ordered: Vec<bool>,
    /// Where nobody may come once a window has passed.
    stops: Vec<bool>,
}

/// The inside of a call with a deadline. Whoever is inside may be cut loose at once; whoever enters has the deadline
/// before him.
struct Scope {
    call: usize,
    late: usize,
    deadline: u64,
    inside: Vec<bool>,
}

impl Graph {
    fn of(program: &Program) -> Graph {
        let places = 0..program.code.len();
        let mut graph = Graph {
            edges: places.clone().map(|place| successors(program, place)).collect(),
            repeats: Vec::new(),
            causes: Vec::new(),
            scopes: Vec::new(),
            ordered: program
                .code
                .iter()
                .map(|instruction| instruction.is_ordered(program) || needs_events(program, instruction))
                .collect(),
            stops: Vec::new(),
        };
        for place in places {
            match program.code[place] {
                Instruction::Retry { policy, to } => {
                    let spec = &program.retries[policy.index()];
                    let lag = match spec.backoff {
                        Backoff::Law(site) => least(program, site).max(1),
                        _ => spec.smallest_delay().0,
                    };
                    graph.repeats.push((place, to.index(), lag));
                    let repeated = |place: &usize| match program.code[*place] {
                        Instruction::Answer { outcome } => spec.on[outcome.index()],
                        // Without an answer so far.
                        _ => *place == 0 && spec.on[0],
                    };
                    graph.causes.push((0..program.code.len()).filter(repeated).collect());
                }
                Instruction::Call { depth, deadline: Some(deadline), late } => {
                    let inside = graph.inside(program, place, depth);
                    graph.scopes.push(Scope { call: place, late: late.index(), deadline: deadline.0, inside });
                }
                _ => {}
            }
        }
        graph.share_state(program);
        graph.stops.clone_from(&graph.ordered);
        graph
    }

    /// Where a request may be between a call and its return.
    fn inside(&self, program: &Program, call: usize, depth: u8) -> Vec<bool> {
        let mut inside = vec![false; self.edges.len()];
        let mut open = vec![call + 1];
        while let Some(place) = open.pop() {
            let ends = matches!(program.code[place], Instruction::Return { depth: other } if other == depth);
            if ends || std::mem::replace(&mut inside[place], true) {
                continue;
            }
            open.extend(self.edges[place].iter().map(|edge| edge.0));
            open.extend(self.repeats_of(program, place));
        }
        inside
    }

    fn repeats_of(&self, program: &Program, place: usize) -> Option<usize> {
        match program.code[place] {
            Instruction::Retry { to, .. } => Some(to.index()),
            _ => None,
        }
    }

    /// Instructions that read what others write depend on them.
    fn share_state(&mut self, program: &Program) {
        let mut groups: BTreeMap<State, Vec<usize>> = BTreeMap::new();
        for (place, instruction) in program.code.iter().enumerate() {
            if let Some(state) = State::of(program, instruction) {
                groups.entry(state).or_default().push(place);
            }
        }
        for members in groups.into_values() {
            for (&from, &to) in members.iter().zip(members.iter().cycle().skip(1)) {
                self.edges[from].push((to, 0));
            }
        }
    }

    /// The shortest way from one ordered instruction (or a birth), or from a deadline, to the next with a repeat in
    /// between.
    fn smallest_lag(&self) -> Option<Lag> {
        if self.repeats.is_empty() {
            return None;
        }
        let starts = (0..self.edges.len()).filter(|&place| place == 0 || self.ordered[place]);
        let unhurried = self.way_round(starts);
        let after_deadline = self.way_round(self.scopes.iter().map(|scope| scope.late));
        Some(Lag { unhurried, after_deadline })
    }

    /// The shortest way from one of some places through a repeat to an ordered instruction. Only some outcomes are
    /// repeated: on the way, or before, lies an instruction that gives one of them.
    fn way_round(&self, starts: impl Iterator<Item = usize>) -> Span {
        let starts: Vec<(usize, Vec<u64>)> = starts.map(|start| (start, self.distances(start))).collect();
        let lag = |(&(from, to, lag), causes): (&(usize, usize, u64), &Vec<usize>)| {
            let carried = self.reached(causes);
            let given = starts.iter().filter(|(start, _)| carried[*start]).map(|(_, distance)| distance[from]);
            let on_the_way = causes.iter().map(|&cause| {
                let to_cause = starts.iter().map(|(_, distance)| distance[cause]).min().unwrap_or(u64::MAX);
                to_cause.saturating_add(self.distances(cause)[from])
            });
            let to_repeat = given.chain(on_the_way).min().unwrap_or(u64::MAX);
            let onward = self.distances(to);
            let stops = (0..onward.len()).filter(|&place| self.stops[place]);
            let nearest = stops.map(|place| onward[place]).min().unwrap_or(u64::MAX);
            to_repeat.saturating_add(lag).saturating_add(nearest)
        };
        Span(self.repeats.iter().zip(&self.causes).map(lag).min().unwrap_or(u64::MAX))
    }

    /// Where requests may be that have come by some places, before they are repeated.
    fn reached(&self, from: &[usize]) -> Vec<bool> {
        let mut reached = vec![false; self.edges.len()];
        let mut open = from.to_vec();
        while let Some(place) = open.pop() {
            if !std::mem::replace(&mut reached[place], true) {
                open.extend(self.edges[place].iter().map(|edge| edge.0));
                let late = self.scopes.iter().filter(|scope| scope.inside[place]).map(|scope| scope.late);
                open.extend(late);
            }
        }
        reached
    }

    /// The shortest times from a place to all others; deadlines that are pending there already are left out.
    fn distances(&self, from: usize) -> Vec<u64> {
        let mut distance = vec![u64::MAX; self.edges.len()];
        let mut open = BinaryHeap::from([Reverse((0, from))]);
        while let Some(Reverse((time, place))) = open.pop() {
            if time >= distance[place] {
                continue;
            }
            distance[place] = time;
            let repeats = self.repeats.iter().filter(|repeat| repeat.0 == place).map(|repeat| (repeat.1, repeat.2));
            let cut = self.scopes.iter().filter(|scope| scope.call == place).map(|scope| (scope.late, scope.deadline));
            for (next, lag) in self.edges[place].iter().copied().chain(repeats).chain(cut) {
                open.push(Reverse((time.saturating_add(lag), next)));
            }
        }
        distance
    }

    /// Strongly connected components in topological order (Tarjan 1972, without recursion), each in order of place.
    fn condensed(&self, open: bool) -> Vec<Vec<usize>> {
        let mut edges: Vec<Vec<usize>> =
            self.edges.iter().map(|edges| edges.iter().map(|edge| edge.0).collect()).collect();
        if !open {
            self.repeats.iter().for_each(|&(from, to, _)| edges[from].push(to));
        }
        for scope in &self.scopes {
            let inside = (0..edges.len()).filter(|&place| scope.inside[place] && place != scope.late);
            inside.for_each(|place| edges[place].push(scope.late));
        }
        // Later places first, so that of independent steps the one further down the path comes out first, that is last.
        edges.iter_mut().for_each(|edges| edges.sort_unstable());
        let mut search = Search::new(&edges);
        (0..edges.len()).for_each(|place| search.visit(place));
        search.found.reverse();
        search.found
    }
}

/// Tarjan's search.
struct Search<'a> {
    edges: &'a [Vec<usize>],
    number: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    found: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    const NEW: usize = usize::MAX;

    fn new(edges: &'a [Vec<usize>]) -> Search<'a> {
        let n = edges.len();
        Search {
            edges,
            number: vec![Self::NEW; n],
            low: vec![0; n],
            on_stack: vec![false; n],
            stack: Vec::new(),
            next: 0,
            found: Vec::new(),
        }
    }

    fn visit(&mut self, root: usize) {
        if self.number[root] != Self::NEW {
            return;
        }
        let mut path = vec![(root, 0)];
        self.enter(root);
        while let Some((place, edge)) = path.pop() {
            match self.edges[place].get(edge) {
                Some(&next) => {
                    path.push((place, edge + 1));
                    if self.number[next] == Self::NEW {
                        self.enter(next);
                        path.push((next, 0));
                    } else if self.on_stack[next] {
                        self.low[place] = self.low[place].min(self.number[next]);
                    }
                }
                None => {
                    if let Some(&(parent, _)) = path.last() {
                        self.low[parent] = self.low[parent].min(self.low[place]);
                    }
                    self.close(place);
                }
            }
        }
    }

    fn enter(&mut self, place: usize) {
        self.number[place] = self.next;
        self.low[place] = self.next;
        self.next += 1;
        self.stack.push(place);
        self.on_stack[place] = true;
    }

    fn close(&mut self, place: usize) {
        if self.low[place] != self.number[place] {
            return;
        }
        let from = self.stack.iter().rposition(|&other| other == place).unwrap_or(0);
        let mut members = self.stack.split_off(from);
        members.iter().for_each(|&member| self.on_stack[member] = false);
        members.sort_unstable();
        self.found.push(members);
    }
}

/// State that several instructions may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Bucket(u16),
    Cache(u16),
    Station(u16),
    Pool(u16),
    Connections(u16),
    Balancer(u16),
    Budget(u16),
    Fork(u16),
}

impl State {
    fn of(program: &Program, instruction: &Instruction) -> Option<State> {
        use Instruction::*;
        match *instruction {
            Limit { bucket, .. } => Some(State::Bucket(bucket.0)),
            Lookup { cache, .. } | Store { cache } => Some(State::Cache(cache.0)),
            Serve { station, .. } => Some(State::Station(station.0)),
            Hold { pool, .. } | Free { pool } => Some(State::Pool(pool.0)),
            Connect { connections, .. } | Disconnect { connections, .. } => Some(State::Connections(connections.0)),
            Choose { balancer } | Release { balancer } => {
                let ordered = program.balancers[balancer.index()].choice.is_ordered();
                ordered.then_some(State::Balancer(balancer.0))
            }
            Retry { policy, .. } => program.retries[policy.index()].budget.map(|budget| State::Budget(budget.0)),
            Fork { fork } | Arrive { fork } => Some(State::Fork(fork.0)),
            Delay { .. } | Branch { .. } | Jump { .. } | Answer { .. } | Call { .. } | Return { .. } => None,
            Earn { .. } | Meter { .. } | Mark { .. } | Send | End => None,
        }
    }
}

/// Where a request may go from an instruction, repeats apart, and the shortest time it takes.
pub fn successors(program: &Program, place: usize) -> Vec<(usize, u64)> {
    use Instruction::*;
    let next = place + 1;
    match program.code[place] {
        Delay { site, per } => vec![(next, if per == super::Per::Request { least(program, site) } else { 0 })],
        Branch { to, .. } => vec![(next, 0), (to.index(), 0)],
        Jump { to } => vec![(to.index(), 0)],
        Limit { otherwise, .. } => vec![(next, 0), (otherwise.index(), 0)],
        Lookup { hit, .. } => vec![(next, 0), (hit.index(), 0)],
        Serve { station, service, full, late } => {
            let spec = &program.stations[station.index()];
            // Only who is first come, first served is sent on when he comes; others leave by an event of any window.
            let at_once = spec.discipline == Discipline::Fifo && spec.slowness.is_empty();
            let served = match service {
                Service::Law(site) if at_once => least(program, site),
                _ => 0,
            };
            vec![(next, served), (full.index(), 0), (late.index(), 0)]
        }
        Hold { full, late, .. } => vec![(next, 0), (full.index(), 0), (late.index(), 0)],
        Connect { full, .. } => vec![(next, 0), (full.index(), 0)],
        Fork { fork } => {
            let fork = &program.forks[fork.index()];
            fork.branches.iter().chain([&fork.after]).map(|label| (label.index(), 0)).collect()
        }
        Arrive { fork } => vec![(program.forks[fork.index()].after.index(), 0)],
        End => Vec::new(),
        Answer { .. } | Store { .. } | Free { .. } | Choose { .. } | Release { .. } | Disconnect { .. } => {
            vec![(next, 0)]
        }
        Call { .. } | Return { .. } | Retry { .. } | Send | Earn { .. } | Meter { .. } | Mark { .. } => vec![(next, 0)],
    }
}

/// The smallest value a law can give, or zero.
fn least(program: &Program, site: SiteId) -> u64 {
    let law = program.sites[site.index()].law.as_ref();
    law.filter(|law| rises(law.spec())).map_or(0, |law| law.draw(0))
}

/// Whether the values of a law rise with the random bits; those of mixtures rise only within each part.
fn rises(spec: &LawSpec) -> bool {
    match spec {
        LawSpec::Mixture { .. } | LawSpec::Hyperexponential { .. } => false,
        LawSpec::Shifted { law, .. } | LawSpec::Truncated { law, .. } | LawSpec::Scaled { law, .. } => rises(law),
        _ => true,
    }
}

//! An operator of a loop, played through a window on a copy: what happens to it is known from the last pass, and what it
//! answers is compared with what was assumed.

use crate::exec::core::Core;
use crate::exec::order::Order;
use crate::exec::station::Queue;
use crate::op::choose::{Asking, Balancer};
use crate::op::connect::{Connected, Connections};
use crate::op::fifo::{Block, Fifo};
use crate::op::hold::{Asked, Permits, Waiter};
use crate::op::limit::Bucket;
use crate::op::window::Window;
use crate::program::{BalancerId, BucketId, ConnectionsId, ConnectionsSpec, PoolId, Program, Register, StationId};
use crate::time::{Span, Time};

/// What is assumed of those who get what they ask for when they ask for it.
pub(super) const AT_ONCE: u64 = 0;
/// What is found for those who are turned away.
pub(super) const TURNED_AWAY: u64 = u64::MAX;

/// Whose state it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pool(PoolId),
    Connections(ConnectionsId),
    Station(StationId),
    Bucket(BucketId),
    Turn(BalancerId),
}

impl Kind {
    /// The register that tells the target; nothing where there is only one, or none.
    pub fn target(self, program: &Program) -> Option<Register> {
        match self {
            Kind::Pool(id) => program.pools[id.index()].target,
            Kind::Connections(id) => program.connections[id.index()].target,
            Kind::Station(id) => program.stations[id.index()].target,
            Kind::Bucket(_) | Kind::Turn(_) => None,
        }
    }

    /// Whether nobody gives anything back to it, so that it can be told who gets what as soon as all have come.
    pub fn tells_at_once(self) -> bool {
        matches!(self, Kind::Station(_) | Kind::Bucket(_) | Kind::Turn(_))
    }
}

/// What happens to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happens {
    /// Something is asked for.
    Asks,
    /// Something is given back; a connection in this state.
    GivesBack(u8),
}

/// A request at an operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub at: u64,
    /// Service demanded, or for how long what is given back will be kept.
    pub span: u64,
    pub row: u32,
    pub target: u16,
    /// The pass in which it came.
    pub pass: u8,
    pub what: Happens,
}

/// A window, and how many may wait at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub start: u64,
    pub end: u64,
    pub backlog: usize,
}

/// The pass in which each request was taken through the loop last, by row, and the number of the present one.
#[derive(Clone, Copy)]
pub(super) struct Passes<'a> {
    pub of: &'a [u8],
    pub now: u8,
}

impl Passes<'_> {
    /// Whether something noted in a pass still holds for a request.
    #[inline(always)]
    pub fn holds(self, row: usize, pass: u8) -> bool {
        self.of[row] == pass
    }

    /// Whether all requests went through the loop once.
    pub fn is_first(self) -> bool {
        self.now == FIRST
    }
}

/// The number of the first pass.
pub(super) const FIRST: u8 = 1;

/// The state of an operator.
#[derive(Clone, Debug)]
enum State {
    Permits(Permits),
    Connections(Connections),
    Station(Fifo),
    Bucket(Bucket),
    Turn(Balancer),
}

/// Vectors that are used while something is played.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    order: Order,
    chosen: Vec<u32>,
    times: Vec<u64>,
    affected: Vec<bool>,
    targets: Vec<u64>,
    starts: Vec<u64>,
    ends: Vec<u64>,
    full: Vec<u8>,
    /// Permits taken less permits given back in a piece of the window, and taken, by target and piece.
    changes: Vec<(i32, i32)>,
    /// How many permits are taken and given back at a target, and the measured time from there to the end of the window.
    sums: Vec<[(u32, u64); 2]>,
}

/// Targets that are all played in the first pass, whoever comes to them.
const FEW_TARGETS: usize = 256;
/// Pieces of a window in which permits are counted, of all targets together.
const PIECES: usize = 1 << 12;
/// Pieces of one target at most.
const MOST_PIECES: usize = 1 << 8;

/// An operator and what is known of a window at it.
#[derive(Debug)]
pub(super) struct Operator {
    pub kind: Kind,
    /// What is assumed of each request that asks: when it gets what it asks for, or what it gets.
    pub assumed: Vec<u64>,
    /// What is assumed of all at first.
    pub usual: u64,
    /// Whether anything else is assumed of anybody.
    pub unusual: bool,
    pub events: Vec<Event>,
    /// The pass in which it was played last.
    played: u8,
    /// Whether two have come to a target at the same instant in any pass.
    tied: bool,
    /// Whether targets can be played by themselves.
    by_target: bool,
    /// What has been played in this window: the targets, or the operator as a whole.
    touched: Vec<bool>,
    /// The state at the end of the window, as played.
    next: State,
}

/// What is found, beside what was assumed.
struct Findings<'a> {
    assumed: &'a mut [u64],
    unusual: &'a mut bool,
    passes: Passes<'a>,
    /// Whether the requests of the present pass still stand before the operator.
    waiting: bool,
    /// Those for whom something else was assumed, and who have gone on.
    wrong: &'a mut Vec<u32>,
}

impl Findings<'_> {
    #[inline(always)]
    fn is(&mut self, row: u32, value: u64) {
        if self.assumed[row as usize] != value {
            self.correct(row, value);
        }
    }

    /// Whether a request has got nothing, as is known by now: it gives nothing back, although it was noted that it does.
    #[inline(always)]
    fn was_turned_away(&self, row: u32) -> bool {
        self.assumed[row as usize] == TURNED_AWAY
    }

    #[inline(never)]
    fn correct(&mut self, row: u32, value: u64) {
        self.assumed[row as usize] = value;
        *self.unusual = true;
        if !(self.waiting && self.passes.holds(row as usize, self.passes.now)) {
            self.wrong.push(row);
        }
    }
}

impl Operator {
    /// An operator in its state at the start of a run.
    pub fn new(program: &Program, kind: Kind, window: Window) -> Operator {
        let (next, targets) = match kind {
            Kind::Pool(id) => {
                let spec = &program.pools[id.index()];
                (State::Permits(Permits::new(spec)), spec.targets)
            }
            Kind::Connections(id) => {
                let spec = &program.connections[id.index()];
                (State::Connections(Connections::new(spec).by_hour(window)), spec.targets)
            }
            Kind::Station(id) => (State::Station(Fifo::new(&program.stations[id.index()])), 1),
            Kind::Bucket(id) => (State::Bucket(Bucket::new(&program.buckets[id.index()])), 1),
            Kind::Turn(id) => (State::Turn(Balancer::new(&program.balancers[id.index()])), 1),
        };
        let by_target = !kind.tells_at_once();
        let usual = match kind {
            Kind::Connections(id) if program.connections[id.index()].provisioned > 0 => ConnectionsSpec::PROVISIONED,
            _ => 0,
        };
        Operator {
            kind,
            assumed: Vec::new(),
            usual: usual as u64,
            unusual: false,
            events: Vec::new(),
            played: 0,
            tied: false,
            by_target,
            touched: vec![false; targets as usize],
            next,
        }
    }

    /// A window with so many requests begins.
    pub fn begin(&mut self, rows: usize) {
        self.assumed.clear();
        self.assumed.resize(rows, self.usual);
        self.unusual = false;
        self.events.clear();
        self.played = 0;
        self.tied = false;
        self.touched.fill(false);
    }

    /// Whether it has been played in a pass already.
    pub fn is_played(&self, pass: u8) -> bool {
        self.played == pass
    }

    /// Plays what happens in a window, as far as the present pass has changed it. `waiting` says that the requests of this
    /// pass have not gone on yet. Whether it could be told what happens: not if someone waits beyond the window or with
    /// patience, or if more wait than may.
    pub fn play(
        &mut self,
        core: &Core<'_>,
        bounds: Bounds,
        (passes, waiting): (Passes<'_>, bool),
        scratch: &mut Scratch,
        wrong: &mut Vec<u32>,
    ) -> bool {
        self.played = passes.now;
        if !self.choose(passes, scratch) {
            return true;
        }
        if !self.unusual && self.finds_room(core, bounds, scratch) {
            return true;
        }
        self.tied |= !self.put_in_order(bounds, scratch);
        let Operator { kind, assumed, unusual, events, touched, next, .. } = self;
        let window = core.recorder.window;
        let mut found = Findings { assumed, unusual, passes, waiting, wrong };
        let in_order = scratch.order.indices().iter().map(|&place| &events[scratch.chosen[place as usize] as usize]);
        let affected = scratch.affected.iter().enumerate().filter(|(_, affected)| **affected).map(|(target, _)| target);
        affected.clone().for_each(|target| touched[target] = true);
        match (next, *kind) {
            (State::Permits(next), Kind::Pool(id)) => {
                affected.for_each(|target| next.copy(&core.pools[id.index()], target));
                let patient = core.program.pools[id.index()].patience.is_none();
                let waits = play_permits(next, in_order, window, &mut found);
                waits.now == 0 && !waits.untold && waits.most <= bounds.backlog && (patient || waits.most == 0)
            }
            (State::Connections(next), Kind::Connections(id)) => {
                affected.for_each(|target| next.copy(&core.connections[id.index()], target));
                play_connections(next, in_order, window, &mut found);
                true
            }
            (State::Station(next), Kind::Station(id)) => {
                let Queue::Fifo(fifo) = &core.stations[id.index()].queue else { return false };
                next.clone_from(fifo);
                let targeted = core.program.stations[id.index()].target.is_some();
                play_station((next, targeted, bounds.backlog), events, scratch, &mut found)
            }
            (State::Bucket(next), Kind::Bucket(id)) => {
                next.clone_from(&core.buckets[id.index()]);
                in_order.for_each(|event| found.is(event.row, u64::from(!next.admits(Time(event.at), 0, 0))));
                true
            }
            (State::Turn(next), Kind::Turn(id)) => {
                next.clone_from(&core.balancers[id.index()]);
                let spec = &core.program.balancers[id.index()];
                let asking = Asking { bits: 0, class: 0, key: 0, given: 0 };
                in_order.for_each(|event| {
                    found.is(event.row, next.choose(spec, asking).min(u16::MAX as u32) as u64);
                });
                true
            }
            _ => false,
        }
    }

    /// Whether the events that hold come to each target one after another.
    pub fn tells_apart(&self, bounds: Bounds, passes: Passes<'_>, scratch: &mut Scratch) -> bool {
        if !self.tied {
            return true;
        }
        scratch.chosen.clear();
        let hold = |event: &Event| passes.holds(event.row as usize, event.pass);
        scratch.chosen.extend(self.events.iter().zip(0..).filter(|(event, _)| hold(event)).map(|(_, place)| place));
        self.put_in_order(bounds, scratch)
    }

    /// Chooses the events to be played: all that hold, of those targets at which the present pass has changed anything.
    /// Whether there are any.
    fn choose(&self, passes: Passes<'_>, scratch: &mut Scratch) -> bool {
        let Scratch { chosen, affected, .. } = scratch;
        chosen.clear();
        affected.clear();
        affected.resize(self.touched.len(), passes.is_first() && self.touched.len() <= FEW_TARGETS);
        if affected.first() == Some(&true) {
            chosen.extend(0..self.events.len() as u32);
            return !self.events.is_empty();
        }
        let group = |event: &Event| if self.by_target { event.target as usize } else { 0 };
        for event in self.events.iter().filter(|event| passes.holds(event.row as usize, passes.now)) {
            affected[group(event)] = true;
        }
        let counts = |event: &Event| passes.holds(event.row as usize, event.pass) & affected[group(event)];
        chosen.extend(self.events.iter().zip(0u32..).filter(|(event, _)| counts(event)).map(|(_, place)| place));
        affected.contains(&true)
    }

    /// Whether it is certain that everybody finds a free permit, in whatever order they come in a piece of the window: as if
    /// all those of a piece took theirs before any is given back. The window has been played then.
    fn finds_room(&mut self, core: &Core<'_>, bounds: Bounds, scratch: &mut Scratch) -> bool {
        let (State::Permits(next), Kind::Pool(id)) = (&mut self.next, self.kind) else { return false };
        let (permits, window, targets) = (&core.pools[id.index()], core.recorder.window, self.touched.len());
        let Scratch { chosen, affected, changes, sums, .. } = scratch;
        let pieces = (PIECES / targets).next_power_of_two().min(MOST_PIECES);
        let length = bounds.end - bounds.start;
        let shift = (u64::BITS - (length - 1).leading_zeros()).saturating_sub(pieces.ilog2());
        changes.clear();
        changes.resize(targets * pieces, (0, 0));
        sums.clear();
        sums.resize(targets, [(0, 0); 2]);
        let end = Time(bounds.end);
        for &place in &*chosen {
            let event = &self.events[place as usize];
            let takes = i32::from(event.what == Happens::Asks);
            let change = &mut changes[event.target as usize * pieces + ((event.at - bounds.start) >> shift) as usize];
            *change = (change.0 + 2 * takes - 1, change.1 + takes);
            let sum = &mut sums[event.target as usize][1 - takes as usize];
            *sum = (sum.0 + 1, sum.1 + window.overlap(Time(event.at), end));
        }
        let affected = || affected.iter().enumerate().filter(|(_, affected)| **affected).map(|(target, _)| target);
        let has_room = |target: usize| {
            let Some(free) = permits.free(target) else { return false };
            let mut free = free as i32;
            changes[target * pieces..][..pieces].iter().all(|&(change, taken)| {
                let room = taken <= free;
                free -= change;
                room
            })
        };
        if !affected().all(has_room) {
            return false;
        }
        for target in affected() {
            next.copy(permits, target);
            let [taken, given] = sums[target];
            next.pass(target, taken, given, end, window);
            self.touched[target] = true;
        }
        true
    }

    /// Puts the chosen events in order of time; whether no two come to a target at once.
    fn put_in_order(&self, bounds: Bounds, scratch: &mut Scratch) -> bool {
        let Scratch { order, chosen, times, .. } = scratch;
        times.clear();
        times.extend(chosen.iter().map(|&place| self.events[place as usize].at));
        order.order(times, bounds.start, bounds.end - bounds.start, |index| index);
        if !order.has_ties() {
            return true;
        }
        let at = |index: u32| &self.events[chosen[index as usize] as usize];
        let mut run: Vec<u16> = Vec::new();
        let mut last = None;
        order.indices().iter().all(|&index| {
            let event = at(index);
            if last != Some(event.at) {
                run.clear();
            }
            last = Some(event.at);
            let alone = !run.contains(&event.target);
            run.push(event.target);
            alone
        })
    }

    /// What was played becomes what is, with what it leaves in the records.
    pub fn commit(&mut self, core: &mut Core<'_>, passes: Passes<'_>) {
        let Operator { kind, assumed, events, touched, next, .. } = self;
        if events.is_empty() {
            return;
        }
        let window = core.recorder.window;
        let asked = events.iter().filter_map(|event| match event.what {
            Happens::Asks if passes.holds(event.row as usize, event.pass) => {
                Some((Time(event.at), event.target as usize, assumed[event.row as usize], event.span))
            }
            _ => None,
        });
        let measured = asked.clone().filter(|&(at, ..)| window.contains(at));
        let touched = touched.iter().enumerate().filter(|(_, touched)| **touched).map(|(target, _)| target);
        match (next, *kind) {
            (State::Permits(next), Kind::Pool(id)) => {
                touched.for_each(|target| next.exchange(&mut core.pools[id.index()], target));
                let tally = &mut core.recorder.pools[id.index()];
                let mut at_once = 0;
                for (at, _, found, _) in measured {
                    tally.arrivals += 1;
                    match found {
                        AT_ONCE => at_once += 1,
                        TURNED_AWAY => tally.refused += 1,
                        start => tally.wait.record(start - at.0),
                    }
                }
                tally.wait.record_n(0, at_once);
            }
            (State::Connections(next), Kind::Connections(id)) => {
                touched.for_each(|target| next.exchange(&mut core.connections[id.index()], target));
                let tally = &mut core.recorder.connections[id.index()];
                for (_, _, found, _) in measured {
                    tally.arrivals += 1;
                    tally.refused += u64::from(found == TURNED_AWAY);
                    tally.hits += u64::from(found != TURNED_AWAY && found != ConnectionsSpec::NEW as u64);
                }
            }
            (State::Station(next), Kind::Station(id)) => {
                if let Queue::Fifo(fifo) = &mut core.stations[id.index()].queue {
                    std::mem::swap(fifo, next);
                }
                let tally = &mut core.recorder.stations[id.index()];
                for (at, target, found, demand) in asked {
                    let counted = u64::from(window.contains(at));
                    tally.arrivals += counted;
                    if found == TURNED_AWAY {
                        tally.refused += counted;
                        continue;
                    }
                    let start = at.max(Time(found));
                    tally.busy[target] += window.overlap(start, start + Span(demand));
                    if counted == 1 {
                        tally.wait.record((start - at).0);
                    }
                }
            }
            (State::Bucket(next), Kind::Bucket(id)) => {
                std::mem::swap(&mut core.buckets[id.index()], next);
                let tally = &mut core.recorder.buckets[id.index()];
                for (_, _, refused, _) in measured {
                    tally.arrivals += 1;
                    tally.refused += refused;
                }
            }
            // Who asks is counted where requests choose.
            (State::Turn(next), Kind::Turn(id)) => std::mem::swap(&mut core.balancers[id.index()], next),
            _ => {}
        }
    }
}

/// How many wait.
#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    now: usize,
    most: usize,
    /// Whether somebody waits for what will be given back, but does not come by here.
    untold: bool,
}

fn play_permits<'a>(
    permits: &mut Permits,
    events: impl Iterator<Item = &'a Event>,
    window: Window,
    found: &mut Findings<'_>,
) -> Waits {
    let mut waits = Waits::default();
    for event in events {
        let (target, at) = (event.target as usize, Time(event.at));
        match event.what {
            Happens::Asks => match permits.ask(target, Waiter { slot: event.row, ticket: 0, since: at }, window) {
                Asked::Granted => found.is(event.row, AT_ONCE),
                Asked::Full => found.is(event.row, TURNED_AWAY),
                Asked::Waits => {
                    waits.now += 1;
                    waits.most = waits.most.max(waits.now);
                    waits.untold = permits.has_more_coming(target);
                    if waits.untold {
                        return waits;
                    }
                }
            },
            Happens::GivesBack(_) if found.was_turned_away(event.row) => {}
            Happens::GivesBack(_) => {
                if let Some(next) = permits.give_back(target, at, window, |_| true) {
                    waits.now -= 1;
                    found.is(next.slot, event.at);
                }
            }
        }
    }
    waits
}

fn play_connections<'a>(
    connections: &mut Connections,
    events: impl Iterator<Item = &'a Event>,
    window: Window,
    found: &mut Findings<'_>,
) {
    for event in events {
        let (target, at) = (event.target as usize, Time(event.at));
        match event.what {
            Happens::Asks => match connections.connect(target, at, window) {
                Connected::As(state) => found.is(event.row, state as u64),
                Connected::Full => found.is(event.row, TURNED_AWAY),
            },
            Happens::GivesBack(_) if found.was_turned_away(event.row) => {}
            Happens::GivesBack(state) => {
                connections.disconnect(target, at, state.into(), Some(Span(event.span)), window);
            }
        }
    }
}

/// Plays a station in columns; whether no queue grew beyond all bounds.
fn play_station(
    (fifo, targeted, backlog): (&mut Fifo, bool, usize),
    events: &[Event],
    scratch: &mut Scratch,
    found: &mut Findings<'_>,
) -> bool {
    let Scratch { order, chosen, times, targets, starts, ends, full, .. } = scratch;
    let in_order = || order.indices().iter().map(|&place| &events[chosen[place as usize] as usize]);
    times.clear();
    times.extend(in_order().map(|event| event.at));
    targets.clear();
    targets.extend(in_order().map(|event| event.target as u64));
    ends.clear();
    ends.extend(in_order().map(|event| event.span));
    starts.clear();
    starts.resize(times.len(), 0);
    full.clear();
    full.resize(times.len(), 0);
    let block = Block { targets: targeted.then_some(&targets[..]), times, starts, ends, full };
    if fifo.arrive_all(block, backlog).is_none() {
        return false;
    }
    for (event, (&start, &full)) in in_order().zip(starts.iter().zip(&*full)) {
        found.is(
            event.row,
            match (full, start > event.at) {
                (1, _) => TURNED_AWAY,
                (_, true) => start,
                (_, false) => AT_ONCE,
            },
        );
    }
    true
}

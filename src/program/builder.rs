//! The builder: what a stage sees when it compiles itself into a program.
//!
//! Calls are inlined: `next` compiles the rest of the path in place, so every return is a jump known beforehand. An
//! operator is known by its stage's name and its purpose; compiling the same stage again (a path used from two routes)
//! shares the operator and gives the second visit draws of its own.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use super::instruction::*;
use super::operator::*;
use super::origin::{Origin, Sourced};
use super::{DEADLINE_RANK, Fact, MAX_DEPTH, MAX_REGISTERS, Meter, Outcome, Program, Site, Stage, Standing};
use crate::law::{Law, LawError, LawSpec};
use crate::rng::{Key, Threshold};
use crate::time::Span;

/// Instructions beyond which a path is refused: inlining has run away.
const MAX_CODE: usize = 60_000;

/// A checked stage, ready to compile. It cannot be wrong any more.
pub trait Part: Debug + Send + Sync {
    /// Name in the scenario; part of the keys of its draws.
    fn name(&self) -> &str;
    /// Kind, as written in the path.
    fn kind(&self) -> &'static str;
    /// How many targets it has, when a balancer upstream can choose among them.
    fn targets(&self) -> Option<u32> {
        None
    }
    /// Whether it may stand where it stands on the path.
    ///
    /// # Errors
    /// Why not, and what would be allowed.
    fn fits(&self, _place: &Place) -> Result<(), String> {
        Ok(())
    }
    /// What happens to a request, then to its answer.
    fn compile(&self, b: &mut Builder);
}

/// Where a stage stands on a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Kinds of the stages before it, the nearest last.
    pub before: Vec<&'static str>,
    /// Kind of the next stage, if there is one.
    pub next: Option<&'static str>,
    /// Targets of the nearest stage downstream that has targets.
    pub targets: Option<u32>,
}

/// A list of stages in the order in which a request meets them.
pub type Path = Arc<[Arc<dyn Part>]>;

/// Why a path cannot be compiled.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum BuildError {
    /// A law has impossible parameters.
    #[error("{stage}: {purpose}: {error}")]
    Law {
        /// Name of the stage.
        stage: String,
        /// What the law is for.
        purpose: String,
        /// What is wrong.
        error: LawError,
    },
    /// More nested calls with deadlines than a request can hold.
    #[error("{0}: more than {MAX_DEPTH} calls with a time-out inside each other")]
    TooDeep(String),
    /// More registers than a request has.
    #[error("{0}: more than {MAX_REGISTERS} balancers, retries and connection pools on one path")]
    TooManyRegisters(String),
    /// The program is too long.
    #[error("{0}: the path has more than {MAX_CODE} instructions; are routes nested too deeply?")]
    TooLong(String),
}

impl BuildError {
    /// Name of the stage that cannot be compiled.
    pub fn stage(&self) -> &str {
        match self {
            BuildError::Law { stage, .. } => stage,
            BuildError::TooDeep(stage) | BuildError::TooManyRegisters(stage) | BuildError::TooLong(stage) => stage,
        }
    }
}

/// What is being compiled at the moment.
#[derive(Clone, Debug, Default)]
struct Scope {
    stage: StageId,
    name: String,
    visit: u32,
    end: Label,
    rest: Option<Rest>,
}

/// The stages that come after the current one, innermost list first.
#[derive(Clone, Debug)]
struct Rest {
    path: Path,
    at: usize,
    outer: Option<Arc<Rest>>,
}

impl Rest {
    fn of(path: &Path, at: usize, outer: Option<Arc<Rest>>) -> Option<Rest> {
        match at < path.len() {
            true => Some(Rest { path: path.clone(), at, outer }),
            false => outer.map(|rest| (*rest).clone()),
        }
    }
}

/// Compiles a path into a [`Program`].
#[derive(Debug, Default)]
pub struct Builder {
    program: Program,
    places: Vec<Option<u32>>,
    deferred: Vec<(Label, OutcomeId, Label)>,
    scope: Scope,
    visits: BTreeMap<String, u32>,
    depth: usize,
    registers: BTreeMap<String, Register>,
    target: Option<Register>,
    errors: Vec<BuildError>,
}

impl Builder {
    /// Compiles a path for traffic of these classes. The first stage is the client.
    ///
    /// # Errors
    /// Everything that keeps the path from being compiled.
    pub fn compile(path: &Path, classes: Vec<String>) -> Result<Program, Vec<BuildError>> {
        let mut b = Builder::default();
        b.program.classes = if classes.is_empty() { vec!["all".to_owned()] } else { classes };
        b.program.outcomes.push(Outcome { status: 200, reason: String::new(), answered: Answered::Served });
        b.inline(Rest::of(path, 0, None));
        b.emit(Instruction::End);
        b.finish()
    }

    // ---- structure ----

    /// Compiles the rest of the path in place; at its end the request has been answered.
    pub fn next(&mut self) {
        let rest = self.scope.rest.clone();
        self.inline(rest);
    }

    /// Compiles a side path, then (when `and_rest`) what comes after the current stage.
    pub fn path(&mut self, path: &Path, and_rest: bool) {
        let outer = self.scope.rest.clone().filter(|_| and_rest).map(Arc::new);
        self.inline(Rest::of(path, 0, outer));
    }

    /// Whether stages come after the current one.
    pub fn has_next(&self) -> bool {
        self.scope.rest.is_some()
    }

    /// Kind of the next stage, if there is one.
    pub fn next_kind(&self) -> Option<&'static str> {
        self.scope.rest.as_ref().map(|rest| rest.path[rest.at].kind())
    }

    /// Whether a stage of this kind has been entered before the current one.
    pub fn comes_after(&self, kind: &str) -> bool {
        let current = self.scope.stage.index();
        self.program.stages.iter().enumerate().any(|(index, stage)| index != current && stage.kind == kind)
    }

    /// The number of targets of the nearest stage downstream that has targets.
    pub fn downstream_targets(&self) -> Option<u32> {
        Builder::targets_of(self.scope.rest.clone())
    }

    /// As `downstream_targets`, leaving out the next stage.
    pub fn targets_beyond_next(&self) -> Option<u32> {
        let next = self.scope.rest.clone()?;
        Builder::targets_of(Rest::of(&next.path, next.at + 1, next.outer))
    }

    fn targets_of(mut rest: Option<Rest>) -> Option<u32> {
        while let Some(here) = rest {
            if let Some(targets) = here.path[here.at].targets() {
                return Some(targets);
            }
            rest = Rest::of(&here.path, here.at + 1, here.outer);
        }
        None
    }

    fn inline(&mut self, rest: Option<Rest>) {
        let Some(rest) = rest else { return };
        if self.program.code.len() > MAX_CODE {
            return self.errors.push(BuildError::TooLong(self.scope.name.clone()));
        }
        let part = rest.path[rest.at].clone();
        let outer = std::mem::take(&mut self.scope);
        let target = self.target;
        self.enter(part.as_ref(), Rest::of(&rest.path, rest.at + 1, rest.outer));
        part.compile(self);
        self.leave();
        let had_stage = !outer.name.is_empty();
        self.scope = outer;
        self.target = target;
        if had_stage {
            self.emit(Instruction::Mark { stage: self.scope.stage });
        }
    }

    fn enter(&mut self, part: &dyn Part, rest: Option<Rest>) {
        let name = part.name().to_owned();
        let visit = self.visits.entry(name.clone()).or_insert(0);
        let stage = match self.program.stages.iter().position(|stage| stage.name == name) {
            Some(index) => StageId(index as u16),
            None => {
                let stage = Stage { name: name.clone(), kind: part.kind().to_owned(), facts: Vec::new() };
                self.program.stages.push(stage);
                StageId(self.program.stages.len() as u16 - 1)
            }
        };
        self.scope = Scope { stage, name, visit: *visit, end: Label(0), rest };
        *visit += 1;
        self.scope.end = self.label();
        self.emit(Instruction::Mark { stage });
    }

    fn leave(&mut self) {
        let end = self.scope.end;
        let ours = |entry: &(Label, OutcomeId, Label)| entry.2 == end;
        let blocks: Vec<_> = self.deferred.iter().copied().filter(ours).collect();
        self.deferred.retain(|entry| !ours(entry));
        if !blocks.is_empty() {
            self.emit(Instruction::Jump { to: end });
        }
        for (label, outcome, to) in blocks {
            self.bind(label);
            self.emit(Instruction::Answer { outcome });
            self.emit(Instruction::Jump { to });
        }
        self.bind(end);
    }

    /// A new label, to be bound later.
    pub fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() as u32 - 1)
    }

    /// Binds a label to the next instruction.
    pub fn bind(&mut self, label: Label) {
        self.places[label.index()] = Some(self.program.code.len() as u32);
    }

    /// The label of the end of the current stage: whoever jumps there has been answered by it.
    pub fn end(&self) -> Label {
        self.scope.end
    }

    /// A label that answers with an outcome and ends the current stage.
    pub fn otherwise(&mut self, outcome: OutcomeId) -> Label {
        let to = self.scope.end;
        self.otherwise_to(outcome, to)
    }

    fn otherwise_to(&mut self, outcome: OutcomeId, to: Label) -> Label {
        let label = self.label();
        self.deferred.push((label, outcome, to));
        label
    }

    fn emit(&mut self, instruction: Instruction) {
        self.program.code.push(instruction);
    }

    // ---- what a stage tells ----

    /// Notes a number for `explain`.
    pub fn fact(&mut self, what: &str, value: impl ToString, origin: &Origin) {
        let fact = Fact { what: what.to_owned(), value: value.to_string(), origin: origin.clone() };
        let facts = &mut self.program.stages[self.scope.stage.index()].facts;
        if !facts.contains(&fact) {
            facts.push(fact);
        }
    }

    /// An outcome of the current stage: the same status, kind and reason are the same outcome.
    pub fn outcome(&mut self, status: u16, answered: Answered, reason: &str) -> OutcomeId {
        let reason = format!("{}: {reason}", self.scope.name);
        let outcome = Outcome { status, reason, answered };
        let known = self.program.outcomes.iter().position(|known| *known == outcome);
        OutcomeId(known.unwrap_or_else(|| {
            self.program.outcomes.push(outcome);
            self.program.outcomes.len() - 1
        }) as u16)
    }

    /// The outcomes known so far.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.program.outcomes
    }

    /// Number of a traffic class.
    pub fn class(&self, name: &str) -> Option<u16> {
        self.program.classes.iter().position(|class| class == name).map(|index| index as u16)
    }

    /// A register of the current stage, the same for the same purpose.
    pub fn register(&mut self, purpose: &str) -> Register {
        let name = self.operator_name(purpose);
        let next = Register(self.registers.len() as u8);
        let register = *self.registers.entry(name).or_insert(next);
        if register.index() >= MAX_REGISTERS {
            self.errors.push(BuildError::TooManyRegisters(self.scope.name.clone()));
            return Register(0);
        }
        register
    }

    /// The register in which the nearest balancer upstream leaves the target.
    pub fn target(&self) -> Option<Register> {
        self.target
    }

    /// A site of draws from a law.
    pub fn site(&mut self, purpose: &str, law: &Sourced<LawSpec>) -> SiteId {
        let compiled = Law::compile(&law.value).unwrap_or_else(|error| {
            let (stage, purpose) = (self.scope.name.clone(), purpose.to_owned());
            self.errors.push(BuildError::Law { stage, purpose, error });
            Law::constant(0)
        });
        self.add_site(purpose, Some(compiled), law.origin.clone())
    }

    /// A site of draws of chance.
    pub fn chance_site(&mut self, purpose: &str, origin: &Origin) -> SiteId {
        self.add_site(purpose, None, origin.clone())
    }

    fn add_site(&mut self, purpose: &str, law: Option<Law>, origin: Origin) -> SiteId {
        let again = self.program.sites.iter().filter(|site| site.stage == self.scope.name);
        let base = match self.scope.visit {
            0 => purpose.to_owned(),
            visit => format!("{purpose}@{visit}"),
        };
        let same = again.filter(|site| site.purpose == base || site.purpose.starts_with(&format!("{base}#"))).count();
        let purpose = if same == 0 { base } else { format!("{base}#{same}") };
        self.program.sites.push(Site { stage: self.scope.name.clone(), purpose, law, origin });
        SiteId(self.program.sites.len() as u16 - 1)
    }

    fn operator_name(&self, purpose: &str) -> String {
        if purpose.is_empty() { self.scope.name.clone() } else { format!("{}.{purpose}", self.scope.name) }
    }

    // ---- instructions ----

    /// Time passes by a law.
    pub fn delay(&mut self, purpose: &str, law: &Sourced<LawSpec>) {
        self.delay_per(purpose, law, Per::Request);
    }

    /// Time passes by the law of a site. Two delays at one site have the same luck: a time spent in two pieces.
    pub fn delay_at(&mut self, site: SiteId, per: Per) {
        self.emit(Instruction::Delay { site, per });
    }

    /// Time passes by a law, times the size of request or response.
    pub fn delay_per(&mut self, purpose: &str, law: &Sourced<LawSpec>, per: Per) {
        if law.value != LawSpec::Constant(0.0) {
            let site = self.site(purpose, law);
            self.emit(Instruction::Delay { site, per });
        }
    }

    /// Goes to a label with a probability.
    pub fn chance(&mut self, purpose: &str, p: &Sourced<f64>, to: Label) {
        if p.value > 0.0 {
            let site = self.chance_site(purpose, &p.origin);
            self.branch(Condition::Chance(site, Threshold::new(p.value)), to);
        }
    }

    /// Answers with an outcome, with a probability.
    pub fn fail(&mut self, purpose: &str, p: &Sourced<f64>, outcome: OutcomeId) {
        if p.value > 0.0 {
            let to = self.otherwise(outcome);
            self.chance(purpose, p, to);
        }
    }

    /// Goes to a label when the condition holds.
    pub fn branch(&mut self, on: Condition, to: Label) {
        self.emit(Instruction::Branch { on, to });
    }

    /// Goes to a label.
    pub fn jump(&mut self, to: Label) {
        self.emit(Instruction::Jump { to });
    }

    /// Sets the outcome and goes on.
    pub fn answer(&mut self, outcome: OutcomeId) {
        self.emit(Instruction::Answer { outcome });
    }

    /// Takes a token or answers with an outcome.
    pub fn limit(&mut self, spec: BucketSpec, outcome: OutcomeId) {
        let otherwise = self.otherwise(outcome);
        self.limit_else(spec, otherwise);
    }

    /// Takes a token or goes to a label.
    pub fn limit_else(&mut self, mut spec: BucketSpec, otherwise: Label) {
        spec.name = self.operator_name(&spec.name);
        let id = shared(&mut self.program.buckets, spec, |spec| &spec.name);
        self.emit(Instruction::Limit { bucket: BucketId(id), otherwise });
    }

    /// Looks the key up in a cache; a hit goes to a label. The id serves `store`.
    pub fn lookup(&mut self, mut spec: CacheSpec, hit: Label) -> CacheId {
        spec.name = self.operator_name(&spec.name);
        let cache = CacheId(shared(&mut self.program.caches, spec, |spec| &spec.name));
        self.emit(Instruction::Lookup { cache, hit });
        cache
    }

    /// Puts the key of the request into a cache.
    pub fn store(&mut self, cache: CacheId) {
        self.emit(Instruction::Store { cache });
    }

    /// Waits for a server and is served; a full queue and lost patience answer with outcomes.
    pub fn serve(&mut self, spec: StationSpec, service: Service, full: OutcomeId, late: OutcomeId) {
        let station = self.station(spec);
        let full = self.otherwise(full);
        let late = self.otherwise(late);
        self.emit(Instruction::Serve { station, service, full, late });
    }

    fn station(&mut self, mut spec: StationSpec) -> StationId {
        spec.name = self.operator_name(&spec.name);
        spec.target = spec.target.filter(|_| spec.targets > 1);
        StationId(shared(&mut self.program.stations, spec, |spec| &spec.name))
    }

    /// Takes a permit, runs the body, gives the permit back.
    pub fn hold(&mut self, spec: PoolSpec, full: OutcomeId, late: OutcomeId, body: impl FnOnce(&mut Self)) {
        let mut spec = spec;
        spec.name = self.operator_name(&spec.name);
        spec.target = spec.target.filter(|_| spec.targets > 1);
        let pool = PoolId(shared(&mut self.program.pools, spec, |spec| &spec.name));
        let full = self.otherwise(full);
        let late = self.otherwise(late);
        self.emit(Instruction::Hold { pool, full, late });
        self.scoped(body);
        self.emit(Instruction::Free { pool });
    }

    /// Runs a body whose rejections (`otherwise`, `fail`, `limit`...) end the body instead of the stage, so that what
    /// was taken before it is given back after it.
    pub fn scoped(&mut self, body: impl FnOnce(&mut Self)) {
        let inner = self.label();
        let outer = std::mem::replace(&mut self.scope.end, inner);
        body(self);
        self.leave();
        self.scope.end = outer;
    }

    /// Chooses a target for the next stage that has targets, runs the body, and tells the balancer of the answer.
    pub fn balanced(&mut self, mut spec: BalancerSpec, body: impl FnOnce(&mut Self)) {
        spec.name = self.operator_name(&spec.name);
        let (register, counts) = (spec.target, spec.choice.counts_outstanding());
        let balancer = BalancerId(shared(&mut self.program.balancers, spec, |spec| &spec.name));
        self.emit(Instruction::Choose { balancer });
        let outer = self.target.replace(register);
        self.scoped(body);
        self.target = outer;
        if counts {
            self.emit(Instruction::Release { balancer });
        }
    }

    /// As `balanced`, with balancers that share the targets but each see only their own requests: nodes of a load
    /// balancer. The register tells the node of a request, counted from zero.
    pub fn balanced_by_node(&mut self, node: Register, specs: Vec<BalancerSpec>, body: impl FnOnce(&mut Self)) {
        let Some(first) = specs.first() else { return body(self) };
        let (register, counts) = (first.target, first.choice.counts_outstanding());
        let mut nodes = Vec::new();
        for mut spec in specs {
            spec.name = self.operator_name(&spec.name);
            nodes.push(BalancerId(shared(&mut self.program.balancers, spec, |spec| &spec.name)));
        }
        self.at_node(node, &nodes, |balancer| Instruction::Choose { balancer });
        let outer = self.target.replace(register);
        self.scoped(body);
        self.target = outer;
        if counts {
            self.at_node(node, &nodes, |balancer| Instruction::Release { balancer });
        }
    }

    /// One of several instructions, by the node in a register.
    fn at_node(&mut self, node: Register, nodes: &[BalancerId], instruction: impl Fn(BalancerId) -> Instruction) {
        let done = self.label();
        for (number, &balancer) in nodes.iter().enumerate() {
            let other = self.label();
            let own = self.label();
            self.branch(Condition::Holds(node, number as u32), own);
            self.jump(other);
            self.bind(own);
            self.emit(instruction(balancer));
            self.jump(done);
            self.bind(other);
        }
        self.bind(done);
    }

    /// Chooses one of equal workers of the current stage, for the operators of the body that take the register as their
    /// target. Stages further on keep the target chosen for them.
    pub fn spread(&mut self, mut spec: BalancerSpec, body: impl FnOnce(&mut Self, Register)) {
        spec.name = self.operator_name(&spec.name);
        let register = spec.target;
        let balancer = BalancerId(shared(&mut self.program.balancers, spec, |spec| &spec.name));
        self.emit(Instruction::Choose { balancer });
        body(self, register);
    }

    /// Takes a connection (or execution environment), runs `fresh` when it is new, then the body, and gives it back.
    /// `fresh` gets a label for the case that opening fails; the connection is then dropped.
    pub fn connect(
        &mut self,
        mut spec: ConnectionsSpec,
        full: OutcomeId,
        fresh: impl FnOnce(&mut Self),
        body: impl FnOnce(&mut Self),
    ) {
        spec.name = self.operator_name(&spec.name);
        spec.target = spec.target.filter(|_| spec.targets > 1);
        let state = spec.state;
        let connections = ConnectionsId(shared(&mut self.program.connections, spec, |spec| &spec.name));
        let full = self.otherwise(full);
        self.emit(Instruction::Connect { connections, full });
        let (cold, warm, dropped, done) = (self.label(), self.label(), self.label(), self.label());
        self.branch(Condition::Holds(state, ConnectionsSpec::NEW), cold);
        self.jump(warm);
        self.bind(cold);
        let failed = self.label();
        let outer = std::mem::replace(&mut self.scope.end, failed);
        fresh(self);
        self.jump(warm);
        self.leave();
        self.scope.end = outer;
        self.jump(dropped);
        self.bind(warm);
        self.scoped(body);
        self.emit(Instruction::Disconnect { connections, keep: true });
        self.jump(done);
        self.bind(dropped);
        self.emit(Instruction::Disconnect { connections, keep: false });
        self.bind(done);
    }

    /// A call: with a deadline the caller goes on with the outcome `late` when it passes, while the called side goes on
    /// unseen and keeps what it holds.
    pub fn call(&mut self, deadline: Option<Span>, late: OutcomeId, body: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_DEPTH {
            return self.errors.push(BuildError::TooDeep(self.scope.name.clone()));
        }
        let depth = self.depth as u8;
        let back = self.label();
        let late = self.otherwise_to(late, back);
        self.emit(Instruction::Call { depth, deadline, late });
        self.depth += 1;
        self.scoped(body);
        self.depth -= 1;
        self.emit(Instruction::Return { depth });
        self.flush(back);
        self.emit(Instruction::Mark { stage: self.scope.stage });
    }

    /// Emits the deferred answers that lead to `back`.
    fn flush(&mut self, back: Label) {
        let outer = std::mem::replace(&mut self.scope.end, back);
        self.leave();
        self.scope.end = outer;
    }

    /// The client sends here: latency from the send counts from the last time a request passes this.
    pub fn sent(&mut self) {
        self.emit(Instruction::Send);
    }

    /// Repeats from a label, if the policy says so.
    pub fn retry(&mut self, mut spec: RetrySpec, to: Label) {
        spec.name = self.operator_name(&spec.name);
        spec.depth = self.depth as u8;
        spec.salt = salt(&spec.name);
        let policy = RetryId(shared(&mut self.program.retries, spec, |spec| &spec.name));
        self.emit(Instruction::Retry { policy, to });
    }

    /// Counts a first attempt towards a budget. The id serves `RetrySpec`.
    pub fn earn(&mut self, mut spec: BudgetSpec) -> BudgetId {
        spec.name = self.operator_name(&spec.name);
        let budget = BudgetId(shared(&mut self.program.budgets, spec, |spec| &spec.name));
        self.emit(Instruction::Earn { budget });
        budget
    }

    /// Runs paths in parallel.
    pub fn fork(&mut self, purpose: &str, paths: &[Path], join: Join) {
        let after = self.label();
        let branches: Vec<Label> = paths.iter().map(|_| self.label()).collect();
        let name = format!("{}@{}", self.operator_name(purpose), self.scope.visit);
        let salt = salt(&name);
        self.program.forks.push(ForkSpec { name, branches: branches.clone(), after, join, salt });
        let fork = ForkId(self.program.forks.len() as u16 - 1);
        self.emit(Instruction::Fork { fork });
        for (path, branch) in paths.iter().zip(branches) {
            self.bind(branch);
            self.path(path, false);
            self.emit(Instruction::Arrive { fork });
        }
        self.bind(after);
    }

    /// Something the stage has all the time: `count` over `of` of it, such as 1 of 4 processors.
    pub fn standing(&mut self, name: &str, count: u64, of: u64) {
        let stage = self.scope.name.clone();
        if !self.program.standing.iter().any(|known| known.stage == stage && known.name == name) {
            self.program.standing.push(Standing { stage, name: name.to_owned(), count, of: of.max(1) });
        }
    }

    /// A share that a bill needs, to a billionth.
    pub fn standing_share(&mut self, name: &str, share: f64) {
        const WHOLE: u64 = 1_000_000_000;
        self.standing(name, (share * WHOLE as f64).round() as u64, WHOLE);
    }

    /// Counts the started milliseconds of the call around it, which has this deadline: its last step, so that whatever
    /// ends the call early does not pass it by.
    pub fn meter_call(&mut self, name: &str, deadline: Span) {
        let depth = self.depth.saturating_sub(1) as u8;
        self.meter(name, "ms", Amount::CallMillis { depth, deadline });
    }

    /// Counts usage.
    pub fn meter(&mut self, name: &str, unit: &str, amount: Amount) {
        let meter = Meter { stage: self.scope.name.clone(), name: name.to_owned(), unit: unit.to_owned() };
        let known = self.program.meters.iter().position(|known| *known == meter);
        let index = known.unwrap_or_else(|| {
            self.program.meters.push(meter);
            self.program.meters.len() - 1
        });
        self.emit(Instruction::Meter { meter: MeterId(index as u16), amount });
    }

    // ---- the end ----

    fn finish(mut self) -> Result<Program, Vec<BuildError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        let places = std::mem::take(&mut self.places);
        let resolve = |label: &mut Label| {
            if let Some(place) = places.get(label.index()).copied().flatten() {
                *label = Label(place);
            }
        };
        for instruction in &mut self.program.code {
            instruction.labels(resolve);
        }
        for fork in &mut self.program.forks {
            fork.branches.iter_mut().for_each(resolve);
            resolve(&mut fork.after);
        }
        compact(&mut self.program);
        let outcomes = self.program.outcomes.len();
        for retry in &mut self.program.retries {
            retry.on.resize(outcomes, false);
        }
        self.program.rank = ranks(&self.program);
        Ok(self.program)
    }
}

/// A label that leads to a jump leads to where the jump leads.
fn thread_jumps(code: &mut [Instruction]) {
    let targets: Vec<Option<Label>> = code
        .iter()
        .map(|instruction| match instruction {
            Instruction::Jump { to } => Some(*to),
            _ => None,
        })
        .collect();
    for instruction in code {
        instruction.labels(|label| {
            // Followed only forward, so the chain ends.
            while let Some(to) = targets.get(label.index()).copied().flatten().filter(|to| to > label) {
                *label = to;
            }
        });
    }
}

/// Drops marks that another mark replaces at once, jumps to the next instruction and code that is never reached.
fn compact(program: &mut Program) {
    loop {
        thread_jumps(&mut program.code);
        let reached = reached(program);
        let marks = |place: usize| matches!(program.code.get(place), Some(Instruction::Mark { .. }));
        let replaced = |place: usize| match program.code.get(place + 1) {
            Some(Instruction::Jump { to }) => marks(to.index()),
            _ => marks(place + 1),
        };
        let idle = |place: usize| match program.code[place] {
            _ if !reached[place] => true,
            Instruction::Mark { .. } => replaced(place),
            Instruction::Jump { to } => to.index() == place + 1,
            _ => false,
        };
        let dropped: Vec<bool> = (0..program.code.len()).map(idle).collect();
        if !dropped.contains(&true) {
            return;
        }
        let mut places = Vec::with_capacity(dropped.len() + 1);
        let mut place = 0;
        for &drop in &dropped {
            places.push(place);
            place += !drop as u32;
        }
        let mut index = 0;
        program.code.retain(|_| {
            index += 1;
            !dropped[index - 1]
        });
        let moved = |label: &mut Label| *label = Label(places[label.index()]);
        program.code.iter_mut().for_each(|instruction| instruction.labels(moved));
        for fork in &mut program.forks {
            fork.branches.iter_mut().for_each(moved);
            moved(&mut fork.after);
        }
    }
}

/// Which instructions a request can come to.
fn reached(program: &Program) -> Vec<bool> {
    let mut reached = vec![false; program.code.len()];
    let mut open = vec![0];
    while let Some(place) = open.pop() {
        if std::mem::replace(&mut reached[place], true) {
            continue;
        }
        let mut instruction = program.code[place];
        instruction.labels(|label| open.push(label.index()));
        match instruction {
            Instruction::Jump { .. } | Instruction::End | Instruction::Arrive { .. } => {}
            Instruction::Fork { fork } => {
                let fork = &program.forks[fork.index()];
                open.extend(fork.branches.iter().chain([&fork.after]).map(|label| label.index()));
            }
            _ => open.push(place + 1),
        }
    }
    reached
}

/// Rank of each instruction: what gives back first, then what takes in the order of the path.
fn ranks(program: &Program) -> Vec<u32> {
    // Ranks 1 and 2 belong to the ends of service and of patience.
    let take = program.code.len() as u32 + 3;
    let rank = |(place, instruction): (usize, &Instruction)| match instruction {
        instruction if !instruction.is_ordered(program) => 0,
        instruction if instruction.gives_back() => 3 + place as u32,
        _ => (take + place as u32).min(DEADLINE_RANK - 2),
    };
    program.code.iter().enumerate().map(rank).collect()
}

/// A number that depends on the name alone.
fn salt(name: &str) -> u64 {
    Key::new(0, 0, name, "trail").0[0]
}

/// Index of the operator with this name, added if it is new.
fn shared<T>(operators: &mut Vec<T>, spec: T, name: impl Fn(&T) -> &String) -> u16 {
    let known = operators.iter().position(|known| name(known) == name(&spec));
    known.unwrap_or_else(|| {
        operators.push(spec);
        operators.len() - 1
    }) as u16
}

impl Instruction {
    /// Applies a change to every label of the instruction.
    fn labels(&mut self, mut change: impl FnMut(&mut Label)) {
        match self {
            Instruction::Branch { to, .. } | Instruction::Jump { to } | Instruction::Retry { to, .. } => change(to),
            Instruction::Limit { otherwise, .. } => change(otherwise),
            Instruction::Lookup { hit, .. } => change(hit),
            Instruction::Serve { full, late, .. } | Instruction::Hold { full, late, .. } => {
                change(full);
                change(late);
            }
            Instruction::Connect { full, .. } => change(full),
            Instruction::Call { late, .. } => change(late),
            _ => {}
        }
    }
}

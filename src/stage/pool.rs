//! `pool`: something a request keeps while the rest of the path runs: workers, connections, concurrency.

use super::station::DEFAULT_QUEUE;
use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Answered, Builder, ConnectionsSpec, Part, PoolSpec, Sourced};
use crate::section;
use crate::spec::{DurationLaw, Limit, between};

section! {
    /// Kept by a request while the rest of the path runs. With `keep_alive` or `open` it is a pool of connections: an
    /// idle one is reused (the most recently used first), a new one has to be opened.
    pub struct SpecOfPool {
        /// How many there are, at each target, or `unlimited`.
        size: Limit<u32> = Limit::Unlimited,
        /// Waiting places at each target, or `unlimited`; connections with 0 turn away at once.
        queue: Limit<u32> = Limit::AtMost(DEFAULT_QUEUE),
        /// Longest wait before a request leaves without one.
        timeout: Option<DurationLaw>,
        /// How long an idle connection is kept; without it for ever.
        keep_alive: Option<DurationLaw>,
        /// Time to open a new connection.
        open: Option<DurationLaw>,
        /// Pools a balancer before it chooses from.
        targets: u32 = 1 => between(1, 65_535),
        /// HTTP status when nothing is free and no waiting place either.
        full: u16 = 503 => between(400, 599),
        /// HTTP status when the wait is too long.
        late: u16 = 503 => between(400, 599),
    }
}

/// A checked pool.
#[derive(Debug)]
pub struct Pool {
    name: String,
    spec: SpecOfPool,
    timeout: Option<Sourced<LawSpec>>,
    keep_alive: Option<Sourced<LawSpec>>,
    open: Option<Sourced<LawSpec>>,
}

impl Stage for Pool {
    const KIND: &'static str = "pool";
    type Spec = SpecOfPool;

    fn check(spec: SpecOfPool, context: &Context<'_>, problems: &mut Problems) -> Option<Pool> {
        let before = problems.len();
        if spec.size.at_most() == Some(0) {
            problems.error(context.span, "a pool of size 0 lets nobody pass").label("expected at least 1");
        }
        let mut read = |law: &Option<DurationLaw>| law.as_ref().and_then(|law| given_law(law, problems));
        let (timeout, keep_alive, open) = (read(&spec.timeout), read(&spec.keep_alive), read(&spec.open));
        let name = context.name.to_owned();
        (problems.len() == before).then_some(Pool { name, spec, timeout, keep_alive, open })
    }
}

impl Pool {
    fn has_connections(&self) -> bool {
        self.keep_alive.is_some() || self.open.is_some()
    }

    /// Permits, when there is a limit; whoever has one may take a connection.
    fn permits(&self, b: &mut Builder, size: u32) -> PoolSpec {
        PoolSpec {
            name: String::new(),
            targets: self.spec.targets,
            size,
            queue: self.spec.queue.at_most(),
            patience: self.timeout.as_ref().map(|law| b.site("timeout", law)),
            target: b.target(),
            scaling: None,
        }
    }

    fn connected(&self, b: &mut Builder) {
        if !self.has_connections() {
            return b.next();
        }
        let spec = ConnectionsSpec {
            name: "connections".to_owned(),
            targets: self.spec.targets,
            limit: None,
            keep_alive: self.keep_alive.as_ref().map(|law| b.site("keep alive", law)),
            provisioned: 0,
            state: b.register("connection"),
            target: b.target(),
        };
        let full = b.outcome(self.spec.full, Answered::Rejected, "no connection");
        let open = |b: &mut Builder| {
            if let Some(open) = &self.open {
                b.delay("open", open);
            }
        };
        b.connect(spec, full, open, Builder::next);
    }
}

impl Part for Pool {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Pool::KIND
    }

    fn targets(&self) -> Option<u32> {
        (self.spec.targets > 1).then_some(self.spec.targets)
    }

    fn compile(&self, b: &mut Builder) {
        let Some(size) = self.spec.size.at_most() else { return self.connected(b) };
        let permits = self.permits(b, size);
        let full = b.outcome(self.spec.full, Answered::Rejected, "nothing free");
        let late = b.outcome(self.spec.late, Answered::Rejected, "waited too long");
        b.hold(permits, full, late, |b| self.connected(b));
    }
}

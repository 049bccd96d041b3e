//! Callers that keep connections open, such as the workers of a gateway or points of presence; and times that are paid
//! half on the way there and half on the way back, with one draw.

use crate::law::LawSpec;
use crate::program::{Amount, BalancerSpec, Builder, Choice, ConnectionsSpec, Origin, OutcomeId, Per, Sourced};
use crate::time::Span;

/// A law times a factor, with the same origin.
pub fn times(law: &Sourced<LawSpec>, factor: f64) -> Sourced<LawSpec> {
    law.clone().map(|law| LawSpec::Scaled { factor, law: Box::new(law) })
}

/// Runs a body between the two halves of a time that is drawn once. Rejections of the body pay the way back.
pub fn there_and_back(b: &mut Builder, purpose: &str, law: &Sourced<LawSpec>, body: impl FnOnce(&mut Builder)) {
    if law.value == LawSpec::Constant(0.0) {
        return body(b);
    }
    let site = b.site(purpose, &times(law, 0.5));
    b.delay_at(site, Per::Request);
    b.scoped(body);
    b.delay_at(site, Per::Request);
}

/// Callers that each keep connections open for a while after use.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// How many callers there are; requests meet one of them at random.
    pub callers: Sourced<u32>,
    /// How long an idle connection is kept.
    pub keep_alive: Sourced<Span>,
    /// Connections in use at the same time at most, over all callers.
    pub limit: Option<u32>,
}

impl Fleet {
    /// Takes a connection of one of the callers, opens a new one where none is idle, runs the body.
    pub fn compile(
        &self,
        b: &mut Builder,
        refused: OutcomeId,
        fresh: impl FnOnce(&mut Builder),
        body: impl FnOnce(&mut Builder),
    ) {
        let callers = self.callers.value.max(1);
        b.fact("callers with connections", callers, &self.callers.origin);
        b.fact("keep alive", self.keep_alive.value, &self.keep_alive.origin);
        let keep = self.keep_alive.clone().map(|span| LawSpec::Constant(span.0 as f64));
        let mut spec = ConnectionsSpec {
            name: "connections".to_owned(),
            targets: callers,
            limit: self.limit.map(|limit| limit.div_ceil(callers).max(1)),
            keep_alive: Some(b.site("keep alive", &keep)),
            provisioned: 0,
            state: b.register("connection"),
            target: None,
        };
        let fresh = |b: &mut Builder| {
            b.meter("new_connection", "connection", Amount::One);
            fresh(b);
        };
        if callers == 1 {
            return b.connect(spec, refused, fresh, body);
        }
        let caller = BalancerSpec {
            name: "caller".to_owned(),
            targets: callers,
            choice: Choice::Random(b.chance_site("caller", &Origin::Structure)),
            target: b.register("caller"),
        };
        b.spread(caller, |b, register| {
            spec.target = Some(register);
            b.connect(spec, refused, fresh, body);
        });
    }
}

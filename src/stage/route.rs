//! `route`: sends requests along different paths, by class, by size or by chance. After its path a request goes on
//! with what comes after the route.

use crate::program::{Builder, Condition, Part, Path, Place, Sourced};

/// Who goes along a path.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Requests of a class (its number).
    Class(u16),
    /// Requests with more bytes than this.
    RequestAbove(u32),
    /// Requests whose response has more bytes than this.
    ResponseAbove(u32),
    /// This share of those who come so far down the list.
    Share(f64),
    /// All others.
    Otherwise,
}

/// A checked route. Conditions are looked at in order; who meets none goes on directly.
#[derive(Debug)]
pub struct Route {
    /// Name in the scenario.
    pub name: String,
    /// Conditions and paths.
    pub branches: Vec<(When, Path)>,
}

impl Part for Route {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "route"
    }

    fn targets(&self) -> Option<u32> {
        None
    }

    fn fits(&self, _: &Place) -> Result<(), String> {
        match self.branches.iter().position(|(when, _)| *when == When::Otherwise) {
            Some(place) if place + 1 < self.branches.len() => Err("`otherwise` must come last".to_owned()),
            _ => Ok(()),
        }
    }

    fn compile(&self, b: &mut Builder) {
        let end = b.end();
        for (number, (when, path)) in self.branches.iter().enumerate() {
            let next = b.label();
            let taken = b.label();
            match when {
                When::Class(class) => b.branch(Condition::Class(*class), taken),
                When::RequestAbove(bytes) => b.branch(Condition::RequestAbove(*bytes), taken),
                When::ResponseAbove(bytes) => b.branch(Condition::ResponseAbove(*bytes), taken),
                When::Share(share) => b.chance(&format!("branch {number}"), &Sourced::given(*share), taken),
                When::Otherwise => b.jump(taken),
            }
            b.jump(next);
            b.bind(taken);
            b.path(path, true);
            b.jump(end);
            b.bind(next);
        }
        b.next();
    }
}

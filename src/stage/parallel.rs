//! `parallel`: runs several paths at the same time and goes on when enough of them have answered.

use crate::program::{Builder, Join, Part, Path};
use crate::words;

words! {
    /// When the request goes on.
    pub enum JoinOn {
        /// When all have answered.
        All = "all",
        /// When one has succeeded, or all have failed.
        Any = "any",
        /// At once; the paths run by themselves.
        None = "none",
    }
}

/// Checked parallel paths. What comes after `parallel` runs once, after the join.
#[derive(Debug)]
pub struct Parallel {
    /// Name in the scenario.
    pub name: String,
    /// The paths.
    pub branches: Vec<Path>,
    /// When the request goes on.
    pub join: JoinOn,
}

impl Part for Parallel {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        "parallel"
    }

    fn compile(&self, b: &mut Builder) {
        let join = match self.join {
            JoinOn::All => Join::Successes(self.branches.len() as u32),
            JoinOn::Any => Join::Successes(1),
            JoinOn::None => Join::None,
        };
        b.fork("branches", &self.branches, join);
        // A failed branch answers for the request.
        let end = b.end();
        b.branch(crate::program::Condition::Outcome(crate::program::OutcomeTest::Bad), end);
        b.next();
    }
}

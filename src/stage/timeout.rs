//! `timeout`: whoever stands before this stage waits no longer than a given time for what comes after it. What comes
//! after goes on unseen and keeps what it holds, as it does in reality.

use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::program::{Answered, Builder, Origin, Part};
use crate::section;
use crate::spec::{above, between};
use crate::time::Span;

section! {
    /// A deadline for the rest of the path.
    pub struct SpecOfTimeout {
        /// The longest wait.
        after: Span => above(Span(0)),
        /// HTTP status of the answer given instead.
        status: u16 = 504 => between(400, 599),
    }
}

/// A checked deadline.
#[derive(Debug)]
pub struct Timeout {
    name: String,
    spec: SpecOfTimeout,
}

impl Stage for Timeout {
    const KIND: &'static str = "timeout";
    type Spec = SpecOfTimeout;

    fn check(spec: SpecOfTimeout, context: &Context<'_>, _: &mut Problems) -> Option<Timeout> {
        Some(Timeout { name: context.name.to_owned(), spec })
    }
}

impl Part for Timeout {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Timeout::KIND
    }

    fn compile(&self, b: &mut Builder) {
        let late = b.outcome(self.spec.status, Answered::Failed, "timed out");
        b.fact("deadline", self.spec.after, &Origin::Scenario);
        b.call(Some(self.spec.after), late, Builder::next);
    }
}

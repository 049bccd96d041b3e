//! `fail`: a share of the requests ends with an error, before or after the rest of the path.

use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::program::{Answered, Builder, Part, Sourced};
use crate::section;
use crate::spec::between;
use crate::units::Share;

section! {
    /// A share of the requests ends with an error.
    pub struct SpecOfFail {
        /// The share.
        share: Share,
        /// HTTP status of the error.
        status: u16 = 500 => between(400, 599),
        /// Whether the rest of the path runs first, and its work is lost.
        after: bool = false,
    }
}

/// A checked source of errors.
#[derive(Debug)]
pub struct Fail {
    name: String,
    spec: SpecOfFail,
}

impl Stage for Fail {
    const KIND: &'static str = "fail";
    type Spec = SpecOfFail;

    fn check(spec: SpecOfFail, context: &Context<'_>, _: &mut Problems) -> Option<Fail> {
        Some(Fail { name: context.name.to_owned(), spec })
    }
}

impl Part for Fail {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Fail::KIND
    }

    fn compile(&self, b: &mut Builder) {
        let failed = b.outcome(self.spec.status, Answered::Failed, "failed");
        if self.spec.after {
            b.next();
        }
        b.fail("failure", &Sourced::given(self.spec.share.0), failed);
        if !self.spec.after {
            b.next();
        }
    }
}

//! `delay`: time passes, for any number of requests at once.

use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Builder, Part, Per, Sourced};
use crate::section;
use crate::spec::DurationLaw;

section! {
    /// Time passes, for any number of requests at once.
    pub struct DelaySpec {
        /// How long, on the way there.
        time: Option<DurationLaw>,
        /// How long, on the way back.
        answer: Option<DurationLaw>,
        /// Additional time for each KiB of the request, on the way there.
        per_request_kib: Option<DurationLaw>,
        /// Additional time for each KiB of the response, on the way back.
        per_response_kib: Option<DurationLaw>,
    }
}

/// A checked delay.
#[derive(Debug)]
pub struct Delay {
    name: String,
    there: Vec<(&'static str, Sourced<LawSpec>, Per)>,
    back: Vec<(&'static str, Sourced<LawSpec>, Per)>,
}

impl Stage for Delay {
    const KIND: &'static str = "delay";
    type Spec = DelaySpec;

    fn check(spec: DelaySpec, context: &Context<'_>, problems: &mut Problems) -> Option<Delay> {
        let mut read = |purpose: &'static str, law: &Option<DurationLaw>, per: Per| {
            law.as_ref().and_then(|law| given_law(law, problems)).map(|law| (purpose, law, per))
        };
        let there = [read("time", &spec.time, Per::Request), read("per KiB", &spec.per_request_kib, Per::RequestKib)];
        let back = [
            read("answer", &spec.answer, Per::Request),
            read("answer per KiB", &spec.per_response_kib, Per::ResponseKib),
        ];
        let delay = Delay {
            name: context.name.to_owned(),
            there: there.into_iter().flatten().collect(),
            back: back.into_iter().flatten().collect(),
        };
        if delay.there.is_empty() && delay.back.is_empty() && !problems.has_errors() {
            problems.error(context.span, "a delay needs a time").help("for example `delay: {time: 5 ms}`");
            return None;
        }
        Some(delay)
    }
}

impl Part for Delay {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Delay::KIND
    }

    fn compile(&self, b: &mut Builder) {
        for (purpose, law, per) in &self.there {
            b.delay_per(purpose, law, *per);
        }
        b.next();
        for (purpose, law, per) in &self.back {
            b.delay_per(purpose, law, *per);
        }
    }
}

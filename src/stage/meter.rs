//! `meter`: counts the requests that pass this place of the path, and the bytes of requests and answers, for the bill:
//! what the section `cost` lists under `usage` can be so much for each of them. It takes no time.

use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::program::{Amount, Builder, Condition, OutcomeTest, Part};
use crate::section;

section! {
    /// A place where requests and bytes are counted for the bill.
    pub struct MeterSpec {}
}

/// Runs a body, counting the request and its bytes before it, and the bytes of a good answer after it.
pub fn counted(b: &mut Builder, body: impl FnOnce(&mut Builder)) {
    b.meter("request", "request", Amount::One);
    b.meter("request_bytes", "B", Amount::RequestBytes);
    body(b);
    count_answer(b, &["response_bytes"]);
}

/// Counts the bytes of a good answer by meters. What is refused or fails has a few words instead of the answer, whose bytes
/// nobody pays for.
pub fn count_answer(b: &mut Builder, meters: &[&str]) {
    if meters.is_empty() {
        return;
    }
    let done = b.label();
    b.branch(Condition::Outcome(OutcomeTest::Bad), done);
    meters.iter().for_each(|meter| b.meter(meter, "B", Amount::ResponseBytes));
    b.bind(done);
}

/// A checked meter.
#[derive(Debug)]
pub struct Meter {
    name: String,
}

impl Stage for Meter {
    const KIND: &'static str = "meter";
    type Spec = MeterSpec;

    fn check(_: MeterSpec, context: &Context<'_>, _: &mut Problems) -> Option<Meter> {
        Some(Meter { name: context.name.to_owned() })
    }
}

impl Part for Meter {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Meter::KIND
    }

    fn compile(&self, b: &mut Builder) {
        counted(b, Builder::next);
    }
}

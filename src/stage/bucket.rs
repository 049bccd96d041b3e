//! `bucket`: a token bucket lets requests pass at a rate, with bursts.

use super::{Context, Stage};
use crate::diagnostic::Problems;
use crate::program::{Answered, BucketSpec, Builder, LimitScope, Origin, Part};
use crate::spec::{above, at_least, between};
use crate::units::Rate;
use crate::{section, words};

words! {
    /// Who shares a bucket.
    pub enum Scope {
        /// All requests.
        Shared = "shared",
        /// Requests of one key.
        Key = "key",
        /// Requests of one traffic class.
        Class = "class",
    }
}

section! {
    /// A token bucket with continuous refill, starting full.
    pub struct SpecOfBucket {
        /// Tokens that flow in.
        rate: Rate => above(Rate(0.0)),
        /// Tokens it can hold.
        burst: f64 = 1.0 => at_least(1.0),
        /// Who shares it.
        per: Scope = Scope::Shared,
        /// HTTP status of those turned away.
        status: u16 = 429 => between(400, 599),
    }
}

/// A checked bucket.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    spec: SpecOfBucket,
}

impl Stage for Bucket {
    const KIND: &'static str = "bucket";
    type Spec = SpecOfBucket;

    fn check(spec: SpecOfBucket, context: &Context<'_>, _: &mut Problems) -> Option<Bucket> {
        Some(Bucket { name: context.name.to_owned(), spec })
    }
}

impl Part for Bucket {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Bucket::KIND
    }

    fn compile(&self, b: &mut Builder) {
        let scope = match self.spec.per {
            Scope::Shared => LimitScope::Shared,
            Scope::Key => LimitScope::Key,
            Scope::Class => LimitScope::Class,
        };
        let (rate, burst, origin) = (self.spec.rate.0, self.spec.burst, Origin::Scenario);
        let throttled = b.outcome(self.spec.status, Answered::Rejected, "no token");
        b.fact("rate", self.spec.rate, &origin);
        b.fact("burst", burst, &origin);
        b.limit(BucketSpec { name: String::new(), rate, burst, scope, origin }, throttled);
        b.next();
    }
}

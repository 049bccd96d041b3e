//! `cache`: answers some requests itself, by a given ratio or with entries that live and leave.

use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{Builder, CacheSpec, Condition, Origin, OutcomeTest, Part, Sourced};
use crate::spec::{DurationLaw, at_least};
use crate::time::Span;
use crate::units::Share;
use crate::{section, words};

words! {
    /// When a missing entry is there for others.
    pub enum Fill {
        /// At once: others hit while the first is still on its way.
        AtOnce = "at_once",
        /// When the answer has come back and is good.
        OnAnswer = "on_answer",
    }
}

section! {
    /// A cache, either by hit ratio, or with entries by class and key.
    pub struct SpecOfCache {
        /// Share of requests answered by the cache, whatever they ask for.
        hit_ratio: Option<Share>,
        /// How long an entry lives.
        ttl: Option<Span>,
        /// Whether a hit starts the life of an entry anew.
        renew: bool = false,
        /// Entries it can hold; the least recently used one leaves first.
        capacity: Option<u32> => at_least(1),
        /// When a missing entry is there for others.
        fill: Fill = Fill::OnAnswer,
        /// Time to look an entry up.
        lookup: Option<DurationLaw>,
    }
}

/// A checked cache.
#[derive(Debug)]
pub struct Cache {
    name: String,
    spec: SpecOfCache,
    lookup: Option<Sourced<LawSpec>>,
}

impl Stage for Cache {
    const KIND: &'static str = "cache";
    type Spec = SpecOfCache;

    fn check(spec: SpecOfCache, context: &Context<'_>, problems: &mut Problems) -> Option<Cache> {
        let by_ratio = spec.hit_ratio.is_some();
        let by_entry = spec.ttl.is_some() || spec.capacity.is_some();
        if by_ratio == by_entry {
            problems
                .error(context.span, "a cache needs either `hit_ratio`, or `ttl` and/or `capacity`")
                .help("for example `cache: {hit_ratio: 20%}` or `cache: {ttl: 10 s, capacity: 1000}`");
            return None;
        }
        let lookup = spec.lookup.as_ref().and_then(|law| given_law(law, problems));
        Some(Cache { name: context.name.to_owned(), spec, lookup })
    }
}

impl Part for Cache {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Cache::KIND
    }

    fn compile(&self, b: &mut Builder) {
        if let Some(lookup) = &self.lookup {
            b.delay("lookup", lookup);
        }
        let end = b.end();
        if let Some(Share(ratio)) = self.spec.hit_ratio {
            b.fact("hit ratio", Share(ratio), &Origin::Scenario);
            b.chance("hit", &Sourced::given(ratio), end);
            return b.next();
        }
        let fill_at_once = self.spec.fill == Fill::AtOnce;
        let SpecOfCache { ttl, renew, capacity, .. } = self.spec;
        let cache = b.lookup(CacheSpec { name: String::new(), ttl, renew, capacity, fill_at_once }, end);
        b.next();
        if !fill_at_once {
            b.branch(Condition::Outcome(OutcomeTest::Bad), end);
            b.store(cache);
        }
    }
}

//! Defaults: what the scenario leaves out comes from the data pack, with its origin and grade.

use super::{Context, given_law};
use crate::diagnostic::Problems;
use crate::facts::{FactError, Facts};
use crate::law::LawSpec;
use crate::program::Sourced;
use crate::spec::DurationLaw;

/// Reads values of one stage: as written, else as the data pack has them. Problems are collected; a value that cannot be
/// had is absent.
#[derive(Debug)]
pub struct Defaults<'a, 'p> {
    context: &'a Context<'a>,
    problems: &'p mut Problems,
}

impl<'a, 'p> Defaults<'a, 'p> {
    /// For one stage.
    pub fn new(context: &'a Context<'a>, problems: &'p mut Problems) -> Self {
        Defaults { context, problems }
    }

    /// The data pack.
    pub fn facts(&self) -> &'a Facts {
        self.context.facts
    }

    /// A law as written, else the fact with this id.
    pub fn law(&mut self, written: &Option<DurationLaw>, id: &str) -> Option<Sourced<LawSpec>> {
        match written {
            Some(law) => given_law(law, self.problems),
            None => self.fact(self.context.facts.law(id)),
        }
    }

    /// A value as written, else a fact.
    pub fn or<T>(&mut self, written: Option<T>, fact: Result<Sourced<T>, FactError>) -> Option<Sourced<T>> {
        match written {
            Some(value) => Some(Sourced::given(value)),
            None => self.fact(fact),
        }
    }

    /// A fact; a missing one is a problem of the stage.
    pub fn fact<T>(&mut self, fact: Result<T, FactError>) -> Option<T> {
        match fact {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems
                    .error(self.context.span, error.to_string())
                    .help("write the value in the scenario, or name another data pack");
                None
            }
        }
    }

    /// The problems, for checks of the stage itself.
    pub fn problems(&mut self) -> &mut Problems {
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceSpan;
    use crate::program::{Grade, Origin};
    use crate::units::Share;

    fn context(facts: &Facts) -> Context<'_> {
        Context { name: "edge", span: SourceSpan::default(), facts, classes: &[] }
    }

    #[test]
    fn a_written_value_replaces_the_fact() {
        let facts = Facts::pack(Facts::DEFAULT_PACK).expect("the pack");
        let (context, mut problems) = (context(facts), Problems::new());
        let mut defaults = Defaults::new(&context, &mut problems);
        let fact = || facts.share("cloudfront.origin_reuse_default");
        assert_eq!(defaults.or(Some(Share(0.5)), fact()).map(|share| share.origin), Some(Origin::Scenario));
        let default = defaults.or(None, fact()).expect("a fact");
        assert_eq!((default.value, default.origin.grade()), (Share(0.95), Some(Grade::D)));
        assert!(problems.is_empty());
    }

    #[test]
    fn a_missing_fact_is_a_problem_and_no_panic() {
        let facts = Facts::default();
        let (context, mut problems) = (context(&facts), Problems::new());
        assert_eq!(Defaults::new(&context, &mut problems).law(&None, "waf.added_latency_regional"), None);
        let problem = problems.iter().next().expect("a problem");
        assert_eq!(problem.message, "the data pack has no fact `waf.added_latency_regional`");
    }
}

//! `balancer`: chooses a target of the next stage that has targets.

use super::{Context, Stage, given_law};
use crate::diagnostic::Problems;
use crate::law::LawSpec;
use crate::program::{BalancerSpec, Builder, Choice, Origin, Part, Place, Sourced};
use crate::spec::{At, DurationLaw};
use crate::{section, words};

words! {
    /// How a target is chosen.
    pub enum Policy {
        /// In turn.
        RoundRobin = "round_robin",
        /// Equal chances.
        Random = "random",
        /// Chances by `weights`.
        Weighted = "weighted",
        /// The same target for the same key.
        Hash = "hash",
        /// The target with the fewest requests in progress, ties at random.
        LeastOutstanding = "least_outstanding",
        /// The better of two drawn at random.
        PowerOfTwo = "power_of_two",
        /// The best of three drawn at random.
        PowerOfThree = "power_of_three",
        /// The target given with each request of a replayed trace.
        Given = "given",
    }
}

section! {
    /// Chooses a target of the next stage that has targets.
    pub struct SpecOfBalancer {
        /// How.
        policy: Policy = Policy::RoundRobin,
        /// Weights, one a target, for `policy: weighted`.
        weights: Option<At<Vec<f64>>>,
        /// Time the balancer takes, before it chooses.
        time: Option<DurationLaw>,
    }
}

/// A checked balancer.
#[derive(Debug)]
pub struct Balancer {
    name: String,
    policy: Policy,
    weights: Vec<f64>,
    time: Option<Sourced<LawSpec>>,
}

impl Stage for Balancer {
    const KIND: &'static str = "balancer";
    type Spec = SpecOfBalancer;

    fn check(spec: SpecOfBalancer, context: &Context<'_>, problems: &mut Problems) -> Option<Balancer> {
        let before = problems.len();
        let time = spec.time.as_ref().and_then(|law| given_law(law, problems));
        match (&spec.weights, spec.policy) {
            (None, Policy::Weighted) => {
                problems.error(context.span, "`policy: weighted` needs `weights`").help("one weight a target");
            }
            (Some(weights), Policy::Weighted) => {
                let positive = weights.value.iter().all(|&w| w >= 0.0 && w.is_finite());
                if !positive || weights.value.iter().sum::<f64>() <= 0.0 {
                    problems.error(weights.span, "weights must be 0 or more, and not all 0").label("expected numbers");
                }
            }
            (Some(weights), _) => {
                problems.error(weights.span, "`weights` needs `policy: weighted`").label("remove it");
            }
            (None, _) => {}
        }
        let weights = spec.weights.map(|weights| weights.value).unwrap_or_default();
        let (name, policy) = (context.name.to_owned(), spec.policy);
        (problems.len() == before).then_some(Balancer { name, policy, weights, time })
    }
}

/// The shares of the targets, cumulated: the last is 1.
pub fn cumulated(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    weights
        .iter()
        .map(|weight| {
            sum += weight / total;
            sum
        })
        .collect()
}

impl Part for Balancer {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        Balancer::KIND
    }

    fn fits(&self, place: &Place) -> Result<(), String> {
        let Some(targets) = place.targets else {
            return Err("a balancer needs a stage with targets after it, such as `station: {targets: 4, ...}`".into());
        };
        match self.weights.len() {
            0 => Ok(()),
            weights if weights == targets as usize => Ok(()),
            weights => Err(format!("{weights} weights for {targets} targets; expected one weight a target")),
        }
    }

    fn compile(&self, b: &mut Builder) {
        if let Some(time) = &self.time {
            b.delay("time", time);
        }
        let targets = b.downstream_targets().unwrap_or(1);
        let target = b.register("target");
        let mut site = || b.chance_site("choice", &Origin::Structure);
        let choice = match self.policy {
            Policy::RoundRobin => Choice::RoundRobin,
            Policy::Random => Choice::Random(site()),
            Policy::Weighted => Choice::Weighted(site(), cumulated(&self.weights)),
            Policy::Hash => Choice::HashKey,
            Policy::LeastOutstanding => Choice::LeastOutstanding(site()),
            Policy::PowerOfTwo => Choice::PowerOf(site(), 2),
            Policy::PowerOfThree => Choice::PowerOf(site(), 3),
            Policy::Given => Choice::Given,
        };
        b.fact("policy", self.policy, &Origin::Scenario);
        b.fact("targets", targets, &Origin::Structure);
        b.balanced(BalancerSpec { name: String::new(), targets, choice, target }, Builder::next);
    }
}

//! Laws as written in a scenario, turned into laws as the program knows them.

use crate::law::{LawError, LawSpec};
use crate::spec::LawNode;

/// The law that a scenario asks for.
///
/// # Errors
/// Parameters no law can have, when they only show together.
pub fn law(node: &LawNode) -> Result<LawSpec, LawError> {
    let boxed = |node: &LawNode| law(node).map(Box::new);
    Ok(match node {
        LawNode::Constant(value) => LawSpec::Constant(*value),
        LawNode::Uniform { low, high } => LawSpec::Uniform { low: *low, high: *high },
        LawNode::Exponential { mean } => LawSpec::Exponential { mean: *mean },
        LawNode::Lognormal { median, sigma } => LawSpec::Lognormal { median: *median, sigma: *sigma },
        LawNode::LognormalThrough { first, second } => LawSpec::lognormal_with_quantiles(*first, *second)?,
        LawNode::LognormalMean { mean, cv } => LawSpec::lognormal_with_mean(*mean, *cv)?,
        LawNode::Gamma { shape, mean } => LawSpec::Gamma { shape: *shape, mean: *mean },
        LawNode::Weibull { shape, scale } => LawSpec::Weibull { shape: *shape, scale: *scale },
        LawNode::Pareto { shape, min } => LawSpec::Pareto { shape: *shape, min: *min },
        LawNode::Hyperexponential { branches } => LawSpec::Hyperexponential { branches: branches.clone() },
        LawNode::Mixture { parts } => {
            let part = |(weight, node): &(f64, LawNode)| law(node).map(|law| (*weight, law));
            LawSpec::Mixture { parts: parts.iter().map(part).collect::<Result<_, _>>()? }
        }
        LawNode::Samples(values) => LawSpec::Samples(values.clone()),
        LawNode::Quantiles(points) => LawSpec::Quantiles(points.clone()),
        LawNode::Shifted { by, law } => LawSpec::Shifted { by: *by, law: boxed(law)? },
        LawNode::Truncated { low, high, law } => LawSpec::Truncated { low: *low, high: *high, law: boxed(law)? },
        LawNode::Scaled { factor, law } => LawSpec::Scaled { factor: *factor, law: boxed(law)? },
    })
}

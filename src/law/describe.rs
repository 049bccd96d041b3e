//! Laws in words.

use super::LawSpec;
use crate::time::Span;

/// Nanoseconds as a time.
pub(super) fn as_time(nanoseconds: f64) -> String {
    if nanoseconds == f64::INFINITY { "infinity".into() } else { Span(nanoseconds.max(0.0).round() as u64).to_string() }
}

/// A bare number with up to four decimals.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// One line that names the law.
pub(super) fn describe(spec: &LawSpec, show: &dyn Fn(f64) -> String) -> String {
    match spec {
        LawSpec::Constant(value) => show(*value),
        LawSpec::Uniform { low, high } => format!("uniform, {} to {}", show(*low), show(*high)),
        LawSpec::Exponential { mean } => format!("exponential, mean {}", show(*mean)),
        LawSpec::Lognormal { median, sigma } => {
            format!("lognormal, median {}, sigma {}", show(*median), number(*sigma))
        }
        LawSpec::Gamma { shape, mean } => format!("gamma, shape {}, mean {}", number(*shape), show(*mean)),
        LawSpec::Weibull { shape, scale } => format!("Weibull, shape {}, scale {}", number(*shape), show(*scale)),
        LawSpec::Pareto { shape, min } => format!("Pareto, shape {}, minimum {}", number(*shape), show(*min)),
        LawSpec::Hyperexponential { branches } => {
            let branch = |(weight, mean): &(f64, f64)| format!("{} with mean {}", number(*weight), show(*mean));
            format!("hyperexponential: {}", list(branches.iter().map(branch)))
        }
        LawSpec::Mixture { parts } => {
            let part = |(weight, law): &(f64, LawSpec)| format!("{} ({})", number(*weight), describe(law, show));
            format!("mixture: {}", list(parts.iter().map(part)))
        }
        LawSpec::Samples(values) => {
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(0.0, f64::max);
            format!("{} samples, {} to {}", values.len(), show(low), show(high))
        }
        LawSpec::Quantiles(points) if points.len() <= 6 => {
            let point = |(p, value): &(f64, f64)| format!("p{} {}", number(100.0 * p), show(*value));
            format!("quantiles: {}", list(points.iter().map(point)))
        }
        LawSpec::Quantiles(points) => format!("{} quantiles", points.len()),
        LawSpec::Shifted { by, law } if *by < 0.0 => format!("({}) less {}", describe(law, show), show(-by)),
        LawSpec::Shifted { by, law } => format!("{} plus ({})", show(*by), describe(law, show)),
        LawSpec::Truncated { low, high, law } if *high == f64::INFINITY => {
            format!("({}) from {}", describe(law, show), show(*low))
        }
        LawSpec::Truncated { low, high, law } => {
            format!("({}) from {} to {}", describe(law, show), show(*low), show(*high))
        }
        LawSpec::Scaled { factor, law } => format!("{} times ({})", number(*factor), describe(law, show)),
    }
}

/// Items in a row.
fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

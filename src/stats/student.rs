//! Critical values of Student's t distribution for a whole number of degrees of freedom.
//!
//! Only additions, multiplications, divisions and square roots are used, so that the intervals in a result have the same
//! bytes on every machine. Formulas: Abramowitz and Stegun, 26.7.3 and 26.7.4 (finite series for P(|T| < t)).

/// The t with P(|T| < t) = `confidence` for `degrees` of freedom: half-width of a two-sided interval in standard errors.
///
/// Infinite for zero degrees of freedom or a confidence of one or more; zero for a confidence of zero or less.
pub fn critical(confidence: f64, degrees: usize) -> f64 {
    if degrees == 0 || confidence >= 1.0 {
        return f64::INFINITY;
    }
    let mut high = 1.0;
    while within(high, degrees) < confidence && high < 1e300 {
        high *= 2.0;
    }
    let mut low = 0.0;
    // Bisection to the last bit: slow but certain, and needed once an interval.
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        if within(middle, degrees) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// Chance of a value at least this many standard errors from zero, on either side, when the truth is zero. One without a
/// degree of freedom or for what is no number.
pub fn p_value(standard_errors: f64, degrees: usize) -> f64 {
    let t = standard_errors.abs();
    match degrees {
        0 => 1.0,
        _ if t.is_nan() => 1.0,
        _ if t.is_infinite() => 0.0,
        _ => (1.0 - within(t, degrees)).max(0.0),
    }
}

/// P(|T| < t) for t >= 0.
fn within(t: f64, degrees: usize) -> f64 {
    let n = degrees as f64;
    let cos2 = n / (n + t * t);
    let sin = t / (n + t * t).sqrt();
    if degrees.is_multiple_of(2) {
        return sin * series(cos2, degrees / 2, 1.0, 2.0);
    }
    let angle = arctangent(t / n.sqrt());
    let rest = if degrees == 1 { 0.0 } else { sin * cos2.sqrt() * series(cos2, (degrees - 1) / 2, 2.0, 3.0) };
    std::f64::consts::FRAC_2_PI * (angle + rest)
}

/// 1 + (a/b) x + (a/b)((a+2)/(b+2)) x^2 + ... with `terms` terms.
fn series(x: f64, terms: usize, a: f64, b: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for i in 1..terms {
        let step = 2.0 * (i - 1) as f64;
        term *= x * (a + step) / (b + step);
        sum += term;
    }
    sum
}

/// arctan x for x >= 0: the angle halved four times, then its power series.
fn arctangent(x: f64) -> f64 {
    let halved = (0..4).fold(x, |x, _| x / (1.0 + (1.0 + x * x).sqrt()));
    let square = halved * halved;
    let sum = (0..14).rev().fold(0.0, |sum, k| 1.0 / f64::from(2 * k + 1) - square * sum);
    16.0 * halved * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, StudentsT};

    #[test]
    fn critical_values_are_those_of_an_independent_library() {
        for degrees in [1, 2, 3, 4, 5, 9, 10, 19, 29, 30, 99, 1000] {
            let law = StudentsT::new(0.0, 1.0, degrees as f64).unwrap();
            for confidence in [0.5, 0.8, 0.9, 0.95, 0.99, 0.999] {
                let expected = law.inverse_cdf(0.5 + confidence / 2.0);
                let got = critical(confidence, degrees);
                assert!(
                    (got / expected - 1.0).abs() < 1e-9,
                    "{degrees} degrees at {confidence}: {got}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn the_printed_table_agrees() {
        // Any table of Student's t, two-sided 95 %.
        for (degrees, printed) in [(1, 12.706), (2, 4.303), (9, 2.262), (29, 2.045)] {
            assert!((critical(0.95, degrees) - printed).abs() < 0.0005);
        }
    }

    #[test]
    fn p_values_turn_critical_values_round() {
        for degrees in [1, 4, 9, 30] {
            for confidence in [0.5, 0.95, 0.999] {
                assert!((p_value(-critical(confidence, degrees), degrees) - (1.0 - confidence)).abs() < 1e-9);
            }
        }
        assert_eq!([p_value(f64::NAN, 5), p_value(3.0, 0), p_value(f64::INFINITY, 5)], [1.0, 1.0, 0.0]);
    }

    #[test]
    fn the_edges_of_the_range_are_unbounded_or_zero() {
        assert_eq!(critical(0.95, 0), f64::INFINITY);
        assert_eq!(critical(1.0, 5), f64::INFINITY);
        assert!(critical(0.0, 5) < 1e-300);
    }
}

//! One server with any law of service, and what is equivalent to one: a token bucket.
//!
//! Sources: F. Pollaczek (1930) and A. Khinchine (1932), in L. Kleinrock, Queueing Systems, volume 1 (1975), chapter 5;
//! processor sharing: L. Kleinrock, volume 2 (1976), section 4.4.

use crate::math::exp;

/// Mean wait at a single server, first come first served, with Poisson arrivals at `rate` and a law of service of this
/// mean and variance (M/G/1): rate (variance + mean²) / 2 (1 - load). Infinite without a steady state.
pub fn pollaczek_khinchine(rate: f64, mean: f64, variance: f64) -> f64 {
    let load = rate * mean;
    if load >= 1.0 { f64::INFINITY } else { rate * (variance + mean * mean) / (2.0 * (1.0 - load)) }
}

/// Mean time lost to others at a single server that all share equally (M/G/1-PS): response less service, which depends on
/// the law of service only through its mean. Infinite without a steady state.
pub fn sharing_delay(rate: f64, mean: f64) -> f64 {
    let load = rate * mean;
    if load >= 1.0 { f64::INFINITY } else { mean * load / (1.0 - load) }
}

/// Share of Poisson arrivals at `rate` that a token bucket refuses which is refilled continuously at `refill` and holds
/// `burst` tokens. What is missing from the bucket is the workload of a queue in which every request takes 1 / `refill`,
/// so that it refuses exactly what an M/D/1/K queue loses with K = `burst`.
///
/// The states of that queue at departures come from the balance of crossings between k and k + 1 (every term positive, so
/// that nothing cancels), and the loss is 1 - 1 / (pi_0 + load) (H. C. Tijms, A First Course in Stochastic Models, 2003,
/// section 9.2).
pub fn bucket_refusal(rate: f64, refill: f64, burst: u32) -> f64 {
    let load = rate / refill;
    let above = arrivals_above(load);
    let beyond = |n: usize| above.get(n).copied().unwrap_or(0.0);
    // Relative to the first; rescaled where they grow beyond measure.
    let mut states = vec![1.0];
    let mut sum = 1.0;
    let none = exp(-load);
    for k in 0..(burst.max(1) as usize - 1) {
        let first = states[0] * beyond(k);
        let from = (k + 2).saturating_sub(above.len()).max(1);
        let up: f64 = (from..=k).map(|j| states[j] * beyond(k - j + 1)).sum();
        let next = (first + up) / none;
        states.push(next);
        sum += next;
        if next > 1e200 {
            states.iter_mut().for_each(|state| *state /= next);
            sum /= next;
        }
    }
    let empty = states[0] / sum;
    (1.0 - 1.0 / (empty + load)).max(0.0)
}

/// P(more than n Poisson arrivals of mean `load`) for n = 0, 1, ... until it is negligible.
fn arrivals_above(load: f64) -> Vec<f64> {
    let mut weights = vec![exp(-load)];
    while weights.len() < 20 + (2.0 * load) as usize || weights.last().is_some_and(|&weight| weight > 1e-30) {
        let n = weights.len() as f64;
        weights.push(weights[weights.len() - 1] * load / n);
    }
    // Added from the far end, where they are smallest.
    let mut sum = 0.0;
    let mut above: Vec<f64> = weights
        .iter()
        .rev()
        .map(|weight| {
            let beyond = sum;
            sum += weight;
            beyond
        })
        .collect();
    above.reverse();
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_service_waits_half_as_long_as_exponential_service() {
        let exponential = pollaczek_khinchine(80.0, 0.01, 0.0001);
        assert!((exponential - 0.04).abs() < 1e-12);
        assert!((pollaczek_khinchine(80.0, 0.01, 0.0) - exponential / 2.0).abs() < 1e-12);
        assert_eq!(pollaczek_khinchine(100.0, 0.01, 0.0), f64::INFINITY);
    }

    #[test]
    fn sharing_costs_as_much_as_waiting_when_service_is_exponential() {
        assert!((sharing_delay(80.0, 0.01) - 0.04).abs() < 1e-12);
        assert_eq!(sharing_delay(100.0, 0.01), f64::INFINITY);
    }

    #[test]
    fn a_bucket_of_one_token_is_a_server_without_a_queue() {
        // Insensitive: Erlang B of one server, a / (1 + a).
        for load in [0.1, 0.9, 3.0] {
            assert!((bucket_refusal(load, 1.0, 1) - load / (1.0 + load)).abs() < 1e-14, "{load}");
        }
    }

    #[test]
    fn a_bucket_of_two_tokens_follows_the_formula_of_two_places() {
        // M/D/1/2: pi_0 = e^-a, loss 1 - 1 / (e^-a + a).
        for load in [0.3, 1.0, 2.5f64] {
            let exact = 1.0 - 1.0 / ((-load).exp() + load);
            assert!((bucket_refusal(load, 1.0, 2) - exact).abs() < 1e-14, "{load}");
        }
    }

    #[test]
    fn a_large_bucket_refuses_what_is_above_its_rate_and_nothing_else() {
        assert!((bucket_refusal(14_000.0, 10_000.0, 5000) - 4.0 / 14.0).abs() < 1e-12);
        assert!(bucket_refusal(9000.0, 10_000.0, 5000) < 1e-12);
        assert!((bucket_refusal(5.0, 1.0, 4000) - 0.8).abs() < 1e-12);
    }
}

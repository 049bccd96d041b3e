//! Closed networks: so many users, each thinking, sending a request through several stations, and waiting for its answer.
//!
//! The exact mean values of a product-form network (M. Reiser, S. S. Lavenberg, JACM 27 (1980) 313, "mean value analysis"),
//! computed through its normalising constants (J. P. Buzen, CACM 16 (1973) 527): the same numbers, but every term is
//! positive, so that nothing cancels, also with several servers a station.

use crate::math::{exp, ln};

/// A station with exponential service, or any law when it is shared equally.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Servers, at least one.
    pub servers: u32,
    /// Mean service time a request needs here in all: visits times service time.
    pub demand: f64,
}

/// Mean values of a closed network.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// Requests a unit of time.
    pub throughput: f64,
    /// Mean time of a request in all stations, without thinking.
    pub response: f64,
    /// Mean number of requests at each station, those in service included.
    pub present: Vec<f64>,
}

impl Closed {
    /// `users` users, at least one, who think for `think` on average (pure delays of the request may be added to it), and
    /// the stations a request needs. Takes about `users`² times the square of the number of stations steps.
    pub fn of(users: u32, think: f64, places: &[Place]) -> Closed {
        let users = users.max(1) as usize;
        // Thinking is a place with a server for everybody.
        let thinking = Place { servers: u32::MAX, demand: think };
        let weights: Vec<Vec<f64>> = places.iter().chain([&thinking]).map(|place| log_weights(users, *place)).collect();
        let all = product(users, weights.iter());
        let throughput = exp(all[users - 1] - all[users]);
        let present = (0..places.len()).map(|place| {
            let others = weights.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, weights)| weights);
            let others = product(users, others);
            (1..=users).map(|n| n as f64 * exp(weights[place][n] + others[users - n] - all[users])).sum()
        });
        let present: Vec<f64> = present.collect();
        Closed { throughput, response: users as f64 / throughput - think, present }
    }
}

/// Logarithms of the weights of 0, 1, ... requests at a place: the product of demand over busy servers.
fn log_weights(users: usize, place: Place) -> Vec<f64> {
    let demand = if place.demand > 0.0 { ln(place.demand) } else { f64::NEG_INFINITY };
    let mut weights = vec![0.0];
    for n in 1..=users {
        let busy = (n as f64).min(f64::from(place.servers));
        weights.push(weights[n - 1] + demand - ln(busy));
    }
    weights
}

/// Normalising constants (their logarithms) of so many places together, for 0 to `users` requests.
fn product<'a>(users: usize, places: impl Iterator<Item = &'a Vec<f64>>) -> Vec<f64> {
    let mut none = vec![f64::NEG_INFINITY; users + 1];
    none[0] = 0.0;
    places.fold(none, |constants, weights| {
        let of = |n: usize| {
            let terms = || (0..=n).map(|j| constants[n - j] + weights[j]);
            let largest = terms().fold(f64::NEG_INFINITY, f64::max);
            if largest == f64::NEG_INFINITY {
                return largest;
            }
            largest + ln(terms().map(|term| exp(term - largest)).sum())
        };
        (0..=users).map(of).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recursion of Reiser and Lavenberg for single servers: another way to the same numbers.
    fn recursion(users: u32, think: f64, demands: &[f64]) -> (f64, Vec<f64>) {
        let mut present = vec![0.0; demands.len()];
        let mut throughput = 0.0;
        for n in 1..=users {
            let responses: Vec<f64> = demands.iter().zip(&present).map(|(demand, q)| demand * (1.0 + q)).collect();
            throughput = f64::from(n) / (think + responses.iter().sum::<f64>());
            present = responses.iter().map(|response| throughput * response).collect();
        }
        (throughput, present)
    }

    #[test]
    fn constants_and_mean_value_recursion_agree() {
        for (users, think) in [(1, 0.0), (7, 0.0), (30, 1.0), (300, 2.0)] {
            let demands = [0.02, 0.03, 0.01];
            let closed = Closed::of(users, think, &demands.map(|demand| Place { servers: 1, demand }));
            let (throughput, present) = recursion(users, think, &demands);
            assert!((closed.throughput / throughput - 1.0).abs() < 1e-10, "{users}: {closed:?}");
            for (mine, theirs) in closed.present.iter().zip(&present) {
                assert!((mine / theirs - 1.0).abs() < 1e-9, "{users}: {closed:?} against {present:?}");
            }
        }
    }

    #[test]
    fn one_place_and_thinking_users_are_the_machine_repairman() {
        // N users, c servers: the birth-death chain with rates (N - n) / Z and min(n, c) mu.
        let (users, servers, think, service) = (50u32, 4u32, 1.0, 0.1);
        let mut states = vec![1.0f64];
        for n in 0..users {
            let up = f64::from(users - n) / think;
            let down = f64::from((n + 1).min(servers)) / service;
            states.push(states[n as usize] * up / down);
        }
        let sum: f64 = states.iter().sum();
        let rate = (0..=users).map(|n| states[n as usize] / sum * f64::from(n.min(servers)) / service).sum::<f64>();
        let closed = Closed::of(users, think, &[Place { servers, demand: service }]);
        assert!((closed.throughput / rate - 1.0).abs() < 1e-12);
        let present: f64 = (0..=users).map(|n| states[n as usize] / sum * f64::from(n)).sum();
        assert!((closed.present[0] / present - 1.0).abs() < 1e-12);
        // Little's law over thinking and the place.
        assert!((closed.throughput * (think + closed.response) / f64::from(users) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn users_who_never_meet_go_through_at_their_own_pace() {
        let closed = Closed::of(1000, 1000.0, &[Place { servers: 1000, demand: 1.0 }]);
        assert!((closed.response - 1.0).abs() < 1e-9);
    }
}

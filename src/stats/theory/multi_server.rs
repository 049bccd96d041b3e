//! Stations with several servers, Poisson arrivals and exponential service: M/M/c and M/M/c/K, with Erlang's formulas.
//!
//! Sources: A. K. Erlang (1917); L. Kleinrock, Queueing Systems, volume 1 (1975), chapter 3; D. Gross, J. F. Shortle,
//! J. M. Thompson, C. M. Harris, Fundamentals of Queueing Theory (4th edition, 2008), sections 2.3 to 2.5.

use super::time_exceeded_by;
use crate::math::{exp, poisson_weight, pow};

/// Erlang B: the share of requests turned away by `servers` servers without a queue under an offered load of `load`
/// (arrival rate times mean service time), whatever the law of service. By the recursion B(c) = a B(c-1) / (c + a B(c-1)),
/// which is exact and stable.
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |blocked, c| load * blocked / (f64::from(c) + load * blocked))
}

/// Erlang C: the share of requests that wait for one of `servers` servers with an unlimited queue; 1 when the load is not
/// below the number of servers. C = c B / (c - a (1 - B)).
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let (c, blocked) = (f64::from(servers), erlang_b(servers, load));
    if load >= c { 1.0 } else { c * blocked / (c - load * (1.0 - blocked)) }
}

/// A station of the kind M/M/c or, with a bounded queue, M/M/c/K.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiServer {
    /// Servers, at least one.
    pub servers: u32,
    /// Waiting places; nothing means without bound.
    pub places: Option<u32>,
    /// Arrival rate, those turned away included.
    pub rate: f64,
    /// Mean service time.
    pub service: f64,
}

impl MultiServer {
    /// Offered load: arrival rate times mean service time.
    pub fn load(&self) -> f64 {
        self.rate * self.service
    }

    /// Whether it has a steady state: a bounded queue always has.
    pub fn is_stable(&self) -> bool {
        self.places.is_some() || self.load() < f64::from(self.servers)
    }

    /// Share turned away.
    pub fn refused(&self) -> f64 {
        self.places.map_or(0.0, |places| self.waiting(places)[places as usize])
    }

    /// Share of the servers' time that is busy.
    pub fn utilisation(&self) -> f64 {
        self.load() * (1.0 - self.refused()) / f64::from(self.servers)
    }

    /// Share of those not turned away that wait.
    pub fn waits(&self) -> f64 {
        self.wait_exceeds(0.0)
    }

    /// Mean wait of those not turned away.
    pub fn mean_wait(&self) -> f64 {
        let (c, load) = (f64::from(self.servers), self.load());
        let Some(places) = self.places else {
            return erlang_c(self.servers, load) * self.service / (c - load);
        };
        let waiting = self.waiting(places);
        let (full, taken) = (waiting[places as usize], &waiting[..places as usize]);
        // One that finds some ahead of it in the queue waits for one more service at c times the rate.
        let sum: f64 = taken.iter().enumerate().map(|(ahead, share)| share * (ahead as f64 + 1.0)).sum();
        sum * self.service / c / (1.0 - full)
    }

    /// Share of those not turned away that wait longer than `time`.
    pub fn wait_exceeds(&self, time: f64) -> f64 {
        let (c, load) = (f64::from(self.servers), self.load());
        let Some(places) = self.places else {
            return erlang_c(self.servers, load) * exp(-(c - load) * time / self.service);
        };
        let waiting = self.waiting(places);
        let (full, taken) = (waiting[places as usize], &waiting[..places as usize]);
        // Whoever finds n ahead waits longer if no more than n services end in the time.
        let ended = c * time / self.service;
        let mut longer = 0.0;
        let sum: f64 = taken
            .iter()
            .enumerate()
            .map(|(ahead, share)| {
                longer = if ended > 0.0 { longer + poisson_weight(ahead as f64, ended) } else { 1.0 };
                share * longer
            })
            .sum();
        sum / (1.0 - full)
    }

    /// Wait that a share `p` of those not turned away stays below.
    pub fn wait_quantile(&self, p: f64) -> f64 {
        time_exceeded_by(1.0 - p, self.service, |time| self.wait_exceeds(time))
    }

    /// Share of requests whose wait and service together are longer than `time`; without bound on the queue only.
    /// Not a number with one, or without a steady state.
    pub fn response_exceeds(&self, time: f64) -> f64 {
        if self.places.is_some() || !self.is_stable() {
            return f64::NAN;
        }
        let waits = erlang_c(self.servers, self.load());
        // Rates in units of the service rate: the queue drains at `drain`, a service ends at 1.
        let (t, drain) = (time / self.service, f64::from(self.servers) - self.load());
        let after_waiting = if (drain - 1.0).abs() < 1e-9 {
            (1.0 + t) * exp(-t)
        } else {
            (drain * exp(-t) - exp(-drain * t)) / (drain - 1.0)
        };
        (1.0 - waits) * exp(-t) + waits * after_waiting
    }

    /// Time that a share `p` of the requests stays below, wait and service together; as [`Self::response_exceeds`].
    pub fn response_quantile(&self, p: f64) -> f64 {
        match self.response_exceeds(0.0).is_nan() {
            true => f64::NAN,
            false => time_exceeded_by(1.0 - p, self.service, |time| self.response_exceeds(time)),
        }
    }

    /// Probability that all servers are busy and 0, 1, ... `places` wait. These states are a geometric series; those up to
    /// the first of them are those of a loss system, so that they add up to the first over B.
    fn waiting(&self, places: u32) -> Vec<f64> {
        let (load, step) = (self.load(), self.load() / f64::from(self.servers));
        // Relative to the largest, so that no power overflows.
        let from = if step <= 1.0 { 0.0 } else { f64::from(places) };
        let mut states: Vec<f64> = (0..=places).map(|j| pow(step, f64::from(j) - from)).collect();
        let sum = states[0] / erlang_b(self.servers, load) + states[1..].iter().sum::<f64>();
        states.iter_mut().for_each(|state| *state /= sum);
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, exact: f64) {
        assert!((value / exact - 1.0).abs() < 1e-9, "{value} against {exact}");
    }

    #[test]
    fn erlangs_formulas_give_the_published_values() {
        // Erlang B(10, 10) and C(10, 8) as in the tables.
        assert!((erlang_b(10, 10.0) - 0.214582).abs() < 5e-7);
        assert!((erlang_c(10, 8.0) - 0.409180).abs() < 5e-7);
        near(erlang_c(1, 0.8), 0.8);
        near(erlang_b(0, 3.0), 1.0);
    }

    #[test]
    fn one_server_is_the_queue_of_the_textbook() {
        let queue = MultiServer { servers: 1, places: None, rate: 80.0, service: 0.01 };
        near(queue.utilisation(), 0.8);
        near(queue.mean_wait(), 0.04);
        near(queue.wait_quantile(0.99), 80f64.ln() / 20.0);
        near(queue.response_quantile(0.99), 100f64.ln() / 20.0);
        assert_eq!(queue.wait_quantile(0.1), 0.0);
    }

    #[test]
    fn a_very_long_queue_is_like_one_without_bound() {
        let endless = MultiServer { servers: 4, places: None, rate: 180.0, service: 0.02 };
        let long = MultiServer { places: Some(2000), ..endless };
        near(long.mean_wait(), endless.mean_wait());
        near(long.wait_exceeds(0.1), endless.wait_exceeds(0.1));
        assert!(long.refused() < 1e-60);
    }

    #[test]
    fn without_waiting_places_it_is_a_loss_system() {
        let loss = MultiServer { servers: 10, places: Some(0), rate: 10.0, service: 1.0 };
        near(loss.refused(), erlang_b(10, 10.0));
        assert_eq!((loss.mean_wait(), loss.waits()), (0.0, 0.0));
    }

    #[test]
    fn what_is_served_and_what_is_turned_away_add_up_also_far_beyond_capacity() {
        // A station offered five times what it can do is always busy and turns four fifths away.
        let flooded = MultiServer { servers: 3, places: Some(900), rate: 5.0, service: 3.0 };
        near(flooded.refused(), 0.8);
        near(flooded.utilisation(), 1.0);
        assert!((flooded.mean_wait() - 900.0).abs() < 1.0);
    }

    #[test]
    fn the_mean_is_the_integral_of_the_tail() {
        for places in [None, Some(12)] {
            let station = MultiServer { servers: 3, places, rate: 2.7, service: 1.0 };
            let step = 0.01;
            let integral: f64 = (0..40_000).map(|i| step * station.wait_exceeds((f64::from(i) + 0.5) * step)).sum();
            assert!((integral / station.mean_wait() - 1.0).abs() < 1e-4, "{places:?}: {integral}");
        }
    }
}

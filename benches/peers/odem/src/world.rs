//! What every request of a model shares: luck, the latency histogram and the count of requests still under way.

use hdrhistogram::Histogram;
use odem_rs::prelude::*;
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use rand_distr::Distribution;
use std::cell::{Cell, RefCell};

/// Shared state of one run.
pub struct World {
    rng: RefCell<SmallRng>,
    latency: RefCell<Histogram<u64>>,
    left: Cell<u64>,
}

impl World {
    /// A world in which `requests` requests are still to come.
    pub fn new(seed: u64, requests: u64) -> Self {
        World {
            rng: RefCell::new(SmallRng::seed_from_u64(seed)),
            latency: RefCell::new(Histogram::new(3).expect("three digits are supported")),
            left: Cell::new(requests),
        }
    }

    /// One draw from `law`.
    pub fn draw(&self, law: &impl Distribution<f64>) -> f64 {
        law.sample(&mut *self.rng.borrow_mut())
    }

    /// True with probability `p`.
    pub fn happens(&self, p: f64) -> bool {
        self.rng.borrow_mut().random::<f64>() < p
    }

    /// Records the latency, in seconds, of a request that has ended.
    pub fn record(&self, latency: f64) {
        self.latency.borrow_mut().record((latency * 1e9) as u64).expect("the histogram grows by itself");
        self.left.set(self.left.get() - 1);
    }

    /// Waits until every request has ended.
    pub async fn drain(&self, sim: &Sim) {
        while self.left.get() > 0 {
            sim.advance(1.0).await;
        }
    }

    /// The latencies, in nanoseconds.
    pub fn into_latency(self) -> Histogram<u64> {
        self.latency.into_inner()
    }
}

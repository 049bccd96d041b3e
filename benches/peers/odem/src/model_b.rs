//! Model B: a gateway path of seven stages at 1000 requests/s. Each stage is a step of one asynchronous process per
//! request, as the library intends.

use crate::{station::Station, world::World};
use hdrhistogram::Histogram;
use odem_rs::prelude::*;
use rand_distr::{Exp, LogNormal};
use std::{cell::Cell, pin::pin};

/// Token bucket of the gateway: 5000 requests/s, bursts of 2000.
struct Bucket {
    tokens: Cell<f64>,
    filled_at: Cell<f64>,
}

impl Bucket {
    const RATE: f64 = 5000.0;
    const BURST: f64 = 2000.0;

    fn full() -> Self {
        Bucket { tokens: Cell::new(Self::BURST), filled_at: Cell::new(0.0) }
    }

    /// Takes a token, if there is one at time `now`.
    fn take(&self, now: f64) -> bool {
        let tokens = (self.tokens.get() + (now - self.filled_at.get()) * Self::RATE).min(Self::BURST);
        self.filled_at.set(now);
        self.tokens.set(if tokens >= 1.0 { tokens - 1.0 } else { tokens });
        tokens >= 1.0
    }
}

/// The path: the laws of its stages and what they keep.
struct Path {
    world: World,
    cdn: LogNormal<f64>,
    firewall: LogNormal<f64>,
    gateway: LogNormal<f64>,
    link: LogNormal<f64>,
    balancer: LogNormal<f64>,
    service: Exp<f64>,
    query: LogNormal<f64>,
    bucket: Bucket,
    targets: Vec<Station>,
    next_target: Cell<usize>,
    database: Station,
}

impl Path {
    fn new(seed: u64, requests: u64) -> Self {
        let from_median = |median: f64, sigma: f64| LogNormal::new(median.ln(), sigma).expect("finite parameters");
        Path {
            world: World::new(seed, requests),
            cdn: from_median(0.012, 0.4),
            firewall: from_median(0.001, 0.3),
            gateway: from_median(0.005, 0.5),
            link: from_median(0.0008, 0.3),
            balancer: from_median(0.0004, 0.2),
            service: Exp::new(1.0 / 0.020).expect("a positive rate"),
            query: LogNormal::from_mean_cv(0.008, 1.0).expect("finite parameters"),
            bucket: Bucket::full(),
            targets: (0..20).map(|_| Station::new(2)).collect(),
            next_target: Cell::new(0),
            database: Station::new(16),
        }
    }

    fn round_robin(&self) -> &Station {
        let target = self.next_target.get();
        self.next_target.set((target + 1) % self.targets.len());
        &self.targets[target]
    }

    /// One request. With `merged`, delays in a row are added up by hand into one step of the clock.
    async fn request(&self, sim: &Sim, merged: bool) {
        let world = &self.world;
        let born = sim.now();
        sim.advance(world.draw(&self.cdn)).await;
        if !world.happens(0.2) {
            sim.advance(world.draw(&self.firewall)).await;
            if self.bucket.take(sim.now()) {
                if merged {
                    let delay = world.draw(&self.gateway) + world.draw(&self.link) + world.draw(&self.balancer);
                    sim.advance(delay).await;
                } else {
                    sim.advance(world.draw(&self.gateway)).await;
                    sim.advance(world.draw(&self.link)).await;
                    sim.advance(world.draw(&self.balancer)).await;
                }
                let target = self.round_robin();
                target.seize().await;
                sim.advance(world.draw(&self.service)).await;
                target.release();
                self.database.seize().await;
                sim.advance(world.draw(&self.query)).await;
                self.database.release();
            }
        }
        world.record(sim.now() - born);
    }
}

/// Simulates `requests` requests and returns their latencies in nanoseconds.
pub fn run(seed: u64, requests: u64, merged: bool) -> Histogram<u64> {
    let path = Path::new(seed, requests);
    let between = Exp::new(1000.0).expect("a positive rate");
    simulation(async |sim: &Sim| {
        let pool = pin!(Pool::dynamic().with(Job::new));
        for _ in 0..requests {
            sim.advance(path.world.draw(&between)).await;
            pool.activate(sim, path.request(sim, merged));
        }
        path.world.drain(sim).await;
    })
    .expect("the clock always goes on");
    path.world.into_latency()
}

//! Model A: M/M/1 with arrival rate 0.8 and service rate 1, on the library's own facility.

use crate::world::World;
use hdrhistogram::Histogram;
use odem_rs::prelude::*;
use rand_distr::Exp;
use std::pin::pin;

/// Simulates `requests` requests and returns their sojourn times in nanoseconds.
pub fn run(seed: u64, requests: u64) -> Histogram<u64> {
    let world = World::new(seed, requests);
    let server = Facility::new();
    let between = Exp::new(0.8).expect("a positive rate");
    let service = Exp::new(1.0).expect("a positive rate");
    let request = async |sim: &Sim| {
        let born = sim.now();
        let seized = server.seize().await;
        sim.advance(world.draw(&service)).await;
        seized.release();
        world.record(sim.now() - born);
    };
    simulation(async |sim: &Sim| {
        let pool = pin!(Pool::dynamic().with(Job::new));
        for _ in 0..requests {
            sim.advance(world.draw(&between)).await;
            pool.activate(sim, request(sim));
        }
        world.drain(sim).await;
    })
    .expect("the clock always goes on");
    world.into_latency()
}

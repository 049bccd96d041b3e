//! The two benches, assembled as the guide teaches it: models, mailboxes, connections.

use crate::luck::Law;
use crate::models::{Bucket, Client, Delay, NewClient, RoundRobin, Source, Station, With};
use hdrhistogram::Histogram;
use nexosim::ports::{Output, QuerySource};
use nexosim::simulation::{Mailbox, SimInit, SimulationError};
use nexosim::time::MonotonicTime;

/// Targets behind the balancer of model B.
const TARGETS: u64 = 20;

/// Model A: M/M/1 with arrival rate 0.8 and service rate 1. Simulates `requests` requests and returns their sojourn
/// times in nanoseconds.
pub fn model_a(seed: u64, requests: u64) -> Result<Histogram<u64>, SimulationError> {
    let mut bench = SimInit::with_num_threads(1);
    let (source_box, server_box, client_box) = (Mailbox::new(), Mailbox::new(), Mailbox::new());
    let mut source = Source { left: requests, output: Output::default() };
    let mut server = Station::new(1);
    source.output.connect(Station::input, &server_box);
    server.output.connect(Client::input, &client_box);
    let report = QuerySource::new().connect(Client::report, &client_box).register(&mut bench);
    let mut simulation = bench
        .add_model(With::new(source, seed, 0, Law::Exponential(0.8)), source_box, "source")
        .add_model(With::new(server, seed, 1, Law::Exponential(1.0)), server_box, "server")
        .add_model(NewClient, client_box, "client")
        .init(MonotonicTime::EPOCH)?;
    simulation.run()?;
    Ok(simulation.process_query(&report, ())?)
}

/// Model B: a gateway path of seven stages at 1000 requests/s. Simulates `requests` requests and returns their
/// latencies in nanoseconds.
pub fn model_b(seed: u64, requests: u64) -> Result<Histogram<u64>, SimulationError> {
    let (cdn_box, firewall_box, bucket_box) = (Mailbox::new(), Mailbox::new(), Mailbox::new());
    let (gateway_box, link_box, balancing_box) = (Mailbox::new(), Mailbox::new(), Mailbox::new());
    let (balancer_box, database_box, client_box) = (Mailbox::new(), Mailbox::new(), Mailbox::new());

    let mut source = Source { left: requests, output: Output::default() };
    source.output.connect(Delay::input, &cdn_box);
    let mut cdn = Delay::new(0.2);
    cdn.output.connect(Delay::input, &firewall_box);
    cdn.left.connect(Client::input, &client_box);
    let mut firewall = Delay::new(0.0);
    firewall.output.connect(Bucket::input, &bucket_box);
    let mut bucket = Bucket::new(5000.0, 2000.0);
    bucket.output.connect(Delay::input, &gateway_box);
    bucket.rejected.connect(Client::input, &client_box);
    let mut gateway = Delay::new(0.0);
    gateway.output.connect(Delay::input, &link_box);
    let mut link = Delay::new(0.0);
    link.output.connect(Delay::input, &balancing_box);
    let mut balancing = Delay::new(0.0);
    balancing.output.connect(RoundRobin::input, &balancer_box);
    let mut database = Station::new(16);
    database.output.connect(Client::input, &client_box);

    let mut bench = SimInit::with_num_threads(1);
    let mut balancer = RoundRobin { next: 0, outputs: Vec::new() };
    for target in 0..TARGETS {
        let target_box = Mailbox::new();
        let mut output = Output::default();
        output.connect(Station::input, &target_box);
        balancer.outputs.push(output);
        let mut station = Station::new(2);
        station.output.connect(Station::input, &database_box);
        let station = With::new(station, seed, 10 + target, Law::Exponential(1.0 / 0.020));
        bench = bench.add_model(station, target_box, &format!("target {target}"));
    }
    // Mean 8 ms, coefficient of variation 1: the median lies sqrt(2) below the mean.
    let query = Law::from_median(0.008 / 2f64.sqrt(), 2f64.ln().sqrt());
    let report = QuerySource::new().connect(Client::report, &client_box).register(&mut bench);
    let mut simulation = bench
        .add_model(With::new(source, seed, 0, Law::Exponential(1000.0)), Mailbox::new(), "source")
        .add_model(With::new(cdn, seed, 1, Law::from_median(0.012, 0.4)), cdn_box, "cdn")
        .add_model(With::new(firewall, seed, 2, Law::from_median(0.001, 0.3)), firewall_box, "firewall")
        .add_model(bucket, bucket_box, "bucket")
        .add_model(With::new(gateway, seed, 3, Law::from_median(0.005, 0.5)), gateway_box, "gateway")
        .add_model(With::new(link, seed, 4, Law::from_median(0.0008, 0.3)), link_box, "link")
        .add_model(With::new(balancing, seed, 5, Law::from_median(0.0004, 0.2)), balancing_box, "balancing")
        .add_model(balancer, balancer_box, "balancer")
        .add_model(With::new(database, seed, 6, query), database_box, "database")
        .add_model(NewClient, client_box, "client")
        .init(MonotonicTime::EPOCH)?;
    simulation.run()?;
    Ok(simulation.process_query(&report, ())?)
}

//! Stages of computing and databases on whole paths: what a client sees when a limit is hit. Every run is made by the
//! plain and by the event executor, which must agree on every request.

use std::sync::Arc;

use gatepath::diagnostic::{Problems, Sources, render};
use gatepath::exec::{Arrival, Executor, Options, Resource, Run, Source, Verdict, execute, optimistically};
use gatepath::facts::Facts;
use gatepath::law::Law;
use gatepath::program::{Builder, Guard, Part, Path, Program};
use gatepath::scenario::{self, yaml};
use gatepath::spec::Node;
use gatepath::stage::client::Client;
use gatepath::stage::{Context, kinds};
use gatepath::time::{Span, Time};
use gatepath::traffic::{Arrivals, Class, Flat, Population, Profile, Spacing, Traffic};
use gatepath::units::Rate;

/// Reads a path, a list of stages as in a scenario.
fn read(text: &str) -> Result<Vec<Arc<dyn Part>>, String> {
    let (mut sources, mut problems) = (Sources::new(), Problems::new());
    let list = yaml::parse_bytes("path.yaml", text.as_bytes(), &mut sources, &mut problems);
    let stages = list.as_ref().and_then(Node::as_list).unwrap_or_default();
    let facts = Facts::pack(Facts::DEFAULT_PACK).expect("the pack is good");
    let mut parts: Vec<Arc<dyn Part>> = vec![Arc::new(Client::patient())];
    for stage in stages {
        let (kind, node) = match stage.as_map() {
            Some([entry]) => (entry.key.text.as_str(), entry.value.clone()),
            _ => (stage.as_text().unwrap_or_default(), Node::empty(stage.span)),
        };
        let same = parts.iter().filter(|part| part.kind() == kind).count();
        let name = if same == 0 { kind.to_owned() } else { format!("{kind}_{}", same + 1) };
        let context = Context { name: &name, span: stage.span, facts, classes: &[] };
        let kind = kinds().iter().find(|known| known.name == kind).expect("a known kind");
        parts.extend((kind.read)(&node, &context, &mut problems));
    }
    match problems.is_empty() {
        true => Ok(parts),
        false => Err(render(&problems, &sources, false)),
    }
}

fn compile(text: &str) -> Program {
    let path: Path = read(text).unwrap_or_else(|problems| panic!("{problems}")).into();
    Builder::compile(&path, Vec::new()).expect("a path that compiles")
}

/// Traffic of one class with requests of some bytes.
fn traffic(spacing: Spacing, rate: f64, seconds: f64, bytes: u64) -> Traffic {
    let mut class = Class::new("all");
    class.request_size = Law::constant(bytes);
    class.response_size = Law::constant(bytes);
    let population = Population::new(vec![class]).expect("a population");
    let flat = Flat::new(Rate(rate)).expect("a rate");
    let until = Time::ZERO + Span::from_secs_f64(seconds);
    Traffic::new(Arrivals::Rate(spacing, Profile::Flat(flat)), population, until)
}

/// One replication by both executors, which must agree.
fn run_with(program: &Program, traffic: &Traffic, replication: u64) -> Run {
    let options = Options {
        seed: 7,
        replication,
        from: Time::ZERO,
        // Long after the last arrival, so that all work is measured.
        until: traffic.until() + Span::from_secs(3600),
        interval: None,
        guard: Guard::default(),
        trace: true,
        cancel: None,
    };
    let [plain, event, window] = [Executor::Plain, Executor::Event, Executor::Window(Some(Span(134_217_727)))]
        .map(|executor| execute(executor, program, &|| traffic.source(7, replication), &options));
    assert!(plain == event, "the executors disagree");
    assert!(plain == window, "windows disagree");
    assert_eq!(event.verdict, Verdict::Complete);
    event
}

/// Even arrivals for some seconds.
fn run(program: &Program, rate: f64, seconds: f64) -> Run {
    run_with(program, &traffic(Spacing::Even, rate, seconds, 1024), 0)
}

/// Requests that ended with a status.
fn count(program: &Program, run: &Run, status: u16) -> u64 {
    let matches = |outcome: u16| program.outcomes[outcome as usize].status == status;
    run.answers.iter().filter(|answers| matches(answers.outcome)).map(|answers| answers.latency.count()).sum()
}

/// Statuses with how often they were seen, 200 first.
fn statuses(program: &Program, run: &Run) -> Vec<(u16, u64)> {
    let mut seen: Vec<u16> = program.outcomes.iter().map(|outcome| outcome.status).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.retain(|&status| count(program, run, status) > 0);
    seen.into_iter().map(|status| (status, count(program, run, status))).collect()
}

fn resource<'a>(run: &'a Run, name: &str) -> &'a Resource {
    run.resources.iter().find(|resource| resource.name == name).unwrap_or_else(|| panic!("no resource {name}"))
}

/// What `explain` shows of a stage.
fn fact(program: &Program, stage: &str, what: &str) -> String {
    let stage = program.stages.iter().find(|known| known.name == stage).expect("a stage");
    stage.facts.iter().find(|fact| fact.what == what).map(|fact| fact.value.clone()).expect("a fact")
}

/// Latencies in milliseconds, in order of arrival.
fn millis(run: &Run) -> Vec<f64> {
    run.trace.iter().map(|record| record.end.since(record.born).as_millis_f64()).collect()
}

const PLAIN_ALB: &str = "- alb: {nodes: 1, latency: 0 ms, rtt: 0 ms}";

// ---- instances and tasks ----

#[test]
fn a_full_accept_queue_refuses_and_the_alb_answers_502() {
    // 10/s at one worker that needs a second: one served, one waiting; each second the waiting place is free again.
    let program = compile(&format!("{PLAIN_ALB}\n- ec2: {{workers: 1, queue: 1, service: 1 s}}"));
    let run = run(&program, 10.0, 10.0);
    assert_eq!(statuses(&program, &run), [(200, 11), (502, 89)]);
}

#[test]
fn a_refused_connection_has_no_status_unless_one_is_given() {
    let text = "- ec2: {workers: 1, queue: 1, service: 1 s}";
    let program = compile(text);
    assert_eq!(statuses(&program, &run(&program, 10.0, 10.0)), [(0, 89), (200, 11)]);
    let program = compile(&text.replace("queue: 1", "queue: 1, full: 503"));
    assert_eq!(statuses(&program, &run(&program, 10.0, 10.0)), [(200, 11), (503, 89)]);
}

#[test]
fn deciding_on_arrival_changes_no_request() {
    let alone = "- alb\n- ecs: {tasks: 4, workers: 3, queue: 20, service: {exponential: {mean: 20 ms}}}";
    let held = format!("{alone}\n- delay: {{time: 0 ms}}");
    let traffic = traffic(Spacing::Poisson, 520.0, 20.0, 0);
    let (alone, held) = (compile(alone), compile(&held));
    assert!(alone.pools.is_empty() && !held.pools.is_empty());
    let (alone, held) = (run_with(&alone, &traffic, 0), run_with(&held, &traffic, 0));
    let ends = |run: &Run| run.trace.iter().map(|record| (record.end, record.outcome == 0)).collect::<Vec<_>>();
    assert!(alone.served < alone.offered, "the queue is never full");
    assert_eq!(ends(&alone), ends(&held));
}

#[test]
fn a_worker_is_held_while_the_database_answers() {
    let program = compile(
        "- ec2: {workers: 2, queue: 0, service: 100 ms}\n\
         - rds: {vcpus: 8, connections: 100, query: 400 ms, rtt: 0 ms, connect: 0 ms}",
    );
    // Every worker is busy for half a second: two workers serve 4 a second.
    let run = run(&program, 10.0, 10.0);
    assert_eq!(statuses(&program, &run), [(0, 60), (200, 40)]);
    assert!(millis(&run).iter().all(|&millis| millis == 500.0 || millis == 0.0));
    assert_eq!(resource(&run, "ec2.workers").busy, [40 * 500_000_000]);
}

#[test]
fn processors_are_shared_and_half_a_processor_takes_twice_the_time() {
    let program = compile("- ecs: {size: {vcpu: 0.5, memory: 1 GiB}, cpu: 10 ms}");
    assert!(millis(&run(&program, 10.0, 1.0)).iter().all(|&millis| millis == 20.0));
    // Requests every 5 ms: two of three share one processor at any time, so work piles up; with two nobody waits.
    let one = compile("- ec2: {type: m7g.medium, cpu: 10 ms}");
    let two = compile("- ec2: {type: m7g.large, cpu: 10 ms}");
    assert!(millis(&run(&one, 200.0, 0.1)).iter().skip(1).all(|&millis| millis > 15.0));
    assert!(millis(&run(&two, 199.0, 0.1)).iter().all(|&millis| millis == 10.0));
}

#[test]
fn an_application_pool_makes_requests_wait_and_then_fail() {
    let program = compile(
        "- ecs: {service: 0 ms, pool: {size: 1, timeout: 150 ms}}\n\
         - rds: {vcpus: 8, connections: 100, query: 100 ms, rtt: 0 ms, connect: 0 ms}",
    );
    // 20/s for a pool that serves 10/s: waits grow to 150 ms, then every other request fails.
    let run = run(&program, 20.0, 10.0);
    let failed = count(&program, &run, 500);
    assert!((95..=100).contains(&failed), "{failed}");
    assert!(millis(&run).iter().all(|&millis| millis <= 250.0));
}

#[test]
fn errors_of_the_application_are_a_share_of_500() {
    let program = compile("- ec2: {service: 1 ms, errors: 10%}");
    // 10,000 requests: five standard deviations are 150.
    let run = run(&program, 1000.0, 10.0);
    assert!(count(&program, &run, 500).abs_diff(1000) < 150);
}

// ---- load balancers ----

#[test]
fn an_empty_target_group_answers_503() {
    let program = compile("- alb");
    assert_eq!(statuses(&program, &run(&program, 10.0, 1.0)), [(503, 10)]);
}

#[test]
fn a_target_that_is_silent_for_the_idle_timeout_makes_504() {
    let program = compile("- alb: {latency: 0 ms, rtt: 0 ms, idle_timeout: 2 s}\n- ec2: {service: 3 s}");
    let run = run(&program, 10.0, 1.0);
    assert_eq!(statuses(&program, &run), [(504, 10)]);
    assert!(millis(&run).iter().all(|&millis| millis == 2000.0));
    assert_eq!(resource(&run, "ec2.workers").arrivals, 10, "the work goes on unseen");
}

#[test]
fn one_node_takes_targets_in_turn_and_two_nodes_only_nearly() {
    let busy = |nodes: u32| {
        let text = format!("- alb: {{nodes: {nodes}}}\n- ec2: {{instances: 4, service: 1 ms}}");
        let program = compile(&text);
        let mut busy = resource(&run(&program, 1000.0, 1.0), "ec2.workers").busy.clone();
        busy.iter_mut().for_each(|busy| *busy /= 1_000_000);
        busy
    };
    assert_eq!(busy(1), [250; 4]);
    let two = busy(2);
    assert_eq!(two.iter().sum::<u64>(), 1000);
    assert!(two.iter().all(|busy| busy.abs_diff(250) <= 2), "each node goes in turn: {two:?}");
}

#[test]
fn nodes_that_share_no_counts_balance_worse() {
    let waits = |nodes: u32| {
        let program = compile(&format!(
            "- alb: {{nodes: {nodes}, algorithm: least_outstanding}}\n\
             - ec2: {{instances: 8, workers: 1, queue: unlimited, service: {{exponential: {{mean: 10 ms}}}}}}"
        ));
        let run = run_with(&program, &traffic(Spacing::Poisson, 640.0, 30.0, 0), 0);
        resource(&run, "ec2.workers").wait.mean()
    };
    let (one, eight) = (waits(1), waits(8));
    assert!(eight > 1.5 * one, "{one} against {eight}");
}

#[test]
fn connections_to_targets_are_opened_once_and_kept() {
    let program = compile("- alb: {connect: 5 ms}\n- ecs: {tasks: 2, service: 1 ms}");
    let run = run(&program, 100.0, 10.0);
    let connections = resource(&run, "alb.connections");
    assert_eq!((connections.arrivals, connections.hits), (1000, 998));
}

#[test]
fn a_network_balancer_keeps_each_connection_at_one_target() {
    let busy = |connections: u32, replication: u64| {
        let program =
            compile(&format!("- nlb: {{connections: {connections}}}\n- ec2: {{instances: 4, service: 1 ms}}"));
        let run = run_with(&program, &traffic(Spacing::Even, 1000.0, 1.0, 0), replication);
        let busy = resource(&run, "ec2.workers").busy.clone();
        busy.iter().map(|&busy| busy / 1_000_000).collect::<Vec<_>>()
    };
    let used = |busy: &[u64]| busy.iter().position(|&busy| busy == 1000).expect("one target does all the work");
    let targets: Vec<usize> = (0..8).map(|replication| used(&busy(1, replication))).collect();
    // All eight replications choose the same one of four targets with probability 4^-7.
    assert!(targets.iter().any(|&target| target != targets[0]), "luck differs between replications");
    // Many connections: nearly even, five standard deviations of a binomial count are 69.
    assert!(busy(1_000_000, 0).iter().all(|&busy| busy.abs_diff(250) < 69));
}

#[test]
fn a_network_balancer_in_front_of_an_alb_leaves_the_choice_to_it() {
    let program = compile("- nlb\n- alb: {nodes: 1}\n- ec2: {instances: 4, service: 1 ms}");
    assert_eq!(program.balancers.len(), 1);
    assert_eq!(program.balancers[0].targets, 4);
    let run = run(&program, 1000.0, 1.0);
    assert_eq!(resource(&run, "ec2.workers").busy, [250_000_000; 4]);
}

#[test]
fn weights_must_be_one_a_target() {
    let path = read("- alb: {algorithm: weighted_random, weights: [1, 3]}\n- ec2: {instances: 2}").expect("a path");
    let place = |targets| gatepath::program::Place { targets: Some(targets), ..Default::default() };
    assert!(path[1].fits(&place(2)).is_ok());
    assert!(path[1].fits(&place(3)).expect_err("refused").contains("2 weights for 3 targets"));
    let program = compile("- alb: {algorithm: weighted_random, weights: [1, 3]}\n- ec2: {instances: 2, service: 1 ms}");
    let run = run(&program, 1000.0, 10.0);
    let busy = &resource(&run, "ec2.workers").busy;
    // 10,000 requests: five standard deviations are 217.
    assert!(busy[1].abs_diff(7_500_000_000) < 217_000_000, "{busy:?}");
}

// ---- functions ----

/// A function without the times the service adds.
const BARE: &str = "overhead: 0 ms, placement: 0 ms, init: 0 ms, first_run: 0 ms";

#[test]
fn a_function_is_throttled_above_its_concurrency() {
    let program = compile(&format!("- lambda: {{handler: 1 s, reserved: 2, {BARE}}}"));
    let run = run(&program, 10.0, 10.0);
    assert_eq!(statuses(&program, &run), [(200, 20), (429, 80)]);
    let program = compile(&format!("- http_api\n- lambda: {{handler: 1 s, reserved: 2, {BARE}}}"));
    let behind_api = count(&program, &self::run(&program, 10.0, 10.0), 500);
    assert!((79..=81).contains(&behind_api), "an API shows 500: {behind_api}");
}

#[test]
fn a_function_is_throttled_when_new_environments_come_too_fast() {
    let program =
        compile(&format!("- lambda: {{handler: 1000 s, timeout: 900 s, scaling_burst: 5, scaling_rate: 1/s, {BARE}}}"));
    // 5 at once and one more each second: the bucket is full at the start and again after each token.
    let run = run(&program, 10.0, 20.0);
    let scaling = resource(&run, "lambda.scaling");
    assert_eq!((scaling.arrivals, scaling.arrivals - scaling.refused), (200, 24));
    let environments = resource(&run, "lambda.environments");
    assert_eq!(environments.hits, 0, "an environment that was not started cannot be reused");
}

#[test]
fn a_function_takes_ten_requests_a_second_for_each_environment() {
    let program = compile(&format!("- lambda: {{handler: 1 ms, reserved: 10, {BARE}}}"));
    // 200/s against 100/s and a burst of 100.
    let run = run(&program, 200.0, 10.0);
    assert_eq!(count(&program, &run, 200), 1099);
}

#[test]
fn environments_stay_warm_for_their_keep_alive() {
    let cold = |keep_alive: &str| {
        let program = compile(&format!("- lambda: {{handler: 1 s, keep_alive: {keep_alive}, {BARE}}}"));
        let run = run(&program, 0.01, 1000.0);
        let environments = resource(&run, "lambda.environments");
        environments.arrivals - environments.hits
    };
    assert_eq!((cold("98 s"), cold("100 s")), (10, 1));
}

#[test]
fn a_cold_start_is_slower_by_placement_init_and_first_run() {
    let program = compile(
        "- lambda: {handler: 10 ms, overhead: 5 ms, placement: 100 ms, init: 200 ms, first_run: 30 ms, provisioned: 1}\n",
    );
    assert_eq!(millis(&run(&program, 10.0, 0.2)), [15.0, 15.0], "a provisioned environment is never cold");
    let program =
        compile("- lambda: {handler: 10 ms, overhead: 5 ms, placement: 100 ms, init: 200 ms, first_run: 30 ms}");
    let run = run(&program, 2.0, 1.0);
    assert_eq!(millis(&run), [345.0, 15.0]);
    // Billed: in use, less what the service needs before it initialises.
    let unbilled = program.meters.iter().position(|meter| meter.name == "not_billed").expect("a meter");
    let billed = resource(&run, "lambda.environments").busy[0] - run.used(unbilled);
    assert_eq!(billed, 240_000_000 + 10_000_000);
}

#[test]
fn memory_decides_the_time_of_processors_and_first_runs() {
    let times = |memory: u32| {
        let program = compile(&format!(
            "- lambda: {{memory: {memory} MB, cpu: 100 ms, overhead: 0 ms, placement: 0 ms, init: 0 ms, timeout: 60 s}}"
        ));
        millis(&run(&program, 0.5, 4.0))
    };
    // One vCPU at 1,769 MB; more memory does not make one thread faster. First run 3.4 ms at 1024 MB.
    let (small, large) = (times(128), times(3538));
    assert!((small[1] - 100.0 * 1769.0 / 128.0).abs() < 0.001, "{small:?}");
    assert!((small[0] - small[1] - 3.4 * 8.0).abs() < 0.001, "{small:?}");
    assert_eq!(large[1], 100.0);
}

#[test]
fn a_function_that_runs_too_long_is_cut_at_its_timeout() {
    let program = compile(&format!("- lambda: {{handler: 5 s, {BARE}}}"));
    let run = run(&program, 10.0, 1.0);
    assert_eq!(statuses(&program, &run), [(502, 10)]);
    assert!(millis(&run).iter().all(|&millis| millis == 3000.0), "3 s is the default");
}

#[test]
fn a_gateway_gives_up_after_29_s_while_the_function_works_on() {
    let program = compile(&format!("- timeout: {{after: 29 s}}\n- lambda: {{handler: 40 s, timeout: 60 s, {BARE}}}"));
    let run = run(&program, 1.0, 10.0);
    assert_eq!(statuses(&program, &run), [(504, 10)]);
    assert!(millis(&run).iter().all(|&millis| millis == 29_000.0));
    assert_eq!(resource(&run, "lambda.environments").arrivals, 10);
    assert_eq!(run.balance.cut, 10);
}

#[test]
fn a_payload_above_6_mb_is_refused() {
    let program = compile(&format!("- lambda: {{handler: 1 ms, {BARE}}}"));
    for (bytes, status) in [(6 << 20, 200), ((6 << 20) + 1, 413)] {
        let run = run_with(&program, &traffic(Spacing::Even, 10.0, 1.0, bytes), 0);
        assert_eq!(statuses(&program, &run), [(status, 10)]);
    }
}

/// Cold shares of AWS measured with Poisson arrivals (data pack, rows `validation.lambda_poisson_*`): rate, mean warm and
/// cold response in seconds, cold share and its standard error.
const MEASURED: &[(f64, f64, f64, f64, f64)] = &[
    (0.00572, 1.952, 2.359, 0.0383, 0.0062),
    (0.01638, 1.959, 2.341, 0.0196, 0.0021),
    (0.05012, 1.967, 2.192, 0.0085, 0.0009),
    (0.30179, 1.992, 2.271, 0.0029, 0.0002),
    (0.79794, 2.015, 2.183, 0.0016, 0.0001),
];

#[test]
fn cold_starts_are_as_rare_as_measured_on_aws() {
    for &(rate, warm, cold, share, error) in MEASURED {
        let program = compile(&format!(
            "- lambda: {{handler: {{exponential: {{mean: {warm} s}}}}, init: {} s, first_run: 0 ms, placement: 0 ms, \
             overhead: 0 ms, keep_alive: 640 s, timeout: 900 s}}",
            cold - warm
        ));
        // Enough for a standard error of ours far below that of the measurement.
        let traffic = traffic(Spacing::Poisson, rate, 100_000.0 / rate, 0);
        let options = Options {
            seed: 7,
            replication: 0,
            from: Time::ZERO,
            until: traffic.until(),
            interval: None,
            guard: Guard::default(),
            trace: false,
            cancel: None,
        };
        let run = execute(Executor::Event, &program, &|| traffic.source(7, 0), &options);
        assert_eq!(run.verdict, Verdict::Complete);
        let environments = resource(&run, "lambda.environments");
        let simulated = 1.0 - environments.hits as f64 / environments.arrivals as f64;
        assert!((simulated - share).abs() < 3.5 * error, "at {rate}/s: {simulated} against {share} +- {error}");
    }
}

// ---- databases ----

#[test]
fn a_database_refuses_connections_above_its_maximum() {
    let program = compile("- rds: {vcpus: 8, connections: 2, query: 1 s, rtt: 0 ms, connect: 0 ms}");
    assert_eq!(statuses(&program, &run(&program, 10.0, 10.0)), [(200, 20), (500, 80)]);
}

#[test]
fn a_proxy_makes_callers_wait_until_its_borrow_timeout() {
    let program = compile(
        "- rds_proxy: {connections: 1, borrow_timeout: 1 s, latency: 0 ms}\n\
         - rds: {vcpus: 8, connections: 1, query: 500 ms, rtt: 0 ms, connect: 0 ms}",
    );
    let run = run(&program, 10.0, 10.0);
    let failed = count(&program, &run, 500);
    assert!((77..=80).contains(&failed), "two a second are served: {failed}");
    assert!(millis(&run).iter().all(|&millis| millis <= 1500.0));
    assert_eq!(resource(&run, "rds.connections").refused, 0, "the proxy shields the database");
}

#[test]
fn the_maximum_of_connections_follows_memory_and_engine() {
    let maximum = |class: &str, engine: &str| {
        let program = compile(&format!("- rds: {{class: {class}, engine: {engine}}}"));
        fact(&program, "rds", "connections").parse::<u32>().expect("a number")
    };
    // The guide says about 1,300 for MySQL with 16 GiB.
    assert_eq!(maximum("db.r6g.large", "mysql"), 1297);
    assert_eq!(maximum("db.r6g.large", "postgres"), 1712);
    assert_eq!(maximum("db.r6g.16xlarge", "postgres"), 5000);
    assert_eq!(maximum("db.r6g.large", "mariadb"), 648);
}

#[test]
fn queries_queue_for_two_servers_a_vcpu_or_share_the_vcpus() {
    let last = |discipline: &str| {
        let program = compile(&format!(
            "- rds: {{vcpus: 1, connections: 100, query: 100 ms, rtt: 0 ms, connect: 0 ms, discipline: {discipline}}}"
        ));
        // Three requests 1 ms apart.
        let run = run(&program, 1000.0, 0.003);
        millis(&run)
    };
    assert_eq!(last("fifo"), [100.0, 100.0, 198.0]);
    let shared = last("processor_sharing");
    assert!(shared.iter().all(|&millis| millis > 296.0 && millis < 300.0), "{shared:?}");
}

#[test]
fn a_database_used_from_two_places_has_one_state() {
    let shared =
        read("- rds: {vcpus: 8, connections: 2, query: 1 s, rtt: 0 ms, connect: 0 ms}").expect("a path")[1].clone();
    let client: Arc<dyn Part> = Arc::new(Client::patient());
    let branch = |share| (gatepath::stage::route::When::Share(share), Path::from(vec![shared.clone()]));
    let route = gatepath::stage::route::Route {
        name: "route".into(),
        branches: vec![branch(0.5), (gatepath::stage::route::When::Otherwise, Path::from(vec![shared.clone()]))],
    };
    let program =
        Builder::compile(&vec![client, Arc::new(route) as Arc<dyn Part>].into(), Vec::new()).expect("compiles");
    assert_eq!((program.connections.len(), program.stations.len()), (1, 1));
    assert_eq!(statuses(&program, &run(&program, 10.0, 10.0)), [(200, 20), (500, 80)]);
}

// ---- lines ----

#[test]
fn a_line_needs_time_for_distance_and_bytes() {
    let program = compile("- link: {rtt: 10 ms, bandwidth: 8.192 Mbps}");
    let run = run_with(&program, &traffic(Spacing::Even, 10.0, 1.0, 4096), 0);
    // 4 KiB each way at 1 KiB a millisecond.
    assert!(millis(&run).iter().all(|&millis| millis == 18.0));
}

// ---- what is refused ----

#[test]
fn what_cannot_be_is_refused_where_it_is_written() {
    let cases = [
        ("- ec2: {type: m7i.huge}", "unknown instance type `m7i.huge`"),
        ("- ec2: {cpu: 5 ms}", "`cpu` needs to know the processors"),
        ("- ecs: {size: {vcpu: 3, memory: 8 GiB}}", "a task cannot have 3 vCPU"),
        ("- rds: {query: 5 ms}", "the number of connections is unknown"),
        ("- rds: {class: m6g.large}", "unknown instance class `m6g.large`"),
        ("- rds_proxy", "the number of connections is unknown"),
        ("- lambda: {memory: 1 GiB}", "a function needs the time of its `handler`"),
        ("- lambda: {handler: 1 ms, memory: 64 MB}", "a function cannot have 64 MB"),
        ("- lambda: {handler: 1 ms, provisioned: 20, reserved: 10}", "20 provisioned environments are too many"),
        ("- alb: {weights: [1, 2]}", "`weights` needs `algorithm: weighted_random`"),
        ("- link: {bandwidth: 1 Gbps}", "how long is this line?"),
        ("- nlb: {zones: 0}", "`zones` cannot be 0"),
    ];
    for (text, message) in cases {
        let problems = read(text).expect_err(text);
        assert!(problems.contains(message), "{text}: {problems}");
        assert!(problems.contains("path.yaml:1:"), "{text}: {problems}");
    }
}

// ---- scenario files ----

/// The scenario files of the repository.
fn scenarios() -> Vec<std::path::PathBuf> {
    scenarios_in("scenarios")
}

fn scenarios_in(folder: &str) -> Vec<std::path::PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).expect("a folder of scenarios").flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_opens_with_a_question_and_has_objectives() {
    assert!(scenarios().len() >= 10);
    for path in scenarios() {
        let text = std::fs::read_to_string(&path).expect("readable");
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("# ") && first.ends_with('?'), "{}: {first}", path.display());
        let scenario = scenario::load(&path, &[]).unwrap_or_else(|(problems, sources)| {
            panic!("{}", render(&problems, &sources, false));
        });
        assert!(!scenario.title.is_empty() && !scenario.objectives.is_empty(), "{}", path.display());
        assert!(scenario.warnings.is_empty(), "{}", render(&scenario.warnings, &scenario.sources, false));
    }
}

#[test]
fn all_executors_agree_on_every_scenario() {
    let (mut offered, mut in_windows) = (0, 0);
    let folders = ["scenarios", "tests/validation/scenarios", "benches/models"];
    for path in folders.into_iter().flat_map(scenarios_in) {
        let scenario = scenario::load(&path, &[]).unwrap_or_else(|_| panic!("{}", path.display()));
        let options = Options {
            seed: scenario.seed,
            replication: 3,
            from: Time::ZERO,
            until: Time::ZERO + scenario.duration,
            interval: None,
            guard: scenario.guard,
            trace: true,
            cancel: None,
        };
        // The first five thousand requests of each are enough to be wrong.
        let source = || -> Box<dyn Source> {
            Box::new(First { source: scenario.traffic.source(scenario.seed, 3), left: 5_000 })
        };
        let run = |executor| execute(executor, &scenario.program, &source, &options);
        let [plain, event] = [Executor::Plain, Executor::Event].map(run);
        let lengths = [Span(1 << 20), Span(33_333_333), Span(500_000_000)];
        let windows = lengths.into_iter().map(|length| Executor::Window(Some(length)));
        for executor in windows.chain([Executor::Auto]) {
            assert!(plain == run(executor), "{}: {executor:?}", path.display());
        }
        // As if nobody came back, which is so on most paths.
        let optimistic = optimistically(&scenario.program, &source, &options, Span(500_000_000));
        assert!(optimistic.as_ref().is_none_or(|run| *run == plain), "{}", path.display());
        in_windows += optimistic.is_some() as u32;
        offered += event.offered;
        assert!(plain == event, "{}", path.display());
        assert!(!matches!(event.verdict, Verdict::Inconsistent { .. }), "{}: {:?}", path.display(), event.verdict);
    }
    assert!(offered > 250_000, "{offered} requests");
    assert!(in_windows >= 6, "{in_windows} scenarios in optimistic windows");
}

/// The first requests of a source.
struct First {
    source: Box<dyn Source>,
    left: usize,
}

impl Source for First {
    fn is_closed(&self) -> bool {
        self.source.is_closed()
    }

    fn follow(&mut self, serial: u64, end: Time) -> Option<Arrival> {
        self.source.follow(serial, end).filter(|next| next.serial < 5_000)
    }

    fn fill(&mut self, block: &mut Vec<Arrival>) {
        let before = block.len();
        self.source.fill(block);
        block.truncate(before + self.left);
        self.left -= block.len() - before;
    }
}

fn scenario_file(name: &str, overrides: &[&str]) -> scenario::Scenario {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    let overrides: Vec<String> = overrides.iter().map(|text| text.to_string()).collect();
    scenario::load(&path, &overrides)
        .unwrap_or_else(|(problems, sources)| panic!("{}", render(&problems, &sources, false)))
}

/// One replication of a whole scenario.
fn whole(scenario: &scenario::Scenario, trace: bool) -> Run {
    let options = Options {
        seed: scenario.seed,
        replication: 0,
        from: Time::ZERO + scenario.warmup,
        until: Time::ZERO + scenario.duration,
        interval: None,
        guard: scenario.guard,
        trace,
        cancel: None,
    };
    let run = execute(Executor::Event, &scenario.program, &|| scenario.traffic.source(scenario.seed, 0), &options);
    assert!(!matches!(run.verdict, Verdict::Inconsistent { .. }), "{:?}", run.verdict);
    run
}

#[test]
fn the_three_paths_serve_the_same_users_with_the_same_luck() {
    let paths = ["rest-vpc-link-v1.yaml", "http-vpc-link-v2.yaml", "lambda-vpc.yaml"];
    let short = ["traffic.duration=40 s"];
    let runs = paths.map(|name| {
        let scenario = scenario_file(name, &short);
        let run = whole(&scenario, true);
        let outcome = |name: &str| scenario.program.outcomes.iter().position(|outcome| outcome.reason == name);
        let blocked = outcome("waf: blocked").expect("an outcome");
        let users: Vec<_> = run.trace.iter().map(|record| (record.serial, record.born)).collect();
        let blocked = |record: &&gatepath::exec::Record| record.outcome as usize == blocked;
        let blocked: Vec<_> = run.trace.iter().filter(blocked).map(|record| record.serial).collect();
        let served = run.trace.iter().filter(|record| record.outcome == 0).count();
        assert!(served as f64 > 0.995 * run.trace.len() as f64, "{name}: {served}");
        (users, blocked)
    });
    assert!(runs[0].1.len() > 10, "too few to compare");
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[0], runs[2]);
}

#[test]
fn retries_alone_bring_a_half_busy_server_down() {
    let errors = |overrides: &[&str]| {
        let run = whole(&scenario_file("retry-storm.yaml", overrides), false);
        1.0 - run.served as f64 / run.ended as f64
    };
    assert!(errors(&[]) > 0.5);
    assert!(errors(&["client.retries.attempts=1"]) < 0.02);
    assert!(errors(&["client.retries.budget=10%"]) < 0.03);
}

#[test]
fn least_outstanding_keeps_short_requests_from_waiting_behind_long_ones() {
    let p99 = |algorithm: &str| {
        let scenario = scenario_file("alb-only.yaml", &[&format!("path.0.alb.algorithm={algorithm}")]);
        whole(&scenario, false).latency(|_, outcome| outcome == 0).quantile(0.99)
    };
    assert!(p99("round_robin") > 3.0 * p99("least_outstanding"));
}

#[test]
fn a_steep_rise_of_traffic_throttles_a_function_and_a_ramp_does_not() {
    let throttled = |overrides: &[&str]| {
        let scenario = scenario_file("lambda-burst.yaml", overrides);
        let run = whole(&scenario, false);
        count(&scenario.program, &run, 429)
    };
    assert!(throttled(&[]) > 50);
    assert_eq!(throttled(&["traffic.stages.1.duration=30 s"]), 0);
}

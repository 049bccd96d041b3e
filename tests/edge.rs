//! Stages of the edge and the gateways on whole paths: what they cost in time, what they remember, what they refuse to
//! be. Times are made constant where a figure is expected exactly.

mod paths_of;

use gatepath::diagnostic::{Problems, SourceSpan};
use gatepath::exec::{Resource, Run};
use gatepath::facts::Facts;
use gatepath::law::Law;
use gatepath::program::{Grade, Origin, Program};
use gatepath::spec::Node;
use gatepath::stage::{Context, kinds};
use paths_of::{Request, compile, read, run, usage};

/// Latencies in milliseconds, in order of arrival.
fn millis(path: &str, requests: &[Request]) -> Vec<f64> {
    run(&compile(path), requests).trace.iter().map(|record| record.end.since(record.born).as_millis_f64()).collect()
}

/// So many requests of 100 bytes for one key, some milliseconds apart.
fn every(apart: u64, count: u64) -> Vec<Request> {
    (0..count).map(|number| (number * apart, 0, 100)).collect()
}

fn resource<'a>(run: &'a Run, name: &str) -> &'a Resource {
    run.resources.iter().find(|resource| resource.name == name).unwrap_or_else(|| panic!("no resource {name}"))
}

/// What `explain` shows of a stage.
fn fact<'a>(program: &'a Program, stage: &str, what: &str) -> (&'a str, &'a Origin) {
    let stage = program.stages.iter().find(|known| known.name == stage).expect("a stage");
    let fact = stage.facts.iter().find(|fact| fact.what == what).unwrap_or_else(|| panic!("no fact {what}"));
    (&fact.value, &fact.origin)
}

fn refusal(path: &str) -> String {
    read(path).err().unwrap_or_else(|| panic!("{path} is not refused"))
}

// ---- names ----

#[test]
fn each_client_looks_a_name_up_once_in_its_time_to_live() {
    let path = "- route53: {ttl: 60 s, time: 8 ms, resolver_hits: 100%}";
    let requests = [(0, 1, 0), (1000, 1, 0), (2000, 2, 0), (59_000, 1, 0), (61_000, 1, 0)];
    assert_eq!(millis(path, &requests), [8.0, 0.0, 8.0, 0.0, 8.0]);
}

#[test]
fn a_lost_question_costs_the_retry_time() {
    let path = "- route53: {lookups: 100%, resolver_hits: 0%, time: 8 ms, miss_time: 30 ms, lost: 100%}";
    assert_eq!(millis(path, &every(1, 1)), [5038.0]);
    assert_eq!(millis("- route53: {lookups: 0%}", &every(1, 1)), [0.0]);
}

#[test]
fn only_lookups_the_resolver_cannot_answer_are_counted_and_those_of_an_alias_apart() {
    for (alias, meter) in [("false", "standard_query"), ("true", "alias_query_to_aws_resource")] {
        let program = compile(&format!("- route53: {{lookups: 100%, alias: {alias}}}"));
        let run = run(&program, &every(1, 2000));
        // 100 expected, standard deviation 9.7: false alarm once in 10^9.
        let queries = usage(&program, &run, "route53", meter);
        assert!((40..=160).contains(&queries), "{queries}");
    }
}

// ---- distribution ----

#[test]
fn a_late_origin_gets_a_get_three_times_and_a_write_once() {
    let path = |share: &str| {
        format!(
            "- cloudfront: {{response_timeout: 1 s, get_share: {share}, origin_rtt: 0 ms, miss_time: 0 ms}}\n- delay: {{time: 5 s}}"
        )
    };
    let three = millis(&path("100%"), &every(1, 1))[0];
    assert!((three - 3000.0).abs() < 0.001, "{three}");
    assert_eq!(millis(&path("0%"), &every(1, 1)), [1000.0]);
}

#[test]
fn a_hit_costs_the_hit_time_and_a_miss_the_way_to_the_origin() {
    let path = "- cloudfront: {ttl: 1 min, hit_time: 2 ms, miss_time: 3 ms, origin_rtt: 20 ms, reuse: 100%}\n- delay: {time: 10 ms}";
    assert_eq!(millis(path, &every(100, 3)), [33.0, 2.0, 2.0]);
}

#[test]
fn a_new_connection_to_the_origin_costs_two_round_trips_more() {
    let hop = "origin_rtt: 20 ms, miss_time: 0 ms";
    assert_eq!(millis(&format!("- cloudfront: {{{hop}, reuse: 0%}}"), &every(100, 2)), [60.0, 60.0]);
    let pops = format!("- cloudfront: {{{hop}, connections: {{pops: 1, keep_alive: 5 s}}}}");
    let requests = [(0, 0, 0), (1000, 0, 0), (5000, 0, 0), (11_000, 0, 0)];
    assert_eq!(millis(&pops, &requests), [60.0, 20.0, 20.0, 60.0]);
}

#[test]
fn a_hit_ratio_is_the_share_of_all_requests() {
    let program = compile("- cloudfront: {hit_ratio: 30%}\n- bucket: {rate: 1 k/s, burst: 10000}");
    let run = run(&program, &every(1, 10_000));
    // 7000 expected, standard deviation 46: false alarm once in 10^9.
    let origin = resource(&run, "bucket").arrivals;
    assert!((6720..=7280).contains(&origin), "{origin}");
}

#[test]
fn bytes_are_billed_for_answers_that_are_served_only() {
    let program = compile("- cloudfront");
    let served = run(&program, &every(1, 3));
    assert_eq!(usage(&program, &served, "cloudfront", "data_transfer_out_gb"), 300);
    let program = compile("- cloudfront: {blocked: 100%, function: true}");
    let blocked = run(&program, &every(1, 3));
    assert_eq!(usage(&program, &blocked, "cloudfront", "https_request"), 3);
    assert_eq!(usage(&program, &blocked, "cloudfront", "data_transfer_out_gb"), 0);
    assert_eq!(usage(&program, &blocked, "cloudfront", "function_invocation"), 0);
}

// ---- web ACL ----

#[test]
fn a_web_acl_is_faster_at_the_edge() {
    let law = |path: &str| {
        let program = compile(path);
        let site = program.sites.iter().find(|site| site.purpose == "inspection").expect("a site").clone();
        match site.origin {
            Origin::Fact { id, .. } => id,
            other => panic!("{other}"),
        }
    };
    assert_eq!(law("- waf\n- cloudfront"), "waf.added_latency_cloudfront");
    assert_eq!(law("- waf\n- rest_api"), "waf.added_latency_regional");
    assert_eq!(law("- waf: {at: cloudfront}\n- rest_api"), "waf.added_latency_cloudfront");
}

#[test]
fn a_body_costs_time_up_to_the_limit() {
    let path = "- waf: {time: 2 ms, inspect_body: true, body_time: 1 ms, body_time_per_kib: 100 us}";
    let requests = [(0, 0, 0), (100, 0, 1024), (200, 0, 16 * 1024), (300, 0, 1 << 20)];
    assert_eq!(millis(path, &requests), [2.0, 3.1, 4.6, 4.6]);
}

#[test]
fn large_bodies_and_large_rule_sets_cost_a_surcharge() {
    let program = compile("- waf: {capacity: 2600, inspect_body: true, body_limit: 48 KiB}");
    let run = run(&program, &[(0, 0, 1024), (1, 0, 60 * 1024)]);
    assert_eq!(usage(&program, &run, "waf", "wcu_overage_request_per_500wcu"), 2 * 3);
    assert_eq!(usage(&program, &run, "waf", "body_overage_request_per_16kb"), 2);
}

// ---- gateways ----

#[test]
fn the_gateways_own_time_follows_its_law_although_it_is_spent_in_two_pieces() {
    let mut latencies = millis("- rest_api", &every(1, 40_000));
    latencies.sort_by(f64::total_cmp);
    let id = "apigw_rest.overhead_latency";
    let law = Facts::pack(Facts::DEFAULT_PACK).expect("the pack").law(id).expect("a law");
    let law = Law::compile(&law.value).expect("a law");
    // Two pieces drawn apart would have a p99 of 19 ms instead of 24.8 ms. Standard error of a p99 of 40,000: 1.2 %.
    for (p, at) in [(0.5, 20_000), (0.99, 39_600)] {
        let (found, expected) = (latencies[at], law.quantile(p) / 1e6);
        assert!((found / expected - 1.0).abs() < 0.06, "p{p}: {found} ms against {expected} ms");
    }
}

#[test]
fn a_refusal_takes_its_own_time_and_none_of_the_overhead() {
    let keys = "overhead: 20 ms, refusal_time: 3 ms";
    assert_eq!(millis(&format!("- rest_api: {{{keys}, unmatched: 100%}}"), &every(1, 1)), [3.0]);
    assert_eq!(millis(&format!("- http_api: {{{keys}, unmatched: 100%}}"), &every(1, 1)), [3.0]);
    let throttled = format!("- rest_api: {{{keys}, throttle: {{rate: 1/s, burst: 1}}}}\n- delay: {{time: 7 ms}}");
    assert_eq!(millis(&throttled, &every(100, 2)), [27.0, 3.0]);
}

#[test]
fn a_private_api_pays_the_way_through_its_endpoint_even_for_a_refusal() {
    let keys = "endpoint: private, endpoint_rtt: 2 ms, refusal_time: 3 ms, overhead: 10 ms";
    let path = |denied: &str| format!("- rest_api: {{{keys}, resource_policy: {{denied: {denied}}}}}");
    assert_eq!(millis(&path("100%"), &every(1, 1)), [5.0]);
    assert_eq!(millis(&path("0%"), &every(1, 1)), [12.0]);
}

#[test]
fn an_answer_from_the_stage_cache_takes_the_hit_time() {
    let path =
        "- rest_api: {overhead: 8 ms, cache: {ttl: 10 s, hit_time: 6 ms, miss_time: 1 ms}}\n- delay: {time: 20 ms}";
    let requests = [(0, 1, 0), (1000, 1, 0), (2000, 2, 0), (12_000, 1, 0)];
    assert_eq!(millis(path, &requests), [29.0, 6.0, 29.0, 29.0]);
}

#[test]
fn a_small_cache_node_saturates() {
    // 0.5 GB answer 1,000 a second; 2,000 come.
    let program = compile("- rest_api: {cache: {hit_ratio: 100%, size: 0.5}, account: {rate: 1 M/s, burst: 100000}}");
    let requests: Vec<Request> = (0..6000).map(|number| (number / 2, 0, 0)).collect();
    let run = run(&program, &requests);
    assert!(
        resource(&run, "rest_api.cache node").refused > 1000,
        "{:?}",
        resource(&run, "rest_api.cache node").refused
    );
}

#[test]
fn templates_cost_time_both_ways() {
    let path = "- rest_api: {overhead: 8 ms, mapping: true, mapping_time: 2 ms}";
    assert_eq!(millis(path, &every(1, 1)), [12.0]);
}

#[test]
fn a_policy_is_cached_for_each_key() {
    let lambda = "gateway_time: 3 ms, service_time: 5 ms, function: 2 ms, cold_share: 0%, cached_time: 1 ms";
    let path = format!("- rest_api: {{overhead: 0 ms, authorizer: {{lambda: {{{lambda}, ttl: 10 s}}}}}}");
    let requests = [(0, 1, 0), (1000, 1, 0), (2000, 2, 0), (9000, 1, 0), (11_000, 1, 0)];
    assert_eq!(millis(&path, &requests), [10.0, 1.0, 10.0, 1.0, 10.0]);
    // An HTTP API caches nothing unless told so.
    let path = format!("- http_api: {{overhead: 0 ms, authorizer: {{lambda: {{{lambda}}}}}}}");
    assert_eq!(millis(&path, &requests), [10.0; 5]);
    let cold = lambda.replace("cold_share: 0%", "cold_share: 100%, cold_time: 200 ms");
    let path = format!("- http_api: {{overhead: 0 ms, authorizer: {{lambda: {{{cold}}}}}}}");
    assert_eq!(millis(&path, &every(1000, 1)), [210.0]);
}

#[test]
fn a_denied_request_has_cost_an_invocation_of_its_authorizer() {
    let program = compile("- rest_api: {authorizer: {lambda: {denied: 100%, ttl: 0 s}}}");
    let run = run(&program, &every(100, 3));
    assert_eq!(usage(&program, &run, "rest_api", "authorizer_invocation"), 3);
    assert_eq!(usage(&program, &run, "rest_api", "rest_request"), 0);
}

#[test]
fn who_raises_the_timeout_pays_with_the_rate_of_the_account() {
    let program = compile("- rest_api: {integration_timeout: 300 s}");
    let (rate, origin) = fact(&program, "rest_api", "account rate");
    assert!(rate.starts_with("966.6"), "{rate}");
    assert_eq!(origin.grade(), Some(Grade::C));
    let program = compile("- rest_api: {integration_timeout: 300 s, account: {rate: 5000/s}}");
    assert_eq!(fact(&program, "rest_api", "account rate").1, &Origin::Scenario);
    let program = compile("- rest_api");
    assert_eq!(program.buckets[0].rate, 10_000.0);
    assert_eq!(program.buckets[0].burst, 5_000.0);
}

#[test]
fn answers_go_to_the_internet_once() {
    let out = |path: &str| {
        let program = compile(path);
        let run = run(&program, &every(1, 1));
        usage(&program, &run, "rest_api", "internet_out_gb")
    };
    assert_eq!(out("- rest_api"), 100);
    assert_eq!(out("- cloudfront\n- rest_api"), 0);
    assert_eq!(out("- rest_api: {endpoint: private, resource_policy: {denied: 0%}}"), 0);
}

// ---- links ----

#[test]
fn a_link_reuses_connections_while_they_are_warm() {
    let targets = "- ec2: {workers: 10, service: 10 ms}";
    let balancers = [
        ("- rest_api: {overhead: 0 ms}\n- vpc_link_v1", "- nlb: {latency: 0 ms, rtt: 0 ms}"),
        ("- http_api: {overhead: 0 ms}\n- vpc_link_v2", "- alb: {nodes: 1, latency: 0 ms, rtt: 0 ms}"),
    ];
    for (link, balancer) in balancers {
        let path = format!("{link}: {{workers: 1, rtt: 1 ms, connect: 5 ms, keep_alive: 60 s}}\n{balancer}\n{targets}");
        // The second while the first is on its way; then one that is warm, and one after a pause.
        let requests = [(0, 0, 0), (2, 0, 0), (1000, 0, 0), (62_000, 0, 0)];
        assert_eq!(millis(&path, &requests), [16.0, 16.0, 11.0, 16.0], "{path}");
    }
}

#[test]
fn each_worker_of_the_gateway_has_its_own_connections() {
    let path = "- rest_api\n- vpc_link_v1\n- nlb\n- ec2: {workers: 100}";
    let program = compile(path);
    let run = run(&program, &every(50, 1000));
    let opened = |run: &Run| {
        let connections = resource(run, "vpc_link_v1.connections");
        connections.arrivals - connections.hits
    };
    // 1,000 requests to 64 workers at random: all but about e^(-1000/64) of a worker are met.
    assert!((64..=90).contains(&opened(&run)), "{}", opened(&run));
}

#[test]
fn lists_of_instances_are_renewed_by_each_worker_once_in_their_life() {
    let path = "- http_api\n- vpc_link_v2\n- cloud_map: {ttl: 10 s, workers: 20}\n- ecs: {tasks: 3}";
    let program = compile(path);
    let run = run(&program, &every(10, 10_000));
    // At the start the list of each worker, then 2 a second for 100 s.
    let calls = usage(&program, &run, "cloud_map", "discover_call");
    assert!((215..=221).contains(&calls), "{calls}");
    let spread = resource(&run, "ecs.workers").busy.iter().filter(|busy| **busy > 0).count();
    assert_eq!(spread, 3);
}

// ---- defaults ----

const WHOLE: &str = "- route53\n- waf\n- cloudfront\n- waf\n- rest_api: {authorizer: lambda, usage_plan: {rate: 1000/s, burst: 500}, validation: {}, mapping: true, cache: {ttl: 10 s}}\n- vpc_link_v1\n- nlb\n- ec2: {instances: 3}";

#[test]
fn every_default_names_the_fact_it_comes_from() {
    for path in [WHOLE, "- http_api: {authorizer: jwt}\n- vpc_link_v2\n- cloud_map\n- ecs: {tasks: 2}"] {
        for site in compile(path).sites.iter().filter(|site| site.law.is_some()) {
            assert!(matches!(site.origin, Origin::Fact { .. }), "{} {}: {}", site.stage, site.purpose, site.origin);
        }
    }
}

#[test]
fn what_is_off_is_not_compiled() {
    let program = compile("- route53: {lookups: 0%}\n- cloudfront\n- waf\n- rest_api");
    assert_eq!(program.caches.len() + program.connections.len() + program.stations.len() + program.pools.len(), 0);
    assert_eq!(program.buckets.len(), 1, "the account's");
    let chances = program.sites.iter().filter(|site| site.law.is_none()).count();
    assert_eq!(chances, 1, "whether the connection to the origin is open: {:?}", program.sites);
}

#[test]
fn a_data_pack_without_facts_is_a_problem_and_no_panic() {
    let facts = Facts::default();
    for kind in kinds() {
        let context = Context { name: kind.name, span: SourceSpan::default(), facts: &facts, classes: &[] };
        let mut problems = Problems::new();
        let stage = (kind.read)(&Node::empty(SourceSpan::default()), &context, &mut problems);
        assert_eq!(stage.is_none(), problems.has_errors(), "{}", kind.name);
    }
}

#[test]
fn executors_agree_on_whole_paths_under_load() {
    let http = "- cloudfront: {ttl: 2 s, get_share: 80%, error_ttl: 1 s, connections: {pops: 5}}\n- http_api: {preflight: 5%, unmatched: 1%, throttle: {rate: 300/s, burst: 20}, authorizer: {lambda: {ttl: 1 s, denied: 2%}}}\n- vpc_link_v2: {workers: 4}\n- cloud_map: {ttl: 1 s, stale: 1%}\n- ecs: {tasks: 2, workers: 3, queue: 5, service: {exponential: {mean: 15 ms}}}";
    let rest = "- route53: {ttl: 1 s}\n- waf: {blocked: 1%, captcha: 1%, rate_limit: {limit: 50, window: 1 min}}\n- rest_api: {endpoint: edge, usage_plan: {rate: 100/s, burst: 10, quota: 1000}, throttle: {rate: 300/s, burst: 20}, validation: {invalid: 1%}, cache: {ttl: 1 s, capacity: 5, size: 0.5}, integration_timeout: 50 ms}\n- vpc_link_v1: {workers: 4, errors: 1%, ports: 5/s, port_burst: 10, keep_alive: 200 ms}\n- nlb\n- ec2: {instances: 2, workers: 3, queue: 5, service: {exponential: {mean: 15 ms}}}";
    for path in [http, rest] {
        let program = compile(path);
        let requests: Vec<Request> =
            (0..4000u64).map(|n| (n * 5 / 2, (n * n % 23) as u32, (n % 7 * 300) as u32)).collect();
        let run = run(&program, &requests);
        let mut seen: Vec<u16> = run.answers.iter().map(|a| program.outcomes[a.outcome as usize].status).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() >= 5, "{seen:?}");
    }
}

// ---- what cannot be ----

#[test]
fn values_that_aws_does_not_allow_are_refused_where_they_are_written() {
    let table = [
        ("- rest_api: {endpoint: private}", "a private API needs a `resource_policy`"),
        ("- rest_api: {integration_timeout: 301 s}", "expected 50 ms to 5 min"),
        ("- rest_api: {endpoint: edge, integration_timeout: 30 s}", "expected 50 ms to 29 s"),
        ("- http_api: {integration_timeout: 31 s}", "expected 50 ms to 30 s"),
        ("- http_api: {timeout_status: 500}", "expected 503 to 504"),
        ("- waf: {capacity: 6000}", "expected 1 to 5000"),
        ("- waf: {rate_limit: {limit: 9}}", "expected at least 10"),
        ("- waf: {rate_limit: {limit: 10, window: 3 min}}", "expected `1 min`, `2 min`, `5 min` or `10 min`"),
        ("- waf: {inspect_body: true, body_limit: 20 KiB}", "expected `16 KiB`, `32 KiB`, `48 KiB` or `64 KiB`"),
        ("- cloudfront: {hit_ratio: 20%, ttl: 1 min}", "either `hit_ratio`, or entries"),
        ("- cloudfront: {attempts: 4}", "expected 1 to 3"),
        ("- cloudfront: {reuse: 50%, connections: {pops: 2}}", "`reuse` and `connections` at once"),
        ("- route53: {lookups: 1%, ttl: 60 s}", "`lookups` and `ttl` at once"),
        ("- rest_api: {authorizer: {lambda: {ttl: 2 h}}}", "expected 0 ns to 1 h"),
        ("- rest_api: {authorizer: {lambda: {ttl: 1 s, hit_ratio: 5%}}}", "`hit_ratio` and `ttl` at once"),
        ("- rest_api: {authorizer: jwt}", "expected"),
        ("- rest_api: {cache: {hit_ratio: 5%, ttl: 1 s}}", "`hit_ratio` and entries at once"),
        ("- vpc_link_v1: {keep_alive: 400 s}", "`keep_alive` cannot be 400 s"),
    ];
    for (path, expected) in table {
        let refusal = refusal(path);
        assert!(refusal.contains(expected), "{path}\n{refusal}");
        assert!(refusal.contains("path.yaml:1:"), "{refusal}");
    }
}

#[test]
fn stages_that_cannot_stand_where_they_stand_say_what_would_do() {
    let table = [
        ("- waf\n- http_api", "put it before a `cloudfront`"),
        ("- waf\n- nlb\n- ec2", "it goes before `cloudfront`, `rest_api` or `alb`"),
        ("- rest_api\n- vpc_link_v1\n- alb\n- ec2", "needs `nlb` as the next stage"),
        ("- http_api\n- vpc_link_v1\n- nlb\n- ec2", "belongs to a REST or WebSocket API"),
        ("- http_api\n- vpc_link_v2\n- ec2", "needs `alb`, `nlb` or `cloud_map`"),
        ("- vpc_link_v2\n- alb\n- ec2", "put it after `rest_api` or `http_api`"),
        ("- rest_api\n- vpc_link_v2\n- cloud_map\n- ecs", "a REST API cannot call a Cloud Map service"),
        ("- http_api\n- vpc_link_v2\n- cloud_map\n- delay: {time: 1 ms}", "needs a stage with targets after it"),
        (
            "- cloudfront\n- rest_api: {endpoint: private, resource_policy: {denied: 0%}}",
            "`cloudfront` cannot reach a private API",
        ),
    ];
    for (path, expected) in table {
        let refusal = refusal(path);
        assert!(refusal.contains(expected), "{path}\n{refusal}");
    }
}

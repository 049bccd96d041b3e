//! What a client sees: a path, some requests, the status of each. Every case runs by the plain and by the event
//! executor, which must agree on every request; conservation is checked at the end of each run.

mod paths_of;

use gatepath::program::Program;
use paths_of::{Request, compile, run, usage};

/// A path, requests and the status each of them gets.
struct Case {
    what: &'static str,
    path: String,
    requests: Vec<Request>,
    statuses: Vec<u16>,
}

/// Requests 200 ms apart, so that none overtakes another, for one key, of 100 bytes.
fn case(what: &'static str, path: impl Into<String>, statuses: &[u16]) -> Case {
    let requests = (0..statuses.len() as u64).map(|number| (number * 200, 0, 100)).collect();
    Case { what, path: path.into(), requests, statuses: statuses.to_vec() }
}

impl Case {
    fn bytes(mut self, bytes: u32) -> Case {
        self.requests.iter_mut().for_each(|request| request.2 = bytes);
        self
    }

    fn keys(mut self, keys: &[u32]) -> Case {
        self.requests.iter_mut().zip(keys).for_each(|(request, key)| request.1 = *key);
        self
    }

    fn millis_apart(mut self, millis: u64) -> Case {
        self.requests.iter_mut().enumerate().for_each(|(number, request)| request.0 = number as u64 * millis);
        self
    }
}

fn seen(program: &Program, requests: &[Request]) -> Vec<u16> {
    run(program, requests).trace.iter().map(|record| program.outcomes[record.outcome as usize].status).collect()
}

fn check(cases: Vec<Case>) {
    for Case { what, path, requests, statuses } in cases {
        assert_eq!(seen(&compile(&path), &requests), statuses, "{what}\n{path}");
    }
}

const MIB: u32 = 1 << 20;
/// An integration that always ends with 500, and one that takes two seconds.
const BROKEN: &str = "- fail: {share: 100%}";
const SLOW: &str = "- delay: {time: 2 s}";
/// One worker, no waiting place: the second of two requests at a time finds the connection refused.
const REFUSING: &str = "- ec2: {workers: 1, queue: 0, service: 1 s}";

fn rest(keys: &str) -> String {
    format!("- rest_api: {{{keys}}}")
}

fn http(keys: &str) -> String {
    format!("- http_api: {{{keys}}}")
}

#[test]
fn a_web_acl_turns_away_what_its_rules_match() {
    let eleven: Vec<u16> = [vec![200; 10], vec![403]].concat();
    check(vec![
        case("passes by default", "- waf", &[200, 200]),
        case("blocked", "- waf: {blocked: 100%}", &[403]),
        case("blocked with a status of its own", "- waf: {blocked: 100%, block_status: 418}", &[418]),
        case("challenged", "- waf: {challenged: 100%}", &[202]),
        case("captcha", "- waf: {captcha: 100%}", &[405]),
        case("above the rate", "- waf: {rate_limit: {limit: 10, window: 1 min}}", &eleven),
        case("the rate is for each key", "- waf: {rate_limit: {limit: 10, window: 1 min}}", &[200; 11])
            .keys(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]),
        case("the rate is for all", "- waf: {rate_limit: {limit: 10, window: 1 min, per: all}}", &eleven)
            .keys(&[1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]),
        case(
            "before an API, whose checks do not run",
            format!("- waf: {{blocked: 100%}}\n{}", rest("unmatched: 100%")),
            &[403],
        ),
    ]);
}

#[test]
fn a_distribution_answers_itself_or_with_what_the_origin_says() {
    check(vec![
        case("passes by default", "- cloudfront", &[200]),
        case("blocked by country", "- cloudfront: {blocked: 100%}", &[403]),
        case("an error of the origin keeps its status", format!("- cloudfront\n{BROKEN}"), &[500]),
        case("a hit does not ask the origin", format!("- cloudfront: {{hit_ratio: 100%}}\n{BROKEN}"), &[200]),
        case("an origin that is late", format!("- cloudfront: {{response_timeout: 1 s}}\n{SLOW}"), &[504]),
        case("a refused connection", format!("- cloudfront\n{REFUSING}"), &[200, 504]),
        case("errors are not cached unless asked", format!("- cloudfront: {{ttl: 1 min}}\n{BROKEN}"), &[500, 500])
            .millis_apart(1000),
        case("a cached error", format!("- cloudfront: {{error_ttl: 10 s}}\n{BROKEN}"), &[500, 503, 503, 500])
            .millis_apart(4000),
        case("a cached error is that of its key", format!("- cloudfront: {{error_ttl: 10 s}}\n{BROKEN}"), &[500, 500])
            .millis_apart(4000)
            .keys(&[1, 2]),
        case(
            "errors of writes are not cached",
            format!("- cloudfront: {{error_ttl: 10 s, get_share: 0%}}\n{BROKEN}"),
            &[500, 500],
        )
        .millis_apart(4000),
    ]);
}

#[test]
fn a_rest_api_refuses_in_the_documented_order() {
    check(vec![
        case("passes by default", "- rest_api", &[200]),
        case("10 MB pass", "- rest_api", &[200]).bytes(10 * MIB),
        case("more than 10 MB", "- rest_api", &[413]).bytes(10 * MIB + 1),
        case("no such route", rest("unmatched: 100%"), &[403]),
        case("denied by resource policy", rest("resource_policy: {denied: 100%}"), &[403]),
        case("IAM denies", rest("authorizer: {iam: {denied: 100%}}"), &[403]),
        case("no token", rest("authorizer: {cognito: {unauthorized: 100%}}"), &[401]),
        case("a token for something else", rest("authorizer: {cognito: {denied: 100%}}"), &[403]),
        case("no identity", rest("authorizer: {lambda: {missing: 100%}}"), &[401]),
        case("the function says unauthorized", rest("authorizer: {lambda: {unauthorized: 100%}}"), &[401]),
        case("the function denies", rest("authorizer: {lambda: {denied: 100%}}"), &[403]),
        case("the function fails", rest("authorizer: {lambda: {failing: 100%}}"), &[500]),
        case("the function is late", rest("authorizer: {lambda: {function: 2 s, timeout: 1 s}}"), &[500]),
        case("an authorizer that lets pass", rest("authorizer: lambda"), &[200]),
        case("no valid API key", rest("usage_plan: {rate: 10/s, burst: 10, invalid_keys: 100%}"), &[403]),
        case("above the rate of a key", rest("usage_plan: {rate: 1/s, burst: 2}"), &[200, 200, 429]),
        case("a key does not suffer from another", rest("usage_plan: {rate: 1/s, burst: 1}"), &[200, 200, 429, 429])
            .keys(&[1, 2, 1, 2]),
        case("above the quota of a key", rest("usage_plan: {rate: 100/s, burst: 100, quota: 2}"), &[200, 200, 429]),
        case("above the rate of the stage", rest("throttle: {rate: 1/s, burst: 2}"), &[200, 200, 429]),
        case("the bucket fills again", rest("throttle: {rate: 1/s, burst: 1}"), &[200, 429, 200]).millis_apart(600),
        case("above the rate of the account", rest("account: {rate: 1/s, burst: 1}"), &[200, 429]),
        case("an invalid request", rest("validation: {invalid: 100%}"), &[400]),
        case("an edge API", rest("endpoint: edge, unmatched: 100%"), &[403]),
        case("a private API", rest("endpoint: private, resource_policy: {denied: 100%}"), &[403]),
    ]);
}

#[test]
fn of_two_reasons_to_refuse_the_earlier_check_decides() {
    let both = "resource_policy: {denied: 100%}";
    check(vec![
        case("size before route", rest("unmatched: 100%"), &[413]).bytes(11 * MIB),
        case(
            "the policy before a Lambda authorizer",
            rest(&format!("{both}, authorizer: {{lambda: {{missing: 100%}}}}")),
            &[403],
        ),
        case(
            "Cognito before the policy",
            rest(&format!("{both}, authorizer: {{cognito: {{unauthorized: 100%}}}}")),
            &[401],
        ),
        case(
            "access control before throttles",
            rest("authorizer: {iam: {denied: 100%}}, throttle: {rate: 1/s, burst: 1}"),
            &[403, 403],
        ),
        case(
            "throttles first when asked",
            rest("authorizer: {iam: {denied: 100%}}, throttle: {rate: 1/s, burst: 1}, throttle_first: true"),
            &[403, 429],
        ),
        case(
            "throttles before validation",
            rest("validation: {invalid: 100%}, throttle: {rate: 1/s, burst: 1}"),
            &[400, 429],
        ),
        case("validation before the cache", rest("validation: {invalid: 100%}, cache: {hit_ratio: 100%}"), &[400]),
    ]);
}

#[test]
fn a_usage_plan_is_asked_before_the_stage() {
    let program = compile(&rest("usage_plan: {rate: 1/s, burst: 1}, throttle: {rate: 1/s, burst: 1}"));
    let run = run(&program, &[(0, 0, 0), (1, 0, 0)]);
    let outcome = &program.outcomes[run.trace[1].outcome as usize];
    assert_eq!((outcome.status, outcome.reason.as_str()), (429, "rest_api: usage plan"));
}

#[test]
fn an_integration_of_a_rest_api_keeps_its_status_and_gets_one_when_it_has_none() {
    check(vec![
        case("its error", format!("- rest_api\n{BROKEN}"), &[500]),
        case("its own status", "- rest_api\n- fail: {share: 100%, status: 418}", &[418]),
        case("too late", format!("{}\n{SLOW}", rest("integration_timeout: 1 s")), &[504]),
        case("in time", format!("{}\n{SLOW}", rest("integration_timeout: 3 s")), &[200]),
        case("a refused connection", format!("- rest_api\n{REFUSING}"), &[200, 504]),
        case("a hit does not ask it", format!("{}\n{BROKEN}", rest("cache: {hit_ratio: 100%}")), &[200]),
        case("errors are not cached", format!("{}\n{BROKEN}", rest("cache: {ttl: 1 min}")), &[500, 500])
            .millis_apart(100),
        case(
            "a cached answer outlives its backend",
            format!("{}\n- bucket: {{rate: 1/d, status: 503}}", rest("cache: {ttl: 1 min}")),
            &[200, 200, 503],
        )
        .millis_apart(35_000),
        case(
            "answers above 1 MiB are not cached",
            format!("{}\n- bucket: {{rate: 1/d, status: 503}}", rest("cache: {ttl: 1 min}")),
            &[200, 503],
        )
        .bytes(MIB + 1)
        .millis_apart(1000),
    ]);
}

#[test]
fn an_http_api_refuses_in_its_order() {
    check(vec![
        case("passes by default", "- http_api", &[200]),
        case("more than 10 MB", "- http_api", &[413]).bytes(10 * MIB + 1),
        case("no such route", http("unmatched: 100%"), &[404]),
        case("preflight", format!("{}\n{BROKEN}", http("preflight: 100%")), &[204]),
        case("preflight needs no token", http("preflight: 100%, authorizer: {jwt: {unauthorized: 100%}}"), &[204]),
        case("above the rate of the route", http("throttle: {rate: 1/s, burst: 1}"), &[200, 429]),
        case("above the rate of the account", http("account: {rate: 1/s, burst: 1}"), &[200, 429]),
        case("no token", http("authorizer: {jwt: {unauthorized: 100%}}"), &[401]),
        case("a token for something else", http("authorizer: {jwt: {denied: 100%}}"), &[403]),
        case("IAM denies", http("authorizer: {iam: {denied: 100%}}"), &[403]),
        case("the function fails", http("authorizer: {lambda: {failing: 100%}}"), &[500]),
        case("the function is late", http("authorizer: {lambda: {function: 11 s}}"), &[500]),
        case(
            "throttles before the authorizer",
            http("throttle: {rate: 1/s, burst: 1}, authorizer: {jwt: {unauthorized: 100%}}"),
            &[401, 429],
        ),
        case("too late", format!("{}\n{SLOW}", http("integration_timeout: 1 s")), &[504]),
        case(
            "too late, as some report",
            format!("{}\n{SLOW}", http("integration_timeout: 1 s, timeout_status: 503")),
            &[503],
        ),
        case("a refused connection", format!("- http_api\n{REFUSING}"), &[200, 503]),
        case("its own status", "- http_api\n- fail: {share: 100%, status: 418}", &[418]),
    ]);
}

#[test]
fn links_fail_with_the_status_of_their_api() {
    let targets = "- ec2: {workers: 10, service: 1 s}";
    check(vec![
        case("V1", format!("- rest_api\n- vpc_link_v1\n- nlb\n{targets}"), &[200]),
        case("an error of the link", format!("- rest_api\n- vpc_link_v1: {{errors: 100%}}\n- nlb\n{targets}"), &[500]),
        case(
            "no port for a second connection",
            format!("- rest_api\n- vpc_link_v1: {{ports: 1/d, port_burst: 1}}\n- nlb\n{targets}"),
            &[200, 504],
        )
        .millis_apart(100),
        case(
            "a connection kept open needs no port",
            format!("- rest_api\n- vpc_link_v1: {{workers: 1, ports: 1/d, port_burst: 1}}\n- nlb\n{targets}"),
            &[200, 200],
        )
        .millis_apart(5000),
        case(
            "each target has ports",
            "- rest_api\n- vpc_link_v1: {ports: 1/d, port_burst: 1}\n- nlb\n- ec2: {instances: 2, workers: 10, service: 1 s}",
            &[200, 200, 504],
        )
        .millis_apart(100),
        case("V2", format!("- http_api\n- vpc_link_v2\n- alb\n{targets}"), &[200]),
        case(
            "no slot, HTTP API",
            format!("- http_api\n- vpc_link_v2: {{workers: 1, subnets: 1, slots: 1}}\n- alb\n{targets}"),
            &[200, 503],
        )
        .millis_apart(100),
        case(
            "no slot, REST API",
            format!("- rest_api\n- vpc_link_v2: {{workers: 1, subnets: 1, slots: 1}}\n- alb\n{targets}"),
            &[200, 504],
        )
        .millis_apart(100),
        case("Cloud Map", "- http_api\n- vpc_link_v2\n- cloud_map\n- ecs: {tasks: 2, service: 1 s}", &[200]),
        case(
            "an instance that is gone",
            "- http_api\n- vpc_link_v2\n- cloud_map: {stale: 100%}\n- ecs: {tasks: 2, service: 1 s}",
            &[503],
        ),
        case("names", "- route53: {lookups: 100%, resolver_hits: 0%, lost: 100%}\n- http_api", &[200]),
    ]);
}

#[test]
fn refused_requests_are_billed_as_documented() {
    let both = |api: String| format!("- waf: {{blocked: 0%}}\n{api}");
    let table = [
        // Path, bytes, requests of the API and of the web ACL that are billed, of two.
        ("blocked by the web ACL", "- waf: {blocked: 100%}\n- rest_api".to_owned(), 100, 0, 2),
        ("no such route", both(rest("unmatched: 100%")), 100, 0, 2),
        ("denied", both(rest("authorizer: {iam: {denied: 100%}}")), 100, 0, 2),
        ("throttled", both(rest("throttle: {rate: 1/s, burst: 1}")), 100, 1, 2),
        ("invalid", both(rest("validation: {invalid: 100%}")), 100, 2, 2),
        ("too large", both("- rest_api".to_owned()), 11 * MIB, 2, 2),
        ("a cache hit", both(rest("cache: {hit_ratio: 100%}")), 100, 2, 2),
        ("a failed integration", format!("{}\n{BROKEN}", both("- rest_api".to_owned())), 100, 2, 2),
    ];
    for (what, path, bytes, api, acl) in table {
        let program = compile(&path);
        let run = run(&program, &[(0, 0, bytes), (1, 0, bytes)]);
        assert_eq!(usage(&program, &run, "rest_api", "rest_request"), api, "{what}");
        assert_eq!(usage(&program, &run, "waf", "request"), acl, "{what}");
    }
}

#[test]
fn what_is_refused_is_metered_only_where_the_facts_say_so() {
    let keys = "usage_plan: {rate: 1/s, burst: 1, invalid_keys: 100%}";
    let quota = "usage_plan: {rate: 100/s, burst: 100, quota: 1, period: month}";
    let denied = "authorizer: {lambda: {denied: 100%, ttl: 0 s}}";
    let socket = |keys: &str| format!("- websocket_api: {{{keys}}}");
    let function = "- lambda: {handler: 1 s, reserved: 1}";
    let (rest_call, http_call) = (("rest_api", "rest_request"), ("http_api", "http_request"));
    let (message, run_of_function) = (("websocket_api", "message_in"), ("lambda", "request"));
    let [rest_out, http_out] = ["rest_api", "http_api"].map(|api| (api, "internet_out_gb"));
    let table = [
        // Path, bytes, and what two requests at the same time count at some meters.
        ("no valid key", rest(keys), 100, vec![(rest_call, 0), (rest_out, 0)]),
        ("a spent quota", rest(quota), 100, vec![(rest_call, 1), (rest_out, 100)]),
        ("the stage cache", rest("cache: {hit_ratio: 100%}"), 100, vec![(rest_call, 2), (rest_out, 200)]),
        ("denied by a function", rest(denied), 100, vec![(rest_call, 0), (("rest_api", "authorizer_invocation"), 2)]),
        ("a failed integration", format!("- rest_api\n{BROKEN}"), 100, vec![(rest_call, 2), (rest_out, 0)]),
        (
            "a late integration",
            format!("{}\n{SLOW}", http("integration_timeout: 1 s")),
            100,
            vec![(http_call, 2), (http_out, 0)],
        ),
        (
            "an HTTP API that throttles",
            http("throttle: {rate: 1/s, burst: 1}"),
            100,
            vec![(http_call, 1), (http_out, 100)],
        ),
        ("no such route", http("unmatched: 100%"), 100, vec![(http_call, 0)]),
        ("a token that is not valid", http("authorizer: {jwt: {unauthorized: 100%}}"), 100, vec![(http_call, 0)]),
        ("a preflight request", http("preflight: 100%"), 100, vec![(http_call, 2), (http_out, 0)]),
        (
            "a function that throttles",
            format!("- http_api\n{function}"),
            100,
            vec![(http_call, 2), (run_of_function, 1), (http_out, 100)],
        ),
        ("a message that is too large", socket(""), 200 * 1024, vec![(message, 0)]),
        ("messages that are throttled", socket("throttle: {rate: 1/s, burst: 1}"), 100, vec![(message, 1)]),
        (
            "a country that is refused",
            "- cloudfront: {blocked: 100%}\n- rest_api".to_owned(),
            100,
            vec![(("cloudfront", "https_request"), 2), (("cloudfront", "data_transfer_out_gb"), 0), (rest_call, 0)],
        ),
        (
            "blocked before the edge",
            "- waf: {blocked: 100%}\n- cloudfront".to_owned(),
            100,
            vec![(("waf", "request"), 2), (("cloudfront", "https_request"), 0)],
        ),
        (
            "a balancer whose target refuses",
            format!("- alb\n{REFUSING}"),
            100,
            vec![(("alb", "request"), 2), (("alb", "processed_bytes"), 300), (("alb", "internet_out_gb"), 100)],
        ),
    ];
    for (what, path, bytes, meters) in table {
        let program = compile(&path);
        let run = run(&program, &[(0, 0, bytes), (1, 0, bytes)]);
        for ((stage, meter), count) in meters {
            assert_eq!(usage(&program, &run, stage, meter), count, "{what}: {stage} {meter}");
        }
    }
}

#[test]
fn an_http_api_counts_started_units_of_512_kb() {
    let program = compile("- http_api");
    for (bytes, units) in [(0, 1), (512 * 1024, 1), (512 * 1024 + 1, 2), (5 * MIB, 10)] {
        let run = run(&program, &[(0, 0, bytes)]);
        assert_eq!(usage(&program, &run, "http_api", "http_request"), units, "{bytes} bytes");
    }
}

#[test]
fn a_web_socket_api_closes_connections_with_its_own_codes() {
    let socket = |keys: &str| format!("- websocket_api: {{{keys}}}");
    check(vec![
        case("passes by default", "- websocket_api", &[200]),
        case("128 KB are a message", "- websocket_api", &[200]).bytes(131_072),
        case("more than 128 KB", "- websocket_api", &[1009]).bytes(131_073),
        case("throttle of the route", socket("throttle: {rate: 1/min, burst: 1}"), &[200, 1008]),
        case("throttle of the account", socket("account: {rate: 1/min, burst: 1}"), &[200, 1008]),
        case("callbacks take tokens too", socket("pushes: 1, account: {rate: 1/min, burst: 4}"), &[200, 200, 1008]),
        case("new connections", socket("messages_per_connection: 1, new_connections: 1/min"), &[200, 429]),
        case("no answer in time", format!("{}\n{SLOW}", socket("integration_timeout: 1 s")), &[504]),
        case("29 seconds at most", "- websocket_api\n- delay: {time: 30 s}", &[504]),
        case("an error of the integration", format!("- websocket_api\n{BROKEN}"), &[500]),
        case("a refused connection", format!("- websocket_api\n{REFUSING}"), &[200, 504]),
        case(
            "through the first VPC link",
            "- websocket_api\n- vpc_link_v1\n- nlb\n- ecs: {tasks: 2, service: 1 s}",
            &[200],
        ),
    ]);
}

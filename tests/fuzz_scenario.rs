//! Whatever is written into a scenario file, reading it ends with a value or with problems that can be shown, never with
//! a panic.

use gatepath::choice;
use gatepath::diagnostic::{Problems, Sources, render};
use gatepath::scenario::{load_bytes, yaml};
use gatepath::section;
use gatepath::spec::{At, Decode, DurationLaw, Limit, Named, Node, SizeLaw, Value, above};
use gatepath::time::Span;
use gatepath::units::{Bytes, Money, Rate, Share};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

section! {
    /// One of everything.
    struct Everything {
        /// A law.
        law: Vec<DurationLaw>,
        /// A law of sizes.
        size: SizeLaw = SizeLaw::nowhere(gatepath::spec::LawNode::Constant(1.0)),
        /// Quantities.
        span: Option<At<Span>> => above(Span::ZERO),
        /// A rate.
        rate: Option<Rate>,
        /// A size.
        bytes: Limit<Bytes> = Limit::Unlimited,
        /// A share.
        share: Option<Share>,
        /// An amount.
        money: Option<Money>,
        /// A count.
        count: u32 = 3,
        /// A shape.
        shape: Option<Shape>,
        /// Named things.
        named: Named<Node> = Named::default(),
    }
}

choice! {
    /// A shape.
    enum Shape {
        /// Round.
        Round = "round",
        /// With corners.
        Corners(u8) = "corners",
    }
}

const VALID: &str = "\
# A file that decodes without a problem.
law:
  - 5 ms
  - {lognormal: {p50: 14 ms, p99.9: 60 ms}}
  - {mixture: [{weight: 0.9, law: {exponential: {mean: 5 ms}}}, {weight: 1, law: {truncated: {high: 1 s, law: &l {pareto: {shape: 1.5, min: 1 ms}}}}}]}
  - shifted: {by: \"1 ms\", law: *l}
  - hyperexponential:
      - {weight: 0.9, mean: 5 ms}
      - {weight: 0.1, mean: 50 ms}
  - {quantiles: {p0: 1 ms, p50: 2 ms, p100: 9 ms}}
size: {uniform: {low: 1 KiB, high: 2 KiB}}
span: 'é'
rate: 10k/min
bytes: 256 KiB
share: 99.9%
money: $0.0104
count: 1_000
shape: {corners: 4}
named: {a: [1, 2], b: ~}
";

const SCENARIO: &str = "\
title: A scenario with some of everything
traffic:
  arrivals: poisson
  stages: [{duration: 1 min, target: 500/s}, {duration: 0 s, target: 5/s}]
  classes:
    - {name: read, share: 80%, request_size: 1 KiB, keys: {count: 100, zipf: 0.9}}
    - {name: write, response_size: {uniform: {low: 1 KiB, high: 2 KiB}}}
client: {rtt: 20 ms, timeout: 10 s, retries: {attempts: 3, on: [timeout, 429, 5xx], backoff: full-jitter, budget: 10%}}
path:
  - cache: {ttl: 10 s, capacity: 1000}
  - bucket: {rate: 100/s, burst: 20, per: key}
  - route:
      - {when: {class: write}, to: [delay: {time: 1 ms}, use: backend]}
      - {share: 20%, to: backend}
      - {otherwise: [parallel: {branches: [[delay: {time: 1 ms}], backend], join: any}]}
  - delay: {time: {samples: {file: lat.csv, column: us, unit: us}}}
stages:
  backend:
    - balancer: {policy: least_outstanding}
    - station: {name: app, targets: 3, servers: 2, service: {lognormal: {p50: 14 ms, p99: 60 ms}}}
objectives: [p99 < 250 ms, errors < 0.1%, mean of read < 20 ms]
run: {seed: 1, replications: 3, warmup: 10%}
";

/// Loads a whole scenario and shows the problems.
fn load(bytes: &[u8], overrides: &[String]) -> bool {
    let folder = std::path::Path::new("tests/data");
    match load_bytes("fuzz", "fuzz.yaml", bytes, folder, overrides) {
        Ok(_) => true,
        Err((problems, sources)) => {
            assert!(problems.has_errors(), "a refusal has a reason");
            render(&problems, &sources, false);
            false
        }
    }
}

#[test]
fn the_scenario_to_be_mutated_loads() {
    assert!(load(SCENARIO.as_bytes(), &[]));
}

/// Applies changes: a place, how much is dropped there, what is put there instead.
fn changed(text: &str, changes: Vec<(prop::sample::Index, usize, String)>) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, drop, insert) in changes {
        let start = at.index(bytes.len() + 1);
        let end = (start + drop).min(bytes.len());
        bytes.splice(start..end, insert.into_bytes());
    }
    bytes
}

/// Reads, decodes and shows the problems; every place must lie within its text at whole characters.
fn read(bytes: &[u8]) {
    let (mut sources, mut problems) = (Sources::new(), Problems::new());
    let node = yaml::parse_bytes("fuzz.yaml", bytes, &mut sources, &mut problems);
    assert!(node.is_some() || problems.has_errors(), "a refusal has a reason");
    if let Some(node) = node {
        check_places(&node, sources.text(0));
        let decoded = Everything::decode(&node, &mut problems);
        assert!(decoded.is_some() || problems.has_errors(), "a refusal has a reason");
    }
    problems.sort();
    for problem in problems.iter() {
        let at = problem.at.expect("every problem of a text has a place");
        assert!(sources.text(0).get(at.start..at.end).is_some(), "{problem:?}");
    }
    render(&problems, &sources, false);
}

fn check_places(node: &Node, text: &str) {
    assert!(text.get(node.span.start..node.span.end).is_some(), "{node:?}");
    match &node.value {
        Value::List(items) => items.iter().for_each(|item| check_places(item, text)),
        Value::Map(entries) => entries.iter().for_each(|entry| {
            assert!(text.get(entry.key.span.start..entry.key.span.end).is_some(), "{:?}", entry.key);
            check_places(&entry.value, text);
        }),
        _ => {}
    }
}

#[test]
fn the_text_to_be_mutated_has_one_known_problem_only() {
    let (mut sources, mut problems) = (Sources::new(), Problems::new());
    let node = yaml::parse_bytes("fuzz.yaml", VALID.as_bytes(), &mut sources, &mut problems).unwrap();
    Everything::decode(&node, &mut problems);
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["`é` does not begin with a number"]);
}

/// Pieces that matter to a YAML reader.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "\n",
        "  ",
        "\t",
        "- ",
        ": ",
        ":",
        ",",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "!t ",
        "<<: ",
        "? ",
        "'",
        "\"",
        "\\",
        "|\n",
        ">\n",
        "#",
        "---\n",
        "...\n",
        "%",
        "@",
        "`",
        "~",
        "null",
        "5 ms",
        "p50",
        "law",
        "é",
        "\u{feff}",
        "\r\n",
        "\u{0}",
        "\u{2028}",
        "1e9",
        "$",
        "unlimited",
        "corners",
        "exponential",
    ];
    prop_oneof![4 => proptest::sample::select(fixed.to_vec()).prop_map(String::from), 1 => "\\PC{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn any_text_of_yaml_pieces_is_read_or_refused(pieces in proptest::collection::vec(piece(), 0..40)) {
        read(pieces.concat().as_bytes());
    }

    #[test]
    fn a_valid_file_with_changes_is_read_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, piece()), 1..6),
    ) {
        read(&changed(VALID, changes));
    }

    #[test]
    fn a_scenario_with_changes_loads_or_is_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..9, piece()), 0..4),
        path in "(path|traffic|run|stages)(\\.(app|route|[0-3]|classes|read|servers|name|rate|\"|=)){0,4}",
        value in piece(),
    ) {
        load(&changed(SCENARIO, changes), &[format!("{path}={value}")]);
    }
}

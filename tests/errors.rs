//! What a mistake in a scenario looks like on the screen: file, line, column, the line, a caret, and what to do.

use gatepath::diagnostic::render;
use gatepath::scenario::{load, load_bytes};
use std::path::Path;

/// What is shown for the text of a scenario that refers to files in `tests/data`.
fn shown(text: &str, overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|argument| argument.to_string()).collect();
    let shown = match load_bytes("shop", "shop.yaml", text.as_bytes(), Path::new("tests/data"), &overrides) {
        Ok(scenario) => render(&scenario.warnings, &scenario.sources, false),
        Err((problems, sources)) => {
            assert!(problems.has_errors(), "a refusal has a reason");
            render(&problems, &sources, false)
        }
    };
    // The list of all stages grows.
    let lines = shown.split_inclusive('\n').map(|line| match line.split_once("help: stages: ") {
        Some((start, _)) => format!("{start}help: stages: ...\n"),
        None => line.to_string(),
    });
    lines.collect()
}

/// Declares tests: name, text of the scenario, what is shown.
macro_rules! mistakes {
    ($($name:ident: $text:literal shows $expected:literal)*) => {$(
        #[test]
        fn $name() {
            let shown = shown($text.trim_start_matches('\n'), &[]);
            assert_eq!(shown, $expected.trim_start_matches('\n'), "\n{shown}");
        }
    )*};
}

mistakes! {
    a_misspelt_key_names_the_nearest_one: r#"
traffic: {rate: 5/s, durration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: unknown key `durration`
 --> shop.yaml:1:22
  |
1 | traffic: {rate: 5/s, durration: 10 s}
  |                      ^^^^^^^^^ did you mean `duration`?
  |
  = help: allowed keys: `arrivals`, `rate`, `duration`, `stages`, `start_rate`, `users`, `think`, `start`, `replay`, `request_size`, `response_size`, `keys`, `classes`
"#

    a_repeated_key_names_its_first_occurrence: r#"
traffic:
  rate: 5/s
  duration: 10 s
  rate: 6/s
path: [delay: {time: 1 ms}]
"# shows r#"
error: `rate` is given twice
 --> shop.yaml:4:3
  |
2 |   rate: 5/s
  |   ---- first given here
3 |   duration: 10 s
4 |   rate: 6/s
  |   ^^^^ given again
"#

    a_wrong_unit_is_refused_with_the_likely_one: r#"
traffic: {rate: 5/s, duration: 10 sec}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `sec` is not a unit here
 --> shop.yaml:1:32
  |
1 | traffic: {rate: 5/s, duration: 10 sec}
  |                                ^^^^^^ expected a duration such as `29 s`, `250 ms` or `1.5 h` (ns, us, ms, s, min, h, d)
  |
  = help: did you mean `10 s`?
"#

    a_bare_number_is_never_guessed_at: r#"
traffic: {rate: 5/s, duration: 600}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `600` has no unit
 --> shop.yaml:1:32
  |
1 | traffic: {rate: 5/s, duration: 600}
  |                                ^^^ expected a duration such as `29 s`, `250 ms` or `1.5 h` (ns, us, ms, s, min, h, d)
  |
  = help: add a unit
"#

    a_rate_without_a_time_is_refused: r#"
traffic: {rate: 5000, duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `5000` does not say per which time
 --> shop.yaml:1:17
  |
1 | traffic: {rate: 5000, duration: 10 s}
  |                 ^^^^ expected a rate such as `5000/s`, `10k/s` or `30k/min` (k, M, G per ms, s, min, h, d)
  |
  = help: write `5000/s` for 5000 a second
"#

    an_impossible_value_shows_the_allowed_range: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - bucket: {rate: 5000/s, burst: 0}
"# shows r#"
error: `burst` cannot be 0
 --> shop.yaml:3:35
  |
3 |   - bucket: {rate: 5000/s, burst: 0}
  |                                   ^ expected at least 1
"#

    a_rate_of_nothing_is_refused: r#"
traffic: {rate: 0/s, duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `rate` cannot be 0/s
 --> shop.yaml:1:17
  |
1 | traffic: {rate: 0/s, duration: 10 s}
  |                 ^^^ expected more than 0/s
"#

    a_path_that_runs_in_a_circle_shows_the_circle: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - use: orders
stages:
  orders:
    - delay: {time: 1 ms}
    - route: [{otherwise: payments}]
  payments:
    - use: ledger
  ledger:
    - use: orders
"# shows r#"
error: the path runs in a circle: orders -> payments -> ledger -> orders
  --> shop.yaml:11:12
   |
 5 |   orders:
   |   ------ begins here
...
11 |     - use: orders
   |            ^^^^^^ closes the circle
   |
   = help: a request would never arrive; use `retry` to repeat a part of a path
"#

    a_list_that_uses_itself_is_a_circle: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [use: a]
stages: {a: [use: a]}
"# shows r#"
error: the path runs in a circle: a -> a
 --> shop.yaml:3:19
  |
3 | stages: {a: [use: a]}
  |          -        ^ closes the circle
  |          |
  |          begins here
  |
  = help: a request would never arrive; use `retry` to repeat a part of a path
"#

    a_missing_trace_file_is_pointed_at: r#"
traffic: {replay: {counts: requests.csv, interval: 1 s}}
path: [delay: {time: 1 ms}]
"# shows r#"
error: cannot read `requests.csv`
 --> shop.yaml:1:28
  |
1 | traffic: {replay: {counts: requests.csv, interval: 1 s}}
  |                            ^^^^^^^^^^^^ no such file
  |
  = help: looked for `tests/data/requests.csv`
"#

    a_column_that_is_not_in_the_trace_names_the_nearest: r#"
traffic: {replay: {counts: counts.csv, interval: 1 s, column: cuont}}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `counts.csv` cannot be replayed
 --> shop.yaml:1:63
  |
1 | traffic: {replay: {counts: counts.csv, interval: 1 s, column: cuont}}
  |                                                               ^^^^^ line 1: there is no such column; did you mean "count"?
"#

    a_cell_that_is_no_count_is_named_with_its_line: r#"
traffic: {replay: {counts: bad.csv, interval: 1 s, column: count}}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `bad.csv` cannot be replayed
 --> shop.yaml:1:60
  |
1 | traffic: {replay: {counts: bad.csv, interval: 1 s, column: count}}
  |                                                            ^^^^^ line 3: expected a whole number of requests, found "seven"
"#

    a_measured_law_without_its_file_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [delay: {time: {samples: {file: none.csv, unit: us}}}]
"# shows r#"
error: cannot read `none.csv`
 --> shop.yaml:2:39
  |
2 | path: [delay: {time: {samples: {file: none.csv, unit: us}}}]
  |                                       ^^^^^^^^ no such file
  |
  = help: looked for `tests/data/none.csv`
"#

    a_misspelt_stage_names_the_nearest_one: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - stacion: {servers: 1, service: 1 ms}
"# shows r#"
error: unknown stage `stacion`
 --> shop.yaml:3:5
  |
3 |   - stacion: {servers: 1, service: 1 ms}
  |     ^^^^^^^ did you mean `station`?
  |
  = help: stages: ...
"#

    a_stage_that_is_like_no_other_lists_all: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [teapot]
"# shows r#"
error: unknown stage `teapot`
 --> shop.yaml:2:8
  |
2 | path: [teapot]
  |        ^^^^^^ not a kind of stage
  |
  = help: stages: ...
"#

    an_objective_that_is_nonsense_shows_examples: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [delay: {time: 1 ms}]
objectives:
  - fast please
  - p99 <= 250 ms
  - p100 < 1 s
  - latency < 250 ms
  - errors < 5 ms
"# shows r#"
error: `fast please` compares nothing
 --> shop.yaml:4:5
  |
4 |   - fast please
  |     ^^^^^^^^^^^ expected such as `p99 < 250 ms`, `mean of CLASS < 20 ms`, `errors < 0.1%` or `throughput > 1900/s`

error: `<=` is not a comparison here
 --> shop.yaml:5:9
  |
5 |   - p99 <= 250 ms
  |         ^^ expected `<` or `>`

error: `p100` is not a percentile that can be estimated
 --> shop.yaml:6:5
  |
6 |   - p100 < 1 s
  |     ^^^^ expected more than `p0` and less than `p100`

error: `latency` is not a quantity of a result
 --> shop.yaml:7:5
  |
7 |   - latency < 250 ms
  |     ^^^^^^^ expected a percentile such as `p99`, `mean`, `errors` or `throughput`

error: `5 ms` is not a share
 --> shop.yaml:8:14
  |
8 |   - errors < 5 ms
  |              ^^^^ expected a share from `0%` to `100%`, such as `99.9%`
"#

    an_objective_for_an_unknown_class_names_the_nearest: r#"
traffic: {rate: 5/s, duration: 10 s, classes: [{name: read, share: 80%}, {name: write}]}
path: [delay: {time: 1 ms}]
objectives: [p99 of raed < 250 ms]
"# shows r#"
error: there is no traffic class `raed`
 --> shop.yaml:3:21
  |
3 | objectives: [p99 of raed < 250 ms]
  |                     ^^^^ did you mean `read`?
  |
  = help: classes: read, write
"#

    an_alias_bomb_is_refused: r#"
a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: [*e, *e]
"# shows r#"
error: the scenario grows beyond 200000 values here
 --> shop.yaml:5:7
  |
5 | e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: aliases (`*name`) repeat everything below their anchor; repeat less
"#

    a_file_that_is_no_mapping_says_what_is_expected: r#"
- delay: {time: 1 ms}
"# shows r#"
error: this is a list
 --> shop.yaml:1:1
  |
1 | - delay: {time: 1 ms}
  | ^^^^^^^^^^^^^^^^^^^^^ expected a mapping with the keys `title`, `region`, `data`, `traffic`, `client`, `path`, `stages`, `objectives`, `cost`, `run`
"#

    a_file_of_plain_text_says_what_is_expected: r#"
Hello, simulator
"# shows r#"
error: this is `Hello, simulator`
 --> shop.yaml:1:1
  |
1 | Hello, simulator
  | ^^^^^^^^^^^^^^^^ expected a mapping with the keys `title`, `region`, `data`, `traffic`, `client`, `path`, `stages`, `objectives`, `cost`, `run`
"#

    an_empty_file_is_refused: r#"
# nothing yet
"# shows r#"
error: the file is empty
 --> shop.yaml:1:1
  |
1 | # nothing yet
  | ^ expected at least `traffic` and `path`
"#

    a_tab_that_indents_is_refused: r#"
traffic:
	rate: 5/s
"# shows r#"
error: this is not YAML: tabs disallowed within this context (block indentation)
 --> shop.yaml:2:2
  |
2 |     rate: 5/s
  |     ^
  |
  = help: indent with spaces instead of tabs
"#

    a_bracket_left_open_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s
path: [delay: {time: 1 ms}]
"# shows r#"
error: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
 --> shop.yaml:2:5
  |
2 | path: [delay: {time: 1 ms}]
  |     ^
"#

    a_merge_key_is_refused_with_the_alternative: r#"
base: &base {rate: 5/s}
traffic: {<<: *base, duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: unknown key `base`
 --> shop.yaml:1:1
  |
1 | base: &base {rate: 5/s}
  | ^^^^ not a key of this section
  |
  = help: allowed keys: `title`, `region`, `data`, `traffic`, `client`, `path`, `stages`, `objectives`, `cost`, `run`

error: nothing says how many requests arrive
 --> shop.yaml:2:10
  |
2 | traffic: {<<: *base, duration: 10 s}
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected one of `rate`, `stages`, `users` and `replay`

error: merge keys (`<<`) are not supported
 --> shop.yaml:2:11
  |
2 | traffic: {<<: *base, duration: 10 s}
  |           ^^ write out the keys
  |
  = help: stages can be shared by name: `stages:` and `use:`
"#

    a_second_document_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
---
path: [delay: {time: 1 ms}]
"# shows r#"
error: a second document begins here
 --> shop.yaml:2:1
  |
2 | ---
  | ^^^ expected one scenario a file
"#

    a_tag_is_refused: r#"
traffic: {rate: !fast 5/s, duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: tags (`!name`) are not supported
 --> shop.yaml:1:23
  |
1 | traffic: {rate: !fast 5/s, duration: 10 s}
  |                       ^^^ write the value without a tag
"#

    missing_keys_are_reported_with_what_they_mean: r#"
traffic: {rate: 5/s}
path:
  - station: {servers: 2}
"# shows r#"
error: `duration` is missing
 --> shop.yaml:1:10
  |
1 | traffic: {rate: 5/s}
  |          ^^^^^^^^^^^ in this section
  |
  = help: `duration`: How long requests arrive.

error: `service` is missing
 --> shop.yaml:3:14
  |
3 |   - station: {servers: 2}
  |              ^^^^^^^^^^^^ in this section
  |
  = help: `service`: How long service takes.
"#

    traffic_without_a_number_of_requests_is_refused: r#"
traffic: {duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: nothing says how many requests arrive
 --> shop.yaml:1:10
  |
1 | traffic: {duration: 10 s}
  |          ^^^^^^^^^^^^^^^^ expected one of `rate`, `stages`, `users` and `replay`
"#

    traffic_that_says_twice_how_much_is_refused: r#"
traffic: {rate: 5/s, users: 10, duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: `rate` and `users` both say how many requests arrive
 --> shop.yaml:1:29
  |
1 | traffic: {rate: 5/s, users: 10, duration: 10 s}
  |                 ---         ^^ expected only one of them
  |                 |
  |                 the other
  |
  = help: set one of them to `null` to leave it out
"#

    keys_that_mean_nothing_together_are_refused: r#"
traffic:
  stages: [{duration: 1 min, target: 5/s}]
  duration: 10 s
  think: 1 s
path: [delay: {time: 1 ms}]
"# shows r#"
error: `duration` means nothing beside `stages`
 --> shop.yaml:3:13
  |
3 |   duration: 10 s
  |             ^^^^ the stages say how long requests arrive

error: `think` means nothing here
 --> shop.yaml:4:10
  |
4 |   think: 1 s
  |          ^^^ expected only beside `users`
"#

    shares_beyond_the_whole_are_refused: r#"
traffic: {rate: 5/s, duration: 10 s, classes: [{name: read, share: 80%}, {name: write, share: 30%}]}
path: [delay: {time: 1 ms}]
"# shows r#"
error: the shares of the classes add up to 110%
 --> shop.yaml:1:95
  |
1 | traffic: {rate: 5/s, duration: 10 s, classes: [{name: read, share: 80%}, {name: write, share: 30%}]}
  |                                                                                               ^^^ expected at most 100%
"#

    shares_short_of_the_whole_are_refused: r#"
traffic: {rate: 5/s, duration: 10 s, classes: [{name: read, share: 60%}, {name: write, share: 30%}]}
path: [delay: {time: 1 ms}]
"# shows r#"
error: the shares of the classes add up to 90%
 --> shop.yaml:1:95
  |
1 | traffic: {rate: 5/s, duration: 10 s, classes: [{name: read, share: 60%}, {name: write, share: 30%}]}
  |                                                                                               ^^^ expected 100%
  |
  = help: leave out the share of one class: it gets what is left
"#

    a_balancer_without_targets_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - balancer
  - delay: {time: 1 ms}
"# shows r#"
error: `balancer`: a balancer needs a stage with targets after it, such as `station: {targets: 4, ...}`
 --> shop.yaml:3:5
  |
3 |   - balancer
  |     ^^^^^^^^
"#

    a_route_for_an_unknown_class_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - route: [{when: {class: read}, to: [delay: {time: 1 ms}]}]
"# shows r#"
error: there is no traffic class `read`
 --> shop.yaml:3:28
  |
3 |   - route: [{when: {class: read}, to: [delay: {time: 1 ms}]}]
  |                            ^^^^ not a class of `traffic`
  |
  = help: classes: all
"#

    a_branch_of_no_form_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - route:
    - {share: 20%, otherwise: [delay: {time: 1 ms}]}
    - {share: 20%}
"# shows r#"
error: this branch of the route is not one of the three forms
 --> shop.yaml:4:7
  |
4 |     - {share: 20%, otherwise: [delay: {time: 1 ms}]}
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ expected `when` and `to`, `share` and `to`, or `otherwise`

error: this branch of the route is not one of the three forms
 --> shop.yaml:5:7
  |
5 |     - {share: 20%}
  |       ^^^^^^^^^^^^ expected `when` and `to`, `share` and `to`, or `otherwise`
"#

    otherwise_must_come_last: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - route:
    - {otherwise: [delay: {time: 1 ms}]}
    - {share: 20%, to: [delay: {time: 2 ms}]}
"# shows r#"
error: `route`: `otherwise` must come last
 --> shop.yaml:3:5
  |
3 |   - route:
  |     ^^^^^
"#

    an_unknown_list_names_the_nearest: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [use: backened]
stages: {backend: [delay: {time: 1 ms}]}
"# shows r#"
error: there is no list of stages `backened`
 --> shop.yaml:2:13
  |
2 | path: [use: backened]
  |             ^^^^^^^^ did you mean `backend`?
  |
  = help: lists: backend
"#

    two_stages_of_one_name_are_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - delay: {name: cdn, time: 1 ms}
  - delay: {name: cdn, time: 2 ms}
"# shows r#"
error: two stages are named `cdn`
 --> shop.yaml:4:19
  |
3 |   - delay: {name: cdn, time: 1 ms}
  |                   --- first named here
4 |   - delay: {name: cdn, time: 2 ms}
  |                   ^^^ named again
  |
  = help: to pass the same stage twice, put it into `stages` and `use` it
"#

    what_stands_beside_a_stage_is_pointed_at: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - station:
    servers: 2
    service: 1 ms
"# shows r#"
error: `servers` stands beside the stage
 --> shop.yaml:4:5
  |
4 |     servers: 2
  |     ^^^^^^^ expected below `station`
  |
  = help: indent what belongs to `station` further, or begin a new stage with `- `
"#

    an_impossible_law_says_why: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - delay: {time: {lognormal: {p50: 60 ms, p99: 14 ms}}}
  - delay: {time: {exponental: {mean: 1 ms}}}
  - delay: {time: exponential}
  - delay: {time: {uniform: {low: 2 ms, high: 1 ms}}}
"# shows r#"
error: a higher percentile cannot be smaller
 --> shop.yaml:3:49
  |
3 |   - delay: {time: {lognormal: {p50: 60 ms, p99: 14 ms}}}
  |                                     -----       ^^^^^ expected at least 60 ms
  |                                     |
  |                                     the lower percentile

error: `exponental` is not allowed here
 --> shop.yaml:4:20
  |
4 |   - delay: {time: {exponental: {mean: 1 ms}}}
  |                    ^^^^^^^^^^ expected one of `constant`, `uniform`, `exponential`, `lognormal`, `gamma`, `erlang`, `weibull`, `pareto`, `hyperexponential`, `mixture`, `samples`, `quantiles`, `shifted`, `truncated`, `scaled`
  |
  = help: did you mean `exponential`?

error: `exponential` is not a law
 --> shop.yaml:5:19
  |
5 |   - delay: {time: exponential}
  |                   ^^^^^^^^^^^ expected an amount such as `5 ms` or a law such as `{exponential: {mean: 5 ms}}`

error: `high` cannot be 1 ms
 --> shop.yaml:6:47
  |
6 |   - delay: {time: {uniform: {low: 2 ms, high: 1 ms}}}
  |                                               ^^^^ expected more than 2 ms
"#

    a_law_below_zero_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - delay: {time: {gamma: {shape: 0.001, mean: 1 ms}}}
"# shows r#"
error: this law is impossible
 --> shop.yaml:3:19
  |
3 |   - delay: {time: {gamma: {shape: 0.001, mean: 1 ms}}}
  |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the shape of a gamma law must be from 0.1 to 10000, not 0.001
"#

    a_precision_that_cannot_be_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [delay: {time: 1 ms}]
run: {precision: {errors: 5%, p99: 100%}, percentiles: [p100]}
"# shows r#"
error: a precision is asked of latencies only
 --> shop.yaml:3:19
  |
3 | run: {precision: {errors: 5%, p99: 100%}, percentiles: [p100]}
  |                   ^^^^^^ expected `mean` or a percentile such as `p99`

error: a relative error lies between 0% and 100%
 --> shop.yaml:3:36
  |
3 | run: {precision: {errors: 5%, p99: 100%}, percentiles: [p100]}
  |                                    ^^^^ expected such as `5%`

error: `p100` is not a percentile that can be estimated
 --> shop.yaml:3:57
  |
3 | run: {precision: {errors: 5%, p99: 100%}, percentiles: [p100]}
  |                                                         ^^^^ expected such as `p75` or `p99.95`, more than `p0` and less than `p100`
"#

    a_warmup_that_leaves_nothing_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path: [delay: {time: 1 ms}]
run: {warmup: 10 s}
"# shows r#"
error: nothing is left to measure after the warm-up
 --> shop.yaml:3:15
  |
3 | run: {warmup: 10 s}
  |               ^^^^ expected less than 10 s
"#

    too_many_deadlines_inside_each_other_are_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - timeout: {after: 9 s}
  - timeout: {after: 8 s}
  - timeout: {after: 7 s}
  - timeout: {after: 6 s}
  - timeout: {after: 5 s}
  - timeout: {after: 4 s}
  - timeout: {after: 3 s}
  - timeout: {after: 2 s}
  - timeout: {after: 1 s}
"# shows r#"
error: timeout_8: more than 8 calls with a time-out inside each other
  --> shop.yaml:10:5
   |
10 |   - timeout: {after: 2 s}
   |     ^^^^^^^
"#

    a_balancer_that_needs_targets_from_a_trace_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - balancer: {policy: given}
  - station: {targets: 2, servers: 1, service: demand}
"# shows r#"
error: `policy: given` needs a target with each request
 --> shop.yaml:3:5
  |
3 |   - balancer: {policy: given}
  |     ^^^^^^^^
  |
  = help: replay requests with `columns: {target: ...}`, or choose another policy

error: `service: demand` needs a demand with each request
 --> shop.yaml:4:5
  |
4 |   - station: {targets: 2, servers: 1, service: demand}
  |     ^^^^^^^
  |
  = help: replay requests with `columns: {demand: ...}`, or give the station a law
"#

    a_controller_that_does_not_fit_its_station_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - station: {name: a, service: 5 ms, scaling: {target_utilisation: 60%, min: 2, max: 20}}
  - station: {name: b, targets: 2, service: 5 ms, scaling: {target_utilisation: 60%, max: 20}}
"# shows r#"
error: `servers` is 1, and that is how many there are at the start
 --> shop.yaml:3:48
  |
3 |   - station: {name: a, service: 5 ms, scaling: {target_utilisation: 60%, min: 2, max: 20}}
  |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ write `servers:` 2 to 20, or other bounds

error: `scaling` does not go together with `targets`
 --> shop.yaml:4:60
  |
4 |   - station: {name: b, targets: 2, service: 5 ms, scaling: {target_utilisation: 60%, max: 20}}
  |                                                            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ works with one target, served in order of arrival, by a law
"#

    a_controller_that_never_acts_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path:
  - station: {service: 5 ms, scaling: {every: 0 s, target_utilisation: 0%, max: 20, dely: 3 s}}
"# shows r#"
error: `every` cannot be 0 s
 --> shop.yaml:3:47
  |
3 |   - station: {service: 5 ms, scaling: {every: 0 s, target_utilisation: 0%, max: 20, dely: 3 s}}
  |                                               ^^^ expected more than 0 ns

error: `target_utilisation` cannot be 0%
 --> shop.yaml:3:72
  |
3 |   - station: {service: 5 ms, scaling: {every: 0 s, target_utilisation: 0%, max: 20, dely: 3 s}}
  |                                                                        ^^ expected more than 0%

error: unknown key `dely`
 --> shop.yaml:3:85
  |
3 |   - station: {service: 5 ms, scaling: {every: 0 s, target_utilisation: 0%, max: 20, dely: 3 s}}
  |                                                                                     ^^^^ did you mean `delay`?
  |
  = help: allowed keys: `every`, `target_utilisation`, `min`, `max`, `delay`, `cooldown`
"#

    a_path_without_stages_is_refused: r#"
traffic: {rate: 5/s, duration: 10 s}
path: []
"# shows r#"
error: the path has no stages
 --> shop.yaml:2:7
  |
2 | path: []
  |       ^^ expected at least one stage
"#

    a_data_pack_that_is_not_there_is_refused: r#"
data: aws-2019-01
region: Frankfurt
traffic: {rate: 5/s, duration: 10 s}
path: [delay: {time: 1 ms}]
"# shows r#"
error: there is no data pack `aws-2019-01`
 --> shop.yaml:1:7
  |
1 | data: aws-2019-01
  |       ^^^^^^^^^^^ expected `aws-2026-11`

error: `Frankfurt` is not a region
 --> shop.yaml:2:9
  |
2 | region: Frankfurt
  |         ^^^^^^^^^ expected such as `us-east-1`
"#

    everything_that_is_wrong_is_shown_at_once: r#"
title: [no]
traffic: {rate: 5000, duration: 10 s, classes: [{name: read, share: 120}]}
client: {timeout: 10, retries: {attempts: 0}}
path:
  - stacion
  - station: {servers: 0, service: {exponential: {mean: 5}}}
  - use: nowhere
objectives: [p99 < 250]
run: {seeed: 1, replications: 0}
"# shows r#"
error: this is a list
 --> shop.yaml:1:8
  |
1 | title: [no]
  |        ^^^^ expected a text

error: `5000` does not say per which time
 --> shop.yaml:2:17
  |
2 | traffic: {rate: 5000, duration: 10 s, classes: [{name: read, share: 120}]}
  |                 ^^^^ expected a rate such as `5000/s`, `10k/s` or `30k/min` (k, M, G per ms, s, min, h, d)
  |
  = help: write `5000/s` for 5000 a second

error: `120` has no `%`
 --> shop.yaml:2:69
  |
2 | traffic: {rate: 5000, duration: 10 s, classes: [{name: read, share: 120}]}
  |                                                                     ^^^ expected a share from `0%` to `100%`, such as `99.9%`
  |
  = help: write `120%`

error: `10` has no unit
 --> shop.yaml:3:19
  |
3 | client: {timeout: 10, retries: {attempts: 0}}
  |                   ^^ expected a duration such as `29 s`, `250 ms` or `1.5 h` (ns, us, ms, s, min, h, d)
  |
  = help: add a unit

error: unknown stage `stacion`
 --> shop.yaml:5:5
  |
5 |   - stacion
  |     ^^^^^^^ did you mean `station`?
  |
  = help: stages: ...

error: `servers` cannot be 0
 --> shop.yaml:6:24
  |
6 |   - station: {servers: 0, service: {exponential: {mean: 5}}}
  |                        ^ expected 1 to 1000000

error: `5` has no unit
 --> shop.yaml:6:57
  |
6 |   - station: {servers: 0, service: {exponential: {mean: 5}}}
  |                                                         ^ expected a duration such as `29 s`, `250 ms` or `1.5 h` (ns, us, ms, s, min, h, d)
  |
  = help: add a unit

error: there is no list of stages `nowhere`
 --> shop.yaml:7:10
  |
7 |   - use: nowhere
  |          ^^^^^^^ expected the name of a list in `stages`

error: `250` has no unit
 --> shop.yaml:8:20
  |
8 | objectives: [p99 < 250]
  |                    ^^^ expected a duration such as `29 s`, `250 ms` or `1.5 h` (ns, us, ms, s, min, h, d)
  |
  = help: add a unit

error: unknown key `seeed`
 --> shop.yaml:9:7
  |
9 | run: {seeed: 1, replications: 0}
  |       ^^^^^ did you mean `seed`?
  |
  = help: allowed keys: `seed`, `method`, `replications`, `precision`, `max_replications`, `max_requests`, `control_variates`, `percentiles`, `warmup`, `interval`, `confidence`, `max_backlog`, `max_in_flight`

error: `replications` cannot be 0
 --> shop.yaml:9:31
  |
9 | run: {seeed: 1, replications: 0}
  |                               ^ expected 1 to 100000
"#
}

const GOOD: &str = "traffic: {rate: 5/s, duration: 10 s}\npath: [delay: {time: 1 ms}]\n";

#[test]
fn a_good_scenario_shows_nothing() {
    assert_eq!(shown(GOOD, &[]), "");
}

#[test]
fn a_mistake_in_an_override_is_shown_in_the_argument() {
    assert_eq!(
        shown(GOOD, &["traffic.rate=5000"]),
        "\
error: `5000` does not say per which time
 --> --set:1:14
  |
1 | traffic.rate=5000
  |              ^^^^ expected a rate such as `5000/s`, `10k/s` or `30k/min` (k, M, G per ms, s, min, h, d)
  |
  = help: write `5000/s` for 5000 a second
"
    );
    let misspelt = shown(GOOD, &["trafic.rate=5/s"]);
    assert!(misspelt.contains("did you mean `traffic`?") && misspelt.contains("--set:1:1"), "{misspelt}");
    let two = shown(GOOD, &["traffic.users=5"]);
    assert!(two.contains("shop.yaml:1:17") && two.contains("--set:1:15"), "both places are shown: {two}");
}

#[test]
fn an_override_mends_a_mistake() {
    assert_eq!(
        shown("traffic: {rate: 5, duration: 10 s}\npath: [waff]", &["traffic.rate=5/s", "path=[delay: {time: 1 ms}]"]),
        ""
    );
    assert_eq!(shown(GOOD, &["traffic.users=5", "traffic.rate=null"]), "");
}

#[test]
fn a_list_that_is_not_used_is_a_warning() {
    let text = format!("{GOOD}stages: {{spare: [delay: {{time: 1 ms}}]}}\n");
    assert_eq!(
        shown(&text, &[]),
        "\
warning: the list `spare` is not used
 --> shop.yaml:3:10
  |
3 | stages: {spare: [delay: {time: 1 ms}]}
  |          ^^^^^
"
    );
}

fn refused(path: &Path) -> String {
    let (problems, sources) = load(path, &[]).map(|scenario| scenario.name).expect_err("refused");
    render(&problems, &sources, false)
}

#[test]
fn a_directory_or_nothing_in_place_of_a_file_is_refused() {
    assert_eq!(refused(Path::new("tests/data")), "error: cannot read `tests/data`: this is a directory\n");
    assert_eq!(refused(Path::new("tests/none.yaml")), "error: cannot read `tests/none.yaml`: no such file\n");
}

#[cfg(unix)]
#[test]
fn a_device_in_place_of_a_file_is_refused_instead_of_read_for_ever() {
    assert_eq!(refused(Path::new("/dev/zero")), "error: cannot read `/dev/zero`: this is not an ordinary file\n");
    let trace = shown("traffic: {replay: {counts: /dev/zero, interval: 1 s}}\npath: [delay: {time: 1 ms}]\n", &[]);
    assert!(trace.contains("this is not an ordinary file"), "{trace}");
}

#[test]
fn a_file_that_is_not_utf_8_is_pointed_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("latin.yaml");
    std::fs::write(&path, b"title: caf\xe9\n").expect("written");
    let shown = refused(&path);
    assert!(shown.starts_with("error: this is not UTF-8 text\n"), "{shown}");
    assert!(shown.contains("latin.yaml:1:11") && shown.contains("^ byte 0xe9"), "{shown}");
}

#[test]
fn a_path_beyond_all_reason_is_refused() {
    let stages = "  - delay: {time: 1 ms}\n".repeat(300);
    let long = shown(&format!("traffic: {{rate: 5/s, duration: 10 s}}\npath:\n{stages}"), &[]);
    assert!(long.starts_with("error: the path is too long\n"), "{long}");
    // Doubling lists: 2^40 stages in forty lines.
    let lists: String = (0..40).map(|n| format!("  l{n}: [use: l{}, use: l{}]\n", n + 1, n + 1)).collect();
    let text = format!(
        "traffic: {{rate: 5/s, duration: 10 s}}\npath: [use: l0]\nstages:\n{lists}  l40: [delay: {{time: 1 ms}}]\n"
    );
    let doubled = shown(&text, &[]);
    assert!(doubled.contains("error: "), "{doubled}");
    assert!(doubled.contains("too long") || doubled.contains("too deeply"), "{doubled}");
    // Sixteen branches in a row: 2^16 ways through the path.
    let routes =
        "  - route: [{share: 50%, to: [delay: {time: 1 ms}]}, {otherwise: [delay: {time: 2 ms}]}]\n".repeat(16);
    let ways = shown(&format!("traffic: {{rate: 5/s, duration: 10 s}}\npath:\n{routes}"), &[]);
    assert!(ways.contains("are routes nested too deeply?"), "{ways}");
}

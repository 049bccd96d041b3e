//! The command as its users meet it: what it prints, what it writes, how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A folder with scenario files, removed at the end.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a scenario: a station of one server, 1 ms exponential, at `rate`, for `duration`.
    fn scenario(&self, name: &str, rate: &str, duration: &str, rest: &str) -> PathBuf {
        let text = format!(
            "traffic: {{arrivals: poisson, rate: {rate}, duration: {duration}}}\n\
             path:\n  - station: {{servers: 1, service: {{exponential: {{mean: 1 ms}}}}}}\n{rest}"
        );
        self.file(name, &text)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepath"));
        command.current_dir(self.0.path()).args(arguments.split_whitespace()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", stdout(output), stderr(output));
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn exit_codes_tell_what_happened() {
    let place = Place::new();
    place.scenario("met.yaml", "500/s", "20 s", "objectives: [p50 < 10 ms]\n");
    place.scenario("missed.yaml", "500/s", "20 s", "objectives: [p50 < 10 ms, p99 < 1 ms]\n");
    place.scenario("open.yaml", "500/s", "20 s", "objectives: [throughput > 500/s]\n");
    place.scenario("unstable.yaml", "2000/s", "60 s", "run: {max_backlog: 1000}\n");
    place.scenario("wrong.yaml", "500", "20 s", "");
    for (arguments, code) in [
        ("run met.yaml", 0),
        ("run missed.yaml", 3),
        ("run open.yaml", 4),
        ("run open.yaml missed.yaml met.yaml", 3),
        ("run unstable.yaml missed.yaml", 1),
        ("run wrong.yaml", 2),
        ("run missing.yaml", 2),
        ("run", 2),
        ("rnu met.yaml", 2),
        ("check met.yaml open.yaml", 0),
        ("check wrong.yaml", 2),
        ("--help", 0),
        ("--version", 0),
    ] {
        ends(&place.run(arguments), code);
    }
}

#[test]
fn a_mistake_in_a_scenario_is_shown_at_its_place() {
    let place = Place::new();
    place.file(
        "typo.yaml",
        "traffic: {arrivals: poisson, rate: 100/s, duration: 10 s}\npath:\n  - station: {servrs: 1, service: 5 ms}\n",
    );
    let output = place.run("check typo.yaml");
    ends(&output, 2);
    let told = stderr(&output);
    for part in ["typo.yaml:3:", "servrs", "servers", "^"] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "no colours without a terminal:\n{told}");
}

#[test]
fn the_summary_goes_to_standard_output_and_nothing_else() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "20 s", "objectives: [p99 < 1 s]\n");
    let output = place.run("run one.yaml");
    ends(&output, 0);
    let shown = stdout(&output);
    // Ten replications are not precise enough, twenty are.
    for part in [
        "one  20 runs",
        "stable",
        "MSER-5 asks for",
        "ended by  the precision asked for",
        "Objectives",
        "met",
        "throughput",
        "p99.9",
        "How requests ended",
        "Fullest resources",
    ] {
        assert!(shown.contains(part), "{part} is missing in:\n{shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert_eq!((stderr(&output).as_str(), shown.contains('\u{1b}')), ("", false));
}

#[test]
fn json_and_csv_are_for_programs() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "");
    place.scenario("two.yaml", "600/s", "5 s", "");
    let output = place.run("run one.yaml two.yaml --format json");
    ends(&output, 0);
    let document: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(document["scenarios"][1]["scenario"], "two");
    assert!(document["scenarios"][0]["summary"][0]["value"].as_f64().unwrap() > 450.0);
    let output = place.run("run one.yaml two.yaml --format csv");
    let rows = stdout(&output);
    assert!(rows.starts_with("scenario,status,class,metric,value,low,high,"), "{rows}");
    assert!(rows.lines().any(|row| row.starts_with("two,complete,all,latency_p99_ms,")), "{rows}");
}

#[test]
fn flags_and_overrides_win_over_the_file() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "run: {seed: 7, replications: 3}\n");
    let read = |arguments: &str| -> serde_json::Value {
        let output = place.run(arguments);
        ends(&output, 0);
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    let own = read("run one.yaml --format json");
    assert_eq!((&own["scenarios"][0]["seed"], &own["scenarios"][0]["replications"]), (&7.into(), &3.into()));
    let given = read("run one.yaml --format json --seed 9 --replications 4 --set traffic.rate=100/s");
    assert_eq!((&given["scenarios"][0]["seed"], &given["scenarios"][0]["replications"]), (&9.into(), &4.into()));
    assert!(given["scenarios"][0]["summary"][0]["value"].as_f64().unwrap() < 130.0);
    let refused = place.run("run one.yaml --set traffic.rte=100/s");
    ends(&refused, 2);
    assert!(stderr(&refused).contains("rate"), "{}", stderr(&refused));
}

#[test]
fn the_results_folder_holds_what_the_documentation_says() {
    let place = Place::new();
    place.scenario("a/one.yaml", "500/s", "5 s", "objectives: [p99 < 1 s]\n");
    let two = place.scenario("two.yaml", "600/s", "5 s", "");
    ends(&place.run("run a/one.yaml two.yaml --out out"), 0);
    let tables = [
        "bill.csv",
        "checks.csv",
        "cost.csv",
        "ledger.csv",
        "objectives.csv",
        "outcomes.csv",
        "percentiles.csv",
        "resources.csv",
        "series.csv",
        "stages.csv",
        "summary.csv",
        "theory.csv",
    ];
    let mut expected = vec!["hist", "scenarios", "run.json"];
    expected.extend(tables);
    expected.sort_unstable();
    assert_eq!(names(&place.path("out")), expected);
    assert_eq!(names(&place.path("out/hist")), ["one.hlog", "two.hlog"]);
    let mut expected = tables.to_vec();
    expected.push("scenario.yaml");
    expected.sort_unstable();
    assert_eq!(names(&place.path("out/scenarios/two")), expected);
    assert_eq!(fs::read(place.path("out/scenarios/two/scenario.yaml")).unwrap(), fs::read(two).unwrap());
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(place.path("out/run.json")).unwrap()).unwrap();
    assert_eq!((&manifest["partial"], &manifest["state"]), (&false.into(), &"complete".into()));
    assert_eq!(manifest["scenarios"][0]["file"], "a/one.yaml");
    // Another run into the same folder leaves nothing of this one.
    ends(&place.run("run two.yaml --out out"), 0);
    assert_eq!(names(&place.path("out/hist")), ["two.hlog"]);
}

#[test]
fn the_histogram_log_can_be_read_by_another_library() {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "20 s", "");
    ends(&place.run("run one.yaml --out out"), 0);
    let log = fs::read(place.path("out/hist/one.hlog")).unwrap();
    let entries: Vec<LogEntry> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
    let encoded = entries.iter().find_map(|entry| match entry {
        LogEntry::Interval(interval) => Some(interval.encoded_histogram()),
        _ => None,
    });
    let bytes = base64(encoded.unwrap());
    let histogram: hdrhistogram::Histogram<u64> =
        hdrhistogram::serialization::Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
    let summary = fs::read_to_string(place.path("out/summary.csv")).unwrap();
    let p99 = summary.lines().find(|row| row.contains("latency_p99_ms")).unwrap().split(',').nth(4).unwrap();
    let p99: f64 = p99.parse().unwrap();
    assert!((histogram.value_at_quantile(0.99) as f64 * 1e-6 / p99 - 1.0).abs() < 0.002);
}

/// Decodes base64 the slow way.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = text
        .chars()
        .filter_map(|c| ALPHABET.find(c))
        .flat_map(|digit| (0..6).rev().map(move |bit| (digit >> bit & 1) as u8))
        .collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

#[test]
fn a_folder_that_cannot_be_written_is_a_clear_error() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "");
    let output = place.run("run one.yaml --out one.yaml/results");
    ends(&output, 1);
    assert!(stderr(&output).contains("cannot write one.yaml/results"), "{}", stderr(&output));
    place.file("mine/thesis.tex", "hard work");
    let output = place.run("run one.yaml --out mine");
    ends(&output, 2);
    assert!(stderr(&output).contains("mine holds files but no results"), "{}", stderr(&output));
    assert_eq!(names(&place.path("mine")), ["thesis.tex"]);
}

#[test]
fn whoever_stops_reading_gets_no_complaint() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "");
    let mut child = place.command("run one.yaml").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    ends(&output, 0);
    assert_eq!(stderr(&output), "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_a_clear_error() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = place.command("run one.yaml --out out").stdout(full).stderr(Stdio::piped()).output().unwrap();
    ends(&output, 1);
    assert!(stderr(&output).starts_with("error: cannot write to standard output"), "{}", stderr(&output));
    // The results were on disk by then.
    assert!(place.path("out/scenarios/one/summary.csv").exists() && place.path("out/summary.csv").exists());
    assert!(fs::read_to_string(place.path("out/run.json")).unwrap().contains(r#""state": "failed""#));
}

#[cfg(unix)]
#[test]
fn an_interrupted_study_keeps_what_is_finished() {
    let place = Place::new();
    place.scenario("quick.yaml", "500/s", "5 s", "run: {replications: 10}\n");
    place.scenario("slow.yaml", "900/s", "400 d", "");
    let child = place
        .command("run quick.yaml slow.yaml --out out --threads 1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !place.path("out/hist/quick.hlog").exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the first scenario takes seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    ends(&output, 130);
    assert!(stdout(&output).contains("quick  10 runs"), "{}", stdout(&output));
    let summary = fs::read_to_string(place.path("out/summary.csv")).unwrap();
    assert!(summary.contains("\nquick,complete") && !summary.contains("\nslow,"), "{summary}");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(place.path("out/run.json")).unwrap()).unwrap();
    assert_eq!((&manifest["partial"], &manifest["state"]), (&true.into(), &"interrupted".into()));
    let finished: Vec<&serde_json::Value> = (0..2).map(|i| &manifest["scenarios"][i]["finished"]).collect();
    assert_eq!(finished, [&true, &false]);
}

#[test]
fn the_template_is_a_scenario_that_runs() {
    let place = Place::new();
    ends(&place.run("init"), 0);
    ends(&place.run("check scenario.yaml"), 0);
    let again = place.run("init");
    ends(&again, 2);
    assert!(stderr(&again).contains("exists already"));
    let output = place.run("run scenario.yaml --replications 3 --set traffic.duration=20s");
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{}", stderr(&output));
}

#[test]
fn the_schema_describes_scenarios() {
    let output = Place::new().run("schema");
    ends(&output, 0);
    let schema: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(schema["properties"]["traffic"].is_object(), "{schema:#}");
}

#[test]
fn explain_shows_laws_and_their_sources_and_after_a_run_what_happened() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "");
    let output = place.run("explain one.yaml");
    ends(&output, 0);
    assert!(stdout(&output).contains("exponential, mean 1 ms") && stdout(&output).contains("[scenario]"));
    assert!(!stdout(&output).contains(" busy"));
    let output = place.run("explain one.yaml --analyze");
    ends(&output, 0);
    assert!(stdout(&output).contains(" busy"), "{}", stdout(&output));
}

#[test]
fn a_study_ends_with_its_precision_or_says_which_budget_is_spent() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "20 s", "");
    let checks = |arguments: &str| {
        let output = place.run(&format!("run one.yaml --format json {arguments}"));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = &document["scenarios"][0]["checks"][0];
        (checks["ended_by"].as_str().unwrap().to_owned(), checks["replications"].as_u64().unwrap())
    };
    assert_eq!(checks(""), ("precise".to_owned(), 20));
    assert_eq!(checks("--replications 3"), ("fixed".to_owned(), 3));
    assert_eq!(checks("--relative-error 1% --set run.max_replications=30"), ("replications".to_owned(), 30));
    assert_eq!(checks("--relative-error 1% --set run.max_requests=300000").0, "requests");
    let refused = place.run("run one.yaml --relative-error 5");
    ends(&refused, 2);
    assert!(stderr(&refused).contains("such as `2%`"), "{}", stderr(&refused));
}

#[test]
fn any_percentile_is_there_by_class_and_status() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "run: {replications: 5, percentiles: [p99.5]}\n");
    ends(&place.run("run one.yaml --percentiles p75,33 --out out"), 0);
    let table = fs::read_to_string(place.path("out/percentiles.csv")).unwrap();
    for percentile in ["33", "75", "99.5"] {
        assert!(table.contains(&format!("one,all,200,served,{percentile},")), "{percentile}: {table}");
    }
    let summary = fs::read_to_string(place.path("out/summary.csv")).unwrap();
    assert!(summary.contains("latency_p99.5_ms") && summary.contains("latency_p33_ms"), "{summary}");
    ends(&place.run("run one.yaml --percentiles p100"), 2);
}

#[test]
fn comparing_a_scenario_with_itself_finds_no_difference_at_all() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "5 s", "");
    place.scenario("twin.yaml", "500/s", "5 s", "run: {seed: 99}\n");
    place.scenario("slower.yaml", "600/s", "5 s", "");
    let output = place.run("compare one.yaml twin.yaml slower.yaml --format csv --out out");
    ends(&output, 0);
    let rows = stdout(&output);
    let rows: Vec<Vec<&str>> = rows.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let twin: Vec<_> = rows.iter().filter(|row| row[0] == "twin").collect();
    assert!(twin.len() >= 9 && twin.iter().all(|row| row[4..7] == ["0", "0", "0"] && row[11] == "same"), "{twin:?}");
    assert!(rows.iter().any(|row| row[0] == "slower" && row[2] == "latency_mean_ms" && row[11] == "worse"), "{rows:?}");
    assert!(place.path("out/comparison.csv").exists());
    let table = place.run("compare one.yaml twin.yaml");
    assert!(stdout(&table).contains("twin less one") && stdout(&table).contains("same"));
}

#[test]
fn quantities_are_priced_from_a_file_and_what_is_unknown_is_refused_with_its_place() {
    let place = Place::new();
    place.file("usage.csv", "service,item,region,quantity\napigateway,http_request,us-east-1,432000000\n");
    let output = place.run("price usage.csv --format json");
    ends(&output, 0);
    let bill: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(bill["total_usd"], 418.8);
    assert_eq!(bill["lines"].as_array().map(Vec::len), Some(1));
    place.file("wrong.csv", "service,item,region,quantity\napigateway,http_requests,us-east-1,5\n");
    let output = place.run("price wrong.csv");
    ends(&output, 2);
    assert!(stderr(&output).contains("wrong.csv:2:12") && stderr(&output).contains("did you mean `http_request`?"));
}

#[test]
fn two_bills_cross_where_the_rates_say() {
    let place = Place::new();
    let scenario = |name: &str, stage: &str| {
        let text = format!(
            "traffic: {{arrivals: constant, rate: 5/s, duration: 60 s}}\npath: [{stage}, delay: {{time: 1 ms}}]\n\
             cost: {{access_log: 0 B, requests_per_connection: 1}}\nrun: {{warmup: 0 s, replications: 2}}\n"
        );
        place.file(name, &text);
    };
    scenario("http.yaml", "http_api");
    scenario("alb.yaml", "alb: {scheme: internal}");
    let output = place.run("break-even http.yaml alb.yaml --from 1/s --to 50/s --format json");
    ends(&output, 0);
    let found: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    // 16.425 a month against 0.911 less for a million: 18.03 million a month, 6.86 a second.
    let rate = found["value"].as_f64().unwrap();
    assert!((rate - 6.86).abs() < 0.1, "{rate}");
    assert_eq!((&found["cheaper_below"], &found["cheaper_above"]), (&"http".into(), &"alb".into()));
}

#[test]
fn what_misses_its_objective_is_no_choice_where_two_bills_are_compared_under_objectives() {
    let place = Place::new();
    let scenario = |name: &str, stage: &str, service: &str| {
        let text = format!(
            "traffic: {{arrivals: constant, rate: 5/s, duration: 20 s}}\n\
             path: [{stage}, station: {{servers: 1, service: {service}}}]\nobjectives: [p50 < 300 ms]\n\
             cost: {{access_log: 0 B, requests_per_connection: 1}}\nrun: {{warmup: 0 s, replications: 2}}\n"
        );
        place.file(name, &text);
    };
    // The bills cross at 6.86 a second; the balancer has a server for up to 20 a second, the API one for 60.
    scenario("http.yaml", "http_api: {overhead: 1 ms}", "16 ms");
    scenario("alb.yaml", "alb: {scheme: internal}", "50 ms");
    let search = "break-even http.yaml alb.yaml --from 5/s --to 200/s --under-objectives --precision 2";
    let output = place.run(&format!("{search} --format json"));
    ends(&output, 0);
    let found: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let stretches: Vec<(Option<&str>, Option<&str>, f64)> = found["stretches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["cheaper"].as_str(), one["end"]["why"].as_str(), one["to"].as_f64().unwrap()))
        .collect();
    let told: Vec<_> = stretches.iter().map(|(cheaper, why, _)| (*cheaper, *why)).collect();
    let expected =
        [(Some("http"), Some("bills")), (Some("alb"), Some("misses")), (Some("http"), Some("misses")), (None, None)];
    assert_eq!(told, expected);
    for ((.., to), about) in stretches.iter().zip([6.86, 20.5, 63.0, 200.0]) {
        assert!((to / about - 1.0).abs() < 0.05, "{to} instead of {about}");
    }
    let text = stdout(&place.run(search));
    assert!(text.contains("to 200.0/s: neither") && text.contains("alb is not shown to meet p50 < 300 ms ("), "{text}");
    let csv = stdout(&place.run(&format!("{search} --format csv")));
    let rows: Vec<csv::StringRecord> = csv::Reader::from_reader(csv.as_bytes()).records().map(Result::unwrap).collect();
    let told: Vec<(&str, &str)> = rows.iter().map(|row| (&row[5], &row[8])).collect();
    assert_eq!(told, [("http", "bills"), ("alb", "misses"), ("http", "misses"), ("", "")], "{csv}");
    place.file("plain.yaml", "traffic: {rate: 5/s, duration: 5 s}\npath: [alb]\n");
    let refused = place.run("break-even plain.yaml plain.yaml --from 1/s --to 2/s --under-objectives");
    ends(&refused, 2);
    assert!(stderr(&refused).contains("needs `objectives`"), "{}", stderr(&refused));
}

#[test]
fn the_cheapest_point_of_a_grid_comes_as_a_table_too() {
    let place = Place::new();
    place.file(
        "shop.yaml",
        "traffic: {arrivals: poisson, rate: 50/s, duration: 20 s}\npath:\n  - alb: {zones: 2}\n\
         \x20 - ecs: {tasks: 2, size: {vcpu: 0.5, memory: 1 GiB}, workers: 4, service: {exponential: {mean: 5 ms}}}\n\
         objectives: [p99 < 500 ms]\nrun: {warmup: 0 s, replications: 4}\n",
    );
    let output = place.run("capacity shop.yaml --cheapest --grid path.ecs.tasks=4,2 --quiet --format csv");
    ends(&output, 0);
    let rows = stdout(&output);
    let mut reader = csv::Reader::from_reader(rows.as_bytes());
    let column = reader.headers().unwrap().iter().position(|name| name == "best").unwrap();
    let best: Vec<(String, String)> =
        reader.records().map(Result::unwrap).map(|row| (row[1].to_owned(), row[column].to_owned())).collect();
    let told = |set: &str, best: &str| (set.to_owned(), best.to_owned());
    assert_eq!(best, [told("path.ecs.tasks=4", "0"), told("path.ecs.tasks=2", "1")], "{rows}");
    let text = stdout(&place.run("capacity shop.yaml --cheapest --grid path.ecs.tasks=2 --quiet"));
    assert!(text.contains(" USD a month") && !text.contains('$'), "amounts as in every other table: {text}");
}

#[test]
fn a_point_of_a_capacity_search_says_of_which_class_its_numbers_are() {
    let place = Place::new();
    place.file(
        "sale.yaml",
        "traffic: {arrivals: poisson, rate: 100/s, duration: 20 s, classes: [{name: browse}, {name: buy, share: 30%}]}\n\
         path: [station: {servers: 1, service: {exponential: {mean: 1 ms}}}]\nobjectives: [mean of buy < 3 ms]\n",
    );
    let output = place.run("capacity sale.yaml --over traffic.rate --replications 3 --max-replications 3 --quiet");
    ends(&output, 0);
    assert!(stdout(&output).contains("mean of buy 1."), "{}", stdout(&output));
}

#[test]
fn results_are_not_written_over_a_file() {
    let place = Place::new();
    place.scenario("a.yaml", "100/s", "5 s", "run: {replications: 2}\n");
    let output = place.run("run a.yaml --quiet --out a.yaml");
    assert!(stderr(&output).contains("a.yaml is a file; name a new or empty folder"), "{}", stderr(&output));
}

#[test]
fn objectives_written_the_other_way_round_and_mappings_for_lists_are_answered_with_what_to_write() {
    let place = Place::new();
    place.file(
        "sale.yaml",
        "traffic: {rate: 100/s, duration: 5 s, classes: {buy: {share: 30%}}}\npath: [delay: {time: 1 ms}]\n\
         objectives: [buy p95 < 3 ms]\n",
    );
    let output = place.run("check sale.yaml");
    ends(&output, 2);
    let told = stderr(&output);
    assert!(told.contains("did you mean `p95 of buy`, for the class `buy`?"), "{told}");
    assert!(told.contains("expected a list such as `[a, b]`"), "{told}");
}

#[test]
fn a_bill_of_one_line_is_shown_whole() {
    let place = Place::new();
    place.file(
        "one.yaml",
        "traffic: {arrivals: constant, rate: 5/s, duration: 10 s}\npath: [delay: {time: 1 ms}]\n\
         cost: {usage: [{item: nat/nat_gateway_hour, quantity: 1}]}\nrun: {warmup: 0 s, replications: 2}\n",
    );
    let output = place.run("run one.yaml --quiet");
    ends(&output, 0);
    let shown = stdout(&output);
    let bill = shown.split("What it costs").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a bill");
    assert!(bill.contains("nat/nat_gateway_hour  32.85  730 hour") && !bill.contains("more"), "{bill}");
}

#[test]
fn a_corrected_mean_and_intervals_that_outlast_every_wave_are_said_to_be_so() {
    let place = Place::new();
    place.scenario("one.yaml", "500/s", "60 s", "run: {control_variates: true}\n");
    let shown = place.run("run one.yaml");
    ends(&shown, 0);
    let text = stdout(&shown);
    assert!(text.contains("by the load of station: as if"), "{text}");
    assert!(text.contains("95 % interval, whichever wave is the last"), "{text}");
}

#[test]
fn every_row_of_every_table_of_a_comparison_with_bills_is_as_long_as_its_header() {
    let place = Place::new();
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let file = |name: &str| scenarios.join(name).display().to_string();
    let output = place.run(&format!(
        "compare {} {} --set traffic.duration=30s --set run.warmup=0s --replications 2 --quiet --out folder",
        file("break-even-http-api.yaml"),
        file("break-even-alb.yaml")
    ));
    assert!(matches!(output.status.code(), Some(0 | 3 | 4)), "{}", stderr(&output));
    let mut costs = 0;
    for name in names(&place.path("folder")).iter().filter(|name| name.ends_with(".csv")) {
        let mut reader = csv::Reader::from_path(place.path("folder").join(name)).unwrap();
        for row in reader.records() {
            let row = row.unwrap_or_else(|error| panic!("{name}: {error}"));
            costs += usize::from(name == "comparison.csv" && row[2].starts_with("cost_"));
        }
    }
    assert_eq!(costs, 2, "the bills are compared");
}

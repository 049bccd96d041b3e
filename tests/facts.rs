//! The data pack that is compiled in: complete, dated, and readable as what the stages need.

use gatepath::facts::Facts;
use gatepath::law::{Law, LawSpec};
use gatepath::program::Grade;

fn facts() -> &'static Facts {
    Facts::pack(Facts::DEFAULT_PACK).expect("the pack can be read")
}

#[test]
fn every_fact_has_source_date_and_grade() {
    let count =
        facts().rows().inspect(|(id, row)| assert!(!row.source.is_empty() && !row.date.is_empty(), "{id}")).count();
    assert!(count > 800, "{count} facts");
}

#[test]
fn every_estimate_says_why() {
    for (id, row) in facts().rows().filter(|(_, row)| row.grade == Grade::D) {
        assert!(!row.note.is_empty() || row.value.len() > 20, "{id} is an estimate without a reason");
    }
}

#[test]
fn every_law_of_the_pack_can_be_drawn_from() {
    let mut laws = 0;
    for (id, _) in facts().rows() {
        // Plain times include some beyond any run, such as 60 days.
        if let Ok(law) = facts().law(id).map(|law| law.value)
            && !matches!(law, LawSpec::Constant(_))
        {
            Law::compile(&law).unwrap_or_else(|error| panic!("{id}: {error}"));
            laws += 1;
        }
    }
    assert!(laws > 100, "{laws} laws");
}

#[test]
fn values_written_as_a_law_are_read_as_a_law() {
    for (id, row) in facts().rows() {
        let value = row.value.to_ascii_lowercase();
        let alone = ["lognormal(", "uniform(", "mix2_lognormal("].iter().any(|name| value.starts_with(name))
            && value.ends_with(')');
        // Two laws added are no law yet; the stage that needs the sum draws both.
        if alone && value.matches('(').count() == 1 {
            assert!(facts().law(id).is_ok(), "{id}: {}", row.value);
        }
    }
}

#[test]
fn known_facts_have_their_published_values() {
    assert_eq!(facts().rate("apigw_throttle.account_rate_default").map(|rate| rate.value.0), Ok(10_000.0));
    assert_eq!(facts().span("apigw_rest.integration_timeout").map(|span| span.value.as_secs_f64()), Ok(29.0));
    assert_eq!(facts().bytes("apigw_rest.payload_max").map(|bytes| bytes.value.0), Ok(10 * 1024 * 1024));
    assert_eq!(facts().count("waf.block_status").map(|status| status.value), Ok(403));
    let rest = facts().law("apigw_rest.overhead_latency").expect("a law");
    let law = Law::compile(&rest.value).expect("a law");
    assert!((law.quantile(0.99) / 1e6 - 24.8).abs() < 0.1, "its note says that p99 is 24.8 ms");
}

/// Every text of the form `stage.parameter` in the sources of the stages whose first word is a stage of the pack.
fn ids_named_by_stages() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stage");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("stages").flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut ids = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        let text = std::fs::read_to_string(file).expect("readable");
        ids.extend(text.split('"').skip(1).step_by(2).filter(|word| is_id(word)).map(str::to_owned));
    }
    ids
}

fn is_id(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
    let Some((stage, parameter)) = word.split_once('.') else { return false };
    let known = facts().rows().any(|(id, _)| id.split('.').next() == Some(stage));
    known && !parameter.is_empty() && word.chars().all(plain)
}

#[test]
fn every_fact_a_stage_names_is_in_the_pack() {
    for id in ids_named_by_stages() {
        assert!(facts().row(&id).is_ok(), "a stage names `{id}`, which the pack does not have");
    }
}

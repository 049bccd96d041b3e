//! Results as one JSON document: the rows of the tables, scenario by scenario. Nothing volatile is in it.

use super::schema;
use super::table::Table;
use crate::study::{Comparison, Finding};
use serde_json::{Map, Value, json};

/// The document: `schema_version`, `partial` (the user stopped it), `scenarios`, and `comparison` when there is one. The
/// tables over time (series, provision) are left out; they are in the results folder.
pub fn document(findings: &[&Finding], comparisons: &[Comparison], partial: bool) -> Value {
    let mut document = json!({
        "schema_version": schema::VERSION,
        "partial": partial,
        "scenarios": findings.iter().map(|finding| scenario(finding)).collect::<Vec<_>>(),
    });
    if let (Value::Object(fields), false) = (&mut document, comparisons.is_empty()) {
        fields.insert("comparison".to_owned(), schema::comparison(comparisons).to_json());
    }
    document
}

fn scenario(finding: &Finding) -> Value {
    let mut fields = Map::from_iter([
        ("scenario".to_owned(), json!(finding.name)),
        ("title".to_owned(), json!(finding.title)),
        ("status".to_owned(), json!(finding.estimates.status.word())),
        ("digest".to_owned(), json!(finding.digest)),
        ("seed".to_owned(), json!(finding.seed)),
        ("replications".to_owned(), json!(finding.estimates.replications)),
        ("duration_s".to_owned(), json!(finding.duration.as_secs_f64())),
        ("warmup_s".to_owned(), json!(finding.warmup.as_secs_f64())),
        ("confidence".to_owned(), json!(finding.estimates.confidence)),
        ("warnings".to_owned(), json!(finding.warnings)),
    ]);
    for table in schema::tables(&[finding]).iter().filter(|table| !over_time(table)) {
        fields.insert(table.layout.name.to_owned(), rows(table.to_json()));
    }
    Value::Object(fields)
}

/// Whether a table says what happened when.
fn over_time(table: &Table) -> bool {
    [schema::SERIES, schema::PROVISION].contains(table.layout)
}

/// The rows without the name of the scenario, which stands above them.
fn rows(mut rows: Value) -> Value {
    for row in rows.as_array_mut().into_iter().flatten() {
        if let Value::Object(fields) = row {
            fields.remove("scenario");
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Executor;
    use crate::study::replicate::sample;
    use crate::study::trial;

    #[test]
    fn the_document_is_the_same_to_the_last_byte() {
        let case = trial::case("one_server", 500.0, 1);
        let finding = Finding::of(&case, &sample(&case, Executor::Event));
        let mut document = document(&[&finding], &[], false);
        let scenario = &mut document["scenarios"][0];
        // A digest changes with every change of the program's shape; the numbers must not.
        assert_eq!(scenario["digest"].take().as_str().map(str::len), Some(64));
        // The first row of each table stands for the rest.
        for table in scenario.as_object_mut().into_iter().flat_map(Map::values_mut).filter_map(Value::as_array_mut) {
            table.truncate(1);
        }
        insta::assert_snapshot!(format!("{document:#}"), @r#"
        {
          "partial": false,
          "scenarios": [
            {
              "bill": [],
              "checks": [
                {
                  "conservation": "holds",
                  "control": "",
                  "control_gain": null,
                  "ended_by": "fixed",
                  "growth_high": 0.000286075359,
                  "growth_low": -0.00116006084,
                  "growth_share": -0.00043699274,
                  "in_system_by_latency": 1.10437394,
                  "in_system_counted": 0.922222222,
                  "in_system_difference_high": 0.445378399,
                  "in_system_difference_low": -0.809681829,
                  "replications": 10,
                  "stability": "stable",
                  "status": "complete",
                  "warmup_found_s": null,
                  "warmup_rule": "given",
                  "warmup_s": 1.0
                }
              ],
              "confidence": 0.95,
              "cost": [],
              "digest": null,
              "duration_s": 10.0,
              "ledger": [],
              "objectives": [
                {
                  "class": "all",
                  "high": 10.1335333,
                  "limit": 20.0,
                  "low": 8.8283245,
                  "metric": "latency_p99_ms",
                  "objective": "p99 < 20 ms",
                  "value": 9.45844174,
                  "verdict": "met"
                }
              ],
              "outcomes": [
                {
                  "class": "all",
                  "count": 44832,
                  "kind": "served",
                  "latency_mean_ms": 2.21702477,
                  "latency_p50_ms": 1.6030075,
                  "latency_p99_ms": 9.45844174,
                  "outcome": "served",
                  "share": 0.990368472,
                  "share_high": 0.991310781,
                  "share_low": 0.989426164,
                  "status_code": 200
                }
              ],
              "percentiles": [
                {
                  "class": "all",
                  "from_send_high": 1.62228792,
                  "from_send_low": 1.54258234,
                  "from_send_ms": 1.58193321,
                  "high": 1.62228792,
                  "latency_ms": 1.58193321,
                  "low": 1.54258234,
                  "observations": 45268,
                  "outcome": "",
                  "percentile": 50.0,
                  "status_code": null,
                  "trust": "ok"
                }
              ],
              "replications": 10,
              "resources": [
                {
                  "abandoned_share": 0.0,
                  "arrivals_per_s": 498.144444,
                  "busiest_utilisation": 0.498349718,
                  "hit_share": null,
                  "kind": "station",
                  "refused_share": 0.0,
                  "resource": "service",
                  "targets": 1,
                  "units": 1,
                  "utilisation": 0.498349718,
                  "utilisation_high": 0.504853151,
                  "utilisation_low": 0.491846285,
                  "wait_mean_ms": 1.01677371,
                  "wait_p99_ms": 7.80292046,
                  "waiting_mean": 0.506500176
                }
              ],
              "scenario": "one_server",
              "seed": 1,
              "stages": [
                {
                  "kind": "client",
                  "pass_mean_high_ms": 0.0,
                  "pass_mean_low_ms": 0.0,
                  "pass_mean_ms": 0.0,
                  "pass_p50_ms": 0.0,
                  "pass_p90_ms": 0.0,
                  "pass_p99.9_ms": 0.0,
                  "pass_p99_high_ms": 0.0,
                  "pass_p99_low_ms": 0.0,
                  "pass_p99_ms": 0.0,
                  "passes": 90536,
                  "share_of_time": 0.0,
                  "stage": "client",
                  "time_per_request_high_ms": 0.0,
                  "time_per_request_low_ms": 0.0,
                  "time_per_request_ms": 0.0,
                  "trust": "few"
                }
              ],
              "status": "complete",
              "summary": [
                {
                  "class": "all",
                  "half_width": 4.61871859,
                  "high": 507.596496,
                  "low": 498.359059,
                  "metric": "offered_per_s",
                  "observations": 45268,
                  "replications": 10,
                  "sections": 10,
                  "status": "complete",
                  "trust": "ok",
                  "value": 502.977778
                }
              ],
              "theory": [
                {
                  "agrees": "",
                  "because": "arrivals here are no Poisson stream of constant rate: nothing is known of the arrivals",
                  "exact": null,
                  "high": null,
                  "low": null,
                  "model": "",
                  "quantity": "",
                  "resource": "service",
                  "simulated": null
                }
              ],
              "title": "Does one server do?",
              "warmup_s": 1.0,
              "warnings": [
                "p99, p99.9: too few independent slow requests (they come in clusters), so the interval is too narrow; run longer or more replications"
              ]
            }
          ],
          "schema_version": 1
        }
        "#);
    }
}

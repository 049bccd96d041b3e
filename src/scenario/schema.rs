//! The JSON schema of scenarios, for editors: made from the declarations that also decode, so it cannot be out of date.

use super::path;
use super::spec::ScenarioSpec;
use crate::spec::{Decode, Json, definitions};
use serde_json::json;

/// The whole schema (draft 2020-12), every kind of stage included.
pub fn schema() -> Json {
    let mut schema = ScenarioSpec::schema();
    let mut shared = serde_json::Map::new();
    for (name, definition) in definitions() {
        shared.insert(name.to_string(), definition);
    }
    shared.insert("stages".to_string(), path::schema());
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("gatepath scenario");
    schema["$defs"] = Json::Object(shared);
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::kinds;
    use std::collections::BTreeSet;

    fn references<'a>(schema: &'a Json, found: &mut BTreeSet<&'a str>) {
        match schema {
            Json::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Json::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Json::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        let schema = schema();
        let mut found = BTreeSet::new();
        references(&schema, &mut found);
        assert!(found.len() >= 7, "{found:?}");
        for reference in found {
            let name = reference.strip_prefix("#/$defs/").expect("a local reference");
            assert!(schema["$defs"].get(name).is_some(), "{reference}");
        }
    }

    #[test]
    fn every_kind_of_stage_is_described() {
        let schema = schema();
        let stages = schema["$defs"]["stages"].to_string();
        for kind in kinds() {
            assert!(stages.contains(&format!("\"required\":[\"{}\"]", kind.name)), "{}", kind.name);
        }
        for kind in ["route", "parallel", "use"] {
            assert!(stages.contains(&format!("\"required\":[\"{kind}\"]")), "{kind}");
        }
    }

    #[test]
    fn every_key_of_a_section_has_a_description() {
        fn check(schema: &Json, place: &str) {
            if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
                for (name, property) in properties {
                    // A stage or shape under its one key is described as a whole.
                    let single = properties.len() == 1 && schema["required"] == json!([name]);
                    let described =
                        property.get("description").and_then(Json::as_str).is_some_and(|text| !text.is_empty());
                    assert!(described || single || property.get("$ref").is_some(), "{place}.{name}");
                }
            }
            match schema {
                Json::Object(fields) => {
                    fields.iter().for_each(|(name, value)| check(value, &format!("{place}.{name}")))
                }
                Json::Array(items) => items.iter().for_each(|item| check(item, place)),
                _ => {}
            }
        }
        check(&schema(), "");
    }
}

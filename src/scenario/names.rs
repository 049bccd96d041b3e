//! Names of stages: the one written, else the kind, with a number from the second on (`station`, `station_2`).
//!
//! Names are part of the keys of all draws, and results are reported under them, so they are unique in a scenario.

use crate::diagnostic::{Problems, SourceSpan};
use crate::spec::{At, Decode, Entry, Json, Node, Value};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the first stage of every path.
const CLIENT: &str = "client";

/// Names given so far.
#[derive(Debug, Default)]
pub struct Names {
    /// Names written anywhere, which no stage gets by default.
    reserved: BTreeSet<String>,
    given: BTreeMap<String, SourceSpan>,
    /// Stages of each kind that got a name by default.
    counts: BTreeMap<String, u64>,
    order: Vec<At<String>>,
}

impl Names {
    /// Keeps every name written in a tree from being given by default.
    pub fn reserve(&mut self, node: &Node) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.reserve(item)),
            Value::Map(entries) => {
                for Entry { key, value } in entries {
                    if key.text == "name" {
                        self.reserved.extend(value.as_text().map(str::to_string));
                    }
                    self.reserve(value);
                }
            }
            _ => {}
        }
    }

    /// The name of a stage, and what is written about the stage without its name.
    pub fn take(&mut self, kind: &str, span: SourceSpan, value: &Node, problems: &mut Problems) -> (String, Node) {
        let mut value = value.clone();
        let mut written = Vec::new();
        if let Value::Map(entries) = &mut value.value {
            let (names, rest): (Vec<_>, Vec<_>) =
                std::mem::take(entries).into_iter().partition(|e| e.key.text == "name");
            *entries = rest;
            written = names;
        }
        if let [_, second, ..] = written.as_slice() {
            problems.error(second.key.span, "`name` is given twice").label("given again");
        }
        let name = written.first().and_then(|entry| At::<String>::decode(&entry.value, problems));
        let name = name.filter(|name| allowed(name, problems));
        let name = match name {
            Some(name) => self.given_by_user(name, problems),
            None => self.given_by_default(kind, span),
        };
        (name, value)
    }

    fn given_by_user(&mut self, name: At<String>, problems: &mut Problems) -> String {
        match self.given.get(&name.value) {
            Some(&first) => {
                let problem = problems.error(name.span, format!("two stages are named `{}`", name.value));
                problem.label("named again").also(first, "first named here");
                problem.help("to pass the same stage twice, put it into `stages` and `use` it");
            }
            None => {
                self.given.insert(name.value.clone(), name.span);
                self.order.push(name.clone());
            }
        }
        name.value
    }

    fn given_by_default(&mut self, kind: &str, span: SourceSpan) -> String {
        let count = self.counts.entry(kind.to_string()).or_insert(0);
        let name = loop {
            *count += 1;
            let name = if *count == 1 { kind.to_string() } else { format!("{kind}_{count}") };
            if !self.reserved.contains(&name) && !self.given.contains_key(&name) {
                break name;
            }
        };
        self.given.insert(name.clone(), span);
        self.order.push(At { value: name.clone(), span });
        name
    }

    /// All names in the order of giving.
    pub fn given(&self) -> Vec<At<String>> {
        self.order.clone()
    }
}

fn allowed(name: &At<String>, problems: &mut Problems) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.chars().all(plain) {
        let problem = problems.error(name.span, format!("`{}` cannot be a name", name.value));
        problem.label("expected letters, digits, `_` and `-` only");
        return false;
    }
    if name.value == CLIENT {
        problems.error(name.span, "`client` is the name of the client").label("expected another name");
        return false;
    }
    true
}

/// Adds `name` to the schema of a stage.
pub fn describe(schema: &mut Json) {
    if let Some(properties) = schema.get_mut("properties").and_then(Json::as_object_mut) {
        properties.insert(
            "name".to_string(),
            json!({
                "type": "string",
                "pattern": "^[A-Za-z0-9_-]+$",
                "description": "The name in results; the kind when left out, with a number from the second on.",
            }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(names: &mut Names, kind: &str, name: Option<&str>) -> (String, Vec<String>) {
        let mut problems = Problems::new();
        let node = Node::map(name.map(|name| ("name", Node::text(name))));
        let (name, rest) = names.take(kind, SourceSpan::default(), &node, &mut problems);
        assert_eq!(rest.as_map(), Some(&[] as &[Entry]), "the stage does not see its name");
        (name, problems.iter().map(|problem| problem.message.clone()).collect())
    }

    #[test]
    fn the_second_of_a_kind_has_a_number_unless_it_has_a_name() {
        let mut names = Names::default();
        let all = [None, Some("db"), None, None].map(|name| take(&mut names, "station", name).0);
        assert_eq!(all, ["station", "db", "station_2", "station_3"]);
    }

    #[test]
    fn a_name_written_later_is_not_given_by_default() {
        let mut names = Names::default();
        names.reserve(&Node::map([("waf", Node::map([("name", Node::text("delay"))]))]));
        assert_eq!(take(&mut names, "delay", None).0, "delay_2");
        assert_eq!(take(&mut names, "waf", Some("delay")), ("delay".to_string(), vec![]));
    }

    #[test]
    fn a_name_is_given_once_and_is_plain() {
        let mut names = Names::default();
        take(&mut names, "station", Some("db"));
        assert_eq!(take(&mut names, "station", Some("db")).1, ["two stages are named `db`"]);
        assert_eq!(take(&mut names, "station", Some("a.b")).1, ["`a.b` cannot be a name"]);
        assert_eq!(take(&mut names, "station", Some("client")).1, ["`client` is the name of the client"]);
    }
}

//! Overrides from the command line, `--set traffic.rate=500/s`, applied to the tree before it is decoded, so that they are
//! checked like the file and problems point at the argument.
//!
//! A path leads through keys, separated by points; a key that contains a point is put into double quotes. In a list, a step
//! is the name (or, if unique, the kind) of a stage or class, or a position counted from 0. What is not there is added.

use super::yaml;
use crate::diagnostic::{Problems, SourceSpan, Sources, nearest};
use crate::spec::{Entry, Key, Node, Value};

/// The name under which arguments are shown in messages.
pub const SOURCE: &str = "--set";

/// Applies one override of the form `path.to.field=value`, where the value is written as in a file.
pub fn set(root: &mut Node, argument: &str, sources: &mut Sources, problems: &mut Problems) {
    let file = sources.add(SOURCE, argument);
    let Some((steps, value)) = read(file, argument, problems) else { return };
    if let Some(place) = find(root, &steps, problems) {
        *place = value;
    }
}

/// The value at a path as it is written, with the place of the path; nothing, with a problem, when there is none. `name` is
/// how the argument is called in messages.
pub fn get(
    root: &Node,
    name: &str,
    path: &str,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Option<(Node, SourceSpan)> {
    let file = sources.add(name, path);
    let steps = steps(file, path, problems)?;
    // Finding adds what is missing, so a copy is searched.
    let mut root = root.clone();
    for (index, step) in steps.iter().enumerate() {
        let parent = find(&mut root, &steps[..index], problems)?;
        let keys = parent.as_map().unwrap_or_default();
        let names: Vec<&str> = keys.iter().map(|entry| entry.key.text.as_str()).collect();
        if parent.as_list().is_none() && !names.contains(&step.text.as_str()) {
            let problem = problems.error(step.span, format!("there is no `{}` in the file", step.text));
            match nearest(&step.text, names.iter().copied()) {
                Some(near) => problem.label(format!("did you mean `{near}`?")),
                None if names.is_empty() => problem.label("there is nothing below here"),
                None => problem.label(format!("what is there: {}", names.join(", "))),
            };
            problem.help("a field that is left to its default must be written before it can be varied");
            return None;
        }
    }
    let span = SourceSpan { file, start: 0, end: path.len() };
    find(&mut root, &steps, problems).map(|node| (node.clone(), span))
}

fn read(file: u32, argument: &str, problems: &mut Problems) -> Option<(Vec<Key>, Node)> {
    let all = SourceSpan { file, start: 0, end: argument.len() };
    let Some(equals) = unquoted(argument, '=') else {
        problems.error(all, "this sets nothing").label("expected `path.to.field=value`");
        return None;
    };
    let steps = steps(file, &argument[..equals], problems)?;
    let text = &argument[equals + 1..];
    if text.trim().is_empty() {
        let problem = problems.error(all.part(equals, equals + 1), "there is no value");
        problem.label("expected a value after `=`").help("set a key to `null` to leave it out");
        return None;
    }
    let mut own = Problems::new();
    let value = yaml::parse(file, text, &mut own);
    problems.append(own.moved(equals + 1));
    let mut value = value?;
    shift(&mut value, equals + 1);
    Some((steps, value))
}

/// The first place of a character outside double quotes.
fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut inside = false;
    text.char_indices()
        .find(|&(_, character)| {
            inside ^= character == '"';
            !inside && character == wanted
        })
        .map(|(offset, _)| offset)
}

fn steps(file: u32, path: &str, problems: &mut Problems) -> Option<Vec<Key>> {
    let mut steps = Vec::new();
    let mut start = 0;
    loop {
        let end = unquoted(&path[start..], '.').map_or(path.len(), |length| start + length);
        let written = &path[start..end];
        let text = written.trim().trim_matches('"');
        let span = SourceSpan { file, start, end };
        if text.is_empty() {
            problems.error(span, "a step of the path is empty").label("expected a key, a name or a position");
            return None;
        }
        steps.push(Key { text: text.to_string(), span });
        if end == path.len() {
            return Some(steps);
        }
        start = end + 1;
    }
}

/// The node at the end of the path, added if it is not there.
fn find<'a>(mut node: &'a mut Node, steps: &[Key], problems: &mut Problems) -> Option<&'a mut Node> {
    for step in steps {
        if node.is_empty() {
            node.value = Value::Map(Vec::new());
        }
        let leaf = node.describe();
        node = match &mut node.value {
            Value::Map(entries) => in_map(entries, step),
            Value::List(items) => in_list(items, step, problems)?,
            _ => {
                let message = format!("`{}` leads into {leaf}", step.text);
                problems.error(step.span, message).label("there are no keys below it");
                return None;
            }
        };
    }
    Some(node)
}

fn in_map<'a>(entries: &'a mut Vec<Entry>, step: &Key) -> &'a mut Node {
    let index = entries.iter().position(|entry| entry.key.text == step.text).unwrap_or(entries.len());
    if index == entries.len() {
        entries.push(Entry { key: step.clone(), value: Node::empty(step.span) });
    }
    &mut entries[index].value
}

fn in_list<'a>(items: &'a mut [Node], step: &Key, problems: &mut Problems) -> Option<&'a mut Node> {
    if let Ok(position) = step.text.parse::<usize>() {
        let length = items.len();
        let item = items.get_mut(position);
        if item.is_none() {
            let problem = problems.error(step.span, format!("there is no item {position}"));
            problem.label(format!("the list has {length} items, counted from 0"));
        }
        return item;
    }
    let named = |item: &Node| name_of(item).is_some_and(|name| name == step.text);
    let of_kind = |item: &Node| kind_of(item).is_some_and(|kind| kind == step.text);
    let kinds = items.iter().filter(|item| of_kind(item)).count();
    if let Some(index) = items.iter().position(named) {
        return inside(&mut items[index]);
    }
    if kinds == 1 {
        let index = items.iter().position(of_kind)?;
        return inside(&mut items[index]);
    }
    let names: Vec<&str> = items.iter().filter_map(|item| name_of(item).or(kind_of(item))).collect();
    let problem = if kinds > 1 {
        let problem = problems.error(step.span, format!("there are {kinds} items of kind `{}`", step.text));
        problem.label("expected a `name`, or a position counted from 0")
    } else {
        let problem = problems.error(step.span, format!("there is no item `{}` in this list", step.text));
        match nearest(&step.text, names.iter().copied()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("expected a name, a kind, or a position counted from 0"),
        }
    };
    problem.help(format!("the list has: {}", names.join(", ")));
    None
}

/// The kind of a stage, `waf` in `- waf` and in `- waf: {...}`.
fn kind_of(item: &Node) -> Option<&str> {
    match &item.value {
        Value::Scalar { text, .. } => Some(text),
        Value::Map(entries) => match entries.as_slice() {
            [entry] => Some(&entry.key.text),
            _ => None,
        },
        _ => None,
    }
}

/// The `name` of a stage or a class.
fn name_of(item: &Node) -> Option<&str> {
    let own = item.get("name").and_then(Node::as_text);
    own.or_else(|| match item.as_map()? {
        [entry] => entry.value.get("name").and_then(Node::as_text),
        _ => None,
    })
}

/// Where the keys of a stage or class are.
fn inside(item: &mut Node) -> Option<&mut Node> {
    if let Value::Scalar { text, .. } = &item.value {
        let key = Key { text: text.clone(), span: item.span };
        item.value = Value::Map(vec![Entry { key, value: Node::empty(item.span) }]);
    }
    if item.get("name").is_some() || item.as_map().is_none_or(|entries| entries.len() != 1) {
        return Some(item);
    }
    match &mut item.value {
        Value::Map(entries) => entries.first_mut().map(|entry| &mut entry.value),
        _ => None,
    }
}

/// Moves every place of a tree by `offset` bytes.
fn shift(node: &mut Node, offset: usize) {
    let moved = |span: SourceSpan| SourceSpan { start: span.start + offset, end: span.end + offset, ..span };
    node.span = moved(node.span);
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| shift(item, offset)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key.span = moved(entry.key.span);
                shift(&mut entry.value, offset);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    const FILE: &str = "\
traffic: {rate: 5/s, classes: [{name: read, share: 80%}]}
path:
  - waf
  - station: {name: app, servers: 2, service: {lognormal: {p99.9: 60 ms}}}
  - station: {servers: 3}
  - delay: 5 ms
";

    fn tree() -> (Node, Sources) {
        let mut sources = Sources::new();
        let file = sources.add("t.yaml", FILE);
        (yaml::parse(file, FILE, &mut Problems::new()).unwrap(), sources)
    }

    fn after(argument: &str) -> Node {
        let (mut root, mut sources) = tree();
        let mut problems = Problems::new();
        set(&mut root, argument, &mut sources, &mut problems);
        assert!(problems.is_empty(), "{}", render(&problems, &sources, false));
        root
    }

    fn refused(argument: &str) -> String {
        let (mut root, mut sources) = tree();
        let mut problems = Problems::new();
        set(&mut root, argument, &mut sources, &mut problems);
        render(&problems, &sources, false)
    }

    fn text<'a>(root: &'a Node, list: &str, item: usize, keys: &[&str]) -> Option<&'a str> {
        let start = &root.get(list)?.as_list()?[item];
        keys.iter().try_fold(start, |node, key| node.get(key))?.as_text()
    }

    #[test]
    fn a_value_is_replaced_at_its_path() {
        let root = after("traffic.rate=7/s");
        assert_eq!(root.get("traffic").and_then(|t| t.get("rate")).and_then(Node::as_text), Some("7/s"));
        assert_eq!(text(&after("path.app.servers=8"), "path", 1, &["station", "servers"]), Some("8"));
        assert_eq!(text(&after("path.2.station.servers=8"), "path", 2, &["station", "servers"]), Some("8"));
        let quoted = after("path.app.service.lognormal.\"p99.9\"=9 ms");
        assert_eq!(text(&quoted, "path", 1, &["station", "service", "lognormal", "p99.9"]), Some("9 ms"));
        let class = after("traffic.classes.read.share=50%");
        let classes = class.get("traffic").and_then(|t| t.get("classes")).and_then(Node::as_list).unwrap();
        assert_eq!(classes[0].get("share").and_then(Node::as_text), Some("50%"));
    }

    #[test]
    fn what_is_not_there_is_added() {
        let root = after("run.seed=7");
        assert_eq!(root.get("run").and_then(|run| run.get("seed")).and_then(Node::as_text), Some("7"));
        assert_eq!(text(&after("path.waf.rules=9"), "path", 0, &["waf", "rules"]), Some("9"));
    }

    #[test]
    fn a_value_may_be_a_whole_section() {
        let root = after("path.app.service={exponential: {mean: 1 ms}}");
        assert_eq!(text(&root, "path", 1, &["station", "service", "exponential", "mean"]), Some("1 ms"));
    }

    #[test]
    fn problems_point_at_the_argument() {
        assert_eq!(
            refused("path.ap.servers=8"),
            "\
error: there is no item `ap` in this list
 --> --set:1:6
  |
1 | path.ap.servers=8
  |      ^^ did you mean `app`?
  |
  = help: the list has: waf, app, station, delay
"
        );
        assert!(refused("path.station.servers=8").contains("there are 2 items of kind `station`"));
        assert!(refused("path.9=x").contains("the list has 4 items, counted from 0"));
        assert!(refused("traffic.rate.x=1").contains("`x` leads into `5/s`"));
        assert!(refused("traffic.rate").contains("expected `path.to.field=value`"));
        assert!(refused("traffic.rate= ").contains("expected a value after `=`"));
        assert!(refused("traffic..rate=1").contains("a step of the path is empty"));
        assert!(refused("traffic.rate=[1").contains("--set:1:16"), "{}", refused("traffic.rate=[1"));
    }
}

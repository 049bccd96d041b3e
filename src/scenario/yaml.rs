//! YAML, and hence JSON, into [`Node`]s with byte offsets.
//!
//! A scenario is one document of mappings, lists and scalars. Anchors and aliases are expanded within a budget of nodes,
//! so that no short text becomes a huge tree. Tags, merge keys and keys that are not scalars are refused: each has a
//! plainer way to say the same.

use crate::diagnostic::{Problems, SourceSpan, Sources};
use crate::spec::{Entry, Key, Node, Value};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use std::collections::BTreeMap;

/// Largest text read, in bytes.
pub const MAX_BYTES: usize = 16 << 20;
/// Largest tree, in nodes, aliases expanded.
pub const MAX_NODES: usize = 200_000;
/// Deepest nesting.
pub const MAX_DEPTH: usize = 64;

/// Reads bytes, which need not be text, and adds the text to `sources` under `name`. Absent, with an error, when they are
/// no YAML document that can be a scenario. Nodes whose problem was reported hold [`Value::Failed`].
pub fn parse_bytes(name: &str, bytes: &[u8], sources: &mut Sources, problems: &mut Problems) -> Option<Node> {
    if bytes.len() > MAX_BYTES {
        let message = format!("`{name}` is too large for a scenario: {} bytes", bytes.len());
        problems.error(None, message).label(format!("expected at most {MAX_BYTES} bytes"));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let file = sources.add(name, text);
            parse(file, text, problems)
        }
        Err(error) => {
            // Up to the first bad byte, the readable text has the same offsets as the bytes.
            let start = error.valid_up_to();
            let text = String::from_utf8_lossy(bytes);
            let end = start + text[start..].chars().next().map_or(0, char::len_utf8);
            let file = sources.add(name, text);
            let problem = problems.error(SourceSpan { file, start, end }, "this is not UTF-8 text");
            problem.label(format!("byte {:#04x}", bytes[start])).help("save the file as UTF-8");
            None
        }
    }
}

/// Reads the text of `file`. Absent, with an error, when it is no YAML document that can be a scenario.
pub fn parse(file: u32, text: &str, problems: &mut Problems) -> Option<Node> {
    let mut reader = Reader::new(file, text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, span)) => reader.take(event, span, problems),
            Err(error) => {
                reader.report_syntax(&error, problems);
                None
            }
        };
        step?;
    }
    if reader.root.is_none() {
        let problem = problems.error(SourceSpan { file, start: 0, end: 0 }, "the file is empty");
        problem.label("expected at least `traffic` and `path`");
    }
    reader.root
}

/// The tree under construction.
struct Reader<'a> {
    file: u32,
    text: &'a str,
    /// Byte offset of each character; empty for ASCII text, where the two are the same.
    offsets: Vec<usize>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

/// A collection whose end has not been read yet.
struct Open {
    start: usize,
    anchor: usize,
    /// Levels below and nodes within, this one included.
    size: Size,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// The key whose value comes next; `Some(None)` for a refused key.
        key: Option<Option<Key>>,
    },
}

struct Anchored {
    node: Node,
    size: Size,
}

#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    depth: usize,
}

const LEAF: Size = Size { nodes: 1, depth: 0 };

impl<'a> Reader<'a> {
    fn new(file: u32, text: &'a str) -> Reader<'a> {
        let offsets =
            if text.is_ascii() { Vec::new() } else { text.char_indices().map(|(offset, _)| offset).collect() };
        Reader { file, text, offsets, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, documents: 0, root: None }
    }

    /// Takes one event; absent when reading cannot go on.
    fn take(&mut self, event: Event<'_>, span: saphyr_parser::Span, problems: &mut Problems) -> Option<()> {
        let at = self.span(self.offset(&span.start), self.offset(&span.end));
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let problem = problems.error(at, "a second document begins here");
                    problem.label("expected one scenario a file");
                    return None;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let at = self.scalar_span(at, style);
                self.refuse_tag(tag.is_some(), at, problems);
                let value = Value::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain };
                self.count(LEAF, at, problems)?;
                self.anchor(anchor, &value, at, LEAF, problems)?;
                self.put(Node::new(value, at), LEAF, problems);
            }
            Event::Alias(anchor) => self.expand(anchor, at, problems)?,
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at, problems);
                self.begin(at, anchor, Content::List(Vec::new()), problems)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), at, problems);
                self.begin(at, anchor, Content::Map { entries: Vec::new(), key: None }, problems)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(at, problems)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn begin(&mut self, at: SourceSpan, anchor: usize, content: Content, problems: &mut Problems) -> Option<()> {
        self.count(LEAF, at, problems)?;
        if self.open.len() >= MAX_DEPTH {
            report_depth(at, problems);
            return None;
        }
        let start = self.after_anchor(at).start;
        self.open.push(Open { start, anchor, size: Size { nodes: 1, depth: 1 }, content });
        Some(())
    }

    fn end(&mut self, at: SourceSpan, problems: &mut Problems) -> Option<()> {
        let open = self.open.pop()?;
        let (value, last) = match open.content {
            Content::List(items) => {
                let last = items.last().map(|item| item.span);
                (Value::List(items), last)
            }
            Content::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.key.span.to(entry.value.span));
                (Value::Map(entries), last)
            }
        };
        // A flow collection ends with its bracket (the parser adds the comment behind it), a block collection with its
        // last item, which may come from an anchor before.
        let bracket = self.text[at.start..].starts_with([']', '}']) && at.end > at.start;
        let end = if bracket { at.start + 1 } else { last.map_or(at.end, |last| last.end) };
        let span = self.span(open.start, end.max(open.start));
        self.anchor(open.anchor, &value, span, open.size, problems)?;
        self.put(Node::new(value, span), open.size, problems);
        Some(())
    }

    /// Hands a finished node to the collection it belongs to.
    fn put(&mut self, mut node: Node, size: Size, problems: &mut Problems) {
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        open.size.nodes += size.nodes;
        open.size.depth = open.size.depth.max(size.depth + 1);
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, key } => match key.take() {
                None => *key = Some(checked_key(node, problems)),
                Some(None) => {}
                Some(Some(key)) => {
                    if node.as_plain() == Some("") {
                        node.span = key.span; // nothing is shown at the key that leads to it
                    }
                    entries.push(Entry { key, value: node });
                }
            },
        }
    }

    fn expand(&mut self, anchor: usize, at: SourceSpan, problems: &mut Problems) -> Option<()> {
        let Some(Anchored { node, size }) = self.anchors.get(&anchor) else {
            problems.error(at, "this alias stands inside what it repeats").label("endless repetition");
            return None;
        };
        let (mut node, size) = (node.clone(), *size);
        if self.open.len() + size.depth > MAX_DEPTH {
            report_depth(at, problems);
            return None;
        }
        self.count(size, at, problems)?;
        if let Some(Open { content: Content::Map { key: None, .. }, .. }) = self.open.last() {
            node.span = at; // a key is shown where it stands
        }
        self.put(node, size, problems);
        Some(())
    }

    /// Remembers a node under its anchor, at the cost of its size: the copy takes memory as well.
    fn anchor(
        &mut self,
        anchor: usize,
        value: &Value,
        at: SourceSpan,
        size: Size,
        problems: &mut Problems,
    ) -> Option<()> {
        if anchor > 0 {
            self.count(size, at, problems)?;
            self.anchors.insert(anchor, Anchored { node: Node::new(value.clone(), at), size });
        }
        Some(())
    }

    fn count(&mut self, size: Size, at: SourceSpan, problems: &mut Problems) -> Option<()> {
        self.nodes = self.nodes.saturating_add(size.nodes);
        if self.nodes <= MAX_NODES {
            return Some(());
        }
        let problem = problems.error(at, format!("the scenario grows beyond {MAX_NODES} values here"));
        problem.help("aliases (`*name`) repeat everything below their anchor; repeat less");
        None
    }

    fn refuse_tag(&self, tagged: bool, at: SourceSpan, problems: &mut Problems) {
        if tagged {
            problems.error(at, "tags (`!name`) are not supported").label("write the value without a tag");
        }
    }

    fn report_syntax(&self, error: &ScanError, problems: &mut Problems) {
        let offset = self.offset(error.marker());
        let end = offset + self.text[offset..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let info = error.info();
        if info.contains("recursion limit") {
            report_depth(self.span(offset, end), problems);
            return;
        }
        let problem = problems.error(self.span(offset, end), format!("this is not YAML: {info}"));
        if info.contains("tab") {
            problem.help("indent with spaces instead of tabs");
        } else if info.contains("mapping values") {
            problem.help("check the indentation; put a text that contains `: ` into quotes");
        } else if info.contains("unexpected character") {
            problem.help("put a text that begins with a special character into quotes");
        } else if info.contains("anchor") {
            problem.help("an alias (`*name`) repeats what an earlier `&name` marks");
        }
    }

    fn span(&self, start: usize, end: usize) -> SourceSpan {
        SourceSpan { file: self.file, start, end: end.max(start) }
    }

    /// Byte offset of a place that the parser gives in characters.
    fn offset(&self, marker: &Marker) -> usize {
        let index = marker.index();
        if self.offsets.is_empty() {
            index.min(self.text.len())
        } else {
            self.offsets.get(index).copied().unwrap_or(self.text.len())
        }
    }

    /// The scalar alone: the parser includes the anchor before it and blanks and comments after it.
    fn scalar_span(&self, at: SourceSpan, style: ScalarStyle) -> SourceSpan {
        let at = self.after_anchor(at);
        let text = &self.text[at.start..at.end];
        let length = match style {
            ScalarStyle::SingleQuoted => closing_quote(text, '\'', None),
            ScalarStyle::DoubleQuoted => closing_quote(text, '"', Some('\\')),
            _ => text.trim_end().len(),
        };
        self.span(at.start, at.start + length)
    }

    fn after_anchor(&self, at: SourceSpan) -> SourceSpan {
        let mut text = &self.text[at.start..at.end];
        while text.starts_with(['&', '!']) {
            let name = text.find(char::is_whitespace).unwrap_or(text.len());
            text = text[name..].trim_start();
        }
        if text.is_empty() { at } else { self.span(at.end - text.len(), at.end) }
    }
}

/// Length of a quoted text with both its quotes. A doubled single quote opens and closes in one step, so the last quote
/// before anything else but a quote is the end.
fn closing_quote(text: &str, quote: char, escape: Option<char>) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((offset, character)) = characters.next() {
        if Some(character) == escape {
            characters.next();
        } else if character == quote {
            let doubled = escape.is_none() && characters.peek().is_some_and(|&(_, next)| next == quote);
            if !doubled {
                return offset + quote.len_utf8();
            }
            characters.next();
        }
    }
    text.trim_end().len()
}

/// The key a node is; absent, with an error, when it cannot be one.
fn checked_key(node: Node, problems: &mut Problems) -> Option<Key> {
    match node.value {
        Value::Scalar { text, quoted: false } if text == "<<" => {
            let problem = problems.error(node.span, "merge keys (`<<`) are not supported");
            problem.label("write out the keys").help("stages can be shared by name: `stages:` and `use:`");
            None
        }
        Value::Scalar { text, .. } if !text.is_empty() => Some(Key { text, span: node.span }),
        Value::Scalar { .. } => {
            problems.error(node.span, "a value has no key").label("expected a name before the colon");
            None
        }
        _ => {
            problems.error(node.span, format!("a key cannot be {}", node.describe())).label("expected a name");
            None
        }
    }
}

fn report_depth(at: SourceSpan, problems: &mut Problems) {
    problems.error(at, "this is nested too deep").label(format!("expected at most {MAX_DEPTH} levels"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Node>, Vec<String>) {
        let mut problems = Problems::new();
        let node = parse_bytes("t.yaml", text.as_bytes(), &mut Sources::new(), &mut problems);
        (node, problems.iter().map(|problem| problem.message.clone()).collect())
    }

    fn tree(text: &str) -> Node {
        let (node, problems) = read(text);
        assert_eq!(problems, [""; 0]);
        node.unwrap()
    }

    fn first_problem(text: &str) -> String {
        read(text).1.into_iter().next().expect("a problem")
    }

    /// Every scalar of the tree with the text at its span.
    fn scalars<'a>(node: &'a Node, text: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
        let slice = |span: SourceSpan| &text[span.start..span.end];
        match &node.value {
            Value::Scalar { text: value, .. } => found.push((value, slice(node.span))),
            Value::List(items) => items.iter().for_each(|item| scalars(item, text, found)),
            Value::Map(entries) => entries.iter().for_each(|entry| {
                found.push((&entry.key.text, slice(entry.key.span)));
                scalars(&entry.value, text, found);
            }),
            _ => {}
        }
    }

    #[test]
    fn every_scalar_is_found_at_its_bytes() {
        let text = "é: 'x y' # t\n\"ß\": \"a\\\"\\u0041\"   # c\nl:\n  - a b  # d\n  - {c: 1 ms , d: [e, 'f''s' ]}\n&k kk: &v vv\n";
        let node = tree(text);
        let mut found = Vec::new();
        scalars(&node, text, &mut found);
        let expected = [
            ("é", "é"),
            ("x y", "'x y'"),
            ("ß", "\"ß\""),
            ("a\"A", "\"a\\\"\\u0041\""),
            ("l", "l"),
            ("a b", "a b"),
            ("c", "c"),
            ("1 ms", "1 ms"),
            ("d", "d"),
            ("e", "e"),
            ("f's", "'f''s'"),
            ("kk", "kk"),
            ("vv", "vv"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn collections_span_from_first_to_last_character() {
        let text = "a:\n  - b: 1\n    c: [x, y]  # z\n\nd: 2\n";
        let node = tree(text);
        let slice = |node: &Node| &text[node.span.start..node.span.end];
        assert_eq!(slice(node.get("a").unwrap()), "- b: 1\n    c: [x, y]");
        assert_eq!(slice(node.get("a").unwrap().as_list().unwrap()[0].get("c").unwrap()), "[x, y]");
        assert_eq!(slice(&node), text.trim_end());
    }

    #[test]
    fn a_key_without_a_value_leads_to_nothing_at_the_key() {
        let node = tree("a:\n  b:\n");
        let nothing = node.get("a").and_then(|a| a.get("b")).unwrap();
        assert!(nothing.is_empty());
        assert_eq!((nothing.span.start, nothing.span.end), (5, 6));
    }

    #[test]
    fn json_is_yaml() {
        let node = tree("{\"traffic\": {\"rate\": \"5/s\", \"n\": 3},\n \"path\": [\"waf\"]}");
        assert_eq!(node.get("traffic").and_then(|t| t.get("n")).and_then(Node::as_plain), Some("3"));
        assert_eq!(node.get("path").and_then(Node::as_list).map(<[Node]>::len), Some(1));
    }

    #[test]
    fn repeated_keys_are_kept_for_the_decoder_to_report() {
        assert_eq!(tree("a: 1\na: 2\n").as_map().map(<[Entry]>::len), Some(2));
    }

    #[test]
    fn aliases_repeat_what_their_anchor_marks() {
        let node = tree("base: &b {x: 1}\nagain: *b\n");
        assert_eq!(node.get("again").and_then(|again| again.get("x")).and_then(Node::as_text), Some("1"));
    }

    #[test]
    fn an_alias_bomb_ends_with_a_problem_instead_of_memory() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_string();
        for level in 1..30 {
            let below = format!("*a{0}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        assert_eq!(first_problem(&bomb), "the scenario grows beyond 200000 values here");
    }

    #[test]
    fn an_alias_inside_its_own_anchor_is_refused() {
        assert_eq!(first_problem("a: &a [1, *a]"), "this alias stands inside what it repeats");
    }

    #[test]
    fn nesting_is_limited_with_and_without_aliases() {
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(read(&deep(MAX_DEPTH)).1, [""; 0]);
        assert_eq!(first_problem(&deep(MAX_DEPTH + 1)), "this is nested too deep");
        assert_eq!(first_problem(&deep(100_000)), "this is nested too deep");
        let aliased = format!("a: &a {}\nb: {}*a {}", deep(40), "[".repeat(40), "]".repeat(40));
        assert_eq!(first_problem(&aliased), "this is nested too deep");
    }

    #[test]
    fn what_a_scenario_needs_not_is_refused_with_a_plain_message() {
        assert_eq!(first_problem("<<: {a: 1}"), "merge keys (`<<`) are not supported");
        assert_eq!(first_problem("a: !x 1"), "tags (`!name`) are not supported");
        assert_eq!(first_problem("[a]: 1"), "a key cannot be a list");
        assert_eq!(first_problem("a: {: 1}"), "a value has no key");
        assert_eq!(first_problem("a: 1\n---\nb: 1"), "a second document begins here");
        assert_eq!(first_problem("# nothing\n"), "the file is empty");
        assert_eq!(first_problem(""), "the file is empty");
        assert!(first_problem("a:\n\tb: 1").starts_with("this is not YAML: tabs disallowed"));
        assert!(first_problem("a: b: c").starts_with("this is not YAML: mapping values"));
        assert!(first_problem("a: *x").starts_with("this is not YAML: while parsing node, found unknown anchor"));
    }

    #[test]
    fn bytes_that_are_no_text_are_pointed_at() {
        let (mut sources, mut problems) = (Sources::new(), Problems::new());
        assert_eq!(parse_bytes("t.yaml", b"a: \xff\xfe", &mut sources, &mut problems), None);
        let problem = problems.iter().next().unwrap();
        assert_eq!((problem.message.as_str(), problem.label.as_deref()), ("this is not UTF-8 text", Some("byte 0xff")));
        assert_eq!(sources.line_and_column(problem.at.unwrap()), (1, 4));
    }

    #[test]
    fn a_text_too_large_is_not_read() {
        let mut problems = Problems::new();
        assert_eq!(parse_bytes("t", &vec![b' '; MAX_BYTES + 1], &mut Sources::new(), &mut problems), None);
        assert!(problems.has_errors());
    }
}

//! The path: lists of stages as written, with names, branches and shared lists, into stages that are ready to compile.
//!
//! Each stage is read by its own kind. This file knows the three kinds that hold lists (`route`, `parallel`, `use`), gives
//! every stage its name, and says what is wrong with lists: unknown kinds, repeated names, circles, stages that cannot
//! stand where they stand.

use super::names::{self, Names};
use super::spec::{StagesNode, StagesOrName};
use crate::diagnostic::{Problems, Severity, SourceSpan, nearest};
use crate::facts::Facts;
use crate::program::{Part, Path, Place};
use crate::spec::{At, Decode, Entry, Json, Named, Node, Value};
use crate::stage::parallel::{JoinOn, Parallel};
use crate::stage::route::{Route, When};
use crate::stage::{Context, Kind, kinds};
use crate::units::{Bytes, Share};
use crate::{choice, section};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stages that a request can pass one after another; a longer path is a mistake.
pub const MAX_STAGES: usize = 200;
/// Steps taken to check every place of every stage; beyond it, the rest is left to the compiler.
const MAX_PLACES: usize = 20_000;

/// Kinds that hold lists of stages; they are read here.
const LISTS: [&str; 3] = ["route", "parallel", "use"];

/// What stages are read against.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The data pack.
    pub facts: &'a Facts,
    /// Names of the traffic classes; absent when they could not be read.
    pub classes: Option<&'a [String]>,
    /// The lists of stages with names.
    pub stages: &'a Named<StagesNode>,
}

/// A path that has been read.
#[derive(Debug)]
pub struct Read {
    /// Its stages.
    pub path: Path,
    /// Name of every stage and where it is written.
    pub names: Vec<At<String>>,
}

section! {
    /// Sends requests along different lists of stages.
    struct RouteSpec {
        /// Looked at in this order; who meets no condition goes on directly.
        branches: Vec<At<BranchSpec>>,
    }
}

section! {
    /// A branch of a route. Exactly one of `when`, `share` and `otherwise` says who takes it.
    struct BranchSpec {
        /// Requests that meet a condition.
        when: Option<WhenSpec>,
        /// A share of those who come so far down the list, by chance.
        share: Option<Share>,
        /// Where they go: a list of stages or the name of one.
        to: Option<StagesOrName>,
        /// Where all others go: a list of stages or the name of one.
        otherwise: Option<StagesOrName>,
    }
}

choice! {
    /// A condition on a request.
    enum WhenSpec {
        /// It is of this class.
        Class(At<String>) = "class",
        /// It is larger than this.
        RequestAbove(At<Bytes>) = "request_above",
        /// Its response is larger than this.
        ResponseAbove(At<Bytes>) = "response_above",
    }
}

section! {
    /// Sends a request along several lists of stages at the same time.
    struct ParallelSpec {
        /// The lists: each a list of stages or the name of one.
        branches: At<Vec<StagesOrName>>,
        /// When the request goes on.
        join: JoinOn = JoinOn::All,
    }
}

/// A list of stages that has been read.
#[derive(Clone, Debug, Default)]
struct List {
    stages: Vec<Placed>,
    /// Stages that a request can pass one after another, branches included.
    depth: usize,
}

/// A stage in a list.
#[derive(Clone, Debug)]
struct Placed {
    part: Arc<dyn Part>,
    span: SourceSpan,
    /// The lists it holds.
    branches: Vec<Arc<List>>,
    /// Whether what follows the stage also follows each of its lists.
    joins: bool,
}

impl List {
    fn path(&self) -> Path {
        self.stages.iter().map(|placed| placed.part.clone()).collect()
    }
}

/// Reads the path of a scenario, and every named list whether it is used or not. The client, if given, is its first stage.
pub fn read(
    path: &Node,
    client: Option<Arc<dyn Part>>,
    around: Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Read> {
    let before = problems.len();
    let mut reader = Reader::new(path, around, problems);
    let list = reader.list(path);
    // Lists that are not used are read for the problems in them.
    around.stages.0.iter().for_each(|(name, _)| drop(reader.named(name)));
    let list = list?;
    if list.stages.is_empty() {
        reader.problems.error(path.span, "the path has no stages").label("expected at least one stage");
    }
    if reader.problems.iter().skip(before).any(|problem| problem.severity == Severity::Error) {
        return None;
    }
    for (name, _) in around.stages.0.iter().filter(|(name, _)| !reader.used.contains(&name.value.as_str())) {
        reader.problems.warning(name.span, format!("the list `{}` is not used", name.value));
    }
    let names = reader.names.given();
    let mut walk = Walk { problems, before: Vec::new(), steps: 0 };
    walk.list(&list, None);
    let path: Path = client.into_iter().chain(list.path().iter().cloned()).collect();
    Some(Read { path, names })
}

/// What is known of a named list.
#[derive(Clone, Debug)]
enum Progress {
    /// It is being read; meeting it again closes a circle.
    Open,
    /// It has been read, or failed.
    Done(Option<Arc<List>>),
}

struct Reader<'a> {
    around: Surroundings<'a>,
    names: Names,
    lists: BTreeMap<&'a str, Progress>,
    /// Named lists being read, the outermost first.
    open: Vec<&'a str>,
    used: Vec<&'a str>,
    problems: &'a mut Problems,
}

impl<'a> Reader<'a> {
    fn new(path: &Node, around: Surroundings<'a>, problems: &'a mut Problems) -> Reader<'a> {
        let mut names = Names::default();
        names.reserve(path);
        around.stages.0.iter().for_each(|(_, list)| names.reserve(&list.0));
        Reader { around, names, lists: BTreeMap::new(), open: Vec::new(), used: Vec::new(), problems }
    }

    /// Reads a list, every stage of it, whatever is wrong with the others.
    fn list(&mut self, node: &Node) -> Option<List> {
        let Some(items) = node.as_list() else {
            if node.value != Value::Failed {
                let problem = self.problems.error(node.span, format!("a list of stages cannot be {}", node.describe()));
                problem.label("expected a list such as `[waf, delay: {time: 5 ms}]`");
            }
            return None;
        };
        let mut list = List::default();
        let mut failed = false;
        for item in items {
            match self.item(item) {
                Some(stages) => {
                    list.depth += stages.depth;
                    list.stages.extend(stages.stages);
                }
                None => failed = true,
            }
            if list.depth > MAX_STAGES {
                let problem = self.problems.error(item.span, "the path is too long");
                problem.label(format!("expected at most {MAX_STAGES} stages one after another"));
                return None;
            }
        }
        (!failed).then_some(list)
    }

    /// Reads an item of a list: one stage, or what `use` stands for.
    fn item(&mut self, item: &Node) -> Option<List> {
        let (kind, span, value) = match &item.value {
            Value::Scalar { text, .. } if !item.is_empty() => (text.as_str(), item.span, Node::empty(item.span)),
            Value::Map(entries) => match entries.as_slice() {
                [Entry { key, value }] => (key.text.as_str(), key.span, value.clone()),
                entries => {
                    self.report_keys(item, entries);
                    return None;
                }
            },
            Value::Failed => return None,
            _ => {
                let problem = self.problems.error(item.span, format!("a stage cannot be {}", item.describe()));
                problem.label("expected a kind such as `waf`, or `kind: {...}`");
                return None;
            }
        };
        if kind == "use" {
            return self.reference(&value).map(|list| (*list).clone());
        }
        let placed = match kind {
            "route" => self.route(span, &value),
            "parallel" => self.parallel(span, &value),
            _ => self.stage(kind, span, &value),
        }?;
        let deepest = placed.branches.iter().map(|list| list.depth).max().unwrap_or(0);
        Some(List { stages: vec![placed], depth: 1 + deepest })
    }

    fn report_keys(&mut self, item: &Node, entries: &[Entry]) {
        let Some([first, second]) = entries.first_chunk() else {
            self.problems.error(item.span, "a stage cannot be an empty mapping").label("expected `kind: {...}`");
            return;
        };
        let problem = self.problems.error(second.key.span, format!("`{}` stands beside the stage", second.key.text));
        problem.label(format!("expected below `{}`", first.key.text));
        problem.help(format!("indent what belongs to `{}` further, or begin a new stage with `- `", first.key.text));
    }

    fn stage(&mut self, kind: &str, span: SourceSpan, value: &Node) -> Option<Placed> {
        let Some(known) = kinds().iter().find(|known| known.name == kind) else {
            self.report_unknown(kind, span);
            return None;
        };
        let (name, value) = self.names.take(kind, span, value, self.problems);
        let context =
            Context { name: &name, span, facts: self.around.facts, classes: self.around.classes.unwrap_or_default() };
        let part = (known.read)(&value, &context, self.problems)?;
        Some(Placed { part, span, branches: Vec::new(), joins: false })
    }

    fn report_unknown(&mut self, kind: &str, span: SourceSpan) {
        let all = || kinds().iter().map(|known| known.name).chain(LISTS);
        let message = format!("unknown stage `{kind}`");
        let problem = match nearest(kind, all()) {
            Some(near) => self.problems.error(span, message).label(format!("did you mean `{near}`?")),
            None => self.problems.error(span, message).label("not a kind of stage"),
        };
        problem.help(format!("stages: {}", all().collect::<Vec<_>>().join(", ")));
    }

    fn route(&mut self, span: SourceSpan, value: &Node) -> Option<Placed> {
        let (name, value) = self.names.take("route", span, value, self.problems);
        let branches = match &value.value {
            Value::List(_) => Vec::<At<BranchSpec>>::decode(&value, self.problems),
            _ => RouteSpec::decode(&value, self.problems).map(|spec| spec.branches),
        }?;
        if branches.is_empty() {
            self.problems.error(span, "a route needs at least one branch");
        }
        let read: Vec<_> = branches.into_iter().map(|branch| self.branch(branch)).collect();
        let (conditions, lists): (Vec<When>, Vec<Arc<List>>) =
            read.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
        let branches = conditions.into_iter().zip(lists.iter().map(|list| list.path())).collect();
        Some(Placed { part: Arc::new(Route { name, branches }), span, branches: lists, joins: true })
    }

    fn branch(&mut self, branch: At<BranchSpec>) -> Option<(When, Arc<List>)> {
        let (when, to) = match branch.value {
            BranchSpec { when: Some(when), share: None, to: Some(to), otherwise: None } => (self.when(when), to),
            BranchSpec { when: None, share: Some(share), to: Some(to), otherwise: None } => {
                (Some(When::Share(share.0)), to)
            }
            BranchSpec { when: None, share: None, to: None, otherwise: Some(to) } => (Some(When::Otherwise), to),
            _ => {
                let problem =
                    self.problems.error(branch.span, "this branch of the route is not one of the three forms");
                problem.label("expected `when` and `to`, `share` and `to`, or `otherwise`");
                return None;
            }
        };
        let list = self.reference_or_list(&to.0);
        Some((when?, list?))
    }

    fn when(&mut self, when: WhenSpec) -> Option<When> {
        match when {
            WhenSpec::Class(class) => {
                let number = class_number(self.around.classes, &class, self.problems)?;
                Some(When::Class(number))
            }
            WhenSpec::RequestAbove(size) => self.bytes(size).map(When::RequestAbove),
            WhenSpec::ResponseAbove(size) => self.bytes(size).map(When::ResponseAbove),
        }
    }

    fn bytes(&mut self, size: At<Bytes>) -> Option<u32> {
        let bytes = u32::try_from(size.value.0);
        if bytes.is_err() {
            self.problems.error(size.span, format!("no message is larger than {}", Bytes(u64::from(u32::MAX))));
        }
        bytes.ok()
    }

    fn parallel(&mut self, span: SourceSpan, value: &Node) -> Option<Placed> {
        let (name, value) = self.names.take("parallel", span, value, self.problems);
        let spec = ParallelSpec::decode(&value, self.problems)?;
        if !(1..=64).contains(&spec.branches.value.len()) {
            let message = format!("`parallel` cannot have {} branches", spec.branches.value.len());
            self.problems.error(spec.branches.span, message).label("expected 1 to 64");
        }
        let lists: Vec<_> = spec.branches.value.iter().map(|to| self.reference_or_list(&to.0)).collect();
        let lists = lists.into_iter().collect::<Option<Vec<_>>>()?;
        let branches = lists.iter().map(|list| list.path()).collect();
        Some(Placed {
            part: Arc::new(Parallel { name, branches, join: spec.join }),
            span,
            branches: lists,
            joins: false,
        })
    }

    /// A list of stages, or the name of one.
    fn reference_or_list(&mut self, node: &Node) -> Option<Arc<List>> {
        match node.value {
            Value::Scalar { .. } if !node.is_empty() => self.reference(node),
            _ => self.list(node).map(Arc::new),
        }
    }

    fn reference(&mut self, node: &Node) -> Option<Arc<List>> {
        let name = At::<String>::decode(node, self.problems)?;
        let list = self.named(&name)?;
        if let Some((known, _)) = self.around.stages.0.iter().find(|(known, _)| known.value == name.value) {
            self.used.push(&known.value);
        }
        Some(list)
    }

    /// The list with a name, read when it is met for the first time.
    fn named(&mut self, name: &At<String>) -> Option<Arc<List>> {
        let stages = self.around.stages;
        let Some((known, node)) = stages.0.iter().find(|(known, _)| known.value == name.value) else {
            self.report_unnamed(name);
            return None;
        };
        match self.lists.get(known.value.as_str()) {
            Some(Progress::Done(list)) => list.clone(),
            Some(Progress::Open) => {
                self.report_circle(name, known);
                None
            }
            None if self.open.len() >= MAX_NESTING => {
                let problem = self.problems.error(name.span, "lists are used inside each other too deeply");
                problem.label(format!("expected at most {MAX_NESTING} levels"));
                None
            }
            None => {
                self.lists.insert(&known.value, Progress::Open);
                self.open.push(&known.value);
                let list = self.list(&node.0).map(Arc::new);
                self.open.pop();
                self.lists.insert(&known.value, Progress::Done(list.clone()));
                list
            }
        }
    }

    fn report_unnamed(&mut self, name: &At<String>) {
        let names = || self.around.stages.0.iter().map(|(known, _)| known.value.as_str());
        let problem = self.problems.error(name.span, format!("there is no list of stages `{}`", name.value));
        match nearest(&name.value, names()) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("expected the name of a list in `stages`"),
        };
        if !self.around.stages.0.is_empty() {
            problem.help(format!("lists: {}", names().collect::<Vec<_>>().join(", ")));
        }
    }

    fn report_circle(&mut self, name: &At<String>, known: &At<String>) {
        let start = self.open.iter().position(|open| *open == known.value).unwrap_or(0);
        let mut circle: Vec<&str> = self.open[start..].to_vec();
        circle.push(&known.value);
        let problem = self.problems.error(name.span, format!("the path runs in a circle: {}", circle.join(" -> ")));
        problem.label("closes the circle").also(known.span, "begins here");
        problem.help("a request would never arrive; use `retry` to repeat a part of a path");
    }
}

/// Lists used inside each other.
const MAX_NESTING: usize = 32;

/// The number of a class; absent, with an error that names the nearest, when there is none. When the classes could not be
/// read, their own problem is enough, and any number will do.
pub fn class_number(classes: Option<&[String]>, class: &At<String>, problems: &mut Problems) -> Option<u16> {
    let Some(classes) = classes else { return Some(0) };
    let number = classes.iter().position(|known| *known == class.value);
    if number.is_none() {
        let problem = problems.error(class.span, format!("there is no traffic class `{}`", class.value));
        match nearest(&class.value, classes.iter().map(String::as_str)) {
            Some(near) => problem.label(format!("did you mean `{near}`?")),
            None => problem.label("not a class of `traffic`"),
        };
        problem.help(if classes.is_empty() {
            "declare classes in `traffic`: `classes: [{name: ..., share: ...}]`".to_string()
        } else {
            format!("classes: {}", classes.join(", "))
        });
    }
    number.and_then(|number| u16::try_from(number).ok())
}

/// Asks every stage whether it may stand where it stands, along every way through the path.
struct Walk<'a> {
    problems: &'a mut Problems,
    before: Vec<&'static str>,
    steps: usize,
}

/// What comes after a list.
#[derive(Clone, Copy)]
struct After<'a> {
    stages: &'a [Placed],
    outer: Option<&'a After<'a>>,
}

impl Walk<'_> {
    fn list(&mut self, list: &List, after: Option<&After<'_>>) {
        let depth = self.before.len();
        for (index, placed) in list.stages.iter().enumerate() {
            self.steps += 1;
            if self.steps > MAX_PLACES {
                break;
            }
            let rest = After { stages: &list.stages[index + 1..], outer: after };
            let place = Place { before: self.before.clone(), next: rest.next(), targets: rest.targets() };
            if let Err(reason) = placed.part.fits(&place) {
                self.problems.error(placed.span, format!("`{}`: {reason}", placed.part.name()));
            }
            self.before.push(placed.part.kind());
            for branch in &placed.branches {
                self.list(branch, placed.joins.then_some(&rest));
            }
        }
        self.before.truncate(depth);
    }
}

impl After<'_> {
    fn next(&self) -> Option<&'static str> {
        match self.stages.first() {
            Some(placed) => Some(placed.part.kind()),
            None => self.outer?.next(),
        }
    }

    fn targets(&self) -> Option<u32> {
        let here = self.stages.iter().find_map(|placed| placed.part.targets());
        here.or_else(|| self.outer?.targets())
    }
}

/// The schema of a list of stages.
pub fn schema() -> Json {
    let stage = |kind: &Kind| {
        let mut schema = (kind.schema)();
        names::describe(&mut schema);
        let alone = schema["type"].is_array().then(|| json!({"const": kind.name}));
        let named = json!({
            "type": "object",
            "properties": {kind.name: schema},
            "required": [kind.name],
            "additionalProperties": false,
        });
        [alone, Some(named)].into_iter().flatten()
    };
    let list = |kind: &str, schema: Json| {
        json!({
            "type": "object",
            "properties": {kind: schema},
            "required": [kind],
            "additionalProperties": false,
        })
    };
    let mut route = RouteSpec::schema();
    names::describe(&mut route);
    let mut parallel = ParallelSpec::schema();
    names::describe(&mut parallel);
    let lists = [
        list("route", json!({"anyOf": [Vec::<BranchSpec>::schema(), route]})),
        list("parallel", parallel),
        list("use", json!({"type": "string", "description": "The name of a list in `stages`, put here."})),
    ];
    let items: Vec<_> = kinds().iter().flat_map(stage).chain(lists).collect();
    json!({"type": "array", "items": {"anyOf": items}})
}

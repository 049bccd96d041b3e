//! Paths written as in a scenario, and requests given one by one, for tests of whole stages.

use std::sync::Arc;

use gatepath::diagnostic::{Problems, Sources, render};
use gatepath::exec::{Arrival, Executor, Options, Run, Source, Verdict, execute};
use gatepath::facts::Facts;
use gatepath::program::{Builder, Guard, Part, Path, Place, Program};
use gatepath::scenario::yaml;
use gatepath::spec::Node;
use gatepath::stage::client::Client;
use gatepath::stage::{Context, kinds};
use gatepath::time::{Span, Time};

/// A request: when, in milliseconds, for which key, with how many bytes both ways.
pub type Request = (u64, u32, u32);

struct Given(Vec<Arrival>);

impl Source for Given {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        block.append(&mut self.0);
    }
}

/// Reads a list of stages as in a scenario, behind a client that waits for ever.
///
/// # Errors
/// The problems as they are shown, and what does not fit where it stands.
pub fn read(text: &str) -> Result<Path, String> {
    let (mut sources, mut problems) = (Sources::new(), Problems::new());
    let list = yaml::parse_bytes("path.yaml", text.as_bytes(), &mut sources, &mut problems);
    let stages = list.as_ref().and_then(Node::as_list).unwrap_or_default();
    let facts = Facts::pack(Facts::DEFAULT_PACK).expect("the pack is good");
    let mut parts: Vec<Arc<dyn Part>> = vec![Arc::new(Client::patient())];
    for stage in stages {
        let (kind, node) = match stage.as_map() {
            Some([entry]) => (entry.key.text.as_str(), entry.value.clone()),
            _ => (stage.as_text().unwrap_or_default(), Node::empty(stage.span)),
        };
        let same = parts.iter().filter(|part| part.kind() == kind).count();
        let name = if same == 0 { kind.to_owned() } else { format!("{kind}_{}", same + 1) };
        let context = Context { name: &name, span: stage.span, facts, classes: &[] };
        let known = kinds().iter().find(|known| known.name == kind).unwrap_or_else(|| panic!("no kind {kind}"));
        parts.extend((known.read)(&node, &context, &mut problems));
    }
    if !problems.is_empty() {
        return Err(render(&problems, &sources, false));
    }
    for (index, part) in parts.iter().enumerate() {
        let place = Place {
            before: parts[..index].iter().map(|part| part.kind()).collect(),
            next: parts.get(index + 1).map(|part| part.kind()),
            targets: parts[index + 1..].iter().find_map(|part| part.targets()),
        };
        part.fits(&place)?;
    }
    Ok(parts.into())
}

/// Compiles a list of stages.
pub fn compile(text: &str) -> Program {
    let path = read(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    Builder::compile(&path, Vec::new()).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

/// Runs requests by both executors, which must agree on every one of them.
pub fn run(program: &Program, requests: &[Request]) -> Run {
    let arrival = |(serial, &(millis, key, bytes)): (usize, &Request)| Arrival {
        at: Time::ZERO + Span::from_millis(millis),
        serial: serial as u64,
        key,
        request_bytes: bytes,
        response_bytes: bytes,
        ..Arrival::default()
    };
    let arrivals: Vec<Arrival> = requests.iter().enumerate().map(arrival).collect();
    let options = Options {
        seed: 11,
        replication: 0,
        from: Time::ZERO,
        until: Time::ZERO + Span::from_secs(100_000),
        interval: None,
        guard: Guard::default(),
        trace: true,
        cancel: None,
    };
    let [plain, event, window] = [Executor::Plain, Executor::Event, Executor::Window(Some(Span(134_217_727)))]
        .map(|executor| execute(executor, program, &|| Box::new(Given(arrivals.clone())), &options));
    assert!(plain == event, "the executors disagree");
    assert!(plain == window, "windows disagree");
    assert_eq!(event.verdict, Verdict::Complete);
    event
}

/// How often a meter was counted.
pub fn usage(program: &Program, run: &Run, stage: &str, name: &str) -> u64 {
    let index = program.meters.iter().position(|meter| meter.stage == stage && meter.name == name);
    index.map_or(0, |index| run.used(index))
}

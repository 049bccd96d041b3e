//! From the tree of a file to a [`Scenario`]: every section is decoded and checked, whatever is wrong with the others, so
//! that one run shows all problems.

use super::cost::CostSpec;
use super::further;
use super::objective::Objective;
use super::path::{self, Surroundings};
use super::spec::{DEFAULT_REGION, Method, PrecisionSpec, RunSpec, ScenarioSpec, Warmup};
use super::traffic::{self, Plan};
use super::{Asked, Scenario, measured};
use crate::diagnostic::{Problems, SourceSpan, Sources};
use crate::facts::{FactError, Facts};
use crate::pricing::Costing;
use crate::program::{Builder, Choice, Guard, Instruction, Part, Program, Service};
use crate::spec::{At, Decode, Named, Node, Tried};
use crate::stage::Context;
use crate::stage::client::{Client, ClientSpec};
use crate::time::Span;
use std::path::Path;
use std::sync::Arc;

/// The scenario of a tree; files it refers to lie relative to `folder`. Absent, with errors, when anything is wrong.
pub fn compile(name: &str, mut root: Node, folder: &Path, problems: &mut Problems) -> Option<Scenario> {
    measured::load(&mut root, folder, problems);
    let Some(spec) = ScenarioSpec::decode(&root, problems) else {
        read_rest(&root, problems);
        return None;
    };
    let plan = spec.traffic.0.as_ref().and_then(|traffic| traffic::plan(traffic, folder, problems));
    let classes: Option<Vec<String>> =
        plan.as_ref().map(|plan| plan.traffic.population().classes().iter().map(|class| class.name.clone()).collect());
    let facts = facts(&spec, problems)?;
    let stages = spec.stages.0.unwrap_or_default();
    let around = Surroundings { facts, classes: classes.as_deref(), stages: &stages };
    let usage = spec.cost.0.as_ref().and_then(Option::as_ref).map(|cost| cost.usage.clone()).unwrap_or_default();
    let client = Sender { spec: spec.client.0, metered: further::needs_bytes(&usage) };
    let program = program(&spec.path.0, client, around, plan.as_ref(), problems);
    if let Some(program) = &program {
        further::check_places(&usage, program, problems);
    }
    let objectives = spec.objectives.0.map(|list| objectives(list, classes.as_deref(), problems));
    let run = spec.run.0;
    run.iter().for_each(|run| one_run(run, problems));
    let duration = plan.as_ref().map(|plan| Span(plan.traffic.until().0));
    let warmup = run.as_ref().zip(duration).and_then(|(run, duration)| warmup(run, duration, problems));
    let costing = costing(
        spec.cost.0,
        (spec.data.0.as_ref(), spec.region.0.as_ref()),
        measured_time(duration, warmup),
        folder,
        problems,
    );
    if problems.has_errors() {
        return None;
    }
    let (plan, run) = (plan?, run?);
    Some(Scenario {
        name: name.to_string(),
        title: spec.title.0?.unwrap_or_default(),
        region: spec.region.0?.value,
        data: spec.data.0?.value,
        program: program?,
        duration: duration?,
        traffic: plan.traffic,
        warmup: warmup?,
        seeks_warmup: run.warmup.value == Warmup::Auto,
        interval: run.interval.map(|interval| interval.value),
        guard: Guard { backlog: run.max_backlog, in_flight: run.max_in_flight },
        seed: run.seed,
        replications: replications(&run),
        precision: asked(&run),
        batches: run.method == Method::Batches,
        control_variates: run.control_variates,
        percentiles: run.percentiles.iter().map(|percentile| percentile.0).collect(),
        confidence: run.confidence.0,
        objectives: objectives?,
        costing: costing?,
        warnings: Problems::new(),
        sources: Sources::new(),
    })
}

fn measured_time(duration: Option<Span>, warmup: Option<Span>) -> Option<Span> {
    duration.zip(warmup).map(|(duration, warmup)| Span(duration.0.saturating_sub(warmup.0)))
}

/// How the bill is made.
fn costing(
    spec: Option<Option<CostSpec>>,
    (data, region): (Option<&At<String>>, Option<&At<String>>),
    measured: Option<Span>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Costing> {
    let costing = Costing::of(&data?.value, &region?.value);
    match spec? {
        Some(spec) => spec.check(costing, measured, folder, problems),
        None => Some(costing),
    }
}

/// Reads what can be read of a scenario that lacks a section, for the problems alone.
fn read_rest(root: &Node, problems: &mut Problems) {
    let stages = root.get("stages").and_then(|node| Named::decode(node, &mut Problems::new())).unwrap_or_default();
    if let (Some(node), Some(facts)) = (root.get("path"), pack(Facts::DEFAULT_PACK, problems)) {
        path::read(node, None, Surroundings { facts, classes: None, stages: &stages }, problems);
    }
}

/// The data pack that is asked for; the default one beside an error, so that the path can still be read.
fn facts(spec: &ScenarioSpec, problems: &mut Problems) -> Option<&'static Facts> {
    if let Some(region) = spec.region.0.as_ref().filter(|region| !is_region(region)) {
        let problem = problems.error(region.span, format!("`{}` is not a region", region.value));
        problem.label(format!("expected such as `{DEFAULT_REGION}`"));
    }
    let name =
        spec.data.0.as_ref().map(|data| data.value.as_str()).filter(|name| Facts::packs().any(|pack| pack == *name));
    if let Some(data) = spec.data.0.as_ref().filter(|_| name.is_none()) {
        let known: Vec<String> = Facts::packs().map(|pack| format!("`{pack}`")).collect();
        let problem = problems.error(data.span, format!("there is no data pack `{}`", data.value));
        problem.label(format!("expected {}", known.join(" or ")));
    }
    pack(name.unwrap_or(Facts::DEFAULT_PACK), problems)
}

/// A data pack that is built in.
fn pack(name: &str, problems: &mut Problems) -> Option<&'static Facts> {
    let report = |errors: Vec<FactError>| {
        for error in errors {
            problems.error(None, error.to_string());
        }
    };
    Facts::pack(name).map_err(report).ok()
}

/// Whether a text has the form of a region: words of letters and a number, joined by `-`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let all = |text: &str, allowed: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(allowed);
    words.len() >= 2 && words.iter().all(|word| all(word, u8::is_ascii_lowercase)) && all(number, u8::is_ascii_digit)
}

/// What was written of the client, and whether its requests and answers are counted in bytes.
struct Sender {
    spec: Option<Option<ClientSpec>>,
    metered: bool,
}

fn program(
    path: &Node,
    client: Sender,
    around: Surroundings<'_>,
    plan: Option<&Plan>,
    problems: &mut Problems,
) -> Option<Program> {
    let client = client.spec.and_then(|spec| client_of(spec, client.metered, around, problems));
    let (read, failed) = (path::read(path, client.clone(), around, problems), client.is_none());
    let (read, classes) = (read.filter(|_| !failed)?, around.classes?);
    let span_of = |stage: &str| {
        read.names.iter().find(|name| name.value == stage).map_or(path.span.start_point(), |name| name.span)
    };
    match Builder::compile(&read.path, classes.to_vec()) {
        Ok(program) => {
            needs(&program, plan?, &span_of, problems);
            Some(program)
        }
        Err(errors) => {
            for error in errors {
                problems.error(span_of(error.stage()), error.to_string());
            }
            None
        }
    }
}

fn client_of(
    spec: Option<ClientSpec>,
    metered: bool,
    around: Surroundings<'_>,
    problems: &mut Problems,
) -> Option<Arc<dyn Part>> {
    let classes = around.classes.unwrap_or_default();
    let context = Context { name: Client::NAME, span: SourceSpan::default(), facts: around.facts, classes };
    let client = match spec {
        Some(spec) => Client::check(spec, &context, problems)?,
        None => Client::patient(),
    };
    Some(Arc::new(if metered { client.metered() } else { client }))
}

/// Reports stages that need what the traffic does not give: a demand or a target with each request.
fn needs(program: &Program, plan: &Plan, span_of: &dyn Fn(&str) -> SourceSpan, problems: &mut Problems) {
    let stage_of = |operator: &str| operator.split('.').next().unwrap_or_default().to_string();
    let given = program.balancers.iter().filter(|balancer| balancer.choice == Choice::Given);
    for balancer in given.filter(|_| !plan.has_targets) {
        let problem =
            problems.error(span_of(&stage_of(&balancer.name)), "`policy: given` needs a target with each request");
        problem.help("replay requests with `columns: {target: ...}`, or choose another policy");
    }
    let demands = program.code.iter().filter_map(|instruction| match instruction {
        Instruction::Serve { station, service: Service::Demand, .. } => program.stations.get(station.index()),
        _ => None,
    });
    for station in demands.filter(|_| !plan.has_demands) {
        let problem =
            problems.error(span_of(&stage_of(&station.name)), "`service: demand` needs a demand with each request");
        problem.help("replay requests with `columns: {demand: ...}`, or give the station a law");
    }
}

/// The objectives that could be read, their classes checked.
fn objectives(list: Vec<Tried<At<Objective>>>, classes: Option<&[String]>, problems: &mut Problems) -> Vec<Objective> {
    let read = list.into_iter().filter_map(|tried| tried.0);
    read.map(|objective| {
        if let Some(class) = &objective.class {
            path::class_number(classes, class, problems);
        }
        objective.value
    })
    .collect()
}

/// Replications of the first wave.
const FIRST_WAVE: u32 = 10;

/// The number of replications, or that to begin with.
fn replications(run: &RunSpec) -> u32 {
    match (run.method, &run.replications) {
        (Method::Batches, _) => 1,
        (Method::Replications, Some(replications)) => replications.value,
        (Method::Replications, None) => FIRST_WAVE,
    }
}

/// Reports what one long run cannot have.
fn one_run(run: &RunSpec, problems: &mut Problems) {
    let several = run.replications.as_ref().filter(|replications| replications.value > 1).map(|one| one.span);
    let precise = run.precision.as_ref().map(|precision| precision.span);
    for at in [several, precise].into_iter().flatten().filter(|_| run.method == Method::Batches) {
        let problem = problems.error(at, "one long run has no replications");
        problem.help("leave out `method: batches`, or this; a longer `duration` makes one run more precise");
    }
}

/// The precision asked for: the default one where neither it nor a number of replications is given.
fn asked(run: &RunSpec) -> Option<Asked> {
    let (relative, metrics) = match run.precision.as_ref().map(|precision| &precision.value) {
        _ if run.method == Method::Batches => return None,
        None if run.replications.is_some() => return None,
        None => (0.05, Vec::new()),
        Some(PrecisionSpec::All(share)) => (share.0, Vec::new()),
        Some(PrecisionSpec::Each(metrics)) => {
            (0.05, metrics.iter().map(|&(metric, share)| (metric, share.0)).collect())
        }
    };
    Some(Asked { relative, metrics, max_replications: run.max_replications, max_requests: run.max_requests })
}

/// The time that is not measured.
fn warmup(run: &RunSpec, duration: Span, problems: &mut Problems) -> Option<Span> {
    let span = match run.warmup.value {
        Warmup::Auto => Span(duration.0 / 10),
        // In units of a billionth: exact for shares as people write them, and never beyond the duration.
        Warmup::Share(share) => Span((u128::from(duration.0) * (share.0 * 1e9).round() as u128 / 1_000_000_000) as u64),
        Warmup::Time(span) => span,
    };
    if span >= duration {
        let problem = problems.error(run.warmup.span, "nothing is left to measure after the warm-up");
        problem.label(format!("expected less than {duration}"));
        return None;
    }
    Some(span)
}

//! Traffic as written, checked across its keys, into a plan of traffic.

use super::spec::{self, ClassSpec, ColumnsSpec, CountsSpec, KeysSpec, ReplaySpec, RequestsSpec, TrafficSpec};
use super::table;
use crate::diagnostic::{Problems, SourceSpan};
use crate::law::Law;
use crate::program::written;
use crate::spec::{At, LawOf, SizeLaw};
use crate::time::{Span, Time};
use crate::traffic::{
    Arrivals, Class, Columns, Counts, Daily, Flat, Keys, Mmpp, Phase, Placement, Population, Profile, Renewal,
    Requests, Spacing, Stage, Stages, Stamp, Start, Traffic, TrafficError, Users,
};
use crate::units::{Rate, time_unit};
use std::path::Path;

/// Keys of all classes together: eight bytes each.
const MAX_KEYS: u64 = 20_000_000;

/// A plan of traffic and what its requests carry.
#[derive(Debug)]
pub struct Plan {
    /// The plan.
    pub traffic: Traffic,
    /// Whether each request says how long its service takes.
    pub has_demands: bool,
    /// Whether each request says which target serves it.
    pub has_targets: bool,
}

/// The plan of a scenario whose files lie relative to `folder`. Absent, with errors, when there is none.
pub fn plan(spec: &At<TrafficSpec>, folder: &Path, problems: &mut Problems) -> Option<Plan> {
    let population = population(spec, problems);
    let mut planner = Planner { spec: &spec.value, span: spec.span, folder, problems };
    planner.report_strays();
    let source = planner.source();
    let until = planner.until(source.as_ref());
    let population = population?;
    let arrivals = planner.arrivals(source?, &population)?;
    let (has_demands, has_targets) = match &arrivals {
        Arrivals::Requests(requests) => (requests.has_demand(), !requests.targets().is_empty()),
        _ => (false, false),
    };
    let traffic = Traffic::new(arrivals, population, until?);
    Some(Plan { traffic, has_demands, has_targets })
}

/// What says how many requests arrive.
#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Rate(&'a At<Rate>),
    Stages(&'a At<Vec<spec::RampSpec>>),
    Users(&'a At<u32>),
    Replay(&'a At<ReplaySpec>),
    /// A law of arrivals that has its own rate.
    Own(&'a At<spec::Arrivals>),
}

impl Source<'_> {
    fn name(&self) -> &'static str {
        match self {
            Source::Rate(_) => "rate",
            Source::Stages(_) => "stages",
            Source::Users(_) => "users",
            Source::Replay(_) => "replay",
            Source::Own(_) => "arrivals",
        }
    }

    fn span(&self) -> SourceSpan {
        match self {
            Source::Rate(at) => at.span,
            Source::Stages(at) => at.span,
            Source::Users(at) => at.span,
            Source::Replay(at) => at.span,
            Source::Own(at) => at.span,
        }
    }
}

struct Planner<'a> {
    spec: &'a TrafficSpec,
    span: SourceSpan,
    folder: &'a Path,
    problems: &'a mut Problems,
}

impl<'a> Planner<'a> {
    fn sources(&self) -> Vec<Source<'a>> {
        let TrafficSpec { rate, stages, users, replay, arrivals, .. } = self.spec;
        let own =
            arrivals.as_ref().filter(|at| !matches!(at.value, spec::Arrivals::Poisson | spec::Arrivals::Constant));
        let all = [
            rate.as_ref().map(Source::Rate),
            stages.as_ref().map(Source::Stages),
            users.as_ref().map(Source::Users),
            replay.as_ref().map(Source::Replay),
            own.map(Source::Own),
        ];
        all.into_iter().flatten().collect()
    }

    /// The only thing that says how many requests arrive.
    fn source(&mut self) -> Option<Source<'a>> {
        match self.sources().as_slice() {
            [only] => Some(*only),
            [] => {
                let problem = self.problems.error(self.span, "nothing says how many requests arrive");
                problem.label("expected one of `rate`, `stages`, `users` and `replay`");
                None
            }
            [first, second, ..] => {
                let message = format!("`{}` and `{}` both say how many requests arrive", first.name(), second.name());
                let problem = self.problems.error(second.span(), message);
                problem.label("expected only one of them").also(first.span(), "the other");
                problem.help("set one of them to `null` to leave it out");
                None
            }
        }
    }

    /// Reports keys that mean nothing beside what says how many requests arrive.
    fn report_strays(&mut self) {
        let TrafficSpec { arrivals, stages, start_rate, users, think, start, replay, .. } = self.spec;
        let spaced = arrivals.as_ref().filter(|_| users.is_some() || replay.is_some());
        let pairs = [
            (start_rate.as_ref().map(|at| at.span).filter(|_| stages.is_none()), "start_rate", "beside `stages`"),
            (think.as_ref().map(|at| at.span).filter(|_| users.is_none()), "think", "beside `users`"),
            (start.as_ref().map(|at| at.span).filter(|_| users.is_none()), "start", "beside `users`"),
            (spaced.map(|at| at.span), "arrivals", "without `users` and `replay`"),
        ];
        for (span, key, place) in pairs {
            if let Some(span) = span {
                self.problems
                    .error(span, format!("`{key}` means nothing here"))
                    .label(format!("expected only {place}"));
            }
        }
    }

    /// When the traffic ends, unless its schedule ends it earlier.
    fn until(&mut self, source: Option<&Source<'_>>) -> Option<Time> {
        match (&self.spec.duration, source) {
            (Some(duration), Some(Source::Stages(_))) => {
                let problem = self.problems.error(duration.span, "`duration` means nothing beside `stages`");
                problem.label("the stages say how long requests arrive");
                None
            }
            (Some(duration), _) => Some(Time(duration.value.0)),
            (None, Some(Source::Stages(_) | Source::Replay(_))) => Some(Time::NEVER),
            (None, Some(_)) if !self.is_misspelt("duration") => {
                let problem = self.problems.error(self.span, "`duration` is missing").label("in this section");
                problem.help("`duration`: How long requests arrive.");
                None
            }
            (None, _) => None,
        }
    }

    /// Whether an unknown key of this section was reported as this one misspelt, which is enough said.
    fn is_misspelt(&self, key: &str) -> bool {
        let here = |at: SourceSpan| at.file == self.span.file && (self.span.start..self.span.end).contains(&at.start);
        let label = format!("did you mean `{key}`?");
        self.problems.iter().any(|problem| problem.label.as_ref() == Some(&label) && problem.at.is_some_and(here))
    }

    fn arrivals(&mut self, source: Source<'a>, population: &Population) -> Option<Arrivals> {
        let spacing = match self.spec.arrivals.as_ref().map(|at| &at.value) {
            Some(spec::Arrivals::Constant) => Spacing::Even,
            _ => Spacing::Poisson,
        };
        match source {
            Source::Rate(rate) => {
                let flat = checked(Flat::new(rate.value), rate.span, self.problems)?;
                Some(Arrivals::Rate(spacing, Profile::Flat(flat)))
            }
            Source::Stages(ramps) => {
                let start = self.spec.start_rate.as_ref().map_or(Rate(0.0), |at| at.value);
                let stage = |ramp: &spec::RampSpec| Stage { duration: ramp.duration.value, target: ramp.target.value };
                let stages: Vec<_> = ramps.value.iter().map(stage).collect();
                let stages = checked(Stages::new(start, &stages), ramps.span, self.problems)?;
                Some(Arrivals::Rate(spacing, Profile::Stages(stages)))
            }
            Source::Users(users) => {
                let start = match self.spec.start.as_ref().map(|at| at.value) {
                    Some(spec::Start::Together) => Start::Together,
                    _ => Start::Thinking,
                };
                let think = match &self.spec.think {
                    Some(think) => compiled(&think.value, self.problems)?,
                    None => Law::constant(0),
                };
                let made = Users::new(u64::from(users.value), think, start);
                checked(made, users.span, self.problems).map(Arrivals::Users)
            }
            Source::Replay(replay) => match &replay.value {
                ReplaySpec::Counts(counts) => self.counts(counts, replay.span),
                ReplaySpec::Requests(requests) => self.requests(requests, replay.span, population),
            },
            Source::Own(own) => self.own(own),
        }
    }

    fn own(&mut self, own: &At<spec::Arrivals>) -> Option<Arrivals> {
        match &own.value {
            spec::Arrivals::Renewal(law) => {
                let law = compiled::<Span>(law, self.problems)?;
                checked(Renewal::new(law), own.span, self.problems).map(Arrivals::Renewal)
            }
            spec::Arrivals::Mmpp(spec) => {
                let (rates, sojourns) = (&spec.rates.value, &spec.sojourns.value);
                if rates.len() != sojourns.len() {
                    let message = format!("{} rates and {} sojourns", rates.len(), sojourns.len());
                    let problem = self.problems.error(spec.sojourns.span, message);
                    problem.label("expected one sojourn for each rate").also(spec.rates.span, "the rates");
                    return None;
                }
                let phase = |(&rate, &sojourn)| Phase { rate, sojourn };
                let phases: Vec<_> = rates.iter().zip(sojourns).map(phase).collect();
                checked(Mmpp::new(&phases), own.span, self.problems).map(Arrivals::Mmpp)
            }
            spec::Arrivals::Daily(spec) => {
                let daily = Daily::new(spec.base.value, spec.amplitude.value, spec.period, spec.phase);
                let daily = checked(daily, own.span, self.problems)?;
                Some(Arrivals::Rate(Spacing::Poisson, Profile::Daily(daily)))
            }
            spec::Arrivals::Poisson | spec::Arrivals::Constant => None,
        }
    }

    fn counts(&mut self, spec: &CountsSpec, span: SourceSpan) -> Option<Arrivals> {
        let path = self.file(&spec.counts)?;
        let placement = match spec.placement {
            spec::Placement::Uniform => Placement::Uniform,
            spec::Placement::Even => Placement::Even,
        };
        let column = spec.column.as_ref().map(|column| column.value.as_str());
        let loaded = Counts::load(&path, column, spec.interval, placement);
        let columns: Vec<_> = spec.column.iter().collect();
        let counts = self.loaded(loaded, &spec.counts, &columns)?;
        let counts = counts.cut(spec.skip, spec.take).and_then(|counts| counts.scaled(spec.scale));
        checked(counts, span, self.problems).map(Arrivals::Counts)
    }

    fn requests(&mut self, spec: &RequestsSpec, span: SourceSpan, population: &Population) -> Option<Arrivals> {
        let columns = self.columns(&spec.columns);
        let path = self.file(&spec.requests);
        let loaded = Requests::load(&path?, &columns?, population);
        let ColumnsSpec { time, class, key, demand, target, request_size, response_size, .. } = &spec.columns;
        let optional = [class, key, demand, target, request_size, response_size].into_iter().flatten();
        let named: Vec<_> = std::iter::once(time).chain(optional).collect();
        let requests = self.loaded(loaded, &spec.requests, &named)?;
        let requests = requests.cut(spec.skip, spec.take).and_then(|requests| requests.scaled(spec.scale));
        checked(requests, span, self.problems).map(Arrivals::Requests)
    }

    fn columns(&mut self, spec: &ColumnsSpec) -> Option<Columns> {
        let stamp = match spec.time_unit.as_str() {
            "date" => Some(Stamp::Date),
            _ => self.unit(&spec.time_unit, "a unit such as `us`, or `date`").map(|unit| Stamp::Number { unit }),
        };
        let demand_unit = match (&spec.demand_unit, stamp) {
            (Some(unit), _) => self.unit(unit, "a unit such as `us`"),
            (None, Some(Stamp::Date)) if spec.demand.is_some() => {
                let problem = self.problems.error(spec.time_unit.span, "`demand_unit` is missing");
                problem.label("dates say nothing of the unit of `demand`");
                None
            }
            (None, Some(Stamp::Number { unit })) => Some(unit),
            (None, _) => Some(1),
        };
        let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
        Some(Columns {
            time: spec.time.value.clone(),
            stamp: stamp?,
            from_first: spec.from_first,
            class: text(&spec.class),
            key: text(&spec.key),
            request_size: text(&spec.request_size),
            response_size: text(&spec.response_size),
            demand: text(&spec.demand),
            demand_unit: demand_unit?,
            target: text(&spec.target),
        })
    }

    fn unit(&mut self, unit: &At<String>, expected: &str) -> Option<u64> {
        let size = time_unit(unit);
        if size.is_none() {
            let problem = self.problems.error(unit.span, format!("`{}` is not a unit of time", unit.value));
            problem.label(format!("expected {expected}"));
        }
        size
    }

    /// The path of an ordinary file.
    fn file(&mut self, file: &At<String>) -> Option<std::path::PathBuf> {
        let path = self.folder.join(&file.value);
        match table::open(&path) {
            Ok(_) => Some(path),
            Err(reason) => {
                table::report_unreadable(file, &path, reason, self.problems);
                None
            }
        }
    }

    /// What was loaded; an error is shown at the name of the column it is about, or of the file.
    fn loaded<T>(&mut self, loaded: Result<T, TrafficError>, file: &At<String>, columns: &[&At<String>]) -> Option<T> {
        let error = match loaded {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let column = match &error {
            TrafficError::Trace(error) => error.column.as_ref(),
            TrafficError::Parameter { .. } => None,
        };
        let named = columns.iter().find(|named| Some(&named.value) == column);
        let span = named.map_or(file.span, |named| named.span);
        let problem = self.problems.error(span, format!("`{}` cannot be replayed", file.value));
        problem.label(match (&error, named) {
            (TrafficError::Trace(error), Some(_)) => match error.line {
                Some(line) => format!("line {line}: {}", error.message),
                None => error.message.clone(),
            },
            (TrafficError::Trace(error), None) => {
                let line = error.line.map_or(String::new(), |line| format!("line {line}: "));
                format!("{line}{}", error.message)
            }
            (error, _) => error.to_string(),
        });
        None
    }
}

/// A value, or its error at a place.
fn checked<T>(value: Result<T, TrafficError>, span: SourceSpan, problems: &mut Problems) -> Option<T> {
    value.map_err(|error| problems.error(span, error.to_string()).label("cannot be used")).ok()
}

/// A law ready to draw; absent, with an error at its place, when it is impossible.
fn compiled<Q>(law: &LawOf<Q>, problems: &mut Problems) -> Option<Law> {
    let compiled = written::law(law).and_then(|spec| Law::compile(&spec));
    compiled.map_err(|error| problems.error(law.span, "this law is impossible").label(error.to_string())).ok()
}

/// The classes with their shares, sizes and keys; one class when none is declared.
fn population(traffic: &TrafficSpec, problems: &mut Problems) -> Option<Population> {
    let weights = weights(&traffic.classes, problems);
    let all = [ClassSpec {
        name: At::nowhere("all".into()),
        share: None,
        request_size: None,
        response_size: None,
        keys: None,
    }];
    let specs = if traffic.classes.is_empty() { &all[..] } else { &traffic.classes };
    report_keys(traffic, specs, problems)?;
    let mut classes = Vec::new();
    for (index, class) in specs.iter().enumerate() {
        if let Some(first) = specs[..index].iter().find(|other| other.name.value == class.name.value) {
            let problem = problems.error(class.name.span, format!("two classes are named `{}`", class.name.value));
            problem.label("named again").also(first.name.span, "first named here");
        }
        let mut size = |own: &Option<At<SizeLaw>>, all: &Option<At<SizeLaw>>| match own.as_ref().or(all.as_ref()) {
            Some(law) => compiled(&law.value, problems),
            None => Some(Law::constant(0)),
        };
        let request_size = size(&class.request_size, &traffic.request_size);
        let response_size = size(&class.response_size, &traffic.response_size);
        let keys = keys(class.keys.as_ref().or(traffic.keys.as_ref()), problems);
        classes.push(request_size.zip(response_size).zip(keys).map(|((request_size, response_size), keys)| Class {
            name: class.name.value.clone(),
            weight: 1.0,
            request_size,
            response_size,
            keys,
        }));
    }
    let mut classes = classes.into_iter().collect::<Option<Vec<Class>>>()?;
    for (class, weight) in classes.iter_mut().zip(weights?) {
        class.weight = weight;
    }
    let span = traffic.classes.first().map_or(SourceSpan::default(), |class| class.name.span);
    checked(Population::new(classes), span, problems)
}

/// Reports more keys than memory should be spent on.
fn report_keys(traffic: &TrafficSpec, classes: &[ClassSpec], problems: &mut Problems) -> Option<()> {
    let all = classes.iter().filter_map(|class| class.keys.as_ref().or(traffic.keys.as_ref()));
    let mut sum = 0;
    for keys in all {
        sum += u64::from(keys.count);
        if sum > MAX_KEYS {
            let problem = problems.error(keys.span, format!("the classes have {sum} keys and more"));
            problem.label(format!("expected at most {MAX_KEYS} together"));
            return None;
        }
    }
    Some(())
}

/// The keys of a class; `Some(None)` when nothing is said of them.
fn keys(spec: Option<&At<KeysSpec>>, problems: &mut Problems) -> Option<Option<Keys>> {
    match spec {
        None => Some(None),
        Some(keys) => checked(Keys::zipf(keys.count, keys.zipf), keys.span, problems).map(Some),
    }
}

/// The share of each class. What is left of the whole goes to the only class without a share.
fn weights(classes: &[ClassSpec], problems: &mut Problems) -> Option<Vec<f64>> {
    // Shares such as 33.3% are rounded by those who write them.
    const TOLERANCE: f64 = 1e-9;
    let sum: f64 = classes.iter().filter_map(|class| class.share.as_ref()).map(|share| share.value.0).sum();
    let without: Vec<&ClassSpec> = classes.iter().filter(|class| class.share.is_none()).collect();
    let shown = crate::units::Share((sum * 1e6).round() / 1e6);
    let last = classes.iter().rev().find_map(|class| class.share.as_ref());
    if let Some(last) = last.filter(|_| sum > 1.0 + TOLERANCE) {
        problems
            .error(last.span, format!("the shares of the classes add up to {shown}"))
            .label("expected at most 100%");
        return None;
    }
    if let [_, second, ..] = without.as_slice() {
        let problem = problems.error(second.name.span, format!("class `{}` has no `share`", second.name.value));
        problem
            .label("expected a share for every class but one")
            .help("the class without a share gets what is left of 100%");
        return None;
    }
    if let Some(last) = last.filter(|_| without.is_empty() && sum < 1.0 - TOLERANCE) {
        let problem = problems.error(last.span, format!("the shares of the classes add up to {shown}"));
        problem.label("expected 100%").help("leave out the share of one class: it gets what is left");
        return None;
    }
    Some(match classes {
        [] => vec![1.0],
        _ => classes
            .iter()
            .map(|class| class.share.as_ref().map_or((1.0 - sum).max(0.0), |share| share.value.0))
            .collect(),
    })
}

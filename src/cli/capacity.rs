//! The command `capacity`: from arguments to a search, and its answer to the terminal.

use super::arguments::{CapacityArguments, Format, Running, Wanted};
use super::commands::{print, print_bytes};
use super::session::{listen, threads};
use super::{Exit, Failure};
use crate::diagnostic::render;
use crate::report::capacity as report;
use crate::scenario::{self, Field, Objective};
use crate::study::Case;
use crate::study::capacity::{Capacity, CapacityError, End, Question, Runner, Tried, search};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Searches and shows what was found.
pub fn capacity(arguments: &CapacityArguments) -> Result<Exit, Failure> {
    if arguments.cheapest {
        return super::cheapest::cheapest(arguments);
    }
    let field = field(arguments)?;
    let first = case(arguments, &[]).map_err(|wrong| Failure::new(Exit::Usage, wrong))?;
    let question = question(arguments, field, &first)?;
    let cancel = Arc::new(AtomicBool::new(false));
    let runner = runner(&arguments.running, &cancel)?;
    let cases = |value: f64| case(arguments, &[question.field.setting(value)]);
    let told = |tried: &Tried| {
        if !arguments.running.quiet {
            anstream::eprintln!("{}", report::point(&question.field, tried));
        }
    };
    let found = search(&question, &cases, runner, &told).map_err(failure)?;
    let Question { field, confidence, .. } = &question;
    match arguments.format {
        Format::Table => print(&report::summary(&first, field, &found, *confidence))?,
        Format::Json => print(&format!("{:#}\n", report::document(&first, field, &found, *confidence)))?,
        Format::Csv => print_bytes(&report::table(&first, field, &found).to_csv())?,
    }
    Ok(exit(&found))
}

/// The field that is varied; with a range given, its first value need not be in the file.
fn field(arguments: &CapacityArguments) -> Result<Field, Failure> {
    let over = arguments.over.as_deref().unwrap_or_default();
    let wrong = |text: &str| Failure::new(Exit::Usage, format!("error: `{text}` is no positive number with a unit"));
    let given = arguments.from.as_ref().map(|text| Field::parse(over, text).ok_or_else(|| wrong(text)));
    match given {
        Some(field) => field,
        None => Field::of(&arguments.file, &arguments.sets, over)
            .map_err(|(problems, sources)| Failure::new(Exit::Usage, render(&problems, &sources, true).trim_end())),
    }
}

pub(super) fn question(arguments: &CapacityArguments, field: Field, first: &Case) -> Result<Question, Failure> {
    let bound = |text: &Option<String>, otherwise: f64| match text {
        None => Ok(otherwise),
        Some(text) => match Field::parse(&field.path, text).filter(|bound| bound.unit == field.unit) {
            Some(bound) => Ok(bound.number),
            None => {
                let message = format!("error: `{text}` is not written like `{}`", field.text(field.number));
                Err(Failure::new(Exit::Usage, message))
            }
        },
    };
    let within = (bound(&arguments.from, 0.0)?, bound(&arguments.to, f64::MAX)?);
    if within.0 > within.1 {
        return Err(Failure::new(Exit::Usage, "error: `--from` lies above `--to`"));
    }
    let objectives = objectives(arguments, first)?;
    let (confidence, precision) = (arguments.confidence / 100.0, arguments.precision / 100.0);
    if !(confidence > 0.5 && confidence < 1.0 && precision > 0.0 && precision < 1.0) {
        let message = "error: `--confidence` lies between 50 and 100, `--precision` between 0 and 100 (percent)";
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(Question {
        field,
        objectives,
        end: arguments.find.map(|wanted| match wanted {
            Wanted::Highest => End::Highest,
            Wanted::Lowest => End::Lowest,
        }),
        within,
        precision,
        confidence,
        replications: arguments.running.replications.map_or(first.replications.min(10), |n| n as usize),
        most: arguments.max_replications as usize,
    })
}

/// Objectives of the command line, else those of the scenario.
fn objectives(arguments: &CapacityArguments, first: &Case) -> Result<Vec<Objective>, Failure> {
    let mut objectives = Vec::new();
    for text in &arguments.objectives {
        let objective = Objective::parse(text)
            .map_err(|(problems, sources)| Failure::new(Exit::Usage, render(&problems, &sources, true).trim_end()))?;
        if let Some(class) = objective.class.as_ref().filter(|class| !first.program.classes.contains(&class.value)) {
            let names = first.program.classes.join(", ");
            let message = format!("error: there is no class `{}` (there are: {names})", class.value);
            return Err(Failure::new(Exit::Usage, message));
        }
        objectives.push(objective);
    }
    if objectives.is_empty() {
        objectives.clone_from(&first.objectives);
    }
    match objectives.is_empty() {
        true => {
            let message = "error: nothing says what has to be met; give `--objective 'p99 < 250 ms'`, or write \
                           `objectives:` into the scenario";
            Err(Failure::new(Exit::Usage, message))
        }
        false => Ok(objectives),
    }
}

/// The case with these overrides after those of the command line, or what is wrong with them.
pub(super) fn case(arguments: &CapacityArguments, more: &[String]) -> Result<Case, String> {
    let sets: Vec<String> = arguments.sets.iter().chain(more).cloned().collect();
    let scenario = scenario::load(&arguments.file, &sets)
        .map_err(|(problems, sources)| render(&problems, &sources, true).trim_end().to_owned())?;
    let name = scenario.name.clone();
    let mut case = Case::new(&name, scenario);
    case.seed = arguments.running.seed.unwrap_or(case.seed);
    Ok(case)
}

/// Runs points as the arguments say, until Ctrl-C.
pub(super) fn runner<'a>(running: &Running, cancel: &'a Arc<AtomicBool>) -> Result<Runner<'a>, Failure> {
    listen(cancel)?;
    Ok(Runner { executor: running.executor.executor(), threads: threads(running), cancel })
}

pub(super) fn failure(error: CapacityError) -> Failure {
    match error {
        CapacityError::Threads(_) => Failure::new(Exit::Failed, format!("error: {error}")),
        CapacityError::Interrupted => Failure::new(Exit::Interrupted, error),
        CapacityError::Refused(text) => Failure::new(Exit::Usage, text),
        CapacityError::Indifferent(_) => Failure::new(Exit::Inconclusive, format!("error: {error}")),
    }
}

fn exit(found: &Capacity) -> Exit {
    match (found.good, found.bad) {
        (Some(_), _) => Exit::Good,
        (None, Some(_)) => Exit::Missed,
        (None, None) => Exit::Inconclusive,
    }
}

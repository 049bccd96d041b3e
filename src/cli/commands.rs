//! One function for each command.

use super::arguments::{Arguments, Command, CompareArguments, ExplainArguments, Format, Inputs, RunArguments, Running};
use super::break_even;
use super::inputs::{self, Loaded};
use super::prices;
use super::session::Session;
use super::{Exit, Failure, follow};
use crate::report::{explain, json, schema, terminal};
use crate::scenario;
use crate::study::{Case, Finding, Verdict};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

/// The scenario that `init` writes.
const TEMPLATE: &str = include_str!("template.yaml");

/// Does what is asked.
pub fn execute(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Run(arguments) => run(&arguments),
        Command::Compare(arguments) => compare(&arguments),
        Command::Capacity(arguments) => super::capacity::capacity(&arguments),
        Command::Check(inputs) => check(&inputs),
        Command::Explain(arguments) => explain(&arguments),
        Command::BreakEven(arguments) => break_even::break_even(&arguments),
        Command::Price(arguments) => prices::price(&arguments),
        Command::Prices(arguments) => prices::prices(&arguments),
        Command::Schema => print(&format!("{:#}\n", scenario::schema())).map(|()| Exit::Good),
        Command::Init { file } => init(&file),
    }
}

fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let mut loaded = inputs::load(&arguments.inputs.files, &arguments.inputs.sets)?;
    adjust(&mut loaded, &arguments.running, false);
    if let Some(exit) = follow::request(&loaded, &arguments.following, arguments.output.format)? {
        return Ok(exit);
    }
    let show = |finding: &Finding| match arguments.output.format {
        Format::Table => print(&format!("{}\n", terminal::summary(finding))),
        Format::Json | Format::Csv => Ok(()),
    };
    let session = Session::start(&loaded, &arguments.running, arguments.output.out.as_deref())?;
    let ended = session.run(&show)?;
    let findings: Vec<&Finding> = ended.findings.iter().collect();
    match arguments.output.format {
        Format::Table => {
            for (Loaded { case, .. }, finding) in loaded.iter().zip(&findings) {
                follow::show(case, &finding.estimates, &arguments.following, &arguments.running)?;
            }
        }
        Format::Json => {
            let mut document = json::document(&findings, &[], ended.interrupted);
            follow::add(&mut document, &loaded, &findings, (&arguments.following, &arguments.running));
            print(&format!("{document:#}\n"))?;
        }
        Format::Csv => print_bytes(&schema::tables(&findings)[0].to_csv())?,
    }
    Ok(exit(&findings, ended.interrupted))
}

fn compare(arguments: &CompareArguments) -> Result<Exit, Failure> {
    let mut loaded = inputs::load(&arguments.files, &arguments.sets)?;
    adjust(&mut loaded, &arguments.running, true);
    let session =
        Session::start(&loaded, &arguments.running, arguments.output.out.as_deref())?.comparing(arguments.margin);
    let ended = session.run(&|_| Ok(()))?;
    let findings: Vec<&Finding> = ended.findings.iter().collect();
    match arguments.output.format {
        Format::Table => print(&terminal::comparison(&findings, &ended.comparisons))?,
        Format::Json => print(&format!("{:#}\n", json::document(&findings, &ended.comparisons, ended.interrupted)))?,
        Format::Csv => print_bytes(&schema::comparison(&ended.comparisons).to_csv())?,
    }
    Ok(exit(&findings, ended.interrupted))
}

fn check(inputs: &Inputs) -> Result<Exit, Failure> {
    for loaded in inputs::load(&inputs.files, &inputs.sets)? {
        let case = &loaded.case;
        let (stages, instructions) = (case.program.stages.len(), case.program.code.len());
        print(&format!("{}: {stages} stages, {instructions} instructions\n", loaded.file.display()))?;
    }
    Ok(Exit::Good)
}

fn explain(arguments: &ExplainArguments) -> Result<Exit, Failure> {
    let mut loaded = inputs::load(&arguments.inputs.files, &arguments.inputs.sets)?;
    adjust(&mut loaded, &arguments.running, false);
    if let Some(exit) = follow::request(&loaded, &arguments.following, Format::Table)? {
        return Ok(exit);
    }
    if !arguments.analyze && arguments.following.tail.is_none() {
        for Loaded { case, .. } in &loaded {
            print(&explained(case, None))?;
        }
        return Ok(Exit::Good);
    }
    let index = Mutex::new(0);
    let show = |finding: &Finding| {
        // Findings are shown in the order of the files.
        let mut index = index.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let case = loaded.iter().map(|loaded| &loaded.case).nth(*index);
        *index += 1;
        let Some(case) = case else { return Ok(()) };
        print(&explained(case, Some(finding)))?;
        follow::show(case, &finding.estimates, &arguments.following, &arguments.running)
    };
    let ended = Session::start(&loaded, &arguments.running, None)?.run(&show)?;
    Ok(exit(&ended.findings.iter().collect::<Vec<_>>(), ended.interrupted))
}

fn explained(case: &Case, finding: Option<&Finding>) -> String {
    let theory = finding.map_or(&[][..], |finding| &finding.theory);
    explain::program(&case.name, &case.program, finding.map(|finding| &finding.estimates), theory)
        + &explain::plan(&case.program, &case.plan())
}

fn init(file: &Path) -> Result<Exit, Failure> {
    let written =
        OpenOptions::new().write(true).create_new(true).open(file).and_then(|mut to| to.write_all(TEMPLATE.as_bytes()));
    match written {
        Ok(()) => print(&format!("wrote {0}; now: gatepath run {0}\n", file.display())).map(|()| Exit::Good),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::new(Exit::Usage, format!("error: {} exists already; nothing was written", file.display())))
        }
        Err(error) => Err(Failure::new(Exit::Failed, format!("error: cannot write {}: {error}", file.display()))),
    }
}

/// Takes seed, replications and precision from the command line, else from the scenario that the others are compared with,
/// else leaves those of the scenario.
fn adjust(loaded: &mut [Loaded], running: &Running, compared: bool) {
    let first = loaded
        .first()
        .map(|first| (first.case.seed, first.case.replications, first.case.precision.clone(), first.case.batches));
    for Loaded { case, .. } in loaded {
        if let Some((seed, replications, precision, batches)) = first.clone().filter(|_| compared) {
            (case.seed, case.replications, case.precision, case.batches) = (seed, replications, precision, batches);
        }
        case.seed = running.seed.unwrap_or(case.seed);
        if let Some(replications) = running.replications {
            (case.replications, case.precision) = (replications as usize, None);
        }
        if let Some(relative) = running.relative_error {
            case.ask_precision(relative);
        }
        case.percentiles.extend(&running.percentiles);
    }
}

fn exit(findings: &[&Finding], interrupted: bool) -> Exit {
    if interrupted {
        return Exit::Interrupted;
    }
    if findings.iter().any(|finding| !finding.estimates.status.is_complete()) {
        return Exit::Failed;
    }
    match findings.iter().map(|finding| finding.verdict()).max() {
        Some(Verdict::Missed) => Exit::Missed,
        Some(Verdict::Inconclusive) => Exit::Inconclusive,
        Some(Verdict::Met) | None => Exit::Good,
    }
}

/// Writes to standard output, with or without colours as the terminal and the environment ask for. Whoever stops reading
/// has read enough: that is no error.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    told(write!(anstream::stdout().lock(), "{text}"))
}

pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    told(io::stdout().lock().write_all(bytes))
}

fn told(written: io::Result<()>) -> Result<(), Failure> {
    match written.and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("error: cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

//! The compiled program for people, as a database prints a query plan: every instruction with its law, its limits and where
//! the numbers come from; after a run also what each stage and resource went through.

use super::number::{self, Unit};
use super::schema;
use crate::exec::{Plan, Reason};
use crate::program::Step;
use crate::program::forward::only_goes_forward;
use crate::program::{
    Amount, Backoff, Choice, Condition, Discipline, Instruction, Join, Label, Lag, LimitScope, Origin, OutcomeId,
    OutcomeTest, Per, Program, ScalingSpec, Service, SiteId,
};
use crate::study::Beside;
use crate::study::estimate::{Estimates, ResourceEstimates};
use crate::units::Share;
use anstyle::Style;
use std::collections::BTreeSet;
use std::fmt::Write;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Tables of laws with a relative error above this are pointed out.
const NOTABLE_ERROR: f64 = 1e-9;

/// A line about an instruction: what it does, and where its numbers come from.
struct Line {
    operator: &'static str,
    what: String,
    origin: Option<Origin>,
}

/// The program as text with ANSI styles; with `estimates`, each stage and resource with what it went through.
/// and, for each resource, its closed form or why it has none.
pub fn program(name: &str, program: &Program, estimates: Option<&Estimates>, theory: &[Beside]) -> String {
    let mut out = String::new();
    let counts = (program.code.len(), program.stages.len(), &program.digest()[..12]);
    let about = format!("{} instructions, {} stages, digest {}", counts.0, counts.1, counts.2);
    let _ = writeln!(out, "{BOLD}{name}{BOLD:#}  {DIM}{about}{DIM:#}");
    let mut told = vec![false; program.stages.len()];
    let mut resources = Resources { estimates, theory, told: Vec::new() };
    for (place, instruction) in program.code.iter().enumerate() {
        if let Instruction::Mark { stage } = instruction {
            let first = !std::mem::replace(&mut told[stage.index()], true);
            head(&mut out, program, stage.index(), first, estimates);
            continue;
        }
        let Line { operator, what, origin } = line(program, instruction);
        let text = format!("{operator:<10} {what}");
        let _ = write!(out, "  {DIM}{place:>4}{DIM:#}  {}", text.trim_end());
        if let Some(origin) = origin.filter(|origin| *origin != Origin::Structure) {
            let _ = write!(out, "  {DIM}[{origin}]{DIM:#}");
        }
        let _ = writeln!(out);
        resources.tell(&mut out, program, instruction);
    }
    if theory.iter().any(|beside| beside.name == Beside::PATH) {
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}", Beside::PATH);
        closed_forms(&mut out, theory, Beside::PATH);
    }
    out
}

/// What theory says of a resource.
fn closed_forms(out: &mut String, theory: &[Beside], name: &str) {
    let lines = theory.iter().filter(|beside| beside.name == name).flat_map(super::theory::lines);
    lines.for_each(|line| {
        let _ = writeln!(out, "      {line}");
    });
}

/// How repeats bound the windows.
fn bound(lag: Lag, plan: &Plan) -> String {
    let Lag { after_deadline, .. } = lag;
    match plan.parts.by_events() == 0 && after_deadline < plan.length {
        true => format!(
            ", none of which ends more than {after_deadline} after a pending deadline: a repeat could come back"
        ),
        false => format!(", a repeat comes back after {} at the earliest", lag.least()),
    }
}

/// What is said before the loops inside windows.
const LOOPS: &str = ", but these, each of which depends on itself without a lag:";
/// How loops run inside windows.
const ON_A_BET: &str = "in windows as well while it can be told who gets what, else by events";
const BY_EVENTS: &str = "by events";

/// How the program will be run: which instructions take all requests of a window at once, which by events, and why.
pub fn plan(program: &Program, plan: &Plan) -> String {
    let window = plan.length;
    let lag = plan.parts.lag.map(|lag| bound(lag, plan)).unwrap_or_default();
    let why = match plan.reason {
        Reason::Windows if plan.parts.by_events() == 0 => format!("in windows of {window}{lag}"),
        Reason::Windows => format!("in windows of {window}{lag}{LOOPS}"),
        Reason::Optimistic => {
            let but = if plan.parts.by_events() == 0 { "" } else { LOOPS };
            format!("in windows of {window}, by events when a repeat comes back before its window has ended{but}")
        }
        Reason::Closed => "by events, because each user sends the next request after the last has ended".to_owned(),
        Reason::Loops => "by events, because these instructions depend on themselves without a lag".to_owned(),
    };
    let mut out = format!("{BOLD}runs{BOLD:#} {why}\n");
    if plan.reason != Reason::Closed {
        for step in &plan.parts.steps {
            let Step::Loop(members) = step else { continue };
            let shared = members.iter().filter_map(|label| program.code[label.index()].operator(program));
            let shared: BTreeSet<&str> = shared.collect();
            let shared = shared.into_iter().collect::<Vec<_>>().join(", ");
            let (first, last) = (members[0].0, members[members.len() - 1].0);
            let how = match (plan.reason, only_goes_forward(program, members)) {
                (Reason::Loops | Reason::Closed, _) => String::new(),
                (_, true) => format!("  {DIM}{ON_A_BET}{DIM:#}"),
                (_, false) => format!("  {DIM}{BY_EVENTS}{DIM:#}"),
            };
            let _ = writeln!(out, "  {DIM}{first:>4} to {last}{DIM:#}  {shared}{how}");
        }
    }
    out
}

/// The line above the instructions of a stage; its facts and its time when it is met for the first time.
fn head(out: &mut String, program: &Program, index: usize, first: bool, estimates: Option<&Estimates>) {
    let stage = &program.stages[index];
    let kind = if stage.kind == stage.name { String::new() } else { format!(" {}", stage.kind) };
    let again = if first { "" } else { " (continued)" };
    let _ = writeln!(out, "{BOLD}{}{BOLD:#}{DIM}{kind}{again}{DIM:#}", stage.name);
    if !first {
        return;
    }
    for fact in &stage.facts {
        let _ = writeln!(out, "        {} {}  {DIM}[{}]{DIM:#}", fact.what, fact.value, fact.origin);
    }
    if let Some(stage) = estimates.and_then(|estimates| estimates.stages.get(index)).filter(|stage| stage.passes > 0) {
        let times = [stage.pass.value, stage.quantiles[2].value].map(nanos);
        let share = 100.0 * stage.share;
        let _ = writeln!(
            out,
            "      > {} passes, mean {}, p99 {}, {share:.1} % of the time",
            stage.passes, times[0], times[1]
        );
    }
}

/// What resources went through, told once each.
struct Resources<'a> {
    estimates: Option<&'a Estimates>,
    theory: &'a [Beside],
    told: Vec<String>,
}

impl Resources<'_> {
    fn tell(&mut self, out: &mut String, program: &Program, instruction: &Instruction) {
        let name = match *instruction {
            Instruction::Limit { bucket, .. } => &program.buckets[bucket.index()].name,
            Instruction::Lookup { cache, .. } => &program.caches[cache.index()].name,
            Instruction::Serve { station, .. } => &program.stations[station.index()].name,
            Instruction::Hold { pool, .. } => &program.pools[pool.index()].name,
            Instruction::Connect { connections, .. } => &program.connections[connections.index()].name,
            _ => return,
        };
        let found = self.estimates.and_then(|estimates| estimates.resources.iter().find(|one| one.name == *name));
        let Some(resource) = found.filter(|_| !self.told.contains(name)) else { return };
        self.told.push(name.clone());
        let _ = writeln!(out, "      > {}", went_through(resource));
        closed_forms(out, self.theory, name);
    }
}

fn went_through(resource: &ResourceEstimates) -> String {
    let mut parts = vec![format!("{} /s", number::short(resource.arrivals.value, 4))];
    let percent = |share: f64| format!("{} %", number::short(100.0 * share, 3));
    if resource.utilisation.value.is_finite() {
        parts.push(format!("{} busy", percent(resource.utilisation.value)));
    }
    if resource.wait.value.is_finite() {
        let wait = [resource.wait.value, resource.wait_p99.value].map(nanos);
        parts.push(format!("{} waiting", number::short(resource.waiting.value, 3)));
        parts.push(format!("wait mean {}, p99 {}", wait[0], wait[1]));
    }
    let shares = [
        (resource.refused.value, "refused"),
        (resource.abandoned.value, "lost patience"),
        (resource.hits.value, "hits"),
    ];
    parts.extend(
        shares.iter().filter(|(share, _)| *share > 0.0).map(|(share, what)| format!("{} {what}", percent(*share))),
    );
    parts.join(", ")
}

fn nanos(value: f64) -> String {
    let unit = Unit::of_nanos(value);
    format!("{} {}", number::short(value / unit.size, 3), unit.symbol)
}

fn line(program: &Program, instruction: &Instruction) -> Line {
    let plain = |operator, what: String| Line { operator, what, origin: None };
    match *instruction {
        Instruction::Delay { site, per } => {
            let per = match per {
                Per::Request => "",
                Per::RequestKib => ", for each KiB of the request",
                Per::ResponseKib => ", for each KiB of the response",
            };
            Line { operator: "delay", what: format!("{}{per}", law(program, site)), origin: origin(program, site) }
        }
        Instruction::Branch { on, to } => {
            let from = match on {
                Condition::Chance(site, _) => origin(program, site),
                _ => None,
            };
            Line { operator: "branch", what: format!("{} {}", condition(program, on), goto(to)), origin: from }
        }
        Instruction::Jump { to } => plain("go", goto(to)),
        Instruction::Answer { outcome } => plain("answer", outcome_text(program, outcome)),
        Instruction::Limit { bucket, otherwise } => {
            let spec = &program.buckets[bucket.index()];
            let scope = match spec.scope {
                LimitScope::Shared => "",
                LimitScope::Key => " for each key",
                LimitScope::Class => " for each class",
            };
            let (rate, burst) = (given(spec.rate), given(spec.burst));
            let what = format!("{}: {rate} /s, burst {burst}{scope}, else {}", spec.name, goto(otherwise));
            Line { operator: "limit", what, origin: Some(spec.origin.clone()) }
        }
        Instruction::Lookup { cache, hit } => {
            let spec = &program.caches[cache.index()];
            let ttl = spec.ttl.map_or("for ever".to_owned(), |ttl| format!("for {ttl}"));
            let renew = if spec.renew { ", renewed by hits" } else { "" };
            let capacity = spec.capacity.map_or(String::new(), |capacity| format!(", {capacity} entries"));
            plain("look up", format!("{}: kept {ttl}{renew}{capacity}, a hit {}", spec.name, goto(hit)))
        }
        Instruction::Store { cache } => plain("store", program.caches[cache.index()].name.clone()),
        Instruction::Serve { station, service, full, late } => serve(program, station.index(), service, full, late),
        Instruction::Hold { pool, full, late } => {
            let spec = &program.pools[pool.index()];
            let what = format!(
                "{}: {}{}, {}, {}{}",
                spec.name,
                several(spec.targets, spec.size, "permit"),
                spec.scaling.as_ref().map_or(String::new(), scaled),
                queue(spec.queue),
                when_full(spec.queue, full),
                patience(program, spec.patience, late),
            );
            plain("hold", what)
        }
        Instruction::Free { pool } => plain("free", program.pools[pool.index()].name.clone()),
        Instruction::Choose { balancer } => {
            let spec = &program.balancers[balancer.index()];
            let how = match &spec.choice {
                Choice::RoundRobin => "in turn".to_owned(),
                Choice::Random(_) => "at random".to_owned(),
                Choice::Weighted(_, shares) => format!("at random by weight, cumulative {shares:?}"),
                Choice::HashKey => "by the hash of the key".to_owned(),
                Choice::Flows(_, flows) => format!("by the hash of one of {flows} connections"),
                Choice::LeastOutstanding(_) => "the fewest outstanding".to_owned(),
                Choice::PowerOf(_, n) => format!("the better of {n} at random"),
                Choice::Given => "as given with the request".to_owned(),
            };
            plain("choose", format!("{}: one of {}, {how}", spec.name, spec.targets))
        }
        Instruction::Release { balancer } => plain("release", program.balancers[balancer.index()].name.clone()),
        Instruction::Connect { connections, full } => {
            let spec = &program.connections[connections.index()];
            let limit = match spec.limit {
                Some(limit) => format!("at most {limit}, else {}", goto(full)),
                None => "any number".to_owned(),
            };
            let keep = spec.keep_alive.map_or("for ever".to_owned(), |site| law(program, site));
            let warm = if spec.provisioned > 0 { format!(", {} always warm", spec.provisioned) } else { String::new() };
            let from = spec.keep_alive.and_then(|site| origin(program, site));
            Line { operator: "connect", what: format!("{}: {limit}, idle kept {keep}{warm}", spec.name), origin: from }
        }
        Instruction::Disconnect { connections, keep } => {
            let name = &program.connections[connections.index()].name;
            plain("disconnect", format!("{name}{}", if keep { "" } else { ", closed" }))
        }
        Instruction::Call { deadline, late, .. } => plain(
            "call",
            deadline.map_or("without a deadline".to_owned(), |span| format!("deadline {span}, then {}", goto(late))),
        ),
        Instruction::Return { .. } => plain("return", String::new()),
        Instruction::Retry { policy, to } => retry(program, policy.index(), to),
        Instruction::Earn { budget } => {
            let spec = &program.budgets[budget.index()];
            let (share, cap) = (given(100.0 * spec.share), given(spec.cap));
            plain("earn", format!("{}: {share} % of a retry, at most {cap}", spec.name))
        }
        Instruction::Fork { fork } => {
            let spec = &program.forks[fork.index()];
            let branches: Vec<String> = spec.branches.iter().map(|&branch| goto(branch)).collect();
            let join = match spec.join {
                Join::None => "without waiting".to_owned(),
                Join::Successes(n) => format!("until {n} of {} succeed", spec.branches.len()),
            };
            plain("fork", format!("{}: {}; {join}, then {}", spec.name, branches.join(" "), goto(spec.after)))
        }
        Instruction::Arrive { fork } => plain("join", program.forks[fork.index()].name.clone()),
        Instruction::Meter { meter, amount } => {
            let meter = &program.meters[meter.index()];
            let amount = match amount {
                Amount::One => "1".to_owned(),
                Amount::RequestBytes => "bytes of the request".to_owned(),
                Amount::ResponseBytes => "bytes of the response".to_owned(),
                Amount::UnitsOf(bytes) => format!("started units of {bytes} B"),
                Amount::RequestUnitsOf(bytes) => format!("started units of {bytes} B of the request"),
                Amount::ResponseUnitsOf(bytes) => format!("started units of {bytes} B of the response"),
                Amount::StageNanos => "time in the stage".to_owned(),
                Amount::CallMillis { .. } => "started milliseconds of the call".to_owned(),
            };
            plain("meter", format!("{} + {amount} ({})", meter.name, meter.unit))
        }
        Instruction::Mark { .. } => plain("mark", String::new()),
        Instruction::Send => plain("send", "latency from the send counts from here".to_owned()),
        Instruction::End => plain("end", String::new()),
    }
}

fn serve(program: &Program, station: usize, service: Service, full: Label, late: Label) -> Line {
    let spec = &program.stations[station];
    let (time, from) = match service {
        Service::Law(site) => (law(program, site), origin(program, site)),
        Service::Demand => ("as given with the request".to_owned(), None),
    };
    let discipline = match spec.discipline {
        Discipline::Fifo => "first come first served",
        Discipline::ProcessorSharing => "processor sharing",
        Discipline::Priority => "class 0 first",
        Discipline::PreemptivePriority => "class 0 first, interrupting",
    };
    let slowness = if spec.slowness.is_empty() { String::new() } else { format!(", times {:?}", spec.slowness) };
    let setup = spec.setup.map_or(String::new(), |site| format!(", switched on in {}", law(program, site)));
    let what = format!(
        "{}: {}, {discipline}, {time}{slowness}{setup}, {}, {}{}",
        spec.name,
        several(spec.targets, spec.servers, "server"),
        queue(spec.queue),
        when_full(spec.queue, full),
        patience(program, spec.patience, late),
    );
    Line { operator: "serve", what: what.replace(", ,", ","), origin: from }
}

fn retry(program: &Program, policy: usize, to: Label) -> Line {
    let spec = &program.retries[policy];
    let attempts = spec.attempts.map_or("without end".to_owned(), |n| format!("{n} attempts"));
    let wait = match spec.backoff {
        Backoff::Fixed(span) => format!("after {span}"),
        Backoff::Exponential { base, max } => format!("after {base}, doubling up to {max}"),
        Backoff::FullJitter { base, max, .. } => format!("after up to {base}, doubling up to {max}, full jitter"),
        Backoff::Law(site) => format!("after {}", law(program, site)),
    };
    let budget = spec.budget.map_or(String::new(), |id| format!(", within {}", program.budgets[id.index()].name));
    let on: Vec<String> = (0..spec.on.len())
        .filter(|&outcome| spec.on[outcome])
        .map(|outcome| outcome_text(program, OutcomeId(outcome as u16)))
        .collect();
    let what = format!("{}: {attempts}, {wait}{budget}, on {}; {}", spec.name, on.join(" | "), goto(to));
    Line { operator: "retry", what, origin: None }
}

/// A number as somebody wrote it.
fn given(value: f64) -> String {
    number::exact(value).unwrap_or_else(|| value.to_string())
}

fn goto(label: Label) -> String {
    format!("-> {}", label.0)
}

fn several(targets: u32, units: u32, what: &str) -> String {
    let units = if units == 1 { format!("1 {what}") } else { format!("{units} {what}s") };
    if targets == 1 { units } else { format!("{targets} x {units}") }
}

fn queue(places: Option<u32>) -> String {
    match places {
        Some(0) => "no queue".to_owned(),
        Some(places) => format!("queue of {places}"),
        None => "queue without bound".to_owned(),
    }
}

fn scaled(scaling: &ScalingSpec) -> String {
    let ScalingSpec { every, target, min, max, delay, .. } = scaling;
    let share = Share(*target);
    format!(" at first, then {min} to {max} for {share} in use, looked at every {every}, more of them after {delay}")
}

fn when_full(places: Option<u32>, full: Label) -> String {
    places.map_or("never full".to_owned(), |_| format!("full {}", goto(full)))
}

fn patience(program: &Program, site: Option<SiteId>, late: Label) -> String {
    site.map_or(String::new(), |site| format!(", patience {}, then {}", law(program, site), goto(late)))
}

fn law(program: &Program, site: SiteId) -> String {
    let law = &program.sites[site.index()].law;
    let Some(law) = law else { return "chance".to_owned() };
    match law.error() {
        error if error > NOTABLE_ERROR => format!("{} (table within {error:.0e})", law.describe()),
        _ => law.describe(),
    }
}

fn origin(program: &Program, site: SiteId) -> Option<Origin> {
    Some(program.sites[site.index()].origin.clone())
}

fn condition(program: &Program, condition: Condition) -> String {
    match condition {
        Condition::Chance(site, p) => {
            let share = given(100.0 * p.probability());
            format!("{share} % ({})", program.sites[site.index()].purpose)
        }
        Condition::Class(class) => format!("class {}", program.classes[usize::from(class)]),
        Condition::RequestAbove(bytes) => format!("request above {bytes} B"),
        Condition::ResponseAbove(bytes) => format!("response above {bytes} B"),
        Condition::Outcome(OutcomeTest::Good) => "served".to_owned(),
        Condition::Outcome(OutcomeTest::Bad) => "not served".to_owned(),
        Condition::Outcome(OutcomeTest::Status(low, high)) if low == high => format!("status {low}"),
        Condition::Outcome(OutcomeTest::Status(low, high)) => format!("status {low} to {high}"),
        Condition::Outcome(OutcomeTest::Is(outcome)) => outcome_text(program, outcome),
        Condition::Holds(register, value) => format!("register {} holds {value}", register.0),
    }
}

fn outcome_text(program: &Program, outcome: OutcomeId) -> String {
    let outcome = &program.outcomes[outcome.index()];
    let reason = if outcome.reason.is_empty() { "served" } else { &outcome.reason };
    match outcome.status {
        0 => format!("{reason} ({})", schema::answered(outcome.answered)),
        status => format!("{status} {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Executor;
    use crate::study::replicate::sample;
    use crate::study::trial;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_program_is_shown_with_laws_limits_and_origins() {
        let case = trial::case("one_server", 500.0, 1);
        let shown = plain(&program(&case.name, &case.program, None, &[]));
        let (head, body) = shown.split_once('\n').unwrap();
        assert!(head.starts_with("one_server  ") && head.contains(" 3 stages, digest "), "{head}");
        insta::assert_snapshot!(body, @"
        client
             1  call       without a deadline
        waf
             3  branch     1 % (blocked) -> 12  [scenario]
             4  delay      200 us  [waf.latency, grade D, 2026-01-01, a guess]
        service station
             6  serve      service: 1 server, first come first served, exponential, mean 1 ms, queue of 50, full -> 8  [scenario]
             7  go         -> 13
             8  answer     503 service: queue full
             9  go         -> 13
            10  answer     503 service: patience
            11  go         -> 13
            12  answer     403 waf: blocked
        client (continued)
            14  return
            15  go         -> 17
            16  answer     client: time-out (timed_out)
        client (continued)
            18  end
        ");
    }

    #[test]
    fn after_a_run_stages_and_resources_show_what_they_went_through() {
        let case = trial::case("one_server", 500.0, 1);
        let estimates = Estimates::of(&case, &sample(&case, Executor::Event));
        let shown = plain(&program(&case.name, &case.program, Some(&estimates), &[]));
        let measured: Vec<&str> = shown.lines().filter(|line| line.starts_with("      > ")).collect();
        insta::assert_snapshot!(measured.join("\n"), @"
        > 90536 passes, mean 0.00 ms, p99 0.00 ms, 0.0 % of the time
        > 45268 passes, mean 198 us, p99 200 us, 9.0 % of the time
        > 44832 passes, mean 2.02 ms, p99 9.26 ms, 91.0 % of the time
        > 498.1 /s, 49.8 % busy, 0.507 waiting, wait mean 1.02 ms, p99 7.80 ms
        ");
    }
}

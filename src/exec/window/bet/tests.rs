use super::super::Windows;
use crate::exec::plain;
use crate::exec::run::{Options, ResourceKind, Run, Verdict};
use crate::exec::source::{Arrival, Source};
use crate::law::{Law, LawSpec};
use crate::program::{
    Answered, ConnectionsId, ConnectionsSpec, Discipline, Guard, Instruction, Label, Origin, Outcome, Parts, Per,
    PoolId, PoolSpec, Program, Register, Service, Site, SiteId, Stage, StageId, StationId, StationSpec,
};
use crate::rng::{Key, Stream};
use crate::time::{Span, Time};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

fn site(purpose: &str, mean: u64) -> Site {
    let law = Law::compile(&LawSpec::Exponential { mean: mean as f64 }).unwrap();
    Site { stage: "s".into(), purpose: purpose.into(), law: Some(law), origin: Origin::Scenario }
}

/// A connection and one of `permits` are held for 10 ms on average and a visit to two servers of 4 ms. Of the `targets` all
/// requests choose the first.
fn program(permits: u32, targets: u32) -> Program {
    let (full, late) = (Label(6), Label(6));
    let code = vec![
        Instruction::Call { depth: 0, deadline: None, late: Label(9) },
        Instruction::Mark { stage: StageId(0) },
        Instruction::Connect { connections: ConnectionsId(0), full: Label(8) },
        Instruction::Hold { pool: PoolId(0), full: Label(7), late: Label(7) },
        Instruction::Delay { site: SiteId(0), per: Per::Request },
        Instruction::Serve { station: StationId(0), service: Service::Law(SiteId(1)), full, late },
        Instruction::Free { pool: PoolId(0) },
        Instruction::Disconnect { connections: ConnectionsId(0), keep: true },
        Instruction::Return { depth: 0 },
        Instruction::End,
    ];
    let pool = PoolSpec {
        name: "s.pool".into(),
        targets,
        size: permits,
        queue: None,
        patience: None,
        target: Some(Register(1)),
        scaling: None,
    };
    let connections = ConnectionsSpec {
        name: "s.connections".into(),
        targets,
        limit: Some(30),
        keep_alive: Some(SiteId(2)),
        provisioned: 0,
        state: Register(0),
        target: Some(Register(1)),
    };
    let station = StationSpec {
        name: "s.station".into(),
        targets: 1,
        servers: 2,
        queue: Some(100),
        discipline: Discipline::Fifo,
        slowness: Vec::new(),
        patience: None,
        setup: None,
        target: None,
    };
    Program {
        rank: vec![0, 0, 5, 6, 0, 7, 3, 4, 0, 0],
        code,
        sites: vec![site("work", 10 * MS), site("query", 4 * MS), site("keep", 100 * MS)],
        stages: vec![Stage::default()],
        outcomes: vec![Outcome { status: 200, reason: String::new(), answered: Answered::Served }],
        pools: vec![pool],
        connections: vec![connections],
        stations: vec![station],
        classes: vec!["all".into()],
        ..Program::default()
    }
}

/// Poisson arrivals, so many a second for 20 s.
struct Poisson {
    gaps: Stream,
    law: Law,
    at: u64,
    serial: u64,
}

impl Poisson {
    fn boxed(rate: u64) -> Box<dyn Source> {
        let law = Law::compile(&LawSpec::Exponential { mean: (SECOND / rate) as f64 }).unwrap();
        Box::new(Poisson { gaps: Stream::new(Key::new(5, 0, "test", "gaps")), law, at: 0, serial: 0 })
    }
}

impl Source for Poisson {
    fn fill(&mut self, block: &mut Vec<Arrival>) {
        for _ in 0..100 {
            self.at += self.law.draw(self.gaps.bits());
            if self.at >= 20 * SECOND {
                return;
            }
            block.push(Arrival { at: Time(self.at), serial: self.serial, ..Arrival::default() });
            self.serial += 1;
        }
    }
}

fn options() -> Options<'static> {
    Options {
        seed: 3,
        replication: 0,
        from: Time(2 * SECOND),
        until: Time(20 * SECOND),
        interval: None,
        guard: Guard::default(),
        trace: true,
        cancel: None,
    }
}

/// A run in windows: the result, whether anything ran by events, and whether bets were given up.
fn in_windows((permits, targets): (u32, u32), rate: u64, length: Span) -> (Run, bool, bool) {
    let (program, options) = (program(permits, targets), options());
    let parts = Parts::of(&program, length);
    let mut windows = Windows::new(&program, &parts, length, Poisson::boxed(rate), &options);
    let (verdict, end) = windows.run_all(&options).unwrap();
    let running = windows.loops.iter().flatten().next();
    let by_events = running.is_none_or(|running| running.interpreter.now() > Time::ZERO);
    let given_up = running.is_none_or(|running| running.is_hopeless());
    (windows.core.finish(verdict, end), by_events, given_up)
}

fn by_steps(permits: u32, rate: u64) -> Run {
    plain::run(&program(permits, 1), Poisson::boxed(rate), &options())
}

fn waits(run: &Run, kind: ResourceKind) -> u64 {
    let resource = run.resources.iter().find(|resource| resource.kind == kind).unwrap();
    resource.wait.count_above(0)
}

#[test]
fn a_loop_in_which_some_wait_for_permits_and_servers_runs_without_an_event() {
    let (run, by_events, _) = in_windows((8, 1), 150, Span(SECOND));
    assert_eq!(run.verdict, Verdict::Complete);
    assert!(!by_events, "every bet was won");
    let (permits, servers) = (waits(&run, ResourceKind::Pool), waits(&run, ResourceKind::Station));
    assert!(permits > 4 && servers > 100, "{permits} waited for permits, {servers} for servers");
    assert!(run == by_steps(8, 150));
}

#[test]
fn a_crowded_loop_loses_its_bets_and_is_left_to_events() {
    let (run, by_events, given_up) = in_windows((3, 1), 220, Span(100 * MS));
    assert!(by_events && given_up, "by events: {by_events}, given up: {given_up}");
    assert!(run == by_steps(3, 220));
}

#[test]
fn targets_that_nobody_chooses_change_nothing() {
    let (run, by_events, _) = in_windows((8, 1000), 150, Span(SECOND));
    let (other, ..) = in_windows((8, 1), 150, Span(SECOND));
    assert!(!by_events && run.trace == other.trace && run.answers == other.answers);
}

//! Simulation against real software: nginx and HAProxy in front of a target with a queue, on the loopback interface.
//! `tests/lab/README.md` describes the runs, `docs/validation.md` shows the comparison.

#[path = "lab/comparison.rs"]
mod comparison;
#[path = "validation/load.rs"]
mod load;

use std::path::Path;

use comparison::Line;
use gatepath::study::Case;
use load::load;

fn of_file(file: &Path) -> Result<Case, String> {
    load(file, &[])
}

fn assert_all_hold(lines: Vec<Line>) {
    let apart: Vec<String> = lines.iter().filter(|line| !line.holds()).map(Line::to_string).collect();
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

#[test]
fn replayed_requests_take_as_long_as_they_really_did() {
    assert_all_hold(comparison::replays(of_file).unwrap());
}

#[test]
fn requests_drawn_from_the_stated_laws_take_as_long_as_real_ones() {
    assert_all_hold(comparison::models(of_file, 0.3).unwrap());
}

#[test]
fn a_slower_gateway_would_be_noticed() {
    let line =
        |simulated| Line { run: "r", what: "p50 ms".into(), measured: 17.6, simulated, bound: 0.02 * 17.6, noise: 0.0 };
    assert!(line(17.3).holds() && !line(18.2).holds());
}

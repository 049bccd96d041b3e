//! A yardstick for gatepath: models A and B, written with the process-oriented simulation library ODEM-rs as its
//! examples teach it (a pooled job a request, one step of the clock a stage, the default calendar).
//!
//! `odem-peer a|b|b-merged REQUESTS [SEED]` prints one line of JSON: latencies in milliseconds, in model A in units
//! of the mean service time.

mod model_a;
mod model_b;
mod station;
mod world;

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use std::{env, process::ExitCode};

fn user_seconds() -> f64 {
    getrusage(UsageWho::RUSAGE_SELF).map_or(0.0, |usage| usage.user_time().num_microseconds() as f64 / 1e6)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok());
    let (Some(model), Some(requests)) = (arguments.first().map(String::as_str), number(1)) else {
        eprintln!("usage: odem-peer a|b|b-merged REQUESTS [SEED]");
        return ExitCode::FAILURE;
    };
    let seed = number(2).unwrap_or(1);
    let before = user_seconds();
    let latency = match model {
        "a" => model_a::run(seed, requests),
        "b" => model_b::run(seed, requests, false),
        "b-merged" => model_b::run(seed, requests, true),
        _ => {
            eprintln!("unknown model {model:?}: expected a, b or b-merged");
            return ExitCode::FAILURE;
        }
    };
    let user = user_seconds() - before;
    let unit = if model == "a" { 1e9 } else { 1e6 };
    println!(
        "{{\"peer\": \"ODEM-rs\", \"version\": \"0.4.0\", \"model\": \"{model}\", \"requests\": {requests}, \
         \"user_s\": {user:.3}, \"requests_per_s\": {:.0}, \"mean\": {:.4}, \"p50\": {:.4}, \"p99\": {:.4}}}",
        requests as f64 / user.max(1e-6),
        latency.mean() / unit,
        latency.value_at_quantile(0.5) as f64 / unit,
        latency.value_at_quantile(0.99) as f64 / unit,
    );
    ExitCode::SUCCESS
}

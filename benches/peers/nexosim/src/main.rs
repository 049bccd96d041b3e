//! A yardstick for gatepath: models A and B, written with the component-oriented simulation library NeXosim as its
//! guide teaches it (a model a station, a message a step, on one thread).
//!
//! `nexosim-peer a|b REQUESTS [SEED]` prints one line of JSON: latencies in milliseconds, in model A in units
//! of the mean service time.

mod benches;
mod luck;
mod models;

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
        eprintln!("usage: nexosim-peer a|b REQUESTS [SEED]");
        return ExitCode::FAILURE;
    };
    let seed = number(2).unwrap_or(1);
    let before = user_seconds();
    let latency = match model {
        "a" => benches::model_a(seed, requests),
        "b" => benches::model_b(seed, requests),
        _ => {
            eprintln!("unknown model {model:?}: expected a or b");
            return ExitCode::FAILURE;
        }
    };
    let latency = match latency {
        Ok(latency) => latency,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let user = user_seconds() - before;
    let unit = if model == "a" { 1e9 } else { 1e6 };
    println!(
        "{{\"peer\": \"NeXosim\", \"version\": \"1.0.0\", \"model\": \"{model}\", \"requests\": {requests}, \
         \"user_s\": {user:.3}, \"requests_per_s\": {:.0}, \"mean\": {:.4}, \"p50\": {:.4}, \"p99\": {:.4}}}",
        requests as f64 / user.max(1e-6),
        latency.mean() / unit,
        latency.value_at_quantile(0.5) as f64 / unit,
        latency.value_at_quantile(0.99) as f64 / unit,
    );
    ExitCode::SUCCESS
}

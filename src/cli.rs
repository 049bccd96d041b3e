//! The command line: arguments to study to report. No arithmetic here.

mod arguments;
mod break_even;
mod capacity;
mod cheapest;
mod choice;
mod commands;
mod follow;
mod inputs;
mod prices;
mod session;

use crate::lanes;
use clap::Parser;
use std::fmt;
use std::process::ExitCode;

/// How a command ended; the number is the exit code and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well and every objective is met.
    Good = 0,
    /// A run failed: a system without steady state, a broken conservation law, or results that could not be written.
    Failed = 1,
    /// The command line or a scenario is wrong.
    Usage = 2,
    /// An objective is missed.
    Missed = 3,
    /// The data cannot tell whether an objective is met.
    Inconclusive = 4,
    /// Stopped by the user.
    Interrupted = 130,
}

/// The exit codes as `--help` shows them.
const EXIT_CODES: &str = "\
Exit codes:
  0    all objectives met (or none asked for)
  1    a run failed: the system is unstable, or results could not be written
  2    the command line or a scenario is wrong
  3    an objective is missed
  4    an objective can be neither confirmed nor refuted by the data
  130  interrupted; what was finished is kept";

/// Why a command could not do its work, as told to the user.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    fn new(exit: Exit, message: impl fmt::Display) -> Failure {
        Failure { exit, message: message.to_string() }
    }
}

/// Runs the command that the arguments of the process ask for.
pub fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are asked for, so they are no error.
        Err(error) => {
            let _ = error.print();
            return exit_code(if error.use_stderr() { Exit::Usage } else { Exit::Good });
        }
    };
    if let Some(width) = arguments.lanes {
        lanes::limit(width.lanes());
    }
    let exit = commands::execute(arguments).unwrap_or_else(|failure| {
        anstream::eprintln!("{}", failure.message);
        failure.exit
    });
    exit_code(exit)
}

fn exit_code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}

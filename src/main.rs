//! The `gatepath` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gatepath::cli::main()
}

#!/usr/bin/env bash
# The longer checks: more random programs on both executors, more fuzzing, and the acceptance run of docs/validation.md.
set -euo pipefail
cd "$(dirname "$0")/.."
GATEPATH_CASES="${GATEPATH_CASES:-10000}" cargo test --release --test executors
cargo run --release --example validate

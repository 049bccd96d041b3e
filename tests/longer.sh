#!/usr/bin/env bash
# The longer checks: ten thousand random programs on all executors, request by request (GATEPATH_SEED makes it others); and
# the acceptance run against known numbers and real software, in full (GATEPATH_SHARE runs a share of its length); what the
# intervals, flags and words are worth (a tenth of the experiments, or that share); and three networks beside Ciw and SimPy.
set -euo pipefail
cd "$(dirname "$0")/.."
GATEPATH_CASES="${GATEPATH_CASES:-10000}" cargo test --locked --test executors
cargo run --release --locked --example validation -- --share "${GATEPATH_SHARE:-1}" --experiments "${GATEPATH_SHARE:-0.1}"
# Ciw and SimPy (pinned) on three networks, in a virtual environment of their own.
TARGET="$(cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')"
cargo build --release --locked
python3 tests/peers/run.py "$TARGET/release/gatepath" "$TARGET/crosscheck-venv"

#!/usr/bin/env bash
# The longer checks: ten thousand random programs on all executors, request by request (GATEPATH_SEED makes it others); and
# the acceptance run against known numbers and real software, in full (GATEPATH_SHARE runs a share of its length).
set -euo pipefail
cd "$(dirname "$0")/.."
GATEPATH_CASES="${GATEPATH_CASES:-10000}" cargo test --locked --test executors
cargo run --release --locked --example validate -- --share "${GATEPATH_SHARE:-1}"

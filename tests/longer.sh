#!/usr/bin/env bash
# The longer checks: ten thousand random programs on both executors, request by request.
set -euo pipefail
cd "$(dirname "$0")/.."
GATEPATH_CASES="${GATEPATH_CASES:-10000}" cargo test --locked --test executors

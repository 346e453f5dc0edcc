#!/usr/bin/env bash
# Mutations of the sample bundles, decoded and used: scripts/fuzz.sh MUTATIONS [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."

# By itself (-p), so that the core is as the wasm module has it: without the training side.
cargo run --profile fuzz --quiet -p nextbest-fuzz --bin mutate-bundles -- "${1:-100000}" "${2:-1}"

#!/usr/bin/env bash
# Mutations of the sample bundles, decoded and used: scripts/fuzz.sh MUTATIONS [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."

CARGO_TARGET_DIR=target/fuzz cargo run --release --quiet --manifest-path tests/fuzz/Cargo.toml \
  --bin mutate-bundles -- "${1:-100000}" "${2:-1}"

#!/bin/sh
# rustfmt, clippy, import circles and shellcheck over everything, warnings as errors.
set -eu
cd "$(dirname "$0")/.."

echo "==> rustfmt"
cargo fmt --all --check

echo "==> clippy: native crates"
cargo clippy -p nextbest-core -p nextbest -p nextbest-tests -p nextbest-bench --all-targets -- -D warnings
# Clippy comes for the host target alone where std for wasm32 is our own build; wasm-bindgen compiles there as well.
# Apart from the native crates, so that core is also checked as the module has it: without the training side.
echo "==> clippy: wasm crates and fuzzers"
cargo clippy -p nextbest-wasm -p nextbest-wasm-glue -p nextbest-host -p nextbest-fuzz --all-targets -- -D warnings

echo "==> circles of imports"
scripts/need.sh python3=python3
python3 scripts/circles.py core/src native/src wasm/src wasm/host/src

echo "==> shellcheck"
scripts/need.sh shellcheck=shellcheck
shellcheck scripts/*.sh .ci/run

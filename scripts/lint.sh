#!/bin/sh
# rustfmt, clippy and shellcheck over everything, warnings as errors.
set -eu
cd "$(dirname "$0")/.."

echo "==> rustfmt"
cargo fmt --all --check
cargo fmt --manifest-path tests/fuzz/Cargo.toml --check

echo "==> clippy: native crates"
cargo clippy --all-targets -- -D warnings
# Clippy comes for the host target alone where std for wasm32 is our own build; wasm-bindgen compiles there as well.
# Apart from the native crates, so that core is also checked as the module has it: without the training side.
echo "==> clippy: wasm crates"
cargo clippy -p nextbest-wasm -p nextbest-wasm-glue -p nextbest-host --all-targets -- -D warnings

echo "==> clippy: the fuzzers' workspace"
CARGO_TARGET_DIR=target/fuzz cargo clippy --manifest-path tests/fuzz/Cargo.toml --all-targets -- -D warnings

echo "==> shellcheck"
scripts/need.sh shellcheck=shellcheck
shellcheck scripts/*.sh .ci/run

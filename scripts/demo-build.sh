#!/bin/sh
# Everything that the demo shows: trains on the synthetic bank, builds the module, the page and the edge worker.
# Run again, it does only what has changed.
set -eu
cd "$(dirname "$0")/.."

NODE_MAJOR=20
CLI=${CARGO_TARGET_DIR:-target}/debug/nextbest
DONE=outputs/.demo

main() {
    step 1 "checking cargo, node and npm"
    check_tools

    step 2 "installing the web tools (web/package-lock.json)"
    make -s web/node_modules/.package-lock.json

    # As the tests have it: compiled in a third of the time that a release takes, with the same answers.
    step 3 "building the command line"
    cargo build -p nextbest

    if newer_than_inputs "$DONE"; then
        step 4 "the synthetic bank, model and bundle are up to date"
    else
        step 4 "running the main job on the synthetic bank: generate, features, train, evaluate, export, score"
        "$CLI" run --config config.yaml
        touch "$DONE"
    fi

    step 5 "building the wasm module"
    scripts/build-wasm.sh

    step 6 "building the page and the edge worker around the bundle"
    npm --prefix web run --silent build
}

step() { printf '\n[%s/6] %s\n' "$1" "$2"; }
die() { echo "demo: error: $*" >&2; exit 1; }

check_tools() {
    command -v cargo >/dev/null 2>&1 || die "cargo is not installed: see https://rustup.rs"
    command -v npm >/dev/null 2>&1 || die "npm is not installed: it comes with Node $NODE_MAJOR, see https://nodejs.org"
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
    [ "${major:-0}" -ge $NODE_MAJOR ] || die "Node $NODE_MAJOR or newer is needed, see https://nodejs.org"
}

newer_than_inputs() {
    [ -f outputs/bundle/nextbest.bundle ] && [ -f "$1" ] &&
        [ -n "$(find "$1" -newer "$CLI")" ] && [ -n "$(find "$1" -newer config.yaml)" ]
}

main

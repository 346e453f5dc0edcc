#!/bin/sh
# Everything that the demo shows: trains on the synthetic bank, builds the module, the page and the edge worker.
# Run again, it does only what has changed.
set -eu
cd "$(dirname "$0")/.."

NODE_MAJOR=20
CLI=${CARGO_TARGET_DIR:-target}/release/nextbest
DONE=outputs/.demo

main() {
    step 1 "checking cargo, node and npm"
    check_tools

    step 2 "installing the web tools (web/package-lock.json)"
    make -s web/node_modules/.package-lock.json

    step 3 "building the command line"
    cargo build --release -p nextbest

    if newer_than_inputs "$DONE"; then
        step 4 "the synthetic bank, model and bundle are up to date"
    else
        step 4 "running the main job on the synthetic bank: generate, features, train, evaluate, export, score"
        "$CLI" run --config config.yaml
        bits_of outputs/bundle/customers.json parity.json
        # The models that were not chosen are of other kinds: they must score the same bits too.
        for candidate in outputs/models/candidates/*.bundle; do
            bits_of outputs/bundle/customers.json "parity-$(basename "$candidate" .bundle).json" --bundle "$candidate"
        done
        with_a_policy
        with_randomised_rows
        touch "$DONE"
    fi

    bits_of tests/e2e/odd-customers.json parity-odd.json
    "$CLI" --config config.yaml --quiet score --table tests/fixtures/contracts.csv --id CONTRACT \
        --bundle tests/fixtures/label.bundle --out outputs/plain/scores.csv
    # A signed bundle for tests/e2e/trust.test.mjs, of keys that are made once.
    [ -f outputs/trust/keys/nextbest.private.pem ] || "$CLI" keygen --out outputs/trust/keys
    "$CLI" --config tests/e2e/trust.yaml --quiet train --table tests/fixtures/contracts.csv \
        --target OUTCOME --id CONTRACT --time SEEN >/dev/null
    # Models whose trees have no split, for tests/e2e/bare.test.mjs.
    for kind in random_forest gradient_boosting; do
        "$CLI" --config tests/e2e/bare.yaml --quiet train --table tests/fixtures/contracts.csv \
            --target OUTCOME --id CONTRACT --time SEEN --algorithm "$kind" >/dev/null
        mkdir -p "outputs/bare/$kind"
        mv outputs/bare/bundle/nextbest.bundle "outputs/bare/$kind/nextbest.bundle"
    done

    step 5 "building the wasm module"
    scripts/build-wasm.sh

    step 6 "building the page and the edge worker around the bundle"
    npm --prefix web run --silent build
}

step() { printf '\n[%s/6] %s\n' "$1" "$2"; }
die() { echo "demo: error: $*" >&2; exit 1; }

# What this machine computes natively, for the parity tests to compare with: CUSTOMERS OUT [OPTION …].
bits_of() {
    customers=$1
    out=$2
    shift 2
    "$CLI" --config config.yaml --quiet score --customers "$customers" --bits --out "outputs/bundle/$out" "$@"
}

# The same model with a policy that says everything that one can say, for the parity tests.
with_a_policy() {
    exported_again policy --samples 80
    "$CLI" --config tests/e2e/policy.yaml --quiet score --customers outputs/policy/bundle/customers.json --channel WEB --bits \
        --out outputs/policy/bundle/parity.json
}

# The same model, which asks for rows to be randomised before they are counted, for sketch.test.mjs.
with_randomised_rows() { exported_again randomised; }

# NAME [OPTION …], with the configuration of that name.
exported_again() {
    name=$1
    shift
    mkdir -p "outputs/$name/models"
    cp outputs/models/model.bundle "outputs/$name/models/"
    "$CLI" --config "tests/e2e/$name.yaml" --quiet export "$@"
}

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

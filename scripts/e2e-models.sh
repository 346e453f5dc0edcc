#!/bin/sh
# What the tests in browsers and at the edge compare with: this machine's answers, and models that the demo does not show, in
# outputs/. Of what demo-build made; run again, it makes only what is older than that.
set -eu
cd "$(dirname "$0")/.."

CLI=${CARGO_TARGET_DIR:-target}/debug/nextbest
DEMO=outputs/bundle/nextbest.bundle
DONE=outputs/.e2e-models

main() {
    echo "==> models and answers for the browser and edge tests"
    [ -f $DEMO ] || { echo "e2e-models: error: $DEMO is missing: run make demo-build first" >&2; exit 1; }
    ! is_up_to_date || exit 0

    bits_of outputs/bundle/customers.json parity.json
    bits_of tests/e2e/odd-customers.json parity-odd.json
    # The models that were not chosen are of other kinds: they must score the same bits too.
    for candidate in outputs/models/candidates/*.bundle; do
        bits_of outputs/bundle/customers.json "parity-$(basename "$candidate" .bundle).json" --bundle "$candidate"
    done
    with_a_policy
    # Rows are randomised before they are counted: for sketch.test.mjs.
    exported_again randomised
    plain_tables
    touch "$DONE"
}

is_up_to_date() {
    [ -f $DONE ] && [ -z "$(find $DEMO "$CLI" tests/e2e/*.yaml tests/e2e/odd-customers.json tests/fixtures "$0" -newer $DONE)" ]
}

# What this machine computes natively: CUSTOMERS OUT [OPTION …].
bits_of() {
    customers=$1
    out=$2
    shift 2
    "$CLI" --config config.yaml --quiet score --customers "$customers" --bits --out "outputs/bundle/$out" "$@" >/dev/null
}

# The same model with a policy that says everything that one can say.
with_a_policy() {
    exported_again policy --samples 80
    "$CLI" --config tests/e2e/policy.yaml --quiet score --customers outputs/policy/bundle/customers.json --channel WEB --bits \
        --out outputs/policy/bundle/parity.json >/dev/null
}

# NAME [OPTION …], with the configuration of that name.
exported_again() {
    name=$1
    shift
    mkdir -p "outputs/$name/models"
    cp outputs/models/model.bundle "outputs/$name/models/"
    "$CLI" --config "tests/e2e/$name.yaml" --quiet export "$@" >/dev/null
}

plain_tables() {
    "$CLI" --config config.yaml --quiet score --table tests/fixtures/contracts.csv --id CONTRACT \
        --bundle tests/fixtures/label.bundle --out outputs/plain/scores.csv >/dev/null
    # A signed bundle for trust.test.mjs, of keys that are made once.
    [ -f outputs/trust/keys/nextbest.private.pem ] || "$CLI" keygen --out outputs/trust/keys >/dev/null
    train trust.yaml
    # Models whose trees have no split, for bare.test.mjs.
    for kind in random_forest gradient_boosting; do
        train bare.yaml --algorithm "$kind"
        mkdir -p "outputs/bare/$kind"
        mv outputs/bare/bundle/nextbest.bundle "outputs/bare/$kind/nextbest.bundle"
    done
}

# CONFIG [OPTION …]
train() {
    config=$1
    shift
    "$CLI" --config "tests/e2e/$config" --quiet train --table tests/fixtures/contracts.csv \
        --target OUTCOME --id CONTRACT --time SEEN "$@" >/dev/null
}

main

#!/bin/sh
# Scoring beside onnxruntime, YDF and scikit-learn, natively and in V8: scripts/bench-score.sh [ROUNDS [--check]].
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${1:-5}
[ $# -eq 0 ] || shift
BENCH=tests/bench/score
WORK=target/bench-score
TASK=target/bench-train/task
BANK=$WORK/bank
PACKAGE=$WORK/package
RELEASE=$(realpath -m "${CARGO_TARGET_DIR:-target}/release")
PYTHON=$WORK/venv/bin/python

main() {
    echo "==> building" >&2
    cargo build --release -p nextbest -p nextbest-bench --bin nextbest --bin bench-score
    scripts/build-wasm.sh >&2
    package
    scripts/python-venv.sh "$WORK/venv" $BENCH/requirements.txt
    if ! newer $BENCH/node_modules/.package-lock.json $BENCH/package-lock.json; then
        echo "==> installing $BENCH/package-lock.json" >&2
        npm --prefix $BENCH ci --no-audit --no-fund --ignore-scripts >&2
        touch $BENCH/node_modules/.package-lock.json
    fi
    if [ ! -f "$TASK/y_test.i32" ]; then
        echo "==> making the task ($TASK)" >&2
        "$PYTHON" tests/bench/train/task.py "$TASK"
    fi
    echo "==> training on the task, and converting the trees for the peers" >&2
    "$RELEASE/bench-score" models "$TASK" "$WORK/models"
    "$PYTHON" $BENCH/convert.py "$WORK/models"
    default_model
    echo "==> measuring" >&2
    "$PYTHON" $BENCH/bench.py --program "$RELEASE/bench-score" --task "$TASK" --models "$WORK/models" \
        --package "$PACKAGE" --default-bundle "$BANK/outputs/bundle/nextbest.bundle" \
        --node-modules $BENCH/node_modules --work "$WORK" --rounds "$ROUNDS" "$@"
}

# The npm package without the demo, whose web/dist stays as it is.
package() {
    rm -rf "$PACKAGE"
    mkdir -p "$PACKAGE"
    web/node_modules/.bin/tsc -p web/src --outDir "$(realpath "$PACKAGE")/dist"
    cp -r web/pkg web/package.json "$PACKAGE"
}

# Boosted trees are what the defaults choose on the synthetic bank.
default_model() {
    ! newer "$BANK/outputs/bundle/nextbest.bundle" "$RELEASE/nextbest" || return 0
    echo "==> training the default model ($BANK)" >&2
    rm -rf "$BANK"
    mkdir -p "$BANK"
    for station in generate features "train --budget 0 --algorithm gradient_boosting" "export --samples 1"; do
        # shellcheck disable=SC2086 # a station's options are words of their own
        (cd "$BANK" && "$RELEASE/nextbest" --quiet $station >&2)
    done
}

newer() { [ -n "$(find "$1" -newer "$2" 2>/dev/null)" ]; }

main "$@"

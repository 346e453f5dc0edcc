#!/bin/sh
# How often injected drifts are found, and how often some are found where there are none: scripts/drift-suite.sh [BANKS].
set -eu
cd "$(dirname "$0")/.."

BANKS=${1:-200}
WORK=$PWD/target/drift-suite
CLI=$(realpath -m "${CARGO_TARGET_DIR:-target}/release/nextbest")
PYTHON=$PWD/target/python/bin/python

echo "==> building" >&2
cargo build --release -p nextbest
scripts/python-venv.sh target/python tests/requirements.txt

BASE=$WORK/base
if [ -z "$(find "$BASE/outputs/bundle/nextbest.bundle" -newer "$CLI" 2>/dev/null)" ]; then
    echo "==> training on a bank of its own ($BASE)" >&2
    mkdir -p "$BASE"
    cat >"$BASE/config.yaml" <<'EOF'
data_source: {type: parquet}
generate: {seed: 0, truth_customers: 0}
feature_store: {formats: [parquet]}
mlflow: {tracking_uri: none}
EOF
    for station in generate features "train --budget 0 --algorithm random_forest" evaluate export; do
        # shellcheck disable=SC2086 # a station's options are words of their own
        (cd "$BASE" && "$CLI" --quiet $station >&2)
    done
fi

echo "==> measuring (about a quarter of an hour)" >&2
"$PYTHON" tests/drift_suite/suite.py --program "$CLI" --bundle "$BASE/outputs/bundle/nextbest.bundle" --work "$WORK" \
    --document docs/DRIFT.md --seeds "$BANKS"

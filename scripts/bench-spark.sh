#!/bin/sh
# A million rows in Spark, beside a scikit-learn forest of the same size: scripts/bench-spark.sh [ROUNDS].
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${1:-5}
WORK=target/bench-spark
PYTHON=$PWD/target/python/bin
CLI=$(realpath -m "${CARGO_TARGET_DIR:-target}/release/nextbest")
MODULE=$PWD/web/pkg/nextbest_host.wasm
BENCH=$PWD/tests/bench/spark/bench.py

echo "==> building" >&2
scripts/need.sh java=openjdk-17-jre-headless
scripts/python-venv.sh target/python tests/requirements.txt
cargo build --release -p nextbest
scripts/build-wasm.sh >&2

mkdir -p "$WORK"
cd "$WORK"
if [ -z "$(find model/MLmodel -newer "$CLI" -newer "$MODULE" 2>/dev/null)" ]; then
    echo "==> training on the default bank ($WORK)" >&2
    for station in generate features "train --budget 0 --algorithm random_forest" "export --pyfunc model --module $MODULE"; do
        # shellcheck disable=SC2086 # a station's options are words of their own
        "$CLI" --quiet $station >&2
    done
fi

echo "==> measuring" >&2
PATH=$PYTHON:$PATH MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$PYTHON/python \
    "$PYTHON/python" "$BENCH" --program "$CLI" --rounds "$ROUNDS"

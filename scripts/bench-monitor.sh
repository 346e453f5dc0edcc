#!/bin/sh
# `nextbest monitor` beside Evidently's default drift report: scripts/bench-monitor.sh [ROUNDS].
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${1:-3}
WORK=target/bench-monitor
PYTHON=target/python/bin/python

echo "==> building" >&2
cargo build --release -p nextbest
scripts/python-venv.sh target/python tests/requirements.txt
mkdir -p "$WORK"
if [ ! -f "$WORK/current.parquet" ]; then
    echo "==> making the tables ($WORK)" >&2
    "$PYTHON" tests/bench/monitor/data.py "$WORK"
fi
echo "==> measuring" >&2
"$PYTHON" tests/bench/monitor/bench.py --program "${CARGO_TARGET_DIR:-target}/release/nextbest" --data "$WORK" \
    --work "$WORK" --rounds "$ROUNDS"

#!/bin/sh
# How good the shared training task's model is at which size: scripts/bench-size.sh [LEARNER] [BYTES].
set -eu
cd "$(dirname "$0")/.."

WORK=target/bench-train

echo "==> building" >&2
cargo build --release -p nextbest-bench --bin bench-size
if [ ! -f "$WORK/task/y_test.i32" ]; then
    scripts/python-venv.sh "$WORK/venv" tests/bench/train/requirements.txt
    echo "==> making the task ($WORK/task)" >&2
    "$WORK/venv/bin/python" tests/bench/train/task.py "$WORK/task"
fi
echo "==> measuring" >&2
"${CARGO_TARGET_DIR:-target}/release/bench-size" "$WORK/task" "${1:-gradient_boosting}" "${2:-120000}"

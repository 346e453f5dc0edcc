#!/bin/sh
# Training beside scikit-learn, LightGBM and XGBoost: scripts/bench-train.sh [ROUNDS].
set -eu
cd "$(dirname "$0")/.."

ROUNDS=${1:-3}
WORK=target/bench-train

echo "==> building" >&2
cargo build --release -p nextbest-bench --bin bench-train
scripts/python-venv.sh "$WORK/venv" tests/bench/train/requirements.txt
if [ ! -f "$WORK/task/y_test.i32" ]; then
    echo "==> making the task ($WORK/task)" >&2
    "$WORK/venv/bin/python" tests/bench/train/task.py "$WORK/task"
fi
echo "==> measuring" >&2
"$WORK/venv/bin/python" tests/bench/train/bench.py --program "${CARGO_TARGET_DIR:-target}/release/bench-train" \
    --task "$WORK/task" --work "$WORK" --rounds "$ROUNDS"

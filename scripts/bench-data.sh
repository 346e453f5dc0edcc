#!/bin/sh
# Features from a large bank, beside polars and DuckDB: scripts/bench-data.sh [CUSTOMERS]. The tables stay in data/bench.
set -eu
cd "$(dirname "$0")/.."

CUSTOMERS=${1:-1000000}
CLI=${CARGO_TARGET_DIR:-target}/release/nextbest
CONFIG=tests/bench/data/config.yaml
DATA=data/bench
WORK=target/bench-data
VENV=$WORK/venv

echo "==> building" >&2
cargo build --release -p nextbest

scripts/python-venv.sh "$VENV" tests/bench/data/requirements.txt

# What the tables depend on but the program: after a change of the generator, remove data/bench.
wanted="$CUSTOMERS customers, $(sha256sum <"$CONFIG")"
if [ "$(cat "$DATA/.made" 2>/dev/null)" != "$wanted" ]; then
    echo "==> generating a bank of $CUSTOMERS customers ($DATA)" >&2
    rm -rf "$DATA"
    "$CLI" generate --config "$CONFIG" --customers "$CUSTOMERS" >&2
    echo "$wanted" >"$DATA/.made"
fi

echo "==> measuring" >&2
"$VENV/bin/python" tests/bench/data/bench.py --program "$CLI" --data "$DATA" --work "$WORK"

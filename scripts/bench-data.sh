#!/bin/sh
# Features from a large bank, beside polars and DuckDB: scripts/bench-data.sh [CUSTOMERS]. The tables stay in data/bench.
set -eu
cd "$(dirname "$0")/.."

CUSTOMERS=${1:-1000000}
CLI=${CARGO_TARGET_DIR:-target}/release/nextbest
CONFIG=tests/bench/data/config.yaml
DATA=data/bench
WORK=target/bench-data
PYTHON=$WORK/venv/bin/python

scripts/need.sh python3=python3
# Debian has the module that makes environments in a package of its own.
python3 -c 'import ensurepip, venv' 2>/dev/null || scripts/need.sh no-venv-yet=python3-venv
mkdir -p "$WORK"

echo "==> building" >&2
cargo build --release -p nextbest

echo "==> polars and DuckDB ($WORK/venv)" >&2
[ -x "$PYTHON" ] || python3 -m venv "$WORK/venv"
"$PYTHON" -m pip install --quiet --disable-pip-version-check -r tests/bench/requirements.txt

# What the tables depend on but the program: after a change of the generator, remove data/bench.
wanted="$CUSTOMERS customers, $(sha256sum <"$CONFIG")"
if [ "$(cat "$DATA/.made" 2>/dev/null)" != "$wanted" ]; then
    echo "==> generating a bank of $CUSTOMERS customers ($DATA)" >&2
    rm -rf "$DATA"
    "$CLI" generate --config "$CONFIG" --customers "$CUSTOMERS" >&2
    echo "$wanted" >"$DATA/.made"
fi

echo "==> measuring" >&2
"$PYTHON" tests/bench/data/bench.py --program "$CLI" --data "$DATA" --work "$WORK"

#!/usr/bin/env bash
# Sends the same odd rows through every door: command line, package in Node, Chromium and workerd, edge worker, MLflow's loader. It takes what
# demo-build made; Python's packages are installed from tests/requirements.txt into target/python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/need.sh chromium=chromium
scripts/python-venv.sh target/python tests/requirements.txt
export NEXTBEST=${NEXTBEST:-$PWD/${CARGO_TARGET_DIR:-target}/debug/nextbest}
export MODULE=$PWD/web/pkg/nextbest_host.wasm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
target/python/bin/python tests/doors/doors.py "$work"

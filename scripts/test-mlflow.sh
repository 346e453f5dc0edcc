#!/usr/bin/env bash
# Lets the real MLflow read what nextbest logs and registers, and score, serve and run on Spark what it registers, with the command line's
# bits. They are installed from tests/requirements.txt into target/python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/need.sh java=openjdk-17-jre-headless
scripts/python-venv.sh target/python tests/requirements.txt
scripts/build-wasm.sh >/dev/null
cargo build --quiet -p nextbest-tests --bin nextbest-under-test --bin feature-scores

python=$PWD/target/python/bin/python
tests=$PWD/tests/mlflow
# MLflow and Spark start each other by name.
export PATH=$PWD/target/python/bin:$PATH
export NEXTBEST=$PWD/target/debug/nextbest-under-test
export FEATURE_SCORES=$PWD/target/debug/feature-scores
module=$PWD/web/pkg/nextbest_host.wasm
contracts=$PWD/tests/fixtures/contracts.csv
# Nothing leaves this machine.
export MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true SPARK_LOCAL_IP=127.0.0.1 PYSPARK_PYTHON=$python
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "==> a small bank and a plain table, their models as MLflow's"
# Where `export` finds the module by itself.
mkdir -p web/pkg plain
cp "$module" web/pkg/
printf 'generate: {customers: 1500}\nmodel: {selection: {budget: 0}}\n' >config.yaml
for station in generate features "train --algorithm random_forest" "export --samples 200 --pyfunc model"; do
    # shellcheck disable=SC2086 # a station's options are words of their own
    "$NEXTBEST" $station --quiet >"${station%% *}.txt" 2>&1 || { cat "${station%% *}.txt" && exit 1; }
done
cp "$contracts" plain/
(cd plain && "$NEXTBEST" train --quiet --budget 0 --table contracts.csv --target OUTCOME --id CONTRACT --time SEEN >train.txt)
"$NEXTBEST" export --quiet --bundle plain/outputs/bundle/nextbest.bundle --pyfunc plain/model

echo "==> runs, in a folder and on a server"
"$python" "$tests/tracking.py" "$NEXTBEST"
echo "==> versions, their aliases and gates"
"$python" "$tests/registry.py" "$NEXTBEST" "$FEATURE_SCORES" "$module"
echo "==> a new model where monitoring asks for one"
"$python" "$tests/retrain.py" "$NEXTBEST" "$module"
echo "==> a workspace and its Unity Catalog, as far as there is one on this machine"
"$python" "$tests/unity_catalog.py" "$NEXTBEST" --module "$module"

echo "==> the model in Python"
"$python" "$tests/pyfunc.py"
echo "==> mlflow models serve"
"$python" "$tests/serve.py"
echo "==> Spark"
"$python" "$tests/spark.py"

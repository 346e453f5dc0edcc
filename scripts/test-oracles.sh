#!/usr/bin/env bash
# Compares what nextbest reads and writes with what others make of the same data: Python's csv, pandas, SciPy, Evidently, delta-rs, scikit-learn,
# LightGBM. They are installed from tests/requirements.txt into target/python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/python-venv.sh target/python tests/requirements.txt
python=$PWD/target/python/bin/python

cargo build --quiet -p nextbest-tests -p nextbest-bench \
    --bin nextbest-under-test --bin oracle-cases --bin drift-statistics --bin bench-train
nextbest=$PWD/target/debug/nextbest-under-test
nextbest_cases=$PWD/target/debug/oracle-cases
drift_statistics=$PWD/target/debug/drift-statistics
bench_train=$PWD/target/debug/bench-train
oracles=$PWD/tests/oracles
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

printf 'generate: {customers: 1500}\nfeature_store: {formats: [parquet, csv, delta]}\n' >older.yaml
{ cat older.yaml && echo 'snapshots: {every_months: 6}'; } >newer.yaml
"$nextbest" generate --quiet --config older.yaml >generate.txt
"$nextbest" features --quiet --config older.yaml >features.txt
cp data/processed/customer_product_features.csv older.csv

echo "==> nextbest eda against pandas and SciPy"
"$nextbest" eda --quiet --config older.yaml >eda.txt
"$python" "$oracles/eda.py"

echo "==> the Delta table against delta-rs"
"$nextbest" features --quiet --config newer.yaml >features.txt
"$python" "$oracles/delta.py" data/processed/customer_product_features older.csv \
    data/processed/customer_product_features.csv

echo "==> CSV files in blocks against Python's csv module"
"$python" "$oracles/csv_records.py" csv_cases.jsonl
CSV_CASES=$PWD/csv_cases.jsonl cargo test --quiet --manifest-path "$oracles/../../Cargo.toml" -p nextbest --lib \
    io::tables::csv::tests::records_are_those_of_python -- --ignored

echo "==> Parquet files of pyarrow's against the same as CSV"
"$python" "$oracles/parquet.py" "$nextbest"

echo "==> models of plain tables against scikit-learn"
"$python" "$oracles/plain_table.py" "$nextbest"

echo "==> the learners against scikit-learn and LightGBM"
"$python" "$oracles/learners.py" "$bench_train"

echo "==> the evaluation's numbers and curves against scikit-learn"
"$python" "$oracles/evaluation.py" "$nextbest"

echo "==> calibrations and logistic regressions against SciPy and scikit-learn"
"$nextbest_cases" >cases.json
"$python" "$oracles/fits.py" <cases.json
"$python" "$oracles/clocks.py" <cases.json

echo "==> drift statistics against SciPy and Evidently"
"$python" "$oracles/drift.py" "$drift_statistics"

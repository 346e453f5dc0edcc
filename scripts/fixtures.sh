#!/usr/bin/env bash
# Writes the sample bundles in tests/fixtures anew, each with the configuration beside it: for when the bundle's format changes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --quiet -p nextbest-tests --bin nextbest-under-test
fixtures=$PWD/tests/fixtures
nextbest=$PWD/target/debug/nextbest-under-test
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for config in "$fixtures"/*.yaml; do
    name=$(basename "$config" .yaml)
    mkdir "$work/$name"
    cd "$work/$name"
    cp "$config" config.yaml
    cp "$fixtures/contracts.csv" .
    case $name in
    label) arguments=(train --table contracts.csv --target OUTCOME --id CONTRACT --time SEEN) ;;
    *) arguments=(run) ;;
    esac
    "$nextbest" "${arguments[@]}" --quiet >said.txt 2>&1 || { cat said.txt && exit 1; }
    cp outputs/bundle/nextbest.bundle "$fixtures/$name.bundle"
done

cd "$work/policy"
"$nextbest" keygen --quiet --out keys --name policy >/dev/null
"$nextbest" export --quiet --sign keys/policy.private.pem >/dev/null
cp outputs/bundle/nextbest.bundle "$fixtures/policy-signed.bundle"
cp keys/policy.public.pem "$fixtures/"
ls -l "$fixtures"/*.bundle

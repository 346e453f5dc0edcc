#!/bin/sh
# Builds the wasm module with its JavaScript glue into web/pkg and prints what it weighs.
set -eu
cd "$(dirname "$0")/.."

SELF=scripts/build-wasm.sh
TARGET_DIR=${CARGO_TARGET_DIR:-target}
MODULE=nextbest_wasm_bg.wasm

cargo build --profile tools -p nextbest-wasm-glue --bin nextbest-wasm-glue
# Asking all splits of a tree's crown for many rows at once takes 16 bytes an instruction: without it, batches take three to
# eight times as long. Browsers have had it since 2021 (Safari: 2023).
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-Ctarget-feature=+simd128"
# By itself (-p): a workspace build would unify features and pull the training side into the module.
scripts/wasm32-target.sh cargo build --profile wasm -p nextbest-wasm --target wasm32-unknown-unknown

glue=$TARGET_DIR/tools/nextbest-wasm-glue
built=$TARGET_DIR/wasm32-unknown-unknown/wasm/nextbest_wasm.wasm
inputs_older_than_package() {
    [ -n "$(find web/pkg/$MODULE -newer "$built" -newer "$glue" -newer web/package-lock.json -newer "$SELF" 2>/dev/null)" ]
}

if ! inputs_older_than_package; then
    # Finished aside, so that web/pkg never holds half of an old and half of a new build.
    stage=$TARGET_DIR/wasm-pkg
    rm -rf "$stage"
    "$glue" "$built" "$stage"
    # Which wasm features are allowed it reads from the module's target_features section.
    web/node_modules/.bin/wasm-opt -O3 "$stage/$MODULE" -o "$stage/$MODULE"
    rm -rf web/pkg
    mv "$stage" web/pkg
fi

node scripts/sizes.mjs web/pkg/$MODULE web/pkg/nextbest_wasm.js

#!/bin/sh
# Builds the wasm module with its JavaScript glue into web/pkg and prints what it weighs; a twin of it, for engines without
# simd128, has the same glue. Beside them the C-ABI module, for hosts without JavaScript, which the package does not ship.
set -eu
cd "$(dirname "$0")/.."

SELF=scripts/build-wasm.sh
TARGET_DIR=${CARGO_TARGET_DIR:-target}
MODULE=nextbest_wasm_bg.wasm
TWIN=nextbest_wasm_scalar_bg.wasm
HOST=nextbest_host.wasm
GLUE=$TARGET_DIR/tools/nextbest-wasm-glue
BUILT=$TARGET_DIR/wasm-modules
built=$BUILT/simd/nextbest_wasm.wasm
twin=$BUILT/scalar/nextbest_wasm.wasm
host=$BUILT/simd/nextbest_host.wasm

main() {
    cargo build --profile tools -p nextbest-wasm-glue --bin nextbest-wasm-glue
    mkdir -p "$BUILT/simd" "$BUILT/scalar"
    compile "" -p nextbest-wasm
    keep nextbest_wasm "$twin"
    # Asking all splits of a tree's crown for many rows at once takes 16 bytes an instruction: without it, batches take two
    # to ten times as long. Browsers have had it since 2021 (Safari: 2023).
    compile -Ctarget-feature=+simd128 -p nextbest-wasm -p nextbest-host
    keep nextbest_wasm "$built"
    keep nextbest_host "$host"
    if ! is_newest web/pkg/$MODULE; then
        # Finished aside, so that web/pkg never holds half of an old and half of a new build.
        stage=$TARGET_DIR/wasm-pkg
        rm -rf "$stage" "$stage.scalar"
        bind "$built" "$stage"
        bind "$twin" "$stage.scalar"
        cmp "$stage/nextbest_wasm.js" "$stage.scalar/nextbest_wasm.js"
        mv "$stage.scalar/$MODULE" "$stage/$TWIN"
        optimise "$host" "$stage/$HOST"
        node scripts/no-imports.mjs "$stage/$HOST"
        rm -rf web/pkg "$stage.scalar"
        mv "$stage" web/pkg
    fi
    node scripts/sizes.mjs web/pkg/$MODULE web/pkg/$TWIN web/pkg/nextbest_wasm.js web/pkg/$HOST
}

# By themselves (-p): a workspace build would unify features and pull the training side into the module.
compile() {
    flags=$1
    shift
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS=$flags \
        scripts/wasm32-target.sh cargo build --profile wasm "$@" --target wasm32-unknown-unknown
}

# Cargo puts a module in its twin's place: each is copied, if it has changed.
keep() {
    module=$TARGET_DIR/wasm32-unknown-unknown/wasm/$1.wasm
    cmp -s "$module" "$2" || cp "$module" "$2"
}

bind() {
    "$GLUE" "$1" "$2"
    optimise "$2/$MODULE" "$2/$MODULE"
}

# Which wasm features are allowed wasm-opt reads from the module's target_features section. From -O2 on batches take a third longer
# in V8, and the module is no smaller after brotli.
optimise() { web/node_modules/.bin/wasm-opt -O1 "$1" -o "$2"; }

is_newest() {
    [ -n "$(find "$1" -newer "$built" -newer "$twin" -newer "$host" -newer "$GLUE" -newer web/package-lock.json -newer "$SELF" \
        2>/dev/null)" ]
}

main

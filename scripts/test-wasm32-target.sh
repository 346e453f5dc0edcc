#!/bin/sh
# Tests wasm32-target.sh with stand-ins for rustc, rustup, cargo and Debian's /usr: every branch but apt-get.
# shellcheck disable=SC2016 # what stands in single quotes is for the stand-ins to expand
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
SCRIPT=$HERE/wasm32-target.sh
SELF=$HERE/$(basename "$0")
TARGET=wasm32-unknown-unknown

# Each test runs in a shell of its own: in one that is part of a condition, `set -e` would be off.
main() {
    if [ $# -eq 2 ]; then
        ROOT=$1 CASE=$1/$2
        mkdir -p "$CASE/bin" "$CASE/home"
        "$2"
        return
    fi
    ROOT=$(mktemp -d)
    trap 'rm -rf "$ROOT"' EXIT
    link_tools
    tests=$(sed -n 's/^\(test_[a-z0-9_]*\)() {$/\1/p' "$SELF")
    for test in $tests; do
        sh "$SELF" "$ROOT" "$test" || { echo "FAILED $test" >&2; exit 1; }
        echo "ok $test"
    done
}

# --- the tests ---

test_target_already_there_needs_nothing() {
    active_rustc; add_std "$CASE/active"; rustup_that false
    expect_output "" script
    expect_calls rustup 0
}

test_rustup_adds_the_target() {
    active_rustc
    rustup_that 'mkdir -p "$CASE/active/lib/rustlib/$3/lib"; : >"$CASE/active/lib/rustlib/$3/lib/libstd-1.rlib"'
    expect_output "" script
    grep -qx "target add $TARGET" "$CASE/rustup.calls"
}

test_no_rustup_skips_rustup() {
    active_rustc; debian; rustup_that true
    expect_output "export RUSTUP_TOOLCHAIN=deb-wasm" script WASM32_NO_RUSTUP=1
    expect_calls rustup 1
    grep -qx "toolchain link deb-wasm $CASE/sysroot" "$CASE/rustup.calls"
}

test_rustup_failure_falls_back_on_debian() {
    active_rustc; debian; rustup_that '[ "$1" = toolchain ]'
    expect_output "export RUSTUP_TOOLCHAIN=deb-wasm" script
    grep -q "falling back" "$CASE/err"
}

test_without_anything_says_what_to_do() {
    active_rustc; rustup_that false
    fails script >"$CASE/out" 2>"$CASE/err"
    [ ! -s "$CASE/out" ]
    grep -q "run: rustup target add $TARGET" "$CASE/err"
}

test_without_rustup_sets_path() {
    debian
    expect_output "export PATH='$CASE/sysroot/bin':\"\$PATH\"" script
}

test_built_sysroot_is_used_again_before_rustup_is_asked() {
    debian
    script >"$CASE/out" 2>&1
    active_rustc; rustup_that true
    expect_output "export RUSTUP_TOOLCHAIN=deb-wasm" script
    expect_calls cargo 1
    fails grep -q "target add" "$CASE/rustup.calls"
}

test_half_finished_sysroot_is_built_again() {
    debian
    script >"$CASE/out" 2>&1
    rm "$CASE/sysroot/.ok"; : >"$CASE/sysroot/leftover"
    script >"$CASE/out" 2>&1
    expect_calls cargo 2
    [ ! -e "$CASE/sysroot/leftover" ]
    [ -f "$CASE/sysroot/.ok" ]
}

test_linker_that_vanished_is_linked_again() {
    debian
    script >"$CASE/out" 2>&1
    mv "$CASE/usr/bin/lld" "$CASE/usr/bin/lld-19"
    script >"$CASE/out" 2>&1
    expect_calls cargo 1
    [ -x "$CASE/sysroot/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld" ]
}

test_failed_build_leaves_nothing() {
    debian; stand_in usr/bin/cargo 'exit 101'
    fails script >"$CASE/out" 2>"$CASE/err"
    [ ! -e "$CASE/sysroot" ]
    [ ! -e "$CASE/sysroot.new" ]
    grep -q "building std failed" "$CASE/err"
}

test_two_runs_at_once_build_once() {
    debian
    script >"$CASE/out1" 2>&1 & first=$!
    script >"$CASE/out2" 2>&1 & second=$!
    wait $first; wait $second
    expect_calls cargo 1
}

test_command_runs_with_the_toolchain_and_its_own_exit_code() {
    active_rustc; debian; rustup_that true
    expect_output "deb-wasm|two words" \
        script WASM32_NO_RUSTUP=1 sh -c 'echo "$RUSTUP_TOOLCHAIN|$1"' sh "two words"
    code=0; script sh -c 'exit 7' || code=$?
    [ "$code" = 7 ]
}

# --- the machine they run on ---

# Runs the script with nothing on PATH but our stand-ins and the plain tools; leading NAME=value are its environment.
script() {
    settings=
    while case ${1:-} in WASM32_*=*) true ;; *) false ;; esac; do
        settings="$settings $1"; shift
    done
    # shellcheck disable=SC2086 # one word a setting
    env -i CASE="$CASE" HOME="$CASE/home" PATH="$CASE/bin:$ROOT/tools" WASM32_USR="$CASE/usr" \
        WASM32_DIR="$CASE/sysroot" $settings sh "$SCRIPT" "$@"
}

link_tools() {
    mkdir -p "$ROOT/tools"
    for tool in cat chmod cp cut dirname env flock grep id ln mkdir mktemp mv readlink rm sed sh sleep timeout; do
        ln -s "$(command -v $tool)" "$ROOT/tools/$tool"
    done
}

# The toolchain that the user has: without the target until std is added to it.
active_rustc() { stand_in bin/rustc 'echo "$CASE/active"'; }

rustup_that() { stand_in bin/rustup "$1"; }

# Debian's compiler, its cargo that "builds" std, and the source.
debian() {
    stand_in usr/bin/rustc 'case $* in
        --version) echo "rustc 1.96.0 (stand-in)" ;;
        -vV) echo "host: x86_64-unknown-linux-gnu" ;;
        *"--print sysroot") echo "$CASE/sysroot" ;;
    esac'
    stand_in usr/bin/cargo 'sleep 0.3
        mkdir -p "$CARGO_TARGET_DIR/'$TARGET'/release/deps"
        : >"$CARGO_TARGET_DIR/'$TARGET'/release/deps/libstd-1.rlib"'
    stand_in usr/bin/lld true
    mkdir -p "$CASE/usr/lib/rustlib/src/rust/library/std"
    : >"$CASE/usr/lib/rustlib/src/rust/library/std/Cargo.toml"
}

add_std() {
    mkdir -p "$1/lib/rustlib/$TARGET/lib"
    : >"$1/lib/rustlib/$TARGET/lib/libstd-1.rlib"
}

# An executable that writes down its arguments and then does what it is told.
stand_in() {
    mkdir -p "$(dirname "$CASE/$1")"
    printf '#!/bin/sh\necho "$*" >>"$CASE/%s.calls"\n%s\n' "${1##*/}" "$2" >"$CASE/$1"
    chmod +x "$CASE/$1"
}

# --- what they expect ---

expect_output() {
    expected=$1; shift
    actual=$("$@" 2>"$CASE/err") || { cat "$CASE/err" >&2; return 1; }
    [ "$actual" = "$expected" ] || { echo "expected output: $expected; got: $actual" >&2; return 1; }
}

fails() {
    if "$@"; then
        echo "expected to fail: $*" >&2
        return 1
    fi
}

expect_calls() {
    actual=0
    [ ! -f "$CASE/$1.calls" ] || actual=$(grep -c '' "$CASE/$1.calls")
    [ "$actual" = "$2" ] || { echo "expected $2 calls of $1, got $actual" >&2; return 1; }
}

main "$@"

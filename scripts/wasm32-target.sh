#!/bin/sh
# Makes `cargo build --target wasm32-unknown-unknown` work, whatever this machine has.
#
#   scripts/wasm32-target.sh cargo build --target wasm32-unknown-unknown …   runs the command with the target
#   eval "$(scripts/wasm32-target.sh)"                                       or sets up the shell that calls it
#
# The first of these that works:
#   1. the active toolchain has the target                     nothing to do
#   2. an earlier run built one from Debian's packages         use it
#   3. `rustup target add`                                     nothing more to do
#   4. Debian's rustc-web cargo-web rust-web-src               build std once (under a minute) into a private
#                                                              sysroot and use that
# 2 and 4 are used as the rustup toolchain "deb-wasm" (RUSTUP_TOOLCHAIN) or, without rustup, first on PATH.
# Native code stays on the toolchain it had: use this for wasm commands only. Any number may run at once.
#
# Environment:
#   WASM32_NO_RUSTUP=1        skip 3, for machines that reach package registries only
#   WASM32_RUSTUP_SECONDS=n   give up 3 after n seconds (120)
#   WASM32_DIR=dir            the private sysroot (~/.cache/wasm32-toolchain-VERSION)
#   WASM32_LLD=file           the linker for it (any rustup toolchain's rust-lld, else Debian's lld)
#   WASM32_USR=dir            where Debian installs (/usr); the tests put stand-ins there
set -eu

TARGET=wasm32-unknown-unknown
TOOLCHAIN=deb-wasm
PACKAGES="rustc-web cargo-web rust-web-src"
USR=${WASM32_USR:-/usr}
SOURCE=$USR/lib/rustlib/src/rust/library
exports=

main() {
    if has rustc && has_target rustc; then
        run "$@"
    fi
    if ! built && [ -z "${WASM32_NO_RUSTUP:-}" ] && has rustup; then
        if rustup_adds_target; then
            run "$@"
        fi
        say "rustup could not add the target; falling back on Debian's $PACKAGES"
    fi
    debian_is_complete || has apt-get || die "no toolchain has $TARGET. With a network, run: rustup target add $TARGET
    Otherwise install it from your distribution (often called rust-std-static-$TARGET or rust-wasm)."
    if ! built; then
        lock
        # Whoever waited finds the work done.
        debian_is_complete || install_packages
        built || build
    fi
    use_sysroot
    run "$@"
}

say() { echo "wasm32-target: $*" >&2; }
die() { say "error: $*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# With a command: become it. Without: print what the calling shell must set.
run() {
    exec 9>&- # or the command would hold the lock
    if [ $# -gt 0 ]; then
        exec "$@"
    fi
    [ -z "$exports" ] || echo "$exports"
    exit 0
}

# A target is installed when its std is there: true of rustup's, distributions' and linked toolchains alike.
has_target() {
    sysroot=$("$1" --print sysroot 2>/dev/null) || return 1
    set -- "$sysroot/lib/rustlib/$TARGET/lib/"libstd-*.rlib
    [ -e "$1" ]
}

rustup_adds_target() {
    say "rustup target add $TARGET"
    limit=
    if has timeout; then
        limit="timeout ${WASM32_RUSTUP_SECONDS:-120}"
    fi
    # shellcheck disable=SC2086 # $limit is two words or none
    RUSTUP_MAX_RETRIES=1 $limit rustup target add "$TARGET" >&2 && has_target rustc
}

# --- Debian's compiler and the sysroot built for it ---

debian_version() { "$USR/bin/rustc" --version 2>/dev/null | cut -d' ' -f2; }

host_triple() { "$USR/bin/rustc" -vV | sed -n 's/^host: //p'; }

# The version in the name retires the sysroot when Debian updates the compiler.
sysroot_dir() { echo "${WASM32_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm32-toolchain-$(debian_version)}"; }

lock() {
    # Not named after the version: the compiler may not be there yet.
    file=${WASM32_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/wasm32-toolchain}.lock
    mkdir -p "$(dirname "$file")"
    exec 9>"$file"
    flock -n 9 || { say "waiting for another run to finish"; flock 9; }
}

built() {
    debian_is_complete || return 1
    dir=$(sysroot_dir)
    [ -f "$dir/.ok" ] && has_target "$dir/bin/rustc"
}

debian_is_complete() { [ -x "$USR/bin/rustc" ] && [ -x "$USR/bin/cargo" ] && [ -f "$SOURCE/std/Cargo.toml" ]; }

install_packages() {
    # shellcheck disable=SC2086 # one word a package
    apt_install $PACKAGES
    debian_is_complete || die "$USR/bin/rustc, $USR/bin/cargo or $SOURCE is missing although apt-get installed $PACKAGES"
}

apt_install() {
    sudo=
    if [ "$(id -u)" != 0 ]; then
        has sudo || die "need root for: apt-get install $*"
        sudo=sudo
    fi
    say "apt-get install $*"
    # A stale index may still serve; if it does not, the install says so.
    $sudo apt-get update -qq >&2 || say "apt-get update failed; trying with the package lists as they are"
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        die "apt-get could not install: $*"
}

# Built aside and renamed when it works, so that a half-finished sysroot is never taken for a whole one.
build() {
    dir=$(sysroot_dir)
    stage=$dir.new
    host=$(host_triple)
    say "building std for $TARGET with Debian's rustc $(debian_version) into $dir (once, under a minute)"
    rm -rf "$stage"
    lay_out_sysroot
    work=$(mktemp -d)
    trap 'rm -rf "$work" "$stage"' EXIT
    trap 'exit 130' HUP INT TERM
    build_std
    link_a_module
    : >"$stage/.ok"
    rm -rf "$dir"
    mv "$stage" "$dir"
    rm -rf "$work"
    trap - EXIT HUP INT TERM
}

lay_out_sysroot() {
    mkdir -p "$stage/bin" "$stage/lib/rustlib/$host/bin" "$stage/lib/rustlib/$TARGET/lib"
    ln -s "$USR/lib/rustlib/$host/lib" "$stage/lib/rustlib/$host/lib"
    ln -s "$USR/lib/rustlib/src" "$stage/lib/rustlib/src"
    ln -s "$USR/bin/cargo" "$stage/bin/cargo"
    # Wrappers, because rustc finds its sysroot from where its own file lies.
    for tool in rustc rustdoc; do
        # shellcheck disable=SC2016 # "$@" is for the wrapper
        printf '#!/bin/sh\nexec "%s" --sysroot "%s" "$@"\n' "$USR/bin/$tool" "$dir" >"$stage/bin/$tool"
        chmod +x "$stage/bin/$tool"
    done
    link_lld "$stage"
}

# A link, because rustup's rust-lld finds its libraries from where it lies itself.
link_lld() {
    host=$(host_triple)
    lld=$(find_lld)
    ln -sfn "$lld" "$1/lib/rustlib/$host/bin/rust-lld"
}

find_lld() {
    first_executable "${WASM32_LLD:-}" \
        "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/lib/rustlib/"$host"/bin/rust-lld \
        "$USR"/bin/lld-[2-9][0-9] "$USR"/bin/lld-1[5-9] "$USR"/bin/lld && return
    has apt-get || die "no rust-lld and no lld: install LLVM's lld, or name one in WASM32_LLD"
    apt_install lld-19
    echo "$USR/bin/lld-19"
}

first_executable() {
    for file in "$@"; do
        if [ -n "$file" ] && [ -x "$file" ]; then
            echo "$file"
            return
        fi
    done
    return 1
}

build_std() {
    mkdir -p "$work/src" "$work/.cargo"
    : >"$work/src/lib.rs"
    printf '[package]\nname = "sysroot-seed"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$work/Cargo.toml"
    # Debian's source comes with std's own dependencies: no registry is needed.
    if [ -d "$SOURCE/vendor" ]; then
        printf '[source.crates-io]\nreplace-with = "std"\n[source.std]\ndirectory = "%s"\n' "$SOURCE/vendor" \
            >"$work/.cargo/config.toml"
    fi
    # Fat LTO needs the bitcode. The caller's settings are for the caller's crates.
    (
        cd "$work"
        env -u RUSTC_WRAPPER -u RUSTC_WORKSPACE_WRAPPER -u CARGO_BUILD_TARGET -u CARGO_ENCODED_RUSTFLAGS \
            RUSTC="$USR/bin/rustc" RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes" \
            CARGO_TARGET_DIR="$work/target" CARGO_PROFILE_RELEASE_DEBUG=0 \
            "$USR/bin/cargo" build --release --quiet -Z build-std=std,panic_abort,test --target "$TARGET" >&2
    ) || die "building std failed; the compiler's messages are above"
    cp "$work/target/$TARGET/release/deps/"lib*.rlib "$stage/lib/rustlib/$TARGET/lib/"
    rm -f "$stage/lib/rustlib/$TARGET/lib/"libsysroot_seed-*
}

link_a_module() {
    echo 'pub fn f() {}' >"$work/probe.rs"
    "$USR/bin/rustc" --sysroot "$stage" --target "$TARGET" --crate-type cdylib -o "$work/probe.wasm" "$work/probe.rs" \
        >&2 || die "the new sysroot cannot link a module; set WASM32_LLD to an lld that can"
}

use_sysroot() {
    dir=$(sysroot_dir)
    # It dangles once rustup has removed the toolchain that it points into.
    if [ ! -x "$dir/lib/rustlib/$(host_triple)/bin/rust-lld" ]; then
        lock
        link_lld "$dir"
    fi
    if ! has rustup; then
        export PATH="$dir/bin:$PATH"
        exports="export PATH='$dir/bin':\"\$PATH\""
        return
    fi
    if [ "$(readlink "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/$TOOLCHAIN")" != "$dir" ]; then
        lock
        rustup toolchain link "$TOOLCHAIN" "$dir" >&2 || die "rustup toolchain link $TOOLCHAIN $dir failed"
    fi
    export RUSTUP_TOOLCHAIN="$TOOLCHAIN"
    exports="export RUSTUP_TOOLCHAIN=$TOOLCHAIN"
}

main "$@"

#!/bin/sh
# Makes sure that commands exist: scripts/need.sh COMMAND=PACKAGE… installs the Debian packages of those that do not.
set -eu

say() { echo "need: $*" >&2; }
die() { say "error: $*"; exit 1; }

packages=
for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || packages="$packages ${pair#*=}"
done
[ -n "$packages" ] || exit 0

command -v apt-get >/dev/null 2>&1 || die "please install:$packages (only apt-get can be driven from here)"
sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "need root for: apt-get install$packages"
    sudo=sudo
fi
say "apt-get install$packages"
$sudo apt-get update -qq >&2 || say "apt-get update failed; trying with the package lists as they are"
# shellcheck disable=SC2086 # one word a package
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null ||
    die "apt-get could not install:$packages"

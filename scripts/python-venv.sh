#!/bin/sh
# Makes a Python environment with pinned packages, or leaves it where it has them: scripts/python-venv.sh FOLDER REQUIREMENTS.
set -eu
cd "$(dirname "$0")/.."

folder=$1
requirements=$2
mkdir -p "$folder"
# Whoever waited finds the work done.
exec 9>"$folder.lock"
flock 9
cmp -s "$requirements" "$folder/installed.txt" && exit 0
echo "==> installing $requirements ($folder)" >&2
command -v python3 >/dev/null || scripts/need.sh python3=python3
# Debian has the module that makes environments in a package of its own.
python3 -c 'import ensurepip' 2>/dev/null || scripts/need.sh no-such-command=python3-venv
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$folder/installed.txt"

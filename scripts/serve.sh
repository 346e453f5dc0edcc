#!/bin/sh
# Serves the demo page until Ctrl-C: scripts/serve.sh PORT. The server prints the address; when the port is in use, it
# takes another.
set -eu
cd "$(dirname "$0")/.."

[ -f web/dist/demo/index.html ] || { echo "serve: error: there is no page yet; run \`make demo-build\` first" >&2; exit 1; }
exec web/node_modules/.bin/sirv web/dist/demo --port "$1" --brotli

#!/bin/sh
# Serves the demo page: scripts/serve.sh PORT. Another port is taken, and printed, when that one is in use.
set -eu
cd "$(dirname "$0")/.."

[ -f web/dist/demo/index.html ] || { echo "serve: error: there is no page yet; run \`make demo-build\` first" >&2; exit 1; }
echo
echo "Serving the demo; Ctrl-C ends it."
exec web/node_modules/.bin/sirv web/dist/demo --port "$1" --brotli

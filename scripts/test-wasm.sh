#!/bin/sh
# Runs the wasm crate's tests in headless Chromium.
set -eu
cd "$(dirname "$0")/.."

scripts/need.sh chromium=chromium chromedriver=chromium-driver
cargo build --profile tools -p nextbest-wasm-glue --features test-runner --bin nextbest-wasm-test-runner

# Cargo runs the runner in the package's folder, where it finds webdriver.json.
tools=$(cd "${CARGO_TARGET_DIR:-target}/tools" && pwd)
status=0
WASM_BINDGEN_USE_BROWSER=1 WASM_BINDGEN_TEST_TIMEOUT=120 CHROMEDRIVER=$(command -v chromedriver) \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$tools/nextbest-wasm-test-runner \
    scripts/wasm32-target.sh cargo test --profile wasm-test -p nextbest-wasm --target wasm32-unknown-unknown \
    >"$tools/wasm-tests.log" || status=$?
cat "$tools/wasm-tests.log"
[ $status -eq 0 ] || exit $status

# The runner is content with a module that has no tests; we are not.
grep -q '^test result: ok\. [1-9]' "$tools/wasm-tests.log" || { echo "test-wasm: error: no test ran" >&2; exit 1; }

# A thin index of commands; what is longer than a line is in scripts/. CI calls `make test`.

# The steps share one target directory and two cores do not get faster by contention.
.NOTPARALLEL:
.DEFAULT_GOAL := help

PORT ?= 8080
CUSTOMERS ?= 1000000
LEARNER ?= gradient_boosting
BYTES ?= 120000
MUTATIONS ?= 1000000
SECONDS ?= 60
NODE_MODULES := web/node_modules/.package-lock.json

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## --- see it ---

demo: demo-build serve ## set up, train on the synthetic bank, build the page, serve it (PORT=8080)

demo-build: ## all of the demo but the serving
	@scripts/demo-build.sh

serve: $(NODE_MODULES) ## serve the page that demo-build made
	@scripts/serve.sh $(PORT)

wasm: $(NODE_MODULES) ## build the wasm module with its JavaScript glue into web/pkg
	@scripts/build-wasm.sh

web: $(NODE_MODULES) ## build the npm package, the page and the edge worker into web/dist
	npm --prefix web run build

## --- trust it ---

test: lint test-scripts test-rust test-oracles test-wasm demo-build test-e2e test-doors test-mlflow ## everything that CI checks

lint: ## rustfmt, clippy, circles of imports, shellcheck
	@scripts/lint.sh

test-scripts: ## the set-up scripts, with stand-ins for the tools that they drive
	@echo "==> script tests"
	scripts/test-wasm32-target.sh

test-rust: ## the Rust tests on this machine
	@echo "==> Rust tests"
	@scripts/need.sh python3=python3
	cargo test
	cargo test -p nextbest-host

test-oracles: ## against pandas, SciPy, Evidently, delta-rs and scikit-learn
	@scripts/test-oracles.sh

test-wasm: ## the wasm crate's tests in headless Chromium
	@echo "==> wasm tests in headless Chromium"
	@scripts/test-wasm.sh

test-e2e: $(NODE_MODULES) ## page in Chromium, worker in workerd, parity (of what demo-build made)
	@scripts/e2e-models.sh
	@echo "==> browser, edge and parity tests"
	@scripts/need.sh chromium=chromium
	node --test --test-reporter=spec tests/e2e/*.test.mjs

test-doors: $(NODE_MODULES) ## the same odd rows through every door: files, package, edge, MLflow's loader (of what demo-build made)
	@scripts/test-doors.sh

test-mlflow: $(NODE_MODULES) ## the MLflow model in MLflow and Spark, beside the command line's bits (installs Java)
	@scripts/test-mlflow.sh

deny: ## licences, advisories and sources of the dependencies (needs cargo-deny and its database)
	cargo deny check

bench: $(NODE_MODULES) ## the numbers in docs/PERFORMANCE.md
	cargo build --release -p nextbest -p nextbest-bench
	@scripts/build-wasm.sh
	npm --prefix web run --silent build
	target/release/bench
	node tests/bench/bench.mjs

bench-data: ## features of 100 M transactions beside polars and DuckDB (CUSTOMERS=1000000)
	@scripts/bench-data.sh $(CUSTOMERS)

bench-train: ## training beside scikit-learn, LightGBM and XGBoost (ROUNDS=3)
	@scripts/bench-train.sh $(ROUNDS)

bench-score: $(NODE_MODULES) ## scoring beside onnxruntime, YDF and scikit-learn, natively and in V8 (ROUNDS=5)
	@scripts/bench-score.sh $(ROUNDS)

bench-spark: $(NODE_MODULES) ## a million rows in Spark, beside a scikit-learn forest of the same size (ROUNDS=5)
	@scripts/bench-spark.sh $(ROUNDS)

bench-monitor: ## a drift report of 100,000 rows beside Evidently's (ROUNDS=3)
	@scripts/bench-monitor.sh $(ROUNDS)

bench-size: ## log-loss by size on the shared task, after brotli (BYTES=120000, LEARNER=gradient_boosting)
	@scripts/bench-size.sh $(LEARNER) $(BYTES)

drift-suite: ## how often drifts of known size are found: the tables in docs/DRIFT.md (BANKS=200)
	@scripts/drift-suite.sh $(BANKS)

fixtures: ## write the sample bundles in tests/fixtures anew, after a change of the bundle's format
	@scripts/fixtures.sh

test-faults: ## every command stopped at every operation that changes a file system (the tables in docs/RELIABILITY.md)
	FAULTS=all cargo test -p nextbest-tests faults:: -- --nocapture

fuzz: ## mutations of the sample bundles, decoded and scored on all cores (MUTATIONS=1000000)
	@scripts/fuzz.sh $(MUTATIONS)

fuzz-inputs: ## mutated configs, customers, CSV, Parquet, sketches, journals: read or refused (SECONDS=60 each)
	cargo build --quiet -p nextbest-tests --bins
	target/debug/fuzz-inputs $(SECONDS) 2>/dev/null   # the warnings are of mutated files

clean: ## remove what the builds made; data/, outputs/ and mlruns/ stay
	cargo clean
	rm -rf web/dist web/pkg web/node_modules

$(NODE_MODULES): web/package-lock.json
	npm --prefix web ci --no-audit --no-fund
	@touch $@

.PHONY: help demo demo-build serve wasm web test lint test-scripts test-rust test-oracles test-wasm test-e2e test-doors test-mlflow deny bench \
	bench-data bench-train bench-score bench-spark bench-monitor bench-size drift-suite fixtures test-faults fuzz fuzz-inputs clean

//! The runner that `cargo test --target wasm32-unknown-unknown` hands each test binary to: upstream's
//! `wasm-bindgen-test-runner`, built from Cargo.lock instead of installed by hand.

use std::env;

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(env::args_os())
}

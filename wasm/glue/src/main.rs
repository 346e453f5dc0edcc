//! Writes the JavaScript glue of a wasm module: `nextbest-wasm-glue INPUT.wasm OUT_DIR`.
//!
//! This is `wasm-bindgen --target web --typescript` as a library, so that Cargo.lock ties the generator to
//! the version of the macros and nobody has to install a matching tool by hand.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "usage: nextbest-wasm-glue INPUT.wasm OUT_DIR";

fn main() -> Result<()> {
    let (input, out_dir) = parse_args(env::args_os().skip(1))?;
    write_glue(&input, &out_dir)
}

fn parse_args(mut args: impl Iterator<Item = OsString>) -> Result<(PathBuf, PathBuf)> {
    let (Some(input), Some(out_dir), None) = (args.next(), args.next(), args.next()) else {
        bail!("expected exactly two arguments\n{USAGE}");
    };
    let input = PathBuf::from(input);
    if !input.is_file() {
        bail!(
            "{}: no such file; build it with `cargo build --target wasm32-unknown-unknown`\n{USAGE}",
            input.display()
        );
    }
    Ok((input, PathBuf::from(out_dir)))
}

fn write_glue(input: &Path, out_dir: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(input)
        // "web" with `initSync` is the only form that runs in browsers, Node, Deno, Bun and workerd alike.
        .web(true)?
        .typescript(true)
        // A trap poisons the instance for ever and `initSync` hands out the instance it already has:
        // `__wbg_reset_state()` is how the page gets a fresh one without loading the module again.
        .reset_state_function(true)
        .generate(out_dir)
        .with_context(|| format!("{}: cannot generate glue", input.display()))?;

    // Without it Node takes the glue for CommonJS and rejects its `export`s.
    let package = out_dir.join("package.json");
    fs::write(&package, "{\"type\":\"module\"}\n")
        .with_context(|| format!("{}: cannot write", package.display()))
}

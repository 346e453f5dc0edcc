//! The native part of `make bench-score`.
//!
//! `bench-score models TASK OUT` learns the shared task, as bench/train/task.py lays it out, and leaves of
//! each model its bundle and its trees for the peers; `bench-score time TASK BUNDLE OUT` scores the test rows
//! on one thread, writes their probabilities and prints how fast it was.

mod models;
mod timing;
mod trees;

use std::io::Write as _;
use std::path::Path;

use nextbest_bench::shared_task::Failure;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["models", task, out] => models::write(Path::new(task), Path::new(out)),
        ["time", task, bundle, out] => {
            let measured = timing::measure(Path::new(task), Path::new(bundle), Path::new(out))?;
            Ok(writeln!(std::io::stdout(), "{measured}")?)
        }
        _ => Err("usage: bench-score models TASK OUT | bench-score time TASK BUNDLE OUT".into()),
    }
}

fn write<N: Copy>(path: &Path, numbers: &[N], bytes: fn(N) -> [u8; 4]) -> Result<(), Failure> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| bytes(*number)).collect();
    Ok(std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))?)
}

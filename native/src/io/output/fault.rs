//! Faults on purpose, for `make test-faults`: each operation that changes a file system is a point at which
//! the process can be told to fail or to die. Release builds have none of it.

use std::io;

/// What the environment asks for: `fail@N` (the disk is full at the N-th operation), `abort@N` (the process
/// dies before it), `list:FILE` (adds a line to FILE for each operation).
#[cfg(debug_assertions)]
const VARIABLE: &str = "NEXTBEST_FAULT";

/// A point before an operation.
///
/// # Errors
/// If the environment asks for one.
#[cfg(debug_assertions)]
pub(super) fn point(operation: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let Ok(asked) = std::env::var(VARIABLE) else { return Ok(()) };
    if let Some(list) = asked.strip_prefix("list:") {
        return writeln!(std::fs::File::options().create(true).append(true).open(list)?, "{operation}");
    }
    let here = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
    match asked.split_once('@') {
        Some((kind, number)) if number.parse() == Ok(here) => match kind {
            "abort" => std::process::abort(),
            _ => Err(io::ErrorKind::StorageFull.into()),
        },
        _ => Ok(()),
    }
}

#[cfg(not(debug_assertions))]
pub(super) fn point(_: &str) -> io::Result<()> {
    Ok(())
}

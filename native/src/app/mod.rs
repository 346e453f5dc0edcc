//! Services for all other modules: progress, printing, the clock, signals, secrets, and the error type that
//! marks a user's mistake.

pub(crate) mod clock;
pub(crate) mod compressed;
pub(crate) mod number;
pub(crate) mod printed;
mod progress;
pub(crate) mod secrets;
pub(crate) mod signals;

pub use progress::Progress;
pub(crate) use progress::for_people;

/// A mistake in the command line or config: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// Turns any error into a [`UsageError`].
pub(crate) fn usage(error: anyhow::Error) -> anyhow::Error {
    UsageError(format!("{error:#}")).into()
}

/// Formats a number of bytes: `1.2 MB`.
pub(crate) fn human_bytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

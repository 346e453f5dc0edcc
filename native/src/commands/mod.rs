//! The commands: each parses its arguments, calls the pipeline and prints.

mod context;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod features;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod monitor;
pub(crate) mod retrain;
pub(crate) mod run;
pub(crate) mod score;
pub(crate) mod train;

pub(crate) use context::Context;

/// How a command ended that did its work.
pub(crate) enum Done {
    Quietly,
    /// Somebody should be told something.
    WithAlert,
}

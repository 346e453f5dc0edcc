//! The stations from a bank's tables to its offers, each of which reads what the one before it wrote.
//!
//! `generate` → `features` → `train` → `evaluate` → `export` → `score` → `monitor`. A station takes the
//! [`Session`] and its own options, and gives a result that can be printed (`Display`) and stored
//! (`Serialize`).

mod as_of;
mod bundles;
mod catalogue;
pub(crate) mod doctor;
pub(crate) mod eda;
pub mod evaluate;
mod explain;
pub mod export;
mod export_pyfunc;
pub mod features;
pub mod generate;
pub mod monitor;
pub(crate) mod policy_eval;
pub(crate) mod registry;
pub(crate) mod retrain;
pub mod score;
mod score_customers;
mod score_table;
pub(crate) mod sketch;
pub mod train;
mod train_table;

use anyhow::Context as _;
use nextbest_core::time::Clock;

use crate::app::Progress;
use crate::config::Config;
pub(crate) use bundles::bundle_bytes;

/// What every station works with.
#[derive(Debug)]
pub struct Session {
    /// Where tables and outputs are, and what is done with them.
    pub config: Config,
    /// Where progress and warnings go.
    pub progress: Progress,
}

impl Session {
    /// Tells the user something that is no error.
    pub(crate) fn warn(&self, message: &str) {
        self.progress.warn(message);
    }
}

/// A moment that somebody asks about.
pub(crate) fn as_of(clock: &Clock, text: &str) -> anyhow::Result<i64> {
    clock.as_of(text).with_context(|| format!("as of: expected a date such as 2026-07-01, got {text:?}"))
}

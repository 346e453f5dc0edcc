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

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use nextbest_core::time::Clock;

use crate::app::Progress;
use crate::config::Config;
use crate::io::output::{FolderLock, Use};
pub(crate) use bundles::bundle_bytes;

/// What every station works with.
#[derive(Debug)]
pub struct Session {
    /// Where tables and outputs are, and what is done with them.
    pub config: Config,
    /// Where progress and warnings go.
    pub progress: Progress,
    /// How long a station waits for another process that is at work in a folder that it needs; without limit
    /// where it is `None`.
    pub wait: Option<Duration>,
    /// The folders that this process has locked, until it ends.
    locks: Mutex<BTreeMap<PathBuf, (Use, FolderLock)>>,
}

impl Session {
    /// A session that waits for other processes as long as it takes.
    pub fn new(config: Config, progress: Progress) -> Self {
        Self { config, progress, wait: None, locks: Mutex::default() }
    }

    /// Locks the folders that a station uses, in the order of the stations: so no two processes wait for each
    /// other.
    ///
    /// # Errors
    /// Where a folder can't be locked, or another process has it for too long.
    pub(crate) fn lock<'f>(&self, folders: impl IntoIterator<Item = (&'f Path, Use)>) -> anyhow::Result<()> {
        for (folder, what) in folders {
            let path = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.get(&path).is_some_and(|(held, _)| *held == Use::Write || what == Use::Read) {
                continue;
            }
            // A lock for reading gives way to one for writing.
            locks.remove(&path);
            if let Some(lock) = FolderLock::take(folder, what, self.wait, &self.progress)? {
                locks.insert(std::fs::canonicalize(folder).unwrap_or(path), (what, lock));
            }
        }
        Ok(())
    }

    /// The folder of the bank's tables, to read them.
    pub(crate) fn tables(&self) -> (&Path, Use) {
        (self.config.data_source.input_path(), Use::Read)
    }

    /// The folder of the feature table, to read it.
    pub(crate) fn feature_table(&self) -> (&Path, Use) {
        (self.config.data_source.output_path(), Use::Read)
    }

    /// The folder of all outputs, to write there.
    pub(crate) fn outputs(&self) -> (&Path, Use) {
        (&self.config.outputs.path, Use::Write)
    }

    /// Tells the user something that is no error.
    pub(crate) fn warn(&self, message: &str) {
        self.progress.warn(message);
    }
}

/// A moment that somebody asks about.
pub(crate) fn as_of(clock: &Clock, text: &str) -> anyhow::Result<i64> {
    clock.as_of(text).with_context(|| format!("as of: expected a date such as 2026-07-01, got {text:?}"))
}

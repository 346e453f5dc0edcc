//! Sets of files that belong together, such as a bank's tables or a model and its report.
//!
//! The files of a set are renamed one after the other. Whoever is killed in between leaves old ones beside
//! new ones, so a marker stands in the folder from before the first rename until after the last one. Whoever
//! reads a set refuses it where the marker stands; the command that makes the set makes it whole by running
//! again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{fault, sync};

const MARKER: &str = ".nextbest-unfinished";

/// A set whose files are being renamed.
#[must_use = "the set counts as unfinished until `finish` is called"]
#[derive(Debug)]
pub(crate) struct Unfinished {
    marker: PathBuf,
}

impl Unfinished {
    /// Marks the set that `command` makes in a folder.
    ///
    /// # Errors
    /// If the marker can't be written.
    pub(crate) fn begin(folder: &Path, command: &str) -> anyhow::Result<Self> {
        let marker = marker(folder, command);
        let place = || format!("{}: can't be written", marker.display());
        fault::point("mark").with_context(place)?;
        let mut file = File::create(&marker).with_context(place)?;
        file.write_all(command.as_bytes()).with_context(place)?;
        file.sync_all().with_context(place)?;
        sync(folder);
        Ok(Self { marker })
    }

    /// The set is whole.
    ///
    /// # Errors
    /// If the marker can't be removed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let place = || format!("{}: can't be removed", self.marker.display());
        fault::point("unmark").with_context(place)?;
        std::fs::remove_file(&self.marker).with_context(place)?;
        self.marker.parent().into_iter().for_each(sync);
        Ok(())
    }
}

/// Whether the set that `command` makes in a folder was left unfinished.
pub(crate) fn is_unfinished(folder: &Path, command: &str) -> bool {
    marker(folder, command).exists()
}

/// Refuses a set that was left unfinished.
///
/// # Errors
/// If it was.
pub(crate) fn check_finished(folder: &Path, command: &str) -> anyhow::Result<()> {
    if is_unfinished(folder, command) {
        bail!(
            "{}: `nextbest {command}` was stopped while it replaced the files here, so some are new and some are old: run it \
             again",
            folder.display()
        );
    }
    Ok(())
}

fn marker(folder: &Path, command: &str) -> PathBuf {
    folder.join(format!("{MARKER}.{}", command.replace(' ', "")))
}

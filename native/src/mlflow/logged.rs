//! Whether a result was logged, and what happens to it otherwise.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::environment::variable;
use super::journal::Journal;
use crate::app::Progress;
use crate::config::Config;

/// Whether something was logged. What was not is kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Logged {
    /// In this run.
    Run {
        id: String,
        place: String,
        /// How to look at it, where that takes more than the place.
        #[serde(skip)]
        hint: Option<String>,
    },
    /// Not yet, for this reason.
    Kept { reason: String },
}

/// Tells what a journal has to tell.
pub(crate) fn tell(progress: &Progress, journal: &mut Journal) -> Logged {
    progress.step("logging to MLflow".into());
    match (journal.tell(progress), journal.run()) {
        (Ok((place, hint)), Some(run)) => Logged::Run { id: run.id.clone(), place, hint },
        (Ok(_), None) => Logged::Kept { reason: "there is no run".into() },
        (Err(error), _) => Logged::Kept { reason: format!("{error:#}") },
    }
}

/// Logs what earlier trainings could not.
///
/// # Errors
/// If it can't be logged now either.
pub(crate) fn resume(config: &Config, progress: &Progress) -> anyhow::Result<Resumed> {
    let mut runs = Vec::new();
    for mut journal in Journal::all(&config.journals_path())? {
        if !journal.is_told() {
            let logged = tell(progress, &mut journal);
            check(Some(&logged))?;
            runs.push(logged);
        }
    }
    Ok(Resumed { runs })
}

/// Fails where something could not be logged.
///
/// # Errors
/// Says why, and how to go on.
pub(crate) fn check(logged: Option<&Logged>) -> anyhow::Result<()> {
    match logged {
        Some(Logged::Kept { reason }) => bail!(
            "everything is written here, but not all of it could be logged: {reason}\n`nextbest train \
             --resume-logging` logs the rest; a training's run counts as failed until then"
        ),
        _ => Ok(()),
    }
}

/// Who does what is done here.
pub(crate) fn user() -> String {
    variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "unknown".into())
}

/// The content of a file that is logged.
///
/// # Errors
/// If it can't be read.
pub(super) fn file_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// What was logged at last.
#[derive(Debug, Serialize)]
pub(crate) struct Resumed {
    runs: Vec<Logged>,
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            writeln!(f, "nothing is left to be logged")?;
        }
        self.runs.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}

impl Logged {
    /// The same where it was said already how to look at it.
    pub(super) fn without_hint(self) -> Self {
        match self {
            Self::Run { id, place, .. } => Self::Run { id, place, hint: None },
            kept => kept,
        }
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { id, place, hint } => {
                writeln!(f, "logged to run {id}: {place}")?;
                hint.iter().try_for_each(|hint| writeln!(f, "{hint}"))
            }
            // The error says it.
            Self::Kept { .. } => Ok(()),
        }
    }
}

//! Monitor → train → evaluate → export → register → the gates of staging, where monitoring finds
//! that it is time.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::Session;
use super::registry::{promote, register};
use super::{evaluate, export, features, monitor, train};
use crate::io::output::{self, Use};
use crate::monitor::Alert;

/// Alerts that new training answers. The others say that the data are broken, which no model should learn
/// from.
const ANSWERED: [&str; 5] =
    ["data_drift", "prediction_drift", "heavily_drifted_features", "log_loss_rise", "expected_log_loss_rise"];

/// What was done about it.
#[derive(Debug, Serialize)]
pub(crate) struct Retrained {
    pub(crate) decision: Decision,
    /// What asked for it, or forbade it.
    reasons: Vec<Alert>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    /// Nothing has changed that a new model would know better.
    NotNeeded,
    /// The data are broken: somebody has to look.
    Forbidden,
    /// A new model was trained, and passed the gates of staging.
    InStaging,
}

/// Monitors, and trains a new model where an alert asks for one.
///
/// # Errors
/// Where a station fails, or the new model does not pass the gates of staging.
pub(crate) fn run(session: &Session, options: &monitor::Options) -> anyhow::Result<Retrained> {
    // All at once, before monitoring locks some of them for reading only.
    let processed = session.config.data_source.output_path();
    session.lock([session.tables(), (processed, Use::Write), session.outputs()])?;
    let monitored = monitor::run(session, options)?;
    let of = |answered: bool| {
        let alerts = monitored.found.alerts.iter().filter(|it| ANSWERED.contains(&it.rule) == answered);
        alerts.cloned().collect::<Vec<_>>()
    };
    let (asking, forbidding) = (of(true), of(false));
    if !forbidding.is_empty() {
        return Ok(Retrained { decision: Decision::Forbidden, reasons: forbidding });
    }
    if asking.is_empty() {
        return Ok(Retrained { decision: Decision::NotNeeded, reasons: asking });
    }
    for alert in &asking {
        session.warn(&format!("{}: {}", alert.rule, alert.detail));
    }
    features::run(session, &features::Options { skip_bad_rows: options.skip_bad_rows })?;
    train::run(session, &train::Options::default())?;
    evaluate::run(session, &evaluate::Options::default())?;
    let bundle = session.config.bundle_path();
    let before = std::fs::read(&bundle).ok();
    export::run(session, &export::Options::default())?;
    register_and_promote(session)
        .inspect_err(|_| put_back(session, &bundle, before.as_deref()))
        .context("the new model is not in staging")?;
    Ok(Retrained { decision: Decision::InStaging, reasons: asking })
}

fn register_and_promote(session: &Session) -> anyhow::Result<()> {
    register::run(session, &register::Arguments::default())?;
    promote::run(session, &promote::Arguments::newest_to_staging()).map(|_| ())
}

/// A model that did not pass takes no other one's place.
fn put_back(session: &Session, bundle: &Path, before: Option<&[u8]>) {
    let Some(before) = before else { return };
    match output::write_bytes(bundle, before) {
        Ok(()) => session.warn(&format!("{} is the one of before again", bundle.display())),
        Err(error) => session.warn(&format!("{error:#}")),
    }
}

impl fmt::Display for Retrained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decision {
            Decision::NotNeeded => writeln!(f, "no new model is needed: no alert that training would answer"),
            Decision::Forbidden => {
                writeln!(f, "not trained: look at the data first")?;
                self.reasons.iter().try_for_each(|it| writeln!(f, "ALERT {}: {}", it.rule, it.detail))
            }
            Decision::InStaging => {
                writeln!(f, "a new model is in staging, since")?;
                self.reasons.iter().try_for_each(|it| writeln!(f, "  {}: {}", it.rule, it.detail))?;
                writeln!(f, "next: nextbest promote production")
            }
        }
    }
}

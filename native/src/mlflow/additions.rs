//! What an evaluation and an export add to the run of their model.

use std::path::{Path, PathBuf};

use nextbest_core::metrics::bootstrap::Resampled;

use super::address::Address;
use super::journal::Journal;
use super::logged::{Logged, file_bytes, tell};
use super::tracking::{Run, Values};
use crate::app::{Progress, clock};
use crate::config::Config;
use crate::evaluate::Evaluation;

/// Adds an evaluation and its files to the run of the model; `None` where that is not known or nothing is
/// logged.
///
/// # Errors
/// If it can't even be written down.
pub(crate) fn log_evaluation(
    config: &Config,
    progress: &Progress,
    evaluation: &Evaluation,
    files: &[PathBuf],
) -> anyhow::Result<Option<Logged>> {
    let Some(mut journal) = journal_of(config, &evaluation.model)? else { return Ok(None) };
    add_evaluation(&mut journal, evaluation, files)?;
    Ok(Some(tell(progress, &mut journal).without_hint()))
}

/// Adds an evaluation and its files to a journal.
pub(crate) fn add_evaluation(
    journal: &mut Journal,
    evaluation: &Evaluation,
    files: &[PathBuf],
) -> anyhow::Result<()> {
    let mut values = Values::default();
    let time = clock::milliseconds();
    let mut metric =
        |name: String, value: Option<f64>| values.measure(format!("test_{name}"), value, 0, time);
    if let Some(model) = evaluation.of_model() {
        let all = &model.all;
        for (name, value) in [
            ("accuracy", Some(all.accuracy)),
            ("precision_weighted", Some(all.precision_weighted)),
            ("recall_weighted", Some(all.recall_weighted)),
            ("f1_weighted", Some(all.f1_weighted)),
            ("roc_auc_ovr", all.roc_auc_ovr),
            ("log_loss", Some(all.log_loss)),
            ("top_3_accuracy", Some(all.top_3_accuracy)),
            ("map_at_3", Some(all.map_at_3)),
            ("brier", Some(all.brier)),
            ("calibration_error", Some(all.calibration_error)),
        ] {
            metric(name.into(), value);
        }
        for resampled in Resampled::ALL {
            if let Some(interval) = model.interval(resampled) {
                metric(format!("{}_low", resampled.name()), Some(interval.low));
                metric(format!("{}_high", resampled.name()), Some(interval.high));
            }
        }
        metric("rows".into(), Some(all.rows as f64));
    }
    journal.log(0, values);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        journal.log_artifact(0, &format!("evaluation/{name}"), &file_bytes(file)?)?;
    }
    Ok(())
}

/// Adds a bundle to the run of the model that it was exported from; `None` where that is not known or nothing
/// is logged.
///
/// # Errors
/// If it can't even be written down.
pub(crate) fn log_bundle(
    config: &Config,
    progress: &Progress,
    model: &str,
    bundle: &Path,
    hash: &str,
) -> anyhow::Result<Option<Logged>> {
    let Some(mut journal) = journal_of(config, model)? else { return Ok(None) };
    add_bundle(&mut journal, bundle, hash)?;
    Ok(Some(tell(progress, &mut journal).without_hint()))
}

/// Adds a bundle to a journal.
pub(crate) fn add_bundle(journal: &mut Journal, bundle: &Path, hash: &str) -> anyhow::Result<()> {
    let name = bundle.file_name().unwrap_or_default().to_string_lossy();
    journal.log_artifact(0, &format!("bundle/{name}"), &file_bytes(bundle)?)?;
    let tags = vec![("nextbest.bundle".to_owned(), hash.to_owned())];
    journal.log(0, Values { tags, ..Values::default() });
    journal.made(hash);
    Ok(())
}

/// The run there of a bundle (its content's hash), where it is known and has begun.
///
/// # Errors
/// If a journal can't be read.
pub(crate) fn run_of(config: &Config, place: &Address, hash: &str) -> anyhow::Result<Option<Run>> {
    match Journal::of_bundle(&config.journals_path(), hash)? {
        Some(journal) if journal.address()? == *place => Ok(journal.run().cloned()),
        _ => Ok(None),
    }
}

fn journal_of(config: &Config, model: &str) -> anyhow::Result<Option<Journal>> {
    match Address::of_tracking(config)? {
        Some(_) => Journal::of_bundle(&config.journals_path(), model),
        None => Ok(None),
    }
}

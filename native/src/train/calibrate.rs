//! Corrects the chosen model's probabilities by what came true on the rows that chose it.

use std::fmt;

use nextbest_core::matrix::Matrix;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::train::{CalibrationRows, CalibrationTrial};
use rustc_hash::FxHashMap;
use serde::Serialize;

use crate::config::ModelConfig;
use crate::io::feature_table::FeatureTable;

/// How the probabilities were corrected, for training.json and people.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CalibrationReport {
    method: &'static str,
    reason: String,
    /// How many rows it was learned from.
    rows: usize,
    /// Every method that was tried, measured on rows that it was not fitted to; the first one is no
    /// calibration.
    trials: Vec<Trial>,
}

#[derive(Debug, Clone, Serialize)]
struct Trial {
    method: &'static str,
    log_loss: f64,
    calibration_error: f64,
    /// The gain in log-loss over the best simpler method, and its standard error.
    gain: f64,
    standard_error: f64,
}

/// Learns a calibration from what a model, fitted to the training rows alone, says of the validation rows.
///
/// # Errors
/// Where the probabilities do not fit the rows.
pub(crate) fn calibrate(
    config: &ModelConfig,
    validation: &FeatureTable,
    probabilities: &[f32],
) -> anyhow::Result<(Calibration, CalibrationReport)> {
    let mut numbers = FxHashMap::default();
    let groups: Vec<usize> = validation
        .ids
        .iter()
        .map(|id| {
            let next = numbers.len();
            *numbers.entry(id.as_str()).or_insert(next)
        })
        .collect();
    let rows = CalibrationRows {
        probabilities: Matrix::new(probabilities, validation.layout.schema.class_count())?,
        labels: &validation.labels,
        groups: &groups,
    };
    let choice = rows.choose(config.calibration.method())?;
    let report = CalibrationReport {
        method: choice.calibration.name(),
        reason: choice.reason,
        rows: validation.len(),
        trials: choice.trials.iter().map(Trial::from).collect(),
    };
    Ok((choice.calibration, report))
}

impl From<&CalibrationTrial> for Trial {
    fn from(trial: &CalibrationTrial) -> Self {
        Self {
            method: trial.method.name(),
            log_loss: trial.log_loss,
            calibration_error: trial.calibration_error,
            gain: trial.gain,
            standard_error: trial.standard_error,
        }
    }
}

impl fmt::Display for CalibrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calibration {}: {}", self.method, self.reason)?;
        for trial in &self.trials {
            write!(
                f,
                "\n  {:<12} log-loss {:.5}, calibration error {:.5}",
                trial.method, trial.log_loss, trial.calibration_error
            )?;
            if trial.method != "none" {
                write!(f, ", gain {:+.5} ± {:.5}", trial.gain, trial.standard_error)?;
            }
        }
        Ok(())
    }
}

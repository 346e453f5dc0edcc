//! From rows of features to models: chosen on some rows, calibrated by them, and fitted once more with them.

mod calibrate;
mod described;
mod fitting;
mod selection;
mod settings;

use std::path::Path;

use anyhow::Context as _;
use nextbest_core::Error;
use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::card::Card;
use nextbest_core::bundle::validity::Validity;
use nextbest_core::matrix::Column;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::train::RoundLoss;
use serde::Serialize;

use crate::app::Progress;
use crate::config::{Algorithm, ModelConfig};
use crate::io::feature_table::FeatureTable;
use crate::io::output::{self, Unfinished};
use crate::train::calibrate::{CalibrationReport, calibrate};
pub(crate) use described::help as parameters_help;
pub(crate) use fitting::TrainingRows;
pub(crate) use selection::Trial;
use selection::{Finalist, Selector};
pub(crate) use settings::{RowsOf, Settings};

/// What trains models.
pub(crate) struct Trainer<'t> {
    pub(crate) config: &'t ModelConfig,
    pub(crate) algorithm: Algorithm,
    /// For how long parameters are tuned.
    pub(crate) budget: std::time::Duration,
    pub(crate) rows_of: RowsOf,
    pub(crate) policy: PolicyDefinition,
    /// What is known before training.
    pub(crate) card: Card,
    pub(crate) progress: &'t Progress,
}

/// What was trained.
pub(crate) struct TrainedModels {
    pub(crate) trials: Vec<Trial>,
    /// The best of each kind, the very best first.
    pub(crate) finalists: Vec<TrainedModel>,
}

/// The best model of a kind.
pub(crate) struct TrainedModel {
    pub(crate) bundle: Bundle,
    pub(crate) report: FinalistReport,
    /// Of boosted trees: the log-loss after each round of the trial that it won by.
    pub(crate) losses: Vec<RoundLoss>,
}

/// How a finalist came about.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FinalistReport {
    pub(crate) algorithm: &'static str,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) validation_log_loss: f64,
    pub(crate) calibration: CalibrationReport,
    /// Of a forest that learned from all rows but the test's, how good it is on the rows that its trees did
    /// not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) out_of_bag: Option<OutOfBagReport>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct OutOfBagReport {
    pub(crate) log_loss: f64,
    pub(crate) accuracy: f64,
}

impl Trainer<'_> {
    /// Chooses models that learn from `train` by what they say of `validation`, calibrates them there, and
    /// fits them again to `all`, which are both.
    ///
    /// # Errors
    /// Where a model can't be fitted or does not make a sound bundle.
    pub(crate) fn train(
        &self,
        train: &FeatureTable,
        validation: &FeatureTable,
        all: &FeatureTable,
    ) -> anyhow::Result<TrainedModels> {
        let rows = TrainingRows::new(self.config, train, Some(validation))?;
        let prior = class_prior(&train.labels, train.layout.schema.class_count());
        let selector = Selector {
            config: self.config,
            rows_of: self.rows_of,
            budget: self.budget,
            rows: &rows,
            validation,
            prior: &prior,
            progress: self.progress,
        };
        let (trials, finalists) = selector.select(self.algorithm)?;
        let rows = TrainingRows::new(self.config, all, None)?;
        let reference = medians(all)?;
        let finish = |finalist: Finalist| self.finish(finalist, validation, &rows, all, &reference);
        let finalists = finalists.into_iter().map(finish).collect::<anyhow::Result<_>>()?;
        Ok(TrainedModels { trials, finalists })
    }

    fn finish(
        &self,
        finalist: Finalist,
        validation: &FeatureTable,
        rows: &TrainingRows,
        all: &FeatureTable,
        reference: &[f32],
    ) -> anyhow::Result<TrainedModel> {
        let Finalist { settings, validation_log_loss, probabilities, losses } = finalist;
        let (calibration, calibration_report) = calibrate(self.config, validation, &probabilities)?;
        let fitted = rows.fit(&settings, self.progress, "training on all but the test")?;
        let (model, out_of_bag) = rows.settle(&settings, fitted.model)?;
        let mut parameters = vec![("max_bins".to_owned(), self.config.max_bins.to_string())];
        parameters.extend(settings.parameters());
        parameters.push(("calibration".into(), calibration.name().into()));
        let card = Card {
            algorithm: settings.name().into(),
            parameters: parameters.clone(),
            seed: settings.seed(),
            importance: fitted.importance,
            ..self.card.clone()
        };
        let bundle = Bundle {
            schema: all.layout.schema.clone(),
            features: all.layout.features.clone(),
            bins: rows.bins.clone(),
            model,
            calibration,
            policy: self.policy.clone(),
            validity: Validity::default(),
            reference: reference.to_vec(),
            goldens: Vec::new(),
            card,
            profile: None,
        };
        bundle.check()?;
        let report = FinalistReport {
            algorithm: settings.name(),
            parameters,
            validation_log_loss,
            calibration: calibration_report,
            out_of_bag: out_of_bag
                .map(|found| OutOfBagReport { log_loss: found.log_loss, accuracy: found.accuracy }),
        };
        Ok(TrainedModel { bundle, report, losses })
    }
}

impl TrainedModels {
    /// The chosen model.
    ///
    /// # Errors
    /// Where there is none.
    pub(crate) fn best(&self) -> anyhow::Result<&TrainedModel> {
        self.finalists.first().context("there was nothing to choose from")
    }

    /// Writes the chosen model, and beside it in `candidates/` the others, for `nextbest evaluate`; those of
    /// an earlier training go. The set is unfinished until the caller has written its report.
    ///
    /// # Errors
    /// Where a model can't be read again, or a file can't be written.
    pub(crate) fn write(&self, model: &Path) -> anyhow::Result<Unfinished> {
        let encoded = self.finalists.iter().map(|finalist| encoded(&finalist.bundle));
        let encoded = encoded.collect::<anyhow::Result<Vec<_>>>()?;
        let (best, others) = encoded.split_first().context("there was nothing to choose from")?;
        let folder = model.parent().context("the model has no folder")?;
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let unfinished = Unfinished::begin(folder, "train")?;
        let names = self.finalists.iter().skip(1).map(|other| format!("{}.bundle", other.report.algorithm));
        let names: Vec<String> = names.collect();
        let files = names.iter().map(String::as_str).zip(others.iter().map(Vec::as_slice));
        output::replace_folder(&model.with_file_name("candidates"), files)?;
        output::write_bytes(model, best)?;
        Ok(unfinished)
    }
}

/// The bytes of a model that can be read again: a reader has limits that training does not know.
fn encoded(bundle: &Bundle) -> anyhow::Result<Vec<u8>> {
    let bytes = bundle.encode()?;
    Bundle::decode(&bytes)
        .with_context(|| format!("the {} could not be read again", bundle.card.algorithm))?;
    Ok(bytes)
}

impl std::fmt::Display for FinalistReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(found) = &self.out_of_bag {
            writeln!(f, "out of bag: log-loss {:.4}, accuracy {:.4}", found.log_loss, found.accuracy)?;
        }
        write!(f, "{}", self.calibration)
    }
}

/// The class prior: the share of each class.
pub(crate) fn class_prior(labels: &[usize], class_count: usize) -> Vec<f32> {
    let mut counts = vec![0usize; class_count];
    for label in labels {
        if let Some(count) = counts.get_mut(*label) {
            *count += 1;
        }
    }
    counts.iter().map(|count| *count as f32 / labels.len().max(1) as f32).collect()
}

/// Each feature's median over the rows that have it; NaN where most rows do not.
///
/// # Errors
/// Where the table does not have the features of each of its rows.
fn medians(table: &FeatureTable) -> Result<Vec<f32>, Error> {
    let median = |values: Column<'_, f32>| {
        let mut known: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
        known.sort_unstable_by(f32::total_cmp);
        if known.len() * 2 < table.len() {
            f32::NAN
        } else {
            known.get(known.len() / 2).copied().unwrap_or(f32::NAN)
        }
    };
    Ok(table.matrix()?.columns().map(median).collect())
}

//! The contestants of an evaluation: the model, baselines without a model, and the finalists not chosen.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use nextbest_core::bundle::{Bundle, content_hash};
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::Metrics;
use nextbest_core::metrics::bootstrap::{Interval, Replicates, Resampled, Scores};
use nextbest_core::score::Scorer;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::app::Progress;
use crate::config::Config;
use crate::io::feature_table::FeatureTable;
use crate::io::input;

/// Rows per block of scoring.
const CHUNK: usize = 4096;

/// Name and predictions of a contestant on the test rows.
pub(crate) struct Predictions {
    pub(crate) name: String,
    /// Probabilities by row, one per class.
    pub(crate) probabilities: Vec<f32>,
}

/// Metrics of a contestant.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) all: Metrics,
    /// Of those to whom something happened, where there is a class for nothing and something happened to
    /// anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) without_none: Option<Metrics>,
    /// 95 % bootstrap confidence intervals of the metrics, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) intervals: BTreeMap<String, Interval>,
    /// By how much its log-loss exceeds the model's, in 95 % of the same draws. (That two intervals overlap
    /// does not say that there is no difference.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_loss_above_model: Option<Interval>,
}

impl Contestant {
    /// Measures predictions for rows with these labels. Class 0 is NONE, if the schema has it.
    ///
    /// # Errors
    /// If there are no rows.
    pub(crate) fn measure(
        name: impl Into<String>,
        class_names: &[&str],
        labels: &[usize],
        probabilities: &[f32],
        has_none: bool,
    ) -> anyhow::Result<Self> {
        let of_takers = || Metrics::measure_without_none(class_names, labels, probabilities);
        Ok(Self {
            name: name.into(),
            all: Metrics::measure(class_names, labels, probabilities)
                .context("there are no rows to measure a model on")?,
            without_none: if has_none { of_takers() } else { None },
            intervals: BTreeMap::new(),
            log_loss_above_model: None,
        })
    }

    /// The same with intervals, also of the difference from the model.
    pub(crate) fn with_intervals(mut self, replicates: &Replicates, model: &Replicates) -> Self {
        self.log_loss_above_model = replicates.difference(model, Resampled::LogLoss);
        let interval = |metric: Resampled| Some((metric.name().to_owned(), replicates.interval(metric)?));
        self.intervals = Resampled::ALL.into_iter().filter_map(interval).collect();
        self
    }

    /// A resampled metric; `None` if undefined.
    pub(crate) fn value(&self, metric: Resampled) -> Option<f64> {
        Some(match metric {
            Resampled::LogLoss => self.all.log_loss,
            Resampled::RocAuc => self.all.roc_auc_ovr?,
            Resampled::Accuracy => self.all.accuracy,
            Resampled::Top3 => self.all.top_3_accuracy,
            Resampled::MapAt3 => self.all.map_at_3,
            Resampled::Brier => self.all.brier,
            Resampled::LogLossWithoutNone => self.without_none.as_ref()?.log_loss,
        })
    }

    /// Its interval.
    pub(crate) fn interval(&self, metric: Resampled) -> Option<Interval> {
        self.intervals.get(metric.name()).copied()
    }
}

impl Predictions {
    /// Predictions of a bundle's model.
    ///
    /// # Errors
    /// If the rows do not fit it.
    pub(crate) fn of(name: impl Into<String>, bundle: &Bundle, values: &[f32]) -> anyhow::Result<Self> {
        Ok(Self { name: name.into(), probabilities: score(&bundle.scorer(), bundle, values)? })
    }

    /// The prior without the products that a customer holds and can't take again: the usual rule of thumb. Of
    /// a customer who holds all that anyone ever took it says what the prior says.
    pub(crate) fn popular_not_owned(prior: &[f32], bundle: &Bundle, table: &FeatureTable) -> Self {
        let products = bundle.schema.products();
        let rows = table.held.iter().flat_map(|held| {
            let possible: Vec<f32> = prior
                .iter()
                .enumerate()
                .map(|(class, probability)| {
                    let product =
                        class.checked_sub(1).and_then(|position| Some((position, products.get(position)?)));
                    let owned = product
                        .is_some_and(|(position, product)| !product.repeatable && held.contains(position));
                    if owned { 0.0 } else { *probability }
                })
                .collect();
            let total: f32 = possible.iter().sum();
            let said = if total > 0.0 { possible } else { prior.to_vec() };
            said.into_iter()
                .map(move |probability| if total > 0.0 { probability / total } else { probability })
        });
        Self { name: "popular, not owned".into(), probabilities: rows.collect() }
    }

    /// The predictions as they are resampled.
    ///
    /// # Errors
    /// If the number of classes differs.
    pub(crate) fn scores<'s>(
        &'s self,
        labels: &'s [usize],
        class_count: usize,
        has_none: bool,
    ) -> anyhow::Result<Scores<'s>> {
        Ok(Scores { labels, probabilities: Matrix::new(&self.probabilities, class_count)?, has_none })
    }
}

/// Predictions of a scorer for many rows.
///
/// # Errors
/// If the rows do not fit it.
pub(crate) fn score(scorer: &Scorer<'_>, bundle: &Bundle, values: &[f32]) -> anyhow::Result<Vec<f32>> {
    let width = bundle.features.len().max(1);
    let chunks = values.par_chunks(width * CHUNK);
    let scored = chunks.map(|rows| Ok(scorer.clone().score_batch(rows, rows.len() / width)?));
    Ok(scored.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

/// The models that were trained beside the chosen one, from the same rows:
/// outputs/models/candidates/*.bundle. Others (of an earlier training) are left out with a warning.
///
/// # Errors
/// If one of the files is no sound bundle.
pub(crate) fn finalists(
    config: &Config,
    progress: &Progress,
    chosen: &Bundle,
    chosen_hash: &str,
) -> anyhow::Result<Vec<Bundle>> {
    let mut found = Vec::new();
    for path in bundles_in(&config.outputs.path.join("models").join("candidates"))? {
        let bytes = input::read_bundle(&path).with_context(|| path.display().to_string())?;
        let bundle = Bundle::decode(&bytes).with_context(|| path.display().to_string())?;
        let (ours, theirs) = (&chosen.card, &bundle.card);
        let same_rows = ours.training_data == theirs.training_data
            && ours.training_cutoffs == theirs.training_cutoffs
            && ours.test_cutoffs == theirs.test_cutoffs;
        if !same_rows {
            progress.warn(&format!(
                "{}: was not trained on the rows that the model was trained on, so it is left out",
                path.display()
            ));
        } else if content_hash(&bytes) != chosen_hash {
            found.push(bundle);
        }
    }
    Ok(found)
}

/// The bundles in a folder, by name; none where there is no folder.
fn bundles_in(folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    paths.sort();
    Ok(paths)
}

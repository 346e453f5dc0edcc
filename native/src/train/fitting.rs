//! Fits one model to rows of features.

use nextbest_core::features::FeatureDefinition;
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::forest::Scratch;
use nextbest_core::train::{Dataset, OutOfBag, RoundLoss, fit_bins};

use super::settings::Settings;
use crate::app::Progress;
use crate::app::usage;
use crate::config::{ClassWeight, ModelConfig};
use crate::io::feature_table::FeatureTable;

/// Rows to learn from, binned once for all models that are tried on them.
pub(crate) struct TrainingRows {
    pub(crate) bins: Bins,
    pub(crate) data: Dataset,
    /// Rows on which it shows when boosting has to stop.
    validation: Option<Dataset>,
}

/// A fitted model.
pub(crate) struct Fitted {
    pub(crate) model: Model,
    /// The share that each feature has in it.
    pub(crate) importance: Vec<f32>,
    /// Of boosted trees: how many rounds they have.
    pub(crate) rounds: Option<usize>,
    /// Of boosted trees: the log-loss after each round that was tried.
    pub(crate) losses: Vec<RoundLoss>,
}

impl TrainingRows {
    /// Bins the rows of a table and, by the same bins, those to validate on.
    ///
    /// # Errors
    /// Where there are no rows, or too many bins are asked for.
    pub(crate) fn new(
        config: &ModelConfig,
        table: &FeatureTable,
        validation: Option<&FeatureTable>,
    ) -> anyhow::Result<Self> {
        let bins = fit_bins(table.matrix()?, config.max_bins).map_err(|e| usage(e.into()))?;
        let layout = &table.layout;
        let is_category = |feature: &FeatureDefinition| feature.words(&layout.schema).is_some();
        let categories: Vec<bool> = layout.features.iter().map(is_category).collect();
        let binned = |table: &FeatureTable| {
            let data = Dataset::new(&bins, &table.values, &table.labels, layout.schema.class_count())?;
            anyhow::Ok(data.with_categories(&categories))
        };
        let data = match config.class_weight {
            ClassWeight::None => binned(table)?,
            ClassWeight::Balanced => binned(table)?.with_balanced_classes(),
        };
        let validation = validation.map(binned).transpose()?;
        Ok(Self { bins, data, validation })
    }

    /// Fits a model.
    ///
    /// # Errors
    /// Where a parameter is out of range or the rows can't be learned from.
    pub(crate) fn fit(&self, settings: &Settings, progress: &Progress, what: &str) -> anyhow::Result<Fitted> {
        let what = format!("{what}: {}", settings.name());
        match settings {
            Settings::RandomForest(params) => {
                let valid = params.clone().check().map_err(|error| usage(error.into()))?;
                progress.parts(what, params.n_estimators as u64);
                let grown = valid.fit(&self.data, || progress.part_done())?;
                Ok(Fitted {
                    model: Model::Forest(grown.forest),
                    importance: grown.importance,
                    rounds: None,
                    losses: Vec::new(),
                })
            }
            Settings::GradientBoosting(params) => {
                let valid = params.clone().check().map_err(|error| usage(error.into()))?;
                progress.parts(what, params.n_estimators as u64);
                let boosted = valid.fit(&self.data, self.validation.as_ref(), || progress.part_done())?;
                Ok(Fitted {
                    model: Model::Forest(boosted.forest),
                    importance: boosted.importance,
                    rounds: Some(boosted.rounds),
                    losses: boosted.losses,
                })
            }
            Settings::LogisticRegression(params) => {
                progress.step(what);
                let fitted = params.fit(&self.data)?;
                if !fitted.converged {
                    progress.warn(&format!(
                        "logistic regression did not converge in {} iterations: raise max_iter or alpha \
                         (config: \
                         model.hyperparameters.logistic_regression)",
                        fitted.iterations
                    ));
                }
                Ok(Fitted {
                    model: Model::Linear(fitted.model),
                    importance: fitted.importance,
                    rounds: None,
                    losses: Vec::new(),
                })
            }
        }
    }

    /// A model as it is to be kept: a forest with leaves as small as will do. With it, how good a forest is
    /// on the rows that its trees did not see.
    ///
    /// # Errors
    /// Where a parameter is out of range.
    pub(crate) fn settle(
        &self,
        settings: &Settings,
        model: Model,
    ) -> anyhow::Result<(Model, Option<OutOfBag>)> {
        match (settings, model) {
            (Settings::RandomForest(params), Model::Forest(forest)) => {
                let (forest, found) = params.clone().check()?.with_small_leaves(&self.data, forest)?;
                Ok((Model::Forest(forest), found))
            }
            (_, model) => Ok((model, None)),
        }
    }

    /// What a model says of rows of a table: uncalibrated probabilities, row by row, one a class.
    pub(crate) fn predict(&self, model: &Model, table: &FeatureTable) -> Vec<f32> {
        let mut binned = vec![0; self.bins.feature_count()];
        let mut scratch = Scratch::default();
        let mut probabilities = vec![0.0; model.class_count()];
        let mut all = Vec::with_capacity(table.len() * probabilities.len());
        for row in table.values.chunks_exact(table.width().max(1)) {
            self.bins.bin_row(row, &mut binned);
            model.predict(&binned, &mut scratch, &mut probabilities);
            all.extend_from_slice(&probabilities);
        }
        all
    }
}

//! Fits models to rows of features, and chooses among them on rows that they did not learn from.

use anyhow::Context as _;
use nextbest_core::metrics::Metrics;
use nextbest_core::model::Model;
use nextbest_core::model::bins::Bins;
use nextbest_core::model::bundle::Bundle;
use nextbest_core::model::calibration::Calibration;
use nextbest_core::model::card::Card;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::score::Scorer;
use nextbest_core::train::{Dataset, fit_bins};
use serde::Serialize;

use crate::cli::usage;
use crate::config::{Algorithm, ModelConfig};
use crate::feature_table::FeatureTable;
use crate::progress::Progress;

/// What fits models.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitting<'c> {
    pub(crate) model: &'c ModelConfig,
    pub(crate) progress: &'c Progress,
}

/// How good one kind of model is on the rows that choose.
#[derive(Debug, Serialize)]
pub(crate) struct Candidate {
    pub(crate) algorithm: &'static str,
    /// Of a forest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) min_samples_leaf: Option<u32>,
    pub(crate) validation_log_loss: f64,
    pub(crate) validation_roc_auc: f64,
    pub(crate) prior_log_loss: f64,
}

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    RandomForest,
    LogisticRegression,
}

/// A fitted model.
pub(crate) struct Fitted {
    bins: Bins,
    model: Model,
    /// The share that each feature has in it.
    pub(crate) importance: Vec<f32>,
}

impl Fitting<'_> {
    /// Fits each kind of model to the rows to learn from, and gives the one with the least log-loss on the others, with
    /// what it says of those: probabilities that it did not learn, for its calibration.
    ///
    /// # Errors
    /// Where a model can't be fitted.
    pub(crate) fn choose(
        &self,
        algorithm: Algorithm,
        train: &FeatureTable,
        validation: &FeatureTable,
    ) -> anyhow::Result<(Vec<Candidate>, Kind, Vec<f32>)> {
        let kinds = match algorithm {
            Algorithm::Auto => vec![Kind::RandomForest, Kind::LogisticRegression],
            Algorithm::RandomForest => vec![Kind::RandomForest],
            Algorithm::LogisticRegression => vec![Kind::LogisticRegression],
        };
        let mut candidates = Vec::new();
        let mut best: Option<(f64, Kind, Vec<f32>)> = None;
        for kind in kinds {
            let fitted = self.fit(kind, train, "training")?;
            let (candidate, probabilities) = self.candidate(kind, fitted, train, validation)?;
            if best.as_ref().is_none_or(|(least, ..)| candidate.validation_log_loss < *least) {
                best = Some((candidate.validation_log_loss, kind, probabilities));
            }
            candidates.push(candidate);
        }
        let (_, kind, probabilities) = best.context("there was no candidate")?;
        Ok((candidates, kind, probabilities))
    }

    /// Fits a model.
    ///
    /// # Errors
    /// Where a parameter is out of range or the rows can't be learned from.
    pub(crate) fn fit(&self, kind: Kind, table: &FeatureTable, what: &str) -> anyhow::Result<Fitted> {
        let parameters = &self.model.hyperparameters;
        let bins =
            fit_bins(&table.values, table.width(), self.model.max_bins).map_err(|e| usage(e.into()))?;
        let classes = table.layout.schema.class_count();
        let data = Dataset::new(&bins, &table.values, &table.labels, classes)?;
        let what = format!("{what}: {}", kind.name());
        let (model, importance) = match kind {
            Kind::RandomForest => {
                let params =
                    parameters.random_forest.params().check().map_err(|error| usage(error.into()))?;
                self.progress.parts(what, parameters.random_forest.n_estimators as u64);
                let grown = params.fit(&data, || self.progress.part_done())?;
                (Model::Forest(grown.forest), grown.importance)
            }
            Kind::LogisticRegression => {
                self.progress.step(what);
                let linear = parameters.logistic_regression.params().fit(&data)?;
                let importance = linear.importance();
                (Model::Linear(linear), importance)
            }
        };
        Ok(Fitted { bins, model, importance })
    }

    fn candidate(
        &self,
        kind: Kind,
        fitted: Fitted,
        train: &FeatureTable,
        validation: &FeatureTable,
    ) -> anyhow::Result<(Candidate, Vec<f32>)> {
        let names = train.layout.schema.class_names();
        let bundle = fitted.bundle(train, Calibration::None, PolicyDefinition::default(), Card::default());
        let probabilities = Scorer::new(&bundle).score_batch(&validation.values, validation.len())?;
        let metrics = Metrics::measure(&names, &validation.labels, &probabilities);
        let prior = class_prior(&train.labels, names.len()).repeat(validation.len());
        let forest = self.model.hyperparameters.random_forest.params();
        let candidate = Candidate {
            algorithm: kind.name(),
            min_samples_leaf: (kind == Kind::RandomForest).then_some(forest.min_samples_leaf),
            validation_log_loss: metrics.log_loss,
            validation_roc_auc: metrics.roc_auc_ovr,
            prior_log_loss: Metrics::measure(&names, &validation.labels, &prior).log_loss,
        };
        Ok((candidate, probabilities))
    }

    /// The seed of everything random in fitting a kind of model.
    pub(crate) fn seed(&self, kind: Kind) -> u64 {
        let parameters = &self.model.hyperparameters;
        match kind {
            Kind::RandomForest => parameters.random_forest.random_state,
            Kind::LogisticRegression => parameters.logistic_regression.random_state,
        }
    }

    /// The parameters of a kind of model and what corrects it, for its card.
    pub(crate) fn parameters(&self, kind: Kind, calibration: &Calibration) -> Vec<(String, String)> {
        let hyperparameters = &self.model.hyperparameters;
        let (forest, logistic) = (&hyperparameters.random_forest, &hyperparameters.logistic_regression);
        let mut parameters = vec![("max_bins", self.model.max_bins.to_string())];
        match kind {
            Kind::RandomForest => parameters.extend([
                ("n_estimators", forest.n_estimators.to_string()),
                ("max_depth", forest.max_depth.to_string()),
                ("min_samples_split", forest.min_samples_split.to_string()),
                ("min_samples_leaf", forest.params().min_samples_leaf.to_string()),
                ("max_features", forest.max_features.map_or("sqrt".into(), |share| share.to_string())),
                ("leaf_smoothing", forest.leaf_smoothing.to_string()),
            ]),
            Kind::LogisticRegression => parameters.extend([
                ("alpha", logistic.params().alpha.to_string()),
                ("max_majority_rows", logistic.max_majority_rows.to_string()),
            ]),
        }
        parameters.push(("calibration", calibration.name().into()));
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::RandomForest => "random_forest",
            Kind::LogisticRegression => "logistic_regression",
        }
    }
}

impl Fitted {
    /// The model with all that belongs to it, but without golden rows. `table` is what it learned from.
    pub(crate) fn bundle(
        self,
        table: &FeatureTable,
        calibration: Calibration,
        policy: PolicyDefinition,
        card: Card,
    ) -> Bundle {
        Bundle {
            schema: table.layout.schema.clone(),
            features: table.layout.features.clone(),
            bins: self.bins,
            model: self.model,
            calibration,
            policy,
            reference: medians(table),
            goldens: Vec::new(),
            card,
        }
    }
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let leaves = self.min_samples_leaf.map(|rows| format!(", leaves from {rows}")).unwrap_or_default();
        write!(
            f,
            "{:<30} validation log-loss {:.4} (prior {:.4}), AUC {:.3}",
            format!("{}{leaves}", self.algorithm),
            self.validation_log_loss,
            self.prior_log_loss,
            self.validation_roc_auc
        )
    }
}

/// How often each class occurs: what someone who knows nothing of a row would say.
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
fn medians(table: &FeatureTable) -> Vec<f32> {
    let median = |feature: usize| {
        let values = table.values.iter().skip(feature).step_by(table.width().max(1)).copied();
        let mut known: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
        known.sort_unstable_by(f32::total_cmp);
        if known.len() * 2 < table.len() {
            f32::NAN
        } else {
            known.get(known.len() / 2).copied().unwrap_or(f32::NAN)
        }
    };
    (0..table.width()).map(median).collect()
}

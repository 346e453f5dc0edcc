//! How good a model is on rows that it did not learn from, beside the baselines that matter: measured here,
//! told in words ([`text`]), tables ([`files`]), charts and a page.

pub(crate) mod against;
pub(crate) mod ceiling;
pub(crate) mod contestants;
pub(crate) mod curves;
pub(crate) mod gates;
pub(crate) mod recorded;
pub(crate) mod segments;
pub(crate) mod text;

use nextbest_core::bundle::Bundle;
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::Metrics;
use nextbest_core::metrics::bootstrap::Bootstrap;
use nextbest_core::metrics::permutation::permutation_importance;
use nextbest_core::model::Model;
use nextbest_core::model::calibration::Calibration;
use serde::Serialize;

use crate::app::Progress;
use crate::config::EvaluationConfig;
use crate::io::feature_table::FeatureTable;
use crate::train::class_prior;
use against::Against;
pub(crate) use against::{Difference, Opponent, paired_differences};
use ceiling::Ceiling;
pub(crate) use contestants::finalists;
pub(crate) use contestants::{Contestant, Predictions, score};
use curves::{ClassCurves, Pooled};
pub(crate) use recorded::{Recorded, measure_card};
use segments::{Measured, Segmentation};
pub(crate) use segments::{Parts, parts_by};

/// Most test rows that permutation importance takes the log-loss of …
const PERMUTED_ROWS: usize = 10_000;
/// … and most trees that all of these rows pass together; at least a fifth of the rows is used in any case.
/// It takes seconds.
const PERMUTED_TREES: usize = 2_000_000;

/// An evaluation and the model it belongs to.
#[derive(Serialize)]
pub(crate) struct Evaluation {
    /// The hash of the model's file content.
    pub(crate) model: String,
    pub(crate) algorithm: String,
    pub(crate) test_cutoffs: Vec<String>,
    /// Number of distinct customers in the test rows.
    pub(crate) customers: usize,
    pub(crate) bootstrap_draws: u32,
    /// The model, then the baselines, then the models that were not chosen.
    pub(crate) contestants: Vec<Contestant>,
    /// The model before its probabilities were calibrated, where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uncalibrated: Option<Uncalibrated>,
    /// The model and another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) against: Option<Against>,
    /// The Bayes ceiling, if the true probabilities are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ceiling: Option<Ceiling>,
    /// The most important feature first.
    pub(crate) importance: Vec<Importance>,
    /// Number of test rows used for permutation importance.
    pub(crate) permuted_rows: usize,
    pub(crate) segments: Vec<Segmentation>,
    pub(crate) remarks: Vec<String>,
    /// Whether there is a class for those to whom nothing happened.
    #[serde(skip)]
    pub(crate) has_none: bool,
    #[serde(skip)]
    pub(crate) curves: Vec<ClassCurves>,
    #[serde(skip)]
    pub(crate) pooled: Vec<Pooled>,
}

/// The model's probabilities as they were before their calibration.
#[derive(Debug, Serialize)]
pub(crate) struct Uncalibrated {
    /// What is done to them.
    pub(crate) calibration: &'static str,
    pub(crate) all: Metrics,
}

/// What a feature contributes.
#[derive(Debug, Serialize)]
pub(crate) struct Importance {
    pub(crate) feature: String,
    /// The share of the impurity that it removed while training, or of the coefficients.
    pub(crate) share: f32,
    /// Permutation importance: increase of the log-loss when its values are permuted among the test rows.
    pub(crate) permutation: f64,
}

/// What is to be measured.
pub(crate) struct Subject<'s> {
    pub(crate) bundle: &'s Bundle,
    /// The hash of the model's file content.
    pub(crate) hash: String,
    /// The classes of the rows that it learned from.
    pub(crate) training_labels: &'s [usize],
    /// Rows that it did not learn from.
    pub(crate) test: &'s FeatureTable,
    /// Models that were trained beside it.
    pub(crate) finalists: &'s [&'s Bundle],
    pub(crate) against: Option<&'s Opponent>,
}

impl Subject<'_> {
    /// Measures it.
    ///
    /// # Errors
    /// If the rows do not fit a model.
    pub(crate) fn measure(
        &self,
        config: &EvaluationConfig,
        progress: &Progress,
    ) -> anyhow::Result<Evaluation> {
        let Self { bundle, test, .. } = *self;
        let names = bundle.schema.class_names();
        let has_none = bundle.schema.none_class().is_some();
        let prior = class_prior(self.training_labels, names.len());

        progress.step("scoring the test rows".into());
        let predictions = self.predictions(&prior, has_none)?;
        let Some(model) = predictions.first() else { anyhow::bail!("there is no model to measure") };
        let uncalibrated = match bundle.calibration {
            Calibration::None => None,
            _ => Some(score(&bundle.uncalibrated_scorer(), bundle, &test.values)?),
        };

        progress.step(format!("drawing customers {} times", config.bootstrap_draws));
        let bootstrap = Bootstrap::new(&test.ids, config.bootstrap_draws, config.random_state);
        let scores = predictions.iter().map(|it| it.scores(&test.labels, names.len(), has_none));
        let scores = scores.collect::<anyhow::Result<Vec<_>>>()?;
        let replicates = bootstrap.replicates(&scores)?;
        let of_model = replicates.first();
        let measured = predictions.iter().zip(&replicates).map(|(it, replicates)| {
            let measured =
                Contestant::measure(it.name.clone(), &names, &test.labels, &it.probabilities, has_none)?;
            Ok(measured.with_intervals(replicates, of_model.unwrap_or(replicates)))
        });
        let mut contestants = measured.collect::<anyhow::Result<Vec<Contestant>>>()?;
        // The model does not differ from itself.
        if let Some(model) = contestants.first_mut() {
            model.log_loss_above_model = None;
        }
        // The other model is the last one.
        let other =
            self.against.and_then(|opponent| Some((opponent, contestants.pop()?, replicates.last()?)));
        let against = other.and_then(|(opponent, other, of_other)| {
            Some(opponent.compare((contestants.first()?, replicates.first()?), (other, of_other)))
        });

        progress.step("permuting features".into());
        let (importance, permuted_rows) = self.importance(config.random_state)?;

        progress.step("measuring segments".into());
        let measured = Measured {
            test,
            probabilities: Matrix::new(&model.probabilities, names.len())?,
            prior: &prior,
            has_none,
        };
        let (segments, mut remarks) = measured.segmentations(config)?;
        if !has_none {
            // The usual segments are a bank's; a plain table without them lacks nothing.
            remarks.clear();
        }
        let probabilities = Matrix::new(&model.probabilities, names.len())?;
        let before = uncalibrated.as_deref().map(|it| Matrix::new(it, names.len())).transpose()?;
        let pooled = curves::pooled(&test.labels, probabilities, before, has_none);
        Ok(Evaluation {
            model: self.hash.clone(),
            algorithm: bundle.card.algorithm.clone(),
            test_cutoffs: bundle.card.test_cutoffs.clone(),
            customers: bootstrap.customers(),
            bootstrap_draws: config.bootstrap_draws,
            contestants,
            uncalibrated: uncalibrated.and_then(|probabilities| {
                let all = Metrics::measure(&names, &test.labels, &probabilities)?;
                Some(Uncalibrated { calibration: bundle.calibration.name(), all })
            }),
            against,
            ceiling: None,
            importance,
            permuted_rows,
            segments,
            remarks,
            has_none,
            curves: curves::class_curves(&names, &test.labels, probabilities),
            pooled,
        })
    }

    /// What the model, the baselines, the finalists and the other model say of the test rows, in this order.
    fn predictions(&self, prior: &[f32], has_none: bool) -> anyhow::Result<Vec<Predictions>> {
        let Self { bundle, test, .. } = *self;
        let mut predictions = vec![
            Predictions::of("model", bundle, &test.values)?,
            Predictions { name: "class prior".into(), probabilities: prior.repeat(test.len()) },
        ];
        if has_none {
            predictions.push(Predictions::popular_not_owned(prior, bundle, test));
        }
        for finalist in self.finalists {
            predictions.push(Predictions::of(finalist.card.algorithm.as_str(), finalist, &test.values)?);
        }
        if let Some(opponent) = self.against {
            predictions.push(Predictions::of("other model", &opponent.bundle, &opponent.values(test))?);
        }
        Ok(predictions)
    }

    fn importance(&self, seed: u64) -> anyhow::Result<(Vec<Importance>, usize)> {
        let Self { bundle, test, .. } = *self;
        let trees = match &bundle.model {
            Model::Forest(forest) => forest.tree_count(),
            Model::Linear(_) => 1,
        };
        let most_rows = (PERMUTED_TREES / trees.max(1)).clamp(PERMUTED_ROWS / 5, PERMUTED_ROWS);
        let share = |feature: usize| bundle.card.importance.get(feature).copied().unwrap_or_default();
        let matters = |feature: usize| share(feature) > 0.0;
        let permutation =
            permutation_importance(bundle, &test.values, &test.labels, matters, most_rows, seed)?;
        let features = bundle.features.iter().zip(permutation).enumerate();
        let mut importance: Vec<Importance> = features
            .map(|(position, (feature, permutation))| Importance {
                feature: feature.name.clone(),
                share: share(position),
                permutation,
            })
            .collect();
        importance.sort_by(|a, b| b.share.total_cmp(&a.share));
        Ok((importance, most_rows.min(test.len())))
    }
}

impl Evaluation {
    /// The model's own metrics.
    pub(crate) fn of_model(&self) -> Option<&Contestant> {
        self.contestants.first()
    }
}

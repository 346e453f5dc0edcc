//! Makes a trained model small enough: `nextbest export --max-bytes`.
//!
//! The final model has learned from the validation rows, so its log-loss there would flatter. What may go is
//! therefore searched on a model of the same parameters that learned from the training rows alone (the one
//! that was chosen and calibrated, grown once more: training is deterministic), corrected by the bundle's
//! calibration. The same shares of trees and leaves then go from the final model, whose bundle is measured
//! after brotli.

mod frontier;

use anyhow::{Context as _, bail};
use nextbest_core::Error;
use nextbest_core::bundle::Bundle;
use nextbest_core::features::FeatureDefinition;
use nextbest_core::matrix::Matrix;
use nextbest_core::model::Model;
use nextbest_core::model::forest::Forest;
use nextbest_core::train::Dataset;
use nextbest_core::train::drop_unused_edges;
use nextbest_core::train::shrink::{self, Point, Prunable, Pruning, Sizes, ValidationRows};

use crate::app::Progress;
use crate::app::compressed::{BEST, FAST, compressed_size};
use crate::app::human_bytes;
use crate::config::{ClassWeight, EvaluationConfig, ModelConfig, MonitoringConfig};
use crate::evaluate::measure_card;
use crate::io::feature_table::FeatureTable;
use crate::privacy::carried_rows::CarriedRows;
use crate::train::{Settings, TrainingRows};
pub(crate) use frontier::{Frontier, FrontierPoint};

/// What makes a model smaller.
pub(crate) struct Shrinker<'s> {
    pub(crate) config: &'s ModelConfig,
    /// What profile the bundle carries.
    pub(crate) monitoring: &'s MonitoringConfig,
    /// How the card's metrics are measured.
    pub(crate) evaluation: &'s EvaluationConfig,
    /// Training rows.
    pub(crate) train: &'s FeatureTable,
    /// Validation rows.
    pub(crate) validation: &'s FeatureTable,
    /// The rows that the final model was fitted to: training and validation.
    pub(crate) all: &'s FeatureTable,
    /// What is shipped is measured on these; they decide nothing.
    pub(crate) test: &'s FeatureTable,
    /// Golden rows are of this table.
    pub(crate) table: &'s FeatureTable,
    /// How many bytes the bundle may have after brotli.
    pub(crate) limit: usize,
    /// How many of them a signature will take, which can't be compressed.
    pub(crate) signature: usize,
    pub(crate) progress: &'s Progress,
}

/// The bundle without what costs nothing to leave out: bin edges that no split needs.
///
/// # Errors
/// Where the model does not fit its bins.
pub(crate) fn without_unused_edges(mut bundle: Bundle) -> Result<Bundle, Error> {
    if let Model::Forest(forest) = &bundle.model {
        let (bins, forest) = drop_unused_edges(&bundle.bins, forest)?;
        (bundle.bins, bundle.model) = (bins, Model::Forest(forest));
    }
    Ok(bundle)
}

impl Shrinker<'_> {
    /// The best bundle within the limit, and what others would cost.
    ///
    /// # Errors
    /// Where no bundle is small enough, or the rows are not those that the model was trained on.
    pub(crate) fn shrink(&self, bundle: &Bundle) -> anyhow::Result<(Bundle, Frontier)> {
        match &bundle.model {
            Model::Forest(forest) => self.shrink_forest(bundle, forest),
            Model::Linear(_) => self.keep_linear(bundle),
        }
    }

    fn shrink_forest(&self, bundle: &Bundle, forest: &Forest) -> anyhow::Result<(Bundle, Frontier)> {
        let settings = Settings::of_card(&bundle.card)?;
        let config = ModelConfig { max_bins: max_bins(bundle)?, ..self.config.clone() };
        let rows = TrainingRows::new(&config, self.train, None)?;
        let fitted = rows.fit(&settings, self.progress, "training on the training rows")?;
        let Model::Forest(judged) = fitted.model else { bail!("a forest was expected") };

        self.progress.step("looking for what may go".into());
        let validation = self.dataset(&rows.bins, self.validation)?;
        let validation_rows = ValidationRows::new(&validation, &bundle.calibration);
        let judged = Prunable::new(&judged, &rows.data);
        let mut profiled = bundle.clone();
        self.carried_rows()?.fill(&mut profiled)?;
        let shipped = Shipped {
            bundle: &profiled,
            model: Prunable::new(forest, &self.learned_from(bundle)?),
            rows: self.carried_rows()?,
            signature: self.signature,
        };
        let points = shrink::search(&judged, &validation_rows, &shipped, Some(self.limit), |point| {
            self.progress.step(format!(
                "{}: validation log-loss {:.4}",
                human_bytes(point.bytes),
                point.log_loss
            ));
        })?;
        let points = shrink::frontier(&points);
        // The largest that fits has the least log-loss. Its own metrics and profile may take some bytes more
        // than the whole model's.
        let mut measured: Vec<(&Point, usize)> = Vec::new();
        let fitting = points.iter().filter(|point| point.bytes <= self.limit);
        for chosen in fitting {
            let shrunk = self.measured(shipped.bundle(&chosen.pruning)?)?;
            let bytes = compressed(&shrunk)? + self.signature;
            measured.push((chosen, bytes));
            if bytes <= self.limit {
                let rows = points.iter().map(|point| {
                    let found = measured.iter().find(|(other, _)| *other == point);
                    let bytes = found.map_or(point.bytes, |(_, bytes)| *bytes);
                    FrontierPoint { bytes, chosen: point == chosen, ..shipped.describe(point) }
                });
                return Ok((shrunk, Frontier::new(self.limit, rows)));
            }
        }
        let smallest = points.last().context("there was nothing to choose from")?;
        bail!(
            "--max-bytes: no bundle has {} or less: the smallest has {} after brotli ({} bytes), with a \
             validation \
             log-loss of {:.4} instead of {:.4}{}",
            human_bytes(self.limit),
            human_bytes(smallest.bytes),
            smallest.bytes,
            smallest.log_loss,
            points.first().map_or(f64::NAN, |whole| whole.log_loss),
            match shipped.bundle.profile {
                Some(_) =>
                    "; what bundles remember of rows for monitoring takes some of it (config: \
                     monitoring.profile: false)",
                None => "",
            }
        )
    }

    /// Nothing can be taken from a linear model: it fits or does not.
    fn keep_linear(&self, bundle: &Bundle) -> anyhow::Result<(Bundle, Frontier)> {
        let mut kept = bundle.clone();
        self.carried_rows()?.fill(&mut kept)?;
        let bytes = compressed(&kept)? + self.signature;
        if bytes > self.limit {
            bail!(
                "--max-bytes: the bundle of this logistic regression has {} after brotli ({bytes} bytes), \
                 and nothing can \
                 be taken from it: allow that much, train with fewer bins (config: model.max_bins) or \
                 features, or train \
                 trees (--algorithm gradient_boosting), which can be pruned",
                human_bytes(bytes)
            );
        }
        let labels = &self.validation.labels;
        let mut scorer = kept.scorer();
        let probabilities = scorer.score_batch(&self.validation.values, self.validation.len())?;
        let point = FrontierPoint {
            trees: 0,
            leaves: 0,
            leaf_steps: 0,
            validation_log_loss: nextbest_core::metrics::log_loss(
                labels,
                Matrix::new(&probabilities, kept.schema.class_count())?,
            ),
            bytes,
            chosen: true,
        };
        Ok((kept, Frontier { max_bytes: self.limit, points: vec![point] }))
    }

    pub(crate) fn carried_rows(&self) -> anyhow::Result<CarriedRows<'_>> {
        CarriedRows::new(self.table, self.test, self.monitoring)
    }

    /// The rows that the final model learned from, by its own bins.
    fn learned_from(&self, bundle: &Bundle) -> anyhow::Result<Dataset> {
        let data = self.dataset(&bundle.bins, self.all)?;
        Ok(match self.config.class_weight {
            ClassWeight::None => data,
            ClassWeight::Balanced => data.with_balanced_classes(),
        })
    }

    fn dataset(
        &self,
        bins: &nextbest_core::model::bins::Bins,
        table: &FeatureTable,
    ) -> anyhow::Result<Dataset> {
        let schema = &table.layout.schema;
        let is_category = |feature: &FeatureDefinition| feature.words(schema).is_some();
        let categories: Vec<bool> = table.layout.features.iter().map(is_category).collect();
        let data = Dataset::new(bins, &table.values, &table.labels, schema.class_count())?;
        Ok(data.with_categories(&categories))
    }

    /// The bundle with its own metrics and profile of the test rows instead of the whole model's.
    fn measured(&self, mut bundle: Bundle) -> anyhow::Result<Bundle> {
        measure_card(&mut bundle, self.test, self.evaluation)?;
        self.carried_rows()?.fill(&mut bundle)?;
        Ok(bundle)
    }
}

fn compressed(bundle: &Bundle) -> anyhow::Result<usize> {
    Ok(compressed_size(&bundle.encode()?, BEST)?)
}

fn max_bins(bundle: &Bundle) -> anyhow::Result<usize> {
    let found = bundle.card.parameters.iter().find(|(name, _)| name == "max_bins");
    let found = found.and_then(|(_, value)| value.parse().ok());
    found.context("the model's card does not say how many bins it has: run `nextbest train` again")
}

/// The final model.
struct Shipped<'s> {
    /// As it was trained. Its profile is good enough for what smaller ones weigh.
    bundle: &'s Bundle,
    model: Prunable,
    rows: CarriedRows<'s>,
    /// How many bytes a signature adds.
    signature: usize,
}

impl Shipped<'_> {
    /// The bundle of what a pruning leaves. Its card says what that is.
    fn bundle(&self, pruning: &Pruning) -> Result<Bundle, Error> {
        if *pruning == Pruning::WHOLE {
            // Taken apart and put together it would differ in the last bit from what was evaluated.
            let mut whole = without_unused_edges(self.bundle.clone())?;
            self.rows.fill_goldens(&mut whole)?;
            return Ok(whole);
        }
        let pruned = self.model.apply(pruning);
        let (bins, forest) = pruned.compact(&self.bundle.bins)?;
        let mut bundle =
            Bundle { bins, model: Model::Forest(forest), goldens: Vec::new(), ..self.bundle.clone() };
        let kept = [
            ("trees_kept", pruned.trees.len().to_string()),
            ("leaves_kept", pruned.leaf_count().to_string()),
            ("leaf_steps", pruned.leaf_steps.to_string()),
        ];
        bundle.card.parameters.extend(kept.map(|(name, value)| (name.to_owned(), value)));
        self.rows.fill_goldens(&mut bundle)?;
        Ok(bundle)
    }

    /// A point of the frontier, for people.
    fn describe(&self, point: &Point) -> FrontierPoint {
        let pruned = self.model.apply(&point.pruning);
        FrontierPoint {
            trees: pruned.trees.len(),
            leaves: pruned.leaf_count(),
            leaf_steps: pruned.leaf_steps,
            validation_log_loss: point.log_loss,
            bytes: point.bytes,
            chosen: false,
        }
    }

    fn size(&self, pruning: &Pruning, quality: i32) -> Result<usize, Error> {
        let bytes = self.bundle(pruning)?.encode()?;
        let compressed = compressed_size(&bytes, quality);
        Ok(compressed.map_err(|error| Error::Training(error.to_string()))? + self.signature)
    }
}

impl Sizes for Shipped<'_> {
    fn rough(&self, pruning: &Pruning) -> Result<usize, Error> {
        self.size(pruning, FAST)
    }

    fn exact(&self, pruning: &Pruning) -> Result<usize, Error> {
        self.size(pruning, BEST)
    }
}

//! An evaluation as the model card remembers it.

use nextbest_core::metrics::Metrics;
use nextbest_core::model::bundle::Bundle;
use nextbest_core::model::card::Metric;
use nextbest_core::score::Scorer;
use serde::Deserialize;

use super::Evaluation;
use super::contestants::{Contestant, score};
use crate::feature_table::FeatureTable;

/// What `nextbest export` needs to know of an evaluation.
#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) model: String,
    contestants: Vec<RecordedContestant>,
}

#[derive(Debug, Deserialize)]
struct RecordedContestant {
    all: RecordedMetrics,
    without_none: Option<RecordedMetrics>,
}

#[derive(Debug, Deserialize)]
struct RecordedMetrics {
    rows: f64,
    accuracy: Option<f64>,
    f1_weighted: Option<f64>,
    roc_auc_ovr: Option<f64>,
    log_loss: Option<f64>,
    top_3_accuracy: Option<f64>,
    map_at_3: Option<f64>,
    brier: Option<f64>,
    calibration_error: Option<f64>,
}

impl Recorded {
    /// The evaluation's metrics for the model card, where it is of this model.
    pub(crate) fn card_metrics(&self) -> Vec<Metric> {
        let model = self.contestants.first();
        model.map_or_else(Vec::new, |model| card_metrics(&model.all, model.without_none.as_ref()))
    }
}

fn card_metrics(all: &RecordedMetrics, without_none: Option<&RecordedMetrics>) -> Vec<Metric> {
    let named = |suffix: &'static str, metrics: &RecordedMetrics| {
        let values = [
            ("rows", Some(metrics.rows)),
            ("accuracy", metrics.accuracy),
            ("f1_weighted", metrics.f1_weighted),
            ("roc_auc_ovr", metrics.roc_auc_ovr),
            ("log_loss", metrics.log_loss),
            ("top_3_accuracy", metrics.top_3_accuracy),
            ("map_at_3", metrics.map_at_3),
            ("brier", metrics.brier),
            ("calibration_error", metrics.calibration_error),
        ];
        values.into_iter().filter_map(move |(name, value)| {
            Some(Metric { name: format!("{name}{suffix}"), value: value?, interval: None })
        })
    };
    let without_none = without_none.into_iter().flat_map(|metrics| named("_without_none", metrics));
    named("", all).chain(without_none).collect()
}

impl From<&Metrics> for RecordedMetrics {
    fn from(metrics: &Metrics) -> Self {
        let known = |value: f64| value.is_finite().then_some(value);
        Self {
            rows: metrics.rows as f64,
            accuracy: known(metrics.accuracy),
            f1_weighted: known(metrics.f1_weighted),
            roc_auc_ovr: known(metrics.roc_auc_ovr),
            log_loss: known(metrics.log_loss),
            top_3_accuracy: known(metrics.top_3_accuracy),
            map_at_3: known(metrics.map_at_3),
            brier: known(metrics.brier),
            calibration_error: known(metrics.calibration_error),
        }
    }
}

/// The metrics for a model card, without an evaluation's intervals and curves.
///
/// # Errors
/// Where the rows do not fit the bundle.
pub(crate) fn card_metrics_of(bundle: &Bundle, test: &FeatureTable) -> anyhow::Result<Vec<Metric>> {
    let names = bundle.schema.class_names();
    let probabilities = score(&Scorer::new(bundle), bundle, &test.values)?;
    let has_none = bundle.schema.none_class().is_some();
    let measured = Contestant::measure("model", &names, &test.labels, &probabilities, has_none);
    Ok(card_metrics(&(&measured.all).into(), measured.without_none.as_ref().map(Into::into).as_ref()))
}

impl Evaluation {
    /// The metrics for the model card.
    pub(crate) fn card_metrics(&self) -> Vec<Metric> {
        let Some(model) = self.of_model() else { return Vec::new() };
        card_metrics(&(&model.all).into(), model.without_none.as_ref().map(Into::into).as_ref())
    }
}

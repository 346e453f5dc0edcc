//! An evaluation as the model card remembers it: metrics with their intervals, and segments.

use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::card::{Card, Metric, Segment};
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::Metrics;
use nextbest_core::metrics::bootstrap::{Bootstrap, Interval};
use nextbest_core::monitor::profile::LEAST_CUSTOMERS;
use serde::Deserialize;

use super::Evaluation;
use super::contestants::{Contestant, Predictions, score};
use super::segments::{Measured, Segmentation};
use crate::config::EvaluationConfig;
use crate::io::feature_table::FeatureTable;

/// What `nextbest export` reads of evaluation.json.
#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    /// The hash of the model that was measured.
    pub(crate) model: String,
    contestants: Vec<Contestant>,
    #[serde(default)]
    segments: Vec<Segmentation>,
}

impl Recorded {
    /// Writes what was measured into the model's card.
    pub(crate) fn fill(&self, card: &mut Card) {
        fill_card(card, self.contestants.first(), &self.segments);
    }
}

impl Evaluation {
    /// Writes what was measured into the model's card.
    pub(crate) fn fill(&self, card: &mut Card) {
        fill_card(card, self.of_model(), &self.segments);
    }
}

/// Invariant: the model is the first contestant of an evaluation.
fn fill_card(card: &mut Card, model: Option<&Contestant>, segments: &[Segmentation]) {
    card.test_metrics = model.map_or_else(Vec::new, metrics);
    card.segments = segments.iter().flat_map(card_segments).collect();
}

fn metrics(model: &Contestant) -> Vec<Metric> {
    let named = |suffix: &'static str, metrics: &Metrics| {
        let values = [
            ("rows", Some(metrics.rows as f64)),
            ("accuracy", Some(metrics.accuracy)),
            ("f1_weighted", Some(metrics.f1_weighted)),
            ("roc_auc_ovr", metrics.roc_auc_ovr),
            ("log_loss", Some(metrics.log_loss)),
            ("top_3_accuracy", Some(metrics.top_3_accuracy)),
            ("map_at_3", Some(metrics.map_at_3)),
            ("brier", Some(metrics.brier)),
            ("calibration_error", Some(metrics.calibration_error)),
        ];
        values.into_iter().filter_map(move |(name, value)| {
            let name = format!("{name}{suffix}");
            let interval = model.intervals.get(&name).map(ends);
            Some(Metric { name, value: value?, interval })
        })
    };
    let without_none = model.without_none.iter().flat_map(|metrics| named("_without_none", metrics));
    named("", &model.all).chain(without_none).collect()
}

/// A card goes to everyone, so it has no segment of few customers.
fn card_segments(segmentation: &Segmentation) -> impl Iterator<Item = Segment> {
    let large = segmentation.segments.iter().filter(|segment| segment.customers >= LEAST_CUSTOMERS);
    large.map(|segment| {
        let interval = segment.log_loss_interval.as_ref().map(ends);
        let log_loss = Metric { name: "log_loss".into(), value: segment.log_loss, interval };
        let area = segment.roc_auc.map(|value| Metric { name: "roc_auc".into(), value, interval: None });
        Segment {
            name: format!("{}: {}", segmentation.name, segment.name),
            rows: segment.rows as u64,
            metrics: [log_loss].into_iter().chain(area).collect(),
        }
    })
}

fn ends(interval: &Interval) -> (f64, f64) {
    (interval.low, interval.high)
}

/// Measures what a model card says, without an evaluation's curves and other contestants, and writes it into
/// a bundle's own.
///
/// # Errors
/// If the rows do not fit the bundle.
pub(crate) fn measure_card(
    bundle: &mut Bundle,
    test: &FeatureTable,
    config: &EvaluationConfig,
) -> anyhow::Result<()> {
    let names = bundle.schema.class_names();
    let has_none = bundle.schema.none_class().is_some();
    let probabilities = score(&bundle.scorer(), bundle, &test.values)?;
    let model = Predictions { name: "model".into(), probabilities };
    let scores = [model.scores(&test.labels, names.len(), has_none)?];
    let bootstrap = Bootstrap::new(&test.ids, config.bootstrap_draws, config.random_state);
    let mut measured = Contestant::measure("model", &names, &test.labels, &model.probabilities, has_none)?;
    if let Some(replicates) = bootstrap.replicates(&scores)?.first() {
        measured = measured.with_intervals(replicates, replicates);
    }
    // What the prior would say does not stand in a card.
    let probabilities = Matrix::new(&model.probabilities, names.len())?;
    let (segments, _) = Measured { test, probabilities, prior: &[], has_none }.segmentations(config)?;
    fill_card(&mut bundle.card, Some(&measured), &segments);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::segments::Segment as MeasuredSegment;
    use super::*;

    const CLASSES: usize = 3;

    proptest! {
        /// Of few rows, of one class, with or without NONE: what `evaluate` writes, `export` reads.
        #[test]
        fn what_was_measured_is_read_again(
            labels in vec(0..CLASSES, 1..12),
            sure in vec(0.0f32..1.0, 12 * CLASSES),
            has_none in any::<bool>(),
            name in any::<String>(),
            ends in any::<[f64; 3]>().prop_filter("finite", |ends| ends.iter().all(|end| end.is_finite())),
            area in proptest::option::of(0.0f64..=1.0),
        ) {
            let probabilities: Vec<f32> = sure
                .chunks(CLASSES)
                .take(labels.len())
                .flat_map(|row| {
                    let total: f32 = row.iter().map(|value| value + 1e-6).sum();
                    row.iter().map(move |value| (value + 1e-6) / total).collect::<Vec<_>>()
                })
                .collect();
            let customers: Vec<usize> = (0..labels.len()).collect();
            let predictions = Predictions { name: "model".into(), probabilities };
            let scores = [predictions.scores(&labels, CLASSES, has_none).unwrap()];
            let replicates = Bootstrap::new(&customers, 10, 1).replicates(&scores).unwrap();
            let contestant =
                Contestant::measure("model", &["a", "b", "c"], &labels, &predictions.probabilities, has_none)
                    .unwrap()
                    .with_intervals(&replicates[0], &replicates[0]);
            let [low, high, log_loss] = ends;
            let segment = MeasuredSegment {
                name: name.clone(),
                rows: labels.len(),
                customers: labels.len(),
                log_loss,
                log_loss_interval: area.map(|_| Interval { low, high }),
                prior_log_loss: 0.5,
                roc_auc: area,
                takers: None,
                warning: None,
            };
            let segmentation =
                Segmentation { name: name.clone(), feature: name.clone(), label: name.clone(), segments: vec![segment] };
            let text =
                json!({"model": name, "contestants": [contestant], "segments": [segmentation]}).to_string();
            let recorded = serde_json::from_str::<Recorded>(&text).unwrap();
            prop_assert_eq!(&recorded.model, &name);
            let mut expected = Card::default();
            fill_card(&mut expected, Some(&contestant), &[segmentation]);
            let mut card = Card::default();
            recorded.fill(&mut card);
            prop_assert_eq!(&card, &expected);
            prop_assert!(card.test_metrics.iter().all(|metric| metric.value.is_finite()));
        }
    }
}

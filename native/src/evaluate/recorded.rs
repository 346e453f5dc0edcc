//! An evaluation as the model card remembers it: metrics with their intervals, and segments.

use std::collections::BTreeMap;

use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::card::{Card, Metric, Segment};
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::Metrics;
use nextbest_core::metrics::bootstrap::{Bootstrap, Interval};
use nextbest_core::monitor::profile::LEAST_CUSTOMERS;
use serde::Deserialize;

use super::Evaluation;
use super::contestants::{Contestant, Guesses, score};
use super::segments::{Measured, Segmentation};
use crate::config::EvaluationConfig;
use crate::io::feature_table::FeatureTable;

/// What `nextbest export` needs to know of an evaluation.
#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Recorded {
    pub(crate) model: String,
    contestants: Vec<RecordedContestant>,
    #[serde(default)]
    segments: Vec<RecordedSegmentation>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct RecordedContestant {
    all: RecordedMetrics,
    without_none: Option<RecordedMetrics>,
    #[serde(default)]
    intervals: BTreeMap<String, RecordedInterval>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct RecordedMetrics {
    rows: f64,
    accuracy: f64,
    f1_weighted: f64,
    roc_auc_ovr: Option<f64>,
    log_loss: f64,
    top_3_accuracy: f64,
    map_at_3: f64,
    brier: f64,
    calibration_error: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct RecordedInterval {
    low: f64,
    high: f64,
}

#[derive(Debug, PartialEq, Deserialize)]
struct RecordedSegmentation {
    name: String,
    segments: Vec<RecordedSegment>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct RecordedSegment {
    name: String,
    rows: u64,
    customers: usize,
    log_loss: f64,
    log_loss_interval: Option<RecordedInterval>,
    roc_auc: Option<f64>,
}

impl Recorded {
    /// Writes what was measured into a model's card.
    pub(crate) fn fill(&self, card: &mut Card) {
        card.test_metrics = self.contestants.first().map_or_else(Vec::new, RecordedContestant::metrics);
        card.segments = self.segments.iter().flat_map(RecordedSegmentation::segments).collect();
    }
}

impl RecordedContestant {
    fn metrics(&self) -> Vec<Metric> {
        let named = |suffix: &'static str, metrics: &RecordedMetrics| {
            let values = [
                ("rows", Some(metrics.rows)),
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
                let interval = self.intervals.get(&name).copied().map(RecordedInterval::ends);
                Some(Metric { name, value: value?, interval })
            })
        };
        let without_none = self.without_none.iter().flat_map(|metrics| named("_without_none", metrics));
        named("", &self.all).chain(without_none).collect()
    }
}

impl RecordedSegmentation {
    fn segments(&self) -> impl Iterator<Item = Segment> {
        // A card goes to everyone: it tells nothing of a few customers.
        self.segments.iter().filter(|it| it.customers >= LEAST_CUSTOMERS).map(|it| {
            let log_loss = Metric {
                name: "log_loss".into(),
                value: it.log_loss,
                interval: it.log_loss_interval.map(RecordedInterval::ends),
            };
            let area = it.roc_auc.map(|value| Metric { name: "roc_auc".into(), value, interval: None });
            Segment {
                name: format!("{}: {}", self.name, it.name),
                rows: it.rows,
                metrics: [log_loss].into_iter().chain(area).collect(),
            }
        })
    }
}

impl RecordedInterval {
    fn ends(self) -> (f64, f64) {
        (self.low, self.high)
    }
}

impl From<&Metrics> for RecordedMetrics {
    fn from(metrics: &Metrics) -> Self {
        Self {
            rows: metrics.rows as f64,
            accuracy: metrics.accuracy,
            f1_weighted: metrics.f1_weighted,
            roc_auc_ovr: metrics.roc_auc_ovr,
            log_loss: metrics.log_loss,
            top_3_accuracy: metrics.top_3_accuracy,
            map_at_3: metrics.map_at_3,
            brier: metrics.brier,
            calibration_error: metrics.calibration_error,
        }
    }
}

impl From<Interval> for RecordedInterval {
    fn from(it: Interval) -> Self {
        Self { low: it.low, high: it.high }
    }
}

impl From<&Contestant> for RecordedContestant {
    fn from(it: &Contestant) -> Self {
        Self {
            all: (&it.all).into(),
            without_none: it.without_none.as_ref().map(Into::into),
            intervals: it.intervals.iter().map(|(name, it)| ((*name).to_owned(), (*it).into())).collect(),
        }
    }
}

impl From<&Segmentation> for RecordedSegmentation {
    fn from(it: &Segmentation) -> Self {
        let segments = it.segments.iter().map(|it| RecordedSegment {
            name: it.name.clone(),
            rows: it.rows as u64,
            customers: it.customers,
            log_loss: it.log_loss,
            log_loss_interval: it.log_loss_interval.map(Into::into),
            roc_auc: it.roc_auc,
        });
        Self { name: it.name.clone(), segments: segments.collect() }
    }
}

impl From<&Evaluation> for Recorded {
    fn from(it: &Evaluation) -> Self {
        Self {
            model: it.model.clone(),
            contestants: it.of_model().map(Into::into).into_iter().collect(),
            segments: it.segments.iter().map(Into::into).collect(),
        }
    }
}

/// Measures what a model card says, without an evaluation's curves and other contestants, and writes it into a bundle's own.
///
/// # Errors
/// Where the rows do not fit the bundle.
pub(crate) fn measure_card(
    bundle: &mut Bundle,
    test: &FeatureTable,
    config: &EvaluationConfig,
) -> anyhow::Result<()> {
    let names = bundle.schema.class_names();
    let has_none = bundle.schema.none_class().is_some();
    let probabilities = score(&bundle.scorer(), bundle, &test.values)?;
    let model = Guesses { name: "model".into(), probabilities };
    let scores = [model.scores(&test.labels, names.len(), has_none)?];
    let bootstrap = Bootstrap::new(&test.ids, config.bootstrap_draws, config.random_state);
    let mut measured = Contestant::measure("model", &names, &test.labels, &model.probabilities, has_none)?;
    if let Some(replicates) = bootstrap.replicates(&scores).first() {
        measured = measured.with_intervals(replicates, replicates);
    }
    // What the prior would say does not stand in a card.
    let probabilities = Matrix::new(&model.probabilities, names.len())?;
    let (segments, _) = Measured { test, probabilities, prior: &[], has_none }.segmentations(config)?;
    let recorded = Recorded {
        model: String::new(),
        contestants: vec![(&measured).into()],
        segments: segments.iter().map(Into::into).collect(),
    };
    recorded.fill(&mut bundle.card);
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
            let guesses = Guesses { name: "model".into(), probabilities };
            let scores = [guesses.scores(&labels, CLASSES, has_none).unwrap()];
            let replicates = Bootstrap::new(&customers, 10, 1).replicates(&scores);
            let contestant =
                Contestant::measure("model", &["a", "b", "c"], &labels, &guesses.probabilities, has_none)
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
            let expected = Recorded {
                model: name,
                contestants: vec![(&contestant).into()],
                segments: vec![(&segmentation).into()],
            };
            prop_assert_eq!(serde_json::from_str::<Recorded>(&text).unwrap(), expected);
            let mut card = Card::default();
            serde_json::from_str::<Recorded>(&text).unwrap().fill(&mut card);
            prop_assert!(card.test_metrics.iter().all(|metric| metric.value.is_finite()));
        }
    }
}

//! How good the model can be expected to be on today's rows, whose outcomes nobody knows yet: what its
//! calibrated probabilities say (confidence-based performance estimation).

use nextbest_core::monitor::estimate::{Expected, ExpectedMetrics, expected_of_tallies};
use nextbest_core::monitor::profile::{MEASURES, Profile};
use nextbest_core::monitor::tally::Tally;
use serde::Serialize;

use super::performance::Performance;

/// Half the width of an interval of 95 % in standard errors.
pub(crate) const STANDARD_ERRORS: f64 = 1.959_964;

/// What is to be expected.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Estimate {
    pub(crate) rows: usize,
    pub(crate) metrics: Vec<EstimatedMetric>,
    /// The area under the ROC curve of each class that is likely enough.
    pub(crate) roc_auc: Vec<EstimatedMetric>,
}

/// A metric as it is to be expected.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EstimatedMetric {
    pub(crate) name: String,
    pub(crate) expected: f64,
    /// Where it lies in 95 % of the outcomes that are possible, if the probabilities are right.
    pub(crate) interval: (f64, f64),
    /// What the reference's probabilities say of its rows.
    pub(crate) in_reference: Option<f64>,
    /// What it was in the model's test.
    pub(crate) in_test: Option<f64>,
    /// What it turned out to be, where the outcomes are known.
    pub(crate) observed: Option<f64>,
}

impl Estimate {
    /// Puts today's expectation beside the reference's.
    pub(crate) fn new(
        today: &ExpectedMetrics,
        reference: Option<&ExpectedMetrics>,
        classes: &[&str],
        in_test: impl Fn(&str) -> Option<f64>,
    ) -> Self {
        let metric = |name: &str, expected: Expected, before: Option<Expected>, in_test: Option<f64>| {
            let width = STANDARD_ERRORS * expected.standard_error;
            EstimatedMetric {
                name: name.to_owned(),
                expected: expected.value,
                interval: (expected.value - width, expected.value + width),
                in_reference: before.map(|it| it.value),
                in_test,
                observed: None,
            }
        };
        let areas = classes.iter().enumerate().filter_map(|(class, name)| {
            let expected = today.roc_auc.get(class).copied().flatten()?;
            let before = reference.and_then(|it| it.roc_auc.get(class).copied().flatten());
            Some(metric(name, expected, before, None))
        });
        Self {
            rows: today.rows,
            metrics: vec![
                metric("log_loss", today.log_loss, reference.map(|it| it.log_loss), in_test("log_loss")),
                metric("accuracy", today.accuracy, reference.map(|it| it.accuracy), in_test("accuracy")),
                metric("brier", today.brier, reference.map(|it| it.brier), in_test("brier")),
            ],
            roc_auc: areas.collect(),
        }
    }

    /// Adds what the metrics turned out to be.
    pub(crate) fn observe(&mut self, performance: &Performance) {
        for metric in &mut self.metrics {
            metric.observed = performance.metric(&metric.name).map(|it| it.today);
        }
    }

    /// A metric by its name.
    pub(crate) fn metric(&self, name: &str) -> Option<&EstimatedMetric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl EstimatedMetric {
    /// By which share it is greater than in the reference; and whether more than chance is behind that.
    pub(crate) fn rise(&self) -> Option<(f64, bool)> {
        let before = self.in_reference.filter(|before| *before > 0.0)?;
        Some((self.expected / before - 1.0, self.interval.0 > before))
    }
}

/// What a profile says of its own rows.
pub(crate) fn of_profile(profile: &Profile) -> Option<ExpectedMetrics> {
    let counted = |counts: &[u32]| Tally::counted(counts.iter().map(|count| f64::from(*count)).collect());
    let tallies: Vec<Tally> = profile.distributions().map(|it| counted(&it.counts)).collect();
    of_tallies(profile, u64::from(profile.rows), &tallies)
}

/// What is expected of rows that are counted in the cells of a profile's distributions.
pub(crate) fn of_tallies(profile: &Profile, rows: u64, tallies: &[Tally]) -> Option<ExpectedMetrics> {
    let (features, classes) = (profile.features.len(), profile.probabilities.len());
    let probabilities = tallies.get(features..features + classes)?;
    let measures = tallies.get(features + classes..features + classes + MEASURES)?;
    expected_of_tallies(profile, rows, probabilities, measures)
}

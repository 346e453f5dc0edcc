//! How good the model is on today's rows, whose outcomes are known, beside its test.

use nextbest_core::bundle::card::{Card, Metric};
use nextbest_core::metrics::bootstrap::{Bootstrap, Interval, Resampled};
use serde::Serialize;

use super::estimate::STANDARD_ERRORS;
use super::features::Scored;
use crate::config::EvaluationConfig;
use crate::evaluate::{Contestant, Predictions};

/// Metrics of today's rows.
#[derive(Debug, Serialize)]
pub(crate) struct Performance {
    pub(crate) rows: usize,
    pub(crate) metrics: Vec<MeasuredMetric>,
    /// How many rows turned out to be of each class: the shares in the reference, where they are known, and
    /// today.
    pub(crate) classes: Vec<ClassShare>,
    /// p-value of the difference between the shares (χ² test).
    pub(crate) classes_p_value: Option<f64>,
}

/// A metric today and in the model's test.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct MeasuredMetric {
    pub(crate) name: &'static str,
    pub(crate) today: f64,
    pub(crate) interval: Option<Interval>,
    pub(crate) in_test: Option<f64>,
    pub(crate) interval_in_test: Option<(f64, f64)>,
    pub(crate) change: Change,
}

/// Whether a metric has changed by more than chance explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    Better,
    Worse,
    NotShown,
}

/// How frequent a class is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ClassShare {
    pub(crate) name: String,
    pub(crate) reference: Option<f64>,
    pub(crate) today: f64,
}

/// Measures rows whose classes are known.
///
/// # Errors
/// If there are none.
pub(crate) fn measure(
    today: &Scored<'_>,
    card: &Card,
    reference_labels: &[u32],
    config: &EvaluationConfig,
) -> anyhow::Result<Performance> {
    let table = &today.frame.table;
    let schema = &table.layout.schema;
    let (names, has_none) = (schema.class_names(), schema.none_class().is_some());
    let predictions = Predictions { name: "model".into(), probabilities: today.probabilities.clone() };
    let bootstrap = Bootstrap::new(&table.ids, config.bootstrap_draws, config.random_state);
    let replicates = bootstrap.replicates(&[predictions.scores(&table.labels, names.len(), has_none)?])?;
    let contestant =
        Contestant::measure("model", &names, &table.labels, &predictions.probabilities, has_none)?;
    let metrics = Resampled::ALL.into_iter().filter_map(|metric| {
        let value = contestant.value(metric)?;
        let interval = replicates.first().and_then(|it| it.interval(metric));
        let in_test = card.test_metrics.iter().find(|other| other.name == metric.name());
        Some(MeasuredMetric {
            name: metric.name(),
            today: value,
            interval,
            in_test: in_test.map(|it| it.value),
            interval_in_test: in_test.and_then(|it| it.interval),
            change: Change::between(value, interval, in_test, metric.less_is_better()),
        })
    });
    let metrics = metrics.collect();
    let mut counts = vec![0.0; names.len()];
    for label in &table.labels {
        counts.get_mut(*label).into_iter().for_each(|count| *count += 1.0);
    }
    let before: Vec<f64> = reference_labels.iter().map(|count| f64::from(*count)).collect();
    let share = |counts: &[f64], class: usize| {
        let total: f64 = counts.iter().sum();
        counts.get(class).filter(|_| total > 0.0).map(|count| count / total)
    };
    let test = nextbest_core::monitor::chi_square::chi_square(&before, &counts);
    let classes = names.iter().enumerate().map(|(class, name)| ClassShare {
        name: (*name).to_owned(),
        reference: share(&before, class),
        today: share(&counts, class).unwrap_or_default(),
    });
    Ok(Performance {
        rows: table.len(),
        metrics,
        classes: classes.collect(),
        classes_p_value: test.map(|it| it.p_value),
    })
}

impl Performance {
    /// A metric by its name.
    pub(crate) fn metric(&self, name: &str) -> Option<&MeasuredMetric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

impl Change {
    /// Of two estimates from different rows: the standard error of their difference is that of both together.
    fn between(today: f64, interval: Option<Interval>, test: Option<&Metric>, less_is_better: bool) -> Self {
        let error = |low: f64, high: f64| (high - low) / (2.0 * STANDARD_ERRORS);
        let Some((today_error, (test, test_error))) = interval
            .map(|it| error(it.low, it.high))
            .zip(test.and_then(|it| it.interval.map(|(low, high)| (it.value, error(low, high)))))
        else {
            return Self::NotShown;
        };
        let difference = today - test;
        if difference.abs() <= STANDARD_ERRORS * today_error.hypot(test_error) {
            return Self::NotShown;
        }
        if (difference < 0.0) == less_is_better { Self::Better } else { Self::Worse }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NotShown => "no change that these rows can show",
        }
    }
}

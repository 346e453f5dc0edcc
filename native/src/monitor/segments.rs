//! The model on parts of today's rows.

use nextbest_core::bundle::card::Card;
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::row_log_loss;
use nextbest_core::monitor::estimate::expected_metrics;
use serde::Serialize;

use super::estimate::STANDARD_ERRORS;
use super::features::Scored;
use crate::config::EvaluationConfig;
use crate::evaluate::{Parts, parts_by};

/// The parts by one feature.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Segmentation {
    pub(crate) name: String,
    pub(crate) segments: Vec<Segment>,
}

/// A part of today's rows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) rows: usize,
    /// Its share of today's rows, and of those of the model's test.
    pub(crate) share: f64,
    pub(crate) share_in_test: Option<f64>,
    /// The log-loss that the probabilities expect, with its interval of 95 %.
    pub(crate) expected_log_loss: Option<(f64, f64, f64)>,
    pub(crate) observed_log_loss: Option<f64>,
    pub(crate) log_loss_in_test: Option<f64>,
}

/// Measures the parts that the config names and the rows have.
///
/// # Errors
/// If rows and probabilities do not fit each other.
pub(crate) fn measure(
    today: &Scored<'_>,
    card: &Card,
    config: &EvaluationConfig,
) -> anyhow::Result<Vec<Segmentation>> {
    let table = &today.frame.table;
    let by_class = today.by_class()?;
    let test_rows = |name: &str| -> u64 {
        let of_this = card.segments.iter().filter(|it| it.name.starts_with(&format!("{name}: ")));
        of_this.map(|it| it.rows).sum()
    };
    let segmentation = |it: &crate::config::SegmentConfig| {
        let Some(Parts { parts, .. }) = parts_by(table, it)? else { return Ok(None) };
        let tested = test_rows(&it.name);
        let segment = |(name, rows): (String, Vec<usize>)| {
            let of_row = |row: &usize| by_class.row(*row);
            let probabilities: Vec<f32> = rows.iter().filter_map(of_row).flatten().copied().collect();
            let expected = expected_metrics(Matrix::new(&probabilities, by_class.width())?).map(|it| {
                let width = STANDARD_ERRORS * it.log_loss.standard_error;
                (it.log_loss.value, it.log_loss.value - width, it.log_loss.value + width)
            });
            let label = |row: &usize| table.labels.get(*row).copied();
            let losses = rows.iter().filter_map(|row| Some(row_log_loss(of_row(row)?, label(row)?)));
            let observed = today.frame.labelled.then(|| losses.sum::<f64>() / rows.len().max(1) as f64);
            let full = format!("{}: {name}", it.name);
            let in_test = card.segments.iter().find(|segment| segment.name == full);
            let log_loss = in_test.and_then(|it| it.metrics.iter().find(|metric| metric.name == "log_loss"));
            Ok(Segment {
                share: rows.len() as f64 / table.len().max(1) as f64,
                share_in_test: (tested > 0).then(|| in_test.map_or(0.0, |it| it.rows as f64 / tested as f64)),
                rows: rows.len(),
                name,
                expected_log_loss: expected,
                observed_log_loss: observed,
                log_loss_in_test: log_loss.map(|it| it.value),
            })
        };
        let segments = parts.into_iter().map(segment).collect::<anyhow::Result<_>>()?;
        Ok(Some(Segmentation { name: it.name.clone(), segments }))
    };
    config.segments.iter().map(segmentation).filter_map(Result::transpose).collect()
}

//! Metrics of the model by customer segment, such as age bands.

use std::collections::HashSet;

use nextbest_core::features::{FeatureDefinition, word_position};
use nextbest_core::matrix::Matrix;
use nextbest_core::metrics::bootstrap::{Bootstrap, Interval};
use nextbest_core::metrics::{Metrics, roc_auc, row_log_loss};
use serde::{Deserialize, Serialize};

use crate::app::number::number;
use crate::config::{EvaluationConfig, SegmentConfig};
use crate::io::feature_table::FeatureTable;

/// Fewer rows than this prove little …
pub(crate) const FEW_ROWS: usize = 200;
/// … and so do fewer takers.
pub(crate) const FEW_TAKERS: usize = 20;

/// The parts by one feature.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Segmentation {
    pub(crate) name: String,
    pub(crate) feature: String,
    /// What the feature is, in words.
    pub(crate) label: String,
    pub(crate) segments: Vec<Segment>,
}

/// A part of the test rows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(crate) name: String,
    pub(crate) rows: usize,
    /// Whose rows they are.
    pub(crate) customers: usize,
    pub(crate) log_loss: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_loss_interval: Option<Interval>,
    /// Of the class prior on the same rows.
    pub(crate) prior_log_loss: f64,
    /// The area under the ROC curve of taking anything against NONE; without NONE, of each class against the
    /// rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) roc_auc: Option<f64>,
    /// Only where there is a class for nothing.
    pub(crate) takers: Option<Takers>,
    /// Reason not to trust its numbers, such as too few rows.
    pub(crate) warning: Option<String>,
}

/// Those who took a product.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Takers {
    pub(crate) observed: usize,
    /// Sum of the predicted probabilities of taking any product.
    pub(crate) predicted: f64,
}

/// What segments are measured of.
pub(crate) struct Measured<'m> {
    pub(crate) test: &'m FeatureTable,
    pub(crate) probabilities: Matrix<'m, f32>,
    pub(crate) prior: &'m [f32],
    pub(crate) has_none: bool,
}

impl Measured<'_> {
    /// Measures the parts that the config names. The second list has remarks about those that there are not.
    ///
    /// # Errors
    /// If the table does not have the features of each of its rows.
    pub(crate) fn segmentations(
        &self,
        config: &EvaluationConfig,
    ) -> anyhow::Result<(Vec<Segmentation>, Vec<String>)> {
        let (mut found, mut remarks) = (Vec::new(), Vec::new());
        for segmentation in &config.segments {
            match self.segmentation(segmentation, config)? {
                Some(it) => found.push(it),
                None => remarks.push(format!(
                    "no segments by {}: the feature table has no {}",
                    segmentation.name, segmentation.feature
                )),
            }
        }
        Ok((found, remarks))
    }

    fn segmentation(
        &self,
        it: &SegmentConfig,
        config: &EvaluationConfig,
    ) -> anyhow::Result<Option<Segmentation>> {
        let Some(Parts { feature, parts }) = parts_by(self.test, it)? else { return Ok(None) };
        let segments = parts.into_iter().map(|(name, rows)| self.segment(name, &rows, config));
        Ok(Some(Segmentation {
            name: it.name.clone(),
            feature: feature.name.clone(),
            label: feature.label.clone(),
            segments: segments.collect(),
        }))
    }

    fn segment(&self, name: String, rows: &[usize], config: &EvaluationConfig) -> Segment {
        let names = self.test.layout.schema.class_names();
        let labels: Vec<usize> = rows.iter().filter_map(|row| self.test.labels.get(*row).copied()).collect();
        let ids: Vec<&String> = rows.iter().filter_map(|row| self.test.ids.get(*row)).collect();
        let picked = || rows.iter().filter_map(|row| self.probabilities.row(*row));
        let scored = || picked().zip(&labels);
        let losses: Vec<f64> = scored().map(|(row, label)| row_log_loss(row, *label)).collect();
        let mean = |total: f64| total / rows.len().max(1) as f64;
        let taking = |row: &[f32]| row.first().map_or(f32::NAN, |none| 1.0 - none);
        let takers = self.has_none.then(|| Takers {
            observed: labels.iter().filter(|label| **label > 0).count(),
            predicted: scored().map(|(row, _)| f64::from(taking(row))).sum(),
        });
        let area = match self.has_none {
            true => roc_auc(&scored().map(|(row, label)| (taking(row), *label > 0)).collect::<Vec<_>>()),
            false => {
                let probabilities = picked().collect::<Vec<_>>().concat();
                Metrics::measure(&names, &labels, &probabilities).and_then(|metrics| metrics.roc_auc_ovr)
            }
        };
        Segment {
            name,
            rows: rows.len(),
            customers: ids.iter().collect::<HashSet<_>>().len(),
            log_loss: mean(losses.iter().sum()),
            log_loss_interval: Bootstrap::new(&ids, config.bootstrap_draws, config.random_state)
                .mean(&losses),
            prior_log_loss: mean(labels.iter().map(|label| row_log_loss(self.prior, *label)).sum()),
            roc_auc: area,
            warning: warning(rows.len(), takers.as_ref().map(|takers| takers.observed)),
            takers,
        }
    }
}

/// The parts that a feature divides rows into.
pub(crate) struct Parts<'t> {
    pub(crate) feature: &'t FeatureDefinition,
    /// The rows of each part, by its name.
    pub(crate) parts: Vec<(String, Vec<usize>)>,
}

/// The parts of a table; `None` where it does not have the feature.
///
/// # Errors
/// If it does not have the features of each of its rows.
pub(crate) fn parts_by<'t>(table: &'t FeatureTable, it: &SegmentConfig) -> anyhow::Result<Option<Parts<'t>>> {
    let layout = &table.layout;
    let mut features = layout.features.iter().zip(table.matrix()?.columns());
    let Some((feature, values)) = features.find(|(feature, _)| feature.name == it.feature) else {
        return Ok(None);
    };
    let words = feature.words(&layout.schema);
    let parts = words.map_or_else(|| bands(&it.bands), <[String]>::to_vec);
    // The last part has the rows without a value.
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); parts.len() + 1];
    for (row, value) in values.enumerate() {
        let part = match words {
            _ if value.is_nan() => parts.len(),
            Some(words) => word_position(value).unwrap_or(words.len()),
            None => it.bands.iter().filter(|bound| f64::from(value) >= **bound).count(),
        };
        if let Some(rows) = rows.get_mut(part) {
            rows.push(row);
        }
    }
    let names = parts.into_iter().chain(["not known".to_owned()]);
    let parts = names.zip(rows).filter(|(_, rows)| !rows.is_empty()).collect();
    Ok(Some(Parts { feature, parts }))
}

/// Names of the bins between the edges.
fn bands(bounds: &[f64]) -> Vec<String> {
    let between = bounds.iter().zip(bounds.iter().skip(1));
    let mut names: Vec<String> =
        bounds.first().map(|first| format!("below {}", number(*first))).into_iter().collect();
    names.extend(between.map(|(low, high)| format!("{} to {}", number(*low), number(*high))));
    names.push(bounds.last().map_or("all".into(), |last| format!("from {}", number(*last))));
    names
}

fn warning(rows: usize, takers: Option<usize>) -> Option<String> {
    match takers {
        _ if rows < FEW_ROWS => Some(format!("only {rows} rows")),
        Some(takers) if takers < FEW_TAKERS => Some(format!("only {takers} takers")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_lie_between_bounds() {
        assert_eq!(bands(&[25.0, 50.0]), ["below 25", "25 to 50", "from 50"]);
        assert_eq!(bands(&[]), ["all"]);
    }

    #[test]
    fn small_parts_are_warned_of() {
        assert_eq!(warning(199, Some(50)).unwrap(), "only 199 rows");
        assert_eq!(warning(2000, Some(19)).unwrap(), "only 19 takers");
        assert!(warning(200, Some(20)).is_none() && warning(200, None).is_none());
    }
}

//! How good predicted probabilities are, compared with what happened.
//!
//! [`Metrics`] holds the single numbers; [`roc`], [`gain`] and [`reliability`] hold the curves behind some of
//! them. With the feature `train`, `bootstrap` gives confidence intervals and `permutation` the importance of
//! features.

#[cfg(feature = "train")]
pub mod bootstrap;
pub mod gain;
#[cfg(feature = "train")]
pub mod off_policy;
#[cfg(feature = "train")]
pub mod permutation;
pub mod reliability;
pub mod roc;

use serde::{Deserialize, Serialize};

use crate::matrix::{Column, Matrix};
pub use roc::roc_auc;

/// Probabilities are clipped to this and its complement before their logarithm is taken.
pub const CLIP: f64 = 1e-15;

/// Metrics of at least one row. Undefined metrics are left out of JSON, which has no NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The number of rows.
    pub rows: usize,
    /// The share of rows whose most probable class is the true one.
    pub accuracy: f64,
    /// Precision, averaged over the classes weighted by their frequency.
    pub precision_weighted: f64,
    /// Recall, averaged in the same way.
    pub recall_weighted: f64,
    /// F1, averaged in the same way.
    pub f1_weighted: f64,
    /// The area under the ROC curve of each class against the rest, averaged over the classes for which it is
    /// defined; undefined if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roc_auc_ovr: Option<f64>,
    /// The mean of −ln(probability of what happened).
    pub log_loss: f64,
    /// The share of rows whose true class is among the three most probable.
    pub top_3_accuracy: f64,
    /// The mean average precision of the three most probable classes. Since a row has one true class, this is
    /// the mean of 1 / rank of that class where the rank is at most 3, else 0.
    pub map_at_3: f64,
    /// The mean squared distance between the probabilities and what happened, summed over the classes (0 to
    /// 2).
    pub brier: f64,
    /// The class-wise expected calibration error over 15 bins of equal width, averaged over the classes (Kull
    /// et al., 2019, "Beyond temperature scaling").
    pub calibration_error: f64,
    /// Each class against the rest.
    pub classes: Vec<ClassMetrics>,
    /// The number of rows by true class (outer) and most probable class (inner).
    pub confusion: Vec<Vec<usize>>,
}

/// Metrics of one class against the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// The class.
    pub name: String,
    /// The number of rows of the class.
    pub support: usize,
    /// The share of true positives among predicted positives; 0 if there are none.
    pub precision: f64,
    /// The share of true positives among the rows of the class; 0 if there are none.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
    /// The area under its ROC curve; undefined if no row or every row is of the class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roc_auc: Option<f64>,
    /// The mean of −ln(probability of what happened) for "is of the class" against "is not".
    pub log_loss: f64,
}

/// A row's class and its probabilities.
type Scored<'a> = (usize, &'a [f32]);

impl Metrics {
    /// Measures rows of probabilities stored one after the other, one value per class. A label is the
    /// position of the true class. `None` for no rows.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::metrics::Metrics;
    ///
    /// let probabilities = [0.9, 0.1, 0.2, 0.8, 0.6, 0.4];
    /// let metrics = Metrics::measure(&["no", "yes"], &[0, 1, 1], &probabilities).unwrap();
    /// assert!((metrics.accuracy - 2.0 / 3.0).abs() < 1e-12); // The third row is taken for "no".
    /// assert_eq!(metrics.confusion, [[1, 0], [1, 1]]);
    /// ```
    pub fn measure(class_names: &[&str], labels: &[usize], probabilities: &[f32]) -> Option<Self> {
        let probabilities = Matrix::new(probabilities, class_names.len()).ok()?;
        let rows: Vec<Scored<'_>> = labels.iter().copied().zip(probabilities.rows()).collect();
        if rows.is_empty() {
            return None;
        }
        let mut confusion = vec![vec![0; class_names.len()]; class_names.len()];
        for (label, row) in &rows {
            if let Some(count) = confusion.get_mut(*label).and_then(|row_| row_.get_mut(most_probable(row))) {
                *count += 1;
            }
        }
        let columns = class_names.iter().zip(probabilities.columns()).enumerate();
        let classes: Vec<ClassMetrics> = columns
            .map(|(class, (name, column))| {
                let scored = column.zip(labels.iter().map(|label| *label == class));
                ClassMetrics::measure(name, class, &scored.collect::<Vec<_>>(), &confusion)
            })
            .collect::<Option<_>>()?;
        let mean = |of: &dyn Fn(&Scored<'_>) -> f64| mean(rows.iter().map(of));
        let weighted = |of: fn(&ClassMetrics) -> f64| {
            classes.iter().map(|class| of(class) * class.support as f64).sum::<f64>() / rows.len() as f64
        };
        let areas: Vec<f64> = classes.iter().filter_map(|class| class.roc_auc).collect();
        Some(Self {
            rows: rows.len(),
            accuracy: mean(&|(label, row)| f64::from(u8::from(most_probable(row) == *label))),
            precision_weighted: weighted(|class| class.precision),
            recall_weighted: weighted(|class| class.recall),
            f1_weighted: weighted(|class| class.f1),
            roc_auc_ovr: (!areas.is_empty()).then(|| self::mean(areas.iter().copied())),
            log_loss: mean(&|(label, row)| row_log_loss(row, *label)),
            top_3_accuracy: mean(&|(label, row)| f64::from(u8::from(rank(row, *label) < 3))),
            map_at_3: mean(&|(label, row)| average_precision_at_3(row, *label)),
            brier: mean(&|(label, row)| brier(row, *label)),
            calibration_error: calibration_error(labels, probabilities),
            classes,
            confusion,
        })
    }

    /// Measures without the first class (NONE): only rows of other classes, with their probabilities scaled
    /// to sum to 1 without it. `None` if there are no such rows.
    pub fn measure_without_none(
        class_names: &[&str],
        labels: &[usize],
        probabilities: &[f32],
    ) -> Option<Self> {
        let mut kept_labels = Vec::new();
        let mut kept = Vec::new();
        for (label, row) in labels.iter().zip(probabilities.chunks_exact(class_names.len().max(1))) {
            let Some(product) = label.checked_sub(1) else { continue };
            kept_labels.push(product);
            kept.extend(without_none(row));
        }
        let (_, products) = class_names.split_first()?;
        Self::measure(products, &kept_labels, &kept)
    }
}

impl ClassMetrics {
    /// Measures a class by its probability in each row and whether the row is of it; `None` if the confusion matrix
    /// has no such class.
    fn measure(name: &str, class: usize, scored: &[(f32, bool)], confusion: &[Vec<usize>]) -> Option<Self> {
        let of_class = confusion.get(class)?;
        let (right, support) = (*of_class.get(class)?, of_class.iter().sum());
        let taken = confusion.iter().map(|row| row.get(class)).sum::<Option<usize>>()?;
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let (precision, recall) = (share(right, taken), share(right, support));
        let f1 = if right == 0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        let log_loss = mean(scored.iter().map(|(probability, happened)| {
            let probability = f64::from(*probability);
            -clipped_ln(if *happened { probability } else { 1.0 - probability })
        }));
        let (name, roc_auc) = (name.to_owned(), roc_auc(scored));
        Some(Self { name, support, precision, recall, f1, roc_auc, log_loss })
    }
}

/// The mean of −ln(probability of what happened), as [`Metrics::log_loss`]; NaN for no rows.
pub fn log_loss(labels: &[usize], probabilities: Matrix<'_, f32>) -> f64 {
    let rows = labels.iter().zip(probabilities.rows());
    mean(rows.map(|(label, row)| row_log_loss(row, *label)))
}

/// −ln(probability of what happened) for one row; a class that the row has no probability for counts as
/// probability 0.
pub fn row_log_loss(row: &[f32], label: usize) -> f64 {
    -clipped_ln(row.get(label).copied().unwrap_or_default().into())
}

/// The calibration error, as [`Metrics::calibration_error`].
pub fn calibration_error(labels: &[usize], probabilities: Matrix<'_, f32>) -> f64 {
    let of_class = |(class, column): (usize, Column<'_, f32>)| {
        reliability::class_calibration_error(column.zip(labels.iter().map(|label| *label == class)))
    };
    mean(probabilities.columns().enumerate().map(of_class))
}

/// A row's probabilities of the products, scaled to sum to 1 without the first class.
fn without_none(row: &[f32]) -> impl Iterator<Item = f32> {
    let products = row.iter().skip(1);
    let total: f32 = products.clone().sum();
    let even = 1.0 / products.len().max(1) as f32;
    products.map(move |value| if total > 0.0 { value / total } else { even })
}

fn brier(row: &[f32], label: usize) -> f64 {
    let squares = row.iter().enumerate().map(|(class, probability)| {
        let happened = f64::from(u8::from(class == label));
        (f64::from(*probability) - happened).powi(2)
    });
    squares.sum()
}

fn average_precision_at_3(row: &[f32], label: usize) -> f64 {
    let rank = rank(row, label);
    if rank < 3 { 1.0 / (rank + 1) as f64 } else { 0.0 }
}

/// The position of the greatest probability; ties go to the first.
fn most_probable(row: &[f32]) -> usize {
    let best = row.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(class, _)| class)
}

/// The number of classes that are more probable than one; ties count the earlier class as more probable.
fn rank(row: &[f32], class: usize) -> usize {
    let own = row.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    row.iter()
        .enumerate()
        .filter(|(other, value)| **value > own || (**value == own && *other < class))
        .count()
}

fn clipped_ln(probability: f64) -> f64 {
    probability.clamp(CLIP, 1.0 - CLIP).ln()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values {
        sum += value;
        count += 1;
    }
    if count == 0 { f64::NAN } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["NONE", "a", "b"];

    /// Five rows, small enough to check by hand.
    fn example() -> (Vec<usize>, Vec<f32>) {
        let labels = vec![0, 1, 2, 1, 0];
        let probabilities = vec![
            0.7, 0.2, 0.1, //
            0.3, 0.6, 0.1, //
            0.2, 0.5, 0.3, //
            0.6, 0.3, 0.1, //
            0.5, 0.25, 0.25,
        ];
        (labels, probabilities)
    }

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() < 1e-6, "{actual} instead of {expected}");
    }

    #[test]
    fn agrees_with_the_definitions() {
        let (labels, probabilities) = example();
        let metrics = Metrics::measure(&NAMES, &labels, &probabilities).unwrap();
        close(metrics.accuracy, 0.6);
        assert_eq!(metrics.confusion, [[2, 0, 0], [1, 1, 0], [0, 1, 0]]);
        let log_loss = -(0.7f64.ln() + 0.6f64.ln() + 0.3f64.ln() + 0.3f64.ln() + 0.5f64.ln()) / 5.0;
        close(metrics.log_loss, log_loss);
        // NONE: positives .7 .5 against .3 .2 .6: 5 of 6 pairs. a: .6 .3 against .2 .5 .25: 5 of 6. b: .3
        // above all.
        close(metrics.classes[0].roc_auc.unwrap(), 5.0 / 6.0);
        close(metrics.classes[1].roc_auc.unwrap(), 5.0 / 6.0);
        close(metrics.classes[2].roc_auc.unwrap(), 1.0);
        close(metrics.roc_auc_ovr.unwrap(), (5.0 / 6.0 + 5.0 / 6.0 + 1.0) / 3.0);
        close(metrics.precision_weighted, (2.0 * 2.0 / 3.0 + 2.0 * 0.5) / 5.0);
        close(metrics.recall_weighted, (2.0 + 2.0 * 0.5) / 5.0);
        close(metrics.f1_weighted, (2.0 * 0.8 + 2.0 * 0.5) / 5.0);
        let brier = 0.09 + 0.04 + 0.01 + 0.09 + 0.16 + 0.01 + 0.04 + 0.25 + 0.49 + 0.36 + 0.49 + 0.01 + 0.375;
        close(metrics.brier, brier / 5.0);
        close(metrics.top_3_accuracy, 1.0);
        // The ranks of the true classes: 1, 1, 2, 2, 1.
        close(metrics.map_at_3, (1.0 + 1.0 + 0.5 + 0.5 + 1.0) / 5.0);
    }

    #[test]
    fn none_can_be_left_out() {
        let (labels, probabilities) = example();
        let metrics = Metrics::measure_without_none(&NAMES, &labels, &probabilities).unwrap();
        assert_eq!(metrics.rows, 3);
        close(metrics.log_loss, -((0.6f64 / 0.7).ln() + (0.3f64 / 0.8).ln() + (0.3f64 / 0.4).ln()) / 3.0);
        close(metrics.accuracy, 2.0 / 3.0);
    }

    #[test]
    fn calibration_error_is_zero_for_frequencies_and_large_for_certainty() {
        let error = |probabilities: [f32; 2]| {
            let probabilities = probabilities.repeat(4);
            Metrics::measure(&["NONE", "a"], &[0, 0, 0, 1], &probabilities).unwrap().calibration_error
        };
        close(error([0.75, 0.25]), 0.0);
        close(error([0.0, 1.0]), 0.75);
    }

    #[test]
    fn a_class_behind_the_first_three_counts_nothing() {
        let row = [0.4f32, 0.3, 0.2, 0.1];
        let names = ["a", "b", "c", "d"];
        let metrics = Metrics::measure(&names, &[2, 3], &row.repeat(2)).unwrap();
        close(metrics.map_at_3, (1.0 / 3.0) / 2.0);
        close(metrics.top_3_accuracy, 0.5);
    }

    #[test]
    fn of_no_rows_there_are_no_metrics() {
        assert_eq!(Metrics::measure(&NAMES, &[], &[]), None);
        assert_eq!(Metrics::measure(&NAMES, &[0, 1], &[0.5; 5]), None, "a row and a half");
        assert_eq!(Metrics::measure_without_none(&NAMES, &[0, 0], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]), None);
    }

    #[test]
    fn where_one_class_alone_occurs_there_is_no_area_and_json_has_neither_it_nor_null() {
        let metrics = Metrics::measure(&NAMES, &[1, 1], &[0.2, 0.5, 0.3, 0.1, 0.6, 0.3]).unwrap();
        assert_eq!((metrics.roc_auc_ovr, metrics.classes[1].roc_auc), (None, None));
        let json = serde_json::to_string(&metrics).unwrap();
        assert!(!json.contains("null") && !json.contains("roc_auc"), "{json}");
    }
}

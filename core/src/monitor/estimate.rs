//! Expected performance before labels are known, from the model's own calibrated probabilities
//! ("confidence-based performance estimation"). It can't detect a change in how labels depend on features.

use super::profile::MEASURES;
use super::profile::{Averaged, Profile};
use super::tally::Tally;
use super::watch::{RowMeasure, measures};
use crate::matrix::{Column, Matrix};

/// The expected value of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Its mean over all possible labels of the rows.
    pub value: f64,
    /// Its standard deviation over them, for this number of rows.
    pub standard_error: f64,
}

/// The expected metrics of some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedMetrics {
    /// The number of rows.
    pub rows: usize,
    /// The mean of −ln(probability of what happens).
    pub log_loss: Expected,
    /// The share of rows whose most probable class happens.
    pub accuracy: Expected,
    /// The mean squared distance between the probabilities and what happens, summed over the classes.
    pub brier: Expected,
    /// For each class, the area under the ROC curve of its probability; `None` unless the class is expected
    /// both to happen and not to happen.
    pub roc_auc: Vec<Option<Expected>>,
}

/// The expected metrics of rows of calibrated probabilities, one column per class. `None` for no rows.
pub fn expected_metrics(probabilities: Matrix<'_, f32>) -> Option<ExpectedMetrics> {
    let count = Some(probabilities.height()).filter(|count| *count > 0)?;
    let mut sums = [RowMeasure::default(); MEASURES];
    for row in probabilities.rows() {
        for (sum, measure) in sums.iter_mut().zip(measures(row)) {
            sum.mean += measure.mean;
            sum.variance += measure.variance;
        }
    }
    let [log_loss, accuracy, brier] = sums.map(|sum| Expected {
        value: sum.mean / count as f64,
        standard_error: sum.variance.sqrt() / count as f64,
    });
    let area_of = |of_class: Column<'_, f32>| {
        let mut sorted: Vec<f64> = of_class.map(f64::from).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let groups = sorted.chunk_by(|a, b| a == b);
        area(groups.filter_map(|equals| Some((*equals.first()?, equals.len() as f64))).collect())
    };
    let roc_auc = probabilities.columns().map(area_of).collect();
    Some(ExpectedMetrics { rows: count, log_loss, accuracy, brier, roc_auc })
}

/// The expected metrics of rows counted in the cells of a profile; each row counts as the mean of its cell.
/// `None` for no rows, or if the tallies do not match the profile.
///
/// Areas under ROC curves ignore the order within a cell and so come out slightly low; for randomised rows
/// they are not computed.
pub fn expected_of_tallies(
    profile: &Profile,
    rows: u64,
    probabilities: &[Tally],
    measures: &[Tally],
) -> Option<ExpectedMetrics> {
    let expected: Vec<Expected> = profile
        .measures
        .iter()
        .zip(measures)
        .map(|(averaged, tally)| expected_of_cells(averaged, tally, rows as f64))
        .collect::<Option<_>>()?;
    let [log_loss, accuracy, brier] = expected.as_slice() else { return None };
    let area_of = |(averaged, tally): (&Averaged, &Tally)| {
        if tally.is_randomised() {
            return None;
        }
        let known = tally.counts.iter().skip(1);
        area(averaged.means.iter().zip(known).map(|(mean, count)| (f64::from(*mean), *count)).collect())
    };
    Some(ExpectedMetrics {
        rows: usize::try_from(rows).ok()?,
        log_loss: *log_loss,
        accuracy: *accuracy,
        brier: *brier,
        roc_auc: profile.probabilities.iter().zip(probabilities).map(area_of).collect(),
    })
}

fn expected_of_cells(averaged: &Averaged, tally: &Tally, rows: f64) -> Option<Expected> {
    let reports = tally.reports();
    if reports <= 0.0 || reports.is_nan() || tally.counts.len() != averaged.distribution.cells() {
        return None;
    }
    let known = || tally.counts.iter().skip(1);
    let mean_of = |numbers: &[f32]| {
        known().zip(numbers).map(|(count, number)| count * f64::from(*number)).sum::<f64>() / reports
    };
    // The variance of the labels, and the variance that randomisation adds to the counts.
    let labels = mean_of(&averaged.variances).max(0.0) / rows;
    let means: Vec<f64> =
        core::iter::once(0.0).chain(averaged.means.iter().map(|it| f64::from(*it))).collect();
    let randomising = tally.variance_of_mean(&means);
    Some(Expected { value: mean_of(&averaged.means), standard_error: (labels + randomising).sqrt() })
}

/// The expected area under the ROC curve of a class against the rest: among pairs of a row of the class and
/// one that is not, the share in which the former has the greater probability (ties count half). It is the
/// expected number of correctly ordered pairs over the expected number of pairs; its variance follows, to
/// first order, from the effect of each label (the delta method). `groups` holds probabilities and how many
/// rows have each, in ascending order.
fn area(groups: Vec<(f64, f64)>) -> Option<Expected> {
    let count: f64 = groups.iter().map(|(_, equals)| equals).sum();
    let happening: f64 = groups.iter().map(|(p, equals)| p * equals).sum();
    if happening < 1.0 || count - happening < 1.0 {
        return None;
    }
    // Without pairs of a row with itself.
    let own: f64 = groups.iter().map(|(p, equals)| p * (1.0 - p) * equals).sum();
    let pairs = happening * (count - happening) - own;
    let (mut below, mut in_order) = ((0.0, 0.0), 0.0);
    let mut changes = Vec::with_capacity(groups.len());
    for (p, equals) in groups {
        let here = (p * equals, (1.0 - p) * equals);
        // If this row is of the class, it is correctly ordered with the rows below that are not …
        let gained = below.1 + (here.1 - (1.0 - p)) / 2.0;
        // … and if it is not, rows above that are of the class are correctly ordered with it.
        let lost = (happening - below.0 - here.0) + (here.0 - p) / 2.0;
        in_order += p * gained * equals;
        changes.push((p, equals, gained - lost));
        below = (below.0 + here.0, below.1 + here.1);
    }
    let value = in_order / pairs;
    let variance: f64 = changes
        .iter()
        .map(|(p, equals, change)| {
            let pairs_change = count - 1.0 - 2.0 * (happening - p);
            let change = (change - value * pairs_change) / pairs;
            equals * p * (1.0 - p) * change * change
        })
        .sum();
    Some(Expected { value, standard_error: variance.sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_rows_by_hand() {
        let found = expected_metrics(Matrix::new(&[0.5, 0.5, 1.0, 0.0], 2).unwrap()).unwrap();
        let half_of_ln_2 = core::f64::consts::LN_2 / 2.0;
        assert!((found.log_loss.value - half_of_ln_2).abs() < 1e-12);
        // Whatever the label of the first row, its loss is ln 2; the second is certain.
        assert!(found.log_loss.standard_error < 1e-9);
        assert!((found.accuracy.value - 0.75).abs() < 1e-12);
        assert!((found.accuracy.standard_error - 0.25).abs() < 1e-12);
        assert!((found.brier.value - 0.25).abs() < 1e-12 && found.brier.standard_error < 1e-9);
        assert_eq!(expected_metrics(Matrix::new(&[], 2).unwrap()), None);
        // No class is certain both to happen and not to happen.
        assert_eq!(found.roc_auc, [None, None]);
    }

    /// Every possible combination of labels, by brute force.
    #[test]
    fn an_area_is_that_of_all_labels() {
        let p = [0.9f32, 0.7, 0.7, 0.5, 0.2];
        let rows: Vec<f32> = p.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let found = expected_metrics(Matrix::new(&rows, 2).unwrap()).unwrap().roc_auc[1].unwrap();
        let (mut in_order, mut pairs) = (0.0, 0.0);
        for labels in 0u32..1 << p.len() {
            let happens = |row: usize| labels >> row & 1 == 1;
            let chance: f64 = (0..p.len())
                .map(|row| f64::from(p[row]))
                .enumerate()
                .map(|(row, p)| if happens(row) { p } else { 1.0 - p })
                .product();
            for (a, b) in (0..p.len()).flat_map(|a| (0..p.len()).map(move |b| (a, b))) {
                if happens(a) && !happens(b) {
                    pairs += chance;
                    in_order += chance
                        * if p[a] > p[b] {
                            1.0
                        } else if p[a] == p[b] {
                            0.5
                        } else {
                            0.0
                        };
                }
            }
        }
        assert!((found.value - in_order / pairs).abs() < 1e-7, "{found:?} {}", in_order / pairs);
    }
}

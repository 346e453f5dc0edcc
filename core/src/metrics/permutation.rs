//! Permutation importance (Breiman, 2001, "Random Forests"; Fisher, Rudin and Dominici, 2019): how much worse
//! a model gets when a feature's values are shuffled among the rows.
//!
//! Unlike the share of impurity removed in training, it is measured on rows that the model did not learn
//! from, and does not favour features with many values. Each of several correlated features may seem
//! unimportant, because the others substitute for it.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::row_log_loss;
use crate::Error;
use crate::bundle::Bundle;
use crate::matrix::{Column, Matrix};
use crate::model::forest::Scratch;

/// How often each feature's values are shuffled.
const REPEATS: usize = 3;

/// The increase of the log-loss of `labels.len()` rows of features (`values`, row by row) when one feature's
/// values are shuffled among them: the mean of three shuffles. Measured only for features for which `matters`
/// returns true; 0 for the others.
///
/// Values are shuffled among all rows, but the loss is computed for about `most_rows` of them: large classes
/// are thinned evenly and weighted accordingly, while rare classes keep all their rows. The same seed gives
/// the same numbers on any number of threads.
///
/// # Errors
/// [`Error::RowLength`] if the values are not one row per label.
pub fn permutation_importance(
    bundle: &Bundle,
    values: &[f32],
    labels: &[usize],
    matters: impl Fn(usize) -> bool,
    most_rows: usize,
    seed: u64,
) -> Result<Vec<f64>, Error> {
    let width = bundle.bins.feature_count();
    let values = Matrix::new(values, width)?;
    if values.height() != labels.len() {
        return Err(Error::RowLength { expected: labels.len() * width, actual: values.values().len() });
    }
    let mut bins = vec![0u8; values.values().len()];
    for (row, bins) in values.rows().zip(bins.chunks_exact_mut(width.max(1))) {
        bundle.bins.bin_row(row, bins);
    }
    let bins = Matrix::new(&bins, width)?;
    let sampled = |scratch: &mut Scratch, (row, weight): (usize, f64)| {
        let (bins, label) = (bins.row(row)?, *labels.get(row)?);
        Some(Sampled { row, bins, label, weight, loss: loss(bundle, bins, label, scratch) })
    };
    let before: Vec<Sampled<'_>> = sample(labels, bundle.schema.class_count(), most_rows)
        .into_par_iter()
        .map_init(Scratch::default, sampled)
        .flatten_iter()
        .collect();
    let tasks: Vec<(usize, usize, Column<'_, u8>)> = bins
        .columns()
        .enumerate()
        .filter(|(feature, _)| matters(*feature))
        .flat_map(|(feature, column)| (0..REPEATS).map(move |repeat| (feature, repeat, column.clone())))
        .collect();
    let increases: Vec<f64> = tasks
        .par_iter()
        .map(|(feature, repeat, column)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((feature * REPEATS + repeat) as u64);
            increase(bundle, *feature, column.clone().collect(), &before, &mut rng)
        })
        .collect();
    let mut importance = vec![0.0; width];
    for ((feature, ..), increase) in tasks.iter().zip(increases) {
        if let Some(mean) = importance.get_mut(*feature) {
            *mean += increase / REPEATS as f64;
        }
    }
    Ok(importance)
}

/// A row for which the loss is computed.
struct Sampled<'r> {
    row: usize,
    bins: &'r [u8],
    label: usize,
    /// The number of rows that it stands for.
    weight: f64,
    loss: f64,
}

/// At most `most_rows` rows (or one per class), each with the number of rows that it stands for. Small
/// classes keep all their rows, large ones are thinned.
fn sample(labels: &[usize], class_count: usize, most_rows: usize) -> Vec<(usize, f64)> {
    let mut classes: Vec<Vec<usize>> = vec![Vec::new(); class_count];
    for (row, label) in labels.iter().enumerate() {
        if let Some(rows) = classes.get_mut(*label) {
            rows.push(row);
        }
    }
    let total = |of_each: usize| classes.iter().map(|rows| rows.len().min(of_each)).sum::<usize>();
    let (mut of_each, mut too_many) = (1, labels.len().max(1) + 1);
    while too_many - of_each > 1 {
        let middle = of_each + (too_many - of_each) / 2;
        if total(middle) <= most_rows { of_each = middle } else { too_many = middle }
    }
    let of_class = |rows: &Vec<usize>| {
        let taken = rows.len().min(of_each);
        let weight = rows.len() as f64 / taken.max(1) as f64;
        // Evenly spaced over the class.
        let places = (0..taken).map(|place| place * rows.len() / taken);
        places.filter_map(|place| Some((*rows.get(place)?, weight))).collect::<Vec<_>>()
    };
    classes.iter().flat_map(of_class).collect()
}

/// The increase of the mean loss when a feature's bins are shuffled.
fn increase(
    bundle: &Bundle,
    feature: usize,
    mut shuffled: Vec<u8>,
    before: &[Sampled<'_>],
    rng: &mut ChaCha8Rng,
) -> f64 {
    let mut scratch = Scratch::default();
    shuffled.shuffle(rng);
    // Most rows of a feature that is mostly 0 get back the value that they had.
    let increases = before.iter().filter_map(|it| {
        let new = *shuffled.get(it.row)?;
        if *it.bins.get(feature)? == new {
            return None;
        }
        let mut bins = it.bins.to_vec();
        *bins.get_mut(feature)? = new;
        Some(it.weight * (loss(bundle, &bins, it.label, &mut scratch) - it.loss))
    });
    increases.sum::<f64>() / shuffled.len().max(1) as f64
}

/// The loss of a row of bins.
fn loss(bundle: &Bundle, bins: &[u8], label: usize, scratch: &mut Scratch) -> f64 {
    let mut probabilities = vec![0.0; bundle.schema.class_count()];
    bundle.model.predict(bins, scratch, &mut probabilities);
    bundle.calibration.apply(&mut probabilities);
    row_log_loss(&probabilities, label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_classes_are_thinned_out_and_weigh_more() {
        let labels: Vec<usize> = (0..1000).map(|row| usize::from(row % 100 == 7)).collect();
        let sample = sample(&labels, 3, 100);
        assert_eq!(sample.len(), 100);
        let of = |class: usize| sample.iter().filter(|(row, _)| labels[*row] == class).collect::<Vec<_>>();
        assert_eq!(of(1).len(), 10, "a rare class keeps all of its rows");
        assert!(
            of(1).iter().all(|(_, weight)| *weight == 1.0) && of(0).iter().all(|(_, weight)| *weight == 11.0)
        );
        let mut rows: Vec<usize> = sample.iter().map(|(row, _)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        assert!(rows.len() == 100 && rows[99] > 950, "different rows from everywhere: {rows:?}");
    }

    #[test]
    fn few_rows_are_all_taken() {
        assert_eq!(sample(&[0, 1, 1, 0], 2, 100), [(0, 1.0), (3, 1.0), (1, 1.0), (2, 1.0)]);
        assert!(sample(&[], 2, 100).is_empty());
        assert_eq!(sample(&[0, 0, 1, 1], 2, 1).len(), 2, "one of each class");
    }
}

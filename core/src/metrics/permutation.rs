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
use crate::bundle::Bundle;
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
pub fn permutation_importance(
    bundle: &Bundle,
    values: &[f32],
    labels: &[usize],
    matters: impl Fn(usize) -> bool,
    most_rows: usize,
    seed: u64,
) -> Vec<f64> {
    let width = bundle.bins.feature_count().max(1);
    let mut bins = vec![0u8; labels.len() * width];
    for (row, bins) in values.chunks_exact(width).zip(bins.chunks_exact_mut(width)) {
        bundle.bins.bin_row(row, bins);
    }
    let rows = Rows { bundle, width, bins, labels };
    let before: Vec<Sampled> = sample(labels, bundle.schema.class_count(), most_rows)
        .into_par_iter()
        .map_init(Scratch::default, |scratch, (row, weight)| Sampled {
            row,
            weight,
            loss: rows.loss(row, None, scratch),
        })
        .collect();
    let tasks: Vec<(usize, usize)> = (0..width)
        .filter(|feature| matters(*feature))
        .flat_map(|feature| (0..REPEATS).map(move |repeat| (feature, repeat)))
        .collect();
    let increases: Vec<f64> = tasks
        .par_iter()
        .map(|(feature, repeat)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((feature * REPEATS + repeat) as u64);
            rows.increase(*feature, &before, &mut rng)
        })
        .collect();
    let mut importance = vec![0.0; width];
    for ((feature, _), increase) in tasks.iter().zip(increases) {
        if let Some(mean) = importance.get_mut(*feature) {
            *mean += increase / REPEATS as f64;
        }
    }
    importance
}

/// A row for which the loss is computed.
struct Sampled {
    row: usize,
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

struct Rows<'r> {
    bundle: &'r Bundle,
    width: usize,
    bins: Vec<u8>,
    labels: &'r [usize],
}

impl Rows<'_> {
    fn increase(&self, feature: usize, before: &[Sampled], rng: &mut ChaCha8Rng) -> f64 {
        let column: Vec<u8> = self.bins.iter().skip(feature).step_by(self.width).copied().collect();
        let mut dealt = column.clone();
        let mut scratch = Scratch::default();
        dealt.shuffle(rng);
        // Most rows of a feature that is mostly 0 get back the value that they had.
        let increases = before.iter().filter_map(|it| {
            let new = *dealt.get(it.row)?;
            let changes = column.get(it.row) != Some(&new);
            changes.then(|| it.weight * (self.loss(it.row, Some((feature, new)), &mut scratch) - it.loss))
        });
        increases.sum::<f64>() / self.labels.len().max(1) as f64
    }

    fn loss(&self, row: usize, instead: Option<(usize, u8)>, scratch: &mut Scratch) -> f64 {
        let mut bins = self.bins.get(row * self.width..(row + 1) * self.width).unwrap_or_default().to_vec();
        if let Some((feature, bin)) = instead
            && let Some(value) = bins.get_mut(feature)
        {
            *value = bin;
        }
        let mut probabilities = vec![0.0; self.bundle.schema.class_count()];
        self.bundle.model.predict(&bins, scratch, &mut probabilities);
        self.bundle.calibration.apply(&mut probabilities);
        row_log_loss(&probabilities, self.labels.get(row).copied().unwrap_or_default())
    }
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

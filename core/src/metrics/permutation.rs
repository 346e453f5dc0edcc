//! Permutation importance (Breiman, 2001, "Random Forests"; Fisher, Rudin and Dominici, 2019): how much worse a model
//! gets when a feature's values are dealt out among the rows anew.
//!
//! Other than the share of the impurity that a feature removed while training, this is measured on rows that the model did
//! not learn from, and features of many values have no advantage. Of features that go together each alone may seem to
//! matter little: the others stand in for it.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::row_log_loss;
use crate::model::bundle::Bundle;

/// How often each feature's values are dealt out anew.
const REPEATS: usize = 3;

/// By how much the log-loss of `labels.len()` rows of features (`values`, row by row) grows when one feature's values are
/// permuted among them, the mean of three permutations. Only for features that `matters` says to be measured, 0 for
/// the others. The same seed gives the same numbers on any number of threads.
pub fn permutation_importance(
    bundle: &Bundle,
    values: &[f32],
    labels: &[usize],
    matters: impl Fn(usize) -> bool,
    seed: u64,
) -> Vec<f64> {
    let width = bundle.bins.feature_count().max(1);
    let mut bins = vec![0u8; labels.len() * width];
    for (row, bins) in values.chunks_exact(width).zip(bins.chunks_exact_mut(width)) {
        bundle.bins.bin_row(row, bins);
    }
    let rows = Rows { bundle, width, bins, labels };
    let losses: Vec<f64> = (0..labels.len()).into_par_iter().map(|row| rows.loss(row, None)).collect();
    let tasks: Vec<(usize, usize)> = (0..width)
        .filter(|feature| matters(*feature))
        .flat_map(|feature| (0..REPEATS).map(move |repeat| (feature, repeat)))
        .collect();
    let increases: Vec<f64> = tasks
        .par_iter()
        .map(|(feature, repeat)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream((feature * REPEATS + repeat) as u64);
            rows.increase(*feature, &losses, &mut rng)
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

struct Rows<'r> {
    bundle: &'r Bundle,
    width: usize,
    bins: Vec<u8>,
    labels: &'r [usize],
}

impl Rows<'_> {
    fn increase(&self, feature: usize, losses: &[f64], rng: &mut ChaCha8Rng) -> f64 {
        let column: Vec<u8> = self.bins.iter().skip(feature).step_by(self.width).copied().collect();
        let mut dealt = column.clone();
        dealt.shuffle(rng);
        // Most rows of a feature that is mostly 0 get the value that they had.
        let changed =
            column.iter().zip(&dealt).zip(losses).enumerate().filter(|(_, ((old, new), _))| old != new);
        let increases = changed.map(|(row, ((_, new), loss))| self.loss(row, Some((feature, *new))) - loss);
        increases.sum::<f64>() / losses.len().max(1) as f64
    }

    fn loss(&self, row: usize, instead: Option<(usize, u8)>) -> f64 {
        let mut bins = self.bins.get(row * self.width..(row + 1) * self.width).unwrap_or_default().to_vec();
        if let Some((feature, bin)) = instead
            && let Some(value) = bins.get_mut(feature)
        {
            *value = bin;
        }
        let mut probabilities = vec![0.0; self.bundle.schema.class_count()];
        self.bundle.model.predict(&bins, &mut probabilities);
        self.bundle.calibration.apply(&mut probabilities);
        row_log_loss(&probabilities, self.labels.get(row).copied().unwrap_or_default())
    }
}

//! The out-of-bag estimate: each row is scored by the trees whose sample did not contain it.

use rayon::prelude::*;

use super::ValidForestParams;
use crate::Error;
use crate::metrics::CLIP;
use crate::model::forest::{Forest, Scratch, Tree};
use crate::train::dataset::Dataset;

/// The number of rows in one piece of work.
const CHUNK: usize = 4096;

/// The most by which the out-of-bag log-loss may rise when leaves are rounded to bytes.
const MOST_COST_OF_BYTES: f64 = 1e-4;

/// The out-of-bag estimate (Breiman, 2001) of a forest's quality.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutOfBag {
    /// The weight of the rows that some tree did not see. Rows count by their weights, here and below.
    pub rows: f64,
    /// The mean of −ln(probability of what happened) over those rows.
    pub log_loss: f64,
    /// The share of those rows whose most probable class is the true one.
    pub accuracy: f64,
}

impl ValidForestParams {
    /// Returns the forest with leaves of one byte instead of two if its out-of-bag predictions are as good:
    /// it is smaller and faster. Bytes are too coarse if classes are rare almost everywhere and certain in
    /// some leaf; without out-of-bag rows this can't be measured, and the leaves stay. Also returns the
    /// out-of-bag estimate.
    ///
    /// # Errors
    /// If the forest is broken.
    pub fn with_small_leaves(
        &self,
        data: &Dataset,
        forest: Forest,
    ) -> Result<(Forest, Option<OutOfBag>), Error> {
        let Some(before) = self.out_of_bag(data, &forest) else { return Ok((forest, None)) };
        let trees: Vec<Tree> = forest.trees().collect();
        let link = forest.link().clone();
        let in_bytes = Forest::with_leaf_steps(forest.class_count(), link, &trees, u8::MAX.into())
            .map_err(Error::Training)?;
        match self.out_of_bag(data, &in_bytes) {
            Some(after) if after.log_loss <= before.log_loss + MOST_COST_OF_BYTES => {
                Ok((in_bytes, Some(after)))
            }
            _ => Ok((forest, Some(before))),
        }
    }

    /// Estimates the quality of a forest that was grown with these parameters from this data. This needs no
    /// second set of rows, since every tree leaves out a third of them. `None` if every tree saw every row.
    pub fn out_of_bag(&self, data: &Dataset, forest: &Forest) -> Option<OutOfBag> {
        let bags: Vec<Vec<bool>> = (0..forest.tree_count() as u64)
            .into_par_iter()
            .map(|tree| self.draws(data, &mut self.rng(tree)).iter().map(|draws| *draws > 0).collect())
            .collect();
        let starts = (0..data.row_count()).step_by(CHUNK).collect::<Vec<_>>();
        let chunks: Vec<OutOfBag> =
            starts.into_par_iter().map(|start| chunk(data, forest, &bags, start)).collect();
        // Summed in the order of the rows, whatever the threads.
        let total =
            chunks.iter().fold(OutOfBag { rows: 0.0, log_loss: 0.0, accuracy: 0.0 }, |sum, chunk| OutOfBag {
                rows: sum.rows + chunk.rows,
                log_loss: sum.log_loss + chunk.log_loss,
                accuracy: sum.accuracy + chunk.accuracy,
            });
        (total.rows > 0.0).then(|| OutOfBag {
            rows: total.rows,
            log_loss: total.log_loss / total.rows,
            accuracy: total.accuracy / total.rows,
        })
    }
}

/// The sums over a chunk of rows beginning at `start`.
#[expect(clippy::indexing_slicing, reason = "rows and labels of the data")]
fn chunk(data: &Dataset, forest: &Forest, bags: &[Vec<bool>], start: usize) -> OutOfBag {
    let mut sums = OutOfBag { rows: 0.0, log_loss: 0.0, accuracy: 0.0 };
    let mut bins = vec![0; data.columns().len()];
    let mut scratch = Scratch::default();
    for (row, label) in data.labels().iter().enumerate().skip(start).take(CHUNK) {
        for (bin, column) in bins.iter_mut().zip(data.columns()) {
            *bin = column[row];
        }
        let mut probabilities = vec![0f64; data.class_count()];
        let is_out = |tree: usize| bags.get(tree).and_then(|bag| bag.get(row)) == Some(&false);
        forest.add_leaves_of(&bins, is_out, &mut scratch, &mut probabilities);
        let total: f64 = probabilities.iter().sum();
        if total > 0.0 {
            let weight = f64::from(data.weight(row));
            let own = probabilities[usize::from(*label)];
            let greatest = probabilities.iter().copied().fold(0.0, f64::max);
            let first = probabilities.iter().position(|value| *value == greatest);
            sums.rows += weight;
            sums.log_loss -= weight * (own / total).clamp(CLIP, 1.0 - CLIP).ln();
            sums.accuracy += if first == Some(usize::from(*label)) { weight } else { 0.0 };
        }
    }
    sums
}

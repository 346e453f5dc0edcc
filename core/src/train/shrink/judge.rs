//! How good what is left of a forest is, on rows that it did not learn from.
//!
//! Rows walk through the whole forest once. Merging leaves changes what a leaf says, not which of the whole tree's leaves a
//! row falls into, so a recipe is judged by looking values up.

use rayon::prelude::*;

use super::prune::Pruned;
use super::walk::{Walk, rows_of_bins};
use crate::Error;
use crate::metrics;
use crate::model::calibration::Calibration;
use crate::model::forest::{Forest, Link, Tree};
use crate::model::linear::softmax;
use crate::train::dataset::Dataset;

/// Rows that are worked on together.
const CHUNK: usize = 1024;

/// Rows to judge by, with the leaves of a forest that they fall into.
pub struct Judge<'c> {
    labels: Vec<usize>,
    /// Of each tree, the leaf of each row.
    leaves: Vec<Vec<u32>>,
    calibration: &'c Calibration,
}

impl<'c> Judge<'c> {
    /// Lets rows, binned as those that the forest learned from, walk through it. Its probabilities will be corrected by a
    /// calibration.
    pub fn new(forest: &Forest, rows: &Dataset, calibration: &'c Calibration) -> Self {
        let trees: Vec<Tree> = forest.trees().collect();
        let bins = rows_of_bins(rows, 0..rows.row_count());
        let of_tree = |tree: &Tree| {
            let walk = Walk::new(tree);
            bins.chunks_exact(rows.bins().feature_count().max(1)).map(|bins| walk.leaf(bins) as u32).collect()
        };
        Self {
            labels: rows.labels().iter().map(|label| usize::from(*label)).collect(),
            leaves: trees.par_iter().map(of_tree).collect(),
            calibration,
        }
    }

    /// The log-loss of what is left of the forest; the bits of its probabilities are those that a scorer would give.
    ///
    /// # Errors
    /// None but those of broken trees.
    pub fn log_loss(&self, pruned: &Pruned) -> Result<f64, Error> {
        let forest = pruned.forest()?;
        let class_count = forest.class_count().max(1);
        let trees: Vec<Tree> = forest.trees().collect();
        let mut probabilities = vec![0.0; self.labels.len() * class_count];
        probabilities.par_chunks_mut(CHUNK * class_count).enumerate().for_each(|(chunk, scores)| {
            if let Link::Softmax(base) = forest.link() {
                scores.chunks_exact_mut(class_count).for_each(|row| row.copy_from_slice(base));
            }
            for (position, ((tree, leaves), merged)) in
                trees.iter().zip(&self.leaves).zip(&pruned.merged).enumerate()
            {
                let leaves = leaves.iter().skip(chunk * CHUNK);
                let leaves = leaves.map(|leaf| merged.get(*leaf as usize).copied().unwrap_or_default());
                match forest.link() {
                    Link::Softmax(_) => {
                        let of_class = scores.iter_mut().skip(position % class_count).step_by(class_count);
                        for (score, leaf) in of_class.zip(leaves) {
                            *score += tree.leaves.get(leaf as usize).copied().unwrap_or_default();
                        }
                    }
                    Link::Mean => {
                        for (row, leaf) in scores.chunks_exact_mut(class_count).zip(leaves) {
                            let values = tree.leaves.get(leaf as usize * class_count..).unwrap_or_default();
                            row.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                        }
                    }
                }
            }
            for row in scores.chunks_exact_mut(class_count) {
                match forest.link() {
                    Link::Softmax(_) => softmax(row),
                    Link::Mean => {
                        let total: f32 = row.iter().sum();
                        row.iter_mut().for_each(|sum| *sum /= total);
                    }
                }
                self.calibration.apply(row);
            }
        });
        Ok(metrics::log_loss(&self.labels, &probabilities, class_count))
    }
}

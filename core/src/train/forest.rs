//! Random forests (Breiman, 2001) with class distributions in the leaves, and extra-trees (Geurts et al., 2006).

mod grow;
mod out_of_bag;
mod sample;
mod split;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::dataset::Dataset;
use super::in_range;
use crate::Error;
use crate::model::forest::{Forest, Link, MAX_TREES, Tree};
use grow::grow;
pub use out_of_bag::OutOfBag;
use sample::{Sample, draws};

/// How many features a split chooses from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    /// The square root of their number.
    Sqrt,
    /// This share of them, above 0 and at most 1.
    Share(f64),
}

/// Parameters of a random forest.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestParams {
    /// How many trees (1 to 10,000).
    pub trees: usize,
    /// How many splits lie between the root and a leaf at most (1 to 64).
    pub max_depth: u32,
    /// How many leaves a tree has at most (at least 2): the splits that remove the most impurity come first.
    pub max_leaf_nodes: Option<usize>,
    /// The least rows that may be split (at least 2). A row counts by its weight, here and below, and as often as it was
    /// drawn.
    pub min_samples_split: u32,
    /// The least rows on each side of a split (at least 1).
    pub min_samples_leaf: u32,
    /// How many features each split chooses from.
    pub max_features: MaxFeatures,
    /// Whether each tree learns from a bootstrap sample of the rows, rather than from all of them.
    pub bootstrap: bool,
    /// Whether the threshold of a split is drawn, one for each feature that it chooses from, rather than searched for.
    pub extra_trees: bool,
    /// How many rows' worth of the class prior is mixed into each leaf (at least 0), so that no leaf calls a class
    /// impossible: the m-estimate of Cestnik (1990).
    pub leaf_smoothing: f64,
    /// The seed of the samples.
    pub seed: u64,
}

impl Default for ForestParams {
    fn default() -> Self {
        Self {
            trees: 100,
            max_depth: 12,
            max_leaf_nodes: None,
            min_samples_split: 5,
            min_samples_leaf: 20,
            max_features: MaxFeatures::Sqrt,
            bootstrap: true,
            extra_trees: false,
            leaf_smoothing: 1.0,
            seed: 42,
        }
    }
}

/// Parameters that were checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidForestParams(ForestParams);

/// A grown forest.
#[derive(Debug, Clone)]
pub struct Grown {
    /// The forest.
    pub forest: Forest,
    /// The share of the impurity that each feature's splits removed; sums to 1 unless nothing was ever split.
    pub importance: Vec<f32>,
}

impl ForestParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Training`] names the first that is out of its range.
    pub fn check(self) -> Result<ValidForestParams, Error> {
        in_range("n_estimators", self.trees as f64, 1.0, MAX_TREES as f64)?;
        in_range("max_depth", self.max_depth.into(), 1.0, 64.0)?;
        if let Some(leaves) = self.max_leaf_nodes {
            in_range("max_leaf_nodes", leaves as f64, 2.0, u32::MAX.into())?;
        }
        in_range("min_samples_split", self.min_samples_split.into(), 2.0, u32::MAX.into())?;
        in_range("min_samples_leaf", self.min_samples_leaf.into(), 1.0, u32::MAX.into())?;
        in_range("leaf_smoothing", self.leaf_smoothing, 0.0, 1e6)?;
        if let MaxFeatures::Share(share) = self.max_features {
            in_range("max_features", share, f64::MIN_POSITIVE, 1.0)?;
        }
        Ok(ValidForestParams(self))
    }
}

impl ValidForestParams {
    /// Grows a forest. Each tree has its own random numbers, so the number of threads changes nothing. `on_tree` is
    /// called after each tree, from any thread.
    ///
    /// # Errors
    /// Where the forest can't be stored: it would have more than 2³² nodes.
    pub fn fit(&self, data: &Dataset, on_tree: impl Fn() + Sync) -> Result<Grown, Error> {
        let grown: Vec<(Tree, Vec<f64>)> = (0..self.0.trees as u64)
            .into_par_iter()
            .map(|tree| {
                let mut rng = self.rng(tree);
                let draws = self.draws(data, &mut rng);
                let sample = Sample::new(data, &draws, self.0.min_samples_split, self.0.min_samples_leaf);
                let grown = grow(data, self, sample, rng);
                on_tree();
                (grown.tree, grown.importance)
            })
            .collect();
        let mut importance = vec![0.0; data.bins().feature_count()];
        for (_, of_tree) in &grown {
            for (sum, value) in importance.iter_mut().zip(of_tree) {
                *sum += value;
            }
        }
        let total: f64 = importance.iter().sum();
        let share = |value: &f64| if total > 0.0 { (value / total) as f32 } else { 0.0 };
        let trees: Vec<Tree> = grown.into_iter().map(|(tree, _)| tree).collect();
        Ok(Grown {
            forest: Forest::new(data.class_count(), Link::Mean, &trees).map_err(Error::Training)?,
            importance: importance.iter().map(share).collect(),
        })
    }

    /// The random numbers of a tree.
    fn rng(&self, tree: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.0.seed);
        rng.set_stream(tree);
        rng
    }

    /// How often a tree, whose random numbers these are, sees each row.
    fn draws(&self, data: &Dataset, rng: &mut ChaCha8Rng) -> Vec<u32> {
        match self.0.bootstrap {
            true => draws(data.row_count(), rng),
            false => vec![1; data.row_count()],
        }
    }

    /// How many of some features a split chooses from: at least one.
    fn features_per_split(&self, features: usize) -> usize {
        let share = match self.0.max_features {
            MaxFeatures::Sqrt => (features as f64).sqrt(),
            MaxFeatures::Share(share) => features as f64 * share,
        };
        (share as usize).max(1)
    }
}

#[cfg(test)]
mod tests;

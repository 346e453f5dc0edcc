//! Random forests (Breiman, 2001) with class distributions in the leaves, and extra-trees (Geurts et al.,
//! 2006).

mod grow;
mod out_of_bag;
mod sample;
mod split;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::dataset::Dataset;
use super::params::{MaxFeatures, Parameters, parameters};
use crate::Error;
use crate::model::forest::{Forest, Link, MAX_TREES, Tree};
use grow::grow;
pub use out_of_bag::OutOfBag;
use sample::{Sample, draws};

parameters! {
    /// Parameters of a random forest.
    pub struct ForestParams, GivenForest of "random_forest";
    recorded {
        /// Number of trees.
        n_estimators: usize = 100, 1.0..=MAX_TREES as f64;
        /// Most splits between the root and a leaf.
        max_depth: u32 = 12, 1.0..=64.0;
        /// Most leaves of a tree, the splits that remove the most impurity first; `none` for any number.
        max_leaf_nodes: Option<usize> = None, 2.0..=u32::MAX as f64;
        /// Least rows of a node that may be split. A row counts by its weight, and as often as it was drawn.
        min_samples_split: u32 = 5, 2.0..=u32::MAX as f64;
        /// Least rows on each side of a split, counted likewise.
        min_samples_leaf: u32 = 20, 1.0..=u32::MAX as f64;
        /// Share of the features that a split chooses from; `sqrt` for the square root of their number.
        max_features: MaxFeatures = MaxFeatures::Sqrt, 1e-6..=1.0;
        /// Whether each tree learns from a bootstrap sample of the rows, rather than from all of them.
        bootstrap: bool = true;
        /// Whether one threshold is drawn for each feature that a split chooses from, rather than the best
        /// one searched.
        extra_trees: bool = false;
        /// Rows' worth of the class prior mixed into each leaf, so that no leaf calls a class impossible: the
        /// m-estimate of Cestnik (1990).
        leaf_smoothing: f64 = 1.0, 0.0..=1e6;
    }
    besides {
        /// Seed of the samples.
        random_state: u64 = 42;
        /// Threads; -1 or 0 for one a core. It changes no result.
        n_jobs: i64 = -1, -1.0..=1024.0;
    }
    grid {
        min_samples_leaf: bank ["20", "5", "50"], table ["5", "1", "20"];
        max_features: bank ["sqrt", "0.33"], table ["sqrt", "0.33"];
        max_depth: bank ["12", "18", "8"], table ["12", "18", "8"];
    }
}

/// Checked parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidForestParams(ForestParams);

/// A grown forest.
#[derive(Debug, Clone)]
pub struct Grown {
    /// The forest.
    pub forest: Forest,
    /// The share of the impurity that each feature's splits removed; sums to 1 unless nothing was split.
    pub importance: Vec<f32>,
}

impl ForestParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Training`] for the first one out of its range.
    pub fn check(self) -> Result<ValidForestParams, Error> {
        self.check_ranges()?;
        Ok(ValidForestParams(self))
    }
}

impl ValidForestParams {
    /// Grows a forest on `n_jobs` threads; their number changes nothing, because each tree has its own random
    /// numbers. `on_tree` is called after each tree, from any thread.
    ///
    /// # Errors
    /// [`Error::Training`] if the forest would have more than 2³² nodes and so can't be stored, or the
    /// threads can't be started.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::Scorer;
    /// use nextbest_core::model::{Model, calibration::Calibration};
    /// use nextbest_core::train::{Dataset, ForestParams, fit_bins};
    ///
    /// # // One feature, income: class 1 takes the product from 50 on.
    /// # let rows: Vec<f32> = (0..200).map(|row| (row % 100) as f32).collect();
    /// # let labels: Vec<usize> = rows.iter().map(|income| usize::from(*income >= 50.0)).collect();
    /// # let bins = fit_bins(nextbest_core::matrix::Matrix::new(&rows, 1)?, 32)?;
    /// # let data = Dataset::new(&bins, &rows, &labels, 2)?;
    /// let params = ForestParams { n_estimators: 10, max_depth: 3, ..ForestParams::default() }.check()?;
    /// let model = Model::Forest(params.fit(&data, || ())?.forest);
    /// let mut scorer = Scorer::new(&bins, &model, &Calibration::None);
    /// assert!(scorer.score(&[10.0])?[0] > 0.9);
    /// assert!(scorer.score(&[90.0])?[1] > 0.9);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn fit(&self, data: &Dataset, on_tree: impl Fn() + Sync) -> Result<Grown, Error> {
        let (trees, importance): (Vec<Tree>, Vec<Vec<f64>>) =
            on_threads(self.0.n_jobs, || self.grow_trees(data, &on_tree))?.into_iter().unzip();
        let mut sums = vec![0.0; data.bins().feature_count()];
        for of_tree in &importance {
            for (sum, value) in sums.iter_mut().zip(of_tree) {
                *sum += value;
            }
        }
        let total: f64 = sums.iter().sum();
        let share = |value: &f64| if total > 0.0 { (value / total) as f32 } else { 0.0 };
        Ok(Grown {
            forest: Forest::new(data.class_count(), Link::Mean, &trees).map_err(Error::Training)?,
            importance: sums.iter().map(share).collect(),
        })
    }

    /// The trees, each with the impurity removed by the splits of each feature.
    fn grow_trees(&self, data: &Dataset, on_tree: &(impl Fn() + Sync)) -> Vec<(Tree, Vec<f64>)> {
        let grow_one = |tree| {
            let mut rng = self.rng(tree);
            let draws = self.draws(data, &mut rng);
            let sample = Sample::new(data, &draws, self.0.min_samples_split, self.0.min_samples_leaf);
            let grown = grow(data, self, sample, rng);
            on_tree();
            (grown.tree, grown.importance)
        };
        (0..self.0.n_estimators as u64).into_par_iter().map(grow_one).collect()
    }

    /// The random number generator of a tree.
    fn rng(&self, tree: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.0.random_state);
        rng.set_stream(tree);
        rng
    }

    /// How often each row is drawn for a tree with this random number generator.
    fn draws(&self, data: &Dataset, rng: &mut ChaCha8Rng) -> Vec<u32> {
        match self.0.bootstrap {
            true => draws(data.row_count(), rng),
            false => vec![1; data.row_count()],
        }
    }

    /// The number of features that a split chooses from: at least one.
    fn features_per_split(&self, features: usize) -> usize {
        let share = match self.0.max_features {
            MaxFeatures::Sqrt => (features as f64).sqrt(),
            MaxFeatures::Share(share) => features as f64 * share,
        };
        (share as usize).max(1)
    }
}

/// Runs `work` in a pool of `n_jobs` threads, or in the caller's pool if that has as many or `n_jobs` is -1
/// or 0.
fn on_threads<T: Send>(n_jobs: i64, work: impl FnOnce() -> T + Send) -> Result<T, Error> {
    match usize::try_from(n_jobs) {
        Ok(threads) if threads > 0 && threads != rayon::current_num_threads() => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            Ok(pool.map_err(|error| Error::Training(format!("n_jobs {n_jobs}: {error}")))?.install(work))
        }
        _ => Ok(work()),
    }
}

#[cfg(test)]
mod tests;

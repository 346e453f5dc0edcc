//! Gradient boosting (Friedman, 2001) of multi-class softmax, with second-order splits (Chen & Guestrin,
//! 2016) and trees that grow leaf by leaf over histograms (Ke et al., 2017).
//!
//! Each round grows one tree per class. The trees of a round are independent of each other and grow in
//! parallel; their sums are of integers, so neither the order nor the number of threads changes a bit.

mod blocks;
mod gradients;
mod grow;
mod histogram;
mod split;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::dataset::Dataset;
use super::params::{Parameters, parameters};
use crate::Error;
use crate::model::forest::{Forest, Link, MAX_TREES, Tree};
use blocks::Blocks;
use gradients::{Gradients, Scores};
use grow::{GrownTree, grow};

parameters! {
    /// Parameters of gradient boosting.
    pub struct BoostParams, GivenBoost of "gradient_boosting";
    recorded {
        /// Most rounds, each of one tree a class. All rounds together grow at most 10,000 trees.
        n_estimators: usize = 100, 1.0..=MAX_TREES as f64;
        /// Factor by which the answer of each tree is shrunk.
        learning_rate: f64 = 0.1, 1e-6..=1.0;
        /// Most leaves of a tree.
        num_leaves: usize = 31, 2.0..=4096.0;
        /// Most splits between the root and a leaf.
        max_depth: u32 = 64, 1.0..=64.0;
        /// Least sum of second derivatives on each side of a split. For a row it is its weight times
        /// p (1 - p), where p is the probability: at most a quarter.
        min_child_weight: f64 = 1.0, 0.0..=1e9;
        /// Share of the rows that each round learns from.
        subsample: f64 = 1.0, 1e-6..=1.0;
        /// Share of the features that each tree learns from.
        colsample_bytree: f64 = 1.0, 1e-6..=1.0;
        /// Strength of the L1 penalty on leaves.
        reg_alpha: f64 = 0.0, 0.0..=1e9;
        /// Strength of the L2 penalty on leaves.
        reg_lambda: f64 = 0.0, 0.0..=1e9;
    }
    besides {
        /// Rounds without a better validation log-loss after which boosting stops; the rounds after the best
        /// one are dropped. Without rows to validate on it has no effect.
        early_stopping_rounds: usize = 20, 1.0..=u32::MAX as f64;
        /// Seed of the samples.
        random_state: u64 = 42;
    }
    grid {
        n_estimators: bank ["300"], table ["300"];
        num_leaves: bank ["7", "15", "4"], table ["31", "7", "15"];
        min_child_weight: bank ["5", "20", "1"], table ["1", "5", "0.2"];
        reg_lambda: bank ["0", "10", "1"], table ["0", "10", "1"];
        colsample_bytree: bank ["1", "0.5"], table ["1", "0.5"];
        learning_rate: bank ["0.1", "0.05"], table ["0.1", "0.05"];
        subsample: bank ["1", "0.7"], table ["1", "0.7"];
    }
}

/// Checked parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidBoostParams(BoostParams);

/// Boosted trees.
#[derive(Debug, Clone)]
pub struct Boosted {
    /// The trees.
    pub forest: Forest,
    /// The share of the gain that each feature's splits made; sums to 1 unless nothing was split.
    pub importance: Vec<f32>,
    /// The number of rounds.
    pub rounds: usize,
    /// The log-loss after each round that was tried.
    pub losses: Vec<RoundLoss>,
}

/// The log-loss after a round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundLoss {
    /// On the training rows.
    pub training: f64,
    /// On the validation rows, if there are any.
    pub validation: Option<f64>,
}

impl BoostParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Training`] for the first one out of its range.
    pub fn check(self) -> Result<ValidBoostParams, Error> {
        self.check_ranges()?;
        Ok(ValidBoostParams(self))
    }
}

impl ValidBoostParams {
    /// Boosts trees. `validation` rows decide when to stop; they must have the same bins and classes.
    /// `on_round` is called after each round.
    ///
    /// # Errors
    /// [`Error::Training`] if the rounds would grow too many trees, or the validation rows have other
    /// features or classes.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::Scorer;
    /// use nextbest_core::model::{Model, calibration::Calibration};
    /// use nextbest_core::train::{BoostParams, Dataset, fit_bins};
    ///
    /// # // One feature, income: class 1 takes the product from 50 on.
    /// # let rows: Vec<f32> = (0..200).map(|row| (row % 100) as f32).collect();
    /// # let labels: Vec<usize> = rows.iter().map(|income| usize::from(*income >= 50.0)).collect();
    /// # let bins = fit_bins(nextbest_core::matrix::Matrix::new(&rows, 1)?, 32)?;
    /// # let data = Dataset::new(&bins, &rows, &labels, 2)?;
    /// let params = BoostParams { n_estimators: 20, num_leaves: 4, ..BoostParams::default() }.check()?;
    /// let boosted = params.fit(&data, None, || ())?;
    /// assert!(boosted.losses[19].training < boosted.losses[0].training);
    /// let model = Model::Forest(boosted.forest);
    /// let mut scorer = Scorer::new(&bins, &model, &Calibration::None);
    /// assert!(scorer.score(&[90.0])?[1] > 0.8);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn fit(
        &self,
        data: &Dataset,
        validation: Option<&Dataset>,
        on_round: impl Fn(),
    ) -> Result<Boosted, Error> {
        let class_count = data.class_count();
        if self.0.n_estimators.saturating_mul(class_count) > MAX_TREES {
            let most = MAX_TREES / class_count.max(1);
            return Err(Error::Training(format!(
                "n_estimators is {}: with {class_count} classes at most {most} are possible",
                self.0.n_estimators
            )));
        }
        if validation.is_some_and(|rows| rows.bins() != data.bins() || rows.class_count() != class_count) {
            return Err(Error::Training("the validation rows have other bins or classes".into()));
        }
        Boosting::new(&self.0, data, validation).run(on_round)
    }
}

/// The state of boosting.
struct Boosting<'a> {
    params: &'a BoostParams,
    data: &'a Dataset,
    blocks: Blocks,
    base: Vec<f32>,
    /// Whether each class occurs; trees are grown only for those that do.
    present: Vec<bool>,
    training: Scores<'a>,
    validation: Option<(&'a Dataset, Scores<'a>)>,
    rng: ChaCha8Rng,
    trees: Vec<Tree>,
    /// The gain of each feature in each tree.
    importance: Vec<Vec<f64>>,
    losses: Vec<RoundLoss>,
}

impl<'a> Boosting<'a> {
    fn new(params: &'a BoostParams, data: &'a Dataset, validation: Option<&'a Dataset>) -> Self {
        let base = base_scores(&data.class_weights());
        Self {
            params,
            data,
            blocks: Blocks::new(data),
            present: data.class_weights().iter().map(|weight| *weight > 0.0).collect(),
            training: Scores::new(data, &base),
            validation: validation.map(|rows| (rows, Scores::new(rows, &base))),
            base,
            rng: ChaCha8Rng::seed_from_u64(params.random_state),
            trees: Vec::new(),
            importance: Vec::new(),
            losses: Vec::new(),
        }
    }

    fn run(mut self, on_round: impl Fn()) -> Result<Boosted, Error> {
        let mut best = (f64::INFINITY, 0);
        for round in 1..=self.params.n_estimators {
            let grown = self.round();
            let split = grown.iter().any(|tree| tree.tree.nodes.len() > 1);
            let leaves: Vec<Vec<u16>> = grown.iter().map(|tree| tree.leaves.clone()).collect();
            self.training.add(&grown, &leaves);
            if let Some((rows, scores)) = &mut self.validation {
                scores.add(&grown, &grown.par_iter().map(|tree| tree.leaves_of(rows)).collect::<Vec<_>>());
            }
            let loss = RoundLoss {
                training: self.training.log_loss,
                validation: self.validation.as_ref().map(|(_, scores)| scores.log_loss),
            };
            for tree in grown {
                self.importance.push(tree.importance);
                self.trees.push(tree.tree);
            }
            self.losses.push(loss);
            on_round();
            // Without validation rows, every round that splits something counts as better.
            let judged = loss.validation.unwrap_or(-(round as f64));
            if judged < best.0 {
                best = (judged, round);
            }
            if !split || round - best.1 >= self.params.early_stopping_rounds {
                break;
            }
        }
        self.finish(best.1.max(1))
    }

    /// Grows one tree per class.
    fn round(&mut self) -> Vec<GrownTree> {
        let round = self.losses.len() as u64;
        let rows = self.sample_rows();
        let features: Vec<Vec<bool>> = (0..self.data.class_count()).map(|_| self.sample_features()).collect();
        let (data, blocks, params, scores) = (self.data, &self.blocks, self.params, &self.training);
        self.present
            .par_iter()
            .zip(features)
            .enumerate()
            .map(|(class, (present, features))| {
                if !present {
                    return GrownTree::of_one_leaf(data);
                }
                let seed = params.random_state ^ round << 40;
                let gradients = Gradients::new(scores, class, rows.as_deref(), seed);
                grow(data, blocks, params, gradients, &features)
            })
            .collect()
    }

    /// The rows of a round, ascending; `None` for all of them.
    fn sample_rows(&mut self) -> Option<Vec<u32>> {
        let mut rows: Vec<u32> = (0..self.data.row_count() as u32).collect();
        let wanted = (rows.len() as f64 * self.params.subsample).ceil() as usize;
        if wanted >= rows.len() {
            return None;
        }
        let (chosen, _) = rows.partial_shuffle(&mut self.rng, wanted);
        let mut chosen = chosen.to_vec();
        chosen.sort_unstable();
        Some(chosen)
    }

    /// For each feature, whether a tree may split it.
    fn sample_features(&mut self) -> Vec<bool> {
        let count = self.data.columns().len();
        let wanted = (count as f64 * self.params.colsample_bytree).ceil() as usize;
        let mut chosen: Vec<bool> = (0..count).map(|feature| feature < wanted).collect();
        if wanted < count {
            chosen.shuffle(&mut self.rng);
        }
        chosen
    }

    fn finish(mut self, rounds: usize) -> Result<Boosted, Error> {
        self.trees.truncate(rounds * self.data.class_count());
        let mut importance = vec![0.0; self.data.columns().len()];
        for of_tree in self.importance.iter().take(self.trees.len()) {
            importance.iter_mut().zip(of_tree).for_each(|(sum, gain)| *sum += gain);
        }
        let total: f64 = importance.iter().sum();
        let share = |gain: &f64| if total > 0.0 { (gain / total) as f32 } else { 0.0 };
        Ok(Boosted {
            forest: Forest::new(self.data.class_count(), Link::Softmax(self.base), &self.trees)
                .map_err(Error::Training)?,
            importance: importance.iter().map(share).collect(),
            rounds,
            losses: self.losses,
        })
    }
}

/// Scores whose softmax is the frequency of each class; a class that never occurs gets a probability close to
/// 0, but not 0.
fn base_scores(class_weights: &[f64]) -> Vec<f32> {
    let total: f64 = class_weights.iter().sum();
    let logarithms: Vec<f64> = class_weights.iter().map(|weight| libm::log(weight / total)).collect();
    let present = || logarithms.iter().copied().filter(|score| score.is_finite());
    let least = present().fold(0.0, f64::min);
    logarithms.iter().map(|score| if score.is_finite() { *score } else { least - 10.0 } as f32).collect()
}

#[cfg(test)]
mod tests;

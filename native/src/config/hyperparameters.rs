//! The parameters of each kind of model, as config.yaml has them. Names follow scikit-learn and LightGBM.
//!
//! A parameter that is not given may be tuned; one that is given is left as it is.

use nextbest_core::train::{BoostParams, ForestParams, LogisticParams, MaxFeatures};
use serde::Deserialize;

/// The parameters of each kind of model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hyperparameters {
    /// Of the random forest.
    pub random_forest: RandomForest,
    /// Of boosted trees.
    pub gradient_boosting: GradientBoosting,
    /// Of the logistic regression.
    pub logistic_regression: LogisticRegression,
}

/// Parameters of the random forest.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomForest {
    /// How many trees.
    pub n_estimators: usize,
    /// How many splits lie between the root and a leaf at most.
    pub max_depth: Option<u32>,
    /// How many leaves a tree has at most; any number where it is not given.
    pub max_leaf_nodes: Option<usize>,
    /// The least rows that may be split.
    pub min_samples_split: u32,
    /// The least rows on each side of a split.
    pub min_samples_leaf: Option<u32>,
    /// The share of the features that each split chooses from; first the square root of their number is tried.
    pub max_features: Option<f64>,
    /// Whether each tree learns from a bootstrap sample of the rows, rather than from all of them.
    pub bootstrap: bool,
    /// Whether thresholds are drawn rather than searched for.
    pub extra_trees: bool,
    /// How many rows' worth of the class prior is mixed into each leaf.
    pub leaf_smoothing: f64,
    /// The seed.
    pub random_state: u64,
    /// How many threads; −1 for one a core. It changes no result.
    pub n_jobs: i64,
}

impl Default for RandomForest {
    fn default() -> Self {
        let params = ForestParams::default();
        Self {
            n_estimators: params.trees,
            max_depth: None,
            max_leaf_nodes: params.max_leaf_nodes,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: None,
            max_features: None,
            bootstrap: params.bootstrap,
            extra_trees: params.extra_trees,
            leaf_smoothing: params.leaf_smoothing,
            random_state: params.seed,
            n_jobs: -1,
        }
    }
}

impl RandomForest {
    /// The parameters as the trainer takes them, with its own where none is given.
    pub fn params(&self) -> ForestParams {
        let usual = ForestParams::default();
        ForestParams {
            trees: self.n_estimators,
            max_depth: self.max_depth.unwrap_or(usual.max_depth),
            max_leaf_nodes: self.max_leaf_nodes,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf.unwrap_or(usual.min_samples_leaf),
            max_features: self.max_features.map_or(MaxFeatures::Sqrt, MaxFeatures::Share),
            bootstrap: self.bootstrap,
            extra_trees: self.extra_trees,
            leaf_smoothing: self.leaf_smoothing,
            seed: self.random_state,
        }
    }
}

/// Parameters of boosted trees.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GradientBoosting {
    /// How many rounds at most; each grows one tree a class.
    pub n_estimators: usize,
    /// By how much each tree's answer is shrunk.
    pub learning_rate: Option<f64>,
    /// How many leaves a tree has at most.
    pub num_leaves: Option<usize>,
    /// How many splits lie between the root and a leaf at most.
    pub max_depth: u32,
    /// The least sum of second derivatives on each side of a split.
    pub min_child_weight: Option<f64>,
    /// The share of the rows that each round learns from.
    pub subsample: Option<f64>,
    /// The share of the features that each tree learns from.
    pub colsample_bytree: Option<f64>,
    /// The strength of the L1 penalty on leaves.
    pub reg_alpha: f64,
    /// The strength of the L2 penalty on leaves.
    pub reg_lambda: Option<f64>,
    /// After so many rounds in which the rows that choose get no better, no more follow.
    pub early_stopping_rounds: usize,
    /// The seed.
    pub random_state: u64,
}

impl Default for GradientBoosting {
    fn default() -> Self {
        let params = BoostParams::default();
        Self {
            n_estimators: 300,
            learning_rate: None,
            num_leaves: None,
            max_depth: params.max_depth,
            min_child_weight: None,
            subsample: None,
            colsample_bytree: None,
            reg_alpha: params.l1,
            reg_lambda: None,
            early_stopping_rounds: params.patience,
            random_state: params.seed,
        }
    }
}

impl GradientBoosting {
    /// The parameters as the trainer takes them, with its own where none is given.
    pub fn params(&self) -> BoostParams {
        let usual = BoostParams::default();
        BoostParams {
            rounds: self.n_estimators,
            learning_rate: self.learning_rate.unwrap_or(usual.learning_rate),
            leaves: self.num_leaves.unwrap_or(usual.leaves),
            max_depth: self.max_depth,
            min_child_weight: self.min_child_weight.unwrap_or(usual.min_child_weight),
            l1: self.reg_alpha,
            l2: self.reg_lambda.unwrap_or(usual.l2),
            row_share: self.subsample.unwrap_or(usual.row_share),
            feature_share: self.colsample_bytree.unwrap_or(usual.feature_share),
            patience: self.early_stopping_rounds,
            seed: self.random_state,
        }
    }
}

/// Parameters of the logistic regression.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// The strength of the L2 penalty.
    pub alpha: Option<f64>,
    /// The most iterations.
    pub max_iter: u64,
    /// The length of the mean log-loss's gradient at which the weights are good enough.
    pub tolerance: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        let params = LogisticParams::default();
        Self { alpha: None, max_iter: params.max_iter, tolerance: params.tolerance }
    }
}

impl LogisticRegression {
    /// The parameters as the trainer takes them, with its own where none is given.
    pub fn params(&self) -> LogisticParams {
        LogisticParams {
            alpha: self.alpha.unwrap_or(LogisticParams::default().alpha),
            max_iter: self.max_iter,
            tolerance: self.tolerance,
        }
    }
}

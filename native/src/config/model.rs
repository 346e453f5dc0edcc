//! The model's part of config.yaml.

use nextbest_core::train::{CalibrationMethod, ForestParams, LogisticParams, MaxFeatures};
use serde::Deserialize;

/// The model.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// The model's name.
    pub name: String,
    /// The column of the feature table with the class.
    pub target_variable: String,
    /// Which kind of model; `auto` takes the one with the least validation log-loss.
    pub algorithm: Algorithm,
    /// The most bins of a feature.
    pub max_bins: usize,
    /// What is done to the chosen model's probabilities.
    pub calibration: CalibrationConfig,
    /// The parameters of each kind.
    pub hyperparameters: Hyperparameters,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            name: "next_best_product".into(),
            target_variable: "NEXT_PRODUCT".into(),
            algorithm: Algorithm::default(),
            max_bins: 255,
            calibration: CalibrationConfig::default(),
            hyperparameters: Hyperparameters::default(),
        }
    }
}

/// Which kind of model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Trees on bootstrap samples.
    #[default]
    RandomForest,
    /// Multinomial logistic regression.
    LogisticRegression,
    /// The best of all on the validation cut-offs.
    Auto,
}

/// What is done to the chosen model's probabilities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationConfig {
    /// What is best on the validation rows; of what is hardly better than something simpler, the simpler.
    #[default]
    Auto,
    /// Nothing.
    None,
    /// One number for all classes.
    Temperature,
    /// A linear map of the logarithms.
    Dirichlet,
    /// A rising curve a class.
    Isotonic,
}

impl CalibrationConfig {
    /// The method; `None` where the best one is wanted.
    pub fn method(self) -> Option<CalibrationMethod> {
        match self {
            Self::Auto => None,
            Self::None => Some(CalibrationMethod::None),
            Self::Temperature => Some(CalibrationMethod::Temperature),
            Self::Dirichlet => Some(CalibrationMethod::Dirichlet),
            Self::Isotonic => Some(CalibrationMethod::Isotonic),
        }
    }
}

/// The parameters of each kind of model.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hyperparameters {
    /// Of the random forest.
    pub random_forest: RandomForest,
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
    pub max_depth: u32,
    /// The least rows that may be split.
    pub min_samples_split: u32,
    /// The least rows on each side of a split. Where it is not given, 20; of a plain table (`train --table`) what is best
    /// of 1, 5 and 20 on the rows that choose.
    pub min_samples_leaf: Option<u32>,
    /// The share of the features that each split chooses from; the square root of their number where it is not given.
    pub max_features: Option<f64>,
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
            max_depth: params.max_depth,
            min_samples_split: params.min_samples_split,
            min_samples_leaf: None,
            max_features: None,
            leaf_smoothing: params.leaf_smoothing,
            random_state: params.seed,
            n_jobs: -1,
        }
    }
}

impl RandomForest {
    /// The parameters as the trainer takes them.
    pub fn params(&self) -> ForestParams {
        let usual = ForestParams::default();
        ForestParams {
            trees: self.n_estimators,
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf.unwrap_or(usual.min_samples_leaf),
            max_features: self.max_features.map_or(MaxFeatures::Sqrt, MaxFeatures::Share),
            leaf_smoothing: self.leaf_smoothing,
            seed: self.random_state,
        }
    }
}

/// Parameters of the logistic regression.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// The strength of the L2 penalty. Where it is not given, 30; of a plain table (`train --table`) 1.
    pub alpha: Option<f64>,
    /// The most rows of the largest class that are learned from.
    pub max_majority_rows: usize,
    /// The seed of the choice of those.
    pub random_state: u64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        let params = LogisticParams::default();
        Self { alpha: None, max_majority_rows: params.max_majority_rows, random_state: params.seed }
    }
}

impl LogisticRegression {
    /// The parameters as the trainer takes them.
    pub fn params(&self) -> LogisticParams {
        LogisticParams {
            alpha: self.alpha.unwrap_or(LogisticParams::default().alpha),
            max_majority_rows: self.max_majority_rows,
            seed: self.random_state,
        }
    }
}

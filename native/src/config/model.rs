//! The model's part of config.yaml.

use std::time::Duration;

use nextbest_core::train::CalibrationMethod;
use serde::Deserialize;

use super::duration::Time;
use super::hyperparameters::Hyperparameters;

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
    /// How much each class counts in training.
    pub class_weight: ClassWeight,
    /// The most bins of a feature.
    pub max_bins: usize,
    /// How long parameters are tuned.
    pub selection: Selection,
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
            class_weight: ClassWeight::default(),
            max_bins: 255,
            selection: Selection::default(),
            calibration: CalibrationConfig::default(),
            hyperparameters: Hyperparameters::default(),
        }
    }
}

/// Which kind of model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Algorithm {
    /// Trees on bootstrap samples.
    RandomForest,
    /// Trees that correct each other.
    GradientBoosting,
    /// Multinomial logistic regression.
    LogisticRegression,
    /// The best of all on the validation cut-offs.
    #[default]
    Auto,
}

/// How much each class counts in training.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeight {
    /// As often as it occurs.
    #[default]
    None,
    /// As much as any other.
    Balanced,
}

/// How long parameters are tuned.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// No model is tried that would probably take longer than what is left of this. Each kind is tried once
    /// in any case.
    pub budget: Time,
    /// The most models that are tried.
    pub trials: usize,
}

impl Default for Selection {
    fn default() -> Self {
        Self { budget: Time(Duration::from_secs(60)), trials: 40 }
    }
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

//! The parameters of the learners, as config.yaml has them. A parameter that it leaves out may be tuned; one
//! that it gives stays as it is. docs/LEARNERS.md lists them.

use nextbest_core::train::{GivenBoost, GivenForest, GivenLogistic};
use serde::Deserialize;

/// What is given of the parameters of each learner.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hyperparameters {
    /// Of the random forest.
    pub random_forest: GivenForest,
    /// Of boosted trees.
    pub gradient_boosting: GivenBoost,
    /// Of the logistic regression.
    pub logistic_regression: GivenLogistic,
}

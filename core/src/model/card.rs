//! The model card: where a model comes from and how good it was, carried inside the bundle.

use serde::{Deserialize, Serialize};

use super::bounded::list;

/// What a reviewer needs to know of a model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The model's name.
    pub name: String,
    /// `random_forest`, `gradient_boosting` or `logistic_regression`.
    pub algorithm: String,
    /// The parameters that it was trained with.
    #[serde(deserialize_with = "list")]
    pub parameters: Vec<(String, String)>,
    /// The seed of everything random in training.
    pub seed: u64,
    /// The cut-offs whose customers it learned from, as dates. Of a plain table the first and the last time of its rows,
    /// or nothing where they have none; the same holds for the next two.
    #[serde(deserialize_with = "list")]
    pub training_cutoffs: Vec<String>,
    /// The cut-offs whose customers it was chosen on, as dates.
    #[serde(deserialize_with = "list")]
    pub validation_cutoffs: Vec<String>,
    /// The cut-offs whose customers it was tested on, as dates; it never learned from them.
    #[serde(deserialize_with = "list")]
    pub test_cutoffs: Vec<String>,
    /// How many rows (customers at cut-offs) it learned from.
    pub training_rows: u64,
    /// The SHA-256 of the feature table that it learned from, in hexadecimal digits.
    pub training_data: String,
    /// Metrics on the test cut-offs, by name.
    #[serde(deserialize_with = "list")]
    pub test_metrics: Vec<(String, f64)>,
    /// The share of what was learned from each feature, in feature order; sums to 1. Of a forest that of the impurity
    /// removed, of boosted trees that of the gain, of a logistic regression that of how much the scores vary with it.
    #[serde(deserialize_with = "list")]
    pub importance: Vec<f32>,
    /// The version of nextbest that trained it.
    pub trained_with: String,
}

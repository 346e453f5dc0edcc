//! The model card: where a model comes from, how good it was, and what it is for. The bundle carries it.

use serde::{Deserialize, Serialize, Serializer};

use super::validity::MOST_SAFE;
use crate::decode::bounded::list;

/// What a reviewer needs to know about a model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The model's name.
    pub name: String,
    /// Its intended use, in the bank's words.
    pub intended_use: String,
    /// What it must not be used for and where it is known to be weak, in the bank's words.
    #[serde(deserialize_with = "list")]
    pub limits: Vec<String>,
    /// The licence of the bundle.
    pub licence: String,
    /// `random_forest`, `gradient_boosting` or `logistic_regression`.
    pub algorithm: String,
    /// The training parameters.
    #[serde(deserialize_with = "list")]
    pub parameters: Vec<(String, String)>,
    /// The seed of everything random in training. Its decimal digits in JSON, since JavaScript can't hold
    /// every such number.
    #[serde(serialize_with = "digits")]
    pub seed: u64,
    /// The cut-offs of the training rows, as dates. For a plain table, the first and the last time of its
    /// rows, or nothing if they have none; likewise for the next two.
    #[serde(deserialize_with = "list")]
    pub training_cutoffs: Vec<String>,
    /// The cut-offs of the validation rows, as dates.
    #[serde(deserialize_with = "list")]
    pub validation_cutoffs: Vec<String>,
    /// The cut-offs of the test rows, as dates; the model never learned from them.
    #[serde(deserialize_with = "list")]
    pub test_cutoffs: Vec<String>,
    /// The number of training rows (customers at cut-offs).
    pub training_rows: u64,
    /// The SHA-256 of the feature table that it was trained on, in hexadecimal digits.
    pub training_data: String,
    /// The files that the feature table was computed from, each with its SHA-256 in hexadecimal digits; empty
    /// if not known.
    #[serde(deserialize_with = "list")]
    pub sources: Vec<(String, String)>,
    /// Metrics on the test cut-offs.
    #[serde(deserialize_with = "list")]
    pub test_metrics: Vec<Metric>,
    /// Metrics on segments of the test rows.
    #[serde(deserialize_with = "list")]
    pub segments: Vec<Segment>,
    /// Each feature's share of the total importance, in feature order; sums to 1. The importance is the
    /// impurity removed (forest), the gain (boosted trees) or how much the scores vary with the feature
    /// (logistic regression).
    #[serde(deserialize_with = "list")]
    pub importance: Vec<f32>,
    /// The version of nextbest that trained the model.
    pub trained_with: String,
    /// The compiler and target of that build: `rustc` and `target`.
    #[serde(deserialize_with = "list")]
    pub tools: Vec<(String, String)>,
}

impl Card {
    /// Checks that JavaScript can hold the counts exactly.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let counts = self.segments.iter().map(|segment| segment.rows).chain([self.training_rows]);
        match counts.max() {
            Some(count) if count > MOST_SAFE => {
                Err(format!("the card counts {count} rows, more than JavaScript can hold"))
            }
            _ => Ok(()),
        }
    }
}

fn digits<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    match serializer.is_human_readable() {
        true => serializer.collect_str(number),
        false => serializer.serialize_u64(*number),
    }
}

/// A measured number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name: `log_loss`, `auc_macro`, …
    pub name: String,
    /// The measured value.
    pub value: f64,
    /// Its 95 % confidence interval, lower and upper end; `None` if none was computed.
    pub interval: Option<(f64, f64)>,
}

/// A segment of the test rows, and how good the model was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// The segment: `age_years: 30 to 45`.
    pub name: String,
    /// The number of test rows in it.
    pub rows: u64,
    /// The metrics on these rows.
    #[serde(deserialize_with = "list")]
    pub metrics: Vec<Metric>,
}

//! The model card: where a model comes from, how good it was, and what it is for; carried inside the bundle.

use serde::{Deserialize, Serialize, Serializer};

use super::validity::MOST_SAFE;
use crate::decode::bounded::list;

/// What a reviewer needs to know of a model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The model's name.
    pub name: String,
    /// What it is meant to be used for, in the bank's words.
    pub intended_use: String,
    /// What it must not be used for, and where it is known to be weak, in the bank's words.
    #[serde(deserialize_with = "list")]
    pub limits: Vec<String>,
    /// Under which terms the bundle may be used.
    pub licence: String,
    /// `random_forest`, `gradient_boosting` or `logistic_regression`.
    pub algorithm: String,
    /// The parameters that it was trained with.
    #[serde(deserialize_with = "list")]
    pub parameters: Vec<(String, String)>,
    /// The seed of everything random in training. In JSON its digits, since JavaScript can't hold every such
    /// number.
    #[serde(serialize_with = "digits")]
    pub seed: u64,
    /// The cut-offs whose customers it learned from, as dates. Of a plain table the first and the last time
    /// of its rows, or nothing where they have none; the same holds for the next two.
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
    /// The files that it was computed from, by name, each with its SHA-256 in hexadecimal digits; none where
    /// that is not known.
    #[serde(deserialize_with = "list")]
    pub sources: Vec<(String, String)>,
    /// Metrics on the test cut-offs.
    #[serde(deserialize_with = "list")]
    pub test_metrics: Vec<Metric>,
    /// Metrics on parts of the test rows.
    #[serde(deserialize_with = "list")]
    pub segments: Vec<Segment>,
    /// The share of what was learned from each feature, in feature order; sums to 1. Of a forest that of the
    /// impurity removed, of boosted trees that of the gain, of a logistic regression that of how much the
    /// scores vary with it.
    #[serde(deserialize_with = "list")]
    pub importance: Vec<f32>,
    /// The version of nextbest that trained it.
    pub trained_with: String,
    /// What that was built with and for: `rustc` and `target`.
    #[serde(deserialize_with = "list")]
    pub tools: Vec<(String, String)>,
}

impl Card {
    /// Checks that every reader can hold its counts, JavaScript among them.
    pub(crate) fn check_size(&self) -> Result<(), String> {
        let counts = self.segments.iter().map(|segment| segment.rows).chain([self.training_rows]);
        match counts.max() {
            Some(count) if count > MOST_SAFE => {
                Err(format!("the card counts {count} rows, which nobody has"))
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
    /// What was measured.
    pub value: f64,
    /// Its confidence interval of 95 %, from the lower to the upper end; `None` where none was computed.
    pub interval: Option<(f64, f64)>,
}

/// A part of the test rows, and how good the model was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Which part: `age_years: 30 to 45`.
    pub name: String,
    /// How many of the test rows are in it.
    pub rows: u64,
    /// What was measured on them.
    #[serde(deserialize_with = "list")]
    pub metrics: Vec<Metric>,
}

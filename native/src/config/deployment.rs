//! The deployment's part of config.yaml: how all customers are scored, and which models may be used.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How offers are made, and by which models.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deployment {
    /// Scoring all customers.
    pub batch_inference: BatchInference,
    /// Whether a person has to approve what goes into production (`nextbest promote production --approve`).
    pub require_manual_approval: bool,
    /// What a model's test metrics have to reach before it is promoted: of a metric of which less is better
    /// (`log_loss`, `brier`, `calibration_error`) the most that is allowed, of others the least.
    pub gating_thresholds: BTreeMap<String, f64>,
    /// By how much a metric may be worse than the production model's on the same rows: the whole 95 %
    /// interval of the difference has to stay within it.
    pub relative_gates: BTreeMap<String, f64>,
    /// Tags of every registered version.
    pub tags: BTreeMap<String, String>,
    /// What the registered model is, in words.
    pub model_description: String,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            batch_inference: BatchInference::default(),
            require_manual_approval: true,
            gating_thresholds: BTreeMap::from([("roc_auc_ovr".into(), 0.6)]),
            relative_gates: BTreeMap::from([("log_loss".into(), 0.005)]),
            tags: BTreeMap::new(),
            model_description: "Predicts which product a customer takes next".into(),
        }
    }
}

/// Scoring all customers.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchInference {
    /// The format of the predictions.
    pub output_format: OutputFormat,
    /// How many offers a customer gets at most.
    pub top_k_recommendations: usize,
}

impl Default for BatchInference {
    fn default() -> Self {
        Self { output_format: OutputFormat::default(), top_k_recommendations: 3 }
    }
}

/// The format of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Comma-separated values.
    #[default]
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl OutputFormat {
    /// What file names end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

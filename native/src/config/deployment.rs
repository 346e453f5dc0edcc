//! `deployment` in config.yaml: scoring of all customers, and the gates of models.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Scoring of all customers, and the gates a model must pass.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deployment {
    /// Scoring all customers.
    pub batch_inference: BatchInference,
    /// Whether promotion to production needs approval (`nextbest promote production --approve`).
    pub require_manual_approval: bool,
    /// Limits on a model's test metrics for promotion: a maximum for metrics where lower is better
    /// (`log_loss`, `brier`, `calibration_error`), a minimum for the others.
    pub gating_thresholds: BTreeMap<String, f64>,
    /// Largest allowed regression of a metric against the production model on the same rows. The whole 95 %
    /// confidence interval of the difference must stay within it.
    pub relative_gates: BTreeMap<String, f64>,
    /// Tags of every registered version.
    pub tags: BTreeMap<String, String>,
    /// Description of the registered model.
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
    /// Most offers per customer.
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
    /// The file extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

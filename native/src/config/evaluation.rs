//! The evaluation's part of config.yaml.

use serde::Deserialize;

/// How models are measured.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// The parts of the customers that are measured by themselves. One whose feature the table does not have
    /// is left out, with a remark.
    pub segments: Vec<SegmentConfig>,
    /// How often customers are drawn anew for the confidence intervals.
    pub bootstrap_draws: u32,
    /// The seed of the draws and of permutations.
    pub random_state: u64,
}

/// Parts of the customers by one feature.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentConfig {
    /// What it is called.
    pub name: String,
    /// The feature.
    pub feature: String,
    /// Of a number: where one part ends and the next begins. A category makes a part of each word.
    #[serde(default)]
    pub bands: Vec<f64>,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        let segment = |name: &str, feature: &str, bands: &[f64]| SegmentConfig {
            name: name.into(),
            feature: feature.into(),
            bands: bands.into(),
        };
        Self {
            segments: vec![
                segment("age", "age_years", &[25.0, 35.0, 50.0, 65.0]),
                segment("tenure", "tenure_days", &[365.0, 1095.0, 2555.0]),
                segment("channel", "last_channel", &[]),
            ],
            bootstrap_draws: 1000,
            random_state: 42,
        }
    }
}

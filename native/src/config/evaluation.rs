//! `evaluation` in config.yaml.

use serde::Deserialize;

/// Evaluation of models.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Customer segments with metrics of their own. A segment whose feature the table lacks is skipped with a
    /// remark.
    pub segments: Vec<SegmentConfig>,
    /// Number of bootstrap resamples of customers for the confidence intervals.
    pub bootstrap_draws: u32,
    /// Seed of the bootstrap and of permutations.
    pub random_state: u64,
}

/// Segments of customers by one feature.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentConfig {
    /// Name.
    pub name: String,
    /// The feature.
    pub feature: String,
    /// Bin edges of a numeric feature. A categorical feature makes one segment per word.
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

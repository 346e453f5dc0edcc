//! `monitoring` in config.yaml.

use std::path::PathBuf;

use anyhow::bail;
use nextbest_core::monitor::profile::MOST_ROWS;
use nextbest_core::monitor::profile::{MOST_EPSILON, SketchRules};
use serde::Deserialize;

/// Monitoring: current rows against the model's reference rows.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringConfig {
    /// Folder for its files; by default `monitoring` in the output folder.
    pub output_path: Option<PathBuf>,
    /// The false discovery rate: the expected share of false positives among features reported as drifted.
    pub significance: f64,
    /// Smallest population stability index of a drifted feature.
    pub drift: f64,
    /// Smallest Wasserstein distance of a drifted numeric feature, in standard deviations, if the values of
    /// both sides are known.
    pub distance: f64,
    /// Smallest population stability index of a heavily drifted feature.
    pub heavy_drift: f64,
    /// The data have drifted if drifted features make up this share of the model's importance.
    pub drifted_share: f64,
    /// Whether exported bundles carry a profile of the reference rows; without it the reference must be a
    /// table.
    pub profile: bool,
    /// How customers' rows are counted where they are scored.
    pub sketches: SketchConfig,
    /// Alert thresholds.
    pub alerts: AlertConfig,
}

impl Default for MonitoringConfig {
    fn default() -> Self {
        Self {
            output_path: None,
            significance: 0.05,
            drift: 0.1,
            distance: 0.1,
            heavy_drift: 0.25,
            drifted_share: 0.3,
            profile: true,
            sketches: SketchConfig::default(),
            alerts: AlertConfig::default(),
        }
    }
}

/// How customers' rows are counted where they are scored.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SketchConfig {
    /// Smallest number of rows in a sketch that leaves the place of counting, unless randomised.
    pub minimum_rows: u32,
    /// The ε of local differential privacy; by default rows are counted without noise.
    pub epsilon: Option<f32>,
}

impl Default for SketchConfig {
    fn default() -> Self {
        let SketchRules { minimum_rows, epsilon } = SketchRules::default();
        Self { minimum_rows, epsilon }
    }
}

impl SketchConfig {
    /// The rules as a bundle carries them.
    ///
    /// # Errors
    /// If ε is out of range.
    pub fn rules(&self) -> anyhow::Result<SketchRules> {
        if let Some(epsilon) = self.epsilon
            && !(epsilon > 0.0 && epsilon <= MOST_EPSILON)
        {
            bail!("monitoring.sketches.epsilon: is {epsilon}, not above 0 and up to {MOST_EPSILON}");
        }
        if u64::from(self.minimum_rows) > MOST_ROWS {
            bail!(
                "monitoring.sketches.minimum_rows: is {}, and a sketch counts {MOST_ROWS} rows at most",
                self.minimum_rows
            );
        }
        Ok(SketchRules { minimum_rows: self.minimum_rows, epsilon: self.epsilon })
    }
}

/// Alert thresholds. An alert gives exit code 3 and a JSON file. A threshold that is not set is not checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertConfig {
    /// Alert if the data have drifted.
    pub data_drift: bool,
    /// Alert if a score has drifted, by the same test as features.
    pub prediction_drift: bool,
    /// Alert from this number of heavily drifted features on.
    pub heavily_drifted_features: Option<usize>,
    /// Alert if the log-loss on known labels exceeds that of the model's test by this share, beyond what
    /// chance explains.
    pub log_loss_rise: Option<f64>,
    /// The same for the log-loss estimated without labels.
    pub expected_log_loss_rise: Option<f64>,
    /// Alert if a feature's share of missing values has risen by this much.
    pub missing_rise: Option<f64>,
    /// Alert if the newest row is older than this number of days.
    pub stale_days: Option<u32>,
    /// Webhook that receives the alert as JSON by POST; `https://…`, or `http://…` on this machine.
    pub webhook: Option<String>,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            data_drift: true,
            prediction_drift: true,
            heavily_drifted_features: None,
            log_loss_rise: Some(0.1),
            expected_log_loss_rise: None,
            missing_rise: Some(0.2),
            stale_days: None,
            webhook: None,
        }
    }
}

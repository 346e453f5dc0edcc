//! What config.yaml says about monitoring.

use std::path::PathBuf;

use anyhow::bail;
use nextbest_core::monitor::profile::MOST_ROWS;
use nextbest_core::monitor::profile::{MOST_EPSILON, SketchRules};
use serde::Deserialize;

/// How rows of today are compared with those that the model was measured on.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitoringConfig {
    /// The folder for its files; `monitoring` among the outputs where it is not given.
    pub output_path: Option<PathBuf>,
    /// Of the features that are called drifted, chance alone may explain this share: the false discovery
    /// rate.
    pub significance: f64,
    /// What a feature's distribution must have moved by, as its population stability index, to be called
    /// drifted …
    pub drift: f64,
    /// … or, of numbers of which both sides' values are known, by how many standard deviations (the
    /// Wasserstein distance).
    pub distance: f64,
    /// From which index on it is called heavily drifted.
    pub heavy_drift: f64,
    /// The data have drifted where features that make up this share of the model's importance have.
    pub drifted_share: f64,
    /// Whether exported bundles remember what rows looked like; without that there is nothing to compare with
    /// but tables.
    pub profile: bool,
    /// How customers' rows are counted where they are scored.
    pub sketches: SketchConfig,
    /// When somebody is to be told.
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
    /// Fewer rows than this do not leave the place where they were counted, unless they are randomised.
    pub minimum_rows: u32,
    /// The ε of local differential privacy; rows are counted as they are where it is not given.
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
    /// Where ε is out of its range.
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

/// When somebody is to be told: exit code 3 and a JSON file. A threshold that is not given is not watched.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertConfig {
    /// Where the data have drifted.
    pub data_drift: bool,
    /// Where some score has drifted, as features do.
    pub prediction_drift: bool,
    /// Alert from this number of heavily drifted features on.
    pub heavily_drifted_features: Option<usize>,
    /// Where the log-loss of known labels is greater than in the model's test by this share, beyond what
    /// chance explains.
    pub log_loss_rise: Option<f64>,
    /// The same of the log-loss that is expected without labels.
    pub expected_log_loss_rise: Option<f64>,
    /// Where some feature's share of missing values has risen by so much.
    pub missing_rise: Option<f64>,
    /// Alert where the newest row is older than this number of days.
    pub stale_days: Option<u32>,
    /// Where the alert is sent to, as JSON by POST; `https://…`, or `http://…` on this machine.
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

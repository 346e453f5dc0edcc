//! What somebody should be told: thresholds of the config that are passed.

use serde::Serialize;

use super::performance::Change;
use super::{Monitoring, Verdict};
use crate::app::number::percent;
use crate::config::AlertConfig;

/// A threshold that is passed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Alert {
    /// The key in `monitoring.alerts`.
    pub(crate) rule: &'static str,
    pub(crate) detail: String,
}

impl Monitoring {
    /// The same with what there is to tell.
    pub(crate) fn with_alerts(mut self, config: &AlertConfig) -> Self {
        let found = [
            config.data_drift.then(|| self.data_drift()).flatten().map(|it| ("data_drift", it)),
            config
                .prediction_drift
                .then(|| self.prediction_drift())
                .flatten()
                .map(|it| ("prediction_drift", it)),
            config
                .heavily_drifted_features
                .and_then(|most| self.heavily_drifted(most))
                .map(|it| ("heavily_drifted_features", it)),
            config.log_loss_rise.and_then(|rise| self.log_loss(rise)).map(|it| ("log_loss_rise", it)),
            config
                .expected_log_loss_rise
                .and_then(|rise| self.expected_log_loss(rise))
                .map(|it| ("expected_log_loss_rise", it)),
            config.missing_rise.and_then(|rise| self.missing(rise)).map(|it| ("missing_rise", it)),
            config.stale_days.and_then(|days| self.stale(days)).map(|it| ("stale_days", it)),
        ];
        let alerts = found.into_iter().flatten().map(|(rule, detail)| Alert { rule, detail });
        self.alerts = alerts.collect();
        self
    }

    fn data_drift(&self) -> Option<String> {
        self.data.drifted.then(|| {
            format!(
                "{} of {} features have drifted, which have {} of the importance",
                self.data.drifted_count,
                self.data.compared,
                percent(self.data.drifted_share)
            )
        })
    }

    fn prediction_drift(&self) -> Option<String> {
        self.prediction.as_ref().filter(|it| it.drifted)?;
        let drifted = self.scores.iter().filter(|drift| drift.verdict > Verdict::Stable);
        let names: Vec<&str> = drifted.map(|drift| drift.name.as_str()).collect();
        Some(format!("the scores have drifted: {}", names.join(", ")))
    }

    fn heavily_drifted(&self, most: usize) -> Option<String> {
        let count = self.data.heavily_drifted_count;
        (count >= most.max(1)).then(|| format!("{count} features are heavily drifted"))
    }

    fn log_loss(&self, rise: f64) -> Option<String> {
        let metric = self.performance.as_ref()?.metric("log_loss")?;
        let test = metric.in_test?;
        (metric.change == Change::Worse && metric.today > test * (1.0 + rise))
            .then(|| format!("the log-loss is {:.4}, and was {test:.4} in the model's test", metric.today))
    }

    fn expected_log_loss(&self, most: f64) -> Option<String> {
        let metric = self.estimate.as_ref()?.metric("log_loss")?;
        let (rise, shown) = metric.rise()?;
        (shown && rise > most).then(|| {
            format!(
                "a log-loss of {:.4} is expected, {} more than in the reference",
                metric.expected,
                percent(rise)
            )
        })
    }

    fn missing(&self, rise: f64) -> Option<String> {
        let rises = self.features.iter().map(|it| (it, it.missing.current - it.missing.reference));
        let (drift, found) = rises.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (found > rise).then(|| {
            format!(
                "{} of the rows have no {}, {} in the reference",
                percent(drift.missing.current),
                drift.name,
                percent(drift.missing.reference)
            )
        })
    }

    fn stale(&self, days: u32) -> Option<String> {
        let (newest, age) = (self.quality.newest.as_ref()?, self.quality.age_days?);
        (age > i64::from(days)).then(|| format!("the newest row is of {newest}, {age} days ago"))
    }
}

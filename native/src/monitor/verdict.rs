//! Whether the data as a whole have drifted: by how much of what the model goes by has.

use serde::Serialize;

use super::drift::{Drift, Verdict};
use crate::config::MonitoringConfig;

/// What was found of all features, or all scores.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Overall {
    pub(crate) drifted: bool,
    /// How many were compared.
    pub(crate) compared: usize,
    pub(crate) drifted_count: usize,
    pub(crate) heavily_drifted_count: usize,
    /// The share of the model's importance that the drifted ones have.
    pub(crate) drifted_share: f64,
}

impl Overall {
    /// Of features: they have drifted where those that drifted have so much of the importance.
    pub(crate) fn of_features(drifts: &[Drift], config: &MonitoringConfig) -> Self {
        let total: f64 = drifts.iter().map(|drift| drift.importance).sum();
        // Without importances, all features weigh the same.
        let weight = |drift: &Drift| match total > 0.0 {
            true => drift.importance / total,
            false => 1.0 / drifts.len().max(1) as f64,
        };
        let moved = drifts.iter().filter(|drift| drift.verdict > Verdict::Stable);
        // Of none, the sum would be −0.
        let drifted_share = moved.map(weight).sum::<f64>() + 0.0;
        Self { drifted: drifted_share >= config.drifted_share, drifted_share, ..Self::counted(drifts) }
    }

    /// Of scores: they have drifted where any has.
    pub(crate) fn of_scores(drifts: &[Drift]) -> Self {
        let counted = Self::counted(drifts);
        let drifted_share = counted.drifted_count as f64 / counted.compared.max(1) as f64;
        Self { drifted: counted.drifted_count > 0, drifted_share, ..counted }
    }

    fn counted(drifts: &[Drift]) -> Self {
        let count = |least: Verdict| drifts.iter().filter(|drift| drift.verdict >= least).count();
        Self {
            drifted: false,
            compared: drifts.len(),
            drifted_count: count(Verdict::Drifted),
            heavily_drifted_count: count(Verdict::HeavilyDrifted),
            drifted_share: 0.0,
        }
    }
}

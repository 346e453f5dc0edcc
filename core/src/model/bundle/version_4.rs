//! Sections as format version 4 (and those before it) had them, read into what they are today.
//!
//! A type stands here only where its layout has changed since.

use serde::Deserialize;

use crate::model::bounded::{list, list_as};
use crate::model::card::{Card, Metric};
use crate::policy::{PolicyDefinition, RankBy};

/// A policy, when it was an order and a limit.
#[derive(Deserialize)]
pub(super) struct OldPolicy {
    rank_by: RankBy,
    min_probability: f32,
}

impl From<OldPolicy> for PolicyDefinition {
    fn from(old: OldPolicy) -> Self {
        Self { rank_by: old.rank_by, min_probability: old.min_probability, ..Self::default() }
    }
}

/// A card, when its metrics had no intervals and nobody said what a model is for.
#[derive(Deserialize)]
pub(super) struct OldCard {
    name: String,
    algorithm: String,
    #[serde(deserialize_with = "list")]
    parameters: Vec<(String, String)>,
    seed: u64,
    #[serde(deserialize_with = "list")]
    training_cutoffs: Vec<String>,
    #[serde(deserialize_with = "list")]
    validation_cutoffs: Vec<String>,
    #[serde(deserialize_with = "list")]
    test_cutoffs: Vec<String>,
    training_rows: u64,
    training_data: String,
    #[serde(deserialize_with = "list_as::<OldMetric, _, _>")]
    test_metrics: Vec<Metric>,
    #[serde(deserialize_with = "list")]
    importance: Vec<f32>,
    trained_with: String,
}

#[derive(Deserialize)]
struct OldMetric {
    name: String,
    value: f64,
}

impl From<OldMetric> for Metric {
    fn from(old: OldMetric) -> Self {
        Self { name: old.name, value: old.value, interval: None }
    }
}

impl From<OldCard> for Card {
    fn from(old: OldCard) -> Self {
        Self {
            name: old.name,
            algorithm: old.algorithm,
            parameters: old.parameters,
            seed: old.seed,
            training_cutoffs: old.training_cutoffs,
            validation_cutoffs: old.validation_cutoffs,
            test_cutoffs: old.test_cutoffs,
            training_rows: old.training_rows,
            training_data: old.training_data,
            test_metrics: old.test_metrics,
            importance: old.importance,
            trained_with: old.trained_with,
            ..Self::default()
        }
    }
}

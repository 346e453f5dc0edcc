//! Sections as format version 2 (and 1) had them, read into what they are today.
//!
//! A type stands here only where its layout has changed since.

use serde::Deserialize;

use crate::model::Model;
use crate::model::bounded::{list, list_as};
use crate::model::forest::Link;
use crate::model::linear::Linear;
use crate::model::memory::Memory;

use super::version_3::{self, LittleEndian};

/// A model, when every forest was of distributions, every split had a threshold and every feature was a number.
#[derive(Deserialize)]
pub(super) enum OldModel {
    Forest(OldForest),
    Linear(OldLinear),
}

#[derive(Deserialize)]
pub(super) struct OldForest {
    class_count: u16,
    #[serde(deserialize_with = "list_as::<OldTree, _, _>")]
    trees: Vec<version_3::OldTree>,
    #[serde(deserialize_with = "list")]
    scales: Vec<f32>,
    #[serde(deserialize_with = "list_as::<LittleEndian, _, _>")]
    codes: Vec<[u8; 2]>,
}

#[derive(Deserialize)]
struct OldTree {
    #[serde(deserialize_with = "list")]
    nodes: Vec<u16>,
    #[serde(deserialize_with = "list_as::<u8, _, _>")]
    thresholds: Vec<u16>,
}

impl From<OldTree> for version_3::OldTree {
    fn from(old: OldTree) -> Self {
        Self { nodes: old.nodes, thresholds: old.thresholds }
    }
}

#[derive(Deserialize)]
pub(super) struct OldLinear {
    #[serde(deserialize_with = "list")]
    means: Vec<f32>,
    #[serde(deserialize_with = "list")]
    inverse_deviations: Vec<f32>,
    #[serde(deserialize_with = "list")]
    weights: Vec<f32>,
    #[serde(deserialize_with = "list")]
    intercepts: Vec<f32>,
}

impl OldModel {
    pub(super) fn model(self, memory: &Memory) -> Result<Model, String> {
        match self {
            OldModel::Forest(old) => old.with_link(memory)?.forest(memory).map(Model::Forest),
            OldModel::Linear(old) => Ok(Model::Linear(Linear {
                means: old.means,
                inverse_deviations: old.inverse_deviations,
                weights: old.weights,
                categories: Vec::new(),
                intercepts: old.intercepts,
            })),
        }
    }
}

impl OldForest {
    fn with_link(self, memory: &Memory) -> Result<version_3::OldForest, String> {
        memory.take::<f32>(self.scales.len())?;
        Ok(version_3::OldForest {
            class_count: self.class_count,
            link: Link::Mean,
            set_features: Vec::new(),
            sets: Vec::new(),
            trees: self.trees,
            leaves: version_3::OldLeaves {
                lows: vec![0.0; self.scales.len()],
                steps: self.scales,
                codes: self.codes,
            },
        })
    }
}

//! Sections as format version 2 (and 1) had them, read into what they are today.
//!
//! A type stands here only where its layout has changed since.

use serde::Deserialize;

use crate::error::BundleError;
use crate::model::Model;
use crate::model::bounded::at_most;
use crate::model::forest::{Link, MAX_TREES};
use crate::model::linear::Linear;

use super::version_3;

/// A model, when every forest was of distributions, every split had a threshold and every feature was a number.
#[derive(Deserialize)]
pub(super) enum OldModel {
    Forest(OldForest),
    Linear(OldLinear),
}

#[derive(Deserialize)]
pub(super) struct OldForest {
    class_count: u16,
    #[serde(deserialize_with = "at_most::<MAX_TREES, _, _>")]
    trees: Vec<OldTree>,
    scales: Vec<f32>,
    codes: Vec<u16>,
}

#[derive(Deserialize)]
struct OldTree {
    nodes: Vec<u16>,
    thresholds: Vec<u8>,
}

#[derive(Deserialize)]
pub(super) struct OldLinear {
    means: Vec<f32>,
    inverse_deviations: Vec<f32>,
    weights: Vec<f32>,
    intercepts: Vec<f32>,
}

impl TryFrom<OldModel> for Model {
    type Error = BundleError;

    fn try_from(old: OldModel) -> Result<Self, BundleError> {
        match old {
            OldModel::Forest(old) => old.code().forest().map(Model::Forest).map_err(BundleError::Content),
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
    fn code(self) -> version_3::OldForest {
        let tree = |old: OldTree| version_3::OldTree {
            nodes: old.nodes,
            thresholds: old.thresholds.into_iter().map(u16::from).collect(),
        };
        version_3::OldForest {
            class_count: self.class_count,
            link: Link::Mean,
            set_features: Vec::new(),
            sets: Vec::new(),
            trees: self.trees.into_iter().map(tree).collect(),
            leaves: version_3::OldLeaves {
                lows: vec![0.0; self.scales.len()],
                steps: self.scales,
                codes: self.codes,
            },
        }
    }
}

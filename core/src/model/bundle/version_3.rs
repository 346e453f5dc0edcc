//! Sections as format version 3 had them, read into what they are today.

use serde::Deserialize;

use crate::error::BundleError;
use crate::model::Model;
use crate::model::bins::MAX_FEATURES;
use crate::model::bounded::at_most;
use crate::model::forest::{
    BinSet, Forest, ForestCode, LeafCode, Link, MAX_SETS, MAX_TREES, SetSplits, write_number,
};
use crate::model::linear::Linear;

/// A model, when a forest's nodes were lists of numbers and its sets were not sorted by features.
#[derive(Deserialize)]
pub(super) enum OldModel {
    Forest(OldForest),
    Linear(Linear),
}

#[derive(Deserialize)]
pub(super) struct OldForest {
    pub(super) class_count: u16,
    pub(super) link: Link,
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    pub(super) set_features: Vec<u16>,
    #[serde(deserialize_with = "at_most::<MAX_SETS, _, _>")]
    pub(super) sets: Vec<BinSet>,
    #[serde(deserialize_with = "at_most::<MAX_TREES, _, _>")]
    pub(super) trees: Vec<OldTree>,
    pub(super) leaves: OldLeaves,
}

#[derive(Deserialize)]
pub(super) struct OldTree {
    /// For each node: 0 for a leaf, else 1 + 2 × feature + (missing goes right).
    pub(super) nodes: Vec<u16>,
    /// For each split, the greatest bin that goes left; of a feature that is split by sets, the position of the set.
    pub(super) thresholds: Vec<u16>,
}

#[derive(Deserialize)]
pub(super) struct OldLeaves {
    pub(super) lows: Vec<f32>,
    pub(super) steps: Vec<f32>,
    pub(super) codes: Vec<u16>,
}

impl TryFrom<OldModel> for Model {
    type Error = BundleError;

    fn try_from(old: OldModel) -> Result<Self, BundleError> {
        match old {
            OldModel::Forest(old) => old.forest().map(Model::Forest).map_err(BundleError::Content),
            OldModel::Linear(linear) => Ok(Model::Linear(linear)),
        }
    }
}

impl OldForest {
    pub(super) fn forest(self) -> Result<Forest, String> {
        let mut code = ForestCode {
            class_count: self.class_count,
            link: self.link,
            sets: self
                .set_features
                .iter()
                .map(|feature| SetSplits { feature: *feature, sets: Vec::new() })
                .collect(),
            tree_count: self.trees.len() as u16,
            nodes: Vec::new(),
            thresholds: Vec::new(),
            leaves: LeafCode {
                lows: self.leaves.lows,
                steps: self.leaves.steps,
                wide: true,
                codes: self.leaves.codes.iter().flat_map(|code| code.to_le_bytes()).collect(),
            },
        };
        // For each feature that is split by sets, the number that each set has there.
        let mut numbers = vec![std::collections::BTreeMap::new(); self.set_features.len()];
        for tree in &self.trees {
            let mut thresholds = tree.thresholds.iter();
            for node in &tree.nodes {
                write_number(*node, &mut code.nodes);
                let Some(split) = node.checked_sub(1) else { continue };
                let mut threshold = *thresholds.next().ok_or("a tree has fewer thresholds than splits")?;
                if let Ok(at) = self.set_features.binary_search(&(split / 2)) {
                    let set =
                        self.sets.get(usize::from(threshold)).ok_or("a split by a set that is not there")?;
                    if let (Some(numbers), Some(of)) = (numbers.get_mut(at), code.sets.get_mut(at)) {
                        let next = of.sets.len() as u16;
                        threshold = *numbers.entry(threshold).or_insert(next);
                        if threshold == next && usize::from(next) == of.sets.len() {
                            of.sets.push(*set);
                        }
                    }
                }
                write_number(threshold, &mut code.thresholds);
            }
            if thresholds.next().is_some() {
                return Err("a tree has more thresholds than splits".into());
            }
        }
        Forest::try_from(code)
    }
}

//! Sections as format version 3 had them, read into what they are today.

use serde::Deserialize;

use crate::model::Model;
use crate::model::bins::MAX_FEATURES;
use crate::model::bounded::{at_most, list, list_as};
use crate::model::forest::{
    BinSet, Forest, ForestCode, LeafCode, Link, MAX_SETS, MAX_TREES, SetSplits, write_number,
};
use crate::model::linear::Linear;
use crate::model::memory::Memory;

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
    #[serde(deserialize_with = "list")]
    pub(super) trees: Vec<OldTree>,
    pub(super) leaves: OldLeaves,
}

#[derive(Deserialize)]
pub(super) struct OldTree {
    /// For each node: 0 for a leaf, else 1 + 2 × feature + (missing goes right).
    #[serde(deserialize_with = "list")]
    pub(super) nodes: Vec<u16>,
    /// For each split, the greatest bin that goes left; of a feature that is split by sets, the position of the set.
    #[serde(deserialize_with = "list")]
    pub(super) thresholds: Vec<u16>,
}

#[derive(Deserialize)]
pub(super) struct OldLeaves {
    #[serde(deserialize_with = "list")]
    pub(super) lows: Vec<f32>,
    #[serde(deserialize_with = "list")]
    pub(super) steps: Vec<f32>,
    #[serde(deserialize_with = "list_as::<LittleEndian, _, _>")]
    pub(super) codes: Vec<[u8; 2]>,
}

/// A number that becomes the bytes that stand in today's bundles.
#[derive(Deserialize)]
pub(super) struct LittleEndian(u16);

impl From<LittleEndian> for [u8; 2] {
    fn from(number: LittleEndian) -> Self {
        number.0.to_le_bytes()
    }
}

impl OldModel {
    pub(super) fn model(self, memory: &Memory) -> Result<Model, String> {
        match self {
            OldModel::Forest(old) => old.forest(memory).map(Model::Forest),
            OldModel::Linear(linear) => Ok(Model::Linear(linear)),
        }
    }
}

impl OldForest {
    pub(super) fn forest(mut self, memory: &Memory) -> Result<Forest, String> {
        if self.trees.len() > MAX_TREES {
            return Err(format!("{} trees, more than {MAX_TREES}", self.trees.len()));
        }
        let used = self.used_sets(memory)?;
        let sets = self.sets_of_features(&used, memory)?;
        let (mut nodes, mut thresholds) = (0, 0);
        for tree in &mut self.trees {
            number_sets(tree, &self.set_features, &used)?;
            nodes += tree.nodes.iter().map(|number| written(*number)).sum::<usize>();
            thresholds += tree.thresholds.iter().map(|number| written(*number)).sum::<usize>();
        }
        memory.take::<u8>(nodes + thresholds)?;
        let (mut nodes, mut thresholds) = (Vec::with_capacity(nodes), Vec::with_capacity(thresholds));
        for tree in &self.trees {
            tree.nodes.iter().for_each(|number| write_number(*number, &mut nodes));
            tree.thresholds.iter().for_each(|number| write_number(*number, &mut thresholds));
        }
        let tree_count = self.trees.len();
        for tree in std::mem::take(&mut self.trees) {
            memory.give_back::<u16>(tree.nodes.len() + tree.thresholds.len());
        }
        memory.give_back::<OldTree>(tree_count);
        memory.give_back::<SetOf>(used.capacity());
        drop(used);
        let code = ForestCode {
            class_count: self.class_count,
            link: self.link,
            sets,
            tree_count: tree_count as u16,
            nodes: nodes.into(),
            thresholds: thresholds.into(),
            leaves: LeafCode {
                lows: self.leaves.lows,
                steps: self.leaves.steps,
                wide: true,
                codes: self.leaves.codes.into_flattened().into(),
            },
        };
        code.forest(memory)
    }

    /// The features with the sets by which they are split, in order.
    fn used_sets(&self, memory: &Memory) -> Result<Vec<SetOf>, String> {
        let set_splits = || {
            self.trees.iter().flat_map(OldTree::splits).filter_map(|(feature, set)| {
                let feature = self.set_features.binary_search(&feature).ok()?;
                Some((feature as u16, set))
            })
        };
        let count = set_splits().count();
        memory.take::<SetOf>(count)?;
        let mut used = Vec::with_capacity(count);
        used.extend(set_splits());
        used.sort_unstable();
        used.dedup();
        Ok(used)
    }

    fn sets_of_features(&self, used: &[SetOf], memory: &Memory) -> Result<Vec<SetSplits>, String> {
        memory.take::<SetSplits>(self.set_features.len())?;
        memory.take::<BinSet>(used.len())?;
        let mut of_features = Vec::with_capacity(self.set_features.len());
        for (position, feature) in self.set_features.iter().enumerate() {
            let start = used.partition_point(|(other, _)| usize::from(*other) < position);
            let own = used.iter().skip(start).take_while(|(other, _)| usize::from(*other) == position);
            let mut sets = Vec::with_capacity(own.clone().count());
            for (_, set) in own {
                sets.push(*self.sets.get(usize::from(*set)).ok_or("a split by a set that is not there")?);
            }
            of_features.push(SetSplits { feature: *feature, sets });
        }
        Ok(of_features)
    }
}

/// The position of a feature among those that are split by sets, and that of a set.
type SetOf = (u16, u16);

impl OldTree {
    /// The feature and the threshold of each split.
    fn splits(&self) -> impl Iterator<Item = (u16, u16)> {
        let features = self.nodes.iter().filter_map(|node| Some(node.checked_sub(1)? / 2));
        features.zip(self.thresholds.iter().copied())
    }
}

/// Replaces the positions of sets with their numbers among those of their feature.
fn number_sets(tree: &mut OldTree, set_features: &[u16], used: &[SetOf]) -> Result<(), String> {
    let mut thresholds = tree.thresholds.iter_mut();
    for split in tree.nodes.iter().filter_map(|node| node.checked_sub(1)) {
        let threshold = thresholds.next().ok_or("a tree has fewer thresholds than splits")?;
        if let Ok(feature) = set_features.binary_search(&(split / 2)) {
            let feature = feature as u16;
            let start = used.partition_point(|(other, _)| *other < feature);
            let at = used.partition_point(|set| *set < (feature, *threshold));
            *threshold = u16::try_from(at.saturating_sub(start)).map_err(|_| "too many sets")?;
        }
    }
    match thresholds.next() {
        Some(_) => Err("a tree has more thresholds than splits".into()),
        None => Ok(()),
    }
}

/// How many bytes a number takes among today's.
fn written(number: u16) -> usize {
    if number < 255 { 1 } else { 3 }
}

//! A forest as the bundle has it, and how it is checked and laid out for scoring.

use serde::{Deserialize, Serialize};

use super::leaves::Leaves;
use super::{BY_SET, BinSet, Forest, LEAF, Link, MAX_SETS, MAX_TREES, Node, Tree, TreeNode};
use crate::model::bins::MAX_FEATURES;
use crate::model::bounded::at_most;

/// A forest as it is stored.
#[derive(Serialize, Deserialize)]
pub(in crate::model) struct ForestCode {
    pub(in crate::model) class_count: u16,
    pub(in crate::model) link: Link,
    /// The features that are split by sets, ascending.
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    pub(in crate::model) set_features: Vec<u16>,
    #[serde(deserialize_with = "at_most::<MAX_SETS, _, _>")]
    pub(in crate::model) sets: Vec<BinSet>,
    #[serde(deserialize_with = "at_most::<MAX_TREES, _, _>")]
    pub(in crate::model) trees: Vec<TreeCode>,
    pub(in crate::model) leaves: Leaves,
}

#[derive(Serialize, Deserialize)]
pub(in crate::model) struct TreeCode {
    /// For each node: 0 for a leaf, else 1 + 2 × feature + (missing goes right).
    pub(in crate::model) nodes: Vec<u16>,
    /// For each split, the greatest bin that goes left; of a feature that is split by sets, the position of the set.
    pub(in crate::model) thresholds: Vec<u16>,
}

impl ForestCode {
    /// The code of trees whose leaves are not rounded yet.
    ///
    /// # Errors
    /// When there are too many trees or sets, or the leaves do not fit the link.
    pub(super) fn new(class_count: usize, link: Link, trees: &[Tree], steps: u16) -> Result<Self, String> {
        if trees.len() > MAX_TREES {
            return Err(format!("{} trees, more than {MAX_TREES}", trees.len()));
        }
        let mut sets = SetTable::default();
        let mut set_features = Vec::new();
        let codes = trees.iter().map(|tree| TreeCode::new(tree, &mut sets, &mut set_features));
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        set_features.sort_unstable();
        set_features.dedup();
        let leaf_counts: Vec<usize> = codes.iter().map(TreeCode::leaf_count).collect();
        let values: Vec<f32> = trees.iter().flat_map(|tree| tree.leaves.iter().copied()).collect();
        let leaves = Leaves::encode(class_count, &link, &leaf_counts, &values, steps)?;
        let class_count = u16::try_from(class_count).map_err(|_| "too many classes")?;
        Ok(Self { class_count, link, set_features, sets: sets.sets, trees: codes, leaves })
    }
}

/// The different sets, each once.
#[derive(Default)]
struct SetTable {
    sets: Vec<BinSet>,
    positions: std::collections::BTreeMap<[u64; 4], u16>,
}

impl SetTable {
    fn position(&mut self, set: BinSet) -> Result<u16, String> {
        if let Some(position) = self.positions.get(&set.0) {
            return Ok(*position);
        }
        let position = u16::try_from(self.sets.len()).map_err(|_| format!("more than {MAX_SETS} sets"))?;
        self.sets.push(set);
        self.positions.insert(set.0, position);
        Ok(position)
    }
}

impl TreeCode {
    fn new(tree: &Tree, sets: &mut SetTable, set_features: &mut Vec<u16>) -> Result<Self, String> {
        let mut code = Self { nodes: Vec::with_capacity(tree.nodes.len()), thresholds: Vec::new() };
        for node in &tree.nodes {
            let (feature, missing_right, threshold) = match *node {
                TreeNode::Leaf => {
                    code.nodes.push(0);
                    continue;
                }
                TreeNode::Split { feature, threshold, missing_right } => {
                    (feature, missing_right, u16::from(threshold))
                }
                TreeNode::SetSplit { feature, left } => {
                    set_features.push(feature);
                    (feature, false, sets.position(left)?)
                }
            };
            if usize::from(feature) >= MAX_FEATURES {
                return Err(format!("a split of feature {feature}, beyond {MAX_FEATURES}"));
            }
            code.nodes.push(1 + 2 * feature + u16::from(missing_right));
            code.thresholds.push(threshold);
        }
        Ok(code)
    }

    fn leaf_count(&self) -> usize {
        self.nodes.iter().filter(|code| **code == 0).count()
    }
}

impl TryFrom<ForestCode> for Forest {
    type Error = String;

    fn try_from(code: ForestCode) -> Result<Self, String> {
        let class_count = usize::from(code.class_count);
        let leaf_counts: Vec<usize> = code.trees.iter().map(TreeCode::leaf_count).collect();
        if leaf_counts.is_empty() || !code.set_features.is_sorted_by(|a, b| a < b) {
            return Err("the forest has no trees, or its split features are not in order".into());
        }
        let leaves = code.leaves.decode(class_count, &code.link, &leaf_counts)?;
        let mut forest = Self {
            class_count,
            roots: Vec::with_capacity(code.trees.len()),
            nodes: Vec::with_capacity(code.trees.iter().map(|tree| tree.nodes.len()).sum()),
            link: code.link,
            sets: code.sets,
            leaves,
            codes: code.leaves,
        };
        let mut next_leaf = 0;
        for tree in &code.trees {
            forest.add(tree, &code.set_features, &mut next_leaf)?;
        }
        Ok(forest)
    }
}

impl Forest {
    /// Lays out a tree behind the others. `next_leaf` is where its leaves' values begin.
    fn add(&mut self, tree: &TreeCode, set_features: &[u16], next_leaf: &mut usize) -> Result<(), String> {
        let root = self.nodes.len();
        let mut next_child = root + 1;
        let mut thresholds = tree.thresholds.iter().copied();
        for code in &tree.nodes {
            // A node that no split announced would let a tree point back into itself.
            if self.nodes.len() >= next_child {
                return Err("a tree has a node that no split leads to".into());
            }
            let node = match code.checked_sub(1) {
                None => {
                    let target = position(*next_leaf)?;
                    *next_leaf += self.values_a_leaf();
                    Node { target, feature: LEAF, threshold: 0, missing_right: 0 }
                }
                Some(split) => {
                    let threshold = thresholds.next().ok_or("a tree has fewer thresholds than splits")?;
                    let by_set = set_features.binary_search(&(split / 2)).is_ok();
                    let node = self.split(position(next_child)?, split, threshold, by_set)?;
                    next_child += 2;
                    node
                }
            };
            self.nodes.push(node);
        }
        // A complete tree uses up exactly the nodes that its splits announced.
        if next_child != self.nodes.len() || thresholds.next().is_some() {
            return Err("a tree has more or fewer nodes or thresholds than its splits need".into());
        }
        self.roots.push(position(root)?);
        Ok(())
    }

    /// A split whose code (less 1) and threshold are these.
    fn split(&self, target: u32, code: u16, threshold: u16, by_set: bool) -> Result<Node, String> {
        let (feature, missing_right) = (code / 2, code % 2);
        if usize::from(feature) >= MAX_FEATURES {
            return Err(format!("a split of feature {feature}, beyond {MAX_FEATURES}"));
        }
        if by_set {
            if missing_right > 0 || usize::from(threshold) >= self.sets.len() {
                return Err("a split by a set that is not there".into());
            }
            let [low, high] = threshold.to_le_bytes();
            return Ok(Node { target, feature: feature | BY_SET, threshold: low, missing_right: high });
        }
        // The bin is lowered by one where missing goes right, and so is the threshold.
        let threshold = threshold.checked_sub(missing_right).and_then(|lowered| u8::try_from(lowered).ok());
        let threshold = threshold.ok_or("a split separates nothing")?;
        Ok(Node { target, feature, threshold, missing_right: missing_right as u8 })
    }
}

fn position(value: usize) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| "the forest is too large".into())
}

impl From<Forest> for ForestCode {
    fn from(forest: Forest) -> Self {
        let ends = forest.roots.iter().skip(1).map(|root| *root as usize).chain([forest.nodes.len()]);
        let trees = forest.roots.iter().zip(ends).map(|(start, end)| {
            let nodes = forest.nodes.get(*start as usize..end).unwrap_or_default();
            TreeCode {
                nodes: nodes.iter().map(Node::code).collect(),
                thresholds: nodes.iter().filter_map(Node::stored_threshold).collect(),
            }
        });
        let by_set = forest.nodes.iter().filter(|node| node.is_by_set());
        let mut set_features: Vec<u16> = by_set.filter_map(Node::split_feature).collect();
        set_features.sort_unstable();
        set_features.dedup();
        Self {
            class_count: forest.class_count as u16,
            trees: trees.collect(),
            link: forest.link,
            set_features,
            sets: forest.sets,
            leaves: forest.codes,
        }
    }
}

impl Node {
    fn is_by_set(&self) -> bool {
        self.feature != LEAF && self.feature & BY_SET != 0
    }

    fn code(&self) -> u16 {
        match self.split_feature() {
            None => 0,
            Some(feature) if self.is_by_set() => 1 + 2 * feature,
            Some(feature) => 1 + 2 * feature + u16::from(self.missing_right),
        }
    }

    fn stored_threshold(&self) -> Option<u16> {
        self.split_feature()?;
        match self.is_by_set() {
            true => Some(self.set() as u16),
            false => Some(u16::from(self.threshold) + u16::from(self.missing_right)),
        }
    }
}

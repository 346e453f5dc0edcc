//! Forests of decision trees over bins, as flat arrays.
//!
//! A split asks whether a feature's bin is at most a threshold. A missing value (bin 0) goes left with the low values
//! or, where the split says so, right with the high ones. A leaf holds a distribution over the classes, and the
//! forest's answer is the mean of its trees' leaves.

use serde::{Deserialize, Serialize};

use super::bins::{Bins, MAX_FEATURES};
use super::bounded::at_most;

/// A forest, laid out for scoring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ForestCode", into = "ForestCode")]
pub struct Forest {
    class_count: usize,
    /// Where in `nodes` each tree starts.
    roots: Vec<u32>,
    /// Breadth-first, tree after tree: both children of a split stand side by side, behind it.
    nodes: Vec<Node>,
    /// `class_count` probabilities a leaf.
    leaves: Vec<f32>,
    /// The leaves as they are stored: multiples of a scale for each class.
    codes: LeafCodes,
}

/// A split or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// A split's left child (the right one follows it), or the leaf's position in `leaves`, in classes.
    target: u32,
    /// The feature, or `LEAF`.
    feature: u16,
    /// The greatest bin that goes left.
    threshold: u8,
    /// 1 where a missing value goes right: taken from the bin before comparing, so that 0 wraps round to 255.
    missing_right: u8,
}

const LEAF: u16 = u16::MAX;

/// No forest has more trees.
pub const MAX_TREES: usize = 10_000;

/// Leaf probabilities as 16-bit integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct LeafCodes {
    /// What one step means, for each class.
    scales: Vec<f32>,
    codes: Vec<u16>,
}

/// One tree while it is grown or read, breadth-first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The nodes: the children of the n-th split (from 0) are the nodes 2n + 1 and 2n + 2.
    pub nodes: Vec<TreeNode>,
    /// The leaves' distributions over the classes, one after the other.
    pub leaves: Vec<f32>,
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeNode {
    /// Rows go left where the feature's bin is at most the threshold.
    Split {
        /// The feature.
        feature: u16,
        /// The greatest bin that goes left.
        threshold: u8,
        /// Whether a missing value goes right.
        missing_right: bool,
    },
    /// The next distribution in `leaves`.
    Leaf,
}

impl Forest {
    /// A forest of trees whose leaves hold `class_count` probabilities each. The probabilities are rounded to what
    /// the bundle stores, so that a model scores the same before and after it is stored.
    ///
    /// # Errors
    /// When a tree is not complete, its leaves are not distributions, or there are more than [`MAX_TREES`].
    pub fn new(class_count: usize, trees: &[Tree]) -> Result<Self, String> {
        if trees.len() > MAX_TREES {
            return Err(format!("{} trees, more than {MAX_TREES}", trees.len()));
        }
        let leaves: Vec<f32> = trees.iter().flat_map(|tree| tree.leaves.iter().copied()).collect();
        let node_count = trees.iter().map(|tree| tree.nodes.len()).sum();
        let shapes = trees.iter().map(|tree| Ok(tree.nodes.iter().copied()));
        Self::assemble(class_count, node_count, shapes, LeafCodes::encode(class_count, &leaves)?)
    }

    /// How many classes it knows.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// How many trees it has.
    pub fn tree_count(&self) -> usize {
        self.roots.len()
    }

    /// How many splits and leaves its trees have together.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Probabilities for one row of bins: the mean of the leaves that it falls into, scaled to sum to 1.
    pub fn predict(&self, bins: &[u8], probabilities: &mut [f32]) {
        probabilities.fill(0.0);
        for &root in &self.roots {
            for (sum, value) in probabilities.iter_mut().zip(self.leaf(root, bins)) {
                *sum += value;
            }
        }
        let total: f32 = probabilities.iter().sum();
        for probability in probabilities {
            *probability /= total;
        }
    }

    /// The distribution in the leaf that a row falls into.
    fn leaf(&self, root: u32, bins: &[u8]) -> &[f32] {
        let mut position = root as usize;
        // Every child stands behind its parent, so this ends.
        while let Some(node) = self.nodes.get(position) {
            if node.feature == LEAF {
                let start = node.target as usize;
                return self.leaves.get(start..start + self.class_count).unwrap_or(&[]);
            }
            let bin = bins.get(usize::from(node.feature)).copied().unwrap_or_default();
            let right = bin.wrapping_sub(node.missing_right) > node.threshold;
            position = node.target as usize + usize::from(right);
        }
        &[]
    }

    pub(super) fn check(&self, bins: &Bins) -> Result<(), String> {
        let features = bins.feature_count();
        match self.nodes.iter().find(|node| node.feature != LEAF && usize::from(node.feature) >= features) {
            Some(node) => Err(format!("a tree splits feature {}, of {features}", node.feature)),
            None => Ok(()),
        }
    }

    fn assemble(
        class_count: usize,
        node_count: usize,
        trees: impl Iterator<Item = Result<impl Iterator<Item = TreeNode>, String>>,
        codes: LeafCodes,
    ) -> Result<Self, String> {
        let leaves = codes.decode(class_count)?;
        let nodes = Vec::with_capacity(node_count);
        let mut forest = Self { class_count, roots: Vec::new(), nodes, leaves, codes };
        let mut next_leaf = 0usize;
        for tree in trees {
            let root = forest.nodes.len();
            let mut next_child = root + 1;
            for node in tree? {
                // A node that no split announced would let a tree point back into itself.
                if forest.nodes.len() >= next_child {
                    return Err("a tree has a node that no split leads to".into());
                }
                let node = match node {
                    TreeNode::Split { feature, threshold, missing_right } => {
                        let target = next_child;
                        next_child += 2;
                        // The bin is lowered by one where missing goes right, and so is the threshold.
                        let threshold = threshold.checked_sub(u8::from(missing_right));
                        let threshold = threshold.filter(|_| usize::from(feature) < MAX_FEATURES);
                        Node {
                            target: position(target)?,
                            feature,
                            threshold: threshold.ok_or("a split separates nothing")?,
                            missing_right: u8::from(missing_right),
                        }
                    }
                    TreeNode::Leaf => {
                        let target = next_leaf;
                        next_leaf += class_count;
                        Node { target: position(target)?, feature: LEAF, threshold: 0, missing_right: 0 }
                    }
                };
                forest.nodes.push(node);
            }
            // A complete tree uses up exactly the nodes that its splits announced.
            if next_child != forest.nodes.len() {
                return Err("a tree has more or fewer nodes than its splits need".into());
            }
            forest.roots.push(position(root)?);
        }
        if forest.roots.is_empty() || next_leaf != forest.leaves.len() {
            return Err("the forest has no trees, or leaves that belong to none".into());
        }
        Ok(forest)
    }
}

fn position(value: usize) -> Result<u32, String> {
    u32::try_from(value).map_err(|_| "the forest is too large".into())
}

impl LeafCodes {
    fn encode(class_count: usize, leaves: &[f32]) -> Result<Self, String> {
        let mut greatest = vec![0f32; class_count];
        for leaf in leaves.chunks(class_count.max(1)) {
            if leaf.len() != class_count || leaf.iter().any(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err("a leaf is not a distribution over the classes".into());
            }
            for (greatest, value) in greatest.iter_mut().zip(leaf) {
                *greatest = greatest.max(*value);
            }
        }
        let scales: Vec<f32> = greatest.iter().map(|greatest| greatest / f32::from(u16::MAX)).collect();
        let codes = leaves.chunks(class_count.max(1)).flat_map(|leaf| {
            leaf.iter().zip(&scales).map(|(value, scale)| {
                // Ties and overflow don't matter: the value is at most 65535 steps.
                if *scale > 0.0 { libm::roundf(value / scale).min(65535.0) as u16 } else { 0 }
            })
        });
        Ok(Self { codes: codes.collect(), scales })
    }

    fn decode(&self, class_count: usize) -> Result<Vec<f32>, String> {
        let sound = class_count > 0
            && self.scales.len() == class_count
            && self.codes.len().is_multiple_of(class_count)
            && self.scales.iter().all(|scale| (0.0..=1.0).contains(scale));
        if !sound {
            return Err("the leaves do not fit the classes".into());
        }
        let mut leaves = Vec::with_capacity(self.codes.len());
        for leaf in self.codes.chunks_exact(class_count) {
            leaves.extend(leaf.iter().zip(&self.scales).map(|(code, scale)| f32::from(*code) * scale));
            let start = leaves.len() - class_count;
            let total: f32 = leaves.get(start..).unwrap_or_default().iter().sum();
            if total <= 0.0 {
                return Err("a leaf gives every class the probability 0".into());
            }
        }
        Ok(leaves)
    }
}

/// A forest as it is stored.
#[derive(Serialize, Deserialize)]
struct ForestCode {
    class_count: u16,
    #[serde(deserialize_with = "at_most::<MAX_TREES, _, _>")]
    trees: Vec<TreeCode>,
    leaves: LeafCodes,
}

#[derive(Serialize, Deserialize)]
struct TreeCode {
    /// For each node: 0 for a leaf, else 1 + 2 × feature + (missing goes right).
    nodes: Vec<u16>,
    /// For each split, the greatest bin that goes left.
    thresholds: Vec<u8>,
}

impl TryFrom<ForestCode> for Forest {
    type Error = String;

    fn try_from(code: ForestCode) -> Result<Self, String> {
        let node_count = code.trees.iter().map(|tree| tree.nodes.len()).sum();
        let trees = code.trees.iter().map(TreeCode::nodes);
        Self::assemble(usize::from(code.class_count), node_count, trees, code.leaves)
    }
}

impl TreeCode {
    fn nodes(&self) -> Result<impl Iterator<Item = TreeNode>, String> {
        if self.nodes.iter().filter(|code| **code > 0).count() != self.thresholds.len() {
            return Err("a tree has more or fewer thresholds than splits".into());
        }
        let mut thresholds = self.thresholds.iter().copied();
        Ok(self.nodes.iter().map(move |code| match code.checked_sub(1) {
            None => TreeNode::Leaf,
            Some(code) => TreeNode::Split {
                feature: code / 2,
                threshold: thresholds.next().unwrap_or_default(),
                missing_right: code % 2 == 1,
            },
        }))
    }
}

impl From<Forest> for ForestCode {
    fn from(forest: Forest) -> Self {
        let ends = forest.roots.iter().skip(1).map(|root| *root as usize).chain([forest.nodes.len()]);
        let trees = forest.roots.iter().zip(ends).map(|(start, end)| {
            let nodes = forest.nodes.get(*start as usize..end).unwrap_or_default();
            let splits = nodes.iter().filter(|node| node.feature != LEAF);
            TreeCode {
                nodes: nodes.iter().map(Node::code).collect(),
                thresholds: splits.map(|split| split.threshold + split.missing_right).collect(),
            }
        });
        Self { class_count: forest.class_count as u16, trees: trees.collect(), leaves: forest.codes }
    }
}

impl Node {
    fn code(&self) -> u16 {
        if self.feature == LEAF { 0 } else { 1 + 2 * self.feature + u16::from(self.missing_right) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(feature: u16, threshold: u8, missing_right: bool) -> TreeNode {
        TreeNode::Split { feature, threshold, missing_right }
    }

    /// Feature 0 at bin 3; on the right, feature 1 at bin 1 with missing going right.
    fn small_tree() -> Tree {
        Tree {
            nodes: vec![
                split(0, 3, false),
                TreeNode::Leaf,
                split(1, 1, true),
                TreeNode::Leaf,
                TreeNode::Leaf,
            ],
            leaves: vec![1.0, 0.0, 0.5, 0.5, 0.25, 0.75],
        }
    }

    fn predict(forest: &Forest, bins: [u8; 2]) -> Vec<f32> {
        let mut probabilities = vec![0.0; forest.class_count()];
        forest.predict(&bins, &mut probabilities);
        probabilities
    }

    #[test]
    fn rows_fall_into_their_leaves() {
        let forest = Forest::new(2, &[small_tree()]).unwrap();
        for (bins, expected) in [
            ([0, 9], [1.0, 0.0]),
            ([3, 9], [1.0, 0.0]),
            ([4, 1], [0.5, 0.5]),
            ([4, 2], [0.25, 0.75]),
            ([255, 255], [0.25, 0.75]),
            ([4, 0], [0.25, 0.75]),
        ] {
            for (actual, expected) in predict(&forest, bins).iter().zip(expected) {
                assert!((actual - expected).abs() < 1e-4, "{bins:?}: {actual}");
            }
        }
    }

    #[test]
    fn storing_changes_no_bit() {
        let forest = Forest::new(2, &[small_tree(), small_tree()]).unwrap();
        let bytes = bincode::serde::encode_to_vec(&forest, bincode::config::standard()).unwrap();
        let (read, _) =
            bincode::serde::decode_from_slice::<Forest, _>(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(read, forest);
        let trees: Vec<Tree> = vec![small_tree(), small_tree()];
        assert_eq!(Forest::new(2, &trees).unwrap(), forest);
    }

    #[test]
    fn broken_trees_are_refused() {
        let leaf = || TreeNode::Leaf;
        let cases = [
            ("no nodes", vec![], 0),
            ("a missing child", vec![split(0, 1, false), leaf()], 1),
            ("a node too many", vec![leaf(), leaf()], 2),
            ("a split that leads to itself", vec![leaf(), split(0, 1, false), leaf()], 2),
            ("a split that separates nothing", vec![split(0, 0, true), leaf(), leaf()], 2),
            ("a feature beyond the limit", vec![split(32_767, 1, false), leaf(), leaf()], 2),
            ("a leaf too few", vec![split(0, 1, false), leaf(), leaf()], 1),
        ];
        for (what, nodes, leaves) in cases {
            let tree = Tree { nodes, leaves: [0.5, 0.5].repeat(leaves) };
            assert!(Forest::new(2, &[tree]).is_err(), "{what}");
        }
        for leaf in [[f32::NAN, 1.0], [-0.1, 1.0], [0.0, 0.0]] {
            let tree = Tree { nodes: vec![TreeNode::Leaf], leaves: leaf.to_vec() };
            assert!(Forest::new(2, &[tree]).is_err(), "{leaf:?}");
        }
        assert!(Forest::new(2, &[]).is_err());
        assert!(Forest::new(2, &vec![small_tree(); MAX_TREES + 1]).is_err());
    }
}

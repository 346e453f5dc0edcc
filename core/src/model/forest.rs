//! Forests of decision trees over bins, as flat arrays.
//!
//! A split asks whether a feature's bin is at most a threshold. A missing value (bin 0) goes left with the low values
//! or, where the split says so, right with the high ones. A split of a category asks instead whether the bin is in a set.
//! What a leaf holds and how the trees' leaves become probabilities is the forest's [`Link`].

mod code;
mod leaves;

use serde::{Deserialize, Serialize};

use super::bins::{Bins, MISSING_BIN};
use super::linear::softmax;
pub(super) use code::{ForestCode, TreeCode};
pub(super) use leaves::Leaves;

/// A forest, laid out for scoring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ForestCode", into = "ForestCode")]
pub struct Forest {
    class_count: usize,
    link: Link,
    /// Where in `nodes` each tree starts.
    roots: Vec<u32>,
    /// Breadth-first, tree after tree: both children of a split stand side by side, behind it.
    nodes: Vec<Node>,
    /// The sets of the splits that have one.
    sets: Vec<BinSet>,
    /// The leaves' values, leaf after leaf: one a class, or one alone.
    leaves: Vec<f32>,
    /// The leaves as they are stored.
    codes: Leaves,
}

/// How the leaves of a row become its probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Link {
    /// A leaf holds a distribution over the classes; the answer is the mean of the trees'. A random forest.
    Mean,
    /// A leaf holds one number, which is added to the score of one class: the n-th tree (from 0) is of class n modulo the
    /// number of classes. The scores start at these, and the answer is their softmax. Boosted trees.
    Softmax(Vec<f32>),
}

/// A split or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    /// A split's left child (the right one follows it), or the position of the leaf's first value in `leaves`.
    target: u32,
    /// The feature; with the highest bit set, of a split by a set; or `LEAF`.
    feature: u16,
    /// The greatest bin that goes left, or the lower half of the set's position.
    threshold: u8,
    /// 1 where a missing value goes right: taken from the bin before comparing, so that 0 wraps round to 255. Of a split
    /// by a set, the upper half of the set's position.
    missing_right: u8,
}

const LEAF: u16 = u16::MAX;
const BY_SET: u16 = 1 << 15;

/// No forest has more trees.
pub const MAX_TREES: usize = 10_000;
/// No forest has more different sets.
pub const MAX_SETS: usize = 1 << 16;

/// Some of the 256 bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct BinSet([u64; 4]);

/// One tree while it is grown or read, breadth-first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The nodes: the children of the n-th split (from 0) are the nodes 2n + 1 and 2n + 2.
    pub nodes: Vec<TreeNode>,
    /// The leaves' values, one leaf after the other: a distribution over the classes, or one number, as [`Link`] says.
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
    /// Rows go left where the feature's bin is in a set; a missing value has bin 0.
    SetSplit {
        /// The feature. All its splits in a forest are of this kind.
        feature: u16,
        /// The bins that go left.
        left: BinSet,
    },
    /// The next leaf's values in `leaves`.
    Leaf,
}

impl BinSet {
    /// Puts a bin into the set.
    pub fn insert(&mut self, bin: u8) {
        if let Some(word) = self.0.get_mut(usize::from(bin / 64)) {
            *word |= 1 << (bin % 64);
        }
    }

    /// Whether a bin is in the set.
    pub fn contains(&self, bin: u8) -> bool {
        self.0.get(usize::from(bin / 64)).is_some_and(|word| word >> (bin % 64) & 1 == 1)
    }
}

impl TreeNode {
    /// Whether a bin of the split's feature goes right; of a leaf, none does.
    pub fn goes_right(&self, bin: u8) -> bool {
        match *self {
            TreeNode::Split { threshold, missing_right, .. } => match bin {
                MISSING_BIN => missing_right,
                bin => bin > threshold,
            },
            TreeNode::SetSplit { left, .. } => !left.contains(bin),
            TreeNode::Leaf => false,
        }
    }

    /// The feature of a split.
    pub fn feature(&self) -> Option<u16> {
        match *self {
            TreeNode::Split { feature, .. } | TreeNode::SetSplit { feature, .. } => Some(feature),
            TreeNode::Leaf => None,
        }
    }
}

impl Forest {
    /// A forest of trees. The leaves' values are rounded to what the bundle stores, so that a model scores the same before
    /// and after it is stored.
    ///
    /// # Errors
    /// When a tree is not complete, its leaves do not fit the link (distributions over `class_count` classes; finite
    /// numbers, and as many trees for each class), or there are more than [`MAX_TREES`] trees or [`MAX_SETS`] sets.
    pub fn new(class_count: usize, link: Link, trees: &[Tree]) -> Result<Self, String> {
        Self::with_leaf_steps(class_count, link, trees, u16::MAX)
    }

    /// A forest whose leaves' values are rounded to so many steps between each class's least and greatest; to fewer than
    /// 256, they take one byte each.
    ///
    /// # Errors
    /// As [`Forest::new`].
    pub fn with_leaf_steps(
        class_count: usize,
        link: Link,
        trees: &[Tree],
        steps: u16,
    ) -> Result<Self, String> {
        Self::try_from(ForestCode::new(class_count, link, trees, steps)?)
    }

    /// How many classes it knows.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// How leaves become probabilities.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// How many trees it has.
    pub fn tree_count(&self) -> usize {
        self.roots.len()
    }

    /// How many splits and leaves its trees have together.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The trees, with their leaves' values as they are stored.
    pub fn trees(&self) -> impl Iterator<Item = Tree> {
        let ends = self.roots.iter().skip(1).map(|root| *root as usize).chain([self.nodes.len()]);
        self.roots.iter().zip(ends).map(|(start, end)| {
            let mut tree = Tree::default();
            for node in self.nodes.get(*start as usize..end).unwrap_or_default() {
                tree.nodes.push(self.tree_node(node));
                if node.feature == LEAF {
                    let start = node.target as usize;
                    let values = self.leaves.get(start..start + self.values_a_leaf());
                    tree.leaves.extend_from_slice(values.unwrap_or_default());
                }
            }
            tree
        })
    }

    fn tree_node(&self, node: &Node) -> TreeNode {
        let (feature, missing_right) = (node.feature & !BY_SET, node.missing_right > 0);
        match node.feature & BY_SET == 0 {
            _ if node.feature == LEAF => TreeNode::Leaf,
            // The threshold was lowered by one where missing goes right.
            true => TreeNode::Split {
                feature,
                threshold: node.threshold.saturating_add(u8::from(missing_right)),
                missing_right,
            },
            false => {
                TreeNode::SetSplit { feature, left: self.sets.get(node.set()).copied().unwrap_or_default() }
            }
        }
    }

    /// Probabilities for one row of bins.
    pub fn predict(&self, bins: &[u8], probabilities: &mut [f32]) {
        match &self.link {
            Link::Mean => {
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
            Link::Softmax(base) => {
                for (score, base) in probabilities.iter_mut().zip(base) {
                    *score = *base;
                }
                for round in self.roots.chunks(self.class_count) {
                    for (score, root) in probabilities.iter_mut().zip(round) {
                        *score += self.leaf(*root, bins).first().copied().unwrap_or_default();
                    }
                }
                softmax(probabilities);
            }
        }
    }

    /// The values of the leaf that a row falls into, in the n-th tree; nothing beyond the last.
    pub fn leaf_of(&self, tree: usize, bins: &[u8]) -> &[f32] {
        self.roots.get(tree).map_or(&[], |root| self.leaf(*root, bins))
    }

    fn leaf(&self, root: u32, bins: &[u8]) -> &[f32] {
        let mut position = root as usize;
        // Every child stands behind its parent, so this ends.
        while let Some(node) = self.nodes.get(position) {
            let right = if node.feature & BY_SET == 0 {
                let bin = bins.get(usize::from(node.feature)).copied().unwrap_or_default();
                bin.wrapping_sub(node.missing_right) > node.threshold
            } else if node.feature == LEAF {
                let start = node.target as usize;
                return self.leaves.get(start..start + self.values_a_leaf()).unwrap_or(&[]);
            } else {
                let bin = bins.get(usize::from(node.feature & !BY_SET)).copied().unwrap_or_default();
                !self.sets.get(node.set()).is_some_and(|left| left.contains(bin))
            };
            position = node.target as usize + usize::from(right);
        }
        &[]
    }

    fn values_a_leaf(&self) -> usize {
        self.link.values_a_leaf(self.class_count)
    }

    pub(super) fn check(&self, bins: &Bins) -> Result<(), String> {
        let features = bins.feature_count();
        let mut split = self.nodes.iter().filter_map(Node::split_feature);
        match split.find(|feature| usize::from(*feature) >= features) {
            Some(feature) => Err(format!("a tree splits feature {feature}, of {features}")),
            None => Ok(()),
        }
    }
}

impl Link {
    fn values_a_leaf(&self, class_count: usize) -> usize {
        match self {
            Link::Mean => class_count,
            Link::Softmax(_) => 1,
        }
    }
}

impl Node {
    fn split_feature(&self) -> Option<u16> {
        (self.feature != LEAF).then_some(self.feature & !BY_SET)
    }

    /// Of a split by a set, the set's position.
    fn set(&self) -> usize {
        usize::from(u16::from_le_bytes([self.threshold, self.missing_right]))
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
        let forest = Forest::new(2, Link::Mean, &[small_tree()]).unwrap();
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
        let forest = Forest::new(2, Link::Mean, &[small_tree(), small_tree()]).unwrap();
        let bytes = bincode::serde::encode_to_vec(&forest, bincode::config::standard()).unwrap();
        let (read, _) =
            bincode::serde::decode_from_slice::<Forest, _>(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(read, forest);
        let trees: Vec<Tree> = forest.trees().collect();
        assert_eq!(Forest::new(2, Link::Mean, &trees).unwrap(), forest);
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
            assert!(Forest::new(2, Link::Mean, &[tree]).is_err(), "{what}");
        }
        for leaf in [[f32::NAN, 1.0], [-0.1, 1.0], [0.0, 0.0]] {
            let tree = Tree { nodes: vec![TreeNode::Leaf], leaves: leaf.to_vec() };
            assert!(Forest::new(2, Link::Mean, &[tree]).is_err(), "{leaf:?}");
        }
        assert!(Forest::new(2, Link::Mean, &[]).is_err());
        assert!(Forest::new(2, Link::Mean, &vec![small_tree(); MAX_TREES + 1]).is_err());
    }

    /// Feature 0 goes left in the bins 0, 2 and 200.
    fn set_tree(values: [f32; 2]) -> Tree {
        let mut left = BinSet::default();
        [0, 2, 200].into_iter().for_each(|bin| left.insert(bin));
        let nodes = vec![TreeNode::SetSplit { feature: 0, left }, TreeNode::Leaf, TreeNode::Leaf];
        Tree { nodes, leaves: values.to_vec() }
    }

    fn boosted() -> Forest {
        let stump = Tree { nodes: vec![TreeNode::Leaf], leaves: vec![-0.25] };
        let threshold =
            Tree { nodes: vec![split(1, 4, true), TreeNode::Leaf, TreeNode::Leaf], leaves: vec![1.0, -3.0] };
        let trees = [set_tree([0.5, -0.5]), threshold, set_tree([0.25, 2.0]), stump];
        Forest::new(2, Link::Softmax(vec![-1.0, 0.5]), &trees).unwrap()
    }

    #[test]
    fn boosted_trees_add_up_class_by_class_and_categories_go_by_their_set() {
        for (bins, scores) in [
            ([0, 4], [-1.0 + 0.5 + 0.25, 0.5 + 1.0 - 0.25]),
            ([200, 5], [-1.0 + 0.5 + 0.25, 0.5 - 3.0 - 0.25]),
            ([1, 0], [-1.0 - 0.5 + 2.0, 0.5 - 3.0 - 0.25]),
            ([255, 1], [-1.0 - 0.5 + 2.0, 0.5 + 1.0 - 0.25]),
        ] {
            let total: f64 = scores.iter().map(|score: &f64| score.exp()).sum();
            for (actual, score) in predict(&boosted(), bins).iter().zip(scores) {
                assert!((f64::from(*actual) - score.exp() / total).abs() < 1e-4, "{bins:?}: {actual}");
            }
        }
    }

    #[test]
    fn storing_boosted_trees_changes_no_bit() {
        let forest = boosted();
        let bytes = bincode::serde::encode_to_vec(&forest, bincode::config::standard()).unwrap();
        let (read, _) =
            bincode::serde::decode_from_slice::<Forest, _>(&bytes, bincode::config::standard()).unwrap();
        assert_eq!(read, forest);
        assert_eq!(read.sets.len(), 1, "equal sets are stored once");
        let trees: Vec<Tree> = forest.trees().collect();
        assert_eq!(
            trees.iter().map(|tree| &tree.nodes).collect::<Vec<_>>(),
            [
                &set_tree([0.0; 2]).nodes,
                &vec![split(1, 4, true), TreeNode::Leaf, TreeNode::Leaf],
                &set_tree([0.0; 2]).nodes,
                &vec![TreeNode::Leaf],
            ]
        );
    }

    #[test]
    fn broken_boosted_trees_are_refused() {
        let refused =
            |base: &[f32], trees: &[Tree]| Forest::new(2, Link::Softmax(base.to_vec()), trees).unwrap_err();
        let two = [set_tree([0.5, 1.0]), set_tree([0.5, 1.0])];
        refused(&[0.0], &two);
        refused(&[0.0, f32::NAN], &two);
        refused(&[0.0, 2e30], &two);
        refused(&[0.0, 0.0], &two[..1]);
        refused(&[0.0, 0.0], &[set_tree([0.5, f32::INFINITY]), set_tree([0.5, 1.0])]);
        refused(&[0.0, 0.0], &[set_tree([0.5, 2e30]), set_tree([0.5, 1.0])]);
        refused(&[0.0, 0.0], &[small_tree(), set_tree([0.5, 1.0])]);
        // A feature is split by sets everywhere or nowhere.
        let threshold =
            Tree { nodes: vec![split(0, 4, true), TreeNode::Leaf, TreeNode::Leaf], leaves: vec![0.0; 2] };
        assert!(refused(&[0.0, 0.0], &[set_tree([0.5, 1.0]), threshold]).contains("set"));
    }
}

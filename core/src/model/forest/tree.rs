//! Single trees, as they are grown and read.

use serde::{Deserialize, Serialize};

use crate::model::bins::MISSING_BIN;

/// A set of bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct BinSet([u64; 4]);

/// One tree, breadth-first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    /// The nodes. Invariant: the children of the n-th split (from 0) are the nodes 2n + 1 and 2n + 2.
    pub nodes: Vec<TreeNode>,
    /// The leaves' values, leaf after leaf: a distribution over the classes or one number, depending on the
    /// [`Link`](super::Link).
    pub leaves: Vec<f32>,
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeNode {
    /// Rows go left if the feature's bin is at most the threshold.
    Split {
        /// The feature.
        feature: u16,
        /// The greatest bin that goes left.
        threshold: u8,
        /// Whether missing values go right.
        missing_right: bool,
    },
    /// Rows go left if the feature's bin is in a set; a missing value has bin 0.
    SetSplit {
        /// The feature. All its splits in a forest must be of this kind.
        feature: u16,
        /// The bins that go left.
        left: BinSet,
    },
    /// A leaf; its values are the next ones in `leaves`.
    Leaf,
}

impl Tree {
    pub(super) fn leaf_count(&self) -> usize {
        self.nodes.iter().filter(|node| **node == TreeNode::Leaf).count()
    }
}

impl BinSet {
    /// Adds a bin to the set.
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
    /// Whether rows with a bin of the split's feature go right; false for a leaf.
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

    /// The feature of a split; `None` for a leaf.
    pub fn feature(&self) -> Option<u16> {
        match *self {
            TreeNode::Split { feature, .. } | TreeNode::SetSplit { feature, .. } => Some(feature),
            TreeNode::Leaf => None,
        }
    }
}

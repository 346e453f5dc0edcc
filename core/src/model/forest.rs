//! Forests of decision trees over bins, as flat arrays.
//!
//! A split tests whether a feature's bin is at most a threshold. A missing value (bin 0) goes left with the
//! low values or, if the split says so, right with the high ones. A split of a category tests instead whether
//! the bin is in a set. The forest's [`Link`] says what a leaf holds and how leaves become probabilities.

mod batch;
mod code;
mod columns;
mod crown;
mod leaves;
mod link;
mod nodes;
mod shapley;
mod tree;
mod trees;
mod walk;

use serde::Serialize;

use super::bins::Bins;
use super::softmax::softmax;
use crate::decode::memory::Memory;
pub(crate) use batch::BLOCK;
use batch::Block;
pub(crate) use code::ForestCode;
use columns::{Column, ColumnKind};
use leaves::{Codes, LANES, Leaves, add};
pub use link::{Link, MAX_DEPTH, MAX_SETS, MAX_TREES};
use nodes::Node;
pub use tree::{BinSet, Tree, TreeNode};
use trees::{Placed, StoredNode, Trees};
use walk::Decisions;

/// A forest, laid out for scoring.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "ForestCode")]
pub struct Forest {
    class_count: usize,
    link: Link,
    /// What the splits compare.
    columns: Vec<Column>,
    layout: Layout,
    /// The values of the leaves. If a leaf holds one number, its code is stored with its node.
    leaves: Leaves,
}

/// The trees, in the smallest node type that fits.
#[derive(Debug, Clone, PartialEq)]
enum Layout {
    Compact(Trees<u32>),
    Wide(Trees<u64>),
}

/// Up to this many classes, scoring a row allocates nothing on the heap.
const CLASSES_ON_THE_STACK: usize = 64;

/// Reusable buffers for scoring.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    decisions: Decisions,
    /// A row's bytes, column by column.
    bytes: Vec<u8>,
    block: Block,
}

impl Forest {
    /// Creates a forest. The leaves' values are rounded as the bundle stores them, to 65,535 steps of their
    /// class's range, so that a model scores the same before and after it is stored.
    ///
    /// # Errors
    /// If a tree is incomplete, its leaves do not fit the link (distributions over `class_count` classes, or
    /// finite numbers with equally many trees per class), or there are more than [`MAX_TREES`] trees or
    /// [`MAX_SETS`] sets.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::model::forest::{Forest, Link, Scratch, Tree, TreeNode};
    ///
    /// let split = TreeNode::Split { feature: 0, threshold: 2, missing_right: false };
    /// let nodes = vec![split, TreeNode::Leaf, TreeNode::Leaf];
    /// let tree = Tree { nodes, leaves: vec![0.75, 0.25, 0.0, 1.0] };
    /// let forest = Forest::new(2, Link::Mean, &[tree]).unwrap();
    /// let mut probabilities = [0.0; 2];
    /// forest.predict(&[2], &mut Scratch::default(), &mut probabilities); // Bin 2 goes left.
    /// assert!((probabilities[0] - 0.75).abs() < 1e-4);
    /// forest.predict(&[3], &mut Scratch::default(), &mut probabilities);
    /// assert_eq!(probabilities, [0.0, 1.0]);
    /// ```
    pub fn new(class_count: usize, link: Link, trees: &[Tree]) -> Result<Self, String> {
        Self::with_leaf_steps(class_count, link, trees, u16::MAX)
    }

    /// Creates a forest whose leaf values are rounded to `steps` steps between each class's least and
    /// greatest value; with fewer than 256, each takes one byte. That is too coarse for distributions with
    /// classes that are rare almost everywhere and certain in some leaf: their small probabilities become 0.
    ///
    /// # Errors
    /// As [`Forest::new`].
    pub fn with_leaf_steps(
        class_count: usize,
        link: Link,
        trees: &[Tree],
        steps: u16,
    ) -> Result<Self, String> {
        ForestCode::new(class_count, link, trees, steps)?.forest(&Memory::unlimited())
    }

    /// The same forest with other splits; its leaves are kept unchanged.
    ///
    /// # Errors
    /// If the trees do not have their splits and leaves in the same places.
    pub fn with_splits(&self, trees: &[Tree]) -> Result<Self, String> {
        let same_places = |(own, other): (Tree, &Tree)| {
            own.nodes.len() == other.nodes.len()
                && own.nodes.iter().zip(&other.nodes).all(|(a, b)| a.feature() == b.feature())
        };
        if self.tree_count() != trees.len() || !self.trees().zip(trees).all(same_places) {
            return Err("the trees do not have their splits where the forest has them".into());
        }
        let leaves = ForestCode::from(self.clone()).leaves;
        ForestCode::with_leaves(self.class_count, self.link.clone(), trees, leaves)?
            .forest(&Memory::unlimited())
    }

    /// The number of classes.
    pub fn class_count(&self) -> usize {
        self.class_count
    }

    /// How leaves become probabilities.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The number of trees.
    pub fn tree_count(&self) -> usize {
        self.layout.placed().len()
    }

    /// The number of splits and leaves of all trees.
    pub fn node_count(&self) -> usize {
        match &self.layout {
            Layout::Compact(trees) => trees.nodes.len(),
            Layout::Wide(trees) => trees.nodes.len(),
        }
    }

    /// The trees, with their leaf values as stored.
    pub fn trees(&self) -> impl Iterator<Item = Tree> {
        let mut nodes = self.stored();
        self.in_order().into_iter().map(move |placed| {
            let mut tree = Tree::default();
            let mut expected = 1;
            while tree.nodes.len() < expected
                && let Some((node, holds)) = nodes.next()
            {
                match node {
                    StoredNode::Split { column, threshold } => {
                        expected += 2;
                        tree.nodes.extend(self.columns.get(column).map(|column| column.node(threshold)));
                    }
                    StoredNode::Leaf => {
                        tree.nodes.push(TreeNode::Leaf);
                        self.push_values(&placed, holds, &mut tree.leaves);
                    }
                }
            }
            tree
        })
    }

    /// Appends the values of a tree's leaf.
    fn push_values(&self, tree: &Placed, holds: u32, values: &mut Vec<f32>) {
        match &self.link {
            Link::Softmax(_) => values.push(self.leaves.value(tree.class as usize, holds)),
            Link::Mean => {
                let start = (tree.first_leaf as usize + holds as usize) * self.class_count;
                let code = |class| self.leaves.codes.get(start + class);
                values
                    .extend((0..self.class_count).map(|class| self.leaves.value(class, code(class).into())));
            }
        }
    }

    fn stored(&self) -> Box<dyn Iterator<Item = (StoredNode, u32)> + '_> {
        match &self.layout {
            Layout::Compact(trees) => Box::new(trees.stored()),
            Layout::Wide(trees) => Box::new(trees.stored()),
        }
    }

    fn in_order(&self) -> Vec<Placed> {
        let mut placed = self.layout.placed().to_vec();
        placed.sort_unstable_by_key(|tree| tree.number);
        placed
    }

    /// Writes the probabilities for one row of bins.
    pub fn predict(&self, bins: &[u8], scratch: &mut Scratch, probabilities: &mut [f32]) {
        let groups = self.class_count.div_ceil(LANES);
        let mut few = [[0; LANES]; CLASSES_ON_THE_STACK / LANES];
        let mut many = Vec::new();
        let sums = match few.get_mut(..groups) {
            Some(sums) => sums,
            None => {
                many.resize(groups, [0; LANES]);
                &mut many
            }
        };
        match &self.layout {
            Layout::Compact(trees) if Decisions::ARE_CHEAP => {
                self.add_leaves(trees, scratch.decisions.of(&self.columns, bins), sums);
            }
            Layout::Compact(trees) => {
                self.fill_bytes(bins, &mut scratch.bytes);
                self.add_leaves(trees, |node| goes_right(node, &scratch.bytes), sums);
            }
            Layout::Wide(trees) => {
                self.fill_bytes(bins, &mut scratch.bytes);
                self.add_leaves(trees, |node| goes_right(node, &scratch.bytes), sums);
            }
        }
        self.finish(sums.as_flattened().iter().copied(), probabilities);
    }

    fn fill_bytes(&self, bins: &[u8], bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend(self.columns.iter().map(|column| column.byte_of(bins)));
    }

    /// Adds the codes of a row's leaves, class by class.
    #[inline(always)]
    fn add_leaves<N: Node>(
        &self,
        trees: &Trees<N>,
        right: impl Fn(N) -> u32 + Copy,
        sums: &mut [[u32; LANES]],
    ) {
        let first_code = |tree: &Placed, leaf: u32| (tree.first_leaf + leaf) as usize * self.class_count;
        match (&self.link, &self.leaves.codes) {
            (Link::Mean, Codes::Bytes(codes)) => {
                trees.walk(right, |tree, leaf| add(codes, first_code(tree, leaf), sums));
            }
            (Link::Mean, Codes::Words(codes)) => {
                trees.walk(right, |tree, leaf| add(codes, first_code(tree, leaf), sums));
            }
            (Link::Softmax(_), _) => {
                let sums = sums.as_flattened_mut();
                trees.walk(right, |tree, code| {
                    if let Some(sum) = sums.get_mut(tree.class as usize) {
                        *sum += code;
                    }
                });
            }
        }
    }

    /// Turns the classes' sums of codes into probabilities.
    fn finish(&self, sums: impl Iterator<Item = u32> + Clone, probabilities: &mut [f32]) {
        match &self.link {
            Link::Mean => {
                let parts = self.leaves.steps.iter().zip(sums);
                let parts = parts.map(|(step, sum)| f64::from(*step) * f64::from(sum));
                let total: f64 = parts.clone().sum();
                for (probability, part) in probabilities.iter_mut().zip(parts) {
                    *probability = (part / total) as f32;
                }
            }
            Link::Softmax(base) => {
                let rounds = (self.tree_count() / self.class_count) as f64;
                let scales = self.leaves.lows.iter().zip(&self.leaves.steps).zip(sums);
                for ((score, base), ((low, step), sum)) in probabilities.iter_mut().zip(base).zip(scales) {
                    let lows = f64::from(*base) + rounds * f64::from(*low);
                    *score = (lows + f64::from(*step) * f64::from(sum)) as f32;
                }
                softmax(probabilities);
            }
        }
    }

    /// Adds the values of a row's leaves to `sums`, one per class; only for the chosen trees, numbered from
    /// 0.
    pub fn add_leaves_of(
        &self,
        bins: &[u8],
        chosen: impl Fn(usize) -> bool,
        scratch: &mut Scratch,
        sums: &mut [f64],
    ) {
        let mut values = Vec::with_capacity(self.class_count);
        let mut add = |tree: &Placed, holds: u32| {
            if chosen(tree.number as usize) {
                values.clear();
                self.push_values(tree, holds, &mut values);
                sums.iter_mut().zip(&values).for_each(|(sum, value)| *sum += f64::from(*value));
            }
        };
        match &self.layout {
            Layout::Compact(trees) => trees.walk(scratch.decisions.of(&self.columns, bins), &mut add),
            Layout::Wide(trees) => {
                self.fill_bytes(bins, &mut scratch.bytes);
                trees.walk(|node| goes_right(node, &scratch.bytes), &mut add);
            }
        }
    }

    /// For each feature, the bins that some split distinguishes from the bin before.
    pub(super) fn told_apart(&self, feature_count: usize) -> Vec<BinSet> {
        let mut apart = vec![BinSet::default(); feature_count];
        let mut seen = vec![BinSet::default(); self.columns.len()];
        for (node, _) in self.stored() {
            if let StoredNode::Split { column, threshold } = node
                && let Some(thresholds) = seen.get_mut(column)
            {
                thresholds.insert(threshold);
            }
        }
        for (column, thresholds) in self.columns.iter().zip(&seen) {
            let Some(apart) = apart.get_mut(usize::from(column.feature)) else { continue };
            for bin in 1..=u8::MAX {
                let (before, now) = (column.byte(bin - 1), column.byte(bin));
                // A byte goes right if it is above the threshold.
                if (before.min(now)..before.max(now)).any(|threshold| thresholds.contains(threshold)) {
                    apart.insert(bin);
                }
            }
        }
        apart
    }

    pub(super) fn check(&self, bins: &Bins) -> Result<(), String> {
        let features = bins.feature_count();
        match self.columns.iter().find(|column| usize::from(column.feature) >= features) {
            Some(column) => Err(format!("a tree splits feature {}, of {features}", column.feature)),
            None => Ok(()),
        }
    }
}

/// 1 if a row with these bytes goes right, else 0.
#[inline(always)]
fn goes_right<N: Node>(node: N, bytes: &[u8]) -> u32 {
    u32::from(bytes.get(node.column()).is_some_and(|byte| *byte > node.threshold()))
}

impl Layout {
    fn placed(&self) -> &[Placed] {
        match self {
            Layout::Compact(trees) => &trees.placed,
            Layout::Wide(trees) => &trees.placed,
        }
    }
}

impl Column {
    /// The split that compares this column with a threshold.
    fn node(&self, threshold: u8) -> TreeNode {
        let feature = self.feature;
        match self.kind {
            ColumnKind::MissingLeft => TreeNode::Split { feature, threshold, missing_right: false },
            // This column's bins and thresholds are lowered by one.
            ColumnKind::MissingRight => {
                TreeNode::Split { feature, threshold: threshold.saturating_add(1), missing_right: true }
            }
            ColumnKind::Set(left) => TreeNode::SetSplit { feature, left },
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

#[cfg(test)]
mod tests;

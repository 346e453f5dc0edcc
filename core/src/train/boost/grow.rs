//! Grows one boosted tree, leaf by leaf: always the leaf whose split gains most.

use std::collections::{BinaryHeap, VecDeque};

use super::BoostParams;
use super::blocks::{Blocks, WIDTH};
use super::gradients::{Gradients, Pair};
use super::histogram::Histogram;
use super::split::{Rules, Split};
use crate::model::forest::{Tree, TreeNode};
use crate::train::dataset::Dataset;

/// A grown tree.
pub(super) struct GrownTree {
    /// The tree as the model has it.
    pub(super) tree: Tree,
    /// The nodes in the order in which they grew: a split with the position of its left child, which the
    /// right one follows.
    nodes: Vec<Option<(TreeNode, usize)>>,
    /// The value of each node.
    pub(super) values: Vec<f32>,
    /// The gain that each feature's splits made.
    pub(super) importance: Vec<f64>,
    /// The leaf that each row of the data reaches, as a position in `values`.
    pub(super) leaves: Vec<u16>,
}

/// A node while the tree grows: a range of the partitioned rows.
struct Node {
    start: usize,
    end: usize,
    depth: u32,
    sums: Pair,
    children: Option<(Split, usize)>,
}

/// A leaf that can be split. Ordered by gain; ties go to the oldest leaf.
struct Candidate {
    split: Split,
    node: usize,
    histogram: Histogram,
}

/// Grows a tree from the derivatives of some rows. `features` tells which features may be split.
pub(super) fn grow(
    data: &Dataset,
    blocks: &Blocks,
    params: &BoostParams,
    gradients: Gradients,
    features: &[bool],
) -> GrownTree {
    let rules = Rules::new(params, gradients.scale);
    let wanted = features.chunks(WIDTH).map(|block| block.contains(&true)).collect();
    let right = (Vec::new(), Vec::new());
    let grower = Grower {
        data,
        blocks,
        params,
        gradients,
        features,
        rules,
        wanted,
        right,
        nodes: vec![],
        spare: vec![],
    };
    grower.grow()
}

/// The state of growing one tree.
struct Grower<'a> {
    data: &'a Dataset,
    blocks: &'a Blocks,
    params: &'a BoostParams,
    gradients: Gradients,
    features: &'a [bool],
    rules: Rules,
    /// The blocks with a feature that may be split.
    wanted: Vec<bool>,
    nodes: Vec<Node>,
    /// The rows that go right, while a leaf is partitioned.
    right: (Vec<u32>, Vec<Pair>),
    /// Histograms to reuse.
    spare: Vec<Histogram>,
}

impl Grower<'_> {
    fn grow(mut self) -> GrownTree {
        let row_count = self.gradients.rows.len();
        let mut sums = Pair::default();
        self.gradients.pairs.iter().for_each(|pair| sums.add(*pair));
        self.nodes.push(Node { start: 0, end: row_count, depth: 0, sums, children: None });
        let root = self.histogram(0);
        let mut open = BinaryHeap::new();
        self.offer(0, root, &mut open);
        let mut leaves = 1;
        while leaves < self.params.num_leaves
            && let Some(candidate) = open.pop()
        {
            leaves += 1;
            self.split(candidate, leaves < self.params.num_leaves, &mut open);
        }
        self.into_tree()
    }

    /// The histogram of a node.
    #[expect(clippy::indexing_slicing, reason = "a node of this tree; its range is one of the rows")]
    fn histogram(&mut self, node: usize) -> Histogram {
        let mut histogram = self.spare.pop().unwrap_or_else(|| Histogram::new(self.blocks));
        let Node { start, end, .. } = self.nodes[node];
        let Gradients { rows, pairs, .. } = &self.gradients;
        histogram.fill(self.blocks, &self.wanted, &rows[start..end], &pairs[start..end]);
        histogram
    }

    /// Splits a leaf. `children_may` tells whether the children may be split later; they may not if it is the
    /// last split.
    fn split(&mut self, candidate: Candidate, children_may: bool, open: &mut BinaryHeap<Candidate>) {
        let Candidate { split, node: position, histogram } = candidate;
        let left = self.nodes.len();
        let Some(node) = self.nodes.get_mut(position) else { return };
        node.children = Some((split, left));
        let (start, end, depth, sums) = (node.start, node.end, node.depth + 1, node.sums);
        let middle = self.partition(start, end, &split.node);
        self.nodes.push(Node { start, end: middle, depth, sums: split.left, children: None });
        self.nodes.push(Node { start: middle, end, depth, sums: sums.less(split.left), children: None });
        if !children_may || depth >= self.params.max_depth {
            self.spare.push(histogram);
            return;
        }
        // The smaller child is counted; the larger is the difference.
        let (smaller, larger) =
            if middle - start <= end - middle { (left, left + 1) } else { (left + 1, left) };
        let small = self.histogram(smaller);
        let mut large = histogram;
        large.subtract(&small);
        self.offer(smaller, small, open);
        self.offer(larger, large, open);
    }

    /// Moves the rows that go left to the front of the range, keeping the order on both sides; returns where
    /// the right ones start.
    #[expect(clippy::indexing_slicing, reason = "ranges and rows are those of the data; this is a hot loop")]
    fn partition(&mut self, start: usize, end: usize, split: &TreeNode) -> usize {
        let feature = split.feature().map_or(0, usize::from);
        let bins = &self.data.columns()[feature];
        let mut goes_right = [false; 256];
        for (bin, goes) in (0..=u8::MAX).zip(&mut goes_right) {
            *goes = split.goes_right(bin);
        }
        let Gradients { rows, pairs, .. } = &mut self.gradients;
        let (right_rows, right_pairs) = &mut self.right;
        right_rows.resize(end - start, 0);
        right_pairs.resize(end - start, Pair::default());
        // Both sides are written and only one is kept: a branch would be mispredicted half of the time.
        let (mut left, mut right) = (start, 0);
        for at in start..end {
            let (row, pair) = (rows[at], pairs[at]);
            let goes = goes_right[usize::from(bins[row as usize])];
            right_rows[right] = row;
            right_pairs[right] = pair;
            rows[left] = row;
            pairs[left] = pair;
            right += usize::from(goes);
            left += usize::from(!goes);
        }
        rows[left..end].copy_from_slice(&right_rows[..right]);
        pairs[left..end].copy_from_slice(&right_pairs[..right]);
        left
    }

    /// Finds the best split of a leaf and queues it.
    fn offer(&mut self, position: usize, histogram: Histogram, open: &mut BinaryHeap<Candidate>) {
        let best = self.nodes.get(position).and_then(|node| {
            let categories = self.data.categories();
            let features = (0u16..).zip(self.features).zip(categories).filter(|((_, may), _)| **may);
            let splits = features.filter_map(|((feature, _), category)| {
                let sums = histogram.feature(usize::from(feature))?;
                match category {
                    true => self.rules.best_set(feature, sums, node.sums),
                    false => self.rules.best_threshold(feature, sums, node.sums),
                }
            });
            // Ties go to the first feature.
            splits.reduce(|best, next| if next.gain > best.gain { next } else { best })
        });
        match best {
            Some(split) => open.push(Candidate { split, node: position, histogram }),
            None => self.spare.push(histogram),
        }
    }

    fn into_tree(self) -> GrownTree {
        let rate = self.params.learning_rate;
        let values: Vec<f32> =
            self.nodes.iter().map(|node| (rate * self.rules.leaf_value(node.sums)) as f32).collect();
        let mut importance = vec![0.0; self.features.len()];
        let mut tree = Tree::default();
        let mut queue = VecDeque::from([0]);
        while let Some(position) = queue.pop_front() {
            match self.nodes.get(position).and_then(|node| node.children) {
                Some((split, left)) => {
                    let feature = split.node.feature().map_or(0, usize::from);
                    if let Some(sum) = importance.get_mut(feature) {
                        *sum += split.gain / self.gradients.scale;
                    }
                    tree.nodes.push(split.node);
                    queue.extend([left, left + 1]);
                }
                None => {
                    tree.nodes.push(TreeNode::Leaf);
                    tree.leaves.extend(values.get(position));
                }
            }
        }
        let nodes =
            self.nodes.iter().map(|node| node.children.map(|(split, left)| (split.node, left))).collect();
        let mut grown = GrownTree { tree, nodes, values, importance, leaves: Vec::new() };
        grown.leaves = match self.gradients.rows.len() == self.data.row_count() {
            true => self.partitioned_leaves(),
            false => grown.leaves_of(self.data),
        };
        grown
    }

    /// The leaf of each row, if all rows were partitioned.
    #[expect(clippy::indexing_slicing, reason = "ranges and rows are those of the data")]
    fn partitioned_leaves(&self) -> Vec<u16> {
        let mut leaves = vec![0; self.data.row_count()];
        for (position, node) in (0u16..).zip(&self.nodes).filter(|(_, node)| node.children.is_none()) {
            for row in &self.gradients.rows[node.start..node.end] {
                leaves[*row as usize] = position;
            }
        }
        leaves
    }
}

impl GrownTree {
    /// A tree of a single leaf with no effect, for a class that does not occur in the data.
    pub(super) fn of_one_leaf(data: &Dataset) -> Self {
        Self {
            tree: Tree { nodes: vec![TreeNode::Leaf], leaves: vec![0.0] },
            nodes: vec![None],
            values: vec![0.0],
            importance: vec![0.0; data.columns().len()],
            leaves: vec![0; data.row_count()],
        }
    }

    /// The leaf of each row of a data set.
    #[expect(clippy::indexing_slicing, reason = "the data has the features that the tree splits")]
    pub(super) fn leaves_of(&self, data: &Dataset) -> Vec<u16> {
        let columns = data.columns();
        let leaf = |row: usize| {
            let mut position = 0;
            while let Some(Some((split, left))) = self.nodes.get(position) {
                // A leaf has neither a feature nor children.
                let Some(feature) = split.feature() else { break };
                let bin = columns[usize::from(feature)][row];
                position = left + usize::from(split.goes_right(bin));
            }
            position as u16
        };
        (0..data.row_count()).map(leaf).collect()
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.split.gain.total_cmp(&other.split.gain).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

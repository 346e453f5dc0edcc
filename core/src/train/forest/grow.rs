//! Grows one tree of a forest by splitting a sample of the rows recursively.

use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;

use super::ValidForestParams;
use super::sample::Sample;
use super::split::{Split, SplitFinder};
use crate::model::bins::MISSING_BIN;
use crate::model::forest::{Tree, TreeNode};
use crate::train::dataset::Dataset;

/// A grown tree, with the importance of each feature.
pub(super) struct GrownTree {
    pub(super) tree: Tree,
    /// The impurity that each feature's splits removed, weighted by rows.
    pub(super) importance: Vec<f64>,
}

/// A node of a growing tree: a range of the partitioned sample.
struct Node {
    start: usize,
    end: usize,
    depth: u32,
    /// The weight of each class.
    counts: Vec<u32>,
    split: Option<Split>,
    /// The left child, which the right one follows, once the node is split.
    children: Option<usize>,
}

/// A node that can be split. Ordered by gain; ties go to the oldest node.
#[derive(PartialEq)]
struct Candidate {
    gain: f64,
    node: usize,
}

/// Grows a tree on a sample of the data. `rng` chooses features and, for extra-trees, thresholds.
pub(super) fn grow(data: &Dataset, params: &ValidForestParams, sample: Sample, rng: ChaCha8Rng) -> GrownTree {
    let finder = SplitFinder::new(data, params);
    Grower { data, params, rng, sample, finder, right: Vec::new(), nodes: Vec::new() }.grow()
}

/// The state of growing one tree.
struct Grower<'a> {
    data: &'a Dataset,
    params: &'a ValidForestParams,
    rng: ChaCha8Rng,
    sample: Sample,
    finder: SplitFinder<'a>,
    /// The rows that go right, while a node is partitioned.
    right: Vec<super::sample::Entry>,
    nodes: Vec<Node>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "rows, labels and bins were validated by Dataset; this is the hot loop"
)]
impl Grower<'_> {
    fn grow(mut self) -> GrownTree {
        let all = self.sample.entries.len();
        self.add_node(0, all, 0);
        match self.params.0.max_leaf_nodes {
            None => {
                let mut next = 0;
                while next < self.nodes.len() {
                    self.split(next);
                    next += 1;
                }
            }
            Some(most) => self.split_best_first(most),
        }
        self.into_tree()
    }

    fn split_best_first(&mut self, most_leaves: usize) {
        let mut open = BinaryHeap::from([self.candidate(0)]);
        let mut leaves = 1;
        while leaves < most_leaves
            && let Some(Candidate { node, .. }) = open.pop()
        {
            if let Some(left) = self.split(node) {
                leaves += 1;
                open.extend([self.candidate(left), self.candidate(left + 1)]);
            }
        }
    }

    fn candidate(&self, node: usize) -> Candidate {
        Candidate { gain: self.nodes[node].split.as_ref().map_or(0.0, |split| split.gain), node }
    }

    /// Adds a node and finds its split.
    fn add_node(&mut self, start: usize, end: usize, depth: u32) {
        let entries = &self.sample.entries[start..end];
        let mut counts = vec![0; self.data.class_count()];
        entries.iter().for_each(|entry| counts[usize::from(entry.label)] += entry.weight);
        let total: u32 = counts.iter().sum();
        let pure = counts.iter().filter(|count| **count > 0).count() < 2;
        let stays = pure || depth >= self.params.0.max_depth || total < self.sample.least_split;
        let split =
            if stays { None } else { self.finder.best(entries, &counts, &self.sample, &mut self.rng) };
        self.nodes.push(Node { start, end, depth, counts, split, children: None });
    }

    /// Splits a node if possible; returns its left child.
    fn split(&mut self, position: usize) -> Option<usize> {
        let Node { start, end, depth, ref split, .. } = self.nodes[position];
        let split = split.as_ref()?;
        let column = &self.data.columns()[split.feature];
        // Rows keep their order on both sides, so that they are read from front to back.
        let mut middle = start;
        self.right.clear();
        for at in start..end {
            let entry = self.sample.entries[at];
            if split.goes_right(column[entry.row as usize]) {
                self.right.push(entry);
            } else {
                self.sample.entries[middle] = entry;
                middle += 1;
            }
        }
        self.sample.entries[middle..end].copy_from_slice(&self.right);
        let left = self.nodes.len();
        self.nodes[position].children = Some(left);
        self.add_node(start, middle, depth + 1);
        self.add_node(middle, end, depth + 1);
        Some(left)
    }

    /// The tree, breadth-first.
    fn into_tree(self) -> GrownTree {
        let mut tree = Tree::default();
        let mut importance = vec![0.0; self.data.columns().len()];
        let prior = shares(&self.nodes[0].counts);
        let smoothing = self.params.0.leaf_smoothing * f64::from(self.sample.unit);
        let mut queue = std::collections::VecDeque::from([0]);
        while let Some(position) = queue.pop_front() {
            let node = &self.nodes[position];
            match (&node.split, node.children) {
                (Some(split), Some(left)) => {
                    importance[split.feature] += split.gain;
                    tree.nodes.push(TreeNode::Split {
                        feature: split.feature as u16,
                        threshold: split.threshold,
                        missing_right: split.missing_right,
                    });
                    queue.extend([left, left + 1]);
                }
                _ => {
                    tree.nodes.push(TreeNode::Leaf);
                    let total: u32 = node.counts.iter().sum();
                    let smoothed = node.counts.iter().zip(&prior).map(|(count, prior)| {
                        ((f64::from(*count) + smoothing * prior) / (f64::from(total) + smoothing)) as f32
                    });
                    tree.leaves.extend(smoothed);
                }
            }
        }
        GrownTree { tree, importance }
    }
}

fn shares(counts: &[u32]) -> Vec<f64> {
    let total: u32 = counts.iter().sum();
    counts.iter().map(|count| f64::from(*count) / f64::from(total)).collect()
}

impl Split {
    fn goes_right(&self, bin: u8) -> bool {
        if bin == MISSING_BIN { self.missing_right } else { bin > self.threshold }
    }
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

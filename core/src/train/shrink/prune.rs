//! Removes trees and leaves: a split whose children are leaves becomes a leaf with their weighted mean.
//!
//! The value of a node as a leaf, and the cost of making it one, depend on its own tree alone. Both are
//! computed once, with the order in which the splits of the forest go, the cheapest first. A pruning is then
//! a number of trees and a prefix of that order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::Serialize;

use super::leaf_weights::leaf_weights;
use super::values_a_leaf;
use crate::Error;
use crate::model::bins::Bins;
use crate::model::forest::{Forest, Link, Tree, TreeNode};
use crate::train::dataset::Dataset;

/// What stays of a forest. Trees and leaves are given as shares, so that a pruning found on one forest can be
/// applied to another that learned from different rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pruning {
    /// Share of the trees, above 0 and at most 1: the first ones; in boosting, whole rounds.
    pub trees: f64,
    /// Share of the leaves of those trees, 0 to 1. Each tree keeps at least one.
    pub leaves: f64,
    /// Number of steps that leaf values are rounded to.
    pub leaf_steps: u16,
}

/// What a step of the search reduces.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Trees,
    Leaves,
    LeafSteps,
}

impl Step {
    pub(super) const ALL: [Self; 3] = [Self::Trees, Self::Leaves, Self::LeafSteps];
}

/// Share of the trees or leaves that a step keeps.
const STEP: f64 = 0.9;
/// Least share of the trees or leaves that is tried.
const LEAST: f64 = 0.01;
/// Numbers of steps to try: a byte holds 255; below 7 a boosted leaf loses its sign.
const LEAF_STEPS: [u16; 6] = [255, 127, 63, 31, 15, 7];

impl Pruning {
    /// Keeps everything.
    pub const WHOLE: Self = Self { trees: 1.0, leaves: 1.0, leaf_steps: u16::MAX };

    /// The pruning after a step; `None` if that step is exhausted.
    pub(super) fn smaller(&self, step: Step) -> Option<Self> {
        let less = |share: f64| Some(share * STEP).filter(|share| *share >= LEAST);
        match step {
            Step::Trees => less(self.trees).map(|trees| Self { trees, ..*self }),
            Step::Leaves => less(self.leaves).map(|leaves| Self { leaves, ..*self }),
            Step::LeafSteps => {
                let steps = LEAF_STEPS.into_iter().find(|steps| *steps < self.leaf_steps);
                steps.map(|leaf_steps| Self { leaf_steps, ..*self })
            }
        }
    }

    /// The pruning halfway to a smaller one; `None` if only the leaf steps differ.
    pub fn half_way(&self, other: &Self) -> Option<Self> {
        let half = Self {
            trees: (self.trees + other.trees) / 2.0,
            leaves: (self.leaves + other.leaves) / 2.0,
            leaf_steps: self.leaf_steps.min(other.leaf_steps),
        };
        (half != *self && half != *other).then_some(half)
    }
}

/// A forest that can be pruned.
pub struct Prunable {
    class_count: usize,
    link: Link,
    trees: Vec<Weighed>,
    /// The splits of all trees, by tree and node, in the order in which they become leaves.
    order: Vec<(usize, usize)>,
}

/// A pruned forest whose leaves are not rounded yet.
pub struct Pruned {
    class_count: usize,
    link: Link,
    /// The number of steps that leaf values are rounded to.
    pub leaf_steps: u16,
    /// The trees.
    pub trees: Vec<Tree>,
}

/// A tree with the value that each node would have as a leaf.
struct Weighed {
    nodes: Vec<TreeNode>,
    /// The parent of each node; the root is its own.
    parents: Vec<usize>,
    /// The left child of each node; `None` for a leaf.
    children: Vec<Option<usize>>,
    weights: Vec<f64>,
    /// For each node, the weighted mean of the leaves below it.
    values: Vec<Vec<f64>>,
}

impl Prunable {
    /// Takes a forest apart. `data`, which should be the training rows, gives the weight of each leaf.
    pub fn new(forest: &Forest, data: &Dataset) -> Self {
        let trees: Vec<Tree> = forest.trees().collect();
        let weights = leaf_weights(forest, &trees, data);
        Self::with_weights(forest.class_count(), forest.link().clone(), &trees, &weights)
    }

    fn with_weights(class_count: usize, link: Link, trees: &[Tree], weights: &[f64]) -> Self {
        let width = values_a_leaf(&link, class_count);
        let mut rest = weights;
        let weighed = trees.iter().map(|tree| {
            let (own, after) = rest.split_at_checked(tree.leaves.len() / width).unwrap_or((rest, &[]));
            rest = after;
            Weighed::new(tree, own, width)
        });
        let trees: Vec<Weighed> = weighed.collect();
        let order = order(&trees, &link);
        Self { class_count, link, trees, order }
    }

    /// The number of trees.
    pub fn tree_count(&self) -> usize {
        self.trees.len()
    }

    /// The forest that a pruning leaves.
    pub fn apply(&self, pruning: &Pruning) -> Pruned {
        let kept = self.kept_trees(pruning.trees);
        let trees = self.trees.get(..kept).unwrap_or(&self.trees);
        let splits: usize = trees.iter().map(Weighed::split_count).sum();
        let leaves = splits + trees.len();
        let wanted = ((leaves as f64 * pruning.leaves).round() as usize).max(trees.len());
        let mut collapsed: Vec<Vec<bool>> = trees.iter().map(|tree| vec![false; tree.nodes.len()]).collect();
        // Each split removed takes one leaf with it.
        let going = self.order.iter().filter(|(tree, _)| *tree < trees.len());
        for (tree, node) in going.take(leaves.saturating_sub(wanted)) {
            if let Some(slot) = collapsed.get_mut(*tree).and_then(|nodes| nodes.get_mut(*node)) {
                *slot = true;
            }
        }
        let trees = trees.iter().zip(&collapsed).map(|(tree, collapsed)| tree.without(collapsed)).collect();
        Pruned {
            class_count: self.class_count,
            link: self.link.clone(),
            leaf_steps: pruning.leaf_steps,
            trees,
        }
    }

    fn kept_trees(&self, share: f64) -> usize {
        // Whole rounds are removed: a boosted class without a tree would keep its initial score.
        let unit = if self.link == Link::Mean { 1 } else { self.class_count.max(1) };
        let units = self.trees.len() / unit;
        unit * ((units as f64 * share).round() as usize).clamp(1, units.max(1))
    }
}

impl Pruned {
    /// The forest with its leaves rounded.
    ///
    /// # Errors
    /// If the trees are broken.
    pub fn forest(&self) -> Result<Forest, Error> {
        self.build(&self.trees)
    }

    /// The forest, with bins that have only the edges that its trees use.
    ///
    /// # Errors
    /// If the trees do not fit the bins.
    pub fn compact(&self, bins: &Bins) -> Result<(Bins, Forest), Error> {
        let mut trees = self.trees.clone();
        let bins = crate::train::compact_edges(bins, &mut trees)?;
        Ok((bins, self.build(&trees)?))
    }

    /// The number of leaves of all trees.
    pub fn leaf_count(&self) -> usize {
        self.trees.iter().map(|tree| tree.leaves.len()).sum::<usize>()
            / values_a_leaf(&self.link, self.class_count)
    }

    fn build(&self, trees: &[Tree]) -> Result<Forest, Error> {
        Forest::with_leaf_steps(self.class_count, self.link.clone(), trees, self.leaf_steps)
            .map_err(Error::Training)
    }
}

impl Weighed {
    fn new(tree: &Tree, leaf_weights: &[f64], width: usize) -> Self {
        let count = tree.nodes.len();
        let mut parents = vec![0; count];
        let (mut children, mut weights, mut values) = (Vec::new(), vec![0.0; count], Vec::new());
        let mut next_child = 1;
        let mut leaves = tree.leaves.chunks_exact(width).zip(leaf_weights);
        for (position, node) in tree.nodes.iter().enumerate() {
            if let TreeNode::Leaf = node {
                let (leaf, weight) = leaves.next().unwrap_or((&[], &0.0));
                values.push(leaf.iter().map(|value| f64::from(*value)).collect());
                weights.get_mut(position).into_iter().for_each(|slot| *slot = *weight);
                children.push(None);
                continue;
            }
            for child in next_child..next_child + 2 {
                parents.get_mut(child).into_iter().for_each(|slot| *slot = position);
            }
            values.push(Vec::new());
            children.push(Some(next_child));
            next_child += 2;
        }
        let mut weighed = Self { nodes: tree.nodes.clone(), parents, children, weights, values };
        // Children come after their parents.
        for position in (0..count).rev() {
            if let Some((weight, value)) = weighed.merged(position) {
                weighed.weights.get_mut(position).into_iter().for_each(|slot| *slot = weight);
                weighed.values.get_mut(position).into_iter().for_each(|slot| slot.clone_from(&value));
            }
        }
        weighed
    }

    fn split_count(&self) -> usize {
        self.children.iter().filter(|children| children.is_some()).count()
    }

    /// Both children of a split, each with its weight and value.
    fn pair(&self, node: usize) -> Option<[(f64, &[f64]); 2]> {
        let left = (*self.children.get(node)?)?;
        let of = |child: usize| Some((*self.weights.get(child)?, self.values.get(child)?.as_slice()));
        Some([of(left)?, of(left + 1)?])
    }

    /// The weight and value of a split as a leaf.
    fn merged(&self, node: usize) -> Option<(f64, Vec<f64>)> {
        let [(left, of_left), (right, of_right)] = self.pair(node)?;
        let weight = left + right;
        // Leaves that no row reached weigh the same.
        let share = if weight > 0.0 { right / weight } else { 0.5 };
        let mean = |(a, b): (&f64, &f64)| a + (b - a) * share;
        Some((weight, of_left.iter().zip(of_right).map(mean).collect()))
    }

    /// The cost of turning a split into a leaf, once its children are leaves: the loss to second order. For
    /// distributions, the loss of a class grows with the square of the change divided by its probability.
    fn cost(&self, node: usize, link: &Link) -> Option<f64> {
        let [(left, of_left), (right, of_right)] = self.pair(node)?;
        let weight = left + right;
        let harmonic = if weight > 0.0 { left * right / weight } else { 0.0 };
        let values = self.values.get(node)?;
        let distances = of_left.iter().zip(of_right).zip(values).map(|((a, b), mean)| match link {
            Link::Mean => (a - b) * (a - b) / mean.max(1e-6),
            Link::Softmax(_) => (a - b) * (a - b),
        });
        Some(harmonic * distances.sum::<f64>())
    }

    /// The tree with some splits turned into leaves, breadth-first.
    fn without(&self, collapsed: &[bool]) -> Tree {
        let mut tree = Tree::default();
        // For each node, whether it is now a leaf or gone. Parents come first, and their order is kept.
        let mut ended: Vec<bool> = Vec::with_capacity(self.nodes.len());
        let nodes = self.nodes.iter().zip(&self.parents).zip(&self.values).zip(collapsed);
        for (((node, parent), values), collapsed) in nodes {
            // The root has no parent.
            let gone = ended.get(*parent).is_some_and(|ended| *ended);
            let is_leaf = *node == TreeNode::Leaf || *collapsed;
            if !gone {
                tree.nodes.push(if is_leaf { TreeNode::Leaf } else { *node });
                if is_leaf {
                    tree.leaves.extend(values.iter().map(|value| *value as f32));
                }
            }
            ended.push(gone || is_leaf);
        }
        tree
    }
}

/// All splits in the order in which they become leaves: always the cheapest one whose children are leaves.
fn order(trees: &[Weighed], link: &Link) -> Vec<(usize, usize)> {
    let mut order = Vec::new();
    let mut ready = BinaryHeap::new();
    // For each split, the number of its children that are leaves.
    let mut leaves: Vec<Vec<u8>> = trees.iter().map(|tree| vec![0; tree.nodes.len()]).collect();
    let mut became_leaf = |tree: usize, node: usize, ready: &mut BinaryHeap<_>| {
        // The root is not a child of any split.
        let weighed = trees.get(tree).filter(|_| node > 0)?;
        let parent = *weighed.parents.get(node)?;
        let count = leaves.get_mut(tree)?.get_mut(parent)?;
        *count += 1;
        if *count == 2 {
            // Costs are at least 0, and such numbers are ordered like their bits.
            let cost = weighed.cost(parent, link)?.max(0.0).to_bits();
            ready.push(Reverse((cost, tree, parent)));
        }
        Some(())
    };
    for (tree, weighed) in trees.iter().enumerate() {
        for (node, _) in weighed.nodes.iter().enumerate().filter(|(_, node)| **node == TreeNode::Leaf) {
            became_leaf(tree, node, &mut ready);
        }
    }
    while let Some(Reverse((_, tree, node))) = ready.pop() {
        order.push((tree, node));
        became_leaf(tree, node, &mut ready);
    }
    order
}

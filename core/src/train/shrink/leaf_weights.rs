//! The weight of each leaf: in a random forest the weight of its rows, in boosted trees the second
//! derivatives of its rows' losses.
//!
//! To second order, merging two leaves of a boosted tree costs half the harmonic sum of their second
//! derivatives times the square of the difference of their values (as LeCun et al., 1990, "Optimal brain
//! damage", do for the weights of a network).

use super::values_a_leaf;
use crate::model::bins::MISSING_BIN;
use crate::model::forest::{Forest, Link, Tree, TreeNode};
use crate::model::softmax::softmax;
use crate::train::chunks::sum_rows;
use crate::train::dataset::Dataset;

/// The most rows used: spread over the data, they suffice to tell which leaves have little weight. Prime, so
/// that patterns among the rows (a customer's cut-offs) are not always sampled at the same place.
const MOST_ROWS: usize = 20_011;

/// The weight of each leaf, tree after tree.
pub(super) fn leaf_weights(forest: &Forest, trees: &[Tree], data: &Dataset) -> Vec<f64> {
    let walks: Vec<Walk<'_>> = trees.iter().map(Walk::new).collect();
    let width = values_a_leaf(forest.link(), forest.class_count());
    let firsts: Vec<usize> = trees
        .iter()
        .scan(0, |next, tree| {
            let first = *next;
            *next += tree.leaves.len() / width;
            Some(first)
        })
        .collect();
    let total = trees.iter().map(|tree| tree.leaves.len() / width).sum();
    let classes = forest.class_count().max(1);
    let count = data.row_count().min(MOST_ROWS);
    let row_of = |position: usize| position * data.row_count() / count.max(1);
    let bins = rows_of_bins(data, (0..count).map(row_of));
    sum_rows(count, vec![0.0; total], |rows, sums| {
        let mut leaves = vec![0; trees.len()];
        let mut factors = vec![1.0; classes];
        for (row, bins) in bins.iter().enumerate().skip(rows.start).take(rows.len()) {
            for (leaf, walk) in leaves.iter_mut().zip(&walks) {
                *leaf = walk.leaf(bins);
            }
            if let Link::Softmax(base) = forest.link() {
                second_derivatives(base, trees, &leaves, &mut factors);
            }
            let weight = f64::from(data.weight(row_of(row)));
            for ((leaf, first), factor) in leaves.iter().zip(&firsts).zip(factors.iter().cycle()) {
                if let Some(sum) = sums.get_mut(first + leaf) {
                    *sum += weight * f64::from(*factor);
                }
            }
        }
    })
}

/// p (1 − p) of each class, for a row that reaches these leaves.
#[expect(clippy::indexing_slicing, reason = "leaves of these trees, of one value each")]
fn second_derivatives(base: &[f32], trees: &[Tree], leaves: &[usize], factors: &mut [f32]) {
    factors.copy_from_slice(base);
    for (round, leaves) in trees.chunks(base.len().max(1)).zip(leaves.chunks(base.len().max(1))) {
        for ((score, tree), leaf) in factors.iter_mut().zip(round).zip(leaves) {
            *score += tree.leaves[*leaf];
        }
    }
    softmax(factors);
    for factor in factors {
        *factor *= 1.0 - *factor;
    }
}

/// A tree, prepared for walking.
struct Walk<'t> {
    /// Each node with the position of its left child or, for a leaf, its position among the leaves.
    nodes: Vec<(&'t TreeNode, usize)>,
}

impl<'t> Walk<'t> {
    fn new(tree: &'t Tree) -> Self {
        let (mut next_child, mut next_leaf) = (1, 0);
        let target = |node: &'t TreeNode| {
            let (next, width) = match node {
                TreeNode::Leaf => (&mut next_leaf, 1),
                _ => (&mut next_child, 2),
            };
            *next += width;
            (node, *next - width)
        };
        Self { nodes: tree.nodes.iter().map(target).collect() }
    }

    /// The leaf that a row of bins reaches, counted from 0.
    fn leaf(&self, bins: &[u8]) -> usize {
        let mut position = 0;
        while let Some((node, target)) = self.nodes.get(position) {
            let Some(feature) = node.feature() else { return *target };
            let bin = bins.get(usize::from(feature)).copied().unwrap_or(MISSING_BIN);
            position = target + usize::from(node.goes_right(bin));
        }
        0
    }
}

/// The bins of some rows, row by row: a tree reads a few features of one row, in no particular order.
#[expect(clippy::indexing_slicing, reason = "rows of the data")]
fn rows_of_bins(data: &Dataset, rows: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
    rows.map(|row| data.columns().iter().map(|column| column[row]).collect()).collect()
}

//! Which leaf of a tree a row falls into.

use crate::model::forest::{Tree, TreeNode};
use crate::train::dataset::Dataset;

/// A tree as rows walk through it.
pub(super) struct Walk<'t> {
    /// Each node with the position of its left child or, of a leaf, its place among the leaves.
    nodes: Vec<(&'t TreeNode, usize)>,
}

impl<'t> Walk<'t> {
    pub(super) fn new(tree: &'t Tree) -> Self {
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

    /// The leaf of a row of bins, counted from 0.
    pub(super) fn leaf(&self, bins: &[u8]) -> usize {
        let mut position = 0;
        while let Some((node, target)) = self.nodes.get(position) {
            let Some(feature) = node.feature() else { return *target };
            let bin = bins.get(usize::from(feature)).copied().unwrap_or_default();
            position = target + usize::from(node.goes_right(bin));
        }
        0
    }
}

/// The bins of some rows, row by row: a tree asks for a few features of one row, in no order.
pub(super) fn rows_of_bins(data: &Dataset, rows: impl Iterator<Item = usize> + Clone) -> Vec<u8> {
    let width = data.columns().len();
    let mut bins = vec![0; rows.clone().count() * width];
    for (feature, column) in data.columns().iter().enumerate() {
        let slots = bins.iter_mut().skip(feature).step_by(width.max(1));
        for (slot, row) in slots.zip(rows.clone()) {
            *slot = column.get(row).copied().unwrap_or_default();
        }
    }
    bins
}

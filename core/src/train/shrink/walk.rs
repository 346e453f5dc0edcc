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

    /// The leaf of a row, counted from 0.
    pub(super) fn leaf(&self, data: &Dataset, row: usize) -> usize {
        let mut position = 0;
        while let Some((node, target)) = self.nodes.get(position) {
            let Some(feature) = node.feature() else { return *target };
            let column = data.columns().get(usize::from(feature));
            let bin = column.and_then(|column| column.get(row)).copied().unwrap_or_default();
            position = target + usize::from(node.goes_right(bin));
        }
        0
    }
}

//! One row walks down many trees, some of them side by side: while one waits for memory, the others go on.

use super::nodes::Node;
use super::trees::{Placed, Trees};

/// So many trees side by side.
const TREES: usize = 8;

impl<N: Node> Trees<N> {
    /// Calls `leaf` with each tree and what the leaf that the row falls into holds.
    #[inline(always)]
    pub(super) fn walk(&self, row: N::Row<'_>, mut leaf: impl FnMut(&Placed, u32)) {
        let (groups, rest) = self.placed.as_chunks::<TREES>();
        for group in groups {
            let depth = group.iter().map(|tree| tree.depth).max().unwrap_or_default();
            let mut positions = group.each_ref().map(|tree| tree.root);
            for _ in 0..depth {
                for position in &mut positions {
                    *position = self.step(*position, row);
                }
            }
            for (tree, position) in group.iter().zip(positions) {
                leaf(tree, self.leaf(position));
            }
        }
        for tree in rest {
            leaf(tree, self.leaf_of(tree, row));
        }
    }

    /// What the leaf holds that the row falls into in one tree.
    pub(super) fn leaf_of(&self, tree: &Placed, row: N::Row<'_>) -> u32 {
        self.leaf((0..tree.depth).fold(tree.root, |position, _| self.step(position, row)))
    }

    /// From a node to the child that the row goes to; from a leaf to itself.
    #[inline(always)]
    pub(super) fn step(&self, position: u32, row: N::Row<'_>) -> u32 {
        match self.nodes.get(position as usize) {
            Some(node) => position + node.offset() + node.goes_right(row),
            None => position,
        }
    }

    /// What a leaf holds.
    #[inline(always)]
    pub(super) fn leaf(&self, position: u32) -> u32 {
        self.holds.get(position as usize).map_or(0, |value| (*value).into())
    }
}

//! One row walks down many trees, some of them side by side: while one waits for memory, the others go on.

use super::columns::Column;
use super::nodes::Node;
use super::trees::{Placed, Trees};

/// So many trees side by side.
const TREES: usize = 8;

/// Every answer that a row's splits can ask for. There are far fewer than splits: one for each column and
/// threshold.
#[derive(Debug, Clone, Default)]
pub(super) struct Decisions(Vec<i8>);

/// As many as the 16 bits can tell apart that a [`u32`] node has for its column and its threshold.
const DECISIONS: usize = 1 << 16;

/// All thresholds, as they are compared: sixteen at once, for which processors have an instruction if they
/// are signed.
#[expect(clippy::indexing_slicing, reason = "done by the compiler")]
const THRESHOLDS: [i8; 256] = {
    let mut thresholds = [0; 256];
    let mut threshold = 0;
    while threshold < 256 {
        thresholds[threshold] = (threshold as u8 ^ 128) as i8;
        threshold += 1;
    }
    thresholds
};

impl Decisions {
    /// Whether they are worth their making: sixteen comparisons an instruction are, one is not.
    pub(super) const ARE_CHEAP: bool = cfg!(any(not(target_arch = "wasm32"), target_feature = "simd128"));

    /// Answers for the row with these bins: 1 where it goes right, else 0.
    #[expect(
        clippy::indexing_slicing,
        reason = "16 bits never lead out of as many answers, which the compiler sees"
    )]
    pub(super) fn of(&mut self, columns: &[Column], bins: &[u8]) -> impl Fn(u32) -> u32 + Copy {
        if self.0.is_empty() {
            self.0 = vec![0; DECISIONS];
        }
        for (column, answers) in columns.iter().zip(self.0.as_chunks_mut::<256>().0) {
            let byte = (column.byte_of(bins) ^ 128) as i8;
            for (answer, threshold) in answers.iter_mut().zip(&THRESHOLDS) {
                *answer = i8::from(byte > *threshold);
            }
        }
        let answers: Option<&[i8; DECISIONS]> = self.0.first_chunk();
        move |node| answers.map_or(0, |answers| answers[(node & 0xffff) as usize] as u32)
    }
}

impl<N: Node> Trees<N> {
    /// Calls `leaf` with each tree and what the leaf holds into which a row falls, of which `right` says 1
    /// where it goes right and else 0.
    #[inline(always)]
    pub(super) fn walk(&self, right: impl Fn(N) -> u32 + Copy, mut leaf: impl FnMut(&Placed, u32)) {
        let (groups, rest) = self.placed.as_chunks::<TREES>();
        for group in groups {
            let depth = group.iter().map(|tree| tree.depth).max().unwrap_or_default();
            let mut positions = group.each_ref().map(|tree| tree.root);
            for _ in 0..depth {
                for position in &mut positions {
                    *position = self.step(*position, right);
                }
            }
            for (tree, position) in group.iter().zip(positions) {
                leaf(tree, self.leaf(position));
            }
        }
        for tree in rest {
            let end = (0..tree.depth).fold(tree.root, |position, _| self.step(position, right));
            leaf(tree, self.leaf(end));
        }
    }

    /// From a node to the child that the row goes to; from a leaf to itself.
    #[inline(always)]
    pub(super) fn step(&self, position: u32, right: impl Fn(N) -> u32) -> u32 {
        match self.nodes.get(position as usize) {
            Some(node) => position + node.offset() + right(*node),
            None => position,
        }
    }

    /// What a leaf holds.
    #[inline(always)]
    pub(super) fn leaf(&self, position: u32) -> u32 {
        let place = position as usize;
        self.holds.get(place).map_or(0, |holds| N::held(*holds, self.nodes.get(place).copied()))
    }
}

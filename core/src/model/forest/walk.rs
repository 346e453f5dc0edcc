//! One row walks down several trees side by side: while one waits for memory, the others proceed.

use super::columns::Column;
use super::nodes::Node;
use super::trees::{Placed, Trees};

/// The number of trees walked side by side.
const TREES: usize = 8;

/// The answers to every question that the splits can ask about a row. There are far fewer questions than
/// splits: one for each column and threshold.
#[derive(Debug, Clone, Default)]
pub(super) struct Decisions(Vec<i8>);

/// The number of columns and thresholds that the 16 bits of a [`u32`] node can distinguish.
const DECISIONS: usize = 1 << 16;

/// All thresholds, in the form in which they are compared: sixteen at once, which processors can do for
/// signed bytes.
#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
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
    /// Whether precomputing them pays: with sixteen comparisons per instruction, but not with one.
    pub(super) const ARE_CHEAP: bool = cfg!(any(not(target_arch = "wasm32"), target_feature = "simd128"));

    /// Answers for a row of bins: 1 if it goes right, else 0.
    #[expect(
        clippy::indexing_slicing,
        reason = "16 bits always index within 2^16 answers, as the compiler proves"
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
    /// Calls `leaf` with each tree and the content of the leaf that a row reaches. `right` returns 1 if the
    /// row goes right at a node, else 0.
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

    /// The child that the row goes to; a leaf leads to itself.
    #[inline(always)]
    pub(super) fn step(&self, position: u32, right: impl Fn(N) -> u32) -> u32 {
        match self.nodes.get(position as usize) {
            Some(node) => position + node.offset() + right(*node),
            None => position,
        }
    }

    /// The content of a leaf.
    #[inline(always)]
    pub(super) fn leaf(&self, position: u32) -> u32 {
        let place = position as usize;
        self.holds.get(place).map_or(0, |holds| N::held(*holds, self.nodes.get(place).copied()))
    }
}

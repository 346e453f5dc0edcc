//! The crown of a tree, its first splits, for many rows at once.
//!
//! A single row follows one path down a tree; a block of rows can evaluate all splits instead. Every split of
//! the crown is evaluated for all rows, 16 or 32 to an instruction, and from the lowest split up to the root
//! each takes over the answer of the child that a row goes to. For up to 31 splits that is cheaper than
//! walking. The idea of evaluating all splits is that of QuickScorer (Lucchese et al., SIGIR 2015); this
//! variant has no masks and needs only bytes.

use std::sync::OnceLock;

use super::nodes::Node;
use super::trees::{Placed, Trees};

/// The number of rows evaluated together.
pub(super) const ROWS: usize = LANES * VECTORS;
const LANES: usize = 32;
const VECTORS: usize = 4;
/// The most splits of a crown.
const SPLITS: usize = 31;
const EXITS: usize = SPLITS + 1;

/// One byte for each of the rows; aligned to cache lines, so that no vector straddles two.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bytes([[u8; LANES]; VECTORS]);

impl Bytes {
    pub(super) const fn all(byte: u8) -> Self {
        Self([[byte; LANES]; VECTORS])
    }

    #[inline(always)]
    pub(super) fn as_slice(&self) -> &[u8] {
        self.0.as_flattened()
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.0.as_flattened_mut()
    }
}

/// The crowns of all trees. They are found when a batch of rows is first scored, since finding them takes as
/// long as scoring a few rows. They follow from the trees, so they do not take part in comparisons of
/// forests.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowns(OnceLock<Vec<Crown>>);

impl PartialEq for Crowns {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A tree's first splits, breadth-first, and the nodes below them (the exits).
#[derive(Debug, Clone)]
pub(super) struct Crown {
    /// One more than the most splits, so that an index can be masked.
    splits: [Split; EXITS],
    split_count: usize,
    exits: [u32; EXITS],
    /// What the exits' leaves hold, if all exits are leaves; there are then so few that 16 bits suffice.
    leaves: [u16; EXITS],
    /// The number of steps on the longest path from an exit to a leaf.
    pub(super) rest: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Split {
    column: u16,
    threshold: u8,
    /// The positions of the children's answers: exits by their number, splits after all exits.
    children: [u8; 2],
}

/// The answers of exits (their own numbers) and of splits.
pub(super) struct Answers([Bytes; EXITS * 2]);

impl Default for Answers {
    fn default() -> Self {
        Self(core::array::from_fn(|exit| Bytes::all(exit as u8)))
    }
}

/// A node to be placed in the crown.
#[derive(Clone, Copy, Default)]
struct Waiting {
    position: u32,
    level: u32,
    /// The split above it, and on which side of that it is.
    parent: usize,
    side: usize,
}

impl<N: Node> Trees<N> {
    /// The trees, each with its crown.
    pub(super) fn with_crowns(&self) -> impl Iterator<Item = (&Placed, &Crown)> {
        let find = || self.placed.iter().map(|tree| Crown::new(self, tree)).collect();
        self.placed.iter().zip(self.crowns.0.get_or_init(find))
    }
}

impl Crown {
    fn new<N: Node>(trees: &Trees<N>, tree: &Placed) -> Self {
        let mut crown = Self {
            splits: [Split::default(); EXITS],
            split_count: 0,
            exits: [tree.root; EXITS],
            leaves: [0; EXITS],
            rest: 0,
        };
        // Each of up to 31 splits and 32 exits waits once.
        let mut waiting = [Waiting::default(); SPLITS + EXITS];
        if let Some(root) = waiting.first_mut() {
            root.position = tree.root;
        }
        let (mut next, mut end, mut exit_count) = (0, 1, 0);
        while let Some(now) = waiting.get(next).filter(|_| next < end).copied() {
            next += 1;
            let Some(node) = trees.nodes.get(now.position as usize).copied() else { break };
            let number = match crown.splits.get_mut(crown.split_count) {
                Some(split) if node.offset() > 0 && crown.split_count < SPLITS => {
                    *split = Split { column: node.column() as u16, threshold: node.threshold(), ..*split };
                    for (side, child) in waiting.iter_mut().skip(end).take(2).enumerate() {
                        *child = Waiting {
                            position: now.position + node.offset() + side as u32,
                            level: now.level + 1,
                            parent: crown.split_count,
                            side,
                        };
                    }
                    end += 2;
                    crown.split_count += 1;
                    EXITS + crown.split_count - 1
                }
                _ => {
                    let places = (crown.exits.get_mut(exit_count), crown.leaves.get_mut(exit_count));
                    if let (Some(exit), Some(leaf)) = places {
                        *exit = now.position;
                        *leaf = trees.leaf(now.position) as u16;
                    }
                    if node.offset() > 0 {
                        crown.rest = crown.rest.max(tree.depth.saturating_sub(now.level));
                    }
                    exit_count += 1;
                    exit_count - 1
                }
            };
            let child = crown.splits.get_mut(now.parent).and_then(|split| split.children.get_mut(now.side));
            if let (Some(child), true) = (child, next > 1) {
                *child = number as u8;
            }
        }
        crown
    }

    /// The exit that each row takes.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked and constant bounds, as the compiler proves")]
    pub(super) fn exits<'a>(&self, columns: &[Bytes], answers: &'a mut Answers) -> &'a [u8] {
        const MASK: usize = EXITS * 2 - 1;
        let answers = &mut answers.0;
        for number in (0..self.split_count).rev() {
            let split = self.splits[number & SPLITS];
            let Some(bytes) = columns.get(usize::from(split.column)) else { continue };
            let [left, right] = split.children.map(|child| usize::from(child) & MASK);
            // Long enough that the work per split hardly matters.
            for vector in 0..VECTORS {
                let (left, right) = (&answers[left].0[vector], &answers[right].0[vector]);
                answers[(EXITS + number) & MASK].0[vector] =
                    choose(&bytes.0[vector], split.threshold, left, right);
            }
        }
        answers[if self.split_count > 0 { EXITS } else { 0 }].as_slice()
    }

    /// The node at an exit.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked")]
    pub(super) fn node(&self, exit: u8) -> u32 {
        self.exits[usize::from(exit) & (EXITS - 1)]
    }

    /// What the leaf at an exit holds, if all exits are leaves.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "masked")]
    pub(super) fn leaf(&self, exit: u8) -> u16 {
        self.leaves[usize::from(exit) & (EXITS - 1)]
    }
}

/// Each row's answer: the left child's, or the right child's if the byte is above the threshold. Branchless
/// and of fixed length, which compilers reliably turn into vector instructions.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "constant bounds")]
fn choose(bytes: &[u8; LANES], threshold: u8, left: &[u8; LANES], right: &[u8; LANES]) -> [u8; LANES] {
    let mut chosen = *left;
    for row in 0..LANES {
        let above = u8::from(bytes[row] > threshold).wrapping_neg();
        chosen[row] ^= (left[row] ^ right[row]) & above;
    }
    chosen
}

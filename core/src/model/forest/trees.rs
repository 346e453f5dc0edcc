//! The trees as laid out in memory, built from the order in which they are stored.

use super::MAX_DEPTH;
use super::crown::Crowns;
use super::nodes::Node;
use crate::decode::memory::TooMuch;

/// Trees, laid out for walking.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trees<N: Node> {
    /// By depth, so that trees walked side by side take equally many steps.
    pub(super) placed: Vec<Placed>,
    /// Tree after tree, each breadth-first.
    pub(super) nodes: Vec<N>,
    /// What each node holds, if that is not in the node itself. A leaf of a distribution holds its number in
    /// its tree, any other leaf the code of its value.
    pub(super) holds: Vec<N::Holds>,
    pub(super) crowns: Crowns,
}

/// The place of a tree. Not `Copy`: sorting `Copy` types pulls in an algorithm of 20 kB in the wasm module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    /// Its number in the forest.
    pub(super) number: u16,
    /// The class whose score its leaves add to, if they hold one number.
    pub(super) class: u16,
    pub(super) root: u32,
    /// The number of steps on the longest path from the root to a leaf.
    pub(super) depth: u32,
    /// The number of leaves of the trees before it.
    pub(super) first_leaf: u32,
}

/// A node as stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum StoredNode {
    Split { column: usize, threshold: u8 },
    Leaf,
}

/// Why trees can't be laid out.
pub(super) enum Unfit {
    /// The nodes are too small for the trees; larger ones may do.
    TooSmall,
    Unsound(String),
}

impl From<&str> for Unfit {
    fn from(reason: &str) -> Self {
        Unfit::Unsound(reason.into())
    }
}

impl From<TooMuch> for Unfit {
    fn from(too_much: TooMuch) -> Self {
        Unfit::Unsound(too_much.into())
    }
}

impl<N: Node> Trees<N> {
    /// Lays out trees from their nodes, tree after tree and each breadth-first. `code_of` maps a leaf's
    /// number in the forest to its code; without it, leaves hold their number in their tree.
    pub(super) fn new(
        tree_count: usize,
        class_count: usize,
        node_count: usize,
        mut stored: impl Iterator<Item = Result<StoredNode, &'static str>>,
        code_of: Option<impl Fn(usize) -> u16>,
    ) -> Result<Self, Unfit> {
        let mut trees = Self {
            placed: Vec::with_capacity(tree_count),
            nodes: Vec::with_capacity(node_count),
            holds: Vec::with_capacity(node_count),
            crowns: Crowns::default(),
        };
        let mut leaf_count = 0;
        for number in 0..tree_count {
            let (root, first_leaf) = (trees.nodes.len(), leaf_count);
            let depth = trees.push(&mut stored, &mut leaf_count, code_of.as_ref())?;
            trees.placed.push(Placed {
                number: to_u16(number)?,
                class: to_u16(number % class_count.max(1))?,
                root: to_u32(root)?,
                depth,
                first_leaf: to_u32(first_leaf)?,
            });
        }
        to_u32(trees.nodes.len())?;
        if stored.next().is_some() {
            return Err("there are more nodes than the trees' splits lead to".into());
        }
        trees.placed.sort_unstable_by_key(|tree| (tree.depth, tree.number));
        Ok(trees)
    }

    /// Lays out a tree and returns its depth. A function of its own, since wasm engines switch to optimised
    /// code only between calls.
    #[inline(never)]
    fn push(
        &mut self,
        stored: &mut impl Iterator<Item = Result<StoredNode, &'static str>>,
        leaf_count: &mut usize,
        code_of: Option<&impl Fn(usize) -> u16>,
    ) -> Result<u32, Unfit> {
        let first_leaf = *leaf_count;
        let mut end = self.nodes.len() + 1;
        let (mut level_end, mut depth) = (end, 0);
        while self.nodes.len() < end {
            let position = self.nodes.len();
            if position == level_end {
                (level_end, depth) = (end, depth + 1);
                if depth > MAX_DEPTH {
                    return Err("a tree is deeper than any that is trained".into());
                }
            }
            let (node, held) = match stored.next().ok_or("a tree ends early")?? {
                StoredNode::Split { column, threshold } => {
                    let offset = end - position;
                    end += 2;
                    (N::new(column, threshold, offset), 0)
                }
                StoredNode::Leaf => {
                    let held = match code_of {
                        Some(code_of) => u32::from(code_of(*leaf_count)),
                        None => to_u32(*leaf_count - first_leaf)?,
                    };
                    *leaf_count += 1;
                    (N::leaf(held), held)
                }
            };
            self.nodes.push(node.ok_or(Unfit::TooSmall)?);
            self.holds.push(N::Holds::try_from(held).map_err(|_| Unfit::TooSmall)?);
        }
        Ok(depth)
    }

    /// The nodes as stored, with what each holds, tree after tree.
    pub(super) fn stored(&self) -> impl Iterator<Item = (StoredNode, u32)> {
        self.nodes.iter().zip(&self.holds).map(|(node, holds)| match node.offset() {
            0 => (StoredNode::Leaf, N::held(*holds, Some(*node))),
            _ => (StoredNode::Split { column: node.column(), threshold: node.threshold() }, 0),
        })
    }
}

fn to_u32(value: usize) -> Result<u32, Unfit> {
    u32::try_from(value).map_err(|_| "the forest is too large".into())
}

fn to_u16(value: usize) -> Result<u16, Unfit> {
    u16::try_from(value).map_err(|_| "there are too many trees".into())
}

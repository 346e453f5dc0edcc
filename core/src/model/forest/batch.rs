//! Many rows walk down one tree, side by side, before any goes to the next tree: its nodes stay in the cache.

use super::columns::Column;
use super::crown::{Answers, Bytes, Crown, ROWS};
use super::leaves::{Codes, LANES, add};
use super::nodes::Node;
use super::trees::Trees;
use super::{Forest, Layout, Link, Scratch};

/// Rows that are scored together: as many as keep what belongs to them in the second level of the cache.
pub(crate) const BLOCK: usize = 1024;

/// So many rows walk side by side below the crown.
const SIDE_BY_SIDE: usize = 16;

/// Bytes of one row, as many as a [`u32`] node can ask for and more, so that rows which stand one after the other don't compete
/// for the same lines of the cache.
type Row = [u8; 320];

/// Memory for many rows, which can be used again.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The bytes of each column, in groups of rows: all columns of the first group, then of the second, …
    columns: Vec<Bytes>,
    /// The bytes of each row.
    rows: Vec<Row>,
    /// With distributions, the sums of each row's classes. Else for each group of rows and each class, the sum of each row.
    sums: Vec<u32>,
    /// One row's bins.
    bins: Vec<u8>,
}

impl Forest {
    /// Probabilities for many rows, to the same bits as one after the other. The bins stand feature by feature, `count` of each;
    /// the probabilities are written row by row.
    pub fn predict_block(&self, bins: &[u8], count: usize, scratch: &mut Scratch, probabilities: &mut [f32]) {
        match &self.layout {
            Layout::Compact(trees) if count >= ROWS / 2 => {
                let block = &mut scratch.block;
                block.fill(&self.columns, bins, count);
                // All that this calls for each row is inlined, or it would not have the instructions.
                widest(
                    #[inline(always)]
                    || match (&self.link, &self.leaves.codes) {
                        (Link::Softmax(_), _) => self.add_numbers(trees, block, probabilities),
                        (Link::Mean, Codes::Bytes(codes)) => {
                            self.add_distributions(trees, codes, block, probabilities);
                        }
                        (Link::Mean, Codes::Words(codes)) => {
                            self.add_distributions(trees, codes, block, probabilities);
                        }
                    },
                );
            }
            _ => {
                let mut row = core::mem::take(&mut scratch.block.bins);
                for (number, probabilities) in probabilities.chunks_exact_mut(self.class_count).enumerate() {
                    row.clear();
                    row.extend(bins.iter().skip(number).step_by(count.max(1)));
                    self.predict(&row, scratch, probabilities);
                }
                scratch.block.bins = row;
            }
        }
    }

    #[inline(always)]
    fn add_distributions<C: Copy + Into<u32>>(
        &self,
        trees: &Trees<u32>,
        codes: &[C],
        block: &mut Block,
        probabilities: &mut [f32],
    ) {
        let groups_of_classes = self.class_count.div_ceil(LANES);
        block.sums.clear();
        block.sums.resize(block.rows.len() * groups_of_classes * LANES, 0);
        let (sums, _) = block.sums.as_chunks_mut::<LANES>();
        let mut answers = Answers::default();
        for tree in &trees.placed {
            let crown = Crown::new(trees, tree);
            let groups = block.columns.chunks_exact(self.columns.len().max(1));
            let groups = groups.zip(block.rows.as_chunks::<ROWS>().0);
            for ((columns, rows), sums) in groups.zip(sums.chunks_exact_mut(ROWS * groups_of_classes)) {
                let leaves = trees.leaves_below(&crown, columns, rows, &mut answers);
                for (leaf, sums) in leaves.iter().zip(sums.chunks_exact_mut(groups_of_classes)) {
                    let leaf = tree.first_leaf as usize + usize::from(*leaf);
                    add(codes, leaf * self.class_count, sums);
                }
            }
        }
        let rows = sums.chunks_exact(groups_of_classes);
        for (sums, probabilities) in rows.zip(probabilities.chunks_exact_mut(self.class_count)) {
            self.finish(|class| sums.as_flattened().get(class).copied().unwrap_or_default(), probabilities);
        }
    }

    #[inline(always)]
    fn add_numbers(&self, trees: &Trees<u32>, block: &mut Block, probabilities: &mut [f32]) {
        block.sums.clear();
        block.sums.resize(block.rows.len() * self.class_count, 0);
        let (sums, _) = block.sums.as_chunks_mut::<ROWS>();
        let mut answers = Answers::default();
        for tree in &trees.placed {
            let crown = Crown::new(trees, tree);
            let groups = block.columns.chunks_exact(self.columns.len().max(1));
            let groups = groups.zip(block.rows.as_chunks::<ROWS>().0);
            for ((columns, rows), sums) in groups.zip(sums.chunks_exact_mut(self.class_count)) {
                let codes = trees.leaves_below(&crown, columns, rows, &mut answers);
                let Some(sums) = sums.get_mut(tree.class as usize) else { continue };
                sums.iter_mut().zip(codes).for_each(|(sum, code)| *sum = sum.wrapping_add(code.into()));
            }
        }
        for (row, probabilities) in probabilities.chunks_exact_mut(self.class_count).enumerate() {
            let group = sums.get(row / ROWS * self.class_count..).unwrap_or_default();
            let sum = |class: usize| group.get(class).and_then(|sums| sums.get(row % ROWS)).copied();
            self.finish(|class| sum(class).unwrap_or_default(), probabilities);
        }
    }
}

impl Trees<u32> {
    /// What the leaves hold that a group of rows falls into.
    #[inline(always)]
    fn leaves_below(
        &self,
        crown: &Crown,
        columns: &[Bytes],
        rows: &[Row; ROWS],
        answers: &mut Answers,
    ) -> [u16; ROWS] {
        let exits = crown.exits(columns, answers);
        let mut leaves = [0; ROWS];
        if crown.rest == 0 {
            for (leaf, exit) in leaves.iter_mut().zip(exits) {
                *leaf = crown.leaf(*exit);
            }
            return leaves;
        }
        let (rows, _) = rows.as_chunks::<SIDE_BY_SIDE>();
        let (exits, _) = exits.as_chunks::<SIDE_BY_SIDE>();
        let (leaves_of, _) = leaves.as_chunks_mut::<SIDE_BY_SIDE>();
        for ((rows, exits), leaves) in rows.iter().zip(exits).zip(leaves_of) {
            let mut positions = exits.map(|exit| crown.node(exit));
            for _ in 0..crown.rest {
                for (position, row) in positions.iter_mut().zip(rows) {
                    *position = self.step(*position, |node| goes_right(node, row));
                }
            }
            *leaves = positions.map(|position| self.leaf(position) as u16);
        }
        leaves
    }
}

/// Does it with the widest vectors that this machine has. They hold integers, so every width gives the same bits.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn widest(work: impl FnOnce()) {
    pulp::Arch::new().dispatch(work);
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn widest(work: impl FnOnce()) {
    work();
}

/// 1 where the row goes right, else 0.
#[inline(always)]
#[expect(clippy::indexing_slicing, reason = "8 bits never lead out of a row, which the compiler sees")]
fn goes_right(node: u32, row: &Row) -> u32 {
    u32::from(row[node.column()] > node.threshold())
}

impl Block {
    fn fill(&mut self, columns: &[Column], bins: &[u8], count: usize) {
        let groups = count.div_ceil(ROWS);
        self.rows.resize(groups * ROWS, [0; size_of::<Row>()]);
        self.columns.clear();
        self.columns.resize(groups * columns.len(), Bytes::default());
        for (number, column) in columns.iter().enumerate() {
            let feature = usize::from(column.feature) * count;
            let bins = bins.get(feature..feature + count).unwrap_or_default();
            for (group, bins) in bins.chunks(ROWS).enumerate() {
                let Some(bytes) = self.columns.get_mut(group * columns.len() + number) else { continue };
                let bytes = bytes.as_flattened_mut();
                bytes.iter_mut().zip(bins).for_each(|(byte, bin)| *byte = column.byte(*bin));
                let rows = self.rows.iter_mut().skip(group * ROWS);
                for (row, byte) in rows.zip(bytes) {
                    if let Some(slot) = row.get_mut(number) {
                        *slot = *byte;
                    }
                }
            }
        }
    }
}

//! Many rows walk down one tree before any goes to the next, so that the tree's nodes stay in the cache.

use super::columns::Column;
use super::crown::{Answers, Bytes, Crown, ROWS};
use super::leaves::{Codes, LANES, add};
use super::nodes::Node;
use super::trees::Trees;
use super::{Forest, Layout, Link, Scratch};
use crate::matrix::Matrix;

/// The number of rows scored together: their data fits into the second-level cache.
pub(crate) const BLOCK: usize = 1024;

/// With more columns than this, rows are scored one by one.
const MOST_COLUMNS: usize = 1 << 12;

/// The number of rows that walk side by side below the crown.
const SIDE_BY_SIDE: usize = 16;

/// A node type that batches can walk.
pub(super) trait BatchNode: Node {
    /// What a node needs to know about a row.
    type Row;
    /// An integer large enough for what a leaf holds.
    type Leaf: Copy + Default + Into<u32>;

    /// The rows of a group.
    fn rows(block: &[Row], group: usize) -> Option<&[Self::Row; ROWS]>;

    /// 1 if a row goes right, else 0.
    fn goes_right(self, row: &Self::Row, columns: &[Bytes]) -> u32;

    /// The content of a leaf.
    fn leaf(holds: u32) -> Self::Leaf;
}

/// The bytes of one row: more than a [`u32`] node can address, so that consecutive rows don't compete for the
/// same cache lines.
type Row = [u8; 320];

impl BatchNode for u32 {
    type Row = Row;
    type Leaf = u16;

    #[inline(always)]
    fn leaf(holds: u32) -> u16 {
        holds as u16
    }

    #[inline(always)]
    fn rows(block: &[Row], group: usize) -> Option<&[Row; ROWS]> {
        block.as_chunks().0.get(group)
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "8 bits always index within a row, as the compiler proves")]
    fn goes_right(self, row: &Row, _columns: &[Bytes]) -> u32 {
        u32::from(row[self.column()] > self.threshold())
    }
}

impl BatchNode for u64 {
    /// The row's number in its group.
    type Row = u8;
    type Leaf = u32;

    #[inline(always)]
    fn leaf(holds: u32) -> u32 {
        holds
    }

    #[inline(always)]
    fn rows(_block: &[Row], _group: usize) -> Option<&[u8; ROWS]> {
        Some(&NUMBERS)
    }

    #[inline(always)]
    fn goes_right(self, row: &u8, columns: &[Bytes]) -> u32 {
        let column = columns.get(self.column()).map(Bytes::as_slice);
        let byte = column.and_then(|bytes| bytes.get(usize::from(*row)));
        u32::from(byte.is_some_and(|byte| *byte > self.threshold()))
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const NUMBERS: [u8; ROWS] = {
    let mut numbers = [0; ROWS];
    let mut number = 0;
    while number < ROWS {
        numbers[number] = number as u8;
        number += 1;
    }
    numbers
};

/// Reusable buffers for many rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    /// The number of groups of rows. Columns don't tell: trees without splits have none.
    groups: usize,
    /// The bytes of each column, group by group: all columns of the first group of rows, then of the second,
    /// …
    columns: Vec<Bytes>,
    /// The bytes of each row, for nodes that need them.
    rows: Vec<Row>,
    /// For distributions, the class sums of each row. Otherwise, for each group of rows and each class, the
    /// sum of each row.
    sums: Vec<u32>,
    /// One row's bins.
    bins: Vec<u8>,
}

impl Forest {
    /// Writes the probabilities for many rows, with the same bits as row by row. `bins` has one row per
    /// feature and one column per row; the probabilities are written row by row.
    pub fn predict_block(&self, bins: Matrix<'_, u8>, scratch: &mut Scratch, probabilities: &mut [f32]) {
        let is_worthwhile = bins.width() >= ROWS / 2 && self.columns.len() <= MOST_COLUMNS;
        match &self.layout {
            Layout::Compact(trees) if is_worthwhile => {
                scratch.block.fill_rows(&self.columns, bins);
                self.predict_groups(trees, bins, &mut scratch.block, probabilities);
            }
            Layout::Wide(trees) if is_worthwhile => {
                self.predict_groups(trees, bins, &mut scratch.block, probabilities);
            }
            _ => {
                let mut row = core::mem::take(&mut scratch.block.bins);
                let rows = bins.columns().zip(probabilities.chunks_exact_mut(self.class_count));
                for (bins, probabilities) in rows {
                    row.clear();
                    row.extend(bins);
                    self.predict(&row, scratch, probabilities);
                }
                scratch.block.bins = row;
            }
        }
    }

    fn predict_groups<N: BatchNode>(
        &self,
        trees: &Trees<N>,
        bins: Matrix<'_, u8>,
        block: &mut Block,
        probabilities: &mut [f32],
    ) {
        block.fill_columns(&self.columns, bins);
        // Everything called per row is inlined; otherwise it would not be compiled for these instructions.
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

    // Wasm engines compile several functions better than one very large one.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn add_distributions<N: BatchNode, C: Copy + Into<u32>>(
        &self,
        trees: &Trees<N>,
        codes: &[C],
        block: &mut Block,
        probabilities: &mut [f32],
    ) {
        let groups_of_classes = self.class_count.div_ceil(LANES);
        block.sums.clear();
        block.sums.resize(block.groups * ROWS * groups_of_classes * LANES, 0);
        let (sums, _) = block.sums.as_chunks_mut::<LANES>();
        let mut answers = Answers::default();
        for (tree, crown) in trees.with_crowns() {
            for (group, sums) in sums.chunks_exact_mut(ROWS * groups_of_classes).enumerate() {
                let columns = of_group(&block.columns, self.columns.len(), group);
                let leaves = trees.leaves_below(crown, columns, &block.rows, group, &mut answers);
                for (leaf, sums) in leaves.iter().zip(sums.chunks_exact_mut(groups_of_classes)) {
                    let leaf = (tree.first_leaf + (*leaf).into()) as usize;
                    add(codes, leaf * self.class_count, sums);
                }
            }
        }
        let rows = sums.chunks_exact(groups_of_classes);
        for (sums, probabilities) in rows.zip(probabilities.chunks_exact_mut(self.class_count)) {
            self.finish(sums.as_flattened().iter().copied(), probabilities);
        }
    }

    // Wasm engines compile several functions better than one very large one.
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder always indexes within a group, as the compiler proves"
    )]
    fn add_numbers<N: BatchNode>(&self, trees: &Trees<N>, block: &mut Block, probabilities: &mut [f32]) {
        block.sums.clear();
        block.sums.resize(block.groups * ROWS * self.class_count, 0);
        let (sums, _) = block.sums.as_chunks_mut::<ROWS>();
        let mut answers = Answers::default();
        for (tree, crown) in trees.with_crowns() {
            for (group, sums) in sums.chunks_exact_mut(self.class_count).enumerate() {
                let columns = of_group(&block.columns, self.columns.len(), group);
                let codes = trees.leaves_below(crown, columns, &block.rows, group, &mut answers);
                let Some(sums) = sums.get_mut(usize::from(tree.class)) else { continue };
                sums.iter_mut().zip(codes).for_each(|(sum, code)| *sum = sum.wrapping_add(code.into()));
            }
        }
        let groups = probabilities.chunks_mut(ROWS * self.class_count);
        for (sums, probabilities) in sums.chunks_exact(self.class_count).zip(groups) {
            for (row, probabilities) in probabilities.chunks_exact_mut(self.class_count).enumerate() {
                self.finish(sums.iter().map(|sums| sums[row % ROWS]), probabilities);
            }
        }
    }
}

impl<N: BatchNode> Trees<N> {
    /// The contents of the leaves that a group of rows reaches.
    #[inline(always)]
    fn leaves_below(
        &self,
        crown: &Crown,
        columns: &[Bytes],
        rows: &[Row],
        group: usize,
        answers: &mut Answers,
    ) -> [N::Leaf; ROWS] {
        let exits = crown.exits(columns, answers);
        let mut leaves = [N::Leaf::default(); ROWS];
        let rows = match N::rows(rows, group) {
            Some(rows) if crown.rest > 0 => rows,
            _ => {
                for (leaf, exit) in leaves.iter_mut().zip(exits) {
                    *leaf = <N as BatchNode>::leaf(crown.leaf(*exit).into());
                }
                return leaves;
            }
        };
        let (rows, _) = rows.as_chunks::<SIDE_BY_SIDE>();
        let (exits, _) = exits.as_chunks::<SIDE_BY_SIDE>();
        let (leaves_of, _) = leaves.as_chunks_mut::<SIDE_BY_SIDE>();
        for ((rows, exits), leaves) in rows.iter().zip(exits).zip(leaves_of) {
            let mut positions = exits.map(|exit| crown.node(exit));
            for _ in 0..crown.rest {
                for (position, row) in positions.iter_mut().zip(rows) {
                    *position = self.step(*position, |node| node.goes_right(row, columns));
                }
            }
            *leaves = positions.map(|position| <N as BatchNode>::leaf(self.leaf(position)));
        }
        leaves
    }
}

/// The columns of a group of rows.
#[inline(always)]
fn of_group(columns: &[Bytes], width: usize, group: usize) -> &[Bytes] {
    columns.get(group * width..(group + 1) * width).unwrap_or_default()
}

/// Runs `work` with the widest vectors of this machine. It computes on integers, so every width gives the
/// same bits.
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

impl Block {
    #[expect(
        clippy::indexing_slicing,
        reason = "8 bits always index within 256 bytes, as the compiler proves"
    )]
    fn fill_columns(&mut self, columns: &[Column], bins: Matrix<'_, u8>) {
        self.groups = bins.width().div_ceil(ROWS);
        self.columns.clear();
        self.columns.resize(self.groups * columns.len(), Bytes::all(0));
        for (number, column) in columns.iter().enumerate() {
            let byte_of: [u8; 256] = core::array::from_fn(|bin| column.byte(bin as u8));
            let bins = column.bins(bins).chunks(ROWS);
            let groups = self.columns.chunks_exact_mut(columns.len());
            for (bytes, bins) in groups.filter_map(|group| group.get_mut(number)).zip(bins) {
                for (byte, bin) in bytes.as_mut_slice().iter_mut().zip(bins) {
                    *byte = byte_of[usize::from(*bin)];
                }
            }
        }
    }

    fn fill_rows(&mut self, columns: &[Column], bins: Matrix<'_, u8>) {
        self.rows.resize(bins.width().next_multiple_of(ROWS), [0; size_of::<Row>()]);
        for (number, column) in columns.iter().enumerate() {
            for (row, bin) in self.rows.iter_mut().zip(column.bins(bins)) {
                if let Some(byte) = row.get_mut(number) {
                    *byte = column.byte(*bin);
                }
            }
        }
    }
}

impl Column {
    /// The bins of the column's feature, from bins with one row per feature.
    fn bins<'b>(&self, bins: Matrix<'b, u8>) -> &'b [u8] {
        debug_assert!(usize::from(self.feature) < bins.height(), "rows of other features");
        bins.row(usize::from(self.feature)).unwrap_or_default()
    }
}

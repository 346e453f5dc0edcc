//! The trees' nodes in memory: a split or a leaf in one integer.
//!
//! Both children of a split stand side by side, and the split says how far behind it the left one stands. A leaf stands 0
//! behind itself and sends nothing to the right, so that a walk which has arrived may go on walking: a tree takes as
//! many steps as it is deep, for every row, and no branch has to be guessed.

use super::columns::Column;

/// The rows' bytes that a [`u32`] node can ask for; more than 256, so that rows which stand one after the other don't compete
/// for the same lines of the cache.
pub(super) const ROW: usize = 320;

/// A split or a leaf.
pub(super) trait Node: Copy {
    /// What a node looks at.
    type Row<'r>: Copy;
    /// What a leaf can hold.
    type Holds: Copy + Into<u32> + TryFrom<u32>;

    /// A split or (with `offset` 0) a leaf; `None` where a number is too large.
    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self>;

    /// How many nodes behind this one the left child stands.
    fn offset(self) -> u32;

    fn column(self) -> usize;

    /// The greatest byte that goes left.
    fn threshold(self) -> u8;

    /// 1 where the row goes right, else 0.
    fn goes_right(self, row: Self::Row<'_>) -> u32;
}

/// 16 bits offset, 8 bits threshold, 8 bits column.
impl Node for u32 {
    type Row<'r> = &'r [u8; ROW];
    type Holds = u16;

    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self> {
        let (column, offset) = (u8::try_from(column).ok()?, u16::try_from(offset).ok()?);
        Some(Self::from(offset) << 16 | Self::from(threshold) << 8 | Self::from(column))
    }

    #[inline(always)]
    fn offset(self) -> u32 {
        self >> 16
    }

    #[inline(always)]
    fn column(self) -> usize {
        (self & 255) as usize
    }

    #[inline(always)]
    fn threshold(self) -> u8 {
        (self >> 8) as u8
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "8 bits never lead out of a row, which the compiler sees")]
    fn goes_right(self, row: &[u8; ROW]) -> u32 {
        u32::from(row[self.column()] > self.threshold())
    }
}

/// 32 bits offset, 24 bits column, 8 bits threshold: for more columns and larger trees than 32 bits can tell apart. The
/// bytes are made as they are asked for.
impl Node for u64 {
    type Row<'r> = (&'r [Column], &'r [u8]);
    type Holds = u32;

    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self> {
        let (column, offset) = (u32::try_from(column).ok()?, u32::try_from(offset).ok()?);
        let node = Self::from(offset) << 32 | Self::from(column) << 8 | Self::from(threshold);
        (column < 1 << 24).then_some(node)
    }

    fn offset(self) -> u32 {
        (self >> 32) as u32
    }

    fn column(self) -> usize {
        (self >> 8 & 0xff_ffff) as usize
    }

    fn threshold(self) -> u8 {
        self as u8
    }

    fn goes_right(self, (columns, bins): Self::Row<'_>) -> u32 {
        u32::from(columns.get(self.column()).is_some_and(|column| column.byte_of(bins) > self.threshold()))
    }
}

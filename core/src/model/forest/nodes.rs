//! The trees' nodes in memory: a split or a leaf in one integer.
//!
//! Both children of a split stand side by side, and the split says how far behind it the left one stands. A leaf stands 0
//! behind itself and sends nothing to the right, so that a walk which has arrived may go on walking: a tree takes as
//! many steps as it is deep, for every row, and no branch has to be guessed.

/// A split or a leaf.
pub(super) trait Node: Copy {
    /// What a leaf can hold.
    type Holds: Copy + Into<u32> + TryFrom<u32>;

    /// A split or (with `offset` 0) a leaf; `None` where a number is too large.
    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self>;

    /// How many nodes behind this one the left child stands.
    fn offset(self) -> u32;

    fn column(self) -> usize;

    /// The greatest byte that goes left.
    fn threshold(self) -> u8;
}

/// 16 bits offset, 8 bits column, 8 bits threshold.
impl Node for u32 {
    type Holds = u16;

    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self> {
        let (column, offset) = (u8::try_from(column).ok()?, u16::try_from(offset).ok()?);
        Some(Self::from(offset) << 16 | Self::from(column) << 8 | Self::from(threshold))
    }

    #[inline(always)]
    fn offset(self) -> u32 {
        self >> 16
    }

    #[inline(always)]
    fn column(self) -> usize {
        (self >> 8 & 255) as usize
    }

    #[inline(always)]
    fn threshold(self) -> u8 {
        self as u8
    }
}

/// 32 bits offset, 24 bits column, 8 bits threshold: for more columns and larger trees than 32 bits can tell apart.
impl Node for u64 {
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
}

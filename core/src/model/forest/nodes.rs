//! The nodes of trees in memory: a split or a leaf in one integer.
//!
//! The children of a split are adjacent, and the split holds the offset of the left one. A leaf has offset 0
//! and sends no row to the right, so a walk that has arrived can keep stepping: every row takes as many steps
//! as the tree is deep, without branches to predict.

/// A split or a leaf.
pub(super) trait Node: Copy {
    /// The value stored beside a leaf for its content.
    type Holds: Copy + TryFrom<u32>;

    /// A split or (with `offset` 0) a leaf; `None` if a number is too large.
    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self>;

    /// A leaf with this content; `None` if the content belongs in the node and is too large.
    fn leaf(holds: u32) -> Option<Self>;

    /// The content of a leaf, from the value stored beside it or from the node.
    fn held(holds: Self::Holds, node: Option<Self>) -> u32;

    /// The offset of the left child from this node.
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

    fn leaf(_holds: u32) -> Option<Self> {
        Self::new(0, u8::MAX, 0)
    }

    #[inline(always)]
    fn held(holds: u16, _node: Option<Self>) -> u32 {
        holds.into()
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

/// Nothing is stored beside a leaf: its content is in the node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct InTheNode;

impl From<u32> for InTheNode {
    fn from(_holds: u32) -> Self {
        Self
    }
}

/// 32 bits offset, 24 bits column (for a leaf, its content), 8 bits threshold: for more columns and larger
/// trees than 32 bits can address.
impl Node for u64 {
    type Holds = InTheNode;

    fn new(column: usize, threshold: u8, offset: usize) -> Option<Self> {
        let (column, offset) = (u32::try_from(column).ok()?, u32::try_from(offset).ok()?);
        let node = Self::from(offset) << 32 | Self::from(column) << 8 | Self::from(threshold);
        (column < 1 << 24).then_some(node)
    }

    fn leaf(holds: u32) -> Option<Self> {
        Self::new(holds as usize, u8::MAX, 0)
    }

    fn held(_holds: InTheNode, node: Option<Self>) -> u32 {
        node.map_or(0, |node| node.column() as u32)
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

//! Columns: what splits compare, one byte a row.
//!
//! Every kind of split is the same question in the end, whether a byte is greater than a threshold: a row's
//! bins are turned into these bytes once, and the walk down the trees knows nothing of missing values and
//! categories.

use super::BinSet;

/// How a row's byte comes from the bin of a feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) feature: u16,
    pub(super) kind: ColumnKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnKind {
    /// The bin; a missing value (bin 0) is the lowest.
    MissingLeft,
    /// The bin less 1, so that a missing value is the highest: 255.
    MissingRight,
    /// 0 where the bin is in the set, else 1.
    Set(BinSet),
}

impl Column {
    /// The byte of a row with this bin.
    pub(super) fn byte(&self, bin: u8) -> u8 {
        match &self.kind {
            ColumnKind::MissingLeft => bin,
            ColumnKind::MissingRight => bin.wrapping_sub(1),
            ColumnKind::Set(set) => u8::from(!set.contains(bin)),
        }
    }

    /// The byte of a row whose bins are these.
    pub(super) fn byte_of(&self, bins: &[u8]) -> u8 {
        self.byte(bins.get(usize::from(self.feature)).copied().unwrap_or_default())
    }
}

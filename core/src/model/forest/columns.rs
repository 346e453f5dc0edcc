//! Columns: the values that splits compare, one byte per row.
//!
//! Every kind of split comes down to whether a byte is greater than a threshold. A row's bins are converted
//! to these bytes once, and walking the trees involves neither missing values nor categories.

use super::BinSet;
use crate::model::bins::MISSING_BIN;

/// How a row's byte is computed from the bin of a feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) feature: u16,
    pub(super) kind: ColumnKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnKind {
    /// The bin; a missing value (bin 0) is the lowest.
    MissingLeft,
    /// The bin minus 1, wrapping, so that a missing value is the highest: 255.
    MissingRight,
    /// 0 if the bin is in the set, else 1.
    Set(BinSet),
}

impl Column {
    /// The byte for a bin.
    pub(super) fn byte(&self, bin: u8) -> u8 {
        match &self.kind {
            ColumnKind::MissingLeft => bin,
            ColumnKind::MissingRight => bin.wrapping_sub(1),
            ColumnKind::Set(set) => u8::from(!set.contains(bin)),
        }
    }

    /// The byte for a row of bins.
    pub(super) fn byte_of(&self, bins: &[u8]) -> u8 {
        debug_assert!(usize::from(self.feature) < bins.len(), "a row of other features");
        self.byte(bins.get(usize::from(self.feature)).copied().unwrap_or(MISSING_BIN))
    }
}

//! The bins, laid out for counting: eight features of a row side by side.

use rayon::prelude::*;

use crate::train::dataset::Dataset;

/// The number of features in a block.
pub(super) const WIDTH: usize = 8;

/// The bins of all rows, in blocks of eight features. One read fetches the bins of eight features, and while
/// one count waits for the previous one in the same bin, seven others proceed: three times as fast as feature
/// by feature.
pub(super) struct Blocks {
    /// For each block, the bins of each row; 0 for features past the last.
    pub(super) blocks: Vec<Vec<[u8; WIDTH]>>,
}

impl Blocks {
    pub(super) fn new(data: &Dataset) -> Self {
        let block = |columns: &[Vec<u8>]| {
            let mut rows = vec![[0; WIDTH]; data.row_count()];
            for (slot, column) in columns.iter().enumerate() {
                for (row, bin) in rows.iter_mut().zip(column) {
                    if let Some(place) = row.get_mut(slot) {
                        *place = *bin;
                    }
                }
            }
            rows
        };
        Self { blocks: data.columns().par_chunks(WIDTH).map(block).collect() }
    }
}

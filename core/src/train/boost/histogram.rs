//! Histograms: derivatives summed by feature and bin.

use rayon::prelude::*;

use super::blocks::{Blocks, WIDTH};
use super::gradients::Pair;

/// The number of rows from which the blocks of a histogram are counted in parallel.
const PARALLEL_ROWS: usize = 1 << 14;

/// The sums of one feature, by bin.
pub(super) type FeatureSums = [Pair; 256];

/// The sums of all features.
#[derive(Clone)]
pub(super) struct Histogram(Vec<[FeatureSums; WIDTH]>);

impl Histogram {
    pub(super) fn new(blocks: &Blocks) -> Self {
        Self(vec![[[Pair::default(); 256]; WIDTH]; blocks.blocks.len()])
    }

    /// Sums some rows. Blocks that are not wanted keep their old content.
    pub(super) fn fill(&mut self, blocks: &Blocks, wanted: &[bool], rows: &[u32], pairs: &[Pair]) {
        let count = |((sums, bins), wanted): ((&mut [FeatureSums; WIDTH], &Vec<[u8; WIDTH]>), &bool)| {
            if *wanted {
                sums.as_flattened_mut().fill(Pair::default());
                count(sums, bins, rows, pairs);
            }
        };
        if rows.len() < PARALLEL_ROWS {
            self.0.iter_mut().zip(&blocks.blocks).zip(wanted).for_each(count);
        } else {
            self.0.par_iter_mut().zip(&blocks.blocks).zip(wanted).for_each(count);
        }
    }

    /// Subtracts the sums of some of the rows, which leaves those of the others.
    pub(super) fn subtract(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            for (own, other) in own.as_flattened_mut().iter_mut().zip(other.as_flattened()) {
                *own = own.less(*other);
            }
        }
    }

    pub(super) fn feature(&self, feature: usize) -> Option<&FeatureSums> {
        self.0.get(feature / WIDTH)?.get(feature % WIDTH)
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a bin is a u8, rows are those of the data; this is the hot loop"
)]
fn count(sums: &mut [FeatureSums; WIDTH], bins: &[[u8; WIDTH]], rows: &[u32], pairs: &[Pair]) {
    for (row, pair) in rows.iter().zip(pairs) {
        let bins = &bins[*row as usize];
        for (sums, bin) in sums.iter_mut().zip(bins) {
            sums[usize::from(*bin)].add(*pair);
        }
    }
}

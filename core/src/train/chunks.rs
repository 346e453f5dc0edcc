//! Sums over rows, on all cores, with the same bits for any number of threads.

use std::ops::Range;

use rayon::prelude::*;

/// The number of rows in one piece of work. Fixed, because the order of a sum of floats is part of its
/// result.
const ROWS: usize = 4096;

/// Sums `width` numbers over `count` rows. `add` adds the numbers of some rows to the sums of a chunk; the
/// chunks are added in order.
pub(super) fn sum_rows(
    count: usize,
    width: usize,
    add: impl Fn(Range<usize>, &mut [f64]) + Sync,
) -> Vec<f64> {
    let chunks: Vec<Vec<f64>> = (0..count.div_ceil(ROWS))
        .into_par_iter()
        .map(|chunk| {
            let mut sums = vec![0.0; width];
            add(chunk * ROWS..count.min((chunk + 1) * ROWS), &mut sums);
            sums
        })
        .collect();
    let mut totals = vec![0.0; width];
    for sums in chunks {
        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    totals
}

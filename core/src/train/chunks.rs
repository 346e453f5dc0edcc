//! Sums over rows, on all cores, with the same bits for any number of threads.

use std::ops::Range;

use rayon::prelude::*;

/// The number of rows in one piece of work. Fixed, because the order of a sum of floats is part of its
/// result.
const ROWS: usize = 4096;

/// Numbers that can be summed over rows.
pub(super) trait Sums: Clone + Send + Sync {
    /// Adds the sums of the same numbers over other rows.
    fn add(&mut self, others: &Self);
}

impl<const N: usize> Sums for [f64; N] {
    fn add(&mut self, others: &Self) {
        self.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
    }
}

/// Invariant: both have the same length.
impl Sums for Vec<f64> {
    fn add(&mut self, others: &Self) {
        self.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
    }
}

/// A loss and its gradient.
impl Sums for (f64, Vec<f64>) {
    fn add(&mut self, others: &Self) {
        self.0 += others.0;
        self.1.add(&others.1);
    }
}

/// Sums numbers over `count` rows, starting from `zero`. `add` adds the numbers of some rows to the sums of a
/// chunk; the chunks are added in order.
pub(super) fn sum_rows<S: Sums>(count: usize, zero: S, add: impl Fn(Range<usize>, &mut S) + Sync) -> S {
    let chunks: Vec<S> = (0..count.div_ceil(ROWS))
        .into_par_iter()
        .map(|chunk| {
            let mut sums = zero.clone();
            add(chunk * ROWS..count.min((chunk + 1) * ROWS), &mut sums);
            sums
        })
        .collect();
    let mut totals = zero;
    chunks.iter().for_each(|sums| totals.add(sums));
    totals
}

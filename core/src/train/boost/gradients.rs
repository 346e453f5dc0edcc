//! The scores so far: their probabilities, log-loss and its derivatives.

use rayon::prelude::*;

use super::grow::GrownTree;
use crate::model::softmax::softmax;
use crate::train::dataset::Dataset;

/// The number of rows in one piece of work.
const CHUNK: usize = 4096;

/// The scores of some rows so far, with what follows from them.
pub(super) struct Scores<'a> {
    data: &'a Dataset,
    /// One score per class, row by row.
    scores: Vec<f32>,
    /// Their softmax.
    pub(super) probabilities: Vec<f32>,
    /// The weighted mean of −ln(probability of what happened).
    pub(super) log_loss: f64,
}

impl<'a> Scores<'a> {
    pub(super) fn new(data: &'a Dataset, base: &[f32]) -> Self {
        let scores = base.repeat(data.row_count());
        let mut scores = Self { data, probabilities: scores.clone(), scores, log_loss: 0.0 };
        scores.update(&[]);
        scores
    }

    /// Adds the leaf values of a round's trees, one tree per class. `leaves` holds the leaf of each row in
    /// each tree.
    pub(super) fn add(&mut self, trees: &[GrownTree], leaves: &[Vec<u16>]) {
        let values = trees.iter().map(|tree| tree.values.as_slice());
        self.update(&values.zip(leaves.iter().map(Vec::as_slice)).collect::<Vec<_>>());
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "one tree per class, leaves of these trees, rows and labels of the data"
    )]
    fn update(&mut self, trees: &[(&[f32], &[u16])]) {
        let width = self.data.class_count();
        let chunks =
            self.scores.par_chunks_mut(CHUNK * width).zip(self.probabilities.par_chunks_mut(CHUNK * width));
        let sums: Vec<(f64, f64)> = chunks
            .enumerate()
            .map(|(chunk, (scores, probabilities))| {
                let first = chunk * CHUNK;
                for (class, (values, leaves)) in trees.iter().enumerate() {
                    for (row, leaf) in scores.chunks_exact_mut(width).zip(leaves.iter().skip(first)) {
                        row[class] += values[usize::from(*leaf)];
                    }
                }
                probabilities.copy_from_slice(scores);
                let (mut loss, mut weights) = (0.0, 0.0);
                for (row, probabilities) in (first..).zip(probabilities.chunks_exact_mut(width)) {
                    softmax(probabilities);
                    let own = probabilities[usize::from(self.data.labels()[row])];
                    let weight = f64::from(self.data.weight(row));
                    // A probability of 0 in single precision would make the sum infinite.
                    loss -= weight * f64::from(libm::logf(own.max(f32::MIN_POSITIVE)));
                    weights += weight;
                }
                (loss, weights)
            })
            .collect();
        // Summed in the order of the rows, whatever the threads.
        let (loss, weights) = sums.iter().fold((0.0, 0.0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        self.log_loss = loss / weights;
    }
}

/// The derivatives of the log-loss with respect to one class's score, for the rows of a round, as integers:
/// their sums are exact, so their order does not matter. Each is rounded up or down at random, so that sums
/// of many are unbiased (Shi et al., 2022, "Quantized training of gradient boosting decision trees").
pub(super) struct Gradients {
    /// The rows, ascending until the tree partitions them.
    pub(super) rows: Vec<u32>,
    /// Both derivatives of each of these rows.
    pub(super) pairs: Vec<Pair>,
    /// The integer that represents 1.
    pub(super) scale: f64,
}

/// A first derivative (upper half, signed) and a second derivative (lower half), added in one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pair(pub(super) u64);

impl Pair {
    fn new(first: i32, second: u32) -> Self {
        Self((i64::from(first) as u64) << 32 | u64::from(second))
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }

    pub(super) fn less(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }

    /// The sum of first derivatives.
    pub(super) fn first(self) -> f64 {
        f64::from((self.0 >> 32) as i32)
    }

    /// The sum of second derivatives.
    pub(super) fn second(self) -> f64 {
        f64::from(self.0 as u32)
    }
}

impl Gradients {
    /// The derivatives with respect to a class's score, for the given rows or all.
    #[expect(clippy::indexing_slicing, reason = "rows of the data that the scores belong to")]
    pub(super) fn new(scores: &Scores<'_>, class: usize, rows: Option<&[u32]>, seed: u64) -> Self {
        let data = scores.data;
        let rows: Vec<u32> = rows.map_or_else(|| (0..data.row_count() as u32).collect(), <[u32]>::to_vec);
        let total: f64 = match data.weights() {
            None => rows.len() as f64,
            Some(_) => rows.iter().map(|row| f64::from(data.weight(*row as usize))).sum(),
        };
        // The sum of all first derivatives, each rounded away from 0, must fit into 31 bits.
        let scale = (f64::from(i32::MAX) - rows.len() as f64) / total;
        let width = data.class_count();
        let pair = |row: &u32| {
            let position = *row as usize;
            let probability = scores.probabilities[position * width + class];
            let happened = usize::from(data.labels()[position]) == class;
            let (first, second) = derivatives(f64::from(probability), happened, width);
            let weight = f64::from(data.weight(position)) * scale;
            let chance = mix(seed ^ (class as u64) << 32 ^ u64::from(*row));
            Pair::new(
                round(first * weight, chance as u32) as i32,
                round(second * weight, (chance >> 32) as u32) as u32,
            )
        };
        let pairs = rows.iter().map(pair).collect();
        Self { rows, pairs, scale }
    }
}

/// The first and second derivatives of −ln(softmax) with respect to the score of a class with this
/// probability. The second is the diagonal of the Hessian, enlarged to account for the other classes' scores
/// (Friedman, 2001: (K − 1) / K).
fn derivatives(probability: f64, happened: bool, class_count: usize) -> (f64, f64) {
    let classes = class_count.max(2) as f64;
    (
        probability - f64::from(u8::from(happened)),
        probability * (1.0 - probability) * classes / (classes - 1.0),
    )
}

/// Rounds a number of at most 32 bits down or up, so that the mean over all values of `chance` is the number.
fn round(value: f64, chance: u32) -> i64 {
    // Above 0, truncation rounds down and is faster than `floor`.
    const ABOVE: f64 = (1u64 << 33) as f64;
    (value + ABOVE + f64::from(chance) / (1u64 << 32) as f64) as i64 - ABOVE as i64
}

/// SplitMix64's mixing function (Steele et al., 2014): uniformly distributed numbers from consecutive ones.
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

//! The rows that a tree learns from.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::train::dataset::Dataset;

/// The limit of a sample's total weight in units; only a draw of heavy rows again and again exceeds it.
const TOTAL_UNITS: f64 = (1u32 << 30) as f64;

/// A sampled row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) row: u32,
    /// Its weight in units, times how often it was drawn.
    pub(super) weight: u32,
    pub(super) label: u8,
}

/// Rows with integer weights: their sums are exact in any order, and a row of weight 2 counts as two rows to
/// the last bit.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// The rows with a weight above 0, ascending until the tree partitions them.
    pub(super) entries: Vec<Entry>,
    /// The integer that represents a weight of 1: a power of two.
    pub(super) unit: f32,
    /// The least weight of a node that may be split, in units.
    pub(super) least_split: u32,
    /// The least weight of a side of a split, in units.
    pub(super) least_leaf: u32,
}

/// How often each row of the data is drawn for a tree: a bootstrap sample (Efron, 1979) of the size of the
/// data.
pub(super) fn draws(row_count: usize, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut draws = vec![0u32; row_count];
    for _ in 0..row_count {
        if let Some(count) = draws.get_mut(rng.random_range(0..row_count)) {
            *count += 1;
        }
    }
    draws
}

impl Sample {
    /// A sample of rows drawn this often; `least_split` and `least_leaf` are weights of rows.
    pub(super) fn new(data: &Dataset, draws: &[u32], least_split: u32, least_leaf: u32) -> Self {
        let unit = unit(data);
        let in_units = |weight: f32| (weight * unit).round() as u32;
        let mut left = u32::MAX;
        let mut entries = Vec::new();
        for ((row, draws), label) in (0u32..).zip(draws).zip(data.labels()) {
            let weight = in_units(data.weight(row as usize)).saturating_mul(*draws).min(left);
            if weight > 0 {
                left -= weight;
                entries.push(Entry { row, weight, label: *label });
            }
        }
        let least = |rows: u32| in_units(rows as f32);
        Self { entries, unit, least_split: least(least_split), least_leaf: least(least_leaf) }
    }
}

/// The greatest power of two by which all weights can be multiplied.
fn unit(data: &Dataset) -> f32 {
    let Some(weights) = data.weights() else { return 1.0 };
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    libm::exp2(libm::floor(libm::log2(TOTAL_UNITS / total)).clamp(-100.0, 30.0)) as f32
}

//! Quantile bins: every feature becomes a small integer before training and before scoring.

use serde::{Deserialize, Serialize};

use crate::decode::bounded::at_most;
use crate::matrix::Matrix;

/// The bin of a missing value. Known values start at 1.
pub const MISSING_BIN: u8 = 0;

/// The most features of a model: a split's feature and direction share 16 bits in the bundle.
pub const MAX_FEATURES: usize = 32_767;

/// The most bins of known values of a feature.
pub const MAX_BINS: usize = 255;

/// For each feature, the edges between its bins.
///
/// # Examples
/// ```
/// use nextbest_core::model::bins::{Bins, MISSING_BIN};
///
/// let bins = Bins::new(vec![vec![18.0, 65.0]]).unwrap();
/// assert_eq!(bins.bin(0, f32::NAN), MISSING_BIN);
/// assert_eq!((bins.bin(0, 17.0), bins.bin(0, 40.0), bins.bin(0, 70.0)), (1, 2, 3));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    /// Ascending and finite; a value at an edge belongs to the bin below it.
    #[serde(deserialize_with = "at_most::<MAX_FEATURES, _, _>")]
    edges: Vec<Vec<f32>>,
}

impl Bins {
    /// Creates bins from each feature's edges.
    ///
    /// # Errors
    /// If edges are not finite and strictly ascending, a feature has more than [`MAX_BINS`] − 1 of them, or
    /// there are more than [`MAX_FEATURES`] features.
    pub fn new(edges: Vec<Vec<f32>>) -> Result<Self, String> {
        let bins = Self { edges };
        bins.check()?;
        Ok(bins)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        if self.edges.len() > MAX_FEATURES {
            return Err(format!("{} features, more than {MAX_FEATURES}", self.edges.len()));
        }
        for (feature, edges) in self.edges.iter().enumerate() {
            let ascending = edges.is_sorted_by(|a, b| a < b) && edges.iter().all(|edge| edge.is_finite());
            if !ascending || edges.len() >= MAX_BINS {
                return Err(format!(
                    "the bin edges of feature {feature} must be fewer than {MAX_BINS} ascending numbers"
                ));
            }
        }
        Ok(())
    }

    /// The number of features.
    pub fn feature_count(&self) -> usize {
        self.edges.len()
    }

    /// The ascending edges between a feature's bins; empty past the last feature.
    pub fn edges(&self, feature: usize) -> &[f32] {
        self.edges.get(feature).map_or(&[], Vec::as_slice)
    }

    /// The number of a feature's bins, including the missing bin.
    pub fn count(&self, feature: usize) -> usize {
        self.edges(feature).len() + 2
    }

    /// The bin of a feature's value: [`MISSING_BIN`] for NaN, otherwise 1 + the number of edges below the
    /// value.
    pub fn bin(&self, feature: usize, value: f32) -> u8 {
        if value.is_nan() {
            return MISSING_BIN;
        }
        // At most MAX_BINS - 1 edges, so this fits.
        (self.edges(feature).partition_point(|edge| *edge < value) + 1) as u8
    }

    /// Writes the bins of a row to `bins`.
    pub fn bin_row(&self, row: &[f32], bins: &mut [u8]) {
        for (feature, (value, bin)) in row.iter().zip(bins).enumerate() {
            *bin = self.bin(feature, *value);
        }
    }

    /// Writes the bins of rows to `bins`, feature by feature: first every row's bin of the first feature.
    pub fn bin_block(&self, rows: Matrix<'_, f32>, bins: &mut [u8]) {
        let columns = bins.chunks_exact_mut(rows.height().max(1)).zip(rows.columns());
        for (feature, (bins, values)) in columns.enumerate() {
            for (bin, value) in bins.iter_mut().zip(values) {
                *bin = self.bin(feature, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_an_edge_belongs_below() {
        let bins = Bins::new(vec![vec![-1.0, 0.0, 2.5], vec![]]).unwrap();
        for (value, bin) in [
            (f32::NAN, 0),
            (f32::NEG_INFINITY, 1),
            (-1.0, 1),
            (-0.5, 2),
            (0.0, 2),
            (-0.0, 2),
            (2.5, 3),
            (2.6, 4),
            (f32::INFINITY, 4),
        ] {
            assert_eq!(bins.bin(0, value), bin, "{value}");
        }
        assert_eq!((bins.bin(1, 7.0), bins.bin(1, f32::NAN)), (1, 0));
        assert_eq!((bins.count(0), bins.count(1)), (5, 2));
    }

    #[test]
    fn edges_must_ascend() {
        for edges in [vec![1.0, 1.0], vec![2.0, 1.0], vec![f32::NAN], vec![f32::INFINITY], vec![0.0; 255]] {
            assert!(Bins::new(vec![edges]).is_err());
        }
        assert!(Bins::new(vec![(0..254).map(|edge| edge as f32).collect()]).is_ok());
    }
}

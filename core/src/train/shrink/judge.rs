//! How good what is left of a forest is, on rows that it did not learn from.

use rayon::prelude::*;

use super::prune::Pruned;
use crate::Error;
use crate::matrix::Matrix;
use crate::metrics;
use crate::model::calibration::Calibration;
use crate::model::forest::{BLOCK, Scratch};
use crate::train::dataset::Dataset;

/// Rows to judge by.
pub struct Judge<'c> {
    labels: Vec<usize>,
    /// In blocks of rows, the bins of the first feature, then of the second, …
    blocks: Vec<Vec<u8>>,
    calibration: &'c Calibration,
}

impl<'c> Judge<'c> {
    /// Takes rows, binned as those that the forests learned from. The probabilities will be corrected by a calibration.
    pub fn new(rows: &Dataset, calibration: &'c Calibration) -> Self {
        let block = |start: usize| {
            let of_rows =
                |column: &Vec<u8>| column.iter().skip(start).take(BLOCK).copied().collect::<Vec<u8>>();
            rows.columns().iter().flat_map(of_rows).collect()
        };
        Self {
            labels: rows.labels().iter().map(|label| usize::from(*label)).collect(),
            blocks: (0..rows.row_count()).step_by(BLOCK).map(block).collect(),
            calibration,
        }
    }

    /// The log-loss of what is left of a forest.
    ///
    /// # Errors
    /// None but those of broken trees.
    pub fn log_loss(&self, pruned: &Pruned) -> Result<f64, Error> {
        let forest = pruned.forest()?;
        let class_count = forest.class_count().max(1);
        let mut probabilities = vec![0.0; self.labels.len() * class_count];
        let blocks = probabilities.par_chunks_mut(BLOCK * class_count).zip(&self.blocks);
        blocks.try_for_each_init(Scratch::default, |scratch, (probabilities, bins)| {
            let bins = Matrix::new(bins, probabilities.len() / class_count)?;
            forest.predict_block(bins, scratch, probabilities);
            probabilities.chunks_exact_mut(class_count).for_each(|row| self.calibration.apply(row));
            Ok::<(), Error>(())
        })?;
        Ok(metrics::log_loss(&self.labels, Matrix::new(&probabilities, class_count)?))
    }
}

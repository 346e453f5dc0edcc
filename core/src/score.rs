//! Probabilities from features: one row or many.

use crate::Error;
use crate::model::bundle::Bundle;
use crate::model::calibration::Calibration;
use crate::model::forest::{BLOCK, Block};

/// Scores rows with a bundle's model, without allocating for each row.
#[derive(Debug, Clone)]
pub struct Scorer<'b> {
    bundle: &'b Bundle,
    calibration: &'b Calibration,
    bins: Vec<u8>,
    probabilities: Vec<f32>,
    /// The bins of many rows, feature by feature.
    block_bins: Vec<u8>,
    block: Block,
}

impl<'b> Scorer<'b> {
    /// A scorer for a bundle.
    pub fn new(bundle: &'b Bundle) -> Self {
        Self::with(bundle, &bundle.calibration)
    }

    /// A scorer that gives the model's probabilities as they were before their calibration.
    pub fn uncalibrated(bundle: &'b Bundle) -> Self {
        Self::with(bundle, &Calibration::None)
    }

    fn with(bundle: &'b Bundle, calibration: &'b Calibration) -> Self {
        Self {
            bundle,
            calibration,
            bins: vec![0; bundle.bins.feature_count()],
            probabilities: vec![0.0; bundle.schema.class_count()],
            block_bins: Vec::new(),
            block: Block::default(),
        }
    }

    /// The probability of each class for one row of features; they sum to 1.
    ///
    /// # Errors
    /// [`Error::RowLength`] where the row has another number of values than the model has features.
    pub fn score(&mut self, row: &[f32]) -> Result<&[f32], Error> {
        if row.len() != self.bins.len() {
            return Err(Error::RowLength { expected: self.bins.len(), actual: row.len() });
        }
        self.bundle.bins.bin_row(row, &mut self.bins);
        self.bundle.model.predict(&self.bins, &mut self.probabilities);
        self.calibration.apply(&mut self.probabilities);
        Ok(&self.probabilities)
    }

    /// The probabilities of `count` rows that stand one after the other, row by row.
    ///
    /// # Errors
    /// [`Error::RowLength`] where the values are not `count` rows.
    pub fn score_batch(&mut self, rows: &[f32], count: usize) -> Result<Vec<f32>, Error> {
        let width = self.bins.len();
        if width.checked_mul(count) != Some(rows.len()) {
            return Err(Error::RowLength { expected: width.saturating_mul(count), actual: rows.len() });
        }
        let classes = self.probabilities.len().max(1);
        let mut probabilities = vec![0.0; count * classes];
        let blocks = rows.chunks(BLOCK * width.max(1)).zip(probabilities.chunks_mut(BLOCK * classes));
        for (rows, probabilities) in blocks {
            let count = probabilities.len() / classes;
            self.block_bins.resize(count * width, 0);
            self.bundle.bins.bin_block(rows, count, &mut self.block_bins);
            self.bundle.model.predict_block(&self.block_bins, count, &mut self.block, probabilities);
            for probabilities in probabilities.chunks_exact_mut(classes) {
                self.calibration.apply(probabilities);
            }
        }
        Ok(probabilities)
    }
}

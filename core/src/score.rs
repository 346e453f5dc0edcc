//! Probabilities from features: one row or many.

use crate::Error;
use crate::model::bundle::Bundle;
use crate::model::calibration::Calibration;
use crate::model::forest::{BLOCK, Scratch};

/// Scores rows with a bundle's model, without allocating for each row.
#[derive(Debug, Clone)]
pub struct Scorer<'b> {
    bundle: &'b Bundle,
    calibration: &'b Calibration,
    workspace: Workspace,
}

/// The memory of a [`Scorer`], which another one can go on with.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    bins: Vec<u8>,
    probabilities: Vec<f32>,
    scratch: Scratch,
}

impl<'b> Scorer<'b> {
    /// A scorer for a bundle.
    pub fn new(bundle: &'b Bundle) -> Self {
        Self::with(bundle, Workspace::default())
    }

    /// A scorer for a bundle that uses the memory of an earlier one.
    pub fn with(bundle: &'b Bundle, workspace: Workspace) -> Self {
        Self { bundle, calibration: &bundle.calibration, workspace }
    }

    /// A scorer that gives the model's probabilities as they were before their calibration.
    pub fn uncalibrated(bundle: &'b Bundle) -> Self {
        Self { bundle, calibration: &Calibration::None, workspace: Workspace::default() }
    }

    /// Its memory, for the next one.
    pub fn into_workspace(self) -> Workspace {
        self.workspace
    }

    /// The probability of each class for one row of features; they sum to 1.
    ///
    /// # Errors
    /// [`Error::RowLength`] where the row has another number of values than the model has features.
    pub fn score(&mut self, row: &[f32]) -> Result<&[f32], Error> {
        let mut probabilities = core::mem::take(&mut self.workspace.probabilities);
        probabilities.resize(self.bundle.schema.class_count(), 0.0);
        let scored = self.score_rows(row, 1, &mut probabilities);
        self.workspace.probabilities = probabilities;
        scored.map(|()| self.workspace.probabilities.as_slice())
    }

    /// The probabilities of `count` rows that stand one after the other, row by row.
    ///
    /// # Errors
    /// [`Error::RowLength`] where the values are not `count` rows.
    pub fn score_batch(&mut self, rows: &[f32], count: usize) -> Result<Vec<f32>, Error> {
        self.check(rows, count)?;
        let mut probabilities = vec![0.0; count * self.bundle.schema.class_count()];
        self.score_rows(rows, count, &mut probabilities)?;
        Ok(probabilities)
    }

    /// Writes the probabilities of `count` rows that stand one after the other, row by row, to the beginning of
    /// `probabilities`.
    ///
    /// # Errors
    /// [`Error::RowLength`] where the values are not `count` rows, or their probabilities have no room.
    pub fn score_rows(&mut self, rows: &[f32], count: usize, probabilities: &mut [f32]) -> Result<(), Error> {
        self.check(rows, count)?;
        let (bundle, Workspace { bins, scratch, .. }) = (self.bundle, &mut self.workspace);
        let (width, classes) = (bundle.bins.feature_count(), bundle.schema.class_count());
        let room = probabilities.len();
        let probabilities = probabilities
            .get_mut(..count * classes)
            .ok_or(Error::RowLength { expected: count * classes, actual: room })?;
        let blocks = rows.chunks(BLOCK * width.max(1)).zip(probabilities.chunks_mut(BLOCK * classes.max(1)));
        for (rows, probabilities) in blocks {
            bins.resize(rows.len(), 0);
            if rows.len() == width {
                bundle.bins.bin_row(rows, bins);
                bundle.model.predict(bins, scratch, probabilities);
            } else {
                let count = rows.len() / width.max(1);
                bundle.bins.bin_block(rows, count, bins);
                bundle.model.predict_block(bins, count, scratch, probabilities);
            }
            for probabilities in probabilities.chunks_exact_mut(classes.max(1)) {
                self.calibration.apply(probabilities);
            }
        }
        Ok(())
    }

    fn check(&self, rows: &[f32], count: usize) -> Result<(), Error> {
        let width = self.bundle.bins.feature_count();
        match width.checked_mul(count) == Some(rows.len()) {
            true => Ok(()),
            false => Err(Error::RowLength { expected: width.saturating_mul(count), actual: rows.len() }),
        }
    }
}

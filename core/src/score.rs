//! Probabilities from features: one row or many.

use crate::Error;
use crate::matrix::Matrix;
use crate::model::Model;
use crate::model::bins::Bins;
use crate::model::calibration::Calibration;
use crate::model::forest::{BLOCK, Scratch};

/// Scores rows with a model, without allocating for each row.
///
/// # Examples
/// ```
/// use nextbest_core::Bundle;
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// let bundle = Bundle::decode(bytes)?;
/// let mut scorer = bundle.scorer();
/// let row = bundle.reference.clone(); // The features of a typical customer.
/// let probabilities = scorer.score(&row)?.to_vec();
/// assert_eq!(probabilities.len(), bundle.schema.class_count());
/// assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
///
/// // A batch gives the same bits.
/// let both = scorer.score_batch(&[row.clone(), row].concat(), 2)?;
/// assert_eq!(both, [probabilities.clone(), probabilities].concat());
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scorer<'b> {
    bins: &'b Bins,
    model: &'b Model,
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
    /// A scorer for parts that fit each other, as a bundle's do ([`Bundle::scorer`](crate::Bundle::scorer)).
    /// With [`Calibration::None`] it gives the model's own probabilities.
    pub fn new(bins: &'b Bins, model: &'b Model, calibration: &'b Calibration) -> Self {
        Self { bins, model, calibration, workspace: Workspace::default() }
    }

    /// The same with the memory of an earlier one.
    pub fn with(self, workspace: Workspace) -> Self {
        Self { workspace, ..self }
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
        probabilities.resize(self.model.class_count(), 0.0);
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
        let mut probabilities = vec![0.0; count * self.model.class_count()];
        self.score_rows(rows, count, &mut probabilities)?;
        Ok(probabilities)
    }

    /// Writes the probabilities of `count` rows that stand one after the other, row by row, to the beginning
    /// of `probabilities`.
    ///
    /// # Errors
    /// [`Error::RowLength`] where the values are not `count` rows, or their probabilities have no room.
    pub fn score_rows(&mut self, rows: &[f32], count: usize, probabilities: &mut [f32]) -> Result<(), Error> {
        self.check(rows, count)?;
        let Workspace { bins, scratch, .. } = &mut self.workspace;
        let (width, classes) = (self.bins.feature_count(), self.model.class_count());
        let room = probabilities.len();
        let probabilities = probabilities
            .get_mut(..count * classes)
            .ok_or(Error::RowLength { expected: count * classes, actual: room })?;
        let blocks = rows.chunks(BLOCK * width.max(1)).zip(probabilities.chunks_mut(BLOCK * classes.max(1)));
        for (rows, probabilities) in blocks {
            bins.resize(rows.len(), 0);
            if rows.len() == width {
                self.bins.bin_row(rows, bins);
                self.model.predict(bins, scratch, probabilities);
            } else {
                let rows = Matrix::new(rows, width)?;
                self.bins.bin_block(rows, bins);
                self.model.predict_block(Matrix::new(bins, rows.height())?, scratch, probabilities);
            }
            for probabilities in probabilities.chunks_exact_mut(classes.max(1)) {
                self.calibration.apply(probabilities);
            }
        }
        Ok(())
    }

    fn check(&self, rows: &[f32], count: usize) -> Result<(), Error> {
        let width = self.bins.feature_count();
        match width.checked_mul(count) == Some(rows.len()) {
            true => Ok(()),
            false => Err(Error::RowLength { expected: width.saturating_mul(count), actual: rows.len() }),
        }
    }
}

//! Class probabilities for one row of features or many.

use crate::Error;
use crate::model::Model;
use crate::model::bins::Bins;
use crate::model::calibration::Calibration;
use crate::model::forest::{BLOCK, Scratch};

/// Scores rows with a model; it allocates nothing per row.
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

/// The buffers of a [`Scorer`], to be reused by another one.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    bins: Vec<u8>,
    probabilities: Vec<f32>,
    scratch: Scratch,
}

impl<'b> Scorer<'b> {
    /// A scorer for parts that fit each other, as those of a bundle do
    /// ([`Bundle::scorer`](crate::Bundle::scorer)). [`Calibration::None`] leaves the model's probabilities as
    /// they are.
    pub fn new(bins: &'b Bins, model: &'b Model, calibration: &'b Calibration) -> Self {
        Self { bins, model, calibration, workspace: Workspace::default() }
    }

    /// Reuses the buffers of an earlier scorer.
    pub fn with(self, workspace: Workspace) -> Self {
        Self { workspace, ..self }
    }

    /// The buffers, for the next scorer.
    pub fn into_workspace(self) -> Workspace {
        self.workspace
    }

    /// The probability of each class for one row of features; they sum to 1.
    ///
    /// # Errors
    /// [`Error::RowLength`] if the row does not have one value per feature.
    pub fn score(&mut self, row: &[f32]) -> Result<&[f32], Error> {
        let mut probabilities = core::mem::take(&mut self.workspace.probabilities);
        probabilities.resize(self.model.class_count(), 0.0);
        let scored = self.score_rows(row, 1, &mut probabilities);
        self.workspace.probabilities = probabilities;
        scored.map(|()| self.workspace.probabilities.as_slice())
    }

    /// The probabilities of `count` rows stored one after the other, row by row.
    ///
    /// # Errors
    /// [`Error::RowLength`] if `rows` does not hold `count` rows.
    pub fn score_batch(&mut self, rows: &[f32], count: usize) -> Result<Vec<f32>, Error> {
        self.check(rows, count)?;
        let mut probabilities = vec![0.0; count * self.model.class_count()];
        self.score_rows(rows, count, &mut probabilities)?;
        Ok(probabilities)
    }

    /// Writes the probabilities of `count` rows stored one after the other to the beginning of
    /// `probabilities`, row by row.
    ///
    /// # Errors
    /// [`Error::RowLength`] if `rows` does not hold `count` rows, or `probabilities` is too short.
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
                let count = rows.len() / width.max(1);
                self.bins.bin_block(rows, count, bins);
                self.model.predict_block(bins, count, scratch, probabilities);
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

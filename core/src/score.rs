//! Class probabilities for one row of features or many.

use crate::Error;
use crate::matrix::Matrix;
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

/// The buffers of a [`Scorer`].
#[derive(Debug, Clone, Default)]
struct Workspace {
    bins: Vec<u8>,
    probabilities: Vec<f32>,
    scratch: Scratch,
}

/// Rows of features, their probabilities, and the memory of a [`Scorer`], reused from call to call: a call
/// per row allocates nothing.
///
/// # Examples
/// ```
/// use nextbest_core::Bundle;
/// use nextbest_core::score::Buffers;
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// let bundle = Bundle::decode(bytes)?;
/// let mut buffers = Buffers::default();
/// buffers.rows.extend_from_slice(&bundle.reference);
/// assert_eq!(buffers.score(bundle.scorer(), 1)?, bundle.scorer().score(&bundle.reference)?);
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Buffers {
    /// The features, row by row.
    pub rows: Vec<f32>,
    probabilities: Vec<f32>,
    workspace: Workspace,
}

impl<'b> Scorer<'b> {
    /// A scorer for parts that fit each other, as those of a bundle do
    /// ([`Bundle::scorer`](crate::Bundle::scorer)). [`Calibration::None`] leaves the model's probabilities as
    /// they are.
    pub fn new(bins: &'b Bins, model: &'b Model, calibration: &'b Calibration) -> Self {
        Self { bins, model, calibration, workspace: Workspace::default() }
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

impl Buffers {
    /// Makes room for `count` rows and their probabilities, at most as many as are scored together. Returns
    /// the number of rows that there is room for.
    pub fn make_room(&mut self, scorer: &Scorer<'_>, count: usize) -> usize {
        let count = count.min(BLOCK);
        self.rows.resize(count * scorer.bins.feature_count(), 0.0);
        self.probabilities.resize(count * scorer.model.class_count(), 0.0);
        count
    }

    /// The first `count` rows of `width` values each.
    ///
    /// # Errors
    /// [`Error::RowLength`] if there are fewer rows.
    pub fn first(&self, count: usize, width: usize) -> Result<&[f32], Error> {
        let expected = count.saturating_mul(width);
        // Without features there are no rows.
        let rows = self.rows.get(..expected).filter(|rows| count <= rows.len());
        rows.ok_or(Error::RowLength { expected, actual: self.rows.len() })
    }

    /// Room for probabilities, row by row, one value per class.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// The probabilities of the first `count` rows, row by row.
    ///
    /// # Errors
    /// [`Error::RowLength`] if there are fewer rows.
    pub fn score(&mut self, scorer: Scorer<'_>, count: usize) -> Result<&[f32], Error> {
        let length = self.first(count, scorer.bins.feature_count())?.len();
        let needed = count * scorer.model.class_count();
        self.probabilities.resize(self.probabilities.len().max(needed), 0.0);
        let ((rows, _), (scored, _)) = (self.rows.split_at(length), self.probabilities.split_at_mut(needed));
        let mut scorer = Scorer { workspace: core::mem::take(&mut self.workspace), ..scorer };
        let result = scorer.score_rows(rows, count, scored);
        self.workspace = scorer.workspace;
        result.map(|()| &*scored)
    }

    /// Scores one row, which replaces the rows in the buffers.
    ///
    /// # Errors
    /// [`Error::RowLength`] if the row does not have one value per feature.
    pub fn score_row(&mut self, scorer: Scorer<'_>, row: &[f32]) -> Result<&[f32], Error> {
        scorer.check(row, 1)?;
        self.rows.clear();
        self.rows.extend_from_slice(row);
        self.score(scorer, 1)
    }
}

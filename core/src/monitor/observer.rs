//! Counts the rows scored in one place, for customers who consent.

use super::profile::MOST_ROWS;
use super::randomised_response::RandomisedResponse;
use super::sketch::{Sketch, SketchLayout};
use super::watch::cells;
use crate::error::SketchError;
use crate::score::Buffers;
use crate::{Error, Recommender};

/// The number of random bytes per row: they choose the distribution to report to, and the answer.
pub const RANDOM_BYTES: usize = 16;

/// Counts rows into a sketch.
///
/// # Examples
/// ```
/// use nextbest_core::Recommender;
/// use nextbest_core::monitor::observer::{Observer, RANDOM_BYTES, layout};
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/features.bundle"));
/// let recommender = Recommender::load(bytes)?;
/// let mut observer = Observer::new(&recommender)?;
/// let row = recommender.bundle().reference.clone();
/// assert!(!observer.observe(&recommender, &row, false, [0; RANDOM_BYTES])?); // No consent: not counted.
/// for _ in 0..20 {
///     observer.observe(&recommender, &row, true, [0; RANDOM_BYTES])?;
/// }
/// let sketch = observer.hand_out(&recommender, 1)?;
/// assert_eq!(layout(&recommender)?.read(&sketch)?.rows, 20);
/// assert_eq!(observer.rows(), 0); // The next sketch is empty.
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Observer {
    layout: SketchLayout,
    sketch: Sketch,
    buffers: Buffers,
}

impl Observer {
    /// Creates an observer for a bundle's rows.
    ///
    /// # Errors
    /// [`SketchError::NoProfile`] if the bundle has no profile.
    pub fn new(recommender: &Recommender) -> Result<Self, Error> {
        let layout = layout(recommender)?;
        Ok(Self { sketch: layout.empty(), layout, buffers: Buffers::default() })
    }

    /// Counts a row of features if its customer consents, and returns whether it was counted. A full sketch
    /// (65,535 rows) counts no more.
    ///
    /// If the bundle asks for randomised rows, the row reports its cell in one randomly chosen distribution,
    /// by randomised response: what leaves is ε-locally differentially private for the row as a whole.
    /// `random` must then be unpredictable; otherwise it is not used.
    ///
    /// # Errors
    /// [`Error::RowLength`]; [`Error::Infinite`]; [`SketchError::NoProfile`] if the recommender's bundle is
    /// not the observer's.
    pub fn observe(
        &mut self,
        recommender: &Recommender,
        row: &[f32],
        consent: bool,
        random: [u8; RANDOM_BYTES],
    ) -> Result<bool, Error> {
        let bundle = recommender.bundle();
        // An invalid row is an error, whether or not it would be counted.
        bundle.check_rows(row)?;
        if !consent || self.sketch.rows >= MOST_ROWS {
            return Ok(false);
        }
        let profile = bundle.profile.as_ref().ok_or(SketchError::NoProfile)?;
        let probabilities = self.buffers.score_row(bundle.scorer(), row)?;
        let mut cells = cells(profile, row, probabilities, bundle.schema.none_class());
        match profile.sketches.epsilon {
            None => self.sketch.count_row(&self.layout, cells),
            Some(epsilon) => {
                let random = Random::from(random);
                let distributions = self.layout.cells();
                let chosen = ((u64::from(random.distribution) * distributions.len() as u64) >> 32) as usize;
                let (Some(cell), Some(count)) = (cells.nth(chosen), distributions.get(chosen)) else {
                    return Ok(false);
                };
                let response = RandomisedResponse::new(f64::from(epsilon), *count);
                self.sketch.count_report(
                    &self.layout,
                    chosen,
                    response.respond(cell, random.coin, random.which),
                );
            }
        }
        Ok(true)
    }

    /// The number of rows counted since the last sketch was handed out.
    pub fn rows(&self) -> u64 {
        self.sketch.rows
    }

    /// Hands out the sketch as bytes and begins another. The caller chooses `identity` at random.
    ///
    /// # Errors
    /// [`SketchError::TooFewRows`] if there are no rows, or fewer than the bundle requires; the rows are
    /// kept.
    pub fn hand_out(&mut self, recommender: &Recommender, identity: u64) -> Result<Vec<u8>, Error> {
        let profile = recommender.bundle().profile.as_ref().ok_or(SketchError::NoProfile)?;
        let least = match profile.sketches.epsilon {
            Some(_) => 1,
            None => u64::from(profile.sketches.minimum_rows).max(1),
        };
        if self.sketch.rows < least {
            return Err(SketchError::TooFewRows { rows: self.sketch.rows, least }.into());
        }
        let mut sketch = core::mem::replace(&mut self.sketch, self.layout.empty());
        sketch.identity = identity;
        Ok(self.layout.write(&sketch))
    }
}

/// The layout of a bundle's sketches.
///
/// # Errors
/// [`SketchError::NoProfile`] if the bundle has no profile.
pub fn layout(recommender: &Recommender) -> Result<SketchLayout, Error> {
    let profile = recommender.bundle().profile.as_ref().ok_or(SketchError::NoProfile)?;
    Ok(SketchLayout::new(profile, recommender.content_hash())?)
}

/// Random bits, by what they decide.
struct Random {
    distribution: u32,
    coin: u64,
    which: u32,
}

impl From<[u8; RANDOM_BYTES]> for Random {
    fn from(bytes: [u8; RANDOM_BYTES]) -> Self {
        let bits = u128::from_le_bytes(bytes);
        Self { distribution: bits as u32, coin: (bits >> 32) as u64, which: (bits >> 96) as u32 }
    }
}

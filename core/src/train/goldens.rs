//! Golden rows, with which a bundle tests itself. They belong to nobody: each value is drawn from the
//! bundle's own bins, feature by feature.

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::Error;
use crate::bundle::{Bundle, Golden};
use crate::model::bins::{Bins, MISSING_BIN};

/// The least number of golden rows; …
const LEAST: usize = 16;
/// … if a category has more bins than that, as many as it has, up to this.
const MOST: usize = 64;
/// How often golden rows are drawn, to find some that are not near a customer's.
const ATTEMPTS: u64 = 8;

/// Draws golden rows for a bundle and scores them. They are redrawn until none is near one of `rows` (see
/// [`is_near`]), up to 8 times; then the draw with the fewest near rows is kept.
///
/// # Errors
/// If the bundle's parts do not fit each other.
pub fn goldens(bundle: &Bundle, rows: &[f32]) -> Result<Vec<Golden>, Error> {
    let words: Vec<Option<usize>> =
        bundle.features.iter().map(|feature| feature.words(&bundle.schema).map(<[String]>::len)).collect();
    let of_words = words.iter().enumerate().filter(|(_, words)| words.is_some());
    let count = of_words.map(|(feature, _)| bundle.bins.count(feature)).max().unwrap_or_default();
    let draw = |attempt: u64| {
        let mut draw = Draw { bins: &bundle.bins, rng: ChaCha8Rng::seed_from_u64(attempt) };
        let drawn = draw.rows(&words, count.clamp(LEAST, MOST));
        (near(&bundle.bins, &drawn, rows), drawn)
    };
    let mut best = draw(0);
    for attempt in 1..ATTEMPTS {
        let (least, _) = best;
        if least == 0 {
            break;
        }
        let drawn = draw(attempt);
        if drawn.0 < least {
            best = drawn;
        }
    }
    let mut scorer = bundle.scorer();
    let golden = |row: Vec<f32>| Ok(Golden { probabilities: scorer.score(&row)?.to_vec(), row });
    best.1.into_iter().map(golden).collect()
}

/// Whether two rows of bins differ in fewer than a quarter of the features that have more than one bin.
pub fn is_near(bins: &Bins, one: &[u8], other: &[u8]) -> bool {
    let telling = |feature: &usize| !bins.edges(*feature).is_empty();
    let needed = (0..bins.feature_count()).filter(telling).count().div_ceil(4);
    let differing = one.iter().zip(other).enumerate().filter(|(feature, (a, b))| a != b && telling(feature));
    differing.take(needed).count() < needed
}

/// The number of golden rows that are near one of `rows`.
fn near(bins: &Bins, goldens: &[Vec<f32>], rows: &[f32]) -> usize {
    let width = bins.feature_count();
    let binned = |row: &[f32]| {
        let mut of_row = vec![MISSING_BIN; width];
        bins.bin_row(row, &mut of_row);
        of_row
    };
    let goldens: Vec<Vec<u8>> = goldens.iter().map(|row| binned(row)).collect();
    let is_met = |golden: &Vec<u8>, row: &[u8]| is_near(bins, golden, row);
    let met = rows.par_chunks_exact(width.max(1)).map(|row| {
        let row = binned(row);
        goldens.iter().map(|golden| is_met(golden, &row)).collect::<Vec<bool>>()
    });
    let none = || vec![false; goldens.len()];
    let either = |a: Vec<bool>, b: Vec<bool>| a.into_iter().zip(b).map(|(a, b)| a || b).collect();
    met.reduce(none, either).into_iter().filter(|met| *met).count()
}

/// Draws values from bins.
struct Draw<'b> {
    bins: &'b Bins,
    rng: ChaCha8Rng,
}

impl Draw<'_> {
    /// Rows in which each feature runs through its own bins: always the missing and the outermost ones, the
    /// others while there are rows left. `words` holds the number of words of each feature that is a
    /// category.
    fn rows(&mut self, words: &[Option<usize>], count: usize) -> Vec<Vec<f32>> {
        let columns: Vec<Vec<f32>> =
            words.iter().enumerate().map(|(feature, words)| self.column(feature, *words, count)).collect();
        let row = |row: usize| columns.iter().filter_map(|column| column.get(row).copied()).collect();
        (0..count).map(row).collect()
    }

    fn column(&mut self, feature: usize, words: Option<usize>, count: usize) -> Vec<f32> {
        let last = self.bins.count(feature) - 1;
        let mut inner: Vec<usize> = (2..last).collect();
        inner.shuffle(&mut self.rng);
        let mut bins: Vec<usize> = vec![usize::from(MISSING_BIN), 1];
        bins.extend((last > 1).then_some(last));
        bins.extend(inner);
        let mut column: Vec<usize> = bins.into_iter().cycle().take(count).collect();
        column.shuffle(&mut self.rng);
        column.into_iter().map(|bin| self.value(feature, words, bin)).collect()
    }

    /// A value in a bin: for categories a word in it, for numbers an end of the bin or a number within.
    fn value(&mut self, feature: usize, words: Option<usize>, bin: usize) -> f32 {
        let edges = self.bins.edges(feature);
        let Some(upper) = bin.checked_sub(1) else { return f32::NAN };
        let (low, high) = (bin.checked_sub(2).and_then(|lower| edges.get(lower)), edges.get(upper));
        if let Some(words) = words {
            let first = low.map_or(0.0, |low| (low.floor() + 1.0).max(0.0)) as usize;
            let end = high.map_or(words as f32, |high| high.floor() + 1.0).clamp(0.0, words as f32) as usize;
            // A bin without a word has the replacement of a missing word.
            let none = high.copied().unwrap_or(f32::NAN);
            return if first < end { self.rng.random_range(first..end) as f32 } else { none };
        }
        // At the lower end, at the upper end, or within.
        let place = self.rng.random_range(0..4u8);
        let drawn = match (low, high) {
            (None, None) => 0.0,
            (Some(low), _) if place == 0 => low.next_up(),
            (_, Some(high)) if place == 1 => *high,
            (Some(low), Some(high)) => self.between(f64::from(*low), f64::from(*high)),
            (Some(low), None) => self.between(f64::from(*low), reach(f64::from(*low))),
            (None, Some(high)) => self.between(-reach(-f64::from(*high)), f64::from(*high)),
        };
        let lies_there = drawn.is_finite() && usize::from(self.bins.bin(feature, drawn)) == bin;
        match (lies_there, high, low) {
            (true, ..) => drawn,
            (false, Some(high), _) => *high,
            (false, None, low) => low.map_or(0.0, |low| low.next_up()),
        }
    }

    /// A number in the middle of a range, cut to a few digits.
    fn between(&mut self, low: f64, high: f64) -> f32 {
        let drawn = low + (high - low) * self.rng.random_range(0.25..0.75);
        let digit = 10f64.powi((high - low).log10().floor() as i32 - 1);
        ((drawn / digit).round() * digit) as f32
    }
}

/// A number well above another.
fn reach(number: f64) -> f64 {
    number + number.abs().max(1.0)
}

/// A bundle's reference row, fit for publication: each number is rounded to as few digits as leave it in its
/// bin, so that contributions stay the same. Words and missing values are unchanged.
pub fn rounded_reference(bundle: &Bundle) -> Vec<f32> {
    let rounded = |(feature, value): (usize, &f32)| {
        let definition = bundle.features.get(feature);
        if definition.is_none_or(|it| it.words(&bundle.schema).is_some())
            || *value == 0.0
            || !value.is_finite()
        {
            return *value;
        }
        let wide = f64::from(*value);
        let with_digits = |digits: i32| {
            let unit = 10f64.powi(wide.abs().log10().floor() as i32 + 1 - digits);
            ((wide / unit).round() * unit) as f32
        };
        let bin = bundle.bins.bin(feature, *value);
        let fitting = (2..9).map(with_digits).find(|it| bundle.bins.bin(feature, *it) == bin);
        fitting.unwrap_or(*value)
    };
    bundle.reference.iter().enumerate().map(rounded).collect()
}

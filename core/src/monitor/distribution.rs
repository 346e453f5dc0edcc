//! Distributions: the number of rows in each of a few cells of a quantity.

use serde::{Deserialize, Serialize};

use crate::decode::bounded::{at_most, list};
use crate::features::word_position;

/// The most bins of a numeric distribution.
pub const MOST_BINS: usize = 10;
const MOST_EDGES: usize = MOST_BINS - 1;

/// The cells of a quantity, with the number of rows in each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// For numbers, the edges between bins: ascending and finite; a value at an edge belongs to the bin below
    /// it. Empty for words.
    #[serde(deserialize_with = "at_most::<MOST_EDGES, _, _>")]
    pub edges: Vec<f32>,
    /// The number of rows in each cell: first the missing values, then each bin or word.
    #[serde(deserialize_with = "list")]
    pub counts: Vec<u32>,
    /// For numbers, a summary of the known and finite values; `None` for words, or if there are none.
    pub summary: Option<Summary>,
}

/// A summary of some numbers. In a bundle, which must not identify anyone, the ends are rounded and some
/// customers lie beyond them (docs/PRIVACY.md); mean and deviation treat these as lying at the ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The lower end.
    pub least: f32,
    /// The upper end.
    pub greatest: f32,
    /// Their mean.
    pub mean: f32,
    /// Their population standard deviation.
    pub standard_deviation: f32,
}

impl Distribution {
    /// Counts numbers by bin; missing ones are NaN. Counts stop at 2³² − 1.
    pub fn of_numbers(values: impl Iterator<Item = f32> + Clone, edges: Vec<f32>) -> Self {
        let empty = Self { counts: vec![0; edges.len() + 2], edges, summary: Summary::of(values.clone()) };
        empty.counting(values)
    }

    /// Counts positions of words, of which there are `words`; missing ones are NaN.
    pub fn of_words(values: impl Iterator<Item = f32>, words: usize) -> Self {
        Self { edges: Vec::new(), counts: vec![0; words + 1], summary: None }.counting(values)
    }

    fn counting(mut self, values: impl Iterator<Item = f32>) -> Self {
        for value in values {
            let cell = self.cell(value);
            if let Some(count) = self.counts.get_mut(cell) {
                *count = count.saturating_add(1);
            }
        }
        self
    }

    /// The number of cells.
    pub fn cells(&self) -> usize {
        self.counts.len()
    }

    /// The number of rows counted.
    pub fn rows(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// The cell of a value: 0 if it is NaN or not a word's position.
    pub fn cell(&self, value: f32) -> usize {
        if value.is_nan() {
            return 0;
        }
        if self.has_bins() {
            return 1 + self.edges.partition_point(|edge| *edge < value);
        }
        let cell = word_position(value).map(|position| 1 + position);
        cell.filter(|cell| *cell < self.counts.len()).unwrap_or_default()
    }

    /// Whether cells are bins of numbers. (A single word can't be told from a single bin.)
    pub fn has_bins(&self) -> bool {
        self.counts.len() == self.edges.len() + 2
    }

    /// Checks that it is sound and has bins of numbers, or cells for `words` words.
    pub(crate) fn check(&self, words: Option<usize>) -> Result<(), &'static str> {
        let cells = words.map_or(self.edges.len() + 2, |words| words + 1);
        if self.counts.len() != cells || (words.is_some() && !self.edges.is_empty()) {
            return Err("cells that do not match its bins or words");
        }
        if !self.edges.is_sorted_by(|a, b| a < b) || !self.edges.iter().all(|edge| edge.is_finite()) {
            return Err("edges that are not in ascending order");
        }
        let sound = |it: &Summary| {
            let numbers = [it.least, it.greatest, it.mean, it.standard_deviation];
            numbers.iter().all(|number| number.is_finite())
                && it.least <= it.greatest
                && it.standard_deviation >= 0.0
        };
        match self.summary.as_ref().is_none_or(sound) {
            true => Ok(()),
            false => Err("an impossible summary"),
        }
    }
}

impl Summary {
    /// Summarises the finite numbers; `None` if there are none.
    pub fn of(values: impl Iterator<Item = f32> + Clone) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (mut count, mut sum) = (0.0, 0.0);
        let (mut least, mut greatest) = (f32::INFINITY, f32::NEG_INFINITY);
        for value in finite.clone() {
            count += 1.0;
            sum += f64::from(value);
            least = least.min(value);
            greatest = greatest.max(value);
        }
        if count == 0.0 {
            return None;
        }
        let mean: f64 = sum / count;
        let squares: f64 = finite.map(|value| (f64::from(value) - mean) * (f64::from(value) - mean)).sum();
        let narrow = |number: f64| number.min(f64::from(f32::MAX)) as f32;
        Some(Self {
            least,
            greatest,
            mean: narrow(mean),
            standard_deviation: narrow((squares / count).sqrt()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_cell() {
        let values = [f32::NAN, -1.0, 0.0, 0.5, 2.0, f32::INFINITY];
        let numbers = Distribution::of_numbers(values.iter().copied(), vec![0.0, 1.0]);
        assert_eq!(numbers.counts, [1, 2, 1, 2]);
        let summary = numbers.summary.unwrap();
        assert_eq!((summary.least, summary.greatest, summary.mean), (-1.0, 2.0, 0.375));
        assert!((f64::from(summary.standard_deviation) - 1.082_531_75).abs() < 1e-6, "{summary:?}");
        assert!(numbers.has_bins() && numbers.check(None).is_ok() && numbers.check(Some(3)).is_err());

        let words = Distribution::of_words([0.0, 2.0, f32::NAN, 3.0, 2.0].into_iter(), 3);
        assert_eq!((words.counts.as_slice(), words.rows()), (&[2, 1, 0, 2][..], 5));
        assert!(!words.has_bins() && words.check(Some(3)).is_ok());

        let none = Distribution::of_numbers([f32::NAN].into_iter(), vec![]);
        assert_eq!((none.counts.as_slice(), none.summary), (&[1, 0][..], None));
    }

    #[test]
    fn what_no_rows_give_is_refused() {
        let sound = Distribution::of_numbers([1.0, 2.0].into_iter(), vec![1.0]);
        let spoilt = |spoil: fn(&mut Distribution)| {
            let mut it = sound.clone();
            spoil(&mut it);
            it.check(None)
        };
        assert!(spoilt(|_| ()).is_ok());
        assert!(spoilt(|it| it.edges[0] = f32::NAN).is_err());
        assert!(spoilt(|it| it.edges.push(0.0)).is_err());
        assert!(spoilt(|it| it.counts.push(0)).is_err());
        assert!(spoilt(|it| it.summary.as_mut().unwrap().least = 3.0).is_err());
        assert!(spoilt(|it| it.summary.as_mut().unwrap().mean = f32::NAN).is_err());
    }
}

//! A quantity (a feature, a score) in the rows of the reference and in today's.

use nextbest_core::matrix::Matrix;
use nextbest_core::monitor::Sample;
use nextbest_core::monitor::distribution::{Distribution, MOST_BINS, Summary};
use nextbest_core::monitor::tally::Tally;
use nextbest_core::train::fit_bins;

/// Where only a profile is known of the reference, so many of today's numbers may lie beyond one of its ends
/// before they are told: twice as many as of the profile's own.
const USUALLY_BEYOND: f64 = 0.02;

/// A quantity on both sides.
#[derive(Debug, Clone)]
pub(crate) struct Quantity {
    pub(crate) name: String,
    /// What it is, in words.
    pub(crate) label: String,
    /// What it belongs to.
    pub(crate) group: String,
    /// Its share of the model's importance, or an equal one where there is no model.
    pub(crate) importance: f64,
    /// What cells stand for, where they are no bins of numbers.
    pub(crate) words: Option<Vec<String>>,
    /// The reference's rows by cells.
    pub(crate) reference: Distribution,
    /// Today's rows by the same cells.
    pub(crate) current: Tally,
    /// Today's numbers in short, where they are known.
    pub(crate) summary: Option<Summary>,
    /// Both sides' numbers, where both are known.
    pub(crate) samples: Option<(Sample, Sample)>,
    /// How many of today's numbers lie below and above all of the reference; `None` where that is not known.
    pub(crate) beyond: Option<(usize, usize)>,
    /// Today's words that the reference does not have, and in how many rows; the most frequent first.
    pub(crate) new_words: Vec<(String, usize)>,
}

/// What a quantity is called.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) group: String,
    pub(crate) importance: f64,
}

/// What is known of the reference.
pub(crate) enum Before<'r> {
    /// Its cells alone.
    Cells(&'r Distribution),
    /// Its rows as well.
    Rows(&'r Distribution, Vec<f64>),
}

impl Quantity {
    /// Numbers of today against the profile of the reference; missing ones are NaN.
    pub(crate) fn of_numbers(named: Named, before: Before<'_>, current: Vec<f64>) -> Self {
        let current = sorted(current);
        let (distribution, samples) = match before {
            Before::Cells(distribution) => (distribution.clone(), None),
            Before::Rows(distribution, rows) => {
                let samples = (Sample::new(sorted(rows)), Sample::new(current.iter().copied()));
                (distribution.clone(), Some(samples))
            }
        };
        Self::with_samples(named, distribution, &current, samples)
    }

    /// Numbers of both sides, of which nothing else is known.
    pub(crate) fn of_both(named: Named, reference: Vec<f64>, current: Vec<f64>) -> anyhow::Result<Self> {
        let (reference, current) = (sorted(reference), sorted(current));
        let narrow: Vec<f32> = reference.iter().map(|number| *number as f32).collect();
        let edges = fit_bins(Matrix::new(&narrow, 1)?, MOST_BINS)?.edges(0).to_vec();
        let distribution = Distribution::of_numbers(narrow.into_iter(), edges);
        let samples = (Sample::new(reference), Sample::new(current.iter().copied()));
        Ok(Self::with_samples(named, distribution, &current, Some(samples)))
    }

    fn with_samples(
        named: Named,
        reference: Distribution,
        sorted: &[f64],
        samples: Option<(Sample, Sample)>,
    ) -> Self {
        let narrow = sorted.iter().map(|number| *number as f32);
        let beyond = reference.summary.map(|it| {
            let known = || sorted.iter().filter(|number| !number.is_nan());
            let below = known().filter(|number| (**number as f32) < it.least).count();
            let above = known().filter(|number| (**number as f32) > it.greatest).count();
            // A profile's ends are not its outermost numbers: some of its own rows lie beyond them.
            let usual =
                if samples.is_some() { 0 } else { (USUALLY_BEYOND * known().count() as f64) as usize };
            (if below > usual { below } else { 0 }, if above > usual { above } else { 0 })
        });
        Self {
            current: tally(&reference, narrow.clone()),
            summary: Summary::of(narrow),
            words: None,
            samples,
            beyond,
            new_words: Vec::new(),
            reference,
            ..Self::named(named)
        }
    }

    /// The positions of words of today; missing ones are NaN, new ones are told apart by `new_words`.
    pub(crate) fn of_words(
        named: Named,
        words: Vec<String>,
        reference: Distribution,
        current: impl Iterator<Item = f32>,
        new_words: Vec<(String, usize)>,
    ) -> Self {
        let current = tally(&reference, current);
        Self { words: Some(words), reference, current, new_words, ..Self::named(named) }
    }

    /// What sketches tell of today's rows.
    pub(crate) fn of_tally(
        named: Named,
        words: Option<Vec<String>>,
        reference: Distribution,
        current: Tally,
    ) -> Self {
        Self { words, reference, current, ..Self::named(named) }
    }

    fn named(Named { name, label, group, importance }: Named) -> Self {
        Self {
            name,
            label,
            group,
            importance,
            words: None,
            reference: Distribution { edges: Vec::new(), counts: Vec::new(), summary: None },
            current: Tally::counted(Vec::new()),
            summary: None,
            samples: None,
            beyond: None,
            new_words: Vec::new(),
        }
    }

    /// How many rows the reference has in each cell.
    pub(crate) fn reference_counts(&self) -> Vec<f64> {
        self.reference.counts.iter().map(|count| f64::from(*count)).collect()
    }

    /// Words that are no longer those of the reference stand in a cell of their own.
    pub(crate) fn new_rows(&self) -> usize {
        self.new_words.iter().map(|(_, rows)| rows).sum()
    }
}

fn tally(distribution: &Distribution, values: impl Iterator<Item = f32>) -> Tally {
    let mut counts = vec![0u64; distribution.cells()];
    for value in values {
        if let Some(count) = counts.get_mut(distribution.cell(value)) {
            *count += 1;
        }
    }
    Tally::counted(counts.into_iter().map(|count| count as f64).collect())
}

/// Sorted numbers, the missing ones last.
fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
    // One zero, and one way to be missing.
    numbers.iter_mut().for_each(|number| *number = if number.is_nan() { f64::NAN } else { *number + 0.0 });
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

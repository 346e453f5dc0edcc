//! Computes the profile that a bundle carries: distributions of rows that the model did not learn from.

use super::{fit_bins, k_anonymity};
use crate::features::FeatureDefinition;
use crate::matrix::{Column, Matrix};
use crate::monitor::distribution::{Distribution, MOST_BINS};
use crate::monitor::profile::MEASURES;
use crate::monitor::profile::{Averaged, Profile, SketchRules};
use crate::monitor::watch::{choice, measures};
use crate::{Bundle, Error};

/// The profile of rows stored one after the other, with the true class of each.
///
/// # Errors
/// If the rows do not fit the bundle.
///
/// # Examples
/// ```
/// use nextbest_core::monitor::profile::SketchRules;
/// use nextbest_core::train::profile;
///
/// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// # let bundle = nextbest_core::Bundle::decode(bytes)?;
/// let rows: Vec<f32> = bundle.goldens.iter().flat_map(|golden| golden.row.clone()).collect();
/// let labels = vec![0; bundle.goldens.len()];
/// let profile = profile(&bundle, &rows, &labels, SketchRules::default())?;
/// assert_eq!(profile.rows as usize, labels.len());
/// assert_eq!(profile.labels[0] as usize, labels.len());
/// # Ok::<(), nextbest_core::Error>(())
/// ```
pub fn profile(
    bundle: &Bundle,
    rows: &[f32],
    labels: &[usize],
    sketches: SketchRules,
) -> Result<Profile, Error> {
    Counting { customers: None }.profile(bundle, rows, labels, sketches)
}

/// The profile of rows in which no customer may be identified. `customers` holds the customer of each row; no
/// number and no count belongs to fewer than [`LEAST_CUSTOMERS`](crate::monitor::profile::LEAST_CUSTOMERS).
/// `None` if there are fewer customers than that.
///
/// # Errors
/// As [`profile`].
pub fn profile_of_many(
    bundle: &Bundle,
    rows: &[f32],
    customers: &[usize],
    labels: &[usize],
    sketches: SketchRules,
) -> Result<Option<Profile>, Error> {
    let counting = Counting { customers: Some(customers) };
    k_anonymity::is_many(customers).then(|| counting.profile(bundle, rows, labels, sketches)).transpose()
}

/// How rows are counted: as they are, or only in cells of enough customers.
struct Counting<'c> {
    /// The customer of each row.
    customers: Option<&'c [usize]>,
}

impl Counting<'_> {
    fn numbers(&self, values: impl Iterator<Item = f32> + Clone, edges: &[f32]) -> Distribution {
        match self.customers {
            Some(customers) => k_anonymity::numbers(values, customers, edges),
            None => Distribution::of_numbers(values, edges.to_vec()),
        }
    }

    fn words(&self, values: impl Iterator<Item = f32> + Clone, words: usize) -> Distribution {
        match self.customers {
            Some(customers) => k_anonymity::words(values, customers, words),
            None => Distribution::of_words(values, words),
        }
    }

    fn profile(
        &self,
        bundle: &Bundle,
        rows: &[f32],
        labels: &[usize],
        sketches: SketchRules,
    ) -> Result<Profile, Error> {
        let rows = Matrix::new(rows, bundle.features.len())?;
        let classes = bundle.schema.class_count();
        let probabilities = bundle.scorer().score_batch(rows.values(), rows.height())?;
        let probabilities = Matrix::new(&probabilities, classes)?;
        let measured: Vec<_> = probabilities.rows().map(measures).collect();
        let means =
            |measure: usize| measured.iter().filter_map(move |row| row.get(measure)).map(|it| it.mean as f32);
        let none_class = bundle.schema.none_class();
        let choices = probabilities.rows().map(|row| choice(row, none_class));
        let choices = choices.map(|class| class.map_or(f32::NAN, |class| class as f32));
        let of_labels = self.words(labels.iter().map(|label| *label as f32), classes);
        let of_features = fit_bins(rows, MOST_BINS)?;
        let of_probabilities = fit_bins(probabilities, MOST_BINS)?;
        let feature = |(at, (feature, values)): (usize, (&FeatureDefinition, Column<'_, f32>))| match feature
            .words(&bundle.schema)
        {
            Some(words) => self.words(values, words.len()),
            None => self.numbers(values, of_features.edges(at)),
        };
        let probability = |(class, values): (usize, Column<'_, f32>)| {
            let distribution = self.numbers(values.clone(), of_probabilities.edges(class));
            let means = means_of_bins(&distribution, values.map(|value| (value, f64::from(value))));
            Averaged { means, variances: Vec::new(), distribution }
        };
        let measure = |measure: usize| {
            let values = means(measure);
            let bins = fit_bins(Matrix::new(&values.clone().collect::<Vec<f32>>(), 1)?, MOST_BINS)?;
            let distribution = self.numbers(values, bins.edges(0));
            let of_measure = || measured.iter().filter_map(|row| row.get(measure));
            let means = means_of_bins(&distribution, of_measure().map(|it| (it.mean as f32, it.mean)));
            let variances =
                means_of_bins(&distribution, of_measure().map(|it| (it.mean as f32, it.variance)));
            Ok(Averaged { distribution, means, variances })
        };
        Ok(Profile {
            rows: u32::try_from(rows.height()).unwrap_or(u32::MAX),
            features: bundle.features.iter().zip(rows.columns()).enumerate().map(feature).collect(),
            probabilities: probabilities.columns().enumerate().map(probability).collect(),
            measures: (0..MEASURES).map(measure).collect::<Result<_, Error>>()?,
            choices: self.words(choices, classes),
            labels: if labels.is_empty() {
                Vec::new()
            } else {
                of_labels.counts.into_iter().skip(1).collect()
            },
            sketches,
        })
    }
}

/// The mean of the rows' numbers in each bin; 0 for a bin without rows.
fn means_of_bins(distribution: &Distribution, rows: impl Iterator<Item = (f32, f64)>) -> Vec<f32> {
    let mut sums = vec![(0.0, 0.0); distribution.cells()];
    for (value, number) in rows {
        if let Some((sum, count)) = sums.get_mut(distribution.cell(value)) {
            *sum += number;
            *count += 1.0;
        }
    }
    sums.iter().skip(1).map(|(sum, count): &(f64, f64)| (sum / count.max(1.0)) as f32).collect()
}

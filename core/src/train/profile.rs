//! What rows look like that a model has not learned from: the profile that its bundle carries.

use super::fit_bins;
use crate::monitor::distribution::{Distribution, MOST_BINS};
use crate::monitor::profile::{Averaged, Profile, SketchRules};
use crate::monitor::watch::{MEASURES, choice, measures};
use crate::{Bundle, Error};

/// Describes rows that stand one after the other, and the classes that they turned out to be of.
///
/// # Errors
/// Where the rows do not fit the bundle.
pub fn profile(
    bundle: &Bundle,
    rows: &[f32],
    labels: &[usize],
    sketches: SketchRules,
) -> Result<Profile, Error> {
    let probabilities = Profile::score(bundle, rows)?;
    let (width, classes) = (bundle.features.len(), bundle.schema.class_count());
    let measured: Vec<_> = probabilities.chunks_exact(classes.max(1)).map(measures).collect();
    let means =
        |measure: usize| measured.iter().filter_map(move |row| row.get(measure)).map(|it| it.mean as f32);
    let none_class = bundle.schema.none_class();
    let choices = probabilities.chunks_exact(classes.max(1)).map(|row| choice(row, none_class));
    let choices = choices.map(|class| class.map_or(f32::NAN, |class| class as f32));
    let mut counts = vec![0u32; classes];
    for label in labels {
        if let Some(count) = counts.get_mut(*label) {
            *count = count.saturating_add(1);
        }
    }
    let of_features = fit_bins(rows, width, MOST_BINS)?;
    let of_probabilities = fit_bins(&probabilities, classes, MOST_BINS)?;
    let feature = |(at, feature): (usize, &crate::features::FeatureDefinition)| {
        let values = rows.iter().skip(at).step_by(width.max(1)).copied();
        match feature.words(&bundle.schema) {
            Some(words) => Distribution::of_words(values, words.len()),
            None => Distribution::of_numbers(values, of_features.edges(at).to_vec()),
        }
    };
    let probability = |class: usize| {
        let values = probabilities.iter().skip(class).step_by(classes.max(1)).copied();
        let distribution = Distribution::of_numbers(values.clone(), of_probabilities.edges(class).to_vec());
        let means = means_of_bins(&distribution, values.map(|value| (value, f64::from(value))));
        Averaged { means, variances: Vec::new(), distribution }
    };
    let measure = |measure: usize| {
        let values = means(measure);
        let edges = fit_bins(&values.clone().collect::<Vec<f32>>(), 1, MOST_BINS)?.edges(0).to_vec();
        let distribution = Distribution::of_numbers(values, edges);
        let of_measure = || measured.iter().filter_map(|row| row.get(measure));
        let means = means_of_bins(&distribution, of_measure().map(|it| (it.mean as f32, it.mean)));
        let variances = means_of_bins(&distribution, of_measure().map(|it| (it.mean as f32, it.variance)));
        Ok(Averaged { distribution, means, variances })
    };
    Ok(Profile {
        rows: u32::try_from(rows.len() / width.max(1)).unwrap_or(u32::MAX),
        features: bundle.features.iter().enumerate().map(feature).collect(),
        probabilities: (0..classes).map(probability).collect(),
        measures: (0..MEASURES).map(measure).collect::<Result<_, Error>>()?,
        choices: Distribution::of_words(choices, classes),
        labels: if labels.is_empty() { Vec::new() } else { counts },
        sketches,
    })
}

/// The mean of what rows have, bin by bin of where they lie; 0 in a bin without rows.
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

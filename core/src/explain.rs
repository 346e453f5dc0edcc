//! Reasons: how much a probability owes to each feature.
//!
//! The method is one-at-a-time replacement: a feature's contribution to an offer is the offer's probability minus the
//! probability that the same model gives when that feature alone is set to its value in the bundle's reference row
//! (the training rows' medians). It is exact for the question "what if only this were typical?", for every kind of
//! model; contributions of features that act together need not add up to the whole difference.

use serde::Serialize;

use crate::Error;
use crate::features::FeatureDefinition;
use crate::model::bundle::Bundle;
use crate::score::Scorer;

/// A feature's part in a probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The feature's name.
    pub feature: String,
    /// What it is, in words.
    pub label: String,
    /// The customer's value; `None` where it is missing, or too large for a number of 32 bits.
    pub value: Option<f32>,
    /// The probability minus what it would be with this feature typical, between −1 and 1.
    pub contribution: f32,
}

/// The method's name, as it stands beside the reasons.
pub const METHOD: &str = "one-at-a-time replacement by the reference row";

/// For each feature, the change in each class's probability that its replacement undoes: row by row, `classes` values
/// a feature.
///
/// # Errors
/// [`Error::RowLength`] where the row does not fit the bundle.
pub fn contributions(bundle: &Bundle, row: &[f32]) -> Result<Vec<f32>, Error> {
    let mut scorer = Scorer::new(bundle);
    let base = scorer.score(row)?.to_vec();
    let mut replaced = row.to_vec();
    let mut contributions = Vec::with_capacity(row.len() * base.len());
    for (feature, (value, reference)) in row.iter().zip(&bundle.reference).enumerate() {
        // The same bin scores the same: nothing to compute.
        if bundle.bins.bin(feature, *value) == bundle.bins.bin(feature, *reference) {
            contributions.extend(core::iter::repeat_n(0.0, base.len()));
            continue;
        }
        if let Some(slot) = replaced.get_mut(feature) {
            *slot = *reference;
        }
        contributions.extend(base.iter().zip(scorer.score(&replaced)?).map(|(with, without)| with - without));
        if let Some(slot) = replaced.get_mut(feature) {
            *slot = *value;
        }
    }
    Ok(contributions)
}

/// The features that speak most for a class, the strongest first; at most `most`, and only those that do speak for it.
pub fn reasons(
    features: &[FeatureDefinition],
    row: &[f32],
    contributions: &[f32],
    class_count: usize,
    class: usize,
    most: usize,
) -> Vec<Reason> {
    let of_class = contributions.chunks_exact(class_count.max(1)).map(|classes| classes.get(class).copied());
    let mut reasons: Vec<Reason> = features
        .iter()
        .zip(row)
        .zip(of_class)
        .filter_map(|((feature, value), contribution)| {
            Some(Reason {
                feature: feature.name.clone(),
                label: feature.label.clone(),
                value: value.is_finite().then_some(*value),
                contribution: contribution.filter(|contribution| *contribution > 0.0)?,
            })
        })
        .collect();
    // Stable: equal contributions stay in feature order.
    reasons.sort_by(|a, b| b.contribution.total_cmp(&a.contribution));
    reasons.truncate(most);
    reasons
}

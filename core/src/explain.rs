//! Reasons: which of a customer's features speak for an offer, in words.
//!
//! A feature's contribution is its exact Shapley value ([`contributions`]): how much replacing the reference
//! row's value (the median of the training rows) by the customer's changes the model's output, averaged over
//! all orders in which the features can be replaced one by one. The contributions add up to the whole
//! difference between customer and reference. Features that measure the same thing over different windows
//! form one reason with the sum of their contributions.

mod counterfactual;
mod groups;
mod words;

use serde::Serialize;

use crate::Error;
use crate::bundle::Bundle;
use crate::features::FeatureDefinition;
pub use crate::model::contributions::Contributions;
pub use counterfactual::{Change, Counterfactual, MAX_CHANGES, counterfactual};

/// Something that speaks for an offer: one or more features that measure the same thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The name of the feature that contributes most.
    pub feature: String,
    /// Its label.
    pub label: String,
    /// Its label and the customer's value in words: `3 fees in 90 days`.
    pub text: String,
    /// The customer's value; `None` if it is missing or beyond the range of `f32`.
    pub value: Option<f32>,
    /// The word that the value stands for, if the feature is a category.
    pub word: Option<String>,
    /// The sum of the features' contributions, in the unit of [`method`]; above 0.
    pub contribution: f32,
    /// The features that contribute, the greatest contribution first.
    pub features: Vec<ReasonPart>,
}

/// A feature's part in a reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReasonPart {
    /// The feature's name.
    pub feature: String,
    /// The feature's label.
    pub label: String,
    /// The customer's value; `None` if it is missing or beyond the range of `f32`.
    pub value: Option<f32>,
    /// The word that the value stands for, if the feature is a category.
    pub word: Option<String>,
    /// Its contribution; below 0 if it speaks against the offer.
    pub contribution: f32,
}

/// How a bundle's contributions are measured, in words that are shown beside the reasons.
pub fn method(bundle: &Bundle) -> &'static str {
    match (bundle.model.adds_scores(), bundle.schema.none_class()) {
        (false, _) => "exact Shapley values of the probability before calibration, against the reference row",
        (true, Some(_)) => {
            "exact Shapley values of the log-odds against taking nothing, before calibration, against the \
             reference row"
        }
        (true, None) => {
            "exact Shapley values of the log-odds against the classes' geometric mean, before calibration, \
             against the \
             reference row"
        }
    }
}

/// The contribution of each feature to the output of each class.
///
/// # Errors
/// [`Error::RowLength`] if the row does not fit the bundle.
///
/// # Examples
/// ```
/// use nextbest_core::Bundle;
/// use nextbest_core::explain::contributions;
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// let bundle = Bundle::decode(bytes)?;
/// let row = &bundle.goldens[0].row;
/// let contributions = contributions(&bundle, row)?;
/// // For each class they add up to the difference between the row and the reference.
/// for class in 0..bundle.schema.class_count() {
///     let difference = contributions.outputs[class] - contributions.base[class];
///     assert!((contributions.of(class).sum::<f64>() - difference).abs() < 1e-6);
/// }
/// # Ok::<(), nextbest_core::Error>(())
/// ```
pub fn contributions(bundle: &Bundle, row: &[f32]) -> Result<Contributions, Error> {
    let classes: Vec<usize> = (0..bundle.schema.class_count()).collect();
    contributions_to(bundle, row, &classes)
}

/// The contribution of each feature to the outputs of some classes; faster than for all.
///
/// # Errors
/// [`Error::RowLength`] if the row does not fit the bundle.
pub fn contributions_to(bundle: &Bundle, row: &[f32], classes: &[usize]) -> Result<Contributions, Error> {
    let width = bundle.bins.feature_count();
    let bins = |row: &[f32]| match row.len() == width {
        true => {
            let mut bins = vec![0; width];
            bundle.bins.bin_row(row, &mut bins);
            Ok(bins)
        }
        false => Err(Error::RowLength { expected: width, actual: row.len() }),
    };
    let contributions = bundle.model.contributions(&bins(row)?, &bins(&bundle.reference)?, classes);
    contributions.ok_or(Error::RowLength { expected: width, actual: row.len() })
}

/// The contribution of each feature to some classes, as reasons measure it ([`method`]): to the probability,
/// or to the score minus the score of taking nothing. If there is no such class, minus the mean of all
/// scores, since softmax does not depend on what all scores have in common.
///
/// # Errors
/// [`Error::RowLength`] if the row does not fit the bundle.
pub fn contributions_to_offers(
    bundle: &Bundle,
    row: &[f32],
    classes: &[usize],
) -> Result<Contributions, Error> {
    if !bundle.model.adds_scores() {
        return contributions_to(bundle, row, classes);
    }
    match bundle.schema.none_class() {
        Some(none) => {
            let with_none: Vec<usize> = classes.iter().copied().chain([none]).collect();
            let contributions = contributions_to(bundle, row, &with_none)?;
            Ok(against(&contributions, classes, |scores| scores.last().map_or(f64::NAN, |of_none| *of_none)))
        }
        None => {
            let contributions = contributions(bundle, row)?;
            Ok(against(&contributions, classes, |scores| {
                scores.iter().sum::<f64>() / scores.len().max(1) as f64
            }))
        }
    }
}

/// The contributions to some of the classes, relative to a level computed from all classes.
fn against(all: &Contributions, classes: &[usize], level: impl Fn(&[f64]) -> f64) -> Contributions {
    let place = |class: &usize| Some((*class, all.classes.iter().position(|other| other == class)?));
    let places: Vec<(usize, usize)> = classes.iter().filter_map(place).collect();
    let less = |values: &[f64]| {
        let mut kept = Vec::with_capacity(values.len());
        for scores in values.chunks_exact(all.classes.len().max(1)) {
            let level = level(scores);
            kept.extend(places.iter().filter_map(|(_, place)| Some(scores.get(*place)? - level)));
        }
        kept
    };
    Contributions {
        classes: places.iter().map(|(class, _)| *class).collect(),
        base: less(&all.base),
        outputs: less(&all.outputs),
        values: less(&all.values),
    }
}

/// A row with the contributions of its features to some offers.
#[derive(Debug, Clone)]
pub struct Explained<'b> {
    bundle: &'b Bundle,
    row: &'b [f32],
    /// The moment that the customer was seen from.
    as_of: i64,
    /// The group of each feature.
    groups: Vec<usize>,
    contributions: Contributions,
}

impl<'b> Explained<'b> {
    /// Computes the contributions of a row's features to some classes. `as_of` (seconds since 1970-01-01) is
    /// the moment that the row was computed for.
    ///
    /// # Errors
    /// [`Error::RowLength`] if the row does not fit the bundle.
    pub fn new(bundle: &'b Bundle, row: &'b [f32], as_of: i64, classes: &[usize]) -> Result<Self, Error> {
        let contributions = contributions_to_offers(bundle, row, classes)?;
        Ok(Self { bundle, row, as_of, groups: groups::groups(&bundle.features), contributions })
    }

    /// The contributions of the features.
    pub fn contributions(&self) -> &Contributions {
        &self.contributions
    }

    /// Up to `most` reasons for a class, the strongest first. Reasons against it are left out.
    pub fn reasons(&self, class: usize, most: usize) -> Vec<Reason> {
        let group_count = self.groups.iter().max().map_or(0, |last| last + 1);
        let mut sums = vec![0.0; group_count];
        for (group, contribution) in self.groups.iter().zip(self.contributions.of(class)) {
            if let Some(sum) = sums.get_mut(*group) {
                *sum += contribution;
            }
        }
        let mut strongest: Vec<(usize, f64)> = sums.into_iter().enumerate().collect();
        // A forest with extreme leaf values may have contributions beyond the range of `f32`.
        strongest.retain(|(_, sum)| *sum as f32 > 0.0 && (*sum as f32).is_finite());
        // Stable: equally strong groups stay in the order of their first features.
        strongest.sort_by(|a, b| b.1.total_cmp(&a.1));
        strongest.truncate(most);
        strongest.into_iter().filter_map(|(group, sum)| self.reason(class, group, sum)).collect()
    }

    fn reason(&self, class: usize, group: usize, sum: f64) -> Option<Reason> {
        let features = self.bundle.features.iter().zip(self.row).zip(self.contributions.of(class));
        let mut members: Vec<_> = features
            .zip(&self.groups)
            .filter(|((_, contribution), other)| **other == group && *contribution != 0.0)
            .map(|(((feature, value), contribution), _)| (feature, *value, contribution))
            .collect();
        members.sort_by(|a, b| b.2.total_cmp(&a.2));
        let (feature, value, _) = *members.first()?;
        let strongest = self.part(feature, value, sum);
        Some(Reason {
            text: words::text(feature, &self.bundle.schema, value, self.as_of),
            features: members.into_iter().map(|(f, value, part)| self.part(f, value, part)).collect(),
            feature: strongest.feature,
            label: strongest.label,
            value: strongest.value,
            word: strongest.word,
            contribution: strongest.contribution,
        })
    }

    fn part(&self, feature: &FeatureDefinition, value: f32, contribution: f64) -> ReasonPart {
        ReasonPart {
            feature: feature.name.clone(),
            label: feature.label.clone(),
            value: value.is_finite().then_some(value),
            word: feature.word_of(&self.bundle.schema, value).map(Into::into),
            contribution: contribution as f32,
        }
    }
}

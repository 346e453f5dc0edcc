//! Profiles: distributions of rows that the model did not learn from, carried by a bundle. They are the
//! reference for monitoring when there is no table to compare with.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use crate::decode::bounded::list;
use crate::features::FeatureDefinition;
use crate::schema::Schema;

/// The number of quality measures ([`measures`](super::watch::measures)).
pub const MEASURES: usize = 3;
/// The most rows that a sketch counts, unless it was merged.
pub const MOST_ROWS: u64 = 65_535;
/// The least number of customers behind any count in a bundle, so that it identifies none of them.
pub const LEAST_CUSTOMERS: usize = 10;

/// The distributions of some rows' features and of the model's answers for them.
///
/// # Examples
/// ```
/// use nextbest_core::Bundle;
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/features.bundle"));
/// let bundle = Bundle::decode(bytes)?;
/// let profile = bundle.profile.as_ref().unwrap();
/// assert_eq!(profile.features.len(), bundle.features.len());
/// // Every distribution counts each row once.
/// assert!(profile.distributions().all(|counted| counted.rows() == u64::from(profile.rows)));
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The number of rows.
    pub rows: u32,
    /// The distribution of each feature.
    #[serde(deserialize_with = "list")]
    pub features: Vec<Distribution>,
    /// The distribution of each class's probability.
    #[serde(deserialize_with = "list")]
    pub probabilities: Vec<Averaged>,
    /// The distribution of each quality measure, in the order of [`measures`](super::watch::measures).
    #[serde(deserialize_with = "list")]
    pub measures: Vec<Averaged>,
    /// The distribution of the most probable class other than NONE.
    pub choices: Distribution,
    /// The number of rows of each true class; empty if unknown.
    #[serde(deserialize_with = "list")]
    pub labels: Vec<u32>,
    /// How rows are counted at the place where they are scored.
    pub sketches: SketchRules,
}

/// A distribution of numbers, with the means of its bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Averaged {
    /// The cells.
    pub distribution: Distribution,
    /// The mean of the numbers in each bin.
    #[serde(deserialize_with = "list")]
    pub means: Vec<f32>,
    /// For measures: the mean, over the rows in each bin, of the measure's variance over the row's possible
    /// labels. Empty for probabilities.
    #[serde(deserialize_with = "list")]
    pub variances: Vec<f32>,
}

/// How rows are counted at the place where they are scored, so that what is handed out says nothing about a
/// single row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SketchRules {
    /// Sketches of fewer rows are not handed out. Does not apply to randomised rows.
    pub minimum_rows: u32,
    /// The ε of local differential privacy with which rows are randomised before they are counted; `None` to
    /// count them as they are.
    pub epsilon: Option<f32>,
}

impl Default for SketchRules {
    /// At least twenty rows, not randomised.
    fn default() -> Self {
        Self { minimum_rows: 20, epsilon: None }
    }
}

/// The greatest ε that still deserves the name of privacy.
pub const MOST_EPSILON: f32 = 10.0;

impl Profile {
    /// All distributions that a row is counted in: features, probabilities, measures, choice.
    pub fn distributions(&self) -> impl Iterator<Item = &Distribution> {
        let averaged = self.probabilities.iter().chain(&self.measures).map(|it| &it.distribution);
        self.features.iter().chain(averaged).chain([&self.choices])
    }

    /// Checks that the profile is sound and fits a schema and its features.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub(crate) fn check(&self, schema: &Schema, features: &[FeatureDefinition]) -> Result<(), String> {
        let classes = schema.class_count();
        if self.features.len() != features.len()
            || self.probabilities.len() != classes
            || self.measures.len() != MEASURES
        {
            return Err("the profile is for other features or classes".into());
        }
        if !(self.labels.is_empty() || self.labels.len() == classes) {
            return Err("the profile counts labels for other classes".into());
        }
        for (feature, distribution) in features.iter().zip(&self.features) {
            let words = feature.words(schema).map(<[String]>::len);
            distribution
                .check(words)
                .map_err(|what| format!("the profile of {} has {what}", feature.name))?;
        }
        for (averaged, variances) in
            self.probabilities.iter().map(|it| (it, false)).chain(self.measures.iter().map(|it| (it, true)))
        {
            averaged.check(variances).map_err(|what| format!("the profile of scores has {what}"))?;
        }
        self.choices.check(Some(classes)).map_err(|what| format!("the profile of choices has {what}"))?;
        if self.distributions().any(|it| it.rows() != u64::from(self.rows)) {
            return Err("the profile does not count each row once".into());
        }
        if u64::from(self.sketches.minimum_rows) > MOST_ROWS {
            return Err(format!("the profile asks for sketches of more rows than the limit of {MOST_ROWS}"));
        }
        match self.sketches.epsilon {
            Some(epsilon) if !(epsilon > 0.0 && epsilon <= MOST_EPSILON) => {
                Err(format!("the profile's epsilon is {epsilon}, expected above 0 and up to {MOST_EPSILON}"))
            }
            _ => Ok(()),
        }
    }
}

impl Averaged {
    fn check(&self, has_variances: bool) -> Result<(), &'static str> {
        self.distribution.check(None)?;
        let bins = self.distribution.cells() - 1;
        let variances = if has_variances { bins } else { 0 };
        let numbers = self.means.iter().chain(&self.variances);
        if self.means.len() != bins || self.variances.len() != variances {
            return Err("means for other bins");
        }
        match numbers.clone().all(|number| number.is_finite() && *number >= 0.0) {
            true => Ok(()),
            false => Err("means that are not finite numbers of at least 0"),
        }
    }
}

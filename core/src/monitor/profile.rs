//! What rows looked like that the model has not learned from, as a bundle remembers it: the reference of all
//! monitoring where there is no table to compare with.

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use crate::decode::bounded::list;
use crate::features::FeatureDefinition;
use crate::schema::Schema;

/// How many measures of quality there are ([`measures`](super::watch::measures)).
pub const MEASURES: usize = 3;
/// No sketch counts more rows, but where several were merged.
pub const MOST_ROWS: u64 = 65_535;
/// What a bundle tells of rows is of so many customers at least: who is one of them is not known by it.
pub const LEAST_CUSTOMERS: usize = 10;

/// Some rows: what their features, and the model's answers, were.
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
    /// How many rows it is of.
    pub rows: u32,
    /// Of each feature.
    #[serde(deserialize_with = "list")]
    pub features: Vec<Distribution>,
    /// Of each class's probability.
    #[serde(deserialize_with = "list")]
    pub probabilities: Vec<Averaged>,
    /// Of what the probabilities say about their own quality, in the order of [`MEASURES`].
    #[serde(deserialize_with = "list")]
    pub measures: Vec<Averaged>,
    /// Of the most probable class other than NONE.
    pub choices: Distribution,
    /// How many of the rows turned out to be of each class.
    #[serde(deserialize_with = "list")]
    pub labels: Vec<u32>,
    /// How customers' rows are counted where they are scored.
    pub sketches: SketchRules,
}

/// A distribution of numbers that is precise enough for means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Averaged {
    /// The cells.
    pub distribution: Distribution,
    /// The mean of the numbers in each bin.
    #[serde(deserialize_with = "list")]
    pub means: Vec<f32>,
    /// Of what is expected (a measure): the mean, over the rows in each bin, of its variance over a row's
    /// possible labels. None of probabilities.
    #[serde(deserialize_with = "list")]
    pub variances: Vec<f32>,
}

/// How customers' rows are counted where they are scored, so that what leaves their side says nothing about
/// one of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SketchRules {
    /// Fewer rows than this are not handed out. (Rows that are randomised are, one by one.)
    pub minimum_rows: u32,
    /// Where rows are randomised before they are counted: the ε of their local differential privacy.
    pub epsilon: Option<f32>,
}

impl Default for SketchRules {
    /// Twenty rows at least, counted as they are.
    fn default() -> Self {
        Self { minimum_rows: 20, epsilon: None }
    }
}

/// The greatest ε that is still called privacy.
pub const MOST_EPSILON: f32 = 10.0;

impl Profile {
    /// All distributions that a row is counted in: features, probabilities, measures, choice.
    pub fn distributions(&self) -> impl Iterator<Item = &Distribution> {
        let averaged = self.probabilities.iter().chain(&self.measures).map(|it| &it.distribution);
        self.features.iter().chain(averaged).chain([&self.choices])
    }

    /// Checks that it is sound, and of these features and classes.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn check(&self, schema: &Schema, features: &[FeatureDefinition]) -> Result<(), String> {
        let classes = schema.class_count();
        if self.features.len() != features.len()
            || self.probabilities.len() != classes
            || self.measures.len() != MEASURES
        {
            return Err("the profile is of other features or classes".into());
        }
        if !(self.labels.is_empty() || self.labels.len() == classes) {
            return Err("the profile counts labels of other classes".into());
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
            return Err(format!(
                "the profile asks for sketches of more than {MOST_ROWS} rows, which there are not"
            ));
        }
        match self.sketches.epsilon {
            Some(epsilon) if !(epsilon > 0.0 && epsilon <= MOST_EPSILON) => {
                Err(format!("the profile's epsilon is {epsilon}, not above 0 and up to {MOST_EPSILON}"))
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
            return Err("means of other bins");
        }
        match numbers.clone().all(|number| number.is_finite() && *number >= 0.0) {
            true => Ok(()),
            false => Err("means that are not numbers from 0"),
        }
    }
}

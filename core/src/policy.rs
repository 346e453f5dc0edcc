//! From probabilities to offers: which products a customer may be offered, in which order, and why not the
//! others.
//!
//! A policy is data: a bank writes it in its config, the bundle carries it, and it is applied where the
//! customer is. A case passes through it in one direction: hard stops → rules, product by product →
//! arbitration → experiment → offers.

mod arbitration;
mod eligibility;
mod experiment;
mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::decode::bounded::list;
use crate::features::{FeatureDefinition, Test};
use crate::names::{MAX_NAME, shown};
use crate::schema::Schema;
pub use arbitration::{Chosen, Factors};
pub(crate) use arbitration::{Draw, choose, refused};
pub use eligibility::{Case, Stop, Withheld};
pub use experiment::{Arm, Experiment};
pub use words::Words;

/// How offers are chosen.
///
/// # Examples
/// ```
/// use nextbest_core::customers::read_customer;
/// use nextbest_core::policy::PolicyDefinition;
/// use nextbest_core::recommend::Options;
/// use nextbest_core::{Bundle, Recommender};
///
/// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// # let rows = r#"{
/// #     "customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02", "DATEOFBIRTH": "1990-05-01"},
/// #     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]
/// # }"#;
/// let mut bundle = Bundle::decode(bytes)?;
/// bundle.policy = PolicyDefinition { min_probability: 1.0, ..PolicyDefinition::default() };
/// bundle.policy.fallback = Some("a talk".into());
/// let recommender = Recommender::load(&bundle.encode()?)?;
/// let customers = read_customer(recommender.schema(), rows)?;
/// let answer = recommender.recommend(&customers.get(0).unwrap(), Options::new(1_782_864_000, 3))?;
/// assert!(answer.offers.is_empty());
/// assert_eq!(answer.fallback.as_deref(), Some("a talk"));
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDefinition {
    /// What offers are ranked by.
    pub rank_by: RankBy,
    /// Offers less probable than this are withheld.
    pub min_probability: f32,
    /// The terms of each product, in the schema's order; empty if all have the defaults.
    #[serde(deserialize_with = "list")]
    pub terms: Vec<Terms>,
    /// What gates and weights test. Measures are computed like features, but the model does not read them.
    #[serde(deserialize_with = "list")]
    pub measures: Vec<FeatureDefinition>,
    /// Conditions that a customer must pass.
    #[serde(deserialize_with = "list")]
    pub gates: Vec<Gate>,
    /// Weights of products in the customer's situation.
    #[serde(deserialize_with = "list")]
    pub weights: Vec<ContextWeight>,
    /// The most offers of one category in an answer; unlimited if absent.
    pub most_per_category: Option<u16>,
    /// What to show if no product is left to offer.
    pub fallback: Option<String>,
    /// The holdout, and the randomness of the order.
    pub experiment: Option<Experiment>,
    /// The positions of the features that a customer could change; a counterfactual changes only these.
    #[serde(deserialize_with = "list")]
    pub mutable: Vec<u16>,
}

/// What offers are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RankBy {
    /// The probability that the customer takes the product.
    #[default]
    Probability,
    /// That probability times the product's value; every product must have one.
    ExpectedValue,
}

/// The terms of a product, in addition to the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// The category of the product, for the diversity of offers.
    pub category: Option<String>,
    /// The value of one sale to the bank, in its currency; overrides the schema's.
    pub value: Option<f64>,
    /// A factor of the product's priority: above 1 promotes it, below 1 holds it back.
    pub lever: f64,
    /// The first day on which it is offered, in days since 1970-01-01.
    pub launch: Option<u32>,
    /// The first day on which it is no longer offered, in days since 1970-01-01.
    pub retire: Option<u32>,
    /// The channels in which it is offered; all if empty.
    #[serde(deserialize_with = "list")]
    pub channels: Vec<String>,
}

impl Default for Terms {
    fn default() -> Self {
        Self { category: None, value: None, lever: 1.0, launch: None, retire: None, channels: Vec::new() }
    }
}

/// A condition that a customer must pass for some products to be offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// The rule's name, as shown beside the products that it withholds: `minimum tenure`, `contact cap`, …
    pub rule: String,
    /// The condition that must hold.
    pub condition: MeasureTest,
    /// The products that it applies to, by position; all if empty.
    #[serde(deserialize_with = "list")]
    pub products: Vec<u16>,
    /// The channels in which it applies; all if empty.
    #[serde(deserialize_with = "list")]
    pub channels: Vec<String>,
    /// Whether a customer who fails is not scored at all: a customer who objects to profiling is not
    /// profiled.
    pub stops: bool,
}

/// A factor of the priority of some products.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextWeight {
    /// When it applies; always if absent.
    pub condition: Option<MeasureTest>,
    /// The products that it applies to, by position; all if empty.
    #[serde(deserialize_with = "list")]
    pub products: Vec<u16>,
    /// The channels in which it applies; all if empty.
    #[serde(deserialize_with = "list")]
    pub channels: Vec<String>,
    /// The factor.
    pub weight: f64,
}

/// A test of one measure. It holds only if it holds for every value that the customer's rows leave possible;
/// an unknown word passes only "is not missing".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureTest {
    /// The position of the measure.
    pub measure: u16,
    /// The test.
    pub test: Test,
    /// Whether a missing value passes.
    pub missing: bool,
}

impl PolicyDefinition {
    /// Checks that the policy fits the schema's products, and that its tests fit the kinds of its measures;
    /// not that the measures can be computed.
    ///
    /// # Errors
    /// A message about the first part that does not fit.
    pub fn check(&self, schema: &Schema, feature_count: usize) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.min_probability) {
            return Err(format!(
                "the policy's minimum probability is {}, expected 0 to 1",
                self.min_probability
            ));
        }
        let products = schema.products();
        let mut valued = products.iter().enumerate();
        if let (RankBy::ExpectedValue, Some((_, product))) =
            (self.rank_by, valued.find(|(position, _)| self.value(schema, *position).is_none()))
        {
            return Err(format!(
                "offers are ranked by expected value, but product `{}` has no value",
                product.name
            ));
        }
        if !self.terms.is_empty() && self.terms.len() != products.len() {
            return Err(format!("{} terms for {} products", self.terms.len(), products.len()));
        }
        let is_factor = |factor: f64| factor.is_finite() && factor >= 0.0;
        if let Some(terms) = self.terms.iter().find(|terms| !is_factor(terms.lever)) {
            return Err(format!("a lever is {}, expected a number of at least 0", terms.lever));
        }
        if let Some(value) =
            self.terms.iter().filter_map(|terms| terms.value).find(|value| !value.is_finite())
        {
            return Err(format!("a product's value is {value}, expected a finite number"));
        }
        if let Some(weight) = self.weights.iter().find(|weight| !is_factor(weight.weight)) {
            return Err(format!("a weight is {}, expected a number of at least 0", weight.weight));
        }
        if self.most_per_category == Some(0) {
            return Err("most_per_category is 0, which leaves nothing to offer".into());
        }
        self.check_kinds(schema)?;
        let products_of = self.gates.iter().map(|gate| &gate.products);
        let mut of = products_of.chain(self.weights.iter().map(|weight| &weight.products)).flatten();
        if of.any(|product| usize::from(*product) >= products.len()) {
            return Err("the policy names a product that does not exist".into());
        }
        let names = self.gates.iter().map(|gate| &gate.rule).chain(&self.fallback);
        if let Some(name) = names.into_iter().find(|name| name.is_empty() || name.len() > MAX_NAME) {
            return Err(format!("`{}` is empty or has more than {MAX_NAME} bytes", shown(name)));
        }
        if !self.mutable.is_sorted_by(|a, b| a < b) {
            return Err("the mutable features are not in ascending order".into());
        }
        if self.mutable.iter().any(|feature| usize::from(*feature) >= feature_count) {
            return Err("a mutable feature does not exist".into());
        }
        self.experiment.as_ref().map_or(Ok(()), Experiment::check)
    }

    /// The value of one sale: the policy's, or else the schema's.
    pub(crate) fn value(&self, schema: &Schema, product: usize) -> Option<f64> {
        let own = self.terms.get(product).and_then(|terms| terms.value);
        own.or_else(|| schema.products().get(product)?.value)
    }

    /// The channels that the policy names, in alphabetical order.
    pub fn channels(&self) -> BTreeSet<&str> {
        let terms = self.terms.iter().map(|terms| &terms.channels);
        let gates = self.gates.iter().map(|gate| &gate.channels);
        let weights = self.weights.iter().map(|weight| &weight.channels);
        terms.chain(gates).chain(weights).flatten().map(String::as_str).collect()
    }
}

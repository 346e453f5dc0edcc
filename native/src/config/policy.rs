//! The policy as config.yaml writes it, in the words of a bank.

mod builder;

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::conditions::ConditionConfig;
use super::features::{FeatureConfig, Window};
pub use builder::PolicyContext;

/// What may be offered.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// What offers are ranked by.
    pub rank_by: RankByConfig,
    /// Smallest probability of an offer.
    pub min_probability: f32,
    /// Smallest tenure of a customer with offers, in days.
    pub min_tenure_days: Option<u32>,
    /// Days without offers after a product was taken.
    pub min_gap_days: Option<u32>,
    /// What is asked of the customer's answers to requests for consent.
    pub consent: Vec<ConsentConfig>,
    /// How often a customer may be contacted.
    pub contact_caps: Vec<CapConfig>,
    /// Anything else that a customer must pass.
    pub gates: Vec<GateConfig>,
    /// What is known of products, by name.
    pub products: IndexMap<String, ProductTermsConfig>,
    /// What makes products weigh more or less.
    pub context: Vec<ContextConfig>,
    /// Most offers of one category.
    pub most_per_category: Option<u16>,
    /// What to show where no product is left to offer.
    pub fallback: Option<String>,
    /// A holdout, and exploration.
    pub experiment: Option<ExperimentConfig>,
    /// The features that a customer could change; a counterfactual changes no others.
    pub mutable: Vec<String>,
}

/// What offers are ranked by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankByConfig {
    /// The probability.
    #[default]
    Probability,
    /// The probability times the product's value.
    ExpectedValue,
}

/// What is asked of the latest answer to a request for consent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// The rule's name.
    pub rule: String,
    /// The event table with the answers.
    pub table: String,
    /// Which of its rows are about this consent.
    #[serde(default)]
    pub r#where: Vec<ConditionConfig>,
    /// The column with the answer.
    pub column: String,
    /// The answers that mean yes.
    pub granted: Vec<String>,
    /// Whether a customer who never answered counts as having said no.
    #[serde(default)]
    pub required: bool,
    /// Whether a customer who said no is not scored at all.
    #[serde(default)]
    pub stop: bool,
    /// Of which products; of all where none is named.
    #[serde(default)]
    pub products: Vec<String>,
    /// In which channels; in all where none is named.
    #[serde(default)]
    pub channels: Vec<String>,
}

/// How often a customer may be contacted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapConfig {
    /// The rule's name.
    #[serde(default = "contact_cap")]
    pub rule: String,
    /// The event table with the contacts.
    pub table: String,
    /// Which of its rows count.
    #[serde(default)]
    pub r#where: Vec<ConditionConfig>,
    /// Over how many days they are counted.
    pub window: Window,
    /// So many at most; no offers to who has had them.
    pub most: u32,
    /// In which channels; in all where none is named.
    #[serde(default)]
    pub channels: Vec<String>,
}

/// Something else that a customer must pass.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateConfig {
    /// The rule's name.
    pub rule: String,
    /// What is looked at.
    pub measure: MeasureConfig,
    /// What must hold of it: one test, without a column.
    pub must_be: ConditionConfig,
    /// Whether a customer passes whose value is missing.
    #[serde(default)]
    pub missing_passes: bool,
    /// Whether a customer who does not pass is not scored at all.
    #[serde(default)]
    pub stop: bool,
    /// Of which products; of all where none is named.
    #[serde(default)]
    pub products: Vec<String>,
    /// In which channels; in all where none is named.
    #[serde(default)]
    pub channels: Vec<String>,
}

/// What is looked at: a feature by its name, or a definition like a feature's.
#[derive(Debug, Clone)]
pub enum MeasureConfig {
    Feature(String),
    Own(Box<FeatureConfig>),
}

/// What is known of a product.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProductTermsConfig {
    /// What kind of product it is.
    pub category: Option<String>,
    /// What one taken product is worth, in place of what the products' table says.
    pub value: Option<f64>,
    /// What its priority is multiplied by; 1 where it is not given.
    pub lever: Option<f64>,
    /// The first day on which it is offered.
    pub launch: Option<String>,
    /// The first day on which it is offered no more.
    pub retire: Option<String>,
    /// The channels in which it is offered; all where none is named.
    pub channels: Vec<String>,
    /// Not to customers of fewer days.
    pub min_tenure_days: Option<u32>,
    /// Days after taking it in which it is not offered again.
    pub min_gap_days: Option<u32>,
    /// Greatest age in whole years to which it is offered.
    pub max_age: Option<f64>,
    /// Only to holders of all of these.
    pub requires: Vec<String>,
}

/// What makes products weigh more or less.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextConfig {
    /// What the priority is multiplied by.
    pub weight: f64,
    /// What is looked at; without it the weight holds for everybody.
    pub measure: Option<MeasureConfig>,
    /// For which values of it: one test, without a column.
    pub is: Option<ConditionConfig>,
    /// Of which products; of all where none is named.
    #[serde(default)]
    pub products: Vec<String>,
    /// In which channels; in all where none is named.
    #[serde(default)]
    pub channels: Vec<String>,
}

/// A holdout, and exploration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExperimentConfig {
    /// The field of the customer's own row that tells customers apart; the customer table's key where it is
    /// not given.
    pub key: Option<String>,
    /// Another salt draws another holdout.
    pub salt: String,
    /// The share of customers who get no offers.
    #[serde(default)]
    pub holdout: f64,
    /// How much of the order is left to chance.
    #[serde(default)]
    pub temperature: f64,
}

fn contact_cap() -> String {
    "contact cap".into()
}

impl<'de> Deserialize<'de> for MeasureConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrDefinition;

        impl<'de> Visitor<'de> for NameOrDefinition {
            type Value = MeasureConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a feature, or a definition like a feature's")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<MeasureConfig, E> {
                Ok(MeasureConfig::Feature(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MeasureConfig, A::Error> {
                let definition = FeatureConfig::deserialize(MapAccessDeserializer::new(map))?;
                Ok(MeasureConfig::Own(Box::new(definition)))
            }
        }

        deserializer.deserialize_any(NameOrDefinition)
    }
}

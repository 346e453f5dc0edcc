//! Which products may be offered to a customer, and in which order.

use serde::{Deserialize, Serialize};

use crate::customers::Customer;
use crate::schema::Schema;
use crate::snapshot::Snapshot;
use crate::time::DAY;

/// How offers are chosen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PolicyDefinition {
    /// What offers are ranked by.
    pub rank_by: RankBy,
    /// Offers less probable than this are withheld.
    pub min_probability: f32,
}

/// What offers are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RankBy {
    /// The probability that the customer takes the product.
    #[default]
    Probability,
    /// That probability times the product's value; every product must have one.
    ExpectedValue,
}

/// Why a product is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The customer holds it, and it can't be taken twice.
    AlreadyOwned,
    /// The customer is too young, or the date of birth is not known.
    MinimumAge,
    /// The customer is not probable enough to take it.
    MinimumProbability,
}

impl core::fmt::Display for Rule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Rule::AlreadyOwned => "already owned",
            Rule::MinimumAge => "minimum age",
            Rule::MinimumProbability => "minimum probability",
        })
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A product that is not offered, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Withheld {
    /// The product's name.
    pub product: String,
    /// The rule that forbids it.
    pub rule: Rule,
    /// The values that the rule compared, in words.
    pub detail: String,
}

impl PolicyDefinition {
    /// Checks that the policy can be applied to the schema's products.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.min_probability) {
            return Err(format!("the policy's least probability is {}, not 0 to 1", self.min_probability));
        }
        match schema.products().iter().find(|product| product.value.is_none()) {
            Some(product) if self.rank_by == RankBy::ExpectedValue => Err(format!(
                "offers are ranked by expected value, but product `{}` has no value",
                product.name
            )),
            _ => Ok(()),
        }
    }

    /// Whether a product is withheld from a customer at a cut-off (seconds since 1970-01-01), and why. `probability` is
    /// that of taking the product.
    pub fn withhold(
        &self,
        schema: &Schema,
        customer: &Customer<'_>,
        cutoff: i64,
        product: usize,
        probability: f32,
    ) -> Option<Withheld> {
        let declared = schema.products().get(product)?;
        let withheld = |rule, detail| Some(Withheld { product: declared.name.clone(), rule, detail });
        if !declared.repeatable && Snapshot::new(schema, cutoff).held(customer).contains(product) {
            return withheld(Rule::AlreadyOwned, "held now, and can't be taken twice".into());
        }
        if let Some(min_age) = declared.min_age.filter(|age| *age > 0.0) {
            match age_in_years(schema, customer, cutoff) {
                None => {
                    let detail = format!("from {min_age} years on, and the date of birth is not known");
                    return withheld(Rule::MinimumAge, detail);
                }
                Some(age) if age < min_age => {
                    return withheld(
                        Rule::MinimumAge,
                        format!("from {min_age} years on, the customer is {age:.1}"),
                    );
                }
                Some(_) => {}
            }
        }
        if probability < self.min_probability {
            let detail = format!("from {} on, it is {probability:.4}", self.min_probability);
            return withheld(Rule::MinimumProbability, detail);
        }
        None
    }
}

/// `None` where the date of birth is not known; a date that is not past was not known.
fn age_in_years(schema: &Schema, customer: &Customer<'_>, cutoff: i64) -> Option<f64> {
    let born = customer.attribute(schema.birth_date()?);
    let seconds = cutoff as f64 - born;
    (seconds > 0.0).then_some(seconds / DAY as f64 / 365.25)
}

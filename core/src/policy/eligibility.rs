//! The rules: what a customer may not be offered, and why.

use serde::Serialize;

use super::{Gate, MeasureTest, PolicyDefinition, RankBy, arbitration::Factors};
use crate::customers::Customer;
use crate::features::{FeatureDefinition, FeatureEngine, Test};
use crate::names::shown;
use crate::schema::{Product, Schema};
use crate::snapshot::{ProductSet, Snapshot};
use crate::time::{self, DAY};

/// A product that is not offered, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Withheld {
    /// The product's name.
    pub product: String,
    /// The rule that forbids it.
    pub rule: String,
    /// The values that the rule compared, in words.
    pub detail: String,
}

/// Why a customer is not scored at all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stop {
    /// The rule.
    pub rule: String,
    /// The values that the rule compared, in words.
    pub detail: String,
}

/// One customer at one moment in one channel, as the rules see them.
#[derive(Debug)]
pub struct Case<'a> {
    policy: &'a PolicyDefinition,
    schema: &'a Schema,
    customer: &'a Customer<'a>,
    as_of: i64,
    channel: Option<&'a str>,
    /// The values of the policy's measures.
    measures: Vec<f32>,
    held: ProductSet,
}

impl<'a> Case<'a> {
    /// A customer's case at a moment (seconds since 1970-01-01). `measures` computes the policy's measures.
    pub fn new(
        policy: &'a PolicyDefinition,
        measures: &FeatureEngine,
        schema: &'a Schema,
        customer: &'a Customer<'a>,
        as_of: i64,
        channel: Option<&'a str>,
    ) -> Self {
        let mut values = Vec::with_capacity(measures.len());
        measures.compute(customer, as_of, &mut values);
        let held = Snapshot::new(schema, as_of).held(customer);
        Self { policy, schema, customer, as_of, channel, measures: values, held }
    }

    /// Why this customer must not be scored, if so.
    pub fn stop(&self) -> Option<Stop> {
        let stops = |gate: &&Gate| gate.stops && self.is_in(&gate.channels) && !self.holds(&gate.condition);
        let gate = self.policy.gates.iter().find(stops)?;
        let (rule, detail) = refusal(&gate.rule, self.words(&gate.condition));
        Some(Stop { rule, detail })
    }

    /// Whether the product at a position is withheld, and why. `probability` is that of taking it.
    pub fn withhold(&self, position: usize, probability: f32) -> Option<Withheld> {
        let product = self.schema.products().get(position)?;
        let (rule, detail) = self
            .by_ownership(position, product)
            .or_else(|| self.by_age(product))
            .or_else(|| self.by_terms(position))
            .or_else(|| self.by_gates(position))
            .or_else(|| self.by_probability(probability))?;
        Some(Withheld { product: product.name.clone(), rule, detail })
    }

    /// What the product at a position is ranked by.
    pub fn factors(&self, position: usize, probability: f32) -> Factors {
        let value = match self.policy.rank_by {
            RankBy::Probability => 1.0,
            RankBy::ExpectedValue => self.policy.value(self.schema, position).unwrap_or(0.0),
        };
        let lever = self.policy.terms.get(position).map_or(1.0, |terms| terms.lever);
        let applies = |condition: &Option<MeasureTest>| condition.as_ref().is_none_or(|c| self.holds(c));
        let weights = self.policy.weights.iter().filter(|weight| {
            is_about(&weight.products, position) && self.is_in(&weight.channels) && applies(&weight.condition)
        });
        let context: f64 = weights.map(|weight| weight.weight).product();
        Factors::new(probability, value, context, lever)
    }

    fn by_ownership(&self, position: usize, product: &Product) -> Option<Refusal> {
        let owned = !product.repeatable && self.held.contains(position);
        owned.then(|| refusal("already owned", "held now, and can't be taken twice"))
    }

    fn by_age(&self, product: &Product) -> Option<Refusal> {
        let least = product.min_age.filter(|age| *age > 0.0)?;
        let detail = match age_in_years(self.schema, self.customer, self.as_of) {
            None => format!("from {least} years on, and the date of birth is not known"),
            Some(age) if age < least => format!("from {least} years on, the customer is {age:.1}"),
            Some(_) => return None,
        };
        Some(refusal("minimum age", detail))
    }

    fn by_terms(&self, position: usize) -> Option<Refusal> {
        let terms = self.policy.terms.get(position)?;
        let day = |day: u32| i64::from(day) * DAY;
        let date = |day: u32| time::format(i64::from(day) * DAY);
        if let Some(launch) = terms.launch.filter(|launch| self.as_of < day(*launch)) {
            return Some(refusal("launch date", format!("offered from {} on", date(launch))));
        }
        if let Some(retire) = terms.retire.filter(|retire| self.as_of >= day(*retire)) {
            return Some(refusal("retirement date", format!("offered until {}, no longer", date(retire))));
        }
        match self.is_in(&terms.channels) {
            true => None,
            false => {
                let here =
                    self.channel.map_or("no channel is named".into(), |channel| format!("not in {channel}"));
                Some(refusal("channel", format!("offered in {}, {here}", terms.channels.join(", "))))
            }
        }
    }

    fn by_gates(&self, position: usize) -> Option<Refusal> {
        let mut gates = self
            .policy
            .gates
            .iter()
            .filter(|gate| is_about(&gate.products, position) && self.is_in(&gate.channels));
        let gate = gates.find(|gate| !self.holds(&gate.condition))?;
        Some(refusal(&gate.rule, self.words(&gate.condition)))
    }

    fn by_probability(&self, probability: f32) -> Option<Refusal> {
        let least = self.policy.min_probability;
        let detail = || format!("from {least} on, it is {probability:.4}");
        (probability < least).then(|| refusal("minimum probability", detail()))
    }

    /// A customer who comes through no named channel is in none of those that are listed.
    fn is_in(&self, channels: &[String]) -> bool {
        channels.is_empty() || self.channel.is_some_and(|here| channels.iter().any(|channel| channel == here))
    }

    fn measure(&self, condition: &MeasureTest) -> Option<(&FeatureDefinition, f32)> {
        let position = usize::from(condition.measure);
        Some((self.policy.measures.get(position)?, *self.measures.get(position)?))
    }

    fn holds(&self, condition: &MeasureTest) -> bool {
        let Some((measure, value)) = self.measure(condition) else { return false };
        if value.is_nan() {
            return condition.missing;
        }
        let number = f64::from(value);
        let is_one_of = |words: &[String]| {
            let word = measure.words(self.schema).and_then(|words| words.get(value as usize));
            word.is_some_and(|word| words.contains(word))
        };
        match &condition.test {
            Test::In(words) => is_one_of(words),
            Test::NotIn(words) => !is_one_of(words),
            Test::Equals(other) => number == *other,
            Test::Below(limit) => number < *limit,
            Test::AtMost(limit) => number <= *limit,
            Test::Above(limit) => number > *limit,
            Test::AtLeast(limit) => number >= *limit,
            Test::Missing(missing) => !missing,
        }
    }

    /// What was asked and what there was.
    fn words(&self, condition: &MeasureTest) -> String {
        let Some((measure, value)) = self.measure(condition) else { return String::new() };
        let name = match measure.label.is_empty() {
            true => measure.expression.to_string(),
            false => measure.label.clone(),
        };
        format!("asked: {name} {}; it is {}", condition.test, measure.value_in_words(self.schema, value))
    }
}

/// A rule and the values that it compared.
type Refusal = (String, String);

fn refusal(rule: &str, detail: impl Into<String>) -> Refusal {
    let detail: String = detail.into();
    (rule.to_owned(), shown(&detail).to_owned())
}

fn is_about(products: &[u16], position: usize) -> bool {
    products.is_empty() || products.iter().any(|product| usize::from(*product) == position)
}

/// `None` where the date of birth is not known; a date that is not past was not known.
fn age_in_years(schema: &Schema, customer: &Customer<'_>, as_of: i64) -> Option<f64> {
    let born = customer.attribute(schema.birth_date()?);
    let seconds = as_of as f64 - born;
    (seconds > 0.0).then_some(seconds / DAY as f64 / 365.25)
}

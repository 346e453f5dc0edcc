//! The rules: which products a customer may not be offered, and why.

use serde::Serialize;

use super::{Gate, MeasureTest, PolicyDefinition, RankBy, arbitration::Factors};
use crate::customers::{Customer, is_unknown, words};
use crate::features::{FeatureDefinition, FeatureEngine, Test, as_written, passed};
use crate::names::shown;
use crate::schema::{Product, Schema};
use crate::snapshot::{ProductSet, Snapshot};
use crate::time::{self, DAY, calendar};

/// A product that is not offered, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Withheld {
    /// The product's name.
    pub product: String,
    /// The rule that withholds it.
    pub rule: String,
    /// The values that the rule compared, in words.
    pub detail: String,
}

/// The hard stop that keeps a customer from being scored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stop {
    /// The rule.
    pub rule: String,
    /// The values that the rule compared, in words.
    pub detail: String,
}

/// One customer at one moment in one channel, as the rules see it.
#[derive(Debug)]
pub struct Case<'a> {
    policy: &'a PolicyDefinition,
    schema: &'a Schema,
    customer: &'a Customer<'a>,
    as_of: i64,
    channel: Option<&'a str>,
    /// Each measure's possible values, given the customer's rows.
    measures: Vec<Vec<f64>>,
    held: ProductSet,
}

impl<'a> Case<'a> {
    /// Creates the case of a customer at a moment (seconds since 1970-01-01). `measures` computes the
    /// policy's measures.
    pub fn new(
        policy: &'a PolicyDefinition,
        measures: &FeatureEngine,
        schema: &'a Schema,
        customer: &'a Customer<'a>,
        as_of: i64,
        channel: Option<&'a str>,
    ) -> Self {
        let measures = measures.readings(customer, as_of);
        let held = Snapshot::new(schema, as_of).held(customer);
        Self { policy, schema, customer, as_of, channel, measures, held }
    }

    /// The first hard stop that applies, if one does.
    pub fn stop(&self) -> Option<Stop> {
        let stops = |gate: &&Gate| gate.stops && self.is_in(&gate.channels) && !self.holds(&gate.condition);
        let gate = self.policy.gates.iter().find(stops)?;
        let (rule, detail) = refusal(&gate.rule, self.words(&gate.condition));
        Some(Stop { rule, detail })
    }

    /// The rule that withholds the product at a position, if one does. `probability` is that of taking it.
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

    /// The factors that the product at a position is ranked by.
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
        let from = format!("at least {least} years");
        let detail = match age_in_years(self.schema, self.customer, self.as_of) {
            None => format!("{from}, but the date of birth is not known"),
            Some(age) if !at_least(age, least) => {
                let shown = as_exact_as_needed(|digits| passed(age, digits), |shown| !at_least(shown, least));
                format!("{from}, the customer is {shown}")
            }
            Some(_) => return None,
        };
        Some(refusal("minimum age", detail))
    }

    fn by_terms(&self, position: usize) -> Option<Refusal> {
        let terms = self.policy.terms.get(position)?;
        let day = |day: u32| i64::from(day) * DAY;
        let date = |day: u32| time::format(i64::from(day) * DAY);
        if let Some(launch) = terms.launch.filter(|launch| self.as_of < day(*launch)) {
            return Some(refusal("launch date", format!("not offered before {}", date(launch))));
        }
        if let Some(retire) = terms.retire.filter(|retire| self.as_of >= day(*retire)) {
            return Some(refusal("retirement date", format!("not offered from {} on", date(retire))));
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
        let shown = |digits| format!("{probability:.*}", 4 + digits);
        let detail = || as_exact_as_needed(shown, |shown| shown < as_written(least));
        (probability < least)
            .then(|| refusal("minimum probability", format!("at least {least}, it is {}", detail())))
    }

    /// A customer in no particular channel is in none of the listed ones.
    fn is_in(&self, channels: &[String]) -> bool {
        channels.is_empty() || self.channel.is_some_and(|here| channels.iter().any(|channel| channel == here))
    }

    fn measure(&self, condition: &MeasureTest) -> Option<(&FeatureDefinition, &[f64])> {
        let position = usize::from(condition.measure);
        Some((self.policy.measures.get(position)?, self.measures.get(position)?))
    }

    /// Whether a condition holds for every value that the customer's rows leave possible.
    fn holds(&self, condition: &MeasureTest) -> bool {
        let Some((measure, readings)) = self.measure(condition) else { return false };
        readings.iter().all(|reading| self.holds_of(condition, measure, *reading))
    }

    fn holds_of(&self, condition: &MeasureTest, measure: &FeatureDefinition, reading: f64) -> bool {
        match &condition.test {
            // An unknown word is a value, but passes no other test.
            Test::Missing(missing) if is_unknown(reading) => !missing,
            _ if is_unknown(reading) => false,
            Test::Missing(missing) => condition.missing && reading.is_nan() || reading.is_nan() == *missing,
            _ if reading.is_nan() => condition.missing,
            test => passes(test, reading, measure.word_of(self.schema, reading)),
        }
    }

    /// The condition and the customer's value, in words.
    fn words(&self, condition: &MeasureTest) -> String {
        let Some((measure, readings)) = self.measure(condition) else { return String::new() };
        let name = match measure.label.is_empty() {
            true => measure.expression.to_string(),
            false => measure.label.clone(),
        };
        let fails = |reading: &&f64| !self.holds_of(condition, measure, **reading);
        let reading = readings.iter().find(fails).copied().unwrap_or(f64::NAN);
        let is = if readings.len() > 1 { "may be" } else { "is" };
        let shown = match is_unknown(reading) {
            true => "a word that the model does not know".to_owned(),
            false => as_exact_as_needed(
                |digits| measure.reading_in_words(self.schema, reading, digits),
                |shown| !passes(&condition.test, shown, None),
            ),
        };
        format!("required: {name} {}; it {is} {shown}", condition.test)
    }
}

/// Whether a value passes a test; `word` is the category's word that the value stands for.
fn passes(test: &Test, value: f64, word: Option<&str>) -> bool {
    let is_one_of = |asked: &[String]| word.is_some_and(|word| words::position(asked, word).is_some());
    match test {
        Test::In(words) => is_one_of(words),
        Test::NotIn(words) => word.is_some() && !is_one_of(words),
        Test::Equals(other) => agree(value, *other),
        Test::Below(limit) => !at_least(value, *limit),
        Test::AtMost(limit) => at_least(*limit, value),
        Test::Above(limit) => !at_least(*limit, value),
        Test::AtLeast(limit) => at_least(value, *limit),
        Test::Missing(missing) => value.is_nan() == *missing,
    }
}

/// Whether two numbers agree in about twelve digits: decimal fractions and their sums are not exact in
/// binary.
fn agree(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

fn at_least(value: f64, limit: f64) -> bool {
    value >= limit || agree(value, limit)
}

/// The text with the fewest further digits whose number fails the test just as the value did; the text with
/// the fewest digits if it is not a number.
fn as_exact_as_needed(text: impl Fn(usize) -> String, fails: impl Fn(f64) -> bool) -> String {
    let shortest = text(0);
    let says_so = |text: &String| text.replace(',', "").parse().is_ok_and(&fails);
    let is_number = shortest.replace(',', "").parse::<f64>().is_ok();
    let exact = (0..16).map(&text).find(says_so).filter(|_| is_number);
    exact.unwrap_or(shortest)
}

/// A rule's name, and the values that it compared.
type Refusal = (String, String);

fn refusal(rule: &str, detail: impl Into<String>) -> Refusal {
    let detail: String = detail.into();
    (rule.to_owned(), shown(&detail).to_owned())
}

fn is_about(products: &[u16], position: usize) -> bool {
    products.is_empty() || products.iter().any(|product| usize::from(*product) == position)
}

/// `None` if the date of birth is missing, or at or after `as_of`.
fn age_in_years(schema: &Schema, customer: &Customer<'_>, as_of: i64) -> Option<f64> {
    let born = customer.attribute(schema.birth_date()?);
    (born < as_of as f64).then(|| calendar::years(born as i64, as_of))
}

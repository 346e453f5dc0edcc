//! The customers of a JSON file → offers.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, bail};
use nextbest_core::customers::json::Value;
use nextbest_core::explain::Change;
use nextbest_core::recommend::{Recommendation, Recommender};
use nextbest_core::request::{OPTIONS, RequestOptions};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Session;
use super::score::Options;
use crate::io::input;

/// The answers to a file's questions.
pub(crate) struct Answers(Vec<Answered>);

struct Answered {
    id: String,
    recommendation: Recommendation,
    json: serde_json::Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'f> {
    id: &'f str,
    as_of: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    features: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probabilities: Option<String>,
    recommendation: &'f Recommendation,
}

/// Answers the questions of a file, `[{"id": …, "asOf": …, "customer": {…}}]`, in which options may stand
/// that are else those of `options`. With `bits`, of who is scored the bits of features and probabilities
/// stand beside the answer.
///
/// # Errors
/// Where the bundle may not be used, or a question can't be understood.
pub(crate) fn run(
    session: &Session,
    options: &Options,
    file: &Path,
    counterfactual: bool,
    bits: bool,
) -> anyhow::Result<Answers> {
    let opened = options.open(session)?;
    let recommender = opened.recommender_of_customers()?;
    let options = RequestOptions {
        as_of: options.as_of.clone(),
        top: session.config.deployment.batch_inference.top_k_recommendations,
        counterfactual,
        channel: options.channel.clone(),
        ..RequestOptions::default()
    };
    let place = || file.display().to_string();
    let text = input::read_text(file, input::CUSTOMERS).with_context(place)?;
    let Value::List(questions) = Value::parse(&text, 2).with_context(place)? else {
        bail!("{}: expected a list of questions", file.display());
    };
    let answers = questions.iter().enumerate().map(|(number, question)| {
        let id = question.field("id").and_then(id_of);
        let id = id.with_context(|| {
            format!("{}: question {number}: expected an object with an id", file.display())
        })?;
        answer(recommender, question, &id, options.clone(), bits)
            .with_context(|| format!("{}: customer {id:?}", file.display()))
    });
    Ok(Answers(answers.collect::<anyhow::Result<_>>()?))
}

fn answer(
    recommender: &Recommender,
    question: &Value<'_>,
    id: &str,
    mut options: RequestOptions,
    bits: bool,
) -> anyhow::Result<Answered> {
    let Value::Object(fields) = question else { bail!("expected an object with a customer") };
    options.set(fields.iter().filter(|(name, _)| name != "id" && name != "customer"), OPTIONS)?;
    let customer = question.field("customer").context("the question has no customer")?;
    let recommendation = recommender.answer(customer, &options)?;
    let mut answer = Answer {
        id,
        as_of: options.as_of.as_deref().unwrap_or_default(),
        customer: None,
        features: None,
        probabilities: None,
        recommendation: &recommendation,
    };
    if bits {
        if let Value::Written(json) = customer {
            answer.customer = Some(RawValue::from_string((*json).to_owned())?);
        }
        // Who is not scored has none.
        if recommendation.stopped.is_none() {
            let row = recommender.features_of(customer, &options)?;
            answer.features = Some(hex(&row));
            answer.probabilities = Some(hex(recommender.scorer().score(&row)?));
        }
    }
    let json = serde_json::to_value(&answer)?;
    Ok(Answered { id: id.to_owned(), recommendation, json })
}

fn id_of(id: &Value<'_>) -> Option<String> {
    match id {
        Value::Text(text) => Some(text.clone().into_owned()),
        id => id.digits().map(|digits| digits.into_owned()),
    }
}

/// The little-endian bytes of numbers, in hexadecimal digits.
fn hex(values: &[f32]) -> String {
    values.iter().flat_map(|value| value.to_le_bytes()).map(|byte| format!("{byte:02x}")).collect()
}

impl Serialize for Answers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|answered| &answered.json))
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Answered { id, recommendation, .. } in &self.0 {
            writeln!(f, "{id} as of {}", recommendation.as_of)?;
            if !recommendation.ignored.is_empty() {
                writeln!(
                    f,
                    "  ignored, since the model does not know them: {}",
                    recommendation.ignored.join(", ")
                )?;
            }
            if let Some(stop) = &recommendation.stopped {
                writeln!(f, "  not scored ({}: {})", stop.rule, stop.detail)?;
                continue;
            }
            if let Some(fallback) = &recommendation.fallback {
                writeln!(f, "  nothing to offer; instead: {fallback}")?;
            }
            for offer in &recommendation.offers {
                writeln!(f, "  {:<20}{:>8.2} %", offer.product, offer.probability * 100.0)?;
                for reason in &offer.reasons {
                    writeln!(f, "      {:+.4}  {}", reason.contribution, reason.text)?;
                }
            }
            if let Some(other) = &recommendation.counterfactual {
                let change =
                    |change: &Change| format!("{} {} → {}", change.label, change.from_text, change.to_text);
                let changes: Vec<String> = other.changes.iter().map(change).collect();
                writeln!(f, "  {} would be first with {}", other.product, changes.join(" and "))?;
            }
            for withheld in &recommendation.withheld {
                writeln!(f, "  {:<20}withheld ({}: {})", withheld.product, withheld.rule, withheld.detail)?;
            }
        }
        if let Some(Answered { recommendation, .. }) = self.0.first() {
            writeln!(f, "beside reasons: {}", recommendation.reason_method)?;
        }
        Ok(())
    }
}

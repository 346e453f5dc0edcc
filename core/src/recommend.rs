//! The whole way at request time: a customer's rows → features → probabilities → offers with reasons.

use serde::Serialize;

use crate::Error;
use crate::customers::Customer;
use crate::explain::{self, Explained, Reason};
use crate::features::FeatureEngine;
use crate::model::bundle::{Bundle, content_hash};
use crate::policy::{RankBy, Withheld};
use crate::schema::{Schema, Task};
use crate::score::Scorer;
use crate::snapshot::moment;
use crate::time;

/// How many reasons an offer comes with at most.
const REASONS: usize = 3;

/// A loaded bundle, ready to recommend.
#[derive(Debug, Clone)]
pub struct Recommender {
    bundle: Bundle,
    engine: FeatureEngine,
    content_hash: String,
}

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The moment of the question, in seconds since 1970-01-01: rows from here on are not read.
    pub as_of: i64,
    /// How many offers at most.
    pub top: usize,
    /// Whether offers come with reasons.
    pub explain: bool,
}

/// Offers for one customer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// What to offer, the best first.
    pub offers: Vec<Offer>,
    /// What must not be offered.
    pub withheld: Vec<Withheld>,
    /// The probability that the customer takes no product within the horizon.
    pub none_probability: f32,
    /// Which model answered.
    pub model_version: String,
    /// The moment of the question.
    pub as_of: String,
    /// How the reasons were computed.
    pub reason_method: &'static str,
}

/// A product to offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The product's name.
    pub product: String,
    /// The probability that the customer takes it within the horizon.
    pub probability: f32,
    /// That probability times the product's value, where it has one.
    pub expected_value: Option<f64>,
    /// The features that speak most for it.
    pub reasons: Vec<Reason>,
}

impl Recommender {
    /// Decodes and checks a bundle.
    ///
    /// # Errors
    /// [`Error::Bundle`] where the bytes are not a sound bundle for this reader.
    pub fn load(bytes: &[u8]) -> Result<Self, Error> {
        Self::load_hashed(bytes, None)
    }

    /// Decodes and checks a bundle, of which the SHA-256 may be given ([`Bundle::decode_hashed`]).
    ///
    /// # Errors
    /// As [`Recommender::load`].
    pub fn load_hashed(bytes: &[u8], hash: Option<&[u8]>) -> Result<Self, Error> {
        let bundle = Bundle::decode_hashed(bytes, hash)?;
        let engine = FeatureEngine::new(&bundle.schema, &bundle.features)?;
        Ok(Self { bundle, engine, content_hash: content_hash(bytes) })
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What a customer's rows look like.
    pub fn schema(&self) -> &Schema {
        &self.bundle.schema
    }

    /// The SHA-256 of the bundle's content, in hexadecimal digits.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// Which model this is: the last training cut-off (the model's name, where it learned from rows without times) and
    /// the beginning of the content hash.
    pub fn model_version(&self) -> String {
        let card = &self.bundle.card;
        let trained = card.training_cutoffs.last().unwrap_or(&card.name);
        format!("{trained}.{}", self.content_hash.get(..8).unwrap_or_default())
    }

    /// The customer's features at a moment (seconds since 1970-01-01); those of a row of a plain table at its
    /// own [`moment`].
    pub fn features(&self, customer: &Customer<'_>, as_of: i64) -> Vec<f32> {
        let mut row = Vec::with_capacity(self.engine.len());
        self.engine.compute(customer, moment(self.schema(), customer, as_of), &mut row);
        row
    }

    /// A scorer for rows of features.
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer::new(&self.bundle)
    }

    /// What to offer to a customer.
    ///
    /// # Errors
    /// [`Error::Task`] where the model does not predict products.
    pub fn recommend(&self, customer: &Customer<'_>, options: Options) -> Result<Recommendation, Error> {
        if let Task::Label { .. } = self.schema().task() {
            return Err(Error::Task(
                "the model predicts a column of a plain table, so it has nothing to offer: use scoreRow (`nextbest \
                 score --table`)",
            ));
        }
        let row = self.features(customer, options.as_of);
        let probabilities = self.scorer().score(&row)?.to_vec();
        let mut candidates = Vec::new();
        let mut withheld = Vec::new();
        let products = self.schema().products().iter().zip(probabilities.iter().skip(1));
        for (position, (product, &probability)) in products.enumerate() {
            match self.bundle.policy.withhold(self.schema(), customer, options.as_of, position, probability) {
                Some(reason) => withheld.push(reason),
                None => candidates.push((position, product, probability)),
            }
        }
        let rank = |probability: f32, value: Option<f64>| match self.bundle.policy.rank_by {
            RankBy::Probability => f64::from(probability),
            RankBy::ExpectedValue => expected_value(probability, value).unwrap_or(0.0),
        };
        // Stable: of equally good offers, the first in the schema's order wins.
        candidates.sort_by(|a, b| rank(b.2, b.1.value).total_cmp(&rank(a.2, a.1.value)));
        candidates.truncate(options.top);
        let classes: Vec<usize> = candidates.iter().map(|(position, ..)| position + 1).collect();
        let explained = match options.explain && !candidates.is_empty() {
            true => Some(Explained::new(&self.bundle, &row, &classes)?),
            false => None,
        };
        let offers = candidates.into_iter().map(|(position, product, probability)| Offer {
            product: product.name.clone(),
            probability,
            expected_value: expected_value(probability, product.value),
            reasons: explained.as_ref().map_or_else(Vec::new, |row| row.reasons(position + 1, REASONS)),
        });
        Ok(Recommendation {
            offers: offers.collect(),
            withheld,
            none_probability: probabilities.first().copied().unwrap_or_default(),
            model_version: self.model_version(),
            as_of: time::format(options.as_of),
            reason_method: explain::method(&self.bundle),
        })
    }
}

fn expected_value(probability: f32, value: Option<f64>) -> Option<f64> {
    value.map(|value| f64::from(probability) * value)
}

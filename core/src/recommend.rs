//! The whole path at request time: a customer's rows → features → probabilities → offers with reasons.

use serde::Serialize;

use crate::Error;
use crate::bundle::{Bundle, content_hash};
use crate::customers::{Customer, words};
use crate::explain::{self, Change, Counterfactual, Explained, Reason};
use crate::features::FeatureEngine;
use crate::names::shown;
use crate::policy::{Arm, Case, Chosen, Draw, Experiment, Factors, Stop, Withheld, choose, refused};
use crate::schema::{Schema, Task};
use crate::score::Scorer;
use crate::snapshot::moment;
use crate::time;

/// The most reasons that an offer comes with.
const REASONS: usize = 3;

/// A loaded bundle, ready to recommend.
///
/// # Examples
/// ```
/// use nextbest_core::Recommender;
///
/// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// let recommender = Recommender::load(bytes)?;
/// assert!(recommender.schema().products().iter().any(|product| product.name == "Credit Card"));
/// assert!(recommender.model_version().ends_with(&recommender.content_hash()[..8]));
/// # Ok::<(), nextbest_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recommender {
    bundle: Bundle,
    engine: FeatureEngine,
    /// Computes the measures that the policy tests.
    measures: FeatureEngine,
    content_hash: String,
}

/// What to answer, and for which moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options<'a> {
    /// The moment of the question, in seconds since 1970-01-01. Rows dated at it or later are not read.
    pub as_of: i64,
    /// The most offers to return.
    pub top: usize,
    /// Whether offers come with reasons.
    pub explain: bool,
    /// Whether to look for the smallest change that would change the first offer. That costs as much as
    /// scoring up to [`MAX_CHANGES`](crate::explain::MAX_CHANGES) rows.
    pub counterfactual: bool,
    /// Where the offers will be shown: one of the policy's channels.
    pub channel: Option<&'a str>,
    /// The customer's id, from which an experiment derives the arm.
    pub customer: Option<&'a str>,
}

impl Options<'_> {
    /// Up to `top` offers as of a moment, without reasons, channel or customer id.
    pub fn new(as_of: i64, top: usize) -> Self {
        Self { as_of, top, explain: false, counterfactual: false, channel: None, customer: None }
    }
}

/// Offers for one customer. Every product is either offered or withheld.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recommendation {
    /// What to offer, the best first.
    pub offers: Vec<Offer>,
    /// Each product that is not offered, and why.
    pub withheld: Vec<Withheld>,
    /// The products (by position in the schema) that no rule withholds, with the factors that they are ranked
    /// by. For logs; not part of the answer to a customer.
    #[serde(skip)]
    pub candidates: Vec<(usize, Factors)>,
    /// The hard stop that kept the customer from being scored, if one did.
    pub stopped: Option<Stop>,
    /// What to show when there is no offer, if the bank defined something.
    pub fallback: Option<String>,
    /// The smallest change of mutable features that would give another product the highest priority; `None`
    /// if it was not asked for, or there is none.
    pub counterfactual: Option<OtherOffer>,
    /// The customer's arm, if the policy has an experiment.
    pub arm: Option<Arm>,
    /// The probability that the customer takes no product within the horizon; `None` if the customer was not
    /// scored.
    pub none_probability: Option<f32>,
    /// The version of the model that answered.
    pub model_version: String,
    /// The moment of the question.
    pub as_of: String,
    /// How the reasons were computed.
    pub reason_method: &'static str,
    /// Tables and columns in the customer's rows that the model does not know; only filled for rows that came
    /// as JSON ([`request`](crate::request)).
    pub ignored: Vec<String>,
}

/// What would have to change for another product to have the highest priority.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OtherOffer {
    /// The other product's name.
    pub product: String,
    /// The changes: one feature or two.
    pub changes: Vec<Change>,
}

/// A product to offer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Offer {
    /// The product's name.
    pub product: String,
    /// The probability that the customer takes it within the horizon.
    pub probability: f32,
    /// That probability times the product's value, if it has one.
    pub expected_value: Option<f64>,
    /// What the offer was ranked by.
    pub factors: Factors,
    /// The probability that it came in this place, given the offers before it; 1 if nothing is left to
    /// chance.
    pub propensity: f64,
    /// The features that speak most for the offer.
    pub reasons: Vec<Reason>,
}

impl Recommender {
    /// Decodes and checks a bundle.
    ///
    /// # Errors
    /// [`Error::Bundle`] if the bytes are not a sound bundle of this format version.
    pub fn load(bytes: &[u8]) -> Result<Self, Error> {
        Self::load_hashed(bytes, None)
    }

    /// Decodes and checks a bundle whose SHA-256 the caller may already know ([`Bundle::decode_hashed`]).
    ///
    /// # Errors
    /// As [`Recommender::load`].
    pub fn load_hashed(bytes: &[u8], hash: Option<&[u8]>) -> Result<Self, Error> {
        let bundle = Bundle::decode_hashed(bytes, hash)?;
        let engine = FeatureEngine::new(&bundle.schema, &bundle.features)?;
        let measures = FeatureEngine::new(&bundle.schema, &bundle.policy.measures)?;
        Ok(Self { bundle, engine, measures, content_hash: content_hash(bytes) })
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The shape of a customer's rows.
    pub fn schema(&self) -> &Schema {
        &self.bundle.schema
    }

    /// The SHA-256 of the bundle's content, in hexadecimal digits.
    pub fn content_hash(&self) -> &str {
        &self.content_hash
    }

    /// The model's version: its last training cut-off (or its name, if its rows had no times) and the first 8
    /// digits of the content hash.
    pub fn model_version(&self) -> String {
        let card = &self.bundle.card;
        let trained = card.training_cutoffs.last().unwrap_or(&card.name);
        format!("{trained}.{:.8}", self.content_hash)
    }

    /// The field of a customer's own row that holds the id from which an experiment derives the arm, if there
    /// is an experiment.
    pub fn customer_key(&self) -> Option<&str> {
        self.bundle.policy.experiment.as_ref().map(|experiment| experiment.key.as_str())
    }

    /// The customer's features at a moment (seconds since 1970-01-01). A row of a plain table is seen at its
    /// own [`moment`].
    ///
    /// # Examples
    /// ```
    /// # use nextbest_core::customers::read_customer;
    /// # use nextbest_core::time;
    /// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
    /// # let recommender = nextbest_core::Recommender::load(bytes)?;
    /// # let rows = r#"{
    /// #     "customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02", "DATEOFBIRTH": "1990-05-01"},
    /// #     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]
    /// # }"#;
    /// let customers = read_customer(recommender.schema(), rows)?;
    /// let row = recommender.features(&customers.get(0).unwrap(), time::parse("2026-07-01").unwrap());
    /// let named = |name: &str| {
    ///     let at = recommender.bundle().features.iter().position(|feature| feature.name == name);
    ///     row[at.unwrap()]
    /// };
    /// assert_eq!(named("age_years").floor(), 36.0);
    /// assert_eq!(named("holds_current_account"), 1.0);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn features(&self, customer: &Customer<'_>, as_of: i64) -> Vec<f32> {
        let mut row = Vec::with_capacity(self.engine.len());
        self.engine.compute(customer, moment(self.schema(), customer, as_of), &mut row);
        row
    }

    /// A scorer for rows of features.
    pub fn scorer(&self) -> Scorer<'_> {
        self.bundle.scorer()
    }

    /// Chooses what to offer to a customer.
    ///
    /// # Errors
    /// [`Error::Task`] if the model does not predict products; [`Error::Channel`] for a channel that the
    /// policy does not know; [`Error::Customer`] if an experiment needs the customer's id and none is given.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::customers::read_customer;
    /// use nextbest_core::recommend::Options;
    /// use nextbest_core::time;
    ///
    /// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
    /// # let recommender = nextbest_core::Recommender::load(bytes)?;
    /// # let rows = r#"{
    /// #     "customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02", "DATEOFBIRTH": "1990-05-01"},
    /// #     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]
    /// # }"#;
    /// let customers = read_customer(recommender.schema(), rows)?;
    /// let options = Options::new(time::parse("2026-07-01").unwrap(), 2);
    /// let answer = recommender.recommend(&customers.get(0).unwrap(), options)?;
    /// assert_eq!(answer.offers.len(), 2);
    /// assert!(answer.offers[0].probability >= answer.offers[1].probability);
    /// let products = recommender.schema().products().len();
    /// assert_eq!(answer.offers.len() + answer.withheld.len(), products);
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn recommend(&self, customer: &Customer<'_>, options: Options<'_>) -> Result<Recommendation, Error> {
        if let Task::Label { .. } = self.schema().task() {
            return Err(Error::Task(
                "the model predicts a column of a plain table, so it has nothing to offer: use scoreRow \
                 (`nextbest \
                 score --table`)",
            ));
        }
        let policy = &self.bundle.policy;
        self.check_channel(options.channel)?;
        let draw = policy.experiment.as_ref().map(|experiment| self.draw(experiment, options)).transpose()?;
        let arm = draw.map(|draw| draw.experiment.arm(draw.customer));
        let case = Case::new(policy, &self.measures, self.schema(), customer, options.as_of, options.channel);
        let all = 0..self.schema().products().len();
        if let Some(stop) = case.stop() {
            let refuse = |product| refused(self.schema(), product, &stop.rule, stop.detail.clone());
            let withheld = all.filter_map(refuse).collect();
            return Ok(Recommendation { withheld, stopped: Some(stop), arm, ..self.empty(options) });
        }
        let row = self.features(customer, options.as_of);
        let probabilities = self.scorer().score(&row)?.to_vec();
        let none_probability = probabilities.first().copied();
        let mut withheld = Vec::new();
        let mut candidates = Vec::new();
        for (product, &probability) in all.zip(probabilities.iter().skip(1)) {
            match case.withhold(product, probability) {
                Some(refused) => withheld.push(refused),
                None if arm == Some(Arm::Holdout) => {
                    let detail = "the customer is in the holdout group, which gets no offers".into();
                    withheld.extend(refused(self.schema(), product, "holdout", detail));
                }
                None => candidates.push((product, case.factors(product, probability))),
            }
        }
        let counterfactual = match options.counterfactual && arm != Some(Arm::Holdout) {
            true => self.other_offer(&case, &row, options.as_of)?,
            false => None,
        };
        let (chosen, passed_over) = choose(policy, self.schema(), &candidates, options.top, draw);
        withheld.extend(passed_over);
        let offers = self.offers(&chosen, &row, &probabilities, options)?;
        let is_bare = offers.is_empty() && arm != Some(Arm::Holdout);
        let fallback = policy.fallback.clone().filter(|_| is_bare);
        Ok(Recommendation {
            offers,
            withheld,
            candidates,
            fallback,
            counterfactual,
            arm,
            none_probability,
            ..self.empty(options)
        })
    }

    fn empty(&self, options: Options<'_>) -> Recommendation {
        Recommendation {
            offers: Vec::new(),
            withheld: Vec::new(),
            candidates: Vec::new(),
            stopped: None,
            fallback: None,
            counterfactual: None,
            arm: None,
            none_probability: None,
            model_version: self.model_version(),
            as_of: time::format(options.as_of),
            reason_method: explain::method(&self.bundle),
            ignored: Vec::new(),
        }
    }

    fn check_channel(&self, channel: Option<&str>) -> Result<(), Error> {
        let Some(channel) = channel else { return Ok(()) };
        let known = self.bundle.policy.channels();
        match known.is_empty() || known.contains(channel) {
            true => Ok(()),
            false => Err(Error::Channel {
                channel: shown(channel).to_owned(),
                known: shown(&known.into_iter().collect::<Vec<_>>().join(", ")).to_owned(),
            }),
        }
    }

    fn draw<'a>(&'a self, experiment: &'a Experiment, options: Options<'a>) -> Result<Draw<'a>, Error> {
        let customer =
            options.customer.filter(|id| !words::id(id).is_empty()).ok_or_else(|| Error::Customer {
                path: format!("{}.{}", self.schema().customer().name, experiment.key),
                message: "missing: the policy's experiment derives the customer's arm from it".into(),
            })?;
        Ok(Draw { experiment, customer: words::id(customer), as_of: options.as_of })
    }

    /// The smallest change of mutable features that gives another product the highest priority. The rules
    /// give the same verdicts as before: they read rows, not features.
    fn other_offer(&self, case: &Case<'_>, row: &[f32], as_of: i64) -> Result<Option<OtherOffer>, Error> {
        let best = |probabilities: &[f32]| {
            let offered = probabilities.iter().skip(1).enumerate();
            let offered =
                offered.filter(|(product, probability)| case.withhold(*product, **probability).is_none());
            let priorities =
                offered.map(|(product, probability)| (product, case.factors(product, *probability).priority));
            // Ties go to the first, as in the order of offers.
            let greater = |best: (usize, f64), next: (usize, f64)| if next.1 > best.1 { next } else { best };
            priorities.reduce(greater).map(|(product, _)| product)
        };
        let found = explain::counterfactual(&self.bundle, row, as_of, &self.bundle.policy.mutable, best)?;
        Ok(found.and_then(|Counterfactual { changes, offer }| {
            Some(OtherOffer { product: self.schema().products().get(offer)?.name.clone(), changes })
        }))
    }

    fn offers(
        &self,
        chosen: &[Chosen],
        row: &[f32],
        probabilities: &[f32],
        options: Options<'_>,
    ) -> Result<Vec<Offer>, Error> {
        let classes: Vec<usize> = chosen.iter().map(|chosen| chosen.product + 1).collect();
        let explained = match options.explain && !chosen.is_empty() {
            true => Some(Explained::new(&self.bundle, row, options.as_of, &classes)?),
            false => None,
        };
        let products: Vec<_> = self.schema().products().iter().zip(probabilities.iter().skip(1)).collect();
        let offer = |chosen: &Chosen| {
            let (product, &probability) = *products.get(chosen.product)?;
            let value = self.bundle.policy.value(self.schema(), chosen.product);
            Some(Offer {
                product: product.name.clone(),
                probability,
                expected_value: value.map(|value| f64::from(probability) * value),
                factors: chosen.factors,
                propensity: chosen.propensity,
                reasons: explained
                    .as_ref()
                    .map_or_else(Vec::new, |row| row.reasons(chosen.product + 1, REASONS)),
            })
        };
        Ok(chosen.iter().filter_map(offer).collect())
    }
}

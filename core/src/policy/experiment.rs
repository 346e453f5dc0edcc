//! Reproducible chance: who is in the holdout, and which offer is tried.
//!
//! Everything follows from a keyed hash of the customer's id, so a customer is in the same arm in every
//! channel, on every device and in the bank's own warehouse, without a table of assignments.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// An experiment that measures the effect of offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Experiment {
    /// The field of the customer's own row that holds the customer's id.
    pub key: String,
    /// The key of the hash; another salt draws another holdout.
    pub salt: String,
    /// The share of customers, 0 to 1, who get no offers, so that the effect of offers can be measured.
    pub holdout: f64,
    /// How random the order of offers is, from 0 (the best offer comes first): an offer comes first with a
    /// probability proportional to its priority to the power of 1/temperature, which is the softmax of the
    /// priorities' logarithms divided by the temperature.
    pub temperature: f64,
}

/// The part of an experiment that a customer is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// Gets offers.
    Treatment,
    /// Gets no offers.
    Holdout,
}

impl Experiment {
    /// The arm of a customer. The HMAC-SHA-256, keyed with the salt, of the letters `arm`, a zero byte and
    /// the id is taken; if its first 53 bits, as a fraction, are below `holdout`, the customer is in the
    /// holdout.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::policy::{Arm, Experiment};
    ///
    /// let experiment =
    ///     Experiment { key: "CUSTOMERID".into(), salt: "2026".into(), holdout: 0.1, temperature: 0.0 };
    /// let arms: Vec<Arm> = (0..1000).map(|id| experiment.arm(&format!("C{id}"))).collect();
    /// let held_out = arms.iter().filter(|arm| **arm == Arm::Holdout).count();
    /// assert!((70..130).contains(&held_out));
    /// ```
    pub fn arm(&self, customer: &str) -> Arm {
        match self.fraction(&["arm", customer]) < self.holdout {
            true => Arm::Holdout,
            false => Arm::Treatment,
        }
    }

    /// A draw from the standard Gumbel distribution for a product (by id), a customer and a moment.
    pub(super) fn gumbel(&self, customer: &str, as_of: &str, product: &str) -> f64 {
        // Strictly between 0 and 1, so that both logarithms are finite.
        let uniform = self.fraction(&["offer", customer, as_of, product]) + HALF_A_STEP;
        -libm::log(-libm::log(uniform))
    }

    /// A fraction from 0 to below 1. Only ids may contain zero bytes, and they come last or before a moment,
    /// so different parts are different messages.
    fn fraction(&self, parts: &[&str]) -> f64 {
        let Ok(mut code) = Hmac::<Sha256>::new_from_slice(self.salt.as_bytes()) else { return 0.0 };
        code.update(parts.join("\0").as_bytes());
        let bytes = code.finalize().into_bytes();
        let first = bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        (first >> 11) as f64 * 2.0 * HALF_A_STEP
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.key.is_empty() {
            return Err("an experiment needs `key`, the field with the customer's id".into());
        }
        if !(0.0..=1.0).contains(&self.holdout) {
            return Err(format!("the holdout's share is {}, expected 0 to 1", self.holdout));
        }
        match self.temperature >= 0.0 && self.temperature.is_finite() {
            true => Ok(()),
            false => Err(format!("the temperature is {}, expected a number of at least 0", self.temperature)),
        }
    }
}

/// 2⁻⁵⁴.
const HALF_A_STEP: f64 = 1.0 / (1u64 << 54) as f64;

//! What a bundle goes out with: its number and dates, the bank's words about it, and a signature.

use std::path::Path;

use anyhow::Context as _;
use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::signature::SECTION;
use nextbest_core::bundle::validity::Validity;

use super::keys::PrivateKey;
use crate::app::usage;
use crate::config::{CardConfig, Config};

/// What a bundle goes out with. What day it is plays no part: the same inputs give the same bytes.
pub(crate) struct Release<'c> {
    /// In days of the bank's clock, as [`Config`] has them.
    validity: Validity,
    words: &'c CardConfig,
    key: Option<PrivateKey>,
}

impl<'c> Release<'c> {
    /// What a config says, with another number or key where they are given.
    ///
    /// # Errors
    /// If the dates contradict each other or the key can't be read.
    pub(crate) fn new(config: &'c Config, number: Option<u64>, key: Option<&Path>) -> anyhow::Result<Self> {
        let path = key.or(config.trust.private_key.as_deref());
        let mut validity = config.trust.validity().context("trust").map_err(usage)?;
        validity.number = number.unwrap_or(validity.number);
        validity.check_size().map_err(anyhow::Error::msg).context("trust.model_number").map_err(usage)?;
        Ok(Self { validity, words: &config.card, key: path.map(PrivateKey::read).transpose()? })
    }

    /// Writes number, dates and words into a bundle.
    pub(crate) fn fill(&self, bundle: &mut Bundle) {
        let instant = |shown: u64| {
            let instant = bundle.schema.clock().instant(i64::try_from(shown).unwrap_or(i64::MAX));
            u64::try_from(instant).unwrap_or_default()
        };
        bundle.validity = Validity {
            number: self.validity.number,
            not_before: self.validity.not_before.map(instant),
            expires: self.validity.expires.map(instant),
        };
        bundle.card.intended_use.clone_from(&self.words.intended_use);
        bundle.card.limits.clone_from(&self.words.limits);
        bundle.card.licence.clone_from(&self.words.licence);
    }

    /// Signs a bundle's bytes, if there is a key.
    pub(crate) fn sign(&self, bytes: Vec<u8>) -> Vec<u8> {
        match &self.key {
            Some(key) => key.sign(&bytes),
            None => bytes,
        }
    }

    /// Number of bytes that a signature adds.
    pub(crate) fn signature_bytes(&self) -> usize {
        if self.key.is_some() { SECTION } else { 0 }
    }

    /// Who signs.
    pub(crate) fn signed_by(&self) -> Option<String> {
        self.key.as_ref().map(PrivateKey::fingerprint)
    }
}

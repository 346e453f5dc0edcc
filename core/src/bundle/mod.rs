//! The bundle: one file with everything a scorer needs, from the schema to the golden rows.
//!
//! docs/FORMAT.md describes it byte by byte. The bytes may be hostile: lengths, hash, indices and numbers are
//! checked before anything is used, and decoding allocates no more memory than the file's length warrants
//! (`decode/memory.rs`).

pub mod card;
mod frame;
pub mod signature;
pub mod validity;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::decode::bounded::{List, Lists, list};
use crate::decode::memory::Memory;
use crate::error::BundleError;
use crate::features::{FeatureDefinition, FeatureEngine};
use crate::model::bins::Bins;
use crate::model::calibration::Calibration;
use crate::model::{Model, ModelCode};
use crate::monitor::profile::Profile;
use crate::policy::PolicyDefinition;
use crate::schema::Schema;
use crate::score::Scorer;
use card::Card;
pub use frame::{FORMAT_VERSION, MAGIC, MAX_BYTES, MAX_SECTIONS, MAX_SMALL_SECTION};
use frame::{HASH, Sections, encode};
use validity::Validity;

/// The most memory that decoding, the self-test and scoring a row take at once, in bytes per byte of the
/// file.
pub const MEMORY_A_BYTE: usize = 4;
/// The most memory that they take in addition, in bytes, however small the file is.
pub const MEMORY: usize = 128 << 10;
/// Part of [`MEMORY`] that the account does not track. While scoring: 64 KiB for the answers of all splits,
/// and one row of probabilities. While decoding: the list of sections, and messages with up to three names,
/// which are copied as they are built.
const UNASKED: usize = 72 << 10;

/// The most golden rows a bundle may have, so that the self-test stays quick.
pub const MAX_GOLDENS: usize = 256;

/// Everything a scorer needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The shape of a customer's rows.
    pub schema: Schema,
    /// The features computed from them.
    pub features: Vec<FeatureDefinition>,
    /// Maps each feature to small integers.
    pub bins: Bins,
    /// Maps those integers to class probabilities.
    pub model: Model,
    /// Corrects the model's probabilities.
    pub calibration: Calibration,
    /// Decides what may be offered.
    pub policy: PolicyDefinition,
    /// When the bundle may be used.
    pub validity: Validity,
    /// A typical customer's features: the row that reasons are measured against.
    pub reference: Vec<f32>,
    /// Rows with the probabilities that every scorer must give for them.
    pub goldens: Vec<Golden>,
    /// Where the model comes from.
    pub card: Card,
    /// The distributions of the rows that the model was evaluated on; `None` if it was exported without.
    pub profile: Option<Profile>,
}

/// A row of features and the probabilities that every scorer must give for it, to the last bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// The features.
    #[serde(deserialize_with = "list")]
    pub row: Vec<f32>,
    /// One probability per class.
    #[serde(deserialize_with = "list")]
    pub probabilities: Vec<f32>,
}

impl Bundle {
    /// Encodes the bundle. The same bundle always gives the same bytes.
    ///
    /// # Errors
    /// If a part can't be encoded, or the whole would be larger than [`MAX_BYTES`].
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut sections = vec![
            encode(b"SCHM", MAX_SMALL_SECTION, &self.schema)?,
            encode(b"FEAT", MAX_SMALL_SECTION, &self.features)?,
            encode(b"BINS", MAX_BYTES, &self.bins)?,
            encode(b"MODL", MAX_BYTES, &self.model)?,
            encode(b"CALB", MAX_SMALL_SECTION, &self.calibration)?,
            encode(b"PLCY", MAX_SMALL_SECTION, &self.policy)?,
            encode(b"VALD", MAX_SMALL_SECTION, &self.validity)?,
            encode(b"REFR", MAX_SMALL_SECTION, &self.reference)?,
            encode(b"GOLD", MAX_SMALL_SECTION, &self.goldens)?,
            encode(b"CARD", MAX_SMALL_SECTION, &self.card)?,
        ];
        if let Some(profile) = &self.profile {
            sections.push(encode(b"PROF", MAX_SMALL_SECTION, profile)?);
        }
        let mut bytes = Vec::new();
        bytes.extend(MAGIC);
        bytes.extend(FORMAT_VERSION.to_le_bytes());
        bytes.extend((sections.len() as u32).to_le_bytes());
        for (tag, content) in &sections {
            bytes.extend(tag);
            bytes.extend((content.len() as u32).to_le_bytes());
            bytes.extend(content);
        }
        bytes.extend(Sha256::digest(&bytes));
        if bytes.len() > MAX_BYTES {
            return Err(BundleError::TooLarge { actual: bytes.len(), limit: MAX_BYTES }.into());
        }
        Ok(bytes)
    }

    /// Decodes and checks a bundle.
    ///
    /// # Errors
    /// [`Error::Bundle`] if the bytes are not a sound bundle of this format version.
    ///
    /// # Examples
    /// ```
    /// use nextbest_core::Bundle;
    ///
    /// let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
    /// let bundle = Bundle::decode(bytes)?;
    /// bundle.self_test()?;
    /// assert_eq!(bundle.encode()?, bytes);
    ///
    /// let mut damaged = bytes.to_vec();
    /// damaged[1000] ^= 1;
    /// assert_eq!(Bundle::decode(&damaged).unwrap_err().code(), "bundle/hash-mismatch");
    /// # Ok::<(), nextbest_core::Error>(())
    /// ```
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode_hashed(bytes, None)
    }

    /// Decodes and checks a bundle. `hash` is the SHA-256 of all but the last 32 bytes, for callers with a
    /// faster way to compute it.
    ///
    /// # Errors
    /// As [`Bundle::decode`].
    pub fn decode_hashed(bytes: &[u8], hash: Option<&[u8]>) -> Result<Self, Error> {
        let memory = Memory::of(MEMORY_A_BYTE * bytes.len() + MEMORY - UNASKED);
        let sections = Sections::read(bytes, hash, &memory)?;
        let content = |error: Error| match error {
            Error::Bundle(_) => error,
            other => BundleError::Content(other.to_string()).into(),
        };
        let bundle = Self {
            schema: Schema::resolve(sections.small(b"SCHM")?, &memory).map_err(content)?,
            features: sections.small::<List<_>>(b"FEAT")?.0,
            bins: Bins::new(sections.large::<Lists<_>>(b"BINS")?.0).map_err(BundleError::Content)?,
            model: sections.large::<ModelCode<'_>>(b"MODL")?.model(&memory).map_err(BundleError::Content)?,
            calibration: sections.small(b"CALB")?,
            policy: sections.small(b"PLCY")?,
            validity: sections.small(b"VALD")?,
            reference: sections.small::<List<_>>(b"REFR")?.0,
            goldens: sections.small::<List<_>>(b"GOLD")?.0,
            card: sections.small(b"CARD")?,
            profile: sections.has(b"PROF").then(|| sections.small(b"PROF")).transpose()?,
        };
        bundle.check_with(&memory).map_err(content)?;
        Ok(bundle)
    }

    /// A scorer for rows of the bundle's features.
    pub fn scorer(&self) -> Scorer<'_> {
        Scorer::new(&self.bins, &self.model, &self.calibration)
    }

    /// A scorer that gives the model's probabilities before calibration.
    pub fn uncalibrated_scorer(&self) -> Scorer<'_> {
        Scorer::new(&self.bins, &self.model, &Calibration::None)
    }

    /// Checks rows of features that come from outside: values must be finite or NaN. (Features computed here
    /// always are.)
    ///
    /// # Errors
    /// [`Error::Infinite`] for the first infinite value.
    pub fn check_rows(&self, rows: &[f32]) -> Result<(), Error> {
        if !rows.iter().any(|value| value.is_infinite()) {
            return Ok(());
        }
        for (row, values) in rows.chunks(self.features.len().max(1)).enumerate() {
            let mut features = self.features.iter().zip(values);
            if let Some((feature, _)) = features.find(|(_, value)| value.is_infinite()) {
                return Err(Error::Infinite { row, feature: feature.name.clone() });
            }
        }
        Ok(())
    }

    /// Scores the golden rows and compares every bit.
    ///
    /// # Errors
    /// [`BundleError::SelfTest`] for the first row that differs.
    pub fn self_test(&self) -> Result<(), Error> {
        let mut scorer = self.scorer();
        for (row, golden) in self.goldens.iter().enumerate() {
            let scored = scorer.score(&golden.row)?;
            let same = scored
                .iter()
                .map(|value| value.to_bits())
                .eq(golden.probabilities.iter().map(|v| v.to_bits()));
            if !same {
                return Err(BundleError::SelfTest { row }.into());
            }
        }
        Ok(())
    }

    /// Checks that the bundle may be used at an instant (seconds since 1970-01-01 00:00 UTC) by a caller that
    /// has used versions up to `minimum_number` before.
    ///
    /// # Errors
    /// As [`Validity::check`].
    pub fn check_validity(&self, now: i64, minimum_number: u64) -> Result<(), BundleError> {
        self.validity.check(self.schema.clock(), now, minimum_number)
    }

    /// Checks that the parts fit each other.
    ///
    /// # Errors
    /// [`BundleError::Content`], or the error of the part that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        self.check_with(&Memory::unlimited())
    }

    /// Checks that the parts fit each other, and that memory suffices for what a scorer builds from them.
    fn check_with(&self, memory: &Memory) -> Result<(), Error> {
        let content = |message: String| Error::from(BundleError::Content(message));
        self.bins.check().map_err(content)?;
        let features = self.features.len();
        if self.goldens.len() > MAX_GOLDENS {
            return Err(content(format!("{} golden rows, more than {MAX_GOLDENS}", self.goldens.len())));
        }
        if features == 0 {
            return Err(content("there are no features".into()));
        }
        if self.bins.feature_count() != features || self.reference.len() != features {
            return Err(content(format!(
                "{features} features, but the bins or the reference row are for another number"
            )));
        }
        FeatureEngine::compile(&self.schema, &self.features, memory)?;
        // A scorer's row of bins. (Checking a linear model takes its counters after the engine gave its
        // memory back.)
        memory.take::<u8>(features)?;
        self.model.check(&self.bins, self.schema.class_count()).map_err(content)?;
        self.calibration.check(self.schema.class_count()).map_err(content)?;
        self.policy.check(&self.schema, features).map_err(content)?;
        self.validity.check_size().map_err(content)?;
        self.card.check_size().map_err(content)?;
        self.profile
            .iter()
            .try_for_each(|profile| profile.check(&self.schema, &self.features))
            .map_err(content)?;
        FeatureEngine::compile(&self.schema, &self.policy.measures, memory)?;
        let classes = self.schema.class_count();
        match self
            .goldens
            .iter()
            .all(|golden| golden.row.len() == features && golden.probabilities.len() == classes)
        {
            true => Ok(()),
            false => Err(content("a golden row does not fit the features or classes".into())),
        }
    }
}

/// The SHA-256 at the end of a bundle's bytes, in hexadecimal digits; empty where the bytes are too short.
pub fn content_hash(bytes: &[u8]) -> String {
    let hash = bytes.len().checked_sub(HASH).and_then(|start| bytes.get(start..)).unwrap_or(&[]);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

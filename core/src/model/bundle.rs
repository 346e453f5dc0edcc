//! The bundle: one file with everything that a scorer needs, from the schema to the golden rows.
//!
//! docs/FORMAT.md describes it byte by byte. Bytes may be hostile: lengths, hash, indices and numbers are checked before
//! anything is used, and all that is made of them takes no more memory than their length warrants (`memory.rs`).

mod codec;
pub mod signature;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bins::Bins;
use super::bounded::{List, Lists, list};
use super::calibration::Calibration;
use super::card::Card;
use super::memory::Memory;
use super::validity::Validity;
use super::{Model, ModelCode};
use crate::Error;
use crate::error::BundleError;
use crate::features::{FeatureDefinition, FeatureEngine};
use crate::monitor::profile::Profile;
use crate::policy::PolicyDefinition;
use crate::schema::Schema;
use crate::score::Scorer;

/// The first bytes of every bundle.
pub const MAGIC: [u8; 8] = *b"NEXTBEST";
/// The format version that this code writes and reads. A section that readers may leave alone is no new version.
pub const FORMAT_VERSION: u32 = 1;
/// No bundle is larger than this.
pub const MAX_BYTES: usize = 64 << 20;
/// No section but the bins and the model is larger than this.
pub const MAX_SMALL_SECTION: usize = 512 << 10;
/// No bundle has more sections.
pub const MAX_SECTIONS: usize = 64;

/// Decoding a bundle, testing it and scoring a row take at most so much memory at once for each byte of the file ...
pub const MEMORY_A_BYTE: usize = 4;
/// ... and so much more, however small it is.
pub const MEMORY: usize = 128 << 10;
/// What of that nobody asks [`Memory`] for. While a row is scored, 64 KiB for the answers of all splits that there can be, and a
/// row of probabilities; before, the list of the sections, and messages, in which up to three names stand and which are copied
/// while they are put together.
const UNASKED: usize = 72 << 10;

/// No bundle has more golden rows: a self-test is no reason to hang.
pub const MAX_GOLDENS: usize = 256;

const HEADER: usize = 8 + 4 + 4;
const HASH: usize = 32;

/// Everything that a scorer needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What a customer's rows look like.
    pub schema: Schema,
    /// What is computed from them.
    pub features: Vec<FeatureDefinition>,
    /// How the features become small integers.
    pub bins: Bins,
    /// What reads those.
    pub model: Model,
    /// What corrects its probabilities.
    pub calibration: Calibration,
    /// What may be offered.
    pub policy: PolicyDefinition,
    /// When it may be used.
    pub validity: Validity,
    /// A typical customer's features: what a reason is measured against.
    pub reference: Vec<f32>,
    /// Rows with the probabilities that they must give.
    pub goldens: Vec<Golden>,
    /// Where the model comes from.
    pub card: Card,
    /// What rows looked like that the model was measured on; `None` where it was exported without.
    pub profile: Option<Profile>,
}

/// A row of features and the probabilities that every scorer must give for it, to the last bit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// The features.
    #[serde(deserialize_with = "list")]
    pub row: Vec<f32>,
    /// One probability a class.
    #[serde(deserialize_with = "list")]
    pub probabilities: Vec<f32>,
}

impl Bundle {
    /// The bundle as bytes. The same bundle always gives the same bytes.
    ///
    /// # Errors
    /// When a part can't be encoded or the whole would be larger than [`MAX_BYTES`].
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

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`Error::Bundle`] where the bytes are not a sound bundle for this reader.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode_hashed(bytes, None)
    }

    /// Reads a bundle. The SHA-256 of all but its last 32 bytes may be given, where the caller has a faster way to it.
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

    /// Scores the golden rows and compares every bit.
    ///
    /// # Errors
    /// [`BundleError::SelfTest`] names the first row that differs.
    pub fn self_test(&self) -> Result<(), Error> {
        let mut scorer = Scorer::new(self);
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

    /// Checks that the bundle may be used at an instant (seconds since 1970-01-01 00:00 UTC) by someone who has met versions
    /// up to a number.
    ///
    /// # Errors
    /// As [`Validity::check`].
    pub fn check_validity(&self, now: i64, minimum_number: u64) -> Result<(), BundleError> {
        self.validity.check(self.schema.clock(), now, minimum_number)
    }

    /// Checks that the parts fit each other.
    ///
    /// # Errors
    /// [`BundleError::Content`] or the error of the part that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        self.check_with(&Memory::unlimited())
    }

    /// Checks that the parts fit each other, and that there is the memory for what a scorer will make of them.
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
                "{features} features, but bins or a reference row for another number"
            )));
        }
        FeatureEngine::compile(&self.schema, &self.features, memory)?;
        // A scorer's row of bins. (What the check of a linear model counts stands where the engine stood.)
        memory.take::<u8>(features)?;
        self.model.check(&self.bins, self.schema.class_count()).map_err(content)?;
        self.calibration.check(self.schema.class_count()).map_err(content)?;
        self.policy.check(&self.schema, features).map_err(content)?;
        self.validity.check_size().map_err(content)?;
        self.card.check_size().map_err(content)?;
        self.profile.iter().try_for_each(|profile| profile.check(self)).map_err(content)?;
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

/// The codec is `bincode` 2 with its standard configuration (little-endian, variable-length integers). It writes; what reads is
/// in `codec.rs`.
const CODEC: bincode::config::Configuration = bincode::config::standard();

fn encode<T: Serialize>(tag: &[u8; 4], limit: usize, value: &T) -> Result<([u8; 4], Vec<u8>), Error> {
    let bytes = bincode::serde::encode_to_vec(value, CODEC)
        .map_err(|error| BundleError::Content(error.to_string()))?;
    match bytes.len() <= limit {
        true => Ok((*tag, bytes)),
        false => Err(BundleError::SectionTooLarge { section: name(tag), actual: bytes.len(), limit }.into()),
    }
}

fn name(tag: &[u8; 4]) -> String {
    String::from_utf8_lossy(tag).into_owned()
}

const HASHED_AT_ONCE: usize = 1 << 14;

/// The sections of a bundle whose frame and hash are sound.
struct Sections<'b> {
    sections: Vec<([u8; 4], &'b [u8])>,
    memory: &'b Memory,
}

impl<'b> Sections<'b> {
    fn read(bytes: &'b [u8], hashed: Option<&[u8]>, memory: &'b Memory) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BYTES {
            return Err(BundleError::TooLarge { actual: bytes.len(), limit: MAX_BYTES });
        }
        if !bytes.starts_with(&MAGIC) {
            return Err(BundleError::Magic);
        }
        let (content, hash) = bytes
            .split_at_checked(bytes.len().saturating_sub(HASH))
            .filter(|(content, _)| content.len() >= HEADER)
            .ok_or(BundleError::Length("shorter than a bundle's header"))?;
        let mut rest = Reader(content.get(MAGIC.len()..).unwrap_or_default());
        let version = rest.take_u32()?;
        if version != FORMAT_VERSION {
            return Err(BundleError::Version { version, supported: FORMAT_VERSION });
        }
        let same = match hashed {
            Some(hashed) => hashed == hash,
            None => {
                let mut hasher = Sha256::new();
                // In pieces, since engines of wasm put faster code in place between calls only.
                content.chunks(HASHED_AT_ONCE).for_each(|piece| hasher.update(piece));
                hasher.finalize().as_slice() == hash
            }
        };
        if !same {
            return Err(BundleError::Hash);
        }
        let count = rest.take_u32()?;
        let mut sections = Vec::new();
        while !rest.0.is_empty() {
            let tag = rest.take::<4>()?;
            let length = rest.take_u32()? as usize;
            let (section, after) = rest
                .0
                .split_at_checked(length)
                .ok_or(BundleError::Length("a section ends behind the file's end"))?;
            sections.push((tag, section));
            rest = Reader(after);
            if sections.len() > MAX_SECTIONS {
                return Err(BundleError::Length("more sections than any bundle has"));
            }
        }
        match sections.len() == count as usize {
            true => Ok(Self { sections, memory }),
            false => Err(BundleError::Length("more or fewer sections than the header says")),
        }
    }

    fn has(&self, tag: &[u8; 4]) -> bool {
        self.sections.iter().any(|(other, _)| other == tag)
    }

    /// Decodes a section that may hold texts.
    fn small<T: Deserialize<'b>>(&self, tag: &[u8; 4]) -> Result<T, BundleError> {
        self.decode(tag, MAX_SMALL_SECTION)
    }

    /// Decodes a section of numbers alone.
    fn large<T: Deserialize<'b>>(&self, tag: &[u8; 4]) -> Result<T, BundleError> {
        self.decode(tag, MAX_BYTES)
    }

    /// Decodes the section with a tag. Sections that this version does not know are left alone.
    fn decode<T: Deserialize<'b>>(&self, tag: &[u8; 4], limit: usize) -> Result<T, BundleError> {
        let mut found = self.sections.iter().filter(|(other, _)| other == tag);
        let (Some((_, section)), None) = (found.next(), found.next()) else {
            return Err(BundleError::Section(name(tag)));
        };
        if section.len() > limit {
            return Err(BundleError::SectionTooLarge { section: name(tag), actual: section.len(), limit });
        }
        codec::decode(section, self.memory)
            .map_err(|error| BundleError::Decode { section: name(tag), message: error.to_string() })
    }
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BundleError> {
        let (head, rest) =
            self.0.split_first_chunk::<N>().ok_or(BundleError::Length("the header is cut off"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn take_u32(&mut self) -> Result<u32, BundleError> {
        self.take().map(u32::from_le_bytes)
    }
}

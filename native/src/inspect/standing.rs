//! Signature and validity period of a bundle.

use nextbest_core::bundle::MAGIC;
use nextbest_core::bundle::validity;
use nextbest_core::monitor::profile::{Profile, SketchRules};
use nextbest_core::time::{self, Clock};
use serde::Serialize;

use crate::app::number::count;
use crate::trust::self_signed;

/// State of a bundle's signature.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "camelCase")]
pub(crate) enum Signature {
    /// No signature.
    None,
    /// Valid, by the demanded key.
    Verified { key: String },
    /// Valid, by the key that the bundle names; no particular key was demanded.
    Sound { key: String },
    /// Invalid for the key that the bundle names.
    Broken { key: String },
}

impl Signature {
    /// What is known of a bundle (the bytes of a file) that a key was found to have signed, if one was asked
    /// for.
    pub(crate) fn new(bytes: &[u8], verified: Option<String>) -> Self {
        match (verified, self_signed(bytes)) {
            (Some(key), _) => Self::Verified { key },
            (None, Some((key, true))) => Self::Sound { key },
            (None, Some((key, false))) => Self::Broken { key },
            (None, None) => Self::None,
        }
    }

    pub(crate) fn words(&self) -> String {
        match self {
            Self::None => "none".into(),
            Self::Verified { key } => format!("verified: signed by key {key}, which was asked for"),
            Self::Sound { key } => {
                format!("sound: signed by key {key}; whose that is only --public-key can tell")
            }
            Self::Broken { key } => format!("does not verify: it names key {key}"),
        }
    }

    pub(crate) fn warning(&self) -> Option<String> {
        let broken = |key| format!("the signature of key {key} does not verify: the file was changed");
        if let Self::Broken { key } = self { Some(broken(key)) } else { None }
    }
}

/// Validity period of a bundle, in dates of the bank's clock.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Validity {
    number: u64,
    pub(crate) not_before: Option<String>,
    pub(crate) expires: Option<String>,
}

impl Validity {
    /// As the bank's clock shows it.
    pub(crate) fn new(it: &validity::Validity, clock: &Clock) -> Self {
        let date = |instant: u64| {
            time::format(clock.local(i64::try_from(instant).unwrap_or(i64::MAX)).min(time::END))
        };
        Self { number: it.number, not_before: it.not_before.map(date), expires: it.expires.map(date) }
    }

    pub(crate) fn number(&self) -> String {
        if self.number == 0 { "not numbered".into() } else { self.number.to_string() }
    }

    pub(crate) fn period(&self) -> String {
        match (&self.not_before, &self.expires) {
            (None, None) => "always".into(),
            (Some(from), None) => format!("from {from} on"),
            (None, Some(until)) => format!("until {until}"),
            (Some(from), Some(until)) => format!("from {from} until {until}"),
        }
    }
}

/// Summary of the profile of reference rows in a bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileSummary {
    rows: u32,
    sketches: SketchRules,
}

impl From<&Profile> for ProfileSummary {
    fn from(it: &Profile) -> Self {
        Self { rows: it.rows, sketches: it.sketches }
    }
}

impl ProfileSummary {
    pub(crate) fn words(it: Option<&Self>) -> String {
        let Some(Self { rows, sketches }) = it else {
            return "none: monitoring needs a table to compare with".into();
        };
        let rows = count(*rows as usize);
        match sketches.epsilon {
            Some(epsilon) => format!("of {rows} rows; sketches are randomised (ε {epsilon})"),
            None => format!("of {rows} rows; sketches of {} rows at least", sketches.minimum_rows),
        }
    }
}

/// The format that a bundle is written in, which stands behind its magic.
pub(crate) fn format_version(bytes: &[u8]) -> u32 {
    let version = bytes.get(MAGIC.len()..).and_then(|rest| rest.first_chunk());
    version.copied().map_or(0, u32::from_le_bytes)
}

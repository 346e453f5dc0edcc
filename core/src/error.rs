//! The one error type for everything that can go wrong between bytes and an offer.

/// What went wrong, where in the input, and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The declared tables, columns or products contradict each other.
    #[error("schema: {0}")]
    Schema(String),
    /// A feature definition can't be computed on the schema.
    #[error("feature `{feature}`: {message}")]
    Feature {
        /// The feature's name.
        feature: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A value in a customer's rows is wrong.
    #[error("{path}: {message}")]
    Customer {
        /// Where: `accounts[2].PRINCIPALAMOUNT`.
        path: String,
        /// What was expected, and what was found.
        message: String,
    },
    /// Something that should be a customer, a table or a row is not.
    #[error("{path}: {message}")]
    Shape {
        /// Where: `accounts[2]`.
        path: String,
        /// What was expected, and what was found.
        message: String,
    },
    /// A name that the schema does not have, in strict mode.
    #[error("{path}: {message}")]
    Unknown {
        /// Where: `customer.INCOM`.
        path: String,
        /// The name that may have been meant.
        message: String,
    },
    /// The text is not JSON.
    #[error("the JSON: {0}")]
    Json(String),
    /// An option of a request is unknown or of the wrong type.
    #[error("{message}")]
    Option {
        /// The error's code: `options/top`, …
        code: &'static str,
        /// The option, what was expected, and what was found.
        message: String,
    },
    /// A row or batch of features has the wrong length.
    #[error("expected {expected} feature values, got {actual}")]
    RowLength {
        /// The number of values expected.
        expected: usize,
        /// The number of values found.
        actual: usize,
    },
    /// A row of features from outside holds an infinite number.
    #[error(
        "row {row}, feature `{feature}`: expected a finite number, or NaN for a missing value, got infinity"
    )]
    Infinite {
        /// The row, from 0.
        row: usize,
        /// The feature's name.
        feature: String,
    },
    /// The bytes are not a bundle that this reader can use.
    #[error("bundle: {0}")]
    Bundle(BundleError),
    /// Rows can't be counted for monitoring, or the bytes are not a sketch made with this bundle.
    #[error("sketch: {0}")]
    Sketch(SketchError),
    /// Offers were asked for in a channel that the policy does not name.
    #[error("channel `{channel}`: the policy knows {known}")]
    Channel {
        /// The channel asked for.
        channel: String,
        /// The channels that the policy knows.
        known: String,
    },
    /// The model does not answer this kind of question.
    #[error("{0}")]
    Task(&'static str),
    /// A training parameter or training data is out of range.
    #[error("{0}")]
    Training(String),
}

// Not `#[from]`: as `source()` it would be printed twice.
impl From<BundleError> for Error {
    fn from(error: BundleError) -> Self {
        Error::Bundle(error)
    }
}

impl From<SketchError> for Error {
    fn from(error: SketchError) -> Self {
        Error::Sketch(error)
    }
}

impl Error {
    /// A short, stable name for programs: `bundle/hash-mismatch`, `customer/value`, …
    pub fn code(&self) -> &'static str {
        match self {
            Error::Schema(_) => "schema/invalid",
            Error::Feature { .. } => "feature/invalid",
            Error::Customer { .. } => "customer/value",
            Error::Shape { .. } => "customer/type",
            Error::Unknown { .. } => "customer/unknown",
            Error::Json(_) => "customer/json",
            Error::Option { code, .. } => code,
            Error::RowLength { .. } => "row/length",
            Error::Infinite { .. } => "row/infinite",
            Error::Bundle(bundle) => bundle.code(),
            Error::Sketch(sketch) => sketch.code(),
            Error::Channel { .. } => "options/channel",
            Error::Task(_) => "recommender/task",
            Error::Training(_) => "training/invalid",
        }
    }
}

/// Why bytes were refused as a bundle. No part of a refused bundle is ever used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The first eight bytes are not those of a bundle.
    #[error("not a nextbest bundle (the first bytes differ): is this the file that `nextbest export` wrote?")]
    Magic,
    /// The format version is not the one that this reader knows.
    #[error(
        "format version {version}, but this nextbest reads version {supported}: use the nextbest that wrote \
         it, or export again"
    )]
    Version {
        /// The bundle's format version.
        version: u32,
        /// The version that this reader knows.
        supported: u32,
    },
    /// The bytes end early, or go on after the end of the bundle.
    #[error("truncated or padded: {0}")]
    Length(&'static str),
    /// Larger than any bundle may be.
    #[error("{actual} bytes, more than the limit of {limit}")]
    TooLarge {
        /// The size found.
        actual: usize,
        /// The size allowed.
        limit: usize,
    },
    /// A section is larger than it may be.
    #[error("section {section} has {actual} bytes, more than the limit of {limit}")]
    SectionTooLarge {
        /// The section's four letters.
        section: String,
        /// The size found.
        actual: usize,
        /// The size allowed.
        limit: usize,
    },
    /// A byte was changed after the bundle was written.
    #[error("the SHA-256 of the content differs: the file was damaged or changed, fetch it again")]
    Hash,
    /// A section is missing or duplicated.
    #[error("section {0} is missing or duplicated")]
    Section(String),
    /// A section's content does not decode.
    #[error("section {section}: {message}")]
    Decode {
        /// The section's four letters.
        section: String,
        /// What the decoder found.
        message: String,
    },
    /// The sections decode, but their content is invalid: an index out of range, a number that isn't finite,
    /// …
    #[error("{0}")]
    Content(String),
    /// The bundle's validity has not begun.
    #[error("not valid before {0}: is this machine's clock right?")]
    NotYetValid(String),
    /// The bundle's validity has ended.
    #[error("expired on {0}: fetch a newer one")]
    Expired(String),
    /// The bundle is older than one that was used before.
    #[error("model version {number} is older than {least}, the oldest that may be used: fetch a newer one")]
    Rollback {
        /// This bundle's number.
        number: u64,
        /// The least number accepted.
        least: u64,
    },
    /// A signature was required and there is none.
    #[error("not signed, but only bundles signed by key {key} may be used: fetch the signed one")]
    Unsigned {
        /// The fingerprint of the required key.
        key: String,
    },
    /// Signed with another key than the required one.
    #[error("signed by key {found}, but only bundles signed by key {key} may be used")]
    OtherKey {
        /// The fingerprint of the key that the bundle claims to be signed with.
        found: String,
        /// The fingerprint of the required key.
        key: String,
    },
    /// Claims to be signed with the required key, but the signature is wrong.
    #[error(
        "the signature of key {key} does not verify: the file was changed after it was signed, fetch it again"
    )]
    Signature {
        /// The fingerprint of the required key.
        key: String,
    },
    /// A golden row does not score to its golden probabilities.
    #[error("self-test: golden row {row} scores differently here than where the bundle was made")]
    SelfTest {
        /// The golden row, from 0.
        row: usize,
    },
}

impl BundleError {
    fn code(&self) -> &'static str {
        match self {
            BundleError::Magic => "bundle/magic",
            BundleError::Version { .. } => "bundle/version",
            BundleError::Length(_) => "bundle/length",
            BundleError::TooLarge { .. } | BundleError::SectionTooLarge { .. } => "bundle/too-large",
            BundleError::Hash => "bundle/hash-mismatch",
            BundleError::Section(_) => "bundle/section",
            BundleError::Decode { .. } => "bundle/decode",
            BundleError::Content(_) => "bundle/content",
            BundleError::SelfTest { .. } => "bundle/self-test",
            BundleError::NotYetValid(_) => "bundle/not-yet-valid",
            BundleError::Expired(_) => "bundle/expired",
            BundleError::Rollback { .. } => "bundle/rollback",
            BundleError::Unsigned { .. } => "bundle/unsigned",
            BundleError::OtherKey { .. } => "bundle/other-key",
            BundleError::Signature { .. } => "bundle/signature",
        }
    }
}

/// Why rows were not counted, or bytes were refused as a sketch. Nothing in a refused sketch is ever counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SketchError {
    /// The bundle has no profile.
    #[error("the bundle has no profile to count rows against: export it again (`nextbest export`)")]
    NoProfile,
    /// A sketch of this few rows might reveal something about one of them.
    #[error("{rows} rows are too few for a sketch, which needs {least}: they are kept")]
    TooFewRows {
        /// How many rows were counted.
        rows: u64,
        /// How many rows are needed.
        least: u64,
    },
    /// The first four bytes are not those of a sketch.
    #[error("not a sketch (the first bytes differ)")]
    Magic,
    /// The sketch's version is unknown.
    #[error("a version that this reader does not know")]
    Version,
    /// The bytes end early, or go on after the end of the sketch.
    #[error("truncated or padded")]
    Length,
    /// A byte was changed after the sketch was written.
    #[error("damaged: its checksum differs")]
    Damaged,
    /// Counted in the cells of another bundle's profile.
    #[error("made with another bundle")]
    OtherBundle,
    /// No rows could give these counts.
    #[error("impossible counts: {0}")]
    Counts(&'static str),
    /// The sketch counts no rows, or too many.
    #[error("{rows} rows, expected 1 to {most}")]
    Rows {
        /// How many rows it claims to count.
        rows: u64,
        /// The most rows that it may count.
        most: u64,
    },
}

impl SketchError {
    /// A short, stable name for programs.
    pub fn code(&self) -> &'static str {
        match self {
            SketchError::NoProfile => "sketch/no-profile",
            SketchError::TooFewRows { .. } => "sketch/too-few-rows",
            SketchError::Magic => "sketch/magic",
            SketchError::Version => "sketch/version",
            SketchError::Length => "sketch/length",
            SketchError::Damaged => "sketch/damaged",
            SketchError::OtherBundle => "sketch/other-bundle",
            SketchError::Counts(_) => "sketch/counts",
            SketchError::Rows { .. } => "sketch/rows",
        }
    }
}

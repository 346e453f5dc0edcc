//! One error type for everything that can go wrong between bytes and an offer.

/// What went wrong, in which part of the input, and what to do about it.
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
        /// What is wrong with it and what would be right.
        message: String,
    },
    /// A customer's own data has the wrong shape.
    #[error("{path}: {message}")]
    Customer {
        /// Where: `accounts[2].PRINCIPALAMOUNT`.
        path: String,
        /// What was expected and what was there.
        message: String,
    },
    /// What can't be a customer, a table or a row.
    #[error("{path}: {message}")]
    Shape {
        /// Where: `accounts[2]`.
        path: String,
        /// What was expected and what was there.
        message: String,
    },
    /// A name that the schema does not have, where none may be ignored.
    #[error("{path}: {message}")]
    Unknown {
        /// Where: `customer.INCOM`.
        path: String,
        /// What may have been meant.
        message: String,
    },
    /// A text is no JSON.
    #[error("the JSON: {0}")]
    Json(String),
    /// An option of a request is not one of those that there are, or of another type.
    #[error("{message}")]
    Option {
        /// The error's code: `options/top`, …
        code: &'static str,
        /// The option, what was expected and what was there.
        message: String,
    },
    /// A row or batch of features has the wrong length.
    #[error("expected {expected} feature values, got {actual}")]
    RowLength {
        /// How many the model reads.
        expected: usize,
        /// How many there were.
        actual: usize,
    },
    /// A row of features that comes from outside holds an infinite number.
    #[error("row {row}, feature `{feature}`: infinite, expected a number, or NaN where there is none")]
    Infinite {
        /// The row, from 0.
        row: usize,
        /// The feature's name.
        feature: String,
    },
    /// The bytes are not a bundle that this reader can use.
    #[error("bundle: {0}")]
    Bundle(BundleError),
    /// Rows can't be counted for monitoring, or the bytes are not a sketch of this bundle.
    #[error("sketch: {0}")]
    Sketch(SketchError),
    /// Offers are asked for in a channel that the policy does not name.
    #[error("channel `{channel}`: the policy knows {known}")]
    Channel {
        /// The channel that was asked for.
        channel: String,
        /// Those that there are.
        known: String,
    },
    /// The model answers another question than the one asked.
    #[error("{0}")]
    Task(&'static str),
    /// Training parameters or data are out of range.
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

/// Why bytes were refused as a bundle. Nothing of a refused bundle is ever used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The first eight bytes are not those of a bundle.
    #[error("not a nextbest bundle (the first bytes differ): is this the file that `nextbest export` wrote?")]
    Magic,
    /// Written in another format than the one that is read here.
    #[error(
        "written in format version {version}, and this nextbest reads {supported}: use the version that wrote it, or export again"
    )]
    Version {
        /// The version that it is written in.
        version: u32,
        /// The version that this reader knows.
        supported: u32,
    },
    /// Ends early, or goes on after its end.
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
    /// Some byte was changed after the bundle was written.
    #[error("the SHA-256 of the content differs: the file was damaged or changed, fetch it again")]
    Hash,
    /// A section is there twice or not at all.
    #[error("section {0} is missing or there twice")]
    Section(String),
    /// A section's content does not decode.
    #[error("section {section}: {message}")]
    Decode {
        /// The section's four letters.
        section: String,
        /// What the decoder met.
        message: String,
    },
    /// Decodes, but can't be a model: an index out of range, a number that isn't one, …
    #[error("{0}")]
    Content(String),
    /// Made to be used later.
    #[error("not valid before {0}: is this machine's clock right?")]
    NotYetValid(String),
    /// Made to be used no longer.
    #[error("expired on {0}: fetch a newer one")]
    Expired(String),
    /// Older than one that was used before.
    #[error(
        "version {number} of the model, and nothing older than version {least} may be used: fetch a newer one"
    )]
    Rollback {
        /// This bundle's number.
        number: u64,
        /// The least number that is accepted.
        least: u64,
    },
    /// Who asks for a signature gets none.
    #[error("not signed, and only bundles that key {key} signed may be used: fetch the signed one")]
    Unsigned {
        /// The fingerprint of the key that was asked for.
        key: String,
    },
    /// Signed, but by someone else.
    #[error("signed by key {found}, and only bundles that key {key} signed may be used")]
    OtherKey {
        /// The fingerprint of the key that signed it, or claims to.
        found: String,
        /// The fingerprint of the key that was asked for.
        key: String,
    },
    /// Claims to be signed by the right key.
    #[error(
        "the signature of key {key} does not verify: the file was changed after it was signed, fetch it again"
    )]
    Signature {
        /// The fingerprint of the key that was asked for.
        key: String,
    },
    /// Scoring the golden rows does not give the golden probabilities.
    #[error("self-test: golden row {row} scores differently here than where the bundle was made")]
    SelfTest {
        /// Which golden row, from 0.
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

/// Why rows were not counted, or bytes refused as a sketch. Nothing of a refused sketch is ever counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SketchError {
    /// The bundle does not remember what rows looked like.
    #[error("the bundle has no profile of its rows to count others in: export it again (`nextbest export`)")]
    NoProfile,
    /// A sketch of so few rows might tell something about one of them.
    #[error("{rows} rows are too few to be handed out, which needs {least}: they are kept")]
    TooFewRows {
        /// How many were counted.
        rows: u64,
        /// How many are needed.
        least: u64,
    },
    /// The first four bytes are not those of a sketch.
    #[error("not a sketch (the first bytes differ)")]
    Magic,
    /// Written by another version.
    #[error("of a version that this reader does not know")]
    Version,
    /// Ends early, or goes on after its end.
    #[error("truncated or padded")]
    Length,
    /// Some byte was changed after it was written.
    #[error("damaged: its checksum differs")]
    Damaged,
    /// Counted in the cells of another bundle.
    #[error("of another bundle")]
    OtherBundle,
    /// The counts are not what rows give.
    #[error("counts that no rows give: {0}")]
    Counts(&'static str),
    /// Counts no rows, or more than it may.
    #[error("{rows} rows, where 1 to {most} may be")]
    Rows {
        /// How many it claims.
        rows: u64,
        /// How many it may have.
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

//! What a feature store wants to know of the feature table: its keys, its columns in words, and which version
//! it is.

use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{HELD_COLUMN, Layout};
use crate::io::output;

/// The description of a feature table that stands beside its file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest<'a> {
    name: &'a str,
    description: &'a str,
    /// The SHA-256 of the Parquet file: the same rows and definitions have the same version.
    pub(crate) version: String,
    primary_keys: [&'a str; 1],
    timestamp_key: &'a str,
    label: &'a str,
    /// Within how many days after the cut-off a product counts as taken next.
    horizon_days: u32,
    rows: usize,
    cutoffs: Vec<String>,
    /// The files that it was computed from, with their SHA-256.
    sources: Vec<(String, String)>,
    columns: Vec<ColumnEntry<'a>>,
}

/// What a model card wants to know of a manifest.
#[derive(Deserialize)]
struct Origin {
    version: String,
    #[serde(default)]
    sources: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct ColumnEntry<'a> {
    name: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    description: &'a str,
}

impl<'a> Manifest<'a> {
    /// Describes a table that was written.
    ///
    /// # Errors
    /// If the table can't be read.
    pub(crate) fn new(
        name: &'a str,
        description: &'a str,
        layout: &'a Layout,
        parquet: &Path,
        rows: usize,
        cutoffs: Vec<String>,
        sources: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        let column = |name, r#type, description| ColumnEntry { name, r#type, group: "", description };
        let mut columns = vec![
            column(&layout.key_column, "string", "the customer"),
            column(&layout.cutoff_column, "date", "the moment before which everything was known"),
            column(&layout.label_column, "string", "the product taken next, or NONE"),
            column(
                HELD_COLUMN,
                "string",
                "the products held at that moment, with | between them (\\| is a bar in a name, \\\\ a \
                 backslash)",
            ),
        ];
        columns.extend(layout.features.iter().map(|feature| ColumnEntry {
            name: &feature.name,
            r#type: "float",
            group: &feature.group,
            description: &feature.label,
        }));
        Ok(Self {
            name,
            description,
            version: output::file_hash(parquet)?,
            primary_keys: [&layout.key_column],
            timestamp_key: &layout.cutoff_column,
            label: &layout.label_column,
            horizon_days: layout.schema.horizon_days(),
            rows,
            cutoffs,
            sources,
            columns,
        })
    }
}

/// The files that a feature table was computed from, with their SHA-256, as the manifest beside it says; none
/// where there is no manifest of this very table.
///
/// # Errors
/// If one of the two can't be read.
pub(crate) fn sources_of(parquet: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let path = parquet.with_extension("json");
    let text = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text.with_context(|| path.display().to_string())?,
    };
    let origin: Origin = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    Ok(if origin.version == output::file_hash(parquet)? { origin.sources } else { Vec::new() })
}

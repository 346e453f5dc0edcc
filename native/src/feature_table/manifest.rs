//! What a feature store wants to know of the feature table: its keys, its columns in words, and which version it is.

use std::path::Path;

use serde::Serialize;

use super::{HELD_COLUMN, Layout};
use crate::output;

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
    rows: usize,
    cutoffs: Vec<String>,
    columns: Vec<ColumnEntry<'a>>,
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
    /// Where the table can't be read.
    pub(crate) fn new(
        name: &'a str,
        description: &'a str,
        layout: &'a Layout,
        parquet: &Path,
        rows: usize,
        cutoffs: Vec<String>,
    ) -> anyhow::Result<Self> {
        let column = |name, r#type, description| ColumnEntry { name, r#type, group: "", description };
        let mut columns = vec![
            column(&layout.key_column, "string", "the customer"),
            column(&layout.cutoff_column, "date", "the moment before which everything was known"),
            column(&layout.label_column, "string", "the product taken next, or NONE"),
            column(HELD_COLUMN, "string", "the products held at that moment, with | between them"),
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
            rows,
            cutoffs,
            columns,
        })
    }
}

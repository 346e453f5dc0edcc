//! The feature table: its name, keys and formats.

use anyhow::bail;
use serde::Deserialize;

/// The feature table.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureStore {
    /// The table's name, and its files'.
    pub table_name: String,
    /// The column that identifies a customer; exactly one.
    pub primary_keys: Vec<String>,
    /// The column with the cut-off.
    pub timestamp_key: String,
    /// Description of the table.
    pub description: String,
    /// Formats to write. Training reads Parquet, so it must be among them.
    pub formats: Vec<StoreFormat>,
}

/// Format of the feature table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreFormat {
    /// Apache Parquet.
    Parquet,
    /// Comma-separated values.
    Csv,
    /// A Delta table: a folder of Parquet files with a log of versions.
    Delta,
}

impl Default for FeatureStore {
    fn default() -> Self {
        Self {
            table_name: "customer_product_features".into(),
            primary_keys: vec!["CUSTOMERID".into()],
            timestamp_key: "CUTOFF".into(),
            description: "Customers at cut-offs: what was known before, and what they took next".into(),
            formats: vec![StoreFormat::Parquet, StoreFormat::Csv],
        }
    }
}

impl FeatureStore {
    /// The column that identifies a customer.
    ///
    /// # Errors
    /// If there is not exactly one, or its name can't stand in the header of a CSV file.
    pub fn key(&self) -> anyhow::Result<&str> {
        match self.primary_keys.as_slice() {
            [key] if key.is_empty() || key.trim() != key || key.contains(char::is_control) => bail!(
                "feature_store.primary_keys: {key:?} is no name of a column: it is empty, or has white \
                 space around it or \
                 characters that nobody sees in it"
            ),
            [key] => Ok(key),
            keys => bail!("feature_store.primary_keys: expected one column, got {}", keys.len()),
        }
    }

    /// Whether the table is written in a format.
    pub fn wants(&self, format: StoreFormat) -> bool {
        self.formats.contains(&format)
    }
}

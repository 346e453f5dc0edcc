//! Location of the bank's tables and of the feature table.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nextbest_core::schema::Schema;
use nextbest_core::time::Clock;
use serde::Deserialize;

use crate::config::time_zone;

/// Where the bank's tables are.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataSource {
    /// `csv` or `parquet`.
    pub r#type: SourceType,
    /// CSV files.
    pub csv: Csv,
    /// Parquet files.
    pub parquet: Parquet,
    /// IANA name of the bank's time zone, which applies to times in the tables without a zone.
    pub time_zone: String,
    /// Most memory for events, in MiB; the rest is spilled to disk.
    pub memory_mb: usize,
}

impl Default for DataSource {
    fn default() -> Self {
        let (csv, parquet) = Default::default();
        let time_zone = Clock::default().zone;
        Self { r#type: SourceType::default(), csv, parquet, time_zone, memory_mb: 1024 }
    }
}

/// The kind of source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceType {
    /// CSV files in a folder.
    #[default]
    Csv,
    /// Parquet files in a folder.
    Parquet,
}

/// CSV files.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Csv {
    /// The folder with the bank's tables.
    pub input_path: PathBuf,
    /// The folder for the feature table.
    pub output_path: PathBuf,
    /// The delimiter: one character.
    pub delimiter: char,
    /// File names of tables, where they differ from the schema's.
    pub tables: BTreeMap<String, PathBuf>,
}

impl Default for Csv {
    fn default() -> Self {
        let Parquet { input_path, output_path, tables } = Parquet::default();
        Self { input_path, output_path, delimiter: ',', tables }
    }
}

/// Parquet files.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parquet {
    /// The folder with the bank's tables.
    pub input_path: PathBuf,
    /// The folder for the feature table.
    pub output_path: PathBuf,
    /// File names of tables, where they differ from the schema's with the extension `parquet`.
    pub tables: BTreeMap<String, PathBuf>,
}

impl Default for Parquet {
    fn default() -> Self {
        Self { input_path: "data/raw".into(), output_path: "data/processed".into(), tables: BTreeMap::new() }
    }
}

impl Csv {
    /// The delimiter as a byte.
    ///
    /// # Errors
    /// If it is not one ASCII character, or one with another meaning in CSV.
    pub fn delimiter(&self) -> anyhow::Result<u8> {
        let delimiter =
            u8::try_from(self.delimiter).ok().filter(|byte| byte.is_ascii() && !b"\"\r\n\0".contains(byte));
        delimiter.context(
            "data_source.csv.delimiter: expected one ASCII character that is no quotation mark and no line \
             end",
        )
    }
}

impl DataSource {
    /// The bank's clock.
    ///
    /// # Errors
    /// If the zone is unknown; the message suggests a similar one.
    pub fn clock(&self) -> anyhow::Result<Clock> {
        time_zone::clock(&self.time_zone).context("data_source.time_zone")
    }

    /// The clock of a model, which must be the bank's.
    ///
    /// # Errors
    /// If the model was trained with a clock of another zone.
    pub fn clock_of<'s>(&self, made: &'s Schema) -> anyhow::Result<&'s Clock> {
        // Of the same zone, the one of then: a database of zones may know better by now, but the rows were
        // read with that.
        let (own, zone) = (self.clock()?.zone, &made.clock().zone);
        match own == *zone {
            true => Ok(made.clock()),
            false => bail!(
                "data_source.time_zone: the config says {own}, but what was made before is of times of \
                 {zone}: say that zone, or make \
                 it again"
            ),
        }
    }

    /// The folder with the bank's tables.
    pub fn input_path(&self) -> &Path {
        match self.r#type {
            SourceType::Csv => &self.csv.input_path,
            SourceType::Parquet => &self.parquet.input_path,
        }
    }

    /// The config key of the folder of the tables.
    pub fn input_path_key(&self) -> &'static str {
        match self.r#type {
            SourceType::Csv => "data_source.csv.input_path",
            SourceType::Parquet => "data_source.parquet.input_path",
        }
    }

    /// The folder for the feature table.
    pub fn output_path(&self) -> &Path {
        match self.r#type {
            SourceType::Csv => &self.csv.output_path,
            SourceType::Parquet => &self.parquet.output_path,
        }
    }

    /// The file of a table, by the table's name and its file in the schema.
    pub fn table_file(&self, name: &str, file: &Path) -> PathBuf {
        let file = match self.r#type {
            SourceType::Csv => self.csv.tables.get(name).cloned().unwrap_or_else(|| file.to_owned()),
            SourceType::Parquet => {
                self.parquet.tables.get(name).cloned().unwrap_or_else(|| file.with_extension("parquet"))
            }
        };
        self.input_path().join(file)
    }
}

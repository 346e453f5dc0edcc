//! The bank's tables as config.yaml declares them: files, keys, references and columns.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// All tables and what they mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaConfig {
    /// The tables by the name under which a customer's rows are passed to the scorer.
    pub tables: IndexMap<String, TableConfig>,
    /// Which table has one row a customer.
    pub customer: CustomerConfig,
    /// Where it is written which products customers took.
    pub holdings: Vec<HoldingConfig>,
    /// The products.
    pub products: ProductsConfig,
}

/// A table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    /// Its file in the input folder.
    pub file: PathBuf,
    /// The column that identifies a row, if one does.
    pub key: Option<String>,
    /// The column that says when a row came into being. A table with one is an event table.
    pub time: Option<String>,
    /// An event table without a time column. Its rows may have been written at any time, so features of it
    /// may leak.
    #[serde(default)]
    pub undated: bool,
    /// Only rows whose columns have one of these words.
    #[serde(default)]
    pub rows_where: BTreeMap<String, Vec<String>>,
    /// The columns that are read.
    #[serde(default)]
    pub columns: IndexMap<String, ColumnConfig>,
}

/// A column: a type (`number`, `date`, `timestamp`, `category`), or a type with more to say.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnConfig(pub ColumnDetails);

/// What there is to say of a column.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnDetails {
    /// What its values are; a column that only refers to another table needs no type.
    pub r#type: Option<ColumnType>,
    /// The table whose key its values are.
    pub references: Option<String>,
    /// Whether a reference may be empty.
    pub optional: bool,
    /// Whether it shows today's state, which was not known at past cut-offs.
    pub current: bool,
    /// The column of the file that it is made from; the one of the same name where it is not given.
    pub from: Option<String>,
    /// The format of a date, of `%Y %y %m %d %H %M %S %z` and other characters; ISO 8601 where it is not
    /// given.
    pub format: Option<String>,
    /// Added to two-digit years; 1900 where it is not given.
    pub century: Option<i64>,
    /// Taken from months above it: some registers add 50 to the month of women's birth dates.
    pub month_offset: Option<i64>,
    /// Only the characters from the first (counted from 0) up to, and without, the second.
    pub slice: Option<[usize; 2]>,
    /// Words in the place of those in the file.
    pub values: BTreeMap<String, String>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// Numbers.
    Number,
    /// Dates.
    Date,
    /// Dates with a time of day.
    Timestamp,
    /// Words.
    Category,
}

/// Which table has one row a customer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerConfig {
    /// The table. The tables that it refers to are joined to it.
    pub table: String,
    /// The column (of it or of a joined table) that says when the customer came.
    pub established: String,
    /// The column with the date of birth.
    pub birth_date: Option<String>,
}

/// A table in which a row means that the customer took a product.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldingConfig {
    /// The table.
    pub table: String,
    /// Which product.
    pub product: HoldingProductConfig,
    /// The column that says when the product was given up.
    pub closed: Option<String>,
}

/// Which product a row is about.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldingProductConfig {
    /// The product whose id stands in this column.
    Column(String),
    /// Always the product of this id.
    Always(String),
}

/// The products: a table of them, or a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductsConfig {
    /// They stand in a table.
    Table(ProductTableConfig),
    /// They are listed here.
    List(Vec<ProductConfig>),
}

/// The columns of a table of products; its key is the products' id.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductTableConfig {
    /// The table.
    pub table: String,
    /// The column with the name.
    pub name: String,
    /// The column with the youngest age at which it may be taken.
    pub min_age: Option<String>,
    /// The column that says (`Y`, `true` or `1`) whether it may be taken again.
    pub repeatable: Option<String>,
    /// The column with the bank's yearly margin, as a share of the amount.
    pub margin: Option<String>,
    /// The column with the least amount.
    pub min_amount: Option<String>,
    /// The column with the greatest amount.
    pub max_amount: Option<String>,
}

/// A product.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductConfig {
    /// As it stands in the tables.
    pub id: String,
    /// As people call it.
    pub name: String,
    /// The youngest age at which it may be taken.
    pub min_age: Option<f64>,
    /// Whether it may be taken again.
    #[serde(default)]
    pub repeatable: bool,
    /// What one taken product is worth to the bank.
    pub value: Option<f64>,
}

impl<'de> Deserialize<'de> for ColumnConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeOrDetails;

        impl<'de> Visitor<'de> for TypeOrDetails {
            type Value = ColumnConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("number, date, timestamp, category, or a map with a type or a reference")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ColumnConfig, E> {
                let r#type = ColumnType::deserialize(StrDeserializer::<E>::new(text))?;
                Ok(ColumnConfig(ColumnDetails { r#type: Some(r#type), ..ColumnDetails::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ColumnConfig, A::Error> {
                ColumnDetails::deserialize(MapAccessDeserializer::new(map)).map(ColumnConfig)
            }
        }

        deserializer.deserialize_any(TypeOrDetails)
    }
}

impl std::ops::Deref for ColumnConfig {
    type Target = ColumnDetails;

    fn deref(&self) -> &ColumnDetails {
        &self.0
    }
}

//! The feature table: a row for each customer at each cut-off, as Parquet (which training reads) and CSV (for people).
//!
//! The Parquet file's metadata holds the schema and the feature definitions, so that a model trained on the file
//! carries exactly what computed it.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use nextbest_core::features::FeatureDefinition;
use nextbest_core::schema::Schema;
use nextbest_core::snapshot::ProductSet;
use nextbest_core::time::{self, DAY};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int32Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;
use serde::{Deserialize, Serialize};

use crate::output;
use crate::parquet_columns::{read_column, write_column};

/// The column with the products that a customer holds at the cut-off.
const HELD_COLUMN: &str = "HELD_PRODUCTS";
/// The key of the file's metadata.
const METADATA: &str = "nextbest";
/// Rows are written in groups of this many.
const ROWS_IN_GROUP: usize = 64 * 1024;

/// What the columns are and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// The column that identifies a customer.
    pub(crate) key_column: String,
    /// The column with the cut-off.
    pub(crate) cutoff_column: String,
    /// The column with the class.
    pub(crate) label_column: String,
    /// What the customers' rows look like.
    pub(crate) schema: Schema,
    /// What the features are.
    pub(crate) features: Vec<FeatureDefinition>,
}

/// Customers at cut-offs, with features and labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FeatureTable {
    /// What the columns are.
    pub(crate) layout: Layout,
    /// The customer of each row.
    pub(crate) ids: Vec<String>,
    /// The cut-off of each row, in seconds since 1970-01-01.
    pub(crate) cutoffs: Vec<i64>,
    /// The class of each row.
    pub(crate) labels: Vec<usize>,
    /// The products held at the cut-off.
    pub(crate) held: Vec<ProductSet>,
    /// The features, row by row.
    pub(crate) values: Vec<f32>,
}

impl FeatureTable {
    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many features a row has.
    pub(crate) fn width(&self) -> usize {
        self.layout.features.len()
    }

    /// The rows at some cut-offs.
    pub(crate) fn at(&self, cutoffs: &[i64]) -> FeatureTable {
        let chosen = |row: &usize| self.cutoffs.get(*row).is_some_and(|cutoff| cutoffs.contains(cutoff));
        let rows: Vec<usize> = (0..self.len()).filter(chosen).collect();
        let width = self.width();
        FeatureTable {
            layout: self.layout.clone(),
            ids: pick(&self.ids, &rows),
            cutoffs: pick(&self.cutoffs, &rows),
            labels: pick(&self.labels, &rows),
            held: pick(&self.held, &rows),
            values: rows
                .iter()
                .flat_map(|row| {
                    self.values.get(row * width..(row + 1) * width).unwrap_or_default().iter().copied()
                })
                .collect(),
        }
    }

    /// The different cut-offs, in order.
    pub(crate) fn distinct_cutoffs(&self) -> Vec<i64> {
        let mut cutoffs = self.cutoffs.clone();
        cutoffs.sort_unstable();
        cutoffs.dedup();
        cutoffs
    }

    /// Checks that no customer stands twice at the same cut-off.
    ///
    /// # Errors
    /// Names the first that does.
    pub(crate) fn check_unique(&self) -> anyhow::Result<()> {
        let mut seen = HashSet::with_capacity(self.len());
        for (id, cutoff) in self.ids.iter().zip(&self.cutoffs) {
            if id.is_empty() || !seen.insert((id, cutoff)) {
                bail!(
                    "{} {id:?} is empty or stands twice at {}",
                    self.layout.key_column,
                    time::format(*cutoff)
                );
            }
        }
        Ok(())
    }

    /// Writes the table as Parquet.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write_parquet(&self, path: &Path) -> anyhow::Result<()> {
        let metadata = KeyValue::new(METADATA.to_owned(), serde_json::to_string(&self.layout)?);
        let properties = WriterProperties::builder()
            .set_compression(parquet::basic::Compression::SNAPPY)
            .set_created_by(format!("nextbest {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(vec![metadata]))
            .build();
        let schema = Arc::new(self.parquet_type()?);
        output::write_file(path, |file| {
            let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
            for start in (0..self.len()).step_by(ROWS_IN_GROUP) {
                let rows = start..(start + ROWS_IN_GROUP).min(self.len());
                let mut group = writer.next_row_group()?;
                self.write_group(&mut group, rows)?;
                group.close()?;
            }
            writer.close()?;
            Ok(())
        })
    }

    /// Reads a table that [`FeatureTable::write_parquet`] wrote.
    ///
    /// # Errors
    /// Where there is no such file, or it is not a feature table.
    pub(crate) fn read_parquet(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("{}: is this the table that `nextbest features` writes?", path.display());
        let file = File::open(path).with_context(place)?;
        let reader = SerializedFileReader::new(file).with_context(place)?;
        let metadata = reader.metadata().file_metadata().key_value_metadata();
        let layout = metadata
            .and_then(|entries| entries.iter().find(|entry| entry.key == METADATA)?.value.as_deref())
            .context("it says nothing about its schema and features")
            .with_context(place)?;
        let layout: Layout = serde_json::from_str(layout).with_context(place)?;
        let mut table = FeatureTable {
            ids: Vec::new(),
            cutoffs: Vec::new(),
            labels: Vec::new(),
            held: Vec::new(),
            values: Vec::new(),
            layout,
        };
        for group in 0..reader.num_row_groups() {
            table.read_group(&*reader.get_row_group(group)?).with_context(place)?;
        }
        Ok(table)
    }

    /// Writes the table as CSV.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write_csv(&self, path: &Path) -> anyhow::Result<()> {
        let layout = &self.layout;
        output::write_file(path, |file| {
            let mut csv = csv::Writer::from_writer(file);
            let columns = [&layout.key_column, &layout.cutoff_column, &layout.label_column];
            let header = columns.into_iter().map(String::as_str).chain([HELD_COLUMN]);
            csv.write_record(header.chain(layout.features.iter().map(|feature| feature.name.as_str())))?;
            let rows = self.values.chunks_exact(self.width().max(1));
            for (row, values) in rows.enumerate() {
                let key = self.ids.get(row).map_or("", String::as_str);
                csv.write_field(key)?;
                csv.write_field(time::format(self.cutoffs.get(row).copied().unwrap_or_default()))?;
                csv.write_field(self.label_name(row))?;
                csv.write_field(self.held_names(row))?;
                for value in values {
                    if value.is_nan() { csv.write_field("")? } else { csv.write_field(value.to_string())? }
                }
                csv.write_record(None::<&[u8]>)?;
            }
            Ok(csv.flush()?)
        })
    }

    fn label_name(&self, row: usize) -> &str {
        let names = self.layout.schema.class_names();
        self.labels.get(row).and_then(|label| names.get(*label).copied()).unwrap_or_default()
    }

    fn held_names(&self, row: usize) -> String {
        let held = self.held.get(row).copied().unwrap_or_default();
        let products = self.layout.schema.products().iter().enumerate();
        let names: Vec<&str> = products
            .filter(|(product, _)| held.contains(*product))
            .map(|(_, product)| product.name.as_str())
            .collect();
        names.join("|")
    }

    fn parquet_type(&self) -> anyhow::Result<Type> {
        let column = |name: &str, physical, repetition, logical: Option<LogicalType>| {
            let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
            let builder = match &logical {
                Some(LogicalType::Date) => builder.with_converted_type(ConvertedType::DATE),
                Some(LogicalType::String) => builder.with_converted_type(ConvertedType::UTF8),
                _ => builder,
            };
            builder.with_logical_type(logical).build().map(Arc::new)
        };
        let text = |name: &str| {
            column(name, PhysicalType::BYTE_ARRAY, Repetition::REQUIRED, Some(LogicalType::String))
        };
        let layout = &self.layout;
        let mut columns = vec![
            text(&layout.key_column)?,
            column(
                &layout.cutoff_column,
                PhysicalType::INT32,
                Repetition::REQUIRED,
                Some(LogicalType::Date),
            )?,
            text(&layout.label_column)?,
            text(HELD_COLUMN)?,
        ];
        for feature in &layout.features {
            columns.push(column(&feature.name, PhysicalType::FLOAT, Repetition::OPTIONAL, None)?);
        }
        Ok(Type::group_type_builder("features").with_fields(columns).build()?)
    }

    fn write_group<W: std::io::Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        rows: std::ops::Range<usize>,
    ) -> anyhow::Result<()> {
        let texts = |text: &dyn Fn(usize) -> String| -> Vec<ByteArray> {
            rows.clone().map(|row| text(row).into_bytes().into()).collect()
        };
        let ids = texts(&|row| self.ids.get(row).cloned().unwrap_or_default());
        write_column::<ByteArrayType, W>(group, &ids, None)?;
        let day = |row: usize| self.cutoffs.get(row).map_or(0, |cutoff| (cutoff.div_euclid(DAY)) as i32);
        write_column::<Int32Type, W>(group, &rows.clone().map(day).collect::<Vec<_>>(), None)?;
        write_column::<ByteArrayType, W>(group, &texts(&|row| self.label_name(row).to_owned()), None)?;
        write_column::<ByteArrayType, W>(group, &texts(&|row| self.held_names(row)), None)?;
        for feature in 0..self.width() {
            let value =
                |row: usize| self.values.get(row * self.width() + feature).copied().unwrap_or(f32::NAN);
            let known: Vec<f32> = rows.clone().map(value).filter(|value| !value.is_nan()).collect();
            let defined: Vec<i16> = rows.clone().map(|row| i16::from(!value(row).is_nan())).collect();
            write_column::<FloatType, W>(group, &known, Some(&defined))?;
        }
        Ok(())
    }

    fn read_group(&mut self, group: &dyn parquet::file::reader::RowGroupReader) -> anyhow::Result<()> {
        let count = usize::try_from(group.metadata().num_rows())?;
        if group.num_columns() != self.width() + 4 {
            bail!("it has {} columns, not {}", group.num_columns(), self.width() + 4);
        }
        let texts = |column: usize| -> anyhow::Result<Vec<String>> {
            let (values, _) = read_column::<ByteArrayType>(group, column, count)?;
            values.iter().map(|value| Ok(value.as_utf8()?.to_owned())).collect()
        };
        self.ids.extend(texts(0)?);
        let (days, _) = read_column::<Int32Type>(group, 1, count)?;
        self.cutoffs.extend(days.iter().map(|day| i64::from(*day) * DAY));
        let names = self.layout.schema.class_names();
        for name in texts(2)? {
            let label = names.iter().position(|other| *other == name);
            self.labels.push(label.with_context(|| format!("{name:?} is none of the classes"))?);
        }
        let products = self.layout.schema.products();
        for names in texts(3)? {
            let mut held = ProductSet::default();
            for name in names.split('|').filter(|name| !name.is_empty()) {
                let product = products.iter().position(|product| product.name == name);
                held.insert(product.with_context(|| format!("{name:?} is none of the products"))?);
            }
            self.held.push(held);
        }
        let start = self.values.len();
        let width = self.width();
        self.values.resize(start + count * width, f32::NAN);
        for feature in 0..width {
            let (values, defined) = read_column::<FloatType>(group, feature + 4, count)?;
            let mut values = values.into_iter();
            for (row, defined) in defined.iter().enumerate().filter(|(_, defined)| **defined > 0) {
                let slot = self.values.get_mut(start + row * width + feature);
                if let (Some(slot), Some(value), true) = (slot, values.next(), *defined > 0) {
                    *slot = value;
                }
            }
        }
        Ok(())
    }
}

fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().filter_map(|row| values.get(*row).cloned()).collect()
}

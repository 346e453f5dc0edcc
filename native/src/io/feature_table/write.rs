//! Writes the feature table as its rows come: Parquet, which training reads, and CSV, if it is wanted.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, bail};
use nextbest_core::time::{self, DAY};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArrayType, FloatType, Int32Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescPtr, Type};
use rayon::prelude::*;

use super::{FeatureTable, HELD_COLUMN, Layout, METADATA};
use crate::io::output::CsvWriter;
use crate::io::parquet_columns::{EncodedColumn, encode_column};

/// Rows are written in groups of at least this many.
const ROWS_IN_GROUP: usize = 64 * 1024;
/// CSV is made in pieces of this many rows.
const ROWS_IN_PIECE: usize = 4096;

/// A column that stands before the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leading {
    Key,
    Cutoff,
    Label,
    Held,
}

/// Writes a feature table part by part.
pub(crate) struct FeatureTableWriter<W: Write + Send> {
    layout: Arc<Layout>,
    parquet: SerializedFileWriter<W>,
    columns: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    csv: Option<W>,
    leading: &'static [Leading],
    /// Rows that are not written yet.
    pending: FeatureTable,
    rows: usize,
}

impl<W: Write + Send> FeatureTableWriter<W> {
    /// Begins a table.
    ///
    /// # Errors
    /// If its beginning can't be written.
    pub(crate) fn new(layout: &Arc<Layout>, parquet: W, csv: Option<W>) -> anyhow::Result<Self> {
        Self::with(layout, parquet, csv, &[Leading::Key, Leading::Cutoff, Leading::Label, Leading::Held])
    }

    /// Begins a table that does not tell what was taken next. It can't be read back for training.
    ///
    /// # Errors
    /// If its beginning can't be written.
    pub(crate) fn without_label(layout: &Arc<Layout>, parquet: W, csv: Option<W>) -> anyhow::Result<Self> {
        Self::with(layout, parquet, csv, &[Leading::Key, Leading::Cutoff, Leading::Held])
    }

    fn with(
        layout: &Arc<Layout>,
        parquet: W,
        mut csv: Option<W>,
        leading: &'static [Leading],
    ) -> anyhow::Result<Self> {
        let metadata = KeyValue::new(METADATA.to_owned(), serde_json::to_string(layout.as_ref())?);
        let properties = WriterProperties::builder()
            .set_compression(parquet::basic::Compression::SNAPPY)
            .set_created_by(format!("nextbest {}", env!("CARGO_PKG_VERSION")))
            .set_key_value_metadata(Some(vec![metadata]))
            .build();
        let properties = Arc::new(properties);
        let writer = SerializedFileWriter::new(
            parquet,
            Arc::new(parquet_type(layout, leading)?),
            Arc::clone(&properties),
        )?;
        let columns = Arc::new(writer.schema_descr().clone());
        if let Some(csv) = &mut csv {
            let names = leading.iter().map(|leading| leading.name(layout));
            CsvWriter::new(csv).record(names.chain(layout.features.iter().map(|it| it.name.as_str())))?;
        }
        let pending = FeatureTable::empty(layout);
        Ok(Self {
            layout: Arc::clone(layout),
            parquet: writer,
            columns,
            properties,
            csv,
            leading,
            pending,
            rows: 0,
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// If rows can't be written.
    pub(crate) fn push(&mut self, rows: FeatureTable) -> anyhow::Result<()> {
        self.pending.append(rows);
        if self.pending.len() >= ROWS_IN_GROUP { self.write_pending() } else { Ok(()) }
    }

    /// Writes what is left, and gives how many rows there are in all.
    ///
    /// # Errors
    /// If that can't be written.
    pub(crate) fn finish(mut self) -> anyhow::Result<usize> {
        if !self.pending.is_empty() {
            self.write_pending()?;
        }
        self.parquet.close()?;
        if let Some(csv) = &mut self.csv {
            csv.flush()?;
        }
        Ok(self.rows)
    }

    fn write_pending(&mut self) -> anyhow::Result<()> {
        let rows = std::mem::replace(&mut self.pending, FeatureTable::empty(&self.layout));
        let encoded = (0..self.columns.num_columns())
            .into_par_iter()
            .map(|column| encode(&rows, column, self.leading, &self.columns, &self.properties))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let mut group = self.parquet.next_row_group()?;
        for column in encoded {
            column.append_to(&mut group)?;
        }
        group.close()?;
        if let Some(csv) = &mut self.csv {
            let pieces = (0..rows.len()).step_by(ROWS_IN_PIECE).collect::<Vec<_>>();
            let texts = pieces
                .into_par_iter()
                .map(|start| csv_text(&rows, start..rows.len().min(start + ROWS_IN_PIECE), self.leading))
                .collect::<anyhow::Result<Vec<_>>>()?;
            texts.iter().try_for_each(|text| csv.write_all(text))?;
        }
        self.rows += rows.len();
        Ok(())
    }
}

impl Leading {
    fn name(self, layout: &Layout) -> &str {
        match self {
            Leading::Key => &layout.key_column,
            Leading::Cutoff => &layout.cutoff_column,
            Leading::Label => &layout.label_column,
            Leading::Held => HELD_COLUMN,
        }
    }

    fn text(self, rows: &FeatureTable, row: usize) -> anyhow::Result<String> {
        let text = match self {
            Leading::Key => rows.ids.get(row).cloned(),
            Leading::Cutoff => rows.cutoffs.get(row).map(|cutoff| time::format(*cutoff)),
            Leading::Label => rows.label_name(row).map(str::to_owned),
            Leading::Held => rows.held_names(row),
        };
        text.with_context(|| format!("row {row} has no {}", self.name(&rows.layout)))
    }
}

/// A column of some rows: one of the leading ones, or a feature.
fn encode(
    rows: &FeatureTable,
    column: usize,
    leading: &[Leading],
    columns: &SchemaDescPtr,
    properties: &WriterPropertiesPtr,
) -> anyhow::Result<EncodedColumn> {
    let (descriptor, properties) = (columns.column(column), Arc::clone(properties));
    match leading.get(column) {
        Some(Leading::Cutoff) => {
            let days: Vec<i32> = rows.cutoffs.iter().map(|cutoff| cutoff.div_euclid(DAY) as i32).collect();
            encode_column::<Int32Type>(descriptor, properties, &days, None)
        }
        Some(leading) => {
            let texts = (0..rows.len()).map(|row| Ok(leading.text(rows, row)?.into_bytes().into()));
            let texts = texts.collect::<anyhow::Result<Vec<_>>>()?;
            encode_column::<ByteArrayType>(descriptor, properties, &texts, None)
        }
        None => {
            let values = rows.matrix()?.column(column - leading.len()).context("there is no such column")?;
            let known: Vec<f32> = values.clone().filter(|value| !value.is_nan()).collect();
            let defined: Vec<i16> = values.map(|value| i16::from(!value.is_nan())).collect();
            encode_column::<FloatType>(descriptor, properties, &known, Some(&defined))
        }
    }
}

fn csv_text(
    rows: &FeatureTable,
    range: std::ops::Range<usize>,
    leading: &[Leading],
) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut csv = CsvWriter::new(&mut text);
    let (first, count) = (range.start, range.len());
    for (row, values) in rows.matrix()?.rows().enumerate().skip(first).take(count) {
        let values =
            values.iter().map(|value| if value.is_nan() { String::new() } else { value.to_string() });
        let texts = leading.iter().map(|leading| leading.text(rows, row));
        csv.record(texts.collect::<anyhow::Result<Vec<_>>>()?.into_iter().chain(values))?;
    }
    Ok(text)
}

fn parquet_type(layout: &Layout, leading: &[Leading]) -> anyhow::Result<Type> {
    let column = |name: &str, physical, repetition, logical: Option<LogicalType>| {
        let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        let builder = match &logical {
            Some(LogicalType::Date) => builder.with_converted_type(ConvertedType::DATE),
            Some(LogicalType::String) => builder.with_converted_type(ConvertedType::UTF8),
            _ => builder,
        };
        builder.with_logical_type(logical).build().map(Arc::new)
    };
    let mut columns = Vec::new();
    for leading in leading {
        let (physical, logical) = match leading {
            Leading::Cutoff => (PhysicalType::INT32, LogicalType::Date),
            _ => (PhysicalType::BYTE_ARRAY, LogicalType::String),
        };
        columns.push(column(leading.name(layout), physical, Repetition::REQUIRED, Some(logical))?);
    }
    for feature in &layout.features {
        columns.push(column(&feature.name, PhysicalType::FLOAT, Repetition::OPTIONAL, None)?);
    }
    let mut names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
        bail!("the feature table would have two columns `{name}`: give the feature another name");
    }
    Ok(Type::group_type_builder("features").with_fields(columns).build()?)
}

//! The tables as Parquet: columns of proper types, compressed with Snappy, in row groups of about a million rows.

use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::sync::Arc;

use anyhow::bail;
use bytes::Bytes;
use nextbest_core::synth::{
    ALL_TABLES, Column, Columns, Kind, Present, TABLES, Table, TableColumns, Texts, Values,
};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnPath, Type};
use rayon::prelude::*;

use super::{Plan, Tables};

/// A row group ends after the part in which it comes to this many rows; in tests sooner, so that there are several.
const ROWS_IN_GROUP: usize = if cfg!(test) { 5_000 } else { 1 << 20 };

const MICROSECONDS: i64 = 1_000_000;

pub(super) struct ParquetTables<'f>(Vec<ParquetTable<'f>>);

/// One table's file.
struct ParquetTable<'f> {
    writer: SerializedFileWriter<&'f mut BufWriter<File>>,
    /// The row group that is not complete yet, as values.
    pending: Vec<Columns>,
    rows: usize,
}

impl<'f> ParquetTables<'f> {
    /// The tables without rows, in files of their order.
    pub(super) fn new(files: &'f mut [BufWriter<File>]) -> anyhow::Result<Self> {
        let table = |(table, file): (Table, &'f mut BufWriter<File>)| {
            let writer = SerializedFileWriter::new(file, Arc::new(schema(table)?), properties(table))?;
            Ok(ParquetTable { writer, pending: Vec::new(), rows: 0 })
        };
        Ok(Self(ALL_TABLES.into_iter().zip(files).map(table).collect::<anyhow::Result<_>>()?))
    }
}

impl Tables for ParquetTables<'_> {
    type Part = TableColumns;

    fn static_rows(plan: &Plan<'_>) -> TableColumns {
        let mut columns = TableColumns::default();
        TABLES.into_iter().for_each(|table| plan.bank.append_static(table, &mut columns));
        columns
    }

    fn simulate(plan: &Plan<'_>, customers: Range<u64>) -> anyhow::Result<TableColumns> {
        let mut columns = TableColumns::default();
        for customer in customers {
            plan.bank.append_customer(customer, &mut columns)?;
            if let Some(question) = plan.question_about(customer) {
                plan.bank.append_truth(customer, question, &mut columns)?;
            }
        }
        Ok(columns)
    }

    fn write(&mut self, parts: Vec<TableColumns>) -> anyhow::Result<()> {
        for part in parts {
            for (table, columns) in self.0.iter_mut().zip(part.into_tables()) {
                table.add(columns)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<Vec<(usize, u64)>> {
        let finish = |mut table: ParquetTable<'_>| {
            table.write_group()?;
            table.writer.finish()?;
            Ok((table.rows, table.writer.bytes_written() as u64))
        };
        self.0.into_iter().map(finish).collect()
    }
}

impl ParquetTable<'_> {
    fn add(&mut self, columns: Columns) -> anyhow::Result<()> {
        if columns.rows > 0 {
            self.pending.push(columns);
        }
        match self.pending_rows() >= ROWS_IN_GROUP {
            true => self.write_group(),
            false => Ok(()),
        }
    }

    fn pending_rows(&self) -> usize {
        self.pending.iter().map(|columns| columns.rows).sum()
    }

    /// Encodes the columns of the pending rows side by side, and writes them one after the other.
    fn write_group(&mut self) -> anyhow::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.rows += self.pending_rows();
        let parts = std::mem::take(&mut self.pending);
        let properties = self.writer.properties().clone();
        let descriptors = self.writer.schema_descr().columns().to_vec();
        let encoded = descriptors.into_par_iter().enumerate().map(|(column, descriptor)| {
            let mut chunk = TrackedWrite::new(Vec::new());
            let pages = Box::new(SerializedPageWriter::new(&mut chunk));
            let mut writer = get_column_writer(descriptor, properties.clone(), pages);
            for values in parts.iter().filter_map(|part| part.values.get(column)) {
                write_values(&mut writer, values)?;
            }
            let closed = writer.close()?;
            Ok((Bytes::from(chunk.into_inner()?), closed))
        });
        let encoded = encoded.collect::<anyhow::Result<Vec<(Bytes, ColumnCloseResult)>>>()?;
        let mut group = self.writer.next_row_group()?;
        for (chunk, closed) in encoded {
            group.append_column(&chunk, closed)?;
        }
        group.close()?;
        Ok(())
    }
}

fn write_values(writer: &mut ColumnWriter<'_>, values: &Values) -> anyhow::Result<()> {
    let levels: Vec<i16> = values.defined.iter().map(|defined| i16::from(*defined)).collect();
    let defined = values.optional.then_some(levels.as_slice());
    match (writer, &values.present) {
        (ColumnWriter::Int64ColumnWriter(writer), Present::Integers(values)) => {
            writer.write_batch(values, defined, None)?
        }
        (ColumnWriter::DoubleColumnWriter(writer), Present::Decimals(values)) => {
            writer.write_batch(values, defined, None)?
        }
        (ColumnWriter::Int32ColumnWriter(writer), Present::Dates(values)) => {
            writer.write_batch(values, defined, None)?
        }
        (ColumnWriter::Int64ColumnWriter(writer), Present::Timestamps(seconds)) => {
            let microseconds: Vec<i64> = seconds.iter().map(|second| second * MICROSECONDS).collect();
            writer.write_batch(&microseconds, defined, None)?
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), Present::Texts(texts)) => {
            writer.write_batch(&words(texts), defined, None)?
        }
        _ => bail!("a column is not of the type that its table says"),
    };
    Ok(())
}

/// The words, sharing one buffer.
fn words(texts: &Texts) -> Vec<ByteArray> {
    let bytes = ByteArray::from(texts.bytes.clone());
    let mut start = 0;
    let mut word = |end: &usize| {
        let word = bytes.slice(start, end - start);
        start = *end;
        word
    };
    texts.ends.iter().map(&mut word).collect()
}

fn schema(table: Table) -> anyhow::Result<Type> {
    let columns = table.columns().iter().map(|column| {
        let repetition = if column.optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let timestamp = LogicalType::timestamp(false, TimeUnit::MICROS);
        let (physical, logical, converted) = match column.kind {
            Kind::Integer => (PhysicalType::INT64, None, ConvertedType::NONE),
            Kind::Decimal => (PhysicalType::DOUBLE, None, ConvertedType::NONE),
            Kind::Date => (PhysicalType::INT32, Some(LogicalType::Date), ConvertedType::DATE),
            Kind::Timestamp => (PhysicalType::INT64, Some(timestamp), ConvertedType::NONE),
            Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String), ConvertedType::UTF8),
        };
        let column = Type::primitive_type_builder(column.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .with_converted_type(converted);
        Ok(Arc::new(column.build()?))
    });
    let columns = columns.collect::<anyhow::Result<_>>()?;
    Ok(Type::group_type_builder(table.name()).with_fields(columns).build()?)
}

fn properties(table: Table) -> WriterPropertiesPtr {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("nextbest {}", env!("CARGO_PKG_VERSION")));
    for column in table.columns().iter().filter(|column| !repeats(column)) {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(column.name), false);
    }
    Arc::new(builder.build())
}

/// Whether values come so often that a dictionary of them is worth its while.
fn repeats(column: &Column) -> bool {
    !column.is_key() && !matches!(column.kind, Kind::Decimal | Kind::Timestamp)
}

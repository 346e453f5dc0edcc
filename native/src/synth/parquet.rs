//! The tables as Parquet: columns of proper types, compressed with Snappy, in row groups of about a million
//! rows.

use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::bail;
use bytes::Bytes;
use nextbest_core::synth::{
    ALL_TABLES, Column, Columns, Kind, Present, TABLES, Table, TableColumns, Texts, Values,
};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnPath, Type};
use rayon::prelude::*;

use super::{Plan, Tables};

/// A row group ends after the round in which it comes to this many rows; in tests sooner, so that there are
/// several.
const ROWS_IN_GROUP: usize = if cfg!(test) { 5_000 } else { 1 << 20 };

const MICROSECONDS: i64 = 1_000_000;

pub(super) struct ParquetTables<'f>(Vec<ParquetTable<'f>>);

/// One table's file.
struct ParquetTable<'f> {
    writer: SerializedFileWriter<&'f mut BufWriter<File>>,
    /// The columns of the row group that is not complete yet; none where it has no rows.
    group: Vec<ColumnChunk>,
    rows_in_group: usize,
    rows: usize,
}

/// A column of a row group under way: encoded as it comes, for as values it would take several times the
/// memory.
struct ColumnChunk {
    writer: ColumnWriter<'static>,
    pages: Pages,
}

/// Where the pages of a column wait for those of the columns before it.
#[derive(Clone)]
struct Pages(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

impl<'f> ParquetTables<'f> {
    /// The tables without rows, in files of their order.
    pub(super) fn new(files: &'f mut [BufWriter<File>]) -> anyhow::Result<Self> {
        let table = |(table, file): (Table, &'f mut BufWriter<File>)| {
            let writer = SerializedFileWriter::new(file, Arc::new(schema(table)?), properties(table))?;
            Ok(ParquetTable { writer, group: Vec::new(), rows_in_group: 0, rows: 0 })
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
        let mut by_table: Vec<Vec<Columns>> =
            self.0.iter().map(|_| Vec::with_capacity(parts.len())).collect();
        for part in parts {
            for (columns, table) in part.into_tables().into_iter().zip(&mut by_table) {
                table.push(columns);
            }
        }
        self.0.par_iter_mut().zip(by_table).try_for_each(|(table, parts)| table.add(&parts))
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
    /// Adds rows to the row group, its columns side by side, and writes the group once it is large enough.
    fn add(&mut self, parts: &[Columns]) -> anyhow::Result<()> {
        let rows: usize = parts.iter().map(|part| part.rows).sum();
        if rows == 0 {
            return Ok(());
        }
        if self.group.is_empty() {
            let descriptors = self.writer.schema_descr().columns().iter();
            let properties = self.writer.properties();
            self.group = descriptors.map(|it| ColumnChunk::new(it.clone(), properties.clone())).collect();
        }
        self.group.par_iter_mut().enumerate().try_for_each(|(column, chunk)| {
            let mut values = parts.iter().filter_map(|part| part.values.get(column));
            values.try_for_each(|values| write_values(&mut chunk.writer, values))
        })?;
        self.rows += rows;
        self.rows_in_group += rows;
        if self.rows_in_group >= ROWS_IN_GROUP { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> anyhow::Result<()> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.rows_in_group = 0;
        let mut group = self.writer.next_row_group()?;
        for chunk in self.group.drain(..) {
            let closed = chunk.writer.close()?;
            let pages = std::mem::take(chunk.pages.lock()?.inner_mut());
            group.append_column(&Bytes::from(pages), closed)?;
        }
        group.close()?;
        Ok(())
    }
}

impl ColumnChunk {
    fn new(descriptor: ColumnDescPtr, properties: WriterPropertiesPtr) -> Self {
        let pages = Pages(Arc::new(Mutex::new(TrackedWrite::new(Vec::new()))));
        Self { writer: get_column_writer(descriptor, properties, Box::new(pages.clone())), pages }
    }
}

impl Pages {
    fn lock(&self) -> Result<MutexGuard<'_, TrackedWrite<Vec<u8>>>, ParquetError> {
        self.0.lock().map_err(|_| ParquetError::General("a thread that wrote pages has failed".into()))
    }
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        SerializedPageWriter::new(&mut *self.lock()?).write_page(page)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        SerializedPageWriter::new(&mut *self.lock()?).close()
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

/// Whether values repeat often enough for a dictionary to pay.
fn repeats(column: &Column) -> bool {
    !column.is_key() && !matches!(column.kind, Kind::Decimal | Kind::Timestamp)
}

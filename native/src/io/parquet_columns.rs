//! Parquet columns, written and read whole.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as PhysicalType};
use parquet::column::reader::get_typed_column_reader;
use parquet::column::writer::{ColumnCloseResult, get_column_writer, get_typed_column_writer};
use parquet::data_type::DataType;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::reader::RowGroupReader;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, Type};

/// A column of a file, by any name.
pub(crate) struct Field<'n> {
    name: &'n str,
    kind: PhysicalType,
    repetition: Repetition,
}

impl<'n> Field<'n> {
    /// A column of texts, in every row.
    pub(crate) fn text(name: &'n str) -> Self {
        Self::required(name, PhysicalType::BYTE_ARRAY)
    }

    /// A column with a value in every row.
    pub(crate) fn required(name: &'n str, kind: PhysicalType) -> Self {
        Self { name, kind, repetition: Repetition::REQUIRED }
    }

    /// A column with a value in some rows.
    pub(crate) fn optional(name: &'n str, kind: PhysicalType) -> Self {
        Self { repetition: Repetition::OPTIONAL, ..Self::required(name, kind) }
    }
}

/// The type of a file with these columns.
pub(crate) fn message_type(fields: &[Field<'_>]) -> anyhow::Result<Type> {
    let column = |field: &Field<'_>| {
        let column = Type::primitive_type_builder(field.name, field.kind).with_repetition(field.repetition);
        let column = match field.kind {
            PhysicalType::BYTE_ARRAY => {
                column.with_converted_type(ConvertedType::UTF8).with_logical_type(Some(LogicalType::String))
            }
            _ => column,
        };
        Ok(Arc::new(column.build()?))
    };
    let fields = fields.iter().map(column).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Type::group_type_builder("rows").with_fields(fields).build()?)
}

/// A column of a row group, encoded but not written: columns can be encoded side by side.
pub(crate) struct EncodedColumn {
    bytes: Bytes,
    close: ColumnCloseResult,
}

/// Encodes a column of a group: its values and, for an optional one, which rows have one.
pub(crate) fn encode_column<T: DataType>(
    descriptor: ColumnDescPtr,
    properties: WriterPropertiesPtr,
    values: &[T::T],
    defined: Option<&[i16]>,
) -> anyhow::Result<EncodedColumn> {
    let mut sink = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut sink));
    let mut writer = get_typed_column_writer::<T>(get_column_writer(descriptor, properties, pages));
    writer.write_batch(values, defined, None)?;
    let close = writer.close()?;
    Ok(EncodedColumn { bytes: sink.into_inner()?.into(), close })
}

impl EncodedColumn {
    /// Writes it as the next column of a group.
    pub(crate) fn append_to<W: std::io::Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> anyhow::Result<()> {
        Ok(group.append_column(&self.bytes, self.close)?)
    }
}

/// Writes the next column of a group: its values and, for an optional one, which rows have one.
pub(crate) fn write_column<T: DataType, W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    defined: Option<&[i16]>,
) -> anyhow::Result<()> {
    let mut column = group.next_column()?.context("the file has fewer columns than the table")?;
    column.typed::<T>().write_batch(values, defined, None)?;
    Ok(column.close()?)
}

/// Reads with the crate's reader, which panics on some damaged files: that is an error like others.
pub(crate) fn undamaged<T>(read: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    // What was read so far is thrown away, whatever state it is in.
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| bail!("is damaged"))
}

/// Reads the values of a column that has one in every row.
///
/// # Errors
/// If the group has no such column, or one of another type or with missing values.
pub(crate) fn read_column<T: DataType>(group: &dyn RowGroupReader, name: &str) -> anyhow::Result<Vec<T::T>> {
    let (values, defined) = read_optional::<T>(group, name)?;
    match values.len() == defined.len() {
        true => Ok(values),
        false => bail!("column {name} has missing values"),
    }
}

/// Reads the values of a column that are there, and whether each row has one.
///
/// # Errors
/// If the group has no such column, or one of another type.
pub(crate) fn read_optional<T: DataType>(
    group: &dyn RowGroupReader,
    name: &str,
) -> anyhow::Result<(Vec<T::T>, Vec<bool>)> {
    let count = usize::try_from(group.metadata().num_rows())?;
    let columns = group.metadata().columns();
    let column = columns.iter().position(|column| column.column_path().parts() == [name]);
    let column = column.with_context(|| format!("there is no column {name}"))?;
    let descriptor = group.metadata().schema_descr().column(column);
    if descriptor.physical_type() != T::get_physical_type() || descriptor.max_rep_level() > 0 {
        bail!("column {name} is not of the type that it must have");
    }
    let (mut values, mut defined) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let rows = undamaged(|| {
        let mut reader = get_typed_column_reader::<T>(group.get_column_reader(column)?);
        Ok(reader.read_records(count, Some(&mut defined), None, &mut values)?.0)
    })
    .with_context(|| format!("column {name}"))?;
    if rows != count {
        bail!("column {name} has {rows} rows, not {count}");
    }
    match descriptor.max_def_level() {
        0 => Ok((values, vec![true; count])),
        _ => Ok((values, defined.iter().map(|level| *level > 0).collect())),
    }
}

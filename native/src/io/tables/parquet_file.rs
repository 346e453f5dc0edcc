//! Parquet files, read row group by row group side by side, in parts of rows.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use nextbest_core::time::Clock;
use parquet::basic::Compression;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::{SchemaDescriptor, Type};
use rayon::prelude::*;

use super::batch::{CellColumn, Cells, Part, Places, Seen, Span};
use super::parquet_column::{Column, Runs};
use super::parquet_remarks::Remarks;
use super::parquet_type::Kind;
use crate::io::input::check_table;
use crate::io::parquet_columns::undamaged;

/// Parts have this many rows at most.
const ROWS: usize = 32 * 1024;
/// Rows are passed over where the runs of rows that are taken and passed over are this long on the average.
const MIN_RUN: usize = 8;

/// Whether a file is one of Parquet: its first bytes or its name say so.
///
/// # Errors
/// If it can't be read, or is encrypted as a whole.
pub(crate) fn is_parquet(path: &Path) -> anyhow::Result<bool> {
    check_table(path)?;
    let place = || path.display().to_string();
    let mut start = Vec::new();
    File::open(path).with_context(place)?.take(4).read_to_end(&mut start).with_context(place)?;
    if start == *b"PARE" {
        bail!("{}: is an encrypted Parquet file: write it without encryption", path.display());
    }
    let is_named = || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    Ok(start == *b"PAR1" || is_named())
}

/// A Parquet file whose metadata were read.
pub(super) struct ParquetFile {
    names: Vec<String>,
    contents: Vec<Content>,
    remarks: Remarks,
    groups: usize,
}

/// What a column at the top of the schema holds.
enum Content {
    /// Cells: its position among the columns that have some, and what they are.
    Cells(usize, Kind),
    /// Something else.
    Other(String),
}

impl ParquetFile {
    /// Opens a file and reads what its columns are.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path)?;
        let reader = undamaged(|| Ok(SerializedFileReader::new(file)?))
            .context("is no Parquet file that can be read: was it written to its end?")?;
        let metadata = reader.metadata().file_metadata();
        let remarks = Remarks::of(metadata);
        let contents = contents(metadata.schema_descr(), &remarks);
        let names: Vec<String> =
            metadata.schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
        let mut distinct = BTreeSet::new();
        if let Some(name) = names.iter().find(|name| !distinct.insert(*name)) {
            bail!("two columns are called `{name}`: give one another name");
        }
        Ok(Self { names, contents, remarks, groups: reader.num_row_groups() })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Why a column can't be read, where it can't.
    pub(super) fn refusal(&self, column: usize) -> Option<String> {
        match self.contents.get(column)? {
            Content::Cells(..) => None,
            Content::Other(what) => Some(format!(
                "holds {what}, which is no number, date or word: write it as one (docs/TABLES.md), or leave \
                 it out"
            )),
        }
    }

    /// Whether the file says that a column is the index that pandas had for its rows.
    pub(super) fn is_index(&self, column: &str) -> bool {
        self.remarks.index.iter().any(|name| name == column)
    }

    /// Passes all rows to `each`, part by part, from several threads at once. Row groups are begun in order.
    /// Of instants, the cells are what the clock shows then.
    pub(super) fn read(
        &self,
        path: &Path,
        clock: &Clock,
        columns: &[usize],
        seen: Option<&Seen>,
        each: impl Fn(Part, Cells) -> anyhow::Result<()> + Sync,
    ) -> anyhow::Result<()> {
        let place = || path.display().to_string();
        let wanted = columns.iter().map(|&column| {
            let name = self.names.get(column).context("there is no such column")?;
            match self.contents.get(column) {
                Some(Content::Cells(position, kind)) => Ok((name.as_str(), *position, *kind)),
                _ => bail!("column {name} {}", self.refusal(column).unwrap_or_default()),
            }
        });
        let wanted = wanted.collect::<anyhow::Result<Vec<_>>>().with_context(place)?;
        (0..self.groups).par_bridge().try_for_each(|group| {
            let reader =
                SerializedFileReader::new(File::open(path).with_context(place)?).with_context(place)?;
            read_group(&reader, clock, group, (&wanted, seen), &each).with_context(place)
        })
    }
}

/// What the columns at the top of a schema hold: cells only where they are no groups of others.
fn contents(schema: &SchemaDescriptor, remarks: &Remarks) -> Vec<Content> {
    let mut position = 0;
    let content = |field: &std::sync::Arc<Type>| {
        let first = position;
        position += leaves(field);
        if field.is_group() {
            return Content::Other("lists, maps or structures".into());
        }
        let column = schema.column(first);
        if column.max_rep_level() > 0 {
            return Content::Other("lists".into());
        }
        if remarks.durations.iter().any(|name| name == field.name()) {
            return Content::Other("durations".into());
        }
        match Kind::of(&column) {
            Ok(kind) => Content::Cells(first, kind),
            Err(what) => Content::Other(what),
        }
    };
    schema.root_schema().get_fields().iter().map(content).collect()
}

/// How many columns with cells a field stands for.
fn leaves(field: &Type) -> usize {
    if field.is_group() { field.get_fields().iter().map(|field| leaves(field)).sum() } else { 1 }
}

fn read_group(
    reader: &SerializedFileReader<File>,
    clock: &Clock,
    group: usize,
    (columns, seen): (&[(&str, usize, Kind)], Option<&Seen>),
    each: &(impl Fn(Part, Cells) -> anyhow::Result<()> + Sync),
) -> anyhow::Result<()> {
    let rows_of = |group: usize| reader.metadata().row_group(group).num_rows();
    let mut first_row = 1 + u64::try_from((0..group).map(rows_of).sum::<i64>())?;
    let mut left = usize::try_from(rows_of(group))?;
    let row_group = reader.get_row_group(group)?;
    let mut readers = columns
        .iter()
        .map(|&(name, position, kind)| {
            let place = || format!("column {name}");
            let metadata = row_group.metadata().column(position);
            if metadata.compression() == Compression::LZO {
                bail!(
                    "column {name} is compressed by LZO, which can't be read: write it with Snappy or \
                    Zstandard"
                );
            }
            let is_optional = metadata.column_descr().max_def_level() > 0;
            let reader = undamaged(|| Ok(row_group.get_column_reader(position)?)).with_context(place)?;
            Ok(Column { name: name.to_owned(), reader, is_optional, kind, clock })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows = left.min(ROWS);
    let mut cells = read_part(&mut readers, rows, first_row, seen)?;
    for number in 0.. {
        left -= rows;
        first_row += rows as u64;
        rows = left.min(ROWS);
        let part = Part { group, number, is_last: left == 0 };
        if part.is_last {
            return each(part, cells);
        }
        // A file of one row group keeps two cores busy, too: one reads on while the other makes values of
        // what is read.
        let (passed, next) =
            rayon::join(|| each(part, cells), || read_part(&mut readers, rows, first_row, seen));
        passed?;
        cells = next?;
    }
    Ok(())
}

/// The next rows of all columns. Where not all rows are seen, the time is read first and the others are left
/// out of all other columns.
fn read_part(
    columns: &mut [Column<'_>],
    rows: usize,
    first_row: u64,
    seen: Option<&Seen>,
) -> anyhow::Result<Cells> {
    let mut wanted = Runs::all(rows);
    let mut places = Places::RowsFrom(first_row);
    let mut times = None;
    let mut unseen_times = Span::NONE;
    if let Some(seen) = seen
        && let Some(column) = columns.get_mut(seen.column)
    {
        times = Some((seen.column, column.read(&wanted)?));
    }
    if let (Some(seen), Some((_, CellColumn::Times(values)))) = (seen, &mut times) {
        let is_seen = |time: &f64| time.is_nan() || seen.range.contains(time);
        let runs = Runs::of(values.iter().map(is_seen));
        // Short runs take longer to pass over than to read.
        if runs.0.len() * MIN_RUN <= rows {
            unseen_times = unseen_times.with(values.iter().copied().filter(|time| !is_seen(time)));
            let numbers = (first_row..).zip(&*values).filter(|(_, time)| is_seen(time));
            places = Places::Rows(numbers.map(|(number, _)| number).collect());
            values.retain(is_seen);
            wanted = runs;
        }
    }
    let mut cells = Vec::with_capacity(columns.len());
    for (position, column) in columns.iter_mut().enumerate() {
        match times.take_if(|(time, _)| *time == position) {
            Some((_, times)) => cells.push(times),
            None => cells.push(column.read(&wanted)?),
        }
    }
    let kept = wanted.count();
    Ok(Cells { rows: kept, columns: cells, places, malformed: Vec::new(), unseen: rows - kept, unseen_times })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parquet::schema::parser::parse_message_type;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../../docs/TABLES.md");

    /// The schema of one column of a type as the document writes it: `INT32 (DATE)`, `group (LIST)`.
    fn schema(written: &str) -> SchemaDescriptor {
        let (physical, logical) = written
            .split_once(" (")
            .map_or((written, String::new()), |(physical, rest)| (physical, format!("({rest}")));
        let physical = physical.replace("ARRAY(", "ARRAY (");
        let field = match physical.strip_prefix("repeated ") {
            Some(physical) => format!("REPEATED {physical} c;"),
            None if physical == "group" => format!("OPTIONAL group c {logical} {{ OPTIONAL INT32 x; }}"),
            None => format!("OPTIONAL {physical} c {logical};"),
        };
        let message = format!("message t {{ {field} }}");
        SchemaDescriptor::new(
            parse_message_type(&message).unwrap_or_else(|error| panic!("{message}: {error}")).into(),
        )
    }

    #[test]
    fn the_documents_table_is_what_becomes_of_each_type() {
        let section = DOCUMENT.split("### Types of Parquet").nth(1).unwrap();
        let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let mut types = BTreeSet::new();
        for row in rows.take_while(|line| line.starts_with('|')) {
            let (written, outcome) = row[1..].split_once('|').unwrap();
            let outcome = outcome.split("**").nth(1).unwrap();
            for written in written.split('`').skip(1).step_by(2) {
                let schema = schema(written);
                let becomes = match &contents(&schema, &Remarks::default())[..] {
                    [Content::Other(_)] => "refused",
                    [Content::Cells(0, kind)] => match kind {
                        Kind::Signed | Kind::Unsigned | Kind::Decimal(_) | Kind::Float => "number",
                        Kind::Truth => "word",
                        Kind::Text | Kind::Uuid => "text",
                        Kind::Date | Kind::Local(_) => "date",
                        Kind::Instant(_) => "moment",
                    },
                    _ => panic!("{written}: not one column"),
                };
                assert_eq!(becomes, outcome, "{written}");
                let field = &schema.root_schema().get_fields()[0];
                if field.is_primitive() {
                    types.insert(field.get_physical_type().to_string());
                }
                let info = field.get_basic_info();
                types.extend(
                    info.logical_type_ref().map(|it| format!("{it:?}").split('(').next().unwrap().to_owned()),
                );
                types.insert(info.converted_type().to_string());
            }
        }
        // All that there are today; only groups within maps are not columns.
        let all = "BOOLEAN INT32 INT64 INT96 FLOAT DOUBLE BYTE_ARRAY FIXED_LEN_BYTE_ARRAY NONE UTF8 MAP \
            LIST ENUM DECIMAL \
            DATE TIME_MILLIS TIME_MICROS TIMESTAMP_MILLIS TIMESTAMP_MICROS UINT_8 UINT_16 UINT_32 UINT_64 \
            INT_8 INT_16 \
            INT_32 INT_64 JSON BSON INTERVAL String Map List Enum Decimal Date Time Timestamp Integer \
            Unknown Json Bson \
            Uuid Float16 Variant Geometry Geography";
        let not_there: Vec<&str> = all.split_whitespace().filter(|name| !types.contains(*name)).collect();
        assert_eq!(not_there, [""; 0]);
    }
}

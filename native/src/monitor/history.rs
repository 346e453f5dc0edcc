//! What was found over time: each run adds its numbers to a table, whose series show where something changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use nextbest_core::monitor::change_point::change_points;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde::Serialize;

use super::Monitoring;
use crate::io::output;
use crate::io::parquet_columns::{read_column, write_column};

/// The table's columns.
const COLUMNS: &str = "message history {
    REQUIRED BYTE_ARRAY AT (UTF8);
    REQUIRED BYTE_ARRAY CURRENT (UTF8);
    REQUIRED BYTE_ARRAY MODEL (UTF8);
    REQUIRED BYTE_ARRAY METRIC (UTF8);
    REQUIRED BYTE_ARRAY NAME (UTF8);
    REQUIRED DOUBLE VALUE;
}";
/// A change is shown where chance explains it in so small a share of series without one.
const SIGNIFICANCE: f64 = 0.05;

/// A number over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Series {
    pub(crate) metric: String,
    /// Of which feature or score; empty where it is of all.
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
    /// When it changed its level: the first time after each change (Pettitt's test).
    pub(crate) changes: Vec<String>,
}

/// A number at a time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Point {
    pub(crate) at: String,
    pub(crate) value: f64,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    at: String,
    current: String,
    model: String,
    metric: String,
    name: String,
    value: f64,
}

/// The table in a folder with what was found now, not written yet.
pub(crate) struct History {
    path: PathBuf,
    rows: Vec<Row>,
}

impl History {
    /// Reads the table of a folder, where there is one, and adds what was found.
    ///
    /// # Errors
    /// If the table can't be read.
    pub(crate) fn with(folder: &Path, found: &Monitoring) -> anyhow::Result<Self> {
        let path = folder.join("history.parquet");
        let mut rows = match path.exists() {
            true => read(&path).with_context(|| {
                format!("{}: is not the history that `nextbest monitor --history` writes", path.display())
            })?,
            false => Vec::new(),
        };
        rows.extend(rows_of(found));
        Ok(Self { path, rows })
    }

    pub(crate) fn series(&self) -> Vec<Series> {
        series(&self.rows)
    }

    /// Writes the table; what stood there is kept where that fails.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        write(&self.path, &self.rows)
    }
}

fn rows_of(found: &Monitoring) -> Vec<Row> {
    let row = |metric: &str, name: &str, value: f64| Row {
        at: found.at.clone(),
        current: found.current.name.clone(),
        model: found.model.as_ref().map(|model| model.content_hash.clone()).unwrap_or_default(),
        metric: metric.to_owned(),
        name: name.to_owned(),
        value,
    };
    let mut rows = vec![
        row("rows", "", found.current.rows as f64),
        row("drifted_share", "", found.data.drifted_share),
        row("missing_share", "", found.quality.missing),
    ];
    for drift in found.features.iter().chain(&found.scores) {
        rows.extend(drift.psi.map(|psi| row("psi", &drift.name, psi)));
    }
    for metric in found.estimate.iter().flat_map(|it| &it.metrics) {
        rows.push(row(&format!("expected_{}", metric.name), "", metric.expected));
    }
    for metric in found.performance.iter().flat_map(|it| &it.metrics) {
        rows.push(row(metric.name, "", metric.today));
    }
    rows
}

/// The rows as series, in the order in which they first come up; each in the order of the runs, whatever the
/// clock said.
fn series(rows: &[Row]) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    let mut positions = std::collections::HashMap::new();
    for row in rows {
        let position = *positions.entry((row.metric.as_str(), row.name.as_str())).or_insert_with(|| {
            let (metric, name) = (row.metric.clone(), row.name.clone());
            all.push(Series { metric, name, points: Vec::new(), changes: Vec::new() });
            all.len() - 1
        });
        let point = Point { at: row.at.clone(), value: row.value };
        all.get_mut(position).into_iter().for_each(|series| series.points.push(point.clone()));
    }
    for series in &mut all {
        let values: Vec<f64> = series.points.iter().map(|point| point.value).collect();
        let changes = change_points(&values, SIGNIFICANCE).into_iter();
        series.changes = changes.filter_map(|at| Some(series.points.get(at)?.at.clone())).collect();
    }
    all
}

fn write(path: &Path, rows: &[Row]) -> anyhow::Result<()> {
    if let Some(row) = rows.iter().find(|row| !row.value.is_finite()) {
        bail!("{}: {} {} is {}", path.display(), row.metric, row.name, row.value);
    }
    let schema = Arc::new(parse_message_type(COLUMNS)?);
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let texts = |text: fn(&Row) -> &String| -> Vec<ByteArray> {
        rows.iter().map(|row| text(row).as_bytes().to_vec().into()).collect()
    };
    output::write_file(path, |file| {
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for text in [
            (|row| &row.at) as fn(&Row) -> &String,
            |row| &row.current,
            |row| &row.model,
            |row| &row.metric,
            |row| &row.name,
        ] {
            write_column::<ByteArrayType, _>(&mut group, &texts(text), None)?;
        }
        let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
        write_column::<DoubleType, _>(&mut group, &values, None)?;
        group.close()?;
        writer.close()?;
        Ok(())
    })
}

fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let reader = SerializedFileReader::new(std::fs::File::open(path)?)?;
    let mut rows = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let texts = |column: &str| -> anyhow::Result<Vec<String>> {
            let values = read_column::<ByteArrayType>(&*group, column)?;
            values.iter().map(|value| Ok(value.as_utf8()?.to_owned())).collect()
        };
        let values = read_column::<DoubleType>(&*group, "VALUE")?;
        let texts = ["AT", "CURRENT", "MODEL", "METRIC", "NAME"]
            .map(texts)
            .into_iter()
            .collect::<anyhow::Result<Vec<_>>>()?;
        let text = |column: usize, row: usize| texts.get(column)?.get(row).cloned();
        let row = |(at, value): (usize, f64)| {
            Some(Row {
                at: text(0, at)?,
                current: text(1, at)?,
                model: text(2, at)?,
                metric: text(3, at)?,
                name: text(4, at)?,
                value,
            })
        };
        rows.extend(values.into_iter().enumerate().filter_map(row));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            rows in vec((vec(any::<String>(), 5), any::<u64>().prop_map(f64::from_bits)), 0..5)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("history.parquet");
            let row = |(texts, value): &(Vec<String>, f64)| {
                let [at, current, model, metric, name] = texts.clone().try_into().unwrap();
                Row { at, current, model, metric, name, value: *value }
            };
            let rows: Vec<Row> = rows.iter().map(row).collect();
            match write(&path, &rows) {
                Ok(()) => prop_assert_eq!(read(&path).unwrap(), rows),
                Err(_) => prop_assert!(rows.iter().any(|row| !row.value.is_finite())),
            }
        }
    }
}

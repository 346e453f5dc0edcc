//! Probabilities of classes as a table: one row a scored row.

use std::path::Path;
use std::sync::Arc;

use parquet::basic::Type as PhysicalType;
use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::parquet_columns::{Field, message_type, write_column};
use crate::{column_names, output};

/// The column with the most probable class.
const PREDICTED: &str = "PREDICTED";
/// Before the class's name in the columns with the probabilities.
const PROBABILITY: &str = "PROBABILITY_";

/// What a model says of some rows.
pub(crate) struct ClassScores<'s> {
    /// The column with what identifies a row.
    pub(crate) key: &'s str,
    pub(crate) ids: &'s [String],
    pub(crate) classes: &'s [&'s str],
    /// Row by row, one value a class.
    pub(crate) probabilities: &'s [f32],
}

/// The columns with the probabilities of classes, which may differ in capitals alone.
fn probability_columns(classes: &[&str]) -> Vec<String> {
    column_names::numbered(classes.iter().map(|class| format!("{PROBABILITY}{class}")))
}

/// Checks that the column that identifies rows has a name of its own.
///
/// # Errors
/// Names the column that it would be taken for (exit code 2).
pub(crate) fn check_names(key: &str, classes: &[&str]) -> anyhow::Result<()> {
    let probabilities = probability_columns(classes);
    column_names::check(
        "the file with the results",
        [key, PREDICTED].into_iter().chain(probabilities.iter().map(String::as_str)),
    )
}

impl ClassScores<'_> {
    /// Writes the table as CSV.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write_csv(&self, path: &Path) -> anyhow::Result<()> {
        output::write_file(path, |file| {
            let mut csv = csv::Writer::from_writer(file);
            csv.write_record(self.header())?;
            for (id, row) in self.rows() {
                csv.write_field(id)?;
                csv.write_field(self.predicted(row))?;
                row.iter().try_for_each(|probability| csv.write_field(probability.to_string()))?;
                csv.write_record(None::<&[u8]>)?;
            }
            Ok(csv.flush()?)
        })
    }

    /// Writes the table as Parquet.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write_parquet(&self, path: &Path) -> anyhow::Result<()> {
        let schema = Arc::new(self.parquet_type()?);
        let properties =
            WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
        output::write_file(path, |file| {
            let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
            let mut group = writer.next_row_group()?;
            let texts = |text: &mut dyn Iterator<Item = &str>| -> Vec<ByteArray> {
                text.map(|text| text.as_bytes().to_vec().into()).collect()
            };
            let ids = texts(&mut self.ids.iter().map(String::as_str));
            write_column::<ByteArrayType, _>(&mut group, &ids, None)?;
            let predicted = texts(&mut self.rows().map(|(_, row)| self.predicted(row)));
            write_column::<ByteArrayType, _>(&mut group, &predicted, None)?;
            for class in 0..self.classes.len() {
                let of_class = self.probabilities.iter().skip(class).step_by(self.classes.len());
                write_column::<FloatType, _>(&mut group, &of_class.copied().collect::<Vec<_>>(), None)?;
            }
            group.close()?;
            writer.close()?;
            Ok(())
        })
    }

    fn header(&self) -> Vec<String> {
        [self.key.to_owned(), PREDICTED.to_owned()]
            .into_iter()
            .chain(probability_columns(self.classes))
            .collect()
    }

    fn rows(&self) -> impl Iterator<Item = (&String, &[f32])> {
        self.ids.iter().zip(self.probabilities.chunks_exact(self.classes.len().max(1)))
    }

    /// The most probable class; of equals, the first.
    fn predicted(&self, row: &[f32]) -> &str {
        let best =
            row.iter().zip(self.classes).reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map_or("", |(_, class)| class)
    }

    fn parquet_type(&self) -> anyhow::Result<Type> {
        let header = self.header();
        let columns = header.iter().enumerate().map(|(position, name)| match position {
            0 | 1 => Field::text(name),
            _ => Field::required(name, PhysicalType::FLOAT),
        });
        message_type(&columns.collect::<Vec<_>>())
    }
}

//! Probabilities of classes as a table: one row a scored row.

use std::path::Path;
use std::sync::Arc;

use nextbest_core::matrix::Matrix;
use parquet::basic::Type as PhysicalType;
use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::io::column_names;
use crate::io::output::{self, CsvWriter};
use crate::io::parquet_columns::{Field, message_type, write_column};

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
    /// One column a class.
    pub(crate) probabilities: Matrix<'s, f32>,
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
    /// If the file can't be written.
    pub(crate) fn write_csv(&self, path: &Path) -> anyhow::Result<()> {
        output::write_file(path, |file| {
            let mut csv = CsvWriter::new(file);
            csv.record(self.header())?;
            for (id, row) in self.rows() {
                let texts = [id.clone(), self.predicted(row).to_owned()];
                csv.record(texts.into_iter().chain(row.iter().map(f32::to_string)))?;
            }
            Ok(())
        })
    }

    /// Writes the table as Parquet.
    ///
    /// # Errors
    /// If the file can't be written.
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
            for of_class in self.probabilities.columns() {
                write_column::<FloatType, _>(&mut group, &of_class.collect::<Vec<_>>(), None)?;
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
        self.ids.iter().zip(self.probabilities.rows())
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

#[cfg(test)]
mod tests {
    use nextbest_core::time::Clock;
    use proptest::collection::{hash_set, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::io::tables::plain::{PlainTable, Reading};

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![r#"[-=+@,;|"'\n\té aA]{1,6}"#, "NA|true|007|1.50", "\\PC{1,20}"].prop_map(|text| {
            format!("{}n", nextbest_core::customers::words::normalised(&text).replace('\0', ""))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_written_is_read_again(
            key in name(),
            ids in vec(name(), 0..4),
            classes in hash_set(name(), 2..4),
            bits in vec(any::<u32>(), 12),
        ) {
            let mut classes: Vec<&str> = classes.iter().map(String::as_str).collect();
            classes.sort_unstable();
            prop_assume!(check_names(&key, &classes).is_ok());
            let finite = |bits: &u32| Some(f32::from_bits(*bits)).filter(|it| it.is_finite()).unwrap_or(-0.0);
            let probabilities: Vec<f32> = bits.iter().map(finite).take(ids.len() * classes.len()).collect();
            let probabilities = Matrix::new(&probabilities, classes.len()).unwrap();
            let scores = ClassScores { key: &key, ids: &ids, classes: &classes, probabilities };
            let folder = tempfile::tempdir().unwrap();
            let paths = ["scores.csv", "scores.parquet"].map(|file| folder.path().join(file));
            scores.write_csv(&paths[0]).unwrap();
            scores.write_parquet(&paths[1]).unwrap();
            for path in paths {
                let table = match PlainTable::read(&path, &Clock::default(), Reading::default(), |_| true) {
                    Ok(table) => table,
                    Err(error) => {
                        prop_assert!(ids.is_empty(), "{:#}", error);
                        continue;
                    }
                };
                let column = |name: &str| table.column(name).unwrap();
                prop_assert_eq!(&table.texts(column(&key)).unwrap(), &ids);
                let predicted: Vec<&str> = scores.rows().map(|(_, row)| scores.predicted(row)).collect();
                prop_assert_eq!(table.texts(column(PREDICTED)).unwrap(), predicted);
                for (name, expected) in probability_columns(&classes).iter().zip(probabilities.columns()) {
                    let read = table.numbers(column(name)).unwrap().into_iter();
                    let bits = read.map(|number| (number as f32).to_bits());
                    prop_assert!(bits.eq(expected.map(|it| it.to_bits())), "{}", name);
                }
            }
        }
    }
}

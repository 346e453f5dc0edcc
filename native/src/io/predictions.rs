//! Offers as a table: one row an offer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nextbest_core::recommend::Recommendation;
use parquet::basic::Type;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::io::column_names;
use crate::io::output;
use crate::io::parquet_columns::{Field, message_type, write_column};

/// One offer to one customer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prediction {
    id: String,
    as_of: String,
    rank: i32,
    product: String,
    probability: f32,
    expected_value: Option<f64>,
    none_probability: f32,
    model_version: String,
}

impl Prediction {
    /// The offers of a recommendation.
    pub(crate) fn of<'r>(id: &'r str, recommendation: &'r Recommendation) -> impl Iterator<Item = Self> + 'r {
        // Who was not scored has no offers.
        let none_probability = recommendation.none_probability.unwrap_or_default();
        recommendation.offers.iter().zip(1..).map(move |(offer, rank)| Self {
            id: id.to_owned(),
            as_of: recommendation.as_of.clone(),
            rank,
            product: offer.product.clone(),
            probability: offer.probability,
            expected_value: offer.expected_value,
            none_probability,
            model_version: recommendation.model_version.clone(),
        })
    }
}

/// The columns after the customer's.
const COLUMNS: [&str; 7] =
    ["AS_OF", "RANK", "PRODUCT", "PROBABILITY", "EXPECTED_VALUE", "NONE_PROBABILITY", "MODEL_VERSION"];

/// Checks that the column that identifies customers has a name of its own.
///
/// # Errors
/// Names the column that it would be taken for (exit code 2).
pub(crate) fn check_names(key: &str) -> anyhow::Result<()> {
    column_names::check("the file with the offers", [key].into_iter().chain(COLUMNS))
}

/// Writes offers as CSV and gives the path.
pub(crate) fn write_csv(path: &Path, key: &str, rows: &[Prediction]) -> anyhow::Result<PathBuf> {
    let [as_of, rank, product, probability, value, none_probability, version] = COLUMNS;
    let header = [key, as_of, rank, product, probability, value, none_probability, version];
    let rows = rows.iter().map(|row| {
        [
            row.id.clone(),
            row.as_of.clone(),
            row.rank.to_string(),
            row.product.clone(),
            row.probability.to_string(),
            row.expected_value.map(|value| value.to_string()).unwrap_or_default(),
            row.none_probability.to_string(),
            row.model_version.clone(),
        ]
    });
    output::write_csv(path, header, rows)?;
    Ok(path.to_owned())
}

/// Writes offers as Parquet and gives the path.
pub(crate) fn write_parquet(path: &Path, key: &str, rows: &[Prediction]) -> anyhow::Result<PathBuf> {
    let [as_of, rank, product, probability, value, none_probability, version] = COLUMNS;
    let schema = Arc::new(message_type(&[
        Field::text(key),
        Field::text(as_of),
        Field::required(rank, Type::INT32),
        Field::text(product),
        Field::required(probability, Type::FLOAT),
        Field::optional(value, Type::DOUBLE),
        Field::required(none_probability, Type::FLOAT),
        Field::text(version),
    ])?);
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let texts = |text: fn(&Prediction) -> &String| -> Vec<ByteArray> {
        rows.iter().map(|row| text(row).as_bytes().to_vec().into()).collect()
    };
    output::write_file(path, |file| {
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.id), None)?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.as_of), None)?;
        write_column::<Int32Type, _>(&mut group, &rows.iter().map(|row| row.rank).collect::<Vec<_>>(), None)?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.product), None)?;
        write_column::<FloatType, _>(
            &mut group,
            &rows.iter().map(|row| row.probability).collect::<Vec<_>>(),
            None,
        )?;
        let values: Vec<f64> = rows.iter().filter_map(|row| row.expected_value).collect();
        let defined: Vec<i16> = rows.iter().map(|row| i16::from(row.expected_value.is_some())).collect();
        write_column::<DoubleType, _>(&mut group, &values, Some(&defined))?;
        let none: Vec<f32> = rows.iter().map(|row| row.none_probability).collect();
        write_column::<FloatType, _>(&mut group, &none, None)?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.model_version), None)?;
        group.close()?;
        writer.close()?;
        Ok(())
    })?;
    Ok(path.to_owned())
}

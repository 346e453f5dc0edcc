//! What was offered first, and what it was chosen from: one row a candidate, for judging other policies.

use std::path::Path;
use std::sync::Arc;

use anyhow::bail;
use nextbest_core::recommend::Recommendation;
use nextbest_core::schema::Schema;
use nextbest_core::time::{self, Clock};
use parquet::basic::Type;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::parquet_columns::{Field, message_type, write_column};
use crate::tables::plain::{PlainTable, Reading};
use crate::{column_names, output};

/// The columns after the customer's.
const COLUMNS: [&str; 7] =
    ["AS_OF", "PRODUCT", "PRIORITY", "EXPECTED_REWARD", "VALUE", "SHOWN", "PROPENSITY"];
/// A column that others add: what came of an answer.
const REWARD: &str = "REWARD";

/// Checks that the column that identifies customers has a name of its own.
///
/// # Errors
/// Names the column that it would be taken for (exit code 2).
pub(crate) fn check_names(key: &str) -> anyhow::Result<()> {
    column_names::check("the log", [key].into_iter().chain(COLUMNS).chain([REWARD]))
}

/// A product that a customer could have been offered first.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoggedCandidate {
    id: String,
    as_of: String,
    product: String,
    priority: f64,
    /// Probability × value.
    expected_reward: f64,
    value: f64,
    /// Of the one that was offered first, the probability with which it was.
    propensity: Option<f64>,
}

impl LoggedCandidate {
    /// What a recommendation's first offer was chosen from; nothing where there is none.
    pub(crate) fn of(id: &str, schema: &Schema, recommendation: &Recommendation) -> Vec<Self> {
        let Some(first) = recommendation.offers.first() else { return Vec::new() };
        let candidate = |(position, factors): &(usize, nextbest_core::policy::Factors)| {
            let product = schema.products().get(*position)?.name.clone();
            Some(Self {
                id: id.to_owned(),
                as_of: recommendation.as_of.clone(),
                priority: factors.priority,
                expected_reward: factors.probability * factors.value,
                value: factors.value,
                propensity: (product == first.product).then_some(first.propensity),
                product,
            })
        };
        recommendation.candidates.iter().filter_map(candidate).collect()
    }
}

/// Writes a log as CSV or, where the path ends with it, as Parquet.
pub(crate) fn write(path: &Path, key: &str, rows: &[LoggedCandidate]) -> anyhow::Result<()> {
    match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
        true => write_parquet(path, key, rows),
        false => write_csv(path, key, rows),
    }
}

fn write_csv(path: &Path, key: &str, rows: &[LoggedCandidate]) -> anyhow::Result<()> {
    let [as_of, product, priority, expected, value, shown, propensity] = COLUMNS;
    let header = [key, as_of, product, priority, expected, value, shown, propensity];
    let rows = rows.iter().map(|row| {
        [
            row.id.clone(),
            row.as_of.clone(),
            row.product.clone(),
            row.priority.to_string(),
            row.expected_reward.to_string(),
            row.value.to_string(),
            row.propensity.is_some().to_string(),
            row.propensity.map(|propensity| propensity.to_string()).unwrap_or_default(),
        ]
    });
    output::write_exact_csv(path, header, rows)
}

fn write_parquet(path: &Path, key: &str, rows: &[LoggedCandidate]) -> anyhow::Result<()> {
    let [as_of, product, priority, expected, value, shown, propensity] = COLUMNS;
    let schema = Arc::new(message_type(&[
        Field::text(key),
        Field::text(as_of),
        Field::text(product),
        Field::required(priority, Type::DOUBLE),
        Field::required(expected, Type::DOUBLE),
        Field::required(value, Type::DOUBLE),
        Field::required(shown, Type::BOOLEAN),
        Field::optional(propensity, Type::DOUBLE),
    ])?);
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let texts = |text: fn(&LoggedCandidate) -> &String| -> Vec<ByteArray> {
        rows.iter().map(|row| text(row).as_bytes().to_vec().into()).collect()
    };
    let numbers = |number: fn(&LoggedCandidate) -> f64| -> Vec<f64> { rows.iter().map(number).collect() };
    output::write_file(path, |file| {
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.id), None)?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.as_of), None)?;
        write_column::<ByteArrayType, _>(&mut group, &texts(|row| &row.product), None)?;
        write_column::<DoubleType, _>(&mut group, &numbers(|row| row.priority), None)?;
        write_column::<DoubleType, _>(&mut group, &numbers(|row| row.expected_reward), None)?;
        write_column::<DoubleType, _>(&mut group, &numbers(|row| row.value), None)?;
        let shown: Vec<bool> = rows.iter().map(|row| row.propensity.is_some()).collect();
        write_column::<BoolType, _>(&mut group, &shown, None)?;
        let propensities: Vec<f64> = rows.iter().filter_map(|row| row.propensity).collect();
        let defined: Vec<i16> = rows.iter().map(|row| i16::from(row.propensity.is_some())).collect();
        write_column::<DoubleType, _>(&mut group, &propensities, Some(&defined))?;
        group.close()?;
        writer.close()?;
        Ok(())
    })
}

/// An answer in a log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LoggedDecision {
    pub(crate) customer: String,
    /// In seconds since 1970-01-01.
    pub(crate) as_of: i64,
    pub(crate) candidates: Vec<Candidate>,
    /// The position among the candidates of what was shown.
    pub(crate) shown: usize,
    pub(crate) propensity: f64,
    /// What came of it, where the log says so.
    pub(crate) reward: Option<f64>,
}

/// What could have been shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) product: String,
    pub(crate) priority: f64,
    pub(crate) expected_reward: f64,
    pub(crate) value: f64,
}

/// Reads a log: the rows of an answer stand one after the other.
///
/// # Errors
/// Where a column is missing or ill-typed, or an answer does not show exactly one product with a propensity above 0 and of at
/// most 1; the message names the customer.
pub(crate) fn read(
    path: &Path,
    clock: &Clock,
    key: &str,
    priority: &str,
) -> anyhow::Result<Vec<LoggedDecision>> {
    let wanted = |name: &str| name == key || name == priority || name == REWARD || COLUMNS.contains(&name);
    let table = PlainTable::read(path, clock, Reading::default(), wanted)?;
    let numbers = |name: &str| table.numbers(table.column(name)?);
    let ids = table.ids(table.column(key)?)?;
    let times = table.times(table.column("AS_OF")?)?;
    let products = table.ids(table.column("PRODUCT")?)?;
    let (priorities, expected) = (numbers(priority)?, numbers("EXPECTED_REWARD")?);
    let (values, propensities) = (numbers("VALUE")?, numbers("PROPENSITY")?);
    let rewards = match table.column(REWARD) {
        Ok(column) => Some(table.numbers(column)?),
        Err(_) => None,
    };
    let place = |id: &str, as_of: i64| format!("{}: {id} as of {}", path.display(), time::format(as_of));
    let mut decisions: Vec<LoggedDecision> = Vec::new();
    let mut shown = Vec::new();
    let columns = ids.into_iter().zip(times).zip(products).zip(priorities).zip(expected).zip(values);
    for (row, ((((((id, as_of), product), priority), expected_reward), value), propensity)) in
        columns.zip(propensities).enumerate()
    {
        let Some(as_of) = as_of else { bail!("{}: {id}: AS_OF is missing", path.display()) };
        if !(priority.is_finite() && expected_reward.is_finite() && value.is_finite()) {
            bail!("{}: {product} has no priority, expected reward or value", place(&id, as_of));
        }
        let is_next = decisions.last().is_none_or(|last| (&last.customer, last.as_of) != (&id, as_of));
        if is_next {
            let candidates = Vec::new();
            decisions.push(LoggedDecision {
                customer: id,
                as_of,
                candidates,
                shown: 0,
                propensity: f64::NAN,
                reward: None,
            });
            shown.push(0);
        }
        let (Some(decision), Some(shown)) = (decisions.last_mut(), shown.last_mut()) else { continue };
        if !propensity.is_nan() {
            *shown += 1;
            decision.shown = decision.candidates.len();
            decision.propensity = propensity;
            decision.reward = rewards.as_ref().and_then(|rewards| rewards.get(row).copied());
        }
        decision.candidates.push(Candidate { product, priority, expected_reward, value });
    }
    for (decision, shown) in decisions.iter().zip(shown) {
        let place = || place(&decision.customer, decision.as_of);
        if shown != 1 {
            bail!("{}: {shown} of the products have a PROPENSITY, expected the one that was shown", place());
        }
        if !(decision.propensity > 0.0 && decision.propensity <= 1.0) {
            bail!("{}: PROPENSITY is {}, expected more than 0 and at most 1", place(), decision.propensity);
        }
        if decision.reward.is_some_and(f64::is_nan) {
            bail!("{}: REWARD is missing for what was shown", place());
        }
    }
    Ok(decisions)
}

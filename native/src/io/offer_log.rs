//! What was offered first, and what it was chosen from: one row a candidate, for judging other policies.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use nextbest_core::recommend::Recommendation;
use nextbest_core::schema::Schema;
use nextbest_core::time::{self, Clock};
use parquet::basic::Type;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use crate::io::column_names;
use crate::io::output;
use crate::io::parquet_columns::{Field, message_type, write_column};
use crate::io::tables::plain::{PlainTable, Reading};

/// The columns after the customer's.
const COLUMNS: [&str; 9] = [
    "AS_OF",
    "PRODUCT",
    "PRIORITY",
    "EXPECTED_REWARD",
    "VALUE",
    "SHOWN",
    "PROPENSITY",
    "HORIZON_DAYS",
    "MODEL_VERSION",
];
/// No model looks further ahead.
const MOST_DAYS: f64 = 3660.0;
/// A column that others add: the reward of an answer.
const REWARD: &str = "REWARD";

/// Checks that the column that identifies customers has a name of its own.
///
/// # Errors
/// Names the column that it would be taken for (exit code 2).
pub(crate) fn check_names(key: &str) -> anyhow::Result<()> {
    column_names::check("the log", [key].into_iter().chain(COLUMNS).chain([REWARD]))
}

/// What answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    /// Within how many days it expects what a product is worth.
    pub(crate) horizon_days: u32,
    pub(crate) version: String,
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
    /// The candidates of a recommendation's first offer; empty without an offer.
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
///
/// # Errors
/// If the file can't be written, or a candidate has numbers that [`read`] refuses.
pub(crate) fn write(path: &Path, key: &str, model: &Model, rows: &[LoggedCandidate]) -> anyhow::Result<()> {
    for row in rows {
        check_worth([row.priority, row.expected_reward, row.value])
            .and_then(|()| row.propensity.map_or(Ok(()), check_propensity))
            .with_context(|| {
                format!("{}: {} as of {}: {}", path.display(), row.id, row.as_of, row.product)
            })?;
    }
    match path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
        true => write_parquet(path, key, model, rows),
        false => write_csv(path, key, model, rows),
    }
}

fn check_worth(numbers: [f64; 3]) -> anyhow::Result<()> {
    match numbers.iter().all(|number| number.is_finite()) {
        true => Ok(()),
        false => bail!("PRIORITY, EXPECTED_REWARD and VALUE are {numbers:?}, expected finite numbers"),
    }
}

fn check_propensity(propensity: f64) -> anyhow::Result<()> {
    match propensity > 0.0 && propensity <= 1.0 {
        true => Ok(()),
        false => bail!("PROPENSITY is {propensity}, expected more than 0 and at most 1"),
    }
}

fn write_csv(path: &Path, key: &str, model: &Model, rows: &[LoggedCandidate]) -> anyhow::Result<()> {
    let [as_of, product, priority, expected, value, shown, propensity, horizon, version] = COLUMNS;
    let header = [key, as_of, product, priority, expected, value, shown, propensity, horizon, version];
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
            model.horizon_days.to_string(),
            model.version.clone(),
        ]
    });
    output::write_exact_csv(path, header, rows)
}

fn write_parquet(path: &Path, key: &str, model: &Model, rows: &[LoggedCandidate]) -> anyhow::Result<()> {
    let [as_of, product, priority, expected, value, shown, propensity, horizon, version] = COLUMNS;
    let schema = Arc::new(message_type(&[
        Field::text(key),
        Field::text(as_of),
        Field::text(product),
        Field::required(priority, Type::DOUBLE),
        Field::required(expected, Type::DOUBLE),
        Field::required(value, Type::DOUBLE),
        Field::required(shown, Type::BOOLEAN),
        Field::optional(propensity, Type::DOUBLE),
        Field::required(horizon, Type::INT32),
        Field::text(version),
    ])?);
    let horizon_days = i32::try_from(model.horizon_days)?;
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
        write_column::<Int32Type, _>(&mut group, &vec![horizon_days; rows.len()], None)?;
        let version = ByteArray::from(model.version.as_str());
        write_column::<ByteArrayType, _>(&mut group, &vec![version; rows.len()], None)?;
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
    pub(crate) model: Model,
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
/// If a column is missing or ill-typed, or an answer does not show exactly one product with a propensity
/// above 0 and of at most 1; the message names the customer.
pub(crate) fn read(
    path: &Path,
    clock: &Clock,
    key: &str,
    priority: &str,
) -> anyhow::Result<Vec<LoggedDecision>> {
    let wanted = |name: &str| name == key || name == priority || name == REWARD || COLUMNS.contains(&name);
    let table = PlainTable::read(path, clock, Reading::default(), wanted)?;
    let numbers = |name: &str| table.numbers(table.column(name)?);
    let texts = |name: &str| table.texts(table.column(name)?);
    let (ids, products, versions) = (texts(key)?, texts("PRODUCT")?, texts("MODEL_VERSION")?);
    let times = table.times(table.column("AS_OF")?)?;
    let (priorities, expected) = (numbers(priority)?, numbers("EXPECTED_REWARD")?);
    let (values, propensities) = (numbers("VALUE")?, numbers("PROPENSITY")?);
    let horizons = numbers("HORIZON_DAYS")?;
    let rewards = match table.column(REWARD) {
        Ok(column) => Some(table.numbers(column)?),
        Err(_) => None,
    };
    let place = |id: &str, as_of: i64| format!("{}: {id} as of {}", path.display(), time::format(as_of));
    let mut decisions: Vec<LoggedDecision> = Vec::new();
    let mut shown = Vec::new();
    let candidates = products.into_iter().zip(priorities).zip(expected).zip(values);
    let answers = ids.into_iter().zip(times).zip(horizons).zip(versions);
    for (row, ((((customer, as_of), horizon), version), (((product, priority), expected_reward), value))) in
        answers.zip(candidates).enumerate()
    {
        let Some(as_of) = as_of else { bail!("{}: {customer}: AS_OF is missing", path.display()) };
        let place = || place(&customer, as_of);
        check_worth([priority, expected_reward, value]).with_context(|| format!("{}: {product}", place()))?;
        ensure!(
            (1.0..=MOST_DAYS).contains(&horizon) && horizon.fract() == 0.0,
            "{}: HORIZON_DAYS is {horizon}, expected a whole number from 1",
            place()
        );
        let model = Model { horizon_days: horizon as u32, version };
        let is_next = decisions.last().is_none_or(|last| (&last.customer, last.as_of) != (&customer, as_of));
        if is_next {
            let (candidates, shown_at, propensity, reward) = (Vec::new(), 0, f64::NAN, None);
            decisions.push(LoggedDecision {
                customer,
                as_of,
                candidates,
                shown: shown_at,
                propensity,
                reward,
                model,
            });
            shown.push(0);
        }
        let (Some(decision), Some(shown)) = (decisions.last_mut(), shown.last_mut()) else { continue };
        let propensity = propensities.get(row).copied().unwrap_or(f64::NAN);
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
        check_propensity(decision.propensity).with_context(place)?;
        if decision.reward.is_some_and(f64::is_nan) {
            bail!("{}: REWARD is missing for what was shown", place());
        }
    }
    Ok(decisions)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;

    /// Names and ids as banks have them: trimmed, and else anything.
    fn name() -> impl Strategy<Value = String> {
        let odd =
            prop_oneof!["[-=+@,;|\"'\n\té a]{1,8}", "NA|null|true|007|1.50|inf", "\\PC{1,40}", "x{2000}"];
        odd.prop_map(|text| {
            format!("{}n", nextbest_core::customers::words::normalised(&text).replace('\0', ""))
        })
    }

    fn number() -> impl Strategy<Value = f64> {
        any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |number| number.is_finite())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_logged_is_read_again(
            key in name(),
            version in name(),
            horizon_days in 1u32..=3660,
            answers in vec((name(), vec((name(), [number(), number(), number()]), 1..4), 1e-300..=1.0), 0..4),
        ) {
            let model = Model { horizon_days, version };
            let (mut rows, mut expected) = (Vec::new(), Vec::new());
            for (at, (customer, candidates, propensity)) in answers.into_iter().enumerate() {
                let shown = candidates.len() / 2;
                let of = |(product, [priority, expected_reward, value]): (String, [f64; 3])| Candidate {
                    product, priority, expected_reward, value,
                };
                let candidates: Vec<Candidate> = candidates.into_iter().map(of).collect();
                let as_of = 86_400 * (20_000 + at as i64);
                rows.extend(candidates.iter().enumerate().map(|(position, it)| LoggedCandidate {
                    id: customer.clone(),
                    as_of: time::format(as_of),
                    product: it.product.clone(),
                    priority: it.priority,
                    expected_reward: it.expected_reward,
                    value: it.value,
                    propensity: (position == shown).then_some(propensity),
                }));
                let model = model.clone();
                expected.push(LoggedDecision { customer, as_of, candidates, shown, propensity, reward: None, model });
            }
            let folder = tempfile::tempdir().unwrap();
            for file in ["log.csv", "log.parquet"] {
                let path = folder.path().join(file);
                prop_assume!(check_names(&key).is_ok());
                write(&path, &key, &model, &rows).unwrap();
                match read(&path, &Clock::default(), &key, "PRIORITY") {
                    Ok(read) => prop_assert_eq!(&read, &expected),
                    Err(error) => prop_assert!(rows.is_empty(), "{:#}", error),
                }
            }
        }

        /// What could not be read again is not written.
        #[test]
        fn numbers_that_are_none_are_refused(bits in any::<u64>(), propensity in option::of(any::<f64>())) {
            let value = f64::from_bits(bits);
            let row = LoggedCandidate {
                id: "C".into(), as_of: "2026-01-01".into(), product: "Loan".into(),
                priority: 1.0, expected_reward: 1.0, value, propensity,
            };
            let folder = tempfile::tempdir().unwrap();
            let model = Model { horizon_days: 90, version: "v".into() };
            let written = write(&folder.path().join("log.csv"), "ID", &model, &[row]);
            let is_sound = value.is_finite() && propensity.is_none_or(|it| it > 0.0 && it <= 1.0);
            prop_assert_eq!(written.is_ok(), is_sound);
        }
    }
}

//! How the value of a feature came about: which rows count, why the others do not, and the arithmetic.
//!
//! The engine's own code selects the rows and computes the value; this module only puts it into words.

mod arithmetic;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::engine::{Evaluation, Events, FeatureEngine, Formula};
use super::spec::{Expression, FeatureDefinition, Transform};
use crate::Error;
use crate::customers::{Customer, words::told};
use crate::schema::{Column, ColumnKind, Schema};
use crate::time;

/// How a value came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The cut-off T.
    pub cutoff: String,
    /// The features needed, each after those that it reads; the requested one is the last.
    pub features: Vec<ExplainedFeature>,
}

/// How a feature's value came about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedFeature {
    /// The feature's name.
    pub feature: String,
    /// The feature's label.
    pub label: String,
    /// Its definition in words.
    pub definition: String,
    /// The customer's rows in the tables that it reads; empty for features that read no tables.
    pub tables: Vec<ExplainedTable>,
    /// How the value is computed from these rows (or from an attribute, the cut-off or other features).
    pub arithmetic: String,
    /// The computed value; `None` if there is none.
    pub computed: Option<f64>,
    /// The value used if none is computed; `None` if it stays missing.
    pub missing: Option<f32>,
    /// The feature's value: the computed value rounded to 32 bits, or its replacement; `None` if it is
    /// missing.
    pub value: Option<f32>,
    /// The word at this position, if the feature is a category.
    pub word: Option<String>,
}

/// The customer's rows in one table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedTable {
    /// The table.
    pub table: String,
    /// The columns that matter: the row's time, the aggregated column, the tested columns.
    pub columns: Vec<String>,
    /// All rows, in their order.
    pub rows: Vec<ExplainedRow>,
}

/// A row, and whether it counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRow {
    /// Its values in the table's columns.
    pub cells: Vec<Cell>,
    /// Whether the value is computed from it.
    pub counts: bool,
    /// Why it does not count, or as what it counts if rows count differently. Empty if there is nothing to
    /// say.
    pub note: String,
}

/// A cell of a row, as people read it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A word, or a date as `2024-05-03 12:30:59`.
    Text(String),
    /// A missing value.
    Missing,
}

impl core::fmt::Display for Cell {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Cell::Number(number) => write!(f, "{number}"),
            Cell::Text(text) => f.write_str(text),
            Cell::Missing => f.write_str("–"),
        }
    }
}

impl Cell {
    fn new(column: &Column, value: f64) -> Self {
        match &column.kind {
            _ if value.is_nan() => Cell::Missing,
            ColumnKind::Number => Cell::Number(value),
            ColumnKind::Time => Cell::Text(time::format(value as i64)),
            ColumnKind::Category(words) => {
                let word = words.get(value as usize);
                word.map_or(Cell::Missing, |word| Cell::Text(told(word).to_owned()))
            }
        }
    }
}

/// Explains the value of a feature for a customer at a cut-off (seconds since 1970-01-01).
///
/// # Errors
/// [`Error::Feature`] if a definition can't be computed on the schema, or no feature has the name.
///
/// # Examples
/// ```
/// use nextbest_core::features::explain;
/// # use nextbest_core::customers::read_customer;
/// # use nextbest_core::time;
///
/// # let bytes = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/bank.bundle"));
/// # let recommender = nextbest_core::Recommender::load(bytes)?;
/// # let rows = r#"{
/// #     "customer": {"CUSTOMERESTABLISHEDDATE": "2015-03-02", "DATEOFBIRTH": "1990-05-01"},
/// #     "accounts": [{"PRODUCTID": "CURRENT_ACCOUNT", "ORIGINATIONDATE": "2015-03-02"}]
/// # }"#;
/// let customers = read_customer(recommender.schema(), rows)?;
/// let definitions = &recommender.bundle().features;
/// let cutoff = time::parse("2026-07-01").unwrap();
/// let customer = customers.get(0).unwrap();
/// let explained = explain(recommender.schema(), definitions, "holds_current_account", &customer, cutoff)?;
/// assert_eq!(explained.features[0].value, Some(1.0));
/// assert_eq!(explained.features[0].tables[0].table, "accounts");
/// # Ok::<(), nextbest_core::Error>(())
/// ```
pub fn explain(
    schema: &Schema,
    definitions: &[FeatureDefinition],
    name: &str,
    customer: &Customer<'_>,
    cutoff: i64,
) -> Result<Explanation, Error> {
    let engine = FeatureEngine::new(schema, definitions)?;
    let asked = definitions.iter().position(|definition| definition.name == name);
    let asked = asked.ok_or_else(|| Error::Feature {
        feature: name.to_owned(),
        message: "there is no feature of this name".into(),
    })?;
    let at = Evaluation { schema, customer, cutoff };
    let mut values: BTreeMap<usize, f32> = BTreeMap::new();
    let mut features = Vec::new();
    // In the order of the definitions, each feature comes after those that it reads.
    for position in needed(&engine, asked) {
        let (Some(definition), Some(feature)) = (definitions.get(position), engine.feature(position)) else {
            continue;
        };
        let computed = feature.compute(&at, |other| values.get(&other).copied().unwrap_or(f32::NAN));
        let value = feature.settle(computed);
        let working = work_out(&at, definition, &feature.formula, computed, &values);
        features.push(ExplainedFeature {
            feature: definition.name.clone(),
            label: definition.label.clone(),
            definition: definition.expression.to_string(),
            tables: working.tables,
            arithmetic: working.arithmetic,
            computed: Some(computed).filter(|computed| !computed.is_nan()),
            missing: definition.missing,
            value: Some(value).filter(|value| !value.is_nan()),
            word: definition.word_of(schema, value).map(Into::into),
        });
        values.insert(position, value);
    }
    Ok(Explanation { cutoff: time::format(cutoff), features })
}

/// The positions of a feature and of all features that it is computed from.
fn needed(engine: &FeatureEngine, asked: usize) -> BTreeSet<usize> {
    let mut needed = BTreeSet::new();
    let mut open = vec![asked];
    while let Some(position) = open.pop() {
        if !needed.insert(position) {
            continue;
        }
        if let Some(Formula::Ratio { numerator, denominator }) =
            engine.feature(position).map(|feature| &feature.formula)
        {
            open.extend([*numerator, *denominator]);
        }
    }
    needed
}

/// The tables and the arithmetic behind a computed value.
struct Working {
    tables: Vec<ExplainedTable>,
    arithmetic: String,
}

fn work_out(
    at: &Evaluation<'_>,
    definition: &FeatureDefinition,
    formula: &Formula,
    computed: f64,
    values: &BTreeMap<usize, f32>,
) -> Working {
    let without_rows = |arithmetic| Working { tables: Vec::new(), arithmetic };
    let result = arithmetic::Result(computed);
    match (formula, &definition.expression) {
        (Formula::Attribute { column, transform }, _) => {
            let Some(declared) = at.schema.customer().columns.get(*column) else {
                return without_rows(String::new());
            };
            let value = at.customer.attribute(*column);
            let is = format!("{} is {}", declared.name, Cell::new(declared, value));
            let cutoff = time::format(at.cutoff);
            without_rows(match transform {
                _ if value.is_nan() => format!("{} is missing", declared.name),
                Transform::Value if matches!(declared.kind, ColumnKind::Category(_)) => {
                    format!("{is}, at position {result} of its words")
                }
                Transform::Value => is,
                _ if computed.is_nan() => format!("{is}, not before the cut-off {cutoff}: missing"),
                Transform::DaysSince => format!("{is}, {result} days before the cut-off {cutoff}"),
                Transform::Year => format!("{is}, the year {result} with its fraction"),
                Transform::YearsSince => {
                    format!("{is}, {result} years of 365.25 days before the cut-off {cutoff}")
                }
            })
        }
        (Formula::Events(events), Expression::Events { rows, aggregate: named, .. }) => {
            let Events { table, selection, aggregate } = &**events;
            let Some(table) = rows::TableOf::new(at, *table) else { return without_rows(String::new()) };
            let (explained, counted) = rows::of_events(&table, selection, aggregate, rows, named);
            let arithmetic = arithmetic::of_events(&table, aggregate, &counted, result);
            Working { tables: vec![explained], arithmetic }
        }
        (Formula::Holds(product), _) => {
            let (tables, counted) = rows::of_holdings(at, rows::Wanted::Product(*product));
            Working { tables, arithmetic: arithmetic::rows(counted.len(), result) }
        }
        (Formula::Holdings(aggregate), _) => {
            let (tables, counted) = rows::of_holdings(at, rows::Wanted::of(aggregate));
            Working { tables, arithmetic: arithmetic::of_holdings(at, aggregate, &counted, result) }
        }
        (
            Formula::Ratio { numerator, denominator },
            Expression::Ratio { numerator: above, denominator: below },
        ) => {
            let value = |position| values.get(position).copied().unwrap_or(f32::NAN);
            without_rows(arithmetic::of_ratio((above, value(numerator)), (below, value(denominator)), result))
        }
        (Formula::Season(_), _) => {
            without_rows(format!("the cut-off is {}: {result}", time::format(at.cutoff)))
        }
        // A formula is always compiled from its own expression.
        (Formula::Events(_) | Formula::Ratio { .. }, _) => without_rows(String::new()),
    }
}

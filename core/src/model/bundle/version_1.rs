//! Sections as format version 1 had them, read into what they are today.
//!
//! A type stands here only where its layout has changed since. Alternatives that a choice has gained are at its end, so
//! today's types read the old ones.

use serde::Deserialize;

use crate::features::{Aggregate, Condition, HoldingAggregate, SeasonPart, Transform};
use crate::features::{Expression, FeatureDefinition, RowFilter, RowSelection};
use crate::model::bounded::{boxed_as, list, list_as};
use crate::schema::{HoldingDefinition, Product, SchemaDefinition, Table, Task};

/// A schema, when every one was of a bank.
#[derive(Deserialize)]
pub(super) struct OldSchema {
    customer: Table,
    established: String,
    birth_date: Option<String>,
    #[serde(deserialize_with = "list")]
    tables: Vec<Table>,
    #[serde(deserialize_with = "list")]
    holdings: Vec<HoldingDefinition>,
    #[serde(deserialize_with = "list")]
    products: Vec<Product>,
    horizon_days: u32,
}

impl From<OldSchema> for SchemaDefinition {
    fn from(old: OldSchema) -> Self {
        Self {
            customer: old.customer,
            established: Some(old.established),
            birth_date: old.birth_date,
            tables: old.tables,
            holdings: old.holdings,
            products: old.products,
            horizon_days: old.horizon_days,
            task: Task::NextProduct,
            clock: Default::default(),
        }
    }
}

/// The features, each turned into one of today as it is read.
#[derive(Deserialize)]
pub(super) struct Features(
    #[serde(deserialize_with = "list_as::<Feature, _, _>")] pub(super) Vec<FeatureDefinition>,
);

/// A feature, when a selection of rows had conditions but no exclusions.
#[derive(Deserialize)]
struct Feature {
    name: String,
    group: String,
    label: String,
    expression: OldExpression,
    missing: Option<f32>,
}

#[derive(Deserialize)]
enum OldExpression {
    Attribute {
        column: String,
        transform: Transform,
    },
    Events {
        table: String,
        #[serde(deserialize_with = "boxed_as::<OldRows, _, _>")]
        rows: Box<RowSelection>,
        aggregate: Aggregate,
    },
    Holdings(HoldingAggregate),
    Ratio {
        numerator: String,
        denominator: String,
    },
    Season(SeasonPart),
}

#[derive(Deserialize)]
struct OldRows {
    window_days: Option<u32>,
    open: bool,
    #[serde(deserialize_with = "list")]
    conditions: Vec<Condition>,
}

impl From<Feature> for FeatureDefinition {
    fn from(old: Feature) -> Self {
        let expression = match old.expression {
            OldExpression::Attribute { column, transform } => Expression::Attribute { column, transform },
            OldExpression::Events { table, rows, aggregate } => Expression::Events { table, rows, aggregate },
            OldExpression::Holdings(aggregate) => Expression::Holdings(aggregate),
            OldExpression::Ratio { numerator, denominator } => Expression::Ratio { numerator, denominator },
            OldExpression::Season(part) => Expression::Season(part),
        };
        Self { name: old.name, group: old.group, label: old.label, expression, missing: old.missing }
    }
}

impl From<OldRows> for RowSelection {
    fn from(old: OldRows) -> Self {
        let filter = RowFilter { conditions: old.conditions, exclusions: Vec::new() };
        Self { window_days: old.window_days, open: old.open, filter }
    }
}

//! Sections as format version 1 had them, read into what they are today.
//!
//! A type stands here only where its layout has changed since. Alternatives that a choice has gained are at its end, so
//! today's types read the old ones.

use serde::Deserialize;

use crate::error::BundleError;
use crate::features::{Aggregate, Condition, HoldingAggregate, SeasonPart, Transform};
use crate::features::{Expression, FeatureDefinition, RowFilter, RowSelection};
use crate::schema::{HoldingDefinition, Product, Schema, SchemaDefinition, Table, Task};

/// A schema, when every one was of a bank.
#[derive(Deserialize)]
pub(super) struct OldSchema {
    customer: Table,
    established: String,
    birth_date: Option<String>,
    tables: Vec<Table>,
    holdings: Vec<HoldingDefinition>,
    products: Vec<Product>,
    horizon_days: u32,
}

impl TryFrom<OldSchema> for Schema {
    type Error = BundleError;

    fn try_from(old: OldSchema) -> Result<Self, BundleError> {
        let definition = SchemaDefinition {
            customer: old.customer,
            established: Some(old.established),
            birth_date: old.birth_date,
            tables: old.tables,
            holdings: old.holdings,
            products: old.products,
            horizon_days: old.horizon_days,
            task: Task::NextProduct,
        };
        Schema::try_from(definition).map_err(|error| BundleError::Content(error.to_string()))
    }
}

/// A feature, when a selection of rows had conditions but no exclusions.
#[derive(Deserialize)]
pub(super) struct Feature {
    name: String,
    group: String,
    label: String,
    expression: OldExpression,
    missing: Option<f32>,
}

#[derive(Deserialize)]
enum OldExpression {
    Attribute { column: String, transform: Transform },
    Events { table: String, rows: Box<OldRows>, aggregate: Aggregate },
    Holdings(HoldingAggregate),
    Ratio { numerator: String, denominator: String },
    Season(SeasonPart),
}

#[derive(Deserialize)]
struct OldRows {
    window_days: Option<u32>,
    open: bool,
    conditions: Vec<Condition>,
}

impl From<Feature> for FeatureDefinition {
    fn from(old: Feature) -> Self {
        let expression = match old.expression {
            OldExpression::Attribute { column, transform } => Expression::Attribute { column, transform },
            OldExpression::Events { table, rows, aggregate } => {
                Expression::Events { table, rows: Box::new((*rows).into()), aggregate }
            }
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

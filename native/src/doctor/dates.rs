//! Features that owe their strength to rows from after the cut-off, because the wrong column is taken for the
//! rows' time.
//!
//! A row says by one date column when it came into being. Where the table has another one that lies a little
//! later, it may be the true one (the day of booking instead of the day that the booking is for). So features
//! are computed again as if it were: without the rows whose other date lies at or after the cut-off. A
//! feature that tells a product's takers well with those rows and badly without them has seen the future.

use std::fmt;

use nextbest_core::Error;
use nextbest_core::features::{Expression, FeatureDefinition, FeatureEngine};
use nextbest_core::matrix::{Column, Matrix};
use nextbest_core::schema::{ColumnKind, Schema};
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time::DAY;
use nextbest_core::train::areas_by_class;
use serde::Serialize;

use super::{MIN_SUPPORT, holds_already};
use crate::io::tables::{Bank, Part};

/// So many customers' parts are enough to see it.
const PARTS: usize = 32;
/// A feature must tell this much (area under the ROC curve) to be worth a question …
const MIN_AREA: f64 = 0.65;
/// … and lose this share of what it tells beyond chance without the late rows.
const MIN_LOSS: f64 = 0.5;
/// Of the rows whose other date is later, at least this share must be later by less than the horizon. A date
/// that lies years ahead (the end of a loan) is a plan, not when a row was written.
const NEAR_SHARE: f64 = 0.9;

/// A feature that owes its strength to late rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LateRows {
    pub(crate) feature: String,
    pub(crate) product: String,
    pub(crate) table: String,
    /// The column by which rows are late.
    pub(crate) column: String,
    /// The area under the ROC curve of the feature alone,
    pub(crate) roc_auc: f64,
    /// and without the late rows.
    pub(crate) without_late_rows: f64,
    pub(crate) support: usize,
}

/// A column that may be when rows of a table came into being.
struct Suspect {
    table: usize,
    column: usize,
}

/// Looks for such features on some of the customers.
///
/// # Errors
/// If rows can't be read or features can't be compiled.
pub(crate) fn suspects(
    bank: &Bank,
    definitions: &[FeatureDefinition],
    cutoffs: &[i64],
) -> anyhow::Result<Vec<LateRows>> {
    let schema = &bank.schema;
    let step = bank.part_count().div_ceil(PARTS).max(1);
    let parts: Vec<usize> = (0..bank.part_count()).step_by(step).collect();
    let mut found = Vec::new();
    for suspect in near_dates(bank, &parts)? {
        let Some(table) = schema.tables().get(suspect.table) else { continue };
        let reads = |definition: &&FeatureDefinition| matches!(&definition.expression, Expression::Events { table: read, .. } if *read == table.name);
        let of_table: Vec<FeatureDefinition> = definitions.iter().filter(reads).cloned().collect();
        if of_table.is_empty() {
            continue;
        }
        let engine = FeatureEngine::new(schema, &of_table)?;
        let mut sample = Sample::default();
        for part in &parts {
            sample.add(&bank.part(*part)?, schema, &engine, cutoffs, &suspect);
        }
        let column = table.columns.get(suspect.column).map_or("", |column| &column.name);
        found.extend(sample.compare(schema, &of_table, &table.name, column)?);
    }
    Ok(found)
}

/// Date columns beside the declared one that lie at most a horizon later. What says when a product was given
/// up is read with care already: only whether it came before the cut-off.
fn near_dates(bank: &Bank, parts: &[usize]) -> anyhow::Result<Vec<Suspect>> {
    let schema = &bank.schema;
    let horizon = f64::from(schema.horizon_days()) * DAY as f64;
    let mut tallies: Vec<(Suspect, [usize; 2])> = Vec::new();
    for (table, declared) in schema.tables().iter().enumerate() {
        for (column, _) in declared.columns.iter().enumerate().filter(|(_, it)| it.kind == ColumnKind::Time) {
            if Some(column) != schema.time_column(table) && Some(column) != schema.closed_column(table) {
                tallies.push((Suspect { table, column }, [0, 0]));
            }
        }
    }
    if tallies.is_empty() {
        return Ok(Vec::new());
    }
    for part in parts {
        let part = bank.part(*part)?;
        for customer in part.customers.iter() {
            for (suspect, [later, near]) in &mut tallies {
                let rows = customer.table(suspect.table);
                let others = rows.column(suspect.column);
                match schema.time_column(suspect.table) {
                    Some(time) => {
                        for lag in rows.column(time).iter().zip(others).map(|(time, other)| other - time) {
                            *later += usize::from(lag > 0.0);
                            *near += usize::from(lag > 0.0 && lag < horizon);
                        }
                    }
                    // Nothing says when rows came into being: any date may.
                    None => {
                        let dated = others.iter().filter(|other| !other.is_nan()).count();
                        *later += dated;
                        *near += dated;
                    }
                }
            }
        }
    }
    let is_near =
        |(_, [later, near]): &(Suspect, [usize; 2])| *later > 0 && *near as f64 >= NEAR_SHARE * *later as f64;
    Ok(tallies.into_iter().filter(is_near).map(|(suspect, _)| suspect).collect())
}

/// Features of some customers with and without late rows.
#[derive(Default)]
struct Sample {
    with: Vec<f32>,
    without: Vec<f32>,
    labels: Vec<usize>,
    held: Vec<nextbest_core::snapshot::ProductSet>,
}

impl Sample {
    fn add(
        &mut self,
        part: &Part,
        schema: &Schema,
        engine: &FeatureEngine,
        cutoffs: &[i64],
        suspect: &Suspect,
    ) {
        for &cutoff in cutoffs {
            let snapshot = Snapshot::new(schema, cutoff);
            let earlier = part.customers.without_rows_from(suspect.table, suspect.column, cutoff as f64);
            for (customer, as_it_was) in part.customers.iter().zip(earlier.iter()) {
                if snapshot.is_customer(&customer) {
                    self.labels.extend(snapshot.label(&customer));
                    self.held.push(snapshot.held(&customer));
                    engine.compute(&customer, cutoff, &mut self.with);
                    engine.compute(&as_it_was, cutoff, &mut self.without);
                }
            }
        }
    }

    fn compare(
        &self,
        schema: &Schema,
        definitions: &[FeatureDefinition],
        table: &str,
        column: &str,
    ) -> Result<Vec<LateRows>, Error> {
        let products = schema.products();
        let holds = holds_already(&self.held, products);
        let mut found = Vec::new();
        let with = Matrix::new(&self.with, definitions.len())?;
        let without = Matrix::new(&self.without, definitions.len())?;
        for ((definition, with), without) in definitions.iter().zip(with.columns()).zip(without.columns()) {
            let areas = |values: Column<'_, f32>| {
                areas_by_class(&values.collect::<Vec<_>>(), &self.labels, schema.class_count(), &holds)
            };
            let (with, without) = (areas(with), areas(without));
            for (((with, support), (without, _)), product) in
                with.into_iter().zip(without).skip(1).zip(products)
            {
                let strength = |area: f64| area.max(1.0 - area);
                let (with, without) = (strength(with), strength(without));
                if support >= MIN_SUPPORT && with >= MIN_AREA && with - without > MIN_LOSS * (with - 0.5) {
                    found.push(LateRows {
                        feature: definition.name.clone(),
                        product: product.name.clone(),
                        table: table.to_owned(),
                        column: column.to_owned(),
                        roc_auc: with,
                        without_late_rows: without,
                        support,
                    });
                }
            }
        }
        Ok(found)
    }
}

impl fmt::Display for LateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tells who takes {} next (area under the ROC curve {:.3}) only by rows of {} whose {} lies \
             at or after the \
             cut-off (without them {:.3}): is {} when they came into being? Then name it as the table's time",
            self.feature,
            self.product,
            self.roc_auc,
            self.table,
            self.column,
            self.without_late_rows,
            self.column
        )
    }
}

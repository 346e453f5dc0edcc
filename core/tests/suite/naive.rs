//! The oracle of features, holdings and labels: row by row and word by word, as docs/FEATURES.md says it, without a
//! thought for speed.

use std::collections::{BTreeMap, BTreeSet};

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowSelection, SeasonPart, Test,
    Transform,
};
use nextbest_core::schema::{ColumnKind, HoldingProduct, Table};
use nextbest_core::time;

use crate::bank::{Case, Cell, Row};

/// The features of a case's customer at its cut-off.
pub(crate) fn features(case: &Case, definitions: &[FeatureDefinition]) -> Vec<f32> {
    let mut by_name: BTreeMap<&str, f32> = BTreeMap::new();
    let mut row = Vec::new();
    for definition in definitions {
        let value = match &definition.expression {
            Expression::Ratio { numerator, denominator } => {
                let (numerator, denominator) = (by_name[numerator.as_str()], by_name[denominator.as_str()]);
                if denominator == 0.0 { None } else { Some(numerator / denominator) }
            }
            other => evaluate(case, other).map(|value| value as f32),
        };
        let value = value.filter(|value| !value.is_nan()).or(definition.missing).unwrap_or(f32::NAN);
        by_name.insert(&definition.name, value);
        row.push(value);
    }
    row
}

fn evaluate(case: &Case, expression: &Expression) -> Option<f64> {
    match expression {
        Expression::Attribute { column, transform } => {
            let customer = &case.schema.customer;
            let since = |cell: Option<&Cell>| match cell {
                Some(Cell::Time(time)) if *time < case.cutoff => Some(days(case.cutoff - time)),
                _ => None,
            };
            let cell = cell(customer, column, &case.attributes);
            match transform {
                Transform::DaysSince => since(cell),
                Transform::YearsSince => Some(since(cell)? / 365.25),
                Transform::Value => match cell? {
                    Cell::Number(number) => Some(*number),
                    Cell::Word(word) => {
                        let ColumnKind::Category(words) = kind(customer, column) else { return None };
                        Some(words.iter().position(|other| other == word).unwrap() as f64)
                    }
                    _ => None,
                },
            }
        }
        Expression::Events { table, rows, aggregate } => events(case, table, rows, aggregate),
        Expression::Holdings(aggregate) => holdings(case, aggregate),
        Expression::Season(part) => {
            let month: f64 = time::format(case.cutoff)[5..7].parse().unwrap();
            Some(match part {
                SeasonPart::Month => month,
                SeasonPart::Quarter => [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][month as usize - 1].into(),
            })
        }
        Expression::Ratio { .. } => panic!("ratios need the other features"),
    }
}

fn events(case: &Case, name: &str, selection: &RowSelection, aggregate: &Aggregate) -> Option<f64> {
    let position = case.schema.tables.iter().position(|table| table.name == name).unwrap();
    let table = &case.schema.tables[position];
    let mut rows: Vec<&Row> = Vec::new();
    for row in &case.tables[position] {
        if is_selected(case, table, selection, row) {
            rows.push(row);
        }
    }
    let times: Vec<i64> = rows.iter().filter_map(|row| row_time(table, row)).collect();
    let numbers = |column: &str| -> Vec<f64> {
        let number = |row: &&Row| match cell(table, column, row) {
            Some(Cell::Number(number)) => Some(*number),
            _ => None,
        };
        rows.iter().filter_map(number).collect()
    };
    match aggregate {
        Aggregate::Count => Some(rows.len() as f64),
        Aggregate::DaysSinceLast => Some(days(case.cutoff - times.iter().max()?)),
        Aggregate::DaysSinceFirst => Some(days(case.cutoff - times.iter().min()?)),
        Aggregate::Sum(column) => Some(sum(&numbers(column))),
        Aggregate::Mean(column) => {
            let numbers = numbers(column);
            if numbers.is_empty() { None } else { Some(sum(&numbers) / numbers.len() as f64) }
        }
        Aggregate::Min(column) => numbers(column).into_iter().min_by(f64::total_cmp),
        Aggregate::Max(column) => numbers(column).into_iter().max_by(f64::total_cmp),
        Aggregate::Last(column) => {
            let mut dated = Vec::new();
            for row in &rows {
                if let Some(Cell::Number(number)) = cell(table, column, row) {
                    dated.push((row_time(table, row)?, *number));
                }
            }
            dated.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            dated.last().map(|(_, number)| *number)
        }
        Aggregate::Distinct(column) => {
            let mut seen: Vec<&Cell> = Vec::new();
            for row in &rows {
                if let Some(cell) = cell(table, column, row)
                    && !seen.contains(&cell)
                {
                    seen.push(cell);
                }
            }
            Some(seen.len() as f64)
        }
    }
}

fn sum(numbers: &[f64]) -> f64 {
    let mut sum = 0.0;
    for number in numbers {
        sum += number;
    }
    sum
}

fn is_selected(case: &Case, table: &Table, selection: &RowSelection, row: &Row) -> bool {
    if table.time.is_some() {
        let Some(time) = row_time(table, row) else { return false };
        if time >= case.cutoff {
            return false;
        }
        if let Some(window) = selection.window_days
            && time < case.cutoff - i64::from(window) * 86_400
        {
            return false;
        }
    }
    if selection.open {
        let holding = case.schema.holdings.iter().find(|holding| holding.table == table.name).unwrap();
        if let Some(Cell::Time(end)) = cell(table, holding.closed.as_ref().unwrap(), row)
            && *end < case.cutoff
        {
            return false;
        }
    }
    selection.conditions.iter().all(|condition| passes(table, condition, row))
}

fn passes(table: &Table, condition: &Condition, row: &Row) -> bool {
    match (&condition.test, cell(table, &condition.column, row)) {
        (Test::NotIn(words), Some(Cell::Word(word))) => !words.contains(word),
        (Test::NotIn(_), None) => true,
        (Test::In(words), Some(Cell::Word(word))) => words.contains(word),
        (Test::Equals(other), Some(Cell::Number(number))) => number == other,
        (Test::Below(other), Some(Cell::Number(number))) => number < other,
        (Test::AtMost(other), Some(Cell::Number(number))) => number <= other,
        (Test::Above(other), Some(Cell::Number(number))) => number > other,
        (Test::AtLeast(other), Some(Cell::Number(number))) => number >= other,
        _ => false,
    }
}

/// A product that was taken: its position, when, and when it was given up.
pub(crate) struct Taken {
    pub(crate) product: usize,
    pub(crate) opened: i64,
    pub(crate) closed: Option<i64>,
}

/// Every product ever taken.
pub(crate) fn taken(case: &Case) -> Vec<Taken> {
    let mut all = Vec::new();
    for holding in &case.schema.holdings {
        let position = case.schema.tables.iter().position(|table| table.name == holding.table).unwrap();
        let table = &case.schema.tables[position];
        for row in &case.tables[position] {
            let id = match &holding.product {
                HoldingProduct::Always(id) => id,
                HoldingProduct::Column(column) => match cell(table, column, row) {
                    Some(Cell::Word(id)) => id,
                    _ => continue,
                },
            };
            let product = case.schema.products.iter().position(|product| &product.id == id);
            let (Some(product), Some(opened)) = (product, row_time(table, row)) else { continue };
            let closed = match holding.closed.as_ref().and_then(|column| cell(table, column, row)) {
                Some(Cell::Time(closed)) => Some(*closed),
                _ => None,
            };
            all.push(Taken { product, opened, closed });
        }
    }
    all
}

/// The products held at the cut-off.
pub(crate) fn held(case: &Case) -> BTreeSet<usize> {
    open(case).map(|taken| taken.product).collect()
}

fn open(case: &Case) -> impl Iterator<Item = Taken> {
    let cutoff = case.cutoff;
    let before = taken(case).into_iter().filter(move |taken| taken.opened < cutoff);
    before.filter(move |taken| taken.closed.is_none_or(|closed| closed >= cutoff))
}

/// 0, or 1 + the position of the first product taken from the cut-off to the horizon's end.
pub(crate) fn label(case: &Case) -> usize {
    let end = case.cutoff + i64::from(case.schema.horizon_days) * 86_400;
    let mut next: Vec<(i64, usize)> = taken(case)
        .iter()
        .filter(|taken| taken.opened >= case.cutoff && taken.opened < end)
        .map(|taken| (taken.opened, taken.product))
        .collect();
    next.sort_unstable();
    next.first().map_or(0, |(_, product)| product + 1)
}

fn holdings(case: &Case, aggregate: &HoldingAggregate) -> Option<f64> {
    let before = || taken(case).into_iter().filter(|taken| taken.opened < case.cutoff);
    match aggregate {
        HoldingAggregate::Holds(id) => {
            let product = case.schema.products.iter().position(|product| &product.id == id).unwrap();
            Some(if held(case).contains(&product) { 1.0 } else { 0.0 })
        }
        HoldingAggregate::DistinctHeld => Some(held(case).len() as f64),
        HoldingAggregate::OpenCount => Some(open(case).count() as f64),
        HoldingAggregate::EverCount => Some(before().count() as f64),
        HoldingAggregate::DaysSinceLastTaken => {
            Some(days(case.cutoff - before().map(|taken| taken.opened).max()?))
        }
    }
}

fn days(seconds: i64) -> f64 {
    seconds as f64 / 86_400.0
}

fn row_time(table: &Table, row: &Row) -> Option<i64> {
    match cell(table, table.time.as_ref()?, row)? {
        Cell::Time(time) => Some(*time),
        _ => None,
    }
}

fn kind<'c>(table: &'c Table, name: &str) -> &'c ColumnKind {
    &table.columns.iter().find(|column| column.name == name).unwrap().kind
}

/// The value in a column; `None` where it is missing or a word that the column does not know.
fn cell<'r>(table: &Table, name: &str, row: &'r Row) -> Option<&'r Cell> {
    let position = table.columns.iter().position(|column| column.name == name).unwrap();
    match (&row[position], kind(table, name)) {
        (Cell::Missing, _) => None,
        (Cell::Word(word), ColumnKind::Category(words)) if !words.contains(word) => None,
        (cell, _) => Some(cell),
    }
}

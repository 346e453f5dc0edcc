//! The arithmetic from the rows that count to the value, on one line.

use core::fmt;
use std::collections::BTreeMap;

use super::rows::TableOf;
use crate::features::aggregate::RowAggregate;
use crate::features::engine::Evaluation;
use crate::features::spec::HoldingAggregate;
use crate::snapshot::Taken;
use crate::time::{self, DAY};

/// The most terms that are written out.
const SHOWN: usize = 12;

/// A computed value: a number, or `missing`.
#[derive(Clone, Copy)]
pub(super) struct Result(pub(super) f64);

impl fmt::Display for Result {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.is_nan() {
            true => f.write_str("missing"),
            false => write!(f, "{}", self.0),
        }
    }
}

/// How the result follows from the rows that count, given by their positions.
pub(super) fn of_events(
    table: &TableOf<'_>,
    aggregate: &RowAggregate,
    counted: &[usize],
    result: Result,
) -> String {
    let count = counted.len();
    if count == 0 {
        return rows(count, result);
    }
    let cells = |column: usize| counted.iter().map(move |row| table.cell(column, *row).to_string());
    let date = |column: usize, pick: fn(f64, f64) -> f64| {
        let times = counted.iter().map(|row| table.value(column, *row));
        times.reduce(pick).map_or_else(String::new, |time| time::format(time as i64))
    };
    let cutoff = time::format(table.cutoff as i64);
    match aggregate {
        RowAggregate::Count => rows(count, result),
        RowAggregate::DaysSinceLast { time } => {
            format!("from {} to {cutoff}: {result} days", date(*time, f64::max))
        }
        RowAggregate::DaysSinceFirst { time } => {
            format!("from {} to {cutoff}: {result} days", date(*time, f64::min))
        }
        RowAggregate::DaysUntilNext(column) => {
            format!("from {cutoff} to {}: {result} days", date(*column, f64::min))
        }
        RowAggregate::Sum(column) => format!("{} = {result}", added(cells(*column))),
        RowAggregate::Mean(column) => format!("({}) ÷ {count} = {result}", added(cells(*column))),
        RowAggregate::Min(column) => format!("the least of {}: {result}", listed(cells(*column), ", ")),
        RowAggregate::Max(column) => format!("the greatest of {}: {result}", listed(cells(*column), ", ")),
        RowAggregate::Last { time, .. } => format!("in the row of {}: {result}", date(*time, f64::max)),
        RowAggregate::First { time, .. } => format!("in the row of {}: {result}", date(*time, f64::min)),
        RowAggregate::Distinct(column) => {
            format!("{}: {result} different", listed(different(table, *column, counted).into_keys(), ", "))
        }
        RowAggregate::Std(column) => {
            let sum: f64 = counted.iter().map(|row| table.value(*column, *row)).sum();
            let squares = cells(*column).map(|cell| format!("({cell} − mean)²"));
            format!("√(({}) ÷ {count}) = {result}, with mean {}", listed(squares, " + "), sum / count as f64)
        }
        RowAggregate::Entropy(column) => {
            let shares = different(table, *column, counted);
            let shares = shares.into_iter().map(|(cell, times)| format!("{cell}: {times} of {count}"));
            format!("{}; −p log₂ p of these shares p adds up to {result}", listed(shares, ", "))
        }
        RowAggregate::Share(filters) => {
            let passes = |row: &&usize| filters.iter().all(|filter| filter.passes(&table.rows, **row));
            format!("{} of {count} rows pass: {result}", counted.iter().filter(passes).count())
        }
        RowAggregate::Trend(trend) => {
            let from = table.cutoff - trend.short_days * DAY as f64;
            let amount = |row: usize| trend.column.map_or(1.0, |column| table.value(column, row));
            let whole: f64 = counted.iter().map(|row| amount(*row)).sum();
            let late = counted.iter().filter(|row| table.value(trend.time, **row) >= from);
            let short: f64 = late.map(|row| amount(*row)).sum();
            let (days, whole_days) = (trend.short_days, trend.window_days);
            format!("({short} ÷ {days} days) ÷ ({whole} ÷ {whole_days} days) = {result}")
        }
    }
}

/// How the result follows from the holdings that count.
pub(super) fn of_holdings(
    at: &Evaluation<'_>,
    aggregate: &HoldingAggregate,
    counted: &[Taken],
    result: Result,
) -> String {
    let products = at.schema.products();
    match aggregate {
        _ if counted.is_empty() => rows(0, result),
        HoldingAggregate::DaysSinceLastTaken => {
            let last = counted.iter().map(|taken| taken.opened).fold(f64::NAN, f64::max);
            let (last, cutoff) = (time::format(last as i64), time::format(at.cutoff));
            format!("from {last} to {cutoff}: {result} days")
        }
        HoldingAggregate::DistinctHeld => {
            let mut held: Vec<usize> = counted.iter().map(|taken| taken.product).collect();
            held.sort_unstable();
            held.dedup();
            let names = held.iter().filter_map(|product| products.get(*product));
            format!("{}: {result}", listed(names.map(|product| product.name.clone()), ", "))
        }
        _ => rows(counted.len(), result),
    }
}

pub(super) fn rows(count: usize, result: Result) -> String {
    match count {
        0 => format!("no row counts: {result}"),
        1 => format!("1 row counts: {result}"),
        count => format!("{count} rows count: {result}"),
    }
}

/// How the result follows from two features, given by name and value.
pub(super) fn of_ratio(above: (&str, f32), below: (&str, f32), result: Result) -> String {
    let part = |(name, value): (&str, f32)| format!("{name} {}", Result(f64::from(value)).shortest(value));
    let (above_part, below_part) = (part(above), part(below));
    match below.1 == 0.0 {
        true => format!("{above_part} ÷ {below_part}: the divisor is 0, so missing"),
        false => format!("{above_part} ÷ {below_part} = {}", result.shortest(result.0 as f32)),
    }
}

impl Result {
    /// A 32-bit number with its shortest digits.
    fn shortest(self, value: f32) -> String {
        if value.is_nan() { self.to_string() } else { value.to_string() }
    }
}

fn different(table: &TableOf<'_>, column: usize, rows: &[usize]) -> BTreeMap<String, usize> {
    let mut different = BTreeMap::new();
    for row in rows {
        *different.entry(table.cell(column, *row).to_string()).or_default() += 1;
    }
    different
}

/// The terms of a sum: `2 + 3 − 1`.
fn added(terms: impl Iterator<Item = String>) -> String {
    listed(terms, " + ").replace(" + -", " − ")
}

/// The first terms, and the number of all if there are more.
fn listed(terms: impl Iterator<Item = String>, separator: &str) -> String {
    let mut terms: Vec<String> = terms.collect();
    let count = terms.len();
    if count > SHOWN {
        terms.truncate(SHOWN);
        terms.push(format!("… ({count} in all)"));
    }
    terms.join(separator)
}

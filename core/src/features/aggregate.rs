//! Aggregates of the selected rows of a table: one number, NaN if they have none.

use super::engine::{Filter, Selection, days};
use crate::customers::Rows;
use crate::time::DAY;

/// A validated [`Aggregate`](super::Aggregate), with positions instead of names.
#[derive(Debug, Clone)]
pub(super) enum RowAggregate {
    Count,
    DaysSinceLast { time: usize },
    DaysSinceFirst { time: usize },
    Sum(usize),
    Mean(usize),
    Min(usize),
    Max(usize),
    Last { column: usize, time: usize },
    Distinct(usize),
    Std(usize),
    First { column: usize, time: usize },
    Entropy(usize),
    Share(Vec<Filter>),
    Trend(RowTrend),
    DaysUntilNext(usize),
}

/// The daily rate in a short window divided by the daily rate in the whole window.
#[derive(Debug, Clone)]
pub(super) struct RowTrend {
    /// The column that is summed; without it, rows are counted.
    pub(super) column: Option<usize>,
    pub(super) time: usize,
    pub(super) short_days: f64,
    pub(super) window_days: f64,
}

impl RowAggregate {
    /// The aggregate of the rows of a table that are selected at a cut-off.
    pub(super) fn of(&self, rows: &Rows<'_>, selection: &Selection, cutoff: f64) -> f64 {
        let selected = selection.rows(rows, cutoff);
        let values = |column: usize| {
            let values = rows.column(column);
            selection
                .rows(rows, cutoff)
                .filter_map(|row| values.get(row).copied())
                .filter(|value| !value.is_nan())
        };
        let dated = |time: usize, column: usize| {
            let (times, values) = (rows.column(time), rows.column(column));
            selection
                .rows(rows, cutoff)
                .filter_map(|row| Some((*times.get(row)?, *values.get(row)?)))
                .filter(|(_, value)| !value.is_nan())
        };
        match self {
            RowAggregate::Count => selected.count() as f64,
            RowAggregate::DaysSinceLast { time } => days(cutoff - values(*time).fold(f64::NAN, f64::max)),
            RowAggregate::DaysSinceFirst { time } => days(cutoff - values(*time).fold(f64::NAN, f64::min)),
            RowAggregate::Sum(column) => sum(values(*column)),
            RowAggregate::Mean(column) => mean(values(*column)),
            RowAggregate::Min(column) => values(*column).fold(f64::NAN, f64::min),
            RowAggregate::Max(column) => values(*column).fold(f64::NAN, f64::max),
            RowAggregate::Last { column, time } => {
                let last = |last: (f64, f64), next: (f64, f64)| {
                    if next.0 > last.0 || (next.0 == last.0 && next.1 > last.1) { next } else { last }
                };
                dated(*time, *column).reduce(last).map_or(f64::NAN, |(_, value)| value)
            }
            RowAggregate::First { column, time } => {
                let first = |first: (f64, f64), next: (f64, f64)| {
                    if next.0 < first.0 || (next.0 == first.0 && next.1 < first.1) { next } else { first }
                };
                dated(*time, *column).reduce(first).map_or(f64::NAN, |(_, value)| value)
            }
            RowAggregate::Distinct(column) => counts(values(*column)).len() as f64,
            RowAggregate::Std(column) => {
                let mean = mean(values(*column));
                libm::sqrt(self::mean(values(*column).map(|value| (value - mean) * (value - mean))))
            }
            RowAggregate::Entropy(column) => entropy(counts(values(*column))),
            RowAggregate::Share(filters) => {
                let passes = |row| filters.iter().all(|filter| filter.passes(rows, row));
                mean(selected.map(|row| f64::from(u8::from(passes(row)))))
            }
            RowAggregate::Trend(trend) => {
                let times = rows.column(trend.time);
                let from = cutoff - trend.short_days * DAY as f64;
                let is_late = |row: &usize| times.get(*row).is_some_and(|time| *time >= from);
                let amounts = trend.column.map(|column| rows.column(column));
                let amount = |row: usize| match amounts {
                    None => 1.0,
                    Some(amounts) => amounts.get(row).copied().filter(|value| !value.is_nan()).unwrap_or(0.0),
                };
                let short = sum(selection.rows(rows, cutoff).filter(is_late).map(amount));
                trend.value(short, sum(selected.map(amount)))
            }
            RowAggregate::DaysUntilNext(column) => {
                let next = values(*column).filter(|value| *value >= cutoff).fold(f64::NAN, f64::min);
                days(next - cutoff)
            }
        }
    }
}

impl RowAggregate {
    /// The aggregated column, if there is one.
    pub(super) fn column(&self) -> Option<usize> {
        match self {
            RowAggregate::Count
            | RowAggregate::DaysSinceLast { .. }
            | RowAggregate::DaysSinceFirst { .. }
            | RowAggregate::Share(_) => None,
            RowAggregate::Trend(trend) => trend.column,
            RowAggregate::Sum(column)
            | RowAggregate::Mean(column)
            | RowAggregate::Min(column)
            | RowAggregate::Max(column)
            | RowAggregate::Last { column, .. }
            | RowAggregate::Distinct(column)
            | RowAggregate::Std(column)
            | RowAggregate::First { column, .. }
            | RowAggregate::Entropy(column)
            | RowAggregate::DaysUntilNext(column) => Some(*column),
        }
    }
}

impl RowTrend {
    fn value(&self, short: f64, whole: f64) -> f64 {
        match whole == 0.0 {
            true => f64::NAN,
            false => (short / self.short_days) / (whole / self.window_days),
        }
    }
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { f64::NAN } else { sum / f64::from(count) }
}

/// How often each different value occurs, in no particular order.
fn counts(values: impl Iterator<Item = f64>) -> Vec<usize> {
    // Zero has two signs but is one value.
    let mut bits: Vec<u64> = values.map(|value| (value + 0.0).to_bits()).collect();
    bits.sort_unstable();
    bits.chunk_by(PartialEq::eq).map(<[u64]>::len).collect()
}

/// Summed from the rarest value on, so that the result does not depend on the values themselves (a word's
/// position).
fn entropy(mut counts: Vec<usize>) -> f64 {
    counts.sort_unstable();
    let total: usize = counts.iter().sum();
    match total {
        0 => f64::NAN,
        total => counts.iter().fold(0.0, |sum, count| {
            let share = *count as f64 / total as f64;
            sum - share * libm::log2(share)
        }),
    }
}

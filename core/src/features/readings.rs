//! The values that rules test: in 64 bits and calendar years, and, where the rows leave a doubt, every value
//! that is possible.
//!
//! A feature treats a word that the bundle does not know as missing. A rule must not: an unknown answer is
//! not a yes. So a measure has a set of *readings* of the customer's rows instead of one value, and a rule
//! holds only if it holds for each of them:
//!
//! * A row for which a condition is undecided (its value is missing or unknown) may count or not. Nearly all
//!   aggregates are computed with such rows and without them.
//! * The latest row decides, even if its word is missing: then the reading is unknown. Of several rows at one
//!   moment each decides, and so does each later row that may count.
//! * A holding whose product is unknown may be of any product.

use super::aggregate::RowAggregate;
use super::engine::{
    Comparison, Evaluation, Events, FeatureEngine, Filter, Formula, Predicate, Selection, days,
};
use super::spec::{HoldingAggregate, Transform};
use super::values::as_written;
use crate::customers::{Customer, Rows, UNKNOWN, is_unknown};
use crate::schema::{ColumnKind, Schema};
use crate::snapshot::Snapshot;
use crate::time::calendar;

impl FeatureEngine {
    /// Each measure's readings of a customer's rows at a cut-off (seconds since 1970-01-01), each once, in
    /// ascending order. For a number, the least and the greatest stand for everything between them. A missing
    /// value is NaN, an unknown word [`UNKNOWN`].
    pub fn readings(&self, customer: &Customer<'_>, cutoff: i64) -> Vec<Vec<f64>> {
        let at = Evaluation { schema: self.schema(), customer, cutoff };
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(self.len());
        for feature in self.features() {
            let of = |position: usize| all.get(position).map_or(&[][..], Vec::as_slice);
            let mut readings = match &feature.formula {
                Formula::Attribute { column, transform } => vec![at.attribute(*column, *transform)],
                Formula::Events(events) => at.of_events(events),
                Formula::Holds(product) => at.holds(*product),
                Formula::Holdings(aggregate) => at.of_holdings(aggregate),
                Formula::Ratio { numerator, denominator } => ratios(of(*numerator), of(*denominator)),
                formula @ Formula::Season(_) => vec![at.evaluate(formula)],
            };
            let is_word = is_word(&feature.formula, self.schema());
            for value in readings.iter_mut().filter(|value| !is_unknown(**value)) {
                *value = match value.is_nan() {
                    // The replacement of a missing word is not a word's position.
                    true if is_word => f64::NAN,
                    true => as_written(feature.missing),
                    false => *value + 0.0,
                };
            }
            readings.sort_by(f64::total_cmp);
            readings.dedup_by_key(|value| value.to_bits());
            if !is_word {
                let last = readings.iter().filter(|value| !value.is_nan()).count();
                let mut position = 0;
                readings.retain(|_| {
                    position += 1;
                    position == 1 || position >= last
                });
            }
            all.push(readings);
        }
        all
    }
}

impl Evaluation<'_> {
    fn attribute(&self, column: usize, transform: Transform) -> f64 {
        let value = self.customer.attribute(column);
        if transform == Transform::Value {
            return value;
        }
        // A date at or after the cut-off was not known yet.
        match value < self.cutoff as f64 {
            false => f64::NAN,
            true => match transform {
                Transform::YearsSince => calendar::years(value as i64, self.cutoff),
                Transform::Year => calendar::year(value as i64),
                _ => days(self.cutoff as f64 - value),
            },
        }
    }

    fn of_events(&self, events: &Events) -> Vec<f64> {
        let cutoff = self.cutoff as f64;
        let Events { table, selection, aggregate } = events;
        let rows = self.customer.table(*table);
        let (mut certain, mut doubtful) = (Vec::new(), Vec::new());
        for row in selection.in_time(&rows, cutoff) {
            match all_hold(selection.filters.iter().map(|filter| filter.judge(&rows, row))) {
                Some(true) => certain.push(row),
                Some(false) => {}
                None => doubtful.push(row),
            }
        }
        let known =
            |column: usize, row: &usize| rows.column(column).get(*row).is_some_and(|value| !value.is_nan());
        match aggregate {
            RowAggregate::Last { column, time } | RowAggregate::First { column, time } => {
                if !is_category(self.schema, *table, *column) {
                    certain.retain(|row| known(*column, row));
                    doubtful.retain(|row| known(*column, row));
                }
                let is_last = matches!(aggregate, RowAggregate::Last { .. });
                outermost(&rows, &certain, &doubtful, (*column, *time), is_last)
            }
            RowAggregate::Share(filters) => shares(&rows, &certain, &doubtful, filters),
            RowAggregate::Distinct(column) if is_category(self.schema, *table, *column) => {
                let all = [certain.as_slice(), &doubtful].concat();
                let untold = all.iter().filter(|row| !known(*column, row)).count() as f64;
                let told = |rows_of: &[usize]| one(aggregate, selection, &rows, rows_of, cutoff);
                vec![told(&certain), told(&all) + untold]
            }
            RowAggregate::Entropy(column)
                if is_category(self.schema, *table, *column)
                    && certain.iter().chain(&doubtful).any(|row| !known(*column, row)) =>
            {
                vec![UNKNOWN]
            }
            _ => worlds(&rows, aggregate, certain, &doubtful)
                .iter()
                .map(|world| one(aggregate, selection, &rows, world, cutoff))
                .collect(),
        }
    }

    fn holds(&self, product: usize) -> Vec<f64> {
        let snapshot = Snapshot::new(self.schema, self.cutoff);
        let held = f64::from(u8::from(snapshot.held(self.customer).contains(product)));
        match snapshot.untold_before(self.customer).any(|untold| snapshot.is_open(&untold)) {
            true => vec![held, 1.0],
            false => vec![held],
        }
    }

    fn of_holdings(&self, aggregate: &HoldingAggregate) -> Vec<f64> {
        let told = self.holdings(aggregate);
        let snapshot = Snapshot::new(self.schema, self.cutoff);
        let (mut ever, mut open, mut last) = (0u32, 0u32, f64::NAN);
        for untold in snapshot.untold_before(self.customer) {
            ever += 1;
            open += u32::from(snapshot.is_open(&untold));
            last = last.max(untold.opened);
        }
        let with_them = match aggregate {
            HoldingAggregate::EverCount => told + f64::from(ever),
            HoldingAggregate::DaysSinceLastTaken => days(self.cutoff as f64 - last).min(told),
            _ => told + f64::from(open),
        };
        if ever == 0 { vec![told] } else { vec![told, with_them] }
    }
}

/// The value of an aggregate if exactly these rows counted.
fn one(
    aggregate: &RowAggregate,
    selection: &Selection,
    rows: &Rows<'_>,
    these: &[usize],
    cutoff: f64,
) -> f64 {
    let columns: Vec<usize> = aggregate.column().into_iter().chain(selection.time).collect();
    let these = rows.pick(these, &columns);
    let rows = these.all();
    let all = Selection { time: None, window: None, open_until: None, filters: Vec::new() };
    let value = aggregate.of(&rows, &all, cutoff);
    match aggregate {
        RowAggregate::Sum(column) => in_digits(value, size(&rows, *column)),
        RowAggregate::Mean(column) | RowAggregate::Std(column) => {
            in_digits(value, size(&rows, *column) / rows.len() as f64)
        }
        _ => value,
    }
}

/// The sets of rows that may count: for a sum, with all undecided rows that add to it and with all that
/// subtract from it; otherwise with all undecided rows and with none.
fn worlds(
    rows: &Rows<'_>,
    aggregate: &RowAggregate,
    certain: Vec<usize>,
    doubtful: &[usize],
) -> Vec<Vec<usize>> {
    if doubtful.is_empty() {
        return vec![certain];
    }
    let with = |counts: &dyn Fn(&usize) -> bool| {
        let mut world: Vec<usize> =
            certain.iter().copied().chain(doubtful.iter().copied().filter(|row| counts(row))).collect();
        world.sort_unstable();
        world
    };
    match aggregate {
        RowAggregate::Sum(column) => {
            let adds = |row: &usize| rows.column(*column).get(*row).is_some_and(|value| *value > 0.0);
            vec![with(&adds), with(&|row| !adds(row))]
        }
        _ => vec![with(&|_| true), certain],
    }
}

/// The value in the latest row (or the earliest), and in each row that may be it.
fn outermost(
    rows: &Rows<'_>,
    certain: &[usize],
    doubtful: &[usize],
    (column, time): (usize, usize),
    is_last: bool,
) -> Vec<f64> {
    let (values, times) = (rows.column(column), rows.column(time));
    // Rows are sorted by time.
    let bound = if is_last { certain.last() } else { certain.first() };
    let bound = bound.and_then(|row| times.get(*row));
    let may_be = |row: &&usize| match (bound, times.get(**row)) {
        (Some(bound), Some(time)) => {
            if is_last {
                time >= bound
            } else {
                time <= bound
            }
        }
        _ => true,
    };
    let value = |row: &usize| values.get(*row).map(|value| if value.is_nan() { UNKNOWN } else { *value });
    let none = certain.is_empty().then_some(f64::NAN);
    certain.iter().chain(doubtful).filter(may_be).filter_map(value).chain(none).collect()
}

/// The shares of rows that pass, over the rows that may count and may pass.
fn shares(rows: &Rows<'_>, certain: &[usize], doubtful: &[usize], filters: &[Filter]) -> Vec<f64> {
    let all = [certain, doubtful].concat();
    let mut shares = Vec::new();
    for counted in [certain, &all] {
        for doubt in [false, true] {
            let passes = |row: &&usize| {
                all_hold(filters.iter().map(|filter| filter.judge(rows, **row))).unwrap_or(doubt)
            };
            // NaN for no rows.
            shares.push(counted.iter().filter(passes).count() as f64 / counted.len() as f64);
        }
    }
    shares
}

fn ratios(numerators: &[f64], denominators: &[f64]) -> Vec<f64> {
    let ratio = |numerator: f64, denominator: f64| match () {
        () if is_unknown(numerator) || is_unknown(denominator) => UNKNOWN,
        () if denominator == 0.0 => f64::NAN,
        () => numerator / denominator,
    };
    numerators.iter().flat_map(|above| denominators.iter().map(move |below| ratio(*above, *below))).collect()
}

/// Whether all hold: false if one does not, `None` if it is undecided.
fn all_hold(mut each: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    each.try_fold(Some(true), |all, one| match one {
        Some(false) => Err(()),
        Some(true) => Ok(all),
        None => Ok(None),
    })
    .unwrap_or(Some(false))
}

impl Filter {
    fn judge(&self, rows: &Rows<'_>, row: usize) -> Option<bool> {
        match self {
            Filter::Holds(comparison) => comparison.judge(rows, row),
            Filter::Not(all) => all_hold(all.iter().map(|one| one.judge(rows, row))).map(|all| !all),
        }
    }
}

impl Comparison {
    fn judge(&self, rows: &Rows<'_>, row: usize) -> Option<bool> {
        let value = *rows.column(self.column).get(row)?;
        match &self.predicate {
            // An unknown word is present.
            Predicate::Missing(missing) => Some((value.is_nan() && !is_unknown(value)) == *missing),
            _ if value.is_nan() => None,
            predicate => Some(predicate.holds(value)),
        }
    }
}

fn is_word(formula: &Formula, schema: &Schema) -> bool {
    match formula {
        Formula::Attribute { column, transform: Transform::Value } => {
            let column = schema.customer().columns.get(*column);
            column.is_some_and(|column| matches!(column.kind, ColumnKind::Category(_)))
        }
        Formula::Events(events) => match events.aggregate {
            RowAggregate::Last { column, .. } | RowAggregate::First { column, .. } => {
                is_category(schema, events.table, column)
            }
            _ => false,
        },
        _ => false,
    }
}

fn is_category(schema: &Schema, table: usize, column: usize) -> bool {
    let column = schema.tables().get(table).and_then(|table| table.columns.get(column));
    column.is_some_and(|column| matches!(column.kind, ColumnKind::Category(_)))
}

/// The sum of a column's absolute values.
fn size(rows: &Rows<'_>, column: usize) -> f64 {
    rows.column(column).iter().filter(|value| !value.is_nan()).map(|value| value.abs()).sum()
}

/// A sum rounded to the digits that its terms allow: 0.1 + 0.2 − 0.3 is 0.
fn in_digits(sum: f64, size: f64) -> f64 {
    let unit = libm::pow(10.0, 12.0 - libm::floor(libm::log10(size)));
    let rounded = libm::round(sum * unit) / unit;
    if unit > 1.0 && rounded.is_finite() { rounded } else { sum }
}

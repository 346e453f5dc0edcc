//! The oracle for features, holdings and labels: row by row and word by word as in docs/FEATURES.md, without
//! regard to speed.

use std::collections::{BTreeMap, BTreeSet};

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection,
    SeasonPart, Test, Transform,
};
use nextbest_core::schema::{Column, ColumnKind, HoldingDefinition, HoldingProduct, Table};
use nextbest_core::time;

use crate::bank::{Case, Cell, Row};

/// For each row of the table that an expression aggregates, in order, whether it counts.
pub(crate) fn counted(
    case: &Case,
    table: &str,
    selection: &RowSelection,
    aggregate: &Aggregate,
) -> Vec<bool> {
    let position = case.schema.tables.iter().position(|other| other.name == table).unwrap();
    let table = &case.schema.tables[position];
    let has_value = |row: &Row| match aggregate {
        Aggregate::Count | Aggregate::DaysSinceLast | Aggregate::DaysSinceFirst | Aggregate::Share(_) => true,
        Aggregate::Trend { column: None, .. } => true,
        Aggregate::DaysUntilNext(column) => {
            matches!(cell(table, column, row), Some(Cell::Time(date)) if *date >= case.cutoff)
        }
        Aggregate::Sum(column)
        | Aggregate::Mean(column)
        | Aggregate::Min(column)
        | Aggregate::Max(column)
        | Aggregate::Last(column)
        | Aggregate::Distinct(column)
        | Aggregate::Std(column)
        | Aggregate::First(column)
        | Aggregate::Entropy(column)
        | Aggregate::Trend { column: Some(column), .. } => cell(table, column, row).is_some(),
    };
    let rows = in_order(table, &case.tables[position]);
    rows.into_iter().map(|row| is_selected(case, table, selection, row) && has_value(row)).collect()
}

/// For each row of the tables that hold products, in order, whether it counts.
pub(crate) fn counted_holdings(case: &Case, aggregate: &HoldingAggregate) -> Vec<Vec<bool>> {
    let of_table = |holding: &HoldingDefinition| {
        let position = case.schema.tables.iter().position(|table| table.name == holding.table).unwrap();
        let rows = in_order(&case.schema.tables[position], &case.tables[position]);
        let counts = |row: &Row| {
            let mut alone = case.clone();
            alone.tables.iter_mut().for_each(Vec::clear);
            alone.tables[position].push(row.clone());
            match aggregate {
                HoldingAggregate::EverCount | HoldingAggregate::DaysSinceLastTaken => {
                    taken(&alone).iter().any(|taken| taken.opened < case.cutoff)
                }
                HoldingAggregate::OpenCount | HoldingAggregate::DistinctHeld => !held(&alone).is_empty(),
                HoldingAggregate::Holds(_) => holdings(&alone, aggregate) == Some(1.0),
            }
        };
        rows.into_iter().map(counts).collect()
    };
    case.schema.holdings.iter().map(of_table).collect()
}

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
        // Values beyond the range of `f32` become its greatest number.
        let value = value.map(|value| value.clamp(f32::MIN, f32::MAX));
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
                Transform::Year => match cell {
                    Some(Cell::Time(time)) if *time < case.cutoff => Some(1970.0 + days(*time) / 365.25),
                    _ => None,
                },
                Transform::Value => code(kind(customer, column), cell),
            }
        }
        Expression::Events { table, rows, aggregate } => events(case, table, rows, aggregate),
        Expression::Holdings(aggregate) => holdings(case, aggregate),
        Expression::Season(part) => {
            let date = time::format(case.cutoff);
            let part_of = |from: usize, to: usize| -> usize { date[from..to].parse().unwrap() };
            let (year, month, day) = (part_of(0, 4), part_of(5, 7), part_of(8, 10));
            Some(match part {
                SeasonPart::Month => month as f64,
                SeasonPart::Quarter => [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4][month - 1].into(),
                SeasonPart::DayOfMonth => day as f64,
                SeasonPart::Weekday => weekday(year, month, day) as f64,
                SeasonPart::DayOfYear => {
                    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                    let february = if is_leap { 29 } else { 28 };
                    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
                    (months[..month - 1].iter().sum::<usize>() + day) as f64
                }
            })
        }
        Expression::Ratio { .. } => panic!("ratios need the other features"),
    }
}

/// From 1 (Monday) to 7 (Sunday), by Zeller's congruence.
fn weekday(year: usize, month: usize, day: usize) -> usize {
    let (year, month) = if month < 3 { (year - 1, month + 12) } else { (year, month) };
    let from_saturday = day + 13 * (month + 1) / 5 + year + year / 4 - year / 100 + year / 400;
    [6, 7, 1, 2, 3, 4, 5][from_saturday % 7]
}

fn events(case: &Case, name: &str, selection: &RowSelection, aggregate: &Aggregate) -> Option<f64> {
    let position = case.schema.tables.iter().position(|table| table.name == name).unwrap();
    let table = &case.schema.tables[position];
    let mut rows: Vec<&Row> = Vec::new();
    for row in in_order(table, &case.tables[position]) {
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
        Aggregate::Mean(column) => mean(&numbers(column)),
        Aggregate::Std(column) => {
            let numbers = numbers(column);
            let mean = mean(&numbers)?;
            let squares: Vec<f64> = numbers.iter().map(|number| (number - mean) * (number - mean)).collect();
            Some((sum(&squares) / numbers.len() as f64).sqrt())
        }
        Aggregate::Min(column) => numbers(column).into_iter().min_by(f64::total_cmp),
        Aggregate::Max(column) => numbers(column).into_iter().max_by(f64::total_cmp),
        Aggregate::Last(column) => Some(by_time(table, column, &rows).last()?.1),
        Aggregate::First(column) => Some(by_time(table, column, &rows).first()?.1),
        Aggregate::Distinct(column) => Some(different(table, column, &rows).len() as f64),
        Aggregate::Entropy(column) => {
            let mut counts: Vec<usize> =
                different(table, column, &rows).into_iter().map(|(_, count)| count).collect();
            counts.sort_unstable();
            let total: usize = counts.iter().sum();
            if total == 0 {
                return None;
            }
            let mut entropy = 0.0;
            for count in counts {
                let share = count as f64 / total as f64;
                entropy -= share * libm::log2(share);
            }
            Some(entropy)
        }
        Aggregate::Share(of) => {
            let passing = rows.iter().filter(|row| passes_all(table, of, row)).count();
            if rows.is_empty() { None } else { Some(passing as f64 / rows.len() as f64) }
        }
        Aggregate::Trend { column, short_days } => {
            let window_days = selection.window_days.unwrap();
            let amount = |rows: &[&Row]| match column {
                None => rows.len() as f64,
                Some(column) => {
                    let number = |row: &&Row| match cell(table, column, row) {
                        Some(Cell::Number(number)) => Some(*number),
                        _ => None,
                    };
                    sum(&rows.iter().filter_map(number).collect::<Vec<_>>())
                }
            };
            let from = case.cutoff - i64::from(*short_days) * 86_400;
            let late: Vec<&Row> =
                rows.iter().copied().filter(|row| row_time(table, row).unwrap() >= from).collect();
            let (short, whole) = (amount(&late), amount(&rows));
            if whole == 0.0 {
                return None;
            }
            Some((short / f64::from(*short_days)) / (whole / f64::from(window_days)))
        }
        Aggregate::DaysUntilNext(column) => {
            let mut dates = Vec::new();
            for row in &rows {
                if let Some(Cell::Time(date)) = cell(table, column, row)
                    && *date >= case.cutoff
                {
                    dates.push(*date);
                }
            }
            Some(days(dates.into_iter().min()? - case.cutoff))
        }
    }
}

/// A table's rows by time, then by their values from the first column on; a missing value comes last.
fn in_order<'r>(table: &Table, rows: &'r [Row]) -> Vec<&'r Row> {
    let value =
        |column: &Column, row: &Row| code(&column.kind, cell(table, &column.name, row)).unwrap_or(f64::NAN);
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| {
        let time = |row: &Row| row_time(table, row).unwrap_or(i64::MAX);
        let by_time = time(a).cmp(&time(b));
        table
            .columns
            .iter()
            .fold(by_time, |order, column| order.then_with(|| value(column, a).total_cmp(&value(column, b))))
    });
    rows
}

/// A number, a time in seconds, or a word's position among the column's words.
fn code(kind: &ColumnKind, cell: Option<&Cell>) -> Option<f64> {
    match (kind, cell?) {
        (_, Cell::Number(number)) => Some(*number),
        (_, Cell::Time(time)) => Some(*time as f64),
        (ColumnKind::Category(words), Cell::Word(word)) => {
            Some(words.iter().position(|other| other == word).unwrap() as f64)
        }
        _ => None,
    }
}

/// Times and values of a column, the earliest first; ties by value.
fn by_time(table: &Table, column: &str, rows: &[&Row]) -> Vec<(i64, f64)> {
    let mut dated = Vec::new();
    for row in rows {
        if let Some(value) = code(kind(table, column), cell(table, column, row)) {
            dated.push((row_time(table, row).unwrap(), value));
        }
    }
    dated.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    dated
}

/// The different values of a column, each with its frequency.
fn different<'r>(table: &Table, column: &str, rows: &[&'r Row]) -> Vec<(&'r Cell, usize)> {
    let mut seen: Vec<(&Cell, usize)> = Vec::new();
    for cell in rows.iter().filter_map(|row| cell(table, column, row)) {
        match seen.iter_mut().find(|(other, _)| *other == cell) {
            Some((_, count)) => *count += 1,
            None => seen.push((cell, 1)),
        }
    }
    seen
}

fn mean(numbers: &[f64]) -> Option<f64> {
    if numbers.is_empty() { None } else { Some(sum(numbers) / numbers.len() as f64) }
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
    passes_all(table, &selection.filter, row)
}

fn passes_all(table: &Table, filter: &RowFilter, row: &Row) -> bool {
    for condition in &filter.conditions {
        if !passes(table, condition, row) {
            return false;
        }
    }
    for group in &filter.exclusions {
        let failed = group.iter().filter(|condition| !passes(table, condition, row)).count();
        if failed == 0 {
            return false;
        }
    }
    true
}

fn passes(table: &Table, condition: &Condition, row: &Row) -> bool {
    match (&condition.test, cell(table, &condition.column, row)) {
        (Test::NotIn(words), Some(Cell::Word(word))) => !words.contains(word),
        (Test::NotIn(_) | Test::Missing(true), None) => true,
        (Test::Missing(false), Some(_)) => true,
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

/// 0, or 1 + the position of the first product taken between the cut-off and the end of the horizon.
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

/// The value in a column; `None` if it is missing or an unknown word.
fn cell<'r>(table: &Table, name: &str, row: &'r Row) -> Option<&'r Cell> {
    let position = table.columns.iter().position(|column| column.name == name).unwrap();
    match (&row[position], kind(table, name)) {
        (Cell::Missing, _) => None,
        (Cell::Word(word), ColumnKind::Category(words)) if !words.contains(word) => None,
        (cell, _) => Some(cell),
    }
}

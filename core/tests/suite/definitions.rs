//! Every feature that can be defined on a schema, up to the numbers in it.

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection,
    SeasonPart, Test, Transform,
};
use nextbest_core::schema::{Column, ColumnKind, SchemaDefinition, Table};
use proptest::prelude::*;

/// The numbers in the definitions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) window_days: u32,
    /// Less than the window; 0 if the window is a single day.
    pub(crate) short_days: u32,
    pub(crate) operand: f64,
    pub(crate) missing: f32,
    /// The distance of a ratio's numerator before its denominator.
    pub(crate) stride: usize,
}

pub(crate) fn numbers() -> impl Strategy<Value = Numbers> {
    let window_days = prop_oneof![4 => 1..10u32, 2 => 10..30_000u32, 1 => Just(u32::MAX)];
    let operand = prop_oneof![3 => (-3..=3i32).prop_map(f64::from), 1 => -1e6..1e6];
    let missing = prop_oneof![Just(0.0), Just(-1.0), -1e3..1e3f32];
    let windows = window_days.prop_flat_map(|days| (Just(days), 0..days));
    (windows, operand, missing, 1..200usize).prop_map(
        |((window_days, short_days), operand, missing, stride)| Numbers {
            window_days,
            short_days,
            operand,
            missing,
            stride,
        },
    )
}

/// Definitions with every expression, aggregate, test and filter on every column that they can read.
pub(crate) fn every_definition(schema: &SchemaDefinition, numbers: &Numbers) -> Vec<FeatureDefinition> {
    let mut expressions = attributes(&schema.customer);
    for table in &schema.tables {
        let holding = schema.holdings.iter().find(|holding| holding.table == table.name);
        let closed = holding.and_then(|holding| holding.closed.as_deref());
        for (number, rows) in selections(table, closed, numbers).into_iter().enumerate() {
            let mut aggregates = aggregates(table, closed, &rows, numbers);
            // Selection and aggregation are independent, so every filter meets only some aggregates.
            if rows.filter != RowFilter::default() {
                let of_all = std::mem::take(&mut aggregates).into_iter().enumerate();
                aggregates.extend(of_all.filter(|(other, _)| (number + other) % 5 == 0).map(|(_, one)| one));
            }
            expressions.extend(aggregates.into_iter().map(|aggregate| Expression::Events {
                table: table.name.clone(),
                rows: Box::new(rows.clone()),
                aggregate,
            }));
        }
    }
    let ids = schema.products.iter().map(|product| HoldingAggregate::Holds(product.id.clone()));
    let others = [
        HoldingAggregate::DistinctHeld,
        HoldingAggregate::OpenCount,
        HoldingAggregate::EverCount,
        HoldingAggregate::DaysSinceLastTaken,
    ];
    expressions.extend(ids.chain(others).map(Expression::Holdings));
    let parts = [
        SeasonPart::Month,
        SeasonPart::Quarter,
        SeasonPart::DayOfMonth,
        SeasonPart::Weekday,
        SeasonPart::DayOfYear,
    ];
    expressions.extend(parts.map(Expression::Season));
    for denominator in numbers.stride..expressions.len() {
        expressions.push(Expression::Ratio {
            numerator: name(denominator - numbers.stride),
            denominator: name(denominator),
        });
    }
    let define = |(position, expression): (usize, Expression)| FeatureDefinition {
        name: name(position),
        group: String::new(),
        label: format!("feature {position}"),
        expression,
        missing: (position % 3 == 0).then_some(numbers.missing),
    };
    expressions.into_iter().enumerate().map(define).collect()
}

fn name(position: usize) -> String {
    format!("f{position}")
}

fn attributes(customer: &Table) -> Vec<Expression> {
    let transforms = |column: &Column| match column.kind {
        ColumnKind::Time => vec![Transform::YearsSince, Transform::DaysSince, Transform::Year],
        _ => vec![Transform::Value],
    };
    let attribute =
        |column: &Column, transform| Expression::Attribute { column: column.name.clone(), transform };
    let columns = customer.columns.iter();
    columns.flat_map(|column| transforms(column).into_iter().map(|made| attribute(column, made))).collect()
}

fn selections(table: &Table, closed: Option<&str>, numbers: &Numbers) -> Vec<RowSelection> {
    let window_days = table.time.as_ref().map(|_| numbers.window_days);
    let mut selections = vec![RowSelection::default()];
    if window_days.is_some() {
        selections.push(RowSelection { window_days, ..RowSelection::default() });
    }
    if closed.is_some() {
        selections.push(RowSelection { open: true, ..RowSelection::default() });
    }
    let conditions = conditions(table, closed, numbers);
    let filtered = |filter| RowSelection { filter, ..RowSelection::default() };
    selections.extend(conditions.iter().map(|condition| filtered(only(condition.clone()))));
    selections.extend(conditions.iter().map(|condition| filtered(without(vec![condition.clone()]))));
    // Everything at once: all must hold, and the groups must not.
    selections.extend(conditions.windows(5).map(|some| RowSelection {
        window_days,
        open: closed.is_some(),
        filter: RowFilter {
            conditions: some[..2].to_vec(),
            exclusions: vec![some[2..4].to_vec(), some[4..].to_vec()],
        },
    }));
    selections
}

fn only(condition: Condition) -> RowFilter {
    RowFilter { conditions: vec![condition], ..RowFilter::default() }
}

fn without(group: Vec<Condition>) -> RowFilter {
    RowFilter { exclusions: vec![group], ..RowFilter::default() }
}

fn conditions(table: &Table, closed: Option<&str>, numbers: &Numbers) -> Vec<Condition> {
    readable(table, closed)
        .flat_map(|column| {
            let name = column.name.clone();
            tests(&column.kind, numbers.operand)
                .into_iter()
                .map(move |test| Condition { column: name.clone(), test })
        })
        .collect()
}

fn readable<'a>(table: &'a Table, closed: Option<&'a str>) -> impl Iterator<Item = &'a Column> {
    table.columns.iter().filter(move |column| Some(column.name.as_str()) != closed)
}

fn tests(kind: &ColumnKind, operand: f64) -> Vec<Test> {
    let mut tests = match kind {
        ColumnKind::Time => Vec::new(),
        ColumnKind::Number => vec![
            Test::Equals(operand),
            Test::Below(operand),
            Test::AtMost(operand),
            Test::Above(operand),
            Test::AtLeast(operand),
        ],
        ColumnKind::Category(words) => {
            let some: Vec<String> =
                words.iter().step_by(2).cloned().chain(["never said".to_owned()]).collect();
            vec![Test::In(some.clone()), Test::NotIn(some), Test::In(Vec::new()), Test::NotIn(Vec::new())]
        }
    };
    tests.extend([Test::Missing(true), Test::Missing(false)]);
    tests
}

fn aggregates(table: &Table, closed: Option<&str>, rows: &RowSelection, numbers: &Numbers) -> Vec<Aggregate> {
    let mut aggregates = vec![Aggregate::Count];
    let is_dated = table.time.is_some();
    let has_trend = rows.window_days.is_some() && numbers.short_days > 0;
    let trend = |column: Option<String>| Aggregate::Trend { column, short_days: numbers.short_days };
    if is_dated {
        aggregates.extend([Aggregate::DaysSinceLast, Aggregate::DaysSinceFirst]);
    }
    aggregates.extend(has_trend.then(|| trend(None)));
    for column in readable(table, closed) {
        let name = || column.name.clone();
        aggregates.extend([Aggregate::Distinct(name()), Aggregate::Entropy(name())]);
        let is_time = column.kind == ColumnKind::Time;
        if is_dated && !is_time {
            aggregates.extend([Aggregate::First(name()), Aggregate::Last(name())]);
        }
        if is_time && table.time.as_ref() != Some(&column.name) {
            aggregates.push(Aggregate::DaysUntilNext(name()));
        }
        if column.kind == ColumnKind::Number {
            aggregates.extend([
                Aggregate::Sum(name()),
                Aggregate::Mean(name()),
                Aggregate::Min(name()),
                Aggregate::Max(name()),
                Aggregate::Std(name()),
            ]);
            aggregates.extend(has_trend.then(|| trend(Some(name()))));
        }
    }
    let conditions = conditions(table, closed, numbers);
    let shares = conditions.chunks(3).map(|some| RowFilter {
        conditions: some[..some.len() / 2].to_vec(),
        exclusions: vec![some[some.len() / 2..].to_vec()],
    });
    aggregates.extend(shares.map(Box::new).map(Aggregate::Share));
    aggregates
}

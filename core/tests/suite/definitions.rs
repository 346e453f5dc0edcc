//! Every feature that can be defined on a schema, but for the numbers in it.

use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowSelection, SeasonPart, Test,
    Transform,
};
use nextbest_core::schema::{Column, ColumnKind, SchemaDefinition, Table};
use proptest::prelude::*;

/// The numbers in the definitions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Numbers {
    pub(crate) window_days: u32,
    pub(crate) operand: f64,
    pub(crate) missing: f32,
    /// The ratios' numerators are this far before their denominators.
    pub(crate) stride: usize,
}

pub(crate) fn numbers() -> impl Strategy<Value = Numbers> {
    let window_days = prop_oneof![4 => 1..10u32, 2 => 10..30_000u32, 1 => Just(u32::MAX)];
    let operand = prop_oneof![3 => (-3..=3i32).prop_map(f64::from), 1 => -1e6..1e6];
    let missing = prop_oneof![Just(0.0), Just(-1.0), -1e3..1e3f32];
    (window_days, operand, missing, 1..200usize).prop_map(|(window_days, operand, missing, stride)| Numbers {
        window_days,
        operand,
        missing,
        stride,
    })
}

/// Definitions with every expression, aggregate, test and selection on every column that they can read.
pub(crate) fn every_definition(schema: &SchemaDefinition, numbers: &Numbers) -> Vec<FeatureDefinition> {
    let mut expressions = attributes(&schema.customer);
    for table in &schema.tables {
        let holding = schema.holdings.iter().find(|holding| holding.table == table.name);
        let closed = holding.and_then(|holding| holding.closed.as_deref());
        for rows in selections(table, closed, numbers) {
            expressions.extend(aggregates(table, closed).into_iter().map(|aggregate| Expression::Events {
                table: table.name.clone(),
                rows: rows.clone(),
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
    expressions.extend([SeasonPart::Month, SeasonPart::Quarter].map(Expression::Season));
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
        ColumnKind::Time => vec![Transform::YearsSince, Transform::DaysSince],
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
    let conditions: Vec<Condition> = table
        .columns
        .iter()
        .filter(|column| Some(column.name.as_str()) != closed)
        .flat_map(|column| {
            let name = column.name.clone();
            tests(&column.kind, numbers.operand)
                .into_iter()
                .map(move |test| Condition { column: name.clone(), test })
        })
        .collect();
    selections.extend(
        conditions
            .iter()
            .map(|condition| RowSelection { conditions: vec![condition.clone()], ..RowSelection::default() }),
    );
    // Everything at once: all must hold.
    selections.extend(conditions.windows(2).map(|pair| RowSelection {
        window_days,
        open: closed.is_some(),
        conditions: pair.to_vec(),
    }));
    selections
}

fn tests(kind: &ColumnKind, operand: f64) -> Vec<Test> {
    match kind {
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
    }
}

fn aggregates(table: &Table, closed: Option<&str>) -> Vec<Aggregate> {
    let mut aggregates = vec![Aggregate::Count];
    if table.time.is_some() {
        aggregates.extend([Aggregate::DaysSinceLast, Aggregate::DaysSinceFirst]);
    }
    for column in table.columns.iter().filter(|column| Some(column.name.as_str()) != closed) {
        let name = || column.name.clone();
        aggregates.push(Aggregate::Distinct(name()));
        if column.kind == ColumnKind::Number {
            aggregates.extend([
                Aggregate::Sum(name()),
                Aggregate::Mean(name()),
                Aggregate::Min(name()),
                Aggregate::Max(name()),
            ]);
            aggregates.extend(table.time.as_ref().map(|_| Aggregate::Last(name())));
        }
    }
    aggregates
}

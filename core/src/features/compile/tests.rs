//! Every contradiction in a definition has its message.

use super::*;
use crate::features::FeatureEngine;
use crate::features::SeasonPart;
use crate::schema::tests::small_schema;

fn feature(name: &str, expression: Expression) -> FeatureDefinition {
    FeatureDefinition { name: name.into(), group: "".into(), label: "".into(), expression, missing: None }
}

/// Compiles features named f0, f1, ….
fn compile(expressions: &[Expression]) -> Result<(), String> {
    let named =
        |(position, expression): (usize, &Expression)| feature(&format!("f{position}"), expression.clone());
    let definitions: Vec<_> = expressions.iter().enumerate().map(named).collect();
    let schema = small_schema();
    let memory = Memory::unlimited();
    let mut compiler = Compiler::new(&schema, &definitions, &memory).unwrap();
    definitions.iter().try_for_each(|definition| compiler.compile(definition).map(drop))
}

fn events(table: &str, rows: RowSelection, aggregate: Aggregate) -> Expression {
    Expression::Events { table: table.into(), rows: Box::new(rows), aggregate }
}

fn attribute(column: &str, transform: Transform) -> Expression {
    Expression::Attribute { column: column.into(), transform }
}

fn ratio(numerator: &str, denominator: &str) -> Expression {
    Expression::Ratio { numerator: numerator.into(), denominator: denominator.into() }
}

fn tested(table: &str, column: &str, test: Test) -> Expression {
    let conditions = vec![condition(column, test)];
    events(table, filtered(RowFilter { conditions, ..RowFilter::default() }), Aggregate::Count)
}

fn condition(column: &str, test: Test) -> Condition {
    Condition { column: column.into(), test }
}

fn filtered(filter: RowFilter) -> RowSelection {
    RowSelection { filter, ..all() }
}

fn without(group: Vec<Condition>) -> RowFilter {
    RowFilter { exclusions: vec![group], ..RowFilter::default() }
}

fn trend(column: Option<&str>, short_days: u32) -> Aggregate {
    Aggregate::Trend { column: column.map(Into::into), short_days }
}

fn all() -> RowSelection {
    RowSelection::default()
}

#[test]
fn contradictions_are_named() {
    let window = |days| RowSelection { window_days: Some(days), ..all() };
    let open = || RowSelection { open: true, ..all() };
    let word = || Test::In(vec!["x".into()]);
    let cases = [
        (attribute("NOPE", Transform::Value), "attribute: table `customer` has no column `NOPE`"),
        (attribute("BORN", Transform::Value), "transform: `BORN` is a date, not a number"),
        (attribute("CITY", Transform::YearsSince), "`CITY` is not a date"),
        (attribute("CITY", Transform::DaysSince), "`CITY` is not a date"),
        (events("nope", all(), Aggregate::Count), "table: there is no event table `nope`"),
        (events("transactions", window(0), Aggregate::Count), "window: 0 days hold no rows"),
        (
            events("transactions", open(), Aggregate::Count),
            "open: table `transactions` does not say when products are given up",
        ),
        (
            events("transactions", all(), Aggregate::Sum("NOPE".into())),
            "column: table `transactions` has no column `NOPE`",
        ),
        (events("transactions", all(), Aggregate::Mean("TYPE".into())), "`TYPE` is not a number"),
        (events("transactions", all(), Aggregate::Std("TYPE".into())), "column: `TYPE` is not a number"),
        (events("transactions", all(), Aggregate::Last("AT".into())), "`AT` is a date, neither a number"),
        (events("transactions", all(), Aggregate::First("AT".into())), "`AT` is a date, neither a number"),
        (events("accounts", all(), Aggregate::Entropy("STATUS".into())), "shows the state of today"),
        (events("accounts", all(), Aggregate::Share(Box::default())), "of: a share needs conditions"),
        (
            events(
                "accounts",
                all(),
                Aggregate::Share(Box::new(without(vec![condition("CLOSED", Test::Missing(true))]))),
            ),
            "perhaps after the cut-off: use `open`",
        ),
        (events("accounts", all(), Aggregate::DaysUntilNext("CLOSED".into())), "use `open`"),
        (events("accounts", all(), Aggregate::DaysUntilNext("OPENED".into())), "is the row's time"),
        (events("accounts", all(), Aggregate::DaysUntilNext("AMOUNT".into())), "`AMOUNT` is not a date"),
        (events("transactions", all(), trend(None, 30)), "window: a trend needs a window"),
        (
            events("transactions", window(30), trend(None, 0)),
            "short: expected 1 day to less than the window of 30",
        ),
        (events("transactions", window(30), trend(None, 30)), "of 30, got 30"),
        (events("transactions", window(30), trend(Some("TYPE"), 7)), "`TYPE` is not a number"),
        (
            events("transactions", filtered(without(vec![])), Aggregate::Count),
            "where: not: without conditions",
        ),
        (
            events("accounts", filtered(without(vec![condition("STATUS", word())])), Aggregate::Count),
            "where: not: `accounts.STATUS` shows the state of today",
        ),
        (
            events("accounts", all(), Aggregate::Distinct("CLOSED".into())),
            "perhaps after the cut-off: use `open`",
        ),
        (events("accounts", all(), Aggregate::Distinct("STATUS".into())), "shows the state of today"),
        (tested("accounts", "STATUS", word()), "where: `accounts.STATUS` shows the state of today"),
        (tested("accounts", "CLOSED", Test::Below(1.0)), "perhaps after the cut-off: use `open`"),
        (tested("transactions", "AMOUNT", word()), "`AMOUNT` is not a category"),
        (tested("transactions", "AT", Test::NotIn(vec![])), "`AT` is not a category"),
        (tested("transactions", "TYPE", Test::Equals(1.0)), "`TYPE` is not a number"),
        (tested("transactions", "AMOUNT", Test::AtMost(f64::NAN)), "can't be compared with NaN"),
        (Expression::Holdings(HoldingAggregate::Holds("X".into())), "holds: there is no product `X`"),
        (ratio("f0", "f0"), "ratio: `f0` is not a feature defined before this one"),
    ];
    for (expression, message) in cases {
        let error = compile(std::slice::from_ref(&expression)).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_table_without_a_time_has_no_windows_and_no_last() {
    let mut definition = crate::schema::tests::small_definition();
    definition.tables[1].time = None;
    let schema = definition.try_into().unwrap();
    let window = RowSelection { window_days: Some(30), ..all() };
    for (expression, message) in [
        (events("transactions", window, Aggregate::Count), "window: it needs a time"),
        (events("transactions", all(), Aggregate::DaysSinceLast), "aggregate: days_since_last needs a time"),
        (
            events("transactions", all(), Aggregate::DaysSinceFirst),
            "aggregate: days_since_first needs a time",
        ),
        (events("transactions", all(), Aggregate::Last("AMOUNT".into())), "aggregate: last needs a time"),
        (events("transactions", all(), Aggregate::First("AMOUNT".into())), "aggregate: first needs a time"),
        (events("transactions", all(), trend(None, 7)), "aggregate: trend needs a time"),
    ] {
        let definitions = [feature("f", expression)];
        let memory = Memory::unlimited();
        let mut compiler = Compiler::new(&schema, &definitions, &memory).unwrap();
        let error = compiler.compile(&definitions[0]).unwrap_err();
        assert!(error.contains(message) && error.contains("`transactions` has no time column"), "{error}");
    }
}

#[test]
fn categories_have_a_first_a_last_and_an_entropy() {
    let of_types =
        |aggregate: fn(String) -> Aggregate| events("transactions", all(), aggregate("TYPE".into()));
    assert_eq!(
        compile(&[of_types(Aggregate::First), of_types(Aggregate::Last), of_types(Aggregate::Entropy)]),
        Ok(())
    );
}

#[test]
fn ratios_read_what_stands_before_them_and_names_are_taken_once() {
    let season = Expression::Season(SeasonPart::Month);
    assert!(compile(&[season.clone(), season.clone(), ratio("f0", "f1"), ratio("f2", "f0")]).is_ok());
    let error = compile(&[season.clone(), ratio("f0", "f2"), season]).unwrap_err();
    assert!(error.contains("`f2` is not a feature defined before this one"), "{error}");
    let schema = small_schema();
    let month = || Expression::Season(SeasonPart::Month);
    for taken in ["a", ""] {
        let definitions = [feature("a", month()), feature(taken, month())];
        let memory = Memory::unlimited();
        let mut compiler = Compiler::new(&schema, &definitions, &memory).unwrap();
        assert!(compiler.compile(&definitions[0]).is_ok());
        assert!(compiler.compile(&definitions[1]).unwrap_err().contains("empty or taken"));
    }
    let long = "a".repeat(MAX_NAME + 1);
    let error = FeatureEngine::new(&schema, &[feature(&long, month())]).unwrap_err().to_string();
    assert!(error.contains("1025 bytes") && error.len() < 1200, "{error}");
}

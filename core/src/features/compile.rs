//! Compiles feature definitions: every name resolved to a position, every contradiction a message about one feature.

use std::collections::BTreeMap;

use super::aggregate::{RowAggregate, RowTrend};
use super::engine::{Comparison, Filter, Formula, Predicate, Selection};
use super::spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection, Test,
    Transform,
};
use crate::schema::{Column, ColumnKind, Schema, Table};
use crate::time::DAY;

/// Resolves names; its errors are words about one definition.
///
/// Definitions may come from a hostile bundle, so nothing here takes longer than its length warrants: names and words
/// are looked up, not searched for.
pub(super) struct Compiler<'a> {
    schema: &'a Schema,
    /// The positions of the definitions compiled so far, by name.
    earlier: BTreeMap<&'a str, usize>,
    /// The codes of the words of the categories met so far, by table and column.
    words: BTreeMap<(usize, usize), BTreeMap<&'a str, usize>>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self { schema, earlier: BTreeMap::new(), words: BTreeMap::new() }
    }

    /// Compiles the next definition.
    pub(super) fn compile(&mut self, definition: &'a FeatureDefinition) -> Result<Formula, String> {
        if definition.name.is_empty() || self.earlier.contains_key(definition.name.as_str()) {
            return Err("its name is empty or taken by an earlier feature".into());
        }
        let formula = self.formula(definition)?;
        self.earlier.insert(&definition.name, self.earlier.len());
        Ok(formula)
    }

    fn formula(&mut self, definition: &FeatureDefinition) -> Result<Formula, String> {
        match &definition.expression {
            Expression::Attribute { column, transform } => {
                let table = self.schema.customer();
                let (position, declared) = find_column(&table.name, &table.columns, column)?;
                let is_time = declared.kind == ColumnKind::Time;
                match transform {
                    Transform::Value if is_time => Err(format!(
                        "`{column}` is a date, which is no number: use years_since or days_since"
                    )),
                    Transform::YearsSince | Transform::DaysSince if !is_time => {
                        Err(format!("`{column}` is not a date"))
                    }
                    _ => Ok(Formula::Attribute { column: position, transform: *transform }),
                }
            }
            Expression::Events { table, rows, aggregate } => self.compile_events(table, rows, aggregate),
            Expression::Holdings(HoldingAggregate::Holds(id)) => {
                let products = self.schema.products();
                let position = products.iter().position(|product| &product.id == id);
                Ok(Formula::Holds(position.ok_or_else(|| format!("there is no product `{id}`"))?))
            }
            Expression::Holdings(aggregate) => Ok(Formula::Holdings(aggregate.clone())),
            Expression::Ratio { numerator, denominator } => {
                let find = |name: &str| {
                    let position = self.earlier.get(name).copied();
                    position.ok_or_else(|| format!("`{name}` is not a feature defined before this one"))
                };
                Ok(Formula::Ratio { numerator: find(numerator)?, denominator: find(denominator)? })
            }
            Expression::Season(part) => Ok(Formula::Season(*part)),
        }
    }

    fn compile_events(
        &mut self,
        name: &str,
        rows: &RowSelection,
        aggregate: &Aggregate,
    ) -> Result<Formula, String> {
        let tables = self.schema.tables();
        let position = tables.iter().position(|table| table.name == name);
        let (position, table) = position
            .and_then(|position| Some((position, tables.get(position)?)))
            .ok_or_else(|| format!("there is no event table `{name}`"))?;
        let source = Source {
            table,
            position,
            time: self.schema.time_column(position),
            closed: self.schema.closed_column(position),
        };
        let window = match rows.window_days {
            Some(0) => return Err("a window of 0 days holds no rows".into()),
            Some(days) => {
                source.dated("a window")?;
                Some((i64::from(days) * DAY) as f64)
            }
            None => None,
        };
        let open_until = match rows.open {
            true => Some(source.closed.ok_or_else(|| {
                format!("table `{name}` does not say when products are given up, so `open` has no meaning")
            })?),
            false => None,
        };
        let filters = self.filters(&source, &rows.filter)?;
        let aggregate = self.aggregate(&source, aggregate, rows.window_days)?;
        let selection = Selection { time: source.time, window, open_until, filters };
        Ok(Formula::Events { table: position, selection, aggregate })
    }

    fn filters(&mut self, source: &Source<'a>, filter: &RowFilter) -> Result<Vec<Filter>, String> {
        let mut filters = Vec::new();
        for condition in &filter.conditions {
            filters.push(Filter::Holds(self.comparison(source, condition)?));
        }
        for group in &filter.exclusions {
            if group.is_empty() {
                return Err("a `not` of no conditions leaves no row".into());
            }
            let all = group.iter().map(|condition| self.comparison(source, condition));
            filters.push(Filter::Not(all.collect::<Result<_, _>>()?));
        }
        Ok(filters)
    }

    fn comparison(&mut self, source: &Source<'a>, condition: &Condition) -> Result<Comparison, String> {
        let (column, declared) = source.readable(&condition.column)?;
        let codes = self.words.entry((source.position, column)).or_insert_with(|| codes(declared));
        Ok(Comparison { column, predicate: compile_test(condition, declared, codes)? })
    }

    fn aggregate(
        &mut self,
        source: &Source<'a>,
        aggregate: &Aggregate,
        window_days: Option<u32>,
    ) -> Result<RowAggregate, String> {
        Ok(match aggregate {
            Aggregate::Count => RowAggregate::Count,
            Aggregate::DaysSinceLast => {
                RowAggregate::DaysSinceLast { time: source.dated("days_since_last")? }
            }
            Aggregate::DaysSinceFirst => {
                RowAggregate::DaysSinceFirst { time: source.dated("days_since_first")? }
            }
            Aggregate::Sum(column) => RowAggregate::Sum(source.number(column)?),
            Aggregate::Mean(column) => RowAggregate::Mean(source.number(column)?),
            Aggregate::Min(column) => RowAggregate::Min(source.number(column)?),
            Aggregate::Max(column) => RowAggregate::Max(source.number(column)?),
            Aggregate::Last(column) => {
                RowAggregate::Last { column: source.value(column)?, time: source.dated("last")? }
            }
            Aggregate::Distinct(column) => RowAggregate::Distinct(source.readable(column)?.0),
            Aggregate::Std(column) => RowAggregate::Std(source.number(column)?),
            Aggregate::First(column) => {
                RowAggregate::First { column: source.value(column)?, time: source.dated("first")? }
            }
            Aggregate::Entropy(column) => RowAggregate::Entropy(source.readable(column)?.0),
            Aggregate::Share(of) => {
                if of.conditions.is_empty() && of.exclusions.is_empty() {
                    return Err("a share needs conditions (`of`), else it is 1".into());
                }
                RowAggregate::Share(self.filters(source, of)?)
            }
            Aggregate::Trend { column, short_days } => {
                let time = source.dated("a trend")?;
                let window = window_days.ok_or("a trend needs a `window` beside the `short` one")?;
                if !(1..window).contains(short_days) {
                    return Err(format!(
                        "the short window of a trend is from 1 day to less than its window of {window}, not {short_days}"
                    ));
                }
                RowAggregate::Trend(RowTrend {
                    column: column.as_deref().map(|column| source.number(column)).transpose()?,
                    time,
                    short_days: f64::from(*short_days),
                    window_days: f64::from(window),
                })
            }
            Aggregate::DaysUntilNext(column) => {
                let (position, declared) = source.readable(column)?;
                if declared.kind != ColumnKind::Time {
                    return Err(format!("`{column}` is not a date"));
                }
                if Some(position) == source.time {
                    return Err(format!("`{column}` is the row's time, which is never after the cut-off"));
                }
                RowAggregate::DaysUntilNext(position)
            }
        })
    }
}

/// An event table and what may be read of it.
struct Source<'a> {
    table: &'a Table,
    position: usize,
    time: Option<usize>,
    closed: Option<usize>,
}

impl<'a> Source<'a> {
    /// The time column, for something that needs one.
    fn dated(&self, what: &str) -> Result<usize, String> {
        let table = &self.table.name;
        self.time.ok_or_else(|| format!("{what} needs a time, and table `{table}` has no time column"))
    }

    fn readable(&self, column: &str) -> Result<(usize, &'a Column), String> {
        let (position, declared) = find_column(&self.table.name, &self.table.columns, column)?;
        match Some(position) == self.closed {
            true => Err(format!(
                "`{column}` says when a product is given up, perhaps after the cut-off: use `open`"
            )),
            false => Ok((position, declared)),
        }
    }

    fn number(&self, column: &str) -> Result<usize, String> {
        match self.readable(column)? {
            (position, Column { kind: ColumnKind::Number, .. }) => Ok(position),
            _ => Err(format!("`{column}` is not a number")),
        }
    }

    /// A number or a category.
    fn value(&self, column: &str) -> Result<usize, String> {
        match self.readable(column)? {
            (_, Column { kind: ColumnKind::Time, .. }) => {
                Err(format!("`{column}` is a date, neither a number nor a category"))
            }
            (position, _) => Ok(position),
        }
    }
}

/// The code of each word of a category; none for another column.
fn codes(column: &Column) -> BTreeMap<&str, usize> {
    match &column.kind {
        // A word that stands there twice has the code of its first place, so the first comes last.
        ColumnKind::Category(words) => {
            words.iter().enumerate().rev().map(|(code, word)| (word.as_str(), code)).collect()
        }
        _ => BTreeMap::new(),
    }
}

fn compile_test(
    condition: &Condition,
    column: &Column,
    known: &BTreeMap<&str, usize>,
) -> Result<Predicate, String> {
    let name = &condition.column;
    let codes = |words: &[String]| match &column.kind {
        ColumnKind::Category(_) => {
            // A word that the data never had matches no row; that is an answer, not an error.
            let codes = words.iter().filter_map(|word| known.get(word.as_str()));
            Ok(codes.map(|code| *code as f64).collect())
        }
        _ => Err(format!("`{name}` is not a category, so it can't be one of some words")),
    };
    let number = |number: f64| match &column.kind {
        ColumnKind::Number if number.is_finite() => Ok(number),
        ColumnKind::Number => Err(format!("`{name}` is compared with something that is no number")),
        _ => Err(format!("`{name}` is not a number, so it can't be compared with one")),
    };
    Ok(match &condition.test {
        Test::In(words) => Predicate::Codes { codes: codes(words)?, inside: true },
        Test::NotIn(words) => Predicate::Codes { codes: codes(words)?, inside: false },
        Test::Equals(value) => Predicate::Equals(number(*value)?),
        Test::Below(value) => Predicate::Below(number(*value)?),
        Test::AtMost(value) => Predicate::AtMost(number(*value)?),
        Test::Above(value) => Predicate::Above(number(*value)?),
        Test::AtLeast(value) => Predicate::AtLeast(number(*value)?),
        Test::Missing(missing) => Predicate::Missing(*missing),
    })
}

fn find_column<'c>(table: &str, columns: &'c [Column], name: &str) -> Result<(usize, &'c Column), String> {
    let found = columns.iter().enumerate().find(|(_, column)| column.name == name);
    let (position, column) = found.ok_or_else(|| format!("table `{table}` has no column `{name}`"))?;
    if column.current {
        return Err(format!(
            "`{table}.{name}` shows the state of today, which was not known at past cut-offs"
        ));
    }
    Ok((position, column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::SeasonPart;
    use crate::schema::tests::small_schema;

    fn feature(name: &str, expression: Expression) -> FeatureDefinition {
        FeatureDefinition { name: name.into(), group: "".into(), label: "".into(), expression, missing: None }
    }

    /// Compiles features named f0, f1, …
    fn compile(expressions: &[Expression]) -> Result<(), String> {
        let named = |(position, expression): (usize, &Expression)| {
            feature(&format!("f{position}"), expression.clone())
        };
        let definitions: Vec<_> = expressions.iter().enumerate().map(named).collect();
        let schema = small_schema();
        let mut compiler = Compiler::new(&schema);
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
            (attribute("NOPE", Transform::Value), "table `customer` has no column `NOPE`"),
            (attribute("BORN", Transform::Value), "`BORN` is a date, which is no number"),
            (attribute("CITY", Transform::YearsSince), "`CITY` is not a date"),
            (attribute("CITY", Transform::DaysSince), "`CITY` is not a date"),
            (events("nope", all(), Aggregate::Count), "there is no event table `nope`"),
            (events("transactions", window(0), Aggregate::Count), "a window of 0 days holds no rows"),
            (events("transactions", open(), Aggregate::Count), "does not say when products are given up"),
            (events("transactions", all(), Aggregate::Sum("NOPE".into())), "has no column `NOPE`"),
            (events("transactions", all(), Aggregate::Mean("TYPE".into())), "`TYPE` is not a number"),
            (events("transactions", all(), Aggregate::Std("TYPE".into())), "`TYPE` is not a number"),
            (events("transactions", all(), Aggregate::Last("AT".into())), "`AT` is a date, neither a number"),
            (
                events("transactions", all(), Aggregate::First("AT".into())),
                "`AT` is a date, neither a number",
            ),
            (events("accounts", all(), Aggregate::Entropy("STATUS".into())), "shows the state of today"),
            (events("accounts", all(), Aggregate::Share(Box::default())), "a share needs conditions (`of`)"),
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
            (events("transactions", all(), trend(None, 30)), "a trend needs a `window`"),
            (events("transactions", window(30), trend(None, 0)), "from 1 day to less than its window of 30"),
            (events("transactions", window(30), trend(None, 30)), "of 30, not 30"),
            (events("transactions", window(30), trend(Some("TYPE"), 7)), "`TYPE` is not a number"),
            (events("transactions", filtered(without(vec![])), Aggregate::Count), "leaves no row"),
            (
                events("accounts", filtered(without(vec![condition("STATUS", word())])), Aggregate::Count),
                "shows the state of today",
            ),
            (
                events("accounts", all(), Aggregate::Distinct("CLOSED".into())),
                "perhaps after the cut-off: use `open`",
            ),
            (events("accounts", all(), Aggregate::Distinct("STATUS".into())), "shows the state of today"),
            (tested("accounts", "STATUS", word()), "shows the state of today"),
            (tested("accounts", "CLOSED", Test::Below(1.0)), "perhaps after the cut-off: use `open`"),
            (tested("transactions", "AMOUNT", word()), "`AMOUNT` is not a category"),
            (tested("transactions", "AT", Test::NotIn(vec![])), "`AT` is not a category"),
            (tested("transactions", "TYPE", Test::Equals(1.0)), "`TYPE` is not a number"),
            (
                tested("transactions", "AMOUNT", Test::AtMost(f64::NAN)),
                "compared with something that is no number",
            ),
            (Expression::Holdings(HoldingAggregate::Holds("X".into())), "there is no product `X`"),
            (ratio("f0", "f0"), "`f0` is not a feature defined before this one"),
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
            (events("transactions", window, Aggregate::Count), "a window needs a time"),
            (events("transactions", all(), Aggregate::DaysSinceLast), "days_since_last needs a time"),
            (events("transactions", all(), Aggregate::DaysSinceFirst), "days_since_first needs a time"),
            (events("transactions", all(), Aggregate::Last("AMOUNT".into())), "last needs a time"),
            (events("transactions", all(), Aggregate::First("AMOUNT".into())), "first needs a time"),
            (events("transactions", all(), trend(None, 7)), "a trend needs a time"),
        ] {
            let error = Compiler::new(&schema).compile(&feature("f", expression)).unwrap_err();
            assert!(
                error.contains(message) && error.contains("`transactions` has no time column"),
                "{error}"
            );
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
        let (named, unnamed) = (feature("a", month()), feature("", month()));
        let mut compiler = Compiler::new(&schema);
        assert!(compiler.compile(&named).is_ok());
        for refused in [&named, &unnamed] {
            assert!(compiler.compile(refused).unwrap_err().contains("empty or taken"));
        }
    }
}

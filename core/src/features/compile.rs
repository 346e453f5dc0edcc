//! Compiles feature definitions: every name resolved to a position, every contradiction a message about one feature.

use std::collections::BTreeMap;

use super::engine::{Filter, Formula, Predicate, RowAggregate, Selection};
use super::spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowSelection, Test, Transform,
};
use crate::schema::{Column, ColumnKind, Schema};
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
        let time = self.schema.time_column(position);
        let dated = |what: &str| {
            time.ok_or_else(|| format!("{what} needs a time, and table `{name}` has no time column"))
        };
        let window = match rows.window_days {
            Some(0) => return Err("a window of 0 days holds no rows".into()),
            Some(days) => {
                dated("a window")?;
                Some((i64::from(days) * DAY) as f64)
            }
            None => None,
        };
        let closed = self.schema.closed_column(position);
        let open_until = match rows.open {
            true => Some(closed.ok_or_else(|| {
                format!("table `{name}` does not say when products are given up, so `open` has no meaning")
            })?),
            false => None,
        };
        let readable = |column: &str| {
            let (position, declared) = find_column(name, &table.columns, column)?;
            match Some(position) == closed {
                true => Err(format!(
                    "`{column}` says when a product is given up, perhaps after the cut-off: use `open`"
                )),
                false => Ok((position, declared)),
            }
        };
        let filters = rows
            .conditions
            .iter()
            .map(|condition| {
                let (column, declared) = readable(&condition.column)?;
                let codes = self.words.entry((position, column)).or_insert_with(|| codes(declared));
                Ok(Filter { column, predicate: compile_test(condition, declared, codes)? })
            })
            .collect::<Result<Vec<_>, String>>()?;
        let column = |wants_number: bool| {
            let name = aggregate.column().unwrap_or_default();
            let (position, declared) = readable(name)?;
            match declared.kind {
                ColumnKind::Number => Ok(position),
                _ if !wants_number => Ok(position),
                _ => Err(format!("`{name}` is not a number")),
            }
        };
        let aggregate = match aggregate {
            Aggregate::Count => RowAggregate::Count,
            Aggregate::DaysSinceLast => RowAggregate::DaysSinceLast { time: dated("days_since_last")? },
            Aggregate::DaysSinceFirst => RowAggregate::DaysSinceFirst { time: dated("days_since_first")? },
            Aggregate::Sum(_) => RowAggregate::Sum(column(true)?),
            Aggregate::Mean(_) => RowAggregate::Mean(column(true)?),
            Aggregate::Min(_) => RowAggregate::Min(column(true)?),
            Aggregate::Max(_) => RowAggregate::Max(column(true)?),
            Aggregate::Last(_) => RowAggregate::Last { column: column(true)?, time: dated("last")? },
            Aggregate::Distinct(_) => RowAggregate::Distinct(column(false)?),
        };
        let selection = Selection { time, window, open_until, filters };
        Ok(Formula::Events { table: position, selection, aggregate })
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

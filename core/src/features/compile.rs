//! Compiles feature definitions: resolves every name to a position and reports every contradiction as a
//! message about one feature.

use super::aggregate::{RowAggregate, RowTrend};
use super::engine::{Comparison, Events, Filter, Formula, Predicate, Selection};
use super::spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection, Test,
    Transform,
};
use crate::customers::words;
use crate::decode::memory::{Memory, TooMuch};
use crate::names::{MAX_NAME, Names, shown};
use crate::schema::{Column, ColumnKind, Schema, Table};
use crate::time::DAY;

/// Resolves names. Its errors are messages about one definition, each prefixed with the key of the config.
///
/// Definitions may come from a hostile bundle, so compiling takes time in proportion to their length: names
/// and words are looked up in an index. All memory is taken from the budget first.
pub(super) struct Compiler<'a> {
    schema: &'a Schema,
    memory: &'a Memory,
    /// The positions of the definitions, by name.
    names: Names<'a, FeatureDefinition>,
    /// How many of the definitions are compiled.
    compiled: usize,
    /// The words' codes of the categories met so far, by table and column.
    words: Vec<Vec<Option<Words<'a>>>>,
}

/// The words of a category; a word that occurs twice has the code of its first occurrence.
type Words<'a> = Names<'a, String>;

impl<'a> Compiler<'a> {
    pub(super) fn new(
        schema: &'a Schema,
        definitions: &'a [FeatureDefinition],
        memory: &'a Memory,
    ) -> Result<Self, TooMuch> {
        let tables = schema.tables();
        memory.take::<u32>(definitions.len())?;
        memory.take::<Vec<Option<Words<'a>>>>(tables.len())?;
        memory.take::<Option<Words<'a>>>(tables.iter().map(|table| table.columns.len()).sum())?;
        let names = Names::new(definitions, |definition| &definition.name);
        let words = tables.iter().map(|table| table.columns.iter().map(|_| None).collect()).collect();
        Ok(Self { schema, memory, names, compiled: 0, words })
    }

    /// Gives back the memory that compiling took in addition to its results.
    pub(super) fn give_back(self) {
        let columns = || self.words.iter().flatten();
        self.memory.give_back::<u32>(columns().flatten().map(Names::len).sum());
        self.memory.give_back::<Option<Words<'a>>>(columns().count());
        self.memory.give_back::<Vec<Option<Words<'a>>>>(self.words.len());
        self.memory.give_back::<u32>(self.names.len());
    }

    /// Compiles the next definition.
    pub(super) fn compile(&mut self, definition: &FeatureDefinition) -> Result<Formula, String> {
        let name = &definition.name;
        if name.is_empty() || self.names.find(name) != Some(self.compiled) {
            return Err("name: it is empty or taken by an earlier feature".into());
        }
        if name.len() > MAX_NAME {
            return Err(format!("name: it has {} bytes, more than {MAX_NAME}", name.len()));
        }
        let formula = self.formula(definition)?;
        self.compiled += 1;
        Ok(formula)
    }

    fn formula(&mut self, definition: &FeatureDefinition) -> Result<Formula, String> {
        match &definition.expression {
            Expression::Attribute { column, transform } => {
                let table = self.schema.customer();
                let found = find_column(&table.name, &table.columns, column);
                let (position, declared) = found.map_err(of_key("attribute"))?;
                if self.schema.label() == Some(position) {
                    return Err(format!("attribute: `{column}` is what is predicted"));
                }
                let is_time = declared.kind == ColumnKind::Time;
                match transform {
                    Transform::Value if is_time => Err(format!(
                        "transform: `{column}` is a date, not a number: use years_since, days_since or year"
                    )),
                    Transform::YearsSince | Transform::DaysSince | Transform::Year if !is_time => {
                        Err(format!("transform: `{column}` is not a date"))
                    }
                    _ => Ok(Formula::Attribute { column: position, transform: *transform }),
                }
            }
            Expression::Events { table, rows, aggregate } => self.compile_events(table, rows, aggregate),
            Expression::Holdings(HoldingAggregate::Holds(id)) => {
                let products = self.schema.products();
                let position = products.iter().position(|product| &product.id == id);
                let position = position.ok_or_else(|| format!("holds: there is no product `{}`", shown(id)));
                Ok(Formula::Holds(position?))
            }
            Expression::Holdings(aggregate) => Ok(Formula::Holdings(aggregate.clone())),
            Expression::Ratio { numerator, denominator } => {
                let find = |name: &str| {
                    let position = self.names.find(name).filter(|position| *position < self.compiled);
                    position.ok_or_else(|| {
                        format!("ratio: `{}` is not a feature defined before this one", shown(name))
                    })
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
            .ok_or_else(|| format!("table: there is no event table `{}`", shown(name)))?;
        let source = Source {
            table,
            position,
            time: self.schema.time_column(position),
            closed: self.schema.closed_column(position),
        };
        let window = match rows.window_days {
            Some(0) => return Err("window: 0 days hold no rows".into()),
            Some(days) => {
                source.dated("window: it")?;
                Some((i64::from(days) * DAY) as f64)
            }
            None => None,
        };
        let open_until =
            match rows.open {
                true => Some(source.closed.ok_or_else(|| {
                    format!("open: table `{name}` does not say when products are given up")
                })?),
                false => None,
            };
        let filters = self.filters(&source, &rows.filter).map_err(of_key("where"))?;
        let aggregate = self.aggregate(&source, aggregate, rows.window_days)?;
        let selection = Selection { time: source.time, window, open_until, filters };
        self.memory.take::<Events>(1)?;
        Ok(Formula::Events(Box::new(Events { table: position, selection, aggregate })))
    }

    fn filters(&mut self, source: &Source<'a>, filter: &RowFilter) -> Result<Vec<Filter>, String> {
        let count = filter.conditions.len() + filter.exclusions.len();
        self.memory.take::<Filter>(count)?;
        let mut filters = Vec::with_capacity(count);
        for condition in &filter.conditions {
            filters.push(Filter::Holds(self.comparison(source, condition)?));
        }
        for group in &filter.exclusions {
            if group.is_empty() {
                return Err("not: without conditions it excludes every row".into());
            }
            self.memory.take::<Comparison>(group.len())?;
            let mut all = Vec::with_capacity(group.len());
            for condition in group {
                all.push(self.comparison(source, condition).map_err(of_key("not"))?);
            }
            filters.push(Filter::Not(all));
        }
        Ok(filters)
    }

    fn comparison(&mut self, source: &Source<'a>, condition: &Condition) -> Result<Comparison, String> {
        let (column, declared) = source.readable(&condition.column)?;
        let known = self.words.get_mut(source.position).and_then(|columns| columns.get_mut(column));
        if let (Some(known @ None), ColumnKind::Category(words)) = (known, &declared.kind) {
            self.memory.take::<u32>(words.len())?;
            *known = Some(Names::new(words, String::as_str));
        }
        Ok(Comparison { column, predicate: self.test(source.position, column, declared, condition)? })
    }

    fn test(
        &self,
        table: usize,
        position: usize,
        column: &Column,
        condition: &Condition,
    ) -> Result<Predicate, String> {
        let name = &condition.column;
        let codes = |words: &[String]| {
            let known = self.words.get(table).and_then(|columns| columns.get(position)?.as_ref());
            let known = known
                .ok_or_else(|| format!("`{name}` is not a category, so it can't be compared with words"))?;
            // A word that the data never had matches no row; that is a valid answer, not an error.
            let spelt =
                |word: &String| words::spellings(word).into_iter().filter_map(|word| known.find(&word));
            let codes_of = |word: &String| match known.find(word) {
                Some(code) => vec![code as f64],
                None => spelt(word).map(|code| code as f64).collect(),
            };
            let count = words.iter().map(|word| codes_of(word).len()).sum();
            self.memory.take::<f64>(count)?;
            let mut codes = Vec::with_capacity(count);
            codes.extend(words.iter().flat_map(codes_of));
            Ok::<_, String>(codes)
        };
        let number = |number: f64| match &column.kind {
            ColumnKind::Number if number.is_finite() => Ok(number),
            ColumnKind::Number => Err(format!("`{name}` can't be compared with NaN")),
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

    fn aggregate(
        &mut self,
        source: &Source<'a>,
        aggregate: &Aggregate,
        window_days: Option<u32>,
    ) -> Result<RowAggregate, String> {
        Ok(match aggregate {
            Aggregate::Count => RowAggregate::Count,
            Aggregate::DaysSinceLast => {
                RowAggregate::DaysSinceLast { time: source.dated("aggregate: days_since_last")? }
            }
            Aggregate::DaysSinceFirst => {
                RowAggregate::DaysSinceFirst { time: source.dated("aggregate: days_since_first")? }
            }
            Aggregate::Sum(column) => RowAggregate::Sum(source.number(column)?),
            Aggregate::Mean(column) => RowAggregate::Mean(source.number(column)?),
            Aggregate::Min(column) => RowAggregate::Min(source.number(column)?),
            Aggregate::Max(column) => RowAggregate::Max(source.number(column)?),
            Aggregate::Last(column) => {
                RowAggregate::Last { column: source.value(column)?, time: source.dated("aggregate: last")? }
            }
            Aggregate::Distinct(column) => RowAggregate::Distinct(source.any(column)?.0),
            Aggregate::Std(column) => RowAggregate::Std(source.number(column)?),
            Aggregate::First(column) => {
                RowAggregate::First { column: source.value(column)?, time: source.dated("aggregate: first")? }
            }
            Aggregate::Entropy(column) => RowAggregate::Entropy(source.any(column)?.0),
            Aggregate::Share(of) => {
                if of.conditions.is_empty() && of.exclusions.is_empty() {
                    return Err("of: a share needs conditions, else it is 1".into());
                }
                RowAggregate::Share(self.filters(source, of).map_err(of_key("of"))?)
            }
            Aggregate::Trend { column, short_days } => {
                let time = source.dated("aggregate: trend")?;
                let window = window_days.ok_or("window: a trend needs a window besides the short one")?;
                if !(1..window).contains(short_days) {
                    return Err(format!(
                        "short: expected 1 day to less than the window of {window}, got {short_days}"
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
                let (position, declared) = source.any(column)?;
                if declared.kind != ColumnKind::Time {
                    return Err(format!("column: `{column}` is not a date"));
                }
                if Some(position) == source.time {
                    return Err(format!(
                        "column: `{column}` is the row's time, which is never after the cut-off"
                    ));
                }
                RowAggregate::DaysUntilNext(position)
            }
        })
    }
}

/// An event table, and the columns of it that may be read.
struct Source<'a> {
    table: &'a Table,
    position: usize,
    time: Option<usize>,
    closed: Option<usize>,
}

impl<'a> Source<'a> {
    /// The time column, for an aggregate that needs one.
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

    /// The column that is aggregated, of any kind.
    fn any(&self, column: &str) -> Result<(usize, &'a Column), String> {
        self.readable(column).map_err(of_key("column"))
    }

    fn number(&self, column: &str) -> Result<usize, String> {
        match self.any(column)? {
            (position, Column { kind: ColumnKind::Number, .. }) => Ok(position),
            _ => Err(format!("column: `{column}` is not a number")),
        }
    }

    /// A column of numbers or categories.
    fn value(&self, column: &str) -> Result<usize, String> {
        match self.any(column)? {
            (_, Column { kind: ColumnKind::Time, .. }) => {
                Err(format!("column: `{column}` is a date, neither a number nor a category"))
            }
            (position, _) => Ok(position),
        }
    }
}

/// Prefixes a message with the key of the config.
fn of_key(key: &str) -> impl Fn(String) -> String {
    move |message| format!("{key}: {message}")
}

fn find_column<'c>(table: &str, columns: &'c [Column], name: &str) -> Result<(usize, &'c Column), String> {
    let found = columns.iter().enumerate().find(|(_, column)| column.name == name);
    let (position, column) =
        found.ok_or_else(|| format!("table `{table}` has no column `{}`", shown(name)))?;
    if column.current {
        return Err(format!(
            "`{table}.{name}` shows the state of today, which was not known at past cut-offs"
        ));
    }
    Ok((position, column))
}

#[cfg(test)]
mod tests;

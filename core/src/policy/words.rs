//! The words that rules test. A bundle must know them all: otherwise an answer that the policy names would
//! read as unknown.

use std::collections::{BTreeMap, BTreeSet};

use super::{MeasureTest, PolicyDefinition};
use crate::customers::words;
use crate::features::{Aggregate, Expression, FeatureDefinition, RowFilter, Test, Transform};
use crate::names::shown;
use crate::schema::{ColumnKind, Schema};

/// Columns whose words are tested, with the words; keyed by event table (`None` for the customer's own row)
/// and column.
pub type Words<'p> = BTreeMap<(Option<&'p str>, &'p str), BTreeSet<&'p str>>;

impl PolicyDefinition {
    /// The words that the rules name, by column. Some of the columns may not be categories.
    pub fn words(&self) -> Words<'_> {
        let mut words = Words::new();
        for measure in &self.measures {
            if let Some(column) = told_by(measure) {
                words.entry(column).or_default();
            }
            if let Expression::Events { table, rows, aggregate } = &measure.expression {
                let share = match aggregate {
                    Aggregate::Share(of) => Some(&**of),
                    _ => None,
                };
                for filter in share.into_iter().chain([&rows.filter]) {
                    add(&mut words, table, filter);
                }
            }
        }
        for MeasureTest { measure, test, .. } in self.conditions() {
            let column = self.measures.get(usize::from(*measure)).and_then(told_by);
            if let (Some(column), Test::In(asked) | Test::NotIn(asked)) = (column, test) {
                words.entry(column).or_default().extend(asked.iter().map(String::as_str));
            }
        }
        words
    }

    /// Checks that a schema has all words that the rules name.
    ///
    /// # Errors
    /// Names the first word that is missing, and its column.
    pub fn check_words(&self, schema: &Schema) -> Result<(), String> {
        for ((table, column), asked) in self.words() {
            let declared = match table {
                None => Some(schema.customer()),
                Some(name) => schema.tables().iter().find(|table| table.name == name),
            };
            let declared = declared.and_then(|table| table.columns.iter().find(|other| other.name == column));
            let Some(ColumnKind::Category(known)) = declared.map(|column| &column.kind) else { continue };
            if let Some(word) = asked.iter().find(|word| words::position(known, word).is_none()) {
                let of = table.map_or("the customer".to_owned(), |table| format!("table `{table}`"));
                return Err(format!("the bundle does not know the word `{word}` of `{column}` of {of}"));
            }
        }
        Ok(())
    }

    /// Checks that tests of words are on categories and tests of numbers on numbers, for a schema on which
    /// the measures can be computed.
    pub(super) fn check_kinds(&self, schema: &Schema) -> Result<(), String> {
        let are_words: Vec<bool> =
            self.measures.iter().map(|measure| measure.words(schema).is_some()).collect();
        for MeasureTest { measure, test, .. } in self.conditions() {
            let position = usize::from(*measure);
            let (Some(measure), Some(are_words)) = (self.measures.get(position), are_words.get(position))
            else {
                return Err("the policy tests a measure that does not exist".into());
            };
            let asks_for_words = match test {
                Test::Missing(_) => continue,
                Test::In(_) | Test::NotIn(_) => true,
                _ => false,
            };
            if asks_for_words != *are_words {
                let (is, asked) = if *are_words { ("a word", "a number") } else { ("a number", "a word") };
                let what = measure.expression.to_string();
                return Err(format!("{} is {is}, so it can't be compared with {asked}", shown(&what)));
            }
        }
        Ok(())
    }

    /// The conditions of all gates and weights.
    fn conditions(&self) -> impl Iterator<Item = &MeasureTest> {
        let weights = self.weights.iter().filter_map(|weight| weight.condition.as_ref());
        self.gates.iter().map(|gate| &gate.condition).chain(weights)
    }
}

/// The column whose words a measure's values may stand for.
fn told_by(measure: &FeatureDefinition) -> Option<(Option<&str>, &str)> {
    match &measure.expression {
        Expression::Attribute { column, transform: Transform::Value } => Some((None, column)),
        Expression::Events {
            table,
            aggregate:
                Aggregate::Last(column)
                | Aggregate::First(column)
                | Aggregate::Distinct(column)
                | Aggregate::Entropy(column),
            ..
        } => Some((Some(table), column)),
        _ => None,
    }
}

fn add<'p>(words: &mut Words<'p>, table: &'p str, filter: &'p RowFilter) {
    for condition in filter.conditions.iter().chain(filter.exclusions.iter().flatten()) {
        if let Test::In(asked) | Test::NotIn(asked) = &condition.test {
            let of_column = words.entry((Some(table), &condition.column)).or_default();
            of_column.extend(asked.iter().map(String::as_str));
        }
    }
}

//! Groups features that say the same thing, so that they make one reason.

use std::collections::BTreeMap;

use crate::features::{Aggregate, Expression, FeatureDefinition, HoldingAggregate, RowFilter};

/// What a feature is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject<'f> {
    /// A column of the customer's row.
    Attribute(&'f str),
    /// Rows of a table, whatever the window and the aggregate. Without a filter each column is a subject of
    /// its own: a balance says something else than the number of transactions.
    Rows { table: &'f str, open: bool, filter: String, column: Option<&'f str> },
    /// Whether a product is held.
    Product(&'f str),
    /// The number of products held, whichever they are.
    Holdings,
    /// The time of the year.
    Season,
    /// Any other feature, on its own.
    Other(&'f str),
}

/// The group of each feature, numbered from 0 in the order of the groups' first features.
pub(super) fn groups(features: &[FeatureDefinition]) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let mut of_name: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups = Vec::with_capacity(features.len());
    for feature in features {
        // A ratio only reads features defined before it.
        let of_numerator = match &feature.expression {
            Expression::Ratio { numerator, .. } => of_name.get(numerator.as_str()).copied(),
            _ => None,
        };
        let group = of_numerator.unwrap_or_else(|| {
            let next = numbers.len();
            *numbers.entry(subject(feature)).or_insert(next)
        });
        of_name.insert(&feature.name, group);
        groups.push(group);
    }
    groups
}

fn subject(feature: &FeatureDefinition) -> Subject<'_> {
    match &feature.expression {
        Expression::Attribute { column, .. } => Subject::Attribute(column),
        Expression::Events { table, rows, aggregate } => {
            let filter = match aggregate {
                // The share of card payments is about card payments.
                Aggregate::Share(of) => both(&rows.filter, of),
                _ => rows.filter.to_string(),
            };
            let column = if filter.is_empty() { column(aggregate) } else { None };
            Subject::Rows { table, open: rows.open, filter, column }
        }
        Expression::Holdings(HoldingAggregate::Holds(id)) => Subject::Product(id),
        Expression::Holdings(_) => Subject::Holdings,
        Expression::Ratio { .. } => Subject::Other(&feature.name),
        Expression::Season(_) => Subject::Season,
    }
}

/// The two filters as words, joined by `and`.
fn both(one: &RowFilter, other: &RowFilter) -> String {
    let mut words = [one, other].map(RowFilter::to_string).to_vec();
    words.retain(|words| !words.is_empty());
    words.join(" and ")
}

/// The column that an aggregate reads.
fn column(aggregate: &Aggregate) -> Option<&str> {
    match aggregate {
        Aggregate::Count | Aggregate::DaysSinceLast | Aggregate::DaysSinceFirst | Aggregate::Share(_) => None,
        Aggregate::Trend { column, .. } => column.as_deref(),
        Aggregate::Sum(column)
        | Aggregate::Mean(column)
        | Aggregate::Min(column)
        | Aggregate::Max(column)
        | Aggregate::Last(column)
        | Aggregate::Distinct(column)
        | Aggregate::Std(column)
        | Aggregate::First(column)
        | Aggregate::Entropy(column)
        | Aggregate::DaysUntilNext(column) => Some(column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{Condition, RowSelection, SeasonPart, Test, Transform};

    fn rows(days: u32, word: Option<&str>, aggregate: Aggregate) -> Expression {
        let conditions =
            word.map(|word| Condition { column: "TYPE".into(), test: Test::In(vec![word.into()]) });
        let filter = RowFilter { conditions: conditions.into_iter().collect(), exclusions: Vec::new() };
        let rows = Box::new(RowSelection { window_days: Some(days), open: false, filter });
        Expression::Events { table: "transactions".into(), rows, aggregate }
    }

    #[test]
    fn features_that_say_the_same_thing_belong_together() {
        let amount = || "AMOUNT".to_owned();
        let share = |word: &str| {
            let test = Test::In(vec![word.into()]);
            let conditions = vec![Condition { column: "TYPE".into(), test }];
            Aggregate::Share(Box::new(RowFilter { conditions, exclusions: Vec::new() }))
        };
        let holdings = |aggregate| Expression::Holdings(aggregate);
        let attribute = |column: &str, transform| Expression::Attribute { column: column.into(), transform };
        let ratio =
            |numerator: &str| Expression::Ratio { numerator: numerator.into(), denominator: "0".into() };
        let mut open = rows(90, None, Aggregate::Count);
        if let Expression::Events { rows, .. } = &mut open {
            rows.open = true;
        }
        let cases = [
            (rows(30, Some("CARD"), Aggregate::Count), 0),
            (rows(90, Some("CARD"), Aggregate::Sum(amount())), 0),
            (rows(90, Some("FEE"), Aggregate::Count), 1),
            (rows(90, None, share("CARD")), 0),
            (rows(90, Some("FEE"), share("CARD")), 2),
            (rows(90, None, Aggregate::Count), 3),
            (rows(90, None, Aggregate::DaysSinceLast), 3),
            (rows(90, None, Aggregate::Last("BALANCE".into())), 4),
            (rows(30, None, Aggregate::Mean("BALANCE".into())), 4),
            (open, 5),
            (attribute("BORN", Transform::YearsSince), 6),
            (attribute("BORN", Transform::Year), 6),
            (attribute("CITY", Transform::Value), 7),
            (holdings(HoldingAggregate::Holds("L".into())), 8),
            (holdings(HoldingAggregate::Holds("C".into())), 9),
            (holdings(HoldingAggregate::OpenCount), 10),
            (holdings(HoldingAggregate::DaysSinceLastTaken), 10),
            (ratio("2"), 1),
            (ratio("17"), 1),
            (ratio("nothing"), 11),
            (Expression::Season(SeasonPart::Month), 12),
            (Expression::Season(SeasonPart::Weekday), 12),
        ];
        let (expressions, expected): (Vec<Expression>, Vec<usize>) = cases.into_iter().unzip();
        let features: Vec<FeatureDefinition> = expressions
            .into_iter()
            .enumerate()
            .map(|(position, expression)| FeatureDefinition {
                name: position.to_string(),
                group: String::new(),
                label: String::new(),
                expression,
                missing: None,
            })
            .collect();
        assert_eq!(groups(&features), expected);
    }
}

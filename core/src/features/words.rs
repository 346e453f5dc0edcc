//! Definitions in words, for catalogues and explanations.

use core::fmt;

use super::spec::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection,
    SeasonPart, Test, Transform,
};
use crate::schema::{ColumnKind, Schema, Table};

/// The kind of a feature's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureType {
    /// A number.
    Number,
    /// The position of a word among a category's words.
    Category,
    /// 1 or 0.
    Flag,
}

impl FeatureDefinition {
    /// The kind of the feature's values, for a schema on which it can be computed.
    pub fn feature_type(&self, schema: &Schema) -> FeatureType {
        match &self.expression {
            Expression::Holdings(HoldingAggregate::Holds(_)) => FeatureType::Flag,
            _ if self.words(schema).is_some() => FeatureType::Category,
            _ => FeatureType::Number,
        }
    }

    /// The words whose positions are the feature's values; `None` if it is not a category.
    pub fn words<'s>(&self, schema: &'s Schema) -> Option<&'s [String]> {
        let (table, column): (Option<&Table>, &str) = match &self.expression {
            Expression::Attribute { column, transform: Transform::Value } => {
                (Some(schema.customer()), column)
            }
            Expression::Events {
                table,
                aggregate: Aggregate::First(column) | Aggregate::Last(column),
                ..
            } => (schema.tables().iter().find(|other| &other.name == table), column),
            _ => return None,
        };
        match &table?.columns.iter().find(|other| other.name == column)?.kind {
            ColumnKind::Category(words) => Some(words),
            _ => None,
        }
    }
}

/// The definition in words: `sum of AMOUNT over transactions of the last 90 days where TYPE is SALARY`.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expression::Attribute { column, transform } => match transform {
                Transform::Value => write!(f, "the customer's {column}"),
                Transform::YearsSince => write!(f, "years since the customer's {column}"),
                Transform::DaysSince => write!(f, "days since the customer's {column}"),
                Transform::Year => write!(f, "the year of the customer's {column}"),
            },
            Expression::Events { table, rows, aggregate } => {
                write!(f, "{aggregate} {}", Selected { table, rows })
            }
            Expression::Holdings(aggregate) => match aggregate {
                HoldingAggregate::Holds(id) => write!(f, "1 where product {id} is held, else 0"),
                HoldingAggregate::DistinctHeld => f.write_str("how many different products are held"),
                HoldingAggregate::OpenCount => f.write_str("how many holdings are open"),
                HoldingAggregate::EverCount => f.write_str("how many products were ever taken"),
                HoldingAggregate::DaysSinceLastTaken => f.write_str("days since the last product was taken"),
            },
            Expression::Ratio { numerator, denominator } => write!(f, "{numerator} ÷ {denominator}"),
            Expression::Season(part) => f.write_str(match part {
                SeasonPart::Month => "month of the cut-off, 1 to 12",
                SeasonPart::Quarter => "quarter of the cut-off, 1 to 4",
                SeasonPart::DayOfMonth => "day of the cut-off's month, 1 to 31",
                SeasonPart::Weekday => "weekday of the cut-off, 1 (Monday) to 7 (Sunday)",
                SeasonPart::DayOfYear => "day of the cut-off's year, 1 to 366",
            }),
        }
    }
}

/// The words before those about the rows.
impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Aggregate::Count => f.write_str("count of"),
            Aggregate::DaysSinceLast => f.write_str("days since the last of"),
            Aggregate::DaysSinceFirst => f.write_str("days since the first of"),
            Aggregate::Sum(column) => write!(f, "sum of {column} over"),
            Aggregate::Mean(column) => write!(f, "mean of {column} over"),
            Aggregate::Min(column) => write!(f, "least {column} over"),
            Aggregate::Max(column) => write!(f, "greatest {column} over"),
            Aggregate::Last(column) => write!(f, "last {column} over"),
            Aggregate::Distinct(column) => write!(f, "count of different {column} over"),
            Aggregate::Std(column) => write!(f, "standard deviation of {column} over"),
            Aggregate::First(column) => write!(f, "first {column} over"),
            Aggregate::Entropy(column) => write!(f, "entropy (bits) of {column} over"),
            Aggregate::Share(of) => write!(f, "share of those where {of} among"),
            Aggregate::Trend { column, short_days } => {
                match column {
                    None => f.write_str("count a day")?,
                    Some(column) => write!(f, "sum of {column} a day")?,
                }
                write!(f, " in the last {} ÷ that in the whole window, over", Days(*short_days))
            }
            Aggregate::DaysUntilNext(column) => write!(f, "days until the next {column} over"),
        }
    }
}

/// The rows that count: `open accounts`, `transactions of the last 90 days where TYPE is SALARY`.
struct Selected<'a> {
    table: &'a str,
    rows: &'a RowSelection,
}

impl fmt::Display for Selected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.open {
            f.write_str("open ")?;
        }
        f.write_str(self.table)?;
        if let Some(days) = self.rows.window_days {
            write!(f, " of the last {}", Days(days))?;
        }
        match self.rows.filter == RowFilter::default() {
            true => Ok(()),
            false => write!(f, " where {}", self.rows.filter),
        }
    }
}

struct Days(u32);

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("day"),
            days => write!(f, "{days} days"),
        }
    }
}

/// `A is X and B < 5 and not (C is Y and D is missing)`.
impl fmt::Display for RowFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for condition in &self.conditions {
            write!(f, "{before}{condition}")?;
            before = " and ";
        }
        for group in &self.exclusions {
            write!(f, "{before}{}", Not(group))?;
            before = " and ";
        }
        Ok(())
    }
}

/// `not (C is Y and D is missing)`.
pub(super) struct Not<'a>(pub(super) &'a [Condition]);

impl fmt::Display for Not<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not (")?;
        for (position, condition) in self.0.iter().enumerate() {
            write!(f, "{}{condition}", if position > 0 { " and " } else { "" })?;
        }
        f.write_str(")")
    }
}

/// `TYPE is SALARY`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.column, self.test)
    }
}

/// The words after the column: `is A or B`, `< 5`, `is missing`.
impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Test::In(words) if words.is_empty() => f.write_str("is one of no words"),
            Test::In(words) => write!(f, "is {}", words.join(" or ")),
            Test::NotIn(words) if words.is_empty() => f.write_str("is anything"),
            Test::NotIn(words) => write!(f, "is not {}", words.join(" or ")),
            Test::Equals(number) => write!(f, "= {number}"),
            Test::Below(number) => write!(f, "< {number}"),
            Test::AtMost(number) => write!(f, "≤ {number}"),
            Test::Above(number) => write!(f, "> {number}"),
            Test::AtLeast(number) => write!(f, "≥ {number}"),
            Test::Missing(true) => f.write_str("is missing"),
            Test::Missing(false) => f.write_str("is not missing"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::tests::small_schema;

    fn events(table: &str, rows: RowSelection, aggregate: Aggregate) -> Expression {
        Expression::Events { table: table.into(), rows: Box::new(rows), aggregate }
    }

    fn condition(column: &str, test: Test) -> Condition {
        Condition { column: column.into(), test }
    }

    #[test]
    fn definitions_read_like_sentences() {
        let salary = || condition("TYPE", Test::In(vec!["SALARY".into()]));
        let rows = |window_days, conditions, exclusions| RowSelection {
            window_days,
            open: false,
            filter: RowFilter { conditions, exclusions },
        };
        let open = RowSelection { open: true, ..RowSelection::default() };
        let large = vec![condition("AMOUNT", Test::AtLeast(100.5)), condition("TYPE", Test::Missing(true))];
        let of = RowFilter { conditions: vec![salary()], exclusions: Vec::new() };
        for (expression, words) in [
            (
                events(
                    "transactions",
                    rows(Some(90), vec![salary()], vec![]),
                    Aggregate::Sum("AMOUNT".into()),
                ),
                "sum of AMOUNT over transactions of the last 90 days where TYPE is SALARY",
            ),
            (
                events("transactions", rows(Some(1), vec![salary()], vec![large]), Aggregate::Count),
                "count of transactions of the last day where TYPE is SALARY and not (AMOUNT ≥ 100.5 and \
                 TYPE is missing)",
            ),
            (
                events("accounts", open, Aggregate::DaysUntilNext("END".into())),
                "days until the next END over open accounts",
            ),
            (
                events("transactions", RowSelection::default(), Aggregate::Share(Box::new(of))),
                "share of those where TYPE is SALARY among transactions",
            ),
            (
                events(
                    "transactions",
                    rows(Some(90), vec![], vec![]),
                    Aggregate::Trend { column: None, short_days: 30 },
                ),
                "count a day in the last 30 days ÷ that in the whole window, over transactions of the last \
                 90 days",
            ),
        ] {
            assert_eq!(expression.to_string(), words);
        }
    }

    #[test]
    fn a_condition_is_its_column_and_its_test() {
        let words = || vec!["A".into(), "B".into()];
        for (test, expected) in [
            (Test::In(words()), "is A or B"),
            (Test::In(Vec::new()), "is one of no words"),
            (Test::NotIn(words()), "is not A or B"),
            (Test::NotIn(Vec::new()), "is anything"),
            (Test::Equals(5.0), "= 5"),
            (Test::Below(-0.5), "< -0.5"),
            (Test::AtMost(5.0), "≤ 5"),
            (Test::Above(5.0), "> 5"),
            (Test::AtLeast(5.0), "≥ 5"),
            (Test::Missing(true), "is missing"),
            (Test::Missing(false), "is not missing"),
        ] {
            assert_eq!(test.to_string(), expected);
            assert_eq!(condition("X", test).to_string(), format!("X {expected}"));
        }
    }

    #[test]
    fn types_follow_from_the_columns() {
        let of = |expression| {
            let definition = FeatureDefinition {
                name: String::new(),
                group: String::new(),
                label: String::new(),
                expression,
                missing: None,
            };
            definition.feature_type(&small_schema())
        };
        let attribute = |column: &str, transform| Expression::Attribute { column: column.into(), transform };
        let last =
            |column: &str| events("transactions", RowSelection::default(), Aggregate::Last(column.into()));
        assert_eq!(of(attribute("CITY", Transform::Value)), FeatureType::Category);
        assert_eq!(of(attribute("BORN", Transform::YearsSince)), FeatureType::Number);
        assert_eq!(of(last("TYPE")), FeatureType::Category);
        assert_eq!(of(last("AMOUNT")), FeatureType::Number);
        assert_eq!(of(Expression::Holdings(HoldingAggregate::Holds("L".into()))), FeatureType::Flag);
    }
}

//! A feature and its value in words: `3 fees in 90 days`, `salary received in 90 days: 9,300`.

use crate::features::{Aggregate, Expression, FeatureDefinition, HoldingAggregate};
use crate::schema::Schema;

/// Labels with these beginnings read well with a number after them.
const COUNTING: [&str; 3] = ["number of", "count of", "how many"];

/// The feature and the customer's value, in words.
pub(super) fn text(feature: &FeatureDefinition, schema: &Schema, value: f32, as_of: i64) -> String {
    let words = feature.value_in_words(schema, value, as_of);
    // Labels are plural: `1 fees` would be wrong.
    match is_count(feature) && !value.is_nan() && value != 1.0 {
        true => format!("{words} {}", feature.label),
        false => format!("{}: {words}", feature.label),
    }
}

/// Whether the label names what is counted.
fn is_count(feature: &FeatureDefinition) -> bool {
    let counts = matches!(
        &feature.expression,
        Expression::Events { aggregate: Aggregate::Count | Aggregate::Distinct(_), .. }
            | Expression::Holdings(
                HoldingAggregate::DistinctHeld | HoldingAggregate::OpenCount | HoldingAggregate::EverCount
            )
    );
    let begins = |start: &&str| {
        feature.label.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    // A feature without a label is labelled with its name.
    counts && feature.label != feature.name && !COUNTING.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::{RowSelection, Transform};
    use crate::schema::tests::small_schema;

    fn of(label: &str, expression: Expression) -> FeatureDefinition {
        FeatureDefinition {
            name: "a_name".into(),
            group: String::new(),
            label: label.into(),
            expression,
            missing: None,
        }
    }

    #[test]
    fn a_feature_and_its_value_are_one_phrase() {
        let events = |table: &str, aggregate| Expression::Events {
            table: table.into(),
            rows: Box::<RowSelection>::default(),
            aggregate,
        };
        let fees = |label: &str| of(label, events("transactions", Aggregate::Count));
        let salary =
            of("salary received in 90 days", events("transactions", Aggregate::Sum("AMOUNT".into())));
        let last = of("product taken last", events("accounts", Aggregate::Last("PRODUCT".into())));
        let open = of("open accounts", Expression::Holdings(HoldingAggregate::OpenCount));
        let holds = of("holds Card", Expression::Holdings(HoldingAggregate::Holds("C".into())));
        let city = of("city", Expression::Attribute { column: "CITY".into(), transform: Transform::Value });
        for (feature, value, expected) in [
            (fees("fees in 90 days"), 3.0, "3 fees in 90 days"),
            (fees("fees in 90 days"), 1.0, "fees in 90 days: 1"),
            (fees("fees in 90 days"), f32::NAN, "fees in 90 days: not known"),
            (fees("Number of fees"), 3.0, "Number of fees: 3"),
            (fees("a_name"), 3.0, "a_name: 3"),
            (salary.clone(), 9300.0, "salary received in 90 days: 9,300"),
            (salary, f32::NAN, "salary received in 90 days: not known"),
            (last.clone(), 1.0, "product taken last: Card"),
            (last, 2.0, "product taken last: X"),
            (open, 2.0, "2 open accounts"),
            (holds.clone(), 1.0, "holds Card: yes"),
            (holds, 0.0, "holds Card: no"),
            (city, 1.0, "city: Rome"),
        ] {
            assert_eq!(text(&feature, &small_schema(), value, 0), expected);
        }
    }
}

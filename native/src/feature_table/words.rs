//! Which features are categories.

use nextbest_core::features::{Aggregate, Expression, Transform};
use nextbest_core::schema::{ColumnKind, Schema};

/// The words of a feature that is a category of the customer's, or of the latest or earliest row of an event table: its
/// values are their positions. Nothing where it is a number.
pub(crate) fn category_words<'s>(schema: &'s Schema, expression: &Expression) -> Option<&'s [String]> {
    let (table, column) = match expression {
        Expression::Attribute { column, transform: Transform::Value } => (schema.customer(), column),
        Expression::Events {
            table, aggregate: Aggregate::Last(column) | Aggregate::First(column), ..
        } => (schema.tables().iter().find(|other| other.name == *table)?, column),
        _ => return None,
    };
    match &table.columns.get(table.column(column)?)?.kind {
        ColumnKind::Category(words) => Some(words),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use nextbest_core::features::RowSelection;
    use nextbest_core::schema::{Column, SchemaDefinition, Table};

    use super::*;

    #[test]
    fn only_what_reads_a_word_is_a_category() {
        let definition: SchemaDefinition = serde_json::from_value(serde_json::json!({
            "customer": {"name": "customer", "time": null, "columns": []},
            "established": "SINCE", "birthDate": null,
            "tables": [{"name": "taken", "time": "AT", "columns": [
                {"name": "AT", "kind": "time", "current": false},
                {"name": "WHERE", "kind": {"category": ["app"]}, "current": false}
            ]}],
            "holdings": [{"table": "taken", "product": {"always": "CARD"}, "closed": null}],
            "products": [{"id": "CARD", "name": "Card", "minAge": null, "repeatable": false, "value": null}],
            "horizonDays": 90, "task": "nextProduct"
        }))
        .unwrap();
        let attribute = |name: &str, kind| Column { name: name.into(), kind, current: false };
        let columns = vec![
            attribute("SINCE", ColumnKind::Time),
            attribute("CITY", ColumnKind::Category(vec!["Bonn".into()])),
            attribute("INCOME", ColumnKind::Number),
        ];
        let customer = Table { columns, ..definition.customer.clone() };
        let schema = Schema::try_from(SchemaDefinition { customer, ..definition }).unwrap();
        let of = |column: &str, transform| {
            category_words(&schema, &Expression::Attribute { column: column.into(), transform })
                .map(<[String]>::to_vec)
        };
        assert_eq!(of("CITY", Transform::Value), Some(vec!["Bonn".to_owned()]));
        assert_eq!(of("INCOME", Transform::Value), None);
        assert_eq!(of("SINCE", Transform::DaysSince), None);
        let of_rows = |aggregate| {
            let rows = Box::new(RowSelection::default());
            category_words(&schema, &Expression::Events { table: "taken".into(), rows, aggregate })
                .map(<[String]>::to_vec)
        };
        assert_eq!(of_rows(Aggregate::Last("WHERE".into())), Some(vec!["app".to_owned()]));
        assert_eq!(of_rows(Aggregate::First("WHERE".into())), Some(vec!["app".to_owned()]));
        assert_eq!(of_rows(Aggregate::Distinct("WHERE".into())), None);
    }
}

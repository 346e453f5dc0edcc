//! A feature's value in words, as people read it.

use super::spec::{Aggregate, Expression, FeatureDefinition, HoldingAggregate, Transform};
use super::words::FeatureType;
use crate::schema::{HoldingProduct, Schema};

/// What stands for a missing value.
const MISSING: &str = "not known";
/// From here on, numbers have two decimals, below four: two of an interest rate of 0.0525 would say too little.
const SMALL: f64 = 0.1;

impl FeatureDefinition {
    /// A value of the feature in words, on a schema on which it can be computed: `not known` where it is missing, `yes` or
    /// `no` of a flag, the word of a category (a product's name where it says which product was taken), else a number with
    /// separators between thousands and without needless decimals.
    pub fn value_in_words(&self, schema: &Schema, value: f32) -> String {
        if value.is_nan() {
            return MISSING.into();
        }
        match self.feature_type(schema) {
            FeatureType::Flag => if value == 0.0 { "no" } else { "yes" }.into(),
            FeatureType::Category => match self.word_of(schema, value) {
                Some(word) => self.product_name(schema, word).unwrap_or(word).to_owned(),
                None => self.number(value),
            },
            FeatureType::Number => self.number(value),
        }
    }

    /// The word at this position, where the feature is a category.
    pub(crate) fn word_of<'s>(&self, schema: &'s Schema, value: f32) -> Option<&'s str> {
        let words = self.words(schema)?;
        let is_position = value >= 0.0 && value.fract() == 0.0;
        is_position.then(|| words.get(value as usize).map(String::as_str))?
    }

    /// The name of the product with this id, where the feature reads the column of a table that says which product was taken.
    fn product_name<'s>(&self, schema: &'s Schema, id: &str) -> Option<&'s str> {
        let Expression::Events {
            table, aggregate: Aggregate::First(column) | Aggregate::Last(column), ..
        } = &self.expression
        else {
            return None;
        };
        let says_products = |product: &HoldingProduct| match product {
            HoldingProduct::Column(name) => name == column,
            HoldingProduct::Always(_) => false,
        };
        let holdings = &schema.definition().holdings;
        holdings.iter().find(|holding| &holding.table == table && says_products(&holding.product))?;
        let product = schema.products().iter().find(|product| product.id == id)?;
        Some(&product.name)
    }

    fn number(&self, value: f32) -> String {
        if value.is_infinite() {
            return "beyond all bounds".into();
        }
        let value = f64::from(value);
        match &self.expression {
            Expression::Attribute { transform: Transform::Year, .. } => trimmed(format!("{value:.2}")),
            // Nobody counts days and years by the hundredth.
            Expression::Attribute { transform: Transform::YearsSince | Transform::DaysSince, .. }
            | Expression::Holdings(HoldingAggregate::DaysSinceLastTaken)
            | Expression::Events {
                aggregate: Aggregate::DaysSinceFirst | Aggregate::DaysSinceLast | Aggregate::DaysUntilNext(_),
                ..
            } => grouped(&trimmed(format!("{value:.1}"))),
            _ if value.abs() < SMALL => grouped(&trimmed(format!("{value:.4}"))),
            _ => grouped(&trimmed(format!("{value:.2}"))),
        }
    }
}

/// Without the zeros at the end of the decimals, and without the sign of a 0.
fn trimmed(number: String) -> String {
    let number = number.trim_end_matches('0').trim_end_matches('.');
    match number {
        "-0" => "0".into(),
        number => number.into(),
    }
}

/// With separators between thousands.
fn grouped(number: &str) -> String {
    let (whole, decimals) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::from(sign);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + decimals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::RowSelection;
    use crate::schema::tests::small_schema;

    fn feature(expression: Expression) -> FeatureDefinition {
        FeatureDefinition {
            name: "x".into(),
            group: String::new(),
            label: String::new(),
            expression,
            missing: None,
        }
    }

    fn attribute(column: &str, transform: Transform) -> FeatureDefinition {
        feature(Expression::Attribute { column: column.into(), transform })
    }

    fn events(table: &str, aggregate: Aggregate) -> FeatureDefinition {
        feature(Expression::Events { table: table.into(), rows: Box::<RowSelection>::default(), aggregate })
    }

    #[test]
    fn numbers_have_separators_and_no_needless_decimals() {
        let sum = events("transactions", Aggregate::Sum("AMOUNT".into()));
        for (value, words) in [
            (0.0, "0"),
            (-0.0, "0"),
            (7.0, "7"),
            (999.0, "999"),
            (1000.0, "1,000"),
            (9300.5, "9,300.5"),
            (-9300.256, "-9,300.26"),
            (-123_456.0, "-123,456"),
            (1_234_567.0, "1,234,567"),
            (0.25, "0.25"),
            (0.0525, "0.0525"),
            (-0.00001, "0"),
            (100.0, "100"),
            (999.999, "1,000"),
            (f32::NAN, "not known"),
            (f32::INFINITY, "beyond all bounds"),
        ] {
            assert_eq!(sum.value_in_words(&small_schema(), value), words, "{value}");
        }
    }

    #[test]
    fn days_and_years_have_one_decimal_and_a_year_no_separator() {
        for (feature, value, words) in [
            (attribute("BORN", Transform::YearsSince), 33.06, "33.1"),
            (attribute("BORN", Transform::DaysSince), 1704.0, "1,704"),
            (attribute("BORN", Transform::Year), 2024.5, "2024.5"),
            (events("transactions", Aggregate::DaysSinceLast), 0.04, "0"),
            (events("transactions", Aggregate::Count), 1200.0, "1,200"),
            (feature(Expression::Holdings(HoldingAggregate::DaysSinceLastTaken)), 12.25, "12.2"),
        ] {
            assert_eq!(feature.value_in_words(&small_schema(), value), words, "{feature:?}");
        }
    }

    #[test]
    fn flags_and_categories_are_words() {
        let schema = small_schema();
        let city = attribute("CITY", Transform::Value);
        let cities = city.words(&schema).unwrap();
        assert_eq!(city.value_in_words(&schema, 1.0), cities[1]);
        assert_eq!(city.value_in_words(&schema, f32::NAN), "not known");
        assert_eq!(city.value_in_words(&schema, 0.5), "0.5", "no position of a word");
        assert_eq!(city.value_in_words(&schema, 1e6), "1,000,000", "beyond the words");
        let holds = feature(Expression::Holdings(HoldingAggregate::Holds("L".into())));
        assert_eq!([0.0, 1.0].map(|value| holds.value_in_words(&schema, value)), ["no", "yes"]);
    }

    #[test]
    fn a_product_goes_by_its_name_and_other_ids_by_themselves() {
        let schema = small_schema();
        for aggregate in [Aggregate::Last as fn(String) -> Aggregate, Aggregate::First] {
            let product = events("accounts", aggregate("PRODUCT".into()));
            let words = product.words(&schema).unwrap();
            for (position, word) in words.iter().enumerate() {
                let name = schema.products().iter().find(|product| product.id == *word);
                let expected = name.map_or(word, |product| &product.name);
                assert_eq!(product.value_in_words(&schema, position as f32), *expected);
            }
            assert!(schema.products().iter().any(|product| product.id != product.name), "names differ");
        }
    }
}

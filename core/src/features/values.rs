//! A feature's value in words, as people read it.

use super::spec::{Aggregate, Expression, FeatureDefinition, HoldingAggregate, Transform};
use super::words::FeatureType;
use crate::customers::words;
use crate::schema::{HoldingProduct, Schema};
use crate::time::{DAY, calendar};

/// The text for a missing value.
const MISSING: &str = "not known";
/// Numbers below this have four decimals instead of two: two decimals of an interest rate of 0.0525 would say
/// too little.
const SMALL: f64 = 0.1;

impl FeatureDefinition {
    /// The feature's value in words, for a schema on which it can be computed: `not known` if it is missing,
    /// `yes` or `no` for a flag, the word of a category (the product's name if it says which product was
    /// taken), otherwise a number with thousands separators and without needless decimals.
    ///
    /// The model counts years of 365.25 days, people do not: on the eve of the 18th birthday the model may
    /// already count 18. So years since a date are shown as calendar years at `as_of` (seconds since
    /// 1970-01-01), the moment that the customer was seen from.
    pub fn value_in_words(&self, schema: &Schema, value: f32, as_of: i64) -> String {
        let value = f64::from(value);
        match &self.expression {
            Expression::Attribute { transform: Transform::YearsSince, .. } if value >= 0.0 => {
                // 32 bits have lost a few minutes of it.
                let since = as_of as f64 - value * 365.25 * DAY as f64 + 300.0;
                self.reading_in_words(schema, calendar::years((since as i64).min(as_of), as_of), 0)
            }
            _ => self.reading_in_words(schema, value, 0),
        }
    }

    /// A 64-bit value that a rule tests, in words, with `digits` more decimals.
    pub(crate) fn reading_in_words(&self, schema: &Schema, value: f64, digits: usize) -> String {
        if value.is_nan() {
            return MISSING.into();
        }
        match self.feature_type(schema) {
            FeatureType::Flag => if value == 0.0 { "no" } else { "yes" }.into(),
            FeatureType::Category => match self.category_word(schema, value) {
                Some(word) if words::is_withheld(word) => words::told(word).into(),
                Some(word) => self.product_name(schema, word).unwrap_or(word).to_owned(),
                None if self.missing.is_some_and(|missing| f64::from(missing) == value) => MISSING.into(),
                None => self.number(value, digits),
            },
            FeatureType::Number => self.number(value, digits),
        }
    }

    /// The word at this position, if the feature is a category and the word is not withheld.
    pub(crate) fn word_of<'s>(&self, schema: &'s Schema, value: impl Into<f64>) -> Option<&'s str> {
        self.category_word(schema, value).filter(|word| !words::is_withheld(word))
    }

    /// The word at this position as the schema has it, perhaps withheld.
    fn category_word<'s>(&self, schema: &'s Schema, value: impl Into<f64>) -> Option<&'s str> {
        self.words(schema)?.get(word_position(value)?).map(String::as_str)
    }

    /// The name of the product with this id, if the feature reads the column that says which product was
    /// taken.
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

    fn number(&self, value: f64, digits: usize) -> String {
        if value.abs() >= f64::from(f32::MAX) {
            return "out of range".into();
        }
        let rounded = |decimals: usize| trimmed(format!("{value:.*}", decimals + digits));
        match &self.expression {
            Expression::Attribute { transform: Transform::Year, .. } => rounded(2),
            Expression::Attribute { transform: Transform::YearsSince | Transform::DaysSince, .. }
            | Expression::Holdings(HoldingAggregate::DaysSinceLastTaken)
            | Expression::Events {
                aggregate: Aggregate::DaysSinceFirst | Aggregate::DaysSinceLast | Aggregate::DaysUntilNext(_),
                ..
            } => grouped(&passed(value, digits)),
            _ if value.abs() < SMALL => grouped(&rounded(4)),
            _ => grouped(&rounded(2)),
        }
    }
}

/// The position of a category's word that a value denotes; `None` if it denotes none, such as the -1 that may
/// replace a missing word.
pub fn word_position(value: impl Into<f64>) -> Option<usize> {
    let value = value.into();
    (value >= 0.0 && value.fract() == 0.0).then_some(value as usize)
}

/// A 32-bit number with its shortest decimal digits: 0.1, not 0.10000000149.
pub(crate) fn as_written(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}

/// Days or years in words, with `digits` more decimals than one. The rest is cut off, not rounded: nobody is
/// 18 before the birthday.
pub(crate) fn passed(time: f64, digits: usize) -> String {
    let parts = libm::pow(10.0, 1.0 + digits as f64);
    // In binary, 17.9 may be slightly less.
    let cut = libm::floor(time * parts + 1e-9) / parts;
    trimmed(format!("{cut:.*}", 1 + digits))
}

/// Strips trailing zeros of the decimals, and the sign of zero.
fn trimmed(number: String) -> String {
    let number = number.trim_end_matches('0').trim_end_matches('.');
    match number {
        "-0" => "0".into(),
        number => number.into(),
    }
}

/// Inserts thousands separators.
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
    use crate::schema::ColumnKind;
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
            (f32::MAX, "out of range"),
        ] {
            assert_eq!(sum.value_in_words(&small_schema(), value, 0), words, "{value}");
        }
    }

    #[test]
    fn days_and_years_have_one_decimal_and_a_year_no_separator() {
        for (feature, value, words) in [
            (attribute("BORN", Transform::YearsSince), 33.19, "33.1"),
            (attribute("BORN", Transform::DaysSince), 1704.0, "1,704"),
            (attribute("BORN", Transform::Year), 2024.5, "2024.5"),
            (events("transactions", Aggregate::DaysSinceLast), 0.04, "0"),
            (events("transactions", Aggregate::Count), 1200.0, "1,200"),
            (feature(Expression::Holdings(HoldingAggregate::DaysSinceLastTaken)), 12.25, "12.2"),
        ] {
            assert_eq!(feature.value_in_words(&small_schema(), value, 0), words, "{feature:?}");
        }
    }

    /// At every hour of the days around 18th birthdays, from the values that a model gets.
    #[test]
    fn nobody_is_said_to_be_older_than_a_calendar_has_it() {
        let age = attribute("BORN", Transform::YearsSince);
        let schema = small_schema();
        for born in ["2004-02-29", "2007-12-31", "2008-01-01", "2008-03-01", "1900-02-28"] {
            let born = crate::time::parse(born).unwrap();
            for hours in 18 * 365 * 24..=18 * 366 * 24 {
                let now = born + hours * 3600;
                let model = ((now - born) as f64 / DAY as f64 / 365.25) as f32;
                let words = age.value_in_words(&schema, model, now);
                assert_eq!(words, passed(calendar::years(born, now), 0), "{born} {hours}");
            }
        }
    }

    #[test]
    fn flags_and_categories_are_words() {
        let schema = small_schema();
        let city = attribute("CITY", Transform::Value);
        let cities = city.words(&schema).unwrap();
        assert_eq!(city.value_in_words(&schema, 1.0, 0), cities[1]);
        assert_eq!(city.value_in_words(&schema, f32::NAN, 0), "not known");
        assert_eq!(city.value_in_words(&schema, 0.5, 0), "0.5", "no position of a word");
        let kept = FeatureDefinition { missing: Some(-1.0), ..city.clone() };
        assert_eq!(kept.value_in_words(&schema, -1.0, 0), "not known", "not the first word");
        assert_eq!(city.value_in_words(&schema, 1e6, 0), "1,000,000", "beyond the words");
        let mut definition = schema.definition().clone();
        let told = ColumnKind::Category(vec![cities[0].clone(), words::placeholder(1)]);
        let column = definition.customer.columns.iter_mut().find(|column| column.name == "CITY").unwrap();
        column.kind = told;
        let schema_without = Schema::try_from(definition).unwrap();
        assert_eq!(city.value_in_words(&schema_without, 1.0, 0), "(withheld)");
        assert_eq!([0.0, 1.0].map(|at| city.word_of(&schema_without, at)), [Some(cities[0].as_str()), None]);
        let holds = feature(Expression::Holdings(HoldingAggregate::Holds("L".into())));
        assert_eq!([0.0, 1.0].map(|value| holds.value_in_words(&schema, value, 0)), ["no", "yes"]);
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
                assert_eq!(product.value_in_words(&schema, position as f32, 0), *expected);
            }
            assert!(schema.products().iter().any(|product| product.id != product.name), "names differ");
        }
    }
}

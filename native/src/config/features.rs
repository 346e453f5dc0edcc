//! Feature definitions as config.yaml writes them: flat maps, turned into the core's definitions.

use std::fmt;

use anyhow::{Context, bail};
use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, HoldingAggregate, RowSelection, SeasonPart, Test,
    Transform,
};
use nextbest_core::schema::Product;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::LookbackPeriods;

/// A feature. Exactly one of `attribute`, `table`, `holdings`, `holds`, `ratio` and `season` says what it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureConfig {
    /// Its name. In a `holds: each` definition, `{product}` stands for the product's name.
    pub name: String,
    /// The group that it belongs to.
    #[serde(default)]
    pub group: String,
    /// What it is, in words; the name where it is not given.
    pub label: Option<String>,
    /// A column of the customer.
    pub attribute: Option<String>,
    /// What is made of the attribute.
    pub transform: Option<TransformConfig>,
    /// An event table.
    pub table: Option<String>,
    /// What is made of its rows.
    pub aggregate: Option<AggregateConfig>,
    /// The column that is aggregated.
    pub column: Option<String>,
    /// Only rows of the last days: a number, or `short_term`, `medium_term`, `long_term`.
    pub window: Option<Window>,
    /// Only rows of products that are open at the cut-off.
    #[serde(default)]
    pub open: bool,
    /// Only rows for which all of these hold.
    #[serde(default)]
    pub r#where: Vec<ConditionConfig>,
    /// Something about the products held or taken.
    pub holdings: Option<HoldingsConfig>,
    /// 1 where the product of this id is held, else 0; `each` makes such a feature for every product.
    pub holds: Option<String>,
    /// One earlier feature divided by another.
    pub ratio: Option<[String; 2]>,
    /// Where in the year the cut-off lies.
    pub season: Option<SeasonConfig>,
    /// The value where there is none.
    pub missing: Option<f32>,
}

/// What is made of an attribute.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformConfig {
    /// The value itself.
    Value,
    /// Years from it to the cut-off.
    YearsSince,
    /// Days from it to the cut-off.
    DaysSince,
}

/// What is made of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateConfig {
    Count,
    Sum,
    Mean,
    Min,
    Max,
    Last,
    Distinct,
    DaysSinceLast,
    DaysSinceFirst,
}

/// Something about the products held or taken.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldingsConfig {
    DistinctHeld,
    OpenCount,
    EverCount,
    DaysSinceLastTaken,
}

/// Where in the year the cut-off lies.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeasonConfig {
    Month,
    Quarter,
}

/// A test of one column; exactly one of the tests is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionConfig {
    pub column: String,
    pub r#in: Option<Vec<String>>,
    pub not_in: Option<Vec<String>>,
    pub equals: Option<f64>,
    pub below: Option<f64>,
    pub at_most: Option<f64>,
    pub above: Option<f64>,
    pub at_least: Option<f64>,
}

/// The length of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// In days.
    Days(u32),
    /// `lookback_periods.short_term`.
    ShortTerm,
    /// `lookback_periods.medium_term`.
    MediumTerm,
    /// `lookback_periods.long_term`.
    LongTerm,
}

impl FeatureConfig {
    /// The definitions that this stands for: one, or with `holds: each` one a product.
    ///
    /// # Errors
    /// Where keys are missing or contradict each other; the message names the feature and the key.
    pub fn definitions(
        &self,
        periods: &LookbackPeriods,
        products: &[Product],
    ) -> anyhow::Result<Vec<FeatureDefinition>> {
        let definition = |name: String, label: String, expression: Expression| FeatureDefinition {
            name,
            label,
            group: self.group.clone(),
            expression,
            missing: self.missing,
        };
        let label = self.label.clone().unwrap_or_else(|| self.name.clone());
        if self.holds.as_deref() == Some("each") {
            if !self.name.contains("{product}") {
                bail!("feature `{}`: name: `holds: each` needs a {{product}} in it", self.name);
            }
            return Ok(products
                .iter()
                .map(|product| {
                    let word = product.name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
                    definition(
                        self.name.replace("{product}", &word),
                        label.replace("{product}", &product.name),
                        Expression::Holdings(HoldingAggregate::Holds(product.id.clone())),
                    )
                })
                .collect());
        }
        let expression = self.expression(periods).with_context(|| format!("feature `{}`", self.name))?;
        Ok(vec![definition(self.name.clone(), label, expression)])
    }

    fn expression(&self, periods: &LookbackPeriods) -> anyhow::Result<Expression> {
        let given = [
            self.attribute.is_some(),
            self.table.is_some(),
            self.holdings.is_some(),
            self.holds.is_some(),
            self.ratio.is_some(),
            self.season.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() != 1 {
            bail!("give exactly one of attribute, table, holdings, holds, ratio and season");
        }
        self.refuse_keys_without_meaning()?;
        if let Some(column) = &self.attribute {
            let transform = match self.transform.unwrap_or(TransformConfig::Value) {
                TransformConfig::Value => Transform::Value,
                TransformConfig::YearsSince => Transform::YearsSince,
                TransformConfig::DaysSince => Transform::DaysSince,
            };
            return Ok(Expression::Attribute { column: column.clone(), transform });
        }
        if let Some(table) = &self.table {
            let conditions = self.r#where.iter().map(ConditionConfig::condition).collect::<Result<_, _>>()?;
            let window_days = self.window.map(|window| window.days(periods));
            let rows = RowSelection { window_days, open: self.open, conditions };
            return Ok(Expression::Events { table: table.clone(), rows, aggregate: self.aggregate()? });
        }
        if let Some(holdings) = self.holdings {
            return Ok(Expression::Holdings(match holdings {
                HoldingsConfig::DistinctHeld => HoldingAggregate::DistinctHeld,
                HoldingsConfig::OpenCount => HoldingAggregate::OpenCount,
                HoldingsConfig::EverCount => HoldingAggregate::EverCount,
                HoldingsConfig::DaysSinceLastTaken => HoldingAggregate::DaysSinceLastTaken,
            }));
        }
        if let Some(product) = &self.holds {
            return Ok(Expression::Holdings(HoldingAggregate::Holds(product.clone())));
        }
        if let Some([numerator, denominator]) = &self.ratio {
            return Ok(Expression::Ratio { numerator: numerator.clone(), denominator: denominator.clone() });
        }
        Ok(Expression::Season(match self.season {
            Some(SeasonConfig::Month) | None => SeasonPart::Month,
            Some(SeasonConfig::Quarter) => SeasonPart::Quarter,
        }))
    }

    /// A key that is given but changes nothing is a misunderstanding.
    fn refuse_keys_without_meaning(&self) -> anyhow::Result<()> {
        let of_tables = [
            ("aggregate", self.aggregate.is_some()),
            ("column", self.column.is_some()),
            ("window", self.window.is_some()),
            ("open", self.open),
            ("where", !self.r#where.is_empty()),
        ];
        for (key, given) in of_tables {
            if given && self.table.is_none() {
                bail!("{key}: has a meaning only with `table`");
            }
        }
        if self.transform.is_some() && self.attribute.is_none() {
            bail!("transform: has a meaning only with `attribute`");
        }
        Ok(())
    }

    fn aggregate(&self) -> anyhow::Result<Aggregate> {
        let column = || self.column.clone().context("column: missing; this aggregate needs one");
        let aggregate = self.aggregate.context("aggregate: missing; `table` needs one")?;
        let without_column = matches!(
            aggregate,
            AggregateConfig::Count | AggregateConfig::DaysSinceLast | AggregateConfig::DaysSinceFirst
        );
        if without_column && self.column.is_some() {
            bail!("column: this aggregate takes none");
        }
        Ok(match aggregate {
            AggregateConfig::Count => Aggregate::Count,
            AggregateConfig::DaysSinceLast => Aggregate::DaysSinceLast,
            AggregateConfig::DaysSinceFirst => Aggregate::DaysSinceFirst,
            AggregateConfig::Sum => Aggregate::Sum(column()?),
            AggregateConfig::Mean => Aggregate::Mean(column()?),
            AggregateConfig::Min => Aggregate::Min(column()?),
            AggregateConfig::Max => Aggregate::Max(column()?),
            AggregateConfig::Last => Aggregate::Last(column()?),
            AggregateConfig::Distinct => Aggregate::Distinct(column()?),
        })
    }
}

impl ConditionConfig {
    fn condition(&self) -> anyhow::Result<Condition> {
        let tests = [
            self.r#in.clone().map(Test::In),
            self.not_in.clone().map(Test::NotIn),
            self.equals.map(Test::Equals),
            self.below.map(Test::Below),
            self.at_most.map(Test::AtMost),
            self.above.map(Test::Above),
            self.at_least.map(Test::AtLeast),
        ];
        let mut given = tests.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(test), None) => Ok(Condition { column: self.column.clone(), test }),
            _ => bail!(
                "where: `{}`: give exactly one of in, not_in, equals, below, at_most, above and at_least",
                self.column
            ),
        }
    }
}

impl Window {
    fn days(self, periods: &LookbackPeriods) -> u32 {
        match self {
            Window::Days(days) => days,
            Window::ShortTerm => periods.short_term,
            Window::MediumTerm => periods.medium_term,
            Window::LongTerm => periods.long_term,
        }
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DaysOrName;

        impl Visitor<'_> for DaysOrName {
            type Value = Window;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of days, short_term, medium_term or long_term")
            }

            fn visit_u64<E: Error>(self, days: u64) -> Result<Window, E> {
                u32::try_from(days).map(Window::Days).map_err(|_| E::custom("too many days"))
            }

            fn visit_i64<E: Error>(self, days: i64) -> Result<Window, E> {
                u32::try_from(days).map(Window::Days).map_err(|_| E::custom("not a number of days"))
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Window, E> {
                match name {
                    "short_term" => Ok(Window::ShortTerm),
                    "medium_term" => Ok(Window::MediumTerm),
                    "long_term" => Ok(Window::LongTerm),
                    other => match other.parse() {
                        Ok(days) => Ok(Window::Days(days)),
                        Err(_) => Err(E::custom(format_args!(
                            "unknown window `{other}`, expected {}",
                            "a number of days, short_term, medium_term or long_term"
                        ))),
                    },
                }
            }
        }

        deserializer.deserialize_any(DaysOrName)
    }
}

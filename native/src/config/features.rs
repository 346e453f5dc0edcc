//! Feature definitions as config.yaml writes them: flat maps, turned into the core's definitions.

use anyhow::{Context, bail};
use nextbest_core::features::{
    Aggregate, Expression, FeatureDefinition, HoldingAggregate, RowFilter, RowSelection, SeasonPart,
    Transform,
};
use nextbest_core::schema::Product;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::LookbackPeriods;
use super::conditions::{ConditionConfig, filter};
use super::number_or_word::NumberOrWord;

/// A feature. Exactly one of `attribute`, `table`, `holdings`, `holds`, `ratio` and `season` says what it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureConfig {
    /// Its name. In a `holds: each` definition, `{product}` stands for the product's name.
    pub name: String,
    /// The group that it belongs to.
    #[serde(default)]
    pub group: String,
    /// Description; by default the name.
    pub label: Option<String>,
    /// A column of the customer.
    pub attribute: Option<String>,
    /// How the attribute becomes a number.
    pub transform: Option<TransformConfig>,
    /// An event table.
    pub table: Option<String>,
    /// How its rows are aggregated.
    pub aggregate: Option<AggregateConfig>,
    /// The column that is aggregated.
    pub column: Option<String>,
    /// Only rows of the last days: a number of days, or `short_term`, `medium_term`, `long_term`.
    pub window: Option<Window>,
    /// Only rows of products that are open at the cut-off.
    #[serde(default)]
    pub open: bool,
    /// Only rows for which all of these hold.
    #[serde(default)]
    pub r#where: Vec<ConditionConfig>,
    /// Of `share`: the rows for which all of these hold too.
    #[serde(default)]
    pub of: Vec<ConditionConfig>,
    /// Of `trend`: the short window.
    pub short: Option<Window>,
    /// Something about the products held or taken.
    pub holdings: Option<HoldingsConfig>,
    /// 1 where the product of this id is held, else 0; `each` makes such a feature for every product.
    pub holds: Option<String>,
    /// One earlier feature divided by another.
    pub ratio: Option<[String; 2]>,
    /// Where in the year, the month or the week the cut-off lies.
    pub season: Option<SeasonConfig>,
    /// Treatment of a missing value: `keep` it missing (default), or replace it by a number.
    pub missing: Option<NumberOrWord>,
}

/// Transform of an attribute.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformConfig {
    /// The value itself.
    Value,
    /// Years from it to the cut-off.
    YearsSince,
    /// Days from it to the cut-off.
    DaysSince,
    /// Its year, with a fraction.
    Year,
}

/// Aggregate of rows.
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
    Std,
    First,
    Entropy,
    Share,
    Trend,
    DaysUntilNext,
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

/// Where in the year, the month or the week the cut-off lies.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeasonConfig {
    Month,
    Quarter,
    DayOfMonth,
    Weekday,
    DayOfYear,
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
    /// Expands to definitions: one, or with `holds: each` one per product.
    ///
    /// # Errors
    /// If keys are missing or contradict each other; the message names the feature and the key.
    pub fn definitions(
        &self,
        periods: &LookbackPeriods,
        products: &[Product],
    ) -> anyhow::Result<Vec<FeatureDefinition>> {
        self.expand(periods, products).with_context(|| format!("feature `{}`", self.name))
    }

    fn expand(
        &self,
        periods: &LookbackPeriods,
        products: &[Product],
    ) -> anyhow::Result<Vec<FeatureDefinition>> {
        let missing = match &self.missing {
            None => None,
            Some(NumberOrWord::Word(word)) if word == "keep" => None,
            Some(NumberOrWord::Number(number)) if (*number as f32).is_finite() => Some(*number as f32),
            Some(other) => bail!("missing: expected keep or a number, got {other}"),
        };
        let definition = |name: String, label: String, expression: Expression| FeatureDefinition {
            name,
            label,
            group: self.group.clone(),
            expression,
            missing,
        };
        let label = self.label.clone().unwrap_or_else(|| self.name.clone());
        let expression = self.expression(periods)?;
        if self.holds.as_deref() != Some("each") {
            return Ok(vec![definition(self.name.clone(), label, expression)]);
        }
        if !self.name.contains("{product}") {
            bail!("name: `holds: each` needs a {{product}} in it");
        }
        let of_product = |product: &Product| {
            let word = product.name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "_");
            definition(
                self.name.replace("{product}", &word),
                label.replace("{product}", &product.name),
                Expression::Holdings(HoldingAggregate::Holds(product.id.clone())),
            )
        };
        Ok(products.iter().map(of_product).collect())
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
                TransformConfig::Year => Transform::Year,
            };
            return Ok(Expression::Attribute { column: column.clone(), transform });
        }
        if let Some(table) = &self.table {
            let rows = Box::new(RowSelection {
                window_days: self.window.map(|window| window.days(periods)),
                open: self.open,
                filter: filter(&self.r#where).context("where")?,
            });
            let aggregate = self.aggregate(periods)?;
            return Ok(Expression::Events { table: table.clone(), rows, aggregate });
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
            Some(SeasonConfig::DayOfMonth) => SeasonPart::DayOfMonth,
            Some(SeasonConfig::Weekday) => SeasonPart::Weekday,
            Some(SeasonConfig::DayOfYear) => SeasonPart::DayOfYear,
        }))
    }

    /// Refuses keys that have no effect on this kind of feature.
    fn refuse_keys_without_meaning(&self) -> anyhow::Result<()> {
        let of_tables = [
            ("aggregate", self.aggregate.is_some()),
            ("column", self.column.is_some()),
            ("window", self.window.is_some()),
            ("open", self.open),
            ("where", !self.r#where.is_empty()),
            ("of", !self.of.is_empty()),
            ("short", self.short.is_some()),
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

    fn aggregate(&self, periods: &LookbackPeriods) -> anyhow::Result<Aggregate> {
        let column = || self.column.clone().context("column: missing; this aggregate needs one");
        let aggregate = self.aggregate.context("aggregate: missing; `table` needs one")?;
        let without_column = matches!(
            aggregate,
            AggregateConfig::Count
                | AggregateConfig::DaysSinceLast
                | AggregateConfig::DaysSinceFirst
                | AggregateConfig::Share
        );
        if without_column && self.column.is_some() {
            bail!("column: this aggregate takes none");
        }
        if aggregate != AggregateConfig::Share && !self.of.is_empty() {
            bail!("of: has a meaning only with `aggregate: share`");
        }
        if aggregate != AggregateConfig::Trend && self.short.is_some() {
            bail!("short: has a meaning only with `aggregate: trend`");
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
            AggregateConfig::Std => Aggregate::Std(column()?),
            AggregateConfig::First => Aggregate::First(column()?),
            AggregateConfig::Entropy => Aggregate::Entropy(column()?),
            AggregateConfig::Share => match filter(&self.of).context("of")? {
                of if of == RowFilter::default() => {
                    bail!("of: missing; a share says of which rows, in conditions")
                }
                of => Aggregate::Share(Box::new(of)),
            },
            AggregateConfig::Trend => {
                self.window.context("window: missing; a trend needs one, and a `short` one")?;
                let short = self.short.context("short: missing; a trend needs a short window")?;
                Aggregate::Trend { column: self.column.clone(), short_days: short.days(periods) }
            }
            AggregateConfig::DaysUntilNext => Aggregate::DaysUntilNext(column()?),
        })
    }
}

impl Window {
    /// So many days.
    pub(super) fn days(self, periods: &LookbackPeriods) -> u32 {
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
        let whole = |days: f64| days.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&days);
        match NumberOrWord::deserialize(deserializer)? {
            NumberOrWord::Number(days) if whole(days) => Ok(Window::Days(days as u32)),
            NumberOrWord::Word(name) if name == "short_term" => Ok(Window::ShortTerm),
            NumberOrWord::Word(name) if name == "medium_term" => Ok(Window::MediumTerm),
            NumberOrWord::Word(name) if name == "long_term" => Ok(Window::LongTerm),
            other => Err(D::Error::custom(format_args!(
                "unknown window {other}, expected a number of days, short_term, medium_term or long_term"
            ))),
        }
    }
}

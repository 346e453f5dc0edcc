//! Turns the words of a policy into the core's gates, weights and terms.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use nextbest_core::features::{
    Aggregate, Condition, Expression, FeatureDefinition, FeatureEngine, HoldingAggregate, RowFilter,
    RowSelection, Test, Transform,
};
use nextbest_core::policy::{ContextWeight, Experiment, Gate, MeasureTest, PolicyDefinition, RankBy, Terms};
use nextbest_core::schema::{HoldingDefinition, HoldingProduct, Schema};
use nextbest_core::time::{self, DAY};

use super::{ContextConfig, MeasureConfig, Policy, ProductTermsConfig, RankByConfig};
use crate::config::LookbackPeriods;
use crate::config::conditions::{ConditionConfig, filter};

/// What the words of a policy are about.
pub struct PolicyContext<'c> {
    /// What is offered to whom.
    pub schema: &'c Schema,
    /// What the model reads.
    pub features: &'c [FeatureDefinition],
    /// The lengths of windows by name.
    pub periods: &'c LookbackPeriods,
    /// The customer table's key.
    pub key: &'c str,
}

impl Policy {
    /// The policy as the bundle carries it.
    ///
    /// # Errors
    /// If it names what is not there, or its keys contradict each other; the message names the key.
    pub fn definition(&self, context: &PolicyContext<'_>) -> anyhow::Result<PolicyDefinition> {
        let mut builder = Builder { context, measures: Vec::new(), gates: Vec::new() };
        self.add_gates(&mut builder)?;
        let mut terms = vec![Terms::default(); context.schema.products().len()];
        for (name, config) in &self.products {
            let key = || format!("products: `{name}`");
            let product = builder.product(name).with_context(key)?;
            builder.add_product_gates(product, config).with_context(key)?;
            if let Some(terms) = terms.get_mut(usize::from(product)) {
                *terms = config.terms().with_context(key)?;
            }
        }
        let mut weights = Vec::new();
        for (position, config) in self.context.iter().enumerate() {
            weights.push(builder.weight(config).with_context(|| format!("context: entry {}", position + 1))?);
        }
        let mutable = self.mutable.iter().map(|name| {
            let position = context.features.iter().position(|feature| &feature.name == name);
            let position = position.and_then(|position| u16::try_from(position).ok());
            position.with_context(|| format!("mutable: there is no feature `{name}`"))
        });
        let definition = PolicyDefinition {
            rank_by: match self.rank_by {
                RankByConfig::Probability => RankBy::Probability,
                RankByConfig::ExpectedValue => RankBy::ExpectedValue,
            },
            min_probability: self.min_probability,
            mutable: mutable.collect::<anyhow::Result<BTreeSet<_>>>()?.into_iter().collect(),
            terms: if self.products.is_empty() { Vec::new() } else { terms },
            weights,
            most_per_category: self.most_per_category,
            fallback: self.fallback.clone(),
            experiment: self.experiment.as_ref().map(|config| Experiment {
                key: config.key.clone().unwrap_or_else(|| context.key.to_owned()),
                salt: config.salt.clone(),
                holdout: config.holdout,
                temperature: config.temperature,
            }),
            measures: builder.measures,
            gates: builder.gates,
        };
        // Whatever a measure can't be computed from is said now, not when the bundle is read.
        FeatureEngine::new(context.schema, &definition.measures)?;
        definition.check(context.schema, context.features.len()).map_err(anyhow::Error::msg)?;
        Ok(definition)
    }

    fn add_gates(&self, builder: &mut Builder<'_>) -> anyhow::Result<()> {
        for (position, consent) in self.consent.iter().enumerate() {
            let key = || format!("consent: entry {}", position + 1);
            let aggregate = Aggregate::Last(consent.column.clone());
            let label = format!("last answer on {}", consent.rule);
            let rows = rows(&consent.r#where, None).with_context(key)?;
            let condition = builder.events(label, &consent.table, rows, aggregate);
            let condition = builder.test(condition, Test::In(consent.granted.clone()), !consent.required);
            let gate = builder.gate(&consent.rule, condition, &consent.products, &consent.channels);
            builder.gates.push(Gate { stops: consent.stop, ..gate.with_context(key)? });
        }
        for (position, cap) in self.contact_caps.iter().enumerate() {
            let key = || format!("contact_caps: entry {}", position + 1);
            let days = cap.window.days(builder.context.periods);
            let label = format!("contacts in {days} days");
            let rows = rows(&cap.r#where, Some(days)).with_context(key)?;
            let count = builder.events(label, &cap.table, rows, Aggregate::Count);
            let condition = builder.test(count, Test::Below(f64::from(cap.most)), true);
            let gate = builder.gate(&cap.rule, condition, &[], &cap.channels).with_context(key)?;
            builder.gates.push(gate);
        }
        if let Some(days) = self.min_tenure_days {
            builder.add_tenure(days, Vec::new())?;
        }
        if let Some(days) = self.min_gap_days {
            let expression = Expression::Holdings(HoldingAggregate::DaysSinceLastTaken);
            let since = builder.measure("days since the last product was taken".into(), expression);
            builder.push("minimum gap", since, Test::AtLeast(f64::from(days)), true, Vec::new());
        }
        for (position, gate) in self.gates.iter().enumerate() {
            let key = || format!("gates: entry {}", position + 1);
            let measure = builder.measure_of(&gate.measure).with_context(key)?;
            let test = gate.must_be.test().context("must_be").with_context(key)?;
            let condition = builder.test(measure, test, gate.missing_passes);
            let made = builder.gate(&gate.rule, condition, &gate.products, &gate.channels);
            builder.gates.push(Gate { stops: gate.stop, ..made.with_context(key)? });
        }
        Ok(())
    }
}

impl ProductTermsConfig {
    fn terms(&self) -> anyhow::Result<Terms> {
        Ok(Terms {
            category: self.category.clone(),
            value: self.value,
            lever: self.lever.unwrap_or(1.0),
            launch: self.launch.as_deref().map(day).transpose().context("launch")?,
            retire: self.retire.as_deref().map(day).transpose().context("retire")?,
            channels: self.channels.clone(),
        })
    }
}

fn rows(conditions: &[ConditionConfig], window_days: Option<u32>) -> anyhow::Result<RowSelection> {
    Ok(RowSelection { window_days, open: false, filter: filter(conditions).context("where")? })
}

/// Days since 1970-01-01.
fn day(date: &str) -> anyhow::Result<u32> {
    let day = time::parse(date).filter(|seconds| seconds % DAY == 0).map(|seconds| seconds / DAY);
    day.and_then(|day| u32::try_from(day).ok())
        .with_context(|| format!("expected a date such as 2026-01-31, got {date:?}"))
}

/// Collects gates and what they look at.
struct Builder<'c> {
    context: &'c PolicyContext<'c>,
    measures: Vec<FeatureDefinition>,
    gates: Vec<Gate>,
}

impl Builder<'_> {
    /// The position of a measure; the same again for the same expression.
    fn measure(&mut self, label: String, expression: Expression) -> u16 {
        self.define(FeatureDefinition {
            name: format!("measure_{}", self.measures.len() + 1),
            group: "policy".into(),
            label,
            expression,
            missing: None,
        })
    }

    fn define(&mut self, definition: FeatureDefinition) -> u16 {
        let same = |other: &FeatureDefinition| {
            (&other.expression, other.missing) == (&definition.expression, definition.missing)
        };
        let position = self.measures.iter().position(same).unwrap_or_else(|| {
            self.measures.push(definition.clone());
            self.measures.len() - 1
        });
        position as u16
    }

    fn measure_of(&mut self, config: &MeasureConfig) -> anyhow::Result<u16> {
        match config {
            MeasureConfig::Feature(name) => {
                let features = self.context.features;
                let feature = features.iter().find(|feature| &feature.name == name);
                let feature = feature.with_context(|| format!("measure: there is no feature `{name}`"))?;
                if let Expression::Ratio { numerator, denominator } = &feature.expression {
                    self.measure_of(&MeasureConfig::Feature(numerator.clone()))?;
                    self.measure_of(&MeasureConfig::Feature(denominator.clone()))?;
                }
                Ok(self.define(feature.clone()))
            }
            MeasureConfig::Own(config) => {
                let definitions = config.definitions(self.context.periods, self.context.schema.products());
                match definitions.context("measure")?.as_slice() {
                    [definition] => Ok(self.define(definition.clone())),
                    _ => bail!("measure: it stands for several; name a product instead of `each`"),
                }
            }
        }
    }

    fn events(&mut self, label: String, table: &str, rows: RowSelection, aggregate: Aggregate) -> u16 {
        self.measure(label, Expression::Events { table: table.to_owned(), rows: Box::new(rows), aggregate })
    }

    fn test(&self, measure: u16, test: Test, missing: bool) -> MeasureTest {
        MeasureTest { measure, test, missing }
    }

    fn push(&mut self, rule: &str, measure: u16, test: Test, missing: bool, products: Vec<u16>) {
        let condition = self.test(measure, test, missing);
        let rule = rule.to_owned();
        self.gates.push(Gate { rule, condition, products, channels: Vec::new(), stops: false });
    }

    fn gate(
        &self,
        rule: &str,
        condition: MeasureTest,
        products: &[String],
        channels: &[String],
    ) -> anyhow::Result<Gate> {
        let products = self.products(products)?;
        Ok(Gate { rule: rule.to_owned(), condition, products, channels: channels.to_vec(), stops: false })
    }

    fn weight(&mut self, config: &ContextConfig) -> anyhow::Result<ContextWeight> {
        let condition = match (&config.measure, &config.is) {
            (None, None) => None,
            (Some(measure), Some(is)) => {
                let measure = self.measure_of(measure)?;
                Some(self.test(measure, is.test().context("is")?, false))
            }
            _ => bail!("measure and is: give both or none"),
        };
        let products = self.products(&config.products)?;
        Ok(ContextWeight { condition, products, channels: config.channels.clone(), weight: config.weight })
    }

    fn add_product_gates(&mut self, product: u16, config: &ProductTermsConfig) -> anyhow::Result<()> {
        let schema = self.context.schema;
        if let Some(days) = config.min_tenure_days {
            self.add_tenure(days, vec![product])?;
        }
        if let Some(age) = config.max_age {
            let column = schema.birth_date().and_then(|column| schema.customer().columns.get(column));
            let column = column.context("max_age: the schema has no date of birth")?.name.clone();
            let years = Expression::Attribute { column, transform: Transform::YearsSince };
            let age_in_years = self.measure("age in years".into(), years);
            // Who is 65 is so up to the eve of the next birthday.
            let next = age.floor() + 1.0;
            self.push("maximum age", age_in_years, Test::Below(next), false, vec![product]);
        }
        if let Some(days) = config.min_gap_days {
            for (label, expression) in self.since_taken(product) {
                let since = self.measure(label, expression);
                self.push("minimum gap", since, Test::AtLeast(f64::from(days)), true, vec![product]);
            }
        }
        for name in &config.requires {
            let required = schema.products().get(usize::from(self.product(name).context("requires")?));
            let Some(required) = required else { continue };
            let holds = Expression::Holdings(HoldingAggregate::Holds(required.id.clone()));
            let held = self.measure(format!("holds {}", required.name), holds);
            self.push("required product", held, Test::Equals(1.0), false, vec![product]);
        }
        Ok(())
    }

    fn add_tenure(&mut self, days: u32, products: Vec<u16>) -> anyhow::Result<()> {
        let schema = self.context.schema;
        let column = schema.established().and_then(|column| schema.customer().columns.get(column));
        let column = column.context("min_tenure_days: the schema does not say since when")?.name.clone();
        let since = Expression::Attribute { column, transform: Transform::DaysSince };
        let tenure = self.measure("days as a customer".into(), since);
        self.push("minimum tenure", tenure, Test::AtLeast(f64::from(days)), false, products);
        Ok(())
    }

    /// Days since a product was taken last, of each table that it may stand in.
    fn since_taken(&self, product: u16) -> Vec<(String, Expression)> {
        let schema = self.context.schema;
        let Some(product) = schema.products().get(usize::from(product)) else { return Vec::new() };
        let of_holding = |holding: &HoldingDefinition| {
            let conditions = match &holding.product {
                HoldingProduct::Column(column) => {
                    vec![Condition { column: column.clone(), test: Test::In(vec![product.id.clone()]) }]
                }
                HoldingProduct::Always(id) if *id == product.id => Vec::new(),
                HoldingProduct::Always(_) => return None,
            };
            let filter = RowFilter { conditions, exclusions: Vec::new() };
            let rows = Box::new(RowSelection { filter, ..RowSelection::default() });
            let table = holding.table.clone();
            let expression = Expression::Events { table, rows, aggregate: Aggregate::DaysSinceLast };
            Some((format!("days since {} was taken", product.name), expression))
        };
        schema.definition().holdings.iter().filter_map(of_holding).collect()
    }

    fn products(&self, names: &[String]) -> anyhow::Result<Vec<u16>> {
        names.iter().map(|name| self.product(name)).collect()
    }

    /// The position of a product by its name or its id.
    fn product(&self, name: &str) -> anyhow::Result<u16> {
        let products = self.context.schema.products();
        let position = products.iter().position(|product| product.name == name || product.id == name);
        let position = position.and_then(|position| u16::try_from(position).ok());
        position.with_context(|| {
            let names: Vec<&str> = products.iter().map(|product| product.name.as_str()).collect();
            format!("there is no product `{name}`, but {}", names.join(", "))
        })
    }
}

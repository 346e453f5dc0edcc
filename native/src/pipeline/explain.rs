//! How one customer's value of one feature came about.

use std::fmt;

use anyhow::{Context as _, bail};
use nextbest_core::customers::Customer;
use nextbest_core::features::{
    ExplainedFeature, ExplainedTable, Explanation, FeatureDefinition, FeatureEngine,
};
use nextbest_core::policy::Case;
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time;
use serde::Serialize;

use super::Session;
use super::as_of;
use super::features::{checked_definitions, definitions};
use crate::app::usage;
use crate::config::Config;
use crate::config::cutoffs;
use crate::io::tables::{Bank, LoadOptions, load, products};

/// Which value is to be explained.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The feature.
    pub name: &'a str,
    /// The customer's id.
    pub customer: &'a str,
    /// The cut-off; the last one where it is not given.
    pub as_of: Option<&'a str>,
    /// Leave rows out that can't be read.
    pub skip_bad_rows: bool,
}

/// A value, row by row.
#[derive(Debug, Serialize)]
pub struct Explained {
    customer: String,
    #[serde(flatten)]
    explanation: Explanation,
}

/// Explains how one value came about.
///
/// # Errors
/// Where there is no such feature, customer or cut-off, or the tables can't be read.
pub fn explain(session: &Session, question: &Question<'_>) -> anyhow::Result<Explained> {
    session.lock([session.tables()])?;
    let config = &session.config;
    let clock = config.data_source.clock().map_err(usage)?;
    let asked = question.as_of.map(|text| as_of(&clock, text)).transpose().map_err(usage)?;
    checked_definitions(config).map_err(usage)?;
    check_name(config, question.name)?;
    let options = LoadOptions { skip_bad_rows: question.skip_bad_rows, ..LoadOptions::default() };
    let bank = load(config, &options, &session.progress)?;
    let position = bank.ids.iter().position(|id| id == question.customer);
    let position = position.with_context(|| {
        let key = config.feature_store.key().unwrap_or_default();
        format!("no customer has the {key} {:?}", question.customer)
    })?;
    let cutoff = match asked {
        Some(cutoff) => cutoff,
        None => {
            let cutoffs = cutoffs::plan(&config.snapshots, bank.data_end).map_err(usage)?;
            cutoffs.last().copied().context("there is no cut-off; give one with --as-of")?
        }
    };
    let part = bank.part_of(position)?;
    let customer = part.customers.get(position - part.first).context("the customer is not in its part")?;
    if !Snapshot::new(&bank.schema, cutoff).is_customer(&customer) {
        let (id, date) = (question.customer, time::format(cutoff));
        session
            .warn(&format!("customer {id:?} had not come by {date}, so the feature table has no row for it"));
    }
    let definitions = definitions(config, bank.schema.products()).map_err(usage)?;
    refuse_objectors(config, &bank, &definitions, (question.customer, &customer), cutoff)?;
    let explanation =
        nextbest_core::features::explain(&bank.schema, &definitions, question.name, &customer, cutoff)
            .map_err(|error| usage(error.into()))?;
    Ok(Explained { customer: question.customer.to_owned(), explanation })
}

/// Whom the config's policy stops is not looked at here either: an objection holds whatever the cut-off asked
/// for.
fn refuse_objectors(
    config: &Config,
    bank: &Bank,
    definitions: &[FeatureDefinition],
    (id, customer): (&str, &Customer<'_>),
    cutoff: i64,
) -> anyhow::Result<()> {
    let policy = config.policy_definition(&bank.schema, definitions).map_err(usage)?;
    let measures = FeatureEngine::new(&bank.schema, &policy.measures)?;
    let moment = cutoff.max(bank.data_end);
    match Case::new(&policy, &measures, &bank.schema, customer, moment, None).stop() {
        None => Ok(()),
        Some(stop) => bail!("customer {id:?} is not looked at ({}: {})", stop.rule, stop.detail),
    }
}

/// A name that no feature has is found before the large tables are read.
fn check_name(config: &Config, name: &str) -> anyhow::Result<()> {
    let definitions = definitions(config, &products(config, &config.schema()?)?).map_err(usage)?;
    match definitions.iter().any(|definition| definition.name == name) {
        true => Ok(()),
        false => Err(usage(anyhow::anyhow!(
            "there is no feature `{name}`: `nextbest features --catalogue` lists all"
        ))),
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cutoff = &self.explanation.cutoff;
        for (position, feature) in self.explanation.features.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            writeln!(f, "{} of customer {} at {cutoff}", feature.feature, self.customer)?;
            writeln!(f, "  {}", feature.definition)?;
            for table in &feature.tables {
                writeln!(f)?;
                print_table(f, table)?;
            }
            if !feature.tables.is_empty() {
                writeln!(f)?;
            }
            writeln!(f, "  {}", feature.arithmetic)?;
            print_value(f, feature)?;
        }
        Ok(())
    }
}

fn print_value(f: &mut fmt::Formatter<'_>, feature: &ExplainedFeature) -> fmt::Result {
    let value = feature.value.map_or_else(|| "missing".to_owned(), |value| value.to_string());
    let word = feature.word.as_ref().map(|word| format!(" ({word})")).unwrap_or_default();
    let policy = match (feature.computed, feature.missing) {
        (Some(_), _) => "",
        (None, Some(_)) => ", which stands for a missing value",
        (None, None) => ", and kept so",
    };
    writeln!(f, "  value: {value}{word}{policy}")
}

/// All rows, in columns as wide as their widest cells.
fn print_table(f: &mut fmt::Formatter<'_>, table: &ExplainedTable) -> fmt::Result {
    let counts = table.rows.iter().filter(|row| row.counts).count();
    writeln!(f, "  {counts} of {} rows of {} count", table.rows.len(), table.table)?;
    if table.rows.is_empty() {
        return Ok(());
    }
    let header: Vec<String> = table.columns.iter().cloned().chain(["COUNTS".to_owned()]).collect();
    let lines = table.rows.iter().map(|row| {
        let verdict = match (row.counts, row.note.as_str()) {
            (true, "") => "yes".to_owned(),
            (true, note) => format!("yes: {note}"),
            (false, note) => format!("no: {note}"),
        };
        row.cells.iter().map(ToString::to_string).chain([verdict]).collect::<Vec<String>>()
    });
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(lines).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..=table.columns.len()).map(width).collect();
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(f, "    {}", padded.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

//! `nextbest features`: the bank's tables → the feature table.

use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::bail;
use nextbest_core::features::{FeatureDefinition, FeatureEngine};
use nextbest_core::schema::{Product, Schema};
use nextbest_core::snapshot::{ProductSet, Snapshot};
use nextbest_core::time;
use nextbest_core::train::{Leak, find_leaks};
use rayon::prelude::*;
use serde::Serialize;

use crate::cli::{Context, usage};
use crate::config::Config;
use crate::feature_table::{FeatureTable, Layout};
use crate::tables::{Bank, LoadOptions, TableQuality, declared_schema, load};
use crate::{cutoffs, output};

#[derive(Debug, Default, clap::Args)]
#[group(id = "features")]
pub(crate) struct Arguments {
    /// Leave rows out that can't be read, instead of stopping
    #[arg(long)]
    pub(crate) skip_bad_rows: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Computed {
    parquet: PathBuf,
    csv: PathBuf,
    features: usize,
    rows: usize,
    /// Seconds spent reading and joining the tables.
    read_seconds: f64,
    /// Seconds spent computing features and labels.
    compute_seconds: f64,
    tables: Vec<TableQuality>,
    cutoffs: Vec<CutoffSummary>,
    leaks: Vec<NamedLeak>,
}

/// How many customers there were at a cut-off, and how many of them took a product next.
#[derive(Debug, Serialize)]
struct CutoffSummary {
    cutoff: String,
    customers: usize,
    buyers: usize,
}

#[derive(Debug, Serialize)]
struct NamedLeak {
    feature: String,
    product: String,
    roc_auc: f64,
    support: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Computed> {
    let config = &context.config;
    check_definitions(config).map_err(usage)?;
    let options = LoadOptions { skip_bad_rows: arguments.skip_bad_rows, schema: None };
    let started = Instant::now();
    let bank = load(config, options, &context.progress)?;
    let read_seconds = started.elapsed().as_secs_f64();
    for table in bank.quality.iter().filter(|table| table.bad > 0) {
        context.warn(&format!("{}: left out {} bad rows", table.file.display(), table.bad));
    }
    let started = Instant::now();
    let table = compute(context, &bank)?;
    let compute_seconds = started.elapsed().as_secs_f64();
    table.check_unique()?;
    context.progress.step("looking for leaks".into());
    let leaks = leaks(&table, config.snapshots.leak_threshold);
    for leak in &leaks {
        context.warn(&format!(
            "feature `{}` alone tells who takes {} next (area under the ROC curve {:.3}, {} takers): it was probably \
             written down after the fact",
            leak.feature, leak.product, leak.roc_auc, leak.support
        ));
    }
    let parquet = config.feature_table().with_extension("parquet");
    let csv = config.feature_table().with_extension("csv");
    context.progress.step(format!("writing {}", parquet.display()));
    table.write_parquet(&parquet)?;
    table.write_csv(&csv)?;
    let leak_row = |leak: &NamedLeak| {
        [leak.feature.clone(), leak.product.clone(), leak.roc_auc.to_string(), leak.support.to_string()]
    };
    output::write_csv(
        &config.outputs.path.join("features").join("leaks.csv"),
        ["FEATURE", "PRODUCT", "ROC_AUC", "SUPPORT"],
        leaks.iter().map(leak_row),
    )?;
    let summaries = table.distinct_cutoffs().into_iter().map(|cutoff| {
        let at = table.cutoffs.iter().zip(&table.labels).filter(|(other, _)| **other == cutoff);
        let (customers, buyers) =
            at.fold((0, 0), |(all, buyers), (_, label)| (all + 1, buyers + usize::from(*label > 0)));
        CutoffSummary { cutoff: time::format(cutoff), customers, buyers }
    });
    Ok(Computed {
        parquet,
        csv,
        features: table.width(),
        rows: table.len(),
        read_seconds,
        compute_seconds,
        tables: bank.quality,
        cutoffs: summaries.collect(),
        leaks,
    })
}

/// Finds mistakes in definitions before any data is read.
///
/// # Errors
/// The message names the first definition that can't be computed, and the key.
fn check_definitions(config: &Config) -> anyhow::Result<()> {
    let without_products = definitions(config, &[])?;
    let schema = declared_schema(config, &without_products)?;
    let definitions = definitions(config, schema.products())?;
    if definitions.is_empty() {
        bail!("feature_engineering.features: there are none");
    }
    FeatureEngine::new(&schema, &definitions)?;
    Ok(())
}

/// The config's feature definitions for some products.
pub(crate) fn definitions(config: &Config, products: &[Product]) -> anyhow::Result<Vec<FeatureDefinition>> {
    let periods = &config.feature_engineering.lookback_periods;
    let mut definitions = Vec::new();
    for feature in config.features()? {
        definitions.extend(feature.definitions(periods, products)?);
    }
    Ok(definitions)
}

/// Computes the features of every customer at every cut-off.
fn compute(context: &Context, bank: &Bank) -> anyhow::Result<FeatureTable> {
    let config = &context.config;
    let layout = layout(config, &bank.schema)?;
    let engine = FeatureEngine::new(&layout.schema, &layout.features).map_err(|error| usage(error.into()))?;
    let cutoffs = cutoffs::plan(&config.snapshots, bank.data_end).map_err(usage)?;
    context.progress.parts("computing features".into(), cutoffs.len() as u64);
    let mut table =
        FeatureTable { ids: vec![], cutoffs: vec![], labels: vec![], held: vec![], values: vec![], layout };
    for cutoff in cutoffs {
        let snapshot = Snapshot::new(&bank.schema, cutoff);
        let parts: Vec<Part> = (0..bank.customers.len())
            .into_par_iter()
            .fold(Part::default, |mut part, index| {
                if let Some(customer) =
                    bank.customers.get(index).filter(|customer| snapshot.is_customer(customer))
                {
                    part.customers.push(index);
                    part.labels.extend(snapshot.label(&customer));
                    part.held.push(snapshot.held(&customer));
                    engine.compute(&customer, cutoff, &mut part.values);
                }
                part
            })
            .collect();
        // The parts come in the order of the customers, however many threads made them.
        for part in parts {
            table.ids.extend(part.customers.iter().filter_map(|index| bank.ids.get(*index).cloned()));
            table.cutoffs.extend(part.customers.iter().map(|_| cutoff));
            table.labels.extend(part.labels);
            table.held.extend(part.held);
            table.values.extend(part.values);
        }
        context.progress.part_done();
    }
    match table.is_empty() {
        true => bail!("there was no customer at any cut-off: check the column that says when customers came"),
        false => Ok(table),
    }
}

#[derive(Default)]
struct Part {
    customers: Vec<usize>,
    labels: Vec<usize>,
    held: Vec<ProductSet>,
    values: Vec<f32>,
}

fn layout(config: &Config, schema: &Schema) -> anyhow::Result<Layout> {
    Ok(Layout {
        key_column: config.feature_store.key()?.to_owned(),
        cutoff_column: config.feature_store.timestamp_key.clone(),
        label_column: config.model.target_variable.clone(),
        schema: schema.clone(),
        features: definitions(config, schema.products()).map_err(usage)?,
    })
}

fn leaks(table: &FeatureTable, threshold: f64) -> Vec<NamedLeak> {
    let products = table.layout.schema.products();
    let holds = |row: usize, class: usize| {
        let product = class.saturating_sub(1);
        let repeatable = products.get(product).is_none_or(|product| product.repeatable);
        !repeatable && table.held.get(row).is_some_and(|held| held.contains(product))
    };
    let classes = table.layout.schema.class_count();
    let found = find_leaks(&table.values, table.width(), &table.labels, classes, holds, threshold);
    let named = |leak: &Leak| {
        Some(NamedLeak {
            feature: table.layout.features.get(leak.feature)?.name.clone(),
            product: products.get(leak.class.checked_sub(1)?)?.name.clone(),
            roc_auc: leak.roc_auc,
            support: leak.support,
        })
    };
    found.iter().filter_map(named).collect()
}

impl fmt::Display for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "read")?;
        for table in &self.tables {
            write!(f, "  {:<16}{:>10} rows", table.table, table.rows)?;
            if table.outside > 0 {
                write!(f, ", {} of others than our customers", table.outside)?;
            }
            if table.bad > 0 {
                write!(f, ", {} bad rows left out", table.bad)?;
            }
            writeln!(f)?;
        }
        writeln!(f, "{} features of {} customers at cut-offs", self.features, self.rows)?;
        for cutoff in &self.cutoffs {
            let share = 100.0 * cutoff.buyers as f64 / cutoff.customers.max(1) as f64;
            writeln!(
                f,
                "  {}{:>10} customers, {:>6} took a product next ({share:.2} %)",
                cutoff.cutoff, cutoff.customers, cutoff.buyers
            )?;
        }
        match self.leaks.len() {
            0 => writeln!(f, "no feature alone tells too much (no leak found)")?,
            count => writeln!(f, "{count} suspected leaks: see the warnings")?,
        }
        writeln!(f, "wrote {} and {}", self.parquet.display(), self.csv.display())
    }
}

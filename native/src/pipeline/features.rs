//! The bank's tables → the feature table.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use nextbest_core::features::{Expression, FeatureDefinition, FeatureEngine};
use nextbest_core::schema::{Product, Schema};
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time::{self, DAY};
use rayon::prelude::*;
use serde::Serialize;

use super::Session;
use crate::app::usage;
use crate::config::cutoffs;
use crate::config::{Config, StoreFormat};
use crate::doctor::{self, LeakScore};
use crate::io::feature_table::delta::{self, Commit};
use crate::io::feature_table::{FeatureTable, FeatureTableWriter, Layout, Manifest};
use crate::io::output::{self, Use};
use crate::io::rare_words;
use crate::io::tables::{Bank, LoadOptions, Part, RuledWords, TableQuality, declared_schema, load, products};

pub use super::as_of::{Questions, read as as_of};
pub use super::catalogue::catalogue;
pub use super::explain::{Question, explain};

/// How the feature table is computed.
#[derive(Debug, Default, clap::Args)]
#[group(id = "features")]
pub struct Options {
    /// Skip unreadable rows instead of stopping
    #[arg(long)]
    pub skip_bad_rows: bool,
}

/// The feature table that was written.
#[derive(Debug, Serialize)]
pub struct Computed {
    parquet: PathBuf,
    csv: Option<PathBuf>,
    delta: Option<DeltaVersion>,
    /// The SHA-256 of the Parquet file.
    version: String,
    features: usize,
    rows: usize,
    /// Seconds spent reading and joining the tables.
    read_seconds: f64,
    /// Seconds spent computing features and labels.
    compute_seconds: f64,
    tables: Vec<TableQuality>,
    cutoffs: Vec<CutoffSummary>,
    leaks: Vec<LeakScore>,
}

#[derive(Debug, Serialize)]
struct DeltaVersion {
    folder: PathBuf,
    version: u64,
}

/// How many customers there were at a cut-off, and how many of them took a product next.
#[derive(Debug, Serialize)]
struct CutoffSummary {
    cutoff: String,
    customers: usize,
    buyers: usize,
}

/// Computes the feature table: one row for each customer at each cut-off.
///
/// # Errors
/// Where the config, the tables or a row of them can't be understood, or the table can't be written.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Computed> {
    let processed = session.config.data_source.output_path();
    session.lock([session.tables(), (processed, Use::Write), session.outputs()])?;
    let config = &session.config;
    if !config.feature_store.wants(StoreFormat::Parquet) {
        return Err(usage(anyhow::anyhow!(
            "feature_store.formats: parquet is missing, which training reads"
        )));
    }
    let definitions = checked_definitions(config).map_err(usage)?;
    let declared = declared_schema(config, &definitions).map_err(usage)?;
    layout(config, &declared)?.check_names()?;
    let seen = seen_rows(config, &definitions).map_err(usage)?;
    let ruled = ruled_words(config, &definitions)?;
    let loading = LoadOptions { skip_bad_rows: options.skip_bad_rows, schema: None, seen, ruled };
    let started = Instant::now();
    let bank = load(config, &loading, &session.progress)?;
    let read_seconds = started.elapsed().as_secs_f64();
    if !bank.unmet.is_empty() {
        session.warn(&format!(
            "the policy names words that no row has, in case they come: {}",
            bank.unmet.join(", ")
        ));
    }
    let started = Instant::now();
    let parquet = config.feature_table().with_extension("parquet");
    let csv = config.feature_store.wants(StoreFormat::Csv).then(|| parquet.with_extension("csv"));
    let (layout, cutoffs) = compute(session, &bank, &parquet, csv.as_deref())?;
    let compute_seconds = started.elapsed().as_secs_f64();
    session.progress.step("looking for leaks".into());
    let leaks = leaks(&parquet, &layout, config.snapshots.leak_threshold)?;
    for leak in &leaks {
        session.warn(&format!(
            "feature `{}` alone tells who takes {} next (area under the ROC curve {:.3}, {} takers): it was \
             probably \
             written down after the fact",
            leak.feature, leak.product, leak.roc_auc, leak.support
        ));
    }
    output::write_csv(
        &config.outputs.path.join("features").join("leaks.csv"),
        ["FEATURE", "PRODUCT", "ROC_AUC", "SUPPORT"],
        leaks.iter().map(LeakScore::cells),
    )?;
    let store = &config.feature_store;
    let rows = cutoffs.iter().map(|cutoff| cutoff.customers).sum();
    let dates = cutoffs.iter().map(|cutoff| cutoff.cutoff.clone()).collect();
    let sources = sources(&bank.quality)?;
    let manifest =
        Manifest::new(&store.table_name, &store.description, &layout, &parquet, rows, dates, sources)?;
    output::write_json(&parquet.with_extension("json"), &manifest)?;
    let delta = match store.wants(StoreFormat::Delta) {
        true => {
            let folder = config.feature_table();
            session.progress.step(format!("writing {}", folder.display()));
            let (Commit::Written(version) | Commit::Unchanged(version)) =
                delta::commit(&folder, &parquet, &layout, &store.description)?;
            Some(DeltaVersion { folder, version })
        }
        false => None,
    };
    let version = manifest.version;
    Ok(Computed {
        parquet,
        csv,
        delta,
        version,
        features: layout.features.len(),
        rows,
        read_seconds,
        compute_seconds,
        tables: bank.quality,
        cutoffs,
        leaks,
    })
}

/// The files that were read, by name, each with its SHA-256: what a model card calls its training data.
fn sources(tables: &[TableQuality]) -> anyhow::Result<Vec<(String, String)>> {
    let name =
        |file: &Path| file.file_name().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
    let source = |table: &TableQuality| Ok((name(&table.file), output::file_hash(&table.file)?));
    let mut sources: Vec<_> = tables.par_iter().map(source).collect::<anyhow::Result<_>>()?;
    // Several tables may be views of one file.
    sources.sort();
    sources.dedup();
    Ok(sources)
}

/// The config's feature definitions as far as they are known before any data is read, and whether they can be
/// computed.
///
/// # Errors
/// The message names the first definition that can't be, and the key.
pub(super) fn checked_definitions(config: &Config) -> anyhow::Result<Vec<FeatureDefinition>> {
    let without_products = definitions(config, &[])?;
    let schema = declared_schema(config, &without_products)?;
    let definitions = definitions(config, schema.products())?;
    if definitions.is_empty() {
        bail!("feature_engineering.features: there are none");
    }
    FeatureEngine::new(&schema, &definitions)?;
    Ok(definitions)
}

/// The config's feature definitions for some products.
pub(super) fn definitions(config: &Config, products: &[Product]) -> anyhow::Result<Vec<FeatureDefinition>> {
    let periods = &config.feature_engineering.lookback_periods;
    let mut definitions = Vec::new();
    for feature in config.features()? {
        definitions.extend(feature.definitions(periods, products)?);
    }
    Ok(definitions)
}

/// Which rows of which tables some feature can see, as far as the config's first and last cut-off tell.
/// Tables that hold products are read whole, since labels lie behind the cut-offs.
fn seen_rows(
    config: &Config,
    definitions: &[FeatureDefinition],
) -> anyhow::Result<BTreeMap<String, Range<f64>>> {
    let schema = config.schema()?;
    let (first, last) = cutoffs::bounds(&config.snapshots)?;
    let end = last.map_or(f64::INFINITY, |last| last as f64);
    let mut seen = BTreeMap::new();
    for (name, table) in &schema.tables {
        if table.time.is_none() || schema.holdings.iter().any(|holding| &holding.table == name) {
            continue;
        }
        let windows = definitions.iter().filter_map(|definition| match &definition.expression {
            Expression::Events { table, rows, .. } if table == name => Some(rows.window_days),
            _ => None,
        });
        // A feature without a window sees everything before the cut-off.
        let longest = windows.map(|days| days.map_or(f64::INFINITY, f64::from)).fold(0.0, f64::max);
        let start = first.map_or(f64::NEG_INFINITY, |first| first as f64 - longest * DAY as f64);
        seen.insert(name.clone(), start..end);
    }
    Ok(seen)
}

/// What the policy reads by its words. A bundle is to know them, so that a rule that was written before the
/// first objection came knows what it is.
fn ruled_words(config: &Config, definitions: &[FeatureDefinition]) -> anyhow::Result<RuledWords> {
    let mut declared = declared_schema(config, definitions)?.definition().clone();
    declared.products = products(config, &config.schema()?)?;
    let policy = config.policy_definition(&declared.try_into()?, definitions).map_err(usage)?;
    let words = policy.words().into_iter();
    Ok(words
        .map(|((table, column), words)| {
            let place = (table.map(str::to_owned), column.to_owned());
            (place, words.into_iter().map(str::to_owned).collect())
        })
        .collect())
}

/// Computes the features of every customer at every cut-off and writes them, part by part.
fn compute(
    session: &Session,
    bank: &Bank,
    parquet: &Path,
    csv: Option<&Path>,
) -> anyhow::Result<(Arc<Layout>, Vec<CutoffSummary>)> {
    let config = &session.config;
    let layout = Arc::new(Layout { rare_words: rare_words::of_bank(bank)?, ..layout(config, &bank.schema)? });
    layout.check_names()?;
    let engine = FeatureEngine::new(&layout.schema, &layout.features).map_err(|error| usage(error.into()))?;
    cutoffs::check_data_end(&config.snapshots, bank.data_end).map_err(usage)?;
    let cutoffs = cutoffs::plan(&config.snapshots, bank.data_end).map_err(usage)?;
    session.progress.parts("computing features".into(), bank.part_count() as u64);
    let mut summaries: Vec<CutoffSummary> = cutoffs
        .iter()
        .map(|cutoff| CutoffSummary { cutoff: time::format(*cutoff), customers: 0, buyers: 0 })
        .collect();
    let folder = parquet.parent().context("the feature table has no folder")?;
    let names = [Some(parquet), csv].into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|path| path.file_name()?.to_str()).collect();
    output::FileSet { folder, command: "features", names: &names, stale: &[] }.write(|files| {
        let mut files = files.iter_mut();
        let file = files.next().context("no file to write to")?;
        let mut writer = FeatureTableWriter::new(&layout, file, files.next())?;
        let rows_of_part = |part: &Part| feature_rows(part, bank, &layout, &engine, &cutoffs);
        bank.each_part(rows_of_part, |rows| {
            for (cutoff, label) in rows.cutoffs.iter().zip(&rows.labels) {
                let position = cutoffs.binary_search(cutoff).unwrap_or(usize::MAX);
                if let Some(summary) = summaries.get_mut(position) {
                    summary.customers += 1;
                    summary.buyers += usize::from(*label > 0);
                }
            }
            session.progress.part_done();
            writer.push(rows)
        })?;
        writer.finish()?;
        let with_customers = cutoffs.iter().zip(&summaries).find(|(_, summary)| summary.customers > 0);
        let Some((with_customers, _)) = with_customers else {
            bail!("there was no customer at any cut-off: check the column that says when customers came")
        };
        let warning = cutoffs::check_first(&config.snapshots, *with_customers, bank.data_start);
        warning.map_err(usage)?.iter().for_each(|warning| session.warn(warning));
        Ok(())
    })?;
    Ok((layout, summaries))
}

/// The rows of some customers: cut-off by cut-off, those who had come by then.
fn feature_rows(
    part: &Part,
    bank: &Bank,
    layout: &Arc<Layout>,
    engine: &FeatureEngine,
    cutoffs: &[i64],
) -> anyhow::Result<FeatureTable> {
    let mut table = FeatureTable::empty(layout);
    for &cutoff in cutoffs {
        let snapshot = Snapshot::new(&bank.schema, cutoff);
        for (index, customer) in part.customers.iter().enumerate() {
            if !snapshot.is_customer(&customer) {
                continue;
            }
            table.ids.push(bank.ids.get(part.first + index).cloned().context("a customer has no id")?);
            table.cutoffs.push(cutoff);
            table.labels.extend(snapshot.label(&customer));
            table.held.push(snapshot.held(&customer));
            engine.compute(&customer, cutoff, &mut table.values);
        }
    }
    Ok(table)
}

fn layout(config: &Config, schema: &Schema) -> anyhow::Result<Layout> {
    Ok(Layout {
        key_column: config.feature_store.key()?.to_owned(),
        cutoff_column: config.feature_store.timestamp_key.clone(),
        label_column: config.model.target_variable.clone(),
        schema: schema.clone(),
        features: definitions(config, schema.products()).map_err(usage)?,
        rare_words: Vec::new(),
    })
}

/// Features that alone tell too much.
fn leaks(parquet: &Path, layout: &Layout, threshold: f64) -> anyhow::Result<Vec<LeakScore>> {
    // No area is larger than 1: there is nothing to look for.
    if threshold > 1.0 {
        return Ok(Vec::new());
    }
    let mut scores = doctor::leak_scores(parquet, layout)?;
    scores.retain(|score| score.is_leak(threshold));
    Ok(scores)
}

impl fmt::Display for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "read")?;
        for table in &self.tables {
            writeln!(f, "  {table}")?;
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
        for file in [Some(&self.parquet), self.csv.as_ref()].into_iter().flatten() {
            writeln!(f, "wrote {}", file.display())?;
        }
        match &self.delta {
            Some(delta) => writeln!(f, "wrote {} (Delta, version {})", delta.folder.display(), delta.version),
            None => Ok(()),
        }
    }
}

//! `nextbest score`: offers for all customers of the tables, or for some from a JSON file.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use nextbest_core::recommend::{Options, Recommender};
use nextbest_core::request::RequestOptions;
use nextbest_core::schema::Task;
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time;
use serde::Serialize;

use super::{as_of, score_customers, score_table};
use crate::app::human_bytes;
use crate::app::usage;
use crate::commands::Context;
use crate::config::OutputFormat;
use crate::io::offer_log::{self, LoggedCandidate};
use crate::io::output;
use crate::io::predictions;
use crate::io::predictions::Prediction;
use crate::io::tables::{LoadOptions, Part, load};
use crate::trust::Demands;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// The bundle, a file or a registered version (models:/NAME@production); outputs/bundle/nextbest.bundle where it is not given
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Use only a bundle that this public key (PEM) signed (config: trust.public_key)
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// The moment of the question: rows from this date on are not read. The day after the last event where it is not
    /// given
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Where the offers will be shown: a channel that the policy names
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// Leave rows out that can't be read, instead of stopping. With --table: and count cells that are not what their column
    /// holds as missing
    #[arg(long)]
    skip_bad_rows: bool,
    /// Score the customers of this JSON file, `[{"id": …, "asOf": …, "customer": {…}}]`, instead of the tables'; top, explain,
    /// counterfactual, channel and strict may stand beside
    #[arg(long, value_name = "FILE", group = "file")]
    customers: Option<PathBuf>,
    /// Score the rows of this plain table, CSV or Parquet, with the bundle that `train --table` made
    #[arg(long, value_name = "FILE", group = "file")]
    table: Option<PathBuf>,
    /// With --table: the column that names a row in the results; rows are numbered where it is not given
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// Also write what each customer's first offer was chosen from, and with which probability, to this file, CSV or Parquet by
    /// its ending: `nextbest policy-eval` reads it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    log: Option<PathBuf>,
    /// With --customers: say what the customer could change for another product to come first
    #[arg(long, requires = "customers")]
    counterfactual: bool,
    /// With --customers: add the bits of the features and probabilities, to compare scorers with each other; none of customers
    /// whom the policy stops, who are not scored
    #[arg(long, requires = "customers")]
    bits: bool,
    /// With --customers: write the answers to this file instead of standard output. With --table: write the results to
    /// this file, CSV or Parquet by its ending
    #[arg(long, value_name = "FILE", requires = "file")]
    out: Option<PathBuf>,
}

impl Arguments {
    /// Score the tables, leaving bad rows out or not.
    pub(crate) fn skipping(skip_bad_rows: bool) -> Self {
        Self { skip_bad_rows, ..Self::default() }
    }
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<()> {
    let path = arguments.bundle.clone().unwrap_or_else(|| context.config.bundle_path());
    let bytes = super::bundle_bytes(context, &path)?;
    let place = || path.display().to_string();
    let demands = Demands::new(&context.config.trust, arguments.public_key.as_deref())?;
    demands.check_signature(&bytes).with_context(place)?;
    let recommender = Recommender::load(&bytes).with_context(place)?;
    demands.check_validity(recommender.bundle()).with_context(place)?;
    if let Some(file) = &arguments.table {
        let (id, out) = (arguments.id.as_deref(), arguments.out.as_deref());
        return context.print(&score_table::run(
            context,
            &recommender,
            file,
            id,
            out,
            arguments.skip_bad_rows,
        )?);
    }
    if let Task::Label { .. } = recommender.schema().task() {
        return Err(usage(anyhow::anyhow!(
            "{}: the bundle is of a plain table: score the rows of one with --table FILE",
            path.display()
        )));
    }
    match &arguments.customers {
        Some(file) => {
            let options = RequestOptions {
                as_of: arguments.as_of.clone(),
                top: context.config.deployment.batch_inference.top_k_recommendations,
                counterfactual: arguments.counterfactual,
                channel: arguments.channel.clone(),
                ..RequestOptions::default()
            };
            let answers = score_customers::run(&recommender, file, &options, arguments.bits)?;
            match &arguments.out {
                Some(out) => output::write_json(out, &answers),
                None => context.print(&answers),
            }
        }
        None => context.print(&score_tables(context, &recommender, arguments)?),
    }
}

#[derive(Debug, Serialize)]
struct Scored {
    file: PathBuf,
    bytes: u64,
    as_of: String,
    customers: usize,
    offers: usize,
    model_version: String,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<PathBuf>,
}

fn score_tables(
    context: &Context,
    recommender: &Recommender,
    arguments: &Arguments,
) -> anyhow::Result<Scored> {
    let config = &context.config;
    let clock = config.data_source.clock_of(recommender.schema()).map_err(usage)?;
    let asked = arguments.as_of.as_deref().map(|text| as_of(clock, text)).transpose().map_err(usage)?;
    let key = config.feature_store.key()?;
    if let Some(other) = recommender.customer_key().filter(|other| *other != key) {
        return Err(usage(anyhow::anyhow!(
            "feature_store.primary_keys: the config says {key}, but the bundle's experiment knows customers by {other}"
        )));
    }
    predictions::check_names(key)?;
    if arguments.log.is_some() {
        offer_log::check_names(key)?;
    }
    let options = LoadOptions {
        skip_bad_rows: arguments.skip_bad_rows,
        schema: Some(recommender.schema()),
        ..LoadOptions::default()
    };
    let bank = load(config, &options, &context.progress)?;
    super::check_ruled_rows(&bank.quality, &recommender.bundle().policy)?;
    let as_of = asked.unwrap_or(bank.data_end);
    context.progress.parts("scoring".into(), bank.part_count() as u64);
    let started = std::time::Instant::now();
    let snapshot = Snapshot::new(&bank.schema, as_of);
    let top = config.deployment.batch_inference.top_k_recommendations;
    let channel = arguments.channel.as_deref();
    let (mut customers, mut rows, mut logged) = (0, Vec::new(), Vec::new());
    let predictions_of_part = |part: &Part| {
        let (mut count, mut predictions, mut log) = (0, Vec::new(), Vec::new());
        for (index, customer) in part.customers.iter().enumerate() {
            if snapshot.is_customer(&customer) {
                let id = bank.ids.get(part.first + index).map_or("", String::as_str);
                let options = Options { channel, customer: Some(id), ..Options::new(as_of, top) };
                let recommendation = recommender.recommend(&customer, options)?;
                predictions.extend(Prediction::of(id, &recommendation));
                if arguments.log.is_some() {
                    log.extend(LoggedCandidate::of(id, &bank.schema, &recommendation));
                }
                count += 1;
            }
        }
        Ok((count, predictions, log))
    };
    bank.each_part(predictions_of_part, |(count, predictions, log)| {
        customers += count;
        rows.extend(predictions);
        logged.extend(log);
        context.progress.part_done();
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    if customers == 0 {
        bail!("no customer came before {}", time::format(as_of));
    }
    let folder = config.outputs.path.join("predictions");
    let file = match config.deployment.batch_inference.output_format {
        OutputFormat::Csv => predictions::write_csv(&folder.join("recommendations.csv"), key, &rows)?,
        OutputFormat::Parquet => {
            predictions::write_parquet(&folder.join("recommendations.parquet"), key, &rows)?
        }
    };
    if let Some(path) = &arguments.log {
        let horizon_days = bank.schema.horizon_days();
        let model = offer_log::Model { horizon_days, version: recommender.model_version() };
        offer_log::write(path, key, &model, &logged)?;
    }
    Ok(Scored {
        log: arguments.log.clone(),
        bytes: std::fs::metadata(&file)?.len(),
        file,
        as_of: time::format(as_of),
        customers,
        offers: rows.len(),
        model_version: recommender.model_version(),
        seconds,
    })
}

impl fmt::Display for Scored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} offers for {} customers as of {}, by model {} in {:.2} s",
            self.offers, self.customers, self.as_of, self.model_version, self.seconds
        )?;
        writeln!(f, "wrote {} ({})", self.file.display(), human_bytes(self.bytes as usize))?;
        self.log.iter().try_for_each(|log| writeln!(f, "wrote {}", log.display()))
    }
}

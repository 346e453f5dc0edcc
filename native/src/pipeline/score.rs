//! Offers for all customers of the tables.

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;
use nextbest_core::recommend;
use nextbest_core::snapshot::Snapshot;
use nextbest_core::time;
use serde::Serialize;

use super::bundles::{Opened, check_ruled_rows};
pub(crate) use super::score_customers::run as customers;
pub(crate) use super::score_table::run as table;
use super::{Session, as_of};
use crate::app::human_bytes;
use crate::app::usage;
use crate::config::OutputFormat;
use crate::io::offer_log::{self, LoggedCandidate};
use crate::io::predictions;
use crate::io::predictions::Prediction;
use crate::io::tables::{LoadOptions, Part, load};

/// Which customers of the tables are scored, and for where.
#[derive(Debug, Default, clap::Args)]
#[group(id = "score")]
pub struct Options {
    /// Bundle, a file or a registered version (models:/NAME@production) [default:
    /// outputs/bundle/nextbest.bundle]
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Use only a bundle that this public key (PEM) signed (config: trust.public_key)
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Date of the question; rows from this date on are not read [default: the day after the last event]
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
    /// Channel in which the offers will be shown, as the policy names it
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    /// Skip unreadable rows instead of stopping. With --table: also count invalid cells as missing
    #[arg(long)]
    pub skip_bad_rows: bool,
    /// Also log the candidates for each customer's first offer, with their probabilities, to this file for
    /// `nextbest policy-eval`; CSV or Parquet, by its extension
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub log: Option<PathBuf>,
}

/// The offers that were written.
#[derive(Debug, Serialize)]
pub struct Scored {
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

/// Scores the customers of the tables and writes their offers.
///
/// # Errors
/// Where the bundle may not be used or is of a plain table, rows can't be read, or a file can't be written.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Scored> {
    session.lock([session.tables(), session.outputs()])?;
    let opened = options.open(session)?;
    let recommender = opened.recommender_of_customers()?;
    let config = &session.config;
    let clock = config.data_source.clock_of(recommender.schema()).map_err(usage)?;
    let asked = options.as_of.as_deref().map(|text| as_of(clock, text)).transpose().map_err(usage)?;
    let key = config.feature_store.key()?;
    if let Some(other) = recommender.customer_key().filter(|other| *other != key) {
        return Err(usage(anyhow::anyhow!(
            "feature_store.primary_keys: the config says {key}, but the bundle's experiment knows customers \
             by {other}"
        )));
    }
    predictions::check_names(key)?;
    if options.log.is_some() {
        offer_log::check_names(key)?;
    }
    let loading = LoadOptions {
        skip_bad_rows: options.skip_bad_rows,
        schema: Some(recommender.schema()),
        ..LoadOptions::default()
    };
    let bank = load(config, &loading, &session.progress)?;
    check_ruled_rows(&bank.quality, &recommender.bundle().policy)?;
    let as_of = asked.unwrap_or(bank.data_end);
    session.progress.parts("scoring".into(), bank.part_count() as u64);
    let started = std::time::Instant::now();
    let snapshot = Snapshot::new(&bank.schema, as_of);
    let top = config.deployment.batch_inference.top_k_recommendations;
    let channel = options.channel.as_deref();
    let (mut customers, mut rows, mut logged) = (0, Vec::new(), Vec::new());
    let predictions_of_part = |part: &Part| {
        let (mut count, mut predictions, mut log) = (0, Vec::new(), Vec::new());
        for (index, customer) in part.customers.iter().enumerate() {
            if snapshot.is_customer(&customer) {
                let id = bank.ids.get(part.first + index).map_or("", String::as_str);
                let asked =
                    recommend::Options { channel, customer: Some(id), ..recommend::Options::new(as_of, top) };
                let recommendation = recommender.recommend(&customer, asked)?;
                predictions.extend(Prediction::of(id, &recommendation));
                if options.log.is_some() {
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
        session.progress.part_done();
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
    if let Some(path) = &options.log {
        let horizon_days = bank.schema.horizon_days();
        let model = offer_log::Model { horizon_days, version: recommender.model_version() };
        offer_log::write(path, key, &model, &logged)?;
    }
    Ok(Scored {
        log: options.log.clone(),
        bytes: std::fs::metadata(&file)?.len(),
        file,
        as_of: time::format(as_of),
        customers,
        offers: rows.len(),
        model_version: recommender.model_version(),
        seconds,
    })
}

impl Options {
    /// The bundle that scores.
    ///
    /// # Errors
    /// Where it can't be read, or may not be used.
    pub(super) fn open(&self, session: &Session) -> anyhow::Result<Opened> {
        Opened::new(session, self.bundle.as_deref(), self.public_key.as_deref())
    }
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

//! The synthetic bank's ten tables.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use nextbest_core::synth::{Bank, BankParams, Date, Drift, Question};
use nextbest_core::time::{self, DAY};
use serde::Serialize;

use super::Session;
use crate::app::human_bytes;
use crate::app::usage;
use crate::config::cutoffs;
use crate::config::{DriftConfig, OutputFormat, SourceType};
use crate::io::output::Use;
use crate::synth::{Plan, Written};

/// How many futures the true probabilities are averaged over: the ceiling's log-loss is then off by about a
/// thousandth of itself (docs/SYNTHETIC.md).
const FUTURES: u32 = 64;

/// Which bank is generated, and where to.
#[derive(Debug, Default, clap::Args)]
#[group(id = "generate")]
pub struct Options {
    /// Number of customers, or a range: 300..1000 is a slice of a larger bank (config: generate.customers)
    #[arg(long, value_name = "N|A..B", value_parser = customers)]
    pub customers: Option<Range<u64>>,
    /// Seed; the same seed gives the same bytes (config: generate.seed)
    #[arg(long)]
    pub seed: Option<u64>,
    /// Share of rows to damage on purpose, 0 to 1 (config: generate.dirty_rate)
    #[arg(long, value_name = "SHARE")]
    pub dirty: Option<f64>,
    /// Format of the tables (config: data_source.type)
    #[arg(long)]
    pub format: Option<OutputFormat>,
    /// Number of customers whose true probabilities are written, 0 for none (config:
    /// generate.truth_customers)
    #[arg(long, value_name = "N")]
    pub truth_customers: Option<u64>,
    /// Add a drift of known size, from a date on or throughout: mean_shift, scale, category_mix, missingness,
    /// label_shift or concept_shift (repeatable; config: generate.drift)
    #[arg(long = "drift", value_name = "KIND=SIZE[@DATE]")]
    pub drifts: Vec<DriftConfig>,
    /// Folder to write to (config: data_source.csv.input_path or .parquet.input_path)
    #[arg(long, value_name = "FOLDER")]
    pub output: Option<PathBuf>,
}

/// The tables that were written.
#[derive(Debug, Serialize)]
pub struct Generated {
    folder: PathBuf,
    /// The index of the first customer.
    first: u64,
    /// How many customers there are from it on.
    customers: u64,
    /// What changes on purpose, as it may be given to `--drift`.
    drifts: Vec<String>,
    tables: Vec<Written>,
}

/// Writes the ten tables of a synthetic bank.
///
/// # Errors
/// Where a parameter is out of its range, or a table can't be written.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Generated> {
    let config = &session.config.generate;
    let customers = options.customers.clone().unwrap_or(0..config.customers);
    let params = BankParams {
        seed: options.seed.unwrap_or(config.seed),
        customers: customers.clone(),
        start: date(&config.start, "generate.start")?,
        end: date(&config.end, "generate.end")?,
        dirty_rate: options.dirty.unwrap_or(config.dirty_rate),
        drifts: drifts(if options.drifts.is_empty() { &config.drift } else { &options.drifts })?,
    };
    let drifts = params.drifts.iter().map(ToString::to_string).collect();
    let dirty_rate = params.dirty_rate;
    let data_end = i64::from(params.end.days() + 1) * DAY;
    let bank = Bank::new(params).map_err(|error| usage(error.into()))?;
    let format = options.format.unwrap_or(match session.config.data_source.r#type {
        SourceType::Csv => OutputFormat::Csv,
        SourceType::Parquet => OutputFormat::Parquet,
    });
    if format == OutputFormat::Parquet && dirty_rate > 0.0 {
        return Err(usage(anyhow!(
            "generate.dirty_rate: is {dirty_rate}, but only CSV can be damaged: a column of a Parquet file \
             holds \
             no values that are not of its type. Set it to 0, or write CSV"
        )));
    }
    let folder =
        options.output.as_ref().map_or(session.config.data_source.input_path(), PathBuf::as_path).to_owned();
    session.lock([(folder.as_path(), Use::Write)])?;
    let truth = truth(session, options.truth_customers.unwrap_or(config.truth_customers), data_end);
    let tables = Plan { bank: &bank, format, truth }.write(&folder, &session.progress)?;
    Ok(Generated {
        folder,
        first: customers.start,
        customers: customers.end - customers.start,
        drifts,
        tables,
    })
}

/// The truth about the first customers at the cut-offs that will test a model.
fn truth(session: &Session, customers: u64, data_end: i64) -> Option<(Question, u64)> {
    let snapshots = &session.config.snapshots;
    let horizon = i64::from(snapshots.horizon_days) * DAY;
    let planned = cutoffs::plan(snapshots, data_end).and_then(|cutoffs| cutoffs::split(snapshots, &cutoffs));
    match planned {
        _ if customers == 0 => None,
        Ok(split) => {
            let known = split.test.iter().filter(|cutoff| *cutoff + horizon <= data_end);
            let cutoffs = known.filter_map(|cutoff| i32::try_from(cutoff.div_euclid(DAY)).ok());
            let cutoffs = cutoffs.map(Date::from_days).collect();
            let days = i32::try_from(snapshots.horizon_days).ok()?;
            Some((Question { cutoffs, days, paths: FUTURES }, customers))
        }
        Err(error) => {
            session.warn(&format!("no table of the truth, since there are no test cut-offs: {error:#}"));
            None
        }
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, customers, drifts, .. } = self;
        match first {
            0 => write!(f, "a synthetic bank of {customers} customers")?,
            _ => write!(f, "customers {first}..{} of a synthetic bank", first + customers)?,
        }
        if !drifts.is_empty() {
            write!(f, " with {}", drifts.join(", "))?;
        }
        writeln!(f, " in {}:", self.folder.display())?;
        for Written { file, rows, bytes } in &self.tables {
            let bytes = human_bytes(usize::try_from(*bytes).unwrap_or(usize::MAX));
            writeln!(f, "  {file:<26}{rows:>12} rows{bytes:>12}")?;
        }
        Ok(())
    }
}

fn drifts(configured: &[DriftConfig]) -> anyhow::Result<Vec<Drift>> {
    let drift = |DriftConfig { kind, size, from }: &DriftConfig| {
        let from = from.as_ref().map(|day| date(day, &format!("the day on which the drift {kind} begins")));
        Ok(Drift { kind: *kind, size: *size, from: from.transpose()? })
    };
    configured.iter().map(drift).collect()
}

/// Reads how many customers there are, or which.
fn customers(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| text.parse::<u64>().ok();
    let range = match text.split_once("..") {
        None => number(text).map(|count| 0..count),
        Some((start, end)) => number(start).zip(number(end)).map(|(start, end)| start..end),
    };
    range.filter(|range| !range.is_empty()).ok_or_else(|| {
        "expected how many customers (1000), or the first and the one after the last (300..1000)".to_owned()
    })
}

fn date(text: &str, key: &str) -> anyhow::Result<Date> {
    let days =
        time::parse(text).map(|seconds| seconds.div_euclid(DAY)).and_then(|days| i32::try_from(days).ok());
    let days = days.with_context(|| format!("{key}: expected a date such as 2024-01-01, got {text:?}"));
    days.map(Date::from_days).map_err(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_are_a_count_or_a_range() {
        assert_eq!(customers("1000"), Ok(0..1000));
        assert_eq!(customers("300..1000"), Ok(300..1000));
        for nonsense in
            ["", "0", "-5", "x", "a..", "..5", "5..", "..", "5..2", "5..5", "1..2..3", "1.5", "1 .. 2"]
        {
            assert!(customers(nonsense).is_err(), "{nonsense}");
        }
    }
}

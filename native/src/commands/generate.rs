//! `nextbest generate`: the synthetic bank's ten tables as CSV.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use nextbest_core::synth::{Bank, BankParams, Date, TABLES, TableBuffers};
use nextbest_core::time::{self, DAY};
use rayon::prelude::*;
use serde::Serialize;

use crate::cli::{Context, usage};
use crate::output;

/// Customers are simulated in chunks of this many.
const CHUNK: u64 = 128;
/// So many chunks are simulated at a time, by all threads, before they are written in order.
const CHUNKS_AT_ONCE: u64 = 32;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// How many customers (config: generate.customers)
    #[arg(long, value_name = "N")]
    customers: Option<u64>,
    /// The seed: the same seed gives the same bytes (config: generate.seed)
    #[arg(long)]
    seed: Option<u64>,
    /// The share of rows to damage on purpose, 0 to 1 (config: generate.dirty_rate)
    #[arg(long, value_name = "SHARE")]
    dirty: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Generated {
    folder: PathBuf,
    customers: u64,
    tables: Vec<GeneratedTable>,
}

#[derive(Debug, Serialize)]
struct GeneratedTable {
    file: &'static str,
    rows: usize,
    bytes: usize,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Generated> {
    let config = &context.config.generate;
    let customers = arguments.customers.unwrap_or(config.customers);
    let params = BankParams {
        seed: arguments.seed.unwrap_or(config.seed),
        customers: 0..customers,
        start: date(&config.start, "generate.start")?,
        end: date(&config.end, "generate.end")?,
        dirty_rate: arguments.dirty.unwrap_or(config.dirty_rate),
    };
    let bank = Bank::new(params).map_err(|error| usage(error.into()))?;
    let folder = context.config.data_source.input_path().to_owned();
    context.progress.parts("simulating customers".into(), customers.div_ceil(CHUNK));
    let mut tables: Vec<GeneratedTable> =
        TABLES.iter().map(|table| GeneratedTable { file: table.file_name(), rows: 0, bytes: 0 }).collect();
    output::write_files(&folder, TABLES.map(|table| table.file_name()).as_slice(), |files| {
        for ((table, file), written) in TABLES.iter().zip(&mut *files).zip(&mut tables) {
            let mut header = table.column_names().collect::<Vec<_>>().join(",");
            header.push('\n');
            let mut buffers = TableBuffers::default();
            bank.write_static(*table, &mut buffers);
            written.write(file, header.as_bytes())?;
            written.write(file, buffers.get(*table))?;
        }
        for start in (0..customers).step_by((CHUNK * CHUNKS_AT_ONCE) as usize) {
            let chunks = (start..customers.min(start + CHUNK * CHUNKS_AT_ONCE)).step_by(CHUNK as usize);
            let simulated = chunks
                .collect::<Vec<u64>>()
                .into_par_iter()
                .map(|first| {
                    let mut buffers = TableBuffers::default();
                    for customer in first..customers.min(first + CHUNK) {
                        bank.write_customer(customer, &mut buffers)?;
                    }
                    context.progress.part_done();
                    Ok(buffers)
                })
                .collect::<anyhow::Result<Vec<TableBuffers>>>()?;
            for buffers in &simulated {
                for ((table, file), written) in TABLES.iter().zip(&mut *files).zip(&mut tables) {
                    written.write(file, buffers.get(*table))?;
                }
            }
        }
        Ok(())
    })?;
    for table in &mut tables {
        // The header is no row.
        table.rows = table.rows.saturating_sub(1);
    }
    Ok(Generated { folder, customers, tables })
}

impl GeneratedTable {
    fn write(&mut self, file: &mut impl Write, text: &[u8]) -> anyhow::Result<()> {
        self.rows += text.iter().filter(|byte| **byte == b'\n').count();
        self.bytes += text.len();
        Ok(file.write_all(text)?)
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "a synthetic bank of {} customers in {}:", self.customers, self.folder.display())?;
        for table in &self.tables {
            writeln!(
                f,
                "  {:<22}{:>10} rows{:>12}",
                table.file,
                table.rows,
                super::human_bytes(table.bytes)
            )?;
        }
        Ok(())
    }
}

fn date(text: &str, key: &str) -> anyhow::Result<Date> {
    let days =
        time::parse(text).map(|seconds| seconds.div_euclid(DAY)).and_then(|days| i32::try_from(days).ok());
    let days = days.with_context(|| format!("{key}: expected a date such as 2024-01-01, got {text:?}"));
    days.map(Date::from_days).map_err(usage)
}

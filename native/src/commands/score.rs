//! `nextbest score`: the customers of the tables, those of a JSON file, or the rows of a plain table.

use std::path::PathBuf;

use super::Context;
use crate::io::output;
use crate::pipeline::score::{self, Options};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Score the customers of this JSON file, `[{"id": …, "asOf": …, "customer": {…}}]`, not those of the
    /// tables; each entry may also set top, explain, counterfactual, channel and strict
    #[arg(long, value_name = "FILE", group = "file")]
    customers: Option<PathBuf>,
    /// Score the rows of this plain table (CSV or Parquet) with a bundle written by `train --table`
    #[arg(long, value_name = "FILE", group = "file")]
    table: Option<PathBuf>,
    /// With --table: the column that identifies a row in the results [default: row numbers]
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// With --customers: add what the customer could change so that another product comes first
    #[arg(long, requires = "customers")]
    counterfactual: bool,
    /// With --customers: add the exact bits of features and probabilities, to compare scorers; customers whom
    /// the policy excludes are not scored and have none
    #[arg(long, requires = "customers")]
    bits: bool,
    /// With --customers: write the answers to this file, not to standard output. With --table: write the
    /// results to this file, as CSV or Parquet by its extension
    #[arg(long, value_name = "FILE", requires = "file")]
    out: Option<PathBuf>,
}

pub(crate) fn execute(context: &Context, arguments: &Arguments) -> anyhow::Result<()> {
    let (session, options) = (&context.session, &arguments.options);
    arguments.out.iter().chain(&options.log).try_for_each(|path| output::check_target(path))?;
    if let Some(file) = &arguments.table {
        let (id, out) = (arguments.id.as_deref(), arguments.out.as_deref());
        return context.print(&score::table(session, options, file, id, out)?);
    }
    let Some(file) = &arguments.customers else { return context.print(&score::run(session, options)?) };
    let answers = score::customers(session, options, file, arguments.counterfactual, arguments.bits)?;
    match &arguments.out {
        Some(out) => output::write_json(out, &answers),
        None => context.print(&answers),
    }
}

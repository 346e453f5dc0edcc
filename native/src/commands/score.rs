//! `nextbest score`: the customers of the tables, those of a JSON file, or the rows of a plain table.

use std::path::PathBuf;

use super::Context;
use crate::io::output;
use crate::pipeline::score::{self, Options};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Score the customers of this JSON file, `[{"id": …, "asOf": …, "customer": {…}}]`, instead of the
    /// tables'; top, explain, counterfactual, channel and strict may stand beside
    #[arg(long, value_name = "FILE", group = "file")]
    customers: Option<PathBuf>,
    /// Score the rows of this plain table, CSV or Parquet, with the bundle that `train --table` made
    #[arg(long, value_name = "FILE", group = "file")]
    table: Option<PathBuf>,
    /// With --table: the column that names a row in the results; rows are numbered where it is not given
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// With --customers: say what the customer could change for another product to come first
    #[arg(long, requires = "customers")]
    counterfactual: bool,
    /// With --customers: add the bits of the features and probabilities, to compare scorers with each other;
    /// none of customers whom the policy stops, who are not scored
    #[arg(long, requires = "customers")]
    bits: bool,
    /// With --customers: write the answers to this file instead of standard output. With --table: write the
    /// results to this file, CSV or Parquet by its ending
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

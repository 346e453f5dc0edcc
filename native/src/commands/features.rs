//! `nextbest features`: computes the feature table, or reads, lists or explains what is in it.

use std::path::PathBuf;

use super::Context;
use crate::pipeline::features::{self, Options, Question, Questions};

/// What `nextbest features` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Command {
    #[command(flatten)]
    compute: Options,
    /// Explain how one value was computed, row by row
    #[arg(long, num_args = 2, value_names = ["NAME", "CUSTOMERID"])]
    explain: Option<Vec<String>>,
    /// Alone: read the feature table as known at this date: each customer's latest row, without its target.
    /// With --explain: the cut-off [default: the last one]
    #[arg(long, value_name = "DATE", conflicts_with = "catalogue")]
    as_of: Option<String>,
    /// With --as-of alone: only the customers in this file (CSV or Parquet); a second column may give each
    /// customer its own date
    #[arg(long, value_name = "FILE", requires = "as_of", conflicts_with = "explain")]
    entities: Option<PathBuf>,
    /// List the features with their definitions, in outputs/features/CATALOGUE.md and catalogue.csv
    #[arg(long, conflicts_with = "explain")]
    catalogue: bool,
    /// With --catalogue: list the features of this bundle, not those of the config
    #[arg(long, value_name = "FILE", requires = "catalogue")]
    bundle: Option<PathBuf>,
}

/// Does what `nextbest features` is asked for.
pub(crate) fn execute(context: &Context, command: &Command) -> anyhow::Result<()> {
    let session = &context.session;
    match (command.explain.as_deref(), command.as_of.as_deref()) {
        (Some([name, customer]), as_of) => {
            let question = Question { name, customer, as_of, skip_bad_rows: command.compute.skip_bad_rows };
            context.print(&features::explain(session, &question)?)
        }
        (_, Some(as_of)) => {
            let questions = Questions { as_of, entities: command.entities.as_deref() };
            context.print(&features::as_of(session, &questions)?)
        }
        _ if command.catalogue => context.print(&features::catalogue(session, command.bundle.as_deref())?),
        _ => context.print(&features::run(session, &command.compute)?),
    }
}

//! `nextbest train`: on the feature table, or on a plain one.

use std::path::PathBuf;

use nextbest_core::time::Clock;

use super::Context;
use crate::config::Size;
use crate::io::tables::plain::{Kinds, Reading, Source};
use crate::mlflow;
use crate::pipeline::train::{self, Options};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Train on a plain table (CSV or Parquet, one row per case; see docs/TABLES.md); also writes the bundle
    #[arg(long, value_name = "FILE", requires = "target")]
    table: Option<PathBuf>,
    /// With --table: the column to predict; its words or integers are the classes
    #[arg(long, value_name = "COLUMN", requires = "table")]
    target: Option<String>,
    /// With --table: the column that identifies a case; not a feature, and rows of one case stay together
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// With --table: largest size of the bundle after brotli (see `nextbest export --help`)
    #[arg(long, value_name = "SIZE", requires = "table")]
    max_bytes: Option<Size>,
    /// With --table: the column with the date of a row; not a feature, and the latest rows test the model
    #[arg(long, value_name = "COLUMN", requires = "table")]
    time: Option<String>,
    /// With --table: override the inferred kinds of columns (repeatable): AGE=number,ZIP=word,SEEN=date
    #[arg(long, value_name = "COLUMN=KIND,…", requires = "table")]
    columns: Vec<Kinds>,
    /// With --table: skip unreadable rows and treat cells that do not fit their column's kind as missing,
    /// instead of stopping
    #[arg(long, requires = "table")]
    skip_bad_rows: bool,
    /// Train nothing; log to MLflow what earlier trainings could not while MLflow was unreachable
    #[arg(long, conflicts_with_all = ["algorithm", "budget", "table"])]
    resume_logging: bool,
}

impl Arguments {
    /// The plain table to train on, where one is given.
    fn source<'a>(&'a self, clock: &'a Clock) -> Option<Source<'a>> {
        Some(Source {
            file: self.table.as_deref()?,
            target: self.target.as_deref()?,
            id: self.id.as_deref(),
            time: self.time.as_deref(),
            reading: Reading { columns: Some(&self.columns), skip_bad_rows: self.skip_bad_rows },
            clock,
        })
    }
}

pub(crate) fn execute(context: &Context, arguments: &Arguments) -> anyhow::Result<()> {
    let session = &context.session;
    if arguments.resume_logging {
        session.lock([session.outputs()])?;
        return context.print(&mlflow::resume(&session.config, &session.progress)?);
    }
    match arguments.source(&session.config.data_source.clock()?) {
        None => context.print_logged(&train::run(session, &arguments.options)?, |it| it.logged.as_ref()),
        Some(source) => {
            let trained = train::table(session, &arguments.options, source, arguments.max_bytes)?;
            context.print_logged(&trained, |it| it.logged.as_ref())
        }
    }
}

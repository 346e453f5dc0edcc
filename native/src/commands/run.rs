//! `nextbest run`: all stations in order.

use super::Context;
use crate::mlflow::Logging;
use crate::pipeline::{evaluate, export, features, generate, score, train};
use crate::trust::{Demands, Release};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Also write so many sample customers beside the bundle
    #[arg(long, value_name = "N", default_value_t = 12)]
    samples: usize,
    #[command(flatten)]
    features: features::Options,
}

pub(crate) fn execute(context: &Context, arguments: &Arguments) -> anyhow::Result<()> {
    let session = &context.session;
    // What would stop the last stations is better noticed before the first.
    Release::new(&session.config, None, None)?;
    Demands::new(&session.config.trust, None)?;
    Logging::begin(&session.config, &session.progress)?;
    // A bank with tables or a schema of its own is never overwritten with a synthetic one.
    let input = session.config.data_source.input_path();
    if session.config.schema.is_none() && !input.exists() {
        context.print(&generate::run(session, &generate::Options::default())?)?;
    }
    context.print(&features::run(session, &arguments.features)?)?;
    context.print_logged(&train::run(session, &train::Options::default())?, |it| it.logged.as_ref())?;
    let evaluated = evaluate::run(session, &evaluate::Options::default())?;
    context.print_logged(&evaluated, |it| it.logged.as_ref())?;
    let exporting = export::Options { samples: arguments.samples, ..export::Options::default() };
    context.print_logged(&export::run(session, &exporting)?, |it| it.logged.as_ref())?;
    let skip_bad_rows = arguments.features.skip_bad_rows;
    context.print(&score::run(session, &score::Options { skip_bad_rows, ..score::Options::default() })?)
}

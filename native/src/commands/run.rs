//! `nextbest run`: all stations in order.

use super::{evaluate, export, features, generate, score, train};
use crate::commands::Context;
use crate::mlflow::Logging;
use crate::trust::{Demands, Release};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Also write so many sample customers beside the bundle
    #[arg(long, value_name = "N", default_value_t = 12)]
    samples: usize,
    #[command(flatten)]
    features: features::Arguments,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<()> {
    // What would stop the last stations is better noticed before the first.
    Release::new(&context.config, None, None)?;
    Demands::new(&context.config.trust, None)?;
    Logging::begin(&context.config, &context.progress)?;
    // A bank with tables or a schema of its own is never overwritten with a synthetic one.
    let input = context.config.data_source.input_path();
    if context.config.schema.is_none() && !input.exists() {
        context.print(&generate::run(context, &generate::Arguments::default())?)?;
    }
    context.print(&features::run(context, &arguments.features)?)?;
    let trained = train::run(context, &train::Arguments::default())?;
    context.print_logged(&trained, |it| it.logged.as_ref())?;
    let evaluation = evaluate::run(context, &evaluate::Arguments::default())?;
    context.print_logged(&evaluation, |it| it.logged.as_ref())?;
    let arguments_of_export =
        export::Arguments { samples: arguments.samples, ..export::Arguments::default() };
    context.print_logged(&export::run(context, &arguments_of_export)?, |it| it.logged.as_ref())?;
    score::run(context, &score::Arguments::skipping(arguments.features.skip_bad_rows))
}

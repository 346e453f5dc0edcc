//! `nextbest run`: all stations in order.

use std::ffi::OsStr;
use std::path::Path;

use super::Context;
use crate::io::output::is_unfinished;
use crate::mlflow::Logging;
use crate::pipeline::{evaluate, export, features, generate, score, train};
use crate::trust::{Demands, Release};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Number of sample customers to write next to the bundle
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
    if session.config.schema.is_none() && (!holds_files(input) || is_unfinished(input, "generate")) {
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

/// Whether there is a file in a folder, but for hidden ones: a first run that was stopped leaves none, or a
/// marker.
fn holds_files(folder: &Path) -> bool {
    let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
    std::fs::read_dir(folder)
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| !is_hidden(&entry.file_name()))))
}

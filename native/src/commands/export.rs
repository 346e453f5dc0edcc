//! `nextbest export`: the trained model → the bundle, or a bundle → the folder for MLflow.

use super::Context;
use crate::pipeline::export::{self, Options};

pub(crate) fn execute(context: &Context, options: &Options) -> anyhow::Result<()> {
    match &options.pyfunc.bundle {
        Some(bundle) => context.print(&options.pyfunc.run(bundle)?),
        None => context.print_logged(&export::run(&context.session, options)?, |it| it.logged.as_ref()),
    }
}

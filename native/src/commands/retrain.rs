//! `nextbest retrain-if-needed`: exit code 3 where the data are broken.

use super::{Context, Done};
use crate::pipeline::monitor::Options;
use crate::pipeline::retrain::{self, Decision};

pub(crate) fn execute(context: &Context, options: &Options) -> anyhow::Result<Done> {
    let retrained = retrain::run(&context.session, options)?;
    context.print(&retrained)?;
    Ok(if retrained.decision == Decision::Forbidden { Done::WithAlert } else { Done::Quietly })
}

//! `nextbest monitor`: exit code 3 where there is an alert.

use super::{Context, Done};
use crate::pipeline::monitor::{self, Options};

pub(crate) fn execute(context: &Context, options: &Options) -> anyhow::Result<Done> {
    let monitored = monitor::run(&context.session, options)?;
    context.print(&monitored)?;
    Ok(if monitored.found.alerts.is_empty() { Done::Quietly } else { Done::WithAlert })
}

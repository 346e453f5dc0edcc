//! `nextbest doctor`: what is wrong with the data; exit code 1 where there are problems.

use super::Context;
use crate::pipeline::doctor;

/// The data have problems.
#[derive(Debug, thiserror::Error)]
#[error("{0} found; the details are above")]
struct Unhealthy(String);

pub(crate) fn execute(context: &Context) -> anyhow::Result<()> {
    let examined = doctor::run(&context.session)?;
    context.print(&examined)?;
    match examined.problems {
        0 => Ok(()),
        1 => Err(Unhealthy("1 problem".into()).into()),
        count => Err(Unhealthy(format!("{count} problems")).into()),
    }
}

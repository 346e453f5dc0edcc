//! `nextbest inspect`: what is in a bundle, where it comes from, and whether it may be used: as text, JSON or
//! a page.

use std::path::PathBuf;

use super::Context;
use crate::inspect::Inspected;
use crate::io::output;
use crate::pipeline::bundle_bytes;
use crate::reports;
use crate::trust::Demands;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The bundle [default: outputs/bundle/nextbest.bundle]
    #[arg(value_name = "BUNDLE")]
    bundle: Option<PathBuf>,
    /// Also write one HTML file, which needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Refuse a bundle whose signature this public key (PEM) does not verify (config: trust.public_key)
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
}

pub(crate) fn execute(context: &Context, arguments: &Arguments) -> anyhow::Result<()> {
    let session = &context.session;
    arguments.html.iter().try_for_each(|path| output::check_target(path))?;
    let file = arguments.bundle.clone().unwrap_or_else(|| session.config.bundle_path());
    let bytes = bundle_bytes(session, &file)?;
    let demands = Demands::new(&session.config.trust, arguments.public_key.as_deref())?;
    let mut inspected = Inspected::new(file, &bytes, &demands)?;
    if let Some(path) = &arguments.html {
        output::write_bytes(path, reports::inspect::html(&inspected).as_bytes())?;
        inspected.html = Some(path.clone());
    }
    context.print(&inspected)
}

//! `nextbest rollback`: the version that was in production before is in production again.

use std::fmt;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{Models, PRODUCTION, REPLACED_TAG, numbered};
use crate::app::clock;
use crate::pipeline::Session;

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Restore this version instead of the one before
    #[arg(long, value_name = "N")]
    version: Option<u64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct RolledBack {
    name: String,
    from: u64,
    to: u64,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<RolledBack> {
    let models = Models::open(session)?;
    let versions = models.versions()?;
    let from = versions.iter().find(|version| version.is(PRODUCTION));
    let from = from.with_context(|| format!("no version of {} is in production", models.name))?;
    let number = match arguments.version {
        Some(number) => number,
        None => {
            let before = from.tags.get(REPLACED_TAG).and_then(|number| number.parse().ok());
            before.with_context(|| {
                format!("version {} replaced none in production: name one with --version", from.number)
            })?
        }
    };
    let to = numbered(&versions, number)?;
    if to.number == from.number {
        bail!("version {number} is in production already");
    }
    // It is used from now on: it has to be whole, signed and valid as on its first day.
    models.bundle(to)?;
    models.registry.tag_version(
        models.name,
        from.number,
        "rolled_back",
        &clock::milliseconds().to_string(),
    )?;
    models.registry.set_alias(models.name, PRODUCTION, to.number)?;
    Ok(RolledBack { name: models.name.to_owned(), from: from.number, to: to.number })
}

impl fmt::Display for RolledBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "version {} of {} is in production again, in place of version {}",
            self.to, self.name, self.from
        )
    }
}

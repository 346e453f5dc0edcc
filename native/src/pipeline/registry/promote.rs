//! `nextbest promote`: an alias for a version that passes the gates.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{Models, PRODUCTION, REPLACED_TAG, STAGING, numbered};
use crate::app::clock;
use crate::evaluate::gates::{self, Candidate, Gate};
use crate::mlflow::{Version, user};
use crate::pipeline::Session;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Target: staging (the newest version, for a trial) or production (the version in staging)
    #[arg(value_enum)]
    stage: Stage,
    /// Promote this version instead
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// I have reviewed the version and take responsibility (config: deployment.require_manual_approval). A
    /// failed gate still stops it
    #[arg(long)]
    approve: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Staging,
    Production,
}

impl Arguments {
    /// The version that was registered last, into staging.
    pub(crate) fn newest_to_staging() -> Self {
        Self { stage: Stage::Staging, version: None, approve: false }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Promoted {
    name: String,
    version: u64,
    stage: Stage,
    replaced: Option<u64>,
    gates: Vec<Gate>,
    approved_by: Option<String>,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Promoted> {
    let deployment = &session.config.deployment;
    gates::check(deployment)?;
    let models = Models::open(session)?;
    let versions = models.versions()?;
    let version = chosen(&versions, arguments)?;
    let alias = arguments.stage.alias();
    let gates = measure(session, &models, &versions, version)?;
    gates::judge(&gates, arguments.approve)?;
    let needs_approval = arguments.stage == Stage::Production && deployment.require_manual_approval;
    if needs_approval && !arguments.approve {
        bail!(
            "version {} passes all gates; production needs a person's approval too: look at it (nextbest \
             models, the \
             report), then `nextbest promote production --approve`",
            version.number
        );
    }
    let replaced = versions.iter().find(|other| other.is(alias)).map(|other| other.number);
    let replaced = replaced.filter(|number| *number != version.number);
    let approved_by = arguments.approve.then(user);
    let mut tags = vec![(format!("{alias}_since"), clock::milliseconds().to_string())];
    tags.extend(approved_by.clone().map(|user| (format!("{alias}_approved_by"), user)));
    for gate in &gates {
        tags.push((format!("gate_{}", gate.metric), format!("{}: {}", gate.outcome.words(), gate.detail)));
    }
    if let (Stage::Production, Some(replaced)) = (arguments.stage, replaced) {
        tags.push((REPLACED_TAG.into(), replaced.to_string()));
    }
    // The tags first: whoever finds the alias finds them.
    for (key, value) in &tags {
        models.registry.tag_version(models.name, version.number, key, value)?;
    }
    models.registry.set_alias(models.name, alias, version.number)?;
    Ok(Promoted {
        name: models.name.to_owned(),
        version: version.number,
        stage: arguments.stage,
        replaced,
        gates,
        approved_by,
    })
}

/// The version that is meant.
fn chosen<'v>(versions: &'v [Version], arguments: &Arguments) -> anyhow::Result<&'v Version> {
    match (arguments.version, arguments.stage) {
        (Some(number), _) => numbered(versions, number),
        (None, Stage::Staging) => versions.first().context("there is no version"),
        (None, Stage::Production) => versions.iter().find(|version| version.is(STAGING)).context(
            "no version is in staging: `nextbest promote staging` comes first, or name one with --version",
        ),
    }
}

/// What the gates find of a version, by itself and beside the one in production.
fn measure(
    session: &Session,
    models: &Models<'_>,
    versions: &[Version],
    version: &Version,
) -> anyhow::Result<Vec<Gate>> {
    let (bytes, bundle) = models.bundle(version)?;
    let mut gates = gates::absolute(&session.config.deployment, &bundle);
    let production = versions.iter().find(|other| other.is(PRODUCTION) && other.number != version.number);
    if let Some(production) = production {
        // What is in production may have expired since: it is measured all the same.
        let theirs = models.registry.download(models.name, production.number, crate::pyfunc::BUNDLE_PATH)?;
        let name = |number: u64| PathBuf::from(format!("version {number}"));
        let (our_name, their_name) = (name(version.number), name(production.number));
        let model = Candidate { name: &our_name, bytes: &bytes };
        gates.extend(gates::relative(
            &session.config,
            &session.progress,
            &model,
            &Candidate { name: &their_name, bytes: &theirs },
        )?);
    }
    Ok(gates)
}

impl Stage {
    fn alias(self) -> &'static str {
        match self {
            Self::Staging => STAGING,
            Self::Production => PRODUCTION,
        }
    }
}

impl fmt::Display for Promoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gates.iter().try_for_each(|gate| writeln!(f, "{gate}"))?;
        let (name, version, alias) = (&self.name, self.version, self.stage.alias());
        match self.replaced {
            Some(replaced) => {
                writeln!(f, "version {version} of {name} is in {alias}, in place of version {replaced}")?;
            }
            None => writeln!(f, "version {version} of {name} is in {alias}")?,
        }
        match self.stage {
            Stage::Staging => writeln!(f, "next: nextbest promote production"),
            Stage::Production => writeln!(f, "it is models:/{name}@{alias}; back: nextbest rollback"),
        }
    }
}

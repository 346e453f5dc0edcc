//! `nextbest models`: the registered versions.

use std::collections::BTreeMap;
use std::fmt;

use nextbest_core::time;
use serde::Serialize;

use super::{HASH_TAG, Models};
use crate::mlflow::Version;
use crate::pipeline::Session;

/// So many digits of a hash tell versions apart for people.
const HASH_DIGITS: usize = 8;

#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    name: String,
    registry: String,
    versions: Vec<ListedVersion>,
}

#[derive(Debug, Serialize)]
struct ListedVersion {
    version: u64,
    aliases: Vec<String>,
    created: String,
    run_id: Option<String>,
    tags: BTreeMap<String, String>,
}

pub(crate) fn run(session: &Session) -> anyhow::Result<Listed> {
    let models = Models::open(session)?;
    let versions = models.registry.versions(models.name)?;
    Ok(Listed {
        name: models.name.to_owned(),
        registry: crate::mlflow::Address::of_registry(&session.config)?.to_string(),
        versions: versions.into_iter().map(listed).collect(),
    })
}

fn listed(version: Version) -> ListedVersion {
    let seconds = i64::try_from(version.created / 1000).unwrap_or(i64::MAX);
    ListedVersion {
        version: version.number,
        aliases: version.aliases,
        created: time::format(seconds),
        run_id: version.run,
        tags: version.tags,
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.versions.is_empty() {
            return writeln!(f, "no version of {} is registered in {}", self.name, self.registry);
        }
        writeln!(f, "{} in {}", self.name, self.registry)?;
        writeln!(
            f,
            "{:>7}  {:<20}  {:<20}  {:<20}  {:>8}  {:>6}  {:<8}",
            "version", "aliases", "registered", "algorithm", "log-loss", "AUC", "bundle"
        )?;
        for version in &self.versions {
            let tag = |name: &str| version.tags.get(name).map_or("–", String::as_str);
            let number = |name: &str, digits: usize| match tag(name).parse::<f64>() {
                Ok(number) => format!("{number:.digits$}"),
                Err(_) => "–".into(),
            };
            writeln!(
                f,
                "{:>7}  {:<20}  {:<20}  {:<20}  {:>8}  {:>6}  {:<8}",
                version.version,
                version.aliases.join(", "),
                version.created,
                tag("algorithm"),
                number("test_log_loss", 4),
                number("test_roc_auc_ovr", 3),
                tag(HASH_TAG).chars().take(HASH_DIGITS).collect::<String>()
            )?;
        }
        Ok(())
    }
}

//! MLflow's part of config.yaml: where runs are tracked and models registered.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Where runs are tracked and models registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlflowConfig {
    /// A folder, `http(s)://…`, `databricks`, or `none`. Where it is not given, `MLFLOW_TRACKING_URI` says
    /// it; without that it is the folder `./mlruns`, and `databricks` in that mode.
    pub tracking_uri: Option<String>,
    /// Where models are registered, as `tracking_uri`; or `databricks-uc`. Where it is not given,
    /// `MLFLOW_REGISTRY_URI` says it; without that it is where runs are tracked, and Unity Catalog where that
    /// is Databricks.
    pub registry_uri: Option<String>,
    /// The experiment that runs belong to; on Databricks a workspace path.
    pub experiment_name: String,
    /// The name under which models are registered; in Unity Catalog `catalog.schema.model`.
    pub registered_model_name: String,
    /// What the names of runs begin with.
    pub run_name_prefix: String,
    /// Tags of every run.
    #[serde(deserialize_with = "tags")]
    pub tags: BTreeMap<String, String>,
}

impl Default for MlflowConfig {
    fn default() -> Self {
        Self {
            tracking_uri: None,
            registry_uri: None,
            experiment_name: "next_best_product".into(),
            registered_model_name: "next_best_product".into(),
            run_name_prefix: String::new(),
            tags: BTreeMap::new(),
        }
    }
}

/// Tags whose names MLflow takes: with another no run could be logged, or read again.
fn tags<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let tags = BTreeMap::<String, String>::deserialize(from)?;
    match tags.keys().find(|name| !is_name(name)) {
        None => Ok(tags),
        Some(name) => Err(D::Error::custom(format!(
            "expected a name of letters, digits, _ - . : / and spaces, got {name:?}"
        ))),
    }
}

/// Whether MLflow takes a name, which is a path of files where a folder is the store.
fn is_name(name: &str) -> bool {
    let is_known = |character: char| character.is_alphanumeric() || "_-. :/".contains(character);
    name.chars().all(is_known) && name.split('/').all(|part| !["", ".", ".."].contains(&part))
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_of_tags_are_those_that_mlflow_takes() {
        assert!(["team", "Größe 2", "a/b.c-d:e_f", "..."].iter().all(|name| is_name(name)));
        assert!(
            ["", "a\nb", "a\tb", "a//b", "../a", "/a", "a\\b", "a=b", "\0"].iter().all(|name| !is_name(name))
        );
    }
}

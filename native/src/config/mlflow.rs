//! `mlflow` in config.yaml: tracking and model registry.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Tracking and model registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlflowConfig {
    /// A folder, `http(s)://…`, `databricks` or `none`. Default: `MLFLOW_TRACKING_URI`; if unset, the folder
    /// `./mlruns`, or `databricks` in that mode.
    pub tracking_uri: Option<String>,
    /// The model registry, with the same values as `tracking_uri` or `databricks-uc`. Default:
    /// `MLFLOW_REGISTRY_URI`; if unset, the tracking store, or Unity Catalog if that is Databricks.
    pub registry_uri: Option<String>,
    /// The experiment that runs belong to; on Databricks a workspace path.
    pub experiment_name: String,
    /// Name of the registered model; in Unity Catalog `catalog.schema.model`.
    pub registered_model_name: String,
    /// Prefix of the names of runs.
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

/// Checks that MLflow accepts the names of tags; with others no run could be logged, or read again.
fn tags<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, String>, D::Error> {
    let tags = BTreeMap::<String, String>::deserialize(from)?;
    match tags.keys().find(|name| !is_name(name)) {
        None => Ok(tags),
        Some(name) => Err(D::Error::custom(format!(
            "expected a name of letters, digits, _ - . : / and spaces, got {name:?}"
        ))),
    }
}

/// Whether MLflow accepts a name, which is a file path in a file store.
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

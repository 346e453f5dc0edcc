//! MLflow's part of config.yaml: where runs are tracked and models registered.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Where runs are tracked and models registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MlflowConfig {
    /// A folder, `http(s)://…`, `databricks`, or `none`. Where it is not given, `MLFLOW_TRACKING_URI` says it; without that it is
    /// the folder `./mlruns`, and `databricks` in that mode.
    pub tracking_uri: Option<String>,
    /// Where models are registered, as `tracking_uri`; or `databricks-uc`. Where it is not given, `MLFLOW_REGISTRY_URI` says it; without
    /// that it is where runs are tracked, and Unity Catalog where that is Databricks.
    pub registry_uri: Option<String>,
    /// The experiment that runs belong to; on Databricks a workspace path.
    pub experiment_name: String,
    /// The name under which models are registered; in Unity Catalog `catalog.schema.model`.
    pub registered_model_name: String,
    /// What the names of runs begin with.
    pub run_name_prefix: String,
    /// Tags of every run.
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

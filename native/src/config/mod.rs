//! config.yaml: every key has a default, and an unknown or ill-typed key is an error with its line.

mod conditions;
use crate::io::input;

pub(crate) mod cutoffs;
mod data_source;
mod deployment;
mod drift;
mod duration;
mod evaluation;
mod feature_store;
mod features;
mod hyperparameters;
mod mlflow;
mod model;
mod monitoring;
mod number_or_word;
mod policy;
mod schema;
mod size;
pub(crate) mod time_zone;
mod trust;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use nextbest_core::features::FeatureDefinition;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::schema::Schema;
use serde::Deserialize;

pub use data_source::{Csv, DataSource, Parquet, SourceType};
pub use deployment::{BatchInference, Deployment, OutputFormat};
pub use drift::DriftConfig;
pub use duration::Time;
pub use evaluation::{EvaluationConfig, SegmentConfig};
pub use feature_store::{FeatureStore, StoreFormat};
pub use features::FeatureConfig;
pub use hyperparameters::Hyperparameters;
pub use mlflow::MlflowConfig;
pub use model::{Algorithm, CalibrationConfig, ClassWeight, ModelConfig, Selection};
pub use monitoring::{AlertConfig, MonitoringConfig, SketchConfig};
pub use policy::{Policy, PolicyContext};
pub use schema::{
    ColumnConfig, ColumnType, CustomerConfig, HoldingConfig, HoldingProductConfig, ProductConfig,
    ProductTableConfig, ProductsConfig, SchemaConfig, TableConfig,
};
pub use size::Size;
pub use trust::{CardConfig, TrustConfig};

/// The default schema: the tables of a core-banking system.
const CORE_BANKING_SCHEMA: &str = include_str!("core_banking.yaml");
/// The six default groups of features on those tables.
const CORE_BANKING_FEATURES: &str = include_str!("core_banking_features.yaml");

/// The default policy for its products.
const CORE_BANKING_POLICY: &str = include_str!("core_banking_policy.yaml");

/// All keys of config.yaml.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where nextbest runs.
    pub environment: Environment,
    /// Where the bank's tables are.
    pub data_source: DataSource,
    /// The schema of the tables; by default core banking.
    pub schema: Option<SchemaConfig>,
    /// The synthetic bank.
    pub generate: Generate,
    /// Cut-offs and the horizon.
    pub snapshots: Snapshots,
    /// Feature definitions.
    pub feature_engineering: FeatureEngineering,
    /// The feature table.
    pub feature_store: FeatureStore,
    /// Exploratory data analysis.
    pub eda: Eda,
    /// The model.
    pub model: ModelConfig,
    /// Evaluation of models.
    pub evaluation: EvaluationConfig,
    /// Monitoring: current rows against the model's reference rows.
    pub monitoring: MonitoringConfig,
    /// Where runs are tracked and models registered.
    pub mlflow: MlflowConfig,
    /// The offer policy; by default that of the core-banking schema, if no other schema is given.
    pub policy: Option<Policy>,
    /// Signing keys, trusted keys and expiry of bundles.
    pub trust: TrustConfig,
    /// The bank's statements about its model.
    pub card: CardConfig,
    /// Scoring of all customers, and the gates a model must pass.
    pub deployment: Deployment,
    /// Where results go.
    pub outputs: Outputs,
}

/// Where nextbest runs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Environment {
    /// Default place of MLflow.
    pub mode: Mode,
}

/// Where nextbest runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// On this machine.
    #[default]
    Local,
    /// Runs are tracked in a Databricks workspace, models registered in its Unity Catalog.
    Databricks,
}

/// The synthetic bank.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Generate {
    /// Number of customers.
    pub customers: u64,
    /// The seed: the same seed gives the same bytes.
    pub seed: u64,
    /// The first day of transactions.
    pub start: String,
    /// The last day of the data.
    pub end: String,
    /// Share of rows damaged on purpose.
    pub dirty_rate: f64,
    /// Number of first customers whose true probabilities are written; 0 writes none.
    pub truth_customers: u64,
    /// Drifts to apply, in this order.
    pub drift: Vec<DriftConfig>,
}

impl Default for Generate {
    fn default() -> Self {
        Self {
            customers: 10_000,
            seed: 42,
            start: "2023-01-01".into(),
            end: "2026-06-30".into(),
            dirty_rate: 0.0,
            truth_customers: 100_000,
            drift: Vec::new(),
        }
    }
}

/// Cut-offs: the moments at which features of customers are computed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Snapshots {
    /// Days after a cut-off within which a product counts as taken next.
    pub horizon_days: u32,
    /// Months between two cut-offs, which are first days of months.
    pub every_months: u32,
    /// The first cut-off; by default nine steps before the last.
    pub first: Option<String>,
    /// The last cut-off; by default the last whose horizon the data cover.
    pub last: Option<String>,
    /// The last day that the data cover; by default the day of the last event.
    pub data_end: Option<String>,
    /// The first validation cut-off; by default four steps before the end.
    pub validation_from: Option<String>,
    /// The first test cut-off; by default two steps before the end.
    pub test_from: Option<String>,
    /// A feature that alone tells a product's takers from the others this well (area under the ROC curve) is
    /// reported as a leak.
    pub leak_threshold: f64,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self {
            horizon_days: 90,
            every_months: 3,
            first: None,
            last: None,
            data_end: None,
            validation_from: None,
            test_from: None,
            leak_threshold: 0.97,
        }
    }
}

/// Feature definitions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureEngineering {
    /// The lengths of windows by name.
    pub lookback_periods: LookbackPeriods,
    /// The features; by default those of the core-banking schema.
    pub features: Option<Vec<FeatureConfig>>,
}

/// The lengths of windows by name, in days.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LookbackPeriods {
    /// About a month.
    pub short_term: u32,
    /// About a quarter.
    pub medium_term: u32,
    /// About half a year.
    pub long_term: u32,
}

impl Default for LookbackPeriods {
    fn default() -> Self {
        Self { short_term: 30, medium_term: 90, long_term: 180 }
    }
}

/// Exploratory data analysis.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eda {
    /// Folder for its files; by default `eda` in the output folder.
    pub output_path: Option<PathBuf>,
    /// Whether to write the HTML page with charts.
    pub generate_plots: bool,
}

impl Default for Eda {
    fn default() -> Self {
        Self { output_path: None, generate_plots: true }
    }
}

/// Where results go.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outputs {
    /// The folder that holds models, bundle and predictions.
    pub path: PathBuf,
}

impl Default for Outputs {
    fn default() -> Self {
        Self { path: "outputs".into() }
    }
}

impl Config {
    /// Reads a config file. Without a path it reads `config.yaml` in the current folder if that exists, else
    /// it takes the defaults. Relative paths in the file are relative to the current folder.
    ///
    /// # Errors
    /// If the file can't be read, or a key is unknown or ill-typed.
    pub fn load(path: Option<&Path>) -> anyhow::Result<Self> {
        let usual = Path::new("config.yaml");
        match path.or_else(|| usual.exists().then_some(usual)) {
            None => Ok(Self::default()),
            Some(path) => {
                let text =
                    input::read_text(path, input::TEXT).with_context(|| format!("{}", path.display()))?;
                Self::parse(&text).with_context(|| format!("{}", path.display()))
            }
        }
    }

    /// Reads a config from its text.
    ///
    /// # Errors
    /// If a key is unknown or ill-typed; the message names the line.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// The schema of the bank's tables.
    ///
    /// # Errors
    /// None for a build whose own default parses.
    pub fn schema(&self) -> anyhow::Result<SchemaConfig> {
        match &self.schema {
            Some(schema) => Ok(schema.clone()),
            None => serde_saphyr::from_str(CORE_BANKING_SCHEMA)
                .map_err(|error| anyhow::anyhow!("core_banking.yaml: {error}")),
        }
    }

    /// The feature definitions as config.yaml writes them.
    ///
    /// # Errors
    /// If a schema is given but no features for it.
    pub fn features(&self) -> anyhow::Result<Vec<FeatureConfig>> {
        match (&self.feature_engineering.features, &self.schema) {
            (Some(features), _) => Ok(features.clone()),
            (None, None) => serde_saphyr::from_str(CORE_BANKING_FEATURES)
                .map_err(|error| anyhow::anyhow!("core_banking_features.yaml: {error}")),
            (None, Some(_)) => bail!(
                "feature_engineering.features: missing; a config with a schema of its own says what to \
                 compute from it"
            ),
        }
    }

    /// The policy in the form that a bundle with this schema and these features carries.
    ///
    /// # Errors
    /// If it names something that does not exist, or its keys contradict each other.
    pub fn policy_definition(
        &self,
        schema: &Schema,
        features: &[FeatureDefinition],
    ) -> anyhow::Result<PolicyDefinition> {
        let (periods, key) = (&self.feature_engineering.lookback_periods, self.feature_store.key()?);
        let mut policy = self.policy()?;
        if self.policy.is_none() {
            // The default policy was written for the default features.
            policy.mutable.retain(|name| features.iter().any(|feature| &feature.name == name));
        }
        let definition = policy.definition(&PolicyContext { schema, features, periods, key });
        definition.context("policy")
    }

    /// As [`Config::policy_definition`], with all category words that the policy names.
    ///
    /// # Errors
    /// As [`Config::policy_definition`], and if the schema does not know a word.
    pub fn carried_policy(
        &self,
        schema: &Schema,
        features: &[FeatureDefinition],
    ) -> anyhow::Result<PolicyDefinition> {
        let policy = self.policy_definition(schema, features)?;
        let known = policy.check_words(schema).map_err(anyhow::Error::msg);
        known.context(
            "policy: it changed since the features were computed: `nextbest features` and `nextbest train` \
             make a \
             bundle that knows its words",
        )?;
        Ok(policy)
    }

    /// The policy as config.yaml writes it; by default that of the core-banking schema, if there is no other
    /// schema.
    ///
    /// # Errors
    /// None for a build whose own default parses.
    pub fn policy(&self) -> anyhow::Result<Policy> {
        match (&self.policy, &self.schema) {
            (Some(policy), _) => Ok(policy.clone()),
            (None, Some(_)) => Ok(Policy::default()),
            (None, None) => serde_saphyr::from_str(CORE_BANKING_POLICY)
                .map_err(|error| anyhow::anyhow!("core_banking_policy.yaml: {error}")),
        }
    }

    /// Folder of the journal of runs logged, or still to be logged, to MLflow.
    pub fn journals_path(&self) -> PathBuf {
        self.outputs.path.join("mlflow")
    }

    /// Path of the feature table, without its extension.
    pub fn feature_table(&self) -> PathBuf {
        self.data_source.output_path().join(&self.feature_store.table_name)
    }

    /// Folder for the files of the exploratory data analysis.
    pub fn eda_path(&self) -> PathBuf {
        self.eda.output_path.clone().unwrap_or_else(|| self.outputs.path.join("eda"))
    }

    /// Folder for the files of monitoring.
    pub fn monitoring_path(&self) -> PathBuf {
        self.monitoring.output_path.clone().unwrap_or_else(|| self.outputs.path.join("monitoring"))
    }

    /// Path of the trained model.
    pub fn model_path(&self) -> PathBuf {
        self.outputs.path.join("models").join("model.bundle")
    }

    /// Path of the exported bundle.
    pub fn bundle_path(&self) -> PathBuf {
        self.outputs.path.join("bundle").join("nextbest.bundle")
    }
}

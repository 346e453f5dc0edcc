//! Tracking: experiments, their runs, and the models that runs made.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// The tag by which MLflow's pages show an experiment as one of training, not of conversations.
pub(super) const EXPERIMENT_TAG: (&str, &str) = ("mlflow.experimentKind", "custom_model_development");

/// What tracks runs. Doing the same again changes nothing, so that what was interrupted can be done again;
/// only beginning a model makes a new one each time.
pub(crate) trait Tracking {
    /// The id of the experiment with this name, which is made where there is none.
    fn experiment(&self, name: &str) -> anyhow::Result<String>;

    /// Begins a run. It counts as failed until it is said to be finished: whatever dies in between, nobody
    /// takes it for a whole one.
    fn begin_run(&self, experiment: &str, run: &NewRun) -> anyhow::Result<Run>;

    /// Adds parameters, metrics and tags to a run.
    fn log(&self, run: &Run, values: &Values) -> anyhow::Result<()>;

    /// Says which data a run learned from.
    fn log_dataset(&self, run: &Run, dataset: &Dataset) -> anyhow::Result<()>;

    /// Adds a file to a run, at a path with `/` between folders.
    fn log_artifact(&self, run: &Run, path: &str, file: &Path) -> anyhow::Result<()>;

    /// Ends a run.
    fn end_run(&self, run: &Run, status: Status, time: u64) -> anyhow::Result<()>;

    /// Begins a model, of a run if there is one.
    fn begin_model(&self, experiment: &str, name: &str, run: Option<&Run>) -> anyhow::Result<LoggedModel>;

    /// Adds a file to a model.
    fn log_model_file(&self, model: &LoggedModel, path: &str, bytes: &[u8]) -> anyhow::Result<()>;

    /// Says whether a model has all its files.
    fn end_model(&self, model: &LoggedModel, run: Option<&Run>, is_whole: bool) -> anyhow::Result<()>;

    /// Where a run is, for a person.
    fn place_of(&self, run: &Run) -> String;

    /// How to look at it, where that takes more.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// A run that is to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NewRun {
    /// 32 hexadecimal digits, by which a run is found again that may have begun already.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) user: String,
    /// In milliseconds since 1970-01-01, as all times here.
    pub(crate) start: u64,
    pub(crate) tags: Vec<(String, String)>,
}

/// A run that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) experiment: String,
    /// Where its files are.
    pub(crate) artifact_uri: String,
}

/// What is known of a run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Values {
    pub(crate) params: Vec<(String, String)>,
    pub(crate) metrics: Vec<MetricPoint>,
    pub(crate) tags: Vec<(String, String)>,
}

/// A metric at a step. An undefined metric is not logged at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricPoint {
    pub(crate) name: String,
    /// A finite number.
    pub(crate) value: f64,
    pub(crate) step: usize,
    pub(crate) time: u64,
}

impl Values {
    /// Adds a metric, where it is defined.
    pub(crate) fn measure(
        &mut self,
        name: impl Into<String>,
        value: impl Into<Option<f64>>,
        step: usize,
        time: u64,
    ) {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            self.metrics.push(MetricPoint { name: name.into(), value, step, time });
        }
    }
}

/// Data that a run learned from. Schema, profile and source are JSON texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dataset {
    pub(crate) name: String,
    /// At most 36 characters.
    pub(crate) digest: String,
    pub(crate) source: String,
    pub(crate) schema: String,
    pub(crate) profile: String,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Finished,
    Failed,
}

/// A model that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedModel {
    pub(crate) id: String,
    /// Where its files are.
    pub(crate) artifact_uri: String,
}

impl Status {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }

    /// Its number in files.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Finished => 3,
            Self::Failed => 4,
        }
    }
}

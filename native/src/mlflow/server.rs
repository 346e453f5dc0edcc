//! Tracking on an MLflow server over REST (checked against MLflow 3.17), with files through its proxy.

mod artifacts;
mod registry;

use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::databricks::Artifacts;
use super::http::{Client, ServerError};
use super::tracking::{
    Dataset, EXPERIMENT_TAG, LoggedModel, MetricPoint, NewRun, Run, Status, Tracking, Values,
};
use super::wire::{LONGEST_TAG, list, pairs, text};

/// The tag by which a run is found again.
const KEY_TAG: &str = "nextbest.key";
/// The beginning of all its calls.
const API: &str = "/api/2.0/mlflow";
/// The limits of one request, and those of a value, in characters.
const MOST_PARAMS: usize = 100;
const MOST_METRICS: usize = 1000;
const LONGEST_PARAM: usize = 6000;

/// An MLflow server.
pub(crate) struct Server<'p> {
    client: Client<'p>,
    /// How files get there where the server is a workspace of Databricks.
    workspace: Option<Artifacts>,
}

impl<'p> Server<'p> {
    pub(crate) fn new(client: Client<'p>) -> Self {
        Self { client, workspace: None }
    }

    /// A workspace of Databricks, which answers as a server does and has files elsewhere.
    pub(crate) fn in_workspace(client: Client<'p>) -> Self {
        Self { client, workspace: Some(Artifacts::default()) }
    }

    fn post(&self, call: &str, body: &Value) -> Result<Value, ServerError> {
        self.client.post(&format!("{API}/{call}"), body)
    }

    fn get(&self, call: &str, query: &[(&str, &str)]) -> Result<Value, ServerError> {
        self.client.get(&format!("{API}/{call}"), query)
    }

    /// The run with this key, where it has begun.
    fn find_run(&self, experiment: &str, key: &str) -> anyhow::Result<Option<Run>> {
        let search = json!({
            "experiment_ids": [experiment],
            "filter": format!("tags.`{KEY_TAG}` = '{key}'"),
            "max_results": 1,
        });
        let answer = self.post("runs/search", &search)?;
        let is_there = !list(&answer, "/runs").is_empty();
        is_there.then(|| begun(&answer, "/runs/0", experiment)).transpose()
    }

    fn set_status(&self, run: &str, status: Status, time: u64) -> anyhow::Result<()> {
        self.post("runs/update", &json!({"run_id": run, "status": status.name(), "end_time": time}))?;
        Ok(())
    }
}

impl Tracking for Server<'_> {
    fn experiment(&self, name: &str) -> anyhow::Result<String> {
        let (key, value) = EXPERIMENT_TAG;
        let experiment = json!({"name": name, "tags": [{"key": key, "value": value}]});
        let found = match self.get("experiments/get-by-name", &[("experiment_name", name)]) {
            Err(error) if error.is("RESOURCE_DOES_NOT_EXIST") => {
                match self.post("experiments/create", &experiment) {
                    Ok(created) => return text(&created, "/experiment_id"),
                    // Someone else was faster.
                    Err(error) if error.is("RESOURCE_ALREADY_EXISTS") => {
                        self.get("experiments/get-by-name", &[("experiment_name", name)])?
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            found => found?,
        };
        if text(&found, "/experiment/lifecycle_stage")? == "deleted" {
            bail!(
                "the experiment {name:?} was deleted: restore it, or use another (config: \
                 mlflow.experiment_name)"
            );
        }
        text(&found, "/experiment/experiment_id")
    }

    fn begin_run(&self, experiment: &str, new: &NewRun) -> anyhow::Result<Run> {
        let mut tags = new.tags.clone();
        tags.push((KEY_TAG.to_owned(), new.key.clone()));
        let body = json!({
            "experiment_id": experiment,
            "run_name": new.name,
            "start_time": new.start,
            "user_id": new.user,
            "tags": pairs(&tags, LONGEST_TAG),
        });
        // It may have begun, and the answer that said so been lost: in an earlier process, or just now.
        let mut found = self.find_run(experiment, &new.key)?;
        if found.is_none() {
            found = match self.client.post_once(&format!("{API}/runs/create"), &body) {
                Ok(created) => Some(begun(&created, "/run", experiment)?),
                Err(_) => self.find_run(experiment, &new.key)?,
            };
        }
        let run = match found {
            Some(run) => run,
            None => begun(&self.post("runs/create", &body)?, "/run", experiment)?,
        };
        self.set_status(&run.id, Status::Failed, new.start)?;
        Ok(run)
    }

    fn log(&self, run: &Run, values: &Values) -> anyhow::Result<()> {
        let batches = [values.params.len().div_ceil(MOST_PARAMS), values.tags.len().div_ceil(MOST_PARAMS)];
        for batch in 0..batches.into_iter().max().unwrap_or_default() {
            let body = json!({
                "run_id": run.id,
                "params": pairs(part(&values.params, batch, MOST_PARAMS), LONGEST_PARAM),
                "tags": pairs(part(&values.tags, batch, MOST_PARAMS), LONGEST_TAG),
            });
            self.post("runs/log-batch", &body)?;
        }
        for points in values.metrics.chunks(MOST_METRICS) {
            let points: Vec<Value> = points.iter().map(point).collect();
            self.post("runs/log-batch", &json!({"run_id": run.id, "metrics": points}))?;
        }
        Ok(())
    }

    fn log_dataset(&self, run: &Run, dataset: &Dataset) -> anyhow::Result<()> {
        let input = json!({
            "tags": [{"key": "mlflow.data.context", "value": "training"}],
            "dataset": {
                "name": dataset.name,
                "digest": dataset.digest,
                "source_type": "local",
                "source": dataset.source,
                "schema": dataset.schema,
                "profile": dataset.profile,
            },
        });
        self.post("runs/log-inputs", &json!({"run_id": run.id, "datasets": [input]}))?;
        Ok(())
    }

    fn log_artifact(&self, run: &Run, path: &str, file: &Path) -> anyhow::Result<()> {
        let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
        self.put_file(&run.artifact_uri, path, &bytes)
    }

    fn end_run(&self, run: &Run, status: Status, time: u64) -> anyhow::Result<()> {
        self.set_status(&run.id, status, time)
    }

    fn begin_model(&self, experiment: &str, name: &str, run: Option<&Run>) -> anyhow::Result<LoggedModel> {
        let body = json!({
            "experiment_id": experiment,
            "name": name,
            "model_type": "pyfunc",
            "source_run_id": run.map(|run| &run.id),
        });
        let created = self.post("logged-models", &body)?;
        Ok(LoggedModel {
            id: text(&created, "/model/info/model_id")?,
            artifact_uri: text(&created, "/model/info/artifact_uri")?,
        })
    }

    fn log_model_file(&self, model: &LoggedModel, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.put_file(&model.artifact_uri, path, bytes)
    }

    fn end_model(&self, model: &LoggedModel, run: Option<&Run>, is_whole: bool) -> anyhow::Result<()> {
        let status = if is_whole { "LOGGED_MODEL_READY" } else { "LOGGED_MODEL_UPLOAD_FAILED" };
        let body = json!({"model_id": model.id, "status": status});
        self.client.patch(&format!("{API}/logged-models/{}", model.id), &body)?;
        if let (Some(run), true) = (run, is_whole) {
            let body = json!({"run_id": run.id, "models": [{"model_id": model.id, "step": 0}]});
            self.post("runs/outputs", &body)?;
        }
        Ok(())
    }

    fn place_of(&self, run: &Run) -> String {
        let pages = if self.workspace.is_some() { "ml" } else { "#" };
        format!("{}/{pages}/experiments/{}/runs/{}", self.client.base(), run.experiment, run.id)
    }
}

/// A run in an answer.
fn begun(answer: &Value, pointer: &str, experiment: &str) -> anyhow::Result<Run> {
    Ok(Run {
        id: text(answer, &format!("{pointer}/info/run_id"))?,
        experiment: experiment.to_owned(),
        artifact_uri: text(answer, &format!("{pointer}/info/artifact_uri"))?,
    })
}

fn part<T>(all: &[T], batch: usize, size: usize) -> &[T] {
    all.chunks(size).nth(batch).unwrap_or_default()
}

fn point(point: &MetricPoint) -> Value {
    json!({"key": point.name, "value": point.value, "timestamp": point.time, "step": point.step})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        let pairs = pairs(&[("key".into(), "äöü".into())], 2);
        assert_eq!(pairs, [json!({"key": "key", "value": "äö"})]);
    }
}

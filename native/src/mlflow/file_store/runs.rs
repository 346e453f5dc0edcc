//! The folders of runs: a file for each parameter, metric and tag.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::meta::Meta;
use super::{FileStore, META, file_uri, safe};
use crate::mlflow::tracking::{Dataset, MetricPoint, NewRun, Run, Status, Values};
use crate::output;

impl FileStore {
    pub(super) fn run_folder(&self, run: &Run) -> PathBuf {
        self.root.join(&run.experiment).join(&run.id)
    }

    pub(super) fn make_run(&self, experiment: &str, run: &NewRun) -> anyhow::Result<Run> {
        let id = run.key.clone();
        let folder = self.root.join(experiment).join(&id);
        let artifact_uri = file_uri(&folder.join("artifacts"));
        self.make_folder(&folder, |aside| {
            for part in ["params", "metrics", "artifacts"] {
                std::fs::create_dir(aside.join(part)).with_context(|| aside.display().to_string())?;
            }
            write_pairs(&aside.join("tags"), &run.tags)?;
            write_text(&aside.join("tags/mlflow.runName"), &run.name)?;
            let meta = json!({
                "artifact_uri": artifact_uri,
                "end_time": run.start,
                "entry_point_name": "",
                "experiment_id": experiment,
                "lifecycle_stage": "active",
                "run_id": id,
                "run_name": run.name,
                "source_name": "",
                "source_type": 4,
                "source_version": "",
                "start_time": run.start,
                "status": Status::Failed.number(),
                "tags": [],
                "user_id": run.user,
            });
            Meta(meta).write(&aside.join(META))
        })?;
        Ok(Run { id, experiment: experiment.to_owned(), artifact_uri })
    }

    pub(super) fn write_values(&self, run: &Run, values: &Values) -> anyhow::Result<()> {
        let folder = self.run_folder(run);
        for (key, value) in &values.params {
            let path = folder.join("params").join(safe(key)?);
            match std::fs::read_to_string(&path) {
                Ok(before) if before != *value => {
                    bail!("{}: is {before:?} and can't become {value:?}", path.display())
                }
                _ => write_text(&path, value)?,
            }
        }
        write_pairs(&folder.join("tags"), &values.tags)?;
        let mut metrics: BTreeMap<&str, Vec<&MetricPoint>> = BTreeMap::new();
        for point in &values.metrics {
            metrics.entry(&point.name).or_default().push(point);
        }
        for (key, points) in metrics {
            write_metric(&folder.join("metrics").join(safe(key)?), &points)?;
        }
        Ok(())
    }

    pub(super) fn write_dataset(&self, run: &Run, dataset: &Dataset) -> anyhow::Result<()> {
        let digest = Sha256::digest(format!("{}\0{}", dataset.name, dataset.digest));
        let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let described = json!({
            "digest": dataset.digest,
            "name": dataset.name,
            "profile": dataset.profile,
            "schema": dataset.schema,
            "source": dataset.source,
            "source_type": "local",
        });
        Meta(described).write(&self.root.join(&run.experiment).join("datasets").join(&id).join(META))?;
        let link = json!({
            "destination_id": run.id,
            "destination_type": "RUN",
            "source_id": id,
            "source_type": "DATASET",
            "tags": {"mlflow.data.context": "training"},
        });
        Meta(link).write(&self.run_folder(run).join("inputs").join(&id).join(META))
    }
}

fn write_pairs(folder: &Path, pairs: &[(String, String)]) -> anyhow::Result<()> {
    pairs.iter().try_for_each(|(key, value)| write_text(&folder.join(safe(key)?), value))
}

fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    output::write_bytes(path, text.as_bytes())
}

/// Adds points to those that are there, each once.
fn write_metric(path: &Path, points: &[&MetricPoint]) -> anyhow::Result<()> {
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    for point in points {
        // Python reads `NaN` and `inf`, as Rust writes them.
        let line = format!("{} {} {}", point.time, point.value, point.step);
        if !text.lines().any(|other| other == line) {
            let _ = writeln!(text, "{line}");
        }
    }
    write_text(path, &text)
}

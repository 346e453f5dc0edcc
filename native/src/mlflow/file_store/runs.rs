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
            self.write_pairs(&aside.join("tags"), &run.tags)?;
            self.write(&aside.join("tags/mlflow.runName"), run.name.as_bytes())?;
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
            self.write_meta(&aside.join(META), &Meta(meta))
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
                _ => self.write(&path, value.as_bytes())?,
            }
        }
        self.write_pairs(&folder.join("tags"), &values.tags)?;
        let mut metrics: BTreeMap<&str, Vec<&MetricPoint>> = BTreeMap::new();
        for point in &values.metrics {
            metrics.entry(&point.name).or_default().push(point);
        }
        for (key, points) in metrics {
            self.write_metric(&folder.join("metrics").join(safe(key)?), &points)?;
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
        self.write_meta(
            &self.root.join(&run.experiment).join("datasets").join(&id).join(META),
            &Meta(described),
        )?;
        let link = json!({
            "destination_id": run.id,
            "destination_type": "RUN",
            "source_id": id,
            "source_type": "DATASET",
            "tags": {"mlflow.data.context": "training"},
        });
        self.write_meta(&self.run_folder(run).join("inputs").join(&id).join(META), &Meta(link))
    }

    fn write_pairs(&self, folder: &Path, pairs: &[(String, String)]) -> anyhow::Result<()> {
        pairs.iter().try_for_each(|(key, value)| self.write(&folder.join(safe(key)?), value.as_bytes()))
    }

    /// Adds points to those that are there, each once.
    fn write_metric(&self, path: &Path, points: &[&MetricPoint]) -> anyhow::Result<()> {
        let mut text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| path.display().to_string())?,
        };
        for point in points {
            let line = format!("{} {} {}", point.time, point.value, point.step);
            if !text.lines().any(|other| other == line) {
                let _ = writeln!(text, "{line}");
            }
        }
        self.write(path, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// What was told and is told again, after a command that died in between, stands there once and as it
        /// was.
        #[test]
        fn what_is_told_twice_stands_there_once(
            keys in vec(r#"[-/=:,."' é|;%a]{0,4}"#, 2),
            value in any::<String>(),
            points in vec((any::<u64>().prop_map(f64::from_bits), 0usize..3, any::<u64>()), 0..5),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = FileStore::new(folder.path());
            let run = Run { id: "r".into(), experiment: "1".into(), artifact_uri: String::new() };
            let mut values = Values { params: vec![(keys[0].clone(), value.clone())], ..Values::default() };
            points.iter().for_each(|(number, step, time)| values.measure(&keys[1], *number, *step, *time));
            let told = store.write_values(&run, &values);
            let are_sound = safe(&keys[0]).is_ok() && (values.metrics.is_empty() || safe(&keys[1]).is_ok());
            prop_assert_eq!(told.is_ok(), are_sound);
            prop_assume!(are_sound);
            store.write_values(&run, &values).unwrap();
            let read = |part: &str, key: &str| std::fs::read_to_string(store.run_folder(&run).join(part).join(key));
            prop_assert_eq!(read("params", &keys[0]).unwrap(), value);
            let text = read("metrics", &keys[1]).unwrap_or_default();
            let of_line = |line: &str| {
                let parts: Vec<&str> = line.split(' ').collect();
                (parts[1].parse::<f64>().unwrap().to_bits(), parts[2].parse().unwrap(), parts[0].parse().unwrap())
            };
            let mut expected: Vec<(u64, usize, u64)> = Vec::new();
            for point in &values.metrics {
                let point = (point.value.to_bits(), point.step, point.time);
                if !expected.contains(&point) {
                    expected.push(point);
                }
            }
            prop_assert_eq!(text.lines().map(of_line).collect::<Vec<_>>(), expected);
        }
    }
}

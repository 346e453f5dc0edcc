//! A folder in the layout of MLflow's file store, which MLflow opens, and moves into a database (checked
//! against MLflow 3.17).
//!
//! Files appear whole, and so do the folders of experiments, runs, models and versions: they are made aside,
//! where MLflow looks for nothing or under a name that it takes for something deleted, and renamed.

mod meta;
mod registry;
mod runs;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::tracking::{Dataset, EXPERIMENT_TAG, LoggedModel, NewRun, Run, Status, Tracking, Values};
use crate::app::clock;
use crate::io::output;
pub(super) use meta::random_hex;
use meta::{Meta, random_digits};

/// The file that says what a folder is.
const META: &str = "meta.yaml";
/// What is deleted lies here; MLflow passes over every folder whose name ends so.
const TRASH: &str = ".trash";
/// The registry among the experiments.
const REGISTRY: &str = "models";
/// So many digits has the id of an experiment.
const ID_DIGITS: usize = 18;

/// Locked while an experiment is looked for or made.
const LOCK: &str = ".nextbest.lock";

/// A folder in MLflow's layout.
pub(crate) struct FileStore {
    root: PathBuf,
}

impl FileStore {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes a folder whole or not at all: `fill` writes into it while it lies aside. Gives `false` where
    /// there is one already.
    fn make_folder(
        &self,
        path: &Path,
        fill: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        let place = || format!("{}: can't be made", path.display());
        std::fs::create_dir_all(&self.root).with_context(place)?;
        let aside = output::AsideFolder::new(&self.root, TRASH).with_context(place)?;
        fill(aside.path())?;
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(place)?;
        }
        match aside.persist(path) {
            Ok(()) => Ok(true),
            // A folder that holds something is not replaced.
            Err(_) if path.exists() => Ok(false),
            Err(error) => Err(error).with_context(place),
        }
    }

    /// Writes a file, in the trash while it is not whole: of a metric, a parameter or a tag MLflow takes
    /// every file beside it for one.
    fn write_through(
        &self,
        path: &Path,
        write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        output::write_from(&self.root.join(TRASH), path, write)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
        self.write_through(path, |file| Ok(file.write_all(bytes)?))
    }

    fn write_meta(&self, path: &Path, meta: &Meta) -> anyhow::Result<()> {
        self.write(path, meta.to_text().as_bytes())
    }

    /// Makes the folder of a new experiment, with the files of an experiment.
    fn make_experiment(&self, id: &str, name: &str) -> anyhow::Result<bool> {
        let folder = self.root.join(id);
        self.make_folder(&folder, |aside| {
            let time = clock::milliseconds();
            let meta = json!({
                "artifact_location": file_uri(&folder),
                "creation_time": time,
                "experiment_id": id,
                "last_update_time": time,
                "lifecycle_stage": "active",
                "name": name,
            });
            let (key, value) = EXPERIMENT_TAG;
            self.write(&aside.join("tags").join(key), value.as_bytes())?;
            self.write_meta(&aside.join(META), &Meta(meta))
        })
    }

    /// The experiments in a folder, by their ids.
    fn experiments(&self, folder: &Path) -> anyhow::Result<Vec<(String, Meta)>> {
        let mut found = Vec::new();
        for name in folders(folder)? {
            if name.bytes().all(|byte| byte.is_ascii_digit()) {
                found.push((name.clone(), Meta::read(&folder.join(name).join(META))?));
            }
        }
        Ok(found)
    }
}

impl Tracking for FileStore {
    fn experiment(&self, name: &str) -> anyhow::Result<String> {
        // Of two who look for it at once, the second finds what the first makes.
        let _lock = output::lock(&self.root.join(TRASH).join(LOCK))?;
        let named = |(_, meta): &(String, Meta)| meta.text("name").is_some_and(|found| found == name);
        if let Some((id, meta)) = self.experiments(&self.root)?.into_iter().find(named) {
            if meta.text("lifecycle_stage").is_some_and(|stage| stage != "active") {
                bail!("{}: the experiment {name:?} was deleted", self.root.join(id).display());
            }
            return Ok(id);
        }
        let trash = self.root.join(TRASH);
        if let Some((id, _)) = self.experiments(&trash)?.into_iter().find(named) {
            bail!(
                "{}: the experiment {name:?} was deleted: restore it (mlflow experiments restore -x {id}), \
                 or use another \
                 (config: mlflow.experiment_name)",
                trash.join(&id).display()
            );
        }
        if !self.root.join("0").exists() {
            // MLflow expects it to be there.
            self.make_experiment("0", "Default")?;
        }
        loop {
            let id = random_digits(ID_DIGITS)?;
            if self.make_experiment(&id, name)? {
                return Ok(id);
            }
        }
    }

    fn begin_run(&self, experiment: &str, run: &NewRun) -> anyhow::Result<Run> {
        self.make_run(experiment, run)
    }

    fn log(&self, run: &Run, values: &Values) -> anyhow::Result<()> {
        self.write_values(run, values)
    }

    fn log_dataset(&self, run: &Run, dataset: &Dataset) -> anyhow::Result<()> {
        self.write_dataset(run, dataset)
    }

    fn log_artifact(&self, run: &Run, path: &str, file: &Path) -> anyhow::Result<()> {
        let target = self.run_folder(run).join("artifacts").join(safe(path)?);
        self.write_through(&target, |writer| {
            let mut source = File::open(file).with_context(|| file.display().to_string())?;
            std::io::copy(&mut source, writer)?;
            Ok(())
        })
    }

    fn end_run(&self, run: &Run, status: Status, time: u64) -> anyhow::Result<()> {
        let path = self.run_folder(run).join(META);
        let meta = Meta::read(&path)?;
        let meta = meta.with("status", json!(status.number())).with("end_time", json!(time));
        self.write_meta(&path, &meta)
    }

    fn begin_model(&self, experiment: &str, name: &str, run: Option<&Run>) -> anyhow::Result<LoggedModel> {
        let id = format!("m-{}", random_hex()?);
        let folder = self.root.join(experiment).join("models").join(&id);
        let artifact_uri = file_uri(&folder.join("artifacts"));
        self.make_folder(&folder, |aside| {
            let time = clock::milliseconds();
            let meta = json!({
                "artifact_location": artifact_uri,
                "creation_timestamp": time,
                "experiment_id": experiment,
                "last_updated_timestamp": time,
                "model_id": id,
                "model_type": "pyfunc",
                "name": name,
                "source_run_id": run.map(|run| &run.id),
                "status": 1,
                "status_message": null,
            });
            self.write_meta(&aside.join(META), &Meta(meta))
        })?;
        Ok(LoggedModel { id, artifact_uri })
    }

    fn log_model_file(&self, model: &LoggedModel, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        self.write(&path_of(&model.artifact_uri)?.join(safe(path)?), bytes)
    }

    fn end_model(&self, model: &LoggedModel, run: Option<&Run>, is_whole: bool) -> anyhow::Result<()> {
        let folder = path_of(&model.artifact_uri)?;
        let path = folder.with_file_name(META);
        let meta = Meta::read(&path)?.with("status", json!(if is_whole { 2 } else { 3 }));
        let meta = meta.with("last_updated_timestamp", json!(clock::milliseconds()));
        self.write_meta(&path, &meta)?;
        let Some(run) = run.filter(|_| is_whole) else { return Ok(()) };
        let link = json!({
            "source_type": "RUN_OUTPUT",
            "source_id": run.id,
            "destination_type": "MODEL_OUTPUT",
            "destination_id": model.id,
            "step": 0,
            "tags": {},
        });
        self.write_meta(&self.run_folder(run).join("outputs").join(&model.id).join(META), &Meta(link))
    }

    fn place_of(&self, run: &Run) -> String {
        self.run_folder(run).display().to_string()
    }

    fn hint(&self) -> Option<String> {
        let root = self.root.display();
        Some(format!(
            "look at it: MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri {root}\n\
             or move it into a database: mlflow migrate-filestore --source {root} --target \
             sqlite:///mlflow.db"
        ))
    }
}

/// The names of the folders in a folder; none where it is not there.
fn folders(folder: &Path) -> anyhow::Result<Vec<String>> {
    let place = || folder.display().to_string();
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(place)? {
        let entry = entry.with_context(place)?;
        if entry.file_type().with_context(place)?.is_dir() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// An absolute path as an address.
fn file_uri(path: &Path) -> String {
    format!("file://{}", super::http::encoded_path(&path.to_string_lossy()))
}

/// The path that an address stands for.
fn path_of(uri: &str) -> anyhow::Result<PathBuf> {
    let path = uri.strip_prefix("file://").with_context(|| format!("expected file://…, got {uri:?}"))?;
    let path = percent_encoding::percent_decode_str(path).decode_utf8().with_context(|| uri.to_owned())?;
    Ok(PathBuf::from(path.as_ref()))
}

/// A path below a folder, or a key, which becomes one: nothing that leads out of the folder.
fn safe(path: &str) -> anyhow::Result<&str> {
    let sound = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    match path.split('/').all(sound) {
        true => Ok(path),
        false => bail!("{path:?} is no name that MLflow could keep in a folder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_are_undone() {
        let path = Path::new("/srv/bank of runs/7/ä#?%41");
        assert_eq!(file_uri(path), "file:///srv/bank%20of%20runs/7/%C3%A4%23%3F%2541");
        assert_eq!(path_of(&file_uri(path)).unwrap(), path);
        assert!(path_of("s3://bucket").is_err());
    }

    #[test]
    fn no_key_leads_out_of_its_folder() {
        for key in ["../meta.yaml", "/etc/passwd", "a//b", "", ".", "a/../../b", "a\\b"] {
            assert!(safe(key).is_err(), "{key}");
        }
        assert_eq!(safe("val/log loss:3").unwrap(), "val/log loss:3");
    }

    #[test]
    fn a_folder_that_could_not_be_filled_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(&folder.path().join("mlruns"));
        let path = folder.path().join("mlruns/7");
        let failed = store.make_folder(&path, |_| bail!("the disk is full"));
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert_eq!(std::fs::read_dir(folder.path().join("mlruns")).unwrap().count(), 0);
        let fill = |text: &'static str| move |aside: &Path| Ok(std::fs::write(aside.join("file"), text)?);
        assert!(store.make_folder(&path, fill("first")).unwrap());
        assert!(!store.make_folder(&path, fill("second")).unwrap());
        assert_eq!(std::fs::read_to_string(path.join("file")).unwrap(), "first");
    }
}

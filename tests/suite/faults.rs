//! Faults at every operation that changes a file system: the process dies before it, or the disk is full. `make test-faults`
//! tries all of them; without FAULTS=all each command is tried at some that are spread over it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rayon::prelude::*;

use crate::PROGRAM;

const FAULT: &str = "NEXTBEST_FAULT";
/// Operations that are tried of each command where not all are.
const SOME: usize = 8;
const CONFIG: &str = "
generate: {customers: 150, start: 2024-01-01}
snapshots: {first: 2025-01-01}
evaluation: {bootstrap_draws: 5}
model:
  selection: {budget: 0}
  hyperparameters: {random_forest: {n_estimators: 3}, gradient_boosting: {n_estimators: 3}}
feature_store: {formats: [parquet, csv, delta]}
";

/// A folder with what the commands before have made.
struct Place(tempfile::TempDir);

impl Place {
    fn new(mlflow: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::write(place.0.path().join("config.yaml"), format!("{CONFIG}{mlflow}")).unwrap();
        place
    }

    fn copy(&self) -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        let copied = Command::new("cp").arg("-a").arg(self.0.path().join(".")).arg(copy.0.path()).status();
        assert!(copied.unwrap().success());
        copy
    }

    /// The exit code, `None` of a process that died, and standard error.
    fn run(&self, arguments: &[&str], fault: Option<&str>) -> (Option<i32>, String) {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("MLFLOW_TRACKING_URI").env_remove("MLFLOW_REGISTRY_URI").env_remove(FAULT);
        fault.map(|fault| command.env(FAULT, fault));
        let finished = command.output().unwrap();
        (finished.status.code(), String::from_utf8_lossy(&finished.stderr).into_owned())
    }

    fn succeed(&self, arguments: &[&str]) {
        let (code, errors) = self.run(arguments, None);
        assert_eq!(code, Some(0), "{arguments:?}: {errors}");
    }

    /// How many operations a command takes.
    fn operations(&self, arguments: &[&str]) -> usize {
        let copy = self.copy();
        let list = copy.0.path().join("operations");
        let (code, errors) = copy.run(arguments, Some(&format!("list:{}", list.display())));
        assert_eq!(code, Some(0), "{arguments:?}: {errors}");
        std::fs::read_to_string(list).unwrap().lines().count()
    }

    /// The files whose bytes a command makes again when it runs again.
    fn outputs(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let is_same_again = |path: &Path| {
            let names = ["csv", "parquet", "bundle"];
            // A history says when.
            let is_history = path.ends_with("history.parquet");
            !is_history && path.extension().is_some_and(|ending| names.iter().any(|name| ending == *name))
        };
        let files = self.files().into_iter().filter(|path| is_same_again(path));
        files.map(|path| (path.clone(), std::fs::read(self.0.path().join(path)).unwrap())).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.0.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path.strip_prefix(self.0.path()).unwrap().to_owned()),
                }
            }
        }
        files
    }

    /// Files that no command should leave for ever.
    fn left_over(&self) -> Vec<PathBuf> {
        let is_left = |path: &PathBuf| {
            let hidden = path.iter().any(|part| part.to_string_lossy().starts_with(".nextbest-"));
            hidden && !path.ends_with(".nextbest.lock")
        };
        self.files().into_iter().filter(is_left).collect()
    }
}

/// Runs a command with a fault at each of its operations. Then whoever reads next is content or says what to do, and the
/// command, run again, makes the very files that it makes without the fault, and leaves nothing over.
fn every_fault(before: &Place, command: &[&str], next: &[&str]) -> usize {
    let whole = before.copy();
    whole.succeed(command);
    let expected = whole.outputs();
    let count = before.operations(command);
    let step = if std::env::var("FAULTS").is_ok_and(|it| it == "all") { 1 } else { count.div_ceil(SOME) };
    let numbers: Vec<usize> = (1..=count).step_by(step).collect();
    let faults = numbers.iter().flat_map(|number| [format!("abort@{number}"), format!("fail@{number}")]);
    faults.collect::<Vec<_>>().par_iter().for_each(|fault| {
        let place = before.copy();
        let (code, errors) = place.run(command, Some(fault));
        match fault.starts_with("abort") {
            true => assert_eq!(code, None, "{command:?} {fault}: {errors}"),
            false => assert!(code == Some(1) || code == Some(0), "{command:?} {fault}: {code:?} {errors}"),
        }
        let (code, errors) = place.copy().run(next, None);
        assert!(
            code == Some(0) || code == Some(1) && errors.contains("`nextbest"),
            "{command:?} {fault}, then {next:?}: {code:?} {errors}"
        );
        place.succeed(command);
        let made = place.outputs();
        let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&made), names(&expected), "{command:?} {fault}");
        let differs = made.iter().find(|(path, bytes)| expected.get(*path) != Some(*bytes));
        assert!(differs.is_none(), "{command:?} {fault}: {:?}", differs.map(|(path, _)| path));
        assert_eq!(place.left_over(), Vec::<PathBuf>::new(), "{command:?} {fault}");
    });
    numbers.len() * 2
}

#[test]
fn whatever_fails_files_are_whole_and_running_again_heals() {
    let place = Place::new("mlflow: {tracking_uri: none}\n");
    let mut tried = every_fault(&place, &["generate"], &["features"]);
    // Another bank in the place of one: mixed tables would be read without a word.
    place.succeed(&["generate", "--seed", "7"]);
    tried += every_fault(&place, &["generate"], &["features"]);
    place.succeed(&["features"]);
    place.succeed(&["generate"]);
    tried += every_fault(&place, &["features"], &["train"]);
    place.succeed(&["features"]);
    tried += every_fault(&place, &["train"], &["evaluate"]);
    place.succeed(&["train"]);
    tried += every_fault(&place, &["evaluate"], &["export"]);
    place.succeed(&["evaluate"]);
    tried += every_fault(&place, &["export"], &["inspect"]);
    place.succeed(&["export"]);
    tried += every_fault(&place, &["score"], &["inspect"]);
    tried += every_fault(&place, &["score", "--log", "offers.csv"], &["inspect"]);
    tried += every_fault(&place, &["eda"], &["inspect"]);
    tried += every_fault(&place, &["monitor", "--current", "2025-10-01", "--history"], &["inspect"]);
    tried += every_fault(&place, &["inspect", "--html", "card.html"], &["inspect"]);
    println!("{tried} faults");
}

#[test]
fn a_first_run_that_was_stopped_runs_again() {
    let place = Place::new("mlflow: {tracking_uri: none}\n");
    let count = place.operations(&["generate"]);
    (1..=count).step_by(7).collect::<Vec<_>>().par_iter().for_each(|number| {
        let place = place.copy();
        assert_eq!(place.run(&["run"], Some(&format!("abort@{number}"))).0, None);
        place.succeed(&["run"]);
        assert_eq!(place.left_over(), Vec::<PathBuf>::new(), "{number}");
    });
}

#[test]
fn a_training_that_was_stopped_while_it_was_logged_is_logged_by_the_next_one() {
    let place = Place::new("");
    place.succeed(&["generate"]);
    place.succeed(&["features"]);
    let count = place.operations(&["train"]);
    let step = if std::env::var("FAULTS").is_ok_and(|it| it == "all") { 1 } else { count.div_ceil(SOME) };
    (1..=count).step_by(step).collect::<Vec<_>>().par_iter().for_each(|number| {
        let place = place.copy();
        assert_eq!(place.run(&["train"], Some(&format!("abort@{number}"))).0, None);
        let _ = place.run(&["train", "--resume-logging"], None);
        place.succeed(&["train"]);
        assert_eq!(place.left_over(), Vec::<PathBuf>::new(), "{number}");
        // MLflow takes every file of these folders for a metric, a parameter or a tag.
        let files = place.files();
        let hidden = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
        let inside = |path: &&PathBuf| path.starts_with("mlruns") && !path.starts_with("mlruns/.trash");
        assert_eq!(files.iter().filter(inside).find(hidden), None, "{number}");
    });
}

/// Keys are random: a pair belongs together whenever its making was stopped.
#[test]
fn keys_are_made_in_pairs_whenever_their_making_is_stopped() {
    let place = Place::new("");
    let count = place.operations(&["keygen"]);
    for number in 1..=count {
        let place = place.copy();
        assert_eq!(place.run(&["keygen"], Some(&format!("abort@{number}"))).0, None);
        let private = place.0.path().join("keys/nextbest.private.pem");
        let before = std::fs::read(&private).ok();
        place.succeed(&["keygen"]);
        assert!(before.is_none_or(|before| before == std::fs::read(&private).unwrap()), "{number}");
        assert!(place.0.path().join("keys/nextbest.public.pem").exists(), "{number}");
        assert_eq!(place.left_over(), Vec::<PathBuf>::new(), "{number}");
    }
}

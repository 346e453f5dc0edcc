//! What is to be told of a training: written down first, told then, and kept until all of it was told.
//!
//! A journal is a folder with a list of actions, how many of them are done, and the files that are still to
//! be sent. A server that dies in between loses nothing: the rest is told later, by `nextbest train
//! --resume-logging` or the next command that has something to add.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::file_store::random_hex;
use super::tracking::{Dataset, NewRun, Run, Status, Tracking, Values};
use crate::app::Progress;
use crate::app::clock;
use crate::io::input;
use crate::io::output;

const STATE: &str = "journal.json";
const FILES: &str = "files";
/// Names the run that a nested one belongs to.
const PARENT_TAG: &str = "mlflow.parentRunId";

/// What is to be told of a training.
pub(crate) struct Journal {
    folder: PathBuf,
    state: State,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct State {
    /// Where it is told.
    tracking: String,
    experiment: String,
    /// The hashes of the bundles that came of the training.
    bundles: Vec<String>,
    /// The runs that have begun; the first is that of the training, the others are nested in it.
    runs: Vec<Option<Run>>,
    actions: Vec<Action>,
    /// How many of them are done.
    done: usize,
}

/// Something to tell. A run is its position among the runs.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Action {
    Begin { run: usize, new: NewRun },
    Log { run: usize, values: Values },
    Dataset { run: usize, dataset: Dataset },
    Artifact { run: usize, path: String, file: String },
    End { run: usize, status: Status, time: u64 },
}

impl Journal {
    /// Begins a journal in a folder of journals.
    ///
    /// # Errors
    /// If the system has no randomness for its name.
    pub(crate) fn create(journals: &Path, tracking: &Address, experiment: &str) -> anyhow::Result<Self> {
        let state = State {
            tracking: tracking.to_string(),
            experiment: experiment.to_owned(),
            bundles: Vec::new(),
            runs: Vec::new(),
            actions: Vec::new(),
            done: 0,
        };
        // The folders stand in the order of the trainings, also where the clock was set back in between.
        let after = newest(journals).map_or(0, |newest| newest.saturating_add(1));
        let name = format!("{:013}-{}", clock::milliseconds().max(after), random_hex()?);
        Ok(Self { folder: journals.join(name), state })
    }

    /// Removes the journals of which everything was told, but for that of a bundle (its content's hash) that
    /// may still be registered.
    ///
    /// # Errors
    /// If one can't be removed.
    pub(crate) fn forget_told(journals: &Path, but: Option<&str>) -> anyhow::Result<()> {
        let is_kept = |journal: &Self| but.is_some_and(|hash| journal.has_made(hash));
        for told in Self::all(journals)?.iter().filter(|journal| journal.is_told() && !is_kept(journal)) {
            std::fs::remove_dir_all(&told.folder).with_context(|| told.folder.display().to_string())?;
        }
        Ok(())
    }

    /// The journals of a folder, the oldest first.
    ///
    /// # Errors
    /// If one can't be read.
    pub(crate) fn all(journals: &Path) -> anyhow::Result<Vec<Self>> {
        if !journals.exists() {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for entry in std::fs::read_dir(journals).with_context(|| journals.display().to_string())? {
            let folder = entry.with_context(|| journals.display().to_string())?.path();
            let path = folder.join(STATE);
            let place = || path.display().to_string();
            if path.exists() {
                let bytes = input::read(&path, input::TEXT).with_context(place)?;
                all.push(Self { state: serde_json::from_slice(&bytes).with_context(place)?, folder });
            }
        }
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(all)
    }

    /// The journal of the last training that a bundle (its content's hash) came of: the same data give the
    /// same bundle.
    ///
    /// # Errors
    /// As [`Journal::all`].
    pub(crate) fn of_bundle(journals: &Path, hash: &str) -> anyhow::Result<Option<Self>> {
        Ok(Self::all(journals)?.into_iter().rev().find(|journal| journal.has_made(hash)))
    }

    fn has_made(&self, hash: &str) -> bool {
        self.state.bundles.iter().any(|bundle| bundle == hash)
    }

    /// Whether there is nothing left to tell.
    pub(crate) fn is_told(&self) -> bool {
        self.state.done >= self.state.actions.len()
    }

    /// A run begins, nested in that of the training if it is not the first.
    pub(crate) fn begin(&mut self, new: NewRun) -> usize {
        let run = self.state.runs.len();
        self.state.runs.push(None);
        self.state.actions.push(Action::Begin { run, new });
        run
    }

    /// A run has values.
    pub(crate) fn log(&mut self, run: usize, values: Values) {
        self.state.actions.push(Action::Log { run, values });
    }

    /// A run learned from data.
    pub(crate) fn log_dataset(&mut self, run: usize, dataset: Dataset) {
        self.state.actions.push(Action::Dataset { run, dataset });
    }

    /// A run has a file. It is kept here until it was sent.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn log_artifact(&mut self, run: usize, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let file = format!("{FILES}/{}", self.state.actions.len());
        output::write_bytes(&self.folder.join(&file), bytes)?;
        self.state.actions.push(Action::Artifact { run, path: path.to_owned(), file });
        Ok(())
    }

    /// A run ends.
    pub(crate) fn end(&mut self, run: usize, status: Status, time: u64) {
        self.state.actions.push(Action::End { run, status, time });
    }

    /// The training made a bundle with this hash of its content.
    pub(crate) fn made(&mut self, hash: &str) {
        if !self.has_made(hash) {
            self.state.bundles.push(hash.to_owned());
        }
    }

    /// The run of the training, as soon as it has begun.
    pub(crate) fn run(&self) -> Option<&Run> {
        self.state.runs.first()?.as_ref()
    }

    /// Where it is told.
    ///
    /// # Errors
    /// If the journal names no such place.
    pub(crate) fn address(&self) -> anyhow::Result<Address> {
        Address::parse(&self.state.tracking).with_context(|| self.folder.join(STATE).display().to_string())
    }

    /// Writes the journal down.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        output::write_json(&self.folder.join(STATE), &self.state)
    }

    /// Tells what has not been told, and says where the run is and how to look at it.
    ///
    /// # Errors
    /// If it could not be told; the rest stays in the journal.
    pub(crate) fn tell(&mut self, progress: &Progress) -> anyhow::Result<(String, Option<String>)> {
        self.save()?;
        let tracking = self.address()?.tracking(progress)?;
        while self.state.actions.get(self.state.done).is_some() {
            self.tell_next(tracking.as_ref())?;
            self.state.done += 1;
            self.save()?;
        }
        let files = self.folder.join(FILES);
        if files.exists() {
            std::fs::remove_dir_all(&files).with_context(|| files.display().to_string())?;
        }
        let run = self.run().context("a journal without a run")?;
        Ok((tracking.place_of(run), tracking.hint()))
    }

    fn tell_next(&mut self, tracking: &dyn Tracking) -> anyhow::Result<()> {
        let state = &mut self.state;
        let Some(action) = state.actions.get(state.done) else { return Ok(()) };
        let begun = |run: usize| {
            let run = state.runs.get(run).and_then(Option::as_ref);
            run.with_context(|| format!("{}: a run that has not begun", self.folder.join(STATE).display()))
        };
        match action {
            Action::Begin { run, new } => {
                let mut new = new.clone();
                if *run > 0 {
                    new.tags.push((PARENT_TAG.into(), begun(0)?.id.clone()));
                }
                let experiment = tracking.experiment(&state.experiment)?;
                let made = tracking.begin_run(&experiment, &new)?;
                if let Some(place) = state.runs.get_mut(*run) {
                    *place = Some(made);
                }
                Ok(())
            }
            Action::Log { run, values } => tracking.log(begun(*run)?, values),
            Action::Dataset { run, dataset } => tracking.log_dataset(begun(*run)?, dataset),
            Action::Artifact { run, path, file } => {
                tracking.log_artifact(begun(*run)?, path, &self.folder.join(file))
            }
            Action::End { run, status, time } => tracking.end_run(begun(*run)?, *status, *time),
        }
    }
}

/// The time in the name of the newest journal of a folder.
fn newest(journals: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(journals).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.split('-').next()?.parse().ok()).max()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn new_run(name: &str) -> NewRun {
        let key = random_hex().unwrap();
        NewRun { key, name: name.into(), user: "ann".into(), start: 1, tags: Vec::new() }
    }

    proptest! {
        /// Whatever was measured and whatever things are called: a journal that can't be read stops all later
        /// trainings.
        #[test]
        fn what_is_written_down_is_read_again(
            texts in vec(any::<String>(), 8),
            numbers in vec(any::<u64>().prop_map(f64::from_bits), 0..6),
            count in any::<u64>(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut journal =
                Journal::create(folder.path(), &Address::Folder("mlruns".into()), &texts[0]).unwrap();
            let tags = vec![(texts[1].clone(), texts[2].clone())];
            let new = NewRun {
                key: texts[3].clone(), name: texts[4].clone(), user: texts[5].clone(), start: count, tags: tags.clone(),
            };
            let run = journal.begin(new);
            let mut values = Values { params: tags.clone(), tags, ..Values::default() };
            for (step, number) in numbers.iter().enumerate() {
                values.measure(&texts[6], *number, step, count);
            }
            prop_assert_eq!(values.metrics.len(), numbers.iter().filter(|number| number.is_finite()).count());
            journal.log(run, values);
            journal.end(run, Status::Finished, count);
            journal.made(&texts[7]);
            journal.save().unwrap();
            let all = Journal::all(folder.path()).unwrap();
            prop_assert_eq!(&all[0].state, &journal.state);
        }
    }

    /// Where nothing can be written, whoever asks: below a file.
    fn broken(folder: &Path) -> Address {
        std::fs::write(folder.join("file"), "").unwrap();
        Address::Folder(folder.join("file/mlruns"))
    }

    #[test]
    fn what_could_not_be_told_is_told_later_and_once() {
        let folder = tempfile::tempdir().unwrap();
        let (journals, progress) = (folder.path().join("journals"), Progress::new(true));
        let mut journal = Journal::create(&journals, &broken(folder.path()), "bank").unwrap();
        let run = journal.begin(new_run("parent"));
        journal.log_artifact(run, "reports/a.txt", b"text").unwrap();
        let child = journal.begin(new_run("child"));
        journal.end(child, Status::Finished, 2);
        journal.end(run, Status::Finished, 3);
        journal.made("hash");
        let error = format!("{:#}", journal.tell(&progress).unwrap_err());
        assert!(error.contains("file/mlruns"), "{error}");

        // What is broken is mended; another process goes on.
        std::fs::remove_file(folder.path().join("file")).unwrap();
        let mut again = Journal::of_bundle(&journals, "hash").unwrap().unwrap();
        assert!(!again.is_told());
        again.tell(&progress).unwrap();
        assert!(again.is_told());
        let run = again.run().unwrap().clone();
        let path = folder.path().join("file/mlruns").join(&run.experiment).join(&run.id);
        assert_eq!(std::fs::read_to_string(path.join("artifacts/reports/a.txt")).unwrap(), "text");
        // Beside them are the experiment's own file and its tags.
        let runs = |path: &Path| {
            let entries = std::fs::read_dir(path.parent().unwrap()).unwrap();
            entries.filter(|entry| entry.as_ref().unwrap().path().join("meta.yaml").exists()).count()
        };
        assert_eq!(runs(&path), 2);
        assert!(!again.folder.join(FILES).exists());

        // Telling it once more tells nothing; what is added later is told alone.
        again.tell(&progress).unwrap();
        again.log_artifact(0, "b.txt", b"more").unwrap();
        again.tell(&progress).unwrap();
        assert_eq!(runs(&path), 2);
        assert_eq!(std::fs::read_to_string(path.join("artifacts/b.txt")).unwrap(), "more");
        // Of two trainings with the same bundle, the later one is meant.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let mut later = Journal::create(&journals, &again.address().unwrap(), "bank").unwrap();
        later.made("hash");
        later.save().unwrap();
        assert_eq!(Journal::of_bundle(&journals, "hash").unwrap().unwrap().folder, later.folder);
        std::fs::remove_dir_all(&later.folder).unwrap();
        // What was not told stays, and what a bundle may still need.
        let mut untold = Journal::create(&journals, &again.address().unwrap(), "bank").unwrap();
        untold.begin(new_run("next"));
        untold.save().unwrap();
        let there = || Journal::all(&journals).unwrap().len();
        Journal::forget_told(&journals, Some("hash")).unwrap();
        assert_eq!(there(), 2);
        Journal::forget_told(&journals, Some("another")).unwrap();
        assert_eq!(there(), 1);
        assert!(Journal::of_bundle(&journals, "hash").unwrap().is_none());
    }

    #[test]
    fn the_newest_training_is_the_newest_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let place = Address::parse("./mlruns").unwrap();
        let ahead = format!("{:013}-ab", clock::milliseconds() + 3_600_000);
        std::fs::create_dir(folder.path().join(&ahead)).unwrap();
        let journal = Journal::create(folder.path(), &place, "e").unwrap();
        assert!(*journal.folder > *folder.path().join(ahead));
    }
}

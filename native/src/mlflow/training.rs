//! What a training tells of itself.

use std::path::Path;

use anyhow::Context as _;
use nextbest_core::bundle::content_hash;
use serde_json::json;

use super::address::Address;
use super::file_store::random_hex;
use super::journal::Journal;
use super::logged::{file_bytes, user};
use super::tracking::{Dataset, NewRun, Status, Values};
use crate::app::Progress;
use crate::app::clock;
use crate::app::for_people;
use crate::config::Config;
use crate::io::feature_table::Layout;
use crate::io::output;
use crate::train::{TrainedModel, TrainedModels};

/// The tag that MLflow's pages show as a run's description.
const NOTE_TAG: &str = "mlflow.note.content";
/// The most characters of a data set's digest.
const DIGEST: usize = 36;

/// A training that is to be logged.
pub(crate) struct Logging<'c> {
    config: &'c Config,
    progress: &'c Progress,
    address: Address,
    start: u64,
}

/// What a training was made from.
pub(crate) struct Origin<'o> {
    /// `nextbest train`, with what was asked for.
    pub(crate) command: &'o str,
    pub(crate) file: &'o Path,
    /// Its SHA-256, in hexadecimal digits.
    pub(crate) hash: &'o str,
    pub(crate) layout: &'o Layout,
    pub(crate) rows: usize,
}

impl<'c> Logging<'c> {
    /// Makes sure that what is to be logged can be, before it takes time to have something; `None` where
    /// nothing is logged.
    ///
    /// # Errors
    /// If MLflow can't be reached.
    pub(crate) fn begin(config: &'c Config, progress: &'c Progress) -> anyhow::Result<Option<Self>> {
        let Some(address) = Address::of_tracking(config)? else { return Ok(None) };
        let start = clock::milliseconds();
        let tracking = address.tracking(progress)?;
        tracking.experiment(&config.mlflow.experiment_name).context(
            "the training could not be logged (without MLflow: mlflow.tracking_uri: none in the config)",
        )?;
        Ok(Some(Self { config, progress, address, start }))
    }

    /// Logs a training that failed, as well as that can be done.
    pub(crate) fn failed(&self, command: &str, error: &anyhow::Error) {
        let attempt = || {
            let mut journal = self.journal()?;
            let mut run = self.run("failed", command)?;
            run.tags.push((NOTE_TAG.into(), for_people(&format!("{error:#}"))));
            let run = journal.begin(run);
            journal.end(run, Status::Failed, clock::milliseconds());
            journal.tell(self.progress)
        };
        if let Err(error) = attempt() {
            self.progress.warn(&format!("the failed training could not be logged: {error:#}"));
        }
    }

    /// Logs a training, with the files that came of it and, of a plain table, its evaluation and bundle.
    ///
    /// # Errors
    /// If it can't even be written down.
    pub(crate) fn trained(
        &self,
        models: &TrainedModels,
        origin: &Origin<'_>,
        report: &Path,
    ) -> anyhow::Result<Journal> {
        let config = self.config;
        let exported = std::fs::read(config.bundle_path()).ok().map(|bytes| content_hash(&bytes));
        Journal::forget_told(&config.journals_path(), exported.as_deref())?;
        let mut journal = self.journal()?;
        let best = models.best()?;
        let card = &best.bundle.card;
        let run = journal.begin(self.run(&card.algorithm, origin.command)?);
        let mut values = self.values(best);
        let span = |dates: &[String]| match (dates.first(), dates.last()) {
            (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
            (first, _) => first.cloned().unwrap_or_default(),
        };
        values.params.extend([
            ("target".into(), origin.layout.label_column.clone()),
            ("classes".into(), origin.layout.schema.class_count().to_string()),
            ("features".into(), origin.layout.features.len().to_string()),
            ("horizon_days".into(), origin.layout.schema.horizon_days().to_string()),
            ("training_rows".into(), card.training_rows.to_string()),
            ("training_cutoffs".into(), span(&card.training_cutoffs)),
            ("validation_cutoffs".into(), span(&card.validation_cutoffs)),
            ("test_cutoffs".into(), span(&card.test_cutoffs)),
        ]);
        for (number, trial) in models.trials.iter().enumerate() {
            let step = number + 1;
            values.measure("trial_validation_log_loss", trial.validation_log_loss, step, self.start);
            values.measure("trial_validation_roc_auc", trial.validation_roc_auc, step, self.start);
        }
        if let Some(trial) = models.trials.first() {
            values.measure("prior_log_loss", trial.prior_log_loss, 0, self.start);
            values.tags.push((NOTE_TAG.into(), note(models, best, trial.prior_log_loss)));
        }
        journal.log(run, values);
        journal.log_dataset(run, dataset(origin)?);
        let bytes = best.bundle.encode()?;
        journal.made(&content_hash(&bytes));
        journal.log_artifact(run, "model/model.bundle", &bytes)?;
        journal.log_artifact(run, "model/card.json", &serde_json::to_vec_pretty(card)?)?;
        journal.log_artifact(run, "model/feature_importance.csv", &importance(best)?)?;
        journal.log_artifact(run, "model/training.json", &file_bytes(report)?)?;
        if models.finalists.len() > 1 {
            for (place, finalist) in models.finalists.iter().enumerate() {
                self.candidate(&mut journal, finalist, place == 0)?;
            }
        }
        journal.end(run, Status::Finished, clock::milliseconds());
        Ok(journal)
    }

    /// A model among those that were chosen from, as a nested run.
    fn candidate(&self, journal: &mut Journal, model: &TrainedModel, is_chosen: bool) -> anyhow::Result<()> {
        let mut new = self.run(model.report.algorithm, "candidate")?;
        new.tags.push(("nextbest.chosen".into(), is_chosen.to_string()));
        let run = journal.begin(new);
        journal.log(run, self.values(model));
        journal.log_artifact(run, "model/feature_importance.csv", &importance(model)?)?;
        if !is_chosen {
            journal.log_artifact(run, "model/model.bundle", &model.bundle.encode()?)?;
        }
        journal.end(run, Status::Finished, clock::milliseconds());
        Ok(())
    }

    fn journal(&self) -> anyhow::Result<Journal> {
        let config = self.config;
        Journal::create(&config.journals_path(), &self.address, &config.mlflow.experiment_name)
    }

    fn run(&self, name: &str, command: &str) -> anyhow::Result<NewRun> {
        let config = &self.config.mlflow;
        let user = user();
        let mut tags = vec![
            ("mlflow.user".into(), user.clone()),
            ("mlflow.source.name".into(), command.to_owned()),
            ("mlflow.source.type".into(), "LOCAL".into()),
            ("nextbest.version".into(), env!("CARGO_PKG_VERSION").into()),
        ];
        tags.extend(config.tags.clone());
        let name = format!("{}{name}", config.run_name_prefix);
        Ok(NewRun { key: random_hex()?, name, user, start: self.start, tags })
    }

    /// What is known of a model of any kind.
    fn values(&self, model: &TrainedModel) -> Values {
        let mut params = vec![("algorithm".to_owned(), model.report.algorithm.to_owned())];
        params.extend(model.report.parameters.clone());
        let mut values = Values { params, ..Values::default() };
        values.measure("validation_log_loss", model.report.validation_log_loss, 0, self.start);
        if let Some(found) = &model.report.out_of_bag {
            values.measure("out_of_bag_log_loss", found.log_loss, 0, self.start);
            values.measure("out_of_bag_accuracy", found.accuracy, 0, self.start);
        }
        for (round, loss) in model.losses.iter().enumerate() {
            values.measure("boosting_training_log_loss", loss.training, round + 1, self.start);
            values.measure("boosting_validation_log_loss", loss.validation, round + 1, self.start);
        }
        values
    }
}

/// A run in words, as Markdown.
fn note(models: &TrainedModels, best: &TrainedModel, prior: f64) -> String {
    let card = &best.bundle.card;
    let mut note = format!(
        "{} on {} rows: validation log-loss {:.4}, of the class prior {prior:.4}.",
        card.algorithm, card.training_rows, best.report.validation_log_loss
    );
    if models.finalists.len() > 1 {
        let other = |model: &TrainedModel| {
            format!("\n- {}: {:.4}", model.report.algorithm, model.report.validation_log_loss)
        };
        note += "\n\nChosen among:\n";
        note.extend(models.finalists.iter().map(other));
    }
    note
}

/// The data that were learned from, as MLflow shows them.
fn dataset(origin: &Origin<'_>) -> anyhow::Result<Dataset> {
    let file = std::path::absolute(origin.file).with_context(|| origin.file.display().to_string())?;
    let columns: Vec<_> = origin
        .layout
        .features
        .iter()
        .map(|feature| json!({"type": "float", "name": feature.name, "required": false}))
        .collect();
    let profile = json!({"num_rows": origin.rows, "num_elements": origin.rows * columns.len()});
    Ok(Dataset {
        name: file.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        digest: origin.hash.chars().take(DIGEST).collect(),
        source: json!({"uri": file.to_string_lossy()}).to_string(),
        schema: json!({"mlflow_colspec": columns}).to_string(),
        profile: profile.to_string(),
    })
}

/// The share of each feature, the greatest first.
fn importance(model: &TrainedModel) -> anyhow::Result<Vec<u8>> {
    let names = model.bundle.features.iter().map(|feature| feature.name.clone());
    let mut shares: Vec<(String, f32)> = names.zip(model.bundle.card.importance.iter().copied()).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    output::csv(["FEATURE", "IMPORTANCE"], shares.into_iter().map(|(name, share)| [name, share.to_string()]))
}

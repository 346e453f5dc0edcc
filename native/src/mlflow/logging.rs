//! What a training, an evaluation and an export tell of themselves.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use nextbest_core::metrics::bootstrap::Resampled;
use serde::Serialize;
use serde_json::json;

use super::address::{Address, variable};
use super::file_store::random_hex;
use super::journal::Journal;
use super::tracking::{Dataset, MetricPoint, NewRun, Run, Status, Values};
use crate::cli::Context;
use crate::evaluation::Evaluation;
use crate::feature_table::Layout;
use crate::training::{TrainedModel, TrainedModels};
use crate::{clock, output};

/// The tag that MLflow's pages show as a run's description.
const NOTE_TAG: &str = "mlflow.note.content";
/// The most characters of a data set's digest.
const DIGEST: usize = 36;

/// A training that is to be logged.
pub(crate) struct Logging<'c> {
    context: &'c Context,
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

/// Whether something was logged. What was not is kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Logged {
    /// In this run.
    Run {
        id: String,
        place: String,
        /// How to look at it, where that takes more than the place.
        #[serde(skip)]
        hint: Option<String>,
    },
    /// Not yet, for this reason.
    Kept { reason: String },
}

impl<'c> Logging<'c> {
    /// Makes sure that what is to be logged can be, before it takes time to have something; `None` where nothing is logged.
    ///
    /// # Errors
    /// Where MLflow can't be reached.
    pub(crate) fn begin(context: &'c Context) -> anyhow::Result<Option<Self>> {
        let Some(address) = Address::of_tracking(&context.config)? else { return Ok(None) };
        let start = clock::milliseconds();
        let tracking = address.tracking(&context.progress)?;
        tracking.experiment(&context.config.mlflow.experiment_name).context(
            "the training could not be logged (without MLflow: mlflow.tracking_uri: none in the config)",
        )?;
        Ok(Some(Self { context, address, start }))
    }

    /// Logs a training that failed, as well as that can be done.
    pub(crate) fn failed(&self, command: &str, error: &anyhow::Error) {
        let attempt = || {
            let mut journal = self.journal()?;
            let mut run = self.run("failed", command)?;
            run.tags.push((NOTE_TAG.into(), format!("{error:#}")));
            let run = journal.begin(run);
            journal.end(run, Status::Failed, clock::milliseconds());
            journal.tell(&self.context.progress)
        };
        if let Err(error) = attempt() {
            self.context.warn(&format!("the failed training could not be logged: {error:#}"));
        }
    }

    /// Logs a training, with the files that came of it and, of a plain table, its evaluation and bundle.
    ///
    /// # Errors
    /// Where it can't even be written down.
    pub(crate) fn trained(
        &self,
        models: &TrainedModels,
        origin: &Origin<'_>,
        report: &Path,
    ) -> anyhow::Result<Journal> {
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
            values.metrics.push(self.point("trial_validation_log_loss", trial.validation_log_loss, step));
            values.metrics.push(self.point("trial_validation_roc_auc", trial.validation_roc_auc, step));
        }
        if let Some(trial) = models.trials.first() {
            values.metrics.push(self.point("prior_log_loss", trial.prior_log_loss, 0));
            values.tags.push((NOTE_TAG.into(), note(models, best, trial.prior_log_loss)));
        }
        journal.log(run, values);
        journal.log_dataset(run, dataset(origin)?);
        let bytes = best.bundle.encode()?;
        journal.made(&nextbest_core::model::bundle::content_hash(&bytes));
        journal.log_artifact(run, "model/model.bundle", &bytes)?;
        journal.log_artifact(run, "model/card.json", &serde_json::to_vec_pretty(card)?)?;
        journal.log_artifact(run, "model/feature_importance.csv", &importance(best)?)?;
        journal.log_artifact(run, "model/training.json", &read(report)?)?;
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
        let config = &self.context.config;
        Journal::create(&config.journals_path(), &self.address, &config.mlflow.experiment_name)
    }

    fn run(&self, name: &str, command: &str) -> anyhow::Result<NewRun> {
        let config = &self.context.config.mlflow;
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
        let mut metrics = vec![self.point("validation_log_loss", model.report.validation_log_loss, 0)];
        if let Some(found) = &model.report.out_of_bag {
            metrics.push(self.point("out_of_bag_log_loss", found.log_loss, 0));
            metrics.push(self.point("out_of_bag_accuracy", found.accuracy, 0));
        }
        for (round, loss) in model.losses.iter().enumerate() {
            metrics.push(self.point("boosting_training_log_loss", loss.training, round + 1));
            if let Some(validation) = loss.validation {
                metrics.push(self.point("boosting_validation_log_loss", validation, round + 1));
            }
        }
        Values { params, metrics, tags: Vec::new() }
    }

    fn point(&self, name: &str, value: f64, step: usize) -> MetricPoint {
        MetricPoint { name: name.to_owned(), value, step, time: self.start }
    }
}

/// Adds an evaluation and its files to the run of the model; `None` where that is not known or nothing is logged.
///
/// # Errors
/// Where it can't even be written down.
pub(crate) fn log_evaluation(
    context: &Context,
    evaluation: &Evaluation,
    files: &[PathBuf],
) -> anyhow::Result<Option<Logged>> {
    let Some(mut journal) = journal_of(context, &evaluation.model)? else { return Ok(None) };
    add_evaluation(&mut journal, evaluation, files)?;
    Ok(Some(tell(context, &mut journal).without_hint()))
}

/// Adds an evaluation and its files to a journal.
pub(crate) fn add_evaluation(
    journal: &mut Journal,
    evaluation: &Evaluation,
    files: &[PathBuf],
) -> anyhow::Result<()> {
    let mut values = Values::default();
    let time = clock::milliseconds();
    let mut metric = |name: String, value: f64| {
        values.metrics.push(MetricPoint { name: format!("test_{name}"), value, step: 0, time });
    };
    if let Some(model) = evaluation.of_model() {
        let all = &model.all;
        for (name, value) in [
            ("accuracy", all.accuracy),
            ("precision_weighted", all.precision_weighted),
            ("recall_weighted", all.recall_weighted),
            ("f1_weighted", all.f1_weighted),
            ("roc_auc_ovr", all.roc_auc_ovr),
            ("log_loss", all.log_loss),
            ("top_3_accuracy", all.top_3_accuracy),
            ("map_at_3", all.map_at_3),
            ("brier", all.brier),
            ("calibration_error", all.calibration_error),
        ] {
            metric(name.into(), value);
        }
        for resampled in Resampled::ALL {
            if let Some(interval) = model.interval(resampled) {
                metric(format!("{}_low", resampled.name()), interval.low);
                metric(format!("{}_high", resampled.name()), interval.high);
            }
        }
        metric("rows".into(), all.rows as f64);
    }
    journal.log(0, values);
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        journal.log_artifact(0, &format!("evaluation/{name}"), &read(file)?)?;
    }
    Ok(())
}

/// Adds a bundle to the run of the model that it was exported from; `None` where that is not known or nothing is logged.
///
/// # Errors
/// Where it can't even be written down.
pub(crate) fn log_bundle(
    context: &Context,
    model: &str,
    bundle: &Path,
    hash: &str,
) -> anyhow::Result<Option<Logged>> {
    let Some(mut journal) = journal_of(context, model)? else { return Ok(None) };
    add_bundle(&mut journal, bundle, hash)?;
    Ok(Some(tell(context, &mut journal).without_hint()))
}

/// Adds a bundle to a journal.
pub(crate) fn add_bundle(journal: &mut Journal, bundle: &Path, hash: &str) -> anyhow::Result<()> {
    let name = bundle.file_name().unwrap_or_default().to_string_lossy();
    journal.log_artifact(0, &format!("bundle/{name}"), &read(bundle)?)?;
    let tags = vec![("nextbest.bundle".to_owned(), hash.to_owned())];
    journal.log(0, Values { tags, ..Values::default() });
    journal.made(hash);
    Ok(())
}

/// Tells what a journal has to tell.
pub(crate) fn tell(context: &Context, journal: &mut Journal) -> Logged {
    context.progress.step("logging to MLflow".into());
    match (journal.tell(&context.progress), journal.run()) {
        (Ok((place, hint)), Some(run)) => Logged::Run { id: run.id.clone(), place, hint },
        (Ok(_), None) => Logged::Kept { reason: "there is no run".into() },
        (Err(error), _) => Logged::Kept { reason: format!("{error:#}") },
    }
}

/// Logs what earlier trainings could not.
///
/// # Errors
/// Where it can't be logged now either.
pub(crate) fn resume(context: &Context) -> anyhow::Result<Resumed> {
    let mut runs = Vec::new();
    for mut journal in Journal::all(&context.config.journals_path())? {
        if !journal.is_told() {
            let logged = tell(context, &mut journal);
            check(Some(&logged))?;
            runs.push(logged);
        }
    }
    Ok(Resumed { runs })
}

/// Fails where something could not be logged.
///
/// # Errors
/// Says why, and how to go on.
pub(crate) fn check(logged: Option<&Logged>) -> anyhow::Result<()> {
    match logged {
        Some(Logged::Kept { reason }) => bail!(
            "everything is written here, but not all of it could be logged: {reason}\nits run counts as failed until \
             `nextbest train --resume-logging` has logged the rest"
        ),
        _ => Ok(()),
    }
}

/// The run there of a bundle (its content's hash), where it is known and has begun.
///
/// # Errors
/// Where a journal can't be read.
pub(crate) fn run_of(context: &Context, place: &Address, hash: &str) -> anyhow::Result<Option<Run>> {
    match Journal::of_bundle(&context.config.journals_path(), hash)? {
        Some(journal) if journal.address()? == *place => Ok(journal.run().cloned()),
        _ => Ok(None),
    }
}

/// Who does what is done here.
pub(crate) fn user() -> String {
    variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "unknown".into())
}

fn journal_of(context: &Context, model: &str) -> anyhow::Result<Option<Journal>> {
    match Address::of_tracking(&context.config)? {
        Some(_) => Journal::of_bundle(&context.config.journals_path(), model),
        None => Ok(None),
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

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| path.display().to_string())
}

/// What was logged at last.
#[derive(Debug, Serialize)]
pub(crate) struct Resumed {
    runs: Vec<Logged>,
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            writeln!(f, "nothing is left to be logged")?;
        }
        self.runs.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}

impl Logged {
    /// The same where it was said already how to look at it.
    fn without_hint(self) -> Self {
        match self {
            Self::Run { id, place, .. } => Self::Run { id, place, hint: None },
            kept => kept,
        }
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { id, place, hint } => {
                writeln!(f, "logged to run {id}: {place}")?;
                hint.iter().try_for_each(|hint| writeln!(f, "{hint}"))
            }
            // The error says it.
            Self::Kept { .. } => Ok(()),
        }
    }
}

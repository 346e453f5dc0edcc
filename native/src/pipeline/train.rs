//! The feature table → a model, chosen on the validation cut-offs.

use std::fmt;
use std::path::PathBuf;

use nextbest_core::bundle::card::Card;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::time;
use serde::Serialize;

use super::Session;
pub(crate) use super::train_table::run as table;
use crate::app::usage;
use crate::config::cutoffs;
use crate::config::{Algorithm, Time};
use crate::io::feature_table::{FeatureTable, sources_of};
use crate::io::output::{self, Unfinished};
use crate::mlflow::{self, Logged, Logging, Origin};
use crate::train::{FinalistReport, RowsOf, TrainedModels, Trainer, Trial};
use crate::trust;

/// What runs say that they come from.
const COMMAND: &str = "nextbest train";

/// How a model is chosen. What is not given is the config's.
#[derive(Debug, Default, Clone, Copy, clap::Args)]
#[group(id = "train")]
pub struct Options {
    /// Learner (config: model.algorithm)
    #[arg(long, value_enum)]
    pub algorithm: Option<Algorithm>,
    /// Time for tuning: 90, 60s, 5m; 0 tries each learner once (config: model.selection.budget)
    #[arg(long, value_name = "TIME")]
    pub budget: Option<Time>,
}

/// The model that was trained.
#[derive(Debug, Serialize)]
pub struct Trained {
    model: PathBuf,
    trials: Vec<Trial>,
    /// The best of each kind, the chosen one first.
    finalists: Vec<FinalistReport>,
    algorithm: &'static str,
    training_rows: usize,
    training_cutoffs: Vec<String>,
    seconds: f64,
    /// Whether it was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logged: Option<Logged>,
}

/// Chooses and trains a model on the feature table.
///
/// # Errors
/// Where the table can't be read or learned from, or a file can't be written.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Trained> {
    session.lock([session.feature_table(), session.outputs()])?;
    let started = std::time::Instant::now();
    let config = &session.config;
    let path = config.feature_table().with_extension("parquet");
    session.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::of_config(config)?;
    let split = cutoffs::split(&config.snapshots, &table.distinct_cutoffs()).map_err(usage)?;
    let (learning, validation) = (table.at(&split.train), table.at(&split.validation));
    // What was chosen learns from the validation cut-offs too; those of the test stay unseen.
    let refit_cutoffs: Vec<i64> = split.train.iter().chain(&split.validation).copied().collect();
    let all = table.at(&refit_cutoffs);
    let dates = |cutoffs: &[i64]| cutoffs.iter().map(|cutoff| time::format(*cutoff)).collect::<Vec<_>>();
    let card = Card {
        name: config.model.name.clone(),
        training_cutoffs: dates(&refit_cutoffs),
        validation_cutoffs: dates(&split.validation),
        test_cutoffs: dates(&split.test),
        training_rows: all.len() as u64,
        training_data: output::file_hash(&path)?,
        sources: sources_of(&path)?,
        trained_with: env!("CARGO_PKG_VERSION").into(),
        tools: trust::tools(),
        ..Card::default()
    };
    let policy = config.carried_policy(&table.layout.schema, &table.layout.features)?;
    let trainer = options.trainer(session, RowsOf::Bank, policy, card);
    let (models, unfinished, logging) = train(session, &trainer, COMMAND, [&learning, &validation, &all])?;
    let model = config.model_path();
    let algorithm = models.best()?.report.algorithm;
    let report = config.outputs.path.join("models").join("training.json");
    let hash = &trainer.card.training_data;
    let mut trained = Trained {
        model,
        trials: models.trials.clone(),
        finalists: models.finalists.iter().map(|model| model.report.clone()).collect(),
        algorithm,
        training_rows: all.len(),
        training_cutoffs: dates(&refit_cutoffs),
        seconds: started.elapsed().as_secs_f64(),
        logged: None,
    };
    output::write_json(&report, &trained)?;
    unfinished.finish()?;
    if let Some(logging) = logging {
        let layout = &table.layout;
        let origin = Origin { command: COMMAND, file: &path, hash, layout, rows: table.len() };
        let mut journal = logging.trained(&models, &origin, &report)?;
        trained.logged = Some(mlflow::tell(&session.progress, &mut journal));
    }
    Ok(trained)
}

impl Options {
    /// What trains, where nothing but the rows is known.
    pub(super) fn trainer<'s>(
        &self,
        session: &'s Session,
        rows_of: RowsOf,
        policy: PolicyDefinition,
        card: Card,
    ) -> Trainer<'s> {
        let config = &session.config.model;
        Trainer {
            config,
            algorithm: self.algorithm.unwrap_or(config.algorithm),
            budget: self.budget.unwrap_or(config.selection.budget).0,
            rows_of,
            policy,
            card,
            progress: &session.progress,
        }
    }
}

/// Trains, writes the models, and begins to log a run; a run of a training that fails is told so.
pub(super) fn train<'s>(
    session: &'s Session,
    trainer: &Trainer<'_>,
    command: &str,
    [train, validation, all]: [&FeatureTable; 3],
) -> anyhow::Result<(TrainedModels, Unfinished, Option<Logging<'s>>)> {
    let logging = Logging::begin(&session.config, &session.progress)?;
    let models = trainer.train(train, validation, all).inspect_err(|error| {
        if let Some(logging) = &logging {
            logging.failed(command, error);
        }
    })?;
    let unfinished = models.write(&session.config.model_path())?;
    Ok((models, unfinished, logging))
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for trial in &self.trials {
            writeln!(f, "{trial}")?;
        }
        if let Some(best) = self.finalists.first() {
            writeln!(f, "{best}")?;
        }
        let cutoffs = (self.training_cutoffs.first(), self.training_cutoffs.last());
        writeln!(
            f,
            "{} trained on {} rows of {} cut-offs ({} to {}) in {:.1} s",
            self.algorithm,
            self.training_rows,
            self.training_cutoffs.len(),
            cutoffs.0.map_or("", String::as_str),
            cutoffs.1.map_or("", String::as_str),
            self.seconds
        )?;
        writeln!(f, "wrote {}", self.model.display())?;
        self.logged.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}

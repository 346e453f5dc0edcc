//! `nextbest train`: the feature table → a model, chosen on the validation cut-offs.

use std::fmt;
use std::path::PathBuf;

use nextbest_core::bundle::card::Card;
use nextbest_core::time::{self, Clock};
use serde::Serialize;

use crate::app::usage;
use crate::commands::Context;
use crate::config::cutoffs;
use crate::config::{Algorithm, Config, Size, Time};
use crate::io::feature_table::{FeatureTable, sources_of};
use crate::io::output;
use crate::io::tables::plain::{Kinds, Reading, Source};
use crate::mlflow::{self, Logged, Logging, Origin};
use crate::train::{FinalistReport, RowsOf, Trainer, Trial};
use crate::trust;

/// What runs say that they come from.
const COMMAND: &str = "nextbest train";

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Which kind of model (config: model.algorithm)
    #[arg(long, value_enum)]
    algorithm: Option<AlgorithmArgument>,
    /// For how long parameters are tuned: 90, 60s, 5m; 0 tries each kind once (config: model.selection.budget)
    #[arg(long, value_name = "TIME")]
    budget: Option<Time>,
    /// Train on a plain table instead, CSV or Parquet with one row a case (docs/TABLES.md); writes the bundle too
    #[arg(long, value_name = "FILE", requires = "target")]
    table: Option<PathBuf>,
    /// With --table: the column that is predicted; its words or whole numbers are the classes
    #[arg(long, value_name = "COLUMN", requires = "table")]
    target: Option<String>,
    /// With --table: the column that identifies a case; no feature, and rows of one case are never split up
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// With --table: make the bundle no larger than this after brotli (see `nextbest export --help`)
    #[arg(long, value_name = "SIZE", requires = "table")]
    pub(super) max_bytes: Option<Size>,
    /// With --table: the column with the date of a row; no feature, and the last rows test the model
    #[arg(long, value_name = "COLUMN", requires = "table")]
    time: Option<String>,
    /// With --table: what columns hold, where their cells mislead (repeatable): AGE=number,ZIP=word,SEEN=date
    #[arg(long, value_name = "COLUMN=KIND,…", requires = "table")]
    columns: Vec<Kinds>,
    /// With --table: leave out rows that can't be read, and count cells that are not what their column holds as missing, instead of
    /// stopping
    #[arg(long, requires = "table")]
    skip_bad_rows: bool,
    /// Log what earlier trainings could not, since MLflow was away, and train nothing
    #[arg(long, conflicts_with_all = ["algorithm", "budget", "table"])]
    pub(crate) resume_logging: bool,
}

impl Arguments {
    /// The plain table to train on, where one is given.
    pub(crate) fn source<'a>(&'a self, clock: &'a Clock) -> Option<Source<'a>> {
        Some(Source {
            file: self.table.as_deref()?,
            target: self.target.as_deref()?,
            id: self.id.as_deref(),
            time: self.time.as_deref(),
            reading: Reading { columns: Some(&self.columns), skip_bad_rows: self.skip_bad_rows },
            clock,
        })
    }

    pub(super) fn algorithm(&self, config: &Config) -> Algorithm {
        self.algorithm.map_or(config.model.algorithm, Algorithm::from)
    }

    pub(super) fn budget(&self, config: &Config) -> std::time::Duration {
        self.budget.unwrap_or(config.model.selection.budget).0
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum AlgorithmArgument {
    RandomForest,
    GradientBoosting,
    LogisticRegression,
    Auto,
}

#[derive(Debug, Serialize)]
pub(crate) struct Trained {
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

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Trained> {
    let started = std::time::Instant::now();
    let config = &context.config;
    let path = config.feature_table().with_extension("parquet");
    context.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::of_config(config)?;
    let split = cutoffs::split(&config.snapshots, &table.distinct_cutoffs()).map_err(usage)?;
    let (train, validation) = (table.at(&split.train), table.at(&split.validation));
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
    let trainer = Trainer {
        config: &config.model,
        algorithm: arguments.algorithm(config),
        budget: arguments.budget(config),
        rows_of: RowsOf::Bank,
        policy: config.carried_policy(&table.layout.schema, &table.layout.features)?,
        card,
        progress: &context.progress,
    };
    let logging = Logging::begin(&context.config, &context.progress)?;
    let models = trainer.train(&train, &validation, &all).inspect_err(|error| {
        if let Some(logging) = &logging {
            logging.failed(COMMAND, error);
        }
    })?;
    let model = config.model_path();
    models.write(&model)?;
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
    if let Some(logging) = logging {
        let layout = &table.layout;
        let origin = Origin { command: COMMAND, file: &path, hash, layout, rows: table.len() };
        let mut journal = logging.trained(&models, &origin, &report)?;
        trained.logged = Some(mlflow::tell(&context.progress, &mut journal));
    }
    Ok(trained)
}

impl From<AlgorithmArgument> for Algorithm {
    fn from(argument: AlgorithmArgument) -> Self {
        match argument {
            AlgorithmArgument::RandomForest => Algorithm::RandomForest,
            AlgorithmArgument::GradientBoosting => Algorithm::GradientBoosting,
            AlgorithmArgument::LogisticRegression => Algorithm::LogisticRegression,
            AlgorithmArgument::Auto => Algorithm::Auto,
        }
    }
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

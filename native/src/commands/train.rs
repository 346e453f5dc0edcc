//! `nextbest train`: the feature table → a model, chosen on the validation cut-offs.

use std::fmt;
use std::path::PathBuf;

use nextbest_core::model::card::Card;
use nextbest_core::time;
use serde::Serialize;

use crate::calibrating::{CalibrationReport, calibrate};
use crate::cli::{Context, usage};
use crate::config::{Algorithm, Config};
use crate::feature_table::FeatureTable;
use crate::fitting::{Candidate, Fitting};
use crate::tables::plain::Source;
use crate::{cutoffs, output};

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Which kind of model (config: model.algorithm)
    #[arg(long, value_enum)]
    algorithm: Option<AlgorithmArgument>,
    /// Train on a plain table instead, CSV or Parquet with one row a case (docs/TABLES.md); writes the bundle too
    #[arg(long, value_name = "FILE", requires = "target")]
    table: Option<PathBuf>,
    /// With --table: the column that is predicted; its words or whole numbers are the classes
    #[arg(long, value_name = "COLUMN", requires = "table")]
    target: Option<String>,
    /// With --table: the column that identifies a case; no feature, and rows of one case are never split up
    #[arg(long, value_name = "COLUMN", requires = "table")]
    id: Option<String>,
    /// With --table: the column with the date of a row; no feature, and the last rows test the model
    #[arg(long, value_name = "COLUMN", requires = "table")]
    time: Option<String>,
}

impl Arguments {
    /// The plain table to train on, where one is given.
    pub(crate) fn source(&self) -> Option<Source<'_>> {
        Some(Source {
            file: self.table.as_deref()?,
            target: self.target.as_deref()?,
            id: self.id.as_deref(),
            time: self.time.as_deref(),
        })
    }

    pub(super) fn algorithm(&self, config: &Config) -> Algorithm {
        self.algorithm.map_or(config.model.algorithm, Algorithm::from)
    }
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
enum AlgorithmArgument {
    RandomForest,
    LogisticRegression,
    Auto,
}

#[derive(Debug, Serialize)]
pub(crate) struct Trained {
    model: PathBuf,
    candidates: Vec<Candidate>,
    calibration: CalibrationReport,
    algorithm: &'static str,
    training_rows: usize,
    training_cutoffs: Vec<String>,
    seconds: f64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Trained> {
    let started = std::time::Instant::now();
    let config = &context.config;
    let path = config.feature_table().with_extension("parquet");
    context.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::read_parquet(&path)?;
    let split = cutoffs::split(&config.snapshots, &table.distinct_cutoffs()).map_err(usage)?;
    let (train, validation) = (table.at(&split.train), table.at(&split.validation));
    let fitting = Fitting { model: &config.model, progress: &context.progress };
    let (candidates, kind, probabilities) =
        fitting.choose(arguments.algorithm(config), &train, &validation)?;
    let (calibration, calibration_report) = calibrate(&config.model, &validation, &probabilities)?;
    // What was chosen learns from the validation cut-offs too; those of the test stay unseen.
    let refit_cutoffs: Vec<i64> = split.train.iter().chain(&split.validation).copied().collect();
    let all = table.at(&refit_cutoffs);
    let fitted = fitting.fit(kind, &all, "training on all but the test")?;
    let dates = |cutoffs: &[i64]| cutoffs.iter().map(|cutoff| time::format(*cutoff)).collect::<Vec<_>>();
    let card = Card {
        name: config.model.name.clone(),
        algorithm: kind.name().into(),
        parameters: fitting.parameters(kind, &calibration),
        seed: fitting.seed(kind),
        training_cutoffs: dates(&refit_cutoffs),
        validation_cutoffs: dates(&split.validation),
        test_cutoffs: dates(&split.test),
        training_rows: all.len() as u64,
        training_data: output::file_hash(&path)?,
        test_metrics: Vec::new(),
        importance: fitted.importance.clone(),
        trained_with: env!("CARGO_PKG_VERSION").into(),
    };
    let bundle = fitted.bundle(&all, calibration, config.policy.definition(), card);
    bundle.check()?;
    let model = config.model_path();
    output::write_bytes(&model, &bundle.encode()?)?;
    let trained = Trained {
        model,
        candidates,
        calibration: calibration_report,
        algorithm: kind.name(),
        training_rows: all.len(),
        training_cutoffs: dates(&refit_cutoffs),
        seconds: started.elapsed().as_secs_f64(),
    };
    output::write_json(&config.outputs.path.join("models").join("training.json"), &trained)?;
    Ok(trained)
}

impl From<AlgorithmArgument> for Algorithm {
    fn from(argument: AlgorithmArgument) -> Self {
        match argument {
            AlgorithmArgument::RandomForest => Algorithm::RandomForest,
            AlgorithmArgument::LogisticRegression => Algorithm::LogisticRegression,
            AlgorithmArgument::Auto => Algorithm::Auto,
        }
    }
}

impl fmt::Display for Trained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for candidate in &self.candidates {
            writeln!(f, "{candidate}")?;
        }
        writeln!(f, "{}", self.calibration)?;
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
        writeln!(f, "wrote {}", self.model.display())
    }
}

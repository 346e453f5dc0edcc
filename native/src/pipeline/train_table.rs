//! A plain table → a model that was tested, and its bundle, in one go.

use std::fmt;
use std::path::PathBuf;

use nextbest_core::bundle::card::Card;
use nextbest_core::bundle::content_hash;
use nextbest_core::matrix::Column;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::time;
use nextbest_core::train::areas_by_class;
use rayon::prelude::*;
use serde::Serialize;

use super::Session;
use super::export::{Exported, write_bundle, write_smaller_bundle};
use super::train::{self, Options};
use crate::config::Size;
use crate::evaluate::{Evaluation, Subject};
use crate::io::feature_table::FeatureTable;
use crate::io::output;
use crate::io::tables::plain::{InvalidCells, Prepared, SkippedColumn, Source, prepare};
use crate::mlflow::{self, Logged, Origin};
use crate::privacy::carried_rows::CarriedRows;
use crate::shrink::Shrinker;
use crate::train::{FinalistReport, RowsOf, Trial};
use crate::trust::{self, Release};

/// What runs say that they come from.
const COMMAND: &str = "nextbest train --table";
/// Fewer rows of a class than this prove nothing about a leak.
const LEAK_SUPPORT: usize = 20;
/// So many columns that know too much are named.
const LEAKS_SHOWN: usize = 5;

#[derive(Serialize)]
pub(crate) struct TrainedTable {
    training: Training,
    evaluation: Evaluation,
    bundle: Exported,
    /// Whether it was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logged: Option<Logged>,
}

#[derive(Debug, Serialize)]
struct Training {
    table: PathBuf,
    target: String,
    classes: Vec<String>,
    model: PathBuf,
    features: usize,
    left_out_columns: Vec<SkippedColumn>,
    /// Rows that were left out since they can't be read.
    bad_rows: usize,
    /// Cells that are not what their column holds, and count as missing.
    strays: Vec<InvalidCells>,
    /// Rows that can't be learned from: without a target, or without a time where one is asked for.
    rows_without_target: usize,
    rows_without_time: usize,
    /// Rows of ids that have rows in a later group.
    rows_of_recurring_ids: usize,
    training_rows: usize,
    validation_rows: usize,
    test_rows: usize,
    trials: Vec<Trial>,
    /// The best of each kind, the chosen one first.
    finalists: Vec<FinalistReport>,
    algorithm: &'static str,
    leaks: Vec<LeakyColumn>,
    seconds: f64,
}

/// A column that alone tells a class from all others.
#[derive(Debug, Serialize)]
struct LeakyColumn {
    column: String,
    class: String,
    roc_auc: f64,
}

/// Trains on a plain table, tests the model and writes its bundle, not larger than `max_bytes` after brotli.
///
/// # Errors
/// Where the table can't be read or learned from, no bundle is small enough, or a file can't be written.
pub(crate) fn run(
    session: &Session,
    options: &Options,
    source: Source<'_>,
    max_bytes: Option<Size>,
) -> anyhow::Result<TrainedTable> {
    session.lock([session.outputs()])?;
    let started = std::time::Instant::now();
    let config = &session.config;
    // A key that can't be read is better noticed before training than after.
    let release = Release::new(config, None, None)?;
    session.progress.step(format!("reading {}", source.file.display()));
    let prepared = prepare(source, config.evaluation.random_state)?;
    warn_of_left_out(session, &prepared);
    let Prepared {
        table, split, left_out, bad_rows, strays, without_target, without_time, recurring, ..
    } = prepared;
    let learning = table.rows(&split.learning());
    let (train, validation, test) =
        (table.rows(&split.train), table.rows(&split.validation), table.rows(&split.test));
    let leaks = leaks(&learning, config.snapshots.leak_threshold)?;
    warn_of_leaks(session, &leaks);

    let hash = output::file_hash(source.file)?;
    let card = Card {
        name: source.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default(),
        training_cutoffs: first_and_last(&learning),
        validation_cutoffs: first_and_last(&validation),
        test_cutoffs: first_and_last(&test),
        training_rows: learning.len() as u64,
        sources: source
            .file
            .file_name()
            .map(|it| (it.to_string_lossy().into_owned(), hash.clone()))
            .into_iter()
            .collect(),
        training_data: hash,
        trained_with: env!("CARGO_PKG_VERSION").into(),
        tools: trust::tools(),
        ..Card::default()
    };
    let trainer = options.trainer(session, RowsOf::PlainTable, PolicyDefinition::default(), card);
    // What was chosen learns from the rows that chose it too; those of the test stay unseen.
    let (models, unfinished, logging) =
        train::train(session, &trainer, COMMAND, [&train, &validation, &learning])?;
    let mut bundle = models.best()?.bundle.clone();
    let bytes = bundle.encode()?;
    let others: Vec<_> = models.finalists.iter().skip(1).map(|model| &model.bundle).collect();
    let subject = Subject {
        bundle: &bundle,
        hash: content_hash(&bytes),
        training_labels: &learning.labels,
        test: &test,
        finalists: &others,
        against: None,
    };
    let evaluation = subject.measure(&config.evaluation, &session.progress)?;

    let training = Training {
        table: source.file.to_owned(),
        target: source.target.to_owned(),
        classes: table.layout.schema.class_names().into_iter().map(str::to_owned).collect(),
        model: config.model_path(),
        features: table.width(),
        rows_without_target: without_target,
        rows_without_time: without_time,
        rows_of_recurring_ids: recurring,
        training_rows: train.len(),
        validation_rows: validation.len(),
        test_rows: test.len(),
        algorithm: models.best()?.report.algorithm,
        trials: models.trials.clone(),
        finalists: models.finalists.iter().map(|model| model.report.clone()).collect(),
        leaks,
        seconds: started.elapsed().as_secs_f64(),
        left_out_columns: left_out,
        bad_rows,
        strays,
    };
    let folder = config.outputs.path.join("models");
    let report = folder.join("training.json");
    output::write_json(&report, &training)?;
    unfinished.finish()?;
    let files = evaluation.write(&folder)?;
    evaluation.fill(&mut bundle.card);
    release.fill(&mut bundle);
    let (exported, _) = match max_bytes {
        None => {
            let rows = CarriedRows::new(&table, &test, &config.monitoring)?;
            write_bundle(config, bundle, &rows, &release)?
        }
        Some(limit) => {
            let shrinker = Shrinker {
                config: &config.model,
                evaluation: &config.evaluation,
                monitoring: &config.monitoring,
                train: &train,
                validation: &validation,
                all: &learning,
                test: &test,
                table: &table,
                limit: limit.0,
                signature: release.signature_bytes(),
                progress: &session.progress,
            };
            write_smaller_bundle(config, &bundle, &shrinker, &release)?
        }
    };
    let logged = logging.map(|logging| {
        let (layout, hash) = (&table.layout, &trainer.card.training_data);
        let origin = Origin { command: COMMAND, file: source.file, hash, layout, rows: table.len() };
        let mut journal = logging.trained(&models, &origin, &report)?;
        mlflow::add_evaluation(&mut journal, &evaluation, &files)?;
        mlflow::add_bundle(&mut journal, &exported.bundle, &exported.content_hash)?;
        anyhow::Ok(mlflow::tell(&session.progress, &mut journal))
    });
    Ok(TrainedTable { training, evaluation, bundle: exported, logged: logged.transpose()? })
}

/// Columns that alone tell a class from the others, the clearest first; each with the class that it tells
/// best.
///
/// # Errors
/// Where the table does not have the features of each of its rows.
fn leaks(table: &FeatureTable, threshold: f64) -> anyhow::Result<Vec<LeakyColumn>> {
    let names = table.layout.schema.class_names();
    let columns: Vec<Column<'_, f32>> = table.matrix()?.columns().collect();
    let best_of = |(feature, values): (usize, Column<'_, f32>)| {
        let areas = areas_by_class(&values.collect::<Vec<_>>(), &table.labels, names.len(), |_, _| false)
            .into_iter()
            .enumerate();
        let leaks = areas
            .map(|(class, (area, support))| (feature, class, area.max(1.0 - area), support))
            .filter(|(.., roc_auc, support)| *support >= LEAK_SUPPORT && *roc_auc >= threshold);
        leaks.max_by(|a, b| a.2.total_cmp(&b.2))
    };
    let mut found: Vec<_> = columns.into_par_iter().enumerate().filter_map(best_of).collect();
    found.sort_by(|a, b| b.2.total_cmp(&a.2));
    let named = found.iter().filter_map(|&(feature, class, roc_auc, _)| {
        Some(LeakyColumn {
            column: table.layout.features.get(feature)?.name.clone(),
            class: (*names.get(class)?).to_owned(),
            roc_auc,
        })
    });
    Ok(named.collect())
}

fn warn_of_left_out(session: &Session, prepared: &Prepared) {
    prepared.warnings.iter().for_each(|warning| session.warn(warning));
    for (count, what) in [(prepared.without_target, "target"), (prepared.without_time, "time")] {
        if count > 0 {
            session.warn(&format!("left out {count} rows without a {what}"));
        }
    }
    if prepared.recurring > 0 {
        session.warn(&format!(
            "left out {} rows of ids that have later rows, on which the model is chosen or tested",
            prepared.recurring
        ));
    }
    if !prepared.left_out.is_empty() {
        let columns = prepared.left_out.iter().map(|it| format!("{} ({})", it.column, it.why));
        session.warn(&format!("left out columns: {}", columns.collect::<Vec<_>>().join(", ")));
    }
}

fn warn_of_leaks(session: &Session, leaks: &[LeakyColumn]) {
    for leak in leaks.iter().take(LEAKS_SHOWN) {
        session.warn(&format!(
            "column {} alone tells class {} from all others (area under the ROC curve {:.3}): is it known \
             before the \
             outcome?",
            leak.column, leak.class, leak.roc_auc
        ));
    }
    if leaks.len() > LEAKS_SHOWN {
        session.warn(&format!("and so do {} more columns", leaks.len() - LEAKS_SHOWN));
    }
}

/// The first and the last moment of some rows; nothing where rows have no times.
fn first_and_last(table: &FeatureTable) -> Vec<String> {
    let bounds = [table.cutoffs.iter().min(), table.cutoffs.iter().max()];
    bounds.into_iter().flatten().map(|time| time::format(*time)).collect()
}

impl fmt::Display for TrainedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let training = &self.training;
        for trial in &training.trials {
            writeln!(f, "{trial}")?;
        }
        if let Some(best) = training.finalists.first() {
            writeln!(f, "{best}")?;
        }
        writeln!(
            f,
            "{} of {} ({} classes) from {} columns: {} rows trained, {} chose, {} test; {:.1} s",
            training.algorithm,
            training.target,
            training.classes.len(),
            training.features,
            training.training_rows,
            training.validation_rows,
            training.test_rows,
            training.seconds
        )?;
        writeln!(f, "wrote {}\n", training.model.display())?;
        write!(f, "{}\n{}", self.evaluation, self.bundle)?;
        self.logged.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}

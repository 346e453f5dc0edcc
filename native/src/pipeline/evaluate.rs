//! The model on the test cut-offs, beside the baselines, the models that were not chosen and, if asked
//! for, another bundle.

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use nextbest_core::bundle::content_hash;
use nextbest_core::time;
use serde::Serialize;

use super::Session;
use super::bundles::{bundle_bytes, check_training_data, read_model};
use crate::evaluate::{Evaluation, Opponent, Subject, ceiling, finalists};
use crate::io::feature_table::FeatureTable;
use crate::mlflow::{self, Logged};
use crate::trust::Demands;

/// What the model is compared with.
#[derive(Debug, Default, clap::Args)]
#[group(id = "evaluate")]
pub struct Options {
    /// Compare with another bundle, a file or a registered version (models:/NAME@production), on the same
    /// test rows; it must not have learned from them
    #[arg(long, value_name = "BUNDLE")]
    pub against: Option<PathBuf>,
    /// With --against: public key (PEM) that must have signed the other bundle (config: trust.public_key)
    #[arg(long, value_name = "FILE", requires = "against")]
    pub public_key: Option<PathBuf>,
}

/// An evaluation, and whether it was logged to the model's run.
#[derive(Serialize)]
pub struct Evaluated {
    #[serde(flatten)]
    evaluation: Evaluation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logged: Option<Logged>,
}

/// Measures the model on the test cut-offs.
///
/// # Errors
/// Where model or feature table can't be read or do not belong together.
pub fn run(session: &Session, options: &Options) -> anyhow::Result<Evaluated> {
    session.lock([session.feature_table(), session.outputs()])?;
    let config = &session.config;
    let (bytes, bundle) = read_model(&config.model_path())?;
    let path = config.feature_table().with_extension("parquet");
    session.progress.step(format!("reading {}", path.display()));
    let table = FeatureTable::of_config(config)?;
    check_training_data(config, &bundle.card)?;
    let cutoffs = |dates: &[String]| dates.iter().filter_map(|date| time::parse(date)).collect::<Vec<_>>();
    let train = table.at(&cutoffs(&bundle.card.training_cutoffs));
    let test = table.at(&cutoffs(&bundle.card.test_cutoffs));
    drop(table);
    let hash = content_hash(&bytes);
    let finalists = finalists(&session.config, &session.progress, &bundle, &hash)?;
    let demands = Demands::new(&config.trust, options.public_key.as_deref())?;
    let read = |path: &PathBuf| {
        let bytes = bundle_bytes(session, path).context("--against takes a bundle")?;
        Opponent::new(path, &bytes, &test, &demands)
    };
    let against = options.against.as_ref().map(read).transpose()?;
    let subject = Subject {
        bundle: &bundle,
        hash,
        training_labels: &train.labels,
        test: &test,
        finalists: &finalists.iter().collect::<Vec<_>>(),
        against: against.as_ref(),
    };
    let mut evaluation = subject.measure(&config.evaluation, &session.progress)?;
    evaluation.ceiling = ceiling::measure(&session.config, &session.progress, &bundle, &train.labels, &test)?;
    session.progress.step("drawing the report".into());
    let files = evaluation.write(&config.outputs.path.join("models"))?;
    let logged = mlflow::log_evaluation(&session.config, &session.progress, &evaluation, &files)?;
    Ok(Evaluated { evaluation, logged })
}

impl fmt::Display for Evaluated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.evaluation)?;
        self.logged.iter().try_for_each(|logged| write!(f, "{logged}"))
    }
}

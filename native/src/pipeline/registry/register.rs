//! `nextbest register`: a bundle → the next version of the registered model, which MLflow itself can serve.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use nextbest_core::bundle::{Bundle, content_hash};
use serde::Serialize;

use super::HASH_TAG;
use crate::app::clock;
use crate::app::usage;
use crate::io::input;
use crate::mlflow::{self, Address, NewVersion};
use crate::pipeline::Session;
use crate::pyfunc::{Identity, ModelFile, find_module, model_files};
use crate::trust::{Demands, self_signed};

/// The name of the model among a run's outputs.
const MODEL: &str = "nextbest";
/// The test metrics that versions are told apart by.
const TAGGED: [&str; 3] = ["log_loss", "log_loss_without_none", "roc_auc_ovr"];

#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Bundle [default: outputs/bundle/nextbest.bundle]
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Module that scores the bundle in Python and Spark, built by `make wasm` [default: nextbest_host.wasm
    /// beside this program, else in web/pkg]
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// Description of what is new in this version
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Registered {
    name: String,
    version: u64,
    model_id: String,
    run_id: Option<String>,
    content_hash: String,
    registry: String,
}

pub(crate) fn run(session: &Session, arguments: &Arguments) -> anyhow::Result<Registered> {
    let config = &session.config;
    let place = Address::of_registry(config)?;
    let Some(tracking_place) = Address::of_tracking(config)? else {
        return Err(usage(anyhow!(
            "mlflow.tracking_uri: none: a registered version is a model that is logged there"
        )));
    };
    let path = arguments.bundle.clone().unwrap_or_else(|| config.bundle_path());
    let bytes = input::read_bundle(&path)
        .with_context(|| format!("{}: `nextbest export` writes it", path.display()))?;
    let file = || path.display().to_string();
    let demands = Demands::new(&config.trust, None)?;
    demands.check_signature(&bytes).with_context(file)?;
    let bundle = Bundle::decode(&bytes).with_context(file)?;
    demands.check_validity(&bundle).with_context(file)?;
    let hash = content_hash(&bytes);
    let module = find_module(arguments.module.as_deref())?;
    let run = mlflow::run_of(&session.config, &tracking_place, &hash)?;
    // What would stop the last step is better noticed before the first.
    let registry = place.registry(&session.progress)?;
    let name = &config.mlflow.registered_model_name;
    registry.ensure_model(name, &config.deployment.model_description)?;

    session.progress.step(format!("logging the model to {tracking_place}"));
    let tracking = tracking_place.tracking(&session.progress)?;
    let experiment = tracking.experiment(&config.mlflow.experiment_name)?;
    let model = tracking.begin_model(&experiment, MODEL, run.as_ref())?;
    let log_files = || -> anyhow::Result<Vec<ModelFile>> {
        let identity = Identity {
            model_id: Some(&model.id),
            run_id: run.as_ref().map(|run| run.id.as_str()),
            created: Some(&clock::in_words()),
        };
        let files = model_files(&bytes, &module, identity)?;
        files.iter().try_for_each(|file| tracking.log_model_file(&model, &file.path, &file.bytes))?;
        Ok(files)
    };
    let files = match log_files() {
        Ok(files) => files,
        Err(error) => {
            // As well as it can be done where the server is what failed.
            let _ = tracking.end_model(&model, None, false);
            return Err(error);
        }
    };
    tracking.end_model(&model, run.as_ref(), true)?;

    session.progress.step(format!("registering it in {place}"));
    let version = registry.create_version(&NewVersion {
        name,
        model: &model,
        run: run.as_ref().map(|run| run.id.as_str()),
        description: &arguments.description.clone().unwrap_or_else(|| description(&bundle)),
        tags: &tags(session, &bundle, &bytes, &hash),
        files: &files,
    })?;
    Ok(Registered {
        name: name.clone(),
        version,
        model_id: model.id,
        run_id: run.map(|run| run.id),
        content_hash: hash,
        registry: place.to_string(),
    })
}

/// What a reviewer sees of a version without opening its bundle.
fn tags(session: &Session, bundle: &Bundle, bytes: &[u8], hash: &str) -> Vec<(String, String)> {
    let card = &bundle.card;
    let mut tags = vec![
        (HASH_TAG.to_owned(), hash.to_owned()),
        ("algorithm".into(), card.algorithm.clone()),
        ("training_data".into(), card.training_data.clone()),
        ("model_number".into(), bundle.validity.number.to_string()),
    ];
    tags.extend(card.training_cutoffs.last().map(|last| ("trained_until".into(), last.clone())));
    tags.extend(self_signed(bytes).map(|(key, _)| ("signed_by".into(), key)));
    // The others are those of its run.
    for metric in card.test_metrics.iter().filter(|metric| TAGGED.contains(&metric.name.as_str())) {
        tags.push((format!("test_{}", metric.name), metric.value.to_string()));
    }
    tags.extend(session.config.deployment.tags.clone());
    tags
}

fn description(bundle: &Bundle) -> String {
    let card = &bundle.card;
    let metric = |name: &str, shown: &str| {
        let found = card.test_metrics.iter().find(|metric| metric.name == name)?;
        Some(match found.interval {
            Some((low, high)) => format!("{shown} {:.4} [{low:.4}, {high:.4}]", found.value),
            None => format!("{shown} {:.4}", found.value),
        })
    };
    let metrics: Vec<String> =
        [metric("log_loss", "log-loss"), metric("roc_auc_ovr", "AUC")].into_iter().flatten().collect();
    let tested = if metrics.is_empty() { "not evaluated".to_owned() } else { metrics.join(", ") };
    let mut text =
        format!("{}: {} on {} rows; test: {tested}", card.name, card.algorithm, card.training_rows);
    if !card.intended_use.is_empty() {
        text += &format!("\n\n{}", card.intended_use);
    }
    text
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, registry, .. } = self;
        writeln!(f, "registered {name} version {version} in {registry} (models:/{name}/{version})")?;
        if self.run_id.is_none() {
            writeln!(f, "it belongs to no run: the training that made it was not logged from here")?;
        }
        writeln!(f, "next: nextbest promote staging")
    }
}

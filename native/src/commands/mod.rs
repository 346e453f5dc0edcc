//! The commands, one a file.

pub(crate) mod as_of;
mod catalogue;
mod context;
pub(crate) mod doctor;
pub(crate) mod eda;
pub(crate) mod evaluate;
mod explain;
pub(crate) mod export;
pub(crate) mod export_pyfunc;
pub(crate) mod features;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod keygen;
pub(crate) mod monitor;
pub(crate) mod policy_eval;
pub(crate) mod registry;
pub(crate) mod retrain;
pub(crate) mod run;
pub(crate) mod score;
mod score_customers;
mod score_table;
pub(crate) mod sketch;
pub(crate) mod train;
pub(crate) mod train_table;

pub(crate) use context::Context;

use std::path::Path;

use anyhow::{Context as _, bail};
use nextbest_core::bundle::Bundle;
use nextbest_core::bundle::card::Card;
use nextbest_core::features::Expression;
use nextbest_core::policy::PolicyDefinition;
use nextbest_core::schema::Task;
use nextbest_core::time::Clock;

use crate::config::Config;
use crate::io::output;
use crate::io::tables::TableQuality;

/// How a command ended that did its work.
pub(crate) enum Done {
    Quietly,
    /// Somebody should be told something.
    WithAlert,
}

/// The bytes of a bundle: of a file, or of a registered version (`models:/NAME@ALIAS`, `models:/NAME/VERSION`).
fn bundle_bytes(context: &Context, place: &Path) -> anyhow::Result<Vec<u8>> {
    match place.to_str().and_then(|text| text.strip_prefix("models:/")) {
        Some(version) => registry::download(context, version),
        None => {
            std::fs::read(place).with_context(|| format!("{}: `nextbest export` writes it", place.display()))
        }
    }
}

/// Reads a bundle file.
fn read_bundle(path: &Path, made_by: &str) -> anyhow::Result<(Vec<u8>, Bundle)> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{}: `nextbest {made_by}` writes it", path.display()))?;
    let bundle = Bundle::decode(&bytes).with_context(|| path.display().to_string())?;
    Ok((bytes, bundle))
}

/// Reads the model that `nextbest train` made of the feature table.
fn read_model(path: &Path) -> anyhow::Result<(Vec<u8>, Bundle)> {
    let (bytes, bundle) = read_bundle(path, "train")?;
    if let Task::Label { .. } = bundle.schema.task() {
        bail!(
            "{}: is a model of a plain table, which `nextbest train --table` has measured (evaluation.txt beside it) and \
             exported already (smaller: `train --table … --max-bytes`)",
            path.display()
        );
    }
    Ok((bytes, bundle))
}

/// Checks that the feature table is the one that a model was trained on.
fn check_training_data(config: &Config, card: &Card) -> anyhow::Result<()> {
    let path = config.feature_table().with_extension("parquet");
    if output::file_hash(&path)? != card.training_data {
        bail!(
            "{} is not the table that {} was trained on: run `nextbest train` again",
            path.display(),
            config.model_path().display()
        );
    }
    Ok(())
}

/// Refuses to answer where rows could not be read that a gate of the policy reads: an objection may be among them.
fn check_ruled_rows(quality: &[TableQuality], policy: &PolicyDefinition) -> anyhow::Result<()> {
    let read = |table: &&TableQuality| {
        let measures = policy.gates.iter().filter_map(|gate| {
            policy.measures.get(usize::from(gate.condition.measure)).map(|measure| &measure.expression)
        });
        let mut tables = measures.filter_map(|expression| match expression {
            Expression::Events { table, .. } => Some(table),
            _ => None,
        });
        table.bad > 0 && tables.any(|name| *name == table.table)
    };
    match quality.iter().find(read) {
        None => Ok(()),
        Some(table) => bail!(
            "{}: {} rows can't be read, and the policy's gates read table `{}`: an objection may be among them. Mend them: here \
             --skip-bad-rows does not help",
            table.file.display(),
            table.bad,
            table.table
        ),
    }
}

/// A moment that somebody asks about.
fn as_of(clock: &Clock, text: &str) -> anyhow::Result<i64> {
    clock.as_of(text).with_context(|| format!("as of: expected a date such as 2026-07-01, got {text:?}"))
}

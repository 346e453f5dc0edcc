//! The commands, one a file.

pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod features;
pub(crate) mod generate;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod score;
mod score_table;
pub(crate) mod train;
pub(crate) mod train_table;

use std::path::Path;

use anyhow::{Context as _, bail};
use nextbest_core::model::bundle::Bundle;
use nextbest_core::schema::Task;

/// Reads the model that `nextbest train` made of the feature table.
fn read_model(path: &Path) -> anyhow::Result<(Vec<u8>, Bundle)> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{}: `nextbest train` writes it", path.display()))?;
    let bundle = Bundle::decode(&bytes).with_context(|| path.display().to_string())?;
    if let Task::Label { .. } = bundle.schema.task() {
        bail!(
            "{}: is a model of a plain table, which `nextbest train --table` has measured (evaluation.txt beside it) and \
             exported already",
            path.display()
        );
    }
    Ok((bytes, bundle))
}

/// A number of bytes for people: `1.2 MB`.
fn human_bytes(bytes: usize) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

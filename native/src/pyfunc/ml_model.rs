//! The file `MLmodel`: how MLflow loads the model, and what goes in and comes out.

use std::fmt::Write as _;

use anyhow::Context as _;
use nextbest_core::recommend::Recommender;
use nextbest_core::schema::{Schema, Task};
use serde::Serialize;

use super::Identity;
use super::environment::{PYTHON, version_of};

/// A column of the signature, in MLflow's words.
#[derive(Serialize)]
struct SignatureColumn<'a> {
    r#type: &'static str,
    name: &'a str,
    required: bool,
}

/// The file's text.
pub(super) fn text(recommender: &Recommender, identity: Identity<'_>) -> anyhow::Result<String> {
    let mlflow = version_of("mlflow").context("the packages of the loader have no mlflow")?;
    let inputs = serde_json::to_string(&inputs(recommender))?;
    let outputs: Vec<_> =
        recommender.schema().class_names().into_iter().map(|name| column("double", name)).collect();
    let outputs = serde_json::to_string(&outputs)?;
    let mut text = format!(
        "flavors:
  python_function:
    code: code
    data: data
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: nextbest_pyfunc
    python_version: {}
metadata:
  nextbest_content_hash: {}
  nextbest_model_version: {}
mlflow_version: {}
signature:
  inputs: {}
  outputs: {}
  params: null
",
        quoted(PYTHON)?,
        quoted(recommender.content_hash())?,
        quoted(&recommender.model_version())?,
        quoted(mlflow)?,
        quoted(&inputs)?,
        quoted(&outputs)?
    );
    let own = [
        ("model_id", identity.model_id),
        ("model_uuid", identity.model_id),
        ("run_id", identity.run_id),
        ("utc_time_created", identity.created),
    ];
    for (name, value) in own {
        if let Some(value) = value {
            writeln!(text, "{name}: {}", quoted(value)?)?;
        }
    }
    Ok(text)
}

/// What a row has: the features, or the columns of a plain table. They are declared by their names alone: of
/// a column that is declared a double MLflow refuses the int64 that pandas and Spark make of whole numbers,
/// and of a text what pandas takes for a number. The loader looks at every value and refuses what can't be
/// one.
fn inputs(recommender: &Recommender) -> Vec<SignatureColumn<'_>> {
    let names: Vec<&str> = match recommender.schema().task() {
        Task::NextProduct => {
            recommender.bundle().features.iter().map(|feature| feature.name.as_str()).collect()
        }
        Task::Label { .. } => columns(recommender.schema()).collect(),
    };
    names.into_iter().map(|name| column("any", name)).collect()
}

fn columns(schema: &Schema) -> impl Iterator<Item = &str> {
    let columns = schema.customer().columns.iter().enumerate();
    let read = columns.filter(|(position, _)| schema.label() != Some(*position));
    read.map(|(_, column)| column.name.as_str())
}

fn column<'n>(r#type: &'static str, name: &'n str) -> SignatureColumn<'n> {
    SignatureColumn { r#type, name, required: true }
}

/// A text as YAML has it between quotation marks: as JSON does.
fn quoted(text: &str) -> anyhow::Result<String> {
    Ok(serde_json::to_string(text)?)
}

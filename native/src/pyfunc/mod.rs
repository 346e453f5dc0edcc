//! Stands in until the model's folder is here.
use std::path::Path;

/// Where the bundle is in a model.
pub(crate) const BUNDLE_PATH: &str = "data/model.bundle";

/// What a registry asks of a model: that it says what goes in and what comes out.
const MLMODEL: &str = "flavors:
  python_function:
    data: data
    loader_module: nextbest_model
signature:
  inputs: '[{\"type\": \"string\", \"name\": \"customer\", \"required\": true}]'
  outputs: '[{\"type\": \"double\", \"name\": \"probability\", \"required\": true}]'
";

/// A file of a model.
pub(crate) struct ModelFile {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn model_files(
    bundle: &[u8],
    _module: Option<&Path>,
    _model: Option<&str>,
    _run: Option<&str>,
) -> anyhow::Result<Vec<ModelFile>> {
    Ok(vec![
        ModelFile { path: "MLmodel".into(), bytes: MLMODEL.into() },
        ModelFile { path: BUNDLE_PATH.into(), bytes: bundle.to_vec() },
    ])
}

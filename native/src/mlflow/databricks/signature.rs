//! The signature that Unity Catalog requires of a model: the types of its inputs and outputs.

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::pyfunc::ModelFile;

/// The file of a model that says what it is.
const MLMODEL: &str = "MLmodel";

#[derive(Debug, Deserialize)]
struct Described {
    signature: Option<Signature>,
}

#[derive(Debug, Deserialize)]
struct Signature {
    inputs: Option<Value>,
    outputs: Option<Value>,
}

/// Makes sure that a model has a signature, before any of it is sent.
pub(super) fn check(files: &[ModelFile]) -> anyhow::Result<()> {
    let file = files.iter().find(|file| file.path == MLMODEL);
    let file = file.context("the model has no MLmodel: Unity Catalog takes MLflow's models only")?;
    let text = std::str::from_utf8(&file.bytes).context(MLMODEL)?;
    let described: Described = serde_saphyr::from_str(text).map_err(|error| anyhow!("{MLMODEL}: {error}"))?;
    let missing = match described.signature {
        Some(Signature { inputs: Some(_), outputs: Some(_) }) => return Ok(()),
        Some(Signature { inputs: None, outputs: Some(_) }) => "inputs in its signature",
        Some(Signature { outputs: None, .. }) => "outputs in its signature",
        None => "signature",
    };
    bail!("the model has no {missing}, and Unity Catalog takes none without: nothing was registered")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_without_a_signature_are_refused() {
        let of = |text: &str| check(&[ModelFile { path: MLMODEL.into(), bytes: text.into() }]);
        let whole = "flavors: {}\nsignature:\n  inputs: '[]'\n  outputs: '[{\"type\": \"string\"}]'\n  \
            params: null\n";
        of(whole).unwrap();
        for (text, message) in [
            ("flavors: {}\n", "no signature,"),
            ("signature: null\n", "no signature,"),
            ("signature:\n  inputs: '[]'\n  outputs: null\n", "no outputs in its signature"),
            ("signature:\n  outputs: '[]'\n", "no inputs in its signature"),
            ("signature: [\n", "MLmodel: "),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert!(check(&[]).unwrap_err().to_string().contains("no MLmodel"));
    }
}

//! A bundle as an MLflow model: the folder that `mlflow models serve` and `mlflow.pyfunc.spark_udf` score
//! with.
//!
//! It holds the bundle, the module that scores it anywhere (the crate `nextbest-host`) and a small loader in
//! Python.

mod environment;
mod ml_model;
mod module;

use nextbest_core::recommend::Recommender;

pub(crate) use module::find_module;

/// Where the bundle lies in the model's folder.
pub(crate) const BUNDLE_PATH: &str = "data/model.bundle";

const LOADER: &str = include_str!("nextbest_pyfunc.py");

/// A file of the model's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelFile {
    /// Where it lies in the folder, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// What an MLflow server calls the model, and when it was made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identity<'a> {
    /// The logged model's id, `m-…`.
    pub(crate) model_id: Option<&'a str>,
    pub(crate) run_id: Option<&'a str>,
    /// In UTC, such as `2026-07-01 12:30:59.000000`; left out where it is not given.
    pub(crate) created: Option<&'a str>,
}

/// The files of the model's folder. The same bundle, module and identity give the same bytes.
///
/// # Errors
/// If the bytes are not a sound bundle.
pub(crate) fn model_files(
    bundle: &[u8],
    module: &[u8],
    identity: Identity<'_>,
) -> anyhow::Result<Vec<ModelFile>> {
    let recommender = Recommender::load(bundle)?;
    let file = |path: &str, bytes: &[u8]| ModelFile { path: path.to_owned(), bytes: bytes.to_vec() };
    Ok(vec![
        file("MLmodel", ml_model::text(&recommender, identity)?.as_bytes()),
        file("conda.yaml", environment::conda().as_bytes()),
        file("python_env.yaml", environment::virtualenv().as_bytes()),
        file("requirements.txt", environment::REQUIREMENTS.as_bytes()),
        file("code/nextbest_pyfunc.py", LOADER.as_bytes()),
        file(BUNDLE_PATH, bundle),
        file("data/nextbest_host.wasm", module),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMERS: &[u8] = include_bytes!("../../../tests/fixtures/policy.bundle");
    const PLAIN: &[u8] = include_bytes!("../../../tests/fixtures/label.bundle");

    fn ml_model(bundle: &[u8], identity: Identity<'_>) -> String {
        let files = model_files(bundle, b"module", identity).unwrap();
        let found = files.iter().find(|file| file.path == "MLmodel").unwrap();
        String::from_utf8(found.bytes.clone()).unwrap()
    }

    #[test]
    fn features_are_any_and_the_classes_doubles() {
        let text = ml_model(CUSTOMERS, Identity::default());
        assert!(
            text.contains(r#"  inputs: "[{\"type\":\"any\",\"name\":\"age_years\",\"required\":true}"#),
            "{text}"
        );
        assert!(
            text.contains(r#"  outputs: "[{\"type\":\"double\",\"name\":\"NONE\",\"required\":true}"#),
            "{text}"
        );
        assert!(!text.contains("run_id") && !text.contains("utc_time_created"), "{text}");
    }

    #[test]
    fn a_plain_tables_inputs_are_its_own_columns() {
        let text = ml_model(PLAIN, Identity::default());
        for column in
            [r#"\"any\",\"name\":\"AGE\""#, r#"\"any\",\"name\":\"CITY\""#, r#"\"any\",\"name\":\"SEEN\""#]
        {
            assert!(text.contains(column), "{column}: {text}");
        }
        assert!(!text.contains("OUTCOME"), "{text}");
        assert!(text.contains(r#"outputs: "[{\"type\":\"double\",\"name\":\"broken\""#), "{text}");
    }

    #[test]
    fn the_same_bundle_and_identity_give_the_same_bytes() {
        let identity = Identity {
            model_id: Some("m-1"),
            run_id: Some("r\"1"),
            created: Some("2026-07-01 12:30:59.000000"),
        };
        let text = ml_model(CUSTOMERS, identity);
        assert_eq!(text, ml_model(CUSTOMERS, identity));
        for line in [
            "model_id: \"m-1\"\n",
            "run_id: \"r\\\"1\"\n",
            "utc_time_created: \"2026-07-01 12:30:59.000000\"\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn what_is_no_bundle_is_no_model() {
        let error = model_files(b"no bundle", b"module", Identity::default()).unwrap_err();
        assert!(error.to_string().contains("bundle"), "{error}");
    }
}

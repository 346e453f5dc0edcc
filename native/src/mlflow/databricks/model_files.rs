//! The files of a registered version: Unity Catalog keeps its own, and whoever registers a version sends
//! them.

use anyhow::bail;
use serde_json::{Value, json};

use super::file_call;
use super::signed::Signed;
use super::unity_catalog::API;
use crate::mlflow::environment::variable;
use crate::mlflow::http::Client;

/// MLflow's own variable: whether the Files API has the models' files, whatever the workspace says.
const FILES_API: &str = "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC";

/// The files of a version.
pub(super) struct ModelFiles<'c> {
    client: &'c Client<'c>,
    folder: String,
    transport: Transport,
}

/// How the files are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    FilesApi,
    /// At addresses that the Files API signs.
    Signed,
}

/// What is to be done with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl<'c> ModelFiles<'c> {
    /// Asks the workspace how the files of a version are reached.
    ///
    /// # Errors
    /// If they are reached by none of the ways that are known here.
    pub(super) fn open(
        client: &'c Client<'c>,
        name: &str,
        version: u64,
        access: Access,
    ) -> anyhow::Result<Self> {
        let folder = format!("/Models/{}/{version}", name.replace('.', "/"));
        if has_files_api(client) {
            return Ok(Self { client, folder, transport: Transport::FilesApi });
        }
        let body = json!({"name": name, "version": version.to_string(), "operation": access.operation()});
        let given = client.post(&format!("{API}/model-versions/generate-temporary-credentials"), &body)?;
        // The rest of it is a cloud's keys: it is not shown.
        match given.pointer("/credentials/storage_mode").and_then(|mode| mode.as_str()) {
            Some("DEFAULT_STORAGE") => Ok(Self { client, folder, transport: Transport::Signed }),
            mode => bail!(
                "{name} version {version}: its files are in a storage of the mode {}, which takes a cloud's \
                 own keys; here \
                 they go through the workspace. Where its Files API has models, {FILES_API}=true says so",
                mode.unwrap_or("CUSTOMER_HOSTED")
            ),
        }
    }

    /// Writes one.
    pub(super) fn put(&self, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = format!("{}/{path}", self.folder);
        match self.transport {
            Transport::FilesApi => {
                Ok(self.client.put(&format!("{}?overwrite=true", file_call(&path)), bytes)?)
            }
            Transport::Signed => self.sign("upload", &path)?.put(self.client, bytes),
        }
    }

    /// Reads one.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let path = format!("{}/{path}", self.folder);
        match self.transport {
            Transport::FilesApi => Ok(self.client.download(&file_call(&path))?),
            Transport::Signed => self.sign("download", &path)?.get(self.client),
        }
    }

    fn sign(&self, direction: &str, path: &str) -> anyhow::Result<Signed> {
        let call = format!("/api/2.0/fs/create-{direction}-url");
        Signed::of_file(&self.client.post(&call, &json!({"path": path}))?)
    }
}

impl Access {
    fn operation(self) -> &'static str {
        match self {
            Self::Read => "MODEL_VERSION_OPERATION_READ",
            Self::Write => "MODEL_VERSION_OPERATION_READ_WRITE",
        }
    }
}

/// Whether the Files API has models' files. A workspace that does not know this question has an older way.
fn has_files_api(client: &Client<'_>) -> bool {
    const QUESTION: &str = "is-databricks-sdk-models-artifact-repository-enabled";
    if let Some(said) = variable(FILES_API) {
        return said == "1" || said.eq_ignore_ascii_case("true");
    }
    let answer = client.get(&format!("{API}/registered-models:{QUESTION}"), &[]);
    answer.is_ok_and(|answer| answer.get(QUESTION.replace('-', "_")).and_then(Value::as_bool) == Some(true))
}

//! Files of runs and logged models in a workspace: its Files API takes them or, where it won't, the storage
//! behind it at addresses that the workspace signs. MLflow's own client tries both in this order.

use std::cell::Cell;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::file_call;
use super::signed::Signed;
use crate::mlflow::http::{Client, ServerError};

/// What the addresses of files begin with that belong to runs and logged models.
const TRACKED: &str = "databricks/mlflow-tracking/";
/// Where the Files API has them.
const TRACKED_FILES: &str = "/WorkspaceInternal/Mlflow/Artifacts";
/// What the addresses of files in a volume begin with.
const VOLUMES: &str = "Volumes/";

/// How files come into a workspace.
#[derive(Debug, Default)]
pub(crate) struct Artifacts {
    /// The Files API would not take one: it is not sent the next ones in vain.
    has_refused: Cell<bool>,
}

/// A file of a workspace.
#[derive(Debug, PartialEq, Eq)]
struct File {
    /// Its path for the Files API.
    path: String,
    /// Who signs an address for it, if anybody.
    owner: Option<Owner>,
}

#[derive(Debug, PartialEq, Eq)]
enum Owner {
    /// Of a run, at this path among its files.
    Run { id: String, path: String },
    /// Of a logged model.
    Model { id: String, path: String },
}

impl Artifacts {
    /// Writes a file under the address of a run's or model's files.
    ///
    /// # Errors
    /// If neither way is open.
    pub(crate) fn put(
        &self,
        client: &Client<'_>,
        artifact_uri: &str,
        path: &str,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let file = File::of(artifact_uri, path)?;
        let by_files_api = || client.put(&format!("{}?overwrite=true", file_call(&file.path)), bytes);
        let Some(owner) = &file.owner else { return Ok(by_files_api()?) };
        let refusal = match self.has_refused.get() {
            true => None,
            false => match by_files_api() {
                Err(error) if is_worth_another_way(&error) => Some(error),
                done => return Ok(done?),
            },
        };
        self.has_refused.set(true);
        owner.sign(client).and_then(|signed| signed.put(client, bytes)).with_context(|| match refusal {
            Some(refusal) => format!("{path}: neither the Files API ({refusal}) nor the storage behind it"),
            None => format!("{path}: at a signed address"),
        })
    }
}

impl File {
    fn of(artifact_uri: &str, path: &str) -> anyhow::Result<Self> {
        let place = artifact_uri.strip_prefix("dbfs:").map(|place| place.trim_matches('/'));
        if let Some(tracked) = place.and_then(|place| place.strip_prefix(TRACKED)) {
            let parts: Vec<&str> = tracked.split('/').collect();
            match *parts.as_slice() {
                [experiment, "logged_models", id, "artifacts"] => {
                    return Ok(Self {
                        path: format!("{TRACKED_FILES}/{experiment}/LoggedModels/{id}/artifacts/{path}"),
                        owner: Some(Owner::Model { id: id.to_owned(), path: path.to_owned() }),
                    });
                }
                [experiment, id, "artifacts"] => {
                    return Ok(Self {
                        path: format!("{TRACKED_FILES}/{experiment}/Runs/{id}/artifacts/{path}"),
                        owner: Some(Owner::Run { id: id.to_owned(), path: path.to_owned() }),
                    });
                }
                _ => {}
            }
        }
        match place {
            Some(volume) if volume.starts_with(VOLUMES) => {
                Ok(Self { path: format!("/{volume}/{path}"), owner: None })
            }
            _ => bail!(
                "files go to {artifact_uri}, which a workspace opens neither by its Files API nor by signed \
                 addresses: use \
                 an experiment without an artifact location of its own, or with one in a volume (config: \
                 mlflow.experiment_name)"
            ),
        }
    }
}

impl Owner {
    /// An address to which its file can be written.
    fn sign(&self, client: &Client<'_>) -> anyhow::Result<Signed> {
        let answer = match self {
            Self::Run { id, path } => {
                let body = json!({"run_id": id, "path": [path]});
                client.post("/api/2.0/mlflow/artifacts/credentials-for-write", &body)?
            }
            Self::Model { id, path } => {
                let call = format!("/api/2.0/mlflow/logged-models/{id}/artifacts/credentials-for-upload");
                client.post(&call, &json!({"paths": [path]}))?
            }
        };
        let found = match self {
            Self::Run { .. } => answer.pointer("/credential_infos/0"),
            Self::Model { .. } => answer.pointer("/credentials/0/credential_info"),
        };
        Signed::of_credential(found.context("the workspace signed no address for it")?)
    }
}

/// Whether someone else may take what the Files API did not: unless nobody was let in, or nobody was there.
fn is_worth_another_way(error: &ServerError) -> bool {
    error.status().is_some_and(|status| status != 401)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_are_paths_of_the_files_api() {
        let file = File::of("dbfs:/databricks/mlflow-tracking/12/ab/artifacts", "reports/a b.html").unwrap();
        assert_eq!(file.path, "/WorkspaceInternal/Mlflow/Artifacts/12/Runs/ab/artifacts/reports/a b.html");
        assert_eq!(file.owner, Some(Owner::Run { id: "ab".into(), path: "reports/a b.html".into() }));
        let call =
            "/api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/12/Runs/ab/artifacts/reports/a%20b.html";
        assert_eq!(file_call(&file.path), call);

        let model = "dbfs:/databricks/mlflow-tracking/12/logged_models/m-1/artifacts";
        let file = File::of(model, "MLmodel").unwrap();
        assert_eq!(file.path, "/WorkspaceInternal/Mlflow/Artifacts/12/LoggedModels/m-1/artifacts/MLmodel");
        assert_eq!(file.owner, Some(Owner::Model { id: "m-1".into(), path: "MLmodel".into() }));

        let file = File::of("dbfs:/Volumes/main/bank/files/12/ab/artifacts", "a").unwrap();
        assert_eq!(file, File { path: "/Volumes/main/bank/files/12/ab/artifacts/a".into(), owner: None });
        for uri in [
            "s3://bucket/12",
            "dbfs:/other/12",
            "mlflow-artifacts:/12",
            "dbfs:/databricks/mlflow-tracking/12",
        ] {
            let error = File::of(uri, "a").unwrap_err().to_string();
            assert!(error.contains(uri), "{error}");
        }
    }
}

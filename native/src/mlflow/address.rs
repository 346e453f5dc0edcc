//! Where MLflow is: what the config, MLflow's own environment variables and the mode say.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::databricks::{self, UnityCatalog};
use super::environment::variable;
use super::file_store::FileStore;
use super::http::Client;
use super::registry::Registry;
use super::server::Server;
use super::tracking::Tracking;
use crate::app::Progress;
use crate::app::usage;
use crate::config::{Config, Mode};

const TRACKING_VARIABLE: &str = "MLFLOW_TRACKING_URI";
const REGISTRY_VARIABLE: &str = "MLFLOW_REGISTRY_URI";
const DATABRICKS: &str = "databricks";
const UNITY_CATALOG: &str = "databricks-uc";

/// Where MLflow is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A folder in MLflow's layout.
    Folder(PathBuf),
    /// A server, by the beginning of its addresses.
    Server(String),
    /// A Databricks workspace, which the environment names.
    Databricks,
    /// The Unity Catalog of a Databricks workspace: a registry only.
    UnityCatalog,
}

impl Address {
    /// Where runs are tracked; `None` where they are not.
    ///
    /// # Errors
    /// If what is given is no such address (exit code 2).
    pub(crate) fn of_tracking(config: &Config) -> anyhow::Result<Option<Self>> {
        let given = config.mlflow.tracking_uri.clone().or_else(|| variable(TRACKING_VARIABLE));
        let uri = given.unwrap_or_else(|| match config.environment.mode {
            Mode::Local => "mlruns".into(),
            Mode::Databricks => DATABRICKS.into(),
        });
        if uri == "none" {
            return Ok(None);
        }
        match Self::parse(&uri).map_err(|error| usage(error.context("mlflow.tracking_uri")))? {
            Self::UnityCatalog => Err(usage(anyhow::anyhow!(
                "mlflow.tracking_uri: {UNITY_CATALOG} is a registry; use {DATABRICKS}"
            ))),
            Self::Databricks if !config.mlflow.experiment_name.starts_with('/') => {
                Err(usage(anyhow::anyhow!(
                    "mlflow.experiment_name: expected a workspace path such as /Shared/{0}, got {0:?}",
                    config.mlflow.experiment_name
                )))
            }
            address => Ok(Some(address)),
        }
    }

    /// Where models are registered.
    ///
    /// # Errors
    /// If the address is missing or malformed (exit code 2).
    pub(crate) fn of_registry(config: &Config) -> anyhow::Result<Self> {
        let given = config.mlflow.registry_uri.clone().or_else(|| variable(REGISTRY_VARIABLE));
        let address = match given {
            Some(uri) => Self::parse(&uri).map_err(|error| usage(error.context("mlflow.registry_uri")))?,
            None => Self::of_tracking(config)?.context(
                "mlflow: neither registry_uri nor a tracking_uri is given, so there is no place for models",
            )?,
        };
        let address = if address == Self::Databricks { Self::UnityCatalog } else { address };
        let name = &config.mlflow.registered_model_name;
        if address == Self::UnityCatalog && name.split('.').filter(|part| !part.is_empty()).count() != 3 {
            return Err(usage(anyhow::anyhow!(
                "mlflow.registered_model_name: Unity Catalog has models by catalog.schema.model, got {name:?}"
            )));
        }
        Ok(address)
    }

    /// Reads an address as MLflow writes it.
    ///
    /// # Errors
    /// If it is not an address.
    pub(crate) fn parse(uri: &str) -> anyhow::Result<Self> {
        // A scheme has no slash in it: `/srv/a:b` is a folder.
        let scheme = uri.split_once(':').filter(|(scheme, _)| !scheme.contains('/'));
        let (scheme, rest) = scheme.unwrap_or(("", uri));
        match (uri, scheme) {
            (DATABRICKS, _) => Ok(Self::Databricks),
            (UNITY_CATALOG, _) => Ok(Self::UnityCatalog),
            ("", _) => bail!("is empty"),
            (_, "http" | "https") => {
                let authority = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
                if authority.contains('@') {
                    // What is written down of a run must not hold a password.
                    bail!(
                        "has a user in it: give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or \
                         MLFLOW_TRACKING_TOKEN, in the environment"
                    );
                }
                Ok(Self::Server(uri.trim_end_matches('/').to_owned()))
            }
            (_, "file") => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                Ok(Self::Folder(absolute(Path::new(path.strip_prefix("localhost").unwrap_or(path)))?))
            }
            (_, "") => Ok(Self::Folder(absolute(Path::new(uri))?)),
            _ => bail!(
                "expected a folder, http(s)://…, {DATABRICKS}, {UNITY_CATALOG} or none, got {uri:?} (a \
                 database is \
                 reached through a server: mlflow server --backend-store-uri {uri})"
            ),
        }
    }

    /// What tracks runs here.
    ///
    /// # Errors
    /// If the environment does not say how to reach it.
    pub(crate) fn tracking<'p>(&self, progress: &'p Progress) -> anyhow::Result<Box<dyn Tracking + 'p>> {
        Ok(match self {
            Self::Folder(folder) => Box::new(FileStore::new(folder)),
            Self::Server(base) => Box::new(Server::new(Client::of_server(base, progress)?)),
            Self::Databricks => Box::new(Server::in_workspace(databricks::client(progress)?)),
            Self::UnityCatalog => bail!("{UNITY_CATALOG} is a registry: runs are tracked in {DATABRICKS}"),
        })
    }

    /// What registers models here.
    ///
    /// # Errors
    /// As [`Address::tracking`].
    pub(crate) fn registry<'p>(&self, progress: &'p Progress) -> anyhow::Result<Box<dyn Registry + 'p>> {
        Ok(match self {
            Self::Folder(folder) => Box::new(FileStore::new(folder)),
            Self::Server(base) => Box::new(Server::new(Client::of_server(base, progress)?)),
            // The older registry of a workspace has no aliases: Databricks says to use this one.
            Self::Databricks | Self::UnityCatalog => {
                Box::new(UnityCatalog::new(databricks::client(progress)?))
            }
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Server(base) => f.write_str(base),
            Self::Databricks => f.write_str(DATABRICKS),
            Self::UnityCatalog => f.write_str(UNITY_CATALOG),
        }
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    // Without `./` and the like, which would stand in every artefact's address.
    let path = std::path::absolute(path).with_context(|| path.display().to_string())?;
    Ok(path.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_mlflow() {
        let here = std::env::current_dir().unwrap();
        for (uri, address) in [
            ("databricks", Address::Databricks),
            ("databricks-uc", Address::UnityCatalog),
            ("http://127.0.0.1:5000/", Address::Server("http://127.0.0.1:5000".into())),
            ("./mlruns", Address::Folder(here.join("mlruns"))),
            ("file:mlruns", Address::Folder(here.join("mlruns"))),
            ("file:///srv/mlruns", Address::Folder("/srv/mlruns".into())),
            ("/srv/mlruns", Address::Folder("/srv/mlruns".into())),
            ("/srv/a:b/mlruns", Address::Folder("/srv/a:b/mlruns".into())),
            ("./a:b", Address::Folder(here.join("a:b"))),
        ] {
            assert_eq!(Address::parse(uri).unwrap(), address, "{uri}");
        }
        for (uri, message) in [
            ("sqlite:///mlflow.db", "mlflow server --backend-store-uri sqlite:///mlflow.db"),
            ("https://ann:secret@mlflow.bank", "MLFLOW_TRACKING_USERNAME"),
            ("", "is empty"),
        ] {
            let error = Address::parse(uri).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn databricks_wants_workspace_paths_and_names_of_three_parts() {
        let config = Config::parse("mlflow: {tracking_uri: databricks}").unwrap();
        let error = Address::of_tracking(&config).unwrap_err().to_string();
        assert!(error.contains("/Shared/next_best_product"), "{error}");
        let error = Address::of_registry(
            &Config::parse("mlflow: {tracking_uri: databricks, experiment_name: /Shared/bank}").unwrap(),
        );
        let error = error.unwrap_err().to_string();
        assert!(error.contains("catalog.schema.model"), "{error}");
        let sound =
            "mlflow: {tracking_uri: databricks, experiment_name: /Shared/bank, registered_model_name: a.b.c}";
        assert_eq!(Address::of_registry(&Config::parse(sound).unwrap()).unwrap(), Address::UnityCatalog);
        let none = Address::of_registry(&Config::parse("mlflow: {tracking_uri: none}").unwrap());
        assert!(none.unwrap_err().to_string().contains("no place for models"));
    }
}

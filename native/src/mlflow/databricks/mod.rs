//! A Databricks workspace: MLflow's calls at its address, files by ways of its own ([`artifacts`]), and
//! models in its Unity Catalog ([`unity_catalog`]). Made after MLflow 3.17's own client; no workspace has
//! answered it yet.

mod artifacts;
mod model_files;
mod signature;
mod signed;
mod unity_catalog;

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub(super) use artifacts::Artifacts;
pub(super) use unity_catalog::UnityCatalog;

use super::environment::variable;
use super::http::{Client, encoded_path};
use super::wire::word;
use crate::app::Progress;
use crate::app::usage;

const HOST: &str = "DATABRICKS_HOST";
const TOKEN: &str = "DATABRICKS_TOKEN";
const CLIENT_ID: &str = "DATABRICKS_CLIENT_ID";
const CLIENT_SECRET: &str = "DATABRICKS_CLIENT_SECRET";
/// Where a workspace gives a token to an application. It is good for an hour, which no command takes with it.
const TOKENS: &str = "/oidc/v1/token";

/// Who asks. Never written down or shown.
enum Credentials {
    Token(String),
    /// An application's name and secret (OAuth, machine to machine).
    Application(String, String),
}

/// What talks to the workspace that the environment names.
///
/// # Errors
/// If the environment names none, or nobody who asks (exit code 2); where an application gets no token.
pub(super) fn client(progress: &Progress) -> anyhow::Result<Client<'_>> {
    let base = base(variable(HOST)).map_err(usage)?;
    let token = match credentials(variable).map_err(usage)? {
        Credentials::Token(token) => token,
        Credentials::Application(id, secret) => {
            let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
            let given = Client::new(&base, Some(basic), progress)?
                .post_form(TOKENS, "grant_type=client_credentials&scope=all-apis")
                .with_context(|| format!("no token for the application that {CLIENT_ID} names"))?;
            let token = word(&given, "access_token");
            token.with_context(|| format!("{base}{TOKENS}: expected an access_token, got none"))?.to_owned()
        }
    };
    Client::new(&base, Some(format!("Bearer {token}")), progress)
}

/// The beginning of a workspace's addresses.
fn base(host: Option<String>) -> anyhow::Result<String> {
    let host = host.with_context(|| {
        format!("{HOST} is not set: the workspace's address, such as https://bank.cloud.databricks.com")
    })?;
    let (scheme, rest) = host.split_once("://").unwrap_or(("https", &host));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme {
        // The address could hold a password: it is not shown.
        _ if authority.contains('@') => Err(anyhow!("{HOST} has a user in it: {TOKEN} says who asks")),
        "http" | "https" if !authority.is_empty() => Ok(format!("{scheme}://{authority}")),
        _ => Err(anyhow!(
            "{HOST}: expected an address such as https://bank.cloud.databricks.com, got {host:?}"
        )),
    }
}

fn credentials(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Credentials> {
    match (variable(TOKEN), variable(CLIENT_ID), variable(CLIENT_SECRET)) {
        (Some(token), ..) => Ok(Credentials::Token(token)),
        (None, Some(id), Some(secret)) => Ok(Credentials::Application(id, secret)),
        (None, Some(_), None) => Err(anyhow!("{CLIENT_ID} is set, {CLIENT_SECRET} is not")),
        (None, None, _) => Err(anyhow!(
            "{TOKEN} is not set: a personal access token; or, for an application, {CLIENT_ID} and \
             {CLIENT_SECRET}"
        )),
    }
}

/// The call for a file of the workspace (Files API), by its absolute path there.
fn file_call(path: &str) -> String {
    format!("/api/2.0/fs/files{}", encoded_path(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_named_with_or_without_a_scheme() {
        for (host, expected) in [
            ("https://bank.cloud.databricks.com", "https://bank.cloud.databricks.com"),
            ("bank.cloud.databricks.com/", "https://bank.cloud.databricks.com"),
            ("https://adb-12.3.azuredatabricks.net/?o=12", "https://adb-12.3.azuredatabricks.net"),
            ("http://127.0.0.1:5010", "http://127.0.0.1:5010"),
        ] {
            assert_eq!(base(Some(host.into())).unwrap(), expected);
        }
        for (host, message) in [
            (None, "DATABRICKS_HOST is not set"),
            (Some("ftp://bank"), "expected an address"),
            (Some("https://"), "expected an address"),
            (Some("https://ann:secret@bank"), "has a user in it"),
        ] {
            let error = base(host.map(str::to_owned)).unwrap_err().to_string();
            assert!(error.contains(message) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_token_or_an_application_asks() {
        let of = |set: &'static [&str]| {
            credentials(move |name| set.contains(&name).then(|| format!("{name}'s secret")))
        };
        assert!(matches!(of(&[TOKEN, CLIENT_ID, CLIENT_SECRET]), Ok(Credentials::Token(_))));
        assert!(matches!(of(&[CLIENT_ID, CLIENT_SECRET]), Ok(Credentials::Application(..))));
        for (set, message) in [
            (&[][..], "DATABRICKS_TOKEN is not set"),
            (&[CLIENT_SECRET][..], "DATABRICKS_TOKEN is not set"),
            (&[CLIENT_ID][..], "DATABRICKS_CLIENT_SECRET is not"),
        ] {
            let error = of(set).err().unwrap().to_string();
            assert!(error.contains(message) && !error.contains("'s secret"), "{error}");
        }
    }
}

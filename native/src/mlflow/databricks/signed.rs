//! Addresses that are a permission in themselves: of files in a cloud's storage, signed by a workspace for a
//! while.

use anyhow::{Context as _, bail};
use serde_json::Value;
use ureq::http::Method;

use crate::mlflow::http::Client;
use crate::mlflow::wire::{list, word};

/// A signed address. It is a secret.
pub(super) struct Signed {
    url: String,
    headers: Vec<(String, String)>,
    storage: Storage,
}

/// How a storage takes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Storage {
    /// As it is: Amazon's, Google's, and all that a workspace hides.
    Plain,
    /// As a blob of Azure's.
    AzureBlob,
    /// As a file of Azure's data lake: made, filled, and closed.
    AzureLake,
}

impl Signed {
    /// Reads an address as MLflow's calls give it (`ArtifactCredentialInfo`).
    pub(super) fn of_credential(credential: &Value) -> anyhow::Result<Self> {
        let storage = match word(credential, "type").unwrap_or_default() {
            "AWS_PRESIGNED_URL" | "GCP_SIGNED_URL" => Storage::Plain,
            "AZURE_SAS_URI" => Storage::AzureBlob,
            "AZURE_ADLS_GEN2_SAS_URI" => Storage::AzureLake,
            other => bail!("the workspace signed an address of a kind that is not known here: {other:?}"),
        };
        Self::of(credential, "signed_uri", storage)
    }

    /// Reads an address as the Files API gives it.
    pub(super) fn of_file(answer: &Value) -> anyhow::Result<Self> {
        Self::of(answer, "url", Storage::Plain)
    }

    fn of(answer: &Value, field: &str, storage: Storage) -> anyhow::Result<Self> {
        let is_address = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
        // What it is instead is not shown: it may be a secret all the same.
        let url = word(answer, field)
            .filter(is_address)
            .context("the workspace signed something that is no address")?;
        let headers = list(answer, "/headers").iter();
        let header =
            |header: &Value| Some((word(header, "name")?.to_owned(), word(header, "value")?.to_owned()));
        Ok(Self { url: url.to_owned(), headers: headers.filter_map(header).collect(), storage })
    }

    /// Writes the file.
    pub(super) fn put(&self, client: &Client<'_>, bytes: &[u8]) -> anyhow::Result<()> {
        let mut headers = self.headers.clone();
        match self.storage {
            Storage::Plain => {
                client.signed(Method::PUT, &self.url, &headers, bytes)?;
            }
            Storage::AzureBlob => {
                if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-ms-blob-type")) {
                    headers.push(("x-ms-blob-type".into(), "BlockBlob".into()));
                }
                client.signed(Method::PUT, &self.url, &headers, bytes)?;
            }
            Storage::AzureLake => {
                client.signed(Method::PUT, &self.asked("resource=file"), &headers, &[])?;
                // Nothing can't be appended.
                if !bytes.is_empty() {
                    client.signed(Method::PATCH, &self.asked("action=append&position=0"), &headers, bytes)?;
                }
                let close = format!("action=flush&position={}", bytes.len());
                client.signed(Method::PATCH, &self.asked(&close), &headers, &[])?;
            }
        }
        Ok(())
    }

    /// Reads the file.
    pub(super) fn get(&self, client: &Client<'_>) -> anyhow::Result<Vec<u8>> {
        Ok(client.signed(Method::GET, &self.url, &self.headers, &[])?)
    }

    /// The address, with more behind its `?`.
    fn asked(&self, more: &str) -> String {
        format!("{}{}{more}", self.url, if self.url.contains('?') { '&' } else { '?' })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_read_and_never_shown() {
        let credential = json!({
            "signed_uri": "https://bank.dfs.core.windows.net/a?sig=secret",
            "headers": [{"name": "x-ms-version", "value": "2021-08-06"}],
            "type": "AZURE_ADLS_GEN2_SAS_URI",
        });
        let signed = Signed::of_credential(&credential).unwrap();
        assert_eq!(signed.storage, Storage::AzureLake);
        assert_eq!(signed.headers, [("x-ms-version".to_owned(), "2021-08-06".to_owned())]);
        let asked = signed.asked("resource=file");
        assert_eq!(asked, "https://bank.dfs.core.windows.net/a?sig=secret&resource=file");
        for (answer, message) in [
            (json!({"signed_uri": "https://a?sig=secret", "type": "MOON"}), "\"MOON\""),
            (json!({"signed_uri": "a?sig=secret", "type": "GCP_SIGNED_URL"}), "no address"),
        ] {
            let error = Signed::of_credential(&answer).err().unwrap().to_string();
            assert!(error.contains(message) && !error.contains("secret"), "{error}");
        }
    }
}

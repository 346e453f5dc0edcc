//! The registry of a server.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Server;
use crate::mlflow::http::ServerError;
use crate::mlflow::registry::{NewVersion, Registry, Version};
use crate::mlflow::wire::{LONGEST_TAG, list, pairs, text, version_of, whole, word};

/// So many versions are asked for at once.
const PAGE: &str = "200";

impl Registry for Server<'_> {
    fn ensure_model(&self, name: &str, description: &str) -> anyhow::Result<()> {
        let body = json!({"name": name, "description": description});
        match self.post("registered-models/create", &body) {
            Err(error) if error.is("RESOURCE_ALREADY_EXISTS") => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    fn create_version(&self, version: &NewVersion<'_>) -> anyhow::Result<u64> {
        let body = json!({
            "name": version.name,
            "source": format!("models:/{}", version.model.id),
            "model_id": version.model.id,
            "run_id": version.run,
            "description": version.description,
            "tags": pairs(version.tags, LONGEST_TAG),
        });
        let created = self.post("model-versions/create", &body)?;
        whole(created.pointer("/model_version/version"))
            .with_context(|| format!("expected a version in MLflow's answer, got {created}"))
    }

    fn versions(&self, name: &str) -> anyhow::Result<Vec<Version>> {
        let model = match self.get("registered-models/get", &[("name", name)]) {
            Err(error) if is_unknown(&error) => return Ok(Vec::new()),
            model => model?,
        };
        let mut aliases: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for alias in list(&model, "/registered_model/aliases") {
            if let (Some(name), Some(version)) = (word(alias, "alias"), whole(alias.get("version"))) {
                aliases.entry(version).or_default().push(name.to_owned());
            }
        }
        let filter = format!("name='{}'", name.replace('\'', "\\'"));
        let (mut versions, mut token) = (Vec::new(), String::new());
        loop {
            let query = [("filter", filter.as_str()), ("max_results", PAGE), ("page_token", &token)];
            let asked = if token.is_empty() { query.get(..2).unwrap_or(&query) } else { &query };
            let page = self.get("model-versions/search", asked)?;
            for found in list(&page, "/model_versions") {
                let number =
                    whole(found.get("version")).context("MLflow lists a version without a number")?;
                versions.push(version_of(found, number, aliases.remove(&number).unwrap_or_default()));
            }
            match page.get("next_page_token").and_then(Value::as_str) {
                Some(next) if !next.is_empty() => token = next.to_owned(),
                _ => break,
            }
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.number));
        Ok(versions)
    }

    fn set_alias(&self, name: &str, alias: &str, version: u64) -> anyhow::Result<()> {
        let body = json!({"name": name, "alias": alias, "version": version.to_string()});
        self.post("registered-models/alias", &body)?;
        Ok(())
    }

    fn tag_version(&self, name: &str, version: u64, key: &str, value: &str) -> anyhow::Result<()> {
        let body = json!({"name": name, "version": version.to_string(), "key": key, "value": value});
        self.post("model-versions/set-tag", &body)?;
        Ok(())
    }

    fn download(&self, name: &str, version: u64, path: &str) -> anyhow::Result<Vec<u8>> {
        let query = [("name", name), ("version", &version.to_string())];
        let place = self.get("model-versions/get-download-uri", &query)?;
        self.get_file(&text(&place, "/artifact_uri")?, path)
    }
}

fn is_unknown(error: &ServerError) -> bool {
    error.is("RESOURCE_DOES_NOT_EXIST")
}
